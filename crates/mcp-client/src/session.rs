use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::Duration;

use mcp::UpstreamError;
use rmcp::RoleClient;
use rmcp::model::{ClientRequest, GetExtensions as _, ServerPeerInfo};
use rmcp::service::{Peer, PeerRequestOptions, RequestHandle};
use serde_json::Value;
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::outcome::{self, Failed};
use crate::ticket::Ticket;

/// One connection to a server that is ready, shared by all calls.
#[derive(Debug)]
pub(crate) struct Session {
    peer: Peer<RoleClient>,
    pub(crate) info: Arc<ServerPeerInfo>,
    pub(crate) signs: Arc<Signs>,
    in_flight: AtomicUsize,
    idle: Notify,
    /// Requests in a row that got no answer.
    silent: AtomicU32,
    runtime: Handle,
}

/// What happens to a connection, for the task that looks after it.
#[derive(Debug, Default)]
pub(crate) struct Signs {
    /// It is of no use any more.
    pub(crate) over: CancellationToken,
    /// The server said that its lists changed, or something shows it.
    pub(crate) changed: Notify,
    /// It has not answered for a while.
    pub(crate) suspect: Notify,
}

/// So many unanswered requests in a row make a server suspect.
const SUSPICIOUS: u32 = 3;
/// How long telling a server of a cancelled request may take.
const CANCEL_TIMEOUT: Duration = Duration::from_secs(5);

impl Session {
    pub(crate) fn new(peer: Peer<RoleClient>, info: Arc<ServerPeerInfo>, signs: Arc<Signs>, runtime: Handle) -> Self {
        let (in_flight, silent) = (AtomicUsize::new(0), AtomicU32::new(0));
        Self { peer, info, signs, in_flight, idle: Notify::new(), silent, runtime }
    }

    pub(crate) fn peer(&self) -> &Peer<RoleClient> {
        &self.peer
    }

    pub(crate) fn is_in_use(&self) -> bool {
        self.in_flight.load(Ordering::SeqCst) > 0
    }

    /// Marks a use, until the value is dropped.
    pub(crate) fn enter(self: &Arc<Self>) -> Use {
        self.in_flight.fetch_add(1, Ordering::SeqCst);
        Use(Arc::clone(self))
    }

    /// Waits until nobody uses it.
    pub(crate) async fn unused(&self) {
        loop {
            let mut idle = std::pin::pin!(self.idle.notified());
            idle.as_mut().enable();
            if !self.is_in_use() {
                return;
            }
            idle.await;
        }
    }

    /// Asks the server and waits for its answer, as long as this is waited for. Dropped before, it cancels the request.
    pub(crate) async fn ask(&self, mut request: ClientRequest, max_answer_bytes: usize) -> Result<Value, Failed> {
        let ticket = Ticket::new(max_answer_bytes);
        request.extensions_mut().insert(ticket.clone());
        let sent = self.peer.send_cancellable_request(request, PeerRequestOptions::no_options()).await;
        let Ok(handle) = sent else {
            self.signs.over.cancel();
            return Err(Failed::Unsent);
        };
        let mut asked = Asked { session: self, ticket: &ticket, handle: Some(handle) };
        let answer = asked.answer().await;
        let outcome = outcome::of(answer, &ticket);
        if outcome.ends_session {
            self.signs.over.cancel();
        } else {
            self.silent.store(0, Ordering::SeqCst);
        }
        outcome.result
    }

    /// The same, for the gateway's own questions.
    pub(crate) async fn inquire(
        &self,
        request: ClientRequest,
        max_answer_bytes: usize,
    ) -> Result<Value, UpstreamError> {
        self.ask(request, max_answer_bytes).await.map_err(|failed| match failed {
            Failed::Unsent => UpstreamError::Gone { detail: "the connection ended".to_owned() },
            Failed::Upstream(error) => error,
        })
    }

    fn hear_nothing(&self) {
        if self.silent.fetch_add(1, Ordering::SeqCst) + 1 >= SUSPICIOUS {
            self.signs.suspect.notify_one();
        }
    }
}

/// A use of a session.
#[derive(Debug)]
pub(crate) struct Use(Arc<Session>);

impl std::ops::Deref for Use {
    type Target = Session;

    fn deref(&self) -> &Session {
        &self.0
    }
}

impl Drop for Use {
    fn drop(&mut self) {
        if self.0.in_flight.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.0.idle.notify_waiters();
        }
    }
}

/// A request under way: cancelled at the server when it is dropped unanswered.
struct Asked<'a> {
    session: &'a Session,
    ticket: &'a Ticket,
    handle: Option<RequestHandle<RoleClient>>,
}

impl Asked<'_> {
    async fn answer(&mut self) -> outcome::Answer {
        let answer = match &mut self.handle {
            Some(handle) => (&mut handle.rx).await.ok(),
            None => None,
        };
        self.handle = None;
        answer
    }
}

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        let Some(handle) = self.handle.take() else { return };
        self.ticket.abandon();
        self.session.hear_nothing();
        // Also for one that was never sent: the SDK keeps its place until it is told.
        self.session.runtime.spawn(async move {
            let reason = Some("nobody waits for the answer any more".to_owned());
            let _ = tokio::time::timeout(CANCEL_TIMEOUT, handle.cancel(reason)).await;
        });
    }
}
