//! What an `Idempotency-Key` costs.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::Result;
use serde_json::Value;

use super::{CONNECTIONS, compared, in_turns, load};
use crate::server::Setup;

/// `POST /workspaces` under a new idempotency key each time, against the same without one.
pub(crate) fn run(setup: &Setup, keys: &[String], span: Duration, rounds: usize) -> Result<Value> {
    let server = setup.start("info")?;
    let made = AtomicUsize::new(0);
    let post = |connection: usize, header: &str| {
        let number = made.fetch_add(1, Ordering::Relaxed);
        let key = &keys[connection % keys.len()];
        // A name of its own each time, or the slug would have to be made anew.
        let body = format!(r#"{{"name":"Bench {number}"}}"#);
        let length = body.len();
        let header = header.replace("{number}", &number.to_string());
        format!(
            "POST /api/v1/workspaces HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {key}\r\n{header}\
             Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        )
    };
    let pairs = in_turns(
        || load::run(setup.port, &|connection, _| post(connection, ""), CONNECTIONS, span),
        || {
            load::run(
                setup.port,
                &|connection, _| post(connection, "Idempotency-Key: bench-{number}\r\n"),
                CONNECTIONS,
                span,
            )
        },
        rounds,
    )?;
    server.stop()?;
    Ok(compared("without_key", &pairs))
}
