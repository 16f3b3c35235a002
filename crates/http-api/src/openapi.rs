use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use actix_web::http::header;
use actix_web::web::Bytes;
use actix_web::{HttpResponse, web};
use serde::Serialize;
use utoipa::openapi::header::Header;
use utoipa::openapi::path::{Operation, ParameterBuilder, ParameterIn, PathItem};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{ContentBuilder, Object, ObjectBuilder, Ref, RefOr, Required, ResponseBuilder, Type};
use utoipa::{IntoParams, Modify, OpenApi, ToSchema};
use utoipa_swagger_ui::Config;

use crate::ApiError;
use crate::operation_ids::OperationIds;
use crate::routes::Described;

/// One resource.
#[derive(Serialize, ToSchema)]
pub(crate) struct Data<T> {
    data: T,
}

/// One resource, after it was changed.
#[derive(Serialize, ToSchema)]
pub(crate) struct Told<T> {
    message: String,
    data: T,
}

/// Every error.
#[derive(Serialize, ToSchema)]
#[schema(as = Error)]
pub(crate) struct ErrorBody {
    /// A code for programs.
    #[schema(example = "not_found")]
    error: String,
    /// A sentence for people.
    #[schema(example = "Resource not found.")]
    message: String,
    /// With `validation_failed`: what is wrong, by field.
    #[schema(required = false, nullable = false)]
    errors: Option<BTreeMap<String, Vec<String>>>,
    /// With `feature_limit_reached`.
    #[schema(required = false, nullable = false)]
    feature: Option<String>,
    /// With `feature_limit_reached`: where more can be had.
    #[schema(required = false, nullable = false)]
    upgrade_url: Option<String>,
    /// With `rate_limit_exceeded`: seconds to wait.
    #[schema(required = false, nullable = false)]
    retry_after: Option<u64>,
    /// With `rate_limit_exceeded`: requests a minute.
    #[schema(required = false, nullable = false)]
    limit: Option<u32>,
    /// With `rate_limit_exceeded`.
    #[schema(required = false, nullable = false)]
    remaining: Option<u32>,
    /// With `rate_limit_exceeded`: when the whole limit is free again.
    #[schema(required = false, nullable = false, format = DateTime)]
    reset_at: Option<String>,
    /// With `server_error`: the request to tell support of.
    #[schema(required = false, nullable = false)]
    request_id: Option<String>,
}

/// Which workspace an account-level credential acts in.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "documents the header that `Caller` reads")]
pub(crate) struct WorkspaceHeader {
    /// The workspace to act in. Needed with an account-level credential that opens several.
    #[param(rename = "X-Workspace-ID", required = false, nullable = false, minimum = 1)]
    x_workspace_id: Option<i64>,
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "core-api",
        description = "A multi-tenant API platform: workspaces, API keys and entitlements.\n\nEvery error has the same shape. Every answer carries X-Request-ID.",
        license(name = "EUPL-1.2", identifier = "EUPL-1.2"),
    ),
    components(schemas(ErrorBody))
)]
struct Head;

/// The OpenAPI 3.1 document of the API, made from the handlers' own types.
pub fn openapi() -> utoipa::openapi::OpenApi {
    let mut document = Described::openapi();
    document.merge(Head::openapi());
    document.info = Head::openapi().info;
    Security.modify(&mut document);
    CommonAnswers.modify(&mut document);
    OperationIds.modify(&mut document);
    document
}

static DOCUMENT: LazyLock<Bytes> =
    LazyLock::new(|| openapi().to_pretty_json().map_or_else(|_| Bytes::from_static(b"{}"), Bytes::from));

/// `GET /openapi.json`
pub(crate) async fn document() -> HttpResponse {
    HttpResponse::Ok().insert_header(header::ContentType::json()).body(DOCUMENT.clone())
}

/// `GET /docs/...`: the interactive reference, whose assets are in the binary.
pub(crate) async fn reference(file: web::Path<String>) -> Result<HttpResponse, ApiError> {
    let config = Arc::new(Config::from("/openapi.json").persist_authorization(true));
    let found = utoipa_swagger_ui::serve(&file, config);
    let file = found.map_err(|error| ApiError::Internal(error.to_string().into()))?.ok_or(ApiError::NotFound)?;
    Ok(HttpResponse::Ok().content_type(file.content_type).body(file.bytes.to_vec()))
}

struct Security;

impl Modify for Security {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some(
                "An API key: `Authorization: Bearer sk_live_...`. HTTP Basic with the key as user name works as well.",
            ))
            .build();
        document.components.get_or_insert_default().add_security_scheme("api_key", SecurityScheme::Http(scheme));
    }
}

/// Adds the errors that any operation can answer, and the headers of every answer.
struct CommonAnswers;

impl Modify for CommonAnswers {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        for item in document.paths.paths.values_mut() {
            for (operation, changes) in operations(item) {
                describe_errors(operation, changes);
                describe_headers(operation);
                if changes {
                    describe_retries(operation);
                }
            }
        }
    }
}

/// The operations of a path, and whether each changes something.
pub(crate) fn operations(item: &mut PathItem) -> impl Iterator<Item = (&mut Operation, bool)> {
    let reading = item.get.as_mut().map(|operation| (operation, false));
    let changing = [&mut item.post, &mut item.put, &mut item.patch, &mut item.delete].into_iter().flatten();
    reading.into_iter().chain(changing.map(|operation| (operation, true)))
}

fn describe_retries(operation: &mut Operation) {
    let key = ObjectBuilder::new().schema_type(Type::String).min_length(Some(1)).max_length(Some(255));
    let parameter = ParameterBuilder::new()
        .name("Idempotency-Key")
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some("Names the request: repeated under the same key within 24 hours, it gets the first answer."))
        .schema(Some(key.pattern(Some("^[!-~]+$")).build()))
        .build();
    operation.parameters.get_or_insert_default().push(RefOr::T(parameter));
}

fn describe_errors(operation: &mut Operation, changes: bool) {
    let has_body = operation.request_body.is_some();
    let errors = [
        ("400", "The request can't be read, or no workspace is named where one is needed.", true),
        ("401", "No credential, or one that opens nothing.", true),
        ("403", "The credential is good, but not for this.", true),
        ("404", "Nothing here that the caller may know of.", true),
        ("408", "The body took too long to arrive.", has_body),
        ("413", "The body is too large.", has_body),
        ("415", "The body is not JSON.", has_body),
        (
            "409",
            "The request does not fit the state of what it is about, or repeats one whose end is not known.",
            changes,
        ),
        ("422", "The values break rules, named by field; or the idempotency key stands for another request.", true),
        ("429", "Too many requests.", true),
        ("500", "A fault of the service.", true),
        ("503", "The service is unavailable for the moment.", true),
    ];
    for (status, description, applies) in errors {
        if applies && !operation.responses.responses.contains_key(status) {
            let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Error"))).build();
            let response = ResponseBuilder::new().description(description).content("application/json", content).build();
            operation.responses.responses.insert(status.to_owned(), RefOr::T(response));
        }
    }
}

fn describe_headers(operation: &mut Operation) {
    for response in operation.responses.responses.values_mut() {
        if let RefOr::T(response) = response {
            let header = Header::new(Object::with_type(Type::String));
            response.headers.insert("X-Request-ID".to_owned(), header.into());
            for name in ["X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"] {
                let header = Header::new(Object::with_type(Type::Integer));
                response.headers.insert(name.to_owned(), header.into());
            }
        }
    }
}
