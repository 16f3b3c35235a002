pub(crate) mod delivery;
pub(crate) mod endpoint;
pub(crate) mod event_type;
pub(crate) mod headers;
pub(crate) mod health;
pub(crate) mod secret;
pub(crate) mod url;
