//! The server against a fleet of fake probes: every personality has its outcome, black holes cost
//! nobody a poll, and a fleet that comes back all at once is polled as steadily as before.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

#[path = "fake_fleet/encrypted.rs"]
mod encrypted;

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use roundsman::{
    app::{self, App},
    clock::SystemClock,
    config::{Config, Flag, Sources},
    live::{Alarming, HostView},
    model::{Address, HostId, HostName, Outcome, Record, Selection, State},
    poll::{Job, Link, PollLimits, Poller, Serving},
    store::{self, HostQuery, Mode, ReadOrder, Span},
};
use roundsman_fleet::{
    fleet::Fleet,
    plan::{Plan, Selector},
};
use tempfile::TempDir;
use tokio::time::timeout;

/// Long enough for anything that is going to happen at all.
const PATIENCE: Duration = Duration::from_secs(60);

/// The interval of every host, milliseconds.
const INTERVAL_MS: i64 = 1_000;

fn fleet(hosts: u32) -> Fleet {
    Fleet::start(&Plan { hosts, port: 0, ..Plan::default() }).unwrap()
}

fn set(fleet: &Fleet, hosts: &str, personality: &str) -> usize {
    fleet.set(&hosts.parse::<Selector>().unwrap(), personality.parse().unwrap())
}

fn link(fleet: &Fleet, name: &str) -> Arc<Link> {
    let socket = fleet.socket(name).unwrap();
    Link::new(vec![Address { host: socket.ip().to_string().into(), port: socket.port() }])
}

fn job(link: &Arc<Link>) -> Job {
    Job {
        host: HostId(1),
        name: HostName::new("fake").unwrap(),
        link: Arc::clone(link),
        timeout: Duration::from_secs(2),
        selection: Arc::new(Selection::default()),
        expected_machine: None,
    }
}

#[tokio::test]
async fn every_personality_has_its_outcome_over_a_kept_connection_and_a_new_one() {
    let fleet = fleet(1);
    let limits =
        PollLimits { connect_timeout: Duration::from_millis(300), ..PollLimits::default() };
    let poller = Poller::new(limits, Arc::new(SystemClock::new()));
    let kept = link(&fleet, "web-1");
    let own = poller.poll(job(&kept)).await.snapshot.unwrap().facts.machine_id;
    for (personality, outcome) in [
        ("healthy", Outcome::Ok),
        ("slow=100ms", Outcome::Ok),
        ("slow=10s", Outcome::Deadline),
        ("hang-after-accept", Outcome::Deadline),
        ("hang-before-accept", Outcome::Unreachable),
        ("refuse", Outcome::Refused),
        ("reset-mid-answer", Outcome::Refused),
        ("garbage", Outcome::Malformed),
        ("huge", Outcome::TooLarge),
        ("wrong-machine", Outcome::WrongHost),
        ("not-serving", Outcome::ProbeError),
    ] {
        set(&fleet, "all", "healthy");
        let well = async { while poller.poll(job(&kept)).await.outcome != Outcome::Ok {} };
        timeout(PATIENCE, well).await.expect(personality);
        set(&fleet, "all", personality);
        for link in [&kept, &link(&fleet, "web-1")] {
            let job = Job { expected_machine: own.clone(), ..job(link) };
            // The change of a socket takes a moment, in which the poll before may still be answered.
            let changed = async {
                loop {
                    let attempt = poller.poll(job.clone()).await;
                    if attempt.outcome == outcome {
                        return attempt;
                    }
                }
            };
            let attempt = timeout(PATIENCE, changed).await.expect(personality);
            assert_eq!(attempt.snapshot.is_some(), outcome.has_values(), "{personality}");
        }
    }
    set(&fleet, "all", "not-serving");
    let said = poller.check(&kept, Duration::from_secs(2)).await.unwrap();
    assert_eq!(said, Serving::No);
}

