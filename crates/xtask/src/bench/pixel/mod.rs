//! Events that the pixel takes, on PostgreSQL: how fast, under too much load, and what is then shown of them.

mod overload;
mod stats;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::servers::{Durability, Postgres};

use super::load::{self, Figures};
use super::{Example, compared, in_turns};
use crate::binary::program;
use crate::server::{Bootstrapped, Setup};

/// So many events are on their way at once: browsers are many, and each waits for its own answer.
const AT_ONCE: usize = 512;
const BROWSER: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:141.0) Gecko/20100101 Firefox/141.0";

pub(crate) fn run(events: u64, span: Duration, rounds: usize) -> Result<Value> {
    let folder = TempDir::new().context("cannot make a temporary folder")?;
    let postgres = Postgres::start(Durability::Real)?;
    let setup = Setup::on(&program(), folder.path(), postgres.url())?;
    let caller = setup.bootstrap()?;
    let visits = Visits::default();
    Ok(json!({
        "one_event_each": track(&setup, &caller, &visits, 1, span, rounds)?,
        "ten_events_each": track(&setup, &caller, &visits, 10, span, rounds)?,
        "overload": overload::run(&setup, &caller, &postgres, &visits, span)?,
        "stats": stats::run(&setup, &caller, &postgres, events, span)?,
    }))
}

/// `POST /pixel/track` against a bare handler that reads the same JSON and answers the same.
fn track(
    setup: &Setup,
    caller: &Bootstrapped,
    visits: &Visits,
    events: usize,
    span: Duration,
    rounds: usize,
) -> Result<Value> {
    let server = setup.start("info")?;
    let host = format!("of{events}.example.com");
    add_site(setup, caller, &host)?;
    let bare = Example::start("bare_handler", "/me", &[])?;
    let pages = AT_ONCE / events;
    let pairs = in_turns(
        || per_event(load::run(bare.port, &|_, _| visits.request("/track", &host, events), pages, span)?, events),
        || {
            let request = |_: usize, _: usize| visits.request("/api/v1/pixel/track", &host, events);
            per_event(load::run(setup.port, &request, pages, span)?, events)
        },
        rounds,
    )?;
    server.stop()?;
    Ok(compared("bare_handler", &pairs))
}

fn per_event(figures: Figures, events: usize) -> Result<Figures> {
    Ok(Figures { per_second: figures.per_second * f64::from(u32::try_from(events)?), ..figures })
}

fn add_site(setup: &Setup, caller: &Bootstrapped, domain: &str) -> Result<i64> {
    let body = json!({ "domain": domain }).to_string();
    let made = load::once(setup.port, &load::post("/api/v1/pixel/sites", &caller.key, caller.workspace_id, &body))?;
    let made: Value = serde_json::from_str(&made)?;
    made["data"]["id"].as_i64().context("the site has no id")
}

/// Visits of ever new visitors: one address may tell 300 times a minute.
#[derive(Default)]
struct Visits(AtomicUsize);

impl Visits {
    /// One more request, of so many events: three page views to one event of the site's own.
    fn request(&self, path: &str, host: &str, events: usize) -> String {
        let number = self.0.fetch_add(1, Ordering::Relaxed);
        let event = |place: usize| {
            let (name, page) = if (number + place) % 4 == 3 { ("signup", 0) } else { ("pageview", number % 200) };
            json!({
                "event": name,
                "url": format!("https://{host}/articles/{page}?utm_source=news"),
                "referrer": format!("https://from{}.example/", number % 50),
                "user_agent": BROWSER,
                "properties": { "title": "An article" },
            })
        };
        let body = match events {
            1 => event(0),
            _ => json!({ "events": (0..events).map(event).collect::<Vec<_>>() }),
        };
        let (body, visitor) = (body.to_string(), number / 100);
        let [_, high, middle, low] = u32::try_from(visitor).unwrap_or(0).to_be_bytes();
        format!(
            "POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Forwarded-For: 10.{high}.{middle}.{low}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
    }
}
