use std::future::ready;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::middleware::from_fn;
use actix_web::{App, Error, HttpResponse, guard, web};
use utoipa::OpenApi;

use crate::middleware::{deadline, identify, limit, observe, open_to_pages, recognise_retries, shape_errors};
use crate::tools::talk;
use crate::{
    ApiError, Services, entitlements, events, health, keys, mcp, me, openapi, pixel, seo, webhooks, workspaces,
};

/// Declares every route once: for the router, for the OpenAPI document, and as a table for tests.
macro_rules! route_table {
    ($($path:literal => { $($method:ident $($handler:ident)::+),+ $(,)? })+) => {
        /// Every route of the API: method and path.
        pub const TABLE: &[(&str, &str)] = &[$($((stringify!($method), $path)),+),+];

        /// The descriptions of all routes.
        #[derive(OpenApi)]
        #[openapi(paths($($($($handler)::+),+),+))]
        pub(crate) struct Described;

        /// The router tries paths one after another. Those without parameters come first: they are quick to tell apart.
        fn routes(app: &mut web::ServiceConfig) {
            for has_parameters in [false, true] {
                $(
                    if $path.contains('{') == has_parameters {
                        let methods: &[&str] = &[$(stringify!($method)),+];
                        app.service(
                            web::resource($path)
                                $(.route(route!($method).to($($handler)::+)))+
                                .default_service(web::to(move || ready(refuse_method(methods)))),
                        );
                    }
                )+
            }
        }
    };
}

/// A `GET` route answers `HEAD` as well (RFC 9110, section 9.3.2).
macro_rules! route {
    (get) => {
        web::route().guard(guard::Any(guard::Get()).or(guard::Head()))
    };
    ($method:ident) => {
        web::$method()
    };
}

route_table! {
    "/api/v1/me" => { get me::show }
    "/api/v1/workspaces" => { get workspaces::handlers::list, post workspaces::handlers::create }
    "/api/v1/workspaces/{id}" => {
        get workspaces::handlers::get,
        patch workspaces::handlers::update,
        delete workspaces::handlers::delete,
    }
    "/api/v1/api-keys" => { get keys::handlers::list, post keys::handlers::create }
    "/api/v1/api-keys/{id}" => { get keys::handlers::get, delete keys::handlers::revoke }
    "/api/v1/api-keys/{id}/rotate" => { post keys::handlers::rotate }
    "/api/v1/webhooks" => { get webhooks::handlers::list, post webhooks::handlers::create }
    "/api/v1/webhooks/{id}" => {
        get webhooks::handlers::get,
        patch webhooks::handlers::update,
        delete webhooks::handlers::delete,
    }
    "/api/v1/webhooks/{id}/test" => { post webhooks::test::send }
    "/api/v1/webhooks/{id}/rotate-secret" => { post webhooks::handlers::rotate_secret }
    "/api/v1/webhooks/{id}/statistics" => { get webhooks::statistics::show }
    "/api/v1/webhooks/{id}/replay" => { post webhooks::deliveries::replay }
    "/api/v1/webhooks/{id}/deliveries" => { get webhooks::deliveries::list }
    "/api/v1/webhooks/{id}/deliveries/{delivery_id}" => { get webhooks::deliveries::get }
    "/api/v1/webhooks/{id}/deliveries/{delivery_id}/retry" => { post webhooks::deliveries::retry }
    "/api/v1/events" => { get events::handlers::list, post events::handlers::publish }
    "/api/v1/events/{id}" => { get events::handlers::get }
    "/api/v1/entitlements/check" => { get entitlements::handlers::check }
    "/api/v1/entitlements/summary" => { get entitlements::handlers::summary }
    "/api/v1/entitlements/usage" => { get entitlements::handlers::list, post entitlements::handlers::record }
    "/api/v1/entitlements/history" => { get entitlements::handlers::history }
    "/api/v1/entitlements/reservations" => { post entitlements::reservations::create }
    "/api/v1/entitlements/reservations/{id}" => { get entitlements::reservations::get }
    "/api/v1/entitlements/reservations/{id}/confirm" => { post entitlements::reservations::confirm }
    "/api/v1/entitlements/reservations/{id}/release" => { post entitlements::reservations::release }
    "/api/v1/pixel/config" => { get pixel::track::config }
    "/api/v1/pixel/track" => { post pixel::track::track }
    "/api/v1/pixel/stats" => { get pixel::stats::stats }
    "/api/v1/pixel/sites" => { get pixel::sites::list, post pixel::sites::create }
    "/api/v1/pixel/sites/{id}" => {
        get pixel::sites::get,
        patch pixel::sites::update,
        delete pixel::sites::delete,
    }
    "/api/v1/operator/workspaces/{id}/overrides" => { get entitlements::overrides::list }
    "/api/v1/operator/workspaces/{id}/overrides/{feature}" => {
        put entitlements::overrides::set,
        delete entitlements::overrides::delete,
    }
    "/api/v1/seo/report" => { post seo::handlers::submit }
    "/api/v1/seo/issues/{workspace_id}" => { get seo::handlers::list_issues }
    "/api/v1/seo/reports" => { get seo::handlers::list_reports }
    "/api/v1/seo/reports/{id}" => { get seo::handlers::get_report }
    "/api/v1/seo/history" => { get seo::handlers::history }
    "/api/v1/mcp/servers" => { get mcp::handlers::list }
    "/api/v1/mcp/servers/{id}" => { get mcp::handlers::get }
    "/api/v1/mcp/servers/{id}/tools" => { get mcp::handlers::list_tools }
    "/api/v1/mcp/tools/call" => { post mcp::call::send }
    "/api/v1/mcp/calls" => { get mcp::calls::list }
    "/api/v1/mcp/resources" => { get mcp::resources::list }
    "/api/v1/mcp/resources/{uri:.*}" => { get mcp::resources::get }
}

