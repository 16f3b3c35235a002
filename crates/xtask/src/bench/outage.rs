//! A Redis that dies under load and comes back.

use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use testkit::servers::Redis;

use super::{CONNECTIONS, load};
use crate::server::Setup;

/// How soon after its restart requests are to be as quick as before.
const RECOVERY: Duration = Duration::from_secs(2);

/// `GET /me` before, while Redis is dead, in the time after its restart, and then. Every answer must be a success.
///
/// Redis is killed and started again while the requests run.
pub(crate) fn run(setup: &Setup, keys: &[String], span: Duration) -> Result<Value> {
    let mut redis = Redis::start()?;
    let setup = setup.clone().with("REDIS_URL", &redis.url());
    let server = setup.start("info")?;
    let requests = load::get("/api/v1/me", keys);
    let load = |span| load::run(setup.port, &requests, CONNECTIONS, span);
    load(span)?;
    let before = load(span)?;
    let dead = beside(|| load(span), || redis.kill())?.0;
    let (recovering, revived) = beside(|| load(RECOVERY), || redis.revive())?;
    revived?;
    let after = load(span)?;
    server.stop()?;
    Ok(json!({ "before": before, "while_dead": dead, "in_the_2_s_after_its_restart": recovering, "then": after }))
}

/// Does something while the load runs.
pub(super) fn beside<T: Send, E>(load: impl FnOnce() -> Result<T> + Send, act: impl FnOnce() -> E) -> Result<(T, E)> {
    std::thread::scope(|scope| {
        let running = scope.spawn(load);
        let done = act();
        let figures = running.join().ok().context("the load panicked")??;
        Ok((figures, done))
    })
}
