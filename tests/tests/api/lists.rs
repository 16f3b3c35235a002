use std::cmp::Ordering;

use acceptance::{
    Api, Backend, PATIENCE, Stage, eventually, on_both_stores, percent_encoded, seconds_from_now, shifted, validation,
};
use futures_util::future::join_all;
use serde_json::{Value, json};

on_both_stores!(
    a_list_has_defaults,
    an_empty_list_has_one_page,
    meta_and_links_are_exact,
    a_page_past_the_end_is_empty,
    links_keep_the_other_parameters,
    links_stand_on_the_public_url,
    links_stand_on_the_request_s_host,
    links_believe_a_trusted_proxy,
    workspaces_are_sorted_by_every_field,
    keys_are_sorted_by_every_field,
    an_empty_value_sorts_as_the_smallest,
    several_fields_sort_one_after_another,
    chosen_fields_always_come_with_the_id,
    relations_of_workspaces_are_included,
    relations_of_keys_are_included,
    workspaces_are_filtered_by_tier,
    keys_are_filtered_by_environment_and_tier,
    keys_are_filtered_by_status,
    creation_times_bound_a_list_inclusively,
    change_times_bound_a_list_inclusively,
    workspaces_are_searched_by_name_and_slug,
    keys_are_searched_by_name_and_prefix,
    filters_add_up,
    single_resources_take_fields_and_includes,
    faults_are_told_together,
);

const TIERS: [&str; 6] = ["free", "starter", "pro", "business", "agency", "enterprise"];

async fn page(api: &Api, path: &str) -> Value {
    api.get(path).await.expect(200).json()
}

fn items(list: &Value) -> &Vec<Value> {
    list["data"].as_array().unwrap()
}

/// One field of every item, as text.
fn column<'a>(list: &'a Value, field: &str) -> Vec<&'a str> {
    items(list).iter().map(|item| item[field].as_str().unwrap()).collect()
}

fn ids(items: &[Value]) -> Vec<i64> {
    items.iter().map(|item| item["id"].as_i64().unwrap()).collect()
}

/// Goes from the link `way` to the next until there is none, and returns every page.
async fn follow(api: &Api, path: &str, way: &str) -> Vec<Value> {
    let mut pages = vec![page(api, path).await];
    while let Some(link) = pages.last().unwrap()["links"][way].as_str() {
        let path = link.strip_prefix(api.base_url()).unwrap().to_owned();
        pages.push(page(api, &path).await);
        assert!(pages.len() < 100, "the links have no end");
    }
    pages
}

/// Workspaces with different names, slugs and tiers, made in an order that is none of these.
async fn workspaces(stage: &Stage) {
    for (name, slug, tier) in [
        ("mango", "zz-1", "pro"),
        ("Apple", "mm-1", "free"),
        ("élan", "aa-1", "enterprise"),
        ("apple", "zz-2", "pro"),
        ("Zebra", "bb-1", "starter"),
        ("apple pie", "aa-2", "free"),
        ("北京", "mm-2", "agency"),
        ("Acme Corporation", "zz-3", "business"),
    ] {
        stage.workspace(json!({ "name": name, "slug": slug, "tier": tier })).await;
    }
}

async fn a_list_has_defaults(backend: Backend) {
    let stage = Stage::set(backend).await;
    join_all((0..27).map(|number| stage.key(json!({ "name": format!("key {number}") })))).await;
    join_all((0..26).map(|number| stage.workspace(json!({ "name": format!("workspace {number}") })))).await;
    for path in ["/api/v1/api-keys", "/api/v1/workspaces"] {
        let list = page(&stage.owner.in_workspace(stage.workspace_id), path).await;
        assert_eq!(items(&list).len(), 25);
        assert_eq!(
            list["meta"],
            json!({ "current_page": 1, "from": 1, "last_page": 2, "per_page": 25, "to": 25, "total": 27 })
        );
        let mut sorted = ids(items(&list));
        sorted.sort_unstable();
        if path.ends_with("api-keys") {
            let times = column(&list, "created_at");
            assert!(times.is_sorted_by(|earlier, later| earlier >= later), "the newest key first");
        } else {
            assert_eq!(ids(items(&list)), sorted, "workspaces by id");
        }
    }
    let workspace = &page(&stage.owner, "/api/v1/workspaces").await["data"][0];
    let fields: Vec<_> = workspace.as_object().unwrap().keys().collect();
    assert_eq!(fields, ["id", "name", "slug", "tier", "created_at", "updated_at"]);
}

