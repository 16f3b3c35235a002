use core_domain::{Tier, Timestamp, WorkspaceId, fold_for_search};

use crate::{Settings, Slug};

/// A tenant: what keys, webhooks, usage and everything else belong to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workspace {
    /// Its id.
    pub id: WorkspaceId,
    /// Its name, for people.
    pub name: WorkspaceName,
    /// Its name in URLs.
    pub slug: Slug,
    /// Its subscription.
    pub tier: Tier,
    /// Its settings.
    pub settings: Settings,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

impl Workspace {
    /// The text that a search looks in: name and slug.
    pub fn search_text(&self) -> String {
        fold_for_search(&[self.name.as_str(), self.slug.as_str()])
    }
}

/// A workspace's name: 1 to 255 characters, not only white space, no control characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct WorkspaceName(String);

/// A text that is no name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum InvalidName {
    #[error("the name must not be empty")]
    Empty,
    #[error("the name must not be longer than 255 characters")]
    TooLong,
    #[error("the name must not contain control characters")]
    ControlCharacter,
}

impl WorkspaceName {
    /// The longest name, in characters.
    pub const MAX_CHARS: usize = 255;

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<&str> for WorkspaceName {
    type Error = InvalidName;

    fn try_from(text: &str) -> Result<Self, InvalidName> {
        if text.trim().is_empty() {
            Err(InvalidName::Empty)
        } else if text.chars().count() > Self::MAX_CHARS {
            Err(InvalidName::TooLong)
        } else if text.contains(char::is_control) {
            Err(InvalidName::ControlCharacter)
        } else {
            Ok(Self(text.to_owned()))
        }
    }
}
