use core_domain::{Timestamp, WireWord as _};
use pixel::{
    Dimension, Domain, DropReason, Event, EventName, Features, Interval, PageUrl, Properties, SampleRate, Site,
    SiteSettings, Stats, StatsQuery, Totals, UserAgent, referrer_host,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;
use validator::Validate;

use super::front::Told;
use crate::extract::{Body, not_null};
use crate::list::Selectable;
use crate::{ApiError, FieldErrors};

/// What is taken of a page.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PixelConfig)]
pub(crate) struct ConfigView {
    enabled: bool,
    features: FeaturesView,
    /// The share of page loads that are to be told of.
    #[schema(minimum = 0, maximum = 1)]
    sample_rate: f64,
    honours_gpc: bool,
    honours_dnt: bool,
}

#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[schema(as = PixelFeatures)]
pub(crate) struct FeaturesView {
    pageviews: bool,
    events: bool,
    sessions: bool,
}

impl From<Features> for FeaturesView {
    fn from(Features { pageviews, events, sessions }: Features) -> Self {
        Self { pageviews, events, sessions }
    }
}

impl ConfigView {
    /// Of a site that takes nothing, as of none, nothing is told.
    pub(super) fn new(site: Option<&Site>) -> Self {
        let Some(settings) = site.map(|site| site.settings).filter(|settings| settings.enabled) else {
            let features = FeaturesView { pageviews: false, events: false, sessions: false };
            return Self { enabled: false, features, sample_rate: 0.0, honours_gpc: true, honours_dnt: true };
        };
        Self {
            enabled: true,
            features: settings.features.into(),
            sample_rate: settings.sample_rate.as_f64(),
            honours_gpc: settings.honours_gpc,
            honours_dnt: settings.honours_dnt,
        }
    }
}

/// One event, or several under `events`.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = TrackEvents)]
pub(crate) struct TrackBody {
    /// `pageview`, `pageleave`, or a name of your own.
    #[schema(min_length = 1, max_length = 120, example = "pageview")]
    event: Option<String>,
    /// The page.
    #[schema(max_length = 2048, example = "https://example.com/page")]
    url: Option<String>,
    /// Where the visitor came from.
    #[schema(max_length = 2048)]
    referrer: Option<String>,
    /// The header's when not given. Not kept.
    user_agent: Option<String>,
    /// Your own notes, at most 4 KiB.
    #[schema(value_type = Option<Object>)]
    properties: Option<Map<String, Value>>,
    /// Instead of one.
    #[schema(min_items = 1, max_items = 50)]
    events: Option<Vec<EventBody>>,
}

/// One of several events.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = TrackEvent)]
pub(crate) struct EventBody {
    #[schema(required = true, nullable = false, min_length = 1, max_length = 120)]
    event: Option<String>,
    #[schema(required = true, nullable = false, max_length = 2048)]
    url: Option<String>,
    #[schema(max_length = 2048)]
    referrer: Option<String>,
    user_agent: Option<String>,
    #[schema(value_type = Option<Object>)]
    properties: Option<Map<String, Value>>,
}

impl Body for TrackBody {
    const MAY_BE_TEXT: bool = true;
}

impl TrackBody {
    const MAX_EVENTS: usize = 50;

    pub(super) fn is_list(&self) -> bool {
        self.events.is_some()
    }

    /// The events, each with its user agent: `sent`, where it names none.
    pub(super) fn read(self, sent: &UserAgent) -> Result<Vec<Told>, ApiError> {
        let Self { event, url, referrer, user_agent, properties, events } = self;
        let mut errors = FieldErrors::default();
        let Some(events) = events else {
            let only = EventBody { event, url, referrer, user_agent, properties };
            let told = only.read(&mut errors, "", sent);
            errors.into_result()?;
            return Ok(told.into_iter().collect());
        };
        if event.is_some() || url.is_some() || referrer.is_some() || user_agent.is_some() || properties.is_some() {
            errors.add("events", "The events can't be given beside another event.");
        }
        if !(1..=Self::MAX_EVENTS).contains(&events.len()) {
            errors.add("events", "The events must be 1 to 50.");
        }
        errors.into_result()?;
        let mut errors = FieldErrors::default();
        let told = events.into_iter().enumerate();
        let told: Vec<_> =
            told.filter_map(|(place, event)| event.read(&mut errors, &format!("events[{place}]."), sent)).collect();
        errors.into_result()?;
        Ok(told)
    }
}

impl EventBody {
    fn read(self, errors: &mut FieldErrors, path: &str, sent: &UserAgent) -> Option<Told> {
        let field = |name: &str| format!("{path}{name}");
        if self.event.is_none() {
            errors.add(&field("event"), "The event field is required.");
        }
        if self.url.is_none() {
            errors.add(&field("url"), "The url field is required.");
        }
        let name = self.event.and_then(|text| errors.keep(&field("event"), EventName::try_from(text)));
        let page = self.url.and_then(|text| errors.keep(&field("url"), PageUrl::parse(&text)));
        let referrer = referrer_host(self.referrer.as_deref().unwrap_or_default());
        let referrer = errors.keep(&field("referrer"), referrer).flatten();
        let properties = self.properties.as_ref().filter(|object| !object.is_empty());
        let properties = properties.and_then(|object| errors.keep(&field("properties"), Properties::try_from(object)));
        let user_agent = self.user_agent.as_deref().map_or_else(|| sent.clone(), UserAgent::from);
        Some(Told { event: Event { name: name?, page: page?, referrer, properties }, user_agent })
    }
}

/// What became of events.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Tracked)]
pub(crate) struct TrackView {
    /// Whether all of them are stored.
    tracked: bool,
    /// Why one is not taken: `unknown_site`, `origin_mismatch`, `site_disabled`, `feature_disabled`, `bot`, `gpc`, `dnt`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    reason: Option<&'static str>,
    /// Of several, each in its place.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    results: Option<Vec<ResultView>>,
}

/// What became of one of several.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TrackedEvent)]
pub(crate) struct ResultView {
    tracked: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    reason: Option<&'static str>,
}

impl TrackView {
    pub(super) fn new(reasons: &[Option<DropReason>], is_list: bool) -> Self {
        let word = |reason: Option<DropReason>| reason.map(DropReason::as_str);
        let results = reasons.iter().map(|reason| ResultView { tracked: reason.is_none(), reason: word(*reason) });
        Self {
            tracked: reasons.iter().all(Option::is_none),
            reason: if is_list { None } else { reasons.first().copied().and_then(word) },
            results: is_list.then(|| results.collect()),
        }
    }
}

/// A site. With `fields`, only those and `id` are present.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Site)]
#[expect(clippy::struct_excessive_bools, reason = "each is a field")]
pub(crate) struct SiteView {
    #[schema(minimum = 1)]
    id: i64,
    #[schema(required = false)]
    workspace_id: i64,
    #[schema(required = false)]
    environment: &'static str,
    #[schema(required = false)]
    domain: String,
    #[schema(required = false)]
    subdomains: bool,
    #[schema(required = false)]
    enabled: bool,
    #[schema(required = false)]
    features: FeaturesView,
    #[schema(required = false, minimum = 0, maximum = 1)]
    sample_rate: f64,
    #[schema(required = false)]
    honours_gpc: bool,
    #[schema(required = false)]
    honours_dnt: bool,
    #[schema(required = false, value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(required = false, value_type = String, format = DateTime)]
    updated_at: Timestamp,
}

impl Selectable for SiteView {
    const FIELDS: &'static [&'static str] = &[
        "id",
        "workspace_id",
        "environment",
        "domain",
        "subdomains",
        "enabled",
        "features",
        "sample_rate",
        "honours_gpc",
        "honours_dnt",
        "created_at",
        "updated_at",
    ];
    const INCLUDES: &'static [&'static str] = &[];
}

