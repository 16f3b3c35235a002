use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use core_domain::{Timestamp, WebhookId, WorkspaceId};
use tokio::sync::Notify;
use webhooks::{Job, Lease, Room, Turns};

use crate::Options;

/// Who counts the sends under way.
///
/// Whoever takes work holds [`taking`](Self::taking) from asking for room until the work is entered: two that took at
/// once would both fill the same room.
#[derive(Debug)]
pub(crate) struct Desk {
    options: Options,
    /// Held while work is taken from the queue.
    pub(crate) taking: tokio::sync::Mutex<Turns>,
    book: Mutex<Book>,
    /// Told when there is room again for what had to be left in the queue.
    pub(crate) room_again: Notify,
    /// Told when nothing is under way any more.
    pub(crate) idle: Notify,
}

#[derive(Debug, Default)]
struct Book {
    total: u32,
    endpoints: HashMap<WebhookId, u32>,
    workspaces: HashMap<WorkspaceId, u32>,
    /// What was learnt of endpoints: how many sends each may have.
    allowances: HashMap<WebhookId, u32>,
    /// Endpoints and workspaces that may have had to leave something in the queue.
    waiting_endpoints: HashSet<WebhookId>,
    waiting_workspaces: HashSet<WorkspaceId>,
    /// There was no room at all.
    all_waiting: bool,
}

/// How many sends an endpoint may have that nothing is known of.
const UNKNOWN: u32 = 8;
/// Of how many endpoints something is remembered, beside those under way.
const REMEMBERED: usize = 10_000;

impl Desk {
    pub(crate) fn new(options: Options) -> Self {
        Self {
            options,
            taking: tokio::sync::Mutex::default(),
            book: Mutex::default(),
            room_again: Notify::new(),
            idle: Notify::new(),
        }
    }

    /// A lease from `now` on.
    pub(crate) fn lease(&self, token: i64, now: Timestamp) -> Lease {
        Lease { token, until: now.saturating_add(self.options.lease) }
    }

    /// What more may be sent. Whoever has none of it is remembered, and [`room_again`](Self::room_again) told later.
    pub(crate) fn room(&self) -> Room {
        let mut book = self.book();
        let room = Room {
            total: self.options.max_sends.saturating_sub(book.total),
            per_endpoint: UNKNOWN.min(self.options.max_sends_per_endpoint),
            allowances: book.allowances.clone(),
            under_way: book.endpoints.clone(),
            full: book.full_workspaces(self.options.max_sends_per_workspace).collect(),
        };
        book.note_waiting(self.options);
        room
    }

    /// Enters work that was taken, and notes who is full because of it.
    pub(crate) fn enter(&self, jobs: &[Job]) {
        let mut book = self.book();
        for job in jobs {
            book.add(job.endpoint.id, job.endpoint.workspace_id);
        }
        book.note_waiting(self.options);
    }

    /// Strikes out a send that is over, and learns from it: who answers may have more, who does not has less.
    pub(crate) fn leave(&self, endpoint: WebhookId, workspace: WorkspaceId, has_answered: bool) {
        let mut book = self.book();
        book.learn(endpoint, has_answered, self.options.max_sends_per_endpoint);
        book.total = book.total.saturating_sub(1);
        decrease(&mut book.endpoints, &endpoint);
        decrease(&mut book.workspaces, &workspace);
        let awaited = std::mem::take(&mut book.all_waiting)
            | book.waiting_endpoints.remove(&endpoint)
            | book.waiting_workspaces.remove(&workspace);
        let is_idle = book.total == 0;
        drop(book);
        if awaited {
            self.room_again.notify_one();
        }
        if is_idle {
            self.idle.notify_waiters();
        }
    }

