use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::header::ACCEPT;
use reqwest::{Client, StatusCode, redirect};
use tokio::io::AsyncReadExt;

use crate::key_set::KeySet;
use crate::{InvalidOptions, JwksUrl, UnusableKeySet};

/// Where a key set is fetched from.
pub(crate) enum JwksSource {
    File(PathBuf),
    Url { client: Client, url: JwksUrl },
}

/// Why a key set was not fetched.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The file can't be read.
    #[error("the file can't be read")]
    File(#[source] std::io::Error),
    /// The request failed, or took too long.
    #[error("the request failed")]
    Request(#[source] reqwest::Error),
    /// The answer is another than 200; redirects are not followed.
    #[error("the answer was {0}")]
    Status(StatusCode),
    /// There is more of it than any key set needs.
    #[error("the key set is larger than {} bytes", JwksSource::MAX_LEN)]
    TooLarge,
    /// There is no key to be had from what came.
    #[error(transparent)]
    Unusable(#[from] UnusableKeySet),
}

impl JwksSource {
    const MAX_LEN: usize = 1024 * 1024;
    const TIMEOUT: Duration = Duration::from_secs(5);

    pub(crate) fn at(url: JwksUrl) -> Result<Self, InvalidOptions> {
        let mut client = Client::builder()
            .redirect(redirect::Policy::none())
            .timeout(Self::TIMEOUT)
            // One request in minutes: a connection kept would be a dead one by then.
            .pool_max_idle_per_host(0);
        if url.is_loopback() {
            client = client.no_proxy();
        }
        let client = client.build().map_err(InvalidOptions::Client)?;
        Ok(Self::Url { client, url })
    }

    pub(crate) async fn fetch(&self) -> Result<KeySet, FetchError> {
        let bytes = match self {
            Self::File(path) => read(path).await?,
            Self::Url { client, url } => get(client, url).await?,
        };
        Ok(KeySet::read(&bytes)?)
    }
}

async fn read(path: &Path) -> Result<Vec<u8>, FetchError> {
    let mut bytes = Vec::new();
    let file = tokio::fs::File::open(path).await.map_err(FetchError::File)?;
    // One byte more than allowed tells that there is more.
    let cap = u64::try_from(JwksSource::MAX_LEN).unwrap_or(u64::MAX).saturating_add(1);
    file.take(cap).read_to_end(&mut bytes).await.map_err(FetchError::File)?;
    if bytes.len() > JwksSource::MAX_LEN { Err(FetchError::TooLarge) } else { Ok(bytes) }
}

async fn get(client: &Client, url: &JwksUrl) -> Result<Vec<u8>, FetchError> {
    // A query may hold a secret: keep the address out of errors, which are logged.
    let failed = |error: reqwest::Error| FetchError::Request(error.without_url());
    let request = client.get(url.as_url().clone()).header(ACCEPT, "application/json");
    let mut response = request.send().await.map_err(failed)?;
    if response.status() != StatusCode::OK {
        return Err(FetchError::Status(response.status()));
    }
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(failed)? {
        if bytes.len() + chunk.len() > JwksSource::MAX_LEN {
            return Err(FetchError::TooLarge);
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}
