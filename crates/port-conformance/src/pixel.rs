//! Sites, and what is counted of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use ::pixel::{
    Accepted, Dimension, Domain, DropReason, Drops, Event, EventName, Interval, PageUrl, PixelService, Properties,
    Retention, Salt, SampleRate, Site, SiteFilter, SiteQuery, SiteSettings, SiteSort, State, Stats, StatsQuery, Totals,
    VisitorId, day_of, fold,
};
use core_domain::{Constraint, Environment, Order, PageRequest, Realm, SiteId, Sort, Timestamp, WorkspaceId};
use serde_json::json;
use testkit::{ManualClock, SeededEntropy};

use crate::Backend;
use crate::build::{delete, moment, stored_account, stored_pair, stored_workspace};
use crate::prelude::*;
use crate::random::Random;

fn live(workspace: WorkspaceId) -> Realm {
    Realm { workspace_id: workspace, environment: Environment::Live }
}

fn domain(text: &str) -> Domain {
    Domain::try_from(text).unwrap()
}

fn service(seed: u64) -> PixelService {
    PixelService::new(Arc::new(ManualClock::default()), Arc::new(SeededEntropy::new(seed)))
}

/// A site, changed by `change` before it is stored; `None` where the domain is taken.
async fn site<B: Backend>(
    backend: &B,
    place: Realm,
    name: &str,
    change: impl FnOnce(&mut SiteSettings) + Send,
) -> Option<Site> {
    let mut settings = SiteSettings::default();
    change(&mut settings);
    let mut tx = backend.begin().await.unwrap();
    let id = tx.next_site_id().await.unwrap();
    let site = Site { id, place, domain: domain(name), settings, created_at: moment(0), updated_at: moment(0) };
    match tx.insert_site(&site).await {
        Ok(()) => {
            tx.commit().await.unwrap();
            Some(site)
        }
        Err(error) => {
            assert!(error.is_conflict_on(Constraint::SiteDomain), "{error}");
            tx.next_site_id().await.unwrap();
            None
        }
    }
}

async fn remove<B: Backend>(backend: &B, site: &Site) -> bool {
    let mut tx = backend.begin().await.unwrap();
    let removed = tx.delete_site(site.place, site.id, moment(1)).await.unwrap();
    tx.commit().await.unwrap();
    removed
}

async fn owner_of<B: Backend>(backend: &B, host: &str) -> Option<SiteId> {
    backend.store().find_site_of_host(&domain(host)).await.unwrap().map(|site| site.id)
}

/// A domain has one site, whatever workspace and world it is of; a removed site frees it.
pub async fn a_domain_is_one_sites_until_it_is_removed<B: Backend>(backend: Arc<B>) {
    let (account, home) = stored_pair(&*backend).await;
    let other = stored_workspace(&*backend, &account, "other", |_| ()).await;
    let first = site(&*backend, live(home.id), "example.com", |_| ()).await.unwrap();
    let test = Realm { workspace_id: home.id, environment: Environment::Test };
    for place in [live(home.id), test, live(other.id)] {
        assert!(site(&*backend, place, "example.com", |_| ()).await.is_none());
    }
    assert!(remove(&*backend, &first).await);
    assert!(!remove(&*backend, &first).await, "it is removed once");
    let second = site(&*backend, live(other.id), "example.com", |_| ()).await.unwrap();
    assert_eq!(owner_of(&*backend, "example.com").await, Some(second.id));
}

/// What a site with subdomains covers is not for other workspaces to take.
pub async fn nobody_takes_a_part_of_anothers_domain<B: Backend>(backend: Arc<B>) {
    let (account, home) = stored_pair(&*backend).await;
    let other = stored_workspace(&*backend, &account, "other", |_| ()).await;
    site(&*backend, live(home.id), "example.com", |settings| settings.subdomains = true).await.unwrap();
    assert!(site(&*backend, live(other.id), "shop.example.com", |_| ()).await.is_none());
    assert!(site(&*backend, live(home.id), "shop.example.com", |_| ()).await.is_some());
    assert!(site(&*backend, live(other.id), "example.org", |_| ()).await.is_some());
}

