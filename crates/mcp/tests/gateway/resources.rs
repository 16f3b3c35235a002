use std::fmt::Write as _;
use std::sync::Arc;

use core_domain::Tier;
use mcp::{InvalidUri, Located, ResourceUri, UriTemplate, View, Viewer, locate};
use proptest::prelude::*;
use serde_json::json;

use crate::{parse, realm, with_resources};

fn uri(raw: &str) -> Result<String, InvalidUri> {
    ResourceUri::from_raw_path(raw).map(|uri| uri.as_str().to_owned())
}

#[test]
fn a_path_is_decoded_exactly_once() {
    assert_eq!(uri("file:///a%20b/%C3%A9"), Ok("file:///a b/é".to_owned()));
    assert_eq!(uri("file:///%252e%252e/x"), Ok("file:///%2e%2e/x".to_owned()));
    assert_eq!(uri("demo:%2F%2fx%3Fq%23f+g"), Ok("demo://x?q#f+g".to_owned()));
    assert_eq!(uri("file:///a%2"), Err(InvalidUri::Encoding));
    assert_eq!(uri("file:///a%zz"), Err(InvalidUri::Encoding));
    assert_eq!(uri("file:///%ff"), Err(InvalidUri::NotUtf8));
    for control in ["%00", "%0d", "%0A", "%C2%85", "%7f"] {
        assert_eq!(uri(&format!("file:///{control}")), Err(InvalidUri::Control), "{control}");
    }
    for bare in ["", "a/b", "/etc/passwd", "1a:x", ":x"] {
        assert_eq!(uri(bare), Err(InvalidUri::NoScheme), "{bare}");
    }
    assert_eq!(uri(&format!("a:{}", "x".repeat(4095))), Err(InvalidUri::TooLong));
}

#[test]
fn templates_match_what_they_stand_for() {
    let cases = [
        ("demo://text/{id}", "demo://text/1", true),
        ("demo://text/{id}", "demo://text/", false),
        ("demo://text/{id}", "demo://text/1/2", false),
        ("demo://text/{id}", "demo://text/..", false),
        ("demo://text/{id}", "demo://text/%2E%2e", false),
        ("demo://text/{id}", "demo://texT/1", false),
        ("file:///{+path}", "file:///a/b.txt", true),
        ("file:///{+path}", "file:///a/../b", false),
        ("file:///{+path}", "file:///a\\..\\b", false),
        ("x://{a}.{b}{?q,r}", "x://1.2?q=1&r=2", true),
        ("x://{a}.{b}{?q,r}", "x://1.2", true),
        ("x://h{/parts*}", "x://h/a/b/c", true),
        ("x://h{/parts*}{#frag}", "x://h/a#b", true),
        ("x://h{;k:3}{.ext}", "x://h;k=abc.txt", true),
        ("x://(a|b)/{id}", "x://a/1", false),
    ];
    for (template, uri, matches) in cases {
        let uri = ResourceUri::try_from(uri.to_owned()).unwrap();
        assert_eq!(UriTemplate::parse(template).unwrap().matches(&uri), matches, "{template} {uri}");
    }
    for broken in ["x://{", "x://{}", "x://}", "x://{a b}", "x://{a:99999}", "x://{!a}"] {
        assert!(UriTemplate::parse(broken).is_err(), "{broken}");
    }
}

#[test]
fn a_listed_resource_comes_before_a_template_and_two_are_too_many() {
    let registry = parse(
        &json!({ "a": { "command": "x" }, "b": { "command": "x" }, "c": { "command": "x", "resources": false } }),
    )
    .unwrap();
    let views = View::all(&registry, &Viewer { realm: realm(1), tier: Tier::Free, servers: None });
    let catalogues = [
        with_resources(&["demo://text/1", "demo://both"], &[]),
        with_resources(&["demo://both"], &["demo://text/{id}"]),
        with_resources(&["demo://hidden"], &["demo://{+all}"]),
    ];
    let among: Vec<_> = views.into_iter().zip(catalogues.map(Arc::new)).collect();
    let found = |uri: &str| match locate(&ResourceUri::try_from(uri.to_owned()).unwrap(), &among) {
        Located::At(view) => view.server.id.to_string(),
        Located::Several(views) => views.iter().map(|view| view.server.id.as_str()).collect::<Vec<_>>().join("+"),
        Located::Nowhere => "-".to_owned(),
    };
    assert_eq!(["demo://text/1", "demo://text/2", "demo://both", "demo://hidden"].map(found), ["a", "b", "a+b", "-"]);
}

proptest! {
    #[test]
    fn encoding_and_decoding_once_is_nothing(text in "[^\\p{C}]{0,60}") {
        let plain = format!("x:{text}");
        let mut encoded = String::new();
        for byte in plain.bytes() {
            write!(encoded, "%{byte:02x}")?;
        }
        prop_assert_eq!(uri(&encoded), Ok(plain));
    }

    #[test]
    fn no_path_and_no_template_panics(path in ".{0,80}", template in "[a-z:/{}+#?*,0-9.;&]{0,60}") {
        if let (Ok(uri), Ok(template)) = (ResourceUri::from_raw_path(&path), UriTemplate::parse(&template)) {
            let _ = template.matches(&uri);
        }
    }
}
