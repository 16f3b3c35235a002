use std::fmt;
use std::str::FromStr;

/// What an endpoint requires: one action on one resource, such as `api-keys:read`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Permission {
    resource: &'static str,
    action: &'static str,
}

impl Permission {
    /// `action` on `resource`; both lower-case words as in [`Scope`].
    pub const fn new(resource: &'static str, action: &'static str) -> Self {
        Self { resource, action }
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.resource, self.action)
    }
}

/// The resource that no wildcard reaches: what only the operator of the service may do, in any workspace.
///
/// Nobody can hand out a scope on it who was not given it by name, so that `*` stays what a customer may have.
const OPERATOR: &str = "operator";

/// One scope that a credential holds.
///
/// Forms (contract: Scopes): `resource:action`, `resource:*` (every action on it), `*:action` or its short form
/// `action` (that action on every resource), and `*` (everything). Words are `[a-z][a-z0-9-]*`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Scope {
    text: String,
    /// `None` stands for every resource.
    resource: Option<(usize, usize)>,
    /// `None` stands for every action.
    action: Option<(usize, usize)>,
}

/// A text that is no scope.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a scope: expected resource:action, resource:*, *:action, an action alone, or *")]
pub struct InvalidScope(pub String);

impl Scope {
    /// The longest scope, in bytes.
    pub const MAX_LEN: usize = 100;

    /// The scope as it was given.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    fn resource(&self) -> Option<&str> {
        self.resource.map(|(from, to)| &self.text[from..to])
    }

    fn action(&self) -> Option<&str> {
        self.action.map(|(from, to)| &self.text[from..to])
    }

    /// Whether holding this scope is enough for `permission`.
    pub fn grants(&self, permission: Permission) -> bool {
        self.resource().map_or(permission.resource != OPERATOR, |held| held == permission.resource)
            && self.action().is_none_or(|held| held == permission.action)
    }

    /// Whether everything that `other` grants is granted by this scope, now and for resources yet unknown.
    pub fn covers(&self, other: &Self) -> bool {
        if other.resource() == Some(OPERATOR) && self.resource() != Some(OPERATOR) {
            return false;
        }
        let within = |held: Option<&str>, wanted: Option<&str>| held.is_none() || held == wanted;
        within(self.resource(), other.resource()) && within(self.action(), other.action())
    }
}

impl FromStr for Scope {
    type Err = InvalidScope;

    fn from_str(text: &str) -> Result<Self, InvalidScope> {
        let invalid = || InvalidScope(text.chars().take(Self::MAX_LEN).collect());
        if text.len() > Self::MAX_LEN {
            return Err(invalid());
        }
        let span = |word: &str, from: usize| match word {
            "*" => Some(None),
            _ if is_word(word) => Some(Some((from, from + word.len()))),
            _ => None,
        };
        let (resource, action) = match text.split_once(':') {
            None => (None, span(text, 0).ok_or_else(invalid)?),
            Some(("*", "*")) => return Err(invalid()),
            Some((resource, action)) => {
                (span(resource, 0).ok_or_else(invalid)?, span(action, resource.len() + 1).ok_or_else(invalid)?)
            }
        };
        Ok(Self { text: text.to_owned(), resource, action })
    }
}

fn is_word(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl serde::Serialize for Scope {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

/// The scopes that a credential holds, in the order they were given, each once.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
#[serde(transparent)]
pub struct ScopeSet(Vec<Scope>);

impl ScopeSet {
    /// Whether any held scope is enough for `permission`.
    pub fn grants(&self, permission: Permission) -> bool {
        self.0.iter().any(|scope| scope.grants(permission))
    }

    /// The first scope of `other` that this set does not cover.
    ///
    /// A wildcard is covered by a wildcard alone: no number of single scopes adds up to one, since there is no end
    /// of resources and actions.
    pub fn first_uncovered<'a>(&self, other: &'a Self) -> Option<&'a Scope> {
        other.0.iter().find(|wanted| !self.0.iter().any(|held| held.covers(wanted)))
    }

    /// How many scopes are held.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether none is held.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The scopes in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Scope> {
        self.0.iter()
    }
}

impl<'a> IntoIterator for &'a ScopeSet {
    type Item = &'a Scope;
    type IntoIter = std::slice::Iter<'a, Scope>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl FromIterator<Scope> for ScopeSet {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        let mut set = Vec::new();
        for scope in scopes {
            if !set.contains(&scope) {
                set.push(scope);
            }
        }
        Self(set)
    }
}

