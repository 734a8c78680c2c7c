//! The whole server on a MariaDB or MySQL of its own: every attempt is one row there too, an outage of the
//! database is felt by nothing but the database, and the command line reads what was kept.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod support;
#[path = "support/mariadbd.rs"]
mod mariadbd;
#[path = "cli/program.rs"]
#[allow(dead_code, reason = "another test program uses the rest")]
mod program;

use std::{
    fs, io::BufRead as _, net::SocketAddr, os::unix::fs::PermissionsExt as _, sync::Arc,
    time::Duration,
};

use mariadbd::{FLAGS, Mariadbd};
use program::Desk;
use roundsman::{
    app::{self, App},
    clock::{Clock as _, SystemClock},
    config::{Config, Sources},
    model::{
        Column, Detail, DetailTable, DiskColumn, HostName, Outcome, Record, Row, State, Timings,
        Values, VersionId, hour_of,
    },
    query::{CompareRange, HostsOf, Query, Resolution, RowRange, SortOrder, TopRange},
    rollup::Tier,
    store::{
        self, Batch, HostQuery, KnownHost, Mode, ReadOrder, Registration, Span, Store,
        sqlite::Sqlite,
    },
    units::WallMs,
};
use support::{Behaviour, FakeProbe, NameServer};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    time::timeout,
};

/// Long enough for anything that is going to happen at all.
const PATIENCE: Duration = Duration::from_secs(120);

/// The password of the server's user, which nobody is to see.
const PASSWORD: &str = "hunter2 'ö";

/// A database with a user of its own, and the files that name them.
struct Site {
    server: Mariadbd,
    desk: Desk,
}

impl Site {
    fn new(inventory: &str) -> Self {
        Self::with(inventory, &FLAGS)
    }

    fn with(inventory: &str, flags: &[&str]) -> Self {
        let server = Mariadbd::start(flags);
        let desk = Desk::new();
        desk.file("inventory.toml", inventory);
        desk.file("password", &format!("{PASSWORD}\n"));
        desk.file(
            "roundsman.toml",
            &format!(
                "data = \"{}\"\n[http]\nlisten = \"127.0.0.1:0\"\n[grpc]\nlisten = \"\"\n[store]\n\
                 url = \"mysql://roundsman@127.0.0.1:{}/fleet\"\npassword_file = \"password\"\n",
                desk.path().display(),
                server.port()
            ),
        );
        let site = Self { server, desk };
        site.sql("CREATE DATABASE fleet CHARACTER SET utf8mb4");
        let quoted = PASSWORD.replace('\'', "''");
        site.sql(&format!("CREATE USER roundsman@'127.0.0.1' IDENTIFIED BY '{quoted}'"));
        site.sql("GRANT ALL ON fleet.* TO roundsman@'127.0.0.1'");
        site
    }

    /// Runs a statement as root with the server's own client.
    fn sql(&self, sql: &str) -> String {
        let port = self.server.port().to_string();
        let client =
            ["--no-defaults", "--protocol=tcp", "-h127.0.0.1", "-uroot", "-N", "-P", &port];
        let charset = "--default-character-set=utf8mb4";
        let ended = mariadbd::client("mariadb").args(client).args([charset, "-e", sql]).output();
        let ended = ended.unwrap();
        assert!(ended.status.success(), "{sql}: {}", String::from_utf8_lossy(&ended.stderr));
        String::from_utf8(ended.stdout).unwrap()
    }

    fn config(&self) -> Config {
        let file = Some(self.desk.path().join("roundsman.toml"));
        Config::load(Sources { file, explicit: true, ..Sources::default() }).unwrap().config
    }

    async fn rows(&self, name: &str) -> Vec<Record> {
        let clock = Arc::new(SystemClock::new());
        let store = store::open(&self.config().store, Mode::ReadOnly, clock).await.unwrap();
        let hosts = store.hosts(HostQuery::all()).await.unwrap();
        let host = hosts.iter().find(|host| host.name.as_str() == name).unwrap();
        store.polls(host.id, Span::ALL, ReadOrder::OldestFirst, 5_000).await.unwrap()
    }
}

