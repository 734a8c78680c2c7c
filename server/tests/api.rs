//! The HTTP API over real sockets: a live view filled by hand, a real store in a temporary
//! directory. Answers are pinned as snapshots; a change of them is a change of a promise.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "api/contract.rs"]
mod contract;
#[path = "api/site.rs"]
mod site;

use std::{sync::Arc, time::Duration};

use roundsman::{
    inventory::{Change, Diff},
    live::{InventoryFile, ServerView},
    model::{Cause, HostId, HostName, State, Transition, VersionId},
    store::Batch,
    units::WallMs,
    web::{self, ConnectionLimits},
};
use serde_json::Value;
use site::{NOW, Reply, Served, host_view};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// The answer with most of the columns that are null left out: what is filled, and that the rest
/// is there, is what a reader of the snapshot wants to see. `columns` pins every name.
fn known_only(mut json: Value) -> Value {
    fn thin(value: &mut Value) {
        match value {
            Value::Object(map) => {
                if let Some(Value::Object(values)) = map.get_mut("values") {
                    let all = values.len();
                    values.retain(|_, value| !value.is_null());
                    let unknown = all - values.len();
                    values.insert("(columns that are null)".to_owned(), unknown.into());
                }
                map.values_mut().for_each(thin);
            }
            Value::Array(list) => list.iter_mut().for_each(thin),
            _ => {}
        }
    }
    thin(&mut json);
    json
}

#[tokio::test]
async fn what_the_server_found_about_itself_is_listed() {
    let site = Served::start().await;
    let own = |at, from, to, cause| Transition {
        host: HostId::SERVER,
        name: HostName::server(),
        at,
        from,
        to,
        cause,
        outcome: None,
        reason: "9 of 10 hosts failed within 10s".into(),
    };
    let transitions = vec![
        own(WallMs(NOW.0 - 9_000), State::Up, State::Suspect, Cause::Isolated),
        own(NOW, State::Suspect, State::Up, Cause::Connected),
    ];
    site.store.write(Arc::new(Batch { transitions, ..Batch::default() })).await.unwrap();
    insta::assert_json_snapshot!("server_events", site.json("/api/v1/server/events?limit=9").await);
}

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
async fn polls_come_as_asked_page_by_page() {
    let site = Served::start().await;
    let path = "/api/v1/hosts/web-1/polls?from=-1h&to=now&order=asc&limit=2";
    let first = site.json(path).await;
    insta::assert_json_snapshot!("polls", known_only(first.clone()));
    let next = first["next"].as_str().unwrap();
    let second = site.json(&format!("/api/v1/hosts/web-1/polls?{next}")).await;
    let slots = |json: &Value| -> Vec<i64> {
        json["polls"].as_array().unwrap().iter().map(|p| p["slot_ms"].as_i64().unwrap()).collect()
    };
    assert_eq!(slots(&first), [NOW.0 - 30_000, NOW.0 - 20_000]);
    assert_eq!(slots(&second), [NOW.0 - 10_000]);
    assert_eq!(second["next"], Value::Null);

    let newest = site.json("/api/v1/hosts/web-1/polls?limit=1&detail=false").await;
    assert_eq!(slots(&newest), [NOW.0 - 10_000]);
    assert!(newest["polls"][0].get("detail").is_none(), "not asked for: {newest}");
    assert!(newest["next"].as_str().unwrap().ends_with("&order=desc&detail=false"));
}

#[tokio::test]
async fn values_come_over_time_with_gaps_as_gaps() {
    let site = Served::start().await;
    let path = "/api/v1/hosts/web-1/series?columns=cpu_busy_pct,load_5&from=-45s&to=now&step=10s";
    insta::assert_json_snapshot!("series", site.json(path).await);

    // Hours: the polls of the present one, which is not in short yet.
    let path = "/api/v1/hosts/web-1/series?columns=cpu_busy_pct&from=-30d&to=%2B00";
    assert_eq!(site.get(path).await.status, 400);
    let path = "/api/v1/hosts/web-1/series?columns=cpu_busy_pct&from=-30d&to=now";
    let month = site.json(path).await;
    assert_eq!((&month["tier"], &month["step_ms"]), (&"hour".into(), &10_800_000.into()));
    let column = &month["columns"][0];
    let points = month["polls"].as_array().unwrap().len();
    assert_eq!(points, column["avg"].as_array().unwrap().len());
    assert!((240..=241).contains(&points), "{points}");
    assert_eq!((&month["polls"][points - 1], &month["failed"][points - 1]), (&3.into(), &1.into()));
    assert_eq!(column["avg"][points - 1], 12.345);
    assert_eq!(column["avg"][0], Value::Null);

    let usual = site.json("/api/v1/hosts/web-1/series").await;
    assert_eq!(usual["columns"].as_array().unwrap().len(), 7);
    assert_eq!((&usual["tier"], &usual["step_ms"]), (&"poll".into(), &15_000.into()));
}

