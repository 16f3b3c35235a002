use ::workspaces::{Account, AccountRepository, Email};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use core_domain::{AccountId, Constraint, StorageError};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use crate::error::{OrCorrupt as _, storage};
use crate::schema::{accounts, nextval};
use crate::time;
use crate::{PgStore, PgTx};

const TABLE: &str = "accounts";

#[derive(Queryable, Selectable)]
#[diesel(table_name = accounts)]
pub(crate) struct AccountRow {
    id: i64,
    email: String,
    created_at: DateTime<Utc>,
}

impl TryFrom<AccountRow> for Account {
    type Error = StorageError;

    fn try_from(row: AccountRow) -> Result<Self, StorageError> {
        Ok(Self {
            id: row.id.try_into().or_corrupt(TABLE, "id")?,
            email: row.email.as_str().try_into().or_corrupt(TABLE, "email")?,
            created_at: time::read(row.created_at, TABLE, "created_at")?,
        })
    }
}

#[async_trait]
impl AccountRepository for PgTx {
    async fn next_account_id(&mut self) -> Result<AccountId, StorageError> {
        const OPERATION: &str = "next_account_id";
        let next = diesel::select(nextval("account_ids")).get_result::<i64>(self.start(OPERATION)?).await;
        self.finish(OPERATION, next)?.try_into().or_corrupt(TABLE, "id")
    }

    async fn insert_account(&mut self, account: &Account) -> Result<(), StorageError> {
        const OPERATION: &str = "insert_account";
        let inserted = diesel::insert_into(accounts::table)
            .values((
                accounts::id.eq(account.id.get()),
                accounts::email.eq(account.email.as_str()),
                accounts::workspace_count.eq(0),
                accounts::created_at.eq(time::stored(account.created_at)),
            ))
            .on_conflict(accounts::email)
            .do_nothing()
            .execute(self.start(OPERATION)?)
            .await;
        match self.finish(OPERATION, inserted)? {
            0 => Err(StorageError::Conflict { constraint: Constraint::AccountEmail }),
            _ => Ok(()),
        }
    }

    async fn find_account_by_email(&mut self, email: &Email) -> Result<Option<Account>, StorageError> {
        const OPERATION: &str = "find_account_by_email";
        let row = accounts::table
            .filter(accounts::email.eq(email.as_str()))
            .select(AccountRow::as_select())
            .first(self.start(OPERATION)?)
            .await
            .optional();
        self.finish(OPERATION, row)?.map(Account::try_from).transpose()
    }
}

impl PgStore {
    /// Whether no account was ever made.
    pub async fn is_empty(&self) -> Result<bool, StorageError> {
        const OPERATION: &str = "is_empty";
        let mut connection = self.connection(OPERATION).await?;
        let found = accounts::table.select(accounts::id).first::<i64>(&mut connection).await.optional();
        found.map(|found| found.is_none()).map_err(storage(OPERATION))
    }
}
