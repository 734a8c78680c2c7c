//! The command line: flags over a plan file, a fleet that runs until it is told to end.

use std::{
    ffi::OsString,
    io::{self, BufRead as _, Write as _},
    net::IpAddr,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    thread,
};

use clap::Parser;
use roundsman_os::{
    file::{self, FileError},
    log,
};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::mpsc,
};

use crate::{
    control, descriptors,
    fleet::{Fleet, FleetError},
    plan::{Plan, PlanError, Rule, inventory},
};

/// What it is called.
const PROGRAM: &str = "roundsman-fleet";

/// The largest plan that is read, bytes.
const MAX_PLAN_BYTES: u64 = 1 << 20;

/// Commands of standard input that may wait.
const COMMANDS: usize = 16;

/// Simulates thousands of probes in one process, healthy and faulty.
///
/// Each probe has its own address in 127.0.0.0/8, its own machine whose values move, and a
/// personality that you can change while it runs. Point a server at the inventory that
/// --print-inventory prints, make hosts fail, and see whether your alerts fire.
#[derive(Debug, Parser)]
#[command(
    name = PROGRAM,
    version,
    after_long_help = AFTER,
    disable_help_subcommand = true
)]
pub struct Args {
    /// File of settings, such as `hosts = 1000`, `behave = [{ hosts = "10%", personality = "refuse" }]`;
    /// flags override it
    #[arg(long, value_name = "FILE")]
    plan: Option<PathBuf>,
    /// Number of probes [default: 100]
    #[arg(long)]
    hosts: Option<u32>,
    /// Number of the first probe; fleets with the same seed are parts of one large fleet [default: 1]
    #[arg(long)]
    first: Option<u32>,
    /// Address of the first probe; the others follow it [default: 127.1.0.1]
    #[arg(long)]
    address: Option<IpAddr>,
    /// Port of every probe; with 0 each takes a free port [default: 50051]
    #[arg(long)]
    port: Option<u16>,
    /// Put all probes on one address, on ports from --port up
    #[arg(long)]
    ports: bool,
    /// Seed of everything that looks random [default: 1]
    #[arg(long)]
    seed: Option<u64>,
    /// Hosts that do not start healthy; may be given several times, later ones win
    #[arg(long, value_name = "HOSTS=PERSONALITY")]
    behave: Vec<Rule>,
    /// Folder that `roundsman ca` made: probes with a certificate there answer over mutual TLS, and in plain
    /// text whoever begins so
    #[arg(long, value_name = "DIR")]
    tls: Option<PathBuf>,
    /// Print the fleet's inventory and exit
    #[arg(long)]
    print_inventory: bool,
    /// Default interval in that inventory, such as "1s"
    #[arg(long, value_name = "TIME")]
    interval: Option<String>,
    /// Take commands on this Unix socket
    #[arg(long, value_name = "PATH")]
    control: Option<PathBuf>,
    /// Take commands on standard input, and exit when it ends
    #[arg(long)]
    stdin: bool,
}

const AFTER: &str = "\
Personalities: healthy, slow=500ms, hang-after-accept, hang-before-accept, refuse, reset-mid-answer,
garbage, huge, wrong-machine, stepping-clock=1h, markup, not-serving, flapping=20s/10s (up, down),
dead-window=60s..2m (since the start).

