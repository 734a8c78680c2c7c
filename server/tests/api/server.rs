//! What the server says of itself: what it serves, whether it is ready, its metrics, its inventory.

use std::sync::Arc;

use roundsman::{
    inventory::{Diff, HostChange},
    live::{InventoryFile, ServerView},
    model::{Cause, HostId, HostName, State, Transition, VersionId},
    store::Batch,
    units::WallMs,
};

use crate::site::{NOW, Served, host_view, name};

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
    for path in ["/api/v1/hosts", "/api/v1/columns", "/healthz", "/leader", "/readyz", "/metrics"] {
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
async fn the_inventory_in_force_says_where_it_is_from_and_what_it_changed() {
    let site = Served::start().await;
    site.live.update_server(|server| {
        let mut change = Diff { unchanged: 1, ..Diff::default() };
        change.added.push(name("web-2"));
        change.renamed.push((name("www"), name("web-1")));
        change.changed.insert(name("web-1"), [HostChange::Labels, HostChange::Schedule].into());
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
async fn what_the_server_found_about_itself_is_listed() {
    let site = Served::start().await;
    let own = |at, from, to, cause| Transition {
        host: HostId::SERVER,
        name: HostName::server(),
        at,
        slot: None,
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
async fn below_a_path_all_is_answered_that_is_answered_at_the_root() {
    let site = Served::start_below("/a/mon/").await;
    let document = site.json("/a/mon/api/v1/openapi.json").await;
    assert_eq!(document["servers"][0]["url"], "/a/mon");
    let paths = document["paths"].as_object().unwrap();
    for path in paths.keys().filter(|path| !path.contains('{') && *path != "/api/v1/stream") {
        let of_a_column = ["/api/v1/series", "/api/v1/top"].contains(&path.as_str());
        let path = format!("{path}{}", if of_a_column { "?column=load_1" } else { "" });
        let (inside, outside) =
            (site.request("GET", &format!("/a/mon{path}")).await, site.request("GET", &path).await);
        assert_eq!(inside.status, outside.status, "{path}");
        assert!([200, 303, 405, 503].contains(&inside.status), "{path}: {}", inside.status);
    }
    assert_eq!(site.json("/a/mon/api/v1/hosts/web-1").await["name"], "web-1");
    let edge = site.get("/a/mon?state=down").await;
    assert_eq!((edge.status, edge.header("location")), (307, Some("mon/?state=down")));
    assert_eq!(site.get("/a/monitor/api").await.status, 404);
    // Each page names its files from where it is.
    for (path, root) in [("/a/mon/", "./"), ("/a/mon/events", "./"), ("/a/mon/hosts/web-1", "../")]
    {
        let page = site.get(path).await.body;
        assert!(page.contains(&format!("src=\"{root}assets/main.js?")), "{path}: {page}");
        assert!(!page.contains("=\"/"), "{path}: {page}");
    }
    let wrong = site.ask("GET", "/a/mon/api", "Host: evil.example\r\n").await;
    assert_eq!(wrong.status, 421, "whose name it is asked by is judged below the path, too");
}
