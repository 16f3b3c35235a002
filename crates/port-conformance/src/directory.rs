//! Which account a token names.

use std::sync::Arc;

use ::tokens::{KnownAccount, Subject};
use core_domain::Tier;

use crate::Backend;
use crate::build::{delete, moment, stored_account, stored_workspace};
use crate::prelude::*;

async fn found<B: Backend>(backend: &B, subject: &str) -> Option<KnownAccount> {
    backend.store().find_account(&subject.parse().unwrap()).await.unwrap()
}

/// And by nothing else.
pub async fn an_account_is_found_by_its_id_and_by_its_email<B: Backend>(backend: Arc<B>) {
    let ada = stored_account(&*backend, "Ada@Example.com").await;
    let grace = stored_account(&*backend, "grace@example.com").await;
    for account in [&ada, &grace] {
        let known = Some(KnownAccount { id: account.id, ceiling: Tier::Free });
        assert_eq!(backend.store().find_account(&Subject::Id(account.id)).await.unwrap(), known);
        assert_eq!(found(&*backend, account.email.as_str()).await, known);
    }
    assert_eq!(found(&*backend, "ADA@example.COM").await.map(|known| known.id), Some(ada.id));
    for subject in ["9223372036854775807", "eve@example.com", "%@example.com", "da@example.com"] {
        assert_eq!(found(&*backend, subject).await, None, "{subject}");
    }
}

/// `free` without any; workspaces of others, and deleted ones, don't count.
pub async fn an_accounts_ceiling_is_the_highest_of_its_tiers<B: Backend>(backend: Arc<B>) {
    let owner = stored_account(&*backend, "ada@example.com").await;
    let stranger = stored_account(&*backend, "eve@example.com").await;
    stored_workspace(&*backend, &stranger, "other", |workspace| workspace.tier = Tier::Enterprise).await;
    let ceiling = async || {
        let by_email = found(&*backend, "ada@example.com").await;
        assert_eq!(backend.store().find_account(&Subject::Id(owner.id)).await.unwrap(), by_email);
        by_email.map(|known| known.ceiling)
    };
    assert_eq!(ceiling().await, Some(Tier::Free));
    let mut small = stored_workspace(&*backend, &owner, "small", |workspace| workspace.tier = Tier::Starter).await;
    let large = stored_workspace(&*backend, &owner, "large", |workspace| workspace.tier = Tier::Business).await;
    assert_eq!(ceiling().await, Some(Tier::Business));
    delete(&*backend, &large, moment(1)).await;
    assert_eq!(ceiling().await, Some(Tier::Starter));
    small.tier = Tier::Agency;
    let mut tx = backend.begin().await.unwrap();
    tx.lock_workspace(small.id).await.unwrap();
    tx.update_workspace(&small).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(ceiling().await, Some(Tier::Agency));
}
