#![doc = include_str!("../README.md")]

mod answer;
mod entitlements;
mod error;
mod events;
mod extract;
mod health;
mod keys;
mod list;
mod mcp;
mod me;
mod middleware;
mod openapi;
mod origin;
mod retry;
mod routes;
mod seo;
mod services;
mod webhooks;
mod workspaces;
mod write;

pub use answer::Answer;
pub use entitlements::Entitlements;
pub use error::{ApiError, FieldErrors};
pub use health::HealthCheck;
pub use openapi::openapi;
pub use origin::{ClientAddresses, PublicUrl};
pub use retry::Running;
pub use routes::{TABLE, app};
pub use services::Services;
pub use write::{ApiTx, UnitOfWork};
