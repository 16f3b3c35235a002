use std::process::Command;
use std::time::Duration;

use anyhow::Result;
use serde_json::{Value, json};
use testkit::servers::Postgres;

use super::add_site;
use crate::bench::load;
use crate::process::run as run_program;
use crate::server::{Bootstrapped, Setup};

const HOST: &str = "stats.example.com";
const DAYS: u32 = 90;
/// How many seconds lie between one event and the next. It has no factor in common with the seconds of those days, so
/// that however few events there are, they lie on all days.
const STRIDE: u32 = 1_000_003;
/// As many names of pages, and of the site's own events, as a site may have in a day.
const NAMES: u32 = 1_000;

/// 90 days of a site with a tenth of the events, and then with all: what is asked of them must not grow.
pub(super) fn run(
    setup: &Setup,
    caller: &Bootstrapped,
    postgres: &Postgres,
    events: u64,
    span: Duration,
) -> Result<Value> {
    let server = setup.start("warn")?;
    let site = add_site(setup, caller, HOST)?;
    let mut figures = json!({ "days": DAYS, "names_a_day": NAMES });
    for (from, to) in [(0, events / 10), (events / 10, events)] {
        generate(postgres, site, from, to)?;
        let asked = |days: u32| {
            let path = format!("/api/v1/pixel/stats?site={HOST}&from={}&to={}", day(DAYS - days), day(DAYS - 1));
            let request = format!(
                "GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {}\r\nX-Workspace-ID: {}\r\n\r\n",
                caller.key, caller.workspace_id
            );
            load::run(setup.port, &|_, _| request.clone(), 1, span)
        };
        figures[format!("of_{to}_events")] = json!({ "90_days": asked(DAYS)?, "30_days": asked(30)? });
    }
    server.stop()?;
    Ok(figures)
}

/// The generated time's days, from the first on.
fn day(number: u32) -> String {
    const MONTHS: [(u32, u32); 3] = [(1, 31), (2, 28), (3, 31)];
    let mut rest = number;
    for (month, days) in MONTHS {
        if rest < days {
            return format!("2026-{month:02}-{:02}", rest + 1);
        }
        rest -= days;
    }
    "2026-03-31".to_owned()
}

/// Events number `from` to `to`, evenly over the days, and what the server would have counted of them.
fn generate(postgres: &Postgres, site: i64, from: u64, to: u64) -> Result<()> {
    let sql = format!(
        "CREATE TEMPORARY VIEW generated AS SELECT \
            '2026-01-01T00:00:00Z'::timestamptz + make_interval(secs => n * {STRIDE} % ({DAYS} * 86400)) AS at, \
            CASE WHEN n % 10 = 0 THEN 'event-' || n / 10 % {NAMES} ELSE 'pageview' END AS name, \
            '/articles/' || n / 7 % {NAMES} AS path, 'from' || n / 3 % 200 || '.example' AS referrer, \
            'source-' || n % 20 AS source, 'campaign-' || n % 20 AS campaign, n \
            FROM generate_series({from}::bigint, {to}::bigint - 1) n;\
         INSERT INTO pixel_events SELECT at, {site}, decode(md5((n / 5)::text), 'hex'), name, '{HOST}', path, \
            referrer, source, NULL, campaign, NULL, NULL, '{{\"title\":\"An article\"}}' FROM generated;\
         INSERT INTO pixel_hours AS h SELECT {site}, date_trunc('hour', at, 'UTC'), count(*) / 5, count(*) / 6, \
            count(*) / 5, count(*) FILTER (WHERE name = 'pageview'), count(*) FILTER (WHERE name <> 'pageview') \
            FROM generated GROUP BY 2 ON CONFLICT (site_id, hour) DO UPDATE SET pageviews = h.pageviews + \
            excluded.pageviews, events = h.events + excluded.events;\
         INSERT INTO pixel_names AS p SELECT {site}, date_trunc('day', at, 'UTC'), k.dimension, k.name, count(*) \
            FROM generated g, LATERAL (VALUES \
                (0, CASE WHEN g.name = 'pageview' THEN g.path END), \
                (1, CASE WHEN g.name = 'pageview' THEN g.referrer END), \
                (2, CASE WHEN g.name <> 'pageview' THEN g.name END), \
                (3, CASE WHEN g.name = 'pageview' THEN g.source END), \
                (4, CASE WHEN g.name = 'pageview' THEN g.campaign END)) k(dimension, name) \
            WHERE k.name IS NOT NULL GROUP BY 2, 3, 4 \
            ON CONFLICT (site_id, day, dimension, name) DO UPDATE SET count = p.count + excluded.count;\
         VACUUM (ANALYZE) pixel_names, pixel_hours"
    );
    let mut psql = Command::new("psql");
    psql.args(["--quiet", "--no-psqlrc", "--set=ON_ERROR_STOP=1", &postgres.url()]);
    for statement in sql.split(';') {
        psql.args(["--command", statement]);
    }
    run_program(&mut psql)
}
