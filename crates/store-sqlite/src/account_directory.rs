use async_trait::async_trait;
use core_domain::{StorageError, Tier};
use diesel::dsl::max;
use diesel::prelude::*;
use tokens::{AccountDirectory, KnownAccount, Subject};

use crate::error::{Failure, OrCorrupt};
use crate::schema::{accounts, memberships};
use crate::store::SqliteStore;

#[async_trait]
impl AccountDirectory for SqliteStore {
    async fn find_account(&self, subject: &Subject) -> Result<Option<KnownAccount>, StorageError> {
        let subject = subject.clone();
        self.read("find_account", move |connection| find(connection, &subject)).await
    }
}

fn find(connection: &mut SqliteConnection, subject: &Subject) -> Result<Option<KnownAccount>, Failure> {
    let highest = memberships::table
        .filter(memberships::account_id.eq(accounts::id))
        .select(max(memberships::tier))
        .single_value();
    let query = accounts::table.select((accounts::id, highest)).into_boxed();
    let query = match subject {
        Subject::Id(id) => query.filter(accounts::id.eq(id.get())),
        Subject::Email(email) => query.filter(accounts::email.eq(email)),
    };
    let found: Option<(i64, Option<i16>)> = query.first(connection).optional()?;
    let Some((id, rank)) = found else {
        return Ok(None);
    };
    let ceiling = match rank {
        Some(rank) => Tier::from_rank(rank).or_corrupt("memberships", "tier")?,
        None => Tier::Free,
    };
    Ok(Some(KnownAccount { id: id.try_into().or_corrupt("accounts", "id")?, ceiling }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan;

    #[test]
    fn an_account_takes_one_query_that_reads_no_table_whole() {
        for subject in ["1", "ada@example.com"] {
            let subject = subject.parse().unwrap();
            let plans = plan::of_each_in(|connection| find(connection, &subject));
            assert_eq!(plans.len(), 1);
            assert!(!plans[0].contains("SCAN"), "{}", plans[0]);
        }
    }
}
