use core_domain::{AccountId, Role, StorageError, Tier, WireWord, WorkspaceId};
use diesel::prelude::*;
use workspaces::{Account, Member, Membership};

use crate::accounts::AccountRow;
use crate::error::{Failure, OrCorrupt};
use crate::schema::{accounts, memberships};

#[derive(Queryable, Selectable)]
#[diesel(table_name = memberships, check_for_backend(diesel::sqlite::Sqlite))]
struct MembershipRow {
    account_id: i64,
    workspace_id: i64,
    role: String,
    tier: i16,
}

impl TryFrom<MembershipRow> for Membership {
    type Error = StorageError;

    fn try_from(row: MembershipRow) -> Result<Self, StorageError> {
        Ok(Self {
            account_id: row.account_id.try_into().or_corrupt("memberships", "account_id")?,
            workspace_id: row.workspace_id.try_into().or_corrupt("memberships", "workspace_id")?,
            role: role(&row.role)?,
            tier: Tier::from_rank(row.tier).or_corrupt("memberships", "tier")?,
        })
    }
}

fn role(word: &str) -> Result<Role, StorageError> {
    Role::from_word(word).or_corrupt("memberships", "role")
}

pub(crate) fn find(
    connection: &mut SqliteConnection,
    account: AccountId,
    workspace: WorkspaceId,
) -> Result<Option<Membership>, Failure> {
    let query = memberships::table.find((account.get(), workspace.get())).select(MembershipRow::as_select());
    Ok(query.first(connection).optional()?.map(Membership::try_from).transpose()?)
}

pub(crate) fn list(
    connection: &mut SqliteConnection,
    account: AccountId,
    limit: u32,
) -> Result<Vec<Membership>, Failure> {
    let rows = memberships::table
        .filter(memberships::account_id.eq(account.get()))
        .order(memberships::workspace_id)
        .limit(limit.into())
        .select(MembershipRow::as_select())
        .load(connection)?;
    Ok(rows.into_iter().map(Membership::try_from).collect::<Result<_, _>>()?)
}

pub(crate) fn members(connection: &mut SqliteConnection, workspaces: &[i64]) -> Result<Vec<Member>, Failure> {
    let rows: Vec<(i64, String, AccountRow)> = memberships::table
        .inner_join(accounts::table)
        .filter(memberships::workspace_id.eq_any(workspaces))
        .order((memberships::workspace_id, memberships::account_id))
        .select((memberships::workspace_id, memberships::role, AccountRow::as_select()))
        .load(connection)?;
    let member = |(workspace_id, word, account): (i64, String, AccountRow)| {
        Ok(Member {
            workspace_id: workspace_id.try_into().or_corrupt("memberships", "workspace_id")?,
            account: Account::try_from(account)?,
            role: role(&word)?,
        })
    };
    rows.into_iter().map(member).collect()
}
