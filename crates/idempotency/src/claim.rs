use core_domain::{AccountId, Environment, LineageId, WorkspaceId};
use sha2::{Digest, Sha256};

use crate::{Fingerprint, IdempotencyKey};

/// Whose idempotency keys are one set.
///
/// A rotated key shares its lineage's set, so a retry after a rotation finds the first answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// An API key and all that it was rotated from or into.
    Lineage(LineageId),
    /// An account, for a signed token.
    Account(AccountId),
}

/// Who repeats requests, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Requester {
    /// Who.
    pub subject: Subject,
    /// The workspace that the request names or its credential is bound to.
    pub workspace_id: Option<WorkspaceId>,
    /// In which of its two worlds.
    pub environment: Environment,
}

/// Which record a request belongs to: SHA-256 of the requester and the idempotency key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RecordId([u8; 32]);

impl RecordId {
    /// The record of this key among the requester's.
    pub fn of(requester: &Requester, key: &IdempotencyKey) -> Self {
        let (kind, subject) = match requester.subject {
            Subject::Lineage(id) => (b'k', id.get()),
            Subject::Account(id) => (b'a', id.get()),
        };
        let environment = match requester.environment {
            Environment::Live => b'l',
            Environment::Test => b't',
        };
        let mut hasher = Sha256::new();
        hasher.update([kind, environment]);
        hasher.update(subject.to_be_bytes());
        hasher.update(requester.workspace_id.map_or(0, WorkspaceId::get).to_be_bytes());
        hasher.update(key.as_bytes());
        Self(hasher.finalize().into())
    }

    /// The 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl From<[u8; 32]> for RecordId {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

/// A request's claim to be the first of its kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    /// The record it belongs to.
    pub record: RecordId,
    /// What it looks like.
    pub fingerprint: Fingerprint,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_of_the_requester_counts() {
        let key = IdempotencyKey::try_from(b"k".as_slice()).unwrap();
        let lineage = LineageId::try_from(1).unwrap();
        let first = Requester {
            subject: Subject::Lineage(lineage),
            workspace_id: Some(WorkspaceId::try_from(1).unwrap()),
            environment: Environment::Live,
        };
        let others = [
            Requester { subject: Subject::Account(AccountId::try_from(1).unwrap()), ..first },
            Requester { workspace_id: None, ..first },
            Requester { environment: Environment::Test, ..first },
        ];
        for other in others {
            assert_ne!(RecordId::of(&first, &key), RecordId::of(&other, &key));
        }
        let other_key = IdempotencyKey::try_from(b"l".as_slice()).unwrap();
        assert_ne!(RecordId::of(&first, &key), RecordId::of(&first, &other_key));
    }
}
