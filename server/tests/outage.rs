//! The database goes away in every way that it can, under the whole server: polling goes on, what
//! is wrong is said, and nothing is lost, also when the server dies meanwhile.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod support;
#[path = "support/mariadbd.rs"]
mod mariadbd;
#[path = "cli/program.rs"]
#[allow(dead_code, reason = "another test program uses the rest")]
mod program;

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    path::Path,
    process::{Command, Stdio},
    sync::{Arc, Mutex},
    thread::{self, JoinHandle},
    time::Duration,
};

use mariadbd::Mariadbd;
use program::{Desk, Running};
use roundsman::clock::{Clock as _, SystemClock};
use rustix::process::Signal;
use support::{Behaviour, FakeProbe, NameServer, Says};

/// Long enough for anything that is going to happen at all.
const PATIENCE: Duration = Duration::from_secs(60);

/// Between two looks at something that is waited for.
const LOOK: Duration = Duration::from_millis(50);

/// Hosts, each polled once in this time.
const HOSTS: usize = 3;
const INTERVAL: Duration = Duration::from_secs(1);

/// How long a row waits in memory at most (`writer.batch_wait`): what a kill may take.
const BATCH_WAIT: Duration = Duration::from_secs(1);

/// What a poll, and keeping its row, may take on a machine that is busy: over its slot.
const BUSY: Duration = Duration::from_millis(500);

/// A database with a user of its own, probes, and the files that name them.
struct Site {
    server: Mariadbd,
    desk: Desk,
    _probes: Vec<FakeProbe>,
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

impl Site {
    async fn new(more: &str) -> Self {
        let mut inventory = "[defaults]\ninterval = \"1s\"\ntimeout = \"600ms\"\n".to_owned();
        let mut probes = Vec::new();
        for number in 0..HOSTS {
            let probe = FakeProbe::start(healthy()).await;
            let address = probe.socket();
            inventory +=
                &format!("[[host]]\nname = \"web-{number}\"\naddresses = [\"{address}\"]\n");
            probes.push(probe);
        }
        let server = Mariadbd::start(&["--innodb-flush-method=nosync"]);
        let desk = Desk::new();
        desk.file("inventory.toml", &inventory);
        desk.file(
            "roundsman.toml",
            &format!(
                "data = \"data\"\n[http]\nlisten = \"127.0.0.1:0\"\n[grpc]\nlisten = \"\"\n{more}\n[store]\n\
                 url = \"mysql://plain@127.0.0.1:{}/fleet\"\npassword = \"right\"\n",
                server.port()
            ),
        );
        let site = Self { server, desk, _probes: probes };
        site.sql("CREATE DATABASE fleet CHARACTER SET utf8mb4");
        site.sql("CREATE USER plain@'127.0.0.1' IDENTIFIED BY 'right'");
        site.sql("GRANT ALL ON fleet.* TO plain@'127.0.0.1'");
        site
    }

    /// Runs a statement as root with the server's own client.
    fn sql(&self, sql: &str) -> String {
        let port = self.server.port().to_string();
        let client =
            ["--no-defaults", "--protocol=tcp", "-h127.0.0.1", "-uroot", "-N", "-P", &port];
        let ended = Command::new("mariadb").args(client).args(["-e", sql]).output().unwrap();
        assert!(ended.status.success(), "{sql}: {}", String::from_utf8_lossy(&ended.stderr));
        String::from_utf8(ended.stdout).unwrap()
    }

    fn serve(&self) -> Served {
        Served::begin(self.desk.command(&["serve"]))
    }

    /// Every host's slots that are kept, in milliseconds since 1970, oldest first; every poll is there
    /// once and with success.
    fn slots(&self) -> BTreeMap<String, Vec<i64>> {
        let polls = self.sql(
            "SELECT h.name, CAST(UNIX_TIMESTAMP(p.ts) * 1000 AS INTEGER), p.outcome
             FROM fleet.poll p JOIN fleet.host h ON h.id = p.host_id ORDER BY p.ts",
        );
        let mut slots: BTreeMap<String, Vec<i64>> = BTreeMap::new();
        for row in polls.lines().map(|line| line.split('\t').collect::<Vec<_>>()) {
            assert_eq!(row[2], "ok", "{row:?}");
            slots.entry(row[0].to_owned()).or_default().push(row[1].parse().unwrap());
        }
        for (host, of_host) in &slots {
            assert!(of_host.is_sorted_by(|a, b| a < b), "twice: {host}: {of_host:?}");
        }
        slots
    }

