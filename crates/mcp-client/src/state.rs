use std::sync::Arc;
use std::time::Duration;

use core_domain::{Monotonic, Timestamp};
use mcp::{Catalogue, ServerState, ServerStatus, UpstreamError};

use crate::policy::{self, Failure};
use crate::session::{Session, Use};

/// What an instance is doing, and what is known of it.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) phase: Phase,
    pub(crate) since: Timestamp,
    pub(crate) failures: u32,
    pub(crate) last_error: Option<String>,
    pub(crate) catalogue: Option<Arc<Catalogue>>,
    pub(crate) catalogue_read_at: Monotonic,
    pub(crate) catalogue_is_stale: bool,
    pub(crate) started_at: Monotonic,
    pub(crate) used_at: Monotonic,
    pub(crate) process_id: Option<u32>,
    /// Starts so far, and how many of the tasks that run them have not ended.
    pub(crate) starts: u64,
    pub(crate) runs: u32,
    /// Its place was taken by another, or the gateway ends.
    pub(crate) is_closed: bool,
}

#[derive(Debug)]
pub(crate) enum Phase {
    Stopped,
    Starting,
    Ready(Arc<Session>),
    /// Its process is being ended; a start waits for that.
    Ending,
    BackingOff {
        until: Monotonic,
        until_shown: Timestamp,
    },
    Disabled(String),
}

/// What whoever needs a session is to do.
#[derive(Debug)]
pub(crate) enum Step {
    Go(Use),
    /// To start it, and to wait then.
    Start,
    /// To wait: for this start, or for what was there before to end.
    Wait(Option<u64>),
    /// To look for the instance that took its place.
    Superseded,
    Fail(UpstreamError),
}

impl State {
    pub(crate) fn new(now: Monotonic, at: Timestamp, disabled: Option<String>) -> Self {
        Self {
            phase: disabled.map_or(Phase::Stopped, Phase::Disabled),
            since: at,
            failures: 0,
            last_error: None,
            catalogue: None,
            catalogue_read_at: now,
            catalogue_is_stale: false,
            started_at: now,
            used_at: now,
            process_id: None,
            starts: 0,
            runs: 0,
            is_closed: false,
        }
    }

    /// `waited_for` is the start that the asker has waited for already.
    pub(crate) fn step(&mut self, now: Monotonic, waited_for: Option<u64>) -> Step {
        if self.is_closed {
            return Step::Superseded;
        }
        match &self.phase {
            // Whoever looks after it is about to notice.
            Phase::Ready(session) if session.signs.over.is_cancelled() => Step::Wait(None),
            Phase::Ready(session) => {
                self.used_at = now;
                Step::Go(session.enter())
            }
            Phase::Starting => Step::Wait(Some(self.starts)),
            Phase::Ending => Step::Wait(None),
            Phase::Disabled(reason) => Step::Fail(UpstreamError::Disabled { reason: reason.clone() }),
            // The start that was waited for failed: its error is told, once.
            Phase::Stopped | Phase::BackingOff { .. }
                if waited_for == Some(self.starts) && self.last_error.is_some() =>
            {
                let detail = self.last_error.clone().unwrap_or_default();
                Step::Fail(UpstreamError::Gone { detail })
            }
            Phase::BackingOff { until, .. } if *until > now => Step::Fail(UpstreamError::BackingOff {
                retry_after: until.saturating_sub(now).max(Duration::from_secs(1)),
            }),
            Phase::Stopped | Phase::BackingOff { .. } => Step::Start,
        }
    }

    pub(crate) fn enter(&mut self, phase: Phase, at: Timestamp) {
        if !matches!(phase, Phase::Ready(_)) {
            self.process_id = None;
        }
        self.phase = phase;
        self.since = at;
    }

    pub(crate) fn started(&mut self, session: Arc<Session>, process_id: Option<u32>, now: Monotonic, at: Timestamp) {
        self.process_id = process_id;
        self.last_error = None;
        self.started_at = now;
        self.used_at = now;
        self.enter(Phase::Ready(session), at);
    }

    /// Notes a failure and what follows from it.
    pub(crate) fn failed(&mut self, failure: Failure, error: String, spread: f64, now: Monotonic, at: Timestamp) {
        if failure == Failure::Crash && now >= self.started_at + policy::STABLE {
            self.failures = 0;
        }
        self.failures = self.failures.saturating_add(1);
        self.last_error = Some(error);
        self.catalogue_is_stale = true;
        let wait = policy::delay(failure, self.failures, spread);
        let phase = if wait.is_zero() {
            Phase::Stopped
        } else {
            Phase::BackingOff { until: now + wait, until_shown: at.saturating_add(wait) }
        };
        self.enter(phase, at);
    }

    pub(crate) fn status(&self, now: Monotonic) -> ServerStatus {
        let state = match &self.phase {
            Phase::Stopped | Phase::Ending => ServerState::Stopped,
            Phase::Starting => ServerState::Starting,
            Phase::Ready(_) => ServerState::Ready,
            Phase::BackingOff { until, .. } if *until <= now => ServerState::Stopped,
            Phase::BackingOff { until_shown, .. } => ServerState::BackingOff { until: *until_shown },
            Phase::Disabled(reason) => ServerState::Disabled { reason: reason.clone() },
        };
        let is_ready = matches!(state, ServerState::Ready);
        ServerStatus {
            state,
            since: self.since,
            protocol_version: self.catalogue.as_ref().map(|catalogue| catalogue.protocol_version.clone()),
            last_error: self.last_error.clone(),
            catalogue_stale: self.catalogue.is_some() && (self.catalogue_is_stale || !is_ready),
            catalogue: self.catalogue.clone(),
        }
    }
}
