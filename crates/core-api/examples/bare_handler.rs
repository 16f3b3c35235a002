//! The baseline of `cargo xtask bench`: an actix-web handler that answers JSON, and nothing around it.

use actix_web::{App, HttpResponse, HttpServer, web};
use serde_json::{Value, json};

async fn me() -> HttpResponse {
    HttpResponse::Ok().json(json!({
        "data": {
            "kind": "api_key",
            "key": { "id": 1, "name": "First key", "prefix": "sk_live_abc" },
            "account_id": 1,
            "workspace_id": null,
            "scopes": ["*"],
            "environment": "live",
            "tier": "enterprise",
            "rate_limit": { "requests_per_minute": 100_000, "burst_percent": 100 },
            "expires_at": null,
        }
    }))
}

/// As `GET /entitlements/check` answers.
async fn check() -> HttpResponse {
    HttpResponse::Ok().json(json!({
        "allowed": true,
        "feature": "posts",
        "current_usage": 45,
        "limit": null,
        "available": null,
    }))
}

/// As `POST /pixel/track` answers.
async fn track(_: web::Json<Value>) -> HttpResponse {
    HttpResponse::Ok().json(json!({ "tracked": true }))
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let port: u16 = std::env::args().nth(1).unwrap_or_default().parse()?;
    let workers = std::thread::available_parallelism().map_or(2, usize::from);
    let app = || {
        App::new()
            .route("/me", web::get().to(me))
            .route("/check", web::get().to(check))
            .route("/track", web::post().to(track))
    };
    let server = HttpServer::new(app).workers(workers);
    Ok(server.bind(("127.0.0.1", port))?.run().await?)
}
