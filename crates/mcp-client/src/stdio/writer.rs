use std::io;
use std::os::fd::AsFd;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tokio::io::{AsyncWrite, AsyncWriteExt as _};

use crate::ticket::Ticket;

/// The server's input, and how much was written to it.
#[derive(Debug)]
pub(super) struct Writer<W> {
    input: W,
    pub(super) written: u64,
}

impl<W: AsyncWrite + Unpin> Writer<W> {
    pub(super) fn new(input: W) -> Self {
        Self { input, written: 0 }
    }

    /// Writes a whole line. Where it fails before the first byte was taken, the ticket says that nothing was sent.
    pub(super) async fn write(&mut self, line: &[u8], ticket: Option<&Ticket>) -> io::Result<()> {
        let mut rest = line;
        while !rest.is_empty() {
            let taken = match self.input.write(rest).await {
                Ok(0) => Err(io::ErrorKind::WriteZero.into()),
                other => other,
            };
            match taken {
                Ok(bytes) => {
                    rest = &rest[bytes..];
                    self.written += bytes as u64;
                }
                Err(error) => {
                    if rest.len() == line.len()
                        && let Some(ticket) = ticket
                    {
                        ticket.come_back();
                    }
                    return Err(error);
                }
            }
        }
        self.input.flush().await
    }
}

impl<W: AsFd> Writer<W> {
    /// How much of what was written was read, where nobody is left who could read more of it; `None` where somebody is,
    /// or the system does not tell.
    ///
    /// A process that is being killed still takes what is written to it, and never reads it.
    pub(super) fn read_for_good(&self) -> Option<u64> {
        if !cfg!(target_os = "linux") {
            return None;
        }
        let mut input = [PollFd::new(&self.input, PollFlags::OUT)];
        poll(&mut input, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })).ok()?;
        if !input[0].revents().contains(PollFlags::ERR) {
            return None;
        }
        let unread = rustix::io::ioctl_fionread(&self.input).ok()?;
        self.written.checked_sub(unread)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::process::Stdio;

    use tokio::net::unix::pipe;

    use super::*;

    #[tokio::test]
    async fn what_nobody_read_is_known_once_nobody_can() {
        let (sender, receiver) = pipe::pipe().unwrap();
        let mut writer = Writer::new(sender);
        writer.write(b"first\nsecond\n", None).await.unwrap();
        let mut reader = std::fs::File::from(receiver.into_blocking_fd().unwrap());
        let mut first = [0; 6];
        reader.read_exact(&mut first).unwrap();
        assert_eq!(writer.read_for_good(), None, "somebody may read more");
        drop(reader);
        assert_eq!(writer.read_for_good(), Some(6));
        let ticket = Ticket::new(1);
        assert!(ticket.depart(writer.written));
        assert!(writer.write(b"third\n", Some(&ticket)).await.is_err());
        assert!(!ticket.is_sent());
    }

    #[tokio::test]
    async fn a_killed_process_has_read_nothing_of_what_came_after() {
        let mut command = tokio::process::Command::new("sleep");
        let mut child = command.arg("600").stdin(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
        let mut writer = Writer::new(child.stdin.take().unwrap());
        writer.write(b"line\n", None).await.unwrap();
        child.kill().await.unwrap();
        assert_eq!(writer.read_for_good(), Some(0));
    }
}
