//! What every request passes through, from the outside in: [`observe`], [`shape_errors`], [`deadline`], [`identify`], [`limit`],
//! [`recognise_retries`].

mod deadline;
mod errors;
mod identify;
mod limit;
mod observe;
mod retries;

pub(crate) use deadline::deadline;
pub(crate) use errors::shape_errors;
pub(crate) use identify::identify;
pub(crate) use limit::limit;
pub(crate) use observe::{observe, request_id};
pub(crate) use retries::recognise_retries;