    /// Between the first and the last poll of each host none is missing. No state changed but at the
    /// start.
    fn check(&self, ended: &Ended) {
        let slots = self.slots();
        assert_eq!(slots.len(), HOSTS, "{slots:?}");
        let missing: BTreeMap<&String, Vec<i64>> =
            slots.iter().map(|(host, slots)| (host, missing(slots, |_| true))).collect();
        let count: usize = missing.values().map(Vec::len).sum();
        let count = i64::try_from(count).unwrap();
        assert_eq!(count, ended.missed, "lost: {missing:?}\n{ended:?}\n{}", self.late());
        // The server skips a slot when it is late by an interval. That it may be only when it did not
        // get the processor: what it waits for by itself must not hold up polling.
        assert!(
            count == 0 || ended.starved >= INTERVAL,
            "skipped without need: {missing:?}\n{ended:?}\n{}",
            self.late()
        );
        self.check_states();
    }

    fn check_states(&self) {
        let states = self.sql("SELECT from_state, to_state FROM fleet.event");
        assert_eq!(states, "pending\tup\n".repeat(HOSTS));
        assert_eq!(self.sql("SELECT COUNT(*) FROM fleet.loss").trim(), "0");
    }

    /// The polls that were begun late, for whoever looks into a failure.
    fn late(&self) -> String {
        self.sql(
            "SELECT host_id, ts, late_us, queue_us, call_us FROM fleet.poll
             WHERE late_us > 100000 ORDER BY ts",
        )
    }
}

/// The slots of a host's grid that are missing between its first and its last, of those wanted.
fn missing(slots: &[i64], wanted: impl Fn(i64) -> bool) -> Vec<i64> {
    let (Some(first), Some(last)) = (slots.first(), slots.last()) else { return Vec::new() };
    let step = i64::try_from(INTERVAL.as_millis()).unwrap();
    let grid = (0..).map(|number| first + number * step).take_while(|slot| slot < last);
    grid.filter(|slot| wanted(*slot) && !slots.contains(slot)).collect()
}

/// What a server said of itself before it ended.
#[derive(Debug)]
struct Ended {
    /// Slots that it skipped because it was late by more than an interval.
    missed: i64,
    /// How long the thread that polls waited for a processor (proc(5), `schedstat`).
    starved: Duration,
    /// All that it logged.
    #[allow(dead_code, reason = "shown when a test fails")]
    log: String,
}

/// A running server, what it logs, and where it answers.
struct Served {
    running: Running,
    address: SocketAddr,
    log: Arc<Mutex<String>>,
    reader: JoinHandle<()>,
}

impl Served {
    fn begin(mut command: Command) -> Self {
        command.stderr(Stdio::piped()).stdout(Stdio::null());
        let mut running = Running::of(command.spawn().unwrap());
        let mut log = BufReader::new(running.child().stderr.take().unwrap());
        let mut said = String::new();
        let address = loop {
            let mut line = String::new();
            assert!(log.read_line(&mut line).unwrap() > 0, "it ended: {said}");
            said += &line;
            if let Some((_, address)) = line.split_once("http=") {
                break address.split_whitespace().next().unwrap().parse().unwrap();
            }
        };
        // Read to its end, or the server blocks once the pipe is full.
        let all = Arc::new(Mutex::new(said));
        let its = Arc::clone(&all);
        let reader = thread::spawn(move || {
            for line in log.lines().map_while(Result::ok) {
                its.lock().unwrap().push_str(&(line + "\n"));
            }
        });
        Self { running, address, log: all, reader }
    }

    fn get(&self, path: &str) -> (u16, String) {
        self.ask(&format!("GET {path} HTTP/1.0\r\nHost: x\r\n\r\n"))
    }

    fn post(&self, path: &str, body: &str) -> (u16, String) {
        let length = body.len();
        self.ask(&format!(
            "POST {path} HTTP/1.0\r\nHost: x\r\nContent-Type: application/json\r\n\
             Content-Length: {length}\r\n\r\n{body}"
        ))
    }

    fn ask(&self, request: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, body.to_owned())
    }

