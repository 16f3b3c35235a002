use core_domain::{WebhookId, WorkspaceId};

use crate::Room;

/// What is due at one endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// The endpoint.
    pub webhook_id: WebhookId,
    /// Whose it is.
    pub workspace_id: WorkspaceId,
    /// How many of its deliveries are due, and allowed by its rate limit.
    pub deliveries: u32,
    /// Whether it has a rate limit, which whoever takes them asks again.
    pub is_paced: bool,
}

/// How many deliveries of one endpoint are to be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// The endpoint.
    pub webhook_id: WebhookId,
    /// How many; at least 1.
    pub deliveries: u32,
    /// Whether it has a rate limit.
    pub is_paced: bool,
}

/// Whose turn it is: where one sharing ended, the next begins.
#[derive(Debug, Default)]
pub struct Turns {
    last: Option<WebhookId>,
}

impl Turns {
    /// Shares the room among what is `due`, which is in the order of the endpoints: one send to each in turn, until there
    /// is no room or nothing due any more. Those that get nothing are left out.
    pub fn share(&mut self, room: &Room, mut due: Vec<Due>) -> Vec<Share> {
        due.retain(|due| room.at(due.workspace_id, due.webhook_id) > 0);
        let next = due.partition_point(|due| Some(due.webhook_id) <= self.last);
        due.rotate_left(next);
        let turns = usize::try_from(room.total).unwrap_or(usize::MAX);
        self.last = due.iter().take(turns).next_back().map(|due| due.webhook_id);
        room.clone().share(&due)
    }
}

impl Room {
    /// Takes room for one send, if there is any.
    pub fn take(&mut self, workspace: WorkspaceId, endpoint: WebhookId) -> bool {
        let is_free = self.total > 0 && self.at(workspace, endpoint) > 0;
        if is_free {
            self.total -= 1;
            *self.under_way.entry(endpoint).or_default() += 1;
        }
        is_free
    }

    /// The most that any endpoint may be given of it.
    pub fn most(&self) -> u32 {
        let allowed = self.allowances.values().copied().max().unwrap_or(0).max(self.per_endpoint);
        allowed.min(self.total)
    }

    fn share(mut self, due: &[Due]) -> Vec<Share> {
        let mut shares: Vec<_> = due.iter().map(|due| (due, 0_u32)).collect();
        loop {
            let mut is_done = true;
            for (due, share) in &mut shares {
                if *share < due.deliveries && self.take(due.workspace_id, due.webhook_id) {
                    *share += 1;
                    is_done = false;
                }
            }
            if is_done {
                break;
            }
        }
        let share =
            |(due, deliveries): (&Due, u32)| Share { webhook_id: due.webhook_id, deliveries, is_paced: due.is_paced };
        shares.into_iter().filter(|(_, share)| *share > 0).map(share).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn due(webhook: i64, workspace: i64, deliveries: u32) -> Due {
        let (webhook_id, workspace_id) = (webhook.try_into().unwrap(), workspace.try_into().unwrap());
        Due { webhook_id, workspace_id, deliveries, is_paced: false }
    }

    fn shares(turns: &mut Turns, room: &Room, due: &[Due]) -> Vec<(i64, u32)> {
        turns.share(room, due.to_vec()).into_iter().map(|share| (share.webhook_id.get(), share.deliveries)).collect()
    }

    #[test]
    fn every_endpoint_gets_a_turn_before_any_gets_its_next() {
        let due = [due(3, 1, 9), due(7, 1, 100), due(8, 1, 1)];
        let room = Room { total: 5, per_endpoint: 10, ..Room::default() };
        assert_eq!(shares(&mut Turns::default(), &room, &due), [(3, 2), (7, 2), (8, 1)]);
        let room = Room { total: 2, ..room };
        let mut turns = Turns::default();
        assert_eq!(shares(&mut turns, &room, &due), [(3, 1), (7, 1)]);
        assert_eq!(shares(&mut turns, &room, &due), [(8, 1), (3, 1)], "the next begin where these ended");
        assert_eq!(shares(&mut turns, &room, &[]), []);
    }

    #[test]
    fn no_endpoint_and_no_workspace_gets_more_than_its_part() {
        let mut room = Room { total: 100, per_endpoint: 3, ..Room::default() };
        room.under_way.insert(7.try_into().unwrap(), 2);
        room.full.insert(2.try_into().unwrap());
        room.allowances.insert(10.try_into().unwrap(), 40);
        let due = [due(7, 1, 100), due(8, 1, 100), due(9, 2, 100), due(10, 1, 100)];
        assert_eq!(shares(&mut Turns::default(), &room, &due), [(7, 1), (8, 3), (10, 40)]);
        assert_eq!(room.most(), 40);
    }
}
