use std::time::Duration;

use anyhow::Context;
use core_domain::ScopeSet;
use http_api::Services;
use jwt_verifier::{NewToken, sign_hs256};
use tokens::Subject;

use super::{key, print};
use crate::cli::CreateToken;
use crate::config::Config;

/// Makes a token that this configuration accepts.
pub(crate) async fn create(config: &Config, services: &Services, arguments: CreateToken) -> anyhow::Result<()> {
    let secret = config.jwt_secret().context("tokens can be made with CORE_API_JWT_SECRET only")?;
    let account = key::account(services, &arguments.account).await?;
    let scopes: ScopeSet = arguments.scopes.join(" ").parse().context("--scopes is wrong")?;
    let issued_at = services.clock.now();
    let options = config.jwt();
    let token = NewToken {
        subject: Subject::Id(account.id),
        scopes,
        issuer: options.and_then(|options| options.issuer.clone()),
        audience: options.and_then(|options| options.audience.clone()),
        issued_at,
        expires_at: issued_at.saturating_add(Duration::from_secs(arguments.seconds.into())),
    };
    print(&sign_hs256(secret, &token)?)
}
