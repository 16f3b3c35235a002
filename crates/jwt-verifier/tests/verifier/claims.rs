//! Claims that are missing, or say the wrong thing. Their limits are tested beside `Expected::check`.

use std::time::Duration;

use core_domain::Clock;
use jwt_verifier::{InvalidOptions, JwtOptions, JwtVerifier};
use serde_json::{Value, json};
use tokens::{Rejection, Subject};

use crate::keys::{Key, SECRET};
use crate::stage::{AUDIENCE, ISSUER, Stage, secret};

/// What becomes of a token with one claim changed, or taken out by a `null`.
async fn outcome(stage: &Stage, claim: &str, value: Value) -> Option<Rejection> {
    stage.rejection(&Key::secret(SECRET).sign("a", &stage.claims_with(claim, value))).await
}

#[tokio::test]
async fn an_expired_token_is_refused() {
    let stage = Stage::with_secret();
    let token = Key::secret(SECRET).sign("a", &stage.claims());
    stage.clock.advance(Duration::from_secs(3_600 + 29));
    assert_eq!(stage.rejection(&token).await, None, "within the allowance for clocks");
    stage.clock.advance(Duration::from_secs(1));
    assert_eq!(stage.rejection(&token).await, Some(Rejection::Expired));
}

#[tokio::test]
async fn a_token_exactly_at_its_expiry_is_refused() {
    let stage = Stage::new(JwtOptions { leeway: Duration::ZERO, ..JwtOptions::new(secret(SECRET)) });
    let token = Key::secret(SECRET).sign("a", &stage.claims_with("aud", Value::Null));
    stage.clock.advance(Duration::from_micros(3_600_000_000 - 1));
    assert_eq!(stage.rejection(&token).await, None);
    stage.clock.advance(Duration::from_micros(1));
    assert_eq!(stage.rejection(&token).await, Some(Rejection::Expired));
}

#[tokio::test]
async fn a_token_is_refused_before_its_beginning() {
    let stage = Stage::with_secret();
    let now = stage.clock.now().as_unix_seconds();
    assert_eq!(outcome(&stage, "nbf", json!(now + 30)).await, None, "within the allowance for clocks");
    assert_eq!(outcome(&stage, "nbf", json!(now + 31)).await, Some(Rejection::NotYetValid));
    assert_eq!(outcome(&stage, "nbf", Value::Null).await, None);
}

#[tokio::test]
async fn the_issuer_must_be_the_configured_one() {
    let stage = Stage::with_secret();
    for wrong in [Value::Null, json!("https://evil.example.com"), json!("https://id.example.com/"), json!("")] {
        assert_eq!(outcome(&stage, "iss", wrong.clone()).await, Some(Rejection::Issuer), "{wrong}");
    }
    for unreadable in [json!([ISSUER]), json!(7), json!({"iss": ISSUER})] {
        assert_eq!(outcome(&stage, "iss", unreadable.clone()).await, Some(Rejection::Malformed), "{unreadable}");
    }
}

#[tokio::test]
async fn the_audience_must_name_this_service() {
    let stage = Stage::with_secret();
    for good in [json!(AUDIENCE), json!([AUDIENCE]), json!(["another", AUDIENCE])] {
        assert_eq!(outcome(&stage, "aud", good.clone()).await, None, "{good}");
    }
    for wrong in [Value::Null, json!("another"), json!(["another"]), json!([]), json!(""), json!("CORE-API")] {
        assert_eq!(outcome(&stage, "aud", wrong.clone()).await, Some(Rejection::Audience), "{wrong}");
    }
    for unreadable in [json!([AUDIENCE, 7]), json!(7), json!({"aud": AUDIENCE})] {
        assert_eq!(outcome(&stage, "aud", unreadable.clone()).await, Some(Rejection::Malformed), "{unreadable}");
    }
}

#[tokio::test]
async fn a_token_for_a_service_is_refused_by_one_without_a_name() {
    let stage = Stage::new(JwtOptions::new(secret(SECRET)));
    assert_eq!(outcome(&stage, "aud", json!("another")).await, Some(Rejection::Audience));
}

#[tokio::test]
async fn expiry_and_subject_are_required() {
    let stage = Stage::with_secret();
    assert_eq!(outcome(&stage, "exp", Value::Null).await, Some(Rejection::Claim("exp")));
    assert_eq!(outcome(&stage, "sub", Value::Null).await, Some(Rejection::Claim("sub")));
    for wrong in [json!(""), json!("0"), json!("-1"), json!("ada"), json!("auth0|5f7c8ec7c33c6c004bbafe82")] {
        assert_eq!(outcome(&stage, "sub", wrong.clone()).await, Some(Rejection::Claim("sub")), "{wrong}");
    }
    for (claim, unreadable) in [
        ("exp", json!("1800000000")),
        ("exp", json!([1])),
        ("exp", json!(true)),
        ("sub", json!(42)),
        ("nbf", json!("0")),
    ] {
        assert_eq!(
            outcome(&stage, claim, unreadable.clone()).await,
            Some(Rejection::Malformed),
            "{claim} {unreadable}"
        );
    }
}

#[tokio::test]
async fn scopes_must_be_readable() {
    let stage = Stage::with_secret();
    assert_eq!(outcome(&stage, "scope", Value::Null).await, None);
    assert_eq!(outcome(&stage, "scope", json!("posts:read NOT/A/SCOPE")).await, Some(Rejection::Claim("scope")));
    assert_eq!(outcome(&stage, "scope", json!(["posts:read"])).await, Some(Rejection::Malformed));
}

#[tokio::test]
async fn a_subject_may_be_an_email_address() {
    let stage = Stage::with_secret();
    let token = Key::secret(SECRET).sign("a", &stage.claims_with("sub", json!("Ada@Example.com")));
    assert_eq!(stage.verify(&token).await.unwrap().subject, Subject::Email("ada@example.com".to_owned()));
}

#[test]
fn the_allowance_for_clocks_is_bounded() {
    let options = JwtOptions { leeway: Duration::from_secs(301), ..JwtOptions::new(secret(SECRET)) };
    let clock = std::sync::Arc::new(testkit::ManualClock::default());
    assert!(matches!(JwtVerifier::new(options, clock), Err(InvalidOptions::Leeway)));
}
