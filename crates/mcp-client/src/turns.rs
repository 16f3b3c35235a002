use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{Semaphore, SemaphorePermit};

/// The calls that one instance works on, and those that wait for their turn, first come, first served.
#[derive(Debug)]
pub(crate) struct Turns {
    at_once: Semaphore,
    waiting: AtomicUsize,
    most_waiting: usize,
    server: String,
}

/// As many wait as may.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Full;

impl Turns {
    pub(crate) fn new(server: String, at_once: usize, most_waiting: usize) -> Self {
        Self { at_once: Semaphore::new(at_once.max(1)), waiting: AtomicUsize::new(0), most_waiting, server }
    }

    /// A turn, which ends when it is dropped.
    ///
    /// # Errors
    /// [`Full`], at once.
    pub(crate) async fn take(&self) -> Result<SemaphorePermit<'_>, Full> {
        if let Ok(turn) = self.at_once.try_acquire() {
            return Ok(turn);
        }
        let _place = Place::take(self).ok_or(Full)?;
        self.at_once.acquire().await.map_err(|_| Full)
    }

    fn tell(&self, waiting: usize) {
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        metrics::gauge!("mcp_calls_waiting", "server" => self.server.clone()).set(waiting as f64);
    }
}

struct Place<'a>(&'a Turns);

impl<'a> Place<'a> {
    fn take(turns: &'a Turns) -> Option<Self> {
        let before = turns.waiting.fetch_add(1, Ordering::SeqCst);
        let place = Self(turns);
        turns.tell(before + 1);
        (before < turns.most_waiting).then_some(place)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let before = self.0.waiting.fetch_sub(1, Ordering::SeqCst);
        self.0.tell(before - 1);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[test]
    fn the_queue_is_bounded_and_places_come_back() {
        let turns = Turns::new("s".to_owned(), 1, 1);
        let first = turns.take().now_or_never().unwrap().unwrap();
        let mut second = Box::pin(turns.take());
        assert!(second.as_mut().now_or_never().is_none(), "it waits");
        assert_eq!(turns.take().now_or_never().unwrap().map(drop), Err(Full));
        drop(first);
        assert!(second.now_or_never().unwrap().is_ok());
        let holds = turns.take().now_or_never().unwrap().unwrap();
        let gives_up = Box::pin(turns.take());
        drop(gives_up);
        let mut waits = Box::pin(turns.take());
        assert!(waits.as_mut().now_or_never().is_none(), "the place of who gave up is free");
        drop(holds);
    }
}
