use std::fmt;
use std::sync::Arc;

use core_domain::{Clock, Entropy};

use crate::policy;
use crate::{AttemptOutcome, DeliveryKind, Job, RetrySchedule, SecretSealer, Settlement, WebhookSender, signing};

/// Makes one attempt: signs, sends, and says what it came to.
pub struct Courier {
    sender: Arc<dyn WebhookSender>,
    sealer: Arc<SecretSealer>,
    schedule: RetrySchedule,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

impl fmt::Debug for Courier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Courier").field("schedule", &self.schedule).finish_non_exhaustive()
    }
}

impl Courier {
    /// A courier that sends with `sender` what `sealer`'s secrets sign.
    pub fn new(
        sender: Arc<dyn WebhookSender>,
        sealer: Arc<SecretSealer>,
        schedule: RetrySchedule,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        Self { sender, sealer, schedule, clock, entropy }
    }

    /// Makes the attempt. Every fault is an outcome.
    pub async fn deliver(&self, job: &Job) -> Settlement {
        let started_at = self.clock.now();
        let outcome = match job.kind {
            // A test is sent by the request that asked for it, which holds its lease from the beginning.
            DeliveryKind::Test => not_sent("the test was interrupted; whether it was received is unknown"),
            DeliveryKind::Event => self.send(job).await,
        };
        policy::settlement(job, started_at, outcome, &self.schedule, &*self.entropy, self.clock.now())
    }

    /// Makes the one attempt of a test.
    pub async fn test(&self, job: &Job) -> Settlement {
        let started_at = self.clock.now();
        let outcome = self.send(job).await;
        policy::settlement(job, started_at, outcome, &self.schedule, &*self.entropy, self.clock.now())
    }

    async fn send(&self, job: &Job) -> AttemptOutcome {
        match signing::sign(job, &self.sealer, self.clock.now()) {
            Ok(request) => self.sender.send(&request).await,
            Err(_) => not_sent("the signing secret can't be opened; rotate it"),
        }
    }
}

fn not_sent(reason: &str) -> AttemptOutcome {
    AttemptOutcome { error: Some(reason.to_owned()), ..AttemptOutcome::default() }
}