/// Every column is in every answer with values, and every one is explained.
#[tokio::test]
async fn every_value_of_a_poll_is_explained_with_its_unit() {
    let site = Served::start().await;
    let columns = site.json("/api/v1/columns").await;
    let line = |table: &str, column: &Value| {
        let text = |key: &str| column[key].as_str().unwrap_or("-").to_owned();
        let whole = if column["whole"] == true { "whole" } else { "real" };
        let (name, unit, family) = (text("name"), text("unit"), text("family"));
        format!("{table} {name} | {unit} | {whole} | {family} | {}", text("meaning"))
    };
    let mut lines = Vec::new();
    for table in ["poll", "values"] {
        let list = columns[table].as_array().unwrap();
        lines.extend(list.iter().map(|column| line(table, column)));
    }
    for table in columns["detail"].as_array().unwrap() {
        let name = table["name"].as_str().unwrap();
        lines.push(format!("detail.{name} rows are named by {}", table["labels"]));
        let list = table["columns"].as_array().unwrap();
        lines.extend(list.iter().map(|column| line(&format!("detail.{name}"), column)));
    }
    insta::assert_snapshot!("columns", lines.join("\n"));

    let polls = site.json("/api/v1/hosts/web-1/polls?limit=1").await;
    let poll = &polls["polls"][0];
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let names = |list: &Value| {
        let mut names: Vec<String> = list
            .as_array()
            .unwrap()
            .iter()
            .map(|column| column["name"].as_str().unwrap().to_owned())
            .collect();
        names.sort();
        names
    };
    assert_eq!(keys(&poll["values"]), names(&columns["values"]), "values and their explanations");
    for table in columns["detail"].as_array().unwrap() {
        let rows = &poll["detail"][table["name"].as_str().unwrap()];
        let mut expected = names(&table["columns"]);
        expected.extend(
            table["labels"].as_array().unwrap().iter().map(|l| l.as_str().unwrap().to_owned()),
        );
        expected.sort();
        assert_eq!(keys(&rows[0]), expected, "{}", table["name"]);
    }
}

