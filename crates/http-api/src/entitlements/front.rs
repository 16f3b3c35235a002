use std::fmt;
use std::sync::Arc;

use core_domain::{Clock, WorkspaceContext, WorkspaceId};
use entitlements::{
    Catalogue, Change, EntitlementReader, EntitlementService, Feature, LimitedStock, LineOfStanding, Quantity, Realm,
    StockError, UseError, UseFeature,
};

use super::batches::{Batches, Told};
use super::refusals::Refusals;
use super::standings::Standings;
use crate::retry::Recorder;
use crate::write::{ApiTx, UnitOfWork};
use crate::{Answer, ApiError};

/// Entitlements, as the API serves them: checks from memory where they are fresh enough, usage in shared transactions.
///
/// One for the whole process, whatever the number of its workers.
pub struct Entitlements {
    pub(super) service: EntitlementService,
    pub(super) reader: Arc<dyn EntitlementReader>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) refusals: Refusals,
    store: Arc<dyn UnitOfWork>,
    standings: Arc<Standings>,
    batches: Arc<Batches>,
}

impl fmt::Debug for Entitlements {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entitlements").finish_non_exhaustive()
    }
}

impl Entitlements {
    /// On this store; `upgrade_url` is where callers are sent who want more.
    pub fn new(
        service: EntitlementService,
        reader: Arc<dyn EntitlementReader>,
        store: Arc<dyn UnitOfWork>,
        clock: Arc<dyn Clock>,
        upgrade_url: Option<String>,
    ) -> Self {
        let standings = Arc::new(Standings::new());
        let refusals = Refusals::new(upgrade_url);
        let batches = Batches::new(
            Arc::clone(&store),
            service.clone(),
            Arc::clone(&clock),
            Arc::clone(&standings),
            refusals.clone(),
        );
        Self { service, reader, clock, refusals, store, standings, batches: Arc::new(batches) }
    }

    /// The use cases.
    pub fn service(&self) -> &EntitlementService {
        &self.service
    }

    /// What was counted, to read.
    pub fn reader(&self) -> &dyn EntitlementReader {
        &*self.reader
    }

    /// What there is to be entitled to.
    pub fn catalogue(&self) -> Arc<Catalogue> {
        Arc::clone(self.service.catalogue())
    }

    /// Counts one more of what the service counts itself, within the transaction that makes it.
    ///
    /// # Errors
    /// [`ApiError::FeatureLimitReached`] when there are as many as the tier gives: the transaction must not be committed.
    /// What it counted is known to checks once [`forget_stock`](Self::forget_stock) is called after the commit.
    pub(crate) async fn take(&self, tx: &mut dyn ApiTx, place: Realm, stock: LimitedStock) -> Result<(), ApiError> {
        self.service.take(tx, place, stock).await.map_err(|error| match error {
            StockError::NoWorkspace => ApiError::NotFound,
            StockError::LimitReached(stock) => {
                self.refusals.of(&self.service.stock(stock).key, entitlements::Refusal::LimitReached)
            }
            StockError::Storage(error) => error.into(),
        })
    }

    /// Counts one less, within the transaction that ends it.
    pub(crate) async fn give_back(
        &self,
        tx: &mut dyn ApiTx,
        place: Realm,
        stock: LimitedStock,
    ) -> Result<(), ApiError> {
        Ok(self.service.give_back(tx, place, stock).await?)
    }

    /// Counts one of a feature, within the transaction that uses it, or frees one, where the catalogue has the feature.
    ///
    /// # Errors
    /// [`ApiError::FeatureLimitReached`] when there is none left: the transaction must not be committed.
    pub(crate) async fn count_one(
        &self,
        tx: &mut dyn ApiTx,
        place: Realm,
        name: &str,
        change: fn(Quantity) -> Change,
    ) -> Result<(), ApiError> {
        let Some(feature) = self.service.catalogue().find(name) else { return Ok(()) };
        let one = [UseFeature { change: change(Quantity::ONE), metadata: None }];
        let recorded = self.service.record(tx, place, feature, &one).await.map_err(|error| match error {
            UseError::NoWorkspace => ApiError::NotFound,
            UseError::Storage(error) => error.into(),
        })?;
        let refusal = recorded.into_iter().find_map(Result::err);
        refusal.map_or(Ok(()), |refusal| Err(self.refusals.of(&feature.key, refusal)))
    }

