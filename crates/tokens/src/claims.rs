use std::fmt;
use std::str::FromStr;

use core_domain::{AccountId, ScopeSet, Timestamp};

/// What a verified token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claims {
    /// Whose it is (`sub`).
    pub subject: Subject,
    /// What it may do (`scope`).
    pub scopes: ScopeSet,
    /// When it ends (`exp`), without any allowance for clocks that differ.
    pub expires_at: Timestamp,
    /// When it was made (`iat`), if it says so.
    pub issued_at: Option<Timestamp>,
}

/// The account that a token names, by its id or by its email address.
///
/// As text the id is its decimal digits; everything else is an address. So whoever issues the tokens can name either,
/// and MUST have made sure that an address belongs to the person before putting it into a token.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Subject {
    /// The account's id.
    Id(AccountId),
    /// The account's email address, lower-cased.
    Email(String),
}

/// A text that names no account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("neither an account id nor an email address")]
pub struct InvalidSubject;

impl Subject {
    /// The longest email address, in bytes (RFC 5321, section 4.5.3.1.3).
    const MAX_EMAIL_LEN: usize = 254;
}

impl FromStr for Subject {
    type Err = InvalidSubject;

    fn from_str(text: &str) -> Result<Self, InvalidSubject> {
        if !text.contains('@') {
            let id = text.parse().ok().and_then(|number: i64| AccountId::try_from(number).ok());
            // One text for each account: `7`, and neither `07` nor `+7`.
            return id.filter(|id| id.to_string() == text).map(Self::Id).ok_or(InvalidSubject);
        }
        let clean = text.len() <= Self::MAX_EMAIL_LEN && !text.contains(|c: char| c.is_whitespace() || c.is_control());
        match text.split_once('@') {
            Some((local, domain)) if clean && !local.is_empty() && !domain.is_empty() && !domain.contains('@') => {
                Ok(Self::Email(text.to_lowercase()))
            }
            _ => Err(InvalidSubject),
        }
    }
}

/// Prints what `FromStr` reads.
impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => id.fmt(f),
            Self::Email(email) => f.write_str(email),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn digits_are_an_id_and_all_else_an_address() {
        assert_eq!("42".parse(), Ok(Subject::Id(AccountId::try_from(42).unwrap())));
        assert_eq!("Ada@Example.COM".parse(), Ok(Subject::Email("ada@example.com".to_owned())));
        assert_eq!("42@example.com".parse(), Ok(Subject::Email("42@example.com".to_owned())));
    }

    #[test]
    fn other_forms_are_refused() {
        let long = format!("{}@example.com", "a".repeat(250));
        for text in
            ["", "0", "-1", "+7", "07", "7 ", "9223372036854775808", "ada", "@", "a@", "@b", "a@b@c", "a b@c", &long]
        {
            assert_eq!(text.parse::<Subject>(), Err(InvalidSubject), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_refused_or_survives_printing(text in ".{0,40}|[0-9]{1,20}|[a-zA-Z]{1,5}@[a-z.]{1,9}") {
            if let Ok(subject) = text.parse::<Subject>() {
                prop_assert_eq!(subject.to_string().parse::<Subject>(), Ok(subject));
            }
        }
    }
}
