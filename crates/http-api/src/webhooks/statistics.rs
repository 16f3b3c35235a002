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

/// Of which time.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct StatisticsParams {
    /// The first day (ISO 8601); 30 days ago when not given.
    #[param(nullable = false)]
    from: Option<String>,
    /// The last day (ISO 8601); today when not given.
    #[param(nullable = false)]
    to: Option<String>,
}

/// What a webhook did on each day, tests aside. Days without attempts are left out.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WebhookStatistics)]
pub(crate) struct StatisticsView {
    /// Attempts that succeeded.
    successes: u64,
    /// Attempts that failed.
    failures: u64,
    /// How long an attempt took, on average.
    #[schema(required)]
    average_response_time_ms: Option<u64>,
    days: Vec<DayView>,
}

/// What a webhook did on one day (UTC).
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WebhookDay)]
pub(crate) struct DayView {
    #[schema(format = Date)]
    date: String,
    successes: u64,
    failures: u64,
    average_response_time_ms: Option<u64>,
}

/// Show a webhook's statistics
#[utoipa::path(get, path = "/api/v1/webhooks/{id}/statistics", tag = "Webhooks",
    params(WorkspaceHeader, ("id" = i64, Path, minimum = 1), StatisticsParams),
    security(("api_key" = ["webhooks:read"])), responses((status = 200, body = Data<StatisticsView>)))]
pub(crate) async fn show(
    caller: Caller<WebhooksRead>,
    id: PathId<WebhookId>,
    params: Query<StatisticsParams>,
    reader: web::Data<dyn WebhookReader>,
    clock: web::Data<dyn Clock>,
) -> Result<Answer, ApiError> {
    const MONTH: Duration = Duration::from_hours(30 * 24);
    let realm = realm(&caller).await?;
    let mut query = QueryReader::default();
    let from = query.time("from", params.0.from.as_deref());
    let to = query.time("to", params.0.to.as_deref());
    query.finish()?;
    let to = to.unwrap_or_else(|| clock.now());
    let from = from.unwrap_or_else(|| to.saturating_sub(MONTH));
    reader.find_webhook(realm, id.0).await?.ok_or(ApiError::NotFound)?;
    Answer::data(&StatisticsView::from(&*reader.list_statistics(id.0, from, to).await?))
}

impl From<&[DailyStatistics]> for StatisticsView {
    fn from(days: &[DailyStatistics]) -> Self {
        let sum = |part: fn(&DailyStatistics) -> u64| days.iter().map(part).sum::<u64>();
        let (successes, failures) = (sum(|day| day.successes), sum(|day| day.failures));
        let average_response_time_ms = sum(|day| day.response_time_ms).checked_div(successes + failures);
        Self { successes, failures, average_response_time_ms, days: days.iter().map(DayView::from).collect() }
    }
}

impl From<&DailyStatistics> for DayView {
    fn from(day: &DailyStatistics) -> Self {
        Self {
            date: date(day.day),
            successes: day.successes,
            failures: day.failures,
            average_response_time_ms: day.response_time_ms.checked_div(day.successes + day.failures),
        }
    }
}

fn date(moment: Timestamp) -> String {
    moment.to_string().chars().take_while(|character| *character != 'T').collect()
}