async fn an_empty_list_has_one_page(backend: Backend) {
    let stage = Stage::set(backend).await;
    let url = format!("{}/api/v1/api-keys", stage.owner.base_url());
    assert_eq!(
        page(&stage.owner, "/api/v1/api-keys").await,
        json!({
            "data": [],
            "meta": { "current_page": 1, "from": null, "last_page": 1, "per_page": 25, "to": null, "total": 0 },
            "links": { "first": format!("{url}?page=1"), "last": format!("{url}?page=1"), "prev": null, "next": null },
        })
    );
}

async fn meta_and_links_are_exact(backend: Backend) {
    let stage = Stage::set(backend).await;
    for number in 1..=5 {
        stage.key(json!({ "name": format!("key {number}") })).await;
    }
    let url = |page: u32| format!("{}/api/v1/api-keys?per_page=2&sort=id&page={page}", stage.owner.base_url());
    for (number, from, to, prev, next) in
        [(1, 1, 2, None, Some(2)), (2, 3, 4, Some(1), Some(3)), (3, 5, 5, Some(2), None)]
    {
        let list = page(&stage.owner, &format!("/api/v1/api-keys?per_page=2&page={number}&sort=id")).await;
        assert_eq!(
            list["meta"],
            json!({ "current_page": number, "from": from, "last_page": 3, "per_page": 2, "to": to, "total": 5 })
        );
        let links = json!({ "first": url(1), "last": url(3), "prev": prev.map(url), "next": next.map(url) });
        assert_eq!(list["links"], links);
    }
    let whole = page(&stage.owner, "/api/v1/api-keys?per_page=5").await;
    assert_eq!((&whole["meta"]["last_page"], &whole["links"]["next"]), (&json!(1), &json!(null)));
}

async fn a_page_past_the_end_is_empty(backend: Backend) {
    let stage = Stage::set(backend).await;
    for number in 1..=3 {
        stage.key(json!({ "name": format!("key {number}") })).await;
    }
    for (path, total) in [
        ("/api/v1/api-keys?per_page=2&page=4", 3),
        ("/api/v1/api-keys?per_page=2&page=400000", 3),
        ("/api/v1/api-keys?per_page=2&page=2&search=no-such-key", 0),
        ("/api/v1/workspaces?page=2", 1),
    ] {
        let list = page(&stage.owner, path).await;
        assert_eq!(list["data"], json!([]), "{path}");
        assert_eq!((&list["meta"]["from"], &list["meta"]["to"]), (&json!(null), &json!(null)));
        assert_eq!(list["meta"]["total"], total, "{path}");
        assert_eq!(list["links"]["next"], json!(null));
        assert!(list["links"]["prev"].is_string() && list["links"]["last"].is_string());
    }
}

