use actix_web::http::StatusCode;
use actix_web::{HttpRequest, web};
use core_domain::{Page, PageRequest, Sort, TimeRange};
use serde::{Serialize, Serializer};
use url::form_urlencoded;
use utoipa::ToSchema;

use crate::extract::QueryReader;
use crate::{Answer, ApiError, ClientAddresses, PublicUrl};

/// Declares the query parameters of a list: those that every list has, and the resource's own filters.
macro_rules! list_params {
    ($(#[$doc:meta])* $name:ident { $($fields:tt)* }) => {
        $crate::list::list_params! { @declare $(#[$doc])* $name [
            /// Last changed at this moment or later (ISO 8601).
            updated_after,
            /// Last changed at this moment or earlier (ISO 8601).
            updated_before,
        ] { $($fields)* } }
    };
    // What never changes after it was made, or does not say when.
    ($(#[$doc:meta])* $name:ident without updated { $($fields:tt)* }) => {
        $crate::list::list_params! { @declare $(#[$doc])* $name [] { $($fields)* } }
    };
    (@declare $(#[$doc:meta])* $name:ident [ $($(#[$updated_doc:meta])* $updated:ident,)* ]
        { $($(#[$field_doc:meta])* $field:ident),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Default, serde::Deserialize, utoipa::IntoParams)]
        #[serde(deny_unknown_fields)]
        #[into_params(parameter_in = Query)]
        pub(crate) struct $name {
            /// Page number, from 1.
            #[param(value_type = Option<u32>, minimum = 1, nullable = false)]
            pub(crate) page: Option<String>,
            /// Items per page, 1 to 100; 25 when not given.
            #[param(value_type = Option<u32>, minimum = 1, maximum = 100, nullable = false)]
            pub(crate) per_page: Option<String>,
            /// Fields to sort by, comma-separated; `-` before one for descending order.
            #[param(nullable = false)]
            pub(crate) sort: Option<String>,
            /// Fields to answer with, comma-separated; `id` is always among them.
            #[param(nullable = false)]
            pub(crate) fields: Option<String>,
            /// Related resources to answer with, comma-separated.
            #[param(nullable = false)]
            pub(crate) include: Option<String>,
            /// Text to look for, in any letter case.
            #[param(nullable = false, max_length = 255)]
            pub(crate) search: Option<String>,
            /// Created at this moment or later (ISO 8601).
            #[param(nullable = false)]
            pub(crate) created_after: Option<String>,
            /// Created at this moment or earlier (ISO 8601).
            #[param(nullable = false)]
            pub(crate) created_before: Option<String>,
            $($(#[$updated_doc])* #[param(nullable = false)] pub(crate) $updated: Option<String>,)*
            $($(#[$field_doc])* #[param(nullable = false)] pub(crate) $field: Option<String>,)*
        }

        impl $name {
            /// Reads what every list has.
            fn common<V: $crate::list::Selectable, S: core_domain::WireWord + PartialEq>(
                &self,
                reader: &mut $crate::extract::QueryReader,
                default: core_domain::Sort<S>,
            ) -> $crate::list::Common<S> {
                let filters = concat!(
                    $(stringify!($field), ", ",)* "created_after, created_before", $(", ", stringify!($updated),)* " or search"
                );
                let [updated_after, updated_before, ..] = [$(self.$updated.as_deref(),)* None, None];
                $crate::list::Common {
                    created: reader.range("created", self.created_after.as_deref(), self.created_before.as_deref()),
                    updated: reader.range("updated", updated_after, updated_before),
                    search: reader.search(self.search.as_deref()),
                    sort: reader.sort(self.sort.as_deref(), default),
                    page: reader.page(self.page.as_deref(), self.per_page.as_deref(), filters),
                    selection: $crate::list::Selection::read::<V>(reader, self.fields.as_deref(), self.include.as_deref()),
                }
            }
        }
    };
}
pub(crate) use list_params;

/// The query parameters of a single resource.
#[derive(Debug, Default, serde::Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ItemParams {
    /// Fields to answer with, comma-separated; `id` is always among them.
    #[param(nullable = false)]
    pub(crate) fields: Option<String>,
    /// Related resources to answer with, comma-separated.
    #[param(nullable = false)]
    pub(crate) include: Option<String>,
}

impl ItemParams {
    pub(crate) fn selection<V: Selectable>(&self) -> Result<Selection, ApiError> {
        let mut reader = QueryReader::default();
        let selection = Selection::read::<V>(&mut reader, self.fields.as_deref(), self.include.as_deref());
        reader.finish()?;
        Ok(selection)
    }
}

/// What every list can be asked for.
pub(crate) struct Common<S> {
    pub(crate) created: TimeRange,
    pub(crate) updated: TimeRange,
    pub(crate) search: Option<String>,
    pub(crate) sort: Vec<Sort<S>>,
    pub(crate) page: PageRequest,
    pub(crate) selection: Selection,
}

/// A view that can be answered in part.
pub(crate) trait Selectable {
    /// What `fields` can name.
    const FIELDS: &'static [&'static str];
    /// What `include` can name.
    const INCLUDES: &'static [&'static str];
}

/// Which parts of a resource are answered: its fields, and what is included beside them.
#[derive(Debug, Default)]
pub(crate) struct Selection {
    /// `None` for the resource's usual fields.
    pub(crate) fields: Option<Vec<&'static str>>,
    pub(crate) include: Vec<&'static str>,
}

impl Selection {
    pub(crate) fn read<V: Selectable>(reader: &mut QueryReader, fields: Option<&str>, include: Option<&str>) -> Self {
        Self {
            fields: reader.names("fields", fields, V::FIELDS),
            include: reader.names("include", include, V::INCLUDES).unwrap_or_default(),
        }
    }

    pub(crate) fn includes(&self, relation: &str) -> bool {
        self.include.contains(&relation)
    }

    /// `view` with the selected parts alone.
    pub(crate) fn of<'a, T>(&'a self, view: &'a T) -> Selected<'a, T> {
        Selected { view, selection: self }
    }

    fn keeps(&self, fields: &[&str], key: &str) -> bool {
        key == "id" || fields.contains(&key) || self.include.contains(&key)
    }
}

/// A view that shows only what was selected.
pub(crate) struct Selected<'a, T> {
    view: &'a T,
    selection: &'a Selection,
}

impl<T: Serialize> Serialize for Selected<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Some(fields) = &self.selection.fields else { return self.view.serialize(serializer) };
        let mut whole = serde_json::to_value(self.view).map_err(serde::ser::Error::custom)?;
        if let Some(object) = whole.as_object_mut() {
            object.retain(|key, _| self.selection.keeps(fields, key));
        }
        whole.serialize(serializer)
    }
}

/// One page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ListBody<T> {
    data: Vec<T>,
    meta: Meta,
    links: Links,
}

/// Where a page lies in its list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Meta {
    current_page: u32,
    /// The position of the first item, from 1; null on a page without items.
    #[schema(required)]
    from: Option<u64>,
    last_page: u64,
    per_page: u32,
    /// The position of the last item; null on a page without items.
    #[schema(required)]
    to: Option<u64>,
    total: u64,
}

/// Absolute links to other pages of the same list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Links {
    first: String,
    last: String,
    #[schema(required)]
    prev: Option<String>,
    #[schema(required)]
    next: Option<String>,
}

/// Answers with one page of a list.
pub(crate) fn list_answer<T: Serialize>(
    request: &HttpRequest,
    asked: PageRequest,
    page: &Page<T>,
    selection: &Selection,
) -> Result<Answer, ApiError> {
    let data: Vec<_> = page.items.iter().map(|item| selection.of(item)).collect();
    let last_page = page.total.div_ceil(u64::from(asked.per_page())).max(1);
    let number = u64::from(asked.number());
    let found = data.len() as u64;
    let link = |page: u64| page_link(request, page);
    let body = ListBody {
        meta: Meta {
            current_page: asked.number(),
            from: (found > 0).then(|| asked.offset() + 1),
            last_page,
            per_page: asked.per_page(),
            to: (found > 0).then(|| asked.offset() + found),
            total: page.total,
        },
        links: Links {
            first: link(1),
            last: link(last_page),
            prev: (number > 1).then(|| link(number - 1)),
            next: (number < last_page).then(|| link(number + 1)),
        },
        data,
    };
    Answer::json(StatusCode::OK, &body)
}

/// This request's URL with another `page`; every other parameter stays as it was.
fn page_link(request: &HttpRequest, page: u64) -> String {
    let addresses =
        request.app_data::<web::Data<ClientAddresses>>().map(|data| data.as_ref().clone()).unwrap_or_default();
    let origin = match request.app_data::<web::Data<PublicUrl>>() {
        Some(url) => url.origin(request, &addresses),
        None => PublicUrl::default().origin(request, &addresses),
    };
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (name, value) in form_urlencoded::parse(request.query_string().as_bytes()).filter(|(name, _)| name != "page") {
        query.append_pair(&name, &value);
    }
    query.append_pair("page", &page.to_string());
    format!("{origin}{}?{}", request.path(), query.finish())
}
