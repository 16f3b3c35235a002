use std::time::{Duration, SystemTime};

use core_domain::Timestamp;
use reqwest::StatusCode;
use reqwest::header::{HeaderMap, LOCATION, RETRY_AFTER};
use webhooks::AttemptOutcome;

/// The most that is kept of an answer's headers, in bytes.
const MAX_HEADERS_BYTES: usize = 16 * 1024;
/// The most that is shown of where a redirect leads, in characters.
const MAX_LOCATION_CHARS: usize = 300;

/// A JSON object of texts. A repeated header's values are joined by commas; a header that does not fit any more is
/// left out.
pub(crate) fn headers_as_json(headers: &HeaderMap) -> String {
    let mut json = String::from("{");
    for name in headers.keys() {
        let mut value = String::new();
        for (index, part) in headers.get_all(name).iter().enumerate() {
            value.push_str(if index == 0 { "" } else { ", " });
            value.push_str(&String::from_utf8_lossy(part.as_bytes()));
        }
        let value = serde_json::Value::String(value).to_string();
        let quotes_and_punctuation = 5;
        if json.len() + name.as_str().len() + value.len() + quotes_and_punctuation > MAX_HEADERS_BYTES {
            continue;
        }
        json.push_str(if json.len() == 1 { "\"" } else { ",\"" });
        // A header's name has no character that JSON escapes.
        json.push_str(name.as_str());
        json.push_str("\":");
        json.push_str(&value);
    }
    json.push('}');
    json
}

/// The body as text, at most [`AttemptOutcome::MAX_BODY_BYTES`] of it. NUL is replaced like what is not UTF-8: not
/// every store can keep it. A character that the cap cut in two is left out.
pub(crate) fn body_as_text(body: &[u8]) -> String {
    let whole = match std::str::from_utf8(body) {
        Err(error) if error.error_len().is_none() && body.len() == AttemptOutcome::MAX_BODY_BYTES => {
            &body[..error.valid_up_to()]
        }
        _ => body,
    };
    let mut text = String::from_utf8_lossy(whole).into_owned();
    if text.contains('\0') {
        text = text.replace('\0', "\u{fffd}");
    }
    text.truncate(text.floor_char_boundary(AttemptOutcome::MAX_BODY_BYTES));
    text
}

/// Why this answer is no success; `None` when it is one.
pub(crate) fn complaint(status: StatusCode, headers: &HeaderMap) -> Option<String> {
    if status.is_success() {
        return None;
    }
    let code = status.as_u16();
    let location = headers.get(LOCATION).filter(|_| status.is_redirection());
    Some(match location {
        Some(location) => {
            let text = String::from_utf8_lossy(location.as_bytes());
            let shown: String = text.chars().take(MAX_LOCATION_CHARS).collect();
            format!("redirects are not followed: {code} to {shown}")
        }
        None => format!("the answer was {code}"),
    })
}

