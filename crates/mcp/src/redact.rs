use serde_json::{Map, Value, json};

use crate::{JsonObject, clean};

/// What stands for a secret.
const HIDDEN: &str = "***";
/// The longest text that is kept, in characters.
const MAX_TEXT: usize = 500;
/// The most items of an array or object that are kept.
const MAX_ITEMS: usize = 50;
const MAX_DEPTH: usize = 8;
/// The most that is kept of arguments, in bytes.
const MAX_BYTES: usize = 8 * 1024;

/// The arguments of a call as the audit log keeps them: an object of at most 8 KiB, without secrets.
///
/// Hidden are values whose name speaks of a secret, those whose schema does (`writeOnly`, `format: password`), and texts
/// that look like a key, a token or a credential. Long texts and lists are cut.
pub fn redacted(arguments: &JsonObject, schema: &Value) -> Value {
    let properties = schema.get("properties");
    let fields = arguments.iter().take(MAX_ITEMS).map(|(name, value)| {
        let is_declared = properties.and_then(|known| known.get(name)).is_some_and(declares_secret);
        let shown = if is_declared { json!(HIDDEN) } else { field(name, value, MAX_DEPTH) };
        (short(name, 100), shown)
    });
    let kept = Value::Object(with_rest(fields.collect(), arguments.len()));
    if kept.to_string().len() <= MAX_BYTES {
        return kept;
    }
    let names: Vec<String> = arguments.keys().take(MAX_ITEMS).map(|name| short(name, 100)).collect();
    json!({ "...": "too large to be kept", "names": names })
}

fn declares_secret(schema: &Value) -> bool {
    schema.get("writeOnly") == Some(&json!(true)) || schema.get("format") == Some(&json!("password"))
}

fn field(name: &str, value: &Value, depth: usize) -> Value {
    if speaks_of_secret(name) && !value.is_null() { json!(HIDDEN) } else { kept(value, depth) }
}

fn kept(value: &Value, depth: usize) -> Value {
    let Some(depth) = depth.checked_sub(1) else { return json!("...") };
    match value {
        Value::String(text) if looks_like_secret(text) => json!(HIDDEN),
        Value::String(text) => json!(short(text, MAX_TEXT)),
        Value::Array(items) => {
            let mut list: Vec<Value> = items.iter().take(MAX_ITEMS).map(|item| kept(item, depth)).collect();
            if items.len() > MAX_ITEMS {
                list.push(json!(format!("... {} more", items.len() - MAX_ITEMS)));
            }
            Value::Array(list)
        }
        Value::Object(fields) => {
            let kept = fields.iter().take(MAX_ITEMS).map(|(name, value)| (short(name, 100), field(name, value, depth)));
            Value::Object(with_rest(kept.collect(), fields.len()))
        }
        plain => plain.clone(),
    }
}

fn with_rest(mut fields: Map<String, Value>, total: usize) -> Map<String, Value> {
    if total > MAX_ITEMS {
        fields.insert("...".to_owned(), json!(format!("{} more", total - MAX_ITEMS)));
    }
    fields
}

fn short(text: &str, max_chars: usize) -> String {
    match text.char_indices().nth(max_chars) {
        None => clean(text),
        Some((end, _)) => format!("{}... ({} bytes)", clean(&text[..end]), text.len()),
    }
}

fn speaks_of_secret(name: &str) -> bool {
    const PARTS: [&str; 14] = [
        "password",
        "passwd",
        "passphrase",
        "secret",
        "token",
        "apikey",
        "accesskey",
        "privatekey",
        "authorization",
        "credential",
        "cookie",
        "bearer",
        "signature",
        "connectionstring",
    ];
    const WHOLE: [&str; 6] = ["auth", "pwd", "pass", "pin", "otp", "key"];
    let plain: String = name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    WHOLE.contains(&plain.as_str()) || PARTS.iter().any(|part| plain.contains(part))
}

fn looks_like_secret(text: &str) -> bool {
    const PREFIXES: [&str; 16] = [
        "sk_live_",
        "sk_test_",
        "sk-",
        "rk_live_",
        "whsec_",
        "ghp_",
        "gho_",
        "ghs_",
        "github_pat_",
        "glpat-",
        "xoxb-",
        "xoxp-",
        "AKIA",
        "ASIA",
        "AIza",
        "ya29.",
    ];
    let word_is = |word: &str| {
        word.len() >= 16 && PREFIXES.iter().any(|prefix| word.starts_with(prefix))
            || (word.starts_with("eyJ") && word.len() >= 24 && word.matches('.').count() == 2)
    };
    let lower = text.get(..16).unwrap_or(text).to_ascii_lowercase();
    lower.starts_with("bearer ")
        || lower.starts_with("basic ")
        || text.contains("PRIVATE KEY-----")
        || has_url_password(text)
        || text.split(|c: char| c.is_whitespace() || "\"'=:,;()<>".contains(c)).any(word_is)
}

/// `scheme://user:password@host`.
fn has_url_password(text: &str) -> bool {
    text.split_once("://").is_some_and(|(_, rest)| {
        let authority = rest.split(['/', '?', '#', ' ']).next().unwrap_or_default();
        authority.rsplit_once('@').is_some_and(|(user, _)| user.contains(':'))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(arguments: &Value) -> Value {
        redacted(arguments.as_object().unwrap(), &json!({ "properties": { "code": { "format": "password" } } }))
    }

    #[test]
    fn secrets_are_hidden_wherever_they_are() {
        let arguments = json!({
            "path": "/tmp/a", "code": "1234", "API-Key": "x", "nested": { "list": [{ "dbPassword": 5, "user": "ada" }] },
            "header": "Bearer abc", "text": "use sk_live_0123456789abcdefghij now", "dsn": "postgres://ada:pw@db/x",
            "jwt": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln", "token": null, "keyboard": "qwertz",
        });
        let expected = json!({
            "path": "/tmp/a", "code": "***", "API-Key": "***", "nested": { "list": [{ "dbPassword": "***", "user": "ada" }] },
            "header": "***", "text": "***", "dsn": "***", "jwt": "***", "token": null, "keyboard": "qwertz",
        });
        assert_eq!(of(&arguments), expected);
    }

    #[test]
    fn what_is_long_is_cut() {
        let long = of(&json!({ "text": "ü".repeat(501), "list": vec![0; 60] }));
        assert_eq!(long["text"], json!(format!("{}... (1002 bytes)", "ü".repeat(500))));
        assert_eq!(long["list"].as_array().map(Vec::len), Some(51));
        let huge: JsonObject = (0..50).map(|n| (format!("f{n}"), json!("a".repeat(400)))).collect();
        assert_eq!(of(&Value::Object(huge))["names"].as_array().map(Vec::len), Some(50));
    }

    proptest! {
        #[test]
        fn no_named_secret_stays_and_the_bound_holds(secret in "[a-z0-9]{12,40}", depth in 0_usize..12, pad in 0_usize..2000) {
            let mut value = json!({ "user_password": secret, "note": "n".repeat(pad) });
            for _ in 0..depth {
                value = json!({ "inner": [value] });
            }
            let text = of(&value).to_string();
            prop_assert!(!text.contains(&secret));
            prop_assert!(text.len() <= MAX_BYTES);
        }
    }
}