async fn links_keep_the_other_parameters(backend: Backend) {
    let stage = Stage::set(backend).await;
    workspaces(&stage).await;
    let given = [
        ("fields", "id,name"),
        ("per_page", "2"),
        ("sort", "-name,id"),
        ("created_after", "2020-01-01T00:00:00+02:00"),
        ("search", "p"),
    ];
    let query: Vec<String> =
        given.iter().map(|(name, value)| format!("{name}={}", percent_encoded(value.as_bytes()))).collect();
    let query = query.join("&");
    let pages = follow(&stage.owner, &format!("/api/v1/workspaces?{query}&page=1"), "next").await;
    assert_eq!(pages.len(), 3);
    for list in &pages {
        for link in ["first", "last", "prev", "next"] {
            let Some(link) = list["links"][link].as_str() else { continue };
            let url = reqwest::Url::parse(link).unwrap();
            let kept: Vec<_> = url.query_pairs().filter(|(name, _)| name != "page").collect();
            assert_eq!(kept.len(), given.len(), "{link}");
            for (name, value) in given {
                assert!(kept.iter().any(|pair| *pair == (name.into(), value.into())), "{link}");
            }
        }
    }
    let found: Vec<_> = pages.iter().flat_map(|list| column(list, "name")).collect();
    assert_eq!(found, ["apple pie", "apple", "Apple", "Acme Corporation", "Acme Corporation"]);
}

async fn links_stand_on_the_public_url(backend: Backend) {
    let stage = Stage::with(backend, &[("CORE_API_PUBLIC_URL", "https://api.example.com/base/")]).await;
    let list = page(&stage.owner, "/api/v1/workspaces").await;
    assert_eq!(list["links"]["first"], "https://api.example.com/base/api/v1/workspaces?page=1");
}

async fn links_stand_on_the_request_s_host(backend: Backend) {
    let stage = Stage::set(backend).await;
    let request = stage.owner.request("GET", "/api/v1/workspaces").header("Host", "api.example.com:8443");
    let request = request.header("X-Forwarded-Host", "evil.example").header("X-Forwarded-Proto", "https");
    let list = request.send().await.expect(200).json();
    assert_eq!(list["links"]["first"], "http://api.example.com:8443/api/v1/workspaces?page=1");
}

async fn links_believe_a_trusted_proxy(backend: Backend) {
    let stage = Stage::with(backend, &[("CORE_API_TRUSTED_PROXIES", "127.0.0.0/8")]).await;
    let request = stage.owner.request("GET", "/api/v1/workspaces").header("X-Forwarded-Host", "api.example.com");
    let list = request.header("X-Forwarded-Proto", "https").send().await.expect(200).json();
    assert_eq!(list["links"]["first"], "https://api.example.com/api/v1/workspaces?page=1");
}

/// How two items stand by one field, an empty value being the smallest.
fn compare(field: &str, left: &Value, right: &Value) -> Ordering {
    let (left, right) = (&left[field], &right[field]);
    let rank = |value: &Value| TIERS.iter().position(|tier| value == tier);
    if field == "tier" {
        rank(left).cmp(&rank(right))
    } else if field == "id" {
        left.as_i64().cmp(&right.as_i64())
    } else {
        left.as_str().cmp(&right.as_str())
    }
}

/// Asks for the whole list in this order, and for its pages one by one, and wants the same, in order.
async fn is_sorted(api: &Api, path: &str, field: &str, descending: bool) {
    let sort = format!("{}{field}", if descending { "-" } else { "" });
    let whole = page(api, &format!("{path}?per_page=100&sort={sort}")).await;
    let in_order = items(&whole).windows(2).all(|pair| {
        let order = compare(field, &pair[0], &pair[1]);
        let order = if descending { order.reverse() } else { order };
        // Times are shown in whole seconds, and may differ by less.
        let id_decides = order == Ordering::Equal && !field.ends_with("_at");
        order == Ordering::Less
            || (order == Ordering::Equal && !id_decides)
            || (id_decides && descending == (pair[0]["id"].as_i64() > pair[1]["id"].as_i64()))
    });
    assert!(in_order, "{sort}: {whole:#}");
    for way in ["next", "prev"] {
        let last = whole["meta"]["total"].as_u64().unwrap().div_ceil(3);
        let start = if way == "next" { 1 } else { last };
        let mut pages = follow(api, &format!("{path}?per_page=3&sort={sort}&page={start}"), way).await;
        if way == "prev" {
            pages.reverse();
        }
        let one_by_one: Vec<i64> = pages.iter().flat_map(|list| ids(items(list))).collect();
        assert_eq!(one_by_one, ids(items(&whole)), "{sort} by {way}");
    }
}