/// The site of a host is the one with its domain, else the nearest that takes subdomains.
pub async fn a_host_belongs_to_the_nearest_site<B: Backend>(backend: Arc<B>) {
    let (_, home) = stored_pair(&*backend).await;
    let place = live(home.id);
    let top = site(&*backend, place, "example.com", |settings| settings.subdomains = true).await.unwrap();
    let shop = site(&*backend, place, "shop.example.com", |_| ()).await.unwrap();
    for (host, owner) in [
        ("example.com", Some(top.id)),
        ("www.example.com", Some(top.id)),
        ("shop.example.com", Some(shop.id)),
        ("eu.shop.example.com", Some(top.id)),
        ("badexample.com", None),
        ("com", None),
    ] {
        assert_eq!(owner_of(&*backend, host).await, owner, "{host}");
    }
    delete(&*backend, &home, moment(5)).await;
    assert_eq!(owner_of(&*backend, "example.com").await, None);
    let account = stored_account(&*backend, "bob@example.com").await;
    let next = stored_workspace(&*backend, &account, "next", |_| ()).await;
    assert!(
        site(&*backend, live(next.id), "example.com", |_| ()).await.is_some(),
        "a workspace that is gone holds none"
    );
}

/// Neither another workspace nor the other world sees or changes a site.
pub async fn sites_are_seen_in_their_place_alone<B: Backend>(backend: Arc<B>) {
    let (account, home) = stored_pair(&*backend).await;
    let other = stored_workspace(&*backend, &account, "other", |_| ()).await;
    let made = site(&*backend, live(home.id), "example.com", |_| ()).await.unwrap();
    let test = Realm { workspace_id: home.id, environment: Environment::Test };
    let everything =
        SiteQuery { filter: SiteFilter::default(), sort: vec![SiteSort::DEFAULT], page: PageRequest::FIRST };
    for (place, is_seen) in [(live(home.id), true), (test, false), (live(other.id), false)] {
        let store = backend.store();
        assert_eq!(store.find_site(place, made.id).await.unwrap().is_some(), is_seen);
        assert_eq!(store.find_site_by_domain(place, &made.domain).await.unwrap().is_some(), is_seen);
        assert_eq!(store.list_sites(place, &everything).await.unwrap().total, u64::from(is_seen));
        let mut tx = backend.begin().await.unwrap();
        assert_eq!(tx.find_site_for_change(place, made.id).await.unwrap().is_some(), is_seen);
        if !is_seen {
            assert!(!tx.delete_site(place, made.id, moment(1)).await.unwrap());
        }
    }
}

/// Every field survives, and so does every change of it.
pub async fn extreme_sites_come_back_as_they_were<B: Backend>(backend: Arc<B>) {
    let (_, home) = stored_pair(&*backend).await;
    let longest = format!("{0}.{0}.{0}.{1}", "a".repeat(63), "b".repeat(61));
    let mut made = site(&*backend, live(home.id), &longest, |settings| {
        settings.subdomains = true;
        settings.sample_rate = SampleRate::from_millionths(1).unwrap();
    })
    .await
    .unwrap();
    assert_eq!(backend.store().find_site(made.place, made.id).await.unwrap().as_ref(), Some(&made));
    made.settings.enabled = false;
    made.settings.features = ::pixel::Features { pageviews: false, events: true, sessions: false };
    made.settings.sample_rate = SampleRate::try_from(0.0).unwrap();
    (made.settings.honours_gpc, made.settings.honours_dnt) = (false, false);
    made.updated_at = Timestamp::MAX;
    let mut tx = backend.begin().await.unwrap();
    tx.update_site(&made).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(backend.store().find_site(made.place, made.id).await.unwrap().as_ref(), Some(&made));
}

