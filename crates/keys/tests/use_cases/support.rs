//! Keys and callers to test with.

use core_domain::{
    AccountId, ApiKeyId, Credential, Environment, LineageId, Principal, ScopeSet, Tier, Timestamp, WorkspaceId,
};
use keys::{ApiKey, KeyHasher, KeyName, Token};
use testkit::SeededEntropy;

pub(crate) const PEPPER: [u8; 32] = [7; 32];

pub(crate) fn hasher() -> KeyHasher {
    KeyHasher::new(&PEPPER, &[])
}

pub(crate) fn token(seed: u64) -> Token {
    Token::generate(Environment::Live, &SeededEntropy::new(seed))
}

/// A key of workspace 1 that lasts for ever and may do everything.
pub(crate) fn key(token: &Token) -> ApiKey {
    let (digest, pepper_version) = hasher().digest(token);
    let id = ApiKeyId::try_from(5).unwrap();
    let made = Timestamp::parse("2026-01-01").unwrap();
    ApiKey {
        id,
        lineage_id: LineageId::from(id),
        account_id: AccountId::try_from(3).unwrap(),
        workspace_id: Some(WorkspaceId::try_from(1).unwrap()),
        name: KeyName::try_from("A key").unwrap(),
        prefix: token.prefix().to_owned(),
        digest,
        pepper_version,
        environment: Environment::Live,
        scopes: "*".parse().unwrap(),
        rate_limit_tier: None,
        allowed_ips: None,
        mcp_servers: None,
        expires_at: None,
        grace_period_ends_at: None,
        revoked_at: None,
        rotated_from_id: None,
        last_used_at: None,
        created_at: made,
        updated_at: made,
    }
}

pub(crate) fn caller(scopes: &ScopeSet) -> Principal {
    let id = ApiKeyId::try_from(9).unwrap();
    Principal {
        credential: Credential::ApiKey {
            id,
            lineage_id: LineageId::from(id),
            name: "The caller".to_owned(),
            prefix: "sk_live_abc".to_owned(),
        },
        account_id: AccountId::try_from(3).unwrap(),
        bound_to: Some(WorkspaceId::try_from(1).unwrap()),
        environment: Environment::Live,
        scopes: scopes.clone(),
        tier: Tier::Pro,
        ceiling: Tier::Pro,
        allowed_ips: None,
        mcp_servers: None,
        expires_at: None,
    }
}
