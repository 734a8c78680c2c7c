//! What alert rules cost a poll on the polling thread: CPU time, nothing else running in it.
//!
//! `cargo bench -p roundsman --bench judge [-- HOSTS]`
//!
//! Every host has rules of its own standing, and between two polls the thread goes through more memory
//! than a core's cache holds, as the rest of a poll does; that is measured alone and taken off. The rules
//! are those that come along, again and again under other names. Nothing fires, as on most polls.
#![allow(clippy::unwrap_used, reason = "a measurement that fails is none")]
#![allow(clippy::cast_precision_loss, reason = "printed with few digits")]

use std::{env, hint::black_box, sync::Arc, time::Duration};

use roundsman::{
    alert::{Budget, Judge, RuleSets, SHIPPED, Subject},
    model::{
        Column, ColumnSet, Detail, DiskColumn, FilesystemColumn, HostId, HostName, Labels,
        NetColumn, Outcome, Record, Row, State, Timings, Values, VersionId,
    },
    route::parse_all,
    units::WallMs,
};
use rustix::time::{ClockId, clock_gettime};

/// How many rules are compared.
const COUNTS: [usize; 4] = [0, 20, 34, 500];
/// Of each count, how often; the best and the median are told.
const TURNS: usize = 7;
/// Disks, interfaces and filesystems of a host.
const ROWS: [usize; 3] = [2, 3, 5];
/// What the thread goes through between two polls, bytes: the cache of a core, twice.
const OTHER_BYTES: usize = 1 << 20;

fn main() {
    // `cargo test --benches` only wants to know that it runs.
    let hosts = if env::args().any(|word| word == "--bench") { 1_000 } else { 20 };
    let hosts = env::args().find_map(|word| word.parse().ok()).unwrap_or(hosts);
    println!("{hosts} hosts, {ROWS:?} disks, interfaces and filesystems each, {TURNS} turns;");
    for count in COUNTS {
        let mut fleet = Fleet::new(hosts, &rules(count));
        fleet.round(1, true);
        let turn = |turn: i64| fleet.round(3 * turn, true) - fleet.round(3 * turn + 1, false);
        let mut all: Vec<f64> = (1..).map(turn).take(TURNS).collect();
        all.sort_by(f64::total_cmp);
        println!("{count:4} rules: {:6.2} us a poll, best {:6.2}", all[TURNS / 2], all[0]);
    }
}

/// So many of the rules that come along and are over hosts.
fn rules(count: usize) -> String {
    let (_, all) = SHIPPED.split_once("[[alert]]").unwrap();
    let all: Vec<&str> =
        all.split("[[alert]]").filter(|text| !text.contains("\"server\"")).collect();
    let named = |number: usize| {
        let name = format!("name = \"r{number}-");
        format!("[[alert]]{}", all[number % all.len()].replacen("name = \"", &name, 1))
    };
    (0..count).map(named).collect()
}

struct Fleet {
    hosts: Vec<(Judge, Record)>,
    budget: Budget,
    name: HostName,
    labels: Labels,
    other: Vec<u8>,
}

impl Fleet {
    fn new(hosts: usize, rules: &str) -> Self {
        let mut rules = RuleSets::new(parse_all("alerts.toml", rules).unwrap().rules.list);
        let name = HostName::new("web-1").unwrap();
        let labels = Labels::new();
        let mut budget = Budget::default();
        let host = |number: usize| {
            let id = HostId(i64::try_from(number).unwrap() + 1);
            let mut judge = Judge::new(id, Vec::new(), None);
            let _ = judge.install(&mut rules, &subject(&name, &labels), WallMs(0), &mut budget);
            (judge, record(id, &name))
        };
        let hosts = (0..hosts).map(host).collect();
        Self { hosts, budget, name, labels, other: vec![1; OTHER_BYTES] }
    }

    /// One poll of every host, microseconds of this thread a poll; judged or not.
    fn round(&mut self, slot: i64, is_judged: bool) -> f64 {
        let before = thread_us();
        let mut sum = 0_u64;
        for (judge, record) in &mut self.hosts {
            sum += self.other.iter().step_by(64).map(|byte| u64::from(*byte)).sum::<u64>();
            record.slot = WallMs(slot * 1_000);
            if is_judged {
                let subject = subject(&self.name, &self.labels);
                let judged = judge.judge(record, &subject, record.slot, &mut self.budget);
                assert!(judged.events.is_empty(), "{:?}", judged.events);
            }
        }
        black_box(sum);
        (thread_us() - before) / self.hosts.len() as f64
    }
}

fn subject<'a>(name: &'a HostName, labels: &'a Labels) -> Subject<'a> {
    Subject {
        name,
        group: None,
        labels,
        interval: Duration::from_secs(1),
        cause: None,
        is_flapping: false,
        certificate_left_s: None,
        probe_version: Some("1.0.0"),
        server_version: "1.0.0",
        is_frozen: false,
    }
}

/// A poll of a host on which all is well.
fn record(host: HostId, name: &HostName) -> Record {
    let mut values = Values::default();
    Column::ALL.iter().for_each(|column| values.set(*column, 1.0));
    // None of these is well at 1.
    for column in [Column::OomKillsPerS, Column::MemHardwareCorruptedBytes] {
        values.set(column, 0.0);
    }
    for column in [Column::ConntrackLimit, Column::FileHandlesMax, Column::TcpOutSegmentsPerS] {
        values.set(column, 1e6);
    }
    let mut detail = Detail::default();
    let [disks, interfaces, filesystems] = ROWS;
    detail.disks = rows::<DiskColumn>(disks, "nvme", &[]);
    detail.interfaces = rows::<NetColumn>(interfaces, "eth", &[]);
    detail
        .interfaces
        .iter_mut()
        .for_each(|row| NetColumn::ALL.iter().for_each(|c| row.values.set(*c, 0.1)));
    detail.filesystems =
        rows::<FilesystemColumn>(filesystems, "/srv/", &["/dev/sda1", "ext4", "ok"]);
    detail.filesystems.iter_mut().for_each(|row| row.values.set(FilesystemColumn::ReadOnly, 0.0));
    Record {
        host,
        name: name.clone(),
        slot: WallMs(0),
        started: WallMs(0),
        inventory: VersionId(1),
        outcome: Outcome::Ok,
        state: State::Up,
        timings: Timings::default(),
        answer_bytes: None,
        address: None,
        error: None,
        boot_id: Some("boot".into()),
        clock_skew_ms: Some(0),
        elapsed_ns: None,
        values: Some(values),
        detail: Some(detail),
    }
}

fn rows<C: ColumnSet>(count: usize, stem: &str, others: &[&str]) -> Vec<Row<C>> {
    let row = |number: usize| {
        let labels = std::iter::once(format!("{stem}{number}"));
        let labels = labels.chain(others.iter().map(ToString::to_string));
        let mut values = Values::default();
        C::ALL.iter().for_each(|column| values.set(*column, 1.0));
        Row { labels: labels.map(Arc::from).collect(), values }
    };
    (0..count).map(row).collect()
}

fn thread_us() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap()).as_secs_f64()
        * 1e6
}
