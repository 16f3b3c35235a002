use std::num::NonZeroU32;

use core_domain::{Environment, Timestamp, WebhookId, WorkspaceId, fold_for_search};

use super::health::EndpointHealth;
use crate::{DeliveryKind, EndpointHeaders, EndpointUrl, SealedSecrets, Settlement, Subscriptions};

/// A webhook: where a workspace wants which events sent, and how it has gone so far.
#[derive(Debug, Clone, PartialEq)]
pub struct Endpoint {
    /// Its id.
    pub id: WebhookId,
    /// Whose it is.
    pub workspace_id: WorkspaceId,
    /// Whose events of the workspace's two worlds it is sent.
    pub environment: Environment,
    /// Where events are sent.
    pub url: EndpointUrl,
    /// What it is for, in the owner's words; at most 1,000 characters.
    pub description: Option<String>,
    /// Which events are sent.
    pub subscriptions: Subscriptions,
    /// What signs, encrypted.
    pub secrets: SealedSecrets,
    /// Headers sent with every event.
    pub headers: EndpointHeaders,
    /// The most sends that begin in a second; `None` for no limit of its own.
    pub rate_limit: Option<NonZeroU32>,
    /// Why nothing is sent; `None` while it is active.
    pub disabled: Option<Disabled>,
    /// How it has gone so far.
    pub health: EndpointHealth,
    /// When it was made.
    pub created_at: Timestamp,
    /// When its owner last changed it.
    pub updated_at: Timestamp,
}

const GONE: u16 = 410;

/// An endpoint that nothing is sent to. Its deliveries wait until it is active again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Disabled {
    /// Since when.
    pub at: Timestamp,
    /// Why.
    pub reason: DisabledReason,
}

/// Why an endpoint is disabled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DisabledReason {
    /// Its owner said so.
    ByOwner,
    /// It failed for days, without a success.
    Failing,
    /// It answered `410 Gone`.
    Gone,
}

core_domain::wire_words!(DisabledReason { ByOwner = "by_owner", Failing = "failing", Gone = "gone" });

impl Endpoint {
    /// Whether events are sent.
    pub fn is_active(&self) -> bool {
        self.disabled.is_none()
    }

    /// Takes the result of an attempt into account. Returns why the endpoint is disabled, if it is from now on.
    ///
    /// Tests change nothing but a 410, which means the same to everyone.
    pub fn settle(&mut self, settlement: &Settlement, now: Timestamp) -> Option<DisabledReason> {
        let outcome = &settlement.attempt.outcome;
        if settlement.kind == DeliveryKind::Event {
            self.health.record(outcome.is_success(), settlement.attempt.started_at);
        }
        let reason = match outcome.response_code {
            Some(GONE) => DisabledReason::Gone,
            _ if self.health.is_hopeless(now) => DisabledReason::Failing,
            _ => return None,
        };
        if !self.is_active() {
            return None;
        }
        self.disabled = Some(Disabled { at: now, reason });
        Some(reason)
    }

    /// The text that a search looks in: URL and description.
    pub fn search_text(&self) -> String {
        fold_for_search(&[self.url.as_str(), self.description.as_deref().unwrap_or_default()])
    }
}
