use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rmcp::model::RequestId;

use crate::ticket::Ticket;

/// The requests that were written, or are about to be, and have no answer yet.
#[derive(Debug, Default)]
pub(super) struct Pending(Mutex<HashMap<RequestId, Option<Ticket>>>);

impl Pending {
    /// `ticket` is `None` for the requests of the handshake, which the SDK reads itself.
    pub(super) fn add(&self, id: RequestId, ticket: Option<Ticket>) {
        self.lock().insert(id, ticket);
    }

    /// Takes the request that an answer with this id is for. Some servers make texts of numbers.
    pub(super) fn take(&self, id: &RequestId) -> Option<(RequestId, Option<Ticket>)> {
        let mut pending = self.lock();
        if let Some(found) = pending.remove_entry(id) {
            return Some(found);
        }
        let RequestId::String(text) = id else { return None };
        pending.remove_entry(&RequestId::Number(text.parse().ok()?))
    }

    /// Takes the only request there is, if there is one only.
    pub(super) fn take_single(&self) -> Option<(RequestId, Option<Ticket>)> {
        let mut pending = self.lock();
        if pending.len() != 1 {
            return None;
        }
        let id = pending.keys().next().cloned()?;
        pending.remove_entry(&id)
    }

    /// Whether the server knows of the request, and has not answered it.
    pub(super) fn drop_sent(&self, id: &RequestId) -> bool {
        self.lock().remove(id).is_some_and(|ticket| ticket.is_none_or(|ticket| ticket.is_sent()))
    }

    /// The server read no more than this many bytes, and never will.
    pub(super) fn end_of_reading(&self, read: u64) {
        for ticket in self.lock().values().flatten() {
            ticket.come_back_if_behind(read);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<RequestId, Option<Ticket>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
