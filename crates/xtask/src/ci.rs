//! `cargo xtask ci`: all that must hold before a change is taken.

use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::process::{self, cargo, output, root};
use crate::{conformance, fuzz, test, tools};

/// Run every check there is: format, dependencies, lints, docs, fuzzing, protocol, tests, generated files.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

type Step = (&'static str, fn() -> Result<()>);

/// The cheap ones first. The tests come last but one, so that their summary ends the log.
const STEPS: [Step; 7] = [
    ("format", || process::run(&mut cargo(["fmt", "--all", "--check"]))),
    ("dependencies", dependencies),
    ("lints", lints),
    ("docs", docs),
    ("fuzzing", || fuzz::run(&fuzz::Args {})),
    ("protocol", || conformance::run(&conformance::Args {})),
    ("tests", tests),
];

/// Stops at the first step that fails.
///
/// Tests and tools may rewrite generated files (the OpenAPI document, the schema). What they write
/// must be what is there already, so the work tree must look the same before and after.
pub(crate) fn run(_: &Args) -> Result<()> {
    let before = work_tree()?;
    for (name, step) in STEPS {
        eprintln!("==> {name}");
        step().with_context(|| format!("the step `{name}` failed"))?;
    }
    ensure!(
        before == work_tree()?,
        "the checks changed files, so what was there is out of date; the work tree is now:\n{}",
        output(&mut git(["status", "--short"]))?
    );
    eprintln!("==> every check passed");
    Ok(())
}

fn dependencies() -> Result<()> {
    process::run(tools::cargo_deny()?.current_dir(root()).args([
        "--all-features",
        "check",
        "bans",
        "licenses",
        "sources",
    ]))
}

fn lints() -> Result<()> {
    process::run(&mut cargo(["clippy", "--workspace", "--all-targets", "--locked", "--", "--deny=warnings"]))
}

fn docs() -> Result<()> {
    process::run(cargo(["doc", "--no-deps", "--workspace", "--locked"]).env("RUSTDOCFLAGS", "-D warnings"))
}

fn tests() -> Result<()> {
    let status = test::run_tests(&[])?;
    ensure!(status.success(), "the test runner ended with {status}");
    Ok(())
}

/// What git sees of the work tree: the new files' names and the others' changes.
fn work_tree() -> Result<(String, String)> {
    Ok((output(&mut git(["status", "--porcelain"]))?, output(&mut git(["diff", "HEAD"]))?))
}

fn git<const N: usize>(args: [&str; N]) -> Command {
    let mut command = Command::new("git");
    command.current_dir(root()).args(args);
    command
}
