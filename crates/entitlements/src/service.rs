use std::sync::Arc;

use core_domain::{Clock, DomainEvent, Entropy, EventKind, StorageError, Timestamp, WorkspaceId};
use serde_json::json;

use crate::{
    Allowance, Announced, Catalogue, Change, ConfirmError, Counter, CounterChange, CounterId, EntitlementTx, Extra,
    Feature, HoldFor, Kind, Locked, Metadata, Override, OverrideError, Percentage, Period, Quantity, Realm, Refusal,
    ReleaseError, Reservation, ReservationId, ReservationStatus, ReserveError, Settlement, Terms, UsageRecord,
    UseError, day_of, decide, notice,
};

/// Something to be recorded.
#[derive(Debug, Clone)]
pub struct UseFeature {
    /// What happened.
    pub change: Change,
    /// The caller's own notes.
    pub metadata: Option<Metadata>,
}

/// What was recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recorded {
    /// How much is used after it.
    pub used: u64,
    /// The limit at that moment; `None` without one.
    pub limit: Option<u64>,
}

/// A quantity to be held.
#[derive(Debug, Clone)]
pub struct ReserveFeature {
    /// How much.
    pub quantity: Quantity,
    /// For how long.
    pub hold_for: HoldFor,
    /// The caller's own notes.
    pub metadata: Option<Metadata>,
}

/// An override to be set.
#[derive(Debug, Clone, Copy)]
pub struct SetOverride {
    /// What it adds.
    pub extra: Extra,
    /// When it ends.
    pub ends_at: Option<Timestamp>,
}

/// The use cases of entitlements. Each works within the transaction it is given and commits nothing.
#[derive(Clone)]
pub struct EntitlementService {
    catalogue: Arc<Catalogue>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

impl std::fmt::Debug for EntitlementService {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EntitlementService").finish_non_exhaustive()
    }
}

