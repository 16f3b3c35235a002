//! What every request passes through, from the outside in: [`observe`], [`shape_errors`], [`identify`].

mod errors;
mod identify;
mod observe;

pub(crate) use errors::shape_errors;
pub(crate) use identify::identify;
pub(crate) use observe::observe;
