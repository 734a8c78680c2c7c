//! The fleet and the server as child processes that end with this one: each ends when its standard
//! input does.

use std::{
    env, fs,
    io::{BufRead as _, BufReader, Write as _},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde::de::DeserializeOwned;
use tempfile::TempDir;

use crate::{Args, Kept, machine::Busy, mariadbd::Mariadbd, server::Report};

/// The most probes of one fleet process: two descriptors each, under a hard limit of 20,000.
const PER_FLEET: u32 = 5_000;

/// First address of the fleet: a network of 65,536 by the number of this process, so that two
/// measurements can stand side by side.
fn first_address() -> u32 {
    0x7f01_0001 + ((std::process::id() % 250) << 16)
}

pub(crate) struct Talk {
    child: Child,
    words: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Talk {
    fn start(arguments: &[String]) -> Self {
        let mut child = Command::new(env::current_exe().unwrap())
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let words = child.stdin.take();
        let answers = BufReader::new(child.stdout.take().unwrap());
        let mut talk = Self { child, words, answers };
        talk.heard();
        talk
    }

    fn ask(&mut self, line: &str) -> String {
        writeln!(self.words.as_mut().unwrap(), "{line}").unwrap();
        self.heard()
    }

    fn heard(&mut self) -> String {
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        assert!(!line.is_empty(), "a child ended");
        line
    }
}

impl Drop for Talk {
    fn drop(&mut self) {
        drop(self.words.take());
        let _ = self.child.wait();
    }
}

/// A fleet and a server that polls it.
pub(crate) struct Site {
    server: Talk,
    fleets: Vec<Talk>,
    folder: TempDir,
    args: Args,
    mariadb: Option<Mariadbd>,
    /// Pages that look.
    crowd: Option<Talk>,
    /// What the machine and the database had used when a report was last asked for.
    since: (Busy, u64),
}

impl Site {
    /// Starts everything and waits until every host has been polled.
    pub(crate) fn start(args: &Args, store: Kept) -> Self {
        let fleets = fleets(args);
        let folder = tempfile::tempdir().unwrap();
        let (mariadb, url) = database(store);
        fs::write(folder.path().join("inventory.toml"), inventory(args, "")).unwrap();
        let mut words = vec![
            "a-server".to_owned(),
            folder.path().display().to_string(),
            url,
            args.interval.as_millis().to_string(),
        ];
        words.extend(args.settings.iter().cloned());
        let server = Talk::start(&words);
        let since = (Busy::now(), 0);
        let mut site =
            Self { server, fleets, folder, args: args.clone(), mariadb, crowd: None, since };
        site.wait(args.interval * 2);
        site
    }

    /// Lets time pass.
    pub(crate) fn wait(&mut self, length: Duration) {
        thread::sleep(length);
    }

    /// What happened since the last report.
    pub(crate) fn report(&mut self) -> Report {
        let report: Report = from_json(&self.server.ask("report"));
        let ticks = self.mariadb.as_ref().map_or(0, Mariadbd::cpu_ticks);
        let (busy, before) = std::mem::replace(&mut self.since, (Busy::now(), ticks));
        // A tick is a hundredth of a second.
        let database_us = self.mariadb.is_some().then_some((ticks - before) as f64 * 1e4);
        Report { busy_pct: busy.share_since(), database_us, ..report }
    }

    /// Drops polls that are older; how many.
    pub(crate) fn prune(&mut self, older: Duration) -> u64 {
        from_json(&self.server.ask(&format!("prune {}", older.as_millis())))
    }

    /// These hosts are not meant to be well from now on.
    pub(crate) fn ill(&mut self, from: u32, to: u32) {
        self.server.ask(&format!("ill {from} {to}"));
    }

    /// A command to the fleet.
    pub(crate) fn set(&mut self, hosts: &str, personality: &str) {
        for fleet in &mut self.fleets {
            // A part of the fleet may have none of them.
            fleet.ask(&format!("set {hosts} {personality}"));
        }
    }

    /// What the probes were asked in all.
    pub(crate) fn asked(&mut self) -> u64 {
        let number = |line: String| {
            let word =
                line.split_whitespace().find_map(|word| word.strip_prefix("polls=")).unwrap();
            word.parse::<u64>().unwrap()
        };
        self.fleets.iter_mut().map(|fleet| number(fleet.ask("stats"))).sum()
    }

    /// Changes one host of the inventory; how long until the server has it in force.
    pub(crate) fn change_one(&mut self, mark: &str) -> Duration {
        let before: i64 = from_json(&self.server.ask("version"));
        let new = self.folder.path().join("new.toml");
        fs::write(&new, inventory(&self.args, mark)).unwrap();
        #[expect(clippy::disallowed_methods, reason = "a measurement")]
        let start = Instant::now();
        fs::rename(&new, self.folder.path().join("inventory.toml")).unwrap();
        loop {
            let now: i64 = from_json(&self.server.ask("version"));
            if now != before {
                return start.elapsed();
            }
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Puts this file of alert rules in force; how many rules it has.
    pub(crate) fn rules(&mut self, text: &str) -> usize {
        fs::write(self.folder.path().join("alerts.toml"), text).unwrap();
        from_json(&self.server.ask("rules"))
    }

    /// How many alarms there are.
    pub(crate) fn alarms(&mut self) -> usize {
        from_json(&self.server.ask("alarms"))
    }

    /// The polls that were refused since the last report: host, slot and end, milliseconds.
    pub(crate) fn refused(&mut self) -> Vec<((u32, i64), i64)> {
        from_json(&self.server.ask("refused"))
    }

    /// Opens so many pages, and waits until each has the fleet; the bytes that came so far.
    pub(crate) fn look(&mut self, pages: usize) -> u64 {
        let address: String = from_json(&self.server.ask("address"));
        let words = ["a-crowd", &address, &pages.to_string()].map(str::to_owned);
        self.crowd = Some(Talk::start(&words));
        self.looked()
    }

    /// The bytes that came to the pages.
    pub(crate) fn looked(&mut self) -> u64 {
        self.crowd.as_mut().map_or(0, |crowd| from_json(&crowd.ask("bytes")))
    }

    /// Closes them.
    pub(crate) fn look_away(&mut self) {
        self.crowd = None;
    }

    /// The server's process.
    pub(crate) fn server_pid(&self) -> u32 {
        self.server.child.id()
    }
}

/// The probes, in as many processes as they need.
pub(crate) fn fleets(args: &Args) -> Vec<Talk> {
    let mut fleets = Vec::new();
    let mut first = 1;
    while first <= args.hosts {
        let hosts = PER_FLEET.min(args.hosts + 1 - first);
        let address = std::net::Ipv4Addr::from(first_address() + first - 1);
        let line = format!(
            "a-fleet --stdin --hosts {hosts} --first {first} --address {address} --seed {}",
            args.seed
        );
        fleets.push(Talk::start(&line.split(' ').map(str::to_owned).collect::<Vec<_>>()));
        first += hosts;
    }
    fleets
}

/// Where rows go, and the database's server where that is one.
pub(crate) fn database(store: Kept) -> (Option<Mariadbd>, String) {
    match store {
        Kept::None => (None, "none".to_owned()),
        Kept::Sqlite => (None, "sqlite:bench.db".to_owned()),
        Kept::Mariadb => {
            let server = Mariadbd::start(&[]);
            let url = mariadb_url(&server);
            (Some(server), url)
        }
    }
}

fn mariadb_url(server: &Mariadbd) -> String {
    use mysql_async::prelude::Queryable as _;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let opts = mysql_async::OptsBuilder::default()
            .ip_or_hostname("127.0.0.1")
            .tcp_port(server.port())
            .prefer_socket(false)
            .user(Some("root"));
        let mut conn = mysql_async::Conn::new(opts).await.unwrap();
        for sql in ["CREATE DATABASE fleet CHARACTER SET utf8mb4"] {
            conn.query_drop(sql).await.unwrap();
        }
        conn.disconnect().await.unwrap();
    });
    format!("mysql://root@127.0.0.1:{}/fleet", server.port())
}

/// The inventory; `mark` becomes a label of host 1.
pub(crate) fn inventory(args: &Args, mark: &str) -> String {
    let plan = roundsman_fleet::plan::Plan {
        seed: args.seed,
        hosts: args.hosts,
        address: std::net::Ipv4Addr::from(first_address()).into(),
        ..roundsman_fleet::plan::Plan::default()
    };
    let probes = plan.probes().unwrap();
    let all = probes.iter().map(|probe| (probe.name.as_str(), probe.role, probe.socket));
    let interval = humantime::format_duration(args.interval).to_string();
    let mut text = roundsman_fleet::plan::inventory(all, Some(&interval));
    if let Some(timeout) = args.timeout {
        let timeout = humantime::format_duration(timeout);
        text = text.replacen("[defaults]\n", &format!("[defaults]\ntimeout = \"{timeout}\"\n"), 1);
    }
    if !mark.is_empty() {
        let labels = format!("name = \"web-1\"\nlabels = {{ mark = \"{mark}\" }}\n");
        text = text.replacen("name = \"web-1\"\n", &labels, 1);
    }
    text
}

fn from_json<T: DeserializeOwned>(line: &str) -> T {
    serde_json::from_str(line).unwrap()
}
