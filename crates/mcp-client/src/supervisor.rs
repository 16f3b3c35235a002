use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use core_domain::Monotonic;
use mcp::{Instance, QuarantineReason, Quarantined, ServerStatus, UpstreamError};
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use crate::connection::{Connection, StartFault, most_bytes};
use crate::policy::{self, Ages, Due, Failure, Running};
use crate::process::Grace;
use crate::server::Server;
use crate::session::{Session, Use};
use crate::shared::Shared;
use crate::state::{Phase, State, Step};
use crate::turns::Turns;
use crate::{meters, reading, subscription};

/// Looks after one instance: starts it when it is needed, once however many need it; ends it; starts it again.
pub(crate) struct Supervisor {
    pub(crate) at: Instance,
    pub(crate) server: Arc<Server>,
    pub(crate) turns: Turns,
    shared: Arc<Shared>,
    state: Mutex<State>,
    changed: watch::Sender<()>,
    /// To stop what runs, because nobody needs it or it is old.
    stop: Notify,
    /// To stop what runs, for good.
    closing: CancellationToken,
    /// Nothing of it runs any more, nor will.
    gone: CancellationToken,
    /// What had its place before, where that has a process: two at a time could spoil their files.
    predecessor: Option<CancellationToken>,
}

/// Why there is no session.
#[derive(Debug)]
pub(crate) enum NoSession {
    /// Another supervisor took over.
    Superseded,
    Upstream(UpstreamError),
}

/// A server whose lists change all the time is read this often.
const BETWEEN_READINGS: Duration = Duration::from_secs(1);

impl Supervisor {
    pub(crate) fn new(
        shared: Arc<Shared>,
        at: Instance,
        server: Arc<Server>,
        predecessor: Option<CancellationToken>,
    ) -> Arc<Self> {
        let config = server.config();
        let disabled = config.disabled.then(|| "it is switched off".to_owned());
        let state = State::new(shared.clock.monotonic(), shared.clock.now(), disabled);
        Arc::new(Self {
            turns: Turns::new(config.id.to_string(), config.concurrency, config.queue),
            state: Mutex::new(state),
            changed: watch::Sender::new(()),
            stop: Notify::new(),
            closing: CancellationToken::new(),
            gone: CancellationToken::new(),
            at,
            server,
            shared,
            predecessor,
        })
    }

    pub(crate) fn status(&self) -> ServerStatus {
        let now = self.now();
        self.state().status(now)
    }

    /// A session that is ready, started if need be; it waits as long as it is waited for.
    pub(crate) async fn session(self: &Arc<Self>) -> Result<Use, NoSession> {
        let mut changes = self.changed.subscribe();
        let mut waited_for = None;
        loop {
            match self.step(waited_for) {
                Step::Go(session) => return Ok(session),
                Step::Superseded => return Err(NoSession::Superseded),
                Step::Fail(error) => return Err(NoSession::Upstream(error)),
                Step::Start => continue,
                Step::Wait(start) => waited_for = start,
            }
            if changes.changed().await.is_err() {
                return Err(NoSession::Superseded);
            }
        }
    }

    /// Starts it in the background, unless that is no use now.
    pub(crate) fn warm(self: &Arc<Self>) {
        if self.state().catalogue.is_none() {
            // A start under way is waited for by others; whatever else there is to do has been done.
            drop(self.step(None));
        }
    }

    fn step(self: &Arc<Self>, waited_for: Option<u64>) -> Step {
        let (now, at) = (self.now(), self.shared.clock.now());
        let mut state = self.state();
        let step = state.step(now, waited_for);
        if matches!(step, Step::Start) {
            state.starts += 1;
            state.runs += 1;
            state.enter(Phase::Starting, at);
            self.shared.runtime.spawn(Arc::clone(self).run());
        }
        step
    }

    /// Stops it for good: calls under way are waited for, new ones go to its successor.
    pub(crate) fn close(&self) -> CancellationToken {
        let mut state = self.state();
        state.is_closed = true;
        if state.runs == 0 {
            self.gone.cancel();
        }
        drop(state);
        self.closing.cancel();
        self.changed.send_replace(());
        self.gone.clone()
    }

