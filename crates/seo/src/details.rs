use serde_json::{Map, Value};

/// What a tool tells of an issue beside its type, severity and element: a JSON object, at most 16 KiB and 16 levels deep.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Details(Map<String, Value>);

/// Details that can't be stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum InvalidDetails {
    #[error("the other fields of an issue must not be larger than 16 KiB together")]
    TooLarge,
    #[error("the other fields of an issue must not be nested deeper than 16 levels")]
    TooDeep,
}

impl Details {
    /// The largest details, in bytes of compact JSON.
    pub const MAX_BYTES: usize = 16 * 1024;
    /// How deep they may be nested, themselves counted.
    pub const MAX_DEPTH: usize = 16;

    /// The details as a JSON object.
    pub fn as_object(&self) -> &Map<String, Value> {
        &self.0
    }

    /// The details as compact JSON text.
    pub fn to_json(&self) -> String {
        // Written by serde, so that the object need not be copied; maps of strings can't fail.
        serde_json::to_string(&self.0).unwrap_or_default()
    }

    /// Takes over details that were valid when they were stored.
    pub fn from_stored(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text).map(Self)
    }
}

impl TryFrom<Map<String, Value>> for Details {
    type Error = InvalidDetails;

    fn try_from(fields: Map<String, Value>) -> Result<Self, InvalidDetails> {
        if fields.values().any(|value| !is_shallow(value, Self::MAX_DEPTH - 1)) {
            return Err(InvalidDetails::TooDeep);
        }
        let details = Self(fields);
        if details.to_json().len() > Self::MAX_BYTES { Err(InvalidDetails::TooLarge) } else { Ok(details) }
    }
}

fn is_shallow(value: &Value, levels: usize) -> bool {
    match value {
        Value::Array(items) => levels > 0 && items.iter().all(|item| is_shallow(item, levels - 1)),
        Value::Object(fields) => levels > 0 && fields.values().all(|field| is_shallow(field, levels - 1)),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nested(levels: usize) -> Map<String, Value> {
        let inner = (1..levels).fold(Value::Null, |inner, _| Value::Array(vec![inner]));
        Map::from_iter([("a".to_owned(), inner)])
    }

    #[test]
    fn size_and_depth_have_bounds() {
        assert!(Details::try_from(nested(16)).is_ok());
        assert_eq!(Details::try_from(nested(17)), Err(InvalidDetails::TooDeep));
        assert_eq!(Details::try_from(nested(100)), Err(InvalidDetails::TooDeep));
        let of = |length: usize| Map::from_iter([("a".to_owned(), Value::from("x".repeat(length)))]);
        assert!(Details::try_from(of(Details::MAX_BYTES - 8)).is_ok());
        assert_eq!(Details::try_from(of(Details::MAX_BYTES - 7)), Err(InvalidDetails::TooLarge));
    }

    #[test]
    fn every_character_comes_back() {
        let fields = Map::from_iter([("a\0".to_owned(), Value::from("\0\u{1f980}\"\\"))]);
        let details = Details::try_from(fields).unwrap();
        assert!(!details.to_json().contains('\0'));
        assert_eq!(Details::from_stored(&details.to_json()).unwrap(), details);
    }
}
