//! Tokens that none of the issuer's keys has signed as they are.

use serde_json::json;
use tokens::Rejection;

use crate::keys::{Key, SECRET, base64url};
use crate::stage::{Stage, options, secret};

/// The parts of a token, to be put together wrongly.
fn parts(token: &str) -> [&str; 3] {
    token.split('.').collect::<Vec<_>>().try_into().unwrap()
}

#[tokio::test]
async fn signed_with_another_key() {
    let (key, other) = (Key::ec(), Key::ec());
    let stage = Stage::with_keys(&[key.jwk("a"), other.jwk("b")]);
    assert_eq!(stage.rejection(&Key::ec().sign("a", &stage.claims())).await, Some(Rejection::Signature));
    assert_eq!(stage.rejection(&other.sign("a", &stage.claims())).await, Some(Rejection::Signature));
    let stage = Stage::new(options(secret(b"another secret of thirty-two byte")));
    assert_eq!(stage.rejection(&Key::secret(SECRET).sign("a", &stage.claims())).await, Some(Rejection::Signature));
}

#[tokio::test]
async fn a_key_that_the_token_brings_along() {
    let (key, mine) = (Key::ec(), Key::ec());
    let stage = Stage::with_keys(&[key.jwk("a")]);
    for (name, value) in [
        ("jwk", mine.jwk("a")),
        ("jku", json!("http://127.0.0.1:1/jwks")),
        ("x5u", json!("http://127.0.0.1:1/certificate")),
        ("x5c", json!(["MIIB"])),
    ] {
        let header = json!({"alg": "ES256", "kid": "a", name: value}).to_string();
        let forged = mine.sign_text(&header, &stage.claims().to_string());
        assert_eq!(stage.rejection(&forged).await, Some(Rejection::Signature), "{name}");
        let genuine = key.sign_text(&header, &stage.claims().to_string());
        assert_eq!(stage.rejection(&genuine).await, None, "{name}");
    }
}

#[tokio::test]
async fn a_name_of_no_key() {
    let key = Key::ec();
    let stage = Stage::with_keys(&[key.jwk("a")]);
    for kid in ["b", "", "A", "../a", "a\0", "' OR 1=1 --"] {
        assert_eq!(stage.rejection(&key.sign(kid, &stage.claims())).await, Some(Rejection::UnknownKey), "{kid:?}");
    }
}

#[tokio::test]
async fn no_name_where_there_are_several_keys() {
    let key = Key::ec();
    let stage = Stage::with_keys(&[key.jwk("a"), Key::ed().jwk("b")]);
    let token = key.sign_text(r#"{"alg":"ES256"}"#, &stage.claims().to_string());
    assert_eq!(stage.rejection(&token).await, Some(Rejection::UnknownKey));
}

#[tokio::test]
async fn a_payload_changed_after_signing() {
    let stage = Stage::with_secret();
    let token = Key::secret(SECRET).sign("a", &stage.claims());
    let [header, _, signature] = parts(&token);
    let payload = base64url(stage.claims_with("sub", json!("1")).to_string().as_bytes());
    assert_eq!(stage.rejection(&format!("{header}.{payload}.{signature}")).await, Some(Rejection::Signature));
}

#[tokio::test]
async fn a_header_changed_after_signing() {
    let stage = Stage::with_secret();
    let token = Key::secret(SECRET).sign("a", &stage.claims());
    let [_, payload, signature] = parts(&token);
    let header = base64url(br#"{"alg":"HS256"}"#);
    assert_eq!(stage.rejection(&format!("{header}.{payload}.{signature}")).await, Some(Rejection::Signature));
}

#[tokio::test]
async fn a_changed_signature() {
    for (key, stage) in [Key::rsa(), Key::ec(), Key::ed()].map(|key| {
        let stage = Stage::with_keys(&[key.jwk("a")]);
        (key, stage)
    }) {
        let token = key.sign("a", &stage.claims());
        let start = token.rfind('.').unwrap() + 1;
        // The last character holds spare bits; any other change makes other bytes.
        for position in start..token.len() - 1 {
            let mut bytes = token.clone().into_bytes();
            bytes[position] = if bytes[position] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(bytes).unwrap();
            assert_eq!(stage.rejection(&changed).await, Some(Rejection::Signature));
        }
        assert_eq!(stage.rejection(&token[..start]).await, Some(Rejection::Signature), "none at all");
    }
}

#[tokio::test]
async fn a_signature_of_zeros() {
    let keys = [Key::rsa(), Key::ec(), Key::ed()];
    for key in keys {
        let stage = Stage::with_keys(&[key.jwk("a")]);
        let token = key.sign("a", &stage.claims());
        let [header, payload, _] = parts(&token);
        for length in [0, 32, 64, 256] {
            let zeros = base64url(&vec![0; length]);
            assert_eq!(stage.rejection(&format!("{header}.{payload}.{zeros}")).await, Some(Rejection::Signature));
        }
    }
}
