use core_domain::{EventId, ListQuery, Order, Sort, TimeRange};

use crate::DeliveryStatus;

/// A list of a workspace's webhooks, as asked for.
pub type WebhookQuery = ListQuery<WebhookFilter, WebhookSort>;

/// A list of a webhook's deliveries, as asked for.
pub type DeliveryQuery = ListQuery<DeliveryFilter, DeliverySort>;

/// A list of a workspace's events, as asked for.
pub type EventQuery = ListQuery<EventFilter, EventSort>;

/// Which webhooks a list shows. Every part narrows it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WebhookFilter {
    /// Active ones, or disabled ones.
    pub is_active: Option<bool>,
    /// With one of these patterns: what `patterns_covering` gives for a type or a pattern.
    pub patterns: Option<Vec<String>>,
    /// Made in this time.
    pub created: TimeRange,
    /// Last changed in this time.
    pub updated: TimeRange,
    /// With this text, lower-cased, in URL or description.
    pub search: Option<String>,
}

/// What a list of webhooks can be sorted by. Texts sort by code point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each variant is its wire word below")]
pub enum WebhookSort {
    Id,
    Url,
    CreatedAt,
    LastDeliveryAt,
    SuccessCount,
    FailureCount,
}

core_domain::wire_words!(WebhookSort {
    Id = "id",
    Url = "url",
    CreatedAt = "created_at",
    LastDeliveryAt = "last_delivery_at",
    SuccessCount = "success_count",
    FailureCount = "failure_count",
});

impl WebhookSort {
    /// The order of a list that asks for none.
    pub const DEFAULT: Sort<Self> = Sort { field: Self::Id, order: Order::Ascending };
}

/// Which deliveries a list shows. Every part narrows it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeliveryFilter {
    /// That stand so.
    pub status: Option<DeliveryStatus>,
    /// Of events of this type.
    pub event_type: Option<String>,
    /// Of this event.
    pub event_id: Option<EventId>,
    /// Made in this time.
    pub created: TimeRange,
    /// With this text, lower-cased, in the event's type.
    pub search: Option<String>,
}

/// What a list of deliveries can be sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each variant is its wire word below")]
pub enum DeliverySort {
    CreatedAt,
    Id,
    Attempt,
    DeliveredAt,
    NextRetryAt,
}

core_domain::wire_words!(DeliverySort {
    CreatedAt = "created_at",
    Id = "id",
    Attempt = "attempt",
    DeliveredAt = "delivered_at",
    NextRetryAt = "next_retry_at",
});

impl DeliverySort {
    /// The order of a list that asks for none.
    pub const DEFAULT: Sort<Self> = Sort { field: Self::CreatedAt, order: Order::Descending };
}

/// Which events a list shows. Every part narrows it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventFilter {
    /// Of this type.
    pub event_type: Option<String>,
    /// That happened in this time.
    pub created: TimeRange,
    /// With this text, lower-cased, in the type.
    pub search: Option<String>,
}

/// What a list of events can be sorted by. Ties are broken by the order in which they were stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each variant is its wire word below")]
pub enum EventSort {
    CreatedAt,
}

core_domain::wire_words!(EventSort { CreatedAt = "created_at" });

impl EventSort {
    /// The order of a list that asks for none.
    pub const DEFAULT: Sort<Self> = Sort { field: Self::CreatedAt, order: Order::Descending };
}
