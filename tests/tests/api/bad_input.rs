use acceptance::{
    Api, Backend, PATIENCE, Stage, eventually, made_up_key, on_both_stores, seconds_from_now, validation,
};
use serde_json::{Value, json};

on_both_stores!(
    malformed_json,
    empty_body,
    non_utf_8_body,
    deep_nesting,
    wrong_content_type,
    wrong_type,
    missing_field,
    null_for_a_required_field,
    unknown_body_field,
    duplicate_json_keys,
    over_long_name,
    blank_name,
    control_characters_in_names,
    bad_slug,
    bad_tier,
    duplicate_slug,
    past_expires_at,
    unknown_scope_form,
    page_0,
    per_page_101,
    page_too_deep,
    unknown_sort,
    unknown_filter,
    unknown_filter_value,
    unknown_field,
    unknown_include,
    control_characters_in_search,
    over_long_search,
    a_parameter_given_twice,
    id_0,
    id_beyond_64_bit,
    id_of_another_form,
    foreign_id,
    wrong_method,
    body_of_2_mib,
    body_of_2_mib_in_chunks,
    body_of_1_mib_is_taken,
    huge_header,
    malformed_http,
    no_key,
    other_key,
    expired_key,
    revoked_key,
);

const WORKSPACES: &str = "/api/v1/workspaces";
const KEYS: &str = "/api/v1/api-keys";

async fn create_with(api: &Api, path: &str, body: &[u8]) -> acceptance::Answer {
    api.request("POST", path).header("Content-Type", "application/json").body(body).send().await
}

fn bad_request(message: &str) -> Value {
    json!({ "error": "bad_request", "message": message })
}

