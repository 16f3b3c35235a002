//! One forgery each.

use serde_json::{Value, json};
use tokens::{MAX_TOKEN_LEN, Rejection};

use crate::keys::{Key, SECRET, base64url};
use crate::stage::{Stage, options, secret};

fn header(alg: &str) -> String {
    json!({"typ": "JWT", "alg": alg, "kid": "a"}).to_string()
}

/// The parts of a token, to be put together wrongly.
fn parts(token: &str) -> [&str; 3] {
    token.split('.').collect::<Vec<_>>().try_into().unwrap()
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

#[tokio::test]
async fn cut_short() {
    let stage = Stage::with_secret();
    let token = Key::secret(SECRET).sign("a", &stage.claims());
    for length in 0..token.len() {
        assert!(stage.rejection(&token[..length]).await.is_some(), "{length}");
    }
}

#[tokio::test]
async fn parts_too_many_or_too_few() {
    let stage = Stage::with_secret();
    let token = Key::secret(SECRET).sign("a", &stage.claims());
    let [header, payload, signature] = parts(&token);
    for wrong in [
        format!("{token}..."),
        format!("...{token}"),
        format!("{token}.{signature}"),
        format!(".{token}"),
        format!("{header}..{payload}.{signature}"),
        format!("{header}.{payload}"),
        header.to_owned(),
        "..".to_owned(),
        String::new(),
    ] {
        assert_eq!(stage.rejection(&wrong).await, Some(Rejection::Malformed), "{wrong}");
    }
}

#[tokio::test]
async fn the_same_token_in_another_spelling() {
    let stage = Stage::with_secret();
    let token = Key::secret(SECRET).sign("a", &stage.claims());
    for wrong in [format!(" {token}"), format!("{token} "), format!("{token}="), format!("{token}\n"), token.to_lowercase()] {
        assert!(stage.rejection(&wrong).await.is_some(), "{wrong}");
    }
    // 32 bytes leave two bits of the last character unused: another spelling of the same signature.
    let last = token.chars().last().unwrap();
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let next = alphabet.chars().nth(alphabet.find(last).unwrap() + 1).unwrap();
    assert_eq!(stage.rejection(&format!("{}{next}", &token[..token.len() - 1])).await, Some(Rejection::Malformed));
}

#[tokio::test]
async fn longer_than_is_read() {
    let stage = Stage::with_secret();
    assert_eq!(stage.rejection(&"a".repeat(1024 * 1024)).await, Some(Rejection::Malformed));
    let long = Key::secret(SECRET).sign("a", &stage.claims_with("pad", json!("x".repeat(MAX_TOKEN_LEN))));
    assert_eq!(stage.rejection(&long).await, Some(Rejection::Malformed));
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
async fn a_claim_twice() {
    let stage = Stage::with_secret();
    let claims = stage.claims().to_string();
    for claim in ["sub", "exp", "nbf", "iat", "iss", "aud", "scope"] {
        let value: Value = stage.claims()[claim].clone();
        for name in [claim.to_owned(), format!("\\u{:04x}{}", u32::from(claim.as_bytes()[0]), &claim[1..])] {
            let twice = format!(r#"{},"{name}":{value}}}"#, claims.trim_end_matches('}'));
            let token = Key::secret(SECRET).sign_text(&header("HS256"), &twice);
            assert_eq!(stage.rejection(&token).await, Some(Rejection::Malformed), "{twice}");
        }
    }
}

#[tokio::test]
async fn a_header_twice() {
    let stage = Stage::with_secret();
    for twice in [r#"{"alg":"HS256","alg":"HS256"}"#, r#"{"alg":"none","alg":"HS256"}"#, r#"{"alg":"HS256","kid":"a","kid":"b"}"#] {
        let token = Key::secret(SECRET).sign_text(twice, &stage.claims().to_string());
        assert_eq!(stage.rejection(&token).await, Some(Rejection::Malformed), "{twice}");
    }
}

#[tokio::test]
async fn an_extension_that_must_be_understood() {
    let stage = Stage::with_secret();
    for crit in [r#"["b64"]"#, r#"["exp"]"#, "[]"] {
        let header = format!(r#"{{"alg":"HS256","b64":true,"crit":{crit}}}"#);
        let token = Key::secret(SECRET).sign_text(&header, &stage.claims().to_string());
        assert_eq!(stage.rejection(&token).await, Some(Rejection::Kind), "{crit}");
    }
}

#[tokio::test]
async fn something_else_that_the_issuer_signed() {
    let stage = Stage::with_secret();
    for typ in ["logout+jwt", "secevent+jwt", "dpop+jwt", "application/json", ""] {
        let header = json!({"alg": "HS256", "typ": typ}).to_string();
        let token = Key::secret(SECRET).sign_text(&header, &stage.claims().to_string());
        assert_eq!(stage.rejection(&token).await, Some(Rejection::Kind), "{typ}");
    }
}

#[tokio::test]
async fn a_payload_that_is_no_object() {
    let stage = Stage::with_secret();
    let deep = format!("{}{}", "[".repeat(3_000), "]".repeat(3_000));
    for payload in ["", "null", "[]", "42", r#""text""#, "{", r#"{"sub":"42"}{}"#, "\u{feff}{}", &deep] {
        let token = Key::secret(SECRET).sign_text(&header("HS256"), payload);
        assert!(stage.rejection(&token).await.is_some(), "{payload}");
    }
}
