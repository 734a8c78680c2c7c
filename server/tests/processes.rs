//! The probe as a process of its own, to which real things happen: it is stopped, its packets vanish,
//! it comes back at another address. What the server says of it, and that its neighbour feels nothing.
//!
//! Each test starts itself again in a network namespace of its own (unshare(1), ip(8), nsenter(1)),
//! which needs root, or a kernel that gives users namespaces; and there once more as the probe.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod support;

use std::{
    env, fs,
    io::{BufRead as _, BufReader, Write as _},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::Duration,
};

use roundsman::{
    app::{self, App},
    clock::SystemClock,
    config::{Config, Flag, Sources},
    model::{Address, HostId, HostName, Outcome, Record, State},
    poll::{Job, Link, PollLimits, Poller},
    resolve::HostResolver,
    store::{self, HostQuery, Mode, ReadOrder, Span},
};
use roundsman_probe::{
    collect::Collector,
    root::Root,
    service::{self, Limits},
};
use rustix::process::{Pid, Signal, kill_process};
use support::{Behaviour, FakeProbe, NameServer};
use tempfile::TempDir;
use tokio::{net::TcpListener, time::timeout};

/// What the process is that a test has started: `inside`, or `probe`.
const ROLE: &str = "ROUNDSMAN_TEST_ROLE";
/// Where the probe listens.
const LISTEN: &str = "ROUNDSMAN_TEST_LISTEN";
/// What a probe says before its address.
const LISTENING: &str = "the probe listens at ";

/// Long enough for anything that is going to happen at all.
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs `test` in a fresh network namespace, or is the probe that it starts there.
fn in_a_namespace<F: Future<Output = ()>>(name: &str, test: impl FnOnce(&'static str) -> F) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    match env::var(ROLE).as_deref() {
        Ok("probe") => runtime.block_on(be_a_probe()),
        Ok(_inside) => {
            run("ip", &["link", "set", "lo", "up"]);
            runtime.block_on(test(name.to_owned().leak()));
        }
        Err(_) => outside(name),
    }
}

fn outside(name: &str) {
    let mut unshare = Command::new("unshare");
    if !rustix::process::geteuid().is_root() {
        unshare.arg("--map-root-user");
    }
    let output = unshare
        .args(["--net", "--mount"])
        .arg(env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .env(ROLE, "inside")
        .output()
        .expect("this test needs unshare(1) of util-linux");
    let said = String::from_utf8_lossy(&output.stdout);
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{}: namespaces need root, CAP_SYS_ADMIN or user namespaces\n{said}{complained}",
        output.status,
    );
}

async fn be_a_probe() {
    let listener = TcpListener::bind(env::var(LISTEN).unwrap()).await.unwrap();
    println!("\n{LISTENING}{}", listener.local_addr().unwrap());
    std::io::stdout().flush().unwrap();
    let collector = Arc::new(Collector::new(Root::default()));
    let for_ever = std::future::pending();
    service::serve(listener, collector, Limits::default(), for_ever).await.unwrap();
}

fn run(program: &str, arguments: &[&str]) {
    let ended = Command::new(program).args(arguments).output().unwrap();
    let words = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success(), "{program} {arguments:?}: {words}");
}

/// A probe in a process of its own; killed when it is dropped.
struct Probe {
    child: Child,
    address: SocketAddr,
}

impl Probe {
    /// Starts by way of `command`, whose last argument is this program.
    fn start(mut command: Command, test: &str, listen: &str) -> Self {
        let mut child = command
            .args(["--exact", test, "--nocapture"])
            .env(ROLE, "probe")
            .env(LISTEN, listen)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let address = lines
            .map_while(Result::ok)
            .find_map(|line| line.strip_prefix(LISTENING).map(|address| address.parse().unwrap()));
        Self { child, address: address.expect("the probe ended without listening") }
    }

    fn here(test: &str, listen: &str) -> Self {
        Self::start(Command::new(env::current_exe().unwrap()), test, listen)
    }

    /// In a network namespace of its own.
    fn apart(test: &str, listen: &str) -> Self {
        let mut command = Command::new("unshare");
        command.arg("--net").arg(env::current_exe().unwrap());
        Self::start(command, test, listen)
    }

