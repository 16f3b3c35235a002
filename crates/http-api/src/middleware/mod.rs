//! What every request passes through, from the outside in: [`observe`], [`open_to_pages`], [`shape_errors`], [`deadline`], [`identify`], [`limit`],
//! [`recognise_retries`].

mod cors;
mod deadline;
mod errors;
mod identify;
mod limit;
mod observe;
mod retries;

pub(crate) use cors::open_to_pages;
pub(crate) use deadline::deadline;
pub(crate) use errors::shape_errors;
pub(crate) use identify::identify;
pub(crate) use limit::{Meter, limit};
pub(crate) use observe::observe;
pub(crate) use retries::recognise_retries;
