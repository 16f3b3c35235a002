use serde::{Deserialize, Serialize};

/// What a request was answered, as it is told again.
///
/// The date, the request's id and the rate limit are each answer's own and not part of it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedAnswer {
    /// The HTTP status.
    pub status: u16,
    /// `Location`.
    pub location: Option<String>,
    /// Whether caches must not keep it: it shows a secret.
    pub holds_secret: bool,
    /// The JSON body, byte for byte.
    pub body: Option<String>,
}

impl std::fmt::Debug for RecordedAnswer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RecordedAnswer").field("status", &self.status).finish_non_exhaustive()
    }
}
