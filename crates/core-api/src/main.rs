#![doc = include_str!("../README.md")]

mod cli;
mod commands;
mod config;
mod delivery;
mod first_start;
mod limiter;
mod metrics_server;
mod server;
mod stores;
mod telemetry;
mod tool_servers;
mod workers;

use std::process::ExitCode;

use clap::Parser;

// The system allocator keeps more memory for the same load.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    match commands::run(cli).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("core-api: {error:#}");
            ExitCode::FAILURE
        }
    }
}
