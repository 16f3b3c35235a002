use std::collections::BTreeMap;
use std::sync::LazyLock;

use actix_web::http::header;
use actix_web::web::Bytes;
use actix_web::{HttpResponse, web};
use serde::Serialize;
use utoipa::openapi::header::Header;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{ContentBuilder, Object, Ref, RefOr, ResponseBuilder, Type};
use utoipa::{IntoParams, Modify, OpenApi, ToSchema};
use utoipa_swagger_ui::{Config, SwaggerUi};

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
        description = "A multi-tenant API platform: workspaces and API keys.\n\nEvery error has the same shape. Every answer carries X-Request-ID.",
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
    document
}

static DOCUMENT: LazyLock<Bytes> =
    LazyLock::new(|| openapi().to_pretty_json().map_or_else(|_| Bytes::from_static(b"{}"), Bytes::from));

/// Serves the document and the interactive reference, whose assets are in the binary.
pub(crate) fn serve(app: &mut web::ServiceConfig) {
    app.route("/openapi.json", web::get().to(document))
        .service(web::redirect("/docs", "/docs/"))
        .service(SwaggerUi::new("/docs/{_:.*}").config(Config::from("/openapi.json").persist_authorization(true)));
}

async fn document() -> HttpResponse {
    HttpResponse::Ok().insert_header(header::ContentType::json()).body(DOCUMENT.clone())
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
            for operation in operations(item) {
                describe_errors(operation);
                describe_headers(operation);
            }
        }
    }
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut item.get, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete].into_iter().flatten()
}

fn describe_errors(operation: &mut Operation) {
    let has_body = operation.request_body.is_some();
    let errors = [
        ("400", "The request can't be read, or no workspace is named where one is needed.", true),
        ("401", "No credential, or one that opens nothing.", true),
        ("403", "The credential is good, but not for this.", true),
        ("404", "Nothing here that the caller may know of.", true),
        ("408", "The body took too long to arrive.", has_body),
        ("413", "The body is too large.", has_body),
        ("415", "The body is not JSON.", has_body),
        ("422", "The values break rules, named by field.", true),
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
        }
    }
}
