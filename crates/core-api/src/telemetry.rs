use std::io;

use tracing_subscriber::EnvFilter;

use crate::config::{Config, LogFormat};

/// Sends the log to stderr: stdout is for what commands answer.
pub(crate) fn init(config: &Config) {
    let filter = EnvFilter::try_new(&config.log).unwrap_or_default();
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    match config.log_format {
        LogFormat::Text => log.with_ansi(io::IsTerminal::is_terminal(&io::stderr())).init(),
        LogFormat::Json => log.json().flatten_event(true).with_span_list(false).init(),
    }
}
