use std::io;
use std::sync::mpsc;
use std::thread;

use tokio::process::{Child, Command};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

/// Starts processes, all from one thread that lives as long as this value.
///
/// A parent-death signal comes when the *thread* that started the process ends. The runtime's threads come and go.
#[derive(Debug, Clone)]
pub(crate) struct Spawner(mpsc::Sender<Job>);

#[derive(Debug)]
struct Job {
    command: Command,
    reply: oneshot::Sender<io::Result<Child>>,
}

impl Spawner {
    pub(crate) fn start(runtime: Handle) -> io::Result<Self> {
        let (jobs, received) = mpsc::channel::<Job>();
        thread::Builder::new().name("mcp-spawner".to_owned()).spawn(move || {
            let _entered = runtime.enter();
            while let Ok(mut job) = received.recv() {
                // One that nobody waits for any more is killed as it is dropped.
                let _ = job.reply.send(job.command.spawn());
            }
        })?;
        Ok(Self(jobs))
    }

    pub(crate) async fn spawn(&self, command: Command) -> io::Result<Child> {
        let (reply, answered) = oneshot::channel();
        self.0.send(Job { command, reply }).map_err(|_| io::ErrorKind::BrokenPipe)?;
        answered.await.map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))?
    }
}
