//! What counting every request costs.

use std::time::Duration;

use anyhow::Result;
use serde_json::Value;

use super::{CONNECTIONS, Example, compared, in_turns, load};
use crate::server::Setup;

/// `GET /me` against the same API with a limiter that counts nothing.
pub(crate) fn run(setup: &Setup, keys: &[String], span: Duration, rounds: usize) -> Result<Value> {
    let server = setup.start("info")?;
    let secret = Setup::secret_key();
    let without = Example::start("without_limiter", "/health/live", &[setup.database(), &secret])?;
    let requests = load::get("/api/v1/me", keys);
    let pairs = in_turns(
        || load::run(without.port, &requests, CONNECTIONS, span),
        || load::run(setup.port, &requests, CONNECTIONS, span),
        rounds,
    )?;
    server.stop()?;
    Ok(compared("without_limiter", &pairs))
}
