use acceptance::{Backend, Stage, is_moment, on_both_stores, validation};
use futures_util::future::join_all;
use serde_json::{Value, json};

on_both_stores!(
    a_created_workspace_is_read_back,
    the_smallest_creation_takes_defaults,
    names_and_slugs_may_be_as_long_as_promised,
    name_slug_and_tier_are_changed,
    settings_are_merged,
    settings_have_rules,
    a_missing_slug_is_made_from_the_name,
    a_made_slug_that_is_taken_gets_a_tail,
    of_equal_slugs_at_once_one_wins,
    equal_names_at_once_all_get_slugs,
    a_taken_slug_can_not_be_changed_to,
    a_deleted_workspace_is_gone_with_its_keys,
    a_bound_key_may_delete_its_workspace,
    a_bound_key_can_not_create_a_workspace,
    tiers_are_free_to_choose,
);

async fn a_created_workspace_is_read_back(backend: Backend) {
    let stage = Stage::set(backend).await;
    let body = json!({ "name": "New Workspace", "slug": "new-workspace", "tier": "pro" });
    let answer = stage.owner.post("/api/v1/workspaces", body).await.expect(201);
    let created = answer.json();
    let (id, at) = (&created["data"]["id"], &created["data"]["created_at"]);
    assert!(id.as_i64().unwrap() > 0 && is_moment(at.as_str().unwrap()), "{created}");
    let data = json!({
        "id": id,
        "name": "New Workspace",
        "slug": "new-workspace",
        "tier": "pro",
        "settings": { "timezone": "UTC", "locale": "en_GB" },
        "created_at": at,
        "updated_at": at,
    });
    assert_eq!(created, json!({ "message": "Workspace created successfully.", "data": data }));
    let path = format!("/api/v1/workspaces/{id}");
    assert_eq!(answer.header("location"), Some(path.as_str()));
    stage.owner.get(&path).await.is(200, json!({ "data": data }));
}

async fn the_smallest_creation_takes_defaults(backend: Backend) {
    let stage = Stage::set(backend).await;
    let created = stage.workspace(json!({ "name": "Small", "slug": null, "tier": null })).await;
    assert_eq!((&created["slug"], &created["tier"]), (&json!("small"), &json!("free")));
}

async fn names_and_slugs_may_be_as_long_as_promised(backend: Backend) {
    let stage = Stage::set(backend).await;
    let (name, slug) = ("Ü".repeat(255), "s".repeat(63));
    let created = stage.workspace(json!({ "name": name, "slug": slug })).await;
    assert_eq!((&created["name"], &created["slug"]), (&json!(name), &json!(slug)));
    let made = stage.workspace(json!({ "name": "m".repeat(255) })).await;
    assert_eq!(made["slug"], "m".repeat(63));
}

async fn name_slug_and_tier_are_changed(backend: Backend) {
    let stage = Stage::set(backend).await;
    let before = stage.workspace(json!({ "name": "Before", "tier": "pro" })).await;
    let path = format!("/api/v1/workspaces/{}", before["id"]);
    let changes = json!({ "name": "After", "slug": "after", "tier": "agency" });
    let mut after = before.clone();
    for (field, value) in changes.as_object().unwrap() {
        after[field] = value.clone();
    }
    let mut answer = stage.owner.patch(&path, changes).await.expect(200).json();
    after["updated_at"] = answer["data"]["updated_at"].clone();
    assert!(after["updated_at"].as_str() >= before["updated_at"].as_str());
    assert_eq!(answer["message"].take(), "Workspace updated successfully.");
    assert_eq!(answer["data"], after);
    stage.owner.get(&path).await.is(200, json!({ "data": after }));
    assert_eq!(stage.owner.patch(&path, json!({})).await.data(200)["name"], "After");
}

