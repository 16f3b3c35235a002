//! The traits that every property calls through.

pub(crate) use ::entitlements::{EntitlementReader as _, EntitlementRepository as _};
pub(crate) use ::idempotency::IdempotencyRepository as _;
pub(crate) use ::keys::{CredentialStore as _, KeyReader as _, KeyRepository as _};
pub(crate) use ::mcp::{CallLog as _, CallRepository as _};
pub(crate) use ::seo::SeoReader as _;
pub(crate) use ::tokens::AccountDirectory as _;
pub(crate) use ::webhooks::{DeliveryQueue as _, WebhookReader as _, WebhookRepository as _};
pub(crate) use ::workspaces::{AccountRepository as _, WorkspaceReader as _, WorkspaceRepository as _};
pub(crate) use core_domain::{Outbox as _, Transaction as _, WireWord as _};