    /// Does what is due.
    pub(crate) fn tend(&self) {
        let config = self.server.config();
        let options = &self.shared.options;
        let ages = Ages { idle: config.idle, lifetime: options.lifetime, catalogue: options.catalogue_age };
        let state = self.state();
        let Phase::Ready(session) = &state.phase else { return };
        let running = Running {
            started_at: state.started_at,
            used_at: state.used_at,
            is_in_use: session.is_in_use(),
            catalogue_read_at: state.catalogue_read_at,
            catalogue_is_stale: state.catalogue_is_stale,
        };
        match policy::due(running, ages, self.now()) {
            Some(Due::IdleStop | Due::Replacement) => self.stop.notify_one(),
            Some(Due::Reading) => session.signs.changed.notify_one(),
            None => {}
        }
    }

    /// Has the catalogue read again, if it is running.
    pub(crate) fn read_again(&self) {
        let mut state = self.state();
        state.catalogue_is_stale = true;
        if let Phase::Ready(session) = &state.phase {
            session.signs.changed.notify_one();
        }
    }

    /// Whether nothing of it runs and nobody used it since `then`.
    pub(crate) fn is_forgotten(&self, then: Monotonic) -> bool {
        let state = self.state();
        state.runs == 0 && state.used_at < then && !matches!(state.phase, Phase::Disabled(_))
    }

    /// Of the process that runs, where there is one.
    pub(crate) fn process_id(&self) -> Option<u32> {
        self.state().process_id
    }

    async fn run(self: Arc<Self>) {
        if let Some(predecessor) = &self.predecessor {
            predecessor.cancelled().await;
        }
        match self.open().await {
            Ok(connection) => self.keep(connection).await,
            Err(_) if self.closing.is_cancelled() => self.state().enter(Phase::Stopped, self.shared.clock.now()),
            Err(fault) => self.note_fault(fault),
        }
        let mut state = self.state();
        state.runs -= 1;
        if state.is_closed && state.runs == 0 {
            self.gone.cancel();
        }
        drop(state);
        self.changed.send_replace(());
    }

    /// Connects, and reads the catalogue unless it is known from before.
    async fn open(&self) -> Result<Connection, StartFault> {
        let connection = Connection::open(&self.shared, &self.server, &self.closing).await?;
        if self.state().catalogue.is_some() {
            connection.session.signs.changed.notify_one();
            return Ok(connection);
        }
        let read = tokio::time::timeout(self.server.config().start_timeout, self.read(&connection.session));
        let detail = tokio::select! {
            read = read => match read {
                Ok(Ok(())) => return Ok(connection),
                Ok(Err(error)) => format!("its catalogue can't be read: {error}"),
                Err(_) => "it did not give its catalogue in time".to_owned(),
            },
            () = self.closing.cancelled() => "it was stopped".to_owned(),
        };
        connection.close(Grace::NONE).await;
        Err(StartFault { detail, is_final: false })
    }

    /// Until the connection is lost or not wanted any more.
    async fn keep(self: &Arc<Self>, mut connection: Connection) {
        let session = Arc::clone(&connection.session);
        let process_id = connection.process_id();
        self.state().started(Arc::clone(&session), process_id, self.now(), self.shared.clock.now());
        self.changed.send_replace(());
        meters::start(&self.at, "ready");
        tracing::info!(server = %self.at.server, pid = process_id, "an MCP server is ready");
        let reader = tokio::spawn(Arc::clone(self).follow_changes(Arc::clone(&session)));

        let lost = tokio::select! {
            why = connection.lost() => Some(why),
            () = self.stop.notified() => None,
            () = self.closing.cancelled() => None,
        };
        match lost {
            Some(why) => self.mourn(connection, why).await,
            None => self.retire(connection).await,
        }
        reader.abort();
    }

    /// The connection is lost: what is left of it is ended at once, so that a new one can stand soon.
    async fn mourn(&self, connection: Connection, why: &str) {
        if !connection.has_process() {
            // Other requests may still get their answers; the next ones get a new connection.
            self.note_crash(why.to_owned());
            self.drain(&connection.session).await;
            connection.close(Grace::NONE).await;
            return;
        }
        self.state().enter(Phase::Ending, self.shared.clock.now());
        let status = connection.close(Grace::NONE).await.unwrap_or_default();
        self.note_crash(format!("{why}: {status}"));
    }