async fn settings_are_merged(backend: Backend) {
    let stage = Stage::set(backend).await;
    let path = format!("/api/v1/workspaces/{}", stage.workspace_id);
    for (patch, settings) in [
        (json!({ "timezone": "Europe/London" }), json!({ "timezone": "Europe/London", "locale": "en_GB" })),
        (
            json!({ "theme": { "dark": true, "hues": [1, 2] }, "locale": "de" }),
            json!({ "timezone": "Europe/London", "locale": "de", "theme": { "dark": true, "hues": [1, 2] } }),
        ),
        (
            json!({ "theme": { "dark": null, "size": 1.5 }, "note": "ünï" }),
            json!({
                "timezone": "Europe/London", "locale": "de", "theme": { "hues": [1, 2], "size": 1.5 }, "note": "ünï"
            }),
        ),
        (
            json!({ "theme": null, "note": null, "locale": null, "unheard-of": null }),
            json!({ "timezone": "Europe/London", "locale": "en_GB" }),
        ),
    ] {
        let changed = stage.owner.patch(&path, json!({ "settings": patch })).await.data(200);
        assert_eq!(changed["settings"], settings);
        assert_eq!(stage.owner.get(&path).await.data(200)["settings"], settings);
    }
}

async fn settings_have_rules(backend: Backend) {
    let stage = Stage::set(backend).await;
    let path = format!("/api/v1/workspaces/{}", stage.workspace_id);
    let before = stage.owner.get(&path).await.data(200);
    let time_zone = "The timezone must be an IANA time zone name, such as Europe/London.";
    let locale = "The locale must be a language with an optional region, such as en_GB.";
    for (patch, field, message) in [
        (json!({ "timezone": "Mars/Olympus" }), "settings.timezone", time_zone),
        (json!({ "timezone": 1 }), "settings.timezone", time_zone),
        (json!({ "locale": "english" }), "settings.locale", locale),
        (json!({ "blob": "x".repeat(16 * 1024) }), "settings", "The settings must not be larger than 16 KiB."),
    ] {
        let answer = stage.owner.patch(&path, json!({ "settings": patch })).await;
        answer.is(422, validation(json!({ field: [message] })));
    }
    let half = json!({ "settings": { "one": "x".repeat(9_000) } });
    stage.owner.patch(&path, half).await.expect(200);
    let other_half = json!({ "settings": { "two": "x".repeat(9_000) } });
    let too_large = validation(json!({ "settings": ["The settings must not be larger than 16 KiB."] }));
    stage.owner.patch(&path, other_half).await.is(422, too_large);
    let after = stage.owner.get(&path).await.data(200);
    assert!(after["settings"]["two"].is_null());
    assert_eq!(after["settings"]["timezone"], before["settings"]["timezone"]);
}

async fn a_missing_slug_is_made_from_the_name(backend: Backend) {
    let stage = Stage::set(backend).await;
    for (name, slug) in [
        ("Zoë & Søn GmbH", "zoe-son-gmbh"),
        ("  --  Hello, World!  ", "hello-world"),
        ("北京", "bei-jing"),
        ("???", "workspace"),
    ] {
        assert_eq!(stage.workspace(json!({ "name": name })).await["slug"], slug);
    }
}

fn is_tailed(slug: &Value, base: &str) -> bool {
    let tail = slug.as_str().unwrap().strip_prefix(base).and_then(|rest| rest.strip_prefix('-'));
    tail.is_some_and(|tail| {
        !tail.is_empty() && tail.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    })
}

async fn a_made_slug_that_is_taken_gets_a_tail(backend: Backend) {
    let stage = Stage::set(backend).await;
    let long = "l".repeat(80);
    for (name, base) in [("Taken", "taken"), (long.as_str(), &long[..56])] {
        stage.workspace(json!({ "name": name })).await;
        let second = stage.workspace(json!({ "name": name })).await;
        assert!(is_tailed(&second["slug"], base), "{second}");
        assert!(second["slug"].as_str().unwrap().len() <= 63);
    }
}

async fn of_equal_slugs_at_once_one_wins(backend: Backend) {
    let stage = Stage::set(backend).await;
    let create = || stage.owner.post("/api/v1/workspaces", json!({ "name": "Race", "slug": "race" }));
    let answers = join_all((0..8).map(|_| create())).await;
    let taken = validation(json!({ "slug": ["The slug has already been taken."] }));
    let (won, lost): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 201);
    assert_eq!(won.len(), 1);
    for answer in lost {
        answer.is(422, taken.clone());
    }
}

