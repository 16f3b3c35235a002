//! What is taken, who a visitor is, and what is counted.

#![expect(clippy::unwrap_used, reason = "a test that can't go on is to panic")]

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use core_domain::{Environment, Realm, SiteId, Timestamp, WorkspaceId};
use pixel::{
    Accepted, Dimension, Domain, DropReason, Drops, Event, EventName, MAX_NAMES, OTHER, Origin, PageUrl, Salt, Signals,
    Site, SiteSettings, State, Totals, UserAgent, VisitorId, accept, day_of, fold, hour_of, wanted,
};
use proptest::prelude::*;
use testkit::SeededEntropy;

const BROWSER: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:141.0) Gecko/20100101 Firefox/141.0";

fn id(number: i64) -> SiteId {
    SiteId::try_from(number).unwrap()
}

fn moment(seconds: i64) -> Timestamp {
    let start = Timestamp::parse("2026-01-15T10:30:00Z").unwrap();
    Timestamp::from_unix_micros(start.as_unix_micros() + seconds * 1_000_000).unwrap()
}

fn site(change: impl FnOnce(&mut SiteSettings)) -> Site {
    let mut settings = SiteSettings::default();
    change(&mut settings);
    Site {
        id: id(1),
        place: Realm { workspace_id: WorkspaceId::try_from(1).unwrap(), environment: Environment::Live },
        domain: Domain::try_from("example.com").unwrap(),
        settings,
        created_at: moment(0),
        updated_at: moment(0),
    }
}

fn event(visitor: u8, seconds: i64, name: &str, path: &str) -> Accepted {
    Accepted {
        site_id: id(1),
        visitor: VisitorId::from([visitor; 16]),
        at: moment(seconds),
        counts_sessions: true,
        page: path.to_owned(),
        event: Event {
            name: EventName::try_from(name.to_owned()).unwrap(),
            page: PageUrl::parse(&format!("https://example.com{path}?utm_source=news")).unwrap(),
            referrer: None,
            properties: None,
        },
    }
}

#[test]
fn every_reason_not_to_take_an_event_has_its_case() {
    let quiet = Signals { origin: Origin::Untold, gpc: false, dnt: false };
    let name = |text: &str| EventName::try_from(text.to_owned()).unwrap().class();
    let decide = |site: Option<&Site>, event: &str, agent: &str, signals| {
        accept::decide(name(event), site, || UserAgent::from(agent).is_bot(), signals)
    };
    let open = site(|_| ());
    assert_eq!(decide(Some(&open), "pageview", BROWSER, quiet), None);
    assert_eq!(decide(None, "pageview", BROWSER, quiet), Some(DropReason::UnknownSite));
    for (origin, reason) in
        [(Some(id(1)), None), (Some(id(2)), Some(DropReason::OriginMismatch)), (None, Some(DropReason::OriginMismatch))]
    {
        assert_eq!(decide(Some(&open), "pageview", BROWSER, Signals { origin: Origin::Of(origin), ..quiet }), reason);
    }
    let closed = site(|settings| settings.enabled = false);
    assert_eq!(decide(Some(&closed), "pageview", BROWSER, quiet), Some(DropReason::SiteDisabled));
    let bare = site(|settings| settings.features = pixel::Features { pageviews: true, events: false, sessions: false });
    assert_eq!(decide(Some(&bare), "pageview", BROWSER, quiet), None);
    assert_eq!(decide(Some(&bare), "signup", BROWSER, quiet), Some(DropReason::FeatureDisabled));
    assert_eq!(decide(Some(&bare), "pageleave", BROWSER, quiet), Some(DropReason::FeatureDisabled));
    assert_eq!(decide(Some(&open), "pageview", "Googlebot/2.1", quiet), Some(DropReason::Bot));
    let (gpc, dnt) = (Signals { gpc: true, ..quiet }, Signals { dnt: true, ..quiet });
    assert_eq!(decide(Some(&open), "pageview", BROWSER, gpc), Some(DropReason::Gpc));
    assert_eq!(decide(Some(&open), "pageview", BROWSER, dnt), Some(DropReason::Dnt));
    let deaf = site(|settings| (settings.honours_gpc, settings.honours_dnt) = (false, false));
    assert_eq!(decide(Some(&deaf), "pageview", BROWSER, Signals { gpc: true, ..dnt }), None);
}

#[test]
fn a_visitor_is_one_on_a_site_and_day_and_another_elsewhere() {
    let salt = Salt::generate(&SeededEntropy::new(1));
    let address = "192.0.2.1".parse().unwrap();
    let agent = UserAgent::from(BROWSER);
    let visitor = salt.visitor(id(1), address, &agent);
    assert_eq!(visitor, salt.visitor(id(1), address, &agent));
    let others = [
        salt.visitor(id(2), address, &agent),
        salt.visitor(id(1), "192.0.2.2".parse().unwrap(), &agent),
        salt.visitor(id(1), address, &UserAgent::from("Mozilla/5.0 Gecko")),
        Salt::generate(&SeededEntropy::new(2)).visitor(id(1), address, &agent),
    ];
    assert!(others.iter().all(|other| *other != visitor));
    assert_eq!(format!("{salt:?}"), "Salt(***)");
}

