use core_domain::{AccountId, Role, Tier, Timestamp, WorkspaceId};

/// The owner of workspaces and credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its id.
    pub id: AccountId,
    /// How it is reached; no two accounts share one.
    pub email: Email,
    /// When it was made.
    pub created_at: Timestamp,
}

/// An email address, lower-cased, at most 254 characters (RFC 5321, section 4.5.3.1.3).
///
/// Only its outline is checked: one `@` with something on both sides, and no space or control character. Whether
/// it exists, only a mail can tell.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Email(String);

/// A text that can't be an email address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an email address")]
pub struct InvalidEmail;

impl Email {
    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<&str> for Email {
    type Error = InvalidEmail;

    fn try_from(text: &str) -> Result<Self, InvalidEmail> {
        let clean = text.len() <= 254 && !text.contains(|c: char| c.is_whitespace() || c.is_control());
        match text.split_once('@') {
            Some((local, domain)) if clean && !local.is_empty() && !domain.is_empty() && !domain.contains('@') => {
                Ok(Self(text.to_lowercase()))
            }
            _ => Err(InvalidEmail),
        }
    }
}

/// That an account belongs to a workspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Membership {
    /// Who.
    pub account_id: AccountId,
    /// Where.
    pub workspace_id: WorkspaceId,
    /// As what.
    pub role: Role,
    /// The workspace's tier, which nearly every use of a membership asks for.
    pub tier: Tier,
}

/// A workspace's member, as lists show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Of which workspace.
    pub workspace_id: WorkspaceId,
    /// Who.
    pub account: Account,
    /// As what.
    pub role: Role,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn emails_are_lower_cased() {
        assert_eq!(Email::try_from("Ada@Example.COM").unwrap().as_str(), "ada@example.com");
    }

    #[test]
    fn other_forms_are_refused() {
        let long = format!("{}@example.com", "a".repeat(250));
        for text in ["", "@", "ada", "ada@", "@example.com", "a da@example.com", "a@b@c", "a\0@b", &long] {
            assert_eq!(Email::try_from(text), Err(InvalidEmail), "{text}");
        }
    }
}
