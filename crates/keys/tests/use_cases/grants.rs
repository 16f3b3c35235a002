//! A key never opens more than the credential that makes it.

use std::sync::Arc;
use std::time::Duration;

use crate::support::{caller, hasher, key, token};
use async_trait::async_trait;
use core_domain::{
    ApiKeyId, Credential, DomainEvent, Environment, Outbox, Permission, Principal, Role, ScopeSet, StorageError, Tier,
    Timestamp, Transaction, WorkspaceContext, WorkspaceId,
};
use keys::{
    ApiKey, GracePeriod, GrantError, IssueKey, IssueKeyError, KeyName, KeyReach, KeyRepository, KeyService, RotateKey,
    RotateKeyError,
};
use proptest::prelude::*;
use testkit::{ManualClock, SeededEntropy};

/// A transaction over one stored key, that keeps what was written.
#[derive(Default)]
struct RecordingTx {
    stored: Option<ApiKey>,
    inserted: Vec<ApiKey>,
    events: Vec<DomainEvent>,
}

#[async_trait]
impl KeyRepository for RecordingTx {
    async fn next_key_id(&mut self) -> Result<ApiKeyId, StorageError> {
        Ok(ApiKeyId::try_from(100).unwrap())
    }

    async fn insert_key(&mut self, key: &ApiKey) -> Result<(), StorageError> {
        self.inserted.push(key.clone());
        Ok(())
    }

    async fn find_key_for_change(&mut self, _: KeyReach, _: ApiKeyId) -> Result<Option<ApiKey>, StorageError> {
        Ok(self.stored.clone())
    }

    async fn begin_grace_period(&mut self, _: ApiKeyId, _: Timestamp, _: Timestamp) -> Result<bool, StorageError> {
        Ok(true)
    }

    async fn revoke_key(&mut self, _: ApiKeyId, _: Timestamp) -> Result<bool, StorageError> {
        Ok(true)
    }
}

#[async_trait]
impl Outbox for RecordingTx {
    async fn append(&mut self, event: &DomainEvent) -> Result<(), StorageError> {
        self.events.push(event.clone());
        Ok(())
    }
}

#[async_trait]
impl Transaction for RecordingTx {
    async fn commit(self: Box<Self>) -> Result<(), StorageError> {
        Ok(())
    }

    async fn rollback(self: Box<Self>) -> Result<(), StorageError> {
        Ok(())
    }
}

const PERMISSIONS: [Permission; 5] = [
    Permission::new("posts", "read"),
    Permission::new("posts", "write"),
    Permission::new("api-keys", "read"),
    Permission::new("api-keys", "write"),
    Permission::new("elsewhere", "delete"),
];

fn service() -> (KeyService, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::default());
    (KeyService::new(Arc::new(hasher()), clock.clone(), Arc::new(SeededEntropy::new(1))), clock)
}

fn context() -> WorkspaceContext {
    WorkspaceContext { id: WorkspaceId::try_from(1).unwrap(), tier: Tier::Pro, role: None }
}

fn plain() -> IssueKey {
    IssueKey {
        name: KeyName::try_from("New").unwrap(),
        scopes: None,
        rate_limit_tier: None,
        expires_at: None,
        environment: None,
        allowed_ips: None,
        mcp_servers: None,
    }
}

fn issue(caller: &Principal, command: IssueKey) -> Result<(ApiKey, RecordingTx), IssueKeyError> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let mut tx = RecordingTx::default();
    let issued = runtime.block_on(service().0.issue(&mut tx, caller, context(), command))?;
    Ok((issued.key, tx))
}

fn scopes() -> impl Strategy<Value = ScopeSet> {
    let scope = prop::sample::select(&[
        "*",
        "read",
        "write",
        "*:delete",
        "posts:*",
        "posts:read",
        "posts:write",
        "api-keys:*",
        "api-keys:write",
    ]);
    prop::collection::vec(scope, 0..4).prop_map(|scopes| scopes.join(" ").parse().unwrap())
}

proptest! {
    #[test]
    fn no_key_grants_what_its_creator_lacks(held in scopes(), wanted in scopes()) {
        match issue(&caller(&held), IssueKey { scopes: Some(wanted.clone()), ..plain() }) {
            Ok((key, tx)) => {
                prop_assert_eq!(&key.scopes, &wanted);
                for permission in PERMISSIONS {
                    prop_assert!(!key.scopes.grants(permission) || held.grants(permission), "{}", permission);
                }
                prop_assert_eq!(tx.inserted.len(), 1);
                prop_assert_eq!(tx.events.len(), 1);
            }
            Err(IssueKeyError::Grant(GrantError::ScopeNotHeld(scope))) => {
                prop_assert!(!held.iter().any(|own| own.covers(&scope)), "{}", scope);
            }
            Err(other) => return Err(TestCaseError::fail(other.to_string())),
        }
    }

    #[test]
    fn no_rotation_shows_a_secret_beyond_the_caller(held in scopes(), stored in scopes()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build()?;
        let old = ApiKey { scopes: stored.clone(), ..key(&token(1)) };
        let mut tx = RecordingTx { stored: Some(old), ..RecordingTx::default() };
        let command = RotateKey { id: ApiKeyId::try_from(5)?, grace_period: GracePeriod::default() };
        let outcome = runtime.block_on(service().0.rotate(&mut tx, &caller(&held), context(), command));
        match outcome {
            Ok((issued, _)) => prop_assert!(PERMISSIONS.iter().all(|wanted| !issued.key.scopes.grants(*wanted) || held.grants(*wanted))),
            Err(RotateKeyError::Grant(GrantError::ScopeNotHeld(_))) => prop_assert!(held.first_uncovered(&stored).is_some()),
            Err(other) => return Err(TestCaseError::fail(other.to_string())),
        }
    }
}

