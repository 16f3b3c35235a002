//! Both ways to find a key.

use ::keys::{ApiKey, KeyReach};
use ::workspaces::Account;
use core_domain::{ApiKeyId, WorkspaceId};

use crate::Backend;
use crate::prelude::*;

/// What a caller reaches from a workspace, with an account-level credential when an account is given.
pub(crate) fn reach(workspace_id: WorkspaceId, account: Option<&Account>) -> KeyReach {
    KeyReach { workspace_id, account_id: account.map(|account| account.id) }
}

/// What both ways to find a key say; they must agree.
pub(crate) async fn found<B: Backend>(backend: &B, reach: KeyReach, id: ApiKeyId) -> Option<ApiKey> {
    let outside = backend.store().find_key(reach, id).await.unwrap();
    let mut tx = backend.begin().await.unwrap();
    assert_eq!(tx.find_key_for_change(reach, id).await.unwrap(), outside);
    tx.rollback().await.unwrap();
    outside
}
