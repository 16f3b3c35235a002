//! Events published until they are received.

use std::cell::Cell;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use testkit::servers::{Durability, Postgres, poll_until};

use super::load::{self, Figures};
use super::mib;
use crate::binary::optimised;
use crate::cpu;
use crate::process::output;
use crate::receiver::Receiver;
use crate::server::{Bootstrapped, Server, Setup};

/// Connections that publish one event after another.
const PUBLISHERS: usize = 16;
/// Those that publish a hundred at once.
const BATCH_PUBLISHERS: usize = 4;
const BATCH: usize = 100;
const PACE: u32 = 200;
/// Beyond this, what was published counts as not delivered.
const LIMIT: Duration = Duration::from_mins(1);

/// Deliveries a second, their delay, and what each costs, on PostgreSQL.
pub(crate) fn run(program: &Path, folder: &Path, span: Duration) -> Result<Value> {
    let postgres = Postgres::start(Durability::Real)?;
    let receiver = Receiver::start()?;
    let bare = bare_client(&receiver, span)?;
    let setup = Setup::on(program, folder, postgres.url())?
        .with("CORE_API_WEBHOOK_ALLOW_NETS", "127.0.0.1")
        .with("CORE_API_WEBHOOK_ALLOW_HTTP", "true")
        .with("CORE_API_WEBHOOK_TIMEOUT", "5s");
    let caller = setup.bootstrap()?;
    let keys = setup.keys_in(caller.workspace_id, PUBLISHERS)?;
    let server = setup.start("warn")?;
    let bench = Bench { setup: &setup, caller: &caller, keys: &keys, server: &server, postgres: &postgres, receiver };
    let mut figures = json!({ "bare_client_per_second": bare });
    let mut known = 0;
    for endpoints in [1, 10, 100] {
        bench.add_endpoints(known, endpoints, |number| format!("/ok/{number}"))?;
        known = endpoints;
        // First, since what the others leave to be written to disk would be in its way.
        let paced = bench.paced(endpoints, span)?;
        let single = bench.flat_out(endpoints, 1, PUBLISHERS, span)?;
        let batches = bench.flat_out(endpoints, BATCH, BATCH_PUBLISHERS, span)?;
        let ratio = single["deliveries_per_second"].as_f64().unwrap_or_default() / bare;
        figures[format!("{endpoints}_endpoints")] = json!({
            "ratio_to_bare_client": ratio,
            "single": single,
            "batches_of_100": batches,
            "at_200_a_second": paced,
        });
    }
    figures["isolation"] = bench.isolation(span)?;
    figures["memory_mib"] = mib(server.resident_kib()?)?.into();
    drop(bench);
    server.stop()?;
    Ok(figures)
}

struct Bench<'a> {
    setup: &'a Setup,
    caller: &'a Bootstrapped,
    keys: &'a [String],
    server: &'a Server,
    postgres: &'a Postgres,
    receiver: Receiver,
}

