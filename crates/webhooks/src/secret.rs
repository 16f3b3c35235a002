use std::fmt;
use std::sync::Arc;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use core_domain::{Entropy, WebhookId};
use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::SealedSecret;

/// What signs an endpoint's events.
///
/// As text: `whsec_` and base64 of 24 to 64 bytes (HMAC-SHA-256, signature `v1`), or `whsk_` and base64 of an Ed25519
/// seed, alone or with its public key (signature `v1a`). Source: Standard Webhooks 1.0.0.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret {
    kind: SecretKind,
    key: Zeroizing<Vec<u8>>,
}

/// How an endpoint's events are signed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum SecretKind {
    /// Both sides hold the secret.
    #[default]
    Hmac,
    /// The receiver holds the public key alone.
    Ed25519,
}

core_domain::wire_words!(SecretKind { Hmac = "v1", Ed25519 = "v1a" });

/// A text that is no signing secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSecret {
    /// Neither form.
    #[error("a secret begins with whsec_, or with whsk_ for ed25519")]
    Prefix,
    /// Pasted with a signature's tag before it.
    #[error("leave out what stands before whsec_: a secret begins with whsec_ or whsk_")]
    Tagged,
    /// Not base64 of the standard alphabet, with padding.
    #[error("what follows whsec_ or whsk_ must be base64")]
    Base64,
    /// Too short to be safe, or too long.
    #[error("a whsec_ secret holds 24 to 64 bytes")]
    Length,
    /// No Ed25519 seed, or with a public key that is not its own.
    #[error("an Ed25519 key has a seed of 32 bytes, alone or with its public key")]
    Key,
}

impl Secret {
    const GENERATED_BYTES: usize = 32;
    const SEED_BYTES: usize = 32;

    /// A new one.
    pub fn generate(kind: SecretKind, entropy: &dyn Entropy) -> Self {
        let mut key = Zeroizing::new(vec![0; Self::GENERATED_BYTES]);
        entropy.fill(&mut key);
        Self { kind, key }
    }

    /// Reads the text form.
    pub fn parse(text: &str) -> Result<Self, InvalidSecret> {
        if let Some(coded) = text.strip_prefix("whsec_") {
            let key = decode(coded)?;
            return if (24..=64).contains(&key.len()) {
                Ok(Self { kind: SecretKind::Hmac, key })
            } else {
                Err(InvalidSecret::Length)
            };
        }
        let Some(coded) = text.strip_prefix("whsk_") else {
            return Err(if text.contains("whsec_") { InvalidSecret::Tagged } else { InvalidSecret::Prefix });
        };
        let key = decode(coded)?;
        let (seed, public) = key.split_at_checked(Self::SEED_BYTES).ok_or(InvalidSecret::Key)?;
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| InvalidSecret::Key)?;
        if public.is_empty() || public == pair.public_key().as_ref() {
            Ok(Self { kind: SecretKind::Ed25519, key: Zeroizing::new(seed.to_vec()) })
        } else {
            Err(InvalidSecret::Key)
        }
    }

    /// How it signs.
    pub fn kind(&self) -> SecretKind {
        self.kind
    }

    /// The text form, for its owner alone.
    pub fn expose(&self) -> Zeroizing<String> {
        Zeroizing::new(match self.pair() {
            None => format!("whsec_{}", STANDARD.encode(&*self.key)),
            Some(pair) => {
                format!("whsk_{}", STANDARD.encode([self.key.as_slice(), pair.public_key().as_ref()].concat()))
            }
        })
    }

    /// `whpk_` and the public key, for receivers of Ed25519 signatures.
    pub fn public_key(&self) -> Option<String> {
        self.pair().map(|pair| format!("whpk_{}", STANDARD.encode(pair.public_key().as_ref())))
    }

    pub(crate) fn key(&self) -> &[u8] {
        &self.key
    }

    /// The key pair, of an Ed25519 secret.
    pub(crate) fn pair(&self) -> Option<Ed25519KeyPair> {
        match self.kind {
            SecretKind::Hmac => None,
            SecretKind::Ed25519 => Ed25519KeyPair::from_seed_unchecked(&self.key).ok(),
        }
    }
}

fn decode(coded: &str) -> Result<Zeroizing<Vec<u8>>, InvalidSecret> {
    STANDARD.decode(coded).map(Zeroizing::new).map_err(|_| InvalidSecret::Base64)
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({})", self.kind)
    }
}

/// Encrypts signing secrets for the store: XChaCha20-Poly1305 under a key derived (HKDF-SHA-256) from the service's
/// secret, bound to the webhook's id.
pub struct SecretSealer {
    ciphers: Vec<XChaCha20Poly1305>,
    entropy: Arc<dyn Entropy>,
}

/// A sealed secret that can't be opened: it was sealed under another key, or changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the signing secret can't be opened")]
pub struct UnreadableSecret;

const NONCE_BYTES: usize = 24;

