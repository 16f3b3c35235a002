use core_domain::EventId;
use webhooks::{
    DeliveryFilter, DeliveryQuery, DeliverySort, EventType, Pattern, WebhookFilter, WebhookQuery, WebhookSort,
    patterns_covering,
};

use super::delivery_dto::DeliveryView;
use super::dto::WebhookView;
use crate::extract::QueryReader;
use crate::list::{Common, Selection, list_params};
use crate::{ApiError, FieldErrors};

list_params! {
    /// What a list of webhooks can be asked for.
    WebhookListParams {
        /// `active` or `disabled`.
        status,
        /// That are sent events of this type, or have this pattern.
        event,
    }
}

/// Whether a webhook is sent events.
#[derive(Clone, Copy)]
enum Activity {
    Active,
    Disabled,
}

core_domain::wire_words!(Activity { Active = "active", Disabled = "disabled" });

impl WebhookListParams {
    pub(crate) fn read(&self) -> Result<(WebhookQuery, Selection), ApiError> {
        let mut reader = QueryReader::default();
        let status: Option<Activity> = reader.word("status", self.status.as_deref());
        let event = self.event.clone().map(Pattern::try_from);
        if matches!(event, Some(Err(_))) {
            reader.refuse(
                "event",
                "The event must be an event type, such as post.created, or a pattern, such as post.*.",
            );
        }
        let Common { created, updated, search, sort, page, selection } =
            self.common::<WebhookView, _>(&mut reader, WebhookSort::DEFAULT);
        reader.finish()?;
        let filter = WebhookFilter {
            is_active: status.map(|status| matches!(status, Activity::Active)),
            patterns: self.event.as_deref().map(patterns_covering),
            created,
            updated,
            search,
        };
        Ok((WebhookQuery { filter, sort, page }, selection))
    }
}

list_params! {
    /// What a list of deliveries can be asked for.
    DeliveryListParams without updated {
        /// `pending`, `retrying`, `success` or `failed`.
        status,
        /// Of events of this type.
        event_type,
        /// Of this event.
        event_id,
    }
}

impl DeliveryListParams {
    pub(crate) fn read(&self) -> Result<(DeliveryQuery, Selection), ApiError> {
        let mut reader = QueryReader::default();
        let status = reader.word("status", self.status.as_deref());
        let event_id = self.event_id.clone().map(EventId::try_from).transpose();
        if event_id.is_err() {
            reader.refuse("event_id", "The event_id must be the id of an event: evt_ and 24 letters and digits.");
        }
        if matches!(self.event_type.clone().map(EventType::try_from), Some(Err(_))) {
            reader.refuse("event_type", "The event_type must be an event type, such as post.created.");
        }
        let Common { created, search, sort, page, selection, .. } =
            self.common::<DeliveryView, _>(&mut reader, DeliverySort::DEFAULT);
        reader.finish()?;
        let event_id = event_id.map_err(|_| ApiError::Validation(FieldErrors::default()))?;
        let filter = DeliveryFilter { status, event_type: self.event_type.clone(), event_id, created, search };
        Ok((DeliveryQuery { filter, sort, page }, selection))
    }
}