#[tokio::test]
async fn values_move_and_machines_differ() {
    let fleet = fleet(10);
    let poller = Poller::new(PollLimits::default(), Arc::new(SystemClock::new()));
    let mut machines = BTreeMap::new();
    for (name, _) in fleet.probes() {
        let link = link(&fleet, name);
        let first = poller.poll(job(&link)).await.snapshot.unwrap();
        let later = async {
            loop {
                let next = poller.poll(job(&link)).await.snapshot.unwrap();
                if next.cpu != first.cpu {
                    return next;
                }
            }
        };
        let later = timeout(PATIENCE, later).await.expect("nothing moves");
        assert_eq!(later.facts, first.facts);
        machines.insert(first.facts.machine_id.clone().unwrap(), name);
    }
    assert_eq!(machines.len(), 10);
    assert_eq!(fleet.stats().accepted, 10, "connections are kept");
}

/// A server that polls a fleet.
struct Server {
    folder: TempDir,
    app: App,
}

fn config(folder: &TempDir) -> Config {
    let flag = |key, value: String| Flag { key, name: "test", value };
    let flags = vec![
        flag("inventory", folder.path().join("inventory.toml").display().to_string()),
        flag("data", folder.path().display().to_string()),
        flag("http.listen", "127.0.0.1:0".to_owned()),
        flag("grpc.listen", String::new()),
        flag("poll.connect_timeout", "300ms".to_owned()),
    ];
    Config::load(Sources { flags, ..Sources::default() }).unwrap().config
}

impl Server {
    async fn start(fleet: &Fleet) -> Self {
        Self::start_every(fleet, INTERVAL_MS).await
    }

    async fn start_every(fleet: &Fleet, interval_ms: i64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let interval = format!("{interval_ms}ms");
        fs::write(folder.path().join("inventory.toml"), fleet.inventory(Some(&interval))).unwrap();
        let app = app::start(config(&folder)).await.unwrap();
        Self { folder, app }
    }

    /// Waits until every host is as wanted.
    async fn until(&self, what: &str, wanted: impl Fn(&HostView) -> bool) {
        let mut updates = self.app.live().subscribe();
        let seen = async {
            while !self.app.live().hosts().iter().all(|host| wanted(host)) {
                // Lagging is no loss: the view is looked at whole.
                let _ = updates.recv().await;
            }
        };
        timeout(PATIENCE, seen).await.expect(what);
    }

    /// Stops the server and reads every row that it kept, by host name.
    async fn rows(self) -> BTreeMap<String, Vec<Record>> {
        let config = config(&self.folder);
        self.app.stop().await;
        let clock = Arc::new(SystemClock::new());
        let store = store::open(&config.store, Mode::ReadOnly, clock).await.unwrap();
        let mut rows = BTreeMap::new();
        for host in store.hosts(HostQuery::all()).await.unwrap() {
            let polls =
                store.polls(host.id, Span::ALL, ReadOrder::OldestFirst, 5_000).await.unwrap();
            rows.insert(host.name.to_string(), polls);
        }
        rows
    }
}

/// Every slot of the host's grid from its first poll to its last has exactly one row.
fn assert_no_slot_is_without_its_row(name: &str, rows: &[Record]) {
    for pair in rows.windows(2) {
        let apart = pair[1].slot.0 - pair[0].slot.0;
        assert_eq!(apart, INTERVAL_MS, "{name}: from {} to {}", pair[0].slot, pair[1].slot);
    }
}

#[tokio::test]
async fn black_holes_cost_no_healthy_host_a_poll() {
    const HOSTS: u32 = 60;
    const POLLS: usize = 6;
    let fleet = fleet(HOSTS);
    set(&fleet, "#1-15", "hang-after-accept");
    set(&fleet, "#16-30", "hang-before-accept");
    let holed = |name: &str| name.rsplit('-').next().unwrap().parse::<u32>().unwrap() <= HOSTS / 2;
    let server = Server::start(&fleet).await;
    server
        .until("black holes are not seen, or hold others up", |host| {
            if holed(host.name.as_str()) {
                host.state == State::Down
            } else {
                host.state == State::Up && host.recent.len() >= POLLS
            }
        })
        .await;
    let rows = server.rows().await;
    assert_eq!(rows.len(), HOSTS as usize);
    for (name, rows) in rows {
        if holed(&name) {
            let dead = [Outcome::Deadline, Outcome::Unreachable];
            assert!(rows.iter().all(|row| dead.contains(&row.outcome)), "{name}");
            continue;
        }
        assert!(rows.len() >= POLLS, "{name}: {}", rows.len());
        assert!(rows.iter().all(|row| row.outcome == Outcome::Ok), "{name}");
        assert_no_slot_is_without_its_row(&name, &rows);
    }
}

