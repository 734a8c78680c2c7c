//! What a Prometheus asks for: values of all hosts and of one, hosts as targets, and who sees which.

use std::{collections::BTreeSet, io::Read as _, sync::Arc};

use flate2::read::GzDecoder;
use prost::Message as _;
use roundsman::{
    exposition::MAX_SAMPLES,
    live::HostView,
    model::{Detail, GroupName, HostId, Outcome, Record, Snapshot, State},
    poll, rates,
};
use roundsman_proto::v1;

use super::site::{NOW, Served, good, host_view, name};

const OPEN: &str = "Accept: application/openmetrics-text;version=1.0.0;q=0.6,text/plain;q=0.3\r\n";

fn answer() -> Snapshot {
    let wire = v1::Snapshot {
        protocol: 1,
        identity: Some(v1::Identity {
            hostname: Some("one".to_owned()),
            ticks_per_second: 100,
            ..v1::Identity::default()
        }),
        clocks: Some(v1::Clocks { wall_ns: 1_774_747_799_000_000_000, boottime_ns: 5_000_000_000 }),
        load: Some(v1::Load { load1_hundredths: Some(25), ..v1::Load::default() }),
        network: Some(v1::Network {
            interface: vec!["eth0".to_owned()],
            rx_bytes: vec![123_456],
            ..v1::Network::default()
        }),
        ..v1::Snapshot::default()
    };
    *poll::snapshot(&wire.encode_to_vec()).unwrap()
}

/// A host that was polled just now.
fn polled(host: &str, group: &str, id: i64) -> HostView {
    let answer = answer();
    let worth = rates::rates(None, &answer);
    let record = Record {
        values: Some(worth.values),
        detail: Some(worth.detail),
        ..good(host, HostId(id), NOW)
    };
    HostView {
        id: HostId(id),
        group: Some(GroupName::new(group).unwrap()),
        answer: Some(Arc::new(answer)),
        ..host_view(host, State::Up, Some(record))
    }
}

/// Two hosts of `web`, one of them down, and two of `db`.
async fn site() -> Served {
    let site = Served::start().await;
    fill(&site);
    site
}

fn fill(site: &Served) {
    for host in site.live.hosts() {
        site.live.remove(&host.name);
    }
    for (host, group, id) in [("web-1", "web", 1), ("db-1", "db", 3), ("db-2", "db", 4)] {
        site.live.publish(polled(host, group, id));
    }
    let web = Some(GroupName::new("web").unwrap());
    site.live.publish(HostView { group: web, ..host_view("web-2", State::Down, None) });
}

/// The hosts that a text says something of.
fn hosts(text: &str, label: &str) -> BTreeSet<String> {
    let begin = format!("{label}=\"");
    let found = text.lines().filter_map(|line| Some(line.split_once(&begin)?.1.split_once('"')?.0));
    found.map(str::to_owned).collect()
}

