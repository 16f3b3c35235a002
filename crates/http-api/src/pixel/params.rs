use core_domain::{SiteId, Timestamp};
use pixel::{DAY, Domain, Interval, SiteFilter, SiteQuery, SiteSort, StatsQuery, day_of};
use serde::Deserialize;
use utoipa::IntoParams;

use super::dto::SiteView;
use crate::extract::QueryReader;
use crate::list::{Common, Selection, list_params};
use crate::{ApiError, FieldErrors};

/// Whose configuration is asked for.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ConfigParams {
    /// The page's host; what the browser says of it goes before.
    #[param(nullable = false, example = "shop.example.com")]
    domain: Option<String>,
}

impl ConfigParams {
    pub(super) fn read(&self) -> Result<Option<Domain>, ApiError> {
        let mut errors = FieldErrors::default();
        let domain = self.domain.as_deref().and_then(|text| errors.keep("domain", Domain::try_from(text)));
        errors.into_result()?;
        Ok(domain)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Switch {
    On,
    Off,
}

core_domain::wire_words!(Switch { On = "true", Off = "false" });

list_params! {
    /// What a list of sites can be asked for.
    SiteListParams {
        /// `true` or `false`.
        enabled,
    }
}

impl SiteListParams {
    pub(super) fn read(&self) -> Result<(SiteQuery, Selection), ApiError> {
        let mut reader = QueryReader::default();
        let enabled: Option<Switch> = reader.word("enabled", self.enabled.as_deref());
        let Common { created, updated, search, sort, page, selection } =
            self.common::<SiteView, _>(&mut reader, SiteSort::DEFAULT);
        reader.finish()?;
        let enabled = enabled.map(|switch| switch == Switch::On);
        Ok((SiteQuery { filter: SiteFilter { enabled, created, updated, search }, sort, page }, selection))
    }
}

/// What is to be shown of a site.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct StatsParams {
    /// The site's domain.
    #[param(required = true, nullable = false, example = "shop.example.com")]
    site: Option<String>,
    /// The first day; 29 days before the last one when not given.
    #[param(nullable = false, example = "2026-01-01")]
    from: Option<String>,
    /// The last day; today when not given.
    #[param(nullable = false, example = "2026-01-31")]
    to: Option<String>,
    /// How long each point of the series lasts: `day`, for up to 366 days, or `hour`, for up to 31.
    #[param(nullable = false)]
    interval: Option<String>,
    /// How many names of each kind; 10 when not given.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100, nullable = false)]
    limit: Option<String>,
}

impl StatsParams {
    const DEFAULT_DAYS: u32 = 30;
    const DEFAULT_TOP: u32 = 10;

    pub(super) fn domain(&self) -> Result<Domain, ApiError> {
        let text = self.site.as_deref().filter(|text| !text.is_empty());
        let text = text.ok_or_else(|| ApiError::field("site", "The site parameter is required."))?;
        Domain::try_from(text)
            .map_err(|_| ApiError::field("site", "The site must be a domain, such as shop.example.com."))
    }

    /// Everything but the site, which `site_id` names.
    pub(super) fn read(&self, site_id: SiteId, now: Timestamp) -> Result<StatsQuery, ApiError> {
        let mut reader = QueryReader::default();
        let interval = reader.word("interval", self.interval.as_deref()).unwrap_or(Interval::Day);
        reader.finish()?;
        let mut errors = FieldErrors::default();
        let mut day = |name: &str, text: Option<&str>| {
            let read = Timestamp::parse(text?).map(day_of);
            read.map_err(|_| errors.add(name, format!("The {name} must be an ISO 8601 date, such as 2026-01-15."))).ok()
        };
        let to = day("to", self.to.as_deref()).unwrap_or_else(|| day_of(now));
        let from = day("from", self.from.as_deref());
        let top = self.limit.as_deref().map_or(Some(Self::DEFAULT_TOP), |text| {
            text.parse().ok().filter(|number| (1..=StatsQuery::MAX_TOP).contains(number))
        });
        if top.is_none() {
            errors.add("limit", "The limit must be an integer between 1 and 100.");
        }
        errors.into_result()?;
        let from = from.unwrap_or_else(|| to.saturating_sub(DAY * (Self::DEFAULT_DAYS - 1)));
        let most = if interval == Interval::Hour { StatsQuery::MAX_DAYS_BY_HOUR } else { StatsQuery::MAX_DAYS };
        if from > to || to.since(from).as_secs() / DAY.as_secs() >= most {
            let message = format!("The from must not be after to, nor more than {most} days be shown by {interval}.");
            return Err(ApiError::field("from", message));
        }
        Ok(StatsQuery { site_id, from, to, interval, top: top.unwrap_or(Self::DEFAULT_TOP) })
    }
}
