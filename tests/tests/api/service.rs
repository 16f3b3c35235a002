use std::collections::BTreeSet;
use std::time::Duration;

use acceptance::{Api, Backend, Database, PATIENCE, Stage, eventually, on_both_stores};
use serde_json::{Value, json};
use testkit::servers::{Durability, Postgres, free_port};

on_both_stores!(
    health_is_told,
    metrics_count_requests,
    metrics_are_not_on_the_api_s_listener,
    the_reference_is_served_with_its_assets,
    the_description_is_served,
    head_is_answered_where_get_is,
    other_methods_are_refused_with_those_allowed,
    unknown_paths_are_not_found,
    a_well_formed_request_id_is_kept,
    other_request_ids_are_replaced,
    secrets_are_not_to_be_kept_by_caches,
);

async fn health_is_told(backend: Backend) {
    let stage = Stage::set(backend).await;
    for path in ["/health/live", "/health/ready"] {
        stage.anonymous().get(path).await.is(200, json!({ "status": "ok" }));
        stage.anonymous().with_key("nonsense").get(path).await.expect(200);
    }
}

async fn metrics_count_requests(backend: Backend) {
    let address = format!("127.0.0.1:{}", free_port().unwrap());
    let stage = Stage::with(backend, &[("CORE_API_METRICS_LISTEN", &address)]).await;
    for _ in 0..3 {
        stage.owner.get(&format!("/api/v1/workspaces/{}", stage.workspace_id)).await.expect(200);
    }
    stage.owner.get("/api/v1/workspaces/999999").await.is_not_found();
    stage.owner.get("/no/such/path").await.is_not_found();
    let answer = reqwest::get(format!("http://{address}/metrics")).await.unwrap();
    assert_eq!(answer.status(), 200);
    assert!(answer.headers()["content-type"].to_str().unwrap().starts_with("text/plain"));
    let text = answer.text().await.unwrap();
    let count = |method: &str, route: &str, status: &str| {
        let labels = [format!("method=\"{method}\""), format!("route=\"{route}\""), format!("status=\"{status}\"")];
        let line = text.lines().find(|line| {
            line.starts_with("http_request_duration_seconds_count{") && labels.iter().all(|label| line.contains(label))
        });
        line.and_then(|line| line.rsplit_once(' ')?.1.parse::<u64>().ok())
    };
    assert_eq!(count("GET", "/api/v1/workspaces/{id}", "2xx"), Some(3), "{text}");
    assert_eq!(count("GET", "/api/v1/workspaces/{id}", "4xx"), Some(1), "{text}");
    assert!(!text.contains("/no/such/path") && !text.contains("workspaces/999999"), "{text}");
}

async fn metrics_are_not_on_the_api_s_listener(backend: Backend) {
    let stage = Stage::set(backend).await;
    stage.owner.get("/metrics").await.is_not_found();
}

async fn the_reference_is_served_with_its_assets(backend: Backend) {
    let stage = Stage::set(backend).await;
    let nobody = stage.anonymous();
    let redirect = nobody.get("/docs").await;
    assert!((300..400).contains(&redirect.status) && redirect.header("location") == Some("/docs/"), "{redirect}");
    let page = nobody.get("/docs/").await.expect(200);
    assert!(page.header("content-type").unwrap().starts_with("text/html"));
    let assets: Vec<&str> = ["src=\"", "href=\""]
        .iter()
        .flat_map(|mark| page.text().split(mark).skip(1).filter_map(|rest| rest.split('"').next()))
        .collect();
    assert!(assets.len() >= 3, "{page}");
    for asset in assets {
        let path = asset.trim_start_matches("./");
        assert!(!asset.contains("//"), "{asset} comes from elsewhere");
        let answer = nobody.get(&format!("/docs/{path}")).await.expect(200);
        assert!(!answer.body.is_empty(), "{asset}");
    }
    let initializer = nobody.get("/docs/swagger-initializer.js").await.expect(200);
    assert!(initializer.text().contains("/openapi.json"));
}