/// The slots lie on the host's one grid, and never two rows in one interval.
fn assert_on_the_grid(name: &str, rows: &[Record]) {
    let phase = rows[0].slot.0.rem_euclid(INTERVAL_MS);
    assert!(rows.iter().all(|row| row.slot.0.rem_euclid(INTERVAL_MS) == phase), "{name}");
    let apart = rows.windows(2).map(|pair| pair[1].slot.0 - pair[0].slot.0);
    assert!(apart.min().unwrap() >= INTERVAL_MS, "{name}");
}

#[tokio::test]
async fn hosts_that_come_back_at_once_are_asked_at_their_slots_and_not_on_top_of_them() {
    const HOSTS: u32 = 40;
    const DEAD: u32 = 16;
    let dead = |name: &str| name.rsplit('-').next().unwrap().parse::<u32>().unwrap() <= DEAD;
    let fleet = fleet(HOSTS);
    let server = Server::start(&fleet).await;
    server.until("not all up", |host| host.state == State::Up).await;
    assert_eq!(set(&fleet, &format!("#1-{DEAD}"), "refuse"), DEAD as usize);
    let down = |host: &HostView| (host.state == State::Down) == dead(host.name.as_str());
    server.until("not these alone are down", down).await;
    set(&fleet, "all", "healthy");
    // Polled at every slot again: with back-off, which there was, some slots would be left out.
    let again = |host: &HostView| {
        let last = host.recent.list().into_iter().rev().take(3);
        host.state == State::Up
            && last.filter(|attempt| attempt.outcome == Outcome::Ok).count() == 3
    };
    server.until("not all up again", again).await;
    for (name, rows) in &server.rows().await {
        assert_on_the_grid(name, rows);
        if !dead(name) {
            assert_no_slot_is_without_its_row(name, rows);
            continue;
        }
        let down = rows.iter().position(|row| row.state == State::Down).unwrap();
        assert_no_slot_is_without_its_row(name, &rows[..=down]);
        let back = rows.iter().rposition(|row| row.outcome != Outcome::Ok).unwrap() + 1;
        assert_no_slot_is_without_its_row(name, &rows[back..]);
    }
}

#[tokio::test]
async fn a_fleet_that_refuses_whole_proves_that_the_network_works_and_goes_down() {
    const HOSTS: u32 = 40;
    let fleet = fleet(HOSTS);
    let server = Server::start(&fleet).await;
    server.until("not all up", |host| host.state == State::Up).await;
    set(&fleet, "all", "refuse");
    server.until("not all are down", |host| host.state == State::Down).await;
    assert_eq!(server.app.live().server().isolated, None);
    set(&fleet, "all", "healthy");
    server.until("not all up again", |host| host.state == State::Up).await;
    for (name, rows) in &server.rows().await {
        assert_on_the_grid(name, rows);
    }
}

#[tokio::test]
async fn a_fleet_that_falls_silent_whole_is_polled_on_and_nothing_goes_down() {
    const HOSTS: u32 = 40;
    let fleet = fleet(HOSTS);
    let server = Server::start(&fleet).await;
    server.until("not all up", |host| host.state == State::Up).await;
    assert_eq!(set(&fleet, "all", "hang-before-accept"), HOSTS as usize);
    // Longer than any host needs to go down by itself.
    let gone = |host: &HostView| {
        let last = host.recent.list().into_iter().rev().take(5);
        last.filter(|attempt| attempt.outcome == Outcome::Unreachable).count() == 5
    };
    server.until("not all are gone", gone).await;
    assert!(server.app.live().server().isolated.is_some());
    // That is one alarm, of the server.
    let cut_off = || {
        let own = server.app.live().server().alarms;
        own.iter().any(|of| &*of.alarm.key.rule == "server-isolated")
    };
    let is_about_hosts = |of: &Alarming| &*of.alarm.key.rule == "host-down";
    let one = |host: &HostView| cut_off() && !host.alarms.iter().any(is_about_hosts);
    server.until("not one alarm", one).await;
    set(&fleet, "all", "healthy");
    let back =
        |host: &HostView| host.state == State::Up && server.app.live().server().isolated.is_none();
    server.until("not all are back", back).await;
    for (name, rows) in &server.rows().await {
        assert_on_the_grid(name, rows);
        assert_no_slot_is_without_its_row(name, rows);
        assert!(rows.iter().all(|row| row.state != State::Down), "{name}");
    }
}

