//! What may be ordered: pauses and a poll at once, by whom, and what makes no sense.

use std::time::Duration;

use serde_json::Value;

use crate::site::{NOW, Served};

#[tokio::test]
async fn a_pause_is_written_down_before_it_is_answered() {
    let site = Served::start().await;
    let json = "application/json";
    let body = r#"{"for": "2h", "reason": "new disk"}"#;
    let reply = site.post("/api/v1/hosts/web-1/pause", json, body).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    let kept = site.store.pauses().await.unwrap();
    let [(_, pause)] = kept.as_slice() else { panic!("{kept:?}") };
    assert_eq!((pause.since, pause.until), (NOW, Some(NOW.plus(Duration::from_secs(7_200)))));
    assert_eq!(&*pause.reason, "new disk");
    let reply = site.post("/api/v1/hosts/web-1/resume", json, "{}").await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    assert_eq!(site.store.pauses().await.unwrap(), []);
}

#[tokio::test]
async fn a_pause_that_makes_no_sense_changes_nothing() {
    let site = Served::start().await;
    let json = "application/json";
    let long = format!("{{\"reason\": \"{}\"}}", "x".repeat(201));
    let mut told = String::new();
    for (path, kind, body) in [
        // What a page of another site can have a browser send.
        ("web-1/pause", "text/plain", r#"{"for": "2h"}"#),
        ("web-1/resume", "application/x-www-form-urlencoded", "a=b"),
        ("web-1/pause", json, r#"{"for": "2h""#),
        ("web-1/pause", json, r#"{"fro": "2h"}"#),
        ("web-1/pause", json, r#"{"for": "soon"}"#),
        ("web-1/pause", json, r#"{"for": "0s"}"#),
        ("web-1/pause", json, r#"{"for": "2h", "until": "2026-04-01T00:00:00Z"}"#),
        ("web-1/pause", json, r#"{"until": "2026-03-28T00:00:00Z"}"#),
        ("web-1/pause", json, r#"{"for": "367d"}"#),
        ("web-1/pause", json, &long),
        ("web-1/pause?for=2h", json, "{}"),
        ("web-3/pause", json, "{}"),
        ("old-1/pause", json, "{}"),
    ] {
        let reply = site.post(&format!("/api/v1/hosts/{path}"), kind, body).await;
        let shown: String = body.chars().take(60).collect();
        told += &format!("{path} {shown}\n  {} {}\n", reply.status, reply.body);
    }
    let reply = site.request("GET", "/api/v1/hosts/web-1/pause").await;
    told += &format!("GET\n  {} {}\n", reply.status, reply.body);
    insta::assert_snapshot!("pause_refused", told);
    assert_eq!(site.store.pauses().await.unwrap(), []);
}

#[tokio::test]
async fn a_host_is_polled_at_once_by_whoever_may_send_json() {
    let site = Served::start().await;
    let json = "application/json";
    let reply = site.post("/api/v1/hosts/web-2/poll", json, "{}").await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    let poll: Value = serde_json::from_str(&reply.body).unwrap();
    assert_eq!((&poll["host"], &poll["outcome"]), (&"web-2".into(), &"ok".into()));
    assert_eq!(poll["detail"]["net"][0]["interface"], "eth0");
    for (path, kind, body, status) in [
        ("web-2/poll", "text/plain", "{}", 415),
        ("web-2/poll", json, "", 400),
        ("web-2/poll", json, r#"{"now": true}"#, 400),
        ("web-2/poll?now=1", json, "{}", 400),
        ("web-9/poll", json, "{}", 404),
        ("old-1/poll", json, "{}", 409),
    ] {
        let reply = site.post(&format!("/api/v1/hosts/{path}"), kind, body).await;
        assert_eq!(reply.status, status, "{path} {kind} {body}: {}", reply.body);
    }
}

#[tokio::test]
async fn a_silence_or_an_ack_that_makes_no_sense_is_refused_with_what_is_expected() {
    let site = Served::start().await;
    let json = "application/json";
    let of = |terms: &str| format!("{{{terms}, \"who\": \"ann\", \"why\": \"new disks\"}}");
    let words = |name: &str| format!("\"for\": \"2h\", \"rules\": [\"{name}\"]");
    let many = vec!["\"r\""; 65].join(",");
    let mut told = String::new();
    for (path, kind, body) in [
        // What a page of another site can have a browser send.
        ("silences", "text/plain", of(&words("r"))),
        ("silences", json, "{}".to_owned()),
        ("silences", json, of("\"for\": \"2h\"")),
        ("silences", json, of("\"rules\": [\"r\"]")),
        ("silences", json, of("\"for\": \"2h\", \"until\": \"now\", \"rules\": [\"r\"]")),
        ("silences", json, of("\"for\": \"soon\", \"rules\": [\"r\"]")),
        ("silences", json, of("\"for\": \"0s\", \"rules\": [\"r\"]")),
        ("silences", json, of("\"for\": \"31d\", \"rules\": [\"r\"]")),
        ("silences", json, of("\"for\": \"2h\", \"groups\": [\"a b\"]")),
        ("silences", json, of("\"for\": \"2h\", \"severity\": [\"bad\"]")),
        ("silences", json, of(&format!("\"for\": \"2h\", \"rules\": [{many}]"))),
        ("silences", json, of(&words("r")).replace("ann", " ")),
        ("silences", json, of(&words("r")).replace("new disks", "a\\nb")),
        ("silences?rule=r", json, of(&words("r"))),
        ("silences", json, of(&words("r"))),
        ("silences/x/end", json, "{}".to_owned()),
        ("hosts/web-1/alert/ack", json, "{\"who\": \"ann\"}".to_owned()),
        ("hosts/web-1/alert/ack?rule=r", json, "{}".to_owned()),
        ("hosts/web-1/alert/ack?rule=r", json, "{\"who\": \"\"}".to_owned()),
        ("hosts/web-1/alert/ack?rule=r", json, "{\"who\": \"a\", \"note\": \"a\\nb\"}".to_owned()),
        ("hosts/web-9/alert/ack?rule=r", json, "{\"who\": \"ann\"}".to_owned()),
        ("hosts/web-1/alert/unack?rule=r", "text/plain", "{}".to_owned()),
    ] {
        let reply = site.post(&format!("/api/v1/{path}"), kind, &body).await;
        let shown: String = body.chars().take(70).collect();
        told += &format!("{path} {shown}\n  {} {}\n", reply.status, reply.body);
    }
    insta::assert_snapshot!("silence_refused", told);
}
