use ::keys::{ApiKey, KeyDigest, KeyName, PepperVersion};
use chrono::{DateTime, Utc};
use core_domain::{ApiKeyId, Environment, StorageError, Tier, Timestamp, WireWord as _, WorkspaceId};
use diesel::prelude::*;

use crate::error::OrCorrupt as _;
use crate::schema::api_keys;
use crate::time;

pub(super) const TABLE: &str = "api_keys";

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = api_keys)]
pub(crate) struct KeyRow {
    id: i64,
    lineage_id: i64,
    account_id: i64,
    workspace_id: Option<i64>,
    name: String,
    prefix: String,
    digest: Vec<u8>,
    pepper_version: i32,
    environment: String,
    scopes: String,
    rate_limit_tier: Option<i16>,
    allowed_ips: Option<String>,
    mcp_servers: Option<String>,
    expires_at: Option<DateTime<Utc>>,
    grace_period_ends_at: Option<DateTime<Utc>>,
    revoked_at: Option<DateTime<Utc>>,
    rotated_from_id: Option<i64>,
    last_used_at: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl From<&ApiKey> for KeyRow {
    fn from(key: &ApiKey) -> Self {
        Self {
            id: key.id.get(),
            lineage_id: key.lineage_id.get(),
            account_id: key.account_id.get(),
            workspace_id: key.workspace_id.map(WorkspaceId::get),
            name: key.name.as_str().to_owned(),
            prefix: key.prefix.clone(),
            digest: key.digest.as_bytes().to_vec(),
            pepper_version: key.pepper_version.0,
            environment: key.environment.as_str().to_owned(),
            scopes: key.scopes.to_string(),
            rate_limit_tier: key.rate_limit_tier.map(Tier::rank),
            allowed_ips: key.allowed_ips.as_ref().map(ToString::to_string),
            mcp_servers: key.mcp_servers.as_ref().map(|servers| servers.ids().join(" ")),
            expires_at: key.expires_at.map(time::stored),
            grace_period_ends_at: key.grace_period_ends_at.map(time::stored),
            revoked_at: key.revoked_at.map(time::stored),
            rotated_from_id: key.rotated_from_id.map(ApiKeyId::get),
            last_used_at: key.last_used_at.map(time::stored),
            created_at: time::stored(key.created_at),
            updated_at: time::stored(key.updated_at),
        }
    }
}

impl TryFrom<KeyRow> for ApiKey {
    type Error = StorageError;

    fn try_from(row: KeyRow) -> Result<Self, StorageError> {
        Ok(Self {
            id: row.id.try_into().or_corrupt(TABLE, "id")?,
            lineage_id: row.lineage_id.try_into().or_corrupt(TABLE, "lineage_id")?,
            account_id: row.account_id.try_into().or_corrupt(TABLE, "account_id")?,
            workspace_id: row.workspace_id.map(TryInto::try_into).transpose().or_corrupt(TABLE, "workspace_id")?,
            name: KeyName::try_from(&*row.name).or_corrupt(TABLE, "name")?,
            prefix: row.prefix,
            digest: <[u8; 32]>::try_from(&*row.digest).map(KeyDigest::from).or_corrupt(TABLE, "digest")?,
            pepper_version: PepperVersion(row.pepper_version),
            environment: Environment::from_word(&row.environment).or_corrupt(TABLE, "environment")?,
            scopes: row.scopes.parse().or_corrupt(TABLE, "scopes")?,
            rate_limit_tier: match row.rate_limit_tier {
                Some(rank) => Some(Tier::from_rank(rank).or_corrupt(TABLE, "rate_limit_tier")?),
                None => None,
            },
            allowed_ips: row.allowed_ips.map(|text| text.parse()).transpose().or_corrupt(TABLE, "allowed_ips")?,
            mcp_servers: row.mcp_servers.map(|ids| ids.split_whitespace().map(str::to_owned).collect()),
            expires_at: moment(row.expires_at, "expires_at")?,
            grace_period_ends_at: moment(row.grace_period_ends_at, "grace_period_ends_at")?,
            revoked_at: moment(row.revoked_at, "revoked_at")?,
            rotated_from_id: row
                .rotated_from_id
                .map(TryInto::try_into)
                .transpose()
                .or_corrupt(TABLE, "rotated_from_id")?,
            last_used_at: moment(row.last_used_at, "last_used_at")?,
            created_at: time::read(row.created_at, TABLE, "created_at")?,
            updated_at: time::read(row.updated_at, TABLE, "updated_at")?,
        })
    }
}

fn moment(stored: Option<DateTime<Utc>>, column: &'static str) -> Result<Option<Timestamp>, StorageError> {
    stored.map(|moment| time::read(moment, TABLE, column)).transpose()
}
