//! How PostgreSQL means to run the lists, on tables of some size.

use std::cell::RefCell;

use crate::support::TestDatabase;
use core_domain::{
    AccountId, Environment, ListQuery, Order, PageRequest, Realm, Sort, Timestamp, WebhookId, WireWord, WorkspaceId,
};
use diesel::connection::{InstrumentationEvent, set_default_instrumentation};
use entitlements::{EntitlementReader as _, FeatureKey, UsageFilter, UsageSort};
use keys::{KeyFilter, KeyReader as _, KeySort, KeyStatus};
use seo::{IssueFilter, IssueSort, PageUrl, ReportFilter, ReportSort, SeoReader as _};
use tokio_postgres::{Client, SimpleQueryMessage};
use webhooks::{
    DeliveryFilter, DeliveryQueue as _, DeliverySort, DeliveryStatus, EventFilter, EventSort, Lease, Room, Turns,
    WebhookFilter, WebhookReader as _, WebhookSort,
};
use workspaces::{WorkspaceFilter, WorkspaceReader as _, WorkspaceSort};

thread_local! {
    /// The statements with an order, and their parameters, as diesel shows them: it says so on the thread of the caller,
    /// which is the test's own.
    static STATEMENTS: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

fn record(event: &InstrumentationEvent<'_>) {
    if let InstrumentationEvent::StartQuery { query, .. } = event {
        let shown = query.to_string();
        if shown.contains("ORDER BY") {
            STATEMENTS.with_borrow_mut(|statements| statements.push(shown));
        }
    }
}

/// Two accounts with 3,000 workspaces each, and two workspaces with 3,000 keys each, a tenth of them revoked, and 3,000
/// records of usage, reports and issues each.
const ROWS: &str = "
    INSERT INTO accounts SELECT id, 'a' || id || '@example.com', 3000, now() FROM generate_series(1, 2) AS id;
    INSERT INTO workspaces SELECT id, 'n' || id % 50, 's' || id, id % 6 * 10 + 10, '{}', 's', 2700, now(),
        now() - id % 100 * interval '1 hour' FROM generate_series(1, 6000) AS id;
    INSERT INTO memberships SELECT id % 2 + 1, id, 'owner', name, slug, tier, search_text, created_at, updated_at
        FROM workspaces;
    INSERT INTO api_keys SELECT id, id, 1, id % 2 + 1, 'n' || id % 50, 'sk_live_abc', sha256(id::text::bytea), 1,
        'live', 'read', NULL, NULL, NULL, CASE WHEN id % 3 = 0 THEN now() + id * interval '1 hour' END, NULL,
        CASE WHEN id % 20 < 2 THEN now() END, NULL, CASE WHEN id % 4 = 0 THEN now() - id * interval '1 minute' END,
        's', now() - id % 100 * interval '1 hour', now() FROM generate_series(1, 6000) AS id;
    INSERT INTO entitlement_usage (workspace_id, environment, feature, quantity, balance, created_at)
        SELECT id % 2 + 1, 'live', CASE WHEN id % 3 = 0 THEN 'posts' ELSE 'storage' END, 1, 1,
        now() - id % 100 * interval '1 hour' FROM generate_series(1, 6000) AS id;
    INSERT INTO seo_totals SELECT id, 'live', 3000, 3000 FROM generate_series(1, 2) AS id;
    INSERT INTO seo_reports SELECT id, id % 2 + 1, 'live', 'https://example.com/' || id / 2 % 2, 'custom', NULL, NULL, NULL, NULL, 5,
        '{}', 0, 0, 0, 0, 0, 0, now() - id % 100 * interval '1 hour', 's' FROM generate_series(1, 6000) AS id;
    INSERT INTO seo_issues SELECT id, id % 2 + 1, 'live', sha256(id::text::bytea), 'https://example.com/' || id / 2 % 50,
        'alt', NULL, id % 4 * 10 + 10, '{}', 1, 'custom', 1, 0, now() - id % 100 * interval '1 hour', now(),
        CASE WHEN id % 4 = 0 THEN now() END, now(), 's' FROM generate_series(1, 6000) AS id;
    INSERT INTO events (id, workspace_id, environment, type, data, created_at) SELECT 'evt_' || lpad(id::text, 24, '0'),
        id % 2 + 1, 'live', 'a.b', '{}', now() - id * interval '1 minute' FROM generate_series(1, 6000) AS id;
    INSERT INTO webhooks SELECT id, id % 2 + 1, 'live', 'https://example.com/' || id % 50, NULL, '[\"*\"]', 'x', NULL, NULL,
        '[]', NULL, '', NULL, NULL, id % 70, id % 80, 0, NULL,
        CASE WHEN id % 4 = 0 THEN now() - id * interval '1 minute' END, 2000, 1000, 's', now() - id % 90 * interval '1 hour',
        now(), NULL FROM generate_series(1, 6000) AS id;
    INSERT INTO deliveries SELECT id, id % 2 + 1, id % 2 + 1, now() - id * interval '1 minute',
        CASE WHEN id % 20 < 2 THEN now() - id * interval '1 second' END, NULL,
        CASE WHEN id % 20 > 6 THEN now() - id * interval '1 second' END,
        CASE WHEN id % 20 = 0 THEN now() + id * interval '1 second' END, id % 3 + 1, 200, 'live', 'event',
        CASE WHEN id % 20 = 0 THEN 'retrying' WHEN id % 20 = 1 THEN 'pending' WHEN id % 20 > 6 THEN 'success' ELSE 'failed' END,
        'evt_' || lpad(id::text, 24, '0'), 'a.b' FROM generate_series(1, 6000) AS id;
    ANALYZE";

async fn plan_of(client: &Client, shown: &str, mode: &str) -> String {
    let (sql, parameters) = shown.split_once(" -- binds: [").unwrap();
    // Texts are shown as Rust has them.
    let parameters = parameters.strip_suffix(']').unwrap().replace('"', "'");
    explain(client, (sql, "", &parameters), mode).await
}

/// A statement, its parameters' types in parentheses where it does not tell them, and the parameters.
async fn explain(client: &Client, (sql, types, parameters): (&str, &str, &str), mode: &str) -> String {
    let explain = format!(
        "SET plan_cache_mode = {mode}; PREPARE p {types} AS {sql}; EXPLAIN EXECUTE p({parameters}); DEALLOCATE p"
    );
    let lines = client.simple_query(&explain).await.unwrap();
    let lines = lines.iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => row.get(0),
        _ => None,
    });
    lines.collect::<Vec<_>>().join("\n")
}