    /// Frees one of a feature that was counted for nothing, in a transaction of its own.
    pub(crate) async fn give_back_one(&self, place: Realm, name: &str) {
        if self.service.catalogue().find(name).is_none() {
            return;
        }
        let given = async {
            let mut tx = self.store.begin().await?;
            self.count_one(&mut *tx, place, name, Change::Free).await?;
            Ok::<(), ApiError>(crate::write::commit(tx).await?)
        };
        if let Err(error) = given.await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                feature = name,
                "a use for nothing is not given back"
            );
        }
        self.forget_feature(place, name);
    }

    /// Has checks see what [`count_one`](Self::count_one) counted. To be called once it is committed.
    pub(crate) fn forget_feature(&self, place: Realm, name: &str) {
        if let Some(feature) = self.service.catalogue().find(name) {
            self.standings.forget(place, &feature.key);
        }
    }

    /// Has checks see what [`take`](Self::take) or [`give_back`](Self::give_back) counted. To be called once it is
    /// committed.
    pub(crate) fn forget_stock(&self, place: Realm, stock: LimitedStock) {
        self.standings.forget(place, &self.service.stock(stock).key);
    }

    /// Has checks see a change of a workspace's tier or overrides. To be called once it is committed.
    pub(crate) fn forget_workspace(&self, workspace: WorkspaceId) {
        self.standings.forget_workspace(workspace);
    }

    /// Has checks see what was committed of one counter.
    pub(super) fn forget(&self, place: Realm, feature: &Feature) {
        self.standings.forget(place, &feature.key);
    }

    /// How a workspace stands with one feature, at most a second ago.
    pub(super) async fn standing(&self, place: Realm, feature: &Feature) -> Result<LineOfStanding, ApiError> {
        let now = self.clock.now();
        let start = feature.period_at(now).start;
        let ticket = match self.standings.find(place, &feature.key, start, self.clock.monotonic()) {
            Ok(line) => return Ok(line),
            Err(ticket) => ticket,
        };
        let asked = [(feature.key.clone(), start)];
        let standing = self.reader.find_standing(place, &asked, now).await?;
        let line = standing.and_then(|standing| standing.lines.into_iter().next()).ok_or(ApiError::NotFound)?;
        self.standings.keep(ticket, place, &feature.key, start, line);
        Ok(line)
    }

    /// Records usage in a transaction that is shared with what else arrives for the same counter.
    pub(super) async fn record(
        &self,
        place: Realm,
        feature: &Feature,
        wanted: UseFeature,
        recorder: Option<Recorder>,
    ) -> Result<Answer, ApiError> {
        let key = (place, feature.key.clone());
        match Arc::clone(&self.batches).record(key, wanted, recorder).await? {
            Told::Anew(outcome) => self.refusals.usage(&feature.key, outcome),
            Told::Before(earlier) => Ok(Answer::replayed(&earlier)),
        }
    }

    /// The feature of this name.
    ///
    /// # Errors
    /// A 422 that names those there are.
    pub(super) fn feature(&self, name: &str) -> Result<&Feature, ApiError> {
        self.service.catalogue().find(name).ok_or_else(|| {
            let known: Vec<_> = self.service.catalogue().features().iter().map(|known| known.key.as_str()).collect();
            let shown: String = name.chars().take(64).collect();
            let message = format!("The feature {shown:?} is not known. Allowed: {}.", known.join(", "));
            ApiError::field("feature", message)
        })
    }
}

/// Where a caller's usage is counted.
pub(crate) fn place(context: WorkspaceContext, environment: core_domain::Environment) -> Realm {
    Realm { workspace_id: context.id, environment }
}
