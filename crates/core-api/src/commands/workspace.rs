use anyhow::Context;
use core_domain::{AccountId, Environment, PageRequest, Role, Tier, WireWord, WorkspaceContext, WorkspaceId};
use http_api::Services;
use serde_json::{Value, json};
use workspaces::{UpdateWorkspace, Workspace, WorkspaceFilter, WorkspaceQuery, WorkspaceSort};

use super::{key, print};

/// How many workspaces are read at a time.
const BATCH: u32 = PageRequest::MAX_PER_PAGE;

/// Gives a workspace a tier.
pub(crate) async fn set_tier(services: &Services, id: i64, tier: &str) -> anyhow::Result<()> {
    let id = WorkspaceId::try_from(id).context("the id must be positive")?;
    let tier = Tier::from_word(tier).with_context(|| format!("{tier} is no tier"))?;
    let context = WorkspaceContext { id, tier, role: Some(Role::Owner) };
    let change = UpdateWorkspace { tier: Some(tier), ..UpdateWorkspace::default() };
    let mut tx = services.store.begin().await?;
    let workspace = services.workspaces.update(&mut *tx, context, change, Environment::Live).await?;
    tx.commit().await?;
    print(&format!("The workspace {} ({}) has the tier {tier}.", workspace.id, workspace.name.as_str()))
}

/// Prints all workspaces, or those of one account, by id.
pub(crate) async fn list(services: &Services, account: Option<&str>, as_json: bool) -> anyhow::Result<()> {
    let account = match account {
        Some(email) => Some(key::account(services, email).await?.id),
        None => None,
    };
    let mut rows = Vec::new();
    let (mut page, mut last) = (1, None);
    loop {
        let batch = match account {
            Some(account) => of_account(services, account, page).await?,
            None => services.workspace_reader.list_all_workspaces(last, BATCH).await?,
        };
        let Some(end) = batch.last().map(|workspace| workspace.id) else { break };
        (page, last) = (page + 1, Some(end));
        if as_json {
            rows.extend(batch.iter().map(row));
        } else {
            for workspace in &batch {
                print(&format!(
                    "{}\t{}\t{}\t{}",
                    workspace.id,
                    workspace.slug,
                    workspace.tier,
                    workspace.name.as_str()
                ))?;
            }
        }
    }
    if as_json { print(&Value::from(rows).to_string()) } else { Ok(()) }
}

async fn of_account(services: &Services, account: AccountId, page: u32) -> anyhow::Result<Vec<Workspace>> {
    let query = WorkspaceQuery {
        filter: WorkspaceFilter::default(),
        sort: vec![WorkspaceSort::DEFAULT],
        page: PageRequest::new(page, BATCH)?,
    };
    Ok(services.workspace_reader.list_workspaces_of(account, &query).await?.items)
}

fn row(workspace: &Workspace) -> Value {
    json!({
        "id": workspace.id.get(),
        "name": workspace.name.as_str(),
        "slug": workspace.slug.as_str(),
        "tier": workspace.tier.as_str(),
        "created_at": workspace.created_at,
    })
}
