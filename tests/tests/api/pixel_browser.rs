//! The script in a real browser.

use std::process::{Command, Stdio};

use acceptance::{Backend, PATIENCE, Stage, eventually, on_both_stores};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

on_both_stores!(a_visit_in_a_browser_is_counted_without_a_trace_in_it);

/// Serves one page, whatever is asked for.
async fn serve(listener: TcpListener, body: String) {
    while let Ok((mut stream, _)) = listener.accept().await {
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nConnection: close";
        let answer = format!("{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        tokio::spawn(async move {
            let mut request = [0; 8 * 1024];
            let _ = stream.read(&mut request).await;
            let _ = stream.write_all(answer.as_bytes()).await;
        });
    }
}

/// What the browser tells of its visit to the page at this address.
async fn visit(url: String) -> Value {
    let module = std::env::var("CORE_API_TEST_PLAYWRIGHT").unwrap_or_else(|_| {
        panic!(
            "this test drives a browser: run `cargo xtask test`, which installs what it needs, or name the folder of \
             playwright-core in CORE_API_TEST_PLAYWRIGHT"
        )
    });
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/browser/visit.js");
    let output = tokio::task::spawn_blocking(move || {
        Command::new("node").args([script, &module, &url]).stdin(Stdio::null()).output().unwrap()
    })
    .await
    .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

async fn a_visit_in_a_browser_is_counted_without_a_trace_in_it(backend: Backend) {
    let stage = Stage::set(backend).await;
    let api = stage.owner.in_workspace(stage.workspace_id);
    api.post("/api/v1/pixel/sites", json!({ "domain": "127.0.0.1" })).await.expect(201);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let page = format!(
        "<!doctype html><title>Shop</title><link rel=icon href=data:,><script defer src={}/pixel.js></script><p>Hello",
        api.base_url()
    );
    let serving = tokio::spawn(serve(listener, page));
    let told = visit(format!("http://{address}/first")).await;
    serving.abort();
    assert_eq!(told["faults"], json!([]), "the console is quiet");
    assert_eq!((&told["cookies"], &told["stored"]), (&json!([]), &json!([0, 0, ""])));
    let rows = "SELECT name, path FROM pixel_events ORDER BY at, name";
    // The last beacon has nobody to wait for it.
    assert!(eventually(PATIENCE, async || stage.database.query(rows).len() == 5).await);
    assert_eq!(
        stage.database.query(rows).iter().map(String::as_str).collect::<std::collections::BTreeSet<_>>(),
        std::collections::BTreeSet::from([
            "pageview|/first",
            "pageleave|/first",
            "pageview|/second",
            "signup|/second",
            "pageleave|/second",
        ])
    );
    let stats = api.get("/api/v1/pixel/stats?site=127.0.0.1").await.data(200);
    assert_eq!(stats["totals"], json!({ "visitors": 1, "pageviews": 2, "sessions": 1, "events": 1 }));
    assert_eq!(stats["events"], json!([{ "name": "signup", "count": 1 }]));
    assert_eq!(stats["sources"], json!([{ "name": "news", "count": 1 }]));
}
