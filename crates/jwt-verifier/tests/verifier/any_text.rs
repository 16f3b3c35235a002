use proptest::prelude::*;
use serde_json::json;
use tokio::runtime::{Builder, Runtime};

use crate::keys::{Key, SECRET, base64url};
use crate::stage::Stage;

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// What a header or payload may be made of.
fn json_text() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "null",
        "0",
        "-1",
        "1e999",
        "\"\"",
        "\"alg\"",
        "\"HS256\"",
        "\"RS256\"",
        "\"none\"",
        "\"kid\"",
        "\"a\"",
        "\"jwk\"",
        "\"exp\"",
        "\"sub\"",
        "\"42\"",
        "\"\\ud800\"",
    ]);
    prop_oneof![prop::collection::vec(word, 0..20).prop_map(|words| words.concat()), ".{0,60}".prop_map(String::from)]
}

proptest! {
    #[test]
    fn any_text_is_refused(text in ".{0,200}|[A-Za-z0-9_-]{0,40}[.][A-Za-z0-9_-]{0,40}[.][A-Za-z0-9_-]{0,40}") {
        let stages = [Stage::with_secret(), Stage::with_keys(&[Key::ed().jwk("a")])];
        runtime().block_on(async {
            for stage in stages {
                assert!(stage.rejection(&text).await.is_some());
            }
        });
    }

    #[test]
    fn any_header_and_payload_are_refused(header in json_text(), payload in json_text(), signature: Vec<u8>) {
        let unsigned = [header.as_bytes(), payload.as_bytes(), &signature].map(base64url).join(".");
        let signed = Key::secret(SECRET).sign_text(&header, &payload);
        let payload_alone = Key::secret(SECRET).sign_text(r#"{"alg":"HS256"}"#, &payload);
        let stage = Stage::with_secret();
        runtime().block_on(async {
            for token in [unsigned, signed, payload_alone] {
                assert!(stage.rejection(&token).await.is_some());
            }
        });
    }

    #[test]
    fn one_changed_byte_is_refused(position: prop::sample::Index, byte: u8) {
        let stage = Stage::with_secret();
        let token = Key::secret(SECRET).sign("a", &stage.claims());
        let mut bytes = token.clone().into_bytes();
        let position = position.index(bytes.len());
        bytes[position] = byte;
        if let Ok(changed) = String::from_utf8(bytes) && changed != token {
            assert!(runtime().block_on(stage.rejection(&changed)).is_some());
        }
    }

    #[test]
    fn any_claims_under_a_good_signature_cause_no_panic(exp: f64, nbf: f64, iat: i64, sub in ".{0,20}", scope in ".{0,40}") {
        let stage = Stage::with_secret();
        let claims = json!({"exp": exp, "nbf": nbf, "iat": iat, "sub": sub, "scope": scope, "aud": crate::stage::AUDIENCE});
        let _ = runtime().block_on(stage.rejection(&Key::secret(SECRET).sign("a", &claims)));
    }
}
