use ::pixel::{Domain, Features, SampleRate, Site, SiteSettings};
use core_domain::{Environment, Realm, StorageError, Timestamp, WireWord as _};
use diesel::prelude::*;

use crate::error::OrCorrupt as _;
use crate::schema::pixel_sites;

pub(super) const SITES: &str = "pixel_sites";

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = pixel_sites)]
#[expect(clippy::struct_excessive_bools, reason = "each is a column")]
pub(super) struct SiteRow {
    pub(super) id: i64,
    pub(super) workspace_id: i64,
    environment: String,
    pub(super) domain: String,
    subdomains: bool,
    enabled: bool,
    pageviews: bool,
    events: bool,
    sessions: bool,
    sample_rate: i32,
    honours_gpc: bool,
    honours_dnt: bool,
    pub(super) created_at: i64,
    updated_at: i64,
}

impl From<&Site> for SiteRow {
    fn from(site: &Site) -> Self {
        let settings = site.settings;
        Self {
            id: site.id.get(),
            workspace_id: site.place.workspace_id.get(),
            environment: site.place.environment.as_str().to_owned(),
            domain: site.domain.to_string(),
            subdomains: settings.subdomains,
            enabled: settings.enabled,
            pageviews: settings.features.pageviews,
            events: settings.features.events,
            sessions: settings.features.sessions,
            sample_rate: i32::try_from(settings.sample_rate.millionths()).unwrap_or(i32::MAX),
            honours_gpc: settings.honours_gpc,
            honours_dnt: settings.honours_dnt,
            created_at: site.created_at.as_unix_micros(),
            updated_at: site.updated_at.as_unix_micros(),
        }
    }
}

impl TryFrom<SiteRow> for Site {
    type Error = StorageError;

    fn try_from(row: SiteRow) -> Result<Self, StorageError> {
        let sample_rate = u32::try_from(row.sample_rate).or_corrupt(SITES, "sample_rate")?;
        Ok(Self {
            id: row.id.try_into().or_corrupt(SITES, "id")?,
            place: Realm {
                workspace_id: row.workspace_id.try_into().or_corrupt(SITES, "workspace_id")?,
                environment: Environment::from_word(&row.environment).or_corrupt(SITES, "environment")?,
            },
            domain: Domain::try_from(row.domain.as_str()).or_corrupt(SITES, "domain")?,
            settings: SiteSettings {
                subdomains: row.subdomains,
                enabled: row.enabled,
                features: Features { pageviews: row.pageviews, events: row.events, sessions: row.sessions },
                sample_rate: SampleRate::from_millionths(sample_rate).or_corrupt(SITES, "sample_rate")?,
                honours_gpc: row.honours_gpc,
                honours_dnt: row.honours_dnt,
            },
            created_at: Timestamp::from_unix_micros(row.created_at).or_corrupt(SITES, "created_at")?,
            updated_at: Timestamp::from_unix_micros(row.updated_at).or_corrupt(SITES, "updated_at")?,
        })
    }
}
