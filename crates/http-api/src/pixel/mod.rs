//! The pixel (reference: Pixel Tracking).

mod bots;
mod dto;
mod front;
mod ingest;
mod params;
mod salts;
pub(crate) mod sites;
pub(crate) mod stats;
pub(crate) mod track;

use actix_web::HttpResponse;
use actix_web::http::header;

pub use front::Pixel;

pub(crate) const CONFIG_PATH: &str = "/api/v1/pixel/config";
pub(crate) const TRACK_PATH: &str = "/api/v1/pixel/track";
/// The largest body of [`TRACK_PATH`]: what a browser lets a page send as it is left.
pub(crate) const MAX_TRACK_BYTES: usize = 64 * 1024;

/// `GET /pixel.js`: what a site includes.
pub(crate) async fn script() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/javascript; charset=utf-8")
        .insert_header((header::CACHE_CONTROL, "public, max-age=3600"))
        .insert_header((header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .body(include_str!("pixel.js"))
}
