use std::sync::{Mutex, PoisonError};

use mcp::ProtocolHint;
use rmcp::ClientLifecycleMode;
use rmcp::model::ProtocolVersion;

/// Which era of the protocol a server speaks, as far as it is known.
///
/// The era belongs to the server: it is asked for once, and again only when what was known led to a failed start.
#[derive(Debug)]
pub(crate) struct Era(Mutex<Known>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Known {
    /// To be probed.
    Unknown,
    /// The probe ended the connection: the other way is tried next.
    PerhapsLegacy,
    Legacy,
    Modern,
}

impl Era {
    pub(crate) fn new(hint: ProtocolHint) -> Self {
        Self(Mutex::new(match hint {
            ProtocolHint::Auto => Known::Unknown,
            ProtocolHint::Modern => Known::Modern,
            ProtocolHint::Legacy => Known::Legacy,
        }))
    }

    /// How the next connection begins.
    pub(crate) fn lifecycle(&self) -> ClientLifecycleMode {
        let preferred_versions = vec![ProtocolVersion::V_2026_07_28];
        match self.get() {
            Known::Unknown => ClientLifecycleMode::Auto {
                preferred_versions,
                legacy_version: Some(ProtocolVersion::LATEST_WITH_INITIALIZE),
            },
            Known::PerhapsLegacy | Known::Legacy => ClientLifecycleMode::Initialize,
            Known::Modern => ClientLifecycleMode::Discover { preferred_versions },
        }
    }

    /// A connection stands, in this revision.
    pub(crate) fn agreed_on(&self, version: &ProtocolVersion) {
        self.set(if version.has_initialize() { Known::Legacy } else { Known::Modern });
    }

    /// A connection could not be made. What the operator said is not doubted.
    pub(crate) fn failed(&self, hint: ProtocolHint) {
        if hint == ProtocolHint::Auto {
            self.set(if self.get() == Known::Unknown { Known::PerhapsLegacy } else { Known::Unknown });
        }
    }

    fn get(&self) -> Known {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, known: Known) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = known;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_agreed_on_is_kept() {
        let era = Era::new(ProtocolHint::Auto);
        assert!(matches!(era.lifecycle(), ClientLifecycleMode::Auto { .. }));
        era.agreed_on(&ProtocolVersion::V_2025_11_25);
        assert_eq!(era.lifecycle(), ClientLifecycleMode::Initialize);
        era.agreed_on(&ProtocolVersion::V_2026_07_28);
        assert!(matches!(era.lifecycle(), ClientLifecycleMode::Discover { .. }));
    }

    #[test]
    fn after_a_failure_the_other_way_is_tried_unless_the_operator_chose() {
        let era = Era::new(ProtocolHint::Auto);
        era.failed(ProtocolHint::Auto);
        assert_eq!(era.lifecycle(), ClientLifecycleMode::Initialize);
        era.failed(ProtocolHint::Auto);
        assert!(matches!(era.lifecycle(), ClientLifecycleMode::Auto { .. }));
        let chosen = Era::new(ProtocolHint::Modern);
        chosen.failed(ProtocolHint::Modern);
        assert!(matches!(chosen.lifecycle(), ClientLifecycleMode::Discover { .. }));
    }
}
