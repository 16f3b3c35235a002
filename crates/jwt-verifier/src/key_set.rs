use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, KeyOperations, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use tokens::Rejection;

use crate::header::KeyHint;

/// A public key, and the one algorithm that it is for.
#[derive(Clone)]
pub(crate) struct VerificationKey {
    id: Option<String>,
    pub(crate) algorithm: Algorithm,
    pub(crate) key: DecodingKey,
}

impl VerificationKey {
    fn read(jwk: serde_json::Value) -> Option<Self> {
        let jwk: Jwk = serde_json::from_value(jwk).ok()?;
        let common = &jwk.common;
        let verifies = common.public_key_use.as_ref().is_none_or(|purpose| *purpose == PublicKeyUse::Signature)
            && common.key_operations.as_ref().is_none_or(|operations| operations.contains(&KeyOperations::Verify));
        // Secrets (`oct`) have no place in a set that is published.
        let algorithm = match &jwk.algorithm {
            AlgorithmParameters::RSA(_) => Algorithm::RS256,
            AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P256 => Algorithm::ES256,
            AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => Algorithm::EdDSA,
            _ => return None,
        };
        if !verifies || common.key_algorithm.is_some_and(|said| said != KeyAlgorithm::from(algorithm)) {
            return None;
        }
        let key = DecodingKey::from_jwk(&jwk).ok()?;
        Some(Self { id: jwk.common.key_id, algorithm, key })
    }
}

/// The public keys of an issuer (RFC 7517, section 5).
pub(crate) struct KeySet(Vec<VerificationKey>);

/// Bytes that hold no key to verify tokens with.
#[derive(Debug, thiserror::Error)]
pub enum UnusableKeySet {
    /// They are no JWKS.
    #[error("not a JSON Web Key Set")]
    Malformed(#[source] serde_json::Error),
    /// None of its keys is for RS256, ES256 or `EdDSA`.
    #[error("the set has no key for RS256, ES256 or EdDSA among its {0} keys")]
    Empty(usize),
}

impl KeySet {
    /// Keys of other kinds, and for other purposes, are passed over, as an issuer may publish those too.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, UnusableKeySet> {
        #[derive(Deserialize)]
        struct Jwks {
            keys: Vec<serde_json::Value>,
        }
        let Jwks { keys } = serde_json::from_slice(bytes).map_err(UnusableKeySet::Malformed)?;
        let found = keys.len();
        let usable: Vec<_> = keys.into_iter().filter_map(VerificationKey::read).collect();
        if usable.is_empty() { Err(UnusableKeySet::Empty(found)) } else { Ok(Self(usable)) }
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The key a token means. A token that names none means the only one.
    pub(crate) fn find(&self, hint: &KeyHint) -> Result<&VerificationKey, Rejection> {
        let mut named = self.0.iter().filter(|key| match &hint.id {
            Some(id) => key.id.as_ref() == Some(id),
            None => self.0.len() == 1,
        });
        let first = named.next().ok_or(Rejection::UnknownKey)?;
        // Keys of different types may share an id (RFC 7517, section 4.5).
        std::iter::once(first).chain(named).find(|key| key.algorithm == hint.algorithm).ok_or(Rejection::Algorithm)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn usable(changes: Value) -> bool {
        let mut key = json!({"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"});
        let (Some(key), Value::Object(changes)) = (key.as_object_mut(), changes) else { return false };
        key.extend(changes);
        KeySet::read(json!({"keys": [key]}).to_string().as_bytes()).is_ok()
    }

    #[test]
    fn keys_for_other_purposes_are_passed_over() {
        for good in [
            json!({}),
            json!({"use": "sig"}),
            json!({"alg": "EdDSA"}),
            json!({"key_ops": ["verify"]}),
            json!({"d": "x"}),
        ] {
            assert!(usable(good.clone()), "{good}");
        }
        for bad in [
            json!({"use": "enc"}),
            json!({"alg": "ES256"}),
            json!({"alg": "HS256"}),
            json!({"alg": "none"}),
            json!({"key_ops": ["sign"]}),
            json!({"crv": "X25519"}),
            json!({"crv": "P-256"}),
            json!({"kty": "oct", "k": "c2VjcmV0IHNlY3JldCBzZWNyZXQgc2VjcmV0IHNlY3JldA"}),
            json!({"x": 5}),
            json!({"x": "not base64!"}),
        ] {
            assert!(!usable(bad.clone()), "{bad}");
        }
    }

    #[test]
    fn an_unreadable_set_is_an_error() {
        for bad in ["", "{}", "[]", r#"{"keys":{}}"#, "<html>"] {
            assert!(matches!(KeySet::read(bad.as_bytes()), Err(UnusableKeySet::Malformed(_))), "{bad}");
        }
        assert!(matches!(KeySet::read(br#"{"keys":[]}"#), Err(UnusableKeySet::Empty(0))));
        assert!(matches!(KeySet::read(br#"{"keys":[1,"a",null]}"#), Err(UnusableKeySet::Empty(3))));
    }
}
