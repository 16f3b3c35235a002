use std::time::Duration;

use actix_web::web;
use core_domain::{Clock, Timestamp, WebhookId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use webhooks::{DailyStatistics, WebhookReader};

use super::handlers::realm;
use crate::extract::permission::WebhooksRead;
use crate::extract::{Caller, PathId, Query, QueryReader};
use crate::openapi::{Data, WorkspaceHeader};
use crate::{Answer, ApiError};

const DAY: Duration = Duration::from_hours(24);
const DAY_MICROS: i64 = 86_400_000_000;
/// The most days told at once.
const MAX_DAYS: u32 = 366;
/// How many are told when nothing is said.
const DEFAULT_DAYS: u32 = 30;

/// Which days to tell of.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct StatisticsParams {
    /// The first day (ISO 8601); 30 days up to the last when not given.
    #[param(nullable = false)]
    from: Option<String>,
    /// The last day; today when not given.
    #[param(nullable = false)]
    to: Option<String>,
}

/// How a webhook did. Attempts are counted; tests are not.
#[derive(Serialize, ToSchema)]
#[schema(as = WebhookStatistics)]
pub(crate) struct StatisticsView {
    #[schema(format = Date, example = "2026-01-01")]
    from: String,
    #[schema(format = Date, example = "2026-01-30")]
    to: String,
    successes: u64,
    failures: u64,
    /// Percent, with two decimals; null without attempts.
    success_rate: Option<f64>,
    average_response_time_ms: Option<u64>,
    /// The days on which anything was sent.
    days: Vec<DayView>,
}

/// One day (UTC).
#[derive(Serialize, ToSchema)]
#[schema(as = WebhookDay)]
pub(crate) struct DayView {
    #[schema(format = Date, example = "2026-01-15")]
    date: String,
    successes: u64,
    failures: u64,
    average_response_time_ms: Option<u64>,
}

/// Get a webhook's statistics
///
/// By day, in UTC.
#[utoipa::path(get, path = "/api/v1/webhooks/{id}/statistics", tag = "Webhooks",
    params(WorkspaceHeader, ("id" = i64, Path, minimum = 1), StatisticsParams),
    security(("api_key" = ["webhooks:read"])), responses((status = 200, body = Data<StatisticsView>)))]
pub(crate) async fn show(
    caller: Caller<WebhooksRead>,
    id: PathId<WebhookId>,
    params: Query<StatisticsParams>,
    webhooks: web::Data<dyn WebhookReader>,
    clock: web::Data<dyn Clock>,
) -> Result<Answer, ApiError> {
    let realm = realm(&caller).await?;
    let (from, to) = params.0.read(clock.now())?;
    webhooks.find_webhook(realm, id.0).await?.ok_or(ApiError::NotFound)?;
    Answer::data(&view(from, to, &webhooks.list_statistics(id.0, from, to).await?))
}

impl StatisticsParams {
    /// The beginnings of the first and the last day.
    fn read(&self, now: Timestamp) -> Result<(Timestamp, Timestamp), ApiError> {
        let mut reader = QueryReader::default();
        let from = reader.time("from", self.from.as_deref());
        let to = reader.time("to", self.to.as_deref());
        reader.finish()?;
        let to = day_of(to.unwrap_or(now));
        let from = from.map_or(to.saturating_sub(DAY * (DEFAULT_DAYS - 1)), day_of);
        if from > to {
            Err(ApiError::field("from", "The from must not be after the to."))
        } else if to.since(from) >= DAY * MAX_DAYS {
            Err(ApiError::field("from", "The from must be at most 366 days before the to."))
        } else {
            Ok((from, to))
        }
    }
}

fn day_of(moment: Timestamp) -> Timestamp {
    let into_day = moment.as_unix_micros().rem_euclid(DAY_MICROS);
    moment.saturating_sub(Duration::from_micros(into_day.unsigned_abs()))
}

fn date(day: Timestamp) -> String {
    day.to_string().chars().take(10).collect()
}

fn view(from: Timestamp, to: Timestamp, days: &[DailyStatistics]) -> StatisticsView {
    let sum = |of: fn(&DailyStatistics) -> u64| days.iter().map(of).sum::<u64>();
    let (successes, failures) = (sum(|day| day.successes), sum(|day| day.failures));
    let day_view = |day: &DailyStatistics| DayView {
        date: date(day.day),
        successes: day.successes,
        failures: day.failures,
        average_response_time_ms: average(day.response_time_ms, day.successes + day.failures),
    };
    StatisticsView {
        from: date(from),
        to: date(to),
        successes,
        failures,
        success_rate: percent(successes, successes + failures),
        average_response_time_ms: average(sum(|day| day.response_time_ms), successes + failures),
        days: days.iter().map(day_view).collect(),
    }
}

fn average(sum: u64, count: u64) -> Option<u64> {
    (sum + count / 2).checked_div(count)
}

/// To the nearest hundredth.
fn percent(part: u64, whole: u64) -> Option<f64> {
    let hundredths = (u128::from(part) * 10_000 + u128::from(whole) / 2).checked_div(u128::from(whole))?;
    Some(f64::from(u32::try_from(hundredths).ok()?) / 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(from: Option<&str>, to: Option<&str>) -> Option<(String, String)> {
        let now = Timestamp::parse("2026-01-30T10:30:00Z").unwrap();
        let params = StatisticsParams { from: from.map(Into::into), to: to.map(Into::into) };
        params.read(now).ok().map(|(from, to)| (date(from), date(to)))
    }

    #[test]
    fn thirty_days_are_told_when_nothing_is_said() {
        let days = |from: &str, to: &str| Some((from.to_owned(), to.to_owned()));
        assert_eq!(read(None, None), days("2026-01-01", "2026-01-30"));
        assert_eq!(read(Some("2026-01-30"), None), days("2026-01-30", "2026-01-30"));
        assert_eq!(read(None, Some("2026-02-01T23:00:00-02:00")), days("2026-01-04", "2026-02-02"));
        assert_eq!(read(Some("2025-01-30"), None), days("2025-01-30", "2026-01-30"));
        for (from, to) in [("2025-01-29", None), ("2026-01-31", None), ("2026-01-02", Some("2026-01-01")), ("x", None)]
        {
            assert_eq!(read(Some(from), to), None, "{from}");
        }
    }

    #[test]
    fn rates_are_rounded_and_absent_without_attempts() {
        assert_eq!(
            (percent(2, 3), percent(0, 5), percent(5, 5), percent(0, 0)),
            (Some(66.67), Some(0.0), Some(100.0), None)
        );
        assert_eq!((average(5, 2), average(0, 3), average(0, 0)), (Some(3), Some(0), None));
    }
}
