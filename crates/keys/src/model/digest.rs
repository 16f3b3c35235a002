use std::fmt;

use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::Token;

/// What is stored of a secret: HMAC-SHA-256 of the whole key under a pepper.
///
/// A slow password hash would be wrong here: the secret is random, so there is nothing to guess, and a slow hash
/// would forbid the look-up by digest. Equality takes the same time wherever two digests differ.
#[derive(Clone, Copy)]
pub struct KeyDigest([u8; 32]);

impl KeyDigest {
    /// The 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl From<[u8; 32]> for KeyDigest {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl PartialEq for KeyDigest {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for KeyDigest {}

impl fmt::Debug for KeyDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyDigest(..)")
    }
}

/// Which pepper a digest was made under, stored with it. It is derived from the secret and tells nothing of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PepperVersion(pub i32);

/// Turns secrets into digests. Holds the pepper in force, and older ones whose digests still stand in the store.
pub struct KeyHasher {
    current: Pepper,
    previous: Vec<Pepper>,
}

struct Pepper {
    version: PepperVersion,
    keyed: Hmac<Sha256>,
}

impl Pepper {
    fn derive(secret: &[u8]) -> Self {
        let source = Hkdf::<Sha256>::new(None, secret);
        let mut pepper = Zeroizing::new([0_u8; 32]);
        let mut version = [0_u8; 4];
        // HKDF fails only beyond 8,160 bytes of output, HMAC takes a key of any length.
        let derived = source.expand(b"core-api api-key pepper", &mut *pepper).is_ok()
            && source.expand(b"core-api api-key pepper version", &mut version).is_ok();
        debug_assert!(derived);
        Self { version: PepperVersion(i32::from_be_bytes(version)), keyed: keyed(&pepper) }
    }

    fn digest(&self, token: &Token) -> KeyDigest {
        let mut mac = self.keyed.clone();
        mac.update(token.expose().as_bytes());
        KeyDigest(mac.finalize().into_bytes().into())
    }
}

fn keyed(pepper: &[u8; 32]) -> Hmac<Sha256> {
    let mut block = Zeroizing::new([0_u8; 64]);
    block[..32].copy_from_slice(pepper);
    Hmac::new(&(*block).into())
}

impl KeyHasher {
    /// A hasher whose pepper is derived (HKDF-SHA-256, RFC 5869) from `secret`, at least 32 random bytes.
    ///
    /// `previous` are secrets that were in force before: keys made under them keep working.
    pub fn new(secret: &[u8], previous: &[&[u8]]) -> Self {
        Self {
            current: Pepper::derive(secret),
            previous: previous.iter().map(|secret| Pepper::derive(secret)).collect(),
        }
    }

    /// The digest that a new key is stored under, and its pepper's version.
    pub fn digest(&self, token: &Token) -> (KeyDigest, PepperVersion) {
        (self.current.digest(token), self.current.version)
    }

    /// Every digest the key may be stored under, the one in force first.
    pub fn candidates(&self, token: &Token) -> Vec<KeyDigest> {
        self.peppers().map(|pepper| pepper.digest(token)).collect()
    }

    /// The versions of all peppers at hand.
    pub fn versions(&self) -> Vec<PepperVersion> {
        self.peppers().map(|pepper| pepper.version).collect()
    }

    fn peppers(&self) -> impl Iterator<Item = &Pepper> {
        std::iter::once(&self.current).chain(&self.previous)
    }
}

impl fmt::Debug for KeyHasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyHasher").field("versions", &self.versions()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use core_domain::Environment;
    use testkit::SeededEntropy;

    use super::*;

    /// RFC 4231, test case 2.
    #[test]
    fn hmac_matches_the_published_vector() {
        let mut key = [0_u8; 32];
        key[..4].copy_from_slice(b"Jefe");
        let mut mac = keyed(&key);
        mac.update(b"what do ya want for nothing?");
        let expected = [
            0x5b, 0xdc, 0xc1, 0x46, 0xbf, 0x60, 0x75, 0x4e, 0x6a, 0x04, 0x24, 0x26, 0x08, 0x95, 0x75, 0xc7, 0x5a, 0x00,
            0x3f, 0x08, 0x9d, 0x27, 0x39, 0x83, 0x9d, 0xec, 0x58, 0xb9, 0x64, 0xec, 0x38, 0x43,
        ];
        assert_eq!(<[u8; 32]>::from(mac.finalize().into_bytes()), expected);
    }

    #[test]
    fn a_replaced_pepper_still_finds_old_keys() {
        let token = Token::generate(Environment::Live, &SeededEntropy::new(1));
        let old = KeyHasher::new(&[1; 32], &[]);
        let new = KeyHasher::new(&[2; 32], &[&[1; 32]]);
        assert_ne!(old.digest(&token), new.digest(&token));
        assert_eq!(new.candidates(&token)[1], old.digest(&token).0);
        assert_eq!(new.versions()[1], old.digest(&token).1);
    }
}
