//! What is known of hosts: the list, one of them, why it is what it is.

use serde_json::{Value, json};

use crate::{
    known_only,
    site::{NOW, Served},
};

#[tokio::test]
async fn hosts_are_listed_with_their_last_poll() {
    let site = Served::start().await;
    insta::assert_json_snapshot!("hosts", known_only(site.json("/api/v1/hosts").await));
}

#[tokio::test]
async fn hosts_are_filtered_and_paged() {
    let site = Served::start().await;
    let names = |json: &Value| -> Vec<String> {
        let hosts = json["hosts"].as_array().unwrap();
        hosts.iter().map(|host| host["name"].as_str().unwrap().to_owned()).collect()
    };
    for (query, expected) in [
        ("state=down", vec!["db-1"]),
        ("state=retired", vec!["old-1"]),
        ("group=web", vec!["web-1", "web-2"]),
        ("text=10.0.0.2", vec!["web-2"]),
        ("text=rack", vec!["web-1", "web-2"]),
        ("group=nothing", vec![]),
    ] {
        let json = site.json(&format!("/api/v1/hosts?{query}")).await;
        assert_eq!(names(&json), expected, "{query}");
        assert_eq!(json["total"], expected.len(), "{query}");
        assert_eq!(json["next"], Value::Null, "{query}");
    }
    let first = site.json("/api/v1/hosts?limit=2&text=-").await;
    assert_eq!((names(&first), &first["total"]), (vec!["db-1".into(), "web-1".into()], &3.into()));
    let next = first["next"].as_str().unwrap();
    let second = site.json(&format!("/api/v1/hosts?{next}")).await;
    assert_eq!((names(&second), &second["next"]), (vec!["web-2".into()], &Value::Null));
}

#[tokio::test]
async fn one_host_has_all_that_is_known_of_it() {
    let site = Served::start().await;
    insta::assert_json_snapshot!("host", known_only(site.json("/api/v1/hosts/web-1").await));
}

#[tokio::test]
async fn a_host_that_is_not_live_any_more_is_answered_from_the_store() {
    let site = Served::start().await;
    insta::assert_json_snapshot!(
        "host_retired",
        known_only(site.json("/api/v1/hosts/old-1").await)
    );
}

#[tokio::test]
async fn a_state_is_explained_step_by_step() {
    let site = Served::start().await;
    for host in ["web-1", "web-2", "db-1", "old-1"] {
        let why = site.json(&format!("/api/v1/hosts/{host}/why")).await;
        insta::assert_json_snapshot!(format!("why_{host}"), known_only(why));
    }
}

#[tokio::test]
async fn of_hosts_and_polls_only_the_wanted_members_are_sent() {
    let site = Served::start().await;
    let page = site.json("/api/v1/hosts?fields=name,state,last.values.load_1&limit=2").await;
    assert_eq!(
        page,
        json!({
            "total": 3,
            "hosts": [
                { "name": "db-1", "state": "down", "last": { "values": null } },
                { "name": "web-1", "state": "up", "last": { "values": { "load_1": 0.25 } } },
            ],
            "next": "after=web-1&limit=2&fields=last.values.load_1,name,state",
        })
    );
    let next = site.json(&format!("/api/v1/hosts?{}", page["next"].as_str().unwrap())).await;
    assert_eq!(next["hosts"], json!([{ "name": "web-2", "state": "up", "last": null }]));

    let one =
        site.json("/api/v1/hosts/web-1?fields=facts.cpus,last.detail.filesystem.mount_point").await;
    let detail = json!({ "filesystem": [{ "mount_point": "/" }] });
    assert_eq!(one, json!({ "facts": { "cpus": 2 }, "last": { "detail": detail } }));

    let path = "/api/v1/hosts/web-1/polls";
    let page = site.json(&format!("{path}?fields=outcome,slot_ms&order=asc&limit=2")).await;
    let slot = |seconds: i64| NOW.0 - seconds * 1_000;
    assert_eq!(
        page["polls"],
        json!([{ "slot_ms": slot(30), "outcome": "ok" }, { "slot_ms": slot(20), "outcome": "refused" }])
    );
    let next = site.json(&format!("{path}?{}", page["next"].as_str().unwrap())).await;
    assert_eq!(next["polls"], json!([{ "slot_ms": slot(10), "outcome": "ok" }]));

    let path = "/api/v1/hosts/web-1/series?columns=cpu_busy_pct&step=60s&digits=3";
    let series = site.json(&format!("{path}&fields=step_ms,columns.name,columns.avg")).await;
    assert_eq!(series.as_object().unwrap().len(), 2);
    let column = series["columns"][0].as_object().unwrap();
    assert_eq!(column.keys().collect::<Vec<_>>(), ["avg", "name"]);
    let known = column["avg"].as_array().unwrap().iter().filter(|value| !value.is_null());
    assert_eq!(known.collect::<Vec<_>>(), [&json!(12.3)]);
}
