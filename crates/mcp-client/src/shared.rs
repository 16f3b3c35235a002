use std::sync::Arc;

use core_domain::{Clock, Entropy};
use mcp::QuarantineAlarm;
use tokio::runtime::Handle;

use crate::Options;
use crate::process::{Spawner, Surroundings};

/// What all instances use.
pub(crate) struct Shared {
    pub(crate) options: Options,
    pub(crate) surroundings: Surroundings,
    pub(crate) spawner: Spawner,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) alarm: Arc<dyn QuarantineAlarm>,
    /// Everything runs here, whichever thread asks: those of an HTTP server's workers end before their calls do.
    pub(crate) runtime: Handle,
}