/// The API on these services, for a server or a test to run.
pub fn app(
    services: Services,
) -> App<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<impl MessageBody>,
        Error = Error,
        InitError = (),
    >,
> {
    App::new()
        .configure(|app| services.register(app))
        .configure(routes)
        .configure(surroundings)
        .default_service(web::to(not_found))
        .wrap(from_fn(recognise_retries))
        .wrap(from_fn(talk))
        .wrap(from_fn(limit))
        .wrap(from_fn(identify))
        .wrap(from_fn(deadline))
        .wrap(from_fn(shape_errors))
        .wrap(from_fn(open_to_pages))
        .wrap(from_fn(observe))
}

/// What is beside the API: it needs no credential.
fn surroundings(app: &mut web::ServiceConfig) {
    let refuse = || web::to(|| ready(refuse_method(&["get"])));
    app.service(web::resource("/health/live").route(route!(get).to(health::live)).default_service(refuse()))
        .service(web::resource("/health/ready").route(route!(get).to(health::ready)).default_service(refuse()))
        .service(web::resource("/openapi.json").route(route!(get).to(openapi::document)).default_service(refuse()))
        .service(web::resource("/pixel.js").route(route!(get).to(pixel::script)).default_service(refuse()))
        .service(web::redirect("/docs", "/docs/"))
        .service(web::resource("/docs/{file:.*}").route(route!(get).to(openapi::reference)).default_service(refuse()));
}

async fn not_found() -> Result<HttpResponse, ApiError> {
    Err(ApiError::NotFound)
}

pub(crate) fn refuse_method(allowed: &'static [&'static str]) -> Result<HttpResponse, ApiError> {
    let names = allowed.iter().flat_map(|method| match *method {
        "get" => vec!["GET".to_owned(), "HEAD".to_owned()],
        other => vec![other.to_uppercase()],
    });
    Err(ApiError::MethodNotAllowed(names.collect::<Vec<_>>().join(", ")))
}
