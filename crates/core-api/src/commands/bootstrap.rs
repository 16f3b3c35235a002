use anyhow::Context;
use core_domain::{Tier, WireWord};
use http_api::Services;
use serde_json::json;
use workspaces::{Email, WorkspaceName};

use super::print;
use crate::cli::Bootstrap;
use crate::first_start::{Found, Founding};

pub(crate) async fn run(services: &Services, arguments: Bootstrap) -> anyhow::Result<()> {
    let found = Found {
        email: Email::try_from(arguments.email.as_str()).context("--email is wrong")?,
        workspace: WorkspaceName::try_from(arguments.workspace.as_str()).context("--workspace is wrong")?,
        tier: Tier::from_word(&arguments.tier).with_context(|| {
            let words: Vec<_> = Tier::ALL.iter().map(|tier| tier.as_str()).collect();
            format!("--tier must be one of {}", words.join(", "))
        })?,
    };
    let Founding { workspace, issued } = found.run(&services.store, &services.workspaces, &services.keys).await?;
    let secret = issued.token.expose();
    if arguments.json {
        let answer =
            json!({ "account_id": issued.key.account_id.get(), "workspace_id": workspace.id.get(), "key": secret });
        return print(&answer.to_string());
    }
    print(&format!(
        "Made the workspace {:?} (id {}) for the account {}.\nAn account-level key with the scope *, shown this once:\n{secret}",
        workspace.name.as_str(),
        workspace.id,
        issued.key.account_id,
    ))
}
