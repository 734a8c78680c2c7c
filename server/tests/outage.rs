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
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    path::Path,
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use mariadbd::Mariadbd;
use program::{Desk, Running};
use roundsman::clock::{Clock as _, SystemClock};
use rustix::process::Signal;
use support::{Behaviour, FakeProbe};

/// Long enough for anything that is going to happen at all.
const PATIENCE: Duration = Duration::from_secs(60);

/// Between two looks at something that is waited for.
const LOOK: Duration = Duration::from_millis(50);

/// Hosts, each polled once a second.
const HOSTS: usize = 3;

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

    /// Every poll is there once and with success; between the first and the last none is missing but
    /// for the slots that the server itself says it missed, on a machine that was busy. No state changed but at the start.
    fn check(&self, starts: usize, missed: i64) {
        let polls = self.sql(
            "SELECT h.name, COUNT(*), COUNT(DISTINCT p.ts), MIN(p.ts), MAX(p.ts),
               TIMESTAMPDIFF(MICROSECOND, MIN(p.ts), MAX(p.ts)) DIV 1000000 + 1,
               SUM(p.outcome <> 'ok')
             FROM fleet.poll p JOIN fleet.host h ON h.id = p.host_id GROUP BY h.name",
        );
        let rows: Vec<Vec<&str>> = polls.lines().map(|l| l.split('\t').collect()).collect();
        assert_eq!(rows.len(), HOSTS, "{polls}");
        for row in &rows {
            assert_eq!(row[1], row[2], "{polls}");
            assert_eq!(row[6], "0", "{polls}");
        }
        let sum =
            |column: usize| rows.iter().map(|r| r[column].parse::<i64>().unwrap()).sum::<i64>();
        if starts == 1 {
            assert_eq!(sum(5) - sum(1), missed, "a poll a second: {polls}");
        }
        let states = self.sql("SELECT from_state, to_state FROM fleet.event");
        assert_eq!(states, "pending\tup\n".repeat(HOSTS));
        assert_eq!(self.sql("SELECT COUNT(*) FROM fleet.loss").trim(), "0");
    }
}

/// A running server, what it logs, and where it answers.
struct Served {
    running: Running,
    address: SocketAddr,
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
        // Else it blocks once the pipe is full.
        thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
        Self { running, address }
    }

    fn get(&self, path: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(self.address).unwrap();
        write!(stream, "GET {path} HTTP/1.0\r\nHost: x\r\n\r\n").unwrap();
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

    /// Stops it; how many slots it missed.
    fn end(mut self, desk: &Path) -> i64 {
        let missed = self.metric("roundsman_slots_missed_total");
        self.running.signal(Signal::TERM);
        assert_eq!(self.running.end(desk).code, Some(0));
        missed
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
    let missed = served.end(site.desk.path());
    site.check(1, missed);
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
    let shown = served.metric("roundsman_polls_total{outcome=\"ok\"}");
    let mut served = served;
    served.running.signal(Signal::KILL);
    drop(served);

    // The database is still away: the hosts are remembered, and polled.
    let served = site.serve();
    let said = served
        .until("/readyz", |status, body| status == 503 && body.contains("rows wait in the spool"));
    assert!(said.contains("not open yet"), "{said}");
    assert_eq!(served.get("/healthz").0, 200);
    served.polls_go_on();
    site.server.start_again();
    served.is_well();
    served.polls_go_on();
    let missed = served.end(site.desk.path());
    site.check(2, missed);
    // What was shown before the kill, less one second of it.
    let kept: i64 = site.sql("SELECT COUNT(*) FROM fleet.poll").trim().parse().unwrap();
    let again = i64::try_from(6 * HOSTS).unwrap();
    let second = i64::try_from(2 * HOSTS).unwrap();
    assert!(kept >= shown + again - second, "{kept} of {shown} and {again}");
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
    let missed = served.end(site.desk.path());
    site.check(1, missed);

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
    command.args(program.get_args()).current_dir(site.desk.path()).env("HOME", site.desk.path());
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
    let missed = served.end(site.desk.path());
    site.check(1, missed);
}
