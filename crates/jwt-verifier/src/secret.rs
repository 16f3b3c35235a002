use std::fmt;

use zeroize::Zeroizing;

/// What HS256 tokens are signed and verified with.
#[derive(Clone)]
pub struct Hs256Secret(Zeroizing<Vec<u8>>);

/// Bytes that are no secret to sign with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSecret {
    /// It could be guessed (RFC 7518, section 3.2).
    #[error("an HS256 secret must be at least {} bytes", Hs256Secret::MIN_LEN)]
    TooShort,
    /// It is a key in PEM form. A public one is known to everybody, and a private one belongs elsewhere.
    #[error("an HS256 secret must be random bytes, not a PEM key; give public keys as a JWKS")]
    Pem,
}

impl Hs256Secret {
    /// The fewest bytes: as many as the digest has.
    pub const MIN_LEN: usize = 32;

    /// A secret of these bytes, as they are: nothing is decoded.
    pub fn new(bytes: Vec<u8>) -> Result<Self, InvalidSecret> {
        let bytes = Zeroizing::new(bytes);
        if bytes.len() < Self::MIN_LEN {
            Err(InvalidSecret::TooShort)
        } else if bytes.trim_ascii_start().starts_with(b"-----BEGIN") {
            Err(InvalidSecret::Pem)
        } else {
            Ok(Self(bytes))
        }
    }

    pub(crate) fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Hs256Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hs256Secret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_weak_secret_is_refused() {
        assert_eq!(Hs256Secret::new(vec![7; 31]).unwrap_err(), InvalidSecret::TooShort);
        assert_eq!(Hs256Secret::new(Vec::new()).unwrap_err(), InvalidSecret::TooShort);
        let pem = b"\n-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE".to_vec();
        assert_eq!(Hs256Secret::new(pem).unwrap_err(), InvalidSecret::Pem);
        assert!(Hs256Secret::new(vec![7; 32]).is_ok());
    }

    #[test]
    fn a_secret_is_not_printed() {
        let secret = Hs256Secret::new(b"a secret of thirty-two characters".to_vec()).unwrap();
        assert_eq!(format!("{secret:?}"), "Hs256Secret(..)");
    }
}
