//! Idempotency records, and short ways to claim and to store them.

use std::time::Duration;

use ::idempotency::{Claim, Claimed, Fingerprint, RecordId, StoredRecord};
use core_domain::Timestamp;

use crate::Backend;
use crate::build::moment;
use crate::prelude::*;

/// A claim whose record no other number has.
pub(crate) fn claim(number: u8) -> Claim {
    Claim { record: RecordId::from([number; 32]), fingerprint: Fingerprint::from([number ^ 0xff; 32]) }
}

/// When the records below expire.
pub(crate) fn expiry() -> Timestamp {
    moment(86_400)
}

/// What a claim is told of a record that was stored with this answer.
pub(crate) fn before(claim: &Claim, sealed: Option<&[u8]>) -> Claimed {
    Claimed::Before(StoredRecord { fingerprint: claim.fingerprint, sealed: sealed.map(<[u8]>::to_vec) })
}

/// What a claim is told, when nothing comes of it. A store may need a moment to notice a dropped transaction's end.
pub(crate) async fn told<B: Backend>(backend: &B, claim: &Claim, now: Timestamp) -> Claimed {
    let asking = async {
        loop {
            let mut tx = backend.begin().await.unwrap();
            let claimed = tx.claim_record(claim, now).await.unwrap();
            tx.rollback().await.unwrap();
            if claimed != Claimed::InProgress {
                return claimed;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), asking).await.unwrap()
}

/// Claims a record and stores it with this answer.
pub(crate) async fn stored<B: Backend>(backend: &B, claim: &Claim, sealed: Option<&[u8]>, expires_at: Timestamp) {
    let mut tx = backend.begin().await.unwrap();
    assert_eq!(tx.claim_record(claim, moment(0)).await.unwrap(), Claimed::First);
    tx.store_record(claim, sealed, moment(0), expires_at).await.unwrap();
    tx.commit().await.unwrap();
}
