use std::cell::Cell;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use testkit::servers::Postgres;
use tokio::net::TcpStream;

use super::{Visits, add_site};
use crate::bench::{load, mib};
use crate::process::output;
use crate::server::{Bootstrapped, Server, Setup};

const HOST: &str = "overload.example.com";
/// Together they hold twice as many events as may wait in the server, and tell of the next as soon as they are answered.
const PAGES: usize = 400;
const EVENTS: usize = 50;
const WATCH: Duration = Duration::from_millis(50);

/// Ten times as much as the store takes: for nine tenths of the time it takes nothing, its site being locked.
///
/// Every event must be stored and acknowledged, or refused with a `Retry-After`.
pub(super) fn run(
    setup: &Setup,
    caller: &Bootstrapped,
    postgres: &Postgres,
    visits: &Visits,
    span: Duration,
) -> Result<Value> {
    let server = setup.start("warn")?;
    let site = add_site(setup, caller, HOST)?;
    let free = Load { setup, visits, server: &server }.run(span)?;
    let mut locker = Command::new("psql");
    // Half a second is far below what a request may take.
    let lock = format!(
        "DO $$ BEGIN FOR round IN 1..{} LOOP PERFORM FROM pixel_sites WHERE id = {site} FOR UPDATE; \
         PERFORM pg_sleep(0.45); COMMIT; PERFORM pg_sleep(0.05); END LOOP; END $$",
        span.as_millis() / 500
    );
    let mut locker = locker.args(["--quiet", "--no-psqlrc", &postgres.url(), "--command", &lock]).spawn()?;
    let held = Load { setup, visits, server: &server }.run(span);
    ensure!(locker.wait()?.success(), "the site could not be locked");
    let held = held?;
    let stored: u64 = {
        let count = format!("SELECT count(*) FROM pixel_events WHERE site_id = {site}");
        let mut psql = Command::new("psql");
        let printed = output(psql.args(["--no-psqlrc", "--tuples-only", &postgres.url(), "--command", &count]))?;
        printed.trim().parse().context("psql printed no number")?
    };
    let acknowledged = free.stored + held.stored;
    ensure!(stored == acknowledged, "{acknowledged} events were acknowledged, {stored} are stored");
    server.stop()?;
    Ok(json!({ "unhindered": free.shown()?, "store_held_back": held.shown()?, "acknowledged_and_stored": stored }))
}

struct Load<'a> {
    setup: &'a Setup,
    visits: &'a Visits,
    server: &'a Server,
}

struct Outcome {
    span: Duration,
    stored: u64,
    refused: u64,
    without_retry_after: u64,
    before_kib: u64,
    most_kib: u64,
}

impl Outcome {
    fn shown(&self) -> Result<Value> {
        let per_second = |events: u64| anyhow::Ok(f64::from(u32::try_from(events)?) / self.span.as_secs_f64());
        Ok(json!({
            "offered_to_stored": per_second(self.stored + self.refused)? / per_second(self.stored)?,
            "stored_per_second": per_second(self.stored)?,
            "refused_per_second": per_second(self.refused)?,
            "answers_503": self.refused / u64::try_from(EVENTS)?,
            "of_these_without_retry_after": self.without_retry_after,
            "memory_mib": { "before": mib(self.before_kib)?, "most": mib(self.most_kib)? },
        }))
    }
}

impl Load<'_> {
    #[expect(clippy::disallowed_methods, reason = "measures time")]
    fn run(&self, span: Duration) -> Result<Outcome> {
        let before_kib = self.server.resident_kib()?;
        let most = Cell::new(before_kib);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let end = Instant::now() + span;
        let counts = runtime.block_on(async {
            let watch = async {
                while Instant::now() < end {
                    tokio::time::sleep(WATCH).await;
                    most.set(most.get().max(self.server.resident_kib()?));
                }
                anyhow::Ok(())
            };
            let pages = futures_util::future::try_join_all((0..PAGES).map(|_| self.page(end)));
            futures_util::future::try_join(watch, pages).await.map(|((), counts)| counts)
        })?;
        let mut outcome =
            Outcome { span, stored: 0, refused: 0, without_retry_after: 0, before_kib, most_kib: most.get() };
        for (stored, refused, without) in counts {
            outcome.stored += stored;
            outcome.refused += refused;
            outcome.without_retry_after += without;
        }
        Ok(outcome)
    }

    /// Tells without rest; returns how many events were stored and refused, and how many refusals said no time.
    #[expect(clippy::disallowed_methods, reason = "measures time")]
    async fn page(&self, end: Instant) -> Result<(u64, u64, u64)> {
        let events = u64::try_from(EVENTS)?;
        let mut stream = TcpStream::connect(("127.0.0.1", self.setup.port)).await?;
        let mut buffer = vec![0; 16 * 1024];
        let (mut stored, mut refused, mut without) = (0, 0, 0);
        while Instant::now() < end {
            let request = self.visits.request("/api/v1/pixel/track", HOST, EVENTS);
            let answer = load::exchange(&mut stream, &request, &mut buffer).await?;
            match answer.status() {
                "200" => stored += events,
                "503" => {
                    refused += events;
                    without += u64::from(!answer.has_header("retry-after"));
                }
                status => anyhow::bail!("the server answered {status}"),
            }
        }
        Ok((stored, refused, without))
    }
}
