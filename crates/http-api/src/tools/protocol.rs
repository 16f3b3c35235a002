use std::fmt;
use std::sync::Arc;

use actix_web::web::Bytes;
use async_trait::async_trait;

use super::AllowedOrigins;

/// What speaks a protocol of assistants.
#[async_trait]
pub trait ToolProtocol: Send + Sync {
    /// Answers one message.
    ///
    /// The message is JSON and its caller is known. Among its extensions it MUST find the [`super::Desk`], which
    /// alone says which tools there are for this caller, and calls them. An implementation MUST keep nothing from one
    /// message to the next: the next may reach another replica.
    async fn answer(&self, message: http::Request<Bytes>) -> http::Response<Bytes>;
}

/// What serves assistants.
#[derive(Clone)]
pub struct Assistants {
    /// What speaks with them.
    pub protocol: Arc<dyn ToolProtocol>,
    /// Which web pages may.
    pub origins: AllowedOrigins,
}

impl fmt::Debug for Assistants {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Assistants").field("origins", &self.origins).finish_non_exhaustive()
    }
}