#[test]
fn a_session_ends_after_thirty_idle_minutes() {
    let events =
        [event(1, 0, "pageview", "/"), event(1, 1_799, "pageview", "/"), event(1, 1_799 + 1_800, "pageview", "/")];
    let batch = fold(&events, &Drops::new(), State::default());
    let sum = |count: fn(&Totals) -> u64| batch.hours.values().map(count).sum::<u64>();
    assert_eq!(sum(|totals| totals.sessions), 2);
    assert_eq!(sum(|totals| totals.new_visitors), 1);
    assert_eq!(sum(|totals| totals.visitors), 2, "seen in two hours");
    assert_eq!(sum(|totals| totals.pageviews), 3);
}

#[test]
fn a_page_that_is_left_prolongs_a_session_and_begins_none() {
    let events = [event(1, 0, "pageview", "/"), event(1, 1_700, "pageleave", "/"), event(1, 3_400, "signup", "/")];
    let batch = fold(&events, &Drops::new(), State::default());
    assert_eq!(batch.hours.values().map(|totals| totals.sessions).sum::<u64>(), 1);
    let alone = fold(&[event(1, 0, "pageleave", "/")], &Drops::new(), State::default());
    assert!(alone.hours.is_empty() && alone.seen.is_empty() && alone.names.is_empty());
}

#[test]
fn names_beyond_the_most_are_counted_together() {
    let most = usize::try_from(MAX_NAMES).unwrap();
    let events: Vec<_> = (0..most + 50).map(|number| event(1, 0, "pageview", &format!("/{number}"))).collect();
    let batch = fold(&events, &Drops::new(), State::default());
    let pages: Vec<_> = batch.names.iter().filter(|(key, _)| key.of.dimension == Dimension::Page).collect();
    assert_eq!(pages.len(), most + 1);
    assert!(pages.iter().any(|(key, count)| key.name == OTHER && **count == 50));
}

#[test]
fn drops_are_counted_by_reason() {
    let drops = Drops::from([((id(1), day_of(moment(0)), DropReason::Bot), 7)]);
    assert_eq!(wanted(&[], &drops).names.len(), 1);
    let batch = fold(&[], &drops, State::default());
    assert_eq!(batch.names.iter().map(|(key, count)| (key.name.as_str(), *count)).collect::<Vec<_>>(), [("bot", 7)]);
}

fn any_event() -> impl Strategy<Value = Accepted> {
    (1_u8..6, 0_i64..200_000, prop::sample::select(vec!["pageview", "signup", "pageleave"]), 0_u8..4)
        .prop_map(|(visitor, seconds, name, path)| event(visitor, seconds, name, &format!("/{path}")))
}

/// What a fold made, as the next one finds it.
fn found(mut state: State, batch: &pixel::Batch) -> State {
    state.seen.extend(batch.seen.iter().map(|(key, at)| (*key, *at)));
    state.known.extend(batch.names.keys().cloned());
    state.names.extend(batch.name_counts.iter().map(|(key, count)| (*key, *count)));
    state
}

fn add(sums: &mut BTreeMap<(SiteId, Timestamp), Totals>, batch: &pixel::Batch) {
    for (key, totals) in &batch.hours {
        let sum = sums.entry(*key).or_default();
        sum.visitors += totals.visitors;
        sum.new_visitors += totals.new_visitors;
        sum.sessions += totals.sessions;
        sum.pageviews += totals.pageviews;
        sum.events += totals.events;
    }
}

proptest! {
    #[test]
    fn however_events_are_batched_the_sums_are_the_same(
        mut events in prop::collection::vec(any_event(), 0..60), size in 1_usize..20,
    ) {
        events.sort_by_key(|event| event.at);
        let whole = fold(&events, &Drops::new(), State::default());
        let (mut state, mut sums, mut names) = (State::default(), BTreeMap::new(), BTreeMap::new());
        for part in events.chunks(size) {
            let batch = fold(part, &Drops::new(), state.clone());
            state = found(state, &batch);
            add(&mut sums, &batch);
            for (name, count) in batch.names {
                *names.entry(name).or_default() += count;
            }
        }
        prop_assert_eq!(names, whole.names);
        prop_assert_eq!(sums, whole.hours);
        prop_assert_eq!(state.seen, whole.seen);
    }

    #[test]
    fn sums_equal_what_the_raw_events_say(mut events in prop::collection::vec(any_event(), 0..60)) {
        events.sort_by_key(|event| event.at);
        events.retain(|event| event.event.name.as_str() != "pageleave");
        let batch = fold(&events, &Drops::new(), State::default());
        let total = |count: fn(&Totals) -> u64| usize::try_from(batch.hours.values().map(count).sum::<u64>()).unwrap();
        let views = events.iter().filter(|event| event.event.name.as_str() == "pageview").count();
        prop_assert_eq!(total(|totals| totals.pageviews), views);
        prop_assert_eq!(total(|totals| totals.events), events.len() - views);
        let by_day: BTreeSet<_> = events.iter().map(|event| (day_of(event.at), event.visitor)).collect();
        prop_assert_eq!(total(|totals| totals.new_visitors), by_day.len());
        let by_hour: BTreeSet<_> = events.iter().map(|event| (hour_of(event.at), event.visitor)).collect();
        prop_assert_eq!(total(|totals| totals.visitors), by_hour.len());
        let mut last = BTreeMap::new();
        let mut sessions = 0;
        for event in &events {
            let before = last.insert((day_of(event.at), event.visitor), event.at);
            sessions += usize::from(before.is_none_or(|before| event.at.since(before) >= Duration::from_mins(30)));
        }
        prop_assert_eq!(total(|totals| totals.sessions), sessions);
    }
}