fn refusal(caller: &Principal, command: IssueKey) -> GrantError {
    match issue(caller, command) {
        Err(IssueKeyError::Grant(error)) => error,
        other => panic!("{:?}", other.map(|(key, _)| key)),
    }
}

fn everything() -> Principal {
    caller(&"*".parse().unwrap())
}

#[test]
fn a_test_key_makes_test_keys_only() {
    let tester = Principal { environment: Environment::Test, ..everything() };
    assert_eq!(issue(&tester, plain()).unwrap().0.environment, Environment::Test);
    let live = IssueKey { environment: Some(Environment::Live), ..plain() };
    assert_eq!(refusal(&tester, live), GrantError::Environment);
    assert_eq!(issue(&everything(), plain()).unwrap().0.environment, Environment::Live);
}

#[test]
fn a_key_does_not_outlive_its_maker() {
    let end = Timestamp::parse("2026-02-01").unwrap();
    let ending = Principal { expires_at: Some(end), ..everything() };
    assert_eq!(issue(&ending, plain()).unwrap().0.expires_at, Some(end));
    let later = IssueKey { expires_at: Some(end.saturating_add(Duration::from_secs(1))), ..plain() };
    assert_eq!(refusal(&ending, later.clone()), GrantError::Expiry);
    let person = Principal { credential: Credential::Token, ..ending };
    assert!(issue(&person, later).is_ok(), "a token's short life binds nothing");
}

#[test]
fn restrictions_are_inherited_and_can_only_be_narrowed() {
    let restricted = Principal {
        allowed_ips: Some("10.0.0.0/8".parse().unwrap()),
        mcp_servers: Some(["files".to_owned(), "time".to_owned()].into_iter().collect()),
        ..everything()
    };
    let (inherited, _) = issue(&restricted, plain()).unwrap();
    assert_eq!(inherited.allowed_ips, restricted.allowed_ips);
    assert_eq!(inherited.mcp_servers, restricted.mcp_servers);
    let narrower = IssueKey { allowed_ips: Some("10.1.0.0/16".parse().unwrap()), ..plain() };
    assert!(issue(&restricted, narrower).is_ok());
    let wider = IssueKey { allowed_ips: Some("0.0.0.0/0".parse().unwrap()), ..plain() };
    assert_eq!(refusal(&restricted, wider), GrantError::Addresses);
    let other = IssueKey { mcp_servers: Some(["shell".to_owned()].into_iter().collect()), ..plain() };
    assert_eq!(refusal(&restricted, other), GrantError::McpServers);
}

#[test]
fn a_mere_member_manages_no_keys() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let member = WorkspaceContext { role: Some(Role::Member), ..context() };
    let outcome = runtime.block_on(service().0.issue(&mut RecordingTx::default(), &everything(), member, plain()));
    assert!(matches!(outcome, Err(IssueKeyError::Grant(GrantError::Role))));
}

#[test]
fn expiry_lies_in_the_future_and_the_tier_within_the_workspace() {
    let (_, clock) = service();
    let now = core_domain::Clock::now(&*clock);
    let past = IssueKey { expires_at: Some(now), ..plain() };
    assert!(matches!(issue(&everything(), past), Err(IssueKeyError::ExpiryInPast)));
    let above = IssueKey { rate_limit_tier: Some(Tier::Business), ..plain() };
    assert!(matches!(issue(&everything(), above), Err(IssueKeyError::TierAboveWorkspace)));
}

#[test]
fn a_rotation_keeps_everything_but_the_secret() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let end = Timestamp::parse("2026-01-15T12:00:00Z").unwrap();
    let old = ApiKey {
        rate_limit_tier: Some(Tier::Starter),
        allowed_ips: Some("10.0.0.0/8".parse().unwrap()),
        expires_at: Some(end),
        last_used_at: Some(Timestamp::MIN),
        ..key(&token(2))
    };
    let mut tx = RecordingTx { stored: Some(old.clone()), ..RecordingTx::default() };
    let command = RotateKey { id: old.id, grace_period: GracePeriod::from_hours(24).unwrap() };
    let (service, clock) = service();
    let (issued, old_ends_at) = runtime.block_on(service.rotate(&mut tx, &everything(), context(), command)).unwrap();
    assert_eq!(old_ends_at, end, "the grace period never outlasts the key's own expiry");
    let now = core_domain::Clock::now(&*clock);
    let expected = ApiKey {
        id: issued.key.id,
        prefix: issued.token.prefix().to_owned(),
        digest: hasher().digest(&issued.token).0,
        rotated_from_id: Some(old.id),
        last_used_at: None,
        created_at: now,
        updated_at: now,
        ..old.clone()
    };
    assert_eq!(issued.key, expected);
    assert_ne!(issued.key.digest, old.digest);
    assert_eq!(issued.key.lineage_id, old.lineage_id);
}
