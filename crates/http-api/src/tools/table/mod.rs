//! Which routes are tools: a file for each resource, named here.

mod deliveries;
mod entitlements;
mod events;
mod pixel;
mod seo;
mod webhooks;
mod workspaces;

use super::entry::Entry;

/// In the order in which they are listed.
pub(super) fn entries() -> impl Iterator<Item = &'static Entry> {
    let all = [
        workspaces::ENTRIES,
        entitlements::ENTRIES,
        webhooks::ENTRIES,
        deliveries::ENTRIES,
        events::ENTRIES,
        seo::ENTRIES,
        pixel::ENTRIES,
    ];
    all.into_iter().flatten()
}
