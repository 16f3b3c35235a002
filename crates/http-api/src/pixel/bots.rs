use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use pixel::UserAgent;

/// Which user agents are bots: finding out costs more than all else that is done with an event.
#[derive(Default)]
pub(super) struct Bots(Mutex<Verdicts>);

/// Two generations: what is asked for again moves to the younger, and the older goes when that is full.
#[derive(Default)]
struct Verdicts {
    young: HashMap<String, bool>,
    old: HashMap<String, bool>,
}

impl Bots {
    /// How many user agents a generation holds: at most 1 MiB of text.
    const MAX: usize = 2_048;

    pub(super) fn knows(&self, agent: &UserAgent) -> bool {
        if let Some(known) = self.verdicts(|verdicts| verdicts.find(agent.as_str())) {
            return known;
        }
        let is_bot = agent.is_bot();
        self.verdicts(|verdicts| verdicts.keep(agent.as_str().to_owned(), is_bot));
        is_bot
    }

    fn verdicts<T>(&self, of: impl FnOnce(&mut Verdicts) -> T) -> T {
        of(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Verdicts {
    fn find(&mut self, agent: &str) -> Option<bool> {
        if let Some(known) = self.young.get(agent) {
            return Some(*known);
        }
        let (agent, known) = self.old.remove_entry(agent)?;
        self.keep(agent, known);
        Some(known)
    }

    fn keep(&mut self, agent: String, is_bot: bool) {
        if self.young.len() >= Bots::MAX {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(agent, is_bot);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_user_agents_is_not_kept_and_changes_no_verdict() {
        const BROWSER: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:141.0) Gecko/20100101 Firefox/141.0";
        let bots = Bots::default();
        for number in 0..5 * Bots::MAX {
            let agent = format!("Googlebot/2.1 (+http://www.google.com/bot.html) {number}");
            assert!(bots.verdicts(|verdicts| verdicts.find(&agent)).is_none());
            bots.verdicts(|verdicts| verdicts.keep(agent, true));
            assert!(!bots.knows(&UserAgent::from(BROWSER)));
        }
        assert!(bots.knows(&UserAgent::from("curl/8.5.0")) && bots.knows(&UserAgent::from("curl/8.5.0")));
        let kept = bots.verdicts(|verdicts| verdicts.young.len() + verdicts.old.len());
        assert!(kept <= 2 * Bots::MAX, "{kept} are kept");
    }
}
