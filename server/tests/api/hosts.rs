//! What is known of hosts: the list, one of them, why it is what it is.

use serde_json::Value;

use crate::{known_only, site::Served};

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