impl From<&Site> for SiteView {
    fn from(site: &Site) -> Self {
        Self {
            id: site.id.get(),
            workspace_id: site.place.workspace_id.get(),
            environment: site.place.environment.as_str(),
            domain: site.domain.to_string(),
            subdomains: site.settings.subdomains,
            enabled: site.settings.enabled,
            features: site.settings.features.into(),
            sample_rate: site.settings.sample_rate.as_f64(),
            honours_gpc: site.settings.honours_gpc,
            honours_dnt: site.settings.honours_dnt,
            created_at: site.created_at,
            updated_at: site.updated_at,
        }
    }
}

macro_rules! site_bodies {
    ($($(#[$meta:meta])* $name:ident { $($(#[$own_meta:meta])* $own:ident: $own_type:ty,)? })+) => {$(
        #[derive(Debug, Deserialize, Validate, ToSchema)]
        $(#[$meta])*
        #[serde(deny_unknown_fields)]
        pub(crate) struct $name {
            $($(#[$own_meta])* $own: $own_type,)?
            /// Whether its subdomains belong to it.
            #[serde(default, deserialize_with = "not_null")]
            #[schema(value_type = bool, required = false)]
            subdomains: Option<bool>,
            /// Whether anything is taken.
            #[serde(default, deserialize_with = "not_null")]
            #[schema(value_type = bool, required = false)]
            enabled: Option<bool>,
            /// What is taken; what is not named stays.
            #[serde(default, deserialize_with = "not_null")]
            #[schema(value_type = FeaturesBody, required = false)]
            features: Option<FeaturesBody>,
            /// The share of page loads that the script tells of.
            #[serde(default, deserialize_with = "not_null")]
            #[schema(value_type = f64, required = false, minimum = 0, maximum = 1)]
            sample_rate: Option<f64>,
            /// Whether visitors with Global Privacy Control are left alone.
            #[serde(default, deserialize_with = "not_null")]
            #[schema(value_type = bool, required = false)]
            honours_gpc: Option<bool>,
            /// Whether visitors with Do Not Track are left alone.
            #[serde(default, deserialize_with = "not_null")]
            #[schema(value_type = bool, required = false)]
            honours_dnt: Option<bool>,
        }

        impl Body for $name {}

        impl $name {
            fn change(&self, errors: &mut FieldErrors) -> SettingsChange {
                SettingsChange {
                    subdomains: self.subdomains,
                    enabled: self.enabled,
                    features: self.features,
                    sample_rate: self
                        .sample_rate
                        .and_then(|share| errors.keep("sample_rate", SampleRate::try_from(share))),
                    honours_gpc: self.honours_gpc,
                    honours_dnt: self.honours_dnt,
                }
            }
        }
    )+};
}

site_bodies! {
    /// A site to be registered.
    #[schema(as = CreateSite)]
    CreateSiteBody {
        /// A host name, without scheme, port or path.
        #[validate(required(message = "The domain field is required."))]
        #[schema(required = true, nullable = false, example = "shop.example.com", max_length = 253)]
        domain: Option<String>,
    }
    /// What is to be changed of a site.
    #[schema(as = UpdateSite)]
    UpdateSiteBody {}
}

/// What is taken.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ChangePixelFeatures)]
pub(crate) struct FeaturesBody {
    #[serde(default, deserialize_with = "not_null")]
    #[schema(value_type = bool, required = false)]
    pageviews: Option<bool>,
    #[serde(default, deserialize_with = "not_null")]
    #[schema(value_type = bool, required = false)]
    events: Option<bool>,
    #[serde(default, deserialize_with = "not_null")]
    #[schema(value_type = bool, required = false)]
    sessions: Option<bool>,
}

/// A change of settings; what is missing stays.
#[derive(Debug, Clone, Copy)]
pub(super) struct SettingsChange {
    subdomains: Option<bool>,
    enabled: Option<bool>,
    features: Option<FeaturesBody>,
    sample_rate: Option<SampleRate>,
    honours_gpc: Option<bool>,
    honours_dnt: Option<bool>,
}

impl SettingsChange {
    pub(super) fn apply(&self, settings: &mut SiteSettings) {
        fn set<T: Copy>(field: &mut T, new: Option<T>) {
            if let Some(value) = new {
                *field = value;
            }
        }
        set(&mut settings.subdomains, self.subdomains);
        set(&mut settings.enabled, self.enabled);
        set(&mut settings.sample_rate, self.sample_rate);
        set(&mut settings.honours_gpc, self.honours_gpc);
        set(&mut settings.honours_dnt, self.honours_dnt);
        if let Some(features) = self.features {
            set(&mut settings.features.pageviews, features.pageviews);
            set(&mut settings.features.events, features.events);
            set(&mut settings.features.sessions, features.sessions);
        }
    }
}

impl CreateSiteBody {
    pub(super) fn read(&self) -> Result<(Domain, SiteSettings), ApiError> {
        let mut errors = FieldErrors::default();
        let domain = errors.keep("domain", Domain::try_from(self.domain.as_deref().unwrap_or_default()));
        let mut settings = SiteSettings::default();
        self.change(&mut errors).apply(&mut settings);
        errors.into_result()?;
        Ok((domain.ok_or(ApiError::NotFound)?, settings))
    }
}

impl UpdateSiteBody {
    pub(super) fn read(&self) -> Result<SettingsChange, ApiError> {
        let mut errors = FieldErrors::default();
        let change = self.change(&mut errors);
        errors.into_result()?;
        Ok(change)
    }
}

/// What was counted of a site.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PixelStats)]
pub(crate) struct StatsView<'a> {
    site: &'a str,
    #[schema(format = Date)]
    from: String,
    #[schema(format = Date)]
    to: String,
    interval: &'static str,
    totals: TotalsView,
    /// Every point of the time, those without anything as well.
    series: Vec<PointView>,
    pages: Vec<NameView<'a>>,
    referrers: Vec<NameView<'a>>,
    events: Vec<NameView<'a>>,
    sources: Vec<NameView<'a>>,
    campaigns: Vec<NameView<'a>>,
    /// What was not taken, by reason.
    dropped: Vec<NameView<'a>>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PixelTotals)]
pub(crate) struct TotalsView {
    visitors: u64,
    pageviews: u64,
    sessions: u64,
    events: u64,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PixelPoint)]
pub(crate) struct PointView {
    /// Its beginning.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    visitors: u64,
    pageviews: u64,
    sessions: u64,
    events: u64,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PixelName)]
pub(crate) struct NameView<'a> {
    name: &'a str,
    count: u64,
}

impl<'a> StatsView<'a> {
    pub(super) fn new(site: &'a Site, query: &StatsQuery, stats: &'a Stats) -> Self {
        let date = |day: Timestamp| day.to_string().chars().take(10).collect();
        let names =
            |dimension| stats.of(dimension).map(|named| NameView { name: &named.name, count: named.count }).collect();
        let Totals { visitors, sessions, pageviews, events, .. } = stats.totals();
        let points = stats.filled(query).into_iter().map(|(at, point)| {
            let Totals { visitors, sessions, pageviews, events, .. } = point;
            PointView { at, visitors, pageviews, sessions, events }
        });
        Self {
            site: site.domain.as_str(),
            from: date(query.from),
            to: date(query.to),
            interval: Interval::as_str(query.interval),
            totals: TotalsView { visitors, pageviews, sessions, events },
            series: points.collect(),
            pages: names(Dimension::Page),
            referrers: names(Dimension::Referrer),
            events: names(Dimension::Event),
            sources: names(Dimension::Source),
            campaigns: names(Dimension::Campaign),
            dropped: names(Dimension::Dropped),
        }
    }
}
