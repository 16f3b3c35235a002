use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::time::Duration;

use core_domain::{Timestamp, WireWord as _};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;
use validator::Validate;
use webhooks::{
    Endpoint, EndpointHeaders, EndpointUrl, Pattern, RegisterWebhook, RotateSecret, Secret, SecretKind, Subscriptions,
    UpdateWebhook,
};

use super::delivery_dto::DeliveryView;
use crate::extract::{Body, not_null};
use crate::keys::EnvironmentWord;
use crate::list::Selectable;
use crate::workspaces::WorkspaceView;
use crate::{ApiError, FieldErrors};

/// A webhook. With `fields`, only those and `id` are present.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Webhook)]
pub(crate) struct WebhookView {
    #[schema(minimum = 1)]
    id: i64,
    #[schema(required = false)]
    url: String,
    description: Option<String>,
    /// Exact types, `post.*`, or `*`.
    #[schema(required = false)]
    events: Vec<String>,
    #[schema(required = false)]
    is_active: bool,
    #[schema(value_type = Option<String>, format = DateTime)]
    disabled_at: Option<Timestamp>,
    /// `by_owner`, `failing` or `gone`.
    disabled_reason: Option<&'static str>,
    #[schema(required = false, value_type = EnvironmentWord)]
    environment: &'static str,
    /// Sent with every event. The value of one whose name speaks of a credential is shown as `***`.
    #[schema(required = false)]
    headers: BTreeMap<String, String>,
    /// The most sends that begin in a second; null: no limit of its own.
    #[schema(value_type = Option<u32>)]
    rate_limit: Option<NonZeroU32>,
    /// Attempts that succeeded.
    #[schema(required = false)]
    success_count: u64,
    /// Attempts that failed.
    #[schema(required = false)]
    failure_count: u64,
    /// Attempts that failed since the last success.
    #[schema(required = false)]
    consecutive_failures: u64,
    #[schema(value_type = Option<String>, format = DateTime)]
    last_delivery_at: Option<Timestamp>,
    #[schema(required = false, value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(required = false, value_type = String, format = DateTime)]
    updated_at: Timestamp,
    /// With `include=workspace`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(crate) workspace: Option<WorkspaceView>,
    /// With `include=latest_deliveries`: the five made last, newest first.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(crate) latest_deliveries: Option<Vec<DeliveryView>>,
}

impl Selectable for WebhookView {
    const FIELDS: &'static [&'static str] = &[
        "id",
        "url",
        "description",
        "events",
        "is_active",
        "disabled_at",
        "disabled_reason",
        "environment",
        "headers",
        "rate_limit",
        "success_count",
        "failure_count",
        "consecutive_failures",
        "last_delivery_at",
        "created_at",
        "updated_at",
    ];
    const INCLUDES: &'static [&'static str] = &["workspace", "latest_deliveries"];
}

impl From<&Endpoint> for WebhookView {
    fn from(endpoint: &Endpoint) -> Self {
        Self {
            id: endpoint.id.get(),
            url: endpoint.url.as_str().to_owned(),
            description: endpoint.description.clone(),
            events: endpoint.subscriptions.patterns().iter().map(|pattern| pattern.as_str().to_owned()).collect(),
            is_active: endpoint.is_active(),
            disabled_at: endpoint.disabled.map(|disabled| disabled.at),
            disabled_reason: endpoint.disabled.map(|disabled| disabled.reason.as_str()),
            environment: endpoint.environment.as_str(),
            headers: endpoint.headers.pairs().iter().map(|(name, value)| (name.clone(), shown(name, value))).collect(),
            rate_limit: endpoint.rate_limit,
            success_count: endpoint.health.success_count,
            failure_count: endpoint.health.failure_count,
            consecutive_failures: endpoint.health.consecutive_failures,
            last_delivery_at: endpoint.health.last_delivery_at,
            created_at: endpoint.created_at,
            updated_at: endpoint.updated_at,
            workspace: None,
            latest_deliveries: None,
        }
    }
}

fn shown(name: &str, value: &str) -> String {
    const CREDENTIALS: [&str; 6] = ["auth", "cookie", "key", "password", "secret", "token"];
    if CREDENTIALS.iter().any(|word| name.contains(word)) { "***".to_owned() } else { value.to_owned() }
}

