//! From a value that crosses its threshold to a receiver that is told: rules, routes and channels in a whole
//! server, through restarts and receivers that are away.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

#[path = "routes/people.rs"]
mod people;
mod support;

use std::{
    fs,
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use roundsman::{
    app::{self, App},
    config::{Config, Flag, Sources},
    model::HostName,
};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use support::{Does, FAILS, FakeProbe, Receiver, TAKES, filling};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// One poll makes it fire, one ends it.
const RULE: &str = r#"
[[alert]]
name = "disk-full"
over = "filesystem"
when = "used_pct > 90 %"
summary = "{row} is {value} % full"
runbook = "https://wiki.example/disk"
"#;

/// A server that is killed where it stands (SIGKILL), at the end of a test that fails, too.
struct Server(Child);

impl Server {
    /// Lets it end what it does (SIGTERM).
    fn stop(mut self) {
        let pid = Pid::from_child(&self.0);
        kill_process(pid, Signal::TERM).unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.0.kill();
        self.0.wait().unwrap();
    }
}

/// A host whose filesystem is as full as the test says.
struct Site {
    folder: TempDir,
    probe: FakeProbe,
    used: Arc<AtomicU64>,
}

impl Site {
    async fn new(interval: &str) -> Self {
        let used = Arc::new(AtomicU64::new(50));
        let folder = tempfile::tempdir().unwrap();
        let site = Self { folder, probe: filling(&used).await, used };
        let address = site.probe.socket();
        let inventory = format!(
            "[defaults]\ninterval = \"{interval}\"\n[[host]]\nname = \"db-1\"\ngroup = \"db\"\n\
             addresses = [\"{address}\"]\n"
        );
        fs::write(site.folder.path().join("inventory.toml"), inventory).unwrap();
        site
    }

    fn says(&self, rules: &str) {
        fs::write(self.folder.path().join("alerts.toml"), rules).unwrap();
    }

    async fn start(&self) -> App {
        let flag = |key, value: String| Flag { key, name: "test", value };
        let path = |name| self.folder.path().join(name).display().to_string();
        let flags = vec![
            flag("inventory", path("inventory.toml")),
            flag("data", path("")),
            flag("http.listen", "127.0.0.1:0".to_owned()),
            flag("grpc.listen", String::new()),
        ];
        let sources = Sources { flags, ..Sources::default() };
        app::start(Config::load(sources).unwrap().config).await.unwrap()
    }

    /// The same as a process of its own.
    fn spawn(&self) -> Server {
        Server(self.command().stderr(Stdio::inherit()).spawn().unwrap())
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_roundsman"));
        command
            .args(["serve", "--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0", "--data"])
            .arg(self.folder.path())
            .arg("--inventory")
            .arg(self.folder.path().join("inventory.toml"))
            // Nobody's own settings.
            .env_clear()
            .env("HOME", self.folder.path())
            .stdout(Stdio::null());
        command
    }

    fn fill(&self, used: u64) {
        self.used.store(used, Ordering::Relaxed);
    }

    /// What the store says of each message, oldest first: host and row, what it said, how it ended.
    fn deliveries(&self) -> Vec<String> {
        let file = rusqlite::Connection::open(self.folder.path().join("roundsman.db")).unwrap();
        let sql = "SELECT host || row_key || ' ' || says || ' ' || channel || ' ' || state || ' ' || tries \
                   FROM alert_delivery ORDER BY time_ms, says";
        let mut statement = file.prepare(sql).unwrap();
        let rows = statement.query_map([], |row| row.get(0)).unwrap();
        rows.map(Result::unwrap).collect()
    }

    async fn poll(&self, app: &App, used: u64) {
        self.fill(used);
        app.poll_now(HostName::new("db-1").unwrap()).await.unwrap();
    }
}

fn channel(name: &str, receiver: &Receiver) -> String {
    let address = receiver.address;
    format!("[[channel]]\nname = \"{name}\"\nkind = \"webhook\"\nurl = \"http://{address}/\"\n")
}

/// Routes that wait for nothing that a test would have to wait for.
const AT_ONCE: &str = "[[route]]\nchannels = [\"ops\"]\nwait = \"0s\"\nevery = \"1s\"\n";

async fn get(app: &App, path: &str) -> String {
    let mut stream = TcpStream::connect(app.http_addr().unwrap()).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer.split_once("\r\n\r\n").unwrap().1.to_owned()
}

fn kind(document: &Value) -> &str {
    document["kind"].as_str().unwrap()
}

#[tokio::test]
async fn a_receiver_is_told_what_fires_and_that_it_is_over() {
    let mut receiver = Receiver::start(&[TAKES]).await;
    let mut watchdog = Receiver::start(&[TAKES]).await;
    let site = Site::new("1h").await;
    let beats = format!(
        "[[channel]]\nname = \"watchdog\"\nkind = \"heartbeat\"\nurl = \"http://{}/ping\"\nevery = \"1h\"\n",
        watchdog.address
    );
    site.says(&format!("{RULE}{}{beats}{AT_ONCE}", channel("ops", &receiver)));
    let app = site.start().await;
    assert!(watchdog.next().await.starts_with("GET /ping "), "once hosts are polled");
    site.poll(&app, 96).await;
    let told = receiver.document().await;
    assert_eq!(
        (kind(&told), &told["title"], &told["more"]),
        ("firing", &"db-1 disk-full /".into(), &0.into())
    );
    let item = &told["items"][0];
    for (key, value) in [
        ("host", "db-1"),
        ("group", "db"),
        ("rule", "disk-full"),
        ("row", "/"),
        ("state", "firing"),
        ("shown", "96 %"),
        ("threshold", "used_pct > 90 %"),
        ("summary", "/ is 96 % full"),
        ("runbook", "https://wiki.example/disk"),
    ] {
        assert_eq!(item[key], value, "{key}: {told}");
    }
    let why = get(&app, "/api/v1/hosts/db-1/alert?rule=disk-full").await;
    assert!(why.contains("taken by route route-1") && why.contains("sent to ops (firing"), "{why}");
    site.poll(&app, 40).await;
    let over = receiver.document().await;
    assert_eq!(kind(&over), "resolved");
    assert_eq!(
        (&over["items"][0]["state"], &over["items"][0]["shown"]),
        (&"ok".into(), &"40 %".into())
    );
    assert!(over["items"][0]["ended_ms"].is_i64(), "{over}");
    let figures = get(&app, "/metrics").await;
    assert!(figures.contains("roundsman_channel_failed_total{channel=\"ops\"} 0"), "{figures}");
    app.stop().await;
    assert!(receiver.has_heard_nothing());
    assert_eq!(site.deliveries(), ["db-1/ firing ops sent 1", "db-1/ over ops sent 1"]);
}

#[tokio::test]
async fn what_was_in_hand_at_a_kill_is_told_once_more_with_its_id_and_its_end_once() {
    // The first try is never answered: nobody knows whether it was taken.
    let mut receiver = Receiver::start(&[Does::Hangs, TAKES]).await;
    let site = Site::new("1s").await;
    // Of this one nobody is told before it is over.
    let quiet = RULE.replace("disk-full", "disk-slow");
    let routes = format!(
        "[[route]]\nmatch = {{ rules = [\"disk-slow\"] }}\nchannels = [\"ops\"]\nwait = \"1h\"\n{AT_ONCE}"
    );
    site.says(&format!("{RULE}{quiet}{}{routes}", channel("ops", &receiver)));
    site.fill(96);
    let server = site.spawn();
    let first = receiver.document().await;
    assert_eq!(kind(&first), "firing");
    drop(server);
    let server = site.spawn();
    let again = receiver.document().await;
    assert_eq!(again["id"], first["id"], "{again}");
    assert_eq!(again["items"], first["items"]);
    site.fill(40);
    let over = receiver.document().await;
    assert_eq!((kind(&over), &over["count"]), ("resolved", &1.into()), "{over}");
    assert_eq!(over["items"][0]["rule"], "disk-full");
    // What was told is known to the next start, which tells nothing.
    server.stop();
    let app = site.start().await;
    site.poll(&app, 40).await;
    app.stop().await;
    assert!(receiver.has_heard_nothing());
}

#[tokio::test]
async fn a_receiver_that_is_away_hears_with_the_same_id_once_it_is_back() {
    let mut receiver = Receiver::start(&[FAILS, TAKES]).await;
    let site = Site::new("1h").await;
    site.says(&format!("{RULE}{}{AT_ONCE}", channel("ops", &receiver)));
    let app = site.start().await;
    site.poll(&app, 96).await;
    let (first, again) = (receiver.document().await, receiver.document().await);
    assert_eq!(first, again);
    app.stop().await;
    assert!(receiver.has_heard_nothing());
    assert_eq!(site.deliveries(), ["db-1/ firing ops sent 2"]);
}

#[tokio::test]
async fn a_channel_that_comes_later_learns_what_fires() {
    let mut receiver = Receiver::start(&[TAKES]).await;
    let site = Site::new("1h").await;
    site.says(RULE);
    let app = site.start().await;
    site.poll(&app, 96).await;
    site.says(&format!("{RULE}{}{AT_ONCE}", channel("ops", &receiver)));
    app.reload_inventory().await.unwrap();
    let told = receiver.document().await;
    assert_eq!((kind(&told), &told["items"][0]["rule"]), ("firing", &"disk-full".into()));
    app.stop().await;
}
