//! From the start of the process to its first answer.

use std::time::Instant;

use anyhow::Result;
use serde_json::{Value, json};

use crate::server::Setup;

/// Starts the server `times` times on a store that exists, and tells the median and the worst, in ms.
#[expect(clippy::disallowed_methods, reason = "measures time")]
pub(crate) fn first_answer(setup: &Setup, times: usize) -> Result<Value> {
    setup.start("warn")?.stop()?;
    let mut spans = Vec::with_capacity(times);
    for _ in 0..times {
        let begun = Instant::now();
        let server = setup.start("warn")?;
        spans.push(begun.elapsed().as_secs_f64() * 1_000.0);
        server.stop()?;
    }
    spans.sort_by(f64::total_cmp);
    Ok(json!({ "median": spans[times / 2], "worst": spans[times - 1] }))
}
