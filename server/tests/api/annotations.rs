//! Annotations: written, found by host, group and span, removed, refused.

use roundsman::store::{AnnotationsOf, Span};
use serde_json::Value;

use crate::site::{NOW, Served, soon};

const JSON: &str = "application/json";
const PATH: &str = "/api/v1/annotations";

async fn add(site: &Served, body: &str) -> Value {
    let reply = site.post(PATH, JSON, body).await;
    assert_eq!(reply.status, 201, "{}", reply.body);
    serde_json::from_str(&reply.body).unwrap()
}

async fn texts(site: &Served, query: &str) -> Vec<String> {
    let page = site.json(&format!("{PATH}{query}")).await;
    let all = page["annotations"].as_array().unwrap();
    all.iter().map(|one| one["text"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn an_annotation_is_found_by_the_hosts_that_it_is_about() {
    let site = Served::start_writing().await;
    let deploy = r#"{"text": "web 2.4", "who": "ci", "kind": "deploy", "groups": ["web"], "at": "-10m", "for": "5m"}"#;
    let told = add(&site, deploy).await;
    assert_eq!((&told["kind"], &told["groups"][0]), (&"deploy".into(), &"web".into()));
    assert_eq!(told["at_ms"], NOW.0 - 600_000);
    assert_eq!(told["until_ms"], NOW.0 - 300_000);
    add(&site, r#"{"text": "one", "who": "ann", "hosts": ["web-1"]}"#).await;
    add(&site, r#"{"text": "rack", "who": "ann", "labels": {"rack": "a1"}, "at": "-2h"}"#).await;
    add(&site, r#"{"text": "all", "who": "ann"}"#).await;
    for (query, expected) in [
        ("", vec!["all", "one", "web 2.4"]),
        ("?from=-3h", vec!["all", "one", "web 2.4", "rack"]),
        ("?from=-3h&hosts=web-2", vec!["all", "web 2.4", "rack"]),
        ("?from=-3h&hosts=db-1", vec!["all"]),
        ("?from=-3h&hosts=db-1,web-1", vec!["all", "one", "web 2.4", "rack"]),
        ("?from=-3h&hosts=old-1", vec!["all"]),
        ("?group=web", vec!["all", "one", "web 2.4"]),
        ("?from=-6m", vec!["all", "one", "web 2.4"]),
        ("?from=-4m", vec!["all", "one"]),
        ("?from=-3h&to=-1h", vec!["rack"]),
        ("?limit=1", vec!["all"]),
    ] {
        assert_eq!(texts(&site, query).await, expected, "{query}");
    }
    assert_eq!(site.json(&format!("{PATH}?limit=1")).await["more"], true);
    assert_eq!(site.json(PATH).await["more"], false);
}

#[tokio::test]
async fn an_annotation_is_a_row_of_the_store_and_is_removed_from_it() {
    let site = Served::start_writing().await;
    let id =
        add(&site, r#"{"text": "oops", "who": "ann"}"#).await["id"].as_str().unwrap().to_owned();
    let kept = async || {
        let all = site.store.annotations(AnnotationsOf::Span(Span::ALL), 9).await.unwrap();
        all.iter().map(|one| one.id.to_string()).collect::<Vec<_>>()
    };
    soon(async {
        while kept().await != [id.clone()] {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let gone = site.post(&format!("{PATH}/{id}/remove"), JSON, "{}").await;
    assert_eq!(gone.status, 200, "{}", gone.body);
    assert_eq!(texts(&site, "").await, [""; 0]);
    soon(async {
        while !kept().await.is_empty() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let again = site.post(&format!("{PATH}/{id}/remove"), JSON, "{}").await;
    assert_eq!(again.status, 404, "{}", again.body);
}

#[tokio::test]
async fn an_annotation_that_makes_no_sense_is_refused_with_what_is_expected() {
    let site = Served::start_writing().await;
    let many = vec!["\"h\""; 65].join(",");
    let long = "x".repeat(1_025);
    let of = |terms: &str| format!("{{\"text\": \"x\", \"who\": \"ann\", {terms}}}");
    let mut told = String::new();
    for (path, kind, body) in [
        // What a page of another site can have a browser send.
        ("annotations", "text/plain", of("\"hosts\": []")),
        ("annotations", JSON, "{}".to_owned()),
        ("annotations", JSON, of("\"kind\": \"party\"")),
        ("annotations", JSON, of("\"at\": \"soon\"")),
        ("annotations", JSON, of("\"at\": \"2027-01-01T00:00:00Z\"")),
        ("annotations", JSON, of("\"for\": \"31d\"")),
        ("annotations", JSON, of("\"for\": \"1h\", \"until\": \"now\"")),
        ("annotations", JSON, of("\"until\": \"-1h\"")),
        ("annotations", JSON, of("\"groups\": [\"a b\"]")),
        ("annotations", JSON, of(&format!("\"hosts\": [{many}]"))),
        ("annotations", JSON, format!("{{\"text\": \"{long}\", \"who\": \"ann\"}}")),
        ("annotations", JSON, "{\"text\": \"a\\nb\", \"who\": \"ann\"}".to_owned()),
        ("annotations", JSON, "{\"text\": \"x\", \"who\": \" \"}".to_owned()),
        ("annotations/x/remove", JSON, "{}".to_owned()),
    ] {
        let reply = site.post(&format!("/api/v1/{path}"), kind, &body).await;
        let shown: String = body.chars().take(70).collect();
        told += &format!("{path} {shown}\n  {} {}\n", reply.status, reply.body);
    }
    for query in
        ["?limit=1001", "?from=now&to=-1h", "?group=db", "?hosts=wbe-1", "?hosts=a&group=b"]
    {
        let reply = site.get(&format!("{PATH}{query}")).await;
        told += &format!("{query}\n  {} {}\n", reply.status, reply.body);
    }
    insta::assert_snapshot!("annotation_refused", told);
    assert_eq!(texts(&site, "").await, [""; 0]);
}