#[tokio::test]
async fn events_come_newest_first() {
    let site = Served::start().await;
    insta::assert_json_snapshot!("events", site.json("/api/v1/hosts/db-1/events").await);
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
async fn what_is_asked_wrongly_is_answered_with_what_is_expected() {
    let site = Served::start().await;
    let mut table = String::new();
    for path in [
        "/api/v1/hosts/wbe-1",
        "/api/v1/hosts/nothing-like-it",
        "/api/v1/hosts/a%20b",
        "/api/v1/hosts/wbe-1/polls",
        "/api/v1/hosts/wbe-1/events",
        "/api/v1/hosts/wbe-1/why",
        "/api/v1/hosts?state=upp",
        "/api/v1/hosts?limit=0",
        "/api/v1/hosts?limit=1001",
        "/api/v1/hosts?stat=up",
        "/api/v1/hosts?colour=red",
        "/api/v1/hosts?state=up&state=down",
        "/api/v1/hosts/web-1?x=1",
        "/api/v1/hosts/web-1/polls?from=yesterday",
        "/api/v1/hosts/web-1/polls?from=now&to=-1h",
        "/api/v1/hosts/web-1/polls?limit=many",
        "/api/v1/hosts/web-1/polls?order=up",
        "/api/v1/hosts/web-1/polls?detail=yes",
        "/api/v1/hosts/web-1/events?limit=-1",
        "/api/v1/hosts/wbe-1/series",
        "/api/v1/hosts/web-1/series?columns=cpu_bussy_pct",
        "/api/v1/hosts/web-1/series?columns=",
        "/api/v1/hosts/web-1/series?points=2001",
        "/api/v1/hosts/web-1/series?points=10&step=1m",
        "/api/v1/hosts/web-1/series?step=1ms",
        "/api/v1/hosts/web-1/series?step=1s&from=-1d",
        "/api/v1/hosts/web-1/series?step=90m&tier=hour&from=-1d",
        "/api/v1/hosts/web-1/series?tier=day",
        "/api/v1/hosts/web-1/series?from=now&to=-1h",
        "/api/v1/columns?x",
        "/api/v2/hosts",
        "/healthz?x=1",
    ] {
        let Reply { status, body, .. } = site.get(path).await;
        table.push_str(&format!("GET {path}\n    {status} {}\n", body.trim_end()));
    }
    let columns = vec!["load_1"; 21].join(",");
    let Reply { status, body, .. } =
        site.get(&format!("/api/v1/hosts/web-1/series?columns={columns}")).await;
    table.push_str(&format!("GET … 21 columns\n    {status} {}\n", body.trim_end()));
    for (method, path) in [("POST", "/api/v1/hosts"), ("DELETE", "/api/v1/hosts/web-1")] {
        let Reply { status, body, .. } = site.request(method, path).await;
        table.push_str(&format!("{method} {path}\n    {status} {}\n", body.trim_end()));
    }
    insta::assert_snapshot!("errors", table);
}

#[tokio::test]
async fn the_index_says_what_is_served_where() {
    let site = Served::start().await;
    let page = site.get("/").await;
    assert_eq!(page.status, 200);
    assert!(page.body.contains("/assets/main.js"), "{}", page.body);
    let policy = page.header("content-security-policy").unwrap_or_default();
    assert!(policy.starts_with("default-src 'none'; script-src 'self';"), "{policy}");
    let index = site.get("/api").await;
    assert_eq!(index.status, 200);
    for path in ["/api/v1/hosts", "/api/v1/columns", "/healthz", "/readyz", "/metrics"] {
        assert!(index.body.contains(path), "{path} is missing in:\n{}", index.body);
        assert_eq!(site.get(path).await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn health_and_readiness_are_different_questions() {
    let site = Served::start().await;
    assert_eq!(site.get("/healthz").await.body, "ok\n");
    insta::assert_json_snapshot!("readyz", site.json("/readyz").await);

    site.live.update_server(|server| *server = ServerView::default());
    let unready = site.get("/readyz").await;
    assert_eq!(unready.status, 503);
    insta::assert_snapshot!("readyz_not", unready.body);
    assert_eq!(site.get("/healthz").await.status, 200, "it lives all the same");

    site.live.update_server(|server| {
        server.ready = true;
        server.started = NOW;
        server.inventory = Some((VersionId(1), "hash".into(), NOW));
    });
    assert_eq!(site.get("/readyz").await.status, 200, "ready again once its work goes on");
}

#[tokio::test]
async fn metrics_are_read_when_they_are_asked_for() {
    let site = Served::start().await;
    let first = site.get("/metrics").await;
    let kind = first.header("content-type");
    assert_eq!(kind, Some("application/openmetrics-text; version=1.0.0; charset=utf-8"));
    assert!(first.body.contains("roundsman_hosts{state=\"down\"} 1\n"), "{}", first.body);
    assert!(first.body.ends_with("# EOF\n"), "{}", first.body);
    site.live.publish(host_view("web-9", State::Down, None));
    let second = site.get("/metrics").await.body;
    assert!(second.contains("roundsman_hosts{state=\"down\"} 2\n"), "{second}");
}

#[tokio::test]
async fn a_client_that_does_not_finish_its_header_is_cut_off() {
    let limits =
        ConnectionLimits { header_wait: Duration::from_millis(50), ..ConnectionLimits::default() };
    let site = Served::start_with(limits).await;
    let mut slow = TcpStream::connect(site.address).await.unwrap();
    slow.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n").await.unwrap();
    let mut answer = Vec::new();
    // Ends only because the server closes.
    slow.read_to_end(&mut answer).await.unwrap();
    let answer = String::from_utf8_lossy(&answer);
    assert!(!answer.contains("200 OK"), "{answer}");
}

#[tokio::test]
async fn a_connection_does_not_last_for_ever() {
    let limits =
        ConnectionLimits { life: Duration::from_millis(50), ..ConnectionLimits::default() };
    let site = Served::start_with(limits).await;
    let mut idle = TcpStream::connect(site.address).await.unwrap();
    idle.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    idle.read_to_end(&mut answer).await.unwrap();
    assert!(String::from_utf8_lossy(&answer).ends_with("ok\n"), "answered, and closed later");
}

#[tokio::test]
async fn connections_over_the_limit_wait_and_are_served() {
    let limits = ConnectionLimits { connections: 1, ..ConnectionLimits::default() };
    let site = Served::start_with(limits).await;
    let request = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
    let mut held = TcpStream::connect(site.address).await.unwrap();
    let mut buffer = [0; 1024];
    held.write_all(request).await.unwrap();
    assert!(held.read(&mut buffer).await.unwrap() > 0);

    let mut waiting = TcpStream::connect(site.address).await.unwrap();
    waiting.write_all(request).await.unwrap();
    // The one that holds the only place is served again and again; the other is not.
    for _ in 0..20 {
        held.write_all(request).await.unwrap();
        assert!(held.read(&mut buffer).await.unwrap() > 0);
    }
    assert!(waiting.try_read(&mut buffer).is_err(), "served over the limit");
    drop(held);
    assert!(waiting.read(&mut buffer).await.unwrap() > 0, "served once there is a place");
}

#[tokio::test]
async fn a_header_that_is_too_long_is_refused() {
    let site = Served::start().await;
    let reply = site.request("GET", &format!("/{}", "a".repeat(20_000))).await;
    assert!([414, 431].contains(&reply.status), "{}", reply.status);
}

#[tokio::test]
async fn stopping_lets_an_idle_connection_go() {
    let mut site = Served::start().await;
    let mut idle = TcpStream::connect(site.address).await.unwrap();
    let mut buffer = [0; 1024];
    idle.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    assert!(idle.read(&mut buffer).await.unwrap() > 0);
    site.stop().await;
    assert_eq!(idle.read(&mut buffer).await.unwrap(), 0, "closed by the server");
    assert!(TcpStream::connect(site.address).await.is_err(), "nobody listens any more");
}

#[tokio::test]
async fn a_moment_counts_from_the_servers_clock() {
    let site = Served::start().await;
    site.clock.step_wall(WallMs(NOW.0 + 7_200_000));
    let json = site.json("/api/v1/hosts/web-1/polls").await;
    assert_eq!(json["polls"], Value::Array(Vec::new()), "an hour back from two hours later");
    let site_clock = Arc::clone(&site.clock);
    site_clock.step_wall(NOW);
    let json = site.json("/api/v1/hosts/web-1/polls").await;
    assert_eq!(json["polls"].as_array().unwrap().len(), 3);
}

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
async fn the_inventory_in_force_says_where_it_is_from_and_what_it_changed() {
    let site = Served::start().await;
    site.live.update_server(|server| {
        let mut change = Diff { unchanged: 1, ..Diff::default() };
        change.added.push(site::name("web-2"));
        change.renamed.push((site::name("www"), site::name("web-1")));
        change.changed.insert(site::name("web-1"), [Change::Labels, Change::Schedule].into());
        let file = InventoryFile {
            source: "/etc/inventory.toml".into(),
            text: "[[host]]\nname = \"web-1\"\n".into(),
            change: Some(change),
        };
        server.inventory_file = Some(Arc::new(file));
    });
    insta::assert_json_snapshot!("inventory", site.json("/api/v1/inventory").await);
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
async fn pages_over_the_limit_are_refused_and_a_stream_does_not_last_for_ever() {
    let looks = web::Looks::with_limits(1, Duration::from_secs(3));
    let site = Served::start_looking(ConnectionLimits::default(), looks).await;
    let first = site.get("/api/v1/stream");
    let second = async {
        // The first has its place once somebody else is refused.
        loop {
            let reply = site.get("/api/v1/stream").await;
            if reply.status != 200 {
                return reply;
            }
        }
    };
    let (first, second) = tokio::join!(first, second);
    assert_eq!(second.status, 503, "{}", second.body);
    assert!(second.body.contains("1 pages look already"), "{}", second.body);
    assert_eq!(first.status, 200);
    assert!(first.body.contains("event: fleet"), "{}", first.body);
    let changes = first.body.matches("event: change").count();
    assert!((1..=4).contains(&changes), "{changes} changes in three seconds");
    assert_eq!(site.get("/api/v1/stream").await.status, 200, "its place is free again");
}