    /// Waits until an answer is as wanted.
    fn until(&self, path: &str, wanted: impl Fn(u16, &str) -> bool) -> String {
        let mut last = String::new();
        for _ in 0..PATIENCE.as_millis() / LOOK.as_millis() {
            let (status, body) = self.get(path);
            if wanted(status, &body) {
                return body;
            }
            last = format!("{status} {body}");
            thread::park_timeout(LOOK);
        }
        panic!("{path} never became so: {last}");
    }

    fn metric(&self, name: &str) -> i64 {
        let (_, text) = self.get("/metrics");
        let line = text.lines().find(|line| line.starts_with(&format!("{name} ")));
        // What has a label is not there before it was first counted.
        let Some(line) = line else { return 0 };
        line.rsplit(' ').next().unwrap().parse().unwrap()
    }

    fn until_metric(&self, name: &str, wanted: impl Fn(i64) -> bool) {
        self.until("/metrics", |_, _| wanted(self.metric(name)));
    }

    /// Waits until polling has gone on for some rounds, with every host up.
    fn polls_go_on(&self) {
        let polls = "roundsman_polls_total{outcome=\"ok\"}";
        let before = self.metric(polls);
        let more = i64::try_from(3 * HOSTS).unwrap();
        self.until_metric(polls, |now| now >= before + more);
        assert_eq!(self.metric("roundsman_hosts{state=\"up\"}"), i64::try_from(HOSTS).unwrap());
    }

    fn is_well(&self) {
        self.until("/readyz", |status, _| status == 200);
        self.until_metric("roundsman_spool_rows", |rows| rows == 0);
        assert_eq!(self.metric("roundsman_rows_dropped"), 0);
    }

    /// Ends it at once; when that was, by the clock that slots are told by.
    fn kill(mut self) -> i64 {
        self.running.signal(Signal::KILL);
        let killed = SystemClock::new().now().wall.0;
        assert_ne!(self.running.end(Path::new("/")).code, Some(0));
        killed
    }

    /// Stops it in order.
    fn end(mut self, desk: &Path) -> Ended {
        let missed = self.metric("roundsman_slots_missed_total");
        let schedstat = format!("/proc/{}/schedstat", self.running.child().id());
        let schedstat = fs::read_to_string(schedstat).unwrap();
        let waited = schedstat.split(' ').nth(1).unwrap().parse().unwrap();
        self.running.signal(Signal::TERM);
        assert_eq!(self.running.end(desk).code, Some(0));
        self.reader.join().unwrap();
        let log = self.log.lock().unwrap().clone();
        Ended { missed, starved: Duration::from_nanos(waited), log }
    }
}

#[tokio::test]
async fn faults_that_an_operator_can_mend_are_said_and_waited_for() {
    let site = Site::new("").await;
    let served = site.serve();
    served.until("/readyz", |status, _| status == 200);
    served.polls_go_on();
    for (away, word, back) in [
        ("SET GLOBAL read_only = 1", "read-only", "SET GLOBAL read_only = 0"),
        (
            "SET PASSWORD FOR plain@'127.0.0.1' = PASSWORD('wrong')",
            "does not let this user in",
            "SET PASSWORD FOR plain@'127.0.0.1' = PASSWORD('right')",
        ),
        (
            "RENAME TABLE fleet.poll TO fleet.elsewhere",
            "doesn't exist",
            "RENAME TABLE fleet.elsewhere TO fleet.poll",
        ),
    ] {
        site.sql(away);
        if word.contains("let this user") {
            // Who is in stays in.
            site.sql("KILL USER plain");
        }
        let said = served.until("/readyz", |status, body| status == 503 && body.contains(word));
        assert!(!said.contains("right\""), "{said}");
        served.until_metric("roundsman_spool_rows", |rows| rows > 0);
        served.polls_go_on();
        site.sql(back);
        served.is_well();
    }
    let ended = served.end(site.desk.path());
    site.check(&ended);
}

/// The slots of each host that wait in a spool, read beside the server.
fn spooled(path: &Path) -> BTreeMap<String, Vec<i64>> {
    let spool = rusqlite::Connection::open(path).unwrap();
    spool.busy_timeout(PATIENCE).unwrap();
    let mut rows = spool
        .prepare(
            "SELECT json_extract(h.known, '$.name'), p.slot_ms FROM poll p
             JOIN host h ON h.id = p.host_id ORDER BY p.slot_ms",
        )
        .unwrap();
    let mut slots: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    let mut found = rows.query([]).unwrap();
    while let Some(row) = found.next().unwrap() {
        slots.entry(row.get(0).unwrap()).or_default().push(row.get(1).unwrap());
    }
    slots
}

