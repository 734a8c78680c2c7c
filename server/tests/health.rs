//! Health over real sockets: a server that is cut off, a host that is down, parents, flapping,
//! maintenance windows, pauses.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod support;

use std::{fs, net::SocketAddr, process::Command, sync::Arc, time::Duration};

use chrono::DateTime;
use roundsman::{
    app::{self, App},
    clock::{Clock as _, SystemClock},
    config::{Config, Flag, Sources},
    live::HostView,
    model::{Cause, HostId, Outcome, Record, State, Transition},
    store::{self, HostQuery, Mode, ReadOrder, Span, Store},
    units::WallMs,
};
use roundsman_fleet::{
    fleet::Fleet,
    plan::{Plan, Selector},
};
use support::{Behaviour, FakeProbe};
use tempfile::TempDir;
use tokio::time::timeout;
use tonic::Status;

/// Long enough for anything that is going to happen at all.
const PATIENCE: Duration = Duration::from_secs(60);

const DEFAULTS: &str = "[defaults]\ninterval = \"1s\"\ntimeout = \"600ms\"\n";

/// A server in a folder of its own.
struct Server {
    folder: TempDir,
    app: App,
}

impl Server {
    async fn start(inventory: &str, settings: &[(&'static str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("inventory.toml"), inventory).unwrap();
        let app = app::start(config(&folder, settings)).await.unwrap();
        Self { folder, app }
    }

    async fn restart(self) -> Self {
        let Self { folder, app } = self;
        app.stop().await;
        let app = app::start(config(&folder, &[])).await.unwrap();
        Self { folder, app }
    }

    fn host(&self, name: &str) -> Arc<HostView> {
        self.app.live().host(name).unwrap()
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

    /// Waits until every host was polled for `slots` more slots of a second.
    async fn pass(&self, slots: i64) {
        let newest = |app: &App, name: &str| {
            app.live().host(name).and_then(|host| host.last.clone()).map_or(0, |last| last.slot.0)
        };
        let hosts: Vec<_> = self.app.live().hosts().iter().map(|host| host.name.clone()).collect();
        let from: Vec<i64> = hosts.iter().map(|host| newest(&self.app, host.as_str())).collect();
        self.until(|app| {
            let pairs = hosts.iter().zip(&from);
            pairs.into_iter().all(|(host, from)| newest(app, host.as_str()) >= from + slots * 1_000)
        })
        .await;
    }

    fn edit(&self, inventory: &str) {
        let edited = self.folder.path().join("inventory.toml.new");
        fs::write(&edited, inventory).unwrap();
        fs::rename(&edited, self.folder.path().join("inventory.toml")).unwrap();
    }

    /// Stops the server; what it kept.
    async fn kept(self) -> Kept {
        let settings = config(&self.folder, &[]);
        self.app.stop().await;
        let clock = Arc::new(SystemClock::new());
        let store = store::open(&settings.store, Mode::ReadOnly, clock).await.unwrap();
        Kept { store, _folder: self.folder }
    }
}

/// A store that no server writes any more.
struct Kept {
    store: Arc<dyn Store>,
    _folder: TempDir,
}

impl Kept {
    async fn events(&self, host: Option<HostId>) -> Vec<Transition> {
        self.store.transitions(host, Span::ALL, ReadOrder::OldestFirst, 5_000).await.unwrap()
    }

    async fn id(&self, name: &str) -> HostId {
        let hosts = self.store.hosts(HostQuery::all()).await.unwrap();
        hosts.iter().find(|host| host.name.as_str() == name).unwrap().id
    }

    async fn events_of(&self, name: &str) -> Vec<Transition> {
        self.events(Some(self.id(name).await)).await
    }

    async fn polls_of(&self, name: &str) -> Vec<Record> {
        let id = self.id(name).await;
        self.store.polls(id, Span::ALL, ReadOrder::OldestFirst, 5_000).await.unwrap()
    }
}

fn config(folder: &TempDir, settings: &[(&'static str, &str)]) -> Config {
    let flag = |key, value: String| Flag { key, name: "test", value };
    let inventory = folder.path().join("inventory.toml");
    let mut flags = vec![
        flag("inventory", inventory.display().to_string()),
        flag("data", folder.path().display().to_string()),
        flag("http.listen", "127.0.0.1:0".to_owned()),
        flag("grpc.listen", String::new()),
    ];
    flags.extend(settings.iter().map(|(key, value)| flag(key, (*value).to_owned())));
    Config::load(Sources { flags, ..Sources::default() }).unwrap().config
}

/// An answer with nothing wrong: its clock is right, too.
fn right(snapshot: &mut roundsman_proto::v1::Snapshot) {
    if let Some(clocks) = &mut snapshot.clocks {
        clocks.wall_ns = SystemClock::new().now().wall.0 * 1_000_000;
    }
}

fn healthy() -> Behaviour {
    Behaviour::changed(right)
}

fn host(name: &str, address: SocketAddr) -> String {
    format!("[[host]]\nname = \"{name}\"\naddresses = [\"{address}\"]\n")
}

fn state(app: &App, name: &str) -> Option<State> {
    app.live().host(name).map(|host| host.state)
}

fn all_are(app: &App, state: State) -> bool {
    app.live().hosts().iter().all(|host| host.state == state)
}

fn causes(events: &[Transition]) -> Vec<(State, State, Cause)> {
    events.iter().map(|event| (event.from, event.to, event.cause)).collect()
}

#[tokio::test]
async fn a_server_that_is_cut_off_says_so_once_and_takes_no_host_for_down() {
    let fleet = Fleet::start(&Plan { hosts: 12, port: 0, ..Plan::default() }).unwrap();
    let set = |personality: &str| {
        let all: Selector = "all".parse().unwrap();
        assert_eq!(fleet.set(&all, personality.parse().unwrap()), 12);
    };
    let name = fleet.probes().next().unwrap().0.to_owned();
    let patience = [("poll.connect_timeout", "300ms")];
    let server = Server::start(&fleet.inventory(Some("1s")), &patience).await;
    server.until(|app| all_are(app, State::Up)).await;
    server.pass(1).await;

    // Nothing is heard any more, whichever host is asked.
    set("hang-before-accept");
    server.until(|app| app.live().server().isolated.is_some()).await;
    let frozen: Vec<State> = server.app.live().hosts().iter().map(|host| host.state).collect();
    assert!(frozen.iter().all(|state| matches!(state, State::Up | State::Suspect)), "{frozen:?}");
    // Twice as many failed polls as would make any of them down.
    server.pass(6).await;
    let after: Vec<State> = server.app.live().hosts().iter().map(|host| host.state).collect();
    assert_eq!(after, frozen);
    assert!(server.host(&name).reason.contains("considers itself cut off"));
    assert_eq!(server.host(&name).last.as_ref().unwrap().outcome, Outcome::Unreachable);

    set("healthy");
    server.until(|app| app.live().server().isolated.is_none()).await;
    server.until(|app| all_are(app, State::Up)).await;
    let kept = server.kept().await;
    let own = causes(&kept.events(Some(HostId::SERVER)).await);
    assert_eq!(
        own,
        [
            (State::Up, State::Suspect, Cause::Isolated),
            (State::Suspect, State::Up, Cause::Connected)
        ]
    );
    let events = kept.events(None).await;
    assert!(events.iter().all(|event| event.to != State::Down), "{events:?}");
    // The ledger is whole all the while.
    let polls = kept.polls_of(&name).await;
    assert!(polls.iter().filter(|poll| poll.outcome == Outcome::Unreachable).count() >= 6);
}

#[tokio::test]
async fn a_host_that_is_down_is_left_alone_more_and_more_and_is_back_with_its_first_answers() {
    let probe = FakeProbe::start(healthy()).await;
    let other = FakeProbe::start(healthy()).await;
    let inventory =
        DEFAULTS.to_owned() + &host("dies", probe.socket()) + &host("other", other.socket());
    let server = Server::start(&inventory, &[("health.backoff_cap", "4s")]).await;
    server.until(|app| all_are(app, State::Up)).await;
    let socket = probe.stop();
    server.until(|app| state(app, "dies") == Some(State::Down)).await;
    let down = server.host("dies").last.as_ref().unwrap().slot;
    server
        .until(|app| {
            let last = app.live().host("other").and_then(|host| host.last.clone());
            last.is_some_and(|last| last.slot >= WallMs(down.0 + 15_000))
        })
        .await;
    let left = server.host("dies");
    let until = left.reason.split("It is left alone until ").nth(1).expect("it says so");
    let until = until.split('.').next().unwrap().replace("UTC", "+00:00");
    let until = DateTime::parse_from_str(&until, "%Y-%m-%d %H:%M:%S %:z").unwrap();
    let until = WallMs(until.timestamp_millis());
    assert!(left.next_due.unwrap() >= until, "{:?} {until}", left.next_due);
    let again = FakeProbe::start_at(socket, healthy()).await;
    server.until(|app| state(app, "dies") == Some(State::Up)).await;
    assert!(again.calls() >= 2);
    let kept = server.kept().await;
    let slots = |polls: &[Record]| -> Vec<i64> {
        let since = polls.iter().filter(|poll| poll.slot >= down);
        since.take_while(|poll| poll.slot.0 <= down.0 + 15_000).map(|poll| poll.slot.0).collect()
    };
    let (dies, other) = (kept.polls_of("dies").await, kept.polls_of("other").await);
    let (asked, neighbour) = (slots(&dies), slots(&other));
    // On its grid, with slots passed over: those are no rows.
    assert!(asked.iter().all(|slot| (slot - asked[0]) % 1_000 == 0), "{asked:?}");
    assert!(asked.len() * 2 < neighbour.len() + 2, "{} of {}", asked.len(), neighbour.len());
    assert!(asked.windows(2).any(|pair| pair[1] - pair[0] >= 2_000), "{asked:?}");
    let back = dies.iter().filter(|poll| poll.slot.0 > down.0 + 15_000);
    assert!(back.filter(|poll| poll.outcome == Outcome::Ok).count() >= 2);
}

#[tokio::test]
async fn a_child_of_a_dead_parent_says_whose_fault_it_is() {
    let gateway = FakeProbe::start(healthy()).await;
    let child = FakeProbe::start(healthy()).await;
    let inventory = DEFAULTS.to_owned()
        + &host("gateway", gateway.socket())
        + &host("child", child.socket())
        + "parent = \"gateway\"\n";
    let server = Server::start(&inventory, &[]).await;
    server.until(|app| all_are(app, State::Up)).await;
    drop((gateway, child));
    server.until(|app| all_are(app, State::Down)).await;
    let because = |app: &App, name: &str| app.live().host(name)?.unreachable_because.clone();
    server.until(|app| because(app, "child").is_some()).await;
    assert_eq!(because(&server.app, "child").unwrap().as_str(), "gateway");
    assert_eq!(because(&server.app, "gateway"), None);
    assert!(server.host("child").reason.contains("Its parent gateway is down"));
    let kept = server.kept().await;
    let went_down =
        |events: Vec<Transition>| events.into_iter().find(|event| event.to == State::Down).unwrap();
    let child = went_down(kept.events_of("child").await);
    assert_eq!(child.cause, Cause::ParentDown);
    assert!(child.reason.starts_with("its parent gateway is "), "{}", child.reason);
    assert_eq!(went_down(kept.events_of("gateway").await).cause, Cause::PollFailed);
}

#[tokio::test]
async fn a_host_that_answers_every_second_time_is_flapping() {
    let every_second = Behaviour::Answers(Arc::new(|_, call| {
        let mut answer = support::answer(call);
        right(&mut answer);
        if call % 2 == 0 { Ok(answer) } else { Err(Status::unavailable("not now")) }
    }));
    let probe = FakeProbe::start(every_second).await;
    let inventory = DEFAULTS.to_owned() + &host("flaps", probe.socket());
    let server = Server::start(&inventory, &[]).await;
    server.until(|app| app.live().host("flaps").is_some_and(|host| host.flapping)).await;
    assert!(server.host("flaps").reason.contains("It is flapping"));
    let kept = server.kept().await;
    let events = kept.events_of("flaps").await;
    let flapping: Vec<_> = events.iter().filter(|e| e.cause == Cause::Flapping).collect();
    let [row] = flapping.as_slice() else { panic!("{events:?}") };
    assert_eq!((row.from, row.to), (State::Suspect, State::Suspect));
}

/// As TOML has it, so many seconds from now.
fn moment(seconds: i64) -> String {
    WallMs(SystemClock::new().now().wall.0 + seconds * 1_000).to_string()
}

#[tokio::test]
async fn a_host_in_a_maintenance_window_is_polled_and_its_state_is_frozen() {
    let probe = FakeProbe::start(healthy()).await;
    let other = FakeProbe::start(healthy()).await;
    let hosts = DEFAULTS.to_owned()
        + &host("db-1", probe.socket())
        + "group = \"db\"\n"
        + &host("web-1", other.socket());
    let window = format!(
        "[[maintenance]]\nname = \"disks\"\ngroups = [\"db\"]\nfrom = {}\nto = \"{}\"\n\
         [[maintenance]]\nname = \"past\"\nhosts = [\"web-1\"]\nfrom = {}\nto = {}\n",
        moment(-60),
        moment(3_600),
        moment(-7_200),
        moment(-3_600),
    );
    let server = Server::start(&(hosts.clone() + &window), &[]).await;
    server.until(|app| state(app, "web-1") == Some(State::Up)).await;
    assert_eq!(state(&server.app, "db-1"), Some(State::Paused));
    let reason = Arc::clone(&server.host("db-1").reason);
    assert!(reason.contains("the maintenance window disks is open until"), "{reason}");
    assert!(server.host("db-1").paused_until.is_some());
    let socket = probe.stop();
    server.pass(4).await;
    assert_eq!(state(&server.app, "db-1"), Some(State::Paused), "its dying is expected");
    let again = FakeProbe::start_at(socket, healthy()).await;
    server.edit(&hosts);
    server.until(|app| state(app, "db-1") == Some(State::Up)).await;
    drop(again);
    let kept = server.kept().await;
    let events = causes(&kept.events_of("db-1").await);
    assert_eq!(
        events,
        [
            (State::Pending, State::Paused, Cause::Maintenance),
            (State::Paused, State::Pending, Cause::Resumed),
            (State::Pending, State::Up, Cause::Answered)
        ]
    );
    let polls = kept.polls_of("db-1").await;
    let within: Vec<_> = polls.iter().filter(|poll| poll.state == State::Paused).collect();
    assert!(within.iter().any(|poll| poll.outcome == Outcome::Refused), "polled all the while");
}

/// Runs the program against a running server.
async fn roundsman(server: &Server, arguments: &[&str]) -> (bool, String) {
    let address = server.app.http_addr().unwrap().to_string();
    let mut command = Command::new(env!("CARGO_BIN_EXE_roundsman"));
    command.args(arguments).args(["--http", &address]).env_clear();
    command.current_dir(server.folder.path());
    let ended = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let words = [ended.stdout, ended.stderr].concat();
    (ended.status.success(), String::from_utf8(words).unwrap())
}

#[tokio::test]
async fn a_pause_that_an_operator_asks_for_outlives_the_server() {
    let probe = FakeProbe::start(healthy()).await;
    let inventory = DEFAULTS.to_owned() + &host("db-1", probe.socket());
    let server = Server::start(&inventory, &[]).await;
    server.until(|app| state(app, "db-1") == Some(State::Up)).await;
    let (good, words) =
        roundsman(&server, &["pause", "db-1", "--for", "2h", "--reason", "new disk"]).await;
    assert!(good, "{words}");
    assert!(words.starts_with("db-1: paused since "), "{words}");
    assert!(
        words.contains(": an operator asked for it until ") && words.contains(" (new disk); "),
        "{words}"
    );
    assert_eq!(state(&server.app, "db-1"), Some(State::Paused));
    server.pass(2).await;

    let server = server.restart().await;
    assert_eq!(state(&server.app, "db-1"), Some(State::Paused));
    assert!(server.host("db-1").reason.contains("new disk"));
    let (good, words) = roundsman(&server, &["pause", "db-2"]).await;
    assert!(!good && words.contains("did you mean `db-1`?"), "{words}");
    let (good, words) = roundsman(&server, &["resume", "db-1"]).await;
    assert!(good, "{words}");
    server.until(|app| state(app, "db-1") == Some(State::Up)).await;
    // One that ends by itself.
    let (good, words) = roundsman(&server, &["pause", "db-1", "--for", "1s"]).await;
    assert!(good, "{words}");
    server.until(|app| state(app, "db-1") == Some(State::Up)).await;
    let kept = server.kept().await;
    let up = (State::Pending, State::Up, Cause::Answered);
    let (paused, resumed) = (
        (State::Up, State::Paused, Cause::Paused),
        (State::Paused, State::Pending, Cause::Resumed),
    );
    let events = causes(&kept.events_of("db-1").await);
    assert_eq!(events, [up, paused, resumed, up, paused, resumed, up], "and none of the restart");
}

#[tokio::test]
async fn a_command_without_a_server_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_roundsman"));
    command.args(["pause", "db-1", "--http", &closed.to_string()]).env_clear();
    command.current_dir(folder.path());
    let ended = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    assert_eq!(ended.status.code(), Some(1));
    let words = String::from_utf8(ended.stderr).unwrap();
    assert!(words.contains(&format!("no server answers at {closed}")), "{words}");
    assert!(words.contains("roundsman serve") && words.lines().count() == 1, "{words}");
}
