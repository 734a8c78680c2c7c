//! Names, the hosts that are found by them, and who these hosts are: a name server of our own, real
//! sockets, the whole server.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod support;
#[path = "cli/program.rs"]
#[allow(dead_code, reason = "another test program uses the rest")]
mod program;

use std::{
    collections::BTreeMap,
    io::{Read as _, Write as _},
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use program::Desk;
use roundsman::{
    app::{self, App},
    clock::{Clock as _, SystemClock},
    config::{Config, Flag, Sources},
    discover::{Finder, LookError},
    live::HostView,
    model::{Cause, Outcome, State},
    poll::PollLimits,
    resolve::{HostResolver, Resolve as _},
    store::{self, HostQuery, Mode, ReadOrder, Span},
};
use support::{Behaviour, FakeProbe, NameServer, Says};
use tokio::time::timeout;

/// Long enough for anything that is going to happen at all.
const PATIENCE: Duration = Duration::from_secs(60);

/// The name that is looked up; no other name server knows it.
const TASKS: &str = "tasks.probe.test";

/// A probe of this machine and hostname.
async fn probe(at: &str, machine: char, hostname: &'static str) -> FakeProbe {
    let clock = SystemClock::new();
    let behaviour = Behaviour::changed(move |snapshot| {
        let identity = snapshot.identity.as_mut().unwrap();
        identity.machine_id = Some(machine.to_string().repeat(32));
        identity.boot_id = Some(format!("boot-of-{machine}"));
        identity.hostname = Some(hostname.to_owned());
        snapshot.clocks.as_mut().unwrap().wall_ns = clock.now().wall.0 * 1_000_000;
    });
    FakeProbe::start_at(at.parse().unwrap(), behaviour).await
}

struct Server {
    desk: Desk,
    names: NameServer,
    app: App,
}

impl Server {
    async fn start(inventory: &str, names: NameServer) -> Self {
        let desk = Desk::new();
        desk.file("inventory.toml", inventory);
        Self::on(desk, names).await
    }

    async fn on(desk: Desk, names: NameServer) -> Self {
        let app = app::start(config(&desk, &names)).await.unwrap();
        Self { desk, names, app }
    }

    /// Stops, and starts on what was kept.
    async fn restart(self) -> Self {
        self.app.stop().await;
        Self::on(self.desk, self.names).await
    }

    fn host(&self, name: &str) -> Option<Arc<HostView>> {
        self.app.live().host(name)
    }

    /// Every host with its state.
    fn states(&self) -> BTreeMap<String, State> {
        let hosts = self.app.live().hosts();
        hosts.iter().map(|host| (host.name.to_string(), host.state)).collect()
    }

    async fn until(&self, what: &str, wanted: impl Fn(&Self) -> bool) {
        let mut updates = self.app.live().subscribe();
        let seen = async {
            while !wanted(self) {
                // Lagging is no loss: the view is looked at whole.
                let _ = updates.recv().await;
            }
        };
        let ended = timeout(PATIENCE, seen).await;
        ended.unwrap_or_else(|_| panic!("never {what}: {:?}", self.app.live().hosts()));
    }

    async fn until_up(&self, names: &[&str]) {
        let up: BTreeMap<_, _> = names.iter().map(|n| ((*n).to_owned(), State::Up)).collect();
        self.until(&format!("up: {names:?}"), |server| server.states() == up).await;
    }
}

fn config(desk: &Desk, names: &NameServer) -> Config {
    let flag = |key, value: String| Flag { key, name: "test", value };
    let flags = vec![
        flag("inventory", desk.path().join("inventory.toml").display().to_string()),
        flag("data", desk.path().display().to_string()),
        flag("http.listen", "127.0.0.1:0".to_owned()),
        flag("grpc.listen", String::new()),
        flag("resolve.servers", names.socket().to_string()),
    ];
    Config::load(Sources { flags, ..Sources::default() }).unwrap().config
}

fn discovering(port: u16) -> String {
    format!(
        "[[group]]\nname = \"nodes\"\ninterval = \"200ms\"\n\
         discover = {{ dns = \"{TASKS}\", refresh = \"5s\", port = {port} }}\n"
    )
}

fn listed(name: &str, address: SocketAddr) -> String {
    format!("[[host]]\nname = \"{name}\"\naddresses = [\"{address}\"]\ninterval = \"200ms\"\n")
}

#[tokio::test]
async fn a_name_has_all_its_addresses_and_changes_at_once() {
    let server = NameServer::start().await;
    let names = HostResolver::new(vec![server.socket()]);
    server.addresses("two.test", &["10.0.0.1", "fd00::1"]);
    let resolve = async |name: &str| names.resolve(name, 7).await;
    let socket = |text: &str| text.parse::<SocketAddr>().unwrap();
    assert_eq!(resolve("two.test").await.unwrap(), [socket("10.0.0.1:7"), socket("[fd00::1]:7")]);
    // Too many for an answer over UDP.
    let many: Vec<IpAddr> = (0..200).map(|last| IpAddr::from([10, 1, 0, last])).collect();
    server.say("many.test", Says::Addresses(many.clone()));
    let mut found: Vec<IpAddr> =
        resolve("many.test").await.unwrap().iter().map(SocketAddr::ip).collect();
    found.sort_unstable();
    assert_eq!(found, many);
    // The TTL says ten minutes.
    server.addresses("two.test", &["10.0.0.2"]);
    let changed = async {
        while resolve("two.test").await.unwrap() != [socket("10.0.0.2:7")] {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, changed).await.expect("the old address is kept for its TTL");
    // Names and addresses that need no server.
    assert!(resolve("localhost").await.unwrap().contains(&socket("127.0.0.1:7")));
    assert_eq!(resolve("::1").await.unwrap(), [socket("[::1]:7")]);
}

#[tokio::test]
async fn no_address_is_an_error_and_never_an_empty_answer() {
    let server = NameServer::start().await;
    let names = HostResolver::new(vec![server.socket()]);
    for says in [Says::NoSuchName, Says::Fails, Says::Addresses(Vec::new())] {
        server.say("none.test", says.clone());
        let found = timeout(PATIENCE, names.resolve("none.test", 7)).await.unwrap();
        assert!(
            found.as_ref().is_err() || found.as_ref().unwrap().is_empty(),
            "{says:?}: {found:?}"
        );
        let inventory = discovering(7).replace(TASKS, "none.test");
        let inventory = roundsman::inventory::parse("test", &inventory).unwrap();
        let clock = Arc::new(SystemClock::new());
        let finder = Finder::new(names.clone(), PollLimits::default(), clock);
        let look = finder.look(&inventory.discoveries[0], Default::default).await;
        assert!(
            matches!(look, Err(LookError::Resolve { .. } | LookError::Empty { .. })),
            "{says:?}: {look:?}"
        );
    }
}

#[tokio::test]
async fn discovered_hosts_keep_their_names_and_numbers_whatever_becomes_of_their_addresses() {
    let names = NameServer::start().await;
    let one = probe("127.0.0.2:0", 'a', "node-1").await;
    let port = one.socket().port();
    let two = probe(&format!("127.0.0.3:{port}"), 'b', "node-2").await;
    // The service is being started: its name is not there yet.
    let server = Server::start(&discovering(port), names).await;
    server.names.asked(1).await;
    assert!(server.states().is_empty());
    server.names.addresses(TASKS, &["127.0.0.2", "127.0.0.3"]);
    server.until_up(&["node-1", "node-2"]).await;
    let before = server.host("node-1").unwrap();
    assert_eq!(before.group.as_ref().map(ToString::to_string).as_deref(), Some("nodes"));
    assert_eq!(before.labels["discovered"], TASKS);

    // Its task is started anew, elsewhere.
    one.stop();
    server.until("suspect", |s| s.host("node-1").unwrap().state == State::Suspect).await;
    let one = probe(&format!("127.0.0.4:{port}"), 'a', "node-1").await;
    server.names.addresses(TASKS, &["127.0.0.3", "127.0.0.4"]);
    server.until_up(&["node-1", "node-2"]).await;
    let after = server.host("node-1").unwrap();
    assert_eq!(after.id, before.id);
    assert_eq!(&*after.addresses[0], format!("127.0.0.4:{port}"));

    // A name server that knows nothing takes nobody away.
    for says in [Says::NoSuchName, Says::Addresses(Vec::new()), Says::Nothing] {
        server.names.say(TASKS, says);
        server.names.asked(2).await;
        assert_eq!(server.states().len(), 2);
    }
    // Nor after a restart.
    let server = server.restart().await;
    assert_eq!(server.host("node-1").unwrap().id, before.id, "listed from the first moment");
    server.until_up(&["node-1", "node-2"]).await;

    // A node that is gone is seen to be down, and stays.
    two.stop();
    server.names.addresses(TASKS, &["127.0.0.4"]);
    server.until("down", |s| s.host("node-2").unwrap().state == State::Down).await;
    server.names.asked(2).await;
    assert_eq!(server.host("node-2").unwrap().state, State::Down);

    let config = config(&server.desk, &server.names);
    server.app.stop().await;
    drop(one);
    let store = store::open(&config.store, Mode::ReadOnly, Arc::new(SystemClock::new()));
    let store = store.await.unwrap();
    let kept = store.hosts(HostQuery::all()).await.unwrap();
    assert_eq!(kept.len(), 2, "no third host ever was: {kept:?}");
    let polls = store.polls(before.id, Span::ALL, ReadOrder::OldestFirst, 5_000).await.unwrap();
    let answered = |at: &str| {
        let at = format!("{at}:{port}");
        polls
            .iter()
            .any(|poll| poll.outcome == Outcome::Ok && poll.address.as_deref() == Some(at.as_str()))
    };
    assert!(answered("127.0.0.2") && answered("127.0.0.4"), "one history");
}

#[tokio::test]
async fn a_machine_of_the_file_is_not_discovered_and_a_second_of_one_name_is_told_apart() {
    let names = NameServer::start().await;
    let one = probe("127.0.0.2:0", 'a', "node").await;
    let port = one.socket().port();
    let two = probe(&format!("127.0.0.3:{port}"), 'b', "node").await;
    let three = probe(&format!("127.0.0.4:{port}"), 'c', "node").await;
    names.addresses(TASKS, &["127.0.0.2", "127.0.0.3", "127.0.0.4"]);
    let inventory = discovering(port) + &listed("mine", one.socket());
    let server = Server::start(&inventory, names).await;
    server.until_up(&["mine", "node", "node-cccc"]).await;
    // Whichever answers first after a restart, the names stay.
    let id = server.host("node-cccc").unwrap().id;
    let server = server.restart().await;
    server.until_up(&["mine", "node", "node-cccc"]).await;
    assert_eq!(server.host("node-cccc").unwrap().id, id);
    server.app.stop().await;
    drop((two, three));
}

#[tokio::test]
async fn a_host_named_by_dns_is_followed_when_its_address_changes() {
    let names = NameServer::start().await;
    let old = probe("127.0.0.2:0", 'a', "web").await;
    let port = old.socket().port();
    names.addresses("web.test", &["127.0.0.2"]);
    let inventory = format!(
        "[[host]]\nname = \"web\"\naddresses = [\"web.test:{port}\"]\ninterval = \"200ms\"\n"
    );
    let server = Server::start(&inventory, names).await;
    server.until_up(&["web"]).await;
    let new = probe(&format!("127.0.0.3:{port}"), 'a', "web").await;
    server.names.addresses("web.test", &["127.0.0.3"]);
    old.stop();
    new.called().await;
    server.until_up(&["web"]).await;
    server.app.stop().await;
}

/// Middle boxes and old load balancers drop AAAA; blocking name servers say 0.0.0.0, where this
/// machine itself would answer.
#[tokio::test]
async fn what_a_name_server_keeps_back_or_makes_up_is_no_host() {
    let server = NameServer::start().await;
    let names = HostResolver::new(vec![server.socket()]);
    server.say("half.test", Says::Ipv4Alone(vec!["127.0.0.2".parse().unwrap()]));
    let half = timeout(PATIENCE, names.resolve("half.test", 7)).await.unwrap().unwrap();
    assert_eq!(half, ["127.0.0.2:7".parse().unwrap()]);
    server.addresses("sink.test", &["0.0.0.0", "::"]);
    let sunk = names.resolve("sink.test", 7).await.unwrap_err().to_string();
    assert!(sunk.starts_with("0.0.0.0 is no address of a host"), "{sunk}");
    server.addresses("both.test", &["127.0.0.2", "0.0.0.0", "::1", "fe80::1"]);
    for name in ["both.test", "both.test."] {
        let both = names.resolve(name, 7).await.unwrap();
        assert_eq!(both, ["127.0.0.2:7".parse().unwrap(), "[::1]:7".parse().unwrap()], "{name}");
    }
}

#[tokio::test]
async fn who_claims_the_machine_of_another_host_is_degraded_alone_and_after_a_restart_too() {
    let names = NameServer::start().await;
    let probe = probe("127.0.0.1:0", 'a', "web").await;
    names.addresses("alias.test", &["127.0.0.1"]);
    // The claimer's name comes first, the claim second.
    let first = listed("two", probe.socket());
    let both = first.clone() + &first.replace("two", "one").replace("127.0.0.1", "alias.test");
    let server = Server::start(&first, names).await;
    server.until_up(&["two"]).await;
    server.desk.file("inventory.toml", &both);
    let flagged = |server: &Server| {
        let state = |name: &str| server.host(name).map(|host| host.state);
        (state("one"), state("two")) == (Some(State::Degraded), Some(State::Up))
    };
    server.until("the claimer alone is flagged", flagged).await;
    let claimer = server.host("one").unwrap();
    let cause = "host two is the same machine; take one of them out";
    assert_eq!(claimer.cause.as_deref(), Some(cause));
    assert!(claimer.reason.contains(cause), "{}", claimer.reason);
    assert_eq!(claimer.facts.machine_id, None, "a claim pins nobody");
    assert!(claimer.last.as_ref().unwrap().values.is_some());

    // Both are asked anew, in whatever order.
    let server = server.restart().await;
    let polled =
        |server: &Server, name: &str| server.host(name).is_some_and(|host| host.recent.len() > 3);
    server.until("both are polled", |s| polled(s, "one") && polled(s, "two")).await;
    assert!(flagged(&server), "{:?} {:?}", server.host("one"), server.host("two"));
    // The first is taken out: the machine is the other one's.
    server
        .desk
        .file("inventory.toml", &first.replace("two", "one").replace("127.0.0.1", "alias.test"));
    server.until_up(&["one"]).await;
    server.until("it is pinned", |s| s.host("one").unwrap().facts.machine_id.is_some()).await;
    let config = config(&server.desk, &server.names);
    server.app.stop().await;
    let store = store::open(&config.store, Mode::ReadOnly, Arc::new(SystemClock::new()));
    let store = store.await.unwrap();
    let events = store.transitions(None, Span::ALL, ReadOrder::OldestFirst, 100).await.unwrap();
    let accused = events.iter().filter(|event| event.cause == Cause::Duplicate);
    let accused: Vec<&str> = accused.map(|event| event.name.as_str()).collect();
    assert!(!accused.is_empty() && accused.iter().all(|name| *name == "one"), "{events:?}");
}

#[tokio::test]
async fn a_machine_installed_anew_is_refused_until_it_is_accepted() {
    let names = NameServer::start().await;
    let old = probe("127.0.0.1:0", 'a', "web").await;
    let server = Server::start(&listed("web", old.socket()), names).await;
    server.until_up(&["web"]).await;
    let id = server.host("web").unwrap().id;
    let new = probe(&old.stop().to_string(), 'b', "web").await;
    server.until("down", |s| s.host("web").unwrap().state == State::Down).await;
    let last = server.host("web").unwrap().last.clone().unwrap();
    assert_eq!(last.outcome, Outcome::WrongHost);
    let words = last.error.as_deref().unwrap();
    assert!(words.ends_with("roundsman accept HOST"), "{words}");

    let http = server.app.http_addr().unwrap().to_string();
    let accept = |host: &'static str| {
        let http = http.clone();
        let command = server.desk.command(&["accept", host, "--http", &http]);
        tokio::task::spawn_blocking(move || {
            let mut command = command;
            command.output().unwrap()
        })
    };
    let ended = accept("wep").await.unwrap();
    assert_eq!(ended.status.code(), Some(1));
    let words = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert_eq!(words, "roundsman: no host of the inventory in force is called \"wep\"\n");
    // A page of somebody else's cannot give the order.
    let asked = http.clone();
    let refused = tokio::task::spawn_blocking(move || {
        let mut stream = std::net::TcpStream::connect(asked).unwrap();
        let request = "POST /api/v1/hosts/web/accept HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: 0\r\n\
                       connection: close\r\n\r\n";
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    });
    assert!(refused.await.unwrap().starts_with("HTTP/1.1 415 "));
    assert_eq!(server.host("web").unwrap().state, State::Down);

    let ended = accept("web").await.unwrap();
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    server.until_up(&["web"]).await;
    // It is pinned to the new one now, over a restart, too.
    let server = server.restart().await;
    server.until_up(&["web"]).await;
    assert_eq!(
        server.host("web").unwrap().facts.machine_id.as_deref(),
        Some("b".repeat(32).as_str())
    );
    let other = probe(&new.stop().to_string(), 'a', "web").await;
    server
        .until("refused", |s| {
            s.host("web").unwrap().last.as_ref().is_some_and(|l| l.outcome == Outcome::WrongHost)
        })
        .await;
    let config = config(&server.desk, &server.names);
    server.app.stop().await;
    drop(other);
    let store = store::open(&config.store, Mode::ReadOnly, Arc::new(SystemClock::new()));
    let store = store.await.unwrap();
    assert_eq!(store.hosts(HostQuery::all()).await.unwrap().len(), 1);
    let events = store.transitions(Some(id), Span::ALL, ReadOrder::OldestFirst, 100).await.unwrap();
    let accepted = events.iter().find(|event| event.cause == Cause::Accepted).unwrap();
    assert_eq!((accepted.from, accepted.to), (State::Down, State::Pending));
}

#[tokio::test]
async fn a_plan_says_what_an_inventory_would_change_and_what_it_costs() {
    let names = NameServer::start().await;
    let node = probe("127.0.0.2:0", 'a', "node").await;
    let port = node.socket().port();
    names.addresses(TASKS, &["127.0.0.2"]);
    let host = |name: &str, rest: &str| {
        let last = match name {
            "stays" => 11,
            "goes" => 12,
            "old" | "new" => 13,
            _ => 14,
        };
        format!("[[host]]\nname = \"{name}\"\naddresses = [\"127.0.0.{last}\"]\n{rest}")
    };
    let old = discovering(port) + &host("stays", "") + &host("goes", "") + &host("old", "");
    let server = Server::start(&old, names).await;
    server.until("discovered", |s| s.host("node").is_some()).await;
    server.app.stop().await;
    let new = discovering(port)
        + &host("stays", "interval = \"1s\"\nlabels = { rack = \"1\" }\n")
        + &host("new", "renamed_from = \"old\"\npaused = true\n")
        + &host("added", "schedule = \"0 */30 * * * *\"\n");
    server.desk.file("inventory.toml", &new);
    let data = server.desk.path().display().to_string();
    let plan = |more: &[&str]| {
        let mut all = vec!["plan", "--inventory", "inventory.toml", "--data"];
        all.extend(more);
        server.desk.run(&all)
    };
    let json = plan(&[&data, "--json"]).json();
    assert_eq!(json["added"], serde_json::json!(["added"]));
    assert_eq!(json["retired"], serde_json::json!(["goes"]));
    assert_eq!(json["renamed"], serde_json::json!([{ "from": "old", "to": "new" }]));
    assert_eq!(json["changed"], serde_json::json!([{ "host": "stays", "what": ["labels"] }]));
    assert_eq!((&json["discovered"], &json["unchanged"]), (&1.into(), &1.into()), "{json}");
    assert_eq!((&json["hosts"], &json["paused"]), (&4.into(), &1.into()));
    // The node's five a second, one a second, 48 a day.
    let rows = 86_400 * 6 + 48;
    assert_eq!(json["rows_per_day"], rows);
    assert_eq!((&json["bytes_per_poll"], &json["measured"]), (&4096.into(), &false.into()));
    assert_eq!(json["bytes_per_day"], rows * 4096);
    assert_eq!(json["bytes_in_retention"], rows * 4096_i64 * 30);
    // Planning changes nothing; without a store everything is new.
    assert_eq!(plan(&[&data, "--json"]).json()["added"], json["added"]);
    let empty = plan(&["none"]);
    assert!(empty.out.contains("nothing is kept yet"), "{}", empty.out);
    assert!(empty.out.contains(" add     stays"), "{}", empty.out);
}