/// Prints the scopes separated by spaces, as OAuth 2 does (RFC 6749, section 3.3).
impl fmt::Display for ScopeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, scope) in self.0.iter().enumerate() {
            if position > 0 {
                f.write_str(" ")?;
            }
            f.write_str(scope.as_str())?;
        }
        Ok(())
    }
}

/// Reads what `Display` prints.
impl FromStr for ScopeSet {
    type Err = InvalidScope;

    fn from_str(text: &str) -> Result<Self, InvalidScope> {
        text.split_whitespace().map(str::parse).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PERMISSIONS: [Permission; 6] = [
        Permission::new("posts", "read"),
        Permission::new("posts", "write"),
        Permission::new("posts", "delete"),
        Permission::new("api-keys", "read"),
        Permission::new("api-keys", "write"),
        Permission::new("unheard-of", "act"),
    ];

    fn scope() -> impl Strategy<Value = Scope> {
        let word = |words: &'static [&'static str]| prop::sample::select(words);
        prop_oneof![
            Just("*".to_owned()),
            word(&["read", "write", "act"]).prop_map(str::to_owned),
            (word(&["*", "posts", "api-keys"]), word(&["read", "write", "delete"]))
                .prop_map(|(r, a)| format!("{r}:{a}")),
            word(&["posts", "api-keys", "unheard-of"]).prop_map(|resource| format!("{resource}:*")),
        ]
        .prop_map(|text| text.parse().unwrap())
    }

    fn scopes() -> impl Strategy<Value = ScopeSet> {
        prop::collection::vec(scope(), 0..5).prop_map(ScopeSet::from_iter)
    }

    #[test]
    fn the_operator_s_scopes_are_reached_by_name_alone() {
        let set: Permission = Permission::new("operator", "write");
        let scope = |text: &str| text.parse::<Scope>().unwrap();
        for wide in ["*", "write", "*:write"] {
            assert!(!scope(wide).grants(set) && !scope(wide).covers(&scope("operator:write")), "{wide}");
        }
        for named in ["operator:write", "operator:*"] {
            assert!(scope(named).grants(set) && scope(named).covers(&scope("operator:write")), "{named}");
        }
        assert!(scope("*").covers(&scope("*")) && !scope("*").covers(&scope("operator:*")));
    }

    proptest! {
        #[test]
        fn a_covered_set_grants_nothing_more(parent in scopes(), child in scopes()) {
            if parent.first_uncovered(&child).is_none() {
                for permission in PERMISSIONS {
                    prop_assert!(!child.grants(permission) || parent.grants(permission));
                }
            }
        }

        #[test]
        fn every_set_covers_itself_and_survives_its_text(set in scopes()) {
            prop_assert_eq!(set.first_uncovered(&set), None);
            prop_assert_eq!(set.to_string().parse::<ScopeSet>()?, set);
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in ".{0,120}") {
            let _ = text.parse::<Scope>();
        }
    }

    #[test]
    fn wildcards_grant_what_they_say() {
        let grants = |held: &str| {
            let set: ScopeSet = held.parse().unwrap();
            PERMISSIONS
                .iter()
                .filter(|wanted| set.grants(**wanted))
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join(" ")
        };
        assert_eq!(grants("*").split(' ').count(), 6);
        assert_eq!(grants("posts:*"), "posts:read posts:write posts:delete");
        assert_eq!(grants("read"), "posts:read api-keys:read");
        assert_eq!(grants("*:write"), "posts:write api-keys:write");
        assert_eq!(grants("posts:read"), "posts:read");
        assert_eq!(grants(""), "");
    }

    #[test]
    fn short_and_long_action_forms_cover_each_other() {
        let (short, long): (Scope, Scope) = ("read".parse().unwrap(), "*:read".parse().unwrap());
        assert!(short.covers(&long) && long.covers(&short));
    }

    #[test]
    fn other_forms_are_refused() {
        for text in [
            "",
            " ",
            "Posts:read",
            "posts:",
            ":read",
            "po*:read",
            "*:*",
            "a:b:c",
            "1a:b",
            "posts:read ",
            "posts.read",
            "-a:b",
        ] {
            assert!(text.parse::<Scope>().is_err(), "{text}");
        }
        assert!(format!("a:{}", "b".repeat(Scope::MAX_LEN)).parse::<Scope>().is_err());
    }
}
