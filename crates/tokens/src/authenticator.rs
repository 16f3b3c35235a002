use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use core_domain::{Clock, Credential, Environment, Monotonic, Principal};
use moka::future::Cache;
use moka::ops::compute::{CompResult, Op};
use sha2::{Digest, Sha256};

use crate::{AccountDirectory, AuthenticateError, Claims, KnownAccount, MAX_TOKEN_LEN, Rejection, TokenVerifier};

/// Tells who is calling by the token they show.
///
/// A token costs at most one verification and one look-up a second: what they brought is believed for
/// [`STALENESS`](Self::STALENESS), and callers of one token at the same time share them. So a key that is withdrawn
/// or an account that is gone is felt within that time. The token's end is compared with the clock every time.
///
/// Only tokens that were verified are remembered: made-up ones push nothing out.
pub struct TokenAuthenticator {
    verifier: Arc<dyn TokenVerifier>,
    directory: Arc<dyn AccountDirectory>,
    clock: Arc<dyn Clock>,
    known: Cache<[u8; 32], Arc<Known>>,
}

impl fmt::Debug for TokenAuthenticator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenAuthenticator").finish_non_exhaustive()
    }
}

/// What a verified token stands for.
struct Known {
    asked_at: Monotonic,
    claims: Claims,
    /// `None` when its subject is no account.
    principal: Option<Arc<Principal>>,
}

impl TokenAuthenticator {
    /// How long a verification and a look-up are believed.
    pub const STALENESS: Duration = Duration::from_secs(1);
    /// How many tokens are remembered at most.
    const CAPACITY: u64 = 10_000;

    /// An authenticator with nothing remembered.
    pub fn new(verifier: Arc<dyn TokenVerifier>, directory: Arc<dyn AccountDirectory>, clock: Arc<dyn Clock>) -> Self {
        Self { verifier, directory, clock, known: Cache::new(Self::CAPACITY) }
    }

    /// Whether a credential has the outline of a token, three parts with dots between, and so can't be an API key.
    pub fn recognises(credential: &str) -> bool {
        credential.bytes().filter(|byte| *byte == b'.').count() == 2
    }

    /// Tells whose token is shown.
    ///
    /// # Errors
    /// [`AuthenticateError::Rejected`] for a token that opens nothing, whatever the reason; keys that can't be had or
    /// a store that fails are errors of their own, never a rejection.
    pub async fn authenticate(&self, token: &str) -> Result<Arc<Principal>, AuthenticateError> {
        // Before the digest, whose cost grows with the text.
        if token.len() > MAX_TOKEN_LEN {
            return Err(AuthenticateError::Rejected(Rejection::Malformed));
        }
        let cache_key: [u8; 32] = Sha256::digest(token).into();
        let known = match self.known.get(&cache_key).await {
            Some(known) if self.is_fresh(&known) => known,
            _ => self.ask(&cache_key, token).await?,
        };
        known.principal.clone().ok_or(AuthenticateError::Rejected(Rejection::UnknownAccount))
    }

    /// Whether `token` opened something when it was last verified here, and has not ended since.
    ///
    /// Verifies nothing and looks nothing up. It is no authentication: what was found may be stale.
    pub async fn has_opened(&self, token: &str) -> bool {
        if token.len() > MAX_TOKEN_LEN {
            return false;
        }
        let cache_key: [u8; 32] = Sha256::digest(token).into();
        let known = self.known.get(&cache_key).await;
        known.is_some_and(|known| known.principal.is_some() && self.clock.now() < known.claims.expires_at)
    }

    async fn ask(&self, cache_key: &[u8; 32], token: &str) -> Result<Arc<Known>, AuthenticateError> {
        let computed = self
            .known
            .entry_by_ref(cache_key)
            .and_try_compute_with(async |entry| {
                // Another caller of this token may have asked while this one waited.
                if entry.is_some_and(|entry| self.is_fresh(entry.value())) {
                    return Ok(Op::Nop);
                }
                self.look_up(token).await.map(|known| Op::Put(Arc::new(known)))
            })
            .await?;
        match computed {
            CompResult::Inserted(entry) | CompResult::ReplacedWith(entry) | CompResult::Unchanged(entry) => {
                Ok(entry.into_value())
            }
            // Can't be: nothing is removed, and an absent entry is always put.
            CompResult::StillNone(_) | CompResult::Removed(_) => self.look_up(token).await.map(Arc::new),
        }
    }

    async fn look_up(&self, token: &str) -> Result<Known, AuthenticateError> {
        let asked_at = self.clock.monotonic();
        let claims = self.verifier.verify(token).await?;
        let account = self.directory.find_account(&claims.subject).await?;
        let principal = account.map(|account| Arc::new(principal(&claims, account)));
        Ok(Known { asked_at, claims, principal })
    }

    /// Past a token's own end only the verifier may say that it is still good.
    fn is_fresh(&self, known: &Known) -> bool {
        self.clock.monotonic() < known.asked_at + Self::STALENESS && self.clock.now() < known.claims.expires_at
    }
}

fn principal(claims: &Claims, account: KnownAccount) -> Principal {
    Principal {
        credential: Credential::Token,
        account_id: account.id,
        bound_to: None,
        environment: Environment::Live,
        scopes: claims.scopes.clone(),
        tier: account.ceiling,
        ceiling: account.ceiling,
        allowed_ips: None,
        mcp_servers: None,
        expires_at: Some(claims.expires_at),
    }
}