async fn workspaces_are_sorted_by_every_field(backend: Backend) {
    let stage = Stage::set(backend).await;
    workspaces(&stage).await;
    stage.owner.patch("/api/v1/workspaces/3", json!({ "name": "Aardvark" })).await.expect(200);
    for field in ["id", "name", "slug", "tier", "created_at", "updated_at"] {
        for descending in [false, true] {
            is_sorted(&stage.owner, "/api/v1/workspaces", field, descending).await;
        }
    }
    let names = page(&stage.owner, "/api/v1/workspaces?sort=name").await;
    assert_eq!(
        column(&names, "name"),
        ["Aardvark", "Acme Corporation", "Acme Corporation", "Zebra", "apple", "apple pie", "mango", "élan", "北京"],
        "by code point"
    );
}

/// Keys that differ in name, expiry and last use; the server is stopped once, which writes the uses down.
async fn keys(stage: &mut Stage) {
    let mut made = Vec::new();
    for (name, expires_in) in
        [("mango", Some(9_000)), ("Apple", None), ("élan", Some(3_600)), ("apple", None), ("apple", Some(7_200))]
    {
        let end = expires_in.map(seconds_from_now);
        made.push(stage.key(json!({ "name": name, "expires_at": end })).await);
    }
    for key in [&made[3], &made[0]] {
        key.api.get("/api/v1/me").await.expect(200);
    }
    stage.restart();
}

async fn keys_are_sorted_by_every_field(backend: Backend) {
    let mut stage = Stage::set(backend).await;
    keys(&mut stage).await;
    for field in ["id", "name", "created_at", "last_used_at", "expires_at"] {
        for descending in [false, true] {
            is_sorted(&stage.owner, "/api/v1/api-keys", field, descending).await;
        }
    }
}

async fn an_empty_value_sorts_as_the_smallest(backend: Backend) {
    let mut stage = Stage::set(backend).await;
    keys(&mut stage).await;
    for (field, empty) in [("expires_at", 2), ("last_used_at", 3)] {
        for (sort, place) in [(field.to_owned(), 0..empty), (format!("-{field}"), 5 - empty..5)] {
            let list = page(&stage.owner, &format!("/api/v1/api-keys?sort={sort}")).await;
            let nulls: Vec<_> = (0..5).filter(|index| list["data"][*index][field].is_null()).collect();
            assert_eq!(nulls, place.collect::<Vec<_>>(), "{sort}");
        }
    }
}

async fn several_fields_sort_one_after_another(backend: Backend) {
    let stage = Stage::set(backend).await;
    workspaces(&stage).await;
    for (sort, fields) in [
        ("tier,-slug", vec![("tier", false), ("slug", true)]),
        ("-tier,name,-id", vec![("tier", true), ("name", false), ("id", true)]),
        ("name,tier,slug,-created_at", vec![("name", false), ("tier", false), ("slug", false)]),
    ] {
        let list = page(&stage.owner, &format!("/api/v1/workspaces?sort={sort}")).await;
        let in_order = items(&list).windows(2).all(|pair| {
            let orders = fields.iter().map(|(field, descending)| {
                let order = compare(field, &pair[0], &pair[1]);
                if *descending { order.reverse() } else { order }
            });
            orders.fold(Ordering::Equal, Ordering::then) != Ordering::Greater
        });
        assert!(in_order, "{sort}: {list:#}");
        let pages = follow(&stage.owner, &format!("/api/v1/workspaces?sort={sort}&per_page=2"), "next").await;
        let one_by_one: Vec<i64> = pages.iter().flat_map(|list| ids(items(list))).collect();
        assert_eq!(one_by_one, ids(items(&list)), "{sort}");
    }
}