/// A webhook with its secret, which is shown this once.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WebhookWithSecretView {
    #[serde(flatten)]
    about: WebhookView,
    /// What signs its events. It can't be read again.
    #[schema(example = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]
    secret: String,
    /// For receivers of Ed25519 signatures.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    public_key: Option<String>,
    /// After a rotation: until when the old secret signs as well.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, value_type = Option<String>, format = DateTime)]
    previous_secret_ends_at: Option<Timestamp>,
}

impl WebhookWithSecretView {
    pub(crate) fn new(endpoint: &Endpoint, secret: &Secret, previous_secret_ends_at: Option<Timestamp>) -> Self {
        Self {
            about: endpoint.into(),
            secret: secret.expose().to_string(),
            public_key: secret.public_key(),
            previous_secret_ends_at,
        }
    }
}

/// A webhook to be made.
#[derive(Debug, Clone, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = CreateWebhook)]
pub(crate) struct CreateWebhookBody {
    /// An https URL without credentials and fragment, to a public address.
    #[validate(required(message = "The url field is required."))]
    #[schema(required = true, nullable = false, max_length = 2048, example = "https://your-app.com/webhooks")]
    url: Option<String>,
    /// Exact types, `post.*` (every type below `post.`), or `*`.
    #[validate(required(message = "The events field is required."))]
    #[schema(required = true, nullable = false, min_items = 1, max_items = 100, example = json!(["post.created", "post.*"]))]
    events: Option<Vec<String>>,
    /// `whsec_` and base64 of 24 to 64 bytes; or `whsk_` and base64 of an Ed25519 key. Made when not given.
    #[schema(example = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]
    secret: Option<String>,
    /// With a secret that is made: `v1` (HMAC-SHA-256) or `v1a` (Ed25519).
    #[schema(value_type = Option<SigningWord>)]
    signing: Option<String>,
    #[schema(max_length = 1000)]
    description: Option<String>,
    /// Sent with every event: at most 20, of 4096 bytes together.
    headers: Option<BTreeMap<String, String>>,
    /// The most sends that begin in a second, 1 to 10000; null: no limit of its own.
    #[validate(range(min = 1, max = 10_000, message = "The rate_limit must be between 1 and 10000."))]
    #[schema(minimum = 1, maximum = 10000)]
    rate_limit: Option<i64>,
    /// `true` when not given.
    is_active: Option<bool>,
}

/// How events are signed.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(dead_code, reason = "documents the wire words")]
pub(crate) enum SigningWord {
    V1,
    V1a,
}

impl Body for CreateWebhookBody {}

impl CreateWebhookBody {
    pub(crate) fn into_command(self) -> Result<RegisterWebhook, ApiError> {
        let mut errors = FieldErrors::default();
        let url = self.url.and_then(|url| read_url(&mut errors, url));
        let subscriptions = self.events.and_then(|events| read_patterns(&mut errors, events));
        let secret = self.secret.and_then(|text| read_secret(&mut errors, &text));
        let kind = self.signing.and_then(|word| {
            let kind = SecretKind::from_word(&word).ok_or("the signing must be v1 or v1a");
            errors.keep("signing", kind)
        });
        if let (Some(secret), Some(kind)) = (&secret, kind)
            && secret.kind() != kind
        {
            errors.add("signing", "The signing does not fit the secret that is given.");
        }
        let headers = read_headers(&mut errors, self.headers.unwrap_or_default()).unwrap_or_default();
        check_description(&mut errors, self.description.as_deref());
        errors.into_result()?;
        let (Some(url), Some(subscriptions)) = (url, subscriptions) else {
            return Err(ApiError::Validation(FieldErrors::default()));
        };
        Ok(RegisterWebhook {
            url,
            description: self.description.filter(|text| !text.is_empty()),
            subscriptions,
            secret: secret.ok_or(kind.unwrap_or_default()),
            headers,
            rate_limit: self.rate_limit.and_then(rate),
            is_active: self.is_active.unwrap_or(true),
        })
    }
}

