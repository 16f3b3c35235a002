use std::time::Duration;

/// How much is sent at once, and how long a lease lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// The most sends under way at once; at least 1.
    pub max_sends: u32,
    /// The most of them to one endpoint that answers; at least 1. One that is not known yet begins with fewer, and one
    /// that does not answer comes down to a single one, so that it takes no room from others.
    pub max_sends_per_endpoint: u32,
    /// The most of them for one workspace; at least 1.
    pub max_sends_per_workspace: u32,
    /// How long a delivery is held for one attempt. It MUST be longer than the sender's deadline and the time that
    /// writing the result takes: a lease that ends early is an event sent twice.
    pub lease: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            max_sends: 1_024,
            max_sends_per_endpoint: 64,
            max_sends_per_workspace: 512,
            lease: Duration::from_secs(90),
        }
    }
}
