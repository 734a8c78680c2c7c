//! The server in a process of its own: the whole of it over the ledger, told what to do by lines on
//! standard input, answering one line of JSON each.

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead as _, Write as _},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use roundsman::{
    app::{self, App},
    clock::{Clock as _, SystemClock},
    config::{Config, Flag, Sources},
    model::Outcome,
    store::{self, Mode, Retention, Store as _},
    units::WallMs,
};
use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use crate::ledger::{Ledger, Noted, Spread};

/// What the server says of the time since it was last asked.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Report {
    pub(crate) seconds: f64,
    pub(crate) polls: usize,
    pub(crate) outcomes: BTreeMap<String, usize>,
    /// Of hosts that are meant to be well.
    pub(crate) well: Well,
    /// Begun in the busiest second.
    pub(crate) burst: usize,
    pub(crate) process_us: f64,
    /// The same by thread; `polls` is the one that polls.
    pub(crate) thread_us: BTreeMap<String, f64>,
    /// How late healthy hosts were, in each [`WINDOW_MS`] of slots.
    pub(crate) windows: Vec<Spread>,
    pub(crate) rss_kib: u64,
    pub(crate) private_kib: u64,
    pub(crate) fds: usize,
    pub(crate) threads: usize,
    /// Nobody outside the server knows.
    pub(crate) tasks: Option<usize>,
    pub(crate) states: BTreeMap<String, usize>,
    pub(crate) moves: BTreeMap<String, usize>,
    /// Of the whole machine, everybody's work, per cent; known to who asks.
    pub(crate) busy_pct: f64,
    /// CPU time of the database; known to who asks.
    pub(crate) database_us: Option<f64>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Well {
    pub(crate) polls: usize,
    pub(crate) ok: usize,
    /// Slots between a host's first and last that have no row.
    pub(crate) gaps: usize,
    /// Hosts whose slots are not all on one grid.
    pub(crate) off_grid: usize,
    pub(crate) late: Spread,
    /// Lateness and waiting for a place together: until it is truly begun.
    pub(crate) begun: Spread,
}

/// Slots whose lateness is told together.
pub(crate) const WINDOW_MS: i64 = 10_000;

pub(crate) fn config(folder: &Path, store_url: &str, settings: Vec<String>) -> Config {
    let flag = |key: &'static str, value: String| Flag { key, name: "bench", value };
    let mut flags = vec![
        flag("inventory", folder.join("inventory.toml").display().to_string()),
        flag("data", folder.display().to_string()),
        flag("http.listen", "127.0.0.1:0".to_owned()),
        flag("grpc.listen", String::new()),
    ];
    for setting in settings {
        let (key, value) = setting.split_once('=').unwrap();
        flags.push(flag(String::leak(key.to_owned()), value.to_owned()));
    }
    if store_url != "none" {
        flags.push(flag("store.url", store_url.to_owned()));
    }
    Config::load(Sources { flags, ..Sources::default() }).unwrap().config
}