    /// The connection is not wanted any more: its calls are waited for, new ones wait for what comes after.
    async fn retire(&self, connection: Connection) {
        if !connection.has_process() {
            self.rest();
            self.drain(&connection.session).await;
            connection.close(Grace::NONE).await;
            return;
        }
        self.state().enter(Phase::Ending, self.shared.clock.now());
        self.changed.send_replace(());
        self.drain(&connection.session).await;
        let grace = self.shared.options.stop_grace;
        let status = connection.close(Grace { after_close: grace, after_term: grace }).await;
        tracing::info!(server = %self.at.server, status, "an MCP server was stopped");
        self.rest();
    }

    fn rest(&self) {
        let mut state = self.state();
        state.failures = 0;
        state.enter(Phase::Stopped, self.shared.clock.now());
        drop(state);
        self.changed.send_replace(());
    }

    async fn drain(&self, session: &Session) {
        let _ = tokio::time::timeout(self.shared.options.drain, session.unused()).await;
    }

    fn note_fault(&self, fault: StartFault) {
        meters::start(&self.at, "failed");
        tracing::warn!(server = %self.at.server, reason = fault.detail, "an MCP server did not start");
        if fault.is_final {
            let mut state = self.state();
            state.last_error = Some(fault.detail.clone());
            state.enter(Phase::Disabled(fault.detail), self.shared.clock.now());
        } else {
            self.fail(Failure::Start, fault.detail);
        }
    }

    fn note_crash(&self, detail: String) {
        meters::crash(&self.at);
        tracing::warn!(server = %self.at.server, reason = detail, "an MCP server went away");
        self.fail(Failure::Crash, detail);
        self.changed.send_replace(());
    }

    fn fail(&self, failure: Failure, detail: String) {
        let spread = policy::spread(self.shared.entropy.as_ref());
        self.state().failed(failure, detail, spread, self.now(), self.shared.clock.now());
    }

    /// Reads the catalogue whenever the server's lists change; many changes at once are one.
    async fn follow_changes(self: Arc<Self>, session: Arc<Session>) {
        let subscription = subscription::follow(&session);
        let readings = async {
            loop {
                session.signs.changed.notified().await;
                self.state().catalogue_is_stale = true;
                if let Err(error) = self.read(&session).await {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(server = %self.at.server, error, "an MCP server's catalogue can't be read again");
                }
                tokio::time::sleep(BETWEEN_READINGS).await;
            }
        };
        tokio::select! {
            () = readings => {}
            () = subscription => {}
            () = session.signs.over.cancelled() => {}
        }
    }

    async fn read(&self, session: &Session) -> Result<(), UpstreamError> {
        let config = self.server.config();
        let raw = reading::read(session, config.id.as_str(), most_bytes(&config)).await?;
        let catalogue = Arc::new(self.server.assemble(raw, self.shared.clock.now()));
        let now = self.now();
        let mut state = self.state();
        let before = state.catalogue.replace(Arc::clone(&catalogue));
        state.catalogue_read_at = now;
        state.catalogue_is_stale = false;
        drop(state);
        let known = before.as_ref().map_or(&[][..], |before| before.quarantined.as_slice());
        let alarming = newly_untrusted(known, &catalogue.quarantined);
        if !alarming.is_empty() {
            self.shared.alarm.raise(&self.at, &alarming);
        }
        Ok(())
    }

    fn now(&self) -> Monotonic {
        self.shared.clock.monotonic()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The tools whose definitions a pin stopped just now.
fn newly_untrusted(known: &[Quarantined], found: &[Quarantined]) -> Vec<Quarantined> {
    let by_pin = |tool: &&Quarantined| matches!(tool.reason, QuarantineReason::Changed | QuarantineReason::Added);
    found.iter().filter(by_pin).filter(|tool| !known.contains(tool)).cloned().collect()
}