async fn equal_names_at_once_all_get_slugs(backend: Backend) {
    let stage = Stage::set(backend).await;
    let made = join_all((0..8).map(|_| stage.workspace(json!({ "name": "Crowd" })))).await;
    let mut slugs: Vec<_> = made.iter().map(|workspace| workspace["slug"].to_string()).collect();
    slugs.sort();
    slugs.dedup();
    assert_eq!(slugs.len(), 8);
    assert_eq!(made.iter().filter(|workspace| workspace["slug"] == "crowd").count(), 1);
    assert_eq!(made.iter().filter(|workspace| is_tailed(&workspace["slug"], "crowd")).count(), 7);
}

async fn a_taken_slug_can_not_be_changed_to(backend: Backend) {
    let stage = Stage::set(backend).await;
    stage.workspace(json!({ "name": "One", "slug": "one" })).await;
    let two = stage.workspace(json!({ "name": "Two", "slug": "two" })).await;
    let path = format!("/api/v1/workspaces/{}", two["id"]);
    let taken = validation(json!({ "slug": ["The slug has already been taken."] }));
    stage.owner.patch(&path, json!({ "name": "Changed", "slug": "one" })).await.is(422, taken);
    stage.owner.get(&path).await.is(200, json!({ "data": two }));
    stage.owner.patch(&path, json!({ "slug": "two" })).await.expect(200);
}

async fn a_deleted_workspace_is_gone_with_its_keys(backend: Backend) {
    let stage = Stage::set(backend).await;
    let doomed = stage.workspace(json!({ "name": "Doomed", "slug": "doomed" })).await["id"].as_i64().unwrap();
    let key = stage.key_in(doomed, json!({ "scopes": ["*"] })).await;
    key.api.get("/api/v1/me").await.expect(200);
    let path = format!("/api/v1/workspaces/{doomed}");

    let answer = stage.owner.delete(&path).await.expect(204);
    assert_eq!(answer.body, b"");

    for path in ["/api/v1/me", "/api/v1/workspaces", "/api/v1/api-keys", path.as_str()] {
        key.api.get(path).await.is_unauthorized();
    }
    stage.owner.get(&path).await.is_not_found();
    stage.owner.patch(&path, json!({ "name": "Risen" })).await.is_not_found();
    stage.owner.delete(&path).await.is_not_found();
    let inside = stage.owner.in_workspace(doomed);
    let key_path = format!("/api/v1/api-keys/{}", key.id);
    inside.get("/api/v1/api-keys").await.is_not_found();
    inside.post("/api/v1/api-keys", json!({ "name": "Late" })).await.is_not_found();
    inside.get(&key_path).await.is_not_found();
    inside.delete(&key_path).await.is_not_found();
    inside.post(&format!("{key_path}/rotate"), json!({})).await.is_not_found();
    inside.get("/api/v1/me").await.is_not_found();
    stage.owner.in_workspace(stage.workspace_id).get(&key_path).await.is_not_found();
    let left = stage.owner.get("/api/v1/workspaces").await.expect(200).json();
    assert_eq!(left["meta"]["total"], 1);
    assert_eq!(left["data"][0]["id"], stage.workspace_id);
    let next = stage.workspace(json!({ "name": "Doomed" })).await;
    assert_eq!(next["slug"], "doomed", "its slug is free again");
    assert_ne!(next["id"], doomed);
}

async fn a_bound_key_may_delete_its_workspace(backend: Backend) {
    let stage = Stage::set(backend).await;
    let doomed = stage.workspace(json!({ "name": "Doomed" })).await["id"].as_i64().unwrap();
    let key = stage.key_in(doomed, json!({ "scopes": ["workspaces:delete"] })).await;
    key.api.delete(&format!("/api/v1/workspaces/{doomed}")).await.expect(204);
    key.api.get("/api/v1/me").await.is_unauthorized();
}

async fn a_bound_key_can_not_create_a_workspace(backend: Backend) {
    let stage = Stage::set(backend).await;
    let key = stage.key(json!({ "scopes": ["*"] })).await;
    let answer = key.api.post("/api/v1/workspaces", json!({ "name": "Another" })).await;
    let message = "A key that is bound to a workspace can't create another.";
    answer.is(403, json!({ "error": "access_denied", "message": message }));
}

async fn tiers_are_free_to_choose(backend: Backend) {
    let stage = Stage::set(backend).await;
    for tier in ["free", "starter", "pro", "business", "agency", "enterprise"] {
        let made = stage.workspace(json!({ "name": tier, "tier": tier })).await;
        assert_eq!(made["tier"], tier);
    }
}
