use std::sync::Arc;
use std::time::Duration;

use core_domain::{BoxError, StorageError};
use diesel::{ConnectionError, ConnectionResult};
use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};
use rustls::crypto::aws_lc_rs;
use rustls::{ClientConfig, RootCertStore};
use tokio::runtime::Handle;
use tokio::task::AbortHandle;
use tokio_postgres::config::SslMode;
use tokio_postgres::tls::{MakeTlsConnect, TlsConnect, TlsStream};
use tokio_postgres::{CancelToken, Config, NoTls, Socket};
use tokio_postgres_rustls::MakeRustlsConnect;

/// Why there is no store.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The URL is none that PostgreSQL's clients understand.
    #[error("the database URL can't be read")]
    Url(#[source] tokio_postgres::Error),
    /// The URL asks for TLS, which could not be set up.
    #[error("TLS could not be set up")]
    Tls(#[source] BoxError),
    /// The pool could not be made.
    #[error("the connection pool could not be made")]
    Pool(#[source] BoxError),
    /// The database could not be reached.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// Opens connections to one database.
pub(crate) struct Connector {
    config: Config,
    tls: Option<MakeRustlsConnect>,
    runtime: Handle,
}

impl Connector {
    pub(crate) const TIMEOUT: Duration = Duration::from_secs(5);
    /// What every session is set to, whatever the server's own defaults are.
    ///
    /// A plan is made once and kept, often while a table is still small: each statement has an index to go by, and goes
    /// by it from the first row on.
    const SESSION: &str = "SET statement_timeout = '10s'; SET lock_timeout = '5s'; \
        SET idle_in_transaction_session_timeout = '30s'; SET timezone = 'UTC'; \
        SET default_transaction_isolation = 'read committed'; \
        SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off; SET jit = off";

    pub(crate) fn new(url: &str, runtime: Handle) -> Result<Self, ConnectError> {
        // Certificates and names are always verified, so both words mean the same here.
        let url = url.replace("sslmode=verify-full", "sslmode=require");
        let mut config: Config = url.parse().map_err(ConnectError::Url)?;
        if config.get_application_name().is_none() {
            config.application_name("core-api");
        }
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(Self::TIMEOUT);
        }
        if config.get_tcp_user_timeout().is_none() {
            // Longer than any statement may take: only a peer that is gone stays silent for so long.
            config.tcp_user_timeout(Duration::from_secs(15));
        }
        let tls = match config.get_ssl_mode() {
            SslMode::Disable | SslMode::Prefer => None,
            _ => Some(tls().map_err(ConnectError::Tls)?),
        };
        Ok(Self { config, tls, runtime })
    }

    /// Opens a connection, driven by the store's own runtime: the caller's may be one of many that end earlier.
    pub(crate) async fn connect(self: Arc<Self>) -> ConnectionResult<AsyncPgConnection> {
        let runtime = self.runtime.clone();
        let connecting = runtime.spawn(self.connect_here());
        connecting.await.unwrap_or_else(|fault| Err(ConnectionError::BadConnection(fault.to_string())))
    }

    /// Opens a connection that the caller's runtime drives, and that ends with it.
    pub(crate) async fn connect_here(self: Arc<Self>) -> ConnectionResult<AsyncPgConnection> {
        match &self.tls {
            Some(tls) => open(&self.config, tls.clone()).await,
            None => open(&self.config, NoTls).await,
        }
    }

    /// Runs background work on the store's own runtime.
    pub(crate) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) -> AbortHandle {
        self.runtime.spawn(work).abort_handle()
    }

    /// Stops a statement that nobody waits for any more, so that its transaction ends at once.
    pub(crate) fn cancel(self: &Arc<Self>, statement: CancelToken) {
        let connector = Arc::clone(self);
        self.runtime.spawn(async move {
            // Without it the statement ends by the session's timeouts.
            let _ = match &connector.tls {
                Some(tls) => statement.cancel_query(tls.clone()).await,
                None => statement.cancel_query(NoTls).await,
            };
        });
    }
}

async fn open<T>(config: &Config, tls: T) -> ConnectionResult<AsyncPgConnection>
where
    T: MakeTlsConnect<Socket, Stream: TlsStream + Unpin + Send + 'static>,
    T::TlsConnect: TlsConnect<Socket, Stream = T::Stream, Future: Send> + Send,
{
    let (client, driver) = config.connect(tls).await.map_err(|error| refused(&error))?;
    let mut connection = AsyncPgConnection::try_from_client_and_connection(client, driver).await?;
    connection.batch_execute(Connector::SESSION).await.map_err(ConnectionError::CouldntSetupConfiguration)?;
    Ok(connection)
}

fn tls() -> Result<MakeRustlsConnect, BoxError> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        let cause = found.errors.into_iter().next().map(BoxError::from);
        return Err(cause.unwrap_or_else(|| "the system trusts no certificate authority".into()));
    }
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}

/// Keeps the driver's reason, which diesel's error has no place for but its text.
fn refused(error: &tokio_postgres::Error) -> ConnectionError {
    let reason = std::error::Error::source(error).map(|source| format!(": {source}"));
    ConnectionError::BadConnection(format!("{error}{}", reason.unwrap_or_default()))
}
