use webhooks::{EventFilter, EventQuery, EventSort, EventType};

use super::dto::EventView;
use crate::ApiError;
use crate::extract::QueryReader;
use crate::list::{Common, Selection, list_params};

list_params! {
    /// What a list of events can be asked for.
    EventListParams without updated {
        /// Of this type.
        #[serde(rename = "type")]
        event_type,
    }
}

impl EventListParams {
    pub(crate) fn read(&self) -> Result<(EventQuery, Selection), ApiError> {
        let mut reader = QueryReader::default();
        if matches!(self.event_type.clone().map(EventType::try_from), Some(Err(_))) {
            reader.refuse("type", "The type must be an event type, such as post.created.");
        }
        let Common { created, search, sort, page, selection, .. } =
            self.common::<EventView, _>(&mut reader, EventSort::DEFAULT);
        reader.finish()?;
        let filter = EventFilter { event_type: self.event_type.clone(), created, search };
        Ok((EventQuery { filter, sort, page }, selection))
    }
}
