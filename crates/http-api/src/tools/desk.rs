use std::sync::Arc;

use actix_web::web::Bytes;
use core_domain::Principal;
use serde_json::{Map, Value};
use tokio::sync::{mpsc, oneshot};

use super::tool::{Tool, toolbox};

/// Where a protocol asks for tools, and has one called, on behalf of one caller.
#[derive(Debug, Clone)]
pub struct Desk {
    principal: Arc<Principal>,
    calls: mpsc::Sender<Call>,
}

/// A call under way.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) tool: &'static Tool,
    pub(super) arguments: Map<String, Value>,
    pub(super) answer: oneshot::Sender<Outcome>,
}

/// How a call went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Whether it was refused or failed; the body then has the shape of every error of the API.
    pub is_error: bool,
    /// The body of the route's answer, if it has one: a JSON object.
    pub body: Option<Bytes>,
}

/// There is no tool of this name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there is no such tool")]
pub struct UnknownTool;

impl Desk {
    pub(super) fn of(principal: Arc<Principal>) -> (Self, mpsc::Receiver<Call>) {
        let (calls, taken) = mpsc::channel(1);
        (Self { principal, calls }, taken)
    }

    /// The tools that the caller's scopes cover, in the order in which they are shown.
    pub fn tools(&self) -> impl Iterator<Item = &'static Tool> {
        toolbox().iter().filter(|tool| tool.permission.is_none_or(|required| self.principal.may(required)))
    }

    /// Calls a tool, whether or not the caller's scopes cover it: its route refuses as it refuses any request.
    ///
    /// # Errors
    /// [`UnknownTool`]
    pub async fn call(&self, name: &str, arguments: Map<String, Value>) -> Result<Outcome, UnknownTool> {
        let tool = toolbox().iter().find(|tool| tool.name == name).ok_or(UnknownTool)?;
        let (answer, outcome) = oneshot::channel();
        // Neither fails while someone waits for the message's answer.
        let _ = self.calls.send(Call { tool, arguments, answer }).await;
        Ok(outcome.await.unwrap_or(Outcome { is_error: true, body: None }))
    }
}