    fn pid(&self) -> String {
        self.child.id().to_string()
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Runs ip(8) in its namespace.
    fn ip(&self, arguments: &str) {
        let pid = self.pid();
        let mut all = vec!["-t", &pid, "-n", "ip"];
        all.extend(arguments.split(' '));
        run("nsenter", &all);
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _gone = self.child.wait();
    }
}

/// A server that polls `host`, and a neighbour with nothing wrong.
struct Server {
    folder: TempDir,
    app: App,
    _neighbour: FakeProbe,
}

impl Server {
    async fn start(address: &str, names: Option<&NameServer>) -> Self {
        let neighbour = FakeProbe::start(Behaviour::Healthy).await;
        let host = |name: &str, address: &str| {
            format!("[[host]]\nname = \"{name}\"\naddresses = [\"{address}\"]\n")
        };
        let inventory = "[defaults]\ninterval = \"300ms\"\ntimeout = \"250ms\"\n".to_owned()
            + &host("host", address)
            + &host("neighbour", &neighbour.socket().to_string());
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("inventory.toml"), inventory).unwrap();
        let servers = names.map(|names| names.socket().to_string()).unwrap_or_default();
        let app = app::start(config(folder.path(), servers)).await.unwrap();
        Self { folder, app, _neighbour: neighbour }
    }

    async fn until(&self, what: &str, wanted: impl Fn(State, &Record) -> bool) {
        let mut updates = self.app.live().subscribe();
        let seen = async {
            loop {
                let host = self.app.live().host("host").unwrap();
                if host.last.as_ref().is_some_and(|last| wanted(host.state, last)) {
                    return;
                }
                let _lagging_is_no_loss = updates.recv().await;
            }
        };
        let ended = timeout(PATIENCE, seen).await;
        ended.unwrap_or_else(|_| panic!("never {what}: {:?}", self.app.live().host("host")));
    }

    /// Answers, as well as it can from a namespace: its view is a container's there.
    async fn until_well(&self) {
        let well = |state, _: &Record| matches!(state, State::Up | State::Degraded);
        self.until("well", well).await;
    }

    async fn until_down(&self, outcome: Outcome) {
        self.until(&format!("down by {outcome}"), |state, last| {
            state == State::Down && last.outcome == outcome
        })
        .await;
    }

    /// Stops, and checks that the neighbour felt nothing; the host's states in their order.
    async fn end(self) -> Vec<State> {
        let config = config(self.folder.path(), String::new());
        self.app.stop().await;
        let store = store::open(&config.store, Mode::ReadOnly, Arc::new(SystemClock::new()));
        let store = store.await.unwrap();
        let mut states = Vec::new();
        for host in store.hosts(HostQuery::all()).await.unwrap() {
            let oldest = ReadOrder::OldestFirst;
            if host.name.as_str() == "host" {
                let moves = store.transitions(Some(host.id), Span::ALL, oldest, 100).await.unwrap();
                states.extend(moves.iter().map(|event| event.to));
                continue;
            }
            let polls = store.polls(host.id, Span::ALL, oldest, 5_000).await.unwrap();
            assert!(polls.len() > 3, "{polls:?}");
            assert!(polls.iter().all(|poll| poll.outcome == Outcome::Ok), "{polls:?}");
            for pair in polls.windows(2) {
                assert_eq!(pair[1].slot.0 - pair[0].slot.0, 300, "a slot of the neighbour is lost");
            }
        }
        states
    }
}

fn config(folder: &Path, servers: String) -> Config {
    let flag = |key, value| Flag { key, name: "test", value };
    let flags = vec![
        flag("inventory", folder.join("inventory.toml").display().to_string()),
        flag("data", folder.display().to_string()),
        flag("http.listen", "127.0.0.1:0".to_owned()),
        flag("grpc.listen", String::new()),
        flag("resolve.servers", servers),
    ];
    Config::load(Sources { flags, ..Sources::default() }).unwrap().config
}

/// Well, then suspect, then down, then well again, and nothing between.
fn assert_down_and_back(states: &[State]) {
    let well = |state: &State| matches!(state, State::Up | State::Degraded);
    let [first, State::Suspect, State::Down, last] = states else { panic!("{states:?}") };
    assert!(well(first) && well(last), "{states:?}");
}

#[test]
fn a_stopped_probe_is_a_deadline_and_comes_back() {
    in_a_namespace("a_stopped_probe_is_a_deadline_and_comes_back", |test| async move {
        let probe = Probe::here(test, "127.0.0.1:0");
        let server = Server::start(&probe.address.to_string(), None).await;
        server.until_well().await;
        // Its kernel still accepts connections and data; nobody reads them.
        probe.signal(Signal::STOP);
        server.until_down(Outcome::Deadline).await;
        probe.signal(Signal::CONT);
        server.until_well().await;
        assert_down_and_back(&server.end().await);
    });
}

