//! The longest, largest, earliest and latest that the domain allows come back as they were.

use std::sync::Arc;

use ::keys::{ApiKey, KeyName, PepperVersion};
use ::workspaces::{Settings, Workspace, WorkspaceFilter, WorkspaceName, WorkspaceQuery, WorkspaceSort};
use core_domain::{
    ApiKeyId, Environment, LineageId, McpServers, PageRequest, Scope, ScopeSet, Tier, Timestamp, WorkspaceId,
};
use serde_json::{Map, Value, json};

use crate::Backend;
use crate::build::{key, stored_account, stored_pair, workspace};
use crate::prelude::*;
use crate::reach::{found, reach};

/// Workspaces of every tier, with settings that hold every kind of value.
pub async fn extreme_workspaces_come_back_as_they_were<B: Backend>(backend: Arc<B>) {
    let owner = stored_account(&*backend, &format!("{}@example.com", "a".repeat(242))).await;
    let nothing_left = |settings: &Settings| Settings::MAX_BYTES - settings.to_json().len() - r#","blob":"""#.len();
    let awkward = Map::from_iter([
        ("\u{0}\u{1f980}".to_owned(), json!("\u{0}\u{7f}\u{ffff}\\\"\n%_' --")),
        ("deep".to_owned(), json!([[[{ "": [null, -0.5, 1e300, i64::MIN, u64::MAX] }]]])),
    ]);
    let settings = Settings::default().merged(&awkward).unwrap();
    let blob = Map::from_iter([("blob".to_owned(), Value::from("x".repeat(nothing_left(&settings))))]);
    let settings = settings.merged(&blob).unwrap();
    assert_eq!(settings.to_json().len(), Settings::MAX_BYTES);
    let mut stored = Vec::new();
    for (slug, tier) in (1..).zip(Tier::ALL) {
        let id = WorkspaceId::try_from(i64::MAX - i64::from(tier.rank())).unwrap();
        let made = Workspace {
            name: WorkspaceName::try_from(&*"\u{1d538}".repeat(WorkspaceName::MAX_CHARS)).unwrap(),
            tier: *tier,
            settings: settings.clone(),
            created_at: Timestamp::MIN,
            updated_at: Timestamp::MAX,
            ..workspace(id, &slug.to_string().repeat(63))
        };
        let mut tx = backend.begin().await.unwrap();
        tx.insert_workspace(&made, owner.id).await.unwrap();
        assert_eq!(tx.lock_workspace(id).await.unwrap(), Some(made.clone()));
        tx.commit().await.unwrap();
        assert_eq!(backend.store().find_workspace(id).await.unwrap(), Some(made.clone()));
        stored.insert(0, made);
    }
    let (filter, sort) = (WorkspaceFilter::default(), vec![WorkspaceSort::DEFAULT]);
    let query = WorkspaceQuery { filter, sort, page: PageRequest::FIRST };
    assert_eq!(backend.store().list_workspaces_of(owner.id, &query).await.unwrap().items, stored);
}

/// Keys with every field at its largest and smallest; empty lists stay apart from missing ones.
pub async fn extreme_keys_come_back_as_they_were<B: Backend>(backend: Arc<B>) {
    let (owner, home) = stored_pair(&*backend).await;
    let id = ApiKeyId::try_from(i64::MAX).unwrap();
    let scopes: ScopeSet = (0..50).map(|n| format!("{}:act-{n:03}", "r".repeat(92)).parse().unwrap()).collect();
    assert!(scopes.iter().all(|scope| scope.as_str().len() == Scope::MAX_LEN));
    let networks: Vec<_> = (0..100).map(|n| format!("2001:db8:ffff:ffff:ffff:ffff:ffff:{n:x}")).collect();
    let largest = ApiKey {
        lineage_id: LineageId::from(id),
        name: KeyName::try_from(&*"\u{1d538}".repeat(KeyName::MAX_CHARS)).unwrap(),
        digest: [0xff; 32].into(),
        pepper_version: PepperVersion(i32::MIN),
        environment: Environment::Test,
        scopes,
        rate_limit_tier: Some(Tier::Enterprise),
        allowed_ips: Some(format!("::/0 10.0.0.0/8 192.0.2.1 {}", networks.join(" ")).parse().unwrap()),
        mcp_servers: Some((0..McpServers::MAX_SERVERS).map(|n| format!("{n:0>64}")).collect()),
        expires_at: Some(Timestamp::MAX),
        grace_period_ends_at: Some(Timestamp::MIN),
        revoked_at: Some(Timestamp::MAX),
        rotated_from_id: Some(ApiKeyId::try_from(i64::MAX - 1).unwrap()),
        last_used_at: Some(Timestamp::MIN),
        created_at: Timestamp::MIN,
        updated_at: Timestamp::MAX,
        ..key(id, owner.id, Some(home.id))
    };
    let smallest = ApiKey {
        digest: [0; 32].into(),
        pepper_version: PepperVersion(i32::MAX),
        scopes: ScopeSet::default(),
        allowed_ips: Some(std::iter::empty().collect()),
        mcp_servers: Some(std::iter::empty().collect()),
        ..key(ApiKeyId::try_from(i64::MAX - 2).unwrap(), owner.id, Some(home.id))
    };
    for made in [largest, smallest] {
        let mut tx = backend.begin().await.unwrap();
        tx.insert_key(&made).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(found(&*backend, reach(home.id, None), made.id).await, Some(made.clone()));
        let credential = backend.store().find_credential(&[made.digest]).await.unwrap();
        assert_eq!(credential.map(|found| found.key), Some(made));
    }
}