#[tokio::test]
async fn a_server_killed_in_an_outage_begins_again_without_the_database_and_loses_a_second() {
    let mut site = Site::new("").await;
    let served = site.serve();
    served.until("/readyz", |status, _| status == 200);
    served.polls_go_on();
    site.server.kill();
    served.until_metric("roundsman_spool_rows", |rows| rows >= 6);
    served.polls_go_on();
    // What is in the spool now is there whatever comes.
    let shown = spooled(&site.desk.path().join("data").join("spool.db"));
    assert_eq!(shown.len(), HOSTS);
    let killed = served.kill();

    // The database is still away: the hosts are remembered, and polled.
    let served = site.serve();
    let begun = SystemClock::new().now().wall.0;
    let said = served
        .until("/readyz", |status, body| status == 503 && body.contains("rows wait in the spool"));
    assert!(said.contains("not open yet"), "{said}");
    assert_eq!(served.get("/healthz").0, 200);
    served.polls_go_on();
    site.server.start_again();
    served.is_well();
    served.polls_go_on();
    let ended = served.end(site.desk.path());
    site.check_states();

    // Slot by slot: what was due before the last second is there, and what was due once the server
    // had begun again.
    let ms = |length: Duration| i64::try_from(length.as_millis()).unwrap();
    let safe = killed - ms(BATCH_WAIT + BUSY);
    let slots = site.slots();
    assert_eq!(slots.len(), HOSTS);
    let mut lost = 0;
    for (host, slots) in &slots {
        let is_due = |slot: i64| slot <= safe || slot >= begun;
        let gaps = missing(slots, is_due);
        lost += i64::try_from(gaps.len()).unwrap();
        let last = slots.iter().rfind(|slot| **slot < killed).unwrap();
        assert!(last + ms(INTERVAL) > safe, "{host}: {last} is the last before {killed}");
        let first = slots.iter().find(|slot| **slot > killed).unwrap();
        assert!(*first < begun + ms(INTERVAL), "{host}: {first} is the first after {begun}");
        assert!(gaps.is_empty() || ended.missed > 0, "{host}: {gaps:?} of {slots:?}; {ended:?}");
        for slot in shown.get(host).unwrap() {
            assert!(slots.contains(slot), "{host}: {slot} was in the spool: {slots:?}");
        }
    }
    assert!(lost <= ended.missed, "{lost}: {slots:?} {ended:?}");
}

#[tokio::test]
async fn a_first_start_waits_for_the_database_but_not_for_a_typo() {
    let mut site = Site::new("").await;
    site.server.kill();
    let served = site.serve();
    assert_eq!(served.get("/healthz"), (200, "ok\n".to_owned()));
    let said = served.until("/readyz", |status, _| status == 503);
    assert!(
        said.contains("no inventory is in force yet") && said.contains("cannot connect"),
        "{said}"
    );
    site.server.start_again();
    served.is_well();
    served.polls_go_on();
    let ended = served.end(site.desk.path());
    site.check(&ended);

    fs::remove_dir_all(site.desk.path().join("data")).unwrap();
    site.sql("SET PASSWORD FOR plain@'127.0.0.1' = PASSWORD('other')");
    let refused = site.desk.run(&["serve"]);
    assert_eq!(refused.code, Some(1));
    assert!(refused.err.contains("does not let this user in"), "{}", refused.err);
}

