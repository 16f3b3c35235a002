use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::{Digest, PinPolicy, ToolDefinition};

/// The definitions of one instance's tools that are trusted, where its pin policy asks for it.
///
/// The adapter keeps one for each server, over restarts of the server and as long as its configuration stays the same.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pins(Option<BTreeMap<String, Digest>>);

/// A tool that nobody may call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quarantined {
    /// Its name, cleaned; it may be any text.
    pub name: String,
    /// Why.
    pub reason: QuarantineReason,
    /// The digest of the definition that it has now: what an operator approves.
    pub digest: Digest,
}

/// Why a tool is in quarantine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QuarantineReason {
    /// Its definition is another than the trusted one.
    Changed,
    /// It is not among the trusted ones.
    Added,
    /// Its name is not 1 to 128 characters of visible ASCII.
    InvalidName,
    /// Another tool of the server has the same name.
    Duplicate,
}

core_domain::wire_words!(QuarantineReason {
    Changed = "changed",
    Added = "added",
    InvalidName = "invalid_name",
    Duplicate = "duplicate",
});

impl Pins {
    /// Whether the definition with this digest may be used; the reason why not.
    ///
    /// With [`PinPolicy::FirstSeen`] and nothing pinned yet everything may: [`settle`](Self::settle) comes after.
    pub(crate) fn check(&self, policy: &PinPolicy, name: &str, digest: Digest) -> Result<(), QuarantineReason> {
        let trusted = match policy {
            PinPolicy::Off => return Ok(()),
            PinPolicy::Approved(approved) => approved,
            PinPolicy::FirstSeen => match &self.0 {
                Some(pinned) => pinned,
                None => return Ok(()),
            },
        };
        match trusted.get(name) {
            Some(known) if *known == digest => Ok(()),
            Some(_) => Err(QuarantineReason::Changed),
            None => Err(QuarantineReason::Added),
        }
    }

    /// Pins the first catalogue that was seen.
    pub(crate) fn settle<'a>(&mut self, tools: impl Iterator<Item = (&'a str, Digest)>) {
        self.0.get_or_insert_with(|| tools.map(|(name, digest)| (name.to_owned(), digest)).collect());
    }
}

impl ToolDefinition {
    /// What a pin holds of a definition: the SHA-256 of the canonical JSON of everything that a caller or a model
    /// reads of it. The order of keys and of white space does not matter; every character of a text does.
    pub fn digest(&self) -> Digest {
        let whole = json!({
            "name": self.name,
            "title": self.title,
            "description": self.description,
            "inputSchema": self.input_schema,
            "outputSchema": self.output_schema,
            "annotations": self.annotations,
        });
        let mut text = String::new();
        write_canonical(&whole, &mut text);
        Digest::of(text.as_bytes())
    }
}

/// Writes JSON with sorted keys and no white space (RFC 8785, but for numbers, which stay as they were read).
fn write_canonical(value: &Value, text: &mut String) {
    match value {
        Value::Object(fields) => {
            let mut sorted: Vec<_> = fields.iter().collect();
            sorted.sort_unstable_by(|left, right| left.0.encode_utf16().cmp(right.0.encode_utf16()));
            text.push('{');
            for (place, (key, value)) in sorted.into_iter().enumerate() {
                if place > 0 {
                    text.push(',');
                }
                let _ = write!(text, "{}:", Value::String(key.clone()));
                write_canonical(value, text);
            }
            text.push('}');
        }
        Value::Array(items) => {
            text.push('[');
            for (place, item) in items.iter().enumerate() {
                if place > 0 {
                    text.push(',');
                }
                write_canonical(item, text);
            }
            text.push(']');
        }
        plain => {
            let _ = write!(text, "{plain}");
        }
    }
}
