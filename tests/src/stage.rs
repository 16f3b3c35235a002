use std::process::Output;

use serde_json::{Value, json};

use crate::{Api, Backend, Database, Server, Settings, run};

/// A server on a database of its own, with an account, its workspace and its account-level key of scope `*`.
#[derive(Debug)]
pub struct Stage {
    // The server first: it ends before its database does.
    pub server: Server,
    pub database: Database,
    pub owner: Api,
    pub account_id: i64,
    pub workspace_id: i64,
}

/// Another account with a workspace and an account-level key of scope `*`.
#[derive(Debug)]
pub struct Tenant {
    pub api: Api,
    pub key: String,
    pub account_id: i64,
    pub workspace_id: i64,
}

/// A key that was just made.
#[derive(Debug)]
pub struct NewKey {
    pub id: i64,
    pub secret: String,
    pub api: Api,
}

impl Stage {
    /// The email of the first account.
    pub const OWNER: &str = "owner@example.com";

    /// With usual settings.
    pub async fn set(backend: Backend) -> Self {
        Self::with(backend, &[]).await
    }

    /// With these settings beside the usual ones.
    pub async fn with(backend: Backend, settings: &[(&str, &str)]) -> Self {
        Self::on(Database::create(backend), settings).await
    }

    /// On this empty database.
    pub async fn on(database: Database, settings: &[(&str, &str)]) -> Self {
        let usual = Settings::on(&database);
        let settings = settings.iter().fold(usual, |settings, (name, value)| settings.with(name, value));
        let made = bootstrap(&settings, Self::OWNER, "Acme Corporation", "enterprise");
        let server = Server::start(&settings);
        let owner = Api::anonymous(&server).await.with_key(made["key"].as_str().unwrap());
        Self {
            owner,
            account_id: made["account_id"].as_i64().unwrap(),
            workspace_id: made["workspace_id"].as_i64().unwrap(),
            server,
            database,
        }
    }

    /// Nobody, at this server.
    pub fn anonymous(&self) -> Api {
        self.owner.without_key()
    }

    /// A stranger to the first account.
    pub fn tenant(&self, email: &str) -> Tenant {
        let made = bootstrap(self.server.settings(), email, "Globex", "pro");
        let key = made["key"].as_str().unwrap().to_owned();
        Tenant {
            api: self.owner.with_key(&key),
            key,
            account_id: made["account_id"].as_i64().unwrap(),
            workspace_id: made["workspace_id"].as_i64().unwrap(),
        }
    }

    /// A new key of the first account's first workspace, made with `fields` beside a name.
    pub async fn key(&self, fields: Value) -> NewKey {
        self.key_in(self.workspace_id, fields).await
    }

    /// A new key bound to `workspace`.
    pub async fn key_in(&self, workspace: i64, fields: Value) -> NewKey {
        self.owner.in_workspace(workspace).new_key(fields).await
    }

    /// A new account-level key of the first account, made at the command line.
    pub fn account_key(&self, scopes: &[String]) -> NewKey {
        let scopes = scopes.join(",");
        let output = self.run(&[
            "key", "create", "--account", Self::OWNER, "--name", "account-level", "--scopes", &scopes, "--json",
        ]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let made: Value = serde_json::from_slice(&output.stdout).unwrap();
        let secret = made["key"].as_str().unwrap().to_owned();
        NewKey { id: made["id"].as_i64().unwrap(), api: self.owner.with_key(&secret), secret }
    }

    /// A new workspace of the first account.
    pub async fn workspace(&self, body: Value) -> Value {
        self.owner.post("/api/v1/workspaces", body).await.data(201)
    }

    /// Stops the server in an orderly way and starts it again.
    pub fn restart(&mut self) {
        self.server.restart();
        self.owner.reconnect();
    }

    /// Starts the server again that has ended.
    pub fn start_again(&mut self) {
        self.server.start_again();
        self.owner.reconnect();
    }

    /// Runs one command of the program with the server's settings.
    pub fn run(&self, arguments: &[&str]) -> Output {
        run(self.server.settings(), arguments)
    }
}

impl Api {
    /// A new key of the workspace that this caller acts in.
    pub async fn new_key(&self, mut fields: Value) -> NewKey {
        if fields["name"].is_null() {
            fields["name"] = json!("a key");
        }
        let made = self.post("/api/v1/api-keys", fields).await.data(201);
        let secret = made["key"].as_str().unwrap().to_owned();
        let api = Self::with_key(self, &secret);
        NewKey { id: made["id"].as_i64().unwrap(), api: api.in_no_workspace(), secret }
    }
}

fn bootstrap(settings: &Settings, email: &str, workspace: &str, tier: &str) -> Value {
    let arguments = ["bootstrap", "--email", email, "--workspace", workspace, "--tier", tier, "--json"];
    let output = run(settings, &arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// A key nobody has, with the right checksum: `sk_live_`, 30 characters, and their CRC-32 in base 62.
pub fn made_up_key(random: &str) -> String {
    const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    assert_eq!(random.len(), 30);
    let signed = format!("sk_live_{random}");
    let mut rest = crc32fast::hash(signed.as_bytes());
    let mut checksum = Vec::new();
    for _ in 0..6 {
        checksum.push(char::from(DIGITS[(rest % 62) as usize]));
        rest /= 62;
    }
    signed + &checksum.iter().rev().collect::<String>()
}