#[tokio::test]
async fn a_full_disk_under_the_spool_is_said_and_rows_wait_in_memory() {
    let mut site = Site::new("").await;
    let data = site.desk.path().join("data");
    fs::create_dir(&data).unwrap();
    // A disk of its own for the server alone: it goes with it.
    let script = format!(
        "mount -t tmpfs -o size=3m tmpfs '{0}' && \
         exec \"$@\"",
        data.display()
    );
    let program = site.desk.command(&["serve"]);
    let mut command = Command::new("unshare");
    command.args(["-rm", "sh", "-c", &script, "sh"]).arg(program.get_program());
    command.args(program.get_args()).current_dir(site.desk.path());
    // Nobody's own settings.
    command.env_clear().env("PATH", std::env::var("PATH").unwrap());
    command.env("HOME", site.desk.path());
    for (name, value) in program.get_envs() {
        command.env(name, value.unwrap());
    }
    let mut served = Served::begin(command);
    served.until("/readyz", |status, _| status == 200);
    let disk = format!("/proc/{}/root{}", served.running.child().id(), data.display());
    let mut ballast = fs::File::create(format!("{disk}/ballast")).unwrap();
    while ballast.write(&[0; 4096]).is_ok_and(|written| written > 0) {}
    drop(ballast);
    site.server.kill();
    let said = served.until("/readyz", |_, body| body.contains("the spool does not work"));
    assert!(said.contains("full"), "{said}");
    served.polls_go_on();
    assert!(served.metric("roundsman_rows_waiting") > 0);
    assert_eq!(served.metric("roundsman_spool_up"), 0);
    fs::remove_file(format!("{disk}/ballast")).unwrap();
    served.until_metric("roundsman_spool_up", |up| up == 1);
    served.until_metric("roundsman_rows_waiting", |rows| rows == 0);
    site.server.start_again();
    served.is_well();
    let ended = served.end(site.desk.path());
    site.check(&ended);
}

#[tokio::test]
async fn days_that_somebody_drops_are_made_anew_and_polls_go_on() {
    let site = Site::new("").await;
    let served = site.serve();
    served.until("/readyz", |status, _| status == 200);
    served.polls_go_on();
    let days = "SELECT GROUP_CONCAT(PARTITION_NAME) FROM information_schema.PARTITIONS
                WHERE TABLE_SCHEMA = 'fleet' AND TABLE_NAME = 'poll' AND PARTITION_NAME >= CONCAT(
                  'p', DATE_FORMAT(UTC_DATE(), '%Y%m%d'))";
    let to_come = site.sql(days);
    let to_come: Vec<&str> = to_come.trim().split(',').collect();
    assert!(to_come.len() >= 4, "today and those made ahead: {to_come:?}");
    // Tomorrow and later: today stays.
    let later = to_come[1..].join(",");
    site.sql(&format!("ALTER TABLE fleet.poll DROP PARTITION {later}"));
    served.polls_go_on();
    served.is_well();
    let kept = site.slots();
    // Today and what was kept in it: what comes is kept all the same.
    let today = site.sql(days).trim().to_owned();
    site.sql(&format!("ALTER TABLE fleet.poll DROP PARTITION {today}"));
    let dropped = SystemClock::new().now().wall.0;
    served.polls_go_on();
    served.polls_go_on();
    served.is_well();
    let stats = served.get("/api/v1/server").1;
    let ended = served.end(site.desk.path());
    let slots = site.slots();
    assert_eq!(slots.len(), HOSTS, "{stats}\n{}", ended.log);
    let mut gaps = 0;
    for (host, slots) in &slots {
        // Only what was there when it was dropped went with it.
        assert!(slots[0] > *kept[host].last().unwrap() || slots.contains(&kept[host][0]));
        assert!(slots[0] <= dropped + 1_000, "{host}: {slots:?} after {dropped}: {}", ended.log);
        gaps += missing(slots, |_| true).len();
    }
    assert_eq!(i64::try_from(gaps).unwrap(), ended.missed, "{slots:?} {ended:?}");
    site.check_states();
}

#[tokio::test]
async fn rows_of_a_database_that_was_replaced_go_under_nobody_elses_name() {
    let site = Site::new("").await;
    let served = site.serve();
    served.until("/readyz", |status, _| status == 200);
    served.polls_go_on();
    site.sql("DROP DATABASE fleet");
    site.sql("CREATE DATABASE fleet CHARACTER SET utf8mb4");
    served.until("/readyz", |status, body| status == 503 && body.contains("doesn't exist"));
    served.until_metric("roundsman_spool_rows", |rows| rows >= 6);
    served.polls_go_on();
    let ended = served.end(site.desk.path());
    assert!(ended.log.contains("the store takes no rows"), "{}", ended.log);
    // In the new one the numbers are others: hosts of another inventory came first.
    let before = site.desk.path().join("inventory.toml");
    let inventory = fs::read_to_string(&before).unwrap();
    let stopped = SystemClock::new().now().wall.0;
    site.desk.file("inventory.toml", &inventory.replace("web-", "app-"));
    let served = site.serve();
    served.until("/readyz", |status, _| status == 200);
    served.polls_go_on();
    served.is_well();
    let ended = served.end(site.desk.path());
    let aside = ended.log.lines().filter(|line| line.contains("was set aside")).count();
    assert_eq!(aside, 1, "{}", ended.log);
    assert!(ended.log.contains("for another database than the one that"), "{}", ended.log);
    assert!(site.desk.path().join("data").join("spool.db.aside-1").exists());
    let slots = site.slots();
    assert_eq!(slots.keys().collect::<Vec<_>>(), ["app-0", "app-1", "app-2"]);
    for (host, slots) in &slots {
        assert!(slots[0] >= stopped, "{host} has a poll of another host: {slots:?}");
    }
}

