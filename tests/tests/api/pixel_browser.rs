//! The script in a real browser.

use std::net::SocketAddr;
use std::process::{Command, Stdio};

use acceptance::{Api, Backend, PATIENCE, Stage, eventually, on_both_stores};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

on_both_stores!(
    a_visit_in_a_browser_is_counted_without_a_trace_in_it,
    a_browser_tells_nothing_that_the_configuration_does_not_ask_for,
);

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

/// A page that includes the script of this server; its address, and what serves it.
async fn page(api: &Api) -> (SocketAddr, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let page = format!(
        "<!doctype html><title>Shop</title><link rel=icon href=data:,><script defer src={}/pixel.js></script><p>Hello",
        api.base_url()
    );
    (address, tokio::spawn(serve(listener, page)))
}

/// What the browser tells of its visit to the page at this address.
async fn visit(url: String, kind: &'static str) -> Value {
    let module = std::env::var("CORE_API_TEST_PLAYWRIGHT").unwrap_or_else(|_| {
        panic!(
            "this test drives a browser: run `cargo xtask test`, which installs what it needs, or name the folder of \
             playwright-core in CORE_API_TEST_PLAYWRIGHT"
        )
    });
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/browser/visit.js");
    let output = tokio::task::spawn_blocking(move || {
        Command::new("node").args([script, &module, &url, kind]).stdin(Stdio::null()).output().unwrap()
    })
    .await
    .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

async fn a_visit_in_a_browser_is_counted_without_a_trace_in_it(backend: Backend) {
    let stage = Stage::set(backend).await;
    let api = stage.owner.in_workspace(stage.workspace_id);
    // Just more than the browser's chance.
    api.post("/api/v1/pixel/sites", json!({ "domain": "127.0.0.1", "sample_rate": 0.500_001 })).await.expect(201);
    let (address, serving) = page(&api).await;
    let told = visit(format!("http://{address}/first"), "counted").await;
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

async fn a_browser_tells_nothing_that_the_configuration_does_not_ask_for(backend: Backend) {
    let stage = Stage::set(backend).await;
    let api = stage.owner.in_workspace(stage.workspace_id);
    let site = api.post("/api/v1/pixel/sites", json!({ "domain": "127.0.0.1", "sample_rate": 0 })).await.data(201);
    let path = format!("/api/v1/pixel/sites/{}", site["id"]);
    let (address, serving) = page(&api).await;
    for (change, kind) in [
        (json!({ "sample_rate": 0 }), "unasked"),
        (json!({ "sample_rate": 0.5 }), "unasked"),
        (json!({ "sample_rate": 1, "enabled": false }), "unasked"),
        (json!({ "enabled": true }), "gpc"),
        (json!({ "honours_dnt": true }), "dnt"),
    ] {
        api.patch(&path, change).await.expect(200);
        let told = visit(format!("http://{address}/first"), kind).await;
        assert_eq!((&told["told"], &told["faults"]), (&json!([]), &json!([])), "{kind}");
    }
    serving.abort();
    assert_eq!(stage.database.query("SELECT count(*) FROM pixel_events"), ["0"]);
}