fn all(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[tokio::test]
async fn every_host_is_told_in_the_format_that_is_accepted() {
    let site = site().await;
    let plain = site.get("/metrics/hosts").await;
    assert_eq!(plain.status, 200);
    assert_eq!(plain.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    for line in [
        "# TYPE roundsman_net_rx_bytes_total counter",
        "roundsman_net_rx_bytes_total{host=\"web-1\",group=\"web\",interface=\"eth0\"} 123456",
        "roundsman_host_up{host=\"web-2\",group=\"web\"} 0",
        "roundsman_host_state{host=\"web-2\",group=\"web\",state=\"down\"} 1",
    ] {
        assert!(plain.body.lines().any(|said| said == line), "{line} is not in\n{}", plain.body);
    }
    assert_eq!(hosts(&plain.body, "host"), all(&["db-1", "db-2", "web-1", "web-2"]));
    let open = site.ask("GET", "/metrics/hosts", OPEN).await;
    let kind = open.header("content-type");
    assert_eq!(kind, Some("application/openmetrics-text; version=1.0.0; charset=utf-8"));
    assert!(open.body.contains("# TYPE roundsman_net_rx_bytes counter\n"), "{}", open.body);
    assert!(open.body.ends_with("# EOF\n"));
    let node = site.get("/metrics/hosts?names=node").await.body;
    assert!(node.contains("\nnode_load1{instance=\"web-1\"} 0.25\n"), "{node}");
    assert!(node.contains("\nup{instance=\"web-2\"} 0\n"), "{node}");
}

#[tokio::test]
async fn the_text_is_packed_where_that_is_accepted() {
    let site = site().await;
    let plain = site.get("/metrics/hosts").await.body;
    let packed = site.bytes("GET", "/metrics/hosts", "Accept-Encoding: gzip\r\n").await;
    let at = packed.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
    let head = String::from_utf8_lossy(&packed[..at]).to_lowercase();
    assert!(head.contains("content-encoding: gzip"), "{head}");
    // In chunks: a length in hexadecimal before each.
    let (mut rest, mut body) = (&packed[at..], Vec::new());
    loop {
        let end = rest.windows(2).position(|two| two == b"\r\n").unwrap();
        let length = usize::from_str_radix(std::str::from_utf8(&rest[..end]).unwrap(), 16).unwrap();
        if length == 0 {
            break;
        }
        body.extend_from_slice(&rest[end + 2..end + 2 + length]);
        rest = &rest[end + 2 + length + 2..];
    }
    let mut text = String::new();
    GzDecoder::new(&*body).read_to_string(&mut text).unwrap();
    assert_eq!(text, plain);
    assert!(body.len() * 3 < plain.len(), "{} of {}", body.len(), plain.len());
}

#[tokio::test]
async fn a_part_of_the_hosts_is_told_and_what_is_not_known_refused() {
    let site = site().await;
    let of = async |asked: &str| {
        let reply = site.get(&format!("/metrics/hosts?{asked}")).await;
        assert_eq!(reply.status, 200, "{asked}: {}", reply.body);
        hosts(&reply.body, "host")
    };
    assert_eq!(of("group=db").await, all(&["db-1", "db-2"]));
    let (first, second) = (of("shard=1/2").await, of("shard=2/2").await);
    assert!(first.is_disjoint(&second), "{first:?} {second:?}");
    assert_eq!(&first | &second, all(&["db-1", "db-2", "web-1", "web-2"]));
    let load = site.get("/metrics/hosts?family=load,cpu").await.body;
    assert!(load.contains("roundsman_host_load_1") && !load.contains("roundsman_net"), "{load}");
    for (asked, status, words) in [
        ("group=dbb", 404, "did you mean"),
        ("host=web-11", 404, "did you mean"),
        ("shard=3/2", 400, "1/8 to 8/8"),
        ("family=loda", 400, "did you mean"),
        ("names=nodes", 400, "expected one of: roundsman, node"),
        ("hosts=web-1", 400, "unknown parameter"),
    ] {
        let reply = site.get(&format!("/metrics/hosts?{asked}")).await;
        assert_eq!(reply.status, status, "{asked}: {}", reply.body);
        assert!(reply.body.contains(words), "{asked}: {}", reply.body);
    }
}

/// So that `up` is what Prometheus makes of it.
#[tokio::test]
async fn a_host_of_its_own_is_not_named_and_fails_where_it_has_no_values() {
    let site = site().await;
    let one = site.get("/metrics/hosts?names=node&host=web-1").await;
    assert_eq!(one.status, 200, "{}", one.body);
    assert!(one.body.contains("\nnode_load1 0.25\n"), "{}", one.body);
    assert!(!one.body.contains("instance=") && !one.body.contains("db-1"), "{}", one.body);
    let down = site.get("/metrics/hosts?names=node&host=web-2").await;
    assert_eq!(down.status, 503);
    assert!(down.body.contains("no fresh values: its polls say so"), "{}", down.body);
    // As time goes by without a poll.
    site.clock.advance(std::time::Duration::from_secs(21));
    assert_eq!(site.get("/metrics/hosts?host=web-1").await.status, 503);
    let all = site.get("/metrics/hosts").await.body;
    assert!(all.contains("roundsman_host_up{host=\"web-1\",group=\"web\"} 0\n"), "{all}");
    assert!(!all.contains("roundsman_host_load_1"), "{all}");
}

#[tokio::test]
async fn an_answer_beyond_the_limit_is_refused_with_what_to_ask_for() {
    let site = site().await;
    let view = polled("many", "web", 9);
    let last = view.last_good.clone().unwrap();
    let row = last.detail.clone().unwrap().interfaces.remove(0);
    let detail = Detail { interfaces: vec![row; 4_096], ..Detail::default() };
    let many = Arc::new(Record { detail: Some(detail), ..Record::clone(&last) });
    assert_eq!(many.outcome, Outcome::Ok);
    let hosts = MAX_SAMPLES / (4_096 * 16);
    for n in 0..=hosts {
        let (last, last_good) = (Some(Arc::clone(&many)), Some(Arc::clone(&many)));
        let named = name(&format!("many-{n}"));
        site.live.publish(HostView { name: named, last, last_good, ..HostView::clone(&view) });
    }
    let reply = site.get("/metrics/hosts?group=web").await;
    assert_eq!(reply.status, 400, "{}", reply.body);
    assert!(reply.body.contains("at most 2000000") && reply.body.contains("shard=1/8"));
    assert_eq!(site.get("/metrics/hosts?group=db").await.status, 200);
    assert_eq!(site.get("/metrics/hosts?group=web&shard=1/30").await.status, 200);
}

#[tokio::test]
async fn hosts_are_targets_with_what_relabelling_needs() {
    let site = site().await;
    let mut labelled = polled("web-1", "web", 1);
    labelled.labels = Arc::new([("rack".to_owned(), "a1".to_owned())].into());
    site.live.publish(labelled);
    let targets = site.json("/api/v1/sd/prometheus?group=web").await;
    insta::assert_json_snapshot!("targets", targets);
    assert_eq!(site.json("/api/v1/sd/prometheus").await.as_array().unwrap().len(), 4);
    let parts = [1, 2].map(|part| format!("/api/v1/sd/prometheus?shard={part}/2"));
    let sizes = [site.json(&parts[0]).await, site.json(&parts[1]).await];
    assert_eq!(sizes.iter().map(|part| part.as_array().unwrap().len()).sum::<usize>(), 4);
    assert_eq!(site.get("/api/v1/sd/prometheus?group=nope").await.status, 404);
}

/// For [`super::people`]: a site with these hosts, for who may see `web` alone.
pub(super) async fn a_limited_token_sees_its_own(site: &Served, token: &str) {
    fill(site);
    let bearer = format!("Authorization: Bearer {token}\r\n");
    let ask = async |path: &str| site.ask("GET", path, &bearer).await;
    for (names, label) in [("roundsman", "host"), ("node", "instance")] {
        let text = ask(&format!("/metrics/hosts?names={names}")).await;
        assert_eq!(text.status, 200, "{}", text.body);
        assert_eq!(hosts(&text.body, label), all(&["web-1", "web-2"]));
        assert!(!text.body.contains("db-"), "{}", text.body);
    }
    for hidden in
        ["/metrics/hosts?group=db", "/metrics/hosts?host=db-1", "/api/v1/sd/prometheus?group=db"]
    {
        let reply = ask(hidden).await;
        assert_eq!(reply.status, 404, "{hidden}: {}", reply.body);
        assert!(!reply.body.contains("did you mean"), "{}", reply.body);
    }
    let targets = ask("/api/v1/sd/prometheus").await.body;
    assert!(targets.contains("web-1") && targets.contains("web-2"), "{targets}");
    assert!(!targets.contains("db-"), "{targets}");
}
