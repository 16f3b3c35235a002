//! The API as tools for assistants: each tool is a route, called in process with all that stands before it.
//!
//! A tool's name is in `table`; its arguments, answer and scope come from the OpenAPI document, and so from the handler's
//! own types. What speaks the protocol is behind [`ToolProtocol`].

mod carry;
mod desk;
mod document;
mod entry;
mod hear;
mod origins;
mod page;
mod protocol;
mod rest_call;
mod table;
mod talk;
mod tool;

pub use desk::{Desk, Outcome, UnknownTool};
pub use entry::Hints;
pub use origins::{AllowedOrigins, InvalidOrigin};
pub use protocol::{Assistants, ToolProtocol};
pub use tool::Tool;

pub(crate) use talk::{is_message, route, talk};
