use core_domain::{AccountId, Clock};
use jwt_verifier::{Hs256Secret, JwtOptions, KeySource, NewToken, sign_hs256};
use serde_json::{Value, json};
use tokens::Subject;

use crate::keys::{Key, SECRET};
use crate::server::JwksServer;
use crate::stage::{AUDIENCE, ISSUER, Stage, options, secret};

#[tokio::test]
async fn every_kind_of_key_verifies_its_own_tokens() {
    let keys = [Key::rsa(), Key::ec(), Key::ed()];
    let stage = Stage::with_keys(&[keys[0].jwk("rsa"), keys[1].jwk("ec"), keys[2].jwk("ed")]);
    for (key, kid) in keys.iter().zip(["rsa", "ec", "ed"]) {
        let claims = stage.verify(&key.sign(kid, &stage.claims())).await.unwrap();
        assert_eq!(claims.subject, Subject::Id(AccountId::try_from(42).unwrap()));
        assert_eq!(claims.scopes.to_string(), "posts:read workspaces:read");
        assert_eq!(claims.issued_at, Some(stage.clock.now()));
        assert_eq!(claims.expires_at.as_unix_seconds(), stage.clock.now().as_unix_seconds() + 3_600);
    }
}

#[tokio::test]
async fn a_shared_secret_verifies_its_own_tokens() {
    let stage = Stage::with_secret();
    assert_eq!(stage.rejection(&Key::secret(SECRET).sign("any", &stage.claims())).await, None);
}

#[tokio::test]
async fn keys_come_over_http() {
    let key = Key::rsa();
    let server = JwksServer::start(&[key.jwk("a")]).await;
    let stage = Stage::new(options(server.source()));
    for _ in 0..3 {
        assert_eq!(stage.rejection(&key.sign("a", &stage.claims())).await, None);
    }
    assert_eq!(server.fetches(), 1);
}

#[tokio::test]
async fn a_stated_algorithm_and_use_change_nothing() {
    let key = Key::ec();
    let mut jwk = key.jwk("a");
    jwk["alg"] = json!("ES256");
    jwk["use"] = json!("sig");
    let stage = Stage::with_keys(&[jwk]);
    assert_eq!(stage.rejection(&key.sign("a", &stage.claims())).await, None);
}

#[tokio::test]
async fn a_single_key_needs_no_name() {
    let key = Key::ed();
    let stage = Stage::with_keys(&[key.jwk("a")]);
    let token = key.sign_text(r#"{"alg":"EdDSA"}"#, &stage.claims().to_string());
    assert_eq!(stage.rejection(&token).await, None);
}

#[tokio::test]
async fn keys_of_two_types_may_share_a_name() {
    let keys = [Key::rsa(), Key::ec()];
    let stage = Stage::with_keys(&[keys[0].jwk("a"), keys[1].jwk("a")]);
    for key in &keys {
        assert_eq!(stage.rejection(&key.sign("a", &stage.claims())).await, None, "{}", key.algorithm());
    }
}

#[tokio::test]
async fn access_tokens_may_say_that_they_are_ones() {
    let stage = Stage::with_secret();
    for typ in ["JWT", "jwt", "at+jwt", "application/at+jwt"] {
        let header = json!({"alg": "HS256", "typ": typ}).to_string();
        let token = Key::secret(SECRET).sign_text(&header, &stage.claims().to_string());
        assert_eq!(stage.rejection(&token).await, None, "{typ}");
    }
}

#[tokio::test]
async fn what_is_signed_here_is_verified_here() {
    let stage = Stage::with_secret();
    let token = NewToken {
        subject: "ada@example.com".parse().unwrap(),
        scopes: "read write".parse().unwrap(),
        issuer: Some(ISSUER.to_owned()),
        audience: Some(AUDIENCE.to_owned()),
        issued_at: stage.clock.now(),
        expires_at: stage.clock.now().saturating_add(std::time::Duration::from_hours(1)),
    };
    let text = sign_hs256(&Hs256Secret::new(SECRET.to_vec()).unwrap(), &token).unwrap();
    let claims = stage.verify(&text).await.unwrap();
    assert_eq!((claims.subject, claims.scopes), (token.subject, token.scopes));
    assert_eq!((claims.expires_at, claims.issued_at), (token.expires_at, Some(token.issued_at)));
}

#[tokio::test]
async fn without_issuer_and_audience_anyones_tokens_are_good() {
    let stage = Stage::new(JwtOptions::new(secret(SECRET)));
    let token = Key::secret(SECRET).sign("", &stage.claims_with("aud", Value::Null));
    assert_eq!(stage.rejection(&token).await, None);
}

#[tokio::test]
async fn a_file_that_cannot_be_read_is_known_at_the_start() {
    let stage = Stage::new(options(KeySource::JwksFile("/nonexistent/jwks.json".into())));
    assert!(stage.verifier.load().await.is_err());
    assert!(Stage::with_secret().verifier.load().await.is_ok());
}
