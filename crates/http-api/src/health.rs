use std::sync::Arc;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use async_trait::async_trait;
use core_domain::BoxError;
use futures_util::future::join_all;
use serde_json::json;

use crate::error::chain;

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

/// How long a sign of life is waited for. What is frozen gives none and refuses none.
const PATIENCE: Duration = Duration::from_secs(3);

async fn ask(check: &dyn HealthCheck) -> Result<(), BoxError> {
    tokio::time::timeout(PATIENCE, check.check()).await.unwrap_or_else(|late| Err(late.into()))
}

/// `GET /health/ready`: the process can do its work. 503 names what is down.
pub(crate) async fn ready(checks: web::Data<Vec<Arc<dyn HealthCheck>>>) -> HttpResponse {
    let results = join_all(checks.iter().map(|check| async { (check.name(), ask(&**check).await) })).await;
    let down: Vec<&str> = results
        .into_iter()
        .filter_map(|(name, result)| {
            let fault = result.err()?;
            tracing::warn!(check = name, error = %chain(&*fault), "a health check failed");
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
