use std::time::Duration;

use core_domain::{ScopeSet, Timestamp};
use serde::Deserialize;
use tokens::{Claims, Rejection};

/// The claims that count, as they stand in a token. A claim twice is an error.
#[derive(Debug, Deserialize)]
pub(crate) struct RawClaims {
    exp: Option<NumericDate>,
    nbf: Option<NumericDate>,
    iat: Option<NumericDate>,
    iss: Option<String>,
    aud: Option<Audience>,
    sub: Option<String>,
    scope: Option<String>,
}

/// Seconds since the Unix epoch (RFC 7519, section 2).
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(untagged)]
enum NumericDate {
    Whole(u64),
    Fraction(f64),
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

impl NumericDate {
    fn moment(self, claim: &'static str) -> Result<Timestamp, Rejection> {
        let since_epoch = match self {
            Self::Whole(seconds) => Some(Duration::from_secs(seconds)),
            Self::Fraction(seconds) => Duration::try_from_secs_f64(seconds).ok(),
        };
        since_epoch
            .and_then(|span| i64::try_from(span.as_micros()).ok())
            .and_then(|micros| Timestamp::from_unix_micros(micros).ok())
            .ok_or(Rejection::Claim(claim))
    }
}

impl Audience {
    fn names(&self, audience: &str) -> bool {
        match self {
            Self::One(named) => named == audience,
            Self::Many(named) => named.iter().any(|named| named == audience),
        }
    }
}

/// What the claims of a good token must say.
#[derive(Debug)]
pub(crate) struct Expected {
    pub(crate) issuer: Option<String>,
    pub(crate) audience: Option<String>,
    pub(crate) leeway: Duration,
}

impl Expected {
    /// As many as an API key may hold.
    const MAX_SCOPES: usize = 50;

    pub(crate) fn check(&self, raw: &RawClaims, now: Timestamp) -> Result<Claims, Rejection> {
        let expires_at = raw.exp.ok_or(Rejection::Claim("exp"))?.moment("exp")?;
        if now >= expires_at.saturating_add(self.leeway) {
            return Err(Rejection::Expired);
        }
        if let Some(begins) = raw.nbf
            && now.saturating_add(self.leeway) < begins.moment("nbf")?
        {
            return Err(Rejection::NotYetValid);
        }
        if self.issuer.is_some() && raw.iss != self.issuer {
            return Err(Rejection::Issuer);
        }
        let is_for_us = match (&raw.aud, &self.audience) {
            (Some(named), Some(audience)) => named.names(audience),
            (named, audience) => named.is_none() && audience.is_none(),
        };
        if !is_for_us {
            return Err(Rejection::Audience);
        }
        Ok(Claims {
            subject: raw.sub.as_deref().and_then(|sub| sub.parse().ok()).ok_or(Rejection::Claim("sub"))?,
            scopes: scopes(raw.scope.as_deref().unwrap_or_default())?,
            expires_at,
            issued_at: raw.iat.map(|made| made.moment("iat")).transpose()?,
        })
    }
}

fn scopes(text: &str) -> Result<ScopeSet, Rejection> {
    if text.split_whitespace().nth(Expected::MAX_SCOPES).is_some() {
        return Err(Rejection::Claim("scope"));
    }
    text.parse().map_err(|_| Rejection::Claim("scope"))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn check(expected: &Expected, claims: Value) -> Result<Claims, Rejection> {
        let now = Timestamp::from_unix_micros(1_000 * 1_000_000).unwrap();
        expected.check(&serde_json::from_value(claims).unwrap(), now)
    }

    fn anyone(leeway: u64) -> Expected {
        Expected { issuer: None, audience: None, leeway: Duration::from_secs(leeway) }
    }

    #[test]
    fn a_token_ends_at_its_expiry_and_begins_at_its_beginning() {
        let ends = |leeway, exp: f64| check(&anyone(leeway), json!({"sub": "1", "exp": exp})).map(|_| ());
        assert_eq!(ends(0, 1_000.0), Err(Rejection::Expired));
        assert_eq!(ends(0, 1_000.001), Ok(()));
        assert_eq!(ends(30, 970.0), Err(Rejection::Expired));
        assert_eq!(ends(30, 971.0), Ok(()));
        let begins =
            |leeway, nbf: u64| check(&anyone(leeway), json!({"sub": "1", "exp": 2_000, "nbf": nbf})).map(|_| ());
        assert_eq!(begins(0, 1_001), Err(Rejection::NotYetValid));
        assert_eq!(begins(0, 1_000), Ok(()));
        assert_eq!(begins(30, 1_031), Err(Rejection::NotYetValid));
        assert_eq!(begins(30, 1_030), Ok(()));
    }

    #[test]
    fn the_expiry_is_the_tokens_own() {
        let claims = check(&anyone(30), json!({"sub": "1", "exp": 990})).unwrap();
        assert_eq!(claims.expires_at.as_unix_seconds(), 990);
    }

    #[test]
    fn times_out_of_bounds_are_unreadable() {
        for exp in [json!(u64::MAX), json!(1e300), json!(253_402_300_800_u64), json!(-5.5), json!(-5)] {
            assert_eq!(check(&anyone(0), json!({"sub": "1", "exp": exp})), Err(Rejection::Claim("exp")), "{exp}");
        }
    }

    #[test]
    fn scopes_are_separated_by_spaces_and_may_be_absent() {
        let scopes = |scope: Value| {
            check(&anyone(0), json!({"sub": "1", "exp": 2_000, "scope": scope})).map(|c| c.scopes.to_string())
        };
        assert_eq!(scopes(json!("posts:read  write")).as_deref(), Ok("posts:read write"));
        assert_eq!(scopes(json!("")).as_deref(), Ok(""));
        assert_eq!(scopes(Value::Null).as_deref(), Ok(""));
        assert_eq!(scopes(json!("posts:read Admin!")), Err(Rejection::Claim("scope")));
        let many: Vec<String> = (0..51).map(|number| format!("a:b{number}")).collect();
        assert_eq!(scopes(json!(many.join(" "))), Err(Rejection::Claim("scope")));
    }
}
