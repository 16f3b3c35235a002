use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::config::settings_help;

/// The core-api server and its tools.
#[derive(Debug, Parser)]
#[command(name = "core-api", version, after_long_help = settings_help(), after_help = "The settings are listed by --help.")]
pub(crate) struct Cli {
    /// A TOML file with settings; the environment comes before it.
    #[arg(long, global = true, value_name = "FILE", env = "CORE_API_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the server (the default).
    Serve,
    /// Send webhooks and do nothing else.
    Worker,
    /// Bring the database up to date.
    Migrate,
    /// Make an account, a workspace and an account-level key with the scope `*`.
    Bootstrap(Bootstrap),
    /// Manage API keys.
    #[command(subcommand)]
    Key(KeyCommand),
    /// Make signed tokens, for development.
    #[command(subcommand)]
    Token(TokenCommand),
    /// Manage workspaces.
    #[command(subcommand)]
    Workspace(WorkspaceCommand),
    /// Manage what workspaces are entitled to.
    #[command(subcommand)]
    Entitlement(EntitlementCommand),
    /// Look after the deliveries of a webhook.
    #[command(subcommand)]
    Deliveries(DeliveriesCommand),
    /// Print the OpenAPI document.
    Openapi,
    /// Look into the configuration.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Ask the running server whether it is ready; exits with 0 or 1.
    Healthcheck,
}

#[derive(Debug, Args)]
pub(crate) struct Bootstrap {
    /// The account's email; an account that has it is used again.
    #[arg(long)]
    pub(crate) email: String,
    /// The new workspace's name.
    #[arg(long)]
    pub(crate) workspace: String,
    /// The new workspace's tier.
    #[arg(long, default_value = "free")]
    pub(crate) tier: String,
    /// Print one JSON object and nothing else.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Create a key; its secret is printed once.
    Create(CreateKey),
    /// List an account's keys.
    List {
        /// The account's email.
        #[arg(long)]
        account: String,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Revoke a key.
    Revoke {
        /// The account's email.
        #[arg(long)]
        account: String,
        /// The key's id.
        id: i64,
    },
}

#[derive(Debug, Args)]
pub(crate) struct CreateKey {
    /// The email of the account that the key acts for.
    #[arg(long)]
    pub(crate) account: String,
    /// The workspace that the key is bound to, by id; without it, the key is account-level.
    #[arg(long, value_name = "ID")]
    pub(crate) workspace: Option<i64>,
    /// The key's name.
    #[arg(long)]
    pub(crate) name: String,
    /// The key's scopes.
    #[arg(long, value_delimiter = ',', default_value = "read,write")]
    pub(crate) scopes: Vec<String>,
    /// `live` or `test`.
    #[arg(long, default_value = "live")]
    pub(crate) environment: String,
    /// When the key ends (RFC 3339).
    #[arg(long)]
    pub(crate) expires_at: Option<String>,
    /// Print one JSON object and nothing else.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Make a token with `CORE_API_JWT_SECRET` (HS256) and print it.
    Create(CreateToken),
}

#[derive(Debug, Args)]
pub(crate) struct CreateToken {
    /// The email of the account that the token is for.
    #[arg(long)]
    pub(crate) account: String,
    /// The token's scopes.
    #[arg(long, value_delimiter = ',', default_value = "read,write")]
    pub(crate) scopes: Vec<String>,
    /// How long it lasts, in seconds.
    #[arg(long, default_value_t = 3_600)]
    pub(crate) seconds: u32,
}

#[derive(Debug, Subcommand)]
pub(crate) enum WorkspaceCommand {
    /// Give a workspace a tier, self-service or not.
    SetTier {
        /// The workspace's id.
        id: i64,
        /// The tier.
        tier: String,
    },
    /// List workspaces.
    List {
        /// Only those that the account with this email belongs to.
        #[arg(long)]
        account: Option<String>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum EntitlementCommand {
    /// Give one workspace more than its tier does.
    #[command(subcommand)]
    Override(OverrideCommand),
}

#[derive(Debug, Subcommand)]
pub(crate) enum OverrideCommand {
    /// Set an override, in place of an earlier one of the same feature.
    Set(SetOverride),
    /// List a workspace's overrides.
    List {
        /// The workspace, by id.
        #[arg(long, value_name = "ID")]
        workspace: i64,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Remove an override.
    Remove {
        /// The workspace, by id.
        #[arg(long, value_name = "ID")]
        workspace: i64,
        /// The feature's key.
        #[arg(long)]
        feature: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct SetOverride {
    /// The workspace, by id.
    #[arg(long, value_name = "ID")]
    pub(crate) workspace: i64,
    /// The feature's key.
    #[arg(long)]
    pub(crate) feature: String,
    /// How many more than the tier gives.
    #[arg(long, conflicts_with = "unlimited", required_unless_present = "unlimited")]
    pub(crate) extra: Option<i64>,
    /// Without limit; for a boolean feature, that it is there.
    #[arg(long)]
    pub(crate) unlimited: bool,
    /// When it ends (RFC 3339); never when not given.
    #[arg(long)]
    pub(crate) until: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Check every setting and reach what they point at; print them without secrets.
    Check,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DeliveriesCommand {
    /// List deliveries, the latest first.
    List(ListDeliveries),
    /// Send a failed or retrying delivery again, at once.
    Retry(RetryDelivery),
    /// Send again every delivery made since a moment.
    Replay(ReplayDeliveries),
}

/// Which webhook.
#[derive(Debug, Args)]
pub(crate) struct WebhookOf {
    /// The workspace, by id.
    #[arg(long, value_name = "ID")]
    pub(crate) workspace: i64,
    /// The webhook, by id.
    #[arg(long, value_name = "ID")]
    pub(crate) webhook: i64,
}

#[derive(Debug, Args)]
pub(crate) struct ListDeliveries {
    #[command(flatten)]
    pub(crate) of: WebhookOf,
    /// Only those that are `pending`, `retrying`, `success` or `failed`.
    #[arg(long)]
    pub(crate) status: Option<String>,
    /// How many at most, up to 100.
    #[arg(long, default_value_t = 25)]
    pub(crate) limit: u32,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct RetryDelivery {
    #[command(flatten)]
    pub(crate) of: WebhookOf,
    /// The delivery's id.
    pub(crate) id: i64,
}

#[derive(Debug, Args)]
pub(crate) struct ReplayDeliveries {
    #[command(flatten)]
    pub(crate) of: WebhookOf,
    /// Those made at this moment or later (RFC 3339).
    #[arg(long)]
    pub(crate) since: String,
    /// Only those that are `retrying`, `success` or `failed`.
    #[arg(long)]
    pub(crate) status: Option<String>,
}
