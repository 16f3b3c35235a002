//! Deliveries that nobody holds, told of from process to process.

use std::time::Duration;

use core_domain::{DomainEvent, Environment, EventId, Timestamp, WorkspaceId};
use store_postgres::{PgOptions, PgStore};
use tokio::time::timeout;
use webhooks::DeliveryQueue as _;

use crate::support::TestDatabase;

const HOME: &str = "
    INSERT INTO workspaces SELECT 1, 'n', 's', 10, '{}', 's', 0, now(), now();
    INSERT INTO webhooks SELECT 1, 1, 'live', 'https://example.com/', NULL, '[\"*\"]', 'x', NULL, NULL, '[]', NULL, '', NULL,
        NULL, 0, 0, 0, NULL, NULL, 0, 0, 's', now(), now(), NULL";

fn event(seed: u64) -> DomainEvent {
    DomainEvent {
        id: EventId::try_from(format!("evt_{seed:024}")).unwrap(),
        workspace_id: WorkspaceId::try_from(1).unwrap(),
        environment: Environment::Live,
        event_type: "post.created".to_owned(),
        data: serde_json::json!({}),
        created_at: Timestamp::MIN,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_process_is_told_even_after_its_connection_was_cut() {
    let database = TestDatabase::migrated().await;
    let client = crate::support::client(&database.url).await;
    client.batch_execute(HOME).await.unwrap();
    let other = PgStore::connect(&database.url, PgOptions::default()).await.unwrap();
    let told = async || timeout(Duration::from_secs(20), other.queued()).await.unwrap();
    // It begins to listen, and says so.
    told().await;
    for seed in 0..2 {
        let event = event(seed);
        database.store.publish(&[event], None).await.unwrap();
        told().await;
        let cut = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
            WHERE datname = current_database() AND query LIKE 'LISTEN%'";
        client.batch_execute(cut).await.unwrap();
        // It listens again, and says so, since what happened meanwhile is lost.
        told().await;
    }
}