impl EntitlementService {
    /// A service on this catalogue, time and randomness.
    pub fn new(catalogue: Arc<Catalogue>, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Self {
        Self { catalogue, clock, entropy }
    }

    /// What there is to be entitled to.
    pub fn catalogue(&self) -> &Arc<Catalogue> {
        &self.catalogue
    }

    /// Records changes of one counter, in their order: each as if the others had been recorded before it.
    ///
    /// Any number of them cost one lock and one write. What is refused leaves no trace.
    pub async fn record(
        &self,
        tx: &mut dyn EntitlementTx,
        place: Realm,
        feature: &Feature,
        changes: &[UseFeature],
    ) -> Result<Vec<Result<Recorded, Refusal>>, UseError> {
        let now = self.clock.now();
        let mut open = self.open(tx, place, feature, now).await?.ok_or(UseError::NoWorkspace)?;
        let outcomes = changes.iter().map(|change| open.record(change)).collect();
        self.close(tx, open).await?;
        Ok(outcomes)
    }

    /// Holds a quantity of a counted feature.
    pub async fn reserve(
        &self,
        tx: &mut dyn EntitlementTx,
        place: Realm,
        feature: &Feature,
        command: ReserveFeature,
    ) -> Result<Reservation, ReserveError> {
        let now = self.clock.now();
        let id = counter_id(place, feature, feature.period_at(now));
        let Locked { counter, terms } = tx.lock_counter(&id, now).await?.ok_or(ReserveError::NoWorkspace)?;
        decide::hold(&counter, terms.allow(feature, now), feature.overage, command.quantity)?;
        let reservation = Reservation {
            id: tx.next_reservation_id().await?,
            counter: id,
            quantity: command.quantity,
            metadata: command.metadata,
            settled: None,
            expires_at: now.saturating_add(command.hold_for.span()),
            created_at: now,
        };
        tx.insert_reservation(&reservation).await?;
        Ok(reservation)
    }

    /// Turns what a reservation holds into usage: `actual`, or all that is held.
    pub async fn confirm(
        &self,
        tx: &mut dyn EntitlementTx,
        place: Realm,
        id: ReservationId,
        actual: Option<u64>,
    ) -> Result<(Reservation, Recorded), ConfirmError> {
        let found = tx.find_reservation_for_change(place, id).await?.ok_or(ConfirmError::NotFound)?;
        let feature = self.catalogue.feature(&found.counter.feature).ok_or(ConfirmError::NotFound)?;
        let now = self.clock.now();
        let Locked { counter, terms } = tx.lock_counter(&found.counter, now).await?.ok_or(ConfirmError::NotFound)?;
        // Read anew under the lock, under which alone reservations are settled.
        let found = tx.find_reservation_for_change(place, id).await?.ok_or(ConfirmError::NotFound)?;
        if found.status(now) != ReservationStatus::Held {
            return Err(ConfirmError::NotHeld(found.status(now)));
        }
        let actual = actual.unwrap_or(found.quantity.get());
        let allowance = terms.allow(feature, now);
        let period = period_from(feature, found.counter.period_start);
        let mut open = Open {
            id: found.counter.clone(),
            feature,
            period,
            counter,
            terms,
            allowance,
            now,
            records: Vec::new(),
            due: Vec::new(),
        };
        let applied = decide::confirm(&mut open.counter, allowance, feature.overage, found.quantity, actual)?;
        if applied.difference != 0 {
            open.note(applied, found.metadata.clone(), Some(id));
        }
        let recorded = Recorded { used: applied.used, limit: open.limit() };
        let settlement = Settlement::Confirmed(actual);
        if !tx.settle_reservation(id, settlement, now).await? {
            return Err(ConfirmError::NotHeld(ReservationStatus::Expired));
        }
        self.close(tx, open).await?;
        Ok((Reservation { settled: Some((settlement, now)), ..found }, recorded))
    }

    /// Gives back what a reservation holds.
    pub async fn release(
        &self,
        tx: &mut dyn EntitlementTx,
        place: Realm,
        id: ReservationId,
    ) -> Result<Reservation, ReleaseError> {
        let found = tx.find_reservation_for_change(place, id).await?.ok_or(ReleaseError::NotFound)?;
        let now = self.clock.now();
        if tx.settle_reservation(id, Settlement::Released, now).await? {
            return Ok(Reservation { settled: Some((Settlement::Released, now)), ..found });
        }
        let current = tx.find_reservation_for_change(place, id).await?.ok_or(ReleaseError::NotFound)?;
        Err(ReleaseError::NotHeld(current.status(now)))
    }

    /// Gives a workspace more than its tier does, in place of an earlier override of the same feature.
    pub async fn set_override(
        &self,
        tx: &mut dyn EntitlementTx,
        workspace_id: WorkspaceId,
        feature: &Feature,
        command: SetOverride,
    ) -> Result<Override, OverrideError> {
        let now = self.clock.now();
        if command.ends_at.is_some_and(|end| end <= now) {
            return Err(OverrideError::EndInPast);
        }
        if feature.kind == Kind::Boolean && command.extra != Extra::Unlimited {
            return Err(OverrideError::NoNumber);
        }
        let SetOverride { extra, ends_at } = command;
        let set = Override { workspace_id, feature: feature.key.clone(), extra, ends_at, created_at: now };
        if tx.set_override(&set).await? { Ok(set) } else { Err(OverrideError::NoWorkspace) }
    }

    /// Locks the counter of the period that `now` is in.
    async fn open<'a>(
        &self,
        tx: &mut dyn EntitlementTx,
        place: Realm,
        feature: &'a Feature,
        now: Timestamp,
    ) -> Result<Option<Open<'a>>, StorageError> {
        let period = feature.period_at(now);
        let id = counter_id(place, feature, period);
        let Some(Locked { counter, terms }) = tx.lock_counter(&id, now).await? else { return Ok(None) };
        let allowance = terms.allow(feature, now);
        Ok(Some(Open { id, feature, period, counter, terms, allowance, now, records: Vec::new(), due: Vec::new() }))
    }

    /// Writes what was recorded, and announces what is due.
    async fn close(&self, tx: &mut dyn EntitlementTx, open: Open<'_>) -> Result<(), StorageError> {
        if open.records.is_empty() {
            return Ok(());
        }
        for (kind, used) in &open.due {
            let event = self.notice(&open, *kind, *used);
            tx.append(&event).await?;
        }
        tx.save_counter(&CounterChange {
            day: day_of(open.period.clamp(open.now)),
            id: open.id,
            counter: open.counter,
            now: open.now,
            records: open.records,
        })
        .await
    }

    fn notice(&self, open: &Open<'_>, kind: EventKind, used: u64) -> DomainEvent {
        let mut data = json!({
            "feature": open.feature.key.as_str(),
            "label": open.feature.label,
            "tier": open.terms.tier.to_string(),
            "used": used,
            "limit": open.limit(),
            "percentage": Percentage::of(used, open.limit()),
        });
        if let Some(end) = open.period.end {
            data["reset_at"] = json!(end);
        }
        let Realm { workspace_id, environment } = open.id.place;
        DomainEvent::own(kind, workspace_id, environment, data, open.now, &*self.entropy)
    }
}

/// A locked counter, and what is to be written of it.
struct Open<'a> {
    id: CounterId,
    feature: &'a Feature,
    period: Period,
    counter: Counter,
    terms: Terms,
    allowance: Allowance,
    now: Timestamp,
    records: Vec<UsageRecord>,
    due: Vec<(EventKind, u64)>,
}

impl Open<'_> {
    fn limit(&self) -> Option<u64> {
        self.allowance.limit()
    }

    fn record(&mut self, wanted: &UseFeature) -> Result<Recorded, Refusal> {
        let applied = decide::apply(&mut self.counter, self.allowance, self.feature.overage, wanted.change)?;
        self.note(applied, wanted.metadata.clone(), None);
        Ok(Recorded { used: applied.used, limit: self.limit() })
    }

    fn note(&mut self, applied: decide::Applied, metadata: Option<Metadata>, reservation_id: Option<ReservationId>) {
        self.records.push(UsageRecord {
            quantity: applied.difference,
            balance: applied.used,
            metadata,
            reservation_id,
        });
        for announced in notice::due(&mut self.counter, self.feature, self.allowance) {
            let kind = match announced {
                Announced::Reached => EventKind::EntitlementLimitReached,
                Announced::Warning | Announced::Nothing => EventKind::EntitlementLimitWarning,
            };
            self.due.push((kind, applied.used));
        }
    }
}

fn counter_id(place: Realm, feature: &Feature, period: Period) -> CounterId {
    CounterId { place, feature: feature.key.clone(), period_start: period.start }
}

fn period_from(feature: &Feature, start: Timestamp) -> Period {
    Period { start, ..feature.period_at(start) }
}