async fn chosen_fields_always_come_with_the_id(backend: Backend) {
    let stage = Stage::set(backend).await;
    stage.key(json!({})).await;
    for (path, chosen, shown) in [
        ("/api/v1/workspaces", "name", vec!["id", "name"]),
        ("/api/v1/workspaces", "tier,slug,id", vec!["id", "slug", "tier"]),
        ("/api/v1/workspaces", "settings", vec!["id", "settings"]),
        ("/api/v1/workspaces", "id", vec!["id"]),
        ("/api/v1/api-keys", "status,name", vec!["id", "name", "status"]),
        ("/api/v1/api-keys", "last_used_at", vec!["id", "last_used_at"]),
    ] {
        let list = page(&stage.owner, &format!("{path}?fields={chosen}")).await;
        let fields: Vec<_> = list["data"][0].as_object().unwrap().keys().collect();
        assert_eq!(fields, shown, "{chosen}");
    }
    let fields = "id,name,prefix,scopes,rate_limit_tier,status,environment,workspace_id,allowed_ips,mcp_servers,\
                  last_used_at,expires_at,grace_period_ends_at,revoked_at,rotated_from_id,created_at";
    let all = page(&stage.owner, &format!("/api/v1/api-keys?fields={fields}")).await;
    assert_eq!(all["data"], page(&stage.owner, "/api/v1/api-keys").await["data"]);
}

async fn relations_of_workspaces_are_included(backend: Backend) {
    let stage = Stage::set(backend).await;
    let owner = json!({ "id": stage.account_id, "email": Stage::OWNER });
    let members = json!([{ "id": stage.account_id, "email": Stage::OWNER, "role": "owner" }]);
    let list = page(&stage.owner, "/api/v1/workspaces?include=owner,members").await;
    assert_eq!((&list["data"][0]["owner"], &list["data"][0]["members"]), (&owner, &members));
    let list = page(&stage.owner, "/api/v1/workspaces?include=owner&fields=slug").await;
    assert_eq!(list["data"][0], json!({ "id": stage.workspace_id, "slug": "acme-corporation", "owner": owner }));
    let bound = stage.key(json!({})).await;
    let list = page(&bound.api, "/api/v1/workspaces?include=members").await;
    assert_eq!(list["data"][0]["members"], members);
}

async fn relations_of_keys_are_included(backend: Backend) {
    let stage = Stage::set(backend).await;
    stage.key(json!({})).await;
    let workspace = stage.owner.get(&format!("/api/v1/workspaces/{}", stage.workspace_id)).await.data(200);
    let creator = json!({ "id": stage.account_id, "email": Stage::OWNER });
    let list = page(&stage.owner, "/api/v1/api-keys?include=workspace,created_by").await;
    assert_eq!(list["data"][0]["created_by"], creator);
    for field in ["id", "name", "slug", "tier", "created_at", "updated_at"] {
        assert_eq!(list["data"][0]["workspace"][field], workspace[field]);
    }
    let list = page(&stage.owner, "/api/v1/api-keys?include=created_by&fields=name").await;
    let fields: Vec<_> = list["data"][0].as_object().unwrap().keys().collect();
    assert_eq!(fields, ["id", "name", "created_by"]);
}

async fn workspaces_are_filtered_by_tier(backend: Backend) {
    let stage = Stage::set(backend).await;
    workspaces(&stage).await;
    for (tier, names) in [
        ("free", vec!["Apple", "apple pie"]),
        ("starter", vec!["Zebra"]),
        ("pro", vec!["mango", "apple"]),
        ("business", vec!["Acme Corporation"]),
        ("agency", vec!["北京"]),
        ("enterprise", vec!["Acme Corporation", "élan"]),
    ] {
        let list = page(&stage.owner, &format!("/api/v1/workspaces?tier={tier}")).await;
        assert_eq!(column(&list, "name"), names, "{tier}");
        assert_eq!(list["meta"]["total"], names.len());
    }
}

