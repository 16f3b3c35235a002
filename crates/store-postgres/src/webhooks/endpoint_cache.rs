use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ::webhooks::Endpoint;
use core_domain::StorageError;
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::read::live;
use super::row::EndpointRow;
use crate::error::storage;
use crate::schema::webhooks;

/// Endpoints by the version of their row, so that a publisher reads two numbers of each and not all of it.
///
/// What a row holds never changes under one version, but for the endpoint's health, which may be older here. Nothing that
/// is not committed may come in: rolled back, its version would be given again.
#[derive(Default)]
pub(crate) struct EndpointCache {
    kept: Mutex<HashMap<i64, (i64, Arc<Endpoint>)>>,
}

/// Beyond so many it begins anew.
const MOST: usize = 10_000;

impl EndpointCache {
    /// Those of these endpoints, named by id and version, that are still there, in the order of their ids.
    pub(super) async fn resolve(
        &self,
        operation: &'static str,
        connection: &mut AsyncPgConnection,
        wanted: &[(i64, i64)],
    ) -> Result<Vec<Arc<Endpoint>>, StorageError> {
        let (mut found, missing) = self.find(wanted);
        if !missing.is_empty() {
            let rows: Vec<(EndpointRow, i64)> = webhooks::table
                .filter(webhooks::id.eq_any(missing))
                .filter(live!())
                .select((EndpointRow::as_select(), webhooks::version))
                .load(connection)
                .await
                .map_err(storage(operation))?;
            let mut kept = self.kept();
            if kept.len() + rows.len() > MOST {
                kept.clear();
            }
            for (row, version) in rows {
                let (id, endpoint) = (row.id, Arc::new(Endpoint::try_from(row)?));
                kept.insert(id, (version, Arc::clone(&endpoint)));
                found.push(endpoint);
            }
        }
        found.sort_unstable_by_key(|endpoint| endpoint.id);
        Ok(found)
    }

    fn find(&self, wanted: &[(i64, i64)]) -> (Vec<Arc<Endpoint>>, Vec<i64>) {
        let kept = self.kept();
        let mut found = Vec::with_capacity(wanted.len());
        let mut missing = Vec::new();
        for (id, version) in wanted {
            match kept.get(id) {
                Some((known, endpoint)) if known == version => found.push(Arc::clone(endpoint)),
                _ => missing.push(*id),
            }
        }
        (found, missing)
    }

    fn kept(&self) -> MutexGuard<'_, HashMap<i64, (i64, Arc<Endpoint>)>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
