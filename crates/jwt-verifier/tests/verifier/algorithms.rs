//! Tokens that ask for another algorithm than their key is for.

use serde_json::json;
use tokens::Rejection;

use crate::keys::{Key, SECRET, base64url};
use crate::stage::Stage;

fn header(alg: &str) -> String {
    json!({"typ": "JWT", "alg": alg, "kid": "a"}).to_string()
}

#[tokio::test]
async fn alg_none() {
    let key = Key::rsa();
    for stage in [Stage::with_secret(), Stage::with_keys(&[key.jwk("a")])] {
        for none in ["none", "None", "NONE", "nOnE", "", "null"] {
            let message =
                format!("{}.{}", base64url(header(none).as_bytes()), base64url(stage.claims().to_string().as_bytes()));
            let signed = key.sign_text(&header(none), &stage.claims().to_string());
            for token in [format!("{message}."), message.clone(), format!("{message}.e30"), signed] {
                assert_eq!(stage.rejection(&token).await, Some(Rejection::Malformed), "{none}: {token}");
            }
        }
    }
}

#[tokio::test]
async fn hs256_signed_with_the_public_key() {
    let key = Key::rsa();
    let stage = Stage::with_keys(&[key.jwk("a")]);
    let modulus = key.jwk("a")["n"].as_str().unwrap().to_owned();
    for secret in [
        key.public_pem().into_bytes(),
        key.public_pem().trim_end().as_bytes().to_vec(),
        key.public_der(),
        key.jwk("a").to_string().into_bytes(),
        modulus.into_bytes(),
    ] {
        let forged = Key::secret(&secret).sign("a", &stage.claims());
        assert_eq!(stage.rejection(&forged).await, Some(Rejection::Algorithm));
        let relabelled = Key::secret(&secret).sign_text(&header("RS256"), &stage.claims().to_string());
        assert_eq!(stage.rejection(&relabelled).await, Some(Rejection::Signature));
    }
}

#[tokio::test]
async fn a_secret_in_a_key_set_is_no_key() {
    let stage = Stage::with_keys(&[Key::secret(SECRET).jwk("a"), Key::ec().jwk("b")]);
    let token = Key::secret(SECRET).sign("a", &stage.claims());
    assert_eq!(stage.rejection(&token).await, Some(Rejection::UnknownKey));
}

#[tokio::test]
async fn a_key_used_with_the_algorithm_of_another_type() {
    let (rsa, ec, ed) = (Key::rsa(), Key::ec(), Key::ed());
    let stage = Stage::with_keys(&[rsa.jwk("rsa"), ec.jwk("ec"), ed.jwk("ed")]);
    for (kid, key) in [("rsa", &rsa), ("ec", &ec), ("ed", &ed)] {
        for alg in ["RS256", "ES256", "EdDSA", "HS256", "RS512", "PS256", "ES384"] {
            let token = key.sign_text(&json!({"alg": alg, "kid": kid}).to_string(), &stage.claims().to_string());
            let expected = (alg != key.algorithm()).then_some(Rejection::Algorithm);
            assert_eq!(stage.rejection(&token).await, expected, "{kid} with {alg}");
        }
    }
}

#[tokio::test]
async fn another_algorithm_with_the_shared_secret() {
    let stage = Stage::with_secret();
    for alg in ["HS384", "HS512", "RS256", "ES256", "EdDSA"] {
        let token = Key::secret(SECRET).sign_text(&header(alg), &stage.claims().to_string());
        assert_eq!(stage.rejection(&token).await, Some(Rejection::Algorithm), "{alg}");
    }
}
