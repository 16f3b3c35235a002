#![doc = include_str!("../README.md")]
#![deny(missing_docs)]

mod arguments;
mod call;
mod catalogue;
mod config;
mod definition;
mod digest;
mod error;
mod locate;
mod nothing;
mod parameters;
mod pin;
mod ports;
mod reading;
mod redact;
mod result;
mod server;
mod status;
mod text;
mod uri;
mod view;

pub use arguments::{ArgumentFault, ArgumentSchema, SchemaFault};
pub use call::{Call, CallEnd, CallFilter, CallNote, CallQuery, CallSort, Outcome};
pub use catalogue::{Catalogue, RawCatalogue, Template, Tool};
pub use config::{
    ConfigError, Http, Isolation, PinPolicy, ProtocolHint, Registry, Secret, ServerConfig, Stdio, Transport,
    TransportKind,
};
pub use definition::{Resource, ResourceBody, ResourceContents, ResourceTemplate, ToolAnswer, ToolDefinition};
pub use digest::{Digest, InvalidDigest};
pub use error::UpstreamError;
pub use locate::{Located, locate};
pub use nothing::NoServers;
pub use parameters::parameters;
pub use pin::{Pins, QuarantineReason, Quarantined};
pub use ports::{CallLog, CallRepository, CallTx, QuarantineAlarm, ToolServers};
pub use reading::{Reading, ReadingPart};
pub use redact::redacted;
pub use result::ToolResult;
pub use server::{Instance, JsonObject, ServerId};
pub use status::{ServerState, ServerStatus, StateWord};
pub use text::clean;
pub use uri::{InvalidTemplate, InvalidUri, ResourceUri, UriTemplate};
pub use view::{View, Viewer};

#[cfg(feature = "mocks")]
pub use ports::{MockCallLog, MockCallRepository, MockQuarantineAlarm, MockToolServers};
