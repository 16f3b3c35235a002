use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use async_trait::async_trait;
use core_domain::BoxError;
use futures_util::future::join_all;
use serde_json::json;

/// Something the service can't work without.
#[async_trait]
pub trait HealthCheck: Send + Sync {
    /// What it is called when it is down: `store`, `redis`.
    fn name(&self) -> &'static str;

    /// Asks it for a sign of life.
    async fn check(&self) -> Result<(), BoxError>;
}

/// `GET /health/live`: the process answers.
pub(crate) async fn live() -> HttpResponse {
    HttpResponse::Ok().json(json!({ "status": "ok" }))
}

/// `GET /health/ready`: the process can do its work. 503 names what is down.
pub(crate) async fn ready(checks: web::Data<Vec<Arc<dyn HealthCheck>>>) -> HttpResponse {
    let results = join_all(checks.iter().map(|check| async { (check.name(), check.check().await) })).await;
    let down: Vec<&str> = results
        .into_iter()
        .filter_map(|(name, result)| {
            let fault = result.err()?;
            tracing::warn!(check = name, error = %fault, "a health check failed");
            Some(name)
        })
        .collect();
    if down.is_empty() {
        HttpResponse::Ok().json(json!({ "status": "ok" }))
    } else {
        HttpResponse::build(StatusCode::SERVICE_UNAVAILABLE).json(json!({
            "error": "service_unavailable",
            "message": format!("Not ready. Down: {}.", down.join(", ")),
            "down": down,
        }))
    }
}
