pub(crate) mod digest;
pub(crate) mod key;
pub(crate) mod token;