fn host(name: &str, address: SocketAddr) -> String {
    format!("[[host]]\nname = \"{name}\"\naddresses = [\"{address}\"]\n")
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

/// Waits until the live view is as wanted.
async fn until(app: &App, wanted: impl Fn(&App) -> bool) {
    let mut updates = app.live().subscribe();
    let seen = async {
        while !wanted(app) {
            // Lagging is no loss: the view is looked at whole.
            let _ = updates.recv().await;
        }
    };
    timeout(PATIENCE, seen).await.expect("the fleet never got there");
}

fn last_slot(app: &App, name: &str) -> i64 {
    app.live().host(name).and_then(|host| host.last.clone()).map_or(0, |last| last.slot.0)
}

async fn after(app: &App, name: &str, seconds: i64) {
    let now = last_slot(app, name);
    until(app, |app| last_slot(app, name) >= now + seconds * 1_000).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_of_the_database_is_felt_by_nothing_else() {
    let probe = FakeProbe::start(healthy()).await;
    let inventory = "[defaults]\ninterval = \"1s\"\ntimeout = \"600ms\"\n".to_owned()
        + &host("web-1", probe.socket());
    let mut site = Site::new(&inventory);
    let app = app::start(site.config()).await.unwrap();
    until(&app, |app| app.live().host("web-1").is_some_and(|host| host.recent.len() >= 2)).await;

    site.server.freeze();
    after(&app, "web-1", 3).await;
    site.server.thaw();
    after(&app, "web-1", 1).await;
    site.server.kill();
    after(&app, "web-1", 3).await;
    assert_eq!(app.live().host("web-1").unwrap().state, State::Up);
    // MySQL takes seconds, in which polling goes on.
    tokio::task::block_in_place(|| site.server.start_again());
    after(&app, "web-1", 1).await;
    let last = last_slot(&app, "web-1");
    // What waited on disk is replayed beside what is polled meanwhile.
    until(&app, |app| {
        let stats = app.writer();
        stats.failing_since.is_none() && stats.spool.is_none_or(|spool| spool.rows() == 0)
    })
    .await;
    app.stop().await;

    let rows = site.rows("web-1").await;
    assert!(rows.last().unwrap().slot.0 >= last);
    for pair in rows.windows(2) {
        assert_eq!(pair[1].slot.0 - pair[0].slot.0, 1_000, "{:?}", pair[1].slot);
    }
    for row in &rows {
        assert_eq!(row.outcome, Outcome::Ok, "{:?}", row.error);
    }
    let states = site.sql("SELECT from_state, to_state FROM fleet.event");
    assert_eq!(states, "pending\tup\n", "no change of state but the first");
    let counted = site.sql("SELECT COUNT(*) FROM fleet.cpu_load");
    assert_eq!(counted.trim(), rows.len().to_string());
}

#[tokio::test]
async fn the_command_line_reads_what_was_kept_and_shows_no_password() {
    let probe = FakeProbe::start(healthy()).await;
    let inventory = "[defaults]\ninterval = \"1h\"\ntimeout = \"2s\"\n".to_owned()
        + &host("web-1", probe.socket());
    let site = Site::new(&inventory);
    let before = site.desk.run(&["hosts"]);
    assert_eq!(before.code, Some(1));
    assert!(before.err.contains("start `roundsman serve` on it once"), "{}", before.err);

    let app = app::start(site.config()).await.unwrap();
    let name = roundsman::model::HostName::new("web-1").unwrap();
    for _ in 0..3 {
        assert_eq!(app.poll_now(name.clone()).await.unwrap().outcome, Outcome::Ok);
    }
    app.stop().await;
    let kept = site.rows("web-1").await;
    assert_eq!(kept.len(), 3);

    let hosts = site.desk.run(&["hosts", "--json"]);
    assert_eq!(hosts.json()["hosts"][0]["name"], "web-1");
    let history = site.desk.run(&["history", "web-1", "--json"]);
    let polls = history.json()["polls"].as_array().unwrap().clone();
    let slots: Vec<i64> = polls.iter().map(|poll| poll["slot_ms"].as_i64().unwrap()).collect();
    let mut wanted: Vec<i64> = kept.iter().map(|record| record.slot.0).collect();
    wanted.reverse();
    assert!(slots == wanted || slots.iter().rev().eq(&wanted), "{slots:?} {wanted:?}");
    let why = site.desk.run(&["why", "web-1"]);
    assert!(why.out.contains("web-1 is up"), "{}", why.out);

    let checked = site.desk.run(&["check"]);
    assert!(checked.out.contains("mysql://roundsman@127.0.0.1:"), "{}", checked.out);
    fs::write(site.desk.path().join("password"), "hunter2 wrong").unwrap();
    let refused = site.desk.run(&["hosts"]);
    assert_eq!(refused.code, Some(1));
    assert!(refused.err.contains("does not let this user in"), "{}", refused.err);
    for ended in [before, hosts, history, why, checked, refused] {
        assert!(!format!("{ended:?}").contains("hunter2"), "{ended:?}");
    }
}

/// Passes what comes to `from` on to the database, until it is aborted.
async fn forward(from: &str, to: u16) -> tokio::task::JoinHandle<()> {
    let listener = tokio::net::TcpListener::bind(from).await.unwrap();
    tokio::spawn(async move {
        let mut open = tokio::task::JoinSet::new();
        loop {
            let (mut client, _) = listener.accept().await.unwrap();
            open.spawn(async move {
                let mut server = tokio::net::TcpStream::connect(("127.0.0.1", to)).await.unwrap();
                let _ended = tokio::io::copy_bidirectional(&mut client, &mut server).await;
            });
        }
    })
}

/// Passes the database on as one of another version, named by as many bytes.
async fn forward_as(version: String, old: String, to: u16) -> (u16, tokio::task::JoinHandle<()>) {
    assert_eq!(version.len(), old.len());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let accepting = async move {
        let mut open = tokio::task::JoinSet::new();
        loop {
            let (client, _) = listener.accept().await.unwrap();
            let server = tokio::net::TcpStream::connect(("127.0.0.1", to)).await.unwrap();
            let ((mut asks, mut hears), (mut answers, mut takes)) =
                (client.into_split(), server.into_split());
            let (version, old) = (version.clone(), old.clone());
            open.spawn(async move { tokio::io::copy(&mut asks, &mut takes).await.map(drop) });
            open.spawn(async move {
                let mut bytes = [0; 65_536];
                loop {
                    let length = answers.read(&mut bytes).await?;
                    if length == 0 {
                        return hears.shutdown().await;
                    }
                    let said = &mut bytes[..length];
                    for at in 0..length.saturating_sub(version.len() - 1) {
                        if said[at..].starts_with(version.as_bytes()) {
                            said[at..at + old.len()].copy_from_slice(old.as_bytes());
                        }
                    }
                    hears.write_all(said).await?;
                }
            });
        }
    };
    (port, tokio::spawn(accepting))
}

/// A row of `doctor`: its verdict, what was found, and what to do.
fn row(ended: &program::Ended, subject: &str) -> [String; 3] {
    let document: serde_json::Value = serde_json::from_str(&ended.out).unwrap();
    let checks = document["checks"].as_array().unwrap();
    let row = checks.iter().find(|check| check["subject"] == subject);
    let row = row.unwrap_or_else(|| panic!("no {subject}: {document}"));
    ["verdict", "words", "remedy"].map(|part| row[part].as_str().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn the_doctor_sees_how_the_database_server_is_set() {
    let site = Site::new("[[host]]\nname = \"web-1\"\npaused = true\n");
    app::start(site.config()).await.unwrap().stop().await;
    let doctor = || site.desk.run(&["doctor", "--json"]);
    let well = doctor();
    let version = site.sql("SELECT VERSION()").trim().to_owned();
    let [verdict, words, _] = row(&well, "version");
    assert!(verdict == "ok" && words.starts_with(&version), "{verdict} {words}");
    assert_eq!(row(&well, "optimizer")[0], "ok");

    let switch = match mariadbd::mysqld() {
        Some(_) => "derived_condition_pushdown",
        None => "condition_pushdown_for_derived",
    };
    site.sql(&format!("SET GLOBAL optimizer_switch = '{switch}=off'"));
    let [verdict, words, remedy] = row(&doctor(), "optimizer");
    assert!(verdict == "wrong" && words.starts_with(&format!("{switch} is off")), "{words}");
    // What it says to do mends it.
    site.sql(remedy.split(", and").next().unwrap());
    assert_eq!(row(&doctor(), "optimizer")[0], "ok");
}

#[tokio::test]
async fn the_database_server_is_looked_at_before_anything_is_kept_there() {
    let flags = ["--log-bin=binlog", "--server-id=1", "--binlog-format=STATEMENT"];
    let flags: Vec<&str> = FLAGS.into_iter().chain(flags).collect();
    let site = Site::with("[[host]]\nname = \"web-1\"\npaused = true\n", &flags);
    let secret = fs::Permissions::from_mode(0o600);
    fs::set_permissions(site.desk.path().join("password"), secret).unwrap();
    let check = || site.desk.run(&["check", "--live"]);
    let refused = check();
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.err.contains("set binlog_format = ROW or MIXED there"), "{}", refused.err);
    site.sql("SET GLOBAL binlog_format = 'ROW'");
    site.sql("SET GLOBAL binlog_expire_logs_seconds = 0");
    let new = check();
    assert_eq!(new.code, Some(0), "{new:?}");
    assert!(new.err.starts_with("warning: store: "), "{}", new.err);
    assert!(new.err.contains("schema version 0"), "{}", new.err);

    app::start(site.config()).await.unwrap().stop().await;
    let well = check();
    assert_eq!(well.code, Some(0), "{well:?}");
    assert!(well.err.starts_with("warning: binary log: kept for ever"), "{}", well.err);
    assert!(well.out.contains("\noptimizer: conditions on views"), "{}", well.out);
    let document = site.desk.run(&["check", "--live", "--json"]).json();
    let subjects: Vec<_> =
        document["store"].as_array().unwrap().iter().map(|check| &check["subject"]).collect();
    assert_eq!(subjects, ["version", "optimizer", "binary log"]);
    site.sql("SET GLOBAL binlog_expire_logs_seconds = 86400");
    let well = check();
    assert!(well.out.contains("\nbinary log: kept for 24 h") && well.err.is_empty(), "{well:?}");

    // What keeps polls now may not after the next change of the server.
    site.sql("SET GLOBAL binlog_format = 'STATEMENT'");
    let refused = check();
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.err.starts_with("keeping polls: the server writes"), "{}", refused.err);
}

#[tokio::test]
async fn a_database_server_that_is_too_old_is_told_by_doctor_and_in_the_log() {
    let site = Site::new("[[host]]\nname = \"web-1\"\npaused = true\n");
    let version = site.sql("SELECT VERSION()").trim().to_owned();
    let (first, rest) = version.split_once('.').unwrap();
    let old = format!("{:0>width$}.{rest}", 5, width = first.len());
    let (port, proxy) = forward_as(version, old.clone(), site.server.port()).await;
    let settings = fs::read_to_string(site.desk.path().join("roundsman.toml")).unwrap();
    let settings = settings.replace(&site.server.port().to_string(), &port.to_string());
    site.desk.file("roundsman.toml", &settings);

    let mut command = site.desk.command(&["serve"]);
    let said = tokio::task::spawn_blocking(move || {
        let mut running = program::Running::of(command.spawn().unwrap());
        let log = std::io::BufReader::new(running.child().stderr.take().unwrap());
        let mut lines = log.lines().map(Result::unwrap);
        // Its address is said once it is open.
        lines.by_ref().take_while(|line| !line.contains("http=")).collect::<Vec<_>>()
    });
    let said = timeout(PATIENCE, said).await.unwrap().unwrap();
    let told: Vec<_> = said.iter().filter(|l| l.contains("server is too old")).collect();
    assert_eq!(told.len(), 1, "{said:?}");
    assert!(told[0].contains(&old) && told[0].contains("WARN"), "{told:?}");

    let desk = site.desk;
    let doctor = tokio::task::spawn_blocking(move || desk.run(&["doctor", "--json"]));
    let doctor = doctor.await.unwrap();
    let [verdict, words, remedy] = row(&doctor, "version");
    assert!(verdict == "wrong" && words.starts_with(&old), "{verdict} {words}");
    assert!(remedy.starts_with("upgrade the database server"), "{remedy}");
    proxy.abort();
}

/// Another server holds the right to change the schema, and does not let go.
#[test]
fn a_server_that_waits_for_the_schema_ends_when_it_is_told_to() {
    let site = Site::new("[[host]]\nname = \"web-1\"\npaused = true\n");
    site.sql(
        "CREATE TABLE fleet.lease (name VARCHAR(64) PRIMARY KEY, holder BIGINT UNSIGNED,
           epoch BIGINT UNSIGNED NOT NULL, expires DATETIME(3) NOT NULL);
         INSERT INTO fleet.lease VALUES ('schema', 1, 1, UTC_TIMESTAMP(3) + INTERVAL 1 DAY)",
    );
    let mut server = site.desk.spawn(&["serve"]);
    let log = std::io::BufReader::new(server.child().stderr.take().unwrap());
    let mut lines = log.lines().map(Result::unwrap);
    assert!(lines.any(|line| line.contains("another server changes the schema of mysql://")));
    server.signal(rustix::process::Signal::TERM);
    let rest: Vec<String> = lines.collect();
    assert_eq!(server.end(site.desk.path()).code, Some(0), "{rest:?}");
    let words = "stopped during its start, while opening the store mysql://";
    assert!(rest.iter().any(|line| line.contains(words)), "{rest:?}");
}

#[tokio::test]
async fn a_database_is_found_by_name_and_where_it_has_moved() {
    let site = Site::new("");
    let port = site.server.port();
    let names = NameServer::start().await;
    names.addresses("db.test", &["127.0.0.5"]);
    let old = forward(&format!("127.0.0.5:{port}"), port).await;
    let mut config = site.config();
    let roundsman::config::StoreUrl::Mysql(url) = &mut config.store.url else { panic!() };
    url.addresses[0].host = "db.test".to_owned();
    config.store.name_servers = vec![names.socket()];
    let clock = Arc::new(SystemClock::new());
    let store = store::open(&config.store, Mode::ReadWrite, clock).await.unwrap();
    store.status().await.unwrap();

    let _new = forward(&format!("127.0.0.6:{port}"), port).await;
    names.addresses("db.test", &["127.0.0.6"]);
    old.abort();
    let moved = async {
        while store.status().await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, moved).await.expect("the database was not found where it moved");
    // Names that are no longer known point where they did.
    names.say("db.test", support::Says::NoSuchName);
    store.status().await.unwrap();
}

/// A poll every ten seconds for three hours of two hosts; what is sealed in the database is among them.
fn polls_of_three_hours(hosts: &[KnownHost], start: WallMs) -> Vec<Record> {
    let mut all = Vec::new();
    let each = (0_u32..).zip(hosts).flat_map(|host| (0..1_080_u32).map(move |n| (host, n)));
    for ((number, host), n) in each {
        let slot = WallMs(start.0 + i64::from(n) * 10_000);
        let base = f64::from(n % 7) + if n < 900 { 10.0 } else { 60.0 };
        let mut values = Values::default();
        values.set(Column::CpuBusyPct, base + f64::from(number));
        let row = |label: &str, busy: f64| {
            let mut values = Values::<DiskColumn>::default();
            values.set(DiskColumn::BusyPct, busy);
            Row { labels: [label.into()].into_iter().collect(), values }
        };
        let mut disks = vec![row("sda", base), row("sdb", 3.5)];
        disks.truncate(if n % 10 == 0 { 1 } else { 2 });
        all.push(Record {
            host: host.id,
            name: host.name.clone(),
            slot,
            started: slot,
            inventory: VersionId(1),
            outcome: Outcome::Ok,
            state: State::Up,
            timings: Timings::default(),
            answer_bytes: None,
            address: None,
            error: None,
            boot_id: None,
            clock_skew_ms: None,
            elapsed_ns: None,
            values: Some(values),
            detail: Some(Detail { disks, ..Detail::default() }),
        });
    }
    all
}

/// Rows over time, comparison, top and changes: on both sides of the seal boundary as from an embedded file.
#[tokio::test]
async fn what_is_asked_over_time_is_answered_as_by_sqlite() {
    let site = Site::new("");
    let clock = Arc::new(SystemClock::new());
    let now = hour_of(clock.now().wall);
    let start = now.minus(Duration::from_secs(3 * 3_600));
    let mysql = store::open(&site.config().store, Mode::ReadWrite, clock).await.unwrap();
    let file = site.desk.path().join("alike.db");
    let sqlite: Arc<dyn Store> = Arc::new(Sqlite::open(file, Mode::ReadWrite).await.unwrap());
    let mut answers = Vec::new();
    for store in [sqlite, mysql] {
        let host = |name: &str| Registration {
            name: HostName::new(name).unwrap(),
            group: None,
            labels: [].into(),
            addresses: vec!["10.0.0.1:50051".to_owned()],
            renamed_from: None,
        };
        let hosts = store.register(vec![host("web-1"), host("web-2")], start).await.unwrap();
        for some in polls_of_three_hours(&hosts, start).chunks(500) {
            store.write(Arc::new(Batch::of_polls(some.to_vec()))).await.unwrap();
        }
        store.seal(now.minus(Duration::from_secs(3_600))).await.unwrap();
        let query = Query::of_store(store);
        let ten_minutes = Resolution::Step(Duration::from_secs(600));
        let rows = RowRange {
            table: DetailTable::Disk,
            row: None,
            columns: vec![DiskColumn::BusyPct as usize, DiskColumn::Queue as usize],
            from: start,
            to: now,
            detail: ten_minutes,
            rows: 10,
        };
        let (column, of) = (Column::CpuBusyPct, HostsOf::Inventory);
        let (from, to, detail) = (start, now, Some(ten_minutes));
        let compared =
            CompareRange { column, of: of.clone(), from, to, detail, tier: Some(Tier::Polls) };
        let short = TopRange {
            column,
            of,
            from: now.minus(Duration::from_secs(7_200)),
            to,
            limit: 10,
            order: SortOrder::Desc,
        };
        let half_hour = (now.minus(Duration::from_secs(1_800)), now);
        answers.push(serde_json::json!([
            query.row_series("web-1", &rows, now).await.unwrap(),
            query.compare(&compared, now).await.unwrap(),
            query.top(&short, now).await.unwrap(),
            query.changes("web-2", half_hour, 20).await.unwrap(),
        ]));
    }
    let [sqlite, mysql] = answers.try_into().unwrap();
    assert_eq!(mysql, sqlite);
    assert_eq!(sqlite[0]["rows"][0]["columns"][0]["count"][0], 60, "{sqlite}");
    assert_eq!(sqlite[2]["top"][0]["host"], "web-2", "{sqlite}");
    let changes = sqlite[3]["changes"].as_array().unwrap();
    let moved: Vec<_> = changes.iter().map(|change| change["column"].as_str().unwrap()).collect();
    assert_eq!(moved, ["cpu_busy_pct", "busy_pct"], "{sqlite}");
}