/// Whatever the order, each site is on one page.
pub async fn pages_of_sites_partition_them_in_every_order<B: Backend>(backend: Arc<B>) {
    let (_, home) = stored_pair(&*backend).await;
    let mut made = Vec::new();
    for number in 0..7 {
        let enabled = number % 2 == 0;
        let name = format!("site{}.example.com", (number * 3) % 7);
        made.push(site(&*backend, live(home.id), &name, |settings| settings.enabled = enabled).await.unwrap());
    }
    for field in SiteSort::ALL {
        for order in [Order::Ascending, Order::Descending] {
            let mut expected = made.clone();
            expected.sort_by_key(|site| site.id);
            if *field == SiteSort::Domain {
                expected.sort_by(|one, other| one.domain.cmp(&other.domain));
            }
            if order == Order::Descending {
                expected.reverse();
            }
            let mut found = Vec::new();
            for number in 1..=4 {
                let query = SiteQuery {
                    filter: SiteFilter::default(),
                    sort: vec![Sort { field: *field, order }],
                    page: PageRequest::new(number, 2).unwrap(),
                };
                let page = backend.store().list_sites(live(home.id), &query).await.unwrap();
                assert_eq!(page.total, 7);
                found.extend(page.items);
            }
            assert_eq!(found, expected, "{field} {order:?}");
        }
    }
    for (filter, total) in [
        (SiteFilter { enabled: Some(true), ..SiteFilter::default() }, 4),
        (SiteFilter { search: Some("site3".to_owned()), ..SiteFilter::default() }, 1),
        (SiteFilter { search: Some("_".to_owned()), ..SiteFilter::default() }, 0),
    ] {
        let query = SiteQuery { filter, sort: vec![SiteSort::DEFAULT], page: PageRequest::FIRST };
        assert_eq!(backend.store().list_sites(live(home.id), &query).await.unwrap().total, total);
    }
}

fn event(site: &Site, visitor: u8, at: Timestamp, name: &str, path: &str) -> Accepted {
    let url = format!("https://{}{path}?utm_source=news%00&utm_campaign=spring", site.domain);
    let properties = json!({ "text": "A\0B \u{1f980}" });
    Accepted {
        site_id: site.id,
        visitor: VisitorId::from([visitor; 16]),
        at,
        counts_sessions: true,
        page: path.to_owned(),
        event: Event {
            name: EventName::try_from(name.to_owned()).unwrap(),
            page: PageUrl::parse(&url).unwrap(),
            referrer: Some("google.com".to_owned()),
            properties: Some(Properties::try_from(properties.as_object().unwrap()).unwrap()),
        },
    }
}

async fn record<B: Backend>(backend: &B, events: Vec<Accepted>, drops: Drops) -> Vec<SiteId> {
    let mut tx = backend.begin().await.unwrap();
    let live = service(1).record(&mut *tx, &events, &drops).await.unwrap();
    tx.commit().await.unwrap();
    live
}

fn days(site: &Site, interval: Interval) -> StatsQuery {
    let day = day_of(moment(0));
    StatsQuery { site_id: site.id, from: day, to: day.saturating_add(3 * ::pixel::DAY), interval, top: 100 }
}

async fn stats<B: Backend>(backend: &B, site: &Site, interval: Interval) -> Stats {
    backend.store().find_stats(&days(site, interval)).await.unwrap()
}