/// A server in a process of its own that may open so many files; killed when it is dropped.
struct Poor {
    child: Child,
    http: String,
    log: Arc<Mutex<String>>,
    _folder: TempDir,
}

impl Poor {
    fn start(fleet: &Fleet, descriptors: u32) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("inventory.toml");
        fs::write(&file, fleet.inventory(Some("1s"))).unwrap();
        let mut child = Command::new("sh")
            .args(["-c", &format!("ulimit -n {descriptors}; exec \"$0\" \"$@\"")])
            .args([env!("CARGO_BIN_EXE_roundsman"), "serve", "--http", "127.0.0.1:0", "--data"])
            .arg(folder.path())
            .arg("--inventory")
            .arg(file)
            .env_clear()
            .env("HOME", folder.path())
            .env("ROUNDSMAN_GRPC__LISTEN", "127.0.0.1:0")
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
        let serving = lines
            .find_map(|line| Some(line.split_once(" serving http=")?.1.to_owned()))
            .expect("the server ended without serving");
        let http = serving.split_once(" grpc=").unwrap().0.to_owned();
        let log = Arc::new(Mutex::new(String::new()));
        let read = Arc::clone(&log);
        // Ends with the process, whose end of the pipe it reads.
        thread::spawn(move || lines.for_each(|line| *read.lock().unwrap() += &(line + "\n")));
        Self { child, http, log, _folder: folder }
    }

    fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(&self.http).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    /// Asks until the answer is as wanted: the server polls while it is asked.
    fn get_until(&self, path: &str, wanted: impl Fn(&str) -> bool) -> String {
        const TRIES: usize = 20_000;
        let mut answers = (0..TRIES).map(|_| self.get(path));
        let found = answers.find(|answer| wanted(answer));
        found.unwrap_or_else(|| panic!("{path}: {}\n{}", self.get(path), self.log.lock().unwrap()))
    }
}

impl Drop for Poor {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _gone = self.child.wait();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_without_descriptors_blames_no_host_and_can_be_asked() {
    // Twice as many as there are descriptors for.
    const HOSTS: u32 = 120;
    let fleet = fleet(HOSTS);
    // An eighth of them is left to the others: enough for a machine that is slow to close what has ended.
    let server = Poor::start(&fleet, 96);
    let count = |metrics: &str, name: &str| -> f64 {
        let line = metrics.lines().find_map(|line| line.strip_prefix(name));
        line.map_or(0.0, |value| value.trim().parse().unwrap())
    };
    // More polls than make a host down, of half of the fleet.
    let metrics = server.get_until("/metrics", |metrics| {
        count(metrics, "roundsman_polls_total{outcome=\"local\"} ") > 4.0 * f64::from(HOSTS)
    });
    // All are connected by now: what the store and the files needed at the start is given back.
    let began = server.log.lock().unwrap().len();
    assert!(count(&metrics, "roundsman_hosts{state=\"up\"} ") > 0.0, "{metrics}");
    assert!(count(&metrics, "roundsman_hosts_unpolled ") > 0.0, "{metrics}");
    for state in ["suspect", "down"] {
        let name = format!("roundsman_hosts{{state=\"{state}\"}} ");
        assert!(count(&metrics, &name) < 0.5, "{metrics}");
    }
    let ready = server.get_until("/readyz", |answer| answer.contains("server's own means"));
    assert!(ready.contains("file descriptors are used up: of 96 the last 12 are kept"), "{ready}");
    let fleet = server.get("/api/v1/fleet");
    assert!(fleet.contains("\"own_trouble\":\""), "{fleet}");
    let log = server.log.lock().unwrap();
    let said = log.lines().filter(|line| line.contains("hosts cannot be polled")).count();
    assert_eq!(said, 1, "once, not per poll: {log}");
    assert!(!log[began..].contains("could not accept"), "{log}");
}
