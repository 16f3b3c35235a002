//! The project's tasks, run as `cargo xtask <task>`.

mod bench;
mod binary;
mod chaos;
mod ci;
mod conformance;
mod cpu;
mod fuzz;
mod process;
mod proxy;
mod receiver;
mod server;
mod test;
mod tools;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The project's tasks.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    Test(test::Args),
    Ci(ci::Args),
    Fuzz(fuzz::Args),
    Conformance(conformance::Args),
    Bench(bench::Args),
    Chaos(chaos::Args),
}

fn main() -> ExitCode {
    let outcome = process::outlive_interrupts().and_then(|()| match Cli::parse().task {
        Task::Test(args) => test::run(&args),
        Task::Ci(args) => ci::run(&args).map(|()| ExitCode::SUCCESS),
        Task::Fuzz(args) => fuzz::run(&args).map(|()| ExitCode::SUCCESS),
        Task::Conformance(args) => conformance::run(&args).map(|()| ExitCode::SUCCESS),
        Task::Bench(args) => bench::run(&args).map(|()| ExitCode::SUCCESS),
        Task::Chaos(args) => chaos::run(&args).map(|()| ExitCode::SUCCESS),
    });
    outcome.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}