async fn keys_are_filtered_by_environment_and_tier(backend: Backend) {
    let stage = Stage::set(backend).await;
    stage.key(json!({ "name": "1 live" })).await;
    stage.key(json!({ "name": "2 test", "environment": "test" })).await;
    stage.key(json!({ "name": "3 free", "rate_limit_tier": "free" })).await;
    stage.key(json!({ "name": "4 full", "rate_limit_tier": "enterprise" })).await;
    for (filter, names) in [
        ("environment=test", vec!["2 test"]),
        ("environment=live", vec!["1 live", "3 free", "4 full"]),
        ("rate_limit_tier=free", vec!["3 free"]),
        ("rate_limit_tier=enterprise", vec!["1 live", "2 test", "4 full"]),
        ("rate_limit_tier=enterprise&environment=live", vec!["1 live", "4 full"]),
        ("rate_limit_tier=pro", vec![]),
    ] {
        let list = page(&stage.owner, &format!("/api/v1/api-keys?sort=name&{filter}")).await;
        assert_eq!(column(&list, "name"), names, "{filter}");
        assert_eq!(list["meta"]["total"], names.len(), "{filter}");
    }
}

async fn keys_are_filtered_by_status(backend: Backend) {
    let stage = Stage::set(backend).await;
    stage.key(json!({ "name": "1 active" })).await;
    let rotating = stage.key(json!({ "name": "2 rotated" })).await;
    let rotate = |id: i64, hours: i64| {
        let path = format!("/api/v1/api-keys/{id}/rotate");
        let owner = stage.owner.clone();
        async move { owner.post(&path, json!({ "grace_period_hours": hours })).await.data(200)["id"].as_i64().unwrap() }
    };
    let successor = rotate(rotating.id, 24).await;
    let ended = stage.key(json!({ "name": "3 ended" })).await;
    let ended_successor = rotate(ended.id, 0).await;
    let revoked = stage.key(json!({ "name": "4 revoked" })).await;
    stage.owner.delete(&format!("/api/v1/api-keys/{}", revoked.id)).await.expect(204);
    let expired = stage.key(json!({ "name": "5 expired", "expires_at": seconds_from_now(2) })).await;
    let path = format!("/api/v1/api-keys/{}", expired.id);
    let is_over = eventually(PATIENCE, async || stage.owner.get(&path).await.data(200)["status"] == "expired");
    assert!(is_over.await);
    let active = page(&stage.owner, "/api/v1/api-keys?search=active").await["data"][0]["id"].as_i64().unwrap();
    for (filter, wanted, status) in [
        ("status=active", vec![active, successor, ended_successor], Some("active")),
        ("status=rotating", vec![rotating.id], Some("rotating")),
        ("status=expired", vec![ended.id, expired.id], Some("expired")),
        ("status=revoked", vec![revoked.id], Some("revoked")),
        ("", vec![active, rotating.id, successor, ended.id, ended_successor, expired.id], None),
    ] {
        let list = page(&stage.owner, &format!("/api/v1/api-keys?sort=id&{filter}")).await;
        assert_eq!(ids(items(&list)), wanted, "{filter}");
        assert_eq!(list["meta"]["total"], wanted.len(), "{filter}");
        if let Some(status) = status {
            assert!(column(&list, "status").iter().all(|shown| *shown == status), "{filter}");
        }
    }
}

/// `2026-01-15T12:30:00+02:00` for `2026-01-15T10:30:00Z`, ready for a query.
fn with_offset(moment: &str) -> String {
    shifted(moment, 2 * 3_600).replace('Z', "%2B02:00")
}

