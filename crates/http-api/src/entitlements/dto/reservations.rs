use core_domain::{Timestamp, WireWord as _};
use entitlements::{HoldFor, Metadata, Quantity, Recorded, Reservation, ReserveFeature, Settlement};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;
use validator::Validate;

use super::read_metadata;
use crate::extract::{Body, not_null};
use crate::{ApiError, FieldErrors};

/// A quantity that is held.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Reservation)]
pub(crate) struct ReservationView {
    #[schema(minimum = 1)]
    id: i64,
    feature: String,
    quantity: u64,
    #[schema(value_type = ReservationStatusWord)]
    status: &'static str,
    /// How much was used in the end.
    #[schema(required)]
    confirmed_quantity: Option<u64>,
    #[schema(required, value_type = Option<Object>)]
    metadata: Option<Value>,
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
    #[schema(required, value_type = Option<String>, format = DateTime)]
    settled_at: Option<Timestamp>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
}

/// Where a reservation stands.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(dead_code, reason = "documents the wire words")]
pub(crate) enum ReservationStatusWord {
    Held,
    Confirmed,
    Released,
    Expired,
}

impl ReservationView {
    pub(in crate::entitlements) fn new(reservation: &Reservation, now: Timestamp) -> Self {
        Self {
            id: reservation.id.get(),
            feature: reservation.counter.feature.to_string(),
            quantity: reservation.quantity.get(),
            status: reservation.status(now).as_str(),
            confirmed_quantity: match reservation.settled {
                Some((Settlement::Confirmed(actual), _)) => Some(actual),
                _ => None,
            },
            metadata: reservation.metadata.as_ref().map(Metadata::to_value),
            expires_at: reservation.expires_at,
            settled_at: reservation.settled.map(|(_, at)| at),
            created_at: reservation.created_at,
        }
    }
}

/// A reservation that has become usage.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ConfirmedReservation)]
pub(crate) struct ConfirmedView {
    #[serde(flatten)]
    reservation: ReservationView,
    /// With it.
    current_usage: u64,
    /// Null: without limit.
    #[schema(required)]
    limit: Option<u64>,
}

impl ConfirmedView {
    pub(in crate::entitlements) fn new(reservation: &Reservation, recorded: Recorded, now: Timestamp) -> Self {
        let reservation = ReservationView::new(reservation, now);
        Self { reservation, current_usage: recorded.used, limit: recorded.limit }
    }
}

/// A quantity to be held.
#[derive(Debug, Clone, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = CreateReservation)]
pub(crate) struct ReservationBody {
    #[validate(required(message = "The feature field is required."))]
    #[schema(required = true, nullable = false, example = "api_calls")]
    pub(in crate::entitlements) feature: Option<String>,
    /// 1 when not given.
    #[serde(default, deserialize_with = "not_null")]
    #[schema(value_type = i64, required = false, minimum = 1, maximum = 9_007_199_254_740_991_i64, default = 1)]
    quantity: Option<i64>,
    /// How long it is held.
    #[serde(default, deserialize_with = "not_null")]
    #[schema(value_type = i64, required = false, minimum = 1, maximum = 86_400, default = 900)]
    expires_in: Option<i64>,
    /// Kept with it, and with the record that it becomes; at most 4 KiB.
    #[schema(value_type = Option<Object>)]
    metadata: Option<Map<String, Value>>,
}

impl Body for ReservationBody {}

impl ReservationBody {
    pub(in crate::entitlements) fn into_command(self) -> Result<ReserveFeature, ApiError> {
        let mut errors = FieldErrors::default();
        let quantity = errors.keep("quantity", Quantity::try_from(self.quantity.unwrap_or(1)));
        let hold_for =
            self.expires_in.map_or(Some(HoldFor::default()), |span| errors.keep("expires_in", HoldFor::try_from(span)));
        let metadata = read_metadata(&mut errors, self.metadata.as_ref());
        errors.into_result()?;
        let (quantity, hold_for) = (quantity.unwrap_or(Quantity::ONE), hold_for.unwrap_or_default());
        Ok(ReserveFeature { quantity, hold_for, metadata })
    }
}

/// How much was used in the end.
#[derive(Debug, Clone, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ConfirmReservation)]
pub(crate) struct ConfirmBody {
    /// All that is held when not given; 0 uses nothing. Beyond what is held, it must be within the limit.
    #[serde(default, deserialize_with = "not_null")]
    #[validate(range(
        min = 0,
        max = 9_007_199_254_740_991_i64,
        message = "The quantity must be between 0 and 9007199254740991."
    ))]
    #[schema(value_type = i64, required = false, minimum = 0, maximum = 9_007_199_254_740_991_i64)]
    quantity: Option<i64>,
}

impl Body for ConfirmBody {
    const IS_OPTIONAL: bool = true;
}

impl ConfirmBody {
    pub(in crate::entitlements) fn actual(&self) -> Option<u64> {
        self.quantity.map(i64::unsigned_abs)
    }
}