    /// Whether nothing is under way.
    pub(crate) fn is_idle(&self) -> bool {
        self.book().total == 0
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Book {
    fn add(&mut self, endpoint: WebhookId, workspace: WorkspaceId) {
        self.total += 1;
        *self.endpoints.entry(endpoint).or_default() += 1;
        *self.workspaces.entry(workspace).or_default() += 1;
    }

    fn full_workspaces(&self, share: u32) -> impl Iterator<Item = WorkspaceId> {
        self.workspaces.iter().filter(move |(_, count)| **count >= share).map(|(workspace, _)| *workspace)
    }

    /// One more for each answer, half for each silence.
    fn learn(&mut self, endpoint: WebhookId, has_answered: bool, most: u32) {
        if self.allowances.len() >= REMEMBERED {
            let under_way = &self.endpoints;
            self.allowances.retain(|endpoint, _| under_way.contains_key(endpoint));
        }
        let allowance = self.allowances.entry(endpoint).or_insert(UNKNOWN.min(most));
        *allowance = if has_answered { (*allowance + 1).min(most) } else { (*allowance / 2).max(1) };
    }

    fn note_waiting(&mut self, options: Options) {
        self.all_waiting = self.total >= options.max_sends;
        self.waiting_workspaces = self.full_workspaces(options.max_sends_per_workspace).collect();
        let unknown = UNKNOWN.min(options.max_sends_per_endpoint);
        let allowed = |endpoint: &WebhookId| self.allowances.get(endpoint).copied().unwrap_or(unknown);
        let full = self.endpoints.iter().filter(|(endpoint, count)| **count >= allowed(endpoint));
        self.waiting_endpoints = full.map(|(endpoint, _)| *endpoint).collect();
    }
}

fn decrease<K: std::hash::Hash + Eq>(counts: &mut HashMap<K, u32>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count = count.saturating_sub(1);
        if *count == 0 {
            counts.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    const OPTIONS: Options = Options {
        max_sends: 3,
        max_sends_per_endpoint: 2,
        max_sends_per_workspace: 3,
        lease: std::time::Duration::from_secs(1),
    };

    fn endpoint(number: i64) -> (WebhookId, WorkspaceId) {
        (number.try_into().unwrap(), 1.try_into().unwrap())
    }

    impl Desk {
        fn enter_one(&self, (endpoint, workspace): (WebhookId, WorkspaceId)) {
            let mut book = self.book();
            book.add(endpoint, workspace);
            book.note_waiting(self.options);
        }
    }

    #[test]
    fn room_is_what_is_left() {
        let desk = Desk::new(OPTIONS);
        desk.enter_one(endpoint(1));
        desk.enter_one(endpoint(1));
        let room = desk.room();
        assert_eq!(
            (room.total, room.at(endpoint(1).1, endpoint(1).0), room.at(endpoint(2).1, endpoint(2).0)),
            (1, 0, 2)
        );
        desk.enter_one(endpoint(2));
        let room = desk.room();
        assert_eq!((room.total, room.full.len()), (0, 1), "the workspace has its share");
        for (endpoint, workspace) in [endpoint(1), endpoint(1), endpoint(2)] {
            desk.leave(endpoint, workspace, true);
        }
        assert!(desk.is_idle());
    }

    #[test]
    fn whoever_was_full_is_told_of_and_nobody_else() {
        let desk = Desk::new(OPTIONS);
        desk.enter_one(endpoint(1));
        desk.leave(endpoint(1).0, endpoint(1).1, true);
        assert!(desk.room_again.notified().now_or_never().is_none(), "there was room all along");
        desk.enter_one(endpoint(1));
        desk.enter_one(endpoint(1));
        desk.leave(endpoint(1).0, endpoint(1).1, true);
        assert!(desk.room_again.notified().now_or_never().is_some());
    }

    #[test]
    fn who_answers_may_have_more_and_who_does_not_has_less() {
        let desk = Desk::new(Options { max_sends: 1_000, max_sends_per_endpoint: 64, ..OPTIONS });
        let ((good, home), (bad, _)) = (endpoint(1), endpoint(2));
        assert_eq!(desk.room().at(home, good), UNKNOWN);
        for _ in 0..100 {
            for (endpoint, has_answered) in [(good, true), (bad, false)] {
                desk.enter_one((endpoint, home));
                desk.leave(endpoint, home, has_answered);
            }
        }
        assert_eq!((desk.room().at(home, good), desk.room().at(home, bad)), (64, 1));
        desk.enter_one((bad, home));
        desk.leave(bad, home, true);
        assert_eq!(desk.room().at(home, bad), 2, "it is forgiven step by step");
    }
}
