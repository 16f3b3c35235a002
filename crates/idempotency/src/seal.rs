use std::fmt;
use std::sync::Arc;

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use core_domain::Entropy;
use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::{IdempotencyKey, RecordId, RecordedAnswer};

/// Encrypts what is stored of an answer: it may hold a secret that nothing else keeps.
///
/// XChaCha20-Poly1305 under a key of the record's own, derived (HKDF-SHA-256) from the service's secret and the
/// client's idempotency key. The store holds neither, so the store alone gives nothing away; and a key that was rotated
/// can still be told the answer its predecessor got.
pub struct Sealer {
    secrets: Vec<Zeroizing<Vec<u8>>>,
    entropy: Arc<dyn Entropy>,
}

/// A stored answer that can't be opened: it was sealed under another secret, or changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the stored answer can't be opened")]
pub struct Unreadable;

const NONCE_BYTES: usize = 24;

impl Sealer {
    /// A sealer on the service's secret, at least 32 random bytes. `previous` secrets open what they sealed.
    pub fn new(secret: &[u8], previous: &[&[u8]], entropy: Arc<dyn Entropy>) -> Self {
        let all = std::iter::once(&secret).chain(previous);
        Self { secrets: all.map(|secret| Zeroizing::new(secret.to_vec())).collect(), entropy }
    }

    /// Seals an answer for the store.
    ///
    /// # Errors
    /// [`Unreadable`] for an answer too large to be encrypted.
    pub fn seal(
        &self,
        record: &RecordId,
        key: &IdempotencyKey,
        answer: &RecordedAnswer,
    ) -> Result<Vec<u8>, Unreadable> {
        let plain = Zeroizing::new(serde_json::to_vec(answer).map_err(|_| Unreadable)?);
        let mut nonce = [0; NONCE_BYTES];
        self.entropy.fill(&mut nonce);
        let secret = self.secrets.first().ok_or(Unreadable)?;
        let payload = Payload { msg: &plain, aad: record.as_bytes() };
        let sealed = cipher(secret, record, key).encrypt(&XNonce::from(nonce), payload).map_err(|_| Unreadable)?;
        Ok([nonce.as_slice(), &sealed].concat())
    }

    /// Opens what [`seal`](Self::seal) made.
    ///
    /// # Errors
    /// [`Unreadable`] when no secret at hand opens it.
    pub fn open(&self, record: &RecordId, key: &IdempotencyKey, stored: &[u8]) -> Result<RecordedAnswer, Unreadable> {
        let (nonce, sealed) = stored.split_first_chunk::<NONCE_BYTES>().ok_or(Unreadable)?;
        let open = |secret: &Zeroizing<Vec<u8>>| {
            let payload = Payload { msg: sealed, aad: record.as_bytes() };
            cipher(secret, record, key).decrypt(&XNonce::from(*nonce), payload).ok()
        };
        let plain = Zeroizing::new(self.secrets.iter().find_map(open).ok_or(Unreadable)?);
        serde_json::from_slice(&plain).map_err(|_| Unreadable)
    }
}

fn cipher(secret: &[u8], record: &RecordId, key: &IdempotencyKey) -> XChaCha20Poly1305 {
    let mut derived = Zeroizing::new([0_u8; 32]);
    let info = [b"core-api idempotent answer".as_slice(), key.as_bytes()];
    // HKDF fails only beyond 8,160 bytes of output.
    let expanded = Hkdf::<Sha256>::new(Some(record.as_bytes()), secret).expand_multi_info(&info, &mut *derived);
    debug_assert!(expanded.is_ok());
    XChaCha20Poly1305::new(&(*derived).into())
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealer(..)")
    }
}

#[cfg(test)]
mod tests {
    use testkit::SeededEntropy;

    use super::*;

    fn sealer(secret: u8, previous: &[&[u8]]) -> Sealer {
        Sealer::new(&[secret; 32], previous, Arc::new(SeededEntropy::new(1)))
    }

    fn key(text: &str) -> IdempotencyKey {
        IdempotencyKey::try_from(text.as_bytes()).unwrap()
    }

    fn answer() -> RecordedAnswer {
        RecordedAnswer {
            status: 201,
            location: Some("/x".to_owned()),
            holds_secret: true,
            body: Some("sk_live_".to_owned()),
        }
    }

    #[test]
    fn what_is_sealed_is_opened_by_the_same_request_alone() {
        let (record, other) = (RecordId::from([1; 32]), RecordId::from([2; 32]));
        let sealed = sealer(1, &[]).seal(&record, &key("k"), &answer()).unwrap();
        assert_eq!(sealer(1, &[]).open(&record, &key("k"), &sealed), Ok(answer()));
        assert_eq!(sealer(2, &[&[1; 32]]).open(&record, &key("k"), &sealed), Ok(answer()));
        assert_eq!(sealer(2, &[]).open(&record, &key("k"), &sealed), Err(Unreadable));
        assert_eq!(sealer(1, &[]).open(&record, &key("l"), &sealed), Err(Unreadable));
        assert_eq!(sealer(1, &[]).open(&other, &key("k"), &sealed), Err(Unreadable));
        assert!(!sealed.windows(8).any(|window| window == b"sk_live_"));
    }

    #[test]
    fn a_changed_record_is_not_opened() {
        let record = RecordId::from([1; 32]);
        let sealed = sealer(1, &[]).seal(&record, &key("k"), &answer()).unwrap();
        for position in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[position] ^= 1;
            assert_eq!(sealer(1, &[]).open(&record, &key("k"), &changed), Err(Unreadable), "{position}");
        }
        assert_eq!(sealer(1, &[]).open(&record, &key("k"), b"short"), Err(Unreadable));
    }
}
