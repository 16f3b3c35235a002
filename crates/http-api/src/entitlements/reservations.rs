use actix_web::http::StatusCode;
use actix_web::web;
use entitlements::{ConfirmError, FeatureKey, ReleaseError, ReservationId, ReservationStatus, ReserveError};

use super::Entitlements;
use super::dto::{ConfirmBody, ConfirmedView, ReservationBody, ReservationView};
use super::front::place;
use super::handlers::countable;
use super::refusals::Refusals;
use crate::extract::permission::{EntitlementsRead, EntitlementsWrite};
use crate::extract::{Caller, Json, PathId};
use crate::openapi::{Data, Told, WorkspaceHeader};
use crate::write::Write;
use crate::{Answer, ApiError};

/// Reserve a quantity
///
/// Holds it until it is confirmed or released, or until its time is over: up to 24 hours.
#[utoipa::path(post, path = "/api/v1/entitlements/reservations", tag = "Entitlements", params(WorkspaceHeader),
    request_body = ReservationBody, security(("api_key" = ["entitlements:write"])),
    responses((status = 201, body = Told<ReservationView>)))]
pub(crate) async fn create(
    caller: Caller<EntitlementsWrite>,
    body: Json<ReservationBody>,
    entitlements: web::Data<Entitlements>,
    write: Write,
) -> Result<Answer, ApiError> {
    let place = place(caller.context().await?, caller.principal.environment);
    let feature = countable(&entitlements, body.0.feature.as_deref())?.clone();
    let command = body.0.into_command()?;
    write
        .run(async move |tx| {
            let reserved = entitlements.service.reserve(tx, place, &feature, command.clone()).await;
            let made = reserved.map_err(|error| not_reserved(&entitlements.refusals, &feature.key, error))?;
            let view = ReservationView::new(&made, entitlements.clock.now());
            let answer = Answer::told(StatusCode::CREATED, "Reservation created successfully.", &view)?;
            let (entitlements, feature) = (entitlements.clone(), feature.clone());
            let answer = answer.at(format!("/api/v1/entitlements/reservations/{}", made.id));
            Ok(answer.then(move || entitlements.forget(place, &feature)))
        })
        .await
}

/// Get a reservation
#[utoipa::path(get, path = "/api/v1/entitlements/reservations/{id}", tag = "Entitlements",
    params(WorkspaceHeader, ("id" = i64, Path, minimum = 1)), security(("api_key" = ["entitlements:read"])),
    responses((status = 200, body = Data<ReservationView>)))]
pub(crate) async fn get(
    caller: Caller<EntitlementsRead>,
    id: PathId<ReservationId>,
    entitlements: web::Data<Entitlements>,
) -> Result<Answer, ApiError> {
    let place = place(caller.context().await?, caller.principal.environment);
    let found = entitlements.reader.find_reservation(place, id.0).await?.ok_or(ApiError::NotFound)?;
    Answer::data(&ReservationView::new(&found, entitlements.clock.now()))
}

/// Confirm a reservation
///
/// Records what was used in the end. Up to what is held it never fails; the rest is free again.
#[utoipa::path(post, path = "/api/v1/entitlements/reservations/{id}/confirm", tag = "Entitlements",
    params(WorkspaceHeader, ("id" = i64, Path, minimum = 1)), request_body(content = Option<ConfirmBody>),
    security(("api_key" = ["entitlements:write"])),
    responses((status = 200, body = Told<ConfirmedView>), (status = 409, description = "It is settled or over.", body = crate::openapi::ErrorBody)))]
pub(crate) async fn confirm(
    caller: Caller<EntitlementsWrite>,
    id: PathId<ReservationId>,
    body: Json<ConfirmBody>,
    entitlements: web::Data<Entitlements>,
    write: Write,
) -> Result<Answer, ApiError> {
    let place = place(caller.context().await?, caller.principal.environment);
    let (id, actual) = (id.0, body.0.actual());
    let held = entitlements.reader.find_reservation(place, id).await?.ok_or(ApiError::NotFound)?;
    let key = held.counter.feature;
    write
        .run(async move |tx| {
            let confirmed = entitlements.service.confirm(tx, place, id, actual).await;
            let (settled, recorded) = confirmed.map_err(|error| not_confirmed(&entitlements.refusals, &key, error))?;
            let view = ConfirmedView::new(&settled, recorded, entitlements.clock.now());
            let answer = Answer::told(StatusCode::OK, "Reservation confirmed successfully.", &view)?;
            let entitlements = entitlements.clone();
            Ok(answer.then(move || entitlements.forget_workspace(place.workspace_id)))
        })
        .await
}

/// Release a reservation
///
/// What it holds is free again.
#[utoipa::path(post, path = "/api/v1/entitlements/reservations/{id}/release", tag = "Entitlements",
    params(WorkspaceHeader, ("id" = i64, Path, minimum = 1)), security(("api_key" = ["entitlements:write"])),
    responses((status = 200, body = Told<ReservationView>), (status = 409, description = "It is settled or over.", body = crate::openapi::ErrorBody)))]
pub(crate) async fn release(
    caller: Caller<EntitlementsWrite>,
    id: PathId<ReservationId>,
    entitlements: web::Data<Entitlements>,
    write: Write,
) -> Result<Answer, ApiError> {
    let place = place(caller.context().await?, caller.principal.environment);
    let id = id.0;
    write
        .run(async move |tx| {
            let settled = entitlements.service.release(tx, place, id).await?;
            let view = ReservationView::new(&settled, entitlements.clock.now());
            let answer = Answer::told(StatusCode::OK, "Reservation released successfully.", &view)?;
            let entitlements = entitlements.clone();
            Ok(answer.then(move || entitlements.forget_workspace(place.workspace_id)))
        })
        .await
}

fn not_reserved(refusals: &Refusals, feature: &FeatureKey, error: ReserveError) -> ApiError {
    match error {
        ReserveError::NoWorkspace => ApiError::NotFound,
        ReserveError::Refused(refusal) => refusals.of(feature, refusal),
        ReserveError::Storage(error) => error.into(),
    }
}

fn not_confirmed(refusals: &Refusals, feature: &FeatureKey, error: ConfirmError) -> ApiError {
    match error {
        ConfirmError::NotFound => ApiError::NotFound,
        ConfirmError::NotHeld(status) => not_held(status),
        ConfirmError::Refused(refusal) => refusals.of(feature, refusal),
        ConfirmError::Storage(error) => error.into(),
    }
}

impl From<ReleaseError> for ApiError {
    fn from(error: ReleaseError) -> Self {
        match error {
            ReleaseError::NotFound => Self::NotFound,
            ReleaseError::NotHeld(status) => not_held(status),
            ReleaseError::Storage(error) => error.into(),
        }
    }
}

fn not_held(status: ReservationStatus) -> ApiError {
    ApiError::Conflict(format!("The reservation is {status}."))
}
