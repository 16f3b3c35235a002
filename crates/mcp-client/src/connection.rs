use std::sync::Arc;
use std::time::Duration;

use rmcp::ClientServiceExt as _;
use rmcp::model::{ClientRequest, DiscoverRequest, DiscoverRequestParams, PingRequest, ServerPeerInfo};
use rmcp::service::{ClientInitializeError, QuitReason, RoleClient, RunningService};
use rmcp::transport::IntoTransport;
use tokio::task::{JoinError, JoinHandle};
use tokio_util::sync::CancellationToken;

use mcp::{ServerConfig, Transport};

use crate::http;
use crate::listener::Listener;
use crate::process::{Grace, Process, StartProcessError};
use crate::server::Server;
use crate::session::{Session, Signs};
use crate::shared::Shared;
use crate::stdio::StdioTransport;

/// A connection that stands, with the process at its other end where there is one.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) session: Arc<Session>,
    process: Option<Process>,
    stop: CancellationToken,
    service: JoinHandle<Result<QuitReason, JoinError>>,
}

/// Why there is no connection. Its text holds no secrets.
#[derive(Debug)]
pub(crate) struct StartFault {
    pub(crate) detail: String,
    /// It can't be otherwise under this configuration on this machine.
    pub(crate) is_final: bool,
}

/// How long output that a process left behind may still be read.
const LAST_WORDS: Duration = Duration::from_millis(200);
/// How long the SDK may take to close.
const CLOSE: Duration = Duration::from_secs(5);
/// How long a suspect server may take to answer.
const PROBE: Duration = Duration::from_secs(5);
/// Catalogues may be larger than the results that an operator allows.
const LEAST_BYTES: usize = 4 * 1024 * 1024;

/// The most that any answer of the server may hold: its largest result, or its catalogue.
pub(crate) fn most_bytes(config: &ServerConfig) -> usize {
    config.max_answer_bytes().max(LEAST_BYTES)
}

impl Connection {
    /// Connects, within `start_timeout`. When it fails, or is told to stop, no process is left. It is to be awaited to
    /// its end.
    pub(crate) async fn open(shared: &Shared, server: &Server, stop: &CancellationToken) -> Result<Self, StartFault> {
        let config = server.config();
        match &config.transport {
            Transport::Stdio(stdio) => Self::to_process(shared, server, &config, stdio, stop).await,
            Transport::Http(http) => {
                let transport =
                    http::transport(http, config.concurrency, most_bytes(&config), &shared.options.client_version)
                        .map_err(|error| StartFault { detail: error.to_string(), is_final: true })?;
                let hello = tokio::select! {
                    hello = greet(shared, server, &config, transport) => hello,
                    () = stop.cancelled() => Err(StartFault { detail: "it was stopped".to_owned(), is_final: false }),
                };
                Ok(Self::standing(shared, hello?, None))
            }
        }
    }

    async fn to_process(
        shared: &Shared,
        server: &Server,
        config: &ServerConfig,
        program: &mcp::Stdio,
        stop: &CancellationToken,
    ) -> Result<Self, StartFault> {
        let starting = Process::start(
            config.id.as_str(),
            program,
            &shared.surroundings,
            &shared.spawner,
            &shared.clock,
            shared.entropy.as_ref(),
        );
        let (process, stdin, stdout) = starting.await?;
        let dead = process.exited();
        let noise = Arc::clone(&server.noise);
        let transport = StdioTransport::new(stdout, stdin, dead.clone(), most_bytes(config), noise);
        let hello = tokio::select! {
            hello = greet(shared, server, config, transport) => hello,
            () = ended(&dead) => Err(StartFault { detail: String::new(), is_final: false }),
            () = stop.cancelled() => Err(StartFault { detail: "it was stopped".to_owned(), is_final: false }),
        };
        match hello {
            Ok(greeted) => Ok(Self::standing(shared, greeted, Some(process))),
            Err(fault) => {
                // One that closed its output is about to end by itself, and tells why by its status.
                let grace = if fault.detail.is_empty() {
                    Grace { after_close: LAST_WORDS, ..Grace::NONE }
                } else {
                    Grace::NONE
                };
                let status = process.end(grace).await;
                let detail = if fault.detail.is_empty() { format!("it ended: {status}") } else { fault.detail };
                Err(StartFault { detail, ..fault })
            }
        }
    }

    fn standing(shared: &Shared, Greeted { service, info, signs }: Greeted, process: Option<Process>) -> Self {
        let session = Arc::new(Session::new(service.peer().clone(), info, signs, shared.runtime.clone()));
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let service = tokio::spawn(async move {
            let cancel = service.cancellation_token();
            let mut waiting = std::pin::pin!(service.waiting());
            tokio::select! {
                quit = &mut waiting => return quit,
                () = stopped.cancelled() => cancel.cancel(),
            }
            waiting.await
        });
        Self { session, process, stop, service }
    }

