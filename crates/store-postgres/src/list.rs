use core_domain::{Page, PageRequest};

pub(crate) fn empty<T>() -> Page<T> {
    Page { items: Vec::new(), total: 0 }
}

/// The `LIKE` pattern of texts that contain `text`; `None` where no stored text can.
pub(crate) fn containing(text: &str) -> Option<String> {
    // PostgreSQL stores no NUL, and takes none in a parameter.
    if text.contains('\0') {
        return None;
    }
    let mut pattern = String::with_capacity(text.len() + 2);
    pattern.push('%');
    for character in text.chars() {
        if matches!(character, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern.push('%');
    Some(pattern)
}

pub(crate) fn limit(page: PageRequest) -> i64 {
    i64::from(page.per_page())
}

/// At most [`PageRequest::MAX_OFFSET`].
pub(crate) fn offset(page: PageRequest) -> i64 {
    i64::try_from(page.offset()).unwrap_or(i64::MAX)
}

/// A total counted after the page was read: a row that went meanwhile is still on the page.
pub(crate) fn total(counted: i64, page: PageRequest, found: usize) -> u64 {
    let seen = if found == 0 { 0 } else { page.offset() + found as u64 };
    u64::try_from(counted).unwrap_or(0).max(seen)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_take_every_character_as_itself() {
        assert_eq!(containing(r"50%_\").as_deref(), Some(r"%50\%\_\\%"));
        assert_eq!(containing("a\0"), None);
    }
}
