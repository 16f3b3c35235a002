//! How SQLite means to run a query.

use std::sync::{Arc, Mutex};

use diesel::connection::InstrumentationEvent;
use diesel::prelude::*;
use diesel::query_builder::QueryFragment;
use diesel::sql_types::Text;
use diesel::sqlite::Sqlite;
use diesel_migrations::MigrationHarness;

use crate::error::Failure;

#[derive(QueryableByName)]
struct Step {
    #[diesel(sql_type = Text)]
    detail: String,
}

fn empty_store() -> SqliteConnection {
    let mut connection = SqliteConnection::establish(":memory:").unwrap();
    connection.run_pending_migrations(crate::migrations::MIGRATIONS).unwrap();
    connection
}

fn explain(connection: &mut SqliteConnection, sql: &str) -> String {
    let steps: Vec<Step> = diesel::sql_query(format!("EXPLAIN QUERY PLAN {sql}")).load(connection).unwrap();
    steps.into_iter().map(|step| step.detail).collect::<Vec<_>>().join("\n")
}

/// The steps of a query, a line each.
pub(crate) fn of(query: &impl QueryFragment<Sqlite>) -> String {
    explain(&mut empty_store(), &diesel::debug_query(query).to_string())
}

/// The steps of each query that `work` makes on an empty store.
pub(crate) fn of_each_in<T>(work: impl FnOnce(&mut SqliteConnection) -> Result<T, Failure>) -> Vec<String> {
    let mut connection = empty_store();
    let seen: Arc<Mutex<Vec<String>>> = Arc::default();
    let noted = Arc::clone(&seen);
    connection.set_instrumentation(move |event: InstrumentationEvent<'_>| {
        if let InstrumentationEvent::StartQuery { query, .. } = event {
            noted.lock().unwrap().push(query.to_string());
        }
    });
    work(&mut connection).unwrap();
    let queries = std::mem::take(&mut *seen.lock().unwrap());
    queries.iter().map(|sql| explain(&mut connection, sql)).collect()
}
