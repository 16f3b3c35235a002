use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

/// What became of one request on its way, shared by its caller and the transport.
///
/// It travels in the request's extensions, which are never written. It decides two things that an error from the SDK
/// does not tell: whether a byte of the request may have reached the server, and why an answer was thrown away.
#[derive(Debug, Clone)]
pub(crate) struct Ticket(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    stage: AtomicU8,
    /// How many bytes were written to the server before it.
    place: AtomicU64,
    spoilt: AtomicU8,
    max_answer_bytes: usize,
}

const WAITING: u8 = 0;
const SENT: u8 = 1;
const ABANDONED: u8 = 2;

/// Why an answer that came can't be given to the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spoilt {
    TooLarge,
    Unreadable,
}

impl Ticket {
    pub(crate) fn new(max_answer_bytes: usize) -> Self {
        let (stage, place, spoilt) = (AtomicU8::new(WAITING), AtomicU64::new(0), AtomicU8::new(0));
        Self(Arc::new(Inner { stage, place, spoilt, max_answer_bytes }))
    }

    /// The most that the answer may hold, as it is sent.
    pub(crate) fn max_answer_bytes(&self) -> usize {
        self.0.max_answer_bytes
    }

    /// The transport is about to write the request, after `place` other bytes; false when its caller gave up before, and
    /// it must not be sent.
    pub(crate) fn depart(&self, place: u64) -> bool {
        self.0.place.store(place, Ordering::SeqCst);
        self.move_on(WAITING, SENT)
    }

    /// Nothing of the request was written after all.
    pub(crate) fn come_back(&self) {
        self.move_on(SENT, WAITING);
    }

    /// The server read no more than this many bytes, and never will: a request behind them did not reach it.
    pub(crate) fn come_back_if_behind(&self, read: u64) {
        if self.0.place.load(Ordering::SeqCst) >= read {
            self.come_back();
        }
    }

    /// The caller gave up; true when nothing was sent, and nothing will be.
    pub(crate) fn abandon(&self) -> bool {
        self.move_on(WAITING, ABANDONED) || self.0.stage.load(Ordering::SeqCst) == ABANDONED
    }

    pub(crate) fn is_sent(&self) -> bool {
        self.0.stage.load(Ordering::SeqCst) == SENT
    }

    pub(crate) fn spoil(&self, how: Spoilt) {
        let code = match how {
            Spoilt::TooLarge => 1,
            Spoilt::Unreadable => 2,
        };
        self.0.spoilt.store(code, Ordering::SeqCst);
    }

    pub(crate) fn spoilt(&self) -> Option<Spoilt> {
        match self.0.spoilt.load(Ordering::SeqCst) {
            1 => Some(Spoilt::TooLarge),
            2 => Some(Spoilt::Unreadable),
            _ => None,
        }
    }

    fn move_on(&self, from: u8, to: u8) -> bool {
        self.0.stage.compare_exchange(from, to, Ordering::SeqCst, Ordering::SeqCst).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_abandoned_in_time_is_never_sent() {
        let ticket = Ticket::new(1);
        assert!(ticket.abandon());
        assert!(!ticket.depart(5));
        assert!(ticket.abandon(), "it stays so");
    }

    #[test]
    fn what_was_sent_stays_sent_unless_nothing_was_written() {
        let ticket = Ticket::new(1);
        assert!(ticket.depart(5));
        assert!(!ticket.abandon());
        assert!(ticket.is_sent());
        ticket.come_back_if_behind(6);
        assert!(ticket.is_sent(), "its first byte was read");
        ticket.come_back_if_behind(5);
        assert!(!ticket.is_sent());
        assert!(ticket.abandon());
    }
}
