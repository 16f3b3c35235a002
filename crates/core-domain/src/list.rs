use crate::Timestamp;

/// What a list endpoint was asked for (contract: Lists).
///
/// `F` is the resource's filter, `S` its sort fields. A store MUST break ties by id, in the direction of the last
/// sort field, so that the order is total and pages partition the set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListQuery<F, S> {
    /// Which rows.
    pub filter: F,
    /// In which order; the first field weighs most. Never empty.
    pub sort: Vec<Sort<S>>,
    /// Which part of them.
    pub page: PageRequest,
}

/// One field to sort by.
///
/// A missing value sorts as the smallest: first ascending, last descending.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sort<S> {
    /// The field.
    pub field: S,
    /// Its direction.
    pub order: Order,
}

/// A sort direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Smallest first.
    Ascending,
    /// Largest first.
    Descending,
}

/// Which page of a list, and how long a page is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageRequest {
    number: u32,
    per_page: u32,
}

/// A page that can't be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPage {
    /// Pages count from 1.
    #[error("page must be at least 1")]
    Number,
    /// A page holds 1 to 100 items.
    #[error("per_page must be between 1 and 100")]
    PerPage,
    /// The page begins beyond the 1,000,000th item.
    #[error("page is too deep")]
    TooDeep,
}

impl PageRequest {
    /// The length of a page when none is asked for.
    pub const DEFAULT_PER_PAGE: u32 = 25;
    /// The longest page.
    pub const MAX_PER_PAGE: u32 = 100;
    /// The most items that may lie before a page: deeper ones are narrowed by filters instead.
    pub const MAX_OFFSET: u64 = 1_000_000;

    /// The first page of the default length.
    pub const FIRST: Self = Self { number: 1, per_page: Self::DEFAULT_PER_PAGE };

    /// Page `number` (from 1) of `per_page` items (1 to 100).
    ///
    /// # Errors
    /// [`InvalidPage`] when a bound is broken, or more than [`Self::MAX_OFFSET`] items lie before the page.
    pub fn new(number: u32, per_page: u32) -> Result<Self, InvalidPage> {
        if number == 0 {
            return Err(InvalidPage::Number);
        }
        if per_page == 0 || per_page > Self::MAX_PER_PAGE {
            return Err(InvalidPage::PerPage);
        }
        let page = Self { number, per_page };
        if page.offset() > Self::MAX_OFFSET { Err(InvalidPage::TooDeep) } else { Ok(page) }
    }

    /// The page's number, from 1.
    pub const fn number(self) -> u32 {
        self.number
    }

    /// The most items on it.
    pub const fn per_page(self) -> u32 {
        self.per_page
    }

    /// How many items lie before it.
    pub const fn offset(self) -> u64 {
        (self.number as u64 - 1) * self.per_page as u64
    }

    /// The total, where the page itself tells it: it is not full, and not past the end.
    pub fn total_if_last(self, found: usize) -> Option<u64> {
        let is_last = found < self.per_page as usize && (found > 0 || self.number == 1);
        is_last.then(|| self.offset() + found as u64)
    }
}

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// The items, in order.
    pub items: Vec<T>,
    /// How many items all pages hold together.
    pub total: u64,
}

/// A range of time, both ends inclusive; a missing end is open.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TimeRange {
    /// The earliest moment.
    pub from: Option<Timestamp>,
    /// The latest moment.
    pub to: Option<Timestamp>,
}

impl TimeRange {
    /// Whether `moment` lies within.
    pub fn contains(&self, moment: Timestamp) -> bool {
        self.from.is_none_or(|from| from <= moment) && self.to.is_none_or(|to| moment <= to)
    }

    /// Whether both ends are open.
    pub fn is_open(&self) -> bool {
        self.from.is_none() && self.to.is_none()
    }
}

/// The form in which texts are searched: the fields lower-cased, a line each.
///
/// Stores keep it beside the row and look for the lower-cased search text in it, so that both stores find the
/// same rows whatever their own idea of letter case is.
pub fn fold_for_search(fields: &[&str]) -> String {
    fields.iter().map(|field| field.to_lowercase()).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_have_bounds() {
        assert_eq!(PageRequest::new(0, 25), Err(InvalidPage::Number));
        assert_eq!(PageRequest::new(1, 0), Err(InvalidPage::PerPage));
        assert_eq!(PageRequest::new(1, 101), Err(InvalidPage::PerPage));
        assert_eq!(PageRequest::new(u32::MAX, 100), Err(InvalidPage::TooDeep));
        assert!(PageRequest::new(10_001, 100).is_ok());
        assert_eq!(PageRequest::new(10_002, 100), Err(InvalidPage::TooDeep));
    }

    #[test]
    fn a_page_that_is_not_full_tells_the_total() {
        let page = |number| PageRequest::new(number, 10).unwrap();
        assert_eq!(page(1).total_if_last(0), Some(0));
        assert_eq!(page(3).total_if_last(4), Some(24));
        assert_eq!(page(3).total_if_last(10), None);
        assert_eq!(page(3).total_if_last(0), None, "past the end: the total is unknown");
    }
}
