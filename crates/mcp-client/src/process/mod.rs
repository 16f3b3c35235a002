//! The processes of servers: started, watched and ended with all their descendants.

mod launch;
mod marked;
mod spawner;
mod stderr;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use core_domain::{Clock, Entropy, random_base62};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, WaitOptions};
use tokio::process::{Child, ChildStdin, ChildStdout};
use tokio_util::sync::CancellationToken;

pub(crate) use launch::{Surroundings, Unlaunchable};
pub(crate) use spawner::Spawner;

/// One server's process. It is to be ended with [`Process::end`], which leaves nothing of it behind.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    pid: Pid,
    mark: String,
    exited: CancellationToken,
    is_reaped: bool,
}

/// How long a server may take to end once its input is closed, and then once it was asked by a signal.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Grace {
    pub(crate) after_close: Duration,
    pub(crate) after_term: Duration,
}

impl Grace {
    /// For one that is of no use any more.
    pub(crate) const NONE: Self = Self { after_close: Duration::ZERO, after_term: Duration::ZERO };
}

/// How often what is left is killed, and the pause between: a process may be forking while it is looked for.
const SWEEPS: u32 = 50;
const PAUSE: Duration = Duration::from_millis(20);

#[derive(Debug, thiserror::Error)]
pub(crate) enum StartProcessError {
    #[error(transparent)]
    Unlaunchable(#[from] Unlaunchable),
    #[error("the program can't be started: {0}")]
    Spawn(io::Error),
}

impl Process {
    /// Starts the server's process; what it writes to standard error goes to the log.
    pub(crate) async fn start(
        server: &str,
        config: &mcp::Stdio,
        surroundings: &Surroundings,
        spawner: &Spawner,
        clock: &Arc<dyn Clock>,
        entropy: &dyn Entropy,
    ) -> Result<(Self, ChildStdin, ChildStdout), StartProcessError> {
        let mark = random_base62(entropy, 16);
        let command = surroundings.command(config, &mark)?;
        let mut child = spawner.spawn(command).await.map_err(StartProcessError::Spawn)?;
        let missing = || StartProcessError::Spawn(io::ErrorKind::NotFound.into());
        let stdin = child.stdin.take().ok_or_else(missing)?;
        let stdout = child.stdout.take().ok_or_else(missing)?;
        let stderr = child.stderr.take().ok_or_else(missing)?;
        let pid = child.id().and_then(|id| Pid::from_raw(id.try_into().ok()?)).ok_or_else(missing)?;
        tokio::spawn(stderr::log(stderr, server.to_owned(), Arc::clone(clock)));
        let exited = watch(pid).map_err(StartProcessError::Spawn)?;
        Ok((Self { child, pid, mark, exited, is_reaped: false }, stdin, stdout))
    }

    /// Cancelled when the process has exited.
    pub(crate) fn exited(&self) -> CancellationToken {
        self.exited.clone()
    }

    pub(crate) fn id(&self) -> u32 {
        self.pid.as_raw_nonzero().get().unsigned_abs()
    }

    /// Ends the process and whoever descends from it, and reaps it. Its input is to be closed before.
    ///
    /// Returns how it ended by itself, if it did, as a text.
    pub(crate) async fn end(mut self, grace: Grace) -> String {
        let mut ended = self.waits(grace.after_close).await;
        if !ended && !grace.after_term.is_zero() {
            let _ = rustix::process::kill_process_group(self.pid, Signal::TERM);
            ended = self.waits(grace.after_term).await;
        }
        // Not reaped yet, the process holds its number: nobody else can be meant by its group.
        let _ = rustix::process::kill_process_group(self.pid, Signal::KILL);
        let status = self.child.wait().await;
        self.is_reaped = true;
        self.sweep().await;
        match status {
            Ok(status) if ended => status.to_string(),
            Ok(_) => "killed".to_owned(),
            Err(error) => error.to_string(),
        }
    }

    async fn waits(&self, time: Duration) -> bool {
        tokio::time::timeout(time, self.exited.cancelled()).await.is_ok()
    }

    /// Kills those that left the process group.
    async fn sweep(&self) {
        for _ in 0..SWEEPS {
            let mark = self.mark.clone();
            let found = tokio::task::spawn_blocking(move || marked::marked(&mark)).await.unwrap_or_default();
            if found.is_empty() {
                return;
            }
            for pid in found {
                let _ = rustix::process::kill_process(pid, Signal::KILL);
                // They are this process's to reap where it is the first of its container.
                let _ = rustix::process::waitpid(Some(pid), WaitOptions::NOHANG);
            }
            tokio::time::sleep(PAUSE).await;
        }
        tracing::warn!(mark = self.mark, "processes of an MCP server can't be killed");
    }
}

impl Drop for Process {
    /// A last resort, for a runtime that ends while servers run.
    fn drop(&mut self) {
        if !self.is_reaped {
            let _ = rustix::process::kill_process_group(self.pid, Signal::KILL);
        }
    }
}

/// Tells of the end of a child without reaping it: as long as nobody does, its number is not given to another.
fn watch(pid: Pid) -> io::Result<CancellationToken> {
    let exited = CancellationToken::new();
    let tell = exited.clone();
    std::thread::Builder::new().name("mcp-watch".to_owned()).stack_size(64 * 1024).spawn(move || {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        while matches!(rustix::process::waitid(WaitId::Pid(pid), options), Err(rustix::io::Errno::INTR)) {}
        tell.cancel();
    })?;
    Ok(exited)
}
