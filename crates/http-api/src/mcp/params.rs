use core_domain::{ApiKeyId, Order, PageRequest, Sort};
use mcp::{CallFilter, CallQuery, CallSort, StateWord};
use serde::Deserialize;
use utoipa::IntoParams;

use super::dto::{CallView, ResourceView, ServerView, ToolView};
use crate::ApiError;
use crate::extract::QueryReader;
use crate::list::{Common, Selectable, Selection, list_params};

/// Declares the parameters of a list that lies in memory: nothing of it has a time.
macro_rules! memory_list_params {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Default, Deserialize, IntoParams)]
        #[serde(deny_unknown_fields)]
        #[into_params(parameter_in = Query)]
        pub(crate) struct $name {
            /// Page number, from 1.
            #[param(value_type = Option<u32>, minimum = 1, nullable = false)]
            page: Option<String>,
            /// Items per page, 1 to 100; 25 when not given.
            #[param(value_type = Option<u32>, minimum = 1, maximum = 100, nullable = false)]
            per_page: Option<String>,
            /// Fields to sort by, comma-separated; `-` before one for descending order.
            #[param(nullable = false)]
            sort: Option<String>,
            /// Fields to answer with, comma-separated.
            #[param(nullable = false)]
            fields: Option<String>,
            /// Related resources to answer with, comma-separated.
            #[param(nullable = false)]
            include: Option<String>,
            /// Text to look for, in any letter case.
            #[param(nullable = false, max_length = 255)]
            search: Option<String>,
            $($(#[$field_doc])* #[param(nullable = false)] pub(super) $field: Option<String>,)*
        }

        impl $name {
            fn read_all<V: Selectable, S: core_domain::WireWord + PartialEq>(
                &self,
                reader: &mut QueryReader,
                default: S,
            ) -> Asked<S> {
                Asked {
                    sort: match &self.sort {
                        Some(text) => reader.sort(Some(text), Sort { field: default, order: Order::Ascending }),
                        None => Vec::new(),
                    },
                    search: reader.search(self.search.as_deref()),
                    page: reader.page(self.page.as_deref(), self.per_page.as_deref(), "search"),
                    selection: Selection::read::<V>(reader, self.fields.as_deref(), self.include.as_deref()),
                }
            }
        }
    };
}

/// What a list in memory was asked for. Without `sort` it is in its own order.
pub(super) struct Asked<S> {
    pub(super) sort: Vec<Sort<S>>,
    pub(super) search: Option<String>,
    pub(super) page: PageRequest,
    pub(super) selection: Selection,
}

memory_list_params! {
    /// What a list of servers can be asked for.
    ServerListParams {
        /// `stopped`, `starting`, `ready`, `backing_off` or `disabled`.
        status,
    }
}

memory_list_params! {
    /// What a list of tools can be asked for.
    ToolListParams {}
}

memory_list_params! {
    /// What a list of resources can be asked for, or the resource to read.
    ResourceListParams {
        /// Of this server.
        server,
        /// The resource to read, instead of the list.
        uri,
    }
}

/// What servers can be sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ServerSort {
    Id,
    Name,
}

core_domain::wire_words!(ServerSort { Id = "id", Name = "name" });

/// What tools can be sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ToolSort {
    Name,
}

core_domain::wire_words!(ToolSort { Name = "name" });

/// What resources can be sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ResourceSort {
    Uri,
    Name,
    Server,
}

core_domain::wire_words!(ResourceSort { Uri = "uri", Name = "name", Server = "server" });

impl ServerListParams {
    pub(super) fn read(&self) -> Result<(Option<StateWord>, Asked<ServerSort>), ApiError> {
        let mut reader = QueryReader::default();
        let status = reader.word("status", self.status.as_deref());
        let asked = self.read_all::<ServerView, _>(&mut reader, ServerSort::Id);
        reader.finish()?;
        Ok((status, asked))
    }
}

impl ToolListParams {
    pub(super) fn read(&self) -> Result<Asked<ToolSort>, ApiError> {
        let mut reader = QueryReader::default();
        let asked = self.read_all::<ToolView, _>(&mut reader, ToolSort::Name);
        reader.finish()?;
        Ok(asked)
    }
}

impl ResourceListParams {
    pub(super) fn read(&self) -> Result<Asked<ResourceSort>, ApiError> {
        let mut reader = QueryReader::default();
        let asked = self.read_all::<ResourceView, _>(&mut reader, ResourceSort::Uri);
        reader.finish()?;
        Ok(asked)
    }
}

list_params! {
    /// What a list of calls can be asked for.
    CallListParams without updated {
        /// Of this server.
        server,
        /// Of this tool.
        tool,
        /// `success`, `tool_error`, `refused`, `not_sent`, `gone`, `timed_out`, `too_large` or `unknown`.
        outcome,
        /// Made with the key of this id.
        api_key_id,
    }
}

impl CallListParams {
    pub(super) fn read(&self) -> Result<(CallQuery, Selection), ApiError> {
        let mut reader = QueryReader::default();
        let outcome = reader.word("outcome", self.outcome.as_deref());
        let api_key_id = self.api_key_id.as_deref().and_then(|text| {
            let id = text.parse().ok().and_then(|number: i64| ApiKeyId::try_from(number).ok());
            if id.is_none() {
                reader.refuse("api_key_id", "The api_key_id must be the id of an API key.");
            }
            id
        });
        let Common { created, updated: _, search, sort, page, selection } =
            self.common::<CallView, _>(&mut reader, CallSort::DEFAULT);
        reader.finish()?;
        let filter =
            CallFilter { server: self.server.clone(), tool: self.tool.clone(), outcome, api_key_id, created, search };
        Ok((CallQuery { filter, sort, page }, selection))
    }
}

/// The query of a resource that the path names.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ResourceParams {
    /// The server that has it: needed where several do.
    #[param(nullable = false)]
    pub(super) server: Option<String>,
}