async fn creation_times_bound_a_list_inclusively(backend: Backend) {
    let stage = Stage::set(backend).await;
    let first = stage.key(json!({ "name": "first" })).await.id;
    let of = async |id: i64| {
        let shown = stage.owner.get(&format!("/api/v1/api-keys/{id}")).await.data(200);
        shown["created_at"].as_str().unwrap().to_owned()
    };
    let first_at = of(first).await;
    let (mut second, mut second_at) = (0, String::new());
    let is_later = eventually(PATIENCE, async || {
        if second > 0 {
            stage.owner.delete(&format!("/api/v1/api-keys/{second}")).await.expect(204);
        }
        second = stage.key(json!({ "name": "second" })).await.id;
        second_at = of(second).await;
        second_at > first_at
    });
    assert!(is_later.await);
    let (day, both) = (&first_at[..10], vec![first, second]);
    for (filter, wanted) in [
        (format!("created_after={first_at}"), both.clone()),
        (format!("created_after={second_at}"), vec![second]),
        (format!("created_after={}", shifted(&second_at, 1)), vec![]),
        (format!("created_before={second_at}"), both.clone()),
        (format!("created_before={first_at}"), vec![first]),
        (format!("created_before={}", shifted(&first_at, -1)), vec![]),
        (format!("created_after={first_at}&created_before={first_at}"), vec![first]),
        (format!("created_after={second_at}&created_before={first_at}"), vec![]),
        (format!("created_after={}", with_offset(&second_at)), vec![second]),
        (format!("created_before={}", with_offset(&first_at)), vec![first]),
        (format!("created_after={day}"), both),
        ("created_after=2097-01-01".to_owned(), vec![]),
        ("created_before=2020-01-01".to_owned(), vec![]),
    ] {
        let list = page(&stage.owner, &format!("/api/v1/api-keys?sort=id&{filter}")).await;
        assert_eq!(ids(items(&list)), wanted, "{filter}");
        assert_eq!(list["meta"]["total"], wanted.len(), "{filter}");
    }
}

async fn change_times_bound_a_list_inclusively(backend: Backend) {
    let stage = Stage::set(backend).await;
    let changed = stage.workspace(json!({ "name": "Changed" })).await;
    let (id, path) = (changed["id"].as_i64().unwrap(), format!("/api/v1/workspaces/{}", changed["id"]));
    let created_at = changed["created_at"].as_str().unwrap();
    let mut changed_at = String::new();
    let is_later = eventually(PATIENCE, async || {
        let answer = stage.owner.patch(&path, json!({ "name": "Changed again" })).await.data(200);
        answer["updated_at"].as_str().unwrap().clone_into(&mut changed_at);
        changed_at.as_str() > created_at
    });
    assert!(is_later.await);
    for (filter, wanted) in [
        (format!("updated_after={changed_at}"), vec![id]),
        (format!("updated_after={}", shifted(&changed_at, 1)), vec![]),
        (format!("updated_before={created_at}"), vec![stage.workspace_id]),
        (format!("updated_before={changed_at}"), vec![stage.workspace_id, id]),
        (format!("updated_after={}", with_offset(&changed_at)), vec![id]),
    ] {
        let list = page(&stage.owner, &format!("/api/v1/workspaces?{filter}")).await;
        assert_eq!(ids(items(&list)), wanted, "{filter}");
    }
    let key = stage.key_in(id, json!({})).await;
    let inside = stage.owner.in_workspace(id);
    for (filter, total) in [("updated_after=2020-01-01", 1), ("updated_before=2020-01-01", 0)] {
        let list = page(&inside, &format!("/api/v1/api-keys?{filter}")).await;
        assert_eq!(list["meta"]["total"], total, "{filter} of {}", key.id);
    }
}

async fn workspaces_are_searched_by_name_and_slug(backend: Backend) {
    let stage = Stage::set(backend).await;
    workspaces(&stage).await;
    stage.workspace(json!({ "name": "100% sure_thing", "slug": "percent" })).await;
    for (text, names) in [
        ("APPLE", vec!["Apple", "apple", "apple pie"]),
        ("aa-", vec!["élan", "apple pie"]),
        ("ÉLAN", vec!["élan"]),
        ("京", vec!["北京"]),
        ("%", vec!["100% sure_thing"]),
        ("e_t", vec!["100% sure_thing"]),
        ("\\", vec![]),
        ("'; DROP TABLE workspaces; --", vec![]),
        ("apple pies", vec![]),
        ("e m", vec![]),
    ] {
        let query = percent_encoded(text.as_bytes());
        let list = page(&stage.owner, &format!("/api/v1/workspaces?search={query}")).await;
        assert_eq!(column(&list, "name"), names, "{text}");
        assert_eq!(list["meta"]["total"], names.len(), "{text}");
    }
    assert_eq!(page(&stage.owner, "/api/v1/workspaces?search=").await["meta"]["total"], 10);
}