/// However random events are batched, roll-ups say what one pass over all of them says.
pub async fn rollups_equal_the_model<B: Backend>(backend: Arc<B>) {
    let (_, home) = stored_pair(&*backend).await;
    let sites = [
        site(&*backend, live(home.id), "example.com", |_| ()).await.unwrap(),
        site(&*backend, live(home.id), "example.org", |_| ()).await.unwrap(),
    ];
    let random = Random::new(7);
    let mut events: Vec<Accepted> = (0..400)
        .map(|_| {
            let at = moment(i64::try_from(random.below(200_000)).unwrap());
            let visitor = u8::try_from(random.below(9)).unwrap();
            let name = random.pick(&["pageview", "pageview", "pageleave", "signup", "ключ 🔑"]);
            event(random.pick(&sites), visitor, at, name, &format!("/{}", random.below(6)))
        })
        .collect();
    events.sort_by_key(|event| event.at);
    let drops = Drops::from([((sites[0].id, day_of(moment(0)), DropReason::Bot), 3)]);
    let model = fold(&events, &drops, State::default());
    for part in events.chunks(37) {
        assert_eq!(record(&*backend, part.to_vec(), Drops::new()).await.len(), 2);
    }
    record(&*backend, Vec::new(), drops).await;
    for site in &sites {
        let hours: Vec<(Timestamp, Totals)> =
            model.hours.iter().filter(|((id, _), _)| *id == site.id).map(|((_, hour), sums)| (*hour, *sums)).collect();
        let found = stats(&*backend, site, Interval::Hour).await;
        assert_eq!(found.series, hours);
        let by_day = stats(&*backend, site, Interval::Day).await;
        assert_eq!(by_day.totals(), found.totals());
        assert!(by_day.series.len() < hours.len());
        let mut names: BTreeMap<(Dimension, String), u64> = BTreeMap::new();
        for (key, count) in model.names.iter().filter(|(key, _)| key.of.site_id == site.id) {
            *names.entry((key.of.dimension, key.name.clone())).or_default() += count;
        }
        let told: BTreeMap<_, _> =
            found.names.iter().map(|named| ((named.dimension, named.name.clone()), named.count)).collect();
        assert_eq!(told, names);
        let pages: Vec<u64> = found.of(Dimension::Page).map(|named| named.count).collect();
        assert!(pages.is_sorted_by(|one, other| one >= other), "{pages:?}");
    }
}

/// Replicas that write at once neither wait for each other forever nor lose anything.
pub async fn concurrent_batches_lose_nothing<B: Backend>(backend: Arc<B>) {
    const WRITERS: u8 = 6;
    const BATCHES: i64 = 8;
    let (_, home) = stored_pair(&*backend).await;
    let one = site(&*backend, live(home.id), "example.com", |_| ()).await.unwrap();
    let other = site(&*backend, live(home.id), "example.org", |_| ()).await.unwrap();
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..WRITERS {
        let (backend, one, other) = (Arc::clone(&backend), one.clone(), other.clone());
        writers.spawn(async move {
            for batch in 0..BATCHES {
                // Some visitors are everybody's, in either order of the sites.
                let mut events = vec![
                    event(&one, 0, moment(batch), "pageview", "/"),
                    event(&other, writer + 1, moment(batch), "pageview", "/"),
                ];
                if writer % 2 == 0 {
                    events.reverse();
                }
                record(&*backend, events, Drops::new()).await;
            }
        });
    }
    while let Some(writer) = writers.join_next().await {
        writer.unwrap();
    }
    let views = u64::from(WRITERS) * BATCHES.unsigned_abs();
    let (one, other) = (stats(&*backend, &one, Interval::Day).await, stats(&*backend, &other, Interval::Day).await);
    let (one, other) = (one.totals(), other.totals());
    assert_eq!((one.pageviews, one.visitors, one.sessions), (views, 1, 1));
    assert_eq!((other.pageviews, other.visitors), (views, u64::from(WRITERS)));
}

/// Without a commit nothing is counted.
pub async fn a_dropped_transaction_counts_nothing<B: Backend>(backend: Arc<B>) {
    let (_, home) = stored_pair(&*backend).await;
    let site = site(&*backend, live(home.id), "example.com", |_| ()).await.unwrap();
    let mut tx = backend.begin().await.unwrap();
    service(1).record(&mut *tx, &[event(&site, 1, moment(0), "pageview", "/")], &Drops::new()).await.unwrap();
    drop(tx);
    assert_eq!(stats(&*backend, &site, Interval::Day).await, Stats::default());
    record(&*backend, vec![event(&site, 1, moment(0), "pageview", "/")], Drops::new()).await;
    let totals = stats(&*backend, &site, Interval::Day).await.totals();
    assert_eq!((totals.pageviews, totals.visitors), (1, 1));
}

