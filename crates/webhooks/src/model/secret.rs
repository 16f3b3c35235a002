use core_domain::Timestamp;

/// An endpoint's signing secrets, each encrypted under a key that the store does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedSecrets {
    /// What signs from now on.
    pub current: SealedSecret,
    /// What signed before and still signs beside it, and until when.
    pub previous: Option<(SealedSecret, Timestamp)>,
}

/// An encrypted signing secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedSecret(Vec<u8>);

impl SealedSecret {
    /// The sealed bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl From<Vec<u8>> for SealedSecret {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}
