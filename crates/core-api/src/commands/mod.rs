//! What each subcommand does.

mod bootstrap;
mod check;
mod deliveries;
mod entitlement;
mod healthcheck;
mod key;
mod token;
mod worker;
mod workspace;

use std::io::{self, Write};
use std::sync::Arc;

use anyhow::Context;
use dispatcher::Publisher;
use http_api::Services;
use mcp::NoServers;
use tokio_util::sync::CancellationToken;

use crate::cli::{
    Cli, Command, ConfigCommand, DeliveriesCommand, EntitlementCommand, KeyCommand, OverrideCommand, TokenCommand,
    WorkspaceCommand,
};
use crate::config::Config;
use crate::stores::Store;
use crate::{delivery, server, telemetry};

pub(crate) async fn run(cli: Cli) -> anyhow::Result<()> {
    let command = cli.command.unwrap_or(Command::Serve);
    if matches!(command, Command::Openapi) {
        return print(&http_api::openapi().to_pretty_json()?);
    }
    let config = Config::load(cli.config.as_deref())?;
    telemetry::init(&config);
    match command {
        Command::Serve => server::serve(&config).await,
        Command::Worker => worker::run(&config).await,
        Command::Migrate => migrate(&config).await,
        Command::Bootstrap(arguments) => bootstrap::run(&open(&config).await?, arguments).await,
        Command::Key(KeyCommand::Create(arguments)) => key::create(&open(&config).await?, arguments).await,
        Command::Key(KeyCommand::List { account, json }) => key::list(&open(&config).await?, &account, json).await,
        Command::Key(KeyCommand::Revoke { account, id }) => key::revoke(&open(&config).await?, &account, id).await,
        Command::Workspace(WorkspaceCommand::List { account, json }) => {
            workspace::list(&open(&config).await?, account.as_deref(), json).await
        }
        Command::Workspace(WorkspaceCommand::SetTier { id, tier }) => {
            workspace::set_tier(&open(&config).await?, id, &tier).await
        }
        Command::Entitlement(EntitlementCommand::Override(command)) => {
            let services = open(&config).await?;
            match command {
                OverrideCommand::Set(arguments) => entitlement::set_override(&services, arguments).await,
                OverrideCommand::List { workspace, json } => {
                    entitlement::list_overrides(&services, workspace, json).await
                }
                OverrideCommand::Remove { workspace, feature } => {
                    entitlement::remove_override(&services, workspace, &feature).await
                }
            }
        }
        Command::Token(TokenCommand::Create(arguments)) => {
            token::create(&config, &open(&config).await?, arguments).await
        }
        Command::Deliveries(DeliveriesCommand::List(arguments)) => {
            deliveries::list(&open(&config).await?, arguments).await
        }
        Command::Deliveries(DeliveriesCommand::Retry(arguments)) => {
            deliveries::retry(&open(&config).await?, arguments).await
        }
        Command::Deliveries(DeliveriesCommand::Replay(arguments)) => {
            deliveries::replay(&open(&config).await?, arguments).await
        }
        Command::Openapi => Ok(()),
        Command::Config(ConfigCommand::Check) => check::run(&config).await,
        Command::Healthcheck => healthcheck::run(&config),
    }
}

async fn migrate(config: &Config) -> anyhow::Result<()> {
    let applied = Store::open(config).await?.migrate().await?;
    match applied.as_slice() {
        [] => print("The database is up to date."),
        names => print(&format!("Applied: {}", names.join(", "))),
    }
}

/// The services on an open, migrated store.
async fn open(config: &Config) -> anyhow::Result<Services> {
    let secrets = config.secrets()?;
    let store = Store::open(config).await?;
    store.migrate().await?;
    let (publisher, _) = Publisher::start(Arc::clone(&store.deliveries), CancellationToken::new());
    let courier = delivery::courier(config, &secrets)?;
    server::services(config, &store, &secrets, Arc::new(publisher), courier, Arc::new(NoServers)).await
}

/// Prints a command's answer.
fn print(text: &str) -> anyhow::Result<()> {
    writeln!(io::stdout(), "{text}").context("the answer could not be written")
}
