#![doc = include_str!("../README.md")]
#![deny(missing_docs)]

mod arguments;
mod catalogue;
mod config;
mod definition;
mod digest;
mod error;
mod pin;
mod ports;
mod server;
mod status;
mod text;
mod uri;
mod view;

pub use arguments::{ArgumentFault, ArgumentSchema, SchemaFault};
pub use catalogue::{Catalogue, RawCatalogue, Template, Tool};
pub use config::{
    ConfigError, Http, Isolation, PinPolicy, ProtocolHint, Registry, Secret, ServerConfig, Stdio, Transport,
    TransportKind,
};
pub use definition::{Resource, ResourceBody, ResourceContents, ResourceTemplate, ToolAnswer, ToolDefinition};
pub use digest::{Digest, InvalidDigest};
pub use error::UpstreamError;
pub use pin::{Pins, QuarantineReason, Quarantined};
pub use ports::{QuarantineAlarm, ToolServers};
pub use server::{Instance, JsonObject, ServerId};
pub use status::{ServerState, ServerStatus, StateWord};
pub use text::clean;
pub use uri::{InvalidTemplate, InvalidUri, ResourceUri, UriTemplate};
pub use view::{View, Viewer};

#[cfg(feature = "mocks")]
pub use ports::{MockQuarantineAlarm, MockToolServers};
