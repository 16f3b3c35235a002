use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::pin::pin;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use core_domain::BoxError;
use diesel_async::{AsyncPgConnection, SimpleAsyncConnection as _};
use futures_util::StreamExt as _;
use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio::time;

use super::CHANNEL;
use crate::connector::Connector;

/// Tells of deliveries that nobody holds, stored by this process or another.
pub(crate) struct Signal {
    waiting: Arc<Notify>,
    /// By this a process knows its own words on the channel.
    process: String,
    listener: OnceLock<Listener>,
}

struct Listener(AbortHandle);

impl Drop for Listener {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Signal {
    pub(crate) fn new() -> Self {
        let random = RandomState::new().build_hasher().finish();
        Self { waiting: Arc::default(), process: format!("{random:016x}"), listener: OnceLock::new() }
    }

    /// What this process says on the channel.
    pub(crate) fn process(&self) -> &str {
        &self.process
    }

    pub(crate) fn raise(&self) {
        self.waiting.notify_one();
    }

    pub(crate) async fn raised(&self, connector: &Arc<Connector>) {
        self.listener.get_or_init(|| {
            let listening = listen(Arc::clone(connector), Arc::clone(&self.waiting), self.process.clone());
            Listener(connector.spawn(listening))
        });
        self.waiting.notified().await;
    }
}

/// Listens for as long as the store lives; a connection that is lost is replaced.
async fn listen(connector: Arc<Connector>, waiting: Arc<Notify>, process: String) {
    const PAUSE: Duration = Duration::from_secs(1);
    loop {
        if let Ok(mut connection) = Arc::clone(&connector).connect().await {
            // It ends by a failure, after which the next connection is as good a remedy as any.
            let _ = follow(&mut connection, &waiting, &process).await;
        }
        time::sleep(PAUSE).await;
    }
}

async fn follow(connection: &mut AsyncPgConnection, waiting: &Notify, process: &str) -> Result<(), BoxError> {
    const SILENCE: Duration = Duration::from_secs(30);
    connection.batch_execute(&format!("LISTEN {CHANNEL}")).await?;
    // What was said before this is lost.
    waiting.notify_one();
    loop {
        let heard = time::timeout(SILENCE, pin!(connection.notifications_stream()).next()).await;
        match heard {
            Ok(Some(notification)) => {
                if notification?.payload != process {
                    waiting.notify_one();
                }
            }
            Ok(None) => return Ok(()),
            Err(_) => connection.batch_execute("SELECT 1").await?,
        }
    }
}
