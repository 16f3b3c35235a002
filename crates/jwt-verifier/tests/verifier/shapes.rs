//! Texts that are no tokens, or more than one token at once.

use serde_json::{Value, json};
use tokens::{MAX_TOKEN_LEN, Rejection};

use crate::keys::{Key, SECRET};
use crate::stage::Stage;

fn header(alg: &str) -> String {
    json!({"typ": "JWT", "alg": alg, "kid": "a"}).to_string()
}

/// The parts of a token, to be put together wrongly.
fn parts(token: &str) -> [&str; 3] {
    token.split('.').collect::<Vec<_>>().try_into().unwrap()
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
    for wrong in
        [format!(" {token}"), format!("{token} "), format!("{token}="), format!("{token}\n"), token.to_lowercase()]
    {
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
    for twice in [
        r#"{"alg":"HS256","alg":"HS256"}"#,
        r#"{"alg":"none","alg":"HS256"}"#,
        r#"{"alg":"HS256","kid":"a","kid":"b"}"#,
    ] {
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
