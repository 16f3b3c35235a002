use std::sync::{Arc, Mutex, PoisonError};

use core_domain::Timestamp;
use pixel::{PixelService, Salt, day_of};

use crate::ApiError;
use crate::write::{UnitOfWork, commit};

/// Today's salt. It is forgotten when another day's is asked for, or it is told that the day is over.
pub(super) struct Salts {
    store: Arc<dyn UnitOfWork>,
    service: PixelService,
    known: Mutex<Option<(Timestamp, Salt)>>,
}

impl Salts {
    pub(super) fn new(store: Arc<dyn UnitOfWork>, service: PixelService) -> Self {
        Self { store, service, known: Mutex::default() }
    }

    pub(super) async fn of(&self, now: Timestamp) -> Result<Salt, ApiError> {
        let day = day_of(now);
        if let Some((known, salt)) = &*self.known.lock().unwrap_or_else(PoisonError::into_inner)
            && *known == day
        {
            return Ok(salt.clone());
        }
        let mut tx = self.store.begin().await?;
        let salt = self.service.salt_of(&mut *tx, now).await?;
        commit(tx).await?;
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Some((day, salt.clone()));
        Ok(salt)
    }

    /// Forgets the salt, unless it is of this moment's day.
    pub(super) fn forget_before(&self, now: Timestamp) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.take_if(|(day, _)| *day != day_of(now));
    }
}
