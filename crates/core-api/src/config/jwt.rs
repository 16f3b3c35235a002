use anyhow::{Context, bail};
use jwt_verifier::{Hs256Secret, JwtOptions, KeySource};

use super::settings::Values;

/// How signed tokens are verified; `None` when neither a secret nor a key set is given.
pub(super) fn options(values: &Values) -> anyhow::Result<Option<JwtOptions>> {
    let secret = values.parse_optional("CORE_API_JWT_SECRET", secret)?;
    let key_set = values.parse_optional("CORE_API_JWT_JWKS", key_set)?;
    let issuer = values.get("CORE_API_JWT_ISSUER").map(str::to_owned);
    let audience = values.get("CORE_API_JWT_AUDIENCE").map(str::to_owned);
    let keys = match (secret, key_set) {
        (Some(_), Some(_)) => bail!("CORE_API_JWT_SECRET and CORE_API_JWT_JWKS exclude each other"),
        (Some(keys), None) | (None, Some(keys)) => keys,
        (None, None) if issuer.is_some() || audience.is_some() => {
            bail!("CORE_API_JWT_ISSUER and CORE_API_JWT_AUDIENCE need CORE_API_JWT_SECRET or CORE_API_JWT_JWKS")
        }
        (None, None) => return Ok(None),
    };
    Ok(Some(JwtOptions { issuer, audience, ..JwtOptions::new(keys) }))
}

fn secret(text: &str) -> anyhow::Result<KeySource> {
    Ok(KeySource::Secret(Hs256Secret::new(text.as_bytes().to_vec())?))
}

fn key_set(text: &str) -> anyhow::Result<KeySource> {
    if text.contains("://") {
        Ok(KeySource::JwksUrl(text.parse().context("the URL can't be used")?))
    } else {
        Ok(KeySource::JwksFile(text.into()))
    }
}

pub(super) fn describe(options: Option<&JwtOptions>) -> String {
    let Some(options) = options else { return "not accepted".to_owned() };
    let keys = match &options.keys {
        KeySource::Secret(_) => "HS256".to_owned(),
        KeySource::JwksFile(path) => format!("JWKS, {}", path.display()),
        KeySource::JwksUrl(_) => "JWKS, by URL".to_owned(),
    };
    let claim = |value: &Option<String>| value.clone().unwrap_or_else(|| "any".to_owned());
    format!("{keys}, issuer {}, audience {}", claim(&options.issuer), claim(&options.audience))
}