/// Runs until standard input ends.
pub(crate) async fn run(
    folder: PathBuf,
    store_url: String,
    interval_ms: i64,
    settings: Vec<String>,
) {
    let config = config(&folder, &store_url, settings);
    let inner = match store_url.as_str() {
        "none" => None,
        _ => {
            let clock = Arc::new(SystemClock::new());
            Some(store::open(&config.store, Mode::ReadWrite, clock).await.unwrap())
        }
    };
    let ledger = Ledger::new(inner);
    let app = app::start_over(config, ledger.clone()).await.unwrap();
    let mut lines = lines();
    say(&"ready");
    let (mut since, mut ill) = (Used::now(), 0..0);
    while let Some(line) = lines.recv().await {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            // Hosts with these numbers are not meant to be well.
            ["ill", from, to] => {
                ill = from.parse().unwrap()..to.parse().unwrap();
                say(&"ok");
            }
            // Cheap, unlike a report: to be asked again and again.
            ["version"] => {
                let server = app.live().server();
                assert_eq!(server.inventory_error, None);
                say(&server.inventory.map_or(0, |(version, ..)| version.0));
            }
            ["rules"] => {
                app.reload_inventory().await.unwrap();
                let server = app.live().server();
                assert_eq!(server.alerts_error, None);
                say(&server.alerts.map_or(0, |alerts| alerts.rules.list.len()));
            }
            ["alarms"] => {
                let hosts = app.live().hosts();
                say(&hosts.iter().map(|host| host.alarms.len()).sum::<usize>());
            }
            ["refused"] => {
                let refused = |noted: &Noted| noted.outcome == Outcome::Refused;
                let noted = ledger.take().0;
                let ends: Vec<_> = noted
                    .into_iter()
                    .filter(refused)
                    .map(|noted| ((noted.host, noted.slot_ms), noted.ended_ms))
                    .collect();
                say(&ends);
            }
            ["address"] => say(&app.http_addr().unwrap().to_string()),
            ["report"] => {
                let now = Used::now();
                let noted = ledger.take();
                say(&report(&app, &now, &since, noted, &ill, interval_ms));
                since = now;
            }
            // As the chore does it, but of what is older than so many milliseconds.
            ["prune", older] => {
                let before =
                    WallMs(SystemClock::new().now().wall.0 - older.parse::<i64>().unwrap());
                let before =
                    Retention { polls: before, events: before, summaries: before, rollups: before };
                say(&ledger.prune(before).await.unwrap().polls);
            }
            _ => panic!("no such command: {line}"),
        }
    }
    app.stop().await;
}

fn say(what: &impl Serialize) {
    let line = serde_json::to_string(what).unwrap();
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).unwrap();
}

fn lines() -> mpsc::Receiver<String> {
    let (send, lines) = mpsc::channel(4);
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines() {
            let Ok(line) = line else { return };
            if send.blocking_send(line).is_err() {
                return;
            }
        }
    });
    lines
}

/// What was used up to a moment, microseconds.
struct Used {
    process: f64,
    threads: BTreeMap<String, f64>,
    wall: f64,
}

/// CPU time of every thread, threads of one name together, microseconds (proc(5), `schedstat`).
pub(crate) fn threads(process: u32) -> BTreeMap<String, f64> {
    let mut used = BTreeMap::new();
    for entry in fs::read_dir(format!("/proc/{process}/task")).unwrap() {
        let task = entry.unwrap().path();
        // It may have ended.
        let Ok(name) = fs::read_to_string(task.join("comm")) else { continue };
        let Ok(stat) = fs::read_to_string(task.join("schedstat")) else { continue };
        let is_first = task.ends_with(process.to_string());
        let name = if is_first { "polls" } else { name.trim() };
        let ns: f64 = stat.split(' ').next().unwrap().parse().unwrap();
        *used.entry(name.to_owned()).or_default() += ns / 1e3;
    }
    used
}

impl Used {
    fn now() -> Self {
        let us = |clock| {
            let time = clock_gettime(clock);
            let nanos = u32::try_from(time.tv_nsec).unwrap();
            Duration::new(time.tv_sec.unsigned_abs(), nanos).as_secs_f64() * 1e6
        };
        Self {
            process: us(ClockId::ProcessCPUTime),
            threads: threads(std::process::id()),
            wall: us(ClockId::Monotonic),
        }
    }
}

fn report(
    app: &App,
    now: &Used,
    since: &Used,
    (noted, moves): (Vec<Noted>, BTreeMap<String, usize>),
    ill: &std::ops::Range<u32>,
    interval_ms: i64,
) -> Report {
    // First, and without the notes: they are the measurement's and not the server's.
    let notes = u64::try_from(noted.capacity() * size_of::<Noted>() / 1024).unwrap();
    let held = of_process(std::process::id());
    let states = app.live().count_by_state();
    Report {
        seconds: (now.wall - since.wall) / 1e6,
        process_us: now.process - since.process,
        thread_us: used_since(&since.threads, &now.threads),
        rss_kib: held.rss_kib.saturating_sub(notes),
        private_kib: held.private_kib.saturating_sub(notes),
        fds: held.fds,
        threads: held.threads,
        tasks: Some(tokio::runtime::Handle::current().metrics().num_alive_tasks()),
        states: states
            .into_iter()
            .filter(|(_, count)| *count > 0)
            .map(|(state, count)| (state.to_string(), count))
            .collect(),
        moves,
        ..of_rows(&noted, ill, interval_ms)
    }
}

