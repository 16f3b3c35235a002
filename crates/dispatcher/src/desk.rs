use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use core_domain::{Timestamp, WebhookId, WorkspaceId};
use tokio::sync::Notify;
use webhooks::{Job, Lease, Room};

use crate::Options;

/// Who counts the sends under way.
///
/// Whoever takes work holds [`taking`](Self::taking) from asking for room until the work is entered: two that took at
/// once would both fill the same room.
#[derive(Debug)]
pub(crate) struct Desk {
    options: Options,
    /// Held while work is taken from the queue.
    pub(crate) taking: tokio::sync::Mutex<()>,
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
    /// Endpoints and workspaces that may have had to leave something in the queue.
    waiting_endpoints: HashSet<WebhookId>,
    waiting_workspaces: HashSet<WorkspaceId>,
    /// There was no room at all.
    all_waiting: bool,
}

impl Desk {
    pub(crate) fn new(options: Options) -> Self {
        Self {
            options,
            taking: tokio::sync::Mutex::new(()),
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
            per_endpoint: self.options.max_sends_per_endpoint,
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
            book.total += 1;
            *book.endpoints.entry(job.endpoint.id).or_default() += 1;
            *book.workspaces.entry(job.endpoint.workspace_id).or_default() += 1;
        }
        book.note_waiting(self.options);
    }

    /// Strikes out a send that is over.
    pub(crate) fn leave(&self, endpoint: WebhookId, workspace: WorkspaceId) {
        let mut book = self.book();
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
    fn full_workspaces(&self, share: u32) -> impl Iterator<Item = WorkspaceId> {
        self.workspaces.iter().filter(move |(_, count)| **count >= share).map(|(workspace, _)| *workspace)
    }

    fn note_waiting(&mut self, options: Options) {
        self.all_waiting = self.total >= options.max_sends;
        self.waiting_workspaces = self.full_workspaces(options.max_sends_per_workspace).collect();
        let full = self.endpoints.iter().filter(|(_, count)| **count >= options.max_sends_per_endpoint);
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