HOSTS: all, a name (web-7), a beginning (web-*), numbers (#1-500), a share (10%).

Commands: set HOSTS PERSONALITY, list, inventory, stats, quit.

  roundsman-fleet --hosts 200 --interval 5s --print-inventory > inventory.toml
  roundsman-fleet --hosts 200 --behave 5%=flapping=1m/30s --control fleet.sock &
  roundsman serve --inventory inventory.toml &
  echo 'set db-* refuse' | socat - UNIX:fleet.sock";

/// Why it ends.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// The plan file cannot be read.
    #[error("cannot read {}: {error}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why not.
        error: FileError,
    },
    /// The plan is none.
    #[error("{}{error}", path.as_deref().map(|path| format!("{}: ", path.display())).unwrap_or_default())]
    Plan {
        /// The file, when there is one.
        path: Option<PathBuf>,
        /// What is wrong.
        error: PlanError,
    },
    /// An inventory without ports.
    #[error("--print-inventory needs ports that are known: give a --port above 0")]
    NoPort,
    /// It does not start.
    #[error(transparent)]
    Fleet(#[from] FleetError),
    /// The socket for commands cannot be made.
    #[error("cannot take commands on {}: {error}", path.display())]
    Control {
        /// Which.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// Something of the system's.
    #[error("{0}")]
    Io(#[from] io::Error),
}

/// Runs the program.
#[must_use]
pub fn main(args: impl IntoIterator<Item = impl Into<OsString> + Clone>) -> ExitCode {
    let args = match Args::try_parse_from(args) {
        Ok(args) => args,
        Err(error) => error.exit(),
    };
    match run(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            log::say(&format!("{PROGRAM}: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn run(args: Args) -> Result<(), CliError> {
    let plan = plan(&args)?;
    if args.print_inventory {
        if plan.port == 0 {
            return Err(CliError::NoPort);
        }
        let named = |error| CliError::Plan { path: args.plan.clone(), error };
        let probes = plan.probes().map_err(named)?;
        let all = probes.iter().map(|probe| (probe.name.as_str(), probe.role, probe.socket));
        io::stdout().write_all(inventory(all, args.interval.as_deref()).as_bytes())?;
        return Ok(());
    }
    log::standard(|lines| {
        log::note(&format!("{PROGRAM}: {lines} lines were dropped: nobody read standard error"));
    })?;
    let hosts = usize::try_from(plan.hosts).unwrap_or(usize::MAX);
    if let Some(words) = descriptors::shortage(hosts, descriptors::raise()) {
        log::note(&format!("{PROGRAM}: {words}"));
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(serve(&plan, args.control.as_deref(), args.stdin))
}

/// The plan file with the flags over it.
fn plan(args: &Args) -> Result<Plan, CliError> {
    let mut plan = match &args.plan {
        None => Plan::default(),
        Some(path) => {
            let text = file::read_text(path, MAX_PLAN_BYTES)
                .map_err(|error| CliError::Read { path: path.clone(), error })?;
            let named = |error| CliError::Plan { path: Some(path.clone()), error };
            Plan::parse(&text).map_err(named)?
        }
    };
    plan.hosts = args.hosts.unwrap_or(plan.hosts);
    plan.first = args.first.unwrap_or(plan.first);
    plan.address = args.address.unwrap_or(plan.address);
    plan.port = args.port.unwrap_or(plan.port);
    plan.ports |= args.ports;
    plan.seed = args.seed.unwrap_or(plan.seed);
    plan.behave.extend(args.behave.iter().cloned());
    plan.tls = args.tls.clone().or(plan.tls);
    Ok(plan)
}

/// Runs a fleet until a signal, a command or the end of standard input. The first line on standard
/// output says that every probe listens.
async fn serve(plan: &Plan, control: Option<&Path>, stdin: bool) -> Result<(), CliError> {
    let fleet = Arc::new(Fleet::start(plan)?);
    let (mut interrupt, mut terminate) =
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let how: Vec<String> =
        fleet.personalities().iter().map(|(name, count)| format!("{count} {name}")).collect();
    say(&format!("ready: {} probes; {}\n", fleet.stats().probes, how.join(", ")));
    let socket = async {
        match control {
            None => std::future::pending().await,
            Some(path) => control::listen(path, Arc::clone(&fleet))
                .await
                .map_err(|error| CliError::Control { path: path.to_owned(), error }),
        }
    };
    let lines = async {
        if !stdin {
            std::future::pending::<()>().await;
        }
        let mut lines = stdin_lines();
        while let Some(line) = lines.recv().await {
            let (answer, goes_on) = control::obey(&fleet, &line);
            say(&answer);
            if !goes_on {
                break;
            }
        }
    };
    tokio::select! {
        ended = socket => ended,
        () = lines => Ok(()),
        _ = interrupt.recv() => Ok(()),
        _ = terminate.recv() => Ok(()),
    }
}

/// Standard input, read by a thread: it blocks.
fn stdin_lines() -> mpsc::Receiver<String> {
    let (send, lines) = mpsc::channel(COMMANDS);
    // Without the thread the channel closes, and the fleet ends as at the end of the input.
    let _thread = thread::Builder::new().name("stdin".to_owned()).spawn(move || {
        for line in io::stdin().lock().lines() {
            let Ok(line) = line else { return };
            if send.blocking_send(line).is_err() {
                return;
            }
        }
    });
    lines
}

/// Whoever does not read is of no concern.
fn say(words: &str) {
    let mut out = io::stdout().lock();
    let _ = out.write_all(words.as_bytes()).and_then(|()| out.flush());
}
