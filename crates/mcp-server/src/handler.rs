use http::request::Parts;
use http_api::Desk;
use rmcp::model::{
    CacheScope, CallToolRequestParams, CallToolResponse, CustomRequest, CustomResult, ErrorCode, Implementation,
    ListToolsResult, PaginatedRequestParams, ServerCapabilities, ServerConfig,
};
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer, ServerHandler};

use crate::result::{shown, told};

/// For how long a client need not ask for the tools again: they change with the release and with the key's scopes.
const TOOLS_TTL_MS: u64 = 5 * 60 * 1000;

const INSTRUCTIONS: &str = "Tools of core-api, for one workspace at a time: entitlements and usage, webhooks and their \
    deliveries, events, SEO reports, visits of sites. Only what the API key's scopes cover is listed. An error holds `error`, `message` \
    and, for wrong arguments, `errors` by field: correct them and call again. Give `idempotency_key` (a UUID) when you \
    write: a call repeated under it is done once. Lists are paged: `page`, `per_page`.";

/// Answers what the protocol asks, from the desk that came with the message.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Handler;

impl ServerHandler for Handler {
    fn get_info(&self) -> ServerConfig {
        let name = Implementation::new("core-api", env!("CARGO_PKG_VERSION"));
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(name.with_title("core-api"))
            .with_instructions(INSTRUCTIONS)
    }

    async fn list_tools(
        &self,
        request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        if request.is_some_and(|request| request.cursor.is_some()) {
            return Err(ErrorData::invalid_params("The cursor is none of this list's: it has one page.", None));
        }
        let mut result = ListToolsResult::with_all_items(desk(&context)?.tools().map(shown).collect());
        result.ttl_ms = Some(TOOLS_TTL_MS);
        result.cache_scope = Some(CacheScope::Private);
        Ok(result)
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let called = desk(&context)?.call(&request.name, request.arguments.unwrap_or_default()).await;
        match called {
            Ok(outcome) => Ok(told(&outcome).into()),
            Err(_) => Err(ErrorData::invalid_params(format!("Unknown tool: {}", request.name), None)),
        }
    }

    /// A request of a known method comes here when its parameters have another shape.
    async fn on_custom_request(
        &self,
        request: CustomRequest,
        context: RequestContext<RoleServer>,
    ) -> Result<CustomResult, ErrorData> {
        let is_known = match request.method.as_str() {
            // The newer era has none.
            "initialize" => context.meta.protocol_version().is_none(),
            "tools/list" | "tools/call" | "server/discover" => true,
            _ => false,
        };
        Err(if is_known {
            ErrorData::invalid_params(format!("The parameters of {} have another shape.", request.method), None)
        } else {
            ErrorData::new(ErrorCode::METHOD_NOT_FOUND, request.method, None)
        })
    }
}

fn desk(context: &RequestContext<RoleServer>) -> Result<&Desk, ErrorData> {
    let desk = context.extensions.get::<Parts>().and_then(|parts| parts.extensions.get::<Desk>());
    desk.ok_or_else(|| ErrorData::internal_error("The message came without its desk.", None))
}
