//! Workspaces (reference: Workspaces).

mod dto;
pub(crate) mod handlers;
mod includes;
mod params;

pub(crate) use dto::{AccountView, TierWord, WorkspaceView, read_tier};
