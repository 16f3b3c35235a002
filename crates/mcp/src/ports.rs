use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use core_domain::{McpCallId, Outbox, Page, Realm, StorageError, Timestamp, Transaction};

use crate::{
    Call, CallEnd, CallNote, CallQuery, Catalogue, Instance, JsonObject, Quarantined, Registry, ResourceContents,
    ServerId, ServerStatus, ToolAnswer, UpstreamError,
};

/// The MCP servers.
///
/// An instance is started when something is first asked of it, once however many ask, and serves many calls at a time.
/// One that fails MUST delay or stop no other. No method asks the server for what the registry forbids to know: which
/// callers see what is decided before.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait ToolServers: Send + Sync {
    /// The configured servers. A reload swaps them; what was taken before stays as it was. MUST NOT wait.
    fn registry(&self) -> Arc<Registry>;

    /// What is known of an instance. MUST NOT start anything nor wait.
    fn status(&self, at: &Instance) -> ServerStatus;

    /// Starts reading an instance's catalogue in the background, unless it is known, being read, backing off or
    /// disabled. MUST NOT wait, and MUST NOT start a second copy.
    fn warm(&self, at: &Instance);

    /// What an instance offers: as last read, or else read now. Then the server is started if need be, and waited for
    /// at most `patience`; the start goes on when the caller is gone.
    ///
    /// # Errors
    /// [`UpstreamError::Starting`], [`BackingOff`](UpstreamError::BackingOff), [`Disabled`](UpstreamError::Disabled)
    /// or [`Gone`](UpstreamError::Gone).
    async fn catalogue(&self, at: &Instance, patience: Duration) -> Result<Arc<Catalogue>, UpstreamError>;

    /// Calls a tool once. `timeout` bounds everything, a start and the wait for a turn included.
    ///
    /// Once a byte of the call may have reached the server it MUST NOT be sent again, whatever happens. When time is up
    /// or the future is dropped, the call is cancelled at the server.
    async fn call(
        &self,
        at: &Instance,
        tool: &str,
        arguments: &JsonObject,
        timeout: Duration,
    ) -> Result<ToolAnswer, UpstreamError>;

    /// Reads a resource, whose URI goes to the server byte for byte. Bounds as of [`call`](Self::call).
    async fn read(&self, at: &Instance, uri: &str, timeout: Duration) -> Result<Vec<ResourceContents>, UpstreamError>;
}

/// Whom the servers' adapter tells that definitions changed under a pin.
#[cfg_attr(feature = "mocks", mockall::automock)]
pub trait QuarantineAlarm: Send + Sync {
    /// These tools of an instance were put into quarantine just now; told once each time that they are. MUST NOT wait.
    fn raise(&self, at: &Instance, tools: &[Quarantined]);
}

/// The audit log, within a transaction.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait CallRepository: Send {
    /// Keeps a call that is about to be made, and counts it. Its id is larger than any before; gaps are allowed.
    async fn insert_call(&mut self, note: &CallNote) -> Result<McpCallId, StorageError>;
}

/// What the audit of calls needs of a transaction.
pub trait CallTx: CallRepository + Outbox + Transaction {}

impl<T: CallRepository + Outbox + Transaction> CallTx for T {}

/// The audit log outside a transaction. Each method is one of its own.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait CallLog: Send + Sync {
    /// Keeps how a call ended. One that ended before, or is gone, stays as it is.
    ///
    /// A crash of the machine or of the database MAY take it: what became of the call is then unknown.
    async fn finish_call(&self, id: McpCallId, end: &CallEnd) -> Result<(), StorageError>;

    /// One page of a realm's calls. Those of a deleted workspace MUST look as if they were never there.
    ///
    /// The cost MUST NOT grow with the number of rows in the store, but for those that the filter leaves to be
    /// counted or passed over.
    async fn list_calls(&self, realm: Realm, query: &CallQuery) -> Result<Page<Call>, StorageError>;

    /// Where a server's tools were called, as far as calls are kept: each realm once, those of deleted workspaces left
    /// out, in the order of their workspaces.
    ///
    /// The cost MUST NOT grow with the number of calls.
    async fn callers_of(&self, server: &ServerId) -> Result<Vec<Realm>, StorageError>;

    /// Removes up to `limit` calls made before `before`, the oldest first. Returns how many.
    async fn purge_calls(&self, before: Timestamp, limit: NonZeroU32) -> Result<u64, StorageError>;
}
