use std::time::Duration;

use redis::RedisError;

/// Why there is no limiter.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// It is to be `redis://` or `rediss://` (TLS), then `user:password@host:port/database`, of which only the host
    /// must be there.
    #[error("the Redis URL can't be read")]
    Url(#[source] RedisError),
}

/// Redis gave no answer, or none that is one.
#[derive(Debug, Clone, thiserror::Error)]
#[expect(missing_docs, reason = "each variant is its message")]
pub enum Unreachable {
    #[error("Redis gave no answer within {0:?}")]
    Late(Duration),
    #[error("Redis could not be asked: {0}")]
    Failed(RedisError),
    #[error("the runtime that connects to Redis has ended")]
    RuntimeEnded,
}

impl From<RedisError> for Unreachable {
    fn from(error: RedisError) -> Self {
        Self::Failed(error)
    }
}