async fn malformed_json(backend: Backend) {
    let stage = Stage::set(backend).await;
    for (body, fault) in [
        (r#"{"name": "A""#, "EOF while parsing an object at line 1 column 12"),
        ("{name: 1}", "key must be a string at line 1 column 2"),
        ("{\n\"name\": 'A'}", "expected value at line 2 column 9"),
        (r#"{"name": "A"} x"#, "trailing characters at line 1 column 15"),
        (r#"{"name": "A",}"#, "trailing comma at line 1 column 14"),
        ("name=A", "expected ident at line 1 column 2"),
    ] {
        for path in [WORKSPACES, KEYS] {
            let answer = create_with(&stage.owner, path, body.as_bytes()).await;
            answer.is(400, bad_request(&format!("The body is not valid JSON: {fault}.")));
        }
    }
    assert_eq!(stage.owner.get(WORKSPACES).await.expect(200).json()["meta"]["total"], 1);
}

async fn empty_body(backend: Backend) {
    let stage = Stage::set(backend).await;
    let fault = bad_request("The body is not valid JSON: EOF while parsing a value at line 1 column 0.");
    create_with(&stage.owner, WORKSPACES, b"").await.is(400, fault.clone());
    create_with(&stage.owner, KEYS, b"").await.is(400, fault.clone());
    let path = format!("{WORKSPACES}/{}", stage.workspace_id);
    let update = stage.owner.request("PATCH", &path).header("Content-Type", "application/json");
    update.send().await.is(400, fault);
}

async fn non_utf_8_body(backend: Backend) {
    let stage = Stage::set(backend).await;
    for body in [&b"{\"name\": \"\xff\"}"[..], b"{\"name\": \"\xc3\x28\"}", b"{\"name\": \"\xed\xa0\x80\"}"] {
        let answer = create_with(&stage.owner, WORKSPACES, body).await.expect(400).json();
        assert_eq!(answer["error"], "bad_request");
        let message = answer["message"].as_str().unwrap();
        assert!(message.starts_with("The body is not valid JSON: "), "{message}");
    }
    let lone_surrogate = create_with(&stage.owner, WORKSPACES, br#"{"name": "\ud800"}"#).await.expect(400).json();
    assert_eq!(lone_surrogate["error"], "bad_request");
}

async fn deep_nesting(backend: Backend) {
    let stage = Stage::set(backend).await;
    let path = format!("{WORKSPACES}/{}", stage.workspace_id);
    for depth in [200, 100_000] {
        let deep = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        let body = format!(r#"{{"settings": {{"deep": {deep}}}}}"#);
        let request = stage.owner.request("PATCH", &path).header("Content-Type", "application/json");
        let answer = request.body(body).send().await.expect(400).json();
        let message = answer["message"].as_str().unwrap();
        assert!(message.starts_with("The body is not valid JSON: recursion limit exceeded"), "{message}");
        let answer = create_with(&stage.owner, WORKSPACES, deep.as_bytes()).await;
        assert!([400, 422].contains(&answer.status), "{answer}");
    }
}

async fn wrong_content_type(backend: Backend) {
    let stage = Stage::set(backend).await;
    let fault =
        json!({ "error": "unsupported_media_type", "message": "The body must be JSON, sent as application/json." });
    for path in [WORKSPACES, KEYS] {
        for content_type in ["text/plain", "application/x-www-form-urlencoded", "application/xml", "json", "*/*"] {
            let request = stage.owner.request("POST", path).header("Content-Type", content_type);
            request.body(r#"{"name": "A"}"#).send().await.is(415, fault.clone());
        }
        stage.owner.request("POST", path).body(r#"{"name": "A"}"#).send().await.is(415, fault.clone());
    }
    for content_type in ["application/json; charset=utf-8", "Application/JSON"] {
        let request = stage.owner.request("POST", WORKSPACES).header("Content-Type", content_type);
        request.body(r#"{"name": "A"}"#).send().await.expect(201);
    }
}

async fn wrong_type(backend: Backend) {
    let stage = Stage::set(backend).await;
    for (path, body, field, wanted) in [
        (WORKSPACES, r#"{"name": 5}"#, "name", "a string"),
        (WORKSPACES, r#"{"name": "A", "slug": []}"#, "slug", "a string"),
        (KEYS, r#"{"name": {}}"#, "name", "a string"),
        (KEYS, r#"{"name": "A", "scopes": "read"}"#, "scopes", "a list"),
        (KEYS, r#"{"name": "A", "scopes": [1]}"#, "scopes[0]", "a string"),
        (KEYS, r#"{"name": "A", "expires_at": true}"#, "expires_at", "a string"),
    ] {
        let answer = create_with(&stage.owner, path, body.as_bytes()).await;
        answer.is(422, validation(json!({ field: [format!("The {field} must be {wanted}.")] })));
    }
    for body in ["[]", r#"["A", "a", "pro"]"#, "null", "5", r#""text""#] {
        for path in [WORKSPACES, KEYS] {
            let answer = create_with(&stage.owner, path, body.as_bytes()).await;
            answer.is(422, validation(json!({ "body": ["The body must be a JSON object."] })));
        }
    }
}

async fn missing_field(backend: Backend) {
    let stage = Stage::set(backend).await;
    let fault = validation(json!({ "name": ["The name field is required."] }));
    stage.owner.post(WORKSPACES, json!({})).await.is(422, fault.clone());
    stage.owner.post(WORKSPACES, json!({ "slug": "a", "tier": "pro" })).await.is(422, fault.clone());
    stage.owner.post(KEYS, json!({ "scopes": ["posts:read"] })).await.is(422, fault);
}

async fn null_for_a_required_field(backend: Backend) {
    let stage = Stage::set(backend).await;
    let fault = validation(json!({ "name": ["The name field is required."] }));
    stage.owner.post(WORKSPACES, json!({ "name": null })).await.is(422, fault.clone());
    stage.owner.post(KEYS, json!({ "name": null })).await.is(422, fault);
    let path = format!("{WORKSPACES}/{}", stage.workspace_id);
    for field in ["name", "slug", "tier", "settings"] {
        let answer = stage.owner.patch(&path, json!({ field: null })).await.expect(422).json();
        assert_eq!(answer["errors"].as_object().unwrap().keys().collect::<Vec<_>>(), [field], "{answer}");
    }
}

async fn unknown_body_field(backend: Backend) {
    let stage = Stage::set(backend).await;
    let answer = stage.owner.post(WORKSPACES, json!({ "name": "A", "colour": "red" })).await;
    let fault = "The field colour is not known. Allowed: name, slug, tier.";
    answer.is(422, validation(json!({ "colour": [fault] })));
}

async fn duplicate_json_keys(backend: Backend) {
    let stage = Stage::set(backend).await;
    let answer = create_with(&stage.owner, WORKSPACES, br#"{"name": "A", "name": "B"}"#).await.expect(422).json();
    assert_eq!(answer["error"], "validation_failed");
    assert!(answer["errors"].to_string().contains("name"), "{answer}");
    assert_eq!(stage.owner.get(WORKSPACES).await.expect(200).json()["meta"]["total"], 1);
}

async fn over_long_name(backend: Backend) {
    let stage = Stage::set(backend).await;
    let long = json!({ "name": "ü".repeat(256) });
    let fault = validation(json!({ "name": ["The name must not be longer than 255 characters."] }));
    stage.owner.post(WORKSPACES, long.clone()).await.is(422, fault.clone());
    let path = format!("{WORKSPACES}/{}", stage.workspace_id);
    stage.owner.patch(&path, long.clone()).await.is(422, fault);
    let fault = "A key's name has 1 to 255 characters, none of them a control character.";
    stage.owner.post(KEYS, long).await.is(422, validation(json!({ "name": [fault] })));
}

async fn blank_name(backend: Backend) {
    let stage = Stage::set(backend).await;
    for name in ["", "   ", "\u{a0}\u{2003}"] {
        let answer = stage.owner.post(WORKSPACES, json!({ "name": name })).await;
        answer.is(422, validation(json!({ "name": ["The name must not be empty."] })));
        let answer = stage.owner.post(KEYS, json!({ "name": name })).await;
        let fault = "A key's name has 1 to 255 characters, none of them a control character.";
        answer.is(422, validation(json!({ "name": [fault] })));
    }
}

async fn control_characters_in_names(backend: Backend) {
    let stage = Stage::set(backend).await;
    for name in ["a\0b", "\0", "a\nb", "a\u{7f}", "a\u{85}b", "\u{1b}[31mred"] {
        let answer = stage.owner.post(WORKSPACES, json!({ "name": name })).await;
        answer.is(422, validation(json!({ "name": ["The name must not contain control characters."] })));
        let answer = stage.owner.post(KEYS, json!({ "name": name })).await;
        let fault = "A key's name has 1 to 255 characters, none of them a control character.";
        answer.is(422, validation(json!({ "name": [fault] })));
    }
    let settings = json!({ "settings": { "note": "a\0b", "\0": 1 } });
    let path = format!("{WORKSPACES}/{}", stage.workspace_id);
    let answer = stage.owner.patch(&path, settings).await;
    if answer.status == 200 {
        assert_eq!(stage.owner.get(&path).await.data(200)["settings"]["note"], "a\0b", "what is taken is kept");
    } else {
        answer.expect(422);
    }
}

async fn bad_slug(backend: Backend) {
    let stage = Stage::set(backend).await;
    let fault = "The slug must be lower-case letters and digits, joined by single hyphens, at most 63 characters.";
    let fault = validation(json!({ "slug": [fault] }));
    let path = format!("{WORKSPACES}/{}", stage.workspace_id);
    for slug in ["", "-", "a-", "-a", "a--b", "A", "a_b", "a b", "é", "a/b", "a\0", &"a".repeat(64)] {
        stage.owner.post(WORKSPACES, json!({ "name": "A", "slug": slug })).await.is(422, fault.clone());
        stage.owner.patch(&path, json!({ "slug": slug })).await.is(422, fault.clone());
    }
}

async fn bad_tier(backend: Backend) {
    let stage = Stage::set(backend).await;
    let path = format!("{WORKSPACES}/{}", stage.workspace_id);
    let words = "free, starter, pro, business, agency, enterprise";
    for tier in ["gold", "", "Pro", "pro "] {
        let fault = validation(json!({ "tier": [format!("The tier must be one of: {words}.")] }));
        stage.owner.post(WORKSPACES, json!({ "name": "A", "tier": tier })).await.is(422, fault.clone());
        stage.owner.patch(&path, json!({ "tier": tier })).await.is(422, fault);
        let fault = validation(json!({ "rate_limit_tier": [format!("The rate_limit_tier must be one of: {words}.")] }));
        stage.owner.post(KEYS, json!({ "name": "A", "rate_limit_tier": tier })).await.is(422, fault);
    }
}

async fn duplicate_slug(backend: Backend) {
    let stage = Stage::set(backend).await;
    let body = json!({ "name": "A", "slug": "acme-corporation" });
    let fault = validation(json!({ "slug": ["The slug has already been taken."] }));
    stage.owner.post(WORKSPACES, body.clone()).await.is(422, fault.clone());
    let stranger = stage.tenant("stranger@example.com");
    stranger.api.post(WORKSPACES, body).await.is(422, fault);
}

async fn past_expires_at(backend: Backend) {
    let stage = Stage::set(backend).await;
    let fault = validation(json!({ "expires_at": ["The expires_at must be in the future."] }));
    for past in [seconds_from_now(-1), "2001-01-01T00:00:00Z".to_owned(), "0001-01-01".to_owned()] {
        stage.owner.post(KEYS, json!({ "name": "A", "expires_at": past })).await.is(422, fault.clone());
    }
}

async fn unknown_scope_form(backend: Backend) {
    let stage = Stage::set(backend).await;
    for scope in ["Posts:read", "posts:", ":read", "*:*", "a:b:c", "posts.read", " ", "", "posts:read posts:write", "é"]
    {
        let answer = stage.owner.post(KEYS, json!({ "name": "A", "scopes": ["posts:read", scope] })).await;
        let fault =
            format!("{scope:?} is not a scope: expected resource:action, resource:*, *:action, an action alone, or *.");
        answer.is(422, validation(json!({ "scopes": [fault] })));
    }
}

/// Wants this fault of this parameter from both lists, or from those named.
async fn refuses(stage: &Stage, paths: &[&str], query: &str, field: &str, fault: &str) {
    for path in paths {
        let answer = stage.owner.get(&format!("{path}?{query}")).await;
        answer.is(422, validation(json!({ field: [fault] })));
    }
}

const LISTS: &[&str] = &[WORKSPACES, KEYS];

async fn page_0(backend: Backend) {
    let stage = Stage::set(backend).await;
    for page in ["0", "-1", "1.5", "one", "", "%2B1", "1%20", "99999999999999999999", "0x1"] {
        refuses(&stage, LISTS, &format!("page={page}"), "page", "The page must be an integer of at least 1.").await;
    }
}

async fn per_page_101(backend: Backend) {
    let stage = Stage::set(backend).await;
    for per_page in ["101", "0", "-1", "ten", "", "1e1", "99999999999999999999"] {
        let fault = "The per_page must be an integer between 1 and 100.";
        refuses(&stage, LISTS, &format!("per_page={per_page}"), "per_page", fault).await;
    }
    stage.owner.get("/api/v1/workspaces?per_page=100").await.expect(200);
}

async fn page_too_deep(backend: Backend) {
    let stage = Stage::set(backend).await;
    let fault = "The page is too deep: at most 1,000,000 items may lie before it. Narrow the list by";
    for query in ["page=40002", "page=10002&per_page=100", "page=4294967295&per_page=100"] {
        let filters = "tier, created_after, created_before, updated_after, updated_before or search";
        refuses(&stage, &[WORKSPACES], query, "page", &format!("{fault} {filters}.")).await;
        let filters = "status, environment, rate_limit_tier, created_after, created_before, updated_after, updated_before or search";
        refuses(&stage, &[KEYS], query, "page", &format!("{fault} {filters}.")).await;
    }
    for query in ["page=40001", "page=10001&per_page=100"] {
        assert_eq!(stage.owner.get(&format!("{KEYS}?{query}")).await.expect(200).json()["data"], json!([]));
    }
}

async fn unknown_sort(backend: Backend) {
    let stage = Stage::set(backend).await;
    for (sort, word) in [("colour", "colour"), ("name,-colour", "colour"), ("", ""), ("name,", ""), ("--name", "-name")]
    {
        for (path, fields) in [
            (WORKSPACES, "id, name, slug, tier, created_at, updated_at"),
            (KEYS, "created_at, id, name, last_used_at, expires_at"),
        ] {
            let fault = format!("The sort value {word:?} is not known. Allowed: {fields}.");
            refuses(&stage, &[path], &format!("sort={sort}"), "sort", &fault).await;
        }
    }
}

const EVERY_LIST: &str =
    "page, per_page, sort, fields, include, search, created_after, created_before, updated_after, updated_before";

async fn unknown_filter(backend: Backend) {
    let stage = Stage::set(backend).await;
    for name in ["colour", "Tier", "filter%5Btier%5D", "tier%5B%5D"] {
        let shown = name.replace("%5B", "[").replace("%5D", "]");
        for (path, own) in [(WORKSPACES, "tier"), (KEYS, "status, environment, rate_limit_tier")] {
            let fault = format!("The parameter {shown} is not known. Allowed: {EVERY_LIST}, {own}.");
            refuses(&stage, &[path], &format!("{name}=pro"), &shown, &fault).await;
        }
    }
}

async fn unknown_filter_value(backend: Backend) {
    let stage = Stage::set(backend).await;
    let tiers = "free, starter, pro, business, agency, enterprise";
    for (path, name, words) in [
        (WORKSPACES, "tier", tiers),
        (KEYS, "rate_limit_tier", tiers),
        (KEYS, "status", "active, rotating, expired, revoked"),
        (KEYS, "environment", "live, test"),
    ] {
        for value in ["colour", "", "pro,free"] {
            let fault = format!("The {name} value {value:?} is not known. Allowed: {words}.");
            refuses(&stage, &[path], &format!("{name}={value}"), name, &fault).await;
        }
    }
    for name in ["created_after", "created_before", "updated_after", "updated_before"] {
        for value in ["soon", "", "2026-13-01", "2026-01-15T10:30:00", "1768473000"] {
            let fault = format!("The {name} must be an ISO 8601 date, such as 2026-01-15 or 2026-01-15T10:30:00Z.");
            refuses(&stage, LISTS, &format!("{name}={value}"), name, &fault).await;
        }
    }
}

const WORKSPACE_FIELDS: &str = "id, name, slug, tier, settings, created_at, updated_at";
const KEY_FIELDS: &str = "id, name, prefix, scopes, rate_limit_tier, status, environment, workspace_id, allowed_ips, \
    mcp_servers, last_used_at, expires_at, grace_period_ends_at, revoked_at, rotated_from_id, created_at";

async fn unknown_field(backend: Backend) {
    let stage = Stage::set(backend).await;
    for (path, fields) in [(WORKSPACES, WORKSPACE_FIELDS), (KEYS, KEY_FIELDS)] {
        let fault = format!("The fields value \"colour\" is not known. Allowed: {fields}.");
        refuses(&stage, &[path], "fields=id,colour", "fields", &fault).await;
    }
    let fault = format!("The fields value \"digest\" is not known. Allowed: {KEY_FIELDS}.");
    refuses(&stage, &[KEYS], "fields=digest", "fields", &fault).await;
}

async fn unknown_include(backend: Backend) {
    let stage = Stage::set(backend).await;
    for (path, relations) in [(WORKSPACES, "owner, members"), (KEYS, "workspace, created_by")] {
        let fault = format!("The include value \"colour\" is not known. Allowed: {relations}.");
        refuses(&stage, &[path], "include=colour", "include", &fault).await;
    }
}

const SEARCH_FAULT: &str = "The search must not be longer than 255 characters, nor contain control characters.";

async fn control_characters_in_search(backend: Backend) {
    let stage = Stage::set(backend).await;
    for text in ["%00", "a%00b", "a%0Ab", "%1B", "%7F", "%C2%85"] {
        refuses(&stage, LISTS, &format!("search={text}"), "search", SEARCH_FAULT).await;
    }
}

async fn over_long_search(backend: Backend) {
    let stage = Stage::set(backend).await;
    refuses(&stage, LISTS, &format!("search={}", "a".repeat(256)), "search", SEARCH_FAULT).await;
    for path in LISTS {
        stage.owner.get(&format!("{path}?search={}", "%C3%BC".repeat(255))).await.expect(200);
    }
}

async fn a_parameter_given_twice(backend: Backend) {
    let stage = Stage::set(backend).await;
    refuses(&stage, LISTS, "page=1&page=2", "page", "The parameter page was given twice.").await;
    refuses(&stage, LISTS, "sort=id&sort=name", "sort", "The parameter sort was given twice.").await;
}

/// Wants every operation on this id to find nothing.
async fn finds_nothing(api: &Api, id: &str) {
    for operation in api.spec().operations().to_vec().iter().filter(|operation| operation.has_id()) {
        let path = operation.path(id);
        let request = api.request(&operation.method, &path);
        let has_body = ["POST", "PATCH"].contains(&operation.method.as_str());
        let request = if has_body { request.json(&json!({})) } else { request };
        request.send().await.is_not_found();
    }
}

async fn id_0(backend: Backend) {
    let stage = Stage::set(backend).await;
    finds_nothing(&stage.owner, "0").await;
    finds_nothing(&stage.owner, "-1").await;
}

async fn id_beyond_64_bit(backend: Backend) {
    let stage = Stage::set(backend).await;
    for id in ["9223372036854775807", "9223372036854775808", "18446744073709551616", &"9".repeat(400)] {
        finds_nothing(&stage.owner, id).await;
    }
}

async fn id_of_another_form(backend: Backend) {
    let stage = Stage::set(backend).await;
    for id in ["abc", "1.0", "1e3", "%2B1", "0x1", "%00", "1%20", "%D9%A1", "..%2F1", "1;2"] {
        finds_nothing(&stage.owner, id).await;
    }
}

async fn foreign_id(backend: Backend) {
    let stage = Stage::set(backend).await;
    let stranger = stage.tenant("stranger@example.com");
    let key = stranger.api.new_key(json!({})).await;
    for path in [format!("{WORKSPACES}/{}", stranger.workspace_id), format!("{KEYS}/{}", key.id)] {
        stage.owner.get(&path).await.is_not_found();
        stage.owner.delete(&path).await.is_not_found();
    }
    stranger.api.get(&format!("{WORKSPACES}/{}", stranger.workspace_id)).await.expect(200);
    key.api.get("/api/v1/me").await.expect(200);
}

async fn wrong_method(backend: Backend) {
    let stage = Stage::set(backend).await;
    for (method, path, allowed) in [
        ("PUT", WORKSPACES, "GET, HEAD, POST"),
        ("PATCH", KEYS, "GET, HEAD, POST"),
        ("POST", "/api/v1/me", "GET, HEAD"),
        ("POST", "/api/v1/workspaces/1", "GET, HEAD, PATCH, DELETE"),
        ("PATCH", "/api/v1/api-keys/1", "GET, HEAD, DELETE"),
        ("GET", "/api/v1/api-keys/1/rotate", "POST"),
    ] {
        let answer = stage.owner.request(method, path).send().await;
        let message = format!("This method is not allowed here. Allowed: {allowed}.");
        answer.is(405, json!({ "error": "method_not_allowed", "message": message }));
        assert_eq!(answer.header("allow"), Some(allowed));
    }
}

fn too_large() -> Value {
    json!({ "error": "payload_too_large", "message": "The body must not be larger than 1048576 bytes." })
}

async fn body_of_2_mib(backend: Backend) {
    let stage = Stage::set(backend).await;
    let body = json!({ "name": "x".repeat(2 * 1024 * 1024) });
    for _ in 0..10 {
        // By a client that reads while it writes, and by one that writes everything first.
        stage.owner.post(WORKSPACES, body.clone()).await.is(413, too_large());
        stage.owner.request("POST", WORKSPACES).json(&body).raw().send().is(413, too_large());
    }
    let just = format!(r#"{{"name": "{}"}}"#, "x".repeat(1024 * 1024 - 11));
    assert_eq!(just.len(), 1024 * 1024 + 1);
    create_with(&stage.owner, WORKSPACES, just.as_bytes()).await.is(413, too_large());
    stage.owner.get("/api/v1/me").await.expect(200);
}

async fn body_of_2_mib_in_chunks(backend: Backend) {
    let stage = Stage::set(backend).await;
    let authorization = format!("Bearer {}", stage.account_key(&["*".to_owned()]).secret);
    let head = format!(
        "POST {WORKSPACES} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {authorization}\r\nConnection: close\r\n\
         Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    );
    let chunk = format!("10000\r\n{}\r\n", " ".repeat(0x1_0000));
    let body = format!("{}0\r\n\r\n", chunk.repeat(32));
    for _ in 0..10 {
        let request = stage.owner.request("POST", WORKSPACES).body(body.clone()).raw().head(head.as_bytes());
        request.send().is(413, too_large());
    }
}

async fn body_of_1_mib_is_taken(backend: Backend) {
    let stage = Stage::set(backend).await;
    let body = format!(r#"{{"name": "A"{}}}"#, " ".repeat(1024 * 1024 - 13));
    assert_eq!(body.len(), 1024 * 1024);
    create_with(&stage.owner, WORKSPACES, body.as_bytes()).await.expect(201);
}

async fn huge_header(backend: Backend) {
    let stage = Stage::set(backend).await;
    for size in [200 * 1024, 2 * 1024 * 1024] {
        let request = stage.owner.request("GET", "/api/v1/me").header("X-Padding", "x".repeat(size)).raw();
        // The connection may be closed before the answer is read: there is no telling where the request would end.
        if let Ok(answer) = request.send_unchecked() {
            assert_eq!(answer.status, 431, "{answer}");
        }
    }
    let fits = stage.owner.request("GET", "/api/v1/me").header("X-Padding", "x".repeat(16 * 1024));
    fits.send().await.expect(200);
    for _ in 0..3 {
        stage.owner.get("/api/v1/me").await.expect(200);
    }
}

async fn malformed_http(backend: Backend) {
    let stage = Stage::set(backend).await;
    for head in [
        &b"nonsense\r\n\r\n"[..],
        b"GET /api/v1/me HTTP/9.9\r\nHost: a\r\n\r\n",
        b"GET /api/v1/me HTTP/1.1\r\nHo st: a\r\n\r\n",
        b"POST /api/v1/workspaces HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n",
        b"POST /api/v1/workspaces HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    ] {
        let request = stage.owner.request("GET", "/api/v1/me").raw().head(head);
        let shown = String::from_utf8_lossy(head);
        let answer = request.send_unchecked().unwrap_or_else(|error| panic!("{shown}: {error}"));
        assert_eq!(answer.status, 400, "{shown}\n{answer}");
    }
    stage.owner.get("/api/v1/me").await.expect(200);
}

/// Has the client address taken from the request: one address may ask 60 times a minute without a good key.
const PROXY: &[(&str, &str)] = &[("CORE_API_TRUSTED_PROXIES", "127.0.0.1")];

/// Wants every operation to tell nothing.
async fn opens_nothing(api: &Api) {
    // One address may ask 60 times a minute.
    let mut addresses = (1..).map(|number| format!("198.51.{}.{}", 100 + number / 250, number % 250));
    for operation in api.spec().operations().iter().filter(|operation| !operation.is_open).cloned().collect::<Vec<_>>()
    {
        let path = operation.path(1);
        for request in [
            api.request(&operation.method, &path),
            api.request(&operation.method, &path).header("X-Workspace-ID", "1").body("not even JSON"),
        ] {
            request.header("X-Forwarded-For", addresses.next().unwrap()).send().await.is_unauthorized();
        }
    }
}

async fn no_key(backend: Backend) {
    let stage = Stage::with(backend, PROXY).await;
    opens_nothing(&stage.anonymous()).await;
}

async fn other_key(backend: Backend) {
    let stage = Stage::with(backend, PROXY).await;
    opens_nothing(&stage.owner.with_key(&made_up_key("0123456789ABCDEFGHIJabcdefghij"))).await;
}

async fn expired_key(backend: Backend) {
    let stage = Stage::with(backend, PROXY).await;
    let key = stage.key(json!({ "scopes": ["*"], "expires_at": seconds_from_now(2) })).await;
    assert!(eventually(PATIENCE, async || key.api.get("/api/v1/me").await.status == 401).await);
    opens_nothing(&key.api).await;
}

async fn revoked_key(backend: Backend) {
    let stage = Stage::with(backend, PROXY).await;
    let key = stage.key(json!({ "scopes": ["*"] })).await;
    stage.owner.delete(&format!("{KEYS}/{}", key.id)).await.expect(204);
    opens_nothing(&key.api).await;
}
