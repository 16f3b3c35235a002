//! MCP over a process's standard input and output, with bounds.

mod lines;
mod message;
mod pending;
mod scan;
mod writer;

use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rmcp::RoleClient;
use rmcp::model::{ClientNotification, GetExtensions as _, JsonRpcMessage};
use rmcp::service::{RxJsonRpcMessage, TxJsonRpcMessage};
use rmcp::transport::Transport;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use crate::ticket::{Spoilt, Ticket};
use lines::{Lines, Next};
use message::Read;
use pending::Pending;
use writer::Writer;

/// The transport of one process.
///
/// The SDK's own drops an answer that is too long, and lets its caller wait; it can't tell whether a request was
/// written, and does not count what is no message.
#[derive(Debug)]
pub(crate) struct StdioTransport<R, W> {
    lines: Lines<R>,
    writer: Arc<Mutex<Option<Writer<W>>>>,
    pending: Arc<Pending>,
    noise: Arc<Noise>,
    /// Bytes of noise since the last message.
    noise_bytes: u64,
    /// Set once the other end shows signs of being gone.
    is_broken: Arc<AtomicBool>,
    /// The process at the other end has exited.
    exited: CancellationToken,
}

/// Counts the lines that were no message.
#[derive(Debug)]
pub(crate) struct Noise {
    server: String,
}

/// A server that writes this much without a single message speaks something else.
const MOST_NOISE_BYTES: u64 = 64 * 1024 * 1024;
/// How long a server that closed its output may take to exit, before its calls fail.
const LAST_BREATH: Duration = Duration::from_millis(500);
/// What an answer may hold beside its result.
const ENVELOPE_BYTES: usize = 4 * 1024;

impl Noise {
    pub(crate) fn new(server: String) -> Self {
        Self { server }
    }

    fn count(&self) {
        metrics::counter!("mcp_noise_lines_total", "server" => self.server.clone()).increment(1);
    }
}

impl<R: AsyncRead + Unpin, W: AsyncWrite + Unpin> StdioTransport<R, W> {
    /// `max_bytes` bounds every result, and so the memory that a line takes.
    pub(crate) fn new(stdout: R, stdin: W, exited: CancellationToken, max_bytes: usize, noise: Arc<Noise>) -> Self {
        Self {
            lines: Lines::new(stdout, max_bytes.saturating_add(ENVELOPE_BYTES)),
            writer: Arc::new(Mutex::new(Some(Writer::new(stdin)))),
            pending: Arc::default(),
            noise,
            noise_bytes: 0,
            is_broken: Arc::default(),
            exited,
        }
    }

    fn fail_too_large(&self, id: &rmcp::model::RequestId) -> Option<RxJsonRpcMessage<RoleClient>> {
        let (id, ticket) = self.pending.take(id)?;
        Some(message::spoilt(id, ticket.as_ref(), Spoilt::TooLarge))
    }

    /// The message of the line that is there, if it holds one; `Err` when it is one line of noise too many.
    fn read_line(&mut self) -> Result<Option<RxJsonRpcMessage<RoleClient>>, ()> {
        let line = self.lines.line();
        let read = if line.is_empty() { Read::Late } else { message::read(line, &self.pending) };
        let length = line.len();
        self.lines.clear();
        match read {
            Read::Message(message) => {
                self.noise_bytes = 0;
                Ok(Some(*message))
            }
            Read::Late => Ok(None),
            Read::Noise => self.hear_noise(length).map(|()| None),
        }
    }

    fn hear_noise(&mut self, bytes: usize) -> Result<(), ()> {
        self.noise.count();
        self.noise_bytes += bytes as u64;
        if self.noise_bytes > MOST_NOISE_BYTES { Err(()) } else { Ok(()) }
    }
}

impl<R, W> Transport<RoleClient> for StdioTransport<R, W>
where
    R: AsyncRead + Send + Unpin + 'static,
    W: AsyncWrite + AsFd + Send + Unpin + 'static,
{
    type Error = io::Error;

    fn send(
        &mut self,
        item: TxJsonRpcMessage<RoleClient>,
    ) -> impl Future<Output = Result<(), io::Error>> + Send + 'static {
        let writer = Arc::clone(&self.writer);
        let pending = Arc::clone(&self.pending);
        let is_broken = Arc::clone(&self.is_broken);
        let ticket = match &item {
            JsonRpcMessage::Request(request) => {
                let ticket = request.request.extensions().get::<Ticket>().cloned();
                pending.add(request.id.clone(), ticket.clone());
                ticket
            }
            _ => None,
        };
        async move {
            let line = serde_json::to_vec(&item).map(|mut line| {
                line.push(b'\n');
                line
            })?;
            let mut writer = writer.lock().await;
            let Some(writer) = writer.as_mut() else { return Err(io::ErrorKind::NotConnected.into()) };
            if let Some(cancelled) = cancelled(&item)
                && !pending.drop_sent(cancelled)
            {
                // It never got there, or is done.
                return Ok(());
            }
            if ticket.as_ref().is_some_and(|ticket| !ticket.depart(writer.written)) {
                return Ok(());
            }
            let written = writer.write(&line, ticket.as_ref()).await;
            is_broken.fetch_or(written.is_err(), Ordering::SeqCst);
            written
        }
    }

    async fn receive(&mut self) -> Option<RxJsonRpcMessage<RoleClient>> {
        loop {
            let message = match self.lines.next().await {
                Ok(Next::Line) => self.read_line().ok()?,
                Ok(Next::TooLongAnswer(id)) => self.fail_too_large(&id),
                Ok(Next::TooLongAnswerToSomeone) => {
                    let single = self.pending.take_single();
                    single.map(|(id, ticket)| message::spoilt(id, ticket.as_ref(), Spoilt::TooLarge))
                }
                Ok(Next::TooLongNoise) => {
                    self.noise.count();
                    None
                }
                Ok(Next::End) => {
                    self.is_broken.store(true, Ordering::SeqCst);
                    return None;
                }
                Err(error) => {
                    tracing::debug!(error = &error as &dyn std::error::Error, "an MCP server's output can't be read");
                    return None;
                }
            };
            if message.is_some() {
                return message;
            }
        }
    }

    /// Closes the server's input, which asks it to end. A write that is stuck keeps it open: the process is then ended by signals.
    async fn close(&mut self) -> Result<(), io::Error> {
        if self.is_broken.load(Ordering::SeqCst) {
            // What it read is settled only when it has closed its end.
            let _ = tokio::time::timeout(LAST_BREATH, self.exited.cancelled()).await;
        }
        if let Ok(mut writer) = self.writer.try_lock()
            && let Some(writer) = writer.take()
            && let Some(read) = writer.read_for_good()
        {
            self.pending.end_of_reading(read);
        }
        Ok(())
    }
}

fn cancelled(item: &TxJsonRpcMessage<RoleClient>) -> Option<&rmcp::model::RequestId> {
    let JsonRpcMessage::Notification(notification) = item else { return None };
    let ClientNotification::CancelledNotification(cancelled) = &notification.notification else { return None };
    cancelled.params.request_id.as_ref()
}
