use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use core_domain::{Monotonic, Timestamp, WorkspaceId};
use entitlements::{FeatureKey, LineOfStanding, Realm};

/// How old a standing may be (contract: Entitlements).
const FRESH: Duration = Duration::from_secs(1);
const SHARDS: usize = 32;
/// How many workspaces a shard remembers before it forgets them all.
const MAX_WORKSPACES: usize = 2_048;

/// How workspaces stood a moment ago, for checks: at most a second old, and never behind a write that this process has
/// acknowledged.
///
/// Every write marks its shard. What was read meanwhile may be from before it, and is not kept.
pub(super) struct Standings {
    shards: Vec<Mutex<Shard>>,
}

#[derive(Default)]
struct Shard {
    writes: u64,
    workspaces: HashMap<WorkspaceId, HashMap<(Realm, FeatureKey), Seen>>,
}

#[derive(Clone, Copy)]
struct Seen {
    line: LineOfStanding,
    period_start: Timestamp,
    read_at: Monotonic,
}

/// How many writes there were when a read began.
#[derive(Clone, Copy)]
pub(super) struct Ticket {
    writes: u64,
    read_at: Monotonic,
}

impl Standings {
    pub(super) fn new() -> Self {
        Self { shards: (0..SHARDS).map(|_| Mutex::default()).collect() }
    }

    fn shard(&self, workspace: WorkspaceId) -> MutexGuard<'_, Shard> {
        let number = usize::try_from(workspace.get().unsigned_abs()).unwrap_or(0) % SHARDS;
        self.shards[number].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is known and fresh; or else a ticket, to be had before it is read.
    pub(super) fn find(
        &self,
        place: Realm,
        feature: &FeatureKey,
        period_start: Timestamp,
        now: Monotonic,
    ) -> Result<LineOfStanding, Ticket> {
        let shard = self.shard(place.workspace_id);
        let seen = shard.workspaces.get(&place.workspace_id).and_then(|own| own.get(&(place, feature.clone())));
        match seen {
            Some(seen) if seen.period_start == period_start && now.saturating_sub(seen.read_at) < FRESH => {
                Ok(seen.line)
            }
            _ => Err(Ticket { writes: shard.writes, read_at: now }),
        }
    }

    /// Keeps what was read, unless there was a write meanwhile.
    pub(super) fn keep(
        &self,
        ticket: Ticket,
        place: Realm,
        feature: &FeatureKey,
        period_start: Timestamp,
        line: LineOfStanding,
    ) {
        let mut shard = self.shard(place.workspace_id);
        if shard.writes == ticket.writes {
            if shard.workspaces.len() >= MAX_WORKSPACES {
                shard.workspaces.clear();
            }
            let seen = Seen { line, period_start, read_at: ticket.read_at };
            shard.workspaces.entry(place.workspace_id).or_default().insert((place, feature.clone()), seen);
        }
    }

    /// Notes a write of one counter, before it is acknowledged.
    pub(super) fn forget(&self, place: Realm, feature: &FeatureKey) {
        let mut shard = self.shard(place.workspace_id);
        shard.writes += 1;
        if let Some(own) = shard.workspaces.get_mut(&place.workspace_id) {
            own.remove(&(place, feature.clone()));
        }
    }

    /// Notes a change of what bounds a workspace, before it is acknowledged.
    pub(super) fn forget_workspace(&self, workspace: WorkspaceId) {
        let mut shard = self.shard(workspace);
        shard.writes += 1;
        shard.workspaces.remove(&workspace);
    }
}

#[cfg(test)]
mod tests {
    use core_domain::{Environment, Tier};
    use entitlements::{Counter, Terms};

    use super::*;

    const START: Timestamp = Timestamp::MIN;

    fn place() -> Realm {
        Realm { workspace_id: WorkspaceId::try_from(1).unwrap(), environment: Environment::Live }
    }

    fn posts() -> FeatureKey {
        FeatureKey::try_from("posts").unwrap()
    }

    fn line(used: u64) -> LineOfStanding {
        LineOfStanding { counter: Counter { used, ..Counter::default() }, terms: Terms::of(Tier::Free) }
    }

    fn at(millis: u64) -> Monotonic {
        Duration::from_millis(millis)
    }

    fn known(standings: &Standings, now: Monotonic) -> Option<u64> {
        standings.find(place(), &posts(), START, now).ok().map(|line| line.counter.used)
    }

    /// What is known of no period is not known.
    fn ticket(standings: &Standings, now: Monotonic) -> Ticket {
        standings.find(place(), &posts(), Timestamp::MAX, now).err().unwrap()
    }

    fn read(standings: &Standings, used: u64, now: Monotonic) {
        let ticket = ticket(standings, now);
        standings.keep(ticket, place(), &posts(), START, line(used));
    }

    #[test]
    fn what_was_read_is_known_for_less_than_a_second_from_when_its_reading_began() {
        let standings = Standings::new();
        read(&standings, 7, at(5_000));
        assert_eq!(known(&standings, at(5_999)), Some(7));
        assert_eq!(known(&standings, at(6_000)), None);
    }

    #[test]
    fn a_write_is_never_behind_what_is_known() {
        let standings = Standings::new();
        read(&standings, 7, at(0));
        let before = ticket(&standings, at(1));
        standings.forget(place(), &posts());
        assert_eq!(known(&standings, at(1)), None);
        standings.keep(before, place(), &posts(), START, line(7));
        assert_eq!(known(&standings, at(1)), None, "it was read before the write was over");
        read(&standings, 8, at(1));
        assert_eq!(known(&standings, at(1)), Some(8));
        standings.forget_workspace(place().workspace_id);
        assert_eq!(known(&standings, at(1)), None);
    }

    #[test]
    fn periods_and_environments_are_apart() {
        let standings = Standings::new();
        read(&standings, 7, at(0));
        let next = Timestamp::from_unix_micros(0).unwrap();
        assert!(standings.find(place(), &posts(), next, at(1)).is_err());
        let test = Realm { environment: Environment::Test, ..place() };
        assert!(standings.find(test, &posts(), START, at(1)).is_err());
    }
}
