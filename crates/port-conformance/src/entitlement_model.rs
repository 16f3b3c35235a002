//! Random sequences of everything that can happen to counters, against a model that adds up anew each time.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use ::entitlements::{
    Allowance, Change, EntitlementService, Extra, HoldFor, Kind, Percentage, Period, Quantity, Realm, Recorded,
    Refusal, ReservationId, ReserveError, ReserveFeature, SetOverride,
};
use ::idempotency::{Claim, Claimed, Fingerprint, RecordId};
use core_domain::{Clock as _, Environment, Tier, Timestamp, WorkspaceId};
use testkit::ManualClock;

use crate::Backend;
use crate::build::stored_pair;
use crate::entitlements::{change, quantity, rows, service};
use crate::prelude::*;
use crate::random::Random;

const FEATURES: [&str; 4] = ["posts", "api_calls", "team_members", "storage"];
const TIERS: [Tier; 3] = [Tier::Free, Tier::Pro, Tier::Enterprise];
const STEPS: usize = 350;

type Counter = (Environment, &'static str, Timestamp);

struct Hold {
    id: ReservationId,
    counter: Counter,
    quantity: u64,
    ends: Timestamp,
}

/// What must be true, kept as the list of all that happened.
#[derive(Default)]
struct Model {
    changes: Vec<(Counter, i64)>,
    holds: Vec<Hold>,
    extras: HashMap<&'static str, (Extra, Option<Timestamp>)>,
    announced: HashMap<(Counter, &'static str), usize>,
    armed: HashMap<Counter, u8>,
}

impl Model {
    fn used(&self, counter: Counter) -> u64 {
        let of = self.changes.iter().filter(|(changed, _)| *changed == counter);
        u64::try_from(of.map(|(_, difference)| difference).sum::<i64>()).unwrap()
    }

    fn held(&self, counter: Counter, now: Timestamp) -> u64 {
        self.holds.iter().filter(|hold| hold.counter == counter && now < hold.ends).map(|hold| hold.quantity).sum()
    }

    /// `None` without a limit.
    fn limit(&self, service: &EntitlementService, tier: Tier, feature: &'static str, now: Timestamp) -> Option<u64> {
        let limit = match service.catalogue().find(feature).unwrap().in_tier(tier) {
            Allowance::Unlimited => return None,
            Allowance::Limit(limit) => limit,
            Allowance::NotIncluded => 0,
        };
        match self.extras.get(feature) {
            Some((_, Some(end))) if *end <= now => Some(limit),
            Some((Extra::Unlimited, _)) => None,
            Some((Extra::Amount(extra), _)) => Some(limit + extra),
            None => Some(limit),
        }
    }

    /// Notes a change, and which thresholds it passes for the first time.
    fn change(&mut self, counter: Counter, difference: i64, limit: Option<u64>, is_level: bool) {
        self.changes.push((counter, difference));
        let used = self.used(counter);
        let share = limit.map_or(0, |limit| used * 100 / limit.max(1));
        let passed = if share >= 100 { 2 } else { u8::from(share >= 80) };
        let armed = self.armed.entry(counter).or_insert(0);
        for (step, event) in [(1, "entitlement.limit_warning"), (2, "entitlement.limit_reached")] {
            if *armed < step && passed >= step {
                *self.announced.entry((counter, event)).or_insert(0) += 1;
            }
        }
        *armed = if is_level && passed == 0 { 0 } else { passed.max(*armed) };
    }
}

struct World<'a, B> {
    backend: &'a B,
    service: EntitlementService,
    clock: Arc<ManualClock>,
    random: Random,
    home: WorkspaceId,
    tier: Tier,
    model: Model,
    /// Requests that were answered under a key of their own, with what they were told.
    answered: Vec<(Counter, Change, Result<Recorded, Refusal>)>,
}

/// Consume, free, reserve, confirm, release, expiry, retry, a change of tier, an override, its end, the end of periods,
/// and work that is thrown away: after each of them the store shows what the model does.
pub async fn any_sequence_equals_the_model<B: Backend>(backend: Arc<B>) {
    for seed in 0..3 {
        let (_, home) = if seed == 0 {
            stored_pair(&*backend).await
        } else {
            let owner = crate::build::stored_account(&*backend, &format!("{seed}@example.com")).await;
            let slug = format!("home-{seed}");
            let home = crate::build::stored_workspace(&*backend, &owner, &slug, |_| ()).await;
            (owner, home)
        };
        // An hour before the end of a February in a leap year.
        let clock = Arc::new(ManualClock::at(Timestamp::parse("2028-02-29T23:00:00Z").unwrap()));
        let mut world = World {
            backend: &*backend,
            service: service(&clock, 1_000 * seed),
            clock,
            random: Random::new(seed),
            home: home.id,
            tier: home.tier,
            model: Model::default(),
            answered: Vec::new(),
        };
        for _ in 0..STEPS {
            world.step().await;
            world.compare().await;
        }
        world.compare_records_and_events().await;
    }
}

impl<B: Backend> World<'_, B> {
    async fn step(&mut self) {
        match self.random.below(20) {
            0..=6 => self.use_or_free().await,
            7..=9 => self.reserve().await,
            10..=12 => self.confirm().await,
            13 => self.release().await,
            14 => self.retry().await,
            15 => self.change_tier().await,
            16 => self.set_override().await,
            17 => self.abandon().await,
            _ => self.let_time_pass(),
        }
    }

    fn counter(&self) -> Counter {
        let environment = *self.random.pick(&[Environment::Live, Environment::Live, Environment::Test]);
        let feature = *self.random.pick(&FEATURES);
        (environment, feature, self.period(feature).start)
    }

    fn period(&self, feature: &str) -> Period {
        self.service.catalogue().find(feature).unwrap().period_at(self.clock.now())
    }

    fn place(&self, environment: Environment) -> Realm {
        Realm { workspace_id: self.home, environment }
    }

    fn limit(&self, feature: &'static str) -> Option<u64> {
        self.model.limit(&self.service, self.tier, feature, self.clock.now())
    }

    fn is_level(&self, feature: &str) -> bool {
        self.service.catalogue().find(feature).unwrap().kind == Kind::Level
    }

    /// About a fifth of what there is, now and then all of it or one too many.
    fn amount(&self, counter: Counter) -> u64 {
        let limit = self.limit(counter.1).unwrap_or(10_000);
        let taken = self.model.used(counter) + self.model.held(counter, self.clock.now());
        let left = limit.saturating_sub(taken);
        match self.random.below(6) {
            0 => left.max(1),
            1 => left + 1,
            _ => 1 + limit / 5 * u64::try_from(self.random.below(100)).unwrap() / 100,
        }
    }

    fn fits(&self, counter: Counter, amount: u64, besides: u64) -> bool {
        let taken = self.model.used(counter) + self.model.held(counter, self.clock.now()) - besides;
        self.limit(counter.1).is_none_or(|limit| taken + amount <= limit)
    }

    async fn use_or_free(&mut self) {
        let counter = self.counter();
        let amount = quantity(i64::try_from(self.amount(counter)).unwrap());
        let wanted = if self.is_level(counter.1) && self.random.below(4) == 0 {
            Change::Free(amount)
        } else {
            Change::Use(amount)
        };
        let told = self.request(counter, wanted, self.answered.len()).await;
        let used = self.model.used(counter);
        let limit = self.limit(counter.1);
        let expected = match wanted {
            Change::Use(amount) if !self.fits(counter, amount.get(), 0) => Err(Refusal::LimitReached),
            Change::Use(amount) => Ok(i64::try_from(amount.get()).unwrap()),
            Change::Free(amount) => Ok(-i64::try_from(amount.get().min(used)).unwrap()),
        };
        let level = self.is_level(counter.1);
        let expected = expected.map(|difference| {
            self.model.change(counter, difference, limit, level);
            Recorded { used: self.model.used(counter), limit }
        });
        assert_eq!(told, Some(expected));
        self.answered.push((counter, wanted, expected));
    }

    /// Makes the request under the key of this number; `None` when it was answered before.
    async fn request(&self, counter: Counter, wanted: Change, number: usize) -> Option<Result<Recorded, Refusal>> {
        let mut id = [0; 32];
        // As records have them, ids that differ from their beginning on.
        id[..8]
            .copy_from_slice(&(u64::try_from(number).unwrap() * 1_000 + self.home.get().unsigned_abs()).to_be_bytes());
        id[8..16].copy_from_slice(&self.home.get().to_be_bytes());
        let claim = Claim { record: RecordId::from(id), fingerprint: Fingerprint::from([0; 32]) };
        let mut tx = self.backend.begin().await.unwrap();
        if !matches!(tx.claim_record(&claim, Timestamp::MIN).await.unwrap(), Claimed::First) {
            tx.rollback().await.unwrap();
            return None;
        }
        let feature = self.service.catalogue().find(counter.1).unwrap();
        let place = self.place(counter.0);
        let told = self.service.record(&mut *tx, place, feature, &[change(wanted)]).await.unwrap().remove(0);
        tx.store_record(&claim, Some(b"answer"), Timestamp::MIN, Timestamp::MAX).await.unwrap();
        tx.commit().await.unwrap();
        Some(told)
    }

    async fn retry(&mut self) {
        if self.answered.is_empty() {
            return;
        }
        let number = self.random.below(self.answered.len());
        let (counter, wanted, _) = self.answered[number];
        assert_eq!(self.request(counter, wanted, number).await, None, "a retry counted again");
    }

    async fn reserve(&mut self) {
        let counter = self.counter();
        let amount = self.amount(counter);
        let seconds = i64::try_from(1 + self.random.below(7_200)).unwrap();
        let wanted = ReserveFeature {
            quantity: quantity(i64::try_from(amount).unwrap()),
            hold_for: HoldFor::try_from(seconds).unwrap(),
            metadata: None,
        };
        let mut tx = self.backend.begin().await.unwrap();
        let feature = self.service.catalogue().find(counter.1).unwrap();
        let told = self.service.reserve(&mut *tx, self.place(counter.0), feature, wanted).await;
        if self.fits(counter, amount, 0) {
            let made = told.unwrap();
            self.model.holds.push(Hold { id: made.id, counter, quantity: amount, ends: made.expires_at });
        } else {
            assert!(matches!(told, Err(ReserveError::Refused(Refusal::LimitReached))));
        }
        tx.commit().await.unwrap();
    }

    async fn confirm(&mut self) {
        let Some(place) = self.any_hold() else { return };
        let Hold { id, counter, quantity, ends } = self.model.holds[place];
        let actual = match self.random.below(4) {
            0 => None,
            1 => Some(quantity + 1 + quantity / 2),
            _ => Some(quantity / 2),
        };
        let amount = actual.unwrap_or(quantity);
        let is_held = self.clock.now() < ends;
        let fits = is_held && (amount <= quantity || self.fits(counter, amount, quantity));
        let mut tx = self.backend.begin().await.unwrap();
        let told = self.service.confirm(&mut *tx, self.place(counter.0), id, actual).await;
        assert_eq!(told.is_ok(), fits, "{:?}", told.map(|(_, recorded)| recorded));
        tx.commit().await.unwrap();
        if fits {
            self.model.holds.remove(place);
            if amount > 0 {
                let (limit, level) = (self.limit(counter.1), self.is_level(counter.1));
                self.model.change(counter, i64::try_from(amount).unwrap(), limit, level);
            }
        }
    }

    async fn release(&mut self) {
        let Some(place) = self.any_hold() else { return };
        let Hold { id, counter, ends, .. } = self.model.holds[place];
        let mut tx = self.backend.begin().await.unwrap();
        let told = self.service.release(&mut *tx, self.place(counter.0), id).await;
        assert_eq!(told.is_ok(), self.clock.now() < ends);
        tx.commit().await.unwrap();
        self.model.holds.remove(place);
    }

    fn any_hold(&self) -> Option<usize> {
        let count = self.model.holds.len();
        (count > 0).then(|| self.random.below(count))
    }

    async fn change_tier(&mut self) {
        self.tier = *self.random.pick(&TIERS);
        let mut tx = self.backend.begin().await.unwrap();
        let mut workspace = tx.lock_workspace(self.home).await.unwrap().unwrap();
        workspace.tier = self.tier;
        tx.update_workspace(&workspace).await.unwrap();
        tx.commit().await.unwrap();
    }

    async fn set_override(&mut self) {
        let feature = *self.random.pick(&FEATURES);
        let known = self.service.catalogue().find(feature).unwrap();
        let mut tx = self.backend.begin().await.unwrap();
        if self.random.below(3) == 0 {
            let removed = tx.delete_override(self.home, &known.key).await.unwrap();
            assert_eq!(removed, self.model.extras.remove(feature).is_some());
        } else {
            let extra = self.random.sometimes(85, || Extra::Amount(25)).unwrap_or(Extra::Unlimited);
            let lasting = Duration::from_hours(1);
            let ends_at = self.random.sometimes(70, || self.clock.now().saturating_add(lasting));
            let set = SetOverride { extra, ends_at };
            self.service.set_override(&mut *tx, self.home, known, set).await.unwrap();
            self.model.extras.insert(feature, (extra, ends_at));
        }
        tx.commit().await.unwrap();
    }

    async fn abandon(&mut self) {
        let counter = self.counter();
        let feature = self.service.catalogue().find(counter.1).unwrap();
        let mut tx = self.backend.begin().await.unwrap();
        let one = [change(Change::Use(Quantity::ONE))];
        self.service.record(&mut *tx, self.place(counter.0), feature, &one).await.unwrap().remove(0).ok();
        tx.rollback().await.unwrap();
    }

    /// Minutes, and now and then to the very end of a month and to the moment before it.
    fn let_time_pass(&mut self) {
        let now = self.clock.now();
        let end = self.period("api_calls").end.unwrap();
        match self.random.below(12) {
            0 => self.clock.set(end),
            1 => self.clock.set(Timestamp::from_unix_micros(end.as_unix_micros() - 1).unwrap().max(now)),
            _ => self.clock.advance(Duration::from_mins(u64::try_from(self.random.below(90)).unwrap())),
        }
    }

    async fn compare(&self) {
        let now = self.clock.now();
        let asked: Vec<_> =
            FEATURES.map(|feature| (crate::entitlements::key(feature), self.period(feature).start)).into();
        for environment in [Environment::Live, Environment::Test] {
            let standing = self.backend.store().find_standing(self.place(environment), &asked, now).await;
            let standing = standing.unwrap().unwrap();
            assert_eq!(standing.tier, self.tier);
            for (line, feature) in standing.lines.iter().zip(FEATURES) {
                let counter = (environment, feature, self.period(feature).start);
                let shown = (line.counter.used, line.counter.held);
                assert_eq!(shown, (self.model.used(counter), self.model.held(counter, now)), "{counter:?}");
                let known = self.service.catalogue().find(feature).unwrap();
                let limit = line.terms.allow(known, now).limit();
                assert_eq!(limit, self.limit(feature), "{feature}");
            }
        }
    }

    async fn compare_records_and_events(&self) {
        for environment in [Environment::Live, Environment::Test] {
            let stored = rows(self.backend, self.place(environment)).await;
            let stored: Vec<_> = stored.iter().map(|row| (row.feature.as_str(), row.quantity)).collect();
            let expected = self.model.changes.iter().filter(|(counter, _)| counter.0 == environment);
            let expected: Vec<_> = expected.map(|(counter, difference)| (counter.1, *difference)).collect();
            assert_eq!(stored, expected);
        }
        let events = self.backend.events_of(self.home).await.unwrap();
        let expected: usize = self.model.announced.values().sum();
        assert_eq!(events.len(), expected, "{:?}", self.model.announced);
        for (counter, kind) in self.model.announced.keys() {
            let of = events.iter().filter(|event| {
                event.environment == counter.0 && event.event_type == *kind && event.data["feature"] == counter.1
            });
            let least = Percentage::of(80, Some(100));
            for event in of {
                let shown = Percentage::of(event.data["used"].as_u64().unwrap(), event.data["limit"].as_u64());
                assert!(shown >= least, "{event:?}");
            }
        }
    }
}
