use anyhow::{Context, bail};
use core_domain::{
    ApiKeyId, Credential, Environment, Principal, Role, ScopeSet, Tier, Timestamp, WireWord, WorkspaceContext,
    WorkspaceId,
};
use entitlements::{LimitedStock, Realm};
use http_api::Services;
use keys::{ApiKey, IssueKey, KeyName};
use serde_json::{Value, json};
use workspaces::{Account, Email};

use super::print;
use crate::cli::CreateKey;

pub(crate) async fn create(services: &Services, arguments: CreateKey) -> anyhow::Result<()> {
    let account = account(services, &arguments.account).await?;
    let name = KeyName::try_from(arguments.name.as_str()).context("--name is wrong")?;
    let scopes: ScopeSet = arguments.scopes.join(" ").parse().context("--scopes is wrong")?;
    let environment = Environment::from_word(&arguments.environment).context("--environment must be live or test")?;
    let expires_at =
        arguments.expires_at.as_deref().map(Timestamp::parse).transpose().context("--expires-at is wrong")?;
    let mut tx = services.store.begin().await?;
    let issued = if let Some(id) = arguments.workspace {
        let context = context(services, &account, id).await?;
        let command = IssueKey {
            name,
            scopes: Some(scopes),
            rate_limit_tier: None,
            expires_at,
            environment: Some(environment),
            allowed_ips: None,
            mcp_servers: None,
        };
        let issued = services.keys.issue(&mut *tx, &operator(&account), context, command).await?;
        let place = Realm { workspace_id: context.id, environment: issued.key.environment };
        services.entitlements.service().take(&mut *tx, place, LimitedStock::ApiKeys).await?;
        issued
    } else {
        if expires_at.is_some() {
            bail!("--expires-at needs --workspace: an account-level key does not expire");
        }
        let home = home(services, &account).await?;
        services.keys.issue_account_key(&mut *tx, account.id, home, name, scopes, environment).await?
    };
    tx.commit().await?;
    let secret = issued.token.expose();
    if arguments.json {
        return print(&json!({ "id": issued.key.id.get(), "key": secret }).to_string());
    }
    print(&format!("Made the key {} ({}), shown this once:\n{secret}", issued.key.id, issued.key.name.as_str()))
}

pub(crate) async fn list(services: &Services, email: &str, as_json: bool) -> anyhow::Result<()> {
    let account = account(services, email).await?;
    let now = services.clock.now();
    let keys = services.key_reader.list_keys_of_account(account.id).await?;
    if as_json {
        let rows: Vec<Value> = keys.iter().map(|key| row(key, now)).collect();
        return print(&Value::from(rows).to_string());
    }
    for key in &keys {
        let place = key.workspace_id.map_or("account-level".to_owned(), |id| format!("workspace {id}"));
        print(&format!(
            "{}\t{}...\t{}\t{place}\t{}\t{}",
            key.id,
            key.prefix,
            key.status(now),
            key.scopes,
            key.name.as_str()
        ))?;
    }
    Ok(())
}

pub(crate) async fn revoke(services: &Services, email: &str, id: i64) -> anyhow::Result<()> {
    let account = account(services, email).await?;
    let id = ApiKeyId::try_from(id).context("the id must be positive")?;
    let keys = services.key_reader.list_keys_of_account(account.id).await?;
    let key = keys.iter().find(|key| key.id == id).context("the account has no such key")?;
    let place = match key.workspace_id {
        Some(workspace) => workspace,
        None => home(services, &account).await?,
    };
    let context = context(services, &account, place.get()).await?;
    let mut tx = services.store.begin().await?;
    let key = services.keys.revoke(&mut *tx, &operator(&account), context, id).await?;
    if key.counts_in(context.id) {
        let place = Realm { workspace_id: context.id, environment: key.environment };
        services.entitlements.service().give_back(&mut *tx, place, LimitedStock::ApiKeys).await?;
    }
    tx.commit().await?;
    print(&format!("Revoked the key {id}."))
}

fn row(key: &ApiKey, now: Timestamp) -> Value {
    json!({
        "id": key.id.get(),
        "name": key.name.as_str(),
        "prefix": key.prefix,
        "status": key.status(now).as_str(),
        "environment": key.environment.as_str(),
        "workspace_id": key.workspace_id.map(WorkspaceId::get),
        "scopes": key.scopes,
        "last_used_at": key.last_used_at,
        "expires_at": key.expires_at,
        "created_at": key.created_at,
    })
}

pub(super) async fn account(services: &Services, email: &str) -> anyhow::Result<Account> {
    let email = Email::try_from(email).context("--account is wrong")?;
    let mut tx = services.store.begin().await?;
    let found = tx.find_account_by_email(&email).await?;
    tx.rollback().await?;
    found.with_context(|| format!("no account has the email {}", email.as_str()))
}

async fn context(services: &Services, account: &Account, workspace: i64) -> anyhow::Result<WorkspaceContext> {
    let id = WorkspaceId::try_from(workspace).context("--workspace must be positive")?;
    let membership = services.workspace_reader.find_membership(account.id, id).await?;
    let membership = membership.context("the account has no such workspace")?;
    Ok(WorkspaceContext { id, tier: membership.tier, role: Some(Role::Owner) })
}

/// The workspace that hears of an account-level key's events.
async fn home(services: &Services, account: &Account) -> anyhow::Result<WorkspaceId> {
    let first = services.workspace_reader.list_memberships(account.id, 1).await?;
    Ok(first.first().context("the account has no workspace")?.workspace_id)
}

/// Whoever runs the command line may do what the account's owner may.
fn operator(account: &Account) -> Principal {
    Principal {
        credential: Credential::Token,
        account_id: account.id,
        bound_to: None,
        environment: Environment::Live,
        scopes: "* operator:*".parse().unwrap_or_default(),
        tier: Tier::Enterprise,
        ceiling: Tier::Enterprise,
        allowed_ips: None,
        mcp_servers: None,
        expires_at: None,
    }
}
