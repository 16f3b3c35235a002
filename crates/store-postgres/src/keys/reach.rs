use ::keys::KeyReach;
use core_domain::ApiKeyId;
use diesel::dsl::{IntoBoxed, LeftJoin};
use diesel::pg::Pg;
use diesel::prelude::*;

use crate::schema::{api_keys, workspaces};

pub(super) type KeysAndWorkspaces<'a> = IntoBoxed<'a, LeftJoin<api_keys::table, workspaces::table>, Pg>;

/// The key, if it can be reached.
pub(super) fn reached<'a>(reach: KeyReach, id: ApiKeyId) -> KeysAndWorkspaces<'a> {
    let of_workspace = workspaces::id.eq(reach.workspace_id.get()).and(workspaces::deleted_at.is_null());
    let key = api_keys::table.left_join(workspaces::table).into_boxed().filter(api_keys::id.eq(id.get()));
    match reach.account_id {
        None => key.filter(of_workspace),
        Some(account) => {
            let of_account = api_keys::workspace_id.is_null().and(api_keys::account_id.eq(account.get()));
            key.filter(of_workspace.or(of_account))
        }
    }
}
