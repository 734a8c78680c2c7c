//! The whole server over real sockets, a real inventory file and a real SQLite store: every attempt
//! is one row, no faulty neighbour is felt, and the inventory changes under it without a stir.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod support;

use std::{
    collections::BTreeMap, fmt::Write as _, fs, net::SocketAddr, path::PathBuf, sync::Arc,
    time::Duration,
};

use roundsman::{
    app::{self, App},
    clock::{Clock as _, SystemClock},
    config::{Config, Flag, Sources},
    model::{HostName, Outcome, Record, State},
    store::{self, HostQuery, Mode, ReadOrder, Span, Store},
};
use support::{Behaviour, FakeProbe};
use tempfile::TempDir;
use tokio::{net::TcpListener, time::timeout};

/// Long enough for anything that is going to happen at all.
const PATIENCE: Duration = Duration::from_secs(60);

/// Healthy neighbours of the faulty ones.
const HEALTHY: usize = 50;

/// Polls that every host must have had before the books are checked.
const POLLS: usize = 4;

/// A server in a folder of its own.
struct Server {
    folder: TempDir,
    app: App,
}

impl Server {
    async fn start(inventory: &str) -> Self {
        Self::start_with(inventory, &[]).await
    }

    async fn start_with(inventory: &str, settings: &[(&'static str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("inventory.toml"), inventory).unwrap();
        let app = app::start(config_with(&folder, settings)).await.unwrap();
        Self { folder, app }
    }

    fn inventory(&self) -> PathBuf {
        self.folder.path().join("inventory.toml")
    }

    /// Waits until the live view is as wanted.
    async fn until(&self, wanted: impl Fn(&App) -> bool) {
        let mut updates = self.app.live().subscribe();
        let seen = async {
            while !wanted(&self.app) {
                // Lagging is no loss: the view is looked at whole.
                let _ = updates.recv().await;
            }
        };
        timeout(PATIENCE, seen).await.expect("the fleet never got there");
    }

    /// Stops the server and reads every row that it kept, by host name.
    async fn rows(self) -> BTreeMap<String, Vec<Record>> {
        let kept = config(&self.folder);
        self.app.stop().await;
        let store = reopened(&kept).await;
        let mut rows = BTreeMap::new();
        for host in store.hosts(HostQuery::all()).await.unwrap() {
            let polls =
                store.polls(host.id, Span::ALL, ReadOrder::OldestFirst, 5_000).await.unwrap();
            rows.insert(host.name.to_string(), polls);
        }
        rows
    }
}

/// A probe with nothing wrong: its clock is right, too.
fn healthy() -> Behaviour {
    let clock = SystemClock::new();
    Behaviour::changed(move |snapshot| {
        if let Some(clocks) = &mut snapshot.clocks {
            clocks.wall_ns = clock.now().wall.0 * 1_000_000;
        }
    })
}

fn config(folder: &TempDir) -> Config {
    config_with(folder, &[])
}

fn config_with(folder: &TempDir, settings: &[(&'static str, &str)]) -> Config {
    let flag = |key, value: String| Flag { key, name: "test", value };
    let inventory = folder.path().join("inventory.toml");
    let mut flags = vec![
        flag("inventory", inventory.display().to_string()),
        flag("data", folder.path().display().to_string()),
        flag("http.listen", "127.0.0.1:0".to_owned()),
        flag("grpc.listen", "127.0.0.1:0".to_owned()),
    ];
    flags.extend(settings.iter().map(|(key, value)| flag(key, (*value).to_owned())));
    let sources = Sources { flags, ..Sources::default() };
    Config::load(sources).unwrap().config
}

/// The store, once the server has closed it.
async fn reopened(config: &Config) -> Arc<dyn Store> {
    let clock = Arc::new(SystemClock::new());
    store::open(&config.store, Mode::ReadOnly, clock).await.unwrap()
}

const DEFAULTS: &str = "[defaults]\ninterval = \"1s\"\ntimeout = \"600ms\"\n";

fn host(name: &str, address: SocketAddr) -> String {
    format!("[[host]]\nname = \"{name}\"\naddresses = [\"{address}\"]\n")
}

fn name(text: &str) -> HostName {
    HostName::new(text).unwrap()
}

/// Polls of a host that the live view remembers.
fn polled(app: &App, name: &str) -> usize {
    app.live().host(name).map_or(0, |host| host.recent.len())
}

/// The slot of a host's last poll.
fn last_slot(app: &App, name: &str) -> i64 {
    app.live().host(name).and_then(|host| host.last.clone()).map_or(0, |last| last.slot.0)
}

fn state(app: &App, name: &str) -> Option<State> {
    app.live().host(name).map(|host| host.state)
}

/// One row per slot, on the grid of one second, none missing, none twice.
fn assert_one_row_per_slot(name: &str, rows: &[Record]) {
    for pair in rows.windows(2) {
        assert_eq!(pair[1].slot.0 - pair[0].slot.0, 1_000, "{name}: {:?}", pair[1].slot);
    }
}

#[tokio::test]
async fn no_faulty_neighbour_is_felt_and_every_attempt_is_one_row() {
    let refusing = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let faults = [
        ("hung", Behaviour::Hangs, Outcome::Deadline),
        ("stalls", Behaviour::StallsAfterHead, Outcome::Deadline),
        ("closes", Behaviour::Closes, Outcome::Refused),
        ("garbage", Behaviour::Says(b"\x00\xffgarbage, for sure\r\n\r\n"), Outcome::Malformed),
        ("other", Behaviour::OtherService, Outcome::Unimplemented),
        ("version", Behaviour::changed(|s| s.protocol = 2), Outcome::Malformed),
        ("slow", Behaviour::Slow(Duration::from_millis(200)), Outcome::Ok),
    ];
    let mut inventory = DEFAULTS.to_owned() + &host("refusing", refusing);
    let mut expected = BTreeMap::from([("refusing".to_owned(), Outcome::Refused)]);
    let mut probes = Vec::new();
    for (name, behaviour, outcome) in faults {
        let probe = FakeProbe::start(behaviour).await;
        inventory += &host(name, probe.socket());
        expected.insert(name.to_owned(), outcome);
        probes.push(probe);
    }
    for number in 0..HEALTHY {
        let probe = FakeProbe::start(healthy()).await;
        inventory += &host(&format!("healthy-{number:02}"), probe.socket());
        expected.insert(format!("healthy-{number:02}"), Outcome::Ok);
        probes.push(probe);
    }

    let server = Server::start(&inventory).await;
    server.until(|app| expected.keys().all(|name| polled(app, name) >= POLLS)).await;
    assert_eq!(state(&server.app, "hung"), Some(State::Down));
    assert_eq!(state(&server.app, "healthy-07"), Some(State::Up));
    let rows = server.rows().await;
    assert_eq!(rows.len(), expected.len());
    for (name, outcome) in expected {
        let rows = &rows[&name];
        assert!(rows.len() >= POLLS, "{name}: {} rows", rows.len());
        assert_one_row_per_slot(&name, rows);
        for row in rows {
            // A poll that outlived its interval would be followed by an overrun.
            assert_eq!(row.outcome, outcome, "{name}: {:?}", row.error);
            assert_eq!(row.values.is_some(), outcome.has_values(), "{name}");
            assert_eq!(row.detail.is_some(), outcome.has_values(), "{name}");
        }
    }
}

/// A fleet with one place for all polls: while the hog holds it, the poll of the other waits in the queue.
async fn hogged() -> ([FakeProbe; 2], Server) {
    let probes = [FakeProbe::start(Behaviour::Hangs).await, FakeProbe::start(healthy()).await];
    let inventory = DEFAULTS.to_owned()
        + &host("waits", probes[1].socket())
        + &host("hog", probes[0].socket())
        + "interval = \"6s\"\ntimeout = \"5s\"\n";
    let settings = [("poll.in_flight", "1"), ("poll.in_flight_for", "10s")];
    let server = Server::start_with(&inventory, &settings).await;
    (probes, server)
}

#[tokio::test]
async fn whoever_asks_for_a_poll_is_told_of_it_and_not_of_a_slot_that_it_overran() {
    let (_probes, server) = hogged().await;
    let mut pace = tokio::time::interval(Duration::from_millis(50));
    while polled(&server.app, "hog") < 1 {
        pace.tick().await;
        let asked = server.app.poll_now(name("waits")).await.unwrap();
        assert_eq!(asked.outcome, Outcome::Ok);
    }
    let rows = server.rows().await;
    assert!(rows["waits"].iter().any(|row| row.outcome == Outcome::Overrun));
}

#[tokio::test]
async fn a_slot_that_finds_the_last_poll_waiting_is_an_overrun_and_its_own_row() {
    let (_probes, server) = hogged().await;
    server.until(|app| polled(app, "hog") >= 1).await;
    let hogged = last_slot(&server.app, "waits");
    server.until(|app| last_slot(app, "waits") > hogged).await;
    let rows = server.rows().await;
    let waits = &rows["waits"];
    assert_one_row_per_slot("waits", waits);
    let overruns: Vec<&Record> =
        waits.iter().filter(|row| row.outcome == Outcome::Overrun).collect();
    assert!(overruns.len() >= 2, "{:?}", waits.iter().map(|row| row.outcome).collect::<Vec<_>>());
    for row in &overruns {
        assert_eq!(row.error.as_deref(), Some("the poll before is still running"));
        assert_eq!((&row.values, row.timings.call_us), (&None, None));
        // Pending where the hog's first slot came before the other's.
        let unblamed = matches!(row.state, State::Pending | State::Up);
        assert!(unblamed, "our queue is not the host's fault: {}", row.state);
    }
    let waited = waits.iter().map(|row| row.timings.queue_us.0).max().unwrap();
    assert!(waited >= 1_000_000, "the wait is recorded apart: {waited} µs");
    assert!(waits.iter().all(|row| matches!(row.outcome, Outcome::Ok | Outcome::Overrun)));
}

#[tokio::test]
async fn a_poll_can_be_asked_for_and_is_one_row_too() {
    let probe = FakeProbe::start(healthy()).await;
    let inventory = format!(
        "[defaults]\ninterval = \"1h\"\ntimeout = \"2s\"\n{}",
        host("web-1", probe.socket())
    );
    let server = Server::start(&inventory).await;
    let first = server.app.poll_now(name("web-1")).await.unwrap();
    let second = server.app.poll_now(name("web-1")).await.unwrap();
    assert_eq!((first.outcome, second.outcome), (Outcome::Ok, Outcome::Ok));
    assert!(second.slot > first.slot);
    assert!(server.app.poll_now(name("nobody")).await.is_none());
    assert_eq!(server.rows().await["web-1"].len(), 2);
}

#[tokio::test]
async fn a_good_edit_is_live_and_touches_no_host_that_did_not_change() {
    let (stays, moves, comes) = (
        FakeProbe::start(healthy()).await,
        FakeProbe::start(healthy()).await,
        FakeProbe::start(healthy()).await,
    );
    let before = DEFAULTS.to_owned()
        + &host("stays", stays.socket())
        + &host("moves", moves.socket())
        + &host("goes", moves.socket()).replace("127.0.0.1:", "localhost:");
    let server = Server::start(&before).await;
    server.until(|app| ["stays", "moves", "goes"].iter().all(|n| polled(app, n) >= 2)).await;

    // As an editor does it: a new file takes the place of the old one, under another inode.
    let after = DEFAULTS.to_owned()
        + &host("stays", stays.socket())
        + &host("comes", comes.socket())
        + &host("moves", moves.socket()).replace("[[host]]", "[[host]]\npaused = true");
    let edited = server.folder.path().join("inventory.toml.new");
    fs::write(&edited, after).unwrap();
    fs::rename(&edited, server.inventory()).unwrap();

    server
        .until(|app| {
            state(app, "comes") == Some(State::Up)
                && state(app, "goes").is_none()
                && state(app, "moves") == Some(State::Paused)
        })
        .await;
    let edited = last_slot(&server.app, "stays");
    server.until(|app| last_slot(app, "stays") >= edited + 2_000).await;
    assert_eq!(server.app.live().server().inventory_error, None);
    assert_eq!(stays.accepted(), 1, "an unchanged host keeps its connection");
    let rows = server.rows().await;
    assert_one_row_per_slot("stays", &rows["stays"]);
    assert!(rows["stays"].last().unwrap().inventory > rows["goes"][0].inventory);
}

/// Files of the folder beside the inventory come, change and go like the inventory itself.
#[tokio::test]
async fn a_file_beside_the_inventory_is_part_of_it() {
    let (first, second) = (FakeProbe::start(healthy()).await, FakeProbe::start(healthy()).await);
    let server = Server::start(&(DEFAULTS.to_owned() + &host("stays", first.socket()))).await;
    server.until(|app| polled(app, "stays") >= 1).await;
    let hash = |app: &App| app.live().server().inventory.map(|(_, hash, _)| hash);
    let alone = hash(&server.app);

    let folder = server.folder.path().join("inventory.d");
    let part = folder.join("more.toml");
    let more = "[defaults]\nport = 1\n".to_owned() + &host("comes", second.socket());
    fs::create_dir(&folder).unwrap();
    fs::write(&part, &more).unwrap();
    server.until(|app| app.live().server().inventory_error.is_some()).await;
    let shown = server.app.live().server().inventory_error.unwrap();
    let (at, main) = (part.display(), server.inventory());
    let expected = format!("{at}:1:1: [defaults] stand in one file: they are at line 1 of");
    assert_eq!(*shown, format!("{expected} {} already", main.display()));
    assert_eq!((state(&server.app, "comes"), hash(&server.app)), (None, alone.clone()));

    fs::write(&part, host("comes", second.socket())).unwrap();
    server.until(|app| state(app, "comes") == Some(State::Up)).await;
    assert_eq!(server.app.live().server().inventory_error, None);
    assert_ne!(hash(&server.app), alone);
    let text = server.app.live().server().inventory_file.unwrap().text.to_string();
    assert!(text.contains(&format!("\n#### {at}\n[[host]]\nname = \"comes\"\n")), "{text}");

    fs::remove_file(&part).unwrap();
    server.until(|app| state(app, "comes").is_none()).await;
    server.until(|app| hash(app) == alone).await;
    assert_eq!(first.accepted(), 1, "the other host keeps its connection");
}

#[tokio::test]
async fn a_bad_edit_changes_nothing_and_is_shown_until_it_is_mended() {
    let probe = FakeProbe::start(healthy()).await;
    let good = DEFAULTS.to_owned() + &host("web-1", probe.socket());
    let server = Server::start(&good).await;
    server.until(|app| polled(app, "web-1") >= 1).await;

    fs::write(server.inventory(), good.replace("interval", "intervall")).unwrap();
    server.until(|app| app.live().server().inventory_error.is_some()).await;
    let shown = server.app.live().server().inventory_error.unwrap();
    let place = format!("{}:2:1: ", server.inventory().display());
    assert!(shown.starts_with(&place), "{shown}");
    assert!(shown.contains("intervall"), "{shown}");
    let refused = last_slot(&server.app, "web-1");
    server.until(|app| last_slot(app, "web-1") >= refused + 2_000).await;

    fs::write(server.inventory(), good + "# mended\n").unwrap();
    server.until(|app| app.live().server().inventory_error.is_none()).await;
    assert_eq!(probe.accepted(), 1);
    let rows = server.rows().await;
    assert_one_row_per_slot("web-1", &rows["web-1"]);
}

#[tokio::test]
async fn a_restart_goes_on_where_it_stopped() {
    let probe = FakeProbe::start(healthy()).await;
    let inventory = DEFAULTS.to_owned() + &host("web-1", probe.socket());
    let server = Server::start(&inventory).await;
    server.until(|app| polled(app, "web-1") >= 2).await;
    let before = server.app.live().host("web-1").unwrap();
    let Server { folder, app } = server;
    app.stop().await;

    let server = Server { app: app::start(config(&folder)).await.unwrap(), folder };
    let again = server.app.live().host("web-1").unwrap();
    assert_eq!((again.id, again.state), (before.id, State::Up), "no second `pending`");
    assert_eq!(again.facts, before.facts);
    server.until(|app| polled(app, "web-1") >= 2).await;
    let rows = &server.rows().await["web-1"];
    let phase = rows[0].slot.0 % 1_000;
    assert!(rows.iter().all(|row| row.slot.0 % 1_000 == phase), "the phase moved");
    assert!(rows.len() >= 4);
}

#[tokio::test]
async fn a_host_taken_out_while_the_server_was_down_is_retired_and_keeps_its_history() {
    let probe = FakeProbe::start(healthy()).await;
    let stays = DEFAULTS.to_owned() + &host("stays", probe.socket());
    let other = FakeProbe::start(healthy()).await;
    let both = stays.clone() + &host("goes", other.socket()).replace("127.0.0.1:", "localhost:");
    let server = Server::start(&both).await;
    server.until(|app| polled(app, "stays") >= 1 && polled(app, "goes") >= 1).await;
    let Server { folder, app } = server;
    app.stop().await;

    fs::write(folder.path().join("inventory.toml"), stays).unwrap();
    app::start(config(&folder)).await.unwrap().stop().await;
    let store = reopened(&config(&folder)).await;
    let goes = store.hosts(HostQuery::named(name("goes"))).await.unwrap().remove(0);
    assert!(goes.retired_at.is_some());
    assert_eq!(goes.state.map(|(state, _)| state), Some(State::Retired));
    let polls = store.polls(goes.id, Span::ALL, ReadOrder::OldestFirst, 10).await.unwrap();
    assert!(!polls.is_empty());
    let events =
        store.transitions(Some(goes.id), Span::ALL, ReadOrder::NewestFirst, 1).await.unwrap();
    assert_eq!((events[0].from, events[0].to), (State::Up, State::Retired));
    let stays = store.hosts(HostQuery::named(name("stays"))).await.unwrap().remove(0);
    assert_eq!(stays.retired_at, None);
}

#[tokio::test]
async fn a_bad_start_says_everything_that_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let error = app::start(config(&folder)).await.unwrap_err();
    assert!(error.to_string().contains("inventory.toml"), "{error}");
    let mut text = DEFAULTS.replace("1s", "soon");
    write!(text, "[[host]]\nname = \"a b\"\n").unwrap();
    fs::write(folder.path().join("inventory.toml"), text).unwrap();
    let error = app::start(config(&folder)).await.unwrap_err().to_string();
    assert_eq!(error.lines().count(), 2, "{error}");
}