async fn assert_walks_an_index(client: &Client, list: &str) {
    let shown = STATEMENTS.take().pop().unwrap();
    for mode in ["force_custom_plan", "force_generic_plan"] {
        let plan = plan_of(client, &shown, mode).await;
        assert!(
            plan.contains("Index") && !plan.contains("Sort") && !plan.contains("Seq Scan"),
            "{list}, {mode}:\n{plan}"
        );
    }
}

#[tokio::test]
async fn every_order_of_every_list_walks_an_index() {
    set_default_instrumentation(|| Some(Box::new(|event: InstrumentationEvent<'_>| record(&event)))).unwrap();
    let database = TestDatabase::migrated().await;
    let client = crate::support::client(&database.url).await;
    client.batch_execute(ROWS).await.unwrap();
    let page = PageRequest::new(3, 25).unwrap();

    let account = AccountId::try_from(1).unwrap();
    for field in WorkspaceSort::ALL {
        for order in [Order::Ascending, Order::Descending] {
            let sort = vec![Sort { field: *field, order }];
            let query = ListQuery { filter: WorkspaceFilter::default(), sort, page };
            let listed = database.store.list_workspaces_of(account, &query).await.unwrap();
            assert_eq!((listed.items.len(), listed.total), (25, 3_000));
            assert_walks_an_index(&client, &format!("workspaces by {field} {order:?}")).await;
        }
    }

    let home = WorkspaceId::try_from(1).unwrap();
    let place = Realm { workspace_id: home, environment: Environment::Live };
    for feature in [None, Some(FeatureKey::try_from("posts").unwrap())] {
        for order in [Order::Ascending, Order::Descending] {
            let filter = UsageFilter { feature: feature.clone(), ..UsageFilter::default() };
            let query = ListQuery { filter, sort: vec![Sort { field: UsageSort::CreatedAt, order }], page };
            assert_eq!(database.store.list_usage(place, &query).await.unwrap().items.len(), 25);
            assert_walks_an_index(&client, &format!("usage of {feature:?} {order:?}")).await;
        }
    }

    let revoked = KeyFilter { status: Some(KeyStatus::Revoked), ..KeyFilter::default() };
    let lists = KeySort::ALL.iter().map(|field| (KeyFilter::default(), *field));
    for (filter, field) in lists.chain([(revoked, KeySort::CreatedAt)]) {
        for order in [Order::Ascending, Order::Descending] {
            let query = ListQuery { filter: filter.clone(), sort: vec![Sort { field, order }], page };
            let listed = database.store.list_keys(home, &query, Timestamp::MAX).await.unwrap();
            assert_eq!(listed.items.len(), 25);
            assert_walks_an_index(&client, &format!("keys by {field} {order:?}, {:?}", filter.status)).await;
        }
    }

    let place = Realm { workspace_id: home, environment: Environment::Live };
    for field in IssueSort::ALL {
        for order in [Order::Ascending, Order::Descending] {
            let query = ListQuery { filter: IssueFilter::default(), sort: vec![Sort { field: *field, order }], page };
            let listed = database.store.list_issues(place, &query).await.unwrap();
            assert_eq!((listed.items.len(), listed.total), (25, 3_000));
            assert_walks_an_index(&client, &format!("issues by {field} {order:?}")).await;
        }
    }
    let url = PageUrl::try_from("https://example.com/1").ok();
    let history = ReportFilter { url, ..ReportFilter::default() };
    let lists = ReportSort::ALL.iter().map(|field| (ReportFilter::default(), *field));
    for (filter, field) in lists.chain([(history, ReportSort::CreatedAt)]) {
        for order in [Order::Ascending, Order::Descending] {
            let page = PageRequest::new(2, 25).unwrap();
            let query = ListQuery { filter: filter.clone(), sort: vec![Sort { field, order }], page };
            let listed = database.store.list_reports(place, &query).await.unwrap();
            assert_eq!(listed.items.len(), 25);
            assert_walks_an_index(&client, &format!("reports by {field} {order:?}, {:?}", filter.url)).await;
        }
    }

    let realm = Realm { workspace_id: home, environment: Environment::Live };
    for field in WebhookSort::ALL {
        for order in [Order::Ascending, Order::Descending] {
            let query = ListQuery { filter: WebhookFilter::default(), sort: vec![Sort { field: *field, order }], page };
            assert_eq!(database.store.list_webhooks(realm, &query).await.unwrap().items.len(), 25);
            assert_walks_an_index(&client, &format!("webhooks by {field} {order:?}")).await;
        }
    }
    for order in [Order::Ascending, Order::Descending] {
        let sort = vec![Sort { field: EventSort::CreatedAt, order }];
        let query = ListQuery { filter: EventFilter::default(), sort, page };
        assert_eq!(database.store.list_events(realm, &query).await.unwrap().items.len(), 25);
        assert_walks_an_index(&client, &format!("events {order:?}")).await;
    }

    let hook = WebhookId::try_from(1).unwrap();
    let failed = DeliveryFilter { status: Some(DeliveryStatus::Failed), ..DeliveryFilter::default() };
    let lists = DeliverySort::ALL.iter().map(|field| (DeliveryFilter::default(), *field));
    for (filter, field) in lists.chain([(failed, DeliverySort::CreatedAt)]) {
        for order in [Order::Ascending, Order::Descending] {
            let query = ListQuery { filter: filter.clone(), sort: vec![Sort { field, order }], page };
            assert_eq!(database.store.list_deliveries(hook, &query).await.unwrap().items.len(), 25);
            assert_walks_an_index(&client, &format!("deliveries by {field} {order:?}, {:?}", filter.status)).await;
        }
    }
}

/// However many settled deliveries there are, and however long an endpoint's queue is.
#[tokio::test]
async fn a_claim_walks_from_endpoint_to_endpoint() {
    set_default_instrumentation(|| Some(Box::new(|event: InstrumentationEvent<'_>| record(&event)))).unwrap();
    let database = TestDatabase::migrated().await;
    let client = crate::support::client(&database.url).await;
    client.batch_execute(ROWS).await.unwrap();
    let lease = Lease { token: 1, until: Timestamp::MAX };
    let due = database.store.due(5, Timestamp::MAX).await.unwrap();
    let shares = Turns::default().share(&Room { total: 10, per_endpoint: 5, ..Room::default() }, due);
    let jobs = database.store.take(&shares, lease, Timestamp::MAX).await.unwrap();
    assert_eq!(jobs.len(), 10);
    let statements = STATEMENTS.take();
    let [find, lease] = &statements[..] else { panic!("{statements:?}") };
    let all = [
        (find, "(timestamptz, bigint)", "now(), 5"),
        (lease, "(bigint[], bigint[], timestamptz, timestamptz, bigint)", "ARRAY[1, 2], ARRAY[5, 5], now(), now(), 1"),
    ];
    for (shown, types, parameters) in all {
        let (sql, _) = shown.split_once(" -- binds: [").unwrap();
        for mode in ["force_custom_plan", "force_generic_plan"] {
            let plan = explain(&client, (sql, types, parameters), mode).await;
            assert!(plan.contains("deliveries_due_idx") && !plan.contains("Seq Scan on deliveries"), "{mode}:\n{plan}");
            assert!(!plan.contains("Seq Scan on events"), "{mode}:\n{plan}");
        }
    }
}