/// A change to a webhook: what is not given stays.
#[expect(clippy::option_option, reason = "left out and null are not the same")]
#[derive(Debug, Clone, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = UpdateWebhook)]
pub(crate) struct UpdateWebhookBody {
    #[serde(default, deserialize_with = "not_null")]
    #[schema(nullable = false, max_length = 2048)]
    url: Option<String>,
    #[serde(default, deserialize_with = "not_null")]
    #[schema(nullable = false, min_items = 1, max_items = 100)]
    events: Option<Vec<String>>,
    /// `true` also forgives earlier failures.
    #[serde(default, deserialize_with = "not_null")]
    #[schema(nullable = false)]
    is_active: Option<bool>,
    /// Null removes it.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, max_length = 1000)]
    description: Option<Option<String>>,
    /// All of them: what is not named is no longer sent.
    #[serde(default, deserialize_with = "not_null")]
    #[schema(nullable = false)]
    headers: Option<BTreeMap<String, String>>,
    /// Null lifts the limit.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<i64>, minimum = 1, maximum = 10000)]
    rate_limit: Option<Option<i64>>,
}

impl Body for UpdateWebhookBody {}

impl UpdateWebhookBody {
    pub(crate) fn into_command(self) -> Result<UpdateWebhook, ApiError> {
        let mut errors = FieldErrors::default();
        check_description(&mut errors, self.description.as_ref().and_then(Option::as_deref));
        if self.rate_limit.iter().flatten().any(|number| !(1..=10_000).contains(number)) {
            errors.add("rate_limit", "The rate_limit must be between 1 and 10000.");
        }
        let change = UpdateWebhook {
            url: self.url.and_then(|url| read_url(&mut errors, url)),
            description: self.description.map(|text| text.filter(|text| !text.is_empty())),
            subscriptions: self.events.and_then(|events| read_patterns(&mut errors, events)),
            headers: self.headers.and_then(|headers| read_headers(&mut errors, headers)),
            rate_limit: self.rate_limit.map(|limit| limit.and_then(rate)),
            is_active: self.is_active,
        };
        errors.into_result()?;
        Ok(change)
    }
}

/// How to rotate a signing secret.
#[derive(Debug, Clone, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RotateWebhookSecret)]
pub(crate) struct RotateSecretBody {
    /// The new secret; made when not given.
    secret: Option<String>,
    /// How many hours the old secret signs beside the new one; 0 ends it at once.
    #[validate(range(min = 0, max = 168, message = "The grace_period_hours must be between 0 and 168."))]
    #[schema(minimum = 0, maximum = 168, default = 24)]
    grace_period_hours: Option<u64>,
}

impl Body for RotateSecretBody {
    const IS_OPTIONAL: bool = true;
}

impl RotateSecretBody {
    pub(crate) fn into_command(self) -> Result<RotateSecret, ApiError> {
        let mut errors = FieldErrors::default();
        let secret = self.secret.and_then(|text| read_secret(&mut errors, &text));
        errors.into_result()?;
        let overlap = self.grace_period_hours.map_or(RotateSecret::OVERLAP, Duration::from_hours);
        Ok(RotateSecret { secret, overlap })
    }
}

fn check_description(errors: &mut FieldErrors, text: Option<&str>) {
    let Some(text) = text else { return };
    if text.chars().count() > 1_000 {
        errors.add("description", "The description must not be longer than 1000 characters.");
    }
    if text.contains(|character: char| character.is_control() && character != '\n') {
        errors.add("description", "The description must not contain control characters.");
    }
}

fn read_url(errors: &mut FieldErrors, text: String) -> Option<EndpointUrl> {
    errors.keep("url", EndpointUrl::try_from(text).map_err(|fault| format!("the url {fault}")))
}

fn read_patterns(errors: &mut FieldErrors, texts: Vec<String>) -> Option<Subscriptions> {
    let count = texts.len();
    let patterns: Vec<Pattern> = texts
        .into_iter()
        .filter_map(|text| {
            let pattern = Pattern::try_from(text);
            errors.keep("events", pattern)
        })
        .collect();
    if patterns.len() < count {
        return None;
    }
    errors.keep("events", Subscriptions::try_from(patterns))
}

fn read_secret(errors: &mut FieldErrors, text: &str) -> Option<Secret> {
    errors.keep("secret", Secret::parse(text))
}

fn read_headers(errors: &mut FieldErrors, headers: BTreeMap<String, String>) -> Option<EndpointHeaders> {
    errors.keep("headers", EndpointHeaders::try_from(headers.into_iter().collect::<Vec<_>>()))
}

fn rate(number: i64) -> Option<NonZeroU32> {
    u32::try_from(number).ok().and_then(NonZeroU32::new)
}

/// Reads a field that may be `null`, which is not the same as being left out.
#[expect(clippy::option_option, reason = "left out and null are not the same")]
fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(reader: D) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(reader).map(Some)
}
