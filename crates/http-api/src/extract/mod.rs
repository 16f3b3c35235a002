//! What handlers are given: read from the request, checked, or refused.

mod caller;
mod json;
mod path;
pub(crate) mod permission;
mod query;

pub(crate) use caller::{Caller, Identity, principal_of, workspace_asked_for};
pub(crate) use json::{Body, Json, MAX_BODY_BYTES, not_null, parse, read_body, require_json};
pub(crate) use path::{InnerId, PathId};
pub(crate) use query::{Query, QueryReader};
