use core_domain::{DomainEvent, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;
use validator::Validate;
use webhooks::{EventType, NewEvent};

use crate::extract::Body;
use crate::list::Selectable;
use crate::{ApiError, FieldErrors};

/// Something that happened. With `fields`, only those and `id` are present.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Event)]
pub(crate) struct EventView {
    #[schema(pattern = "^evt_[0-9A-Za-z]{24}$")]
    id: String,
    #[serde(rename = "type")]
    #[schema(required = false, example = "post.created")]
    event_type: String,
    #[schema(required = false, value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(required = false, minimum = 1)]
    workspace_id: i64,
    #[schema(required = false, value_type = Object)]
    data: Value,
}

impl Selectable for EventView {
    const FIELDS: &'static [&'static str] = &["id", "type", "created_at", "workspace_id", "data"];
    const INCLUDES: &'static [&'static str] = &[];
}

impl From<&DomainEvent> for EventView {
    fn from(event: &DomainEvent) -> Self {
        Self {
            id: event.id.as_str().to_owned(),
            event_type: event.event_type.clone(),
            created_at: event.created_at,
            workspace_id: event.workspace_id.get(),
            data: event.data.clone(),
        }
    }
}

/// An event that was stored.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PublishedView {
    #[schema(pattern = "^evt_[0-9A-Za-z]{24}$")]
    id: String,
    #[serde(rename = "type")]
    event_type: String,
    /// How many webhooks it is sent to.
    deliveries: u32,
}

impl PublishedView {
    pub(crate) fn new(event: &DomainEvent, deliveries: u32) -> Self {
        Self { id: event.id.as_str().to_owned(), event_type: event.event_type.clone(), deliveries }
    }
}

/// What was stored: one event, or a list of them.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum PublishedData {
    One(PublishedView),
    Many(Vec<PublishedView>),
}

/// An event, by `type` and `data`; or up to 100 under `events`, of which all are stored or none.
#[derive(Debug, Clone, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PublishEvents)]
pub(crate) struct PublishBody {
    /// Dotted lower case.
    #[serde(rename = "type")]
    #[schema(nullable = false, max_length = 128, pattern = r"^[a-z0-9_]+(\.[a-z0-9_]+)+$", example = "post.created")]
    event_type: Option<String>,
    /// An object of at most 256 KiB of JSON.
    #[schema(nullable = false, value_type = Option<Object>)]
    data: Option<Map<String, Value>>,
    #[schema(nullable = false, min_items = 1, max_items = 100)]
    events: Option<Vec<EventBody>>,
}

/// One of several events.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PublishEvent)]
pub(crate) struct EventBody {
    /// Dotted lower case.
    #[serde(rename = "type")]
    #[schema(
        required = true,
        nullable = false,
        max_length = 128,
        pattern = r"^[a-z0-9_]+(\.[a-z0-9_]+)+$",
        example = "post.created"
    )]
    event_type: Option<String>,
    /// An object of at most 256 KiB of JSON.
    #[schema(required = true, nullable = false, value_type = Object)]
    data: Option<Map<String, Value>>,
}

impl Body for PublishBody {}

const MAX_EVENTS: usize = 100;
const MAX_DATA_BYTES: usize = 256 * 1024;

impl PublishBody {
    /// The events, and whether they came as a list.
    pub(crate) fn into_events(self) -> Result<(Vec<NewEvent>, bool), ApiError> {
        let mut errors = FieldErrors::default();
        let is_list = self.events.is_some();
        let events: Vec<Option<NewEvent>> = match self.events {
            None => vec![read(&mut errors, "", EventBody { event_type: self.event_type, data: self.data })],
            Some(_) if self.event_type.is_some() || self.data.is_some() => {
                return Err(ApiError::field(
                    "events",
                    "The events field stands alone: each of its events has a type and data.",
                ));
            }
            Some(list) if !(1..=MAX_EVENTS).contains(&list.len()) => {
                return Err(ApiError::field("events", "The events must be 1 to 100."));
            }
            Some(list) => {
                let each = |(position, event)| read(&mut errors, &format!("events[{position}]."), event);
                list.into_iter().enumerate().map(each).collect()
            }
        };
        errors.into_result()?;
        Ok((events.into_iter().flatten().collect(), is_list))
    }
}

fn read(errors: &mut FieldErrors, place: &str, event: EventBody) -> Option<NewEvent> {
    let type_field = format!("{place}type");
    let given = event.event_type.ok_or_else(|| format!("the {type_field} field is required"));
    let event_type =
        errors.keep(&type_field, given.and_then(|text| EventType::try_from(text).map_err(|fault| fault.to_string())));
    let field = format!("{place}data");
    let given = event.data.map(Value::Object).ok_or_else(|| format!("the {field} field is required"));
    let data = errors.keep(&field, given.and_then(|data| within_bounds(&field, data)));
    Some(NewEvent { event_type: event_type?, data: data? })
}

fn within_bounds(field: &str, data: Value) -> Result<Value, String> {
    if data.to_string().len() > MAX_DATA_BYTES {
        return Err(format!("the {field} must not be larger than 256 KiB of JSON"));
    }
    Ok(data)
}
