use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use acceptance::{Answer, Backend, PATIENCE, Stage, is_moment, on_both_stores};
use serde_json::{Value, json};
use testkit::servers::poll_until;

on_both_stores!(
    an_idle_server_stops_with_success,
    requests_in_flight_end_before_the_server_does,
    an_idle_connection_does_not_hold_the_server_up,
    last_uses_are_written_down_at_the_end,
    what_was_made_is_there_after_a_restart,
);

async fn an_idle_server_stops_with_success(backend: Backend) {
    let mut stage = Stage::set(backend).await;
    stage.server.tell_to_stop();
    assert_eq!(stage.server.wait().code(), Some(0));
    assert!(!stage.server.is_listening());
}

/// Sends the head of a creation, and returns once the server waits for the body.
fn begin(stage: &Stage, body: &str, authorization: &str) -> BufReader<TcpStream> {
    let mut stream = TcpStream::connect(stage.server.address()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(
        stream,
        "POST /api/v1/workspaces HTTP/1.1\r\nHost: localhost\r\nAuthorization: {authorization}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\nExpect: 100-continue\r\n\r\n",
        body.len()
    )
    .unwrap();
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    assert_eq!(line, "HTTP/1.1 100 Continue\r\n");
    reader.read_line(&mut line).unwrap();
    reader
}

async fn requests_in_flight_end_before_the_server_does(backend: Backend) {
    let mut stage = Stage::set(backend).await;
    let key = stage.account_key(&["*".to_owned()]);
    let authorization = format!("Bearer {}", key.secret);
    let bodies: Vec<String> =
        (0..4).map(|number| json!({ "name": format!("In flight {number}") }).to_string()).collect();
    let begun: Vec<_> = bodies.iter().map(|body| (begin(&stage, body, &authorization), body)).collect();

    stage.server.tell_to_stop();
    assert!(poll_until(PATIENCE, || !stage.server.is_listening()), "new connections are still taken");

    for (mut reader, body) in begun {
        reader.get_mut().write_all(body.as_bytes()).unwrap();
        let mut answer = String::new();
        reader.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
    }
    assert_eq!(stage.server.wait().code(), Some(0));

    stage.start_again();
    let listed = stage.owner.get("/api/v1/workspaces?search=in%20flight").await.expect(200).json();
    assert_eq!(listed["meta"]["total"], 4);
}

async fn an_idle_connection_does_not_hold_the_server_up(backend: Backend) {
    let mut stage = Stage::set(backend).await;
    let mut idle = TcpStream::connect(stage.server.address()).unwrap();
    idle.write_all(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let mut first = [0; 12];
    idle.read_exact(&mut first).unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");
    let silent = TcpStream::connect(stage.server.address()).unwrap();
    stage.server.tell_to_stop();
    let mut code = None;
    let limit = Duration::from_secs(15);
    assert!(poll_until(limit, || {
        code = stage.server.exit_code();
        code.is_some()
    }));
    assert_eq!(code, Some(0));
    drop((idle, silent));
}

async fn last_uses_are_written_down_at_the_end(backend: Backend) {
    let mut stage = Stage::set(backend).await;
    let (used, unused) = (stage.key(json!({})).await, stage.key(json!({})).await);
    let before = used.api.get("/api/v1/me").await.expect(200);
    let at: fn(Answer) -> Value = |answer| answer.data(200)["last_used_at"].take();
    assert_eq!(before.status, 200);
    stage.restart();
    let used_at = at(stage.owner.get(&format!("/api/v1/api-keys/{}", used.id)).await);
    let unused_at = at(stage.owner.get(&format!("/api/v1/api-keys/{}", unused.id)).await);
    assert!(used_at.as_str().is_some_and(is_moment), "{used_at}");
    assert!(unused_at.is_null(), "{unused_at}");
}

async fn what_was_made_is_there_after_a_restart(backend: Backend) {
    let mut stage = Stage::set(backend).await;
    let workspace = stage.workspace(json!({ "name": "Lasting" })).await;
    let key = stage.key(json!({ "name": "Lasting" })).await;
    stage.restart();
    let shown = stage.owner.get(&format!("/api/v1/workspaces/{}", workspace["id"])).await.data(200);
    assert_eq!(shown, workspace);
    assert_eq!(key.api.get("/api/v1/me").await.data(200)["key"]["id"], key.id);
}