impl SecretSealer {
    /// A sealer on the service's secret, at least 32 random bytes. `previous` secrets open what they sealed.
    pub fn new(secret: &[u8], previous: &[&[u8]], entropy: Arc<dyn Entropy>) -> Self {
        Self { ciphers: std::iter::once(&secret).chain(previous).map(|secret| cipher(secret)).collect(), entropy }
    }

    /// Seals a secret of this webhook.
    ///
    /// # Errors
    /// [`UnreadableSecret`] never happens to a secret that can be made.
    pub fn seal(&self, webhook: WebhookId, secret: &Secret) -> Result<SealedSecret, UnreadableSecret> {
        let mut nonce = [0; NONCE_BYTES];
        self.entropy.fill(&mut nonce);
        let text = secret.expose();
        let payload = Payload { msg: text.as_bytes(), aad: &webhook.get().to_be_bytes() };
        let cipher = self.ciphers.first().ok_or(UnreadableSecret)?;
        let sealed = cipher.encrypt(&XNonce::from(nonce), payload).map_err(|_| UnreadableSecret)?;
        Ok(SealedSecret::from([nonce.as_slice(), &sealed].concat()))
    }

    /// Opens what [`seal`](Self::seal) made for this webhook.
    pub fn open(&self, webhook: WebhookId, sealed: &SealedSecret) -> Result<Secret, UnreadableSecret> {
        let (nonce, sealed) = sealed.as_bytes().split_first_chunk::<NONCE_BYTES>().ok_or(UnreadableSecret)?;
        let open = |cipher: &XChaCha20Poly1305| {
            let payload = Payload { msg: sealed, aad: &webhook.get().to_be_bytes() };
            cipher.decrypt(&XNonce::from(*nonce), payload).ok().map(Zeroizing::new)
        };
        let text = self.ciphers.iter().find_map(open).ok_or(UnreadableSecret)?;
        let text = str::from_utf8(&text).map_err(|_| UnreadableSecret)?;
        Secret::parse(text).map_err(|_| UnreadableSecret)
    }
}

fn cipher(secret: &[u8]) -> XChaCha20Poly1305 {
    let mut derived = Zeroizing::new([0_u8; 32]);
    // HKDF fails only beyond 8,160 bytes of output.
    let expanded = Hkdf::<Sha256>::new(None, secret).expand(b"core-api webhook signing secret", &mut *derived);
    debug_assert!(expanded.is_ok());
    XChaCha20Poly1305::new(&(*derived).into())
}

impl fmt::Debug for SecretSealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretSealer(..)")
    }
}

#[cfg(test)]
mod tests {
    use testkit::SeededEntropy;

    use super::*;

    #[test]
    fn a_secret_survives_its_text_form() {
        for kind in [SecretKind::Hmac, SecretKind::Ed25519] {
            let secret = Secret::generate(kind, &SeededEntropy::new(1));
            assert_eq!(Secret::parse(&secret.expose()), Ok(secret.clone()));
            assert!(!format!("{secret:?}").contains(&*secret.expose()));
        }
    }

    #[test]
    fn wrong_secrets_are_told_why() {
        let of_bytes = |count: usize| format!("whsec_{}", STANDARD.encode(vec![7; count]));
        for (text, fault) in [
            (String::new(), InvalidSecret::Prefix),
            ("secret".to_owned(), InvalidSecret::Prefix),
            ("v1,whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned(), InvalidSecret::Tagged),
            ("whsec_".to_owned(), InvalidSecret::Length),
            ("whsec_abc123def456...".to_owned(), InvalidSecret::Base64),
            (of_bytes(23), InvalidSecret::Length),
            (of_bytes(65), InvalidSecret::Length),
            ("whsk_".to_owned(), InvalidSecret::Key),
            (format!("whsk_{}", STANDARD.encode([1; 64])), InvalidSecret::Key),
        ] {
            assert_eq!(Secret::parse(&text), Err(fault), "{text}");
        }
        assert!(Secret::parse(&of_bytes(24)).is_ok() && Secret::parse(&of_bytes(64)).is_ok());
    }

    #[test]
    fn a_sealed_secret_is_opened_for_its_own_webhook_alone() {
        let with = |secret: u8, previous: &[&[u8]]| {
            SecretSealer::new(&[secret; 32], previous, Arc::new(SeededEntropy::new(2)))
        };
        let (mine, other) = (WebhookId::try_from(1).unwrap(), WebhookId::try_from(2).unwrap());
        let secret = Secret::generate(SecretKind::Hmac, &SeededEntropy::new(1));
        let sealed = with(1, &[]).seal(mine, &secret).unwrap();
        assert_eq!(with(1, &[]).open(mine, &sealed), Ok(secret.clone()));
        assert_eq!(with(2, &[&[1; 32]]).open(mine, &sealed), Ok(secret.clone()));
        assert_eq!(with(2, &[]).open(mine, &sealed), Err(UnreadableSecret));
        assert_eq!(with(1, &[]).open(other, &sealed), Err(UnreadableSecret));
        assert!(!sealed.as_bytes().windows(6).any(|window| window == b"whsec_"));
    }
}
