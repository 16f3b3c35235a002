//! What every request passes through, from the outside in: [`observe`], [`open_to_pages`], [`shape_errors`], [`deadline`], [`identify`], [`limit`],
//! [`crate::tools::talk`], [`recognise_retries`].

mod cors;
mod deadline;
mod errors;
mod identify;
mod limit;
mod observe;
mod retries;

pub(crate) use cors::open_to_pages;
pub(crate) use deadline::deadline;
pub(crate) use errors::{answer_to, shape_errors};
pub(crate) use identify::identify;
pub(crate) use limit::{Meter, OverLimit, limit};
pub(crate) use observe::{Marks, observe, request_id};
pub(crate) use retries::recognise_retries;
