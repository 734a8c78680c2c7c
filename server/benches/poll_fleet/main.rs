//! A whole server against a fleet of fake probes: how late polls are begun, what they cost, what a
//! host costs in memory, and what dead neighbours, restarts and reloads do to all that.
//!
//! `cargo bench -p roundsman --bench poll_fleet -- [MODE] [flags]`
//!
//! The fleet and the server are processes of their own (this program again), so that the server's
//! CPU time and memory are its own. Lateness is that of every single row. `--store none` drops the
//! rows, which is polling without the store's share; the CPU time of every thread is listed apart in
//! any case. `--store none,sqlite,mariadb` measures one after the other, `--rounds` says how often,
//! and the best round of each is told again at the end: other work on the machine can only add. How
//! busy the machine was stands beside every figure. Everything stays on loopback.
//!
//! `serve` measures the program itself, `roundsman serve`, from outside: its process has nothing of the
//! measurement, and all that the other modes leave out, such as the spool.
#![allow(clippy::unwrap_used, reason = "a measurement that fails is none")]
#![allow(clippy::cast_precision_loss, reason = "printed with few digits")]

mod alerts;
mod crowd;
mod ledger;
mod machine;
mod modes;
mod processes;
mod serve;
mod server;
mod soak;

#[path = "../../tests/support/mariadbd.rs"]
mod mariadbd;

use std::{path::PathBuf, process::ExitCode, time::Duration};

use clap::{Parser, ValueEnum};

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Mode {
    /// Every host is well.
    Steady,
    /// A clean stretch, then some hosts black-holed, half after and half before accepting.
    BlackHoles,
    /// All probes stop, stay away, and come back at once.
    Restart,
    /// One host of the inventory changes.
    Reload,
    /// Pages look at the fleet's live stream, and none, in turns.
    Pages,
    /// Faults switch on and off.
    Soak,
    /// No alert rules and some, in turns.
    Alerts,
    /// Ten alarms on every host at once, and none, in turns.
    AlertStorm,
    /// Hosts refuse one after the other, until a receiver is told.
    AlertLatency,
    /// The program as it is shipped, every host well.
    Serve,
}

/// Where rows go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kept {
    /// Nowhere.
    None,
    /// A SQLite file in a temporary folder.
    Sqlite,
    /// A MariaDB server of its own.
    Mariadb,
}

/// See the head of the file.
#[derive(Debug, Clone, Parser)]
pub(crate) struct Args {
    /// What is measured.
    #[arg(value_enum, default_value = "steady")]
    pub(crate) mode: Mode,
    /// Hosts.
    #[arg(long, default_value_t = 1_000)]
    pub(crate) hosts: u32,
    /// Interval of every host.
    #[arg(long, default_value = "1s", value_parser = humantime::parse_duration)]
    pub(crate) interval: Duration,
    /// Timeout of every poll.
    #[arg(long, value_parser = humantime::parse_duration)]
    pub(crate) timeout: Option<Duration>,
    /// How long each stretch is measured.
    #[arg(long, default_value = "60s", value_parser = humantime::parse_duration)]
    pub(crate) length: Duration,
    /// Where rows go; several are measured one after the other.
    #[arg(long, value_enum, default_value = "none", value_delimiter = ',')]
    pub(crate) store: Vec<Kept>,
    /// How often everything is measured.
    #[arg(long, default_value_t = 1)]
    pub(crate) rounds: u32,
    /// How often stretches that are compared follow each other.
    #[arg(long, default_value_t = 5)]
    pub(crate) turns: usize,
    /// How many alert rules are compared with none.
    #[arg(long, default_values_t = [20, 500], value_delimiter = ',')]
    pub(crate) rules: Vec<usize>,
    /// In the soak: once a minute polls older than this are dropped, as the chore does it.
    #[arg(long, value_parser = humantime::parse_duration)]
    pub(crate) keep: Option<Duration>,
    /// Share of hosts that are black-holed.
    #[arg(long, default_value_t = 0.5)]
    pub(crate) share: f64,
    /// How many pages look.
    #[arg(long, default_value_t = 200)]
    pub(crate) streams: usize,
    /// Seed of the fleet and of the soak's faults.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// The program that `serve` measures; by default as this benchmark is built, like one that is shipped.
    #[arg(long, value_name = "FILE", default_value = env!("CARGO_BIN_EXE_roundsman"))]
    pub(crate) program: PathBuf,
    /// A setting of the server, `poll.in_flight=1024`; may be repeated.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(crate) settings: Vec<String>,
    /// Given by cargo.
    #[arg(long, hide = true)]
    pub(crate) bench: bool,
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().collect();
    match words.get(1).map(String::as_str) {
        Some("a-fleet") => {
            return roundsman_fleet::cli::main(
                std::iter::once("roundsman-fleet".to_owned()).chain(words[2..].iter().cloned()),
            );
        }
        Some("a-crowd") => {
            crowd::main(&words[2], words[3].parse().unwrap());
            return ExitCode::SUCCESS;
        }
        Some("a-server") => {
            let _limit = roundsman_fleet::descriptors::raise();
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let interval_ms = words[4].parse().unwrap();
            let run = server::run(
                PathBuf::from(&words[2]),
                words[3].clone(),
                interval_ms,
                words[5..].to_vec(),
            );
            runtime.unwrap().block_on(run);
            return ExitCode::SUCCESS;
        }
        _ => {}
    }
    let mut args = Args::parse();
    if !args.bench {
        // `cargo test --benches` only wants to know that it runs.
        (args.hosts, args.length) = (20, Duration::from_secs(3));
    }
    modes::run(&args);
    ExitCode::SUCCESS
}
