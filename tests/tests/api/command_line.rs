use std::os::unix::fs::PermissionsExt;
use std::process::Output;

use acceptance::{Api, Backend, Database, Server, Settings, Stage, is_moment, on_both_stores, run};
use serde_json::{Value, json};

on_both_stores!(
    bootstrap_prints_one_json_object,
    bootstrap_says_what_is_wrong,
    keys_are_made_listed_and_revoked,
    a_made_key_has_what_was_asked_for,
    workspaces_are_listed,
    the_printed_description_is_the_served_one,
    the_configuration_is_checked,
    health_is_an_exit_code,
    migrations_are_told_once,
    settings_are_read_from_a_file,
    previous_secret_keys_keep_working,
);

#[track_caller]
fn stdout(output: &Output) -> &str {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    std::str::from_utf8(&output.stdout).unwrap()
}

#[track_caller]
fn json_of(output: &Output) -> Value {
    let text = stdout(output);
    assert_eq!(text.trim_end().lines().count(), 1, "{text}");
    serde_json::from_str(text).unwrap()
}

#[track_caller]
fn fault(output: &Output) -> String {
    assert!(!output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    assert_eq!(output.stdout, b"");
    String::from_utf8(output.stderr.clone()).unwrap()
}

async fn bootstrap_prints_one_json_object(backend: Backend) {
    let database = Database::create(backend);
    let settings = Settings::on(&database).with("CORE_API_LOG", "debug");
    let arguments = ["bootstrap", "--email", "ada@example.com", "--workspace", "Acme", "--tier", "pro", "--json"];
    let output = run(&settings, &arguments);
    let made = json_of(&output);
    assert_eq!(made.as_object().unwrap().keys().collect::<Vec<_>>(), ["account_id", "workspace_id", "key"]);
    let server = Server::start(&settings);
    let api = Api::anonymous(&server).await.with_key(made["key"].as_str().unwrap());
    let me = api.get("/api/v1/me").await.data(200);
    assert_eq!((&me["account_id"], &me["scopes"], &me["workspace_id"]), (&made["account_id"], &json!(["*"]), &json!(null)));
    let workspace = api.get(&format!("/api/v1/workspaces/{}", made["workspace_id"])).await.data(200);
    assert_eq!((&workspace["name"], &workspace["tier"]), (&json!("Acme"), &json!("pro")));
    assert!(!server.stderr().contains(made["key"].as_str().unwrap()), "a key is never logged");
}

async fn bootstrap_says_what_is_wrong(backend: Backend) {
    let database = Database::create(backend);
    let settings = Settings::on(&database);
    for (arguments, named) in [
        (["--email", "ada", "--workspace", "A", "--tier", "pro"], "--email"),
        (["--email", "ada@example.com", "--workspace", "", "--tier", "pro"], "--workspace"),
        (["--email", "ada@example.com", "--workspace", "A", "--tier", "gold"], "--tier"),
    ] {
        let told = fault(&run(&settings, &[&["bootstrap"], &arguments[..]].concat()));
        assert!(told.contains(named), "{told}");
    }
}

async fn keys_are_made_listed_and_revoked(backend: Backend) {
    let stage = Stage::set(backend).await;
    let workspace = stage.workspace_id.to_string();
    let bound = json_of(&stage.run(&[
        "key", "create", "--account", Stage::OWNER, "--workspace", &workspace, "--name", "Bound", "--json",
    ]));
    let account_level = stage.account_key(&["workspaces:read".to_owned()]);
    let bound_api = stage.owner.with_key(bound["key"].as_str().unwrap());
    let me = bound_api.get("/api/v1/me").await.data(200);
    assert_eq!((&me["workspace_id"], &me["scopes"]), (&json!(stage.workspace_id), &json!(["read", "write"])));
    let me = account_level.api.get("/api/v1/me").await.data(200);
    assert_eq!((&me["workspace_id"], &me["scopes"]), (&json!(null), &json!(["workspaces:read"])));

    let listed = json_of(&stage.run(&["key", "list", "--account", Stage::OWNER, "--json"]));
    let ids: Vec<_> = listed.as_array().unwrap().iter().map(|key| key["id"].as_i64().unwrap()).collect();
    assert_eq!(ids.len(), 3);
    assert!(ids.is_sorted() && ids.contains(&account_level.id));
    let row = listed.as_array().unwrap().iter().find(|key| key["id"] == bound["id"]).unwrap();
    assert_eq!((&row["name"], &row["status"], &row["workspace_id"]), (&json!("Bound"), &json!("active"), &json!(stage.workspace_id)));
    let text = stage.run(&["key", "list", "--account", Stage::OWNER]);
    assert!(stdout(&text).lines().count() == 3 && stdout(&text).contains("Bound"));
    for secret in [bound["key"].as_str().unwrap(), &account_level.secret] {
        assert!(!stdout(&text).contains(secret) && !listed.to_string().contains(secret));
    }

    for (id, api) in [(bound["id"].clone(), &bound_api), (json!(account_level.id), &account_level.api)] {
        stdout(&stage.run(&["key", "revoke", "--account", Stage::OWNER, &id.to_string()]));
        let is_dead = acceptance::eventually(std::time::Duration::from_millis(1_200), async || {
            api.get("/api/v1/me").await.status == 401
        });
        assert!(is_dead.await);
        fault(&stage.run(&["key", "revoke", "--account", Stage::OWNER, &id.to_string()]));
    }
    let stranger = stage.tenant("stranger@example.com");
    let foreign = stranger.api.get("/api/v1/me").await.data(200)["key"]["id"].to_string();
    fault(&stage.run(&["key", "revoke", "--account", Stage::OWNER, &foreign]));
    stranger.api.get("/api/v1/me").await.expect(200);
}

async fn a_made_key_has_what_was_asked_for(backend: Backend) {
    let stage = Stage::set(backend).await;
    let workspace = stage.workspace_id.to_string();
    let create = ["key", "create", "--account", Stage::OWNER, "--name", "Asked", "--json", "--workspace", &workspace];
    let fields = ["--scopes", "posts:read,users:*", "--environment", "test", "--expires-at", "2097-01-01T00:00:00Z"];
    let made = json_of(&stage.run(&[&create[..], &fields].concat()));
    assert!(made["key"].as_str().unwrap().starts_with("sk_test_"));
    let shown = stage.owner.get(&format!("/api/v1/api-keys/{}", made["id"])).await.data(200);
    assert_eq!(shown["scopes"], json!(["posts:read", "users:*"]));
    assert_eq!((&shown["environment"], &shown["expires_at"]), (&json!("test"), &json!("2097-01-01T00:00:00Z")));
    for (option, value) in [
        ("--scopes", "Posts"),
        ("--environment", "staging"),
        ("--expires-at", "soon"),
        ("--expires-at", "2001-01-01T00:00:00Z"),
        ("--workspace", "999999"),
        ("--account", "nobody@example.com"),
    ] {
        let create = ["key", "create", "--name", "Wrong"];
        let rest = ["--account", Stage::OWNER, "--workspace", &workspace];
        let kept: Vec<&str> = rest.chunks(2).filter(|pair| pair[0] != option).flatten().copied().collect();
        fault(&stage.run(&[&create[..], &kept, &[option, value]].concat()));
    }
}

async fn workspaces_are_listed(backend: Backend) {
    let stage = Stage::set(backend).await;
    let stranger = stage.tenant("stranger@example.com");
    let second = stage.workspace(json!({ "name": "Second" })).await;
    let list = |arguments: &[&str]| {
        let rows = json_of(&stage.run(&[&["workspace", "list", "--json"], arguments].concat()));
        rows.as_array().unwrap().iter().map(|row| row["id"].as_i64().unwrap()).collect::<Vec<_>>()
    };
    let second_id = second["id"].as_i64().unwrap();
    assert_eq!(list(&[]), [stage.workspace_id, stranger.workspace_id, second_id]);
    assert_eq!(list(&["--account", Stage::OWNER]), [stage.workspace_id, second_id]);
    assert_eq!(list(&["--account", "stranger@example.com"]), [stranger.workspace_id]);
    let text = stage.run(&["workspace", "list"]);
    assert_eq!(stdout(&text).lines().count(), 3);
    assert!(stdout(&text).contains("acme-corporation"));
    fault(&stage.run(&["workspace", "list", "--account", "nobody@example.com"]));
}

async fn the_printed_description_is_the_served_one(backend: Backend) {
    let stage = Stage::set(backend).await;
    let printed: Value = serde_json::from_str(stdout(&stage.run(&["openapi"]))).unwrap();
    assert_eq!(&printed, stage.owner.spec().document());
}

async fn the_configuration_is_checked(backend: Backend) {
    let database = Database::create(backend);
    let settings = Settings::on(&database);
    let output = run(&settings, &["config", "check"]);
    let told = stdout(&output);
    assert!(told.trim_end().ends_with("The configuration is good."), "{told}");
    assert!(!told.contains("BwcHBwcHBwcHBwcHBwcH"), "the secret key is not shown: {told}");
    for (name, value) in [
        ("DATABASE_URL", "mysql://localhost/core"),
        ("CORE_API_LISTEN", "8080"),
        ("CORE_API_METRICS_LISTEN", "on"),
        ("CORE_API_SECRET_KEY", "c2hvcnQ="),
        ("CORE_API_SECRET_KEY", "not base64"),
        ("CORE_API_TRUSTED_PROXIES", "10.0.0.0/33"),
        ("CORE_API_PUBLIC_URL", "api.example.com"),
        ("CORE_API_LOG", "a=b=c"),
        ("CORE_API_LISTNE", "127.0.0.1:8080"),
        ("CORE_API_TEST_POSTGRES_URL", "postgres://localhost"),
    ] {
        for command in [&["config", "check"][..], &["serve"]] {
            let output = run(&settings.clone().with(name, value), command);
            let told = String::from_utf8_lossy(&output.stderr);
            assert!(!output.status.success() && told.contains(name), "{told}");
        }
    }
    let nowhere = settings.with("DATABASE_URL", "postgres://nobody@127.0.0.1:1/nothing");
    let output = run(&nowhere, &["config", "check"]);
    assert!(!output.status.success());
}

async fn health_is_an_exit_code(backend: Backend) {
    let mut stage = Stage::set(backend).await;
    let output = stage.run(&["healthcheck"]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    stage.server.kill();
    let output = stage.run(&["healthcheck"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(!output.stderr.is_empty());
}

async fn migrations_are_told_once(backend: Backend) {
    let database = Database::create(backend);
    let settings = Settings::on(&database);
    let first = run(&settings, &["migrate"]);
    assert!(stdout(&first).starts_with("Applied: "), "{}", stdout(&first));
    let second = run(&settings, &["migrate"]);
    assert_eq!(stdout(&second), "The database is up to date.\n");
}

async fn settings_are_read_from_a_file(backend: Backend) {
    let database = Database::create(backend);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("core-api.toml");
    let written = "public_url = 'https://api.example.com'\ntrusted_proxies = ['10.0.0.0/8', '::1']\nlisten = '127.0.0.1:1'\n";
    std::fs::write(&file, written).unwrap();
    let path = file.display().to_string();
    let settings = Settings::on(&database);
    for output in [
        run(&settings, &["--config", &path, "config", "check"]),
        run(&settings.clone().with("CORE_API_CONFIG", &path), &["config", "check"]),
    ] {
        let told = stdout(&output);
        assert!(told.contains("https://api.example.com") && told.contains("10.0.0.0/8, ::1/128"), "{told}");
        assert!(!told.contains("127.0.0.1:1\n"), "the environment comes before the file: {told}");
    }
    std::fs::write(&file, "pubilc_url = 'https://api.example.com'").unwrap();
    let output = run(&settings, &["--config", &path, "config", "check"]);
    assert!(!output.status.success() && String::from_utf8_lossy(&output.stderr).contains("pubilc_url"));
}

async fn previous_secret_keys_keep_working(backend: Backend) {
    let mut stage = Stage::set(backend).await;
    stage.server.tell_to_stop();
    assert!(stage.server.wait().success());
    let (old, new) = ("BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=", "CAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAg=");
    let replaced = stage.server.settings().clone().with("CORE_API_SECRET_KEY", new);
    let both = replaced.clone().with("CORE_API_PREVIOUS_SECRET_KEYS", old);

    let server = Server::start(&replaced.clone().elsewhere());
    stage.owner.at(&server).get("/api/v1/me").await.is_unauthorized();
    let output = run(&replaced, &["config", "check"]);
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("CORE_API_PREVIOUS_SECRET_KEYS"));

    let server = Server::start(&both.clone().elsewhere());
    stage.owner.at(&server).get("/api/v1/me").await.expect(200);
    stdout(&run(&both, &["config", "check"]));
}

#[tokio::test]
async fn the_first_start_prints_a_key_and_a_request_that_works() {
    let database = Database::create(Backend::Sqlite);
    let settings = Settings::on(&database).without("CORE_API_SECRET_KEY");
    let mut server = Server::start(&settings);
    let printed = server.stdout();
    let line = printed.lines().find(|line| line.trim_start().starts_with("curl ")).unwrap();
    let url = line.split_whitespace().find(|word| word.starts_with("http")).unwrap();
    let header = line.split('\'').nth(1).unwrap();
    let (name, authorization) = header.split_once(": ").unwrap();
    assert_eq!(name, "Authorization");
    let api = Api::anonymous(&server).await.authorized(authorization);
    let path = url.strip_prefix(&server.base_url()).unwrap();
    let listed = api.get(path).await.expect(200).json();
    assert_eq!(listed["meta"]["total"], 1);
    let key = authorization.strip_prefix("Bearer ").unwrap();
    assert_eq!(printed.matches(key).count(), 2, "once alone, once in the request: {printed}");
    assert!(!server.stderr().contains(key));
    let me = api.get("/api/v1/me").await.data(200);
    assert_eq!((&me["scopes"], &me["workspace_id"]), (&json!(["*"]), &json!(null)));

    let secret = database.file().with_file_name("secret.key");
    assert_eq!(std::fs::metadata(secret).unwrap().permissions().mode() & 0o777, 0o600);

    server.restart();
    api.reconnect();
    assert_eq!(server.stdout(), printed, "the second start prints nothing");
    let shown = api.get("/api/v1/workspaces").await.expect(200).json();
    assert!(is_moment(shown["data"][0]["created_at"].as_str().unwrap()));
}

#[test]
fn postgres_needs_a_secret_key_of_its_own() {
    let database = Database::create(Backend::Postgres);
    let settings = Settings::on(&database).without("CORE_API_SECRET_KEY");
    let told = fault(&run(&settings, &["serve"]));
    assert!(told.contains("CORE_API_SECRET_KEY is required"), "{told}");
}

#[test]
fn help_tells_of_every_setting() {
    let database = Database::create(Backend::Sqlite);
    let output = run(&Settings::on(&database), &["--help"]);
    let help = stdout(&output);
    for setting in [
        "DATABASE_URL",
        "REDIS_URL",
        "CORE_API_LISTEN",
        "CORE_API_METRICS_LISTEN",
        "CORE_API_PUBLIC_URL",
        "CORE_API_SECRET_KEY",
        "CORE_API_TRUSTED_PROXIES",
        "CORE_API_LOG",
    ] {
        assert!(help.contains(setting), "{setting}: {help}");
    }
    for command in ["serve", "migrate", "bootstrap", "key", "workspace", "openapi", "config", "healthcheck"] {
        assert!(help.contains(command), "{command}: {help}");
    }
}

#[test]
fn unknown_commands_and_options_are_refused() {
    let database = Database::create(Backend::Sqlite);
    for arguments in [&["sevre"][..], &["--colour"], &["key", "delete"], &["bootstrap"]] {
        let output = run(&Settings::on(&database), arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(!output.stderr.is_empty());
    }
}
