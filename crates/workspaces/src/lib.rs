#![doc = include_str!("../README.md")]
#![deny(missing_docs)]

mod account;
mod error;
mod policy;
mod ports;
mod query;
mod service;
mod settings;
mod slug;
mod workspace;

pub use account::{Account, Email, InvalidEmail, Member, Membership};
pub use error::{CreateWorkspaceError, DeleteWorkspaceError, UpdateWorkspaceError};
pub use ports::{AccountRepository, WorkspaceReader, WorkspaceRepository, WorkspaceTx};
pub use query::{WorkspaceFilter, WorkspaceQuery, WorkspaceSort};
pub use service::{CreateWorkspace, UpdateWorkspace, WorkspaceService};
pub use settings::{InvalidSettings, Settings};
pub use slug::{InvalidSlug, Slug};
pub use workspace::{InvalidName, Workspace, WorkspaceName};

#[cfg(feature = "mocks")]
pub use ports::{MockAccountRepository, MockWorkspaceReader, MockWorkspaceRepository};
