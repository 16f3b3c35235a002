use std::fmt;

use crate::{Entropy, random_base62};

/// A number or text that can't be an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a valid id")]
pub struct InvalidId;

macro_rules! integer_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        ///
        /// A positive 64-bit integer, made by the store's own sequence.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(i64);

        impl $name {
            /// The number itself, at least 1.
            pub const fn get(self) -> i64 {
                self.0
            }
        }

        impl TryFrom<i64> for $name {
            type Error = InvalidId;

            fn try_from(value: i64) -> Result<Self, InvalidId> {
                if value >= 1 { Ok(Self(value)) } else { Err(InvalidId) }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

integer_id!(
    /// The owner of workspaces and holder of credentials.
    AccountId
);
integer_id!(
    /// A tenant.
    WorkspaceId
);
integer_id!(
    /// One API key: a rotation makes a new one.
    ApiKeyId
);
integer_id!(
    /// What a key and every key it was rotated into share: the id of the first of them.
    ///
    /// Rate limits and idempotency records belong to the lineage, so rotating refills nothing.
    LineageId
);

integer_id!(
    /// A webhook: an address that events are sent to.
    WebhookId
);
integer_id!(
    /// One event on its way to one webhook, over all its attempts. Later deliveries have larger ids.
    DeliveryId
);
integer_id!(
    /// One SEO report.
    SeoReportId
);
integer_id!(
    /// One issue of a page; it is kept when the issue is resolved and comes back.
    SeoIssueId
);
integer_id!(
    /// A site that the pixel counts visits of.
    SiteId
);
integer_id!(
    /// One call of an MCP server's tool. Later calls have larger ids.
    McpCallId
);

impl From<ApiKeyId> for LineageId {
    fn from(id: ApiKeyId) -> Self {
        Self(id.0)
    }
}

/// The public id of an event: `evt_` and 24 characters of `[0-9A-Za-z]` (about 142 random bits).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct EventId(String);

impl EventId {
    const PREFIX: &'static str = "evt_";
    const RANDOM_CHARS: usize = 24;

    /// A new id.
    pub fn generate(entropy: &dyn Entropy) -> Self {
        Self(format!("{}{}", Self::PREFIX, random_base62(entropy, Self::RANDOM_CHARS)))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for EventId {
    type Error = InvalidId;

    fn try_from(text: String) -> Result<Self, InvalidId> {
        let random = text.strip_prefix(Self::PREFIX).ok_or(InvalidId)?;
        let valid = random.len() == Self::RANDOM_CHARS && random.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if valid { Ok(Self(text)) } else { Err(InvalidId) }
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_positive() {
        assert_eq!(WorkspaceId::try_from(0), Err(InvalidId));
        assert_eq!(WorkspaceId::try_from(-1), Err(InvalidId));
        assert_eq!(WorkspaceId::try_from(i64::MAX).map(WorkspaceId::get), Ok(i64::MAX));
    }

    #[test]
    fn event_ids_have_one_form() {
        assert!(EventId::try_from("evt_0123456789abcdefghijABCD".to_owned()).is_ok());
        assert!(EventId::try_from("evt_short".to_owned()).is_err());
        assert!(EventId::try_from("EVT_0123456789abcdefghijABCD".to_owned()).is_err());
        assert!(EventId::try_from("evt_0123456789abcdefghij-BCD".to_owned()).is_err());
    }
}
