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

    /// Shares the room among endpoints, one send to each in turn, in the order given, until there is no room or nothing
    /// due any more. Those that get nothing are left out.
    pub fn share(&self, due: &[Due]) -> Vec<(WebhookId, u32)> {
        let mut room = self.clone();
        let mut shares: Vec<_> = due.iter().map(|due| (due, 0_u32)).collect();
        loop {
            let mut is_done = true;
            for (due, share) in &mut shares {
                if *share < due.deliveries && room.take(due.workspace_id, due.webhook_id) {
                    *share += 1;
                    is_done = false;
                }
            }
            if is_done {
                break;
            }
        }
        shares.into_iter().filter(|(_, share)| *share > 0).map(|(due, share)| (due.webhook_id, share)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn due(webhook: i64, workspace: i64, deliveries: u32) -> Due {
        Due { webhook_id: webhook.try_into().unwrap(), workspace_id: workspace.try_into().unwrap(), deliveries }
    }

    fn shares(room: &Room, due: &[Due]) -> Vec<(i64, u32)> {
        room.share(due).into_iter().map(|(webhook, share)| (webhook.get(), share)).collect()
    }

    #[test]
    fn every_endpoint_gets_a_turn_before_any_gets_its_next() {
        let room = Room { total: 5, per_endpoint: 10, ..Room::default() };
        assert_eq!(shares(&room, &[due(7, 1, 100), due(8, 1, 1), due(3, 1, 9)]), [(7, 2), (8, 1), (3, 2)]);
        let room = Room { total: 2, ..room };
        assert_eq!(shares(&room, &[due(7, 1, 100), due(8, 1, 1), due(3, 1, 9)]), [(7, 1), (8, 1)]);
    }

    #[test]
    fn no_endpoint_and_no_workspace_gets_more_than_its_part() {
        let mut room = Room { total: 100, per_endpoint: 3, ..Room::default() };
        room.under_way.insert(7.try_into().unwrap(), 2);
        room.full.insert(2.try_into().unwrap());
        assert_eq!(shares(&room, &[due(7, 1, 100), due(8, 1, 100), due(9, 2, 100)]), [(7, 1), (8, 3)]);
    }
}