/// Of sites that are gone nothing is stored, and of others in the same batch everything.
pub async fn a_removed_site_takes_nothing<B: Backend>(backend: Arc<B>) {
    let (_, home) = stored_pair(&*backend).await;
    let gone = site(&*backend, live(home.id), "example.com", |_| ()).await.unwrap();
    let kept = site(&*backend, live(home.id), "example.org", |_| ()).await.unwrap();
    remove(&*backend, &gone).await;
    let events = vec![event(&gone, 1, moment(0), "pageview", "/"), event(&kept, 1, moment(0), "pageview", "/")];
    assert_eq!(record(&*backend, events, Drops::new()).await, [kept.id]);
    assert_eq!(stats(&*backend, &gone, Interval::Day).await, Stats::default());
    assert_eq!(stats(&*backend, &kept, Interval::Day).await.totals().pageviews, 1);
}

/// Replicas agree on a day's salt; the next day nobody can have it again.
pub async fn a_days_salt_is_one_and_then_gone<B: Backend>(backend: Arc<B>) {
    let of = async |day: Timestamp, seed: u64| {
        let mut tx = backend.begin().await.unwrap();
        let salt = tx.salt_of(day, &Salt::generate(&SeededEntropy::new(seed))).await.unwrap();
        tx.commit().await.unwrap();
        salt
    };
    let today = day_of(moment(0));
    let first = of(today, 1).await;
    assert!(first == of(today, 2).await);
    assert!(first != of(today.saturating_add(::pixel::DAY), 3).await);
    assert!(first != of(today, 4).await, "it was destroyed");
}

/// Upkeep may run any number of times, before and after events, and drops what is kept no longer.
pub async fn upkeep_keeps_what_is_due_and_can_be_repeated<B: Backend>(backend: Arc<B>) {
    let (_, home) = stored_pair(&*backend).await;
    let site = site(&*backend, live(home.id), "example.com", |_| ()).await.unwrap();
    let retention = Retention { events: 2 * ::pixel::DAY, rollups: 5 * ::pixel::DAY };
    let view = |at| vec![event(&site, 1, at, "pageview", "/")];
    record(&*backend, view(moment(0)), Drops::new()).await;
    for _ in 0..2 {
        backend.store().keep_up(moment(0), retention).await.unwrap();
        record(&*backend, view(moment(86_400)), Drops::new()).await;
    }
    let count = async || stats(&*backend, &site, Interval::Day).await.totals().pageviews;
    backend.store().keep_up(moment(3 * 86_400), retention).await.unwrap();
    assert_eq!(count().await, 3, "roll-ups outlive events");
    backend.store().keep_up(moment(6 * 86_400), retention).await.unwrap();
    assert_eq!(count().await, 2);
    remove(&*backend, &site).await;
    backend.store().keep_up(moment(6 * 86_400), retention).await.unwrap();
    assert_eq!(count().await, 0);
}

/// With a workspace its sites go.
pub async fn a_purged_workspaces_domains_are_free<B: Backend>(backend: Arc<B>) {
    let (_, home) = stored_pair(&*backend).await;
    let site_of_home = site(&*backend, live(home.id), "example.com", |_| ()).await.unwrap();
    record(&*backend, vec![event(&site_of_home, 1, moment(0), "pageview", "/")], Drops::new()).await;
    delete(&*backend, &home, moment(1)).await;
    let mut tx = backend.begin().await.unwrap();
    assert_eq!(tx.purge_workspaces(moment(2), 10).await.unwrap(), 1);
    tx.commit().await.unwrap();
    let retention = Retention { events: ::pixel::DAY, rollups: 9 * ::pixel::DAY };
    backend.store().keep_up(moment(3), retention).await.unwrap();
    assert_eq!(stats(&*backend, &site_of_home, Interval::Day).await, Stats::default());
}
