use utoipa::Modify;
use utoipa::openapi::path::Operation;

use crate::openapi::operations;

/// Names each operation after its path and its handler: `webhooks_deliveries_retry`.
///
/// Ids must be unique in a document (OpenAPI 3.1, Operation Object), and generated clients name their methods after them;
/// a handler's name alone is neither unique nor telling.
pub(crate) struct OperationIds;

impl Modify for OperationIds {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        for (path, item) in &mut document.paths.paths {
            for (operation, _) in operations(item) {
                let Operation { operation_id, .. } = operation;
                let handler = operation_id.take().unwrap_or_default();
                *operation_id = Some(operation_id_of(path, &handler));
            }
        }
    }
}

fn operation_id_of(path: &str, handler: &str) -> String {
    let path = path.strip_prefix("/api/v1/").unwrap_or(path);
    let mut words: Vec<String> = path
        .split('/')
        .filter(|segment| !segment.starts_with('{'))
        .flat_map(|segment| segment.split(['-', '_', '.']))
        .filter(|word| !word.is_empty())
        .map(str::to_ascii_lowercase)
        .collect();
    for word in handler.split('_') {
        let is_told = words.iter().any(|told| told == word || told.strip_suffix('s') == Some(word));
        if !is_told {
            words.push(word.to_owned());
        }
    }
    words.join("_")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn ids_say_what_is_done_to_what() {
        for (path, handler, id) in [
            ("/api/v1/workspaces", "list", "workspaces_list"),
            ("/api/v1/workspaces/{id}", "get", "workspaces_get"),
            ("/api/v1/webhooks/{id}/rotate-secret", "rotate_secret", "webhooks_rotate_secret"),
            ("/api/v1/webhooks/{id}/deliveries/{delivery_id}/retry", "retry", "webhooks_deliveries_retry"),
            ("/api/v1/seo/reports", "list_reports", "seo_reports_list"),
            ("/pixel.js", "script", "pixel_js_script"),
        ] {
            assert_eq!(operation_id_of(path, handler), id);
        }
    }

    #[test]
    fn every_id_is_given_once() {
        let mut document = crate::openapi();
        let mut seen = BTreeSet::new();
        for item in document.paths.paths.values_mut() {
            for (operation, _) in operations(item) {
                let id = operation.operation_id.clone().unwrap_or_default();
                assert!(!id.is_empty() && seen.insert(id.clone()), "{id:?}");
            }
        }
    }
}
