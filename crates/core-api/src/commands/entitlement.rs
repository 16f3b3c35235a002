use anyhow::Context;
use core_domain::{Timestamp, WorkspaceId};
use entitlements::{Extra, Feature, Override, Quantity};
use http_api::Services;
use serde_json::{Value, json};

use super::print;
use crate::cli::SetOverride;

pub(crate) async fn set_override(services: &Services, arguments: SetOverride) -> anyhow::Result<()> {
    let workspace = workspace(arguments.workspace)?;
    let extra = match arguments.extra {
        Some(amount) => Extra::Amount(Quantity::try_from(amount).context("--extra is wrong")?.get()),
        None => Extra::Unlimited,
    };
    let ends_at = arguments.until.as_deref().map(Timestamp::parse).transpose().context("--until is wrong")?;
    let catalogue = services.entitlements.catalogue();
    let feature = feature(catalogue.find(&arguments.feature), &arguments.feature)?;
    let command = entitlements::SetOverride { extra, ends_at };
    let mut tx = services.store.begin().await?;
    let set = services.entitlements.service().set_override(&mut *tx, workspace, feature, command).await?;
    tx.commit().await?;
    print(&format!("The workspace {workspace} has {}.", described(&set)))
}

pub(crate) async fn list_overrides(services: &Services, workspace_id: i64, as_json: bool) -> anyhow::Result<()> {
    let found = services.entitlements.reader().list_overrides(workspace(workspace_id)?).await?;
    let found = found.context("there is no such workspace")?;
    if as_json {
        return print(&Value::from(found.iter().map(row).collect::<Vec<_>>()).to_string());
    }
    for set in &found {
        print(&described(set))?;
    }
    Ok(())
}

pub(crate) async fn remove_override(services: &Services, workspace_id: i64, name: &str) -> anyhow::Result<()> {
    let workspace = workspace(workspace_id)?;
    let catalogue = services.entitlements.catalogue();
    let feature = feature(catalogue.find(name), name)?;
    let mut tx = services.store.begin().await?;
    if !tx.delete_override(workspace, &feature.key).await? {
        anyhow::bail!("the workspace has no override of {name}");
    }
    tx.commit().await?;
    print(&format!("Removed the override of {name}."))
}

fn workspace(id: i64) -> anyhow::Result<WorkspaceId> {
    WorkspaceId::try_from(id).context("--workspace must be positive")
}

fn feature<'a>(found: Option<&'a Feature>, name: &str) -> anyhow::Result<&'a Feature> {
    found.with_context(|| format!("--feature is wrong: the catalogue has no {name}"))
}

fn described(set: &Override) -> String {
    let extra = match set.extra {
        Extra::Amount(amount) => format!("{amount} more of {}", set.feature),
        Extra::Unlimited => format!("{} without limit", set.feature),
    };
    set.ends_at.map_or(extra.clone(), |end| format!("{extra} until {end}"))
}

fn row(set: &Override) -> Value {
    let extra = match set.extra {
        Extra::Amount(amount) => Some(amount),
        Extra::Unlimited => None,
    };
    json!({
        "feature": set.feature.as_str(),
        "extra": extra,
        "unlimited": extra.is_none(),
        "ends_at": set.ends_at,
        "created_at": set.created_at,
    })
}
