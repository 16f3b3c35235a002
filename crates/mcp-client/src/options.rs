use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

/// What is the same for all servers.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where servers' programs are looked for, and the `PATH` that they get: directories separated by `:`.
    pub path: OsString,
    /// The `HOME` of servers that have no user of their own.
    pub home: PathBuf,
    /// After how long a running server is replaced by a new one; `None` for never. Calls under way are waited for.
    pub lifetime: Option<Duration>,
    /// After how long a catalogue is read again, though the server told of no change.
    pub catalogue_age: Duration,
    /// How long a server may take to end by itself once its input is closed, and again once it got SIGTERM.
    pub stop_grace: Duration,
    /// How long calls under way are waited for when their server is stopped, at most.
    pub drain: Duration,
    /// What clients call themselves to servers.
    pub client_version: String,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            path: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".into(),
            home: PathBuf::from("/tmp"),
            lifetime: Some(Duration::from_hours(24)),
            catalogue_age: Duration::from_mins(10),
            stop_grace: Duration::from_secs(2),
            drain: Duration::from_secs(30),
            client_version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }
}
