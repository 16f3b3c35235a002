//! `cargo xtask chaos`: what survives when processes are killed at random.

mod webhooks;

use anyhow::Result;

use crate::binary::build_optimised;
use crate::process::{cargo, run as run_program};

/// Kill things at random while they work, and count what is lost; prints JSON.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// What to put to the test.
    #[arg(value_enum)]
    subject: Subject,
    /// How many events are published.
    #[arg(long, default_value_t = 20_000)]
    events: usize,
    /// How often a process is killed.
    #[arg(long, default_value_t = 30)]
    kills: usize,
}

/// What can be put to the test.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Subject {
    /// Events from their acknowledgement to their receiver.
    Webhooks,
}

/// Prints one JSON object; fails when anything was lost.
pub(crate) fn run(args: &Args) -> Result<()> {
    if cfg!(debug_assertions) {
        let mut optimised = cargo(["run", "--release", "--package=xtask", "--quiet", "--", "chaos"]);
        optimised.args(std::env::args_os().skip(2));
        return run_program(&mut optimised);
    }
    testkit::servers::ensure_installed()?;
    build_optimised()?;
    match args.subject {
        Subject::Webhooks => webhooks::run(args.events, args.kills),
    }
}