/// The name under which a host is discovered; no other name server knows it.
const TASKS: &str = "tasks.probe.test";

// The name server answers while the test waits.
#[tokio::test(flavor = "multi_thread")]
async fn discovered_hosts_and_pauses_are_remembered_while_the_database_is_away() {
    let names = NameServer::start().await;
    let behaviour = Behaviour::changed(|snapshot| {
        let identity = snapshot.identity.as_mut().unwrap();
        identity.machine_id = Some("d".repeat(32));
        identity.hostname = Some("node-1".to_owned());
        snapshot.clocks.as_mut().unwrap().wall_ns = SystemClock::new().now().wall.0 * 1_000_000;
    });
    let found = FakeProbe::start_at("127.0.0.2:0".parse().unwrap(), behaviour).await;
    names.addresses(TASKS, &["127.0.0.2"]);
    let mut site = Site::new(&format!("[resolve]\nservers = \"{}\"", names.socket())).await;
    let inventory = site.desk.path().join("inventory.toml");
    let listed = fs::read_to_string(&inventory).unwrap();
    let group = format!(
        "[[group]]\nname = \"nodes\"\n\
         discover = {{ dns = \"{TASKS}\", refresh = \"5s\", port = {} }}\n",
        found.socket().port()
    );
    site.desk.file("inventory.toml", &(listed + &group));
    let is = |state: &str| {
        let wanted = format!("\"state\":\"{state}\"");
        move |status: u16, body: &str| status == 200 && body.contains(&wanted)
    };
    let served = site.serve();
    served.until("/api/v1/hosts/node-1", is("up"));
    let (status, said) = served.post("/api/v1/hosts/web-0/pause", "{\"reason\": \"new disk\"}");
    assert_eq!(status, 200, "{said}");
    let (status, said) = served.post("/api/v1/hosts/web-1/pause", "{}");
    assert_eq!(status, 200, "{said}");
    let (status, said) = served.post("/api/v1/hosts/web-1/resume", "{}");
    assert_eq!(status, 200, "{said}");
    served.is_well();
    served.end(site.desk.path());
    let numbers = site.sql("SELECT id, name FROM fleet.host ORDER BY id");

    site.server.kill();
    // Nobody finds it any more, either.
    names.say(TASKS, Says::NoSuchName);
    let served = site.serve();
    served.until("/readyz", |status, body| status == 503 && body.contains("not open yet"));
    for _ in 0..2 {
        // Polled again and again, by a server that never saw its store.
        let before = served.get("/api/v1/hosts/node-1").1;
        assert!(is("up")(200, &before), "{before}");
        served.until("/api/v1/hosts/node-1", |_, now| last_slot(now) > last_slot(&before));
    }
    let paused = served.until("/api/v1/hosts/web-0", is("paused"));
    assert!(paused.contains("new disk"), "{paused}");
    served.until("/api/v1/hosts/web-1", is("up"));
    site.server.start_again();
    served.is_well();
    served.until("/api/v1/hosts/web-0", is("paused"));
    served.end(site.desk.path());
    assert_eq!(site.sql("SELECT id, name FROM fleet.host ORDER BY id"), numbers);
    assert_eq!(site.slots().len(), HOSTS + 1);
}

/// The slot of the last poll of a host, as the API tells it.
fn last_slot(host: &str) -> i64 {
    let host: serde_json::Value = serde_json::from_str(host).unwrap();
    host["last"]["slot_ms"].as_i64().unwrap_or_default()
}
