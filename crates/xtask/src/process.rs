//! Running other programs in the foreground, such that an interrupt still removes the servers.

use std::env;
use std::path::Path;
use std::process::{Command, ExitStatus};
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context as _, Result, bail, ensure};
use testkit::servers::signal;

const NONE: u32 = 0;
const INTERRUPTED: u32 = u32::MAX;

/// The pid of the program in the foreground, or one of the two constants.
static FOREGROUND: AtomicU32 = AtomicU32::new(NONE);

/// Makes ctrl-C and SIGTERM end the program in the foreground instead of this process.
///
/// The task then fails as it does for a program that failed, and its servers are dropped on the way.
pub(crate) fn outlive_interrupts() -> Result<()> {
    ctrlc::set_handler(|| match FOREGROUND.swap(INTERRUPTED, Ordering::SeqCst) {
        NONE | INTERRUPTED => {}
        pid => signal(pid, "TERM"),
    })
    .context("cannot handle interrupts")
}

/// The workspace's folder.
pub(crate) fn root() -> &'static Path {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.ancestors().nth(2).unwrap_or(package)
}

/// `cargo` with these arguments, in the workspace's folder.
pub(crate) fn cargo<const N: usize>(args: [&str; N]) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root()).args(args);
    command
}

/// Runs a program to its end; fails when it cannot be started or the task is interrupted.
pub(crate) fn status(command: &mut Command) -> Result<ExitStatus> {
    ensure!(!is_interrupted(), "interrupted");
    let name = name(command);
    let mut child = command.spawn().with_context(|| format!("cannot run {name}"))?;
    let set = FOREGROUND.compare_exchange(NONE, child.id(), Ordering::SeqCst, Ordering::SeqCst);
    if set.is_err() {
        signal(child.id(), "TERM");
    }
    let status = child.wait().with_context(|| format!("cannot wait for {name}"))?;
    let _ = FOREGROUND.compare_exchange(child.id(), NONE, Ordering::SeqCst, Ordering::SeqCst);
    ensure!(!is_interrupted(), "interrupted");
    Ok(status)
}

/// Runs a program to its end; fails when it does.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = status(command)?;
    if !status.success() {
        bail!("{} failed: {status}", name(command));
    }
    Ok(())
}

/// Runs a program to its end and returns what it wrote to standard output.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let name = name(command);
    let output =
        command.stderr(std::process::Stdio::inherit()).output().with_context(|| format!("cannot run {name}"))?;
    ensure!(output.status.success(), "{name} failed: {}", output.status);
    String::from_utf8(output.stdout).with_context(|| format!("{name} wrote no text"))
}

fn is_interrupted() -> bool {
    FOREGROUND.load(Ordering::SeqCst) == INTERRUPTED
}

/// The program's file name and first argument: later ones may hold a secret.
fn name(command: &Command) -> String {
    let program =
        Path::new(command.get_program()).file_name().unwrap_or_else(|| command.get_program()).to_string_lossy();
    match command.get_args().next() {
        Some(first) => format!("`{program} {}`", first.to_string_lossy()),
        None => format!("`{program}`"),
    }
}
