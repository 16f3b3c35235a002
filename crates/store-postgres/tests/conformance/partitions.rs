//! The days of the pixel: made before they come, and dropped whole.

use core_domain::Timestamp;
use pixel::{DAY, PixelUpkeep as _, Retention};
use tokio_postgres::Client;

use crate::support::{TestDatabase, client};

/// Of `table` but for the default one, by name.
async fn partitions(client: &Client, table: &str) -> Vec<String> {
    let sql = "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = $1::text::regclass ORDER BY 1";
    let rows = client.query(sql, &[&table]).await.unwrap();
    rows.iter().map(|row| row.get(0)).filter(|name: &String| !name.ends_with("_default")).collect()
}

fn names(table: &str, days: std::ops::RangeInclusive<u32>) -> Vec<String> {
    days.map(|day| format!("{table}_202601{day:02}")).collect()
}

#[tokio::test]
async fn days_are_made_before_they_come_and_dropped_when_they_are_past() {
    let database = TestDatabase::migrated().await;
    let client = client(&database.url).await;
    let retention = Retention { events: 3 * DAY, rollups: 30 * DAY };
    let first = Timestamp::parse("2026-01-10T12:00:00Z").unwrap();
    for day in 0..6 {
        database.store.keep_up(first.saturating_add(day * DAY), retention).await.unwrap();
    }
    // The last was on the 15th.
    assert_eq!(partitions(&client, "pixel_events").await, names("pixel_events", 12..=22));
    assert_eq!(partitions(&client, "pixel_visitors").await, names("pixel_visitors", 14..=22));
}

#[tokio::test]
async fn a_day_that_began_without_its_partition_is_forgotten_all_the_same() {
    let database = TestDatabase::migrated().await;
    let client = client(&database.url).await;
    let event = "INSERT INTO pixel_events (at, site_id, visitor, name, host, path) \
        VALUES ('2026-01-10T09:00:00Z', 1, '', 'pageview', 'example.com', '/')";
    client.batch_execute(event).await.unwrap();
    let retention = Retention { events: 3 * DAY, rollups: 30 * DAY };
    for (noon, left) in [("2026-01-10T12:00:00Z", 1), ("2026-01-13T12:00:00Z", 1), ("2026-01-14T12:00:00Z", 0)] {
        database.store.keep_up(Timestamp::parse(noon).unwrap(), retention).await.unwrap();
        let row = client.query_one("SELECT count(*) FROM pixel_events", &[]).await.unwrap();
        assert_eq!(row.get::<_, i64>(0), left, "{noon}");
        let day = "pixel_events_20260110".to_owned();
        assert!(!partitions(&client, "pixel_events").await.contains(&day), "its rows stay where they are");
    }
}