async fn the_description_is_served(backend: Backend) {
    let stage = Stage::set(backend).await;
    let answer = stage.anonymous().get("/openapi.json").await.expect(200);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let document = answer.json();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    let described: BTreeSet<String> = stage
        .owner
        .spec()
        .operations()
        .iter()
        .map(|operation| format!("{} {}", operation.method, operation.template))
        .collect();
    let expected = [
        "DELETE /api/v1/api-keys/{id}",
        "DELETE /api/v1/workspaces/{id}",
        "GET /api/v1/api-keys",
        "GET /api/v1/api-keys/{id}",
        "GET /api/v1/me",
        "GET /api/v1/workspaces",
        "GET /api/v1/workspaces/{id}",
        "GET /api/v1/seo/history",
        "GET /api/v1/seo/issues/{workspace_id}",
        "GET /api/v1/seo/reports",
        "GET /api/v1/seo/reports/{id}",
        "POST /api/v1/seo/report",
        "PATCH /api/v1/workspaces/{id}",
        "POST /api/v1/api-keys",
        "POST /api/v1/api-keys/{id}/rotate",
        "POST /api/v1/workspaces",
    ];
    for operation in expected {
        assert!(described.contains(operation), "{operation} is not described");
    }
}

async fn head_is_answered_where_get_is(backend: Backend) {
    let stage = Stage::set(backend).await;
    let key = stage.key(json!({})).await;
    let own = format!("/api/v1/workspaces/{}", stage.workspace_id);
    let key_path = format!("/api/v1/api-keys/{}", key.id);
    for path in [
        "/api/v1/me",
        "/api/v1/workspaces",
        "/api/v1/workspaces?page=0",
        "/api/v1/workspaces/999999",
        &own,
        "/api/v1/api-keys",
        &key_path,
        "/health/live",
        "/health/ready",
        "/openapi.json",
        "/docs/",
        "/no/such/path",
    ] {
        let get = stage.owner.get(path).await;
        let head = stage.owner.request("HEAD", path).send().await.expect(get.status);
        assert_eq!(head.body, b"", "{head}");
        for header in ["content-type", "content-length"] {
            assert_eq!(head.header(header), get.header(header), "{header}\n{head}");
        }
    }
    stage.anonymous().request("HEAD", "/api/v1/me").send().await.expect(401);
}

async fn other_methods_are_refused_with_those_allowed(backend: Backend) {
    let stage = Stage::with(backend, &[("CORE_API_TRUSTED_PROXIES", "127.0.0.1")]).await;
    // Without a credential each address has a limit of its own: more paths than one address may ask for.
    let mut addresses = (1..).map(|number: u32| format!("10.0.{}.{}", number >> 8, number & 255));
    let operations = stage.owner.spec().operations().to_vec();
    let mut paths: BTreeSet<(String, BTreeSet<String>)> = operations
        .iter()
        .map(|operation| {
            let same = operations.iter().filter(|other| other.template == operation.template);
            (operation.path(1), same.map(|other| other.method.clone()).collect())
        })
        .collect();
    for path in ["/health/live", "/health/ready", "/openapi.json"] {
        paths.insert((path.to_owned(), BTreeSet::from(["GET".to_owned()])));
    }
    for (path, mut allowed) in paths {
        if allowed.contains("GET") {
            allowed.insert("HEAD".to_owned());
        }
        for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PURGE"] {
            if allowed.contains(method) {
                continue;
            }
            for api in [stage.owner.clone(), stage.anonymous()] {
                let from = addresses.next().unwrap();
                let answer = api.request(method, &path).header("X-Forwarded-For", from).send().await.expect(405);
                let told: BTreeSet<String> = answer.header("allow").unwrap().split(", ").map(str::to_owned).collect();
                assert_eq!(told, allowed, "{answer}");
                if method != "HEAD" {
                    assert_eq!(answer.json()["error"], "method_not_allowed");
                }
            }
        }
    }
}

async fn unknown_paths_are_not_found(backend: Backend) {
    let stage = Stage::set(backend).await;
    for path in [
        "/",
        "/api",
        "/api/v1",
        "/api/v2/me",
        "/api/v1/",
        "/api/v1/me/",
        "/api/v1/workspaces/",
        "/api/v1/workspaces/1/",
        "/api/v1/workspaces/1/members",
        "/api/v1/api-keys/1/rotate/1",
        "/API/v1/me",
        "/health",
        "/docs/no-such-file.js",
        "/openapi.yaml",
        "/api/v1/%6De/x",
    ] {
        for method in ["GET", "POST", "DELETE"] {
            if path.starts_with("/docs/") && method != "GET" {
                continue;
            }
            stage.owner.request(method, path).send().await.is_not_found();
            stage.anonymous().request(method, path).send().await.is_not_found();
        }
    }
}

