use std::sync::Arc;

use core_domain::Timestamp;

use crate::Catalogue;

/// What is known of an instance, without asking it.
#[derive(Debug, Clone)]
pub struct ServerStatus {
    /// What it is doing.
    pub state: ServerState,
    /// Since when.
    pub since: Timestamp,
    /// The protocol revision that it was last spoken to in, such as `2025-11-25`; `None` before the first time.
    pub protocol_version: Option<String>,
    /// What went wrong last, without secrets; `None` when nothing did since it was last ready.
    pub last_error: Option<String>,
    /// Whether the catalogue may have changed since it was read: the server said so, or is not running.
    pub catalogue_stale: bool,
    /// What it offers, as last read; kept while it is down.
    pub catalogue: Option<Arc<Catalogue>>,
}

/// What an instance is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServerState {
    /// Not started, or stopped because nobody used it.
    Stopped,
    /// Being started.
    Starting,
    /// Answering.
    Ready,
    /// Failed; it is not started again before this moment.
    BackingOff {
        /// When.
        until: Timestamp,
    },
    /// Switched off by the operator, or impossible to run.
    Disabled {
        /// Why.
        reason: String,
    },
}

/// The words of [`ServerState`], as lists show and filter them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each variant is its wire word below")]
pub enum StateWord {
    Stopped,
    Starting,
    Ready,
    BackingOff,
    Disabled,
}

core_domain::wire_words!(StateWord {
    Stopped = "stopped",
    Starting = "starting",
    Ready = "ready",
    BackingOff = "backing_off",
    Disabled = "disabled",
});

impl ServerState {
    /// The state's word.
    pub fn word(&self) -> StateWord {
        match self {
            Self::Stopped => StateWord::Stopped,
            Self::Starting => StateWord::Starting,
            Self::Ready => StateWord::Ready,
            Self::BackingOff { .. } => StateWord::BackingOff,
            Self::Disabled { .. } => StateWord::Disabled,
        }
    }
}