async fn keys_are_searched_by_name_and_prefix(backend: Backend) {
    let stage = Stage::set(backend).await;
    let key = stage.key(json!({ "name": "Mobile App" })).await;
    stage.key(json!({ "name": "Other", "environment": "test" })).await;
    for (text, total) in [("mobile", 1), ("APP", 1), ("sk_test_", 1), ("SK_LIVE_", 1), ("sk_", 2), ("no such", 0)] {
        let query = percent_encoded(text.as_bytes());
        let list = page(&stage.owner, &format!("/api/v1/api-keys?search={query}")).await;
        assert_eq!(list["meta"]["total"], total, "{text}");
    }
    let by_prefix = page(&stage.owner, &format!("/api/v1/api-keys?search={}", &key.secret[..11])).await;
    assert!(ids(items(&by_prefix)).contains(&key.id));
    let by_secret = page(&stage.owner, &format!("/api/v1/api-keys?search={}", &key.secret[..14])).await;
    assert_eq!(by_secret["meta"]["total"], 0, "no more of the secret is known");
}

async fn filters_add_up(backend: Backend) {
    let stage = Stage::set(backend).await;
    workspaces(&stage).await;
    let query = "search=apple&tier=free&sort=-slug&fields=name&per_page=1&created_after=2020-01-01";
    let pages = follow(&stage.owner, &format!("/api/v1/workspaces?{query}"), "next").await;
    let names: Vec<_> = pages.iter().flat_map(|list| column(list, "name")).collect();
    assert_eq!(names, ["Apple", "apple pie"]);
}

async fn single_resources_take_fields_and_includes(backend: Backend) {
    let stage = Stage::set(backend).await;
    let key = stage.key(json!({ "name": "A" })).await;
    let owner = json!({ "id": stage.account_id, "email": Stage::OWNER });
    let path = format!("/api/v1/workspaces/{}?fields=name&include=owner", stage.workspace_id);
    let shown = stage.owner.get(&path).await.data(200);
    assert_eq!(shown, json!({ "id": stage.workspace_id, "name": "Acme Corporation", "owner": owner }));
    let path = format!("/api/v1/api-keys/{}?fields=name&include=created_by", key.id);
    let shown = stage.owner.get(&path).await.data(200);
    assert_eq!(shown, json!({ "id": key.id, "name": "A", "created_by": owner }));
    for path in [format!("/api/v1/workspaces/{}", stage.workspace_id), format!("/api/v1/api-keys/{}", key.id)] {
        for (parameter, field) in [("fields=colour", "fields"), ("include=colour", "include"), ("page=1", "page")] {
            let answer = stage.owner.get(&format!("{path}?{parameter}")).await.expect(422).json();
            assert_eq!(answer["errors"].as_object().unwrap().keys().collect::<Vec<_>>(), [field]);
        }
    }
}

async fn faults_are_told_together(backend: Backend) {
    let stage = Stage::set(backend).await;
    let answer =
        stage.owner.get("/api/v1/api-keys?status=open&page=0&sort=id,id&environment=&created_after=soon").await;
    answer.is(
        422,
        validation(json!({
            "created_after": [
                "The created_after must be an ISO 8601 date, such as 2026-01-15 or 2026-01-15T10:30:00Z."
            ],
            "environment": ["The environment value \"\" is not known. Allowed: live, test."],
            "page": ["The page must be an integer of at least 1."],
            "sort": ["The sort field id was given twice."],
            "status": ["The status value \"open\" is not known. Allowed: active, rotating, expired, revoked."],
        })),
    );
}
