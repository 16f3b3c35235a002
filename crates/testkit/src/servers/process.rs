use std::fs;
use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command};
use std::time::Duration;

use super::home::Home;
use super::{ServerError, poll_until, signal};

pub(super) const START_LIMIT: Duration = Duration::from_mins(1);
const STOP_LIMIT: Duration = Duration::from_secs(20);

/// How a server says that it takes work.
#[derive(Debug)]
pub(super) enum Ready {
    /// PostgreSQL's own pid file, which ends with its state: what `pg_ctl --wait` reads. It names
    /// the pid, so a stranger that took the port isn't mistaken for this server.
    PidFile(PathBuf),
    /// Redis answers a ping.
    Pong,
}

impl Ready {
    fn holds(&self, pid: u32, port: u16) -> bool {
        match self {
            Self::PidFile(path) => fs::read_to_string(path).is_ok_and(|text| {
                let mut lines = text.lines().map(str::trim);
                lines.next() == Some(&pid.to_string()) && lines.nth(6) == Some("ready")
            }),
            Self::Pong => answers_ping(port).unwrap_or(false),
        }
    }
}

fn answers_ping(port: u16) -> io::Result<bool> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_read_timeout(Some(Duration::from_secs(1)))?;
    stream.write_all(b"PING\r\n")?;
    let mut answer = [0; 5];
    stream.read_exact(&mut answer)?;
    Ok(&answer == b"+PONG")
}

/// One server program, its port and its files; the process comes and goes.
#[derive(Debug)]
pub(super) struct Process {
    pub(super) name: &'static str,
    pub(super) program: PathBuf,
    pub(super) args: Vec<String>,
    pub(super) port: u16,
    pub(super) ready: Ready,
    pub(super) stop_signal: &'static str,
    pub(super) child: Option<Child>,
    pub(super) home: Home,
}

impl Process {
    pub(super) fn start(&mut self) -> Result<(), ServerError> {
        if self.child.is_some() {
            return Ok(());
        }
        let mut command = Command::new(&self.program);
        command.args(&self.args);
        // A group of its own keeps a terminal's ctrl-C from reaching the server before the tests
        // that use it have ended.
        command.process_group(0);
        let mut child = self.home.spawn(&mut command, self.name)?;
        let mut exited = false;
        let ready = poll_until(START_LIMIT, || {
            exited = matches!(child.try_wait(), Ok(Some(_)));
            exited || self.ready.holds(child.id(), self.port)
        });
        self.child = Some(child);
        if ready && !exited {
            return Ok(());
        }
        self.kill();
        Err(self.home.failed(self.name, "did not start"))
    }

    pub(super) fn stop(&mut self) {
        if let Some(child) = &mut self.child {
            signal(child.id(), self.stop_signal);
            poll_until(STOP_LIMIT, || matches!(child.try_wait(), Ok(Some(_))));
        }
        self.kill();
    }

    pub(super) fn ids(&self) -> Vec<u32> {
        self.home.processes()
    }

    pub(super) fn signal_all(&self, name: &str) {
        for pid in self.home.processes() {
            signal(pid, name);
        }
    }

    /// Ends every process of the server, at once for those still running.
    pub(super) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            // Both fail only for a child that has already been waited for.
            let _ = child.kill();
            let _ = child.wait();
        }
        // PostgreSQL's workers outlive their parent for a moment, in sessions of their own. Until
        // they are gone the cluster can neither be started again nor removed.
        poll_until(STOP_LIMIT, || {
            let orphans = self.home.processes();
            for pid in &orphans {
                signal(*pid, "KILL");
            }
            orphans.is_empty()
        });
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.stop();
    }
}

#[cfg(test)]
mod tests {
    use std::env;

    use super::*;
    use crate::servers::install::redis_program;

    #[test]
    fn server_that_gives_up_tells_its_last_words() {
        let home = Home::new(&env::temp_dir()).unwrap();
        let program = redis_program().unwrap();
        let args = vec!["--no-such-setting".to_owned(), "1".to_owned()];
        let (name, ready, stop_signal) = ("redis-server", Ready::Pong, "TERM");
        let mut server = Process { name, program, args, port: 1, ready, stop_signal, child: None, home };
        let error = server.start().unwrap_err().to_string();
        assert!(error.contains("did not start") && error.contains("no-such-setting"), "{error}");
    }
}
