use std::sync::Arc;

use crate::{Catalogue, ResourceUri, View};

/// Where a resource is.
#[derive(Debug)]
pub enum Located<'a> {
    /// At this one server.
    At(&'a View),
    /// At each of these: the caller has to say which is meant.
    Several(Vec<&'a View>),
    /// At none of them.
    Nowhere,
}

/// Finds the server of a resource among those that a caller sees: the one that lists it, else the one that has a
/// template for it.
pub fn locate<'a>(uri: &ResourceUri, among: &'a [(View, Arc<Catalogue>)]) -> Located<'a> {
    let lists = |(view, catalogue): &(View, Arc<Catalogue>)| {
        view.resources(catalogue).iter().any(|resource| resource.uri == uri.as_str())
    };
    let has_template = |(view, catalogue): &(View, Arc<Catalogue>)| {
        let mut templates = view.templates(catalogue).iter().filter_map(|template| template.uris.as_ref());
        templates.any(|template| template.matches(uri))
    };
    match one_of(among.iter().filter(|server| lists(server))) {
        Located::Nowhere => one_of(among.iter().filter(|server| has_template(server))),
        found => found,
    }
}

fn one_of<'a>(found: impl Iterator<Item = &'a (View, Arc<Catalogue>)>) -> Located<'a> {
    let views: Vec<&View> = found.map(|(view, _)| view).collect();
    match views.as_slice() {
        [] => Located::Nowhere,
        [view] => Located::At(view),
        _ => Located::Several(views),
    }
}
