//! What requests and answers look like.

mod check;
mod overrides;
mod records;
mod reservations;
mod summary;
mod usage;

use entitlements::Metadata;
use serde_json::{Map, Value};

use crate::FieldErrors;

pub(crate) use check::CheckView;
pub(crate) use overrides::{OverrideBody, OverrideView};
pub(crate) use records::{DayView, RecordView};
pub(crate) use reservations::{ConfirmBody, ConfirmedView, ReservationBody, ReservationView};
pub(crate) use summary::SummaryView;
pub(crate) use usage::{UsageBody, UsageView};

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields by reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

fn read_metadata(errors: &mut FieldErrors, object: Option<&Map<String, Value>>) -> Option<Metadata> {
    object.and_then(|object| errors.keep("metadata", Metadata::try_from(object)))
}