/// What threads used between two moments, microseconds.
pub(crate) fn used_since(
    since: &BTreeMap<String, f64>,
    now: &BTreeMap<String, f64>,
) -> BTreeMap<String, f64> {
    let used = |(name, us): (&String, &f64)| (name.clone(), us - since.get(name).unwrap_or(&0.0));
    now.iter().map(used).collect()
}

/// What of a report a process holds.
pub(crate) fn of_process(process: u32) -> Report {
    let count = |of: &str| fs::read_dir(format!("/proc/{process}/{of}")).unwrap().count();
    Report {
        rss_kib: kib(&format!("/proc/{process}/status"), "VmRSS:"),
        private_kib: kib(&format!("/proc/{process}/smaps_rollup"), "Private_Dirty:"),
        fds: count("fd"),
        threads: count("task"),
        ..Report::default()
    }
}

/// What of a report rows tell.
pub(crate) fn of_rows(noted: &[Noted], ill: &std::ops::Range<u32>, interval_ms: i64) -> Report {
    let mut outcomes = BTreeMap::<String, usize>::new();
    let mut seconds = BTreeMap::<i64, usize>::new();
    for poll in noted {
        *outcomes.entry(poll.outcome.to_string()).or_default() += 1;
        if poll.outcome != Outcome::Overrun {
            *seconds.entry(poll.started_ms / 1000).or_default() += 1;
        }
    }
    Report {
        polls: noted.len(),
        outcomes,
        burst: seconds.values().copied().max().unwrap_or(0),
        windows: windows(noted, ill),
        well: well(noted, ill, interval_ms),
        ..Report::default()
    }
}

fn windows(noted: &[Noted], ill: &std::ops::Range<u32>) -> Vec<Spread> {
    let mut windows = BTreeMap::<i64, Vec<u64>>::new();
    for poll in noted.iter().filter(|poll| !ill.contains(&poll.host)) {
        windows.entry(poll.slot_ms.div_euclid(WINDOW_MS)).or_default().push(poll.late_us);
    }
    windows.into_values().map(Spread::of).collect()
}

fn well(noted: &[Noted], ill: &std::ops::Range<u32>, interval_ms: i64) -> Well {
    let mut hosts = BTreeMap::<u32, Vec<i64>>::new();
    let well: Vec<&Noted> = noted.iter().filter(|poll| !ill.contains(&poll.host)).collect();
    for poll in &well {
        hosts.entry(poll.host).or_default().push(poll.slot_ms);
    }
    let (mut gaps, mut off_grid) = (0, 0);
    for slots in hosts.values_mut() {
        slots.sort_unstable();
        let phase = slots[0].rem_euclid(interval_ms);
        off_grid += usize::from(slots.iter().any(|slot| slot.rem_euclid(interval_ms) != phase));
        let meant = (slots[slots.len() - 1] - slots[0]) / interval_ms + 1;
        gaps += usize::try_from(meant).unwrap().saturating_sub(slots.len());
    }
    Well {
        polls: well.len(),
        ok: well.iter().filter(|poll| poll.outcome == Outcome::Ok).count(),
        gaps,
        off_grid,
        late: Spread::of(well.iter().map(|poll| poll.late_us).collect()),
        begun: Spread::of(well.iter().map(|poll| poll.late_us + poll.queue_us).collect()),
    }
}

fn kib(file: &str, key: &str) -> u64 {
    let text = fs::read_to_string(file).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(key)).unwrap();
    line.trim().trim_end_matches(" kB").trim().parse().unwrap()
}
