use core_domain::{ListQuery, Order, Page, Sort, Tier, TimeRange};

use crate::Workspace;

/// A list of workspaces, as asked for.
pub type WorkspaceQuery = ListQuery<WorkspaceFilter, WorkspaceSort>;

/// Which workspaces a list shows. Every part narrows it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WorkspaceFilter {
    /// Of this tier.
    pub tier: Option<Tier>,
    /// Made in this time.
    pub created: TimeRange,
    /// Last changed in this time.
    pub updated: TimeRange,
    /// With this text, lower-cased, in name or slug.
    pub search: Option<String>,
}

impl WorkspaceFilter {
    /// Whether the list shows everything.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether the list shows `workspace`.
    pub fn matches(&self, workspace: &Workspace) -> bool {
        self.tier.is_none_or(|tier| tier == workspace.tier)
            && self.created.contains(workspace.created_at)
            && self.updated.contains(workspace.updated_at)
            && self.search.as_ref().is_none_or(|text| workspace.search_text().contains(text))
    }

    /// The list that a credential bound to one workspace gets.
    pub fn page_of_one(query: &WorkspaceQuery, workspace: Option<Workspace>) -> Page<Workspace> {
        let matching = workspace.filter(|workspace| query.filter.matches(workspace));
        let total = u64::from(matching.is_some());
        let items = matching.filter(|_| query.page.offset() == 0).into_iter().collect();
        Page { items, total }
    }
}

/// What a list of workspaces can be sorted by. Texts sort by code point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each variant is its wire word below")]
pub enum WorkspaceSort {
    Id,
    Name,
    Slug,
    Tier,
    CreatedAt,
    UpdatedAt,
}

core_domain::wire_words!(WorkspaceSort {
    Id = "id",
    Name = "name",
    Slug = "slug",
    Tier = "tier",
    CreatedAt = "created_at",
    UpdatedAt = "updated_at",
});

impl WorkspaceSort {
    /// The order of a list that asks for none.
    pub const DEFAULT: Sort<Self> = Sort { field: Self::Id, order: Order::Ascending };
}
