use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared};
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, ConnectionAddr, RedisResult};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use tokio::runtime::Handle;
use tokio::time::timeout;

use crate::script::Take;
use crate::{ConnectError, Unreachable};

/// The connection to one server that knows the script, made anew whenever it fails.
///
/// It is opened and driven by the runtime of whoever made the link, and an attempt goes on when the call that started
/// it has run out of time: else a server that is far away could never be reached within the budget of a call.
pub(crate) struct Link {
    client: Client,
    pub(crate) script: Take,
    runtime: Handle,
    current: Mutex<Opening>,
}

type Opening = Shared<BoxFuture<'static, Result<MultiplexedConnection, Unreachable>>>;

const OPEN_TIMEOUT: Duration = Duration::from_secs(2);

impl Link {
    pub(crate) fn open(url: &str, runtime: Handle) -> Result<Self, ConnectError> {
        let client = Client::open(url).map_err(ConnectError::Url)?;
        if matches!(client.get_connection_info().addr(), ConnectionAddr::TcpTls { .. })
            && CryptoProvider::get_default().is_none()
        {
            // The client takes the process's provider, and panics where two are compiled in and none is chosen. Losing
            // a race to choose it is as good.
            let _ = aws_lc_rs::default_provider().install_default();
        }
        let script = Take::new();
        let current = Mutex::new(opening(&client, &script, &runtime));
        Ok(Self { client, script, runtime, current })
    }

    /// Runs `call` on the connection, for no longer than `budget`. A connection on which it fails is used no more.
    pub(crate) async fn call<T>(
        &self,
        budget: Duration,
        call: impl AsyncFnOnce(MultiplexedConnection) -> RedisResult<T>,
    ) -> Result<T, Unreachable> {
        let opening = self.opening();
        let answer = async { Ok(call(opening.clone().await?).await?) };
        let outcome = timeout(budget, answer).await.unwrap_or(Err(Unreachable::Late(budget)));
        if outcome.is_err() {
            self.discard(&opening);
        }
        outcome
    }

    fn opening(&self) -> Opening {
        let mut current = self.current();
        if matches!(current.clone().now_or_never(), Some(Err(_))) {
            *current = opening(&self.client, &self.script, &self.runtime);
        }
        current.clone()
    }

    /// Replaces the connection, unless another call has, or it is not open yet.
    fn discard(&self, failed: &Opening) {
        let mut current = self.current();
        if current.ptr_eq(failed) && matches!(failed.peek(), Some(Ok(_))) {
            *current = opening(&self.client, &self.script, &self.runtime);
        }
    }

    fn current(&self) -> MutexGuard<'_, Opening> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn opening(client: &Client, script: &Take, runtime: &Handle) -> Opening {
    let (client, script) = (client.clone(), script.clone());
    // This attempt and each call have limits of their own.
    let config = AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None);
    let opening = async move {
        let mut connection = client.get_multiplexed_async_connection_with_config(&config).await?;
        script.load(&mut connection).await?;
        Ok(connection)
    };
    let task = runtime.spawn(timeout(OPEN_TIMEOUT, opening));
    let outcome =
        async { task.await.map_err(|_| Unreachable::RuntimeEnded)?.unwrap_or(Err(Unreachable::Late(OPEN_TIMEOUT))) };
    outcome.boxed().shared()
}
