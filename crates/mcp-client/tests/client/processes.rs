use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

use mcp::{ServerState, ToolServers as _, UpstreamError};
use serde_json::json;
use testkit::servers::{poll_until, signal};

use crate::stage::{LONG, Stage, at, hostile, marked, with};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_server_is_replaced_by_the_next_call() {
    let stage = Stage::new(&json!({ "s": hostile(&[]) }));
    stage.echoes("s").await;
    for _ in 0..2 {
        let process = stage.gateway.process_id(&at("s")).unwrap();
        signal(process, "KILL");
        // A process that waits for input may still take a request as it dies: then nobody knows what became of it.
        let is_alive =
            || std::fs::read_to_string(format!("/proc/{process}/status")).is_ok_and(|s| !s.contains("(zombie)"));
        stage.until("it is dead", |_| !is_alive()).await;
        stage.echoes("s").await;
        assert_ne!(stage.gateway.process_id(&at("s")), Some(process));
        assert_eq!(stage.processes().len(), 1);
        // The second one in a row waits otherwise.
        stage.clock.advance(Duration::from_secs(61));
    }
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_was_sent_is_never_sent_again() {
    let stage = Stage::new(&json!({ "s": hostile(&[]) }));
    let file = stage.folder.path().join("calls");
    let outcome = stage.call("s", "record", json!({ "file": file })).await;
    assert!(matches!(outcome, Err(UpstreamError::Gone { .. })), "{outcome:?}");
    stage.echoes("s").await;
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "called\n");
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn descendants_end_with_their_server() {
    let stage = Stage::new(&json!({ "s": hostile(&["--fork-at-start"]) }));
    stage.echoes("s").await;
    assert_eq!(stage.processes().len(), 3);
    assert!(stage.call("s", "exit", json!({})).await.is_err());
    stage.until("the descendants of what crashed are gone", |stage| stage.processes().is_empty()).await;
    stage.echoes("s").await;
    stage.call("s", "fork", json!({})).await.unwrap();
    assert_eq!(stage.processes().len(), 5);
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_ignores_every_request_to_end_is_killed() {
    let stage = Stage::new(&json!({ "s": hostile(&["--ignore-term", "--ignore-eof", "--fork-at-start"]) }));
    stage.echoes("s").await;
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_does_not_answer_at_all_ends_with_the_gateway() {
    let stage = Stage::new(&json!({ "s": hostile(&["--slow-start", "600", "--fork-at-start"]) }));
    let soon = Duration::from_millis(300);
    let outcome = stage.call_within("s", "echo", json!({}), soon).await;
    assert!(matches!(outcome, Err(UpstreamError::Starting { .. })), "{outcome:?}");
    assert_eq!(stage.gateway.status(&at("s")).state, ServerState::Starting);
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_environment_is_the_configured_one() {
    let more = json!({ "env": { "WORD": "value" }, "cwd": "/usr" });
    let stage = Stage::new(&json!({ "s": with(hostile(&[]), &more) }));
    let environment: BTreeMap<String, String> = serde_json::from_str(&stage.text("s", "environment").await).unwrap();
    let names: Vec<&str> = environment.keys().map(String::as_str).filter(|name| *name != "LC_CTYPE").collect();
    assert_eq!(names, ["CORE_API_MCP_PROCESS", "HOME", "HOSTILE_TEST", "PATH", "WORD"]);
    assert_eq!(environment["WORD"], "value");
    let process = stage.gateway.process_id(&at("s")).unwrap();
    assert_eq!(std::fs::read_link(format!("/proc/{process}/cwd")).unwrap().to_str(), Some("/usr"));
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_is_limited_before_the_server_runs() {
    let more = json!({ "memory_limit_mib": 200 });
    let stage = Stage::new(&json!({ "s": with(hostile(&[]), &more) }));
    stage.echoes("s").await;
    let process = stage.gateway.process_id(&at("s")).unwrap();
    let limits = std::fs::read_to_string(format!("/proc/{process}/limits")).unwrap();
    let data = limits.lines().find(|line| line.starts_with("Max data size")).unwrap();
    assert_eq!(data.split_whitespace().nth(3), Some("209715200"), "{data}");
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_may_run_as_another_user() {
    let is_root =
        std::fs::read_to_string("/proc/self/status").unwrap().lines().any(|line| line.starts_with("Uid:\t0\t"));
    let user = if is_root { "65534" } else { "no such user" };
    // An interpreter that everybody may run: the one of a user's own is not.
    let server = with(hostile(&[]), &json!({ "user": user, "command": "/usr/bin/env" }));
    let mut server = server;
    server["args"] = json!(["sleep", "600"]);
    let stage = Stage::new(&json!({ "s": server }));
    if !is_root {
        let outcome = stage.call("s", "echo", json!({})).await;
        assert!(matches!(outcome, Err(UpstreamError::Gone { .. } | UpstreamError::Disabled { .. })), "{outcome:?}");
        return stage.end().await;
    }
    stage.gateway.warm(&at("s"));
    let uid = |pid: u32| {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let line = |name: &str| Some(status.lines().find(|line| line.starts_with(name))?.to_owned());
        Some((line("Uid:")?, line("Groups:")?))
    };
    let wanted = Some(("Uid:\t65534\t65534\t65534\t65534".to_owned(), "Groups:\t ".to_owned()));
    stage.until("a process of that user", |stage| stage.processes().iter().any(|pid| uid(*pid) == wanted)).await;
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_server_is_stopped_and_started_again_when_it_is_needed() {
    let stage = Stage::new(&json!({ "s": with(hostile(&[]), &json!({ "idle_seconds": 60 })) }));
    stage.echoes("s").await;
    stage.clock.advance(Duration::from_secs(59));
    stage.gateway.tend();
    assert_eq!(stage.gateway.status(&at("s")).state, ServerState::Ready);
    stage.clock.advance(Duration::from_secs(1));
    stage.gateway.tend();
    stage.until("it is stopped", |stage| stage.processes().is_empty()).await;
    stage.until("it says so", |stage| stage.gateway.status(&at("s")).state == ServerState::Stopped).await;
    let status = stage.gateway.status(&at("s"));
    assert!(status.catalogue.is_some() && status.catalogue_stale && status.last_error.is_none());
    stage.echoes("s").await;
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_server_is_replaced_and_calls_wait_for_it() {
    let stage = Stage::new(&json!({ "s": hostile(&[]) }));
    let process = stage.text("s", "pid").await;
    stage.clock.advance(Duration::from_hours(25));
    stage.gateway.tend();
    stage.until("the old one is gone", |stage| !stage.processes().iter().any(|pid| pid.to_string() == process)).await;
    assert_ne!(stage.text("s", "pid").await, process);
    stage.end().await;
}

const CHILD: &str = "MCP_CLIENT_TEST_TO_BE_KILLED";

/// Not a test by itself: the process that [`servers_die_with_a_killed_gateway`] kills.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn gateway_that_is_killed() {
    let Some(servers) = std::env::var_os(CHILD) else { return };
    let stage = Stage::new(&serde_json::from_str(servers.to_str().unwrap()).unwrap());
    stage.echoes("s").await;
    let mark = stage.processes().iter().find_map(|pid| {
        let environ = std::fs::read_to_string(format!("/proc/{pid}/environ")).ok()?;
        environ.split('\0').find_map(|entry| entry.strip_prefix("HOSTILE_TEST=").map(str::to_owned))
    });
    println!("\nmark={}", mark.unwrap());
    std::future::pending::<()>().await;
}

#[test]
fn servers_die_with_a_killed_gateway() {
    // It would outlive the end of its input.
    let servers = json!({ "s": hostile(&["--ignore-eof", "--ignore-term"]) });
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "processes::gateway_that_is_killed", "--nocapture"])
        .env(CHILD, servers.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mark = lines.map_while(Result::ok).find_map(|line| line.strip_prefix("mark=").map(str::to_owned)).unwrap();
    assert_eq!(marked(&mark).len(), 1);
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(poll_until(LONG, || marked(&mark).is_empty()), "its server outlived it");
}
