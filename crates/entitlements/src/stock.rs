use core_domain::StorageError;

use crate::{
    Change, EntitlementService, EntitlementTx, Feature, Quantity, Realm, Refusal, StockError, UseError, UseFeature,
};

/// What the service counts itself, wherever one is made or ended: no caller can record it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LimitedStock {
    /// API keys that are bound to the workspace. A key and what it was rotated into are one.
    ApiKeys,
    /// Webhook endpoints.
    Webhooks,
}

impl LimitedStock {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::ApiKeys, Self::Webhooks];

    /// The key of its feature, which is a level.
    pub const fn key(self) -> &'static str {
        match self {
            Self::ApiKeys => "api_keys",
            Self::Webhooks => "webhooks",
        }
    }

    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::ApiKeys => "API key",
            Self::Webhooks => "Webhook",
        }
    }
}

impl EntitlementService {
    /// Counts one more, within the transaction that makes it.
    ///
    /// # Errors
    /// [`StockError::LimitReached`] when there are as many as the tier gives: nothing may be made then.
    pub async fn take(&self, tx: &mut dyn EntitlementTx, place: Realm, stock: LimitedStock) -> Result<(), StockError> {
        match self.count(tx, place, stock, Change::Use(Quantity::ONE)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(Refusal::NotIncluded | Refusal::LimitReached | Refusal::TooMuch)) => {
                Err(StockError::LimitReached(stock))
            }
            Err(UseError::NoWorkspace) => Err(StockError::NoWorkspace),
            Err(UseError::Storage(error)) => Err(error.into()),
        }
    }

    /// Counts one less, within the transaction that ends it.
    pub async fn give_back(
        &self,
        tx: &mut dyn EntitlementTx,
        place: Realm,
        stock: LimitedStock,
    ) -> Result<(), StorageError> {
        match self.count(tx, place, stock, Change::Free(Quantity::ONE)).await {
            // A workspace that is gone has no stock either.
            Ok(_) | Err(UseError::NoWorkspace) => Ok(()),
            Err(UseError::Storage(error)) => Err(error),
        }
    }

    /// The feature of a stock.
    pub fn stock(&self, stock: LimitedStock) -> &Feature {
        self.catalogue().stock(stock)
    }

    async fn count(
        &self,
        tx: &mut dyn EntitlementTx,
        place: Realm,
        stock: LimitedStock,
        change: Change,
    ) -> Result<Result<(), Refusal>, UseError> {
        let one = [UseFeature { change, metadata: None }];
        let outcomes = self.record(tx, place, self.stock(stock), &one).await?;
        Ok(outcomes.into_iter().next().map_or(Ok(()), |outcome| outcome.map(drop)))
    }
}