/// How many seconds a 429 or 503 asks to be left alone; both forms of RFC 9110, section 10.2.3. What is in the past is 0.
pub(crate) fn retry_after_seconds(status: StatusCode, headers: &HeaderMap, now: Timestamp) -> Option<u32> {
    if !matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
        return None;
    }
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(text.parse().unwrap_or(u32::MAX));
    }
    let until = httpdate::parse_http_date(text).ok()?.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    let now = Duration::from_micros(u64::try_from(now.as_unix_micros()).unwrap_or(0));
    let wait = until.saturating_sub(now);
    // Half a second of waiting left is a second to wait.
    Some(u32::try_from(wait.as_millis().div_ceil(1_000)).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderName, HeaderValue};

    use super::*;

    fn headers(pairs: &[(&str, &[u8])]) -> HeaderMap {
        let pair = |(name, value): &(&str, &[u8])| {
            (HeaderName::try_from(*name).unwrap(), HeaderValue::from_bytes(value).unwrap())
        };
        pairs.iter().map(pair).collect()
    }

    fn many(pairs: &[(&str, &[u8])]) -> HeaderMap {
        let mut all = HeaderMap::new();
        for (name, value) in pairs {
            all.append(HeaderName::try_from(*name).unwrap(), HeaderValue::from_bytes(value).unwrap());
        }
        all
    }

    #[test]
    fn headers_are_an_object_of_texts() {
        let given = many(&[("a", b"1"), ("b", b"say \"\\\tno"), ("a", b"2"), ("c", b"\xff")]);
        let read: serde_json::Value = serde_json::from_str(&headers_as_json(&given)).unwrap();
        assert_eq!(read, serde_json::json!({"a": "1, 2", "b": "say \"\\\tno", "c": "\u{fffd}"}));
        assert_eq!(headers_as_json(&HeaderMap::new()), "{}");
    }

    #[test]
    fn a_header_that_does_not_fit_is_left_out_and_the_rest_kept() {
        let long = vec![b'x'; MAX_HEADERS_BYTES];
        let given = headers(&[("first", b"1"), ("long", &long), ("quoted", &[b'"'; 9_000]), ("last", b"2")]);
        assert_eq!(headers_as_json(&given), r#"{"first":"1","last":"2"}"#);
        // Beside the text: its quotes, `{"a":` and `}`, and a comma that the first header does not need.
        let fits = headers(&[("a", &long[9..])]);
        assert_eq!(headers_as_json(&fits).len(), MAX_HEADERS_BYTES - 1);
        assert_eq!(headers_as_json(&headers(&[("a", &long[8..])])), "{}");
    }

    #[test]
    fn a_body_is_text_whatever_its_bytes() {
        assert_eq!(body_as_text(b""), "");
        assert_eq!(body_as_text("größer".as_bytes()), "größer");
        assert_eq!(body_as_text(b"a\0b\xffc"), "a\u{fffd}b\u{fffd}c");
        assert_eq!(body_as_text(b"cut \xc3"), "cut \u{fffd}");
        let max = AttemptOutcome::MAX_BODY_BYTES;
        let mut cut_in_two = vec![b'x'; max - 1];
        cut_in_two.push(0xc3);
        assert_eq!(body_as_text(&cut_in_two), "x".repeat(max - 1));
        assert_eq!(body_as_text(&vec![0xff; max]), "\u{fffd}".repeat(max / 3));
    }

    #[test]
    fn both_forms_of_retry_after_are_read() {
        let now = Timestamp::parse("2026-01-15T10:30:00.5Z").unwrap();
        let busy = StatusCode::SERVICE_UNAVAILABLE;
        for (text, seconds) in [
            ("120", Some(120)),
            (" 7 ", Some(7)),
            ("0", Some(0)),
            ("99999999999999999999", Some(u32::MAX)),
            ("Thu, 15 Jan 2026 10:31:00 GMT", Some(60)),
            ("Thursday, 15-Jan-26 10:31:00 GMT", Some(60)),
            ("Thu Jan 15 10:31:00 2026", Some(60)),
            ("Thu, 15 Jan 2026 10:29:00 GMT", Some(0)),
            ("", None),
            ("-1", None),
            ("1.5", None),
            ("soon", None),
        ] {
            let given = headers(&[("retry-after", text.as_bytes())]);
            assert_eq!(retry_after_seconds(busy, &given, now), seconds, "{text}");
        }
        let given = headers(&[("retry-after", b"120")]);
        assert_eq!(retry_after_seconds(StatusCode::TOO_MANY_REQUESTS, &given, now), Some(120));
        assert_eq!(retry_after_seconds(StatusCode::OK, &given, now), None);
        assert_eq!(retry_after_seconds(StatusCode::INTERNAL_SERVER_ERROR, &given, now), None);
        assert_eq!(retry_after_seconds(busy, &HeaderMap::new(), now), None);
    }
}