async fn a_well_formed_request_id_is_kept(backend: Backend) {
    let stage = Stage::set(backend).await;
    for id in ["a", "abc-DEF.123_x", "550e8400-e29b-41d4-a716-446655440000", &"x".repeat(128)] {
        for path in ["/api/v1/me", "/api/v1/workspaces/0", "/no/such/path", "/health/live"] {
            let answer = stage.owner.request("GET", path).header("X-Request-ID", id).send().await;
            assert_eq!(answer.header("x-request-id"), Some(id));
        }
    }
}

async fn other_request_ids_are_replaced(backend: Backend) {
    let stage = Stage::set(backend).await;
    let mut seen = BTreeSet::new();
    for id in ["", "a b", "a/b", "a\tb", "ünï", "<script>", &"x".repeat(129)] {
        let answer = stage.owner.request("GET", "/api/v1/me").header("X-Request-ID", id).send().await.expect(200);
        let made = answer.header("x-request-id").unwrap().to_owned();
        let random = made.strip_prefix("req_").unwrap_or_default();
        assert!(random.len() == 20 && random.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{made}");
        assert!(seen.insert(made), "each request has its own");
    }
}

async fn secrets_are_not_to_be_kept_by_caches(backend: Backend) {
    let stage = Stage::set(backend).await;
    let created = stage.owner.post("/api/v1/api-keys", json!({ "name": "A" })).await.expect(201);
    let path = format!("/api/v1/api-keys/{}/rotate", created.json()["data"]["id"]);
    let rotated = stage.owner.post(&path, json!({})).await.expect(200);
    for answer in [created, rotated] {
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
}

/// 503 that names the database, and nothing of its address.
async fn is_down(api: &Api) -> bool {
    let answer = api.request("GET", "/health/ready").may_be_5xx().send().await;
    let down = json!({
        "error": "service_unavailable", "message": "Not ready. Down: database.", "down": ["database"],
    });
    if answer.status == 503 {
        answer.is(503, down);
    }
    answer.status == 503
}

#[tokio::test]
async fn a_database_that_is_down_is_named_and_comes_back_by_itself() {
    let mut postgres = Postgres::start(Durability::Real).unwrap();
    let stage = Stage::on(Database::create_on(&postgres.url()), &[]).await;
    let key = stage.key(json!({ "scopes": ["*"] })).await;
    for _ in 0..2 {
        postgres.kill();
        assert!(eventually(PATIENCE, async || is_down(&stage.anonymous()).await).await);
        stage.anonymous().get("/health/live").await.is(200, json!({ "status": "ok" }));
        for api in [&stage.owner, &key.api] {
            let answer = api.request("GET", "/api/v1/api-keys").may_be_5xx().send().await.expect(503);
            assert!(answer.header("retry-after").is_some());
            let message = "The service is unavailable for the moment. Please retry.";
            answer.is(503, json!({ "error": "service_unavailable", "message": message }));
        }
        let made = api_create(&stage.owner).await;
        assert_eq!(made["error"], "service_unavailable");
        stage.anonymous().get("/api/v1/me").await.is_unauthorized();

        postgres.revive().unwrap();
        let is_back = eventually(Duration::from_secs(10), async || !is_down(&stage.anonymous()).await).await;
        assert!(is_back, "it does not come back");
        assert_eq!(stage.owner.get("/api/v1/workspaces").await.expect(200).json()["meta"]["total"], 1);
        key.api.get("/api/v1/me").await.expect(200);
    }
}

/// A frozen server neither answers nor refuses, and its connections stay open.
#[tokio::test]
async fn a_database_that_is_frozen_is_named_and_comes_back_by_itself() {
    let postgres = Postgres::start(Durability::Fast).unwrap();
    let stage = Stage::on(Database::create_on(&postgres.url()), &[]).await;
    stage.owner.get("/api/v1/workspaces").await.expect(200);
    postgres.freeze();
    let is_told = is_down(&stage.anonymous()).await;
    postgres.thaw();
    assert!(is_told, "a server that does not answer is not ready");
    let is_back = eventually(PATIENCE, async || !is_down(&stage.anonymous()).await).await;
    assert!(is_back, "it does not come back");
    stage.owner.get("/api/v1/workspaces").await.expect(200);
}

async fn api_create(api: &Api) -> Value {
    let request = api.request("POST", "/api/v1/workspaces").json(&json!({ "name": "A" }));
    request.may_be_5xx().send().await.expect(503).json()
}
