use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, web};
use core_domain::{InvalidPage, Order, PageRequest, Sort, TimeRange, Timestamp, WireWord};
use serde::de::DeserializeOwned;

use crate::{ApiError, FieldErrors};

/// The query parameters, each as text. An unknown one is refused: a misspelt filter must not return everything.
pub(crate) struct Query<T>(pub(crate) T);

impl<T: DeserializeOwned + 'static> FromRequest for Query<T> {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let read = web::Query::<T>::from_query(request.query_string());
        ready(read.map(|params| Self(params.into_inner())).map_err(|error| refused(&error.to_string())))
    }
}

fn refused(cause: &str) -> ApiError {
    let quoted = |after: &str| {
        let (_, rest) = cause.split_once(after)?;
        rest.split_once('`')
    };
    if let Some((name, rest)) = quoted("unknown field `") {
        let allowed = rest.split("expected").nth(1).unwrap_or_default().replace("one of", "").replace('`', "");
        let allowed = match allowed.trim() {
            "" => "none".to_owned(),
            names => names.to_owned(),
        };
        ApiError::field(name, format!("The parameter {name} is not known. Allowed: {allowed}."))
    } else if let Some((name, _)) = quoted("duplicate field `") {
        ApiError::field(name, format!("The parameter {name} was given twice."))
    } else {
        ApiError::BadRequest("The query can't be read.".to_owned())
    }
}

/// Reads the values of query parameters, and notes every fault.
#[derive(Default)]
pub(crate) struct QueryReader {
    errors: FieldErrors,
}

impl QueryReader {
    /// Ends the reading: `Ok` when there was no fault.
    pub(crate) fn finish(self) -> Result<(), ApiError> {
        self.errors.into_result()
    }

    /// Notes what a handler's own reading of a parameter found.
    pub(crate) fn refuse(&mut self, name: &str, message: &str) {
        self.errors.add(name, message);
    }

    /// `page` and `per_page`. `filters` are told to whoever asks for too deep a page.
    pub(crate) fn page(&mut self, page: Option<&str>, per_page: Option<&str>, filters: &str) -> PageRequest {
        let number = self.whole_number("page", page, 1, u32::MAX, "The page must be an integer of at least 1.");
        let most = PageRequest::MAX_PER_PAGE;
        let bounds = "The per_page must be an integer between 1 and 100.";
        let length = self.whole_number("per_page", per_page, PageRequest::DEFAULT_PER_PAGE, most, bounds);
        match PageRequest::new(number, length) {
            Ok(page) => page,
            Err(InvalidPage::TooDeep) => {
                let message = format!(
                    "The page is too deep: at most 1,000,000 items may lie before it. Narrow the list by {filters}."
                );
                self.first_page_with("page", &message)
            }
            Err(InvalidPage::Number) => self.first_page_with("page", "The page must be an integer of at least 1."),
            Err(InvalidPage::PerPage) => self.first_page_with("per_page", bounds),
        }
    }

    fn first_page_with(&mut self, field: &str, message: &str) -> PageRequest {
        self.errors.add(field, message);
        PageRequest::FIRST
    }

    fn whole_number(&mut self, name: &str, text: Option<&str>, default: u32, most: u32, message: &str) -> u32 {
        let Some(text) = text else { return default };
        let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        match text.parse::<u64>() {
            Ok(number) if plain && (1..=u64::from(most)).contains(&number) => u32::try_from(number).unwrap_or(most),
            _ => {
                self.errors.add(name, message);
                default
            }
        }
    }

    /// `sort`: words of `S`, comma-separated, each with `-` before it for descending order.
    pub(crate) fn sort<S: WireWord + PartialEq>(&mut self, text: Option<&str>, default: Sort<S>) -> Vec<Sort<S>> {
        let Some(text) = text else { return vec![default] };
        let mut sort: Vec<Sort<S>> = Vec::new();
        for item in text.split(',') {
            let (word, order) = match item.strip_prefix('-') {
                Some(word) => (word, Order::Descending),
                None => (item, Order::Ascending),
            };
            match S::from_word(word) {
                Some(field) if sort.iter().any(|earlier| earlier.field == field) => {
                    self.errors.add("sort", format!("The sort field {word} was given twice."));
                }
                Some(field) => sort.push(Sort { field, order }),
                None => self.unknown_value("sort", word, &words::<S>()),
            }
        }
        sort
    }

    /// A parameter that holds one word of `T`.
    pub(crate) fn word<T: WireWord>(&mut self, name: &str, text: Option<&str>) -> Option<T> {
        let text = text?;
        let word = T::from_word(text);
        if word.is_none() {
            self.unknown_value(name, text, &words::<T>());
        }
        word
    }

    /// A parameter that is read as a `T`.
    pub(crate) fn parsed<'a, T: TryFrom<&'a str, Error: std::fmt::Display>>(
        &mut self,
        name: &str,
        text: Option<&'a str>,
    ) -> Option<T> {
        self.errors.keep(name, T::try_from(text?))
    }

    /// A comma-separated parameter that holds some of `allowed`.
    pub(crate) fn names(
        &mut self,
        name: &str,
        text: Option<&str>,
        allowed: &[&'static str],
    ) -> Option<Vec<&'static str>> {
        let text = text?;
        let mut names = Vec::new();
        for item in text.split(',').filter(|item| !item.is_empty()) {
            match allowed.iter().find(|known| **known == item) {
                Some(known) => names.push(*known),
                None => self.unknown_value(name, item, allowed),
            }
        }
        Some(names)
    }

    /// `<what>_after` and `<what>_before`, both inclusive.
    pub(crate) fn range(&mut self, what: &str, after: Option<&str>, before: Option<&str>) -> TimeRange {
        let from = self.time(&format!("{what}_after"), after);
        let to = self.time(&format!("{what}_before"), before);
        TimeRange { from, to: to.map(Timestamp::end_of_second) }
    }

    /// A parameter that holds a moment.
    pub(crate) fn time(&mut self, name: &str, text: Option<&str>) -> Option<Timestamp> {
        let text = text?;
        let moment = Timestamp::parse(text).ok();
        if moment.is_none() {
            self.errors
                .add(name, format!("The {name} must be an ISO 8601 date, such as 2026-01-15 or 2026-01-15T10:30:00Z."));
        }
        moment
    }

    /// `search`, lower-cased. An empty one searches nothing.
    pub(crate) fn search(&mut self, text: Option<&str>) -> Option<String> {
        const MAX_CHARS: usize = 255;
        let text = text.filter(|text| !text.is_empty())?;
        if text.chars().count() > MAX_CHARS || text.contains(char::is_control) {
            self.errors
                .add("search", "The search must not be longer than 255 characters, nor contain control characters.");
        }
        Some(text.to_lowercase())
    }

    fn unknown_value(&mut self, name: &str, value: &str, allowed: &[&str]) {
        let shown: String = value.chars().take(64).collect();
        self.errors.add(name, format!("The {name} value {shown:?} is not known. Allowed: {}.", allowed.join(", ")));
    }
}

fn words<T: WireWord>() -> Vec<&'static str> {
    T::ALL.iter().map(|value| value.as_str()).collect()
}