#[test]
fn a_probe_whose_packets_vanish_is_unreachable_and_comes_back() {
    in_a_namespace(
        "a_probe_whose_packets_vanish_is_unreachable_and_comes_back",
        |test| async move {
            let probe = Probe::apart(test, "0.0.0.0:0");
            let pid = probe.pid();
            run(
                "ip",
                &["link", "add", "here", "type", "veth", "peer", "name", "there", "netns", &pid],
            );
            run("ip", &["address", "add", "10.77.0.1/24", "dev", "here"]);
            run("ip", &["link", "set", "here", "up"]);
            probe.ip("address add 10.77.0.2/24 dev there");
            probe.ip("link set there up");
            let server = Server::start(&format!("10.77.0.2:{}", probe.address.port()), None).await;
            server.until_well().await;
            // Nobody refuses anything, nobody answers.
            probe.ip("link set there down");
            server.until_down(Outcome::Unreachable).await;
            probe.ip("link set there up");
            server.until_well().await;
            assert_down_and_back(&server.end().await);
        },
    );
}

#[test]
fn a_server_without_a_network_of_its_own_takes_no_host_for_down() {
    in_a_namespace(
        "a_server_without_a_network_of_its_own_takes_no_host_for_down",
        |test| async move {
            let probe = Probe::apart(test, "0.0.0.0:0");
            let pid = probe.pid();
            run(
                "ip",
                &["link", "add", "here", "type", "veth", "peer", "name", "there", "netns", &pid],
            );
            run("ip", &["address", "add", "10.77.0.1/24", "dev", "here"]);
            run("ip", &["link", "set", "here", "up"]);
            probe.ip("address add 10.77.0.2/24 dev there");
            probe.ip("link set there up");
            let server = Server::start(&format!("10.77.0.2:{}", probe.address.port()), None).await;
            server.until_well().await;
            // The only interface that leads off this machine, and with it every route.
            run("ip", &["link", "set", "here", "down"]);
            server.until("local", |_, last| last.outcome == Outcome::Local).await;
            let from = server.app.live().host("host").unwrap().last.clone().unwrap().slot;
            // Many times what makes a host down.
            server
                .until("local for a while", |_, last| {
                    last.outcome == Outcome::Local && last.slot.0 > from.0 + 20 * 300
                })
                .await;
            let error = server.app.live().host("host").unwrap().last.clone().unwrap();
            let error = error.error.as_deref().unwrap();
            assert!(
                error.contains("the server itself cannot connect: Network is unreach"),
                "{error}"
            );
            let told = server.app.live().server().own_trouble.map(|trouble| trouble.hosts);
            assert_eq!(told, Some(1));
            run("ip", &["link", "set", "here", "up"]);
            server.until_well().await;
            let states = server.end().await;
            assert!(!states.contains(&State::Down), "{states:?}");
        },
    );
}

/// A look-up of a name that no file knows fails for want of the server's own means.
async fn look_up_is_local(names: Arc<HostResolver>) {
    let poller = Poller::with_resolver(PollLimits::default(), Arc::new(SystemClock::new()), names);
    let address = Address { host: "host.test".into(), port: 50051 };
    let attempt = poller
        .poll(Job {
            host: HostId(1),
            name: HostName::new("host").unwrap(),
            link: Link::new(vec![address]),
            timeout: PATIENCE,
            selection: Arc::default(),
            expected_machine: None,
        })
        .await;
    assert_eq!(attempt.outcome, Outcome::Local, "{attempt:?}");
    let error = attempt.error.unwrap();
    assert!(error.contains("the server itself cannot resolve the name"), "{error}");
}

#[test]
fn a_name_server_that_no_way_leads_to_is_no_fault_of_the_host() {
    in_a_namespace("a_name_server_that_no_way_leads_to_is_no_fault_of_the_host", |_test| {
        look_up_is_local(HostResolver::new(vec!["10.77.0.9:53".parse().unwrap()]))
    });
}

#[test]
fn where_no_name_server_is_named_that_is_no_fault_of_the_host() {
    in_a_namespace(
        "where_no_name_server_is_named_that_is_no_fault_of_the_host",
        |_test| async move {
            let empty = tempfile::NamedTempFile::new().unwrap();
            run("mount", &["--bind", empty.path().to_str().unwrap(), "/etc/resolv.conf"]);
            look_up_is_local(HostResolver::new(Vec::new())).await;
        },
    );
}

#[test]
fn a_probe_whose_address_moved_is_found_where_it_is() {
    in_a_namespace("a_probe_whose_address_moved_is_found_where_it_is", |test| async move {
        let names = NameServer::start().await;
        let old = Probe::here(test, "127.0.0.2:0");
        let port = old.address.port();
        names.addresses("host.test", &["127.0.0.2"]);
        let server = Server::start(&format!("host.test:{port}"), Some(&names)).await;
        server.until_well().await;
        drop(old);
        server.until_down(Outcome::Refused).await;
        let _new = Probe::here(test, &format!("127.0.0.3:{port}"));
        names.addresses("host.test", &["127.0.0.3"]);
        server.until_well().await;
        assert_down_and_back(&server.end().await);
    });
}
