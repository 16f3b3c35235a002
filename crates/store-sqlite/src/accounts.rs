use async_trait::async_trait;
use core_domain::{AccountId, StorageError, Timestamp};
use diesel::prelude::*;
use workspaces::{Account, AccountRepository, Email};

use crate::error::{Failure, OrCorrupt};
use crate::ids;
use crate::schema::accounts;
use crate::store::SqliteStore;
use crate::tx::SqliteTx;

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = accounts, check_for_backend(diesel::sqlite::Sqlite))]
pub(crate) struct AccountRow {
    id: i64,
    email: String,
    created_at: i64,
}

impl From<&Account> for AccountRow {
    fn from(account: &Account) -> Self {
        Self {
            id: account.id.get(),
            email: account.email.as_str().to_owned(),
            created_at: account.created_at.as_unix_micros(),
        }
    }
}

impl TryFrom<AccountRow> for Account {
    type Error = StorageError;

    fn try_from(row: AccountRow) -> Result<Self, StorageError> {
        Ok(Self {
            id: row.id.try_into().or_corrupt("accounts", "id")?,
            email: Email::try_from(&*row.email).or_corrupt("accounts", "email")?,
            created_at: Timestamp::from_unix_micros(row.created_at).or_corrupt("accounts", "created_at")?,
        })
    }
}

#[async_trait]
impl AccountRepository for SqliteTx {
    async fn next_account_id(&mut self) -> Result<AccountId, StorageError> {
        self.run("next_account_id", |connection| {
            Ok(ids::next(connection, "accounts")?.try_into().or_corrupt("id_sequences", "last")?)
        })
        .await
    }

    async fn insert_account(&mut self, account: &Account) -> Result<(), StorageError> {
        let row = AccountRow::from(account);
        self.run("insert_account", |connection| {
            diesel::insert_into(accounts::table).values(row).execute(connection)?;
            Ok(())
        })
        .await
    }

    async fn find_account_by_email(&mut self, email: &Email) -> Result<Option<Account>, StorageError> {
        let email = email.as_str().to_owned();
        self.run("find_account_by_email", |connection| {
            let query = accounts::table.filter(accounts::email.eq(email)).select(AccountRow::as_select());
            Ok(query.first(connection).optional()?.map(Account::try_from).transpose()?)
        })
        .await
    }
}

impl SqliteStore {
    /// Whether no account was ever made.
    pub async fn is_empty(&self) -> Result<bool, StorageError> {
        self.read("is_empty", |connection| {
            let found: Option<i64> = accounts::table.select(accounts::id).first(connection).optional()?;
            Ok(found.is_none())
        })
        .await
    }
}

pub(crate) fn list(connection: &mut SqliteConnection, ids: &[i64]) -> Result<Vec<Account>, Failure> {
    let rows = accounts::table.filter(accounts::id.eq_any(ids)).select(AccountRow::as_select()).load(connection)?;
    Ok(rows.into_iter().map(Account::try_from).collect::<Result<_, _>>()?)
}