impl Bench<'_> {
    /// Webhooks number `from` to `to`, each for the events of its own number.
    fn add_endpoints(&self, from: usize, to: usize, path: impl Fn(usize) -> String) -> Result<()> {
        for number in from..to {
            let url = format!("http://127.0.0.1:{}{}", self.receiver.port, path(number));
            let body = json!({ "url": url, "events": [format!("bench.e{number}")] }).to_string();
            self.post("/api/v1/webhooks", &body)?;
        }
        Ok(())
    }

    fn post(&self, path: &str, body: &str) -> Result<()> {
        let request = load::post(path, &self.caller.key, self.caller.workspace_id, body);
        load::once(self.setup.port, &request).map(drop)
    }

    fn request(&self, connection: usize, first: usize, count: usize, endpoints: usize) -> String {
        let at = self.receiver.now();
        let event = |number: usize| {
            let event_type = format!("bench.e{}", (first + number) % endpoints);
            json!({ "type": event_type, "data": { "at": u64::try_from(at).unwrap_or(0), "title": "A post" } })
        };
        let body = match count {
            1 => event(0),
            _ => json!({ "events": (0..count).map(event).collect::<Vec<_>>() }),
        };
        let key = &self.keys[connection % self.keys.len()];
        load::post("/api/v1/events", key, self.caller.workspace_id, &body.to_string())
    }

    /// Publishes as fast as it is acknowledged, and waits until all has arrived.
    #[expect(clippy::disallowed_methods, reason = "measures time")]
    fn flat_out(&self, endpoints: usize, batch: usize, publishers: usize, span: Duration) -> Result<Value> {
        let published = Cell::new(0);
        let requests = |connection, _| {
            published.set(published.get() + batch);
            self.request(connection, published.get(), batch, endpoints)
        };
        load::run(self.setup.port, &requests, publishers, span / 3)?;
        self.drained(published.replace(0))?;
        let (busy, began) = (self.cpu()?, Instant::now());
        let publishing = load::run(self.setup.port, &requests, publishers, span)?;
        let delays = self.drained(published.get())?;
        let took = began.elapsed();
        // Results are written a moment after the last arrival; they are part of the cost.
        std::thread::sleep(Duration::from_millis(200));
        let spent = self.cpu()?.saturating_sub(busy);
        let count = f64::from(u32::try_from(published.get())?);
        let Figures { p50_ms, p99_ms, .. } = load::figures(delays, took)?;
        Ok(json!({
            "deliveries_per_second": count / took.as_secs_f64(),
            "cpu_ms_each": spent.as_secs_f64() * 1_000.0 / count,
            "publish_to_receive": { "p50_ms": p50_ms, "p99_ms": p99_ms },
            "publish": publishing,
        }))
    }

    /// Publishes at a steady pace that leaves the machine idle between.
    fn paced(&self, endpoints: usize, span: Duration) -> Result<Value> {
        let published = Cell::new(0);
        let requests = |connection: usize| {
            published.set(published.get() + 1);
            self.request(connection, published.get(), 1, endpoints)
        };
        load::paced(self.setup.port, &requests, PACE, span)?;
        let Figures { p50_ms, p99_ms, .. } = load::figures(self.drained(published.get())?, span)?;
        Ok(json!({ "publish_to_receive": { "p50_ms": p50_ms, "p99_ms": p99_ms } }))
    }

    /// A hundred endpoints, without and with ten among them that answer never or a byte a second.
    fn isolation(&self, span: Duration) -> Result<Value> {
        let alone = self.paced(100, span)?;
        for number in 0..10 {
            let path = if number < 5 { format!("/silent/{number}") } else { format!("/drip/{number}") };
            let url = format!("http://127.0.0.1:{}{path}", self.receiver.port);
            self.post("/api/v1/webhooks", &json!({ "url": url, "events": ["bench.*"] }).to_string())?;
        }
        let beside = self.paced(100, span)?;
        let p99 = |figures: &Value| figures["publish_to_receive"]["p99_ms"].as_f64().unwrap_or_default();
        Ok(json!({ "alone": alone, "beside_ten_bad_ones": beside, "p99_ratio": p99(&beside) / p99(&alone) }))
    }

    /// Waits until so many were received; their delays.
    fn drained(&self, published: usize) -> Result<Vec<Duration>> {
        let all = poll_until(LIMIT, || self.receiver.distinct() >= published);
        let received = self.receiver.take();
        ensure!(all, "of {published} events, {} arrived", received.times.len());
        Ok(received.delays)
    }

    fn cpu(&self) -> Result<Duration> {
        let mut processes = self.postgres.processes();
        processes.push(self.server.id());
        cpu::time_of(&processes)
    }
}

/// The same receiver driven directly by a pooled client, one request after another on as many tasks as publish.
fn bare_client(receiver: &Receiver, span: Duration) -> Result<f64> {
    let url = format!("http://127.0.0.1:{}/ok/bare", receiver.port);
    let mut command = Command::new(optimised("examples/bare_client"));
    command.args([url, PUBLISHERS.to_string(), span.as_secs().to_string()]);
    let figures: Value = serde_json::from_str(&output(&mut command)?)?;
    receiver.take();
    figures["per_second"].as_f64().context("the bare client printed something else")
}
