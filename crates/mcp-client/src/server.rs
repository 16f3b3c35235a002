use std::sync::{Arc, Mutex, PoisonError, RwLock};

use core_domain::Timestamp;
use mcp::{Catalogue, Pins, RawCatalogue, ServerConfig};

use crate::era::Era;
use crate::stdio::Noise;

/// What all instances of one server share, over their restarts.
#[derive(Debug)]
pub(crate) struct Server {
    config: RwLock<Arc<ServerConfig>>,
    pins: Mutex<Pins>,
    pub(crate) era: Era,
    pub(crate) noise: Arc<Noise>,
}

impl Server {
    pub(crate) fn new(config: Arc<ServerConfig>) -> Self {
        Self {
            pins: Mutex::default(),
            era: Era::new(config.protocol),
            noise: Arc::new(Noise::new(config.id.to_string())),
            config: RwLock::new(config),
        }
    }

    pub(crate) fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.config.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes a configuration that runs the same; true when catalogues are to be read again for it.
    pub(crate) fn reconfigure(&self, config: Arc<ServerConfig>) -> bool {
        let mut current = self.config.write().unwrap_or_else(PoisonError::into_inner);
        let is_pinned_anew = current.pin != config.pin;
        *current = config;
        if is_pinned_anew {
            *self.pins.lock().unwrap_or_else(PoisonError::into_inner) = Pins::default();
        }
        is_pinned_anew
    }

    pub(crate) fn assemble(&self, raw: RawCatalogue, read_at: Timestamp) -> Catalogue {
        let config = self.config();
        let mut pins = self.pins.lock().unwrap_or_else(PoisonError::into_inner);
        Catalogue::assemble(&config, &mut pins, raw, read_at)
    }
}

/// Whether an instance under the one configuration serves under the other just as well.
pub(crate) fn runs_the_same(one: &ServerConfig, other: &ServerConfig) -> bool {
    one.transport == other.transport
        && one.disabled == other.disabled
        && one.isolation == other.isolation
        && one.protocol == other.protocol
        && one.concurrency == other.concurrency
        && one.queue == other.queue
        && one.max_result_bytes == other.max_result_bytes
}
