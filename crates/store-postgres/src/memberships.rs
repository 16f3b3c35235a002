use ::workspaces::{Account, Member, Membership};
use core_domain::{Role, StorageError, Tier, WireWord as _};
use diesel::prelude::*;

use crate::accounts::AccountRow;
use crate::error::OrCorrupt as _;
use crate::schema::memberships;

const TABLE: &str = "memberships";

#[derive(Queryable, Selectable)]
#[diesel(table_name = memberships)]
pub(crate) struct MembershipRow {
    account_id: i64,
    workspace_id: i64,
    role: String,
    tier: i16,
}

impl TryFrom<MembershipRow> for Membership {
    type Error = StorageError;

    fn try_from(row: MembershipRow) -> Result<Self, StorageError> {
        Ok(Self {
            account_id: row.account_id.try_into().or_corrupt(TABLE, "account_id")?,
            workspace_id: row.workspace_id.try_into().or_corrupt(TABLE, "workspace_id")?,
            role: Role::from_word(&row.role).or_corrupt(TABLE, "role")?,
            tier: Tier::from_rank(row.tier).or_corrupt(TABLE, "tier")?,
        })
    }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = memberships)]
pub(crate) struct MemberRow {
    workspace_id: i64,
    #[diesel(embed)]
    account: AccountRow,
    role: String,
}

impl TryFrom<MemberRow> for Member {
    type Error = StorageError;

    fn try_from(row: MemberRow) -> Result<Self, StorageError> {
        Ok(Self {
            workspace_id: row.workspace_id.try_into().or_corrupt(TABLE, "workspace_id")?,
            account: Account::try_from(row.account)?,
            role: Role::from_word(&row.role).or_corrupt(TABLE, "role")?,
        })
    }
}
