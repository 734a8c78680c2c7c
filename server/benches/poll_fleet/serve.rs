//! `roundsman serve` over the fleet, measured from outside: CPU time by the clock of its process, memory,
//! and lateness by the rows that it kept.

use std::{
    fs,
    io::{self, BufRead as _, BufReader},
    process::{Child, ChildStdin, Command, Stdio},
    sync::Arc,
    thread,
    time::Duration,
};

use roundsman::{
    clock::{Clock as _, SystemClock},
    store::{self, HostQuery, MAX_PAGE, Mode, ReadOrder, Span},
    units::WallMs,
};

use crate::{
    Args, Kept,
    ledger::Noted,
    machine::Busy,
    mariadbd::Mariadbd,
    modes::show,
    processes,
    server::{self, Report},
};

/// Keeps the program until standard input ends, which is when this process does, at the latest.
const KEEPER: &str = r#"
"$@" </dev/null >/dev/null & echo $!
read -r _
kill $!
wait
"#;

/// By when all rows of a stretch are kept: some times `writer.batch_wait`.
const KEPT: Duration = Duration::from_secs(3);

/// A running server, known by its process alone.
struct Program {
    keeper: Child,
    words: Option<ChildStdin>,
    process: u32,
}

impl Program {
    /// Starts it in a folder with its inventory, and waits until it serves.
    fn start(args: &Args, folder: &str, store_url: &str) -> Self {
        let mut keeper = Command::new("sh");
        keeper.args(["-c", KEEPER, "keeper"]).arg(&args.program).arg("serve");
        keeper.args(["--inventory", "inventory.toml", "--data", folder]);
        keeper.args(["--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0"]);
        // Nothing of what whoever measures has set for a server of their own.
        keeper.env_clear().env("ROUNDSMAN_STORE__URL", store_url).current_dir(folder);
        for setting in &args.settings {
            let (key, value) = setting.split_once('=').unwrap();
            keeper.env(format!("ROUNDSMAN_{}", key.replace('.', "__").to_uppercase()), value);
        }
        keeper.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut keeper = keeper.spawn().unwrap();
        let mut process = String::new();
        BufReader::new(keeper.stdout.take().unwrap()).read_line(&mut process).unwrap();
        let mut log = BufReader::new(keeper.stderr.take().unwrap());
        let (mut said, mut line) = (String::new(), String::new());
        while !line.contains(": serving ") {
            said += &line;
            line.clear();
            assert!(log.read_line(&mut line).unwrap() > 0, "it ended: {said}");
        }
        thread::spawn(move || io::copy(&mut log, &mut io::sink()));
        Self { words: keeper.stdin.take(), keeper, process: process.trim().parse().unwrap() }
    }

    /// CPU time of all its threads so far, those that have ended too, microseconds (proc(5), `stat`).
    fn cpu_us(&self) -> f64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.process)).unwrap();
        let after_name = stat.rsplit(')').next().unwrap();
        let ticks = after_name.split_whitespace().skip(11).take(2);
        // A tick is a hundredth of a second.
        ticks.map(|ticks| ticks.parse::<f64>().unwrap() * 1e4).sum()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        drop(self.words.take());
        let _ = self.keeper.wait();
    }
}

/// Measures one stretch in which every host is well.
pub(crate) fn serve(args: &Args, store: Kept) {
    assert!(store != Kept::None, "`serve` keeps its rows: --store sqlite,mariadb");
    let fleets = processes::fleets(args);
    let (mariadb, url) = processes::database(store);
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("inventory.toml"), processes::inventory(args, "")).unwrap();
    let program = Program::start(args, folder.path().to_str().unwrap(), &url);
    thread::sleep(args.interval * 2 + KEPT);
    let clock = SystemClock::new();
    let ticks = || mariadb.as_ref().map_or(0, Mariadbd::cpu_ticks);
    let now = || {
        let threads = server::threads(program.process);
        (clock.now().wall, program.cpu_us(), threads, ticks(), Busy::now())
    };
    let (from, cpu_us, threads, database, busy) = now();
    thread::sleep(args.length);
    let (to, cpu_us_then, threads_then, database_then, _) = now();
    let (busy_pct, held) = (busy.share_since(), server::of_process(program.process));
    thread::sleep(KEPT);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let config = server::config(folder.path(), &url, args.settings.clone());
    let noted = runtime.block_on(rows(&config, Span { from, to }));
    let interval_ms = i64::try_from(args.interval.as_millis()).unwrap();
    let told = server::of_rows(&noted, &(0..0), interval_ms);
    let report = Report {
        seconds: (to.0 - from.0) as f64 / 1e3,
        process_us: cpu_us_then - cpu_us,
        thread_us: server::used_since(&threads, &threads_then),
        busy_pct,
        database_us: mariadb.is_some().then_some((database_then - database) as f64 * 1e4),
        polls: told.polls,
        outcomes: told.outcomes,
        well: told.well,
        burst: told.burst,
        windows: told.windows,
        ..held
    };
    println!("{}", args.program.display());
    show("roundsman serve", &report);
    drop(program);
    drop(fleets);
}

/// What became of the slots of a span.
async fn rows(config: &roundsman::config::Config, span: Span) -> Vec<Noted> {
    let clock = Arc::new(SystemClock::new());
    let store = store::open(&config.store, Mode::ReadOnly, clock).await.unwrap();
    let mut noted = Vec::new();
    for host in store.hosts(HostQuery::listed()).await.unwrap() {
        let mut span = span;
        loop {
            let read = store.polls(host.id, span, ReadOrder::OldestFirst, MAX_PAGE).await.unwrap();
            noted.extend(read.iter().map(Noted::from));
            if read.len() < MAX_PAGE {
                break;
            }
            span.from = WallMs(read[read.len() - 1].slot.0 + 1);
        }
    }
    noted
}
