use std::sync::Arc;
use std::time::Duration;

use core_domain::Realm;
use mcp::{Catalogue, ServerId, ToolServers, UpstreamError, View, Viewer};

use crate::ApiError;
use crate::extract::Caller;

/// How long a request waits for a server that is starting.
const PATIENCE: Duration = Duration::from_secs(10);

/// Every server that the caller may use, by id.
pub(super) async fn all<R>(caller: &Caller<R>, servers: &dyn ToolServers) -> Result<(Realm, Vec<View>), ApiError> {
    let context = caller.context().await?;
    let realm = Realm { workspace_id: context.id, environment: caller.principal.environment };
    let viewer = Viewer { realm, tier: context.tier, servers: caller.principal.mcp_servers.as_ref() };
    Ok((realm, View::all(&servers.registry(), &viewer)))
}

/// The server of this id.
///
/// # Errors
/// [`ApiError::NotFound`] when there is none that the caller may use.
pub(super) async fn one<R>(caller: &Caller<R>, servers: &dyn ToolServers, id: &str) -> Result<(Realm, View), ApiError> {
    let (realm, views) = all(caller, servers).await?;
    let id = ServerId::try_from(id).map_err(|_| ApiError::NotFound)?;
    let view = views.into_iter().find(|view| view.server.id == id).ok_or(ApiError::NotFound)?;
    Ok((realm, view))
}

/// What a server offers; waits for one that is starting.
pub(super) async fn catalogue(servers: &dyn ToolServers, view: &View) -> Result<Arc<Catalogue>, UpstreamError> {
    servers.catalogue(&view.instance, PATIENCE.min(view.server.timeout)).await
}
