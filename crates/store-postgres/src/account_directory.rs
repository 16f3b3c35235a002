use ::tokens::{AccountDirectory, KnownAccount, Subject};
use async_trait::async_trait;
use core_domain::{StorageError, Tier};
use diesel::dsl::max;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use crate::PgStore;
use crate::error::{OrCorrupt as _, storage};
use crate::schema::{accounts, memberships};

#[async_trait]
impl AccountDirectory for PgStore {
    async fn find_account(&self, subject: &Subject) -> Result<Option<KnownAccount>, StorageError> {
        const OPERATION: &str = "find_account";
        let highest_tier = memberships::table
            .filter(memberships::account_id.eq(accounts::id))
            .select(max(memberships::tier))
            .single_value();
        let query = accounts::table.select((accounts::id, highest_tier)).into_boxed();
        let query = match subject {
            Subject::Id(id) => query.filter(accounts::id.eq(id.get())),
            Subject::Email(email) => query.filter(accounts::email.eq(email)),
        };
        let mut connection = self.connection(OPERATION).await?;
        let found = query.first::<(i64, Option<i16>)>(&mut connection).await.optional();
        let Some((id, rank)) = found.map_err(storage(OPERATION))? else {
            return Ok(None);
        };
        let ceiling = match rank {
            None => Tier::Free,
            Some(rank) => Tier::from_rank(rank).or_corrupt("memberships", "tier")?,
        };
        Ok(Some(KnownAccount { id: id.try_into().or_corrupt("accounts", "id")?, ceiling }))
    }
}