    pub(crate) fn has_process(&self) -> bool {
        self.process.is_some()
    }

    pub(crate) fn process_id(&self) -> Option<u32> {
        self.process.as_ref().map(Process::id)
    }

    /// Waits until the connection is of no use any more, and says why.
    pub(crate) async fn lost(&mut self) -> &'static str {
        let exited = self.process.as_ref().map(Process::exited);
        let exited = async {
            match &exited {
                Some(exited) => ended(exited).await,
                None => std::future::pending().await,
            }
        };
        let signs = Arc::clone(&self.session.signs);
        let mut exited = std::pin::pin!(exited);
        loop {
            tokio::select! {
                _ = &mut self.service => return "the connection ended",
                () = signs.over.cancelled() => return "the connection failed",
                () = &mut exited => return "the process ended",
                () = signs.suspect.notified() => {
                    if !answers(&self.session).await {
                        return "it does not answer any more";
                    }
                }
            }
        }
    }

    /// Closes the connection and ends the process; every process of it. Calls under way fail.
    ///
    /// Returns how the process ended.
    pub(crate) async fn close(mut self, grace: Grace) -> Option<String> {
        self.session.signs.over.cancel();
        self.stop.cancel();
        if !self.service.is_finished() && tokio::time::timeout(CLOSE, &mut self.service).await.is_err() {
            self.service.abort();
        }
        match self.process {
            Some(process) => Some(process.end(grace).await),
            None => None,
        }
    }
}

/// A handshake that succeeded.
struct Greeted {
    service: RunningService<RoleClient, Listener>,
    info: Arc<ServerPeerInfo>,
    signs: Arc<Signs>,
}

async fn greet<T, E, A>(
    shared: &Shared,
    server: &Server,
    config: &ServerConfig,
    transport: T,
) -> Result<Greeted, StartFault>
where
    T: IntoTransport<RoleClient, E, A>,
    E: std::error::Error + Send + Sync + 'static,
{
    let signs = Arc::new(Signs::default());
    let listener = Listener { signs: Arc::clone(&signs), version: shared.options.client_version.clone() };
    let greeting = listener.serve_with_lifecycle(transport, server.era.lifecycle());
    match tokio::time::timeout(config.start_timeout, greeting).await {
        Ok(Ok(service)) => {
            let nothing = || StartFault { detail: "it said nothing of itself".to_owned(), is_final: false };
            let info = service.peer().peer_info().ok_or_else(nothing)?;
            server.era.agreed_on(&info.protocol_version);
            Ok(Greeted { service, info, signs })
        }
        Ok(Err(error)) => {
            server.era.failed(config.protocol);
            Err(StartFault { detail: reason(&error).to_owned(), is_final: false })
        }
        Err(_) => {
            server.era.failed(config.protocol);
            Err(StartFault { detail: "it did not become ready in time".to_owned(), is_final: false })
        }
    }
}

/// What went wrong, without what the server wrote: that is a stranger's text, of any length.
fn reason(error: &ClientInitializeError) -> &'static str {
    match error {
        ClientInitializeError::ConnectionClosed(_) => "",
        ClientInitializeError::JsonRpcError(_) => "it refused the handshake",
        ClientInitializeError::NoCompatibleProtocolVersion { .. } => {
            "it speaks no revision of the protocol that is known here"
        }
        ClientInitializeError::LegacyFallbackFailed { fallback, .. } => reason(fallback),
        error if error.is_authorization_required() => "it does not accept the configured credentials",
        ClientInitializeError::TransportError { .. } => "it can't be reached",
        _ => "it answered the handshake with something else",
    }
}

/// The process has exited, and what it wrote before had time to be read.
async fn ended(exited: &CancellationToken) {
    exited.cancelled().await;
    tokio::time::sleep(LAST_WORDS).await;
}

/// Whether a server that gave no answers for a while still gives one.
async fn answers(session: &Session) -> bool {
    let question = if session.info.protocol_version.has_initialize() {
        ClientRequest::PingRequest(PingRequest::default())
    } else {
        ClientRequest::DiscoverRequest(DiscoverRequest::new(DiscoverRequestParams::default()))
    };
    let asked = session.inquire(question, LEAST_BYTES);
    let answer = tokio::time::timeout(PROBE, asked).await;
    !matches!(answer, Err(_) | Ok(Err(mcp::UpstreamError::Gone { .. })))
}

impl From<StartProcessError> for StartFault {
    fn from(error: StartProcessError) -> Self {
        let is_final = matches!(error, StartProcessError::Unlaunchable(_));
        Self { detail: error.to_string(), is_final }
    }
}
