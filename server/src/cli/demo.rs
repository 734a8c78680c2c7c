//! `roundsman demo`: this machine, polled over real gRPC on loopback into an embedded file.
//!
//! The same server as `serve` runs it, beside a probe in the same process, and beside a pretended fleet if
//! one is asked for. What is its own is the inventory that it writes, and the picture it draws.

mod fleet;
mod probe;
mod screen;

use std::{
    collections::HashMap, fs, io::ErrorKind, net::SocketAddr, path::Path, sync::Arc, time::Duration,
};

use clap::Args;
use roundsman_os::{file, log::say};
use tokio::sync::broadcast::error::RecvError;

use self::{
    fleet::{DemoFleet, MAX_SIMULATED},
    probe::LocalProbe,
    screen::DemoScreen,
};
use super::{
    CliError, Runtime,
    output::{self, Output, plural},
    parse,
    printer::Printer,
    runtime::{data_flag, end_signal, http_flag, start_logging},
    watch,
};
use crate::{
    app::{self, App},
    config::{self, Config, Flag, Loaded, Origin, SettingLocation, StoreUrl},
    live::{HostView, Live},
    model::{HostId, HostName},
    query::PollShape,
    reconcile::alerts_path,
    store::{self, HostQuery, HostSummary, Mode, make_folder},
    units::WallMs,
};

/// How often the ages in the table are drawn again when no poll ends.
const REDRAW: Duration = Duration::from_secs(1);

/// The most polls that can be asked for: three weeks at the default interval.
const MAX_POLLS: usize = 1_000_000;

/// The demo's inventory, in the data directory.
const INVENTORY_FILE: &str = "demo-inventory.toml";

/// Where the demo's HTTP listens first when nobody says: loopback, any free port, so that it starts on
/// every machine.
const HTTP: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

/// Where the polls of a pretended fleet are, in the data directory: not among those of real machines.
const FLEET_FOLDER: &str = "demo-fleet";

/// The port of the last demo's HTTP, in the data directory: an address that was kept goes on to lead
/// there.
const PORT_FILE: &str = "demo-http-port";

/// The most of that file that is read, bytes: a port and a line end.
const PORT_BYTES: u64 = 16;

/// Shown under the help.
pub(super) const EXAMPLES: &str = "\
Examples:
  roundsman demo                             a poll every 2 s until Ctrl-C
  roundsman demo --polls 3 --interval 1s     three polls, then stop
  roundsman demo --fleet 40                  a look at a fleet: 40 simulated hosts, some with faults
  roundsman demo --json | jq .values.load_1  every poll as JSON";

/// Flags of `demo`.
#[derive(Debug, Args)]
pub(super) struct DemoArgs {
    /// Time between two polls, with its unit: 500ms, 2s, 1m
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = parse::interval)]
    interval: Duration,
    /// Stop after this many polls, 1 to 1000000 [default: run until Ctrl-C]
    #[arg(long, value_name = "COUNT", value_parser = parse::count(MAX_POLLS))]
    polls: Option<usize>,
    /// Simulate this many hosts beside this machine, some with faults, 1 to 250
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_SIMULATED)))]
    fleet: Option<u32>,
    /// Address and port of the HTTP API; port 0 takes a free one [default: that of the last
    /// demo, or a free one] [env: ROUNDSMAN_HTTP__LISTEN]
    #[arg(long, value_name = "ADDR", value_parser = parse::listen)]
    http: Option<SocketAddr>,
    /// Print each poll as one line of JSON
    #[arg(long)]
    json: bool,
}

/// Runs the demo until Ctrl-C, SIGTERM, the wanted number of polls or a closed pipe.
pub(super) fn run(args: &DemoArgs, runtime: &Runtime) -> Result<(), CliError> {
    let name = probe::host_name()?;
    let config = settings(args, runtime)?;
    let kept_in = config.store.clone();
    let port_file = config.data.join(PORT_FILE);
    let flag = match args.fleet {
        None => runtime.data_flag(),
        Some(_) => data_flag(&config.data),
    };
    let place = match &kept_in.url {
        StoreUrl::Sqlite(file) => file.display().to_string(),
        StoreUrl::Mysql(url) => url.to_string(),
    };
    runtime.block_on(async {
        let before = kept(&kept_in, &place, true, runtime).await?;
        let probe = LocalProbe::start()?;
        let fleet = args.fleet.map(DemoFleet::start).transpose()?;
        let simulated = fleet.as_ref().map_or("", |fleet| &fleet.inventory);
        write_inventory(&config.inventory, (&name, probe.address()), simulated, args.interval)?;
        let app = app::start(config).await?;
        if let Some(http) = app.http_addr() {
            remember_port(&port_file, http.port());
        }
        say(&intro((&name, probe.address()), args.fleet, &place, &app, &flag));
        let shown = watch_polls(&app, args, runtime).await;
        app.stop().await;
        probe.stop().await;
        shown?;
        let now = kept(&kept_in, &place, false, runtime).await?;
        let polls = plural(usize::try_from(now.saturating_sub(before)).unwrap_or(0), "poll");
        // On a terminal that is stuck, or gone, this would wait for ever, or fail.
        say(&format!("kept {polls} in {place}, see `roundsman history {name}{flag}`"));
        Ok(())
    })
}

/// The settings of any server, but for the inventory and for a port that is always free.
fn settings(args: &DemoArgs, runtime: &Runtime) -> Result<Config, CliError> {
    if let Some(path) = runtime.inventory_flag() {
        return Err(CliError::Usage(format!(
            "the demo polls this machine alone; for {} there is `roundsman serve`",
            path.display()
        )));
    }
    let flag = |key, path: &Path| Flag { key, name: "demo", value: path.display().to_string() };
    let mut loaded = runtime.settings_without_file(Vec::new())?;
    let mut flags = Vec::new();
    let alerts = alerts_path(None, &loaded.config.inventory);
    if args.fleet.is_some() {
        if is_chosen(&loaded, "store.url") {
            return Err(CliError::Usage(
                "what is simulated is not kept among real polls: unset store.url \
                 (ROUNDSMAN_STORE__URL) for a demo with --fleet"
                    .to_owned(),
            ));
        }
        flags.push(flag("data", &loaded.config.data.join(FLEET_FOLDER)));
        loaded = runtime.settings_without_file(flags.clone())?;
    }
    let chosen = |key: &str| is_chosen(&loaded, key);
    let http = match args.http {
        None if chosen("http.listen") => None,
        Some(http) => Some(http),
        None => Some(free(&loaded.config.data.join(PORT_FILE))),
    };
    flags.push(flag("inventory", &loaded.config.data.join(INVENTORY_FILE)));
    // Where `alerts check` and `notify test` look, and not beside the demo's own inventory.
    if !chosen("alerts") && alerts.exists() {
        flags.push(flag("alerts", &alerts));
    }
    flags.extend(http_flag(http));
    // One machine has no fleet to ask about, and a fixed port would keep a second demo from starting.
    if !chosen("grpc.listen") {
        flags.push(Flag { key: "grpc.listen", name: "demo", value: String::new() });
    }
    let loaded = runtime.settings_without_file(flags)?;
    let _ = start_logging(&loaded, true)?;
    Ok(loaded.config)
}

/// Whether somebody has said what a setting is.
fn is_chosen(loaded: &Loaded, key: &str) -> bool {
    let said = |origin: &Origin| origin.key == key && origin.from != SettingLocation::Default;
    loaded.origins.iter().any(said)
}

/// Where the last demo listened, or any free port when there was none or somebody else has it now.
fn free(port_file: &Path) -> SocketAddr {
    let text = file::read_text(port_file, PORT_BYTES).unwrap_or_default();
    let Ok(port) = text.trim().parse::<u16>() else { return HTTP };
    let last = SocketAddr::new(HTTP.ip(), port);
    match std::net::TcpListener::bind(last) {
        Ok(_) => last,
        Err(error) => {
            say(&format!(
                "the address of the last demo, {last}, cannot be had ({error}): it has another now"
            ));
            HTTP
        }
    }
}

fn remember_port(port_file: &Path, port: u16) {
    if let Err(error) = fs::write(port_file, format!("{port}\n")) {
        say(&format!(
            "cannot write {} ({error}): the next demo will have another address",
            port_file.display()
        ));
    }
}

/// How many polls the store holds. With `refuse_fleet`, one that holds the polls of other machines
/// is refused: the demo would write itself among them.
async fn kept(
    store: &config::Store,
    place: &str,
    refuse_fleet: bool,
    runtime: &Runtime,
) -> Result<u64, CliError> {
    let opening = store::open(store, Mode::ReadOnly, Arc::clone(runtime.clock()));
    let store = match opening.await {
        Ok(store) => store,
        // What is wrong with it is said when the server opens it for writing.
        Err(_) if refuse_fleet => return Ok(0),
        Err(error) => return Err(error.into()),
    };
    let hosts = store.hosts(HostQuery::listed()).await?;
    let elsewhere = |host: &&HostSummary| {
        host.addresses.iter().any(|address| !address.starts_with("127.0.0.1:"))
    };
    match hosts.iter().find(elsewhere).filter(|_| refuse_fleet) {
        None => Ok(store.status().await?.polls),
        Some(host) => Err(CliError::Failed(format!(
            "{place} holds the polls of other machines ({} is one), and the demo does not mix with \
             them: give it a directory of its own with --data",
            host.name,
        ))),
    }
}

/// Writes the inventory of this machine and of those that are simulated.
fn write_inventory(
    path: &Path,
    (name, probe): (&HostName, SocketAddr),
    simulated: &str,
    interval: Duration,
) -> Result<(), CliError> {
    // A poll may take most of the interval, and never longer than a sensible timeout.
    let timeout = (interval * 3 / 4).min(Duration::from_secs(3));
    let text = format!(
        "# Written by `roundsman demo` at every start.\n[defaults]\ninterval = \"{}\"\n\
         timeout = \"{}\"\n\n[[host]]\nname = \"{name}\"\naddresses = [\"{probe}\"]\n{simulated}",
        humantime::format_duration(interval),
        humantime::format_duration(timeout),
    );
    let directory = path.parent().unwrap_or(path);
    let written = make_folder(directory).and_then(|()| fs::write(path, text));
    written.map_err(|error| {
        CliError::Failed(format!(
            "cannot write {}: {error}; choose another directory with --data",
            path.display()
        ))
    })
}

/// What a newcomer should know, before the first poll.
fn intro(
    (name, probe): (&HostName, SocketAddr),
    fleet: Option<u32>,
    place: &str,
    app: &App,
    flag: &str,
) -> String {
    let mut text = format!(
        "Polling this machine as {name}: a probe in this process, asked over gRPC at {probe}.\n"
    );
    if let Some(hosts) = fleet {
        let hosts = plural(usize::try_from(hosts).unwrap_or(usize::MAX), "simulated host");
        text.push_str(&format!("Beside it {hosts}, some with faults: nothing of them is real.\n"));
    }
    text.push_str(&format!("Every poll is kept in {place}.\n"));
    let http = app.http_addr();
    if let Some(http) = http {
        text.push_str(&format!("Page: http://{http}/ (the API: /api)\n"));
    }
    let listed = http.map(|http| format!(", listed by `roundsman alerts --http {http}`"));
    let listed = listed.unwrap_or_default();
    text.push_str(&match app.live().server().alerts.and_then(|alerts| alerts.source.clone()) {
        Some(file) => format!("Alerts: by the rules of {file}{listed}.\n"),
        None => format!("Alerts: by the shipped rules{listed}; nobody is told (docs/alerts.md).\n"),
    });
    text.push_str(&format!(
        "Next, in another terminal: roundsman hosts{flag}; roundsman history {name}{flag}; \
         roundsman why {name}{flag}\nCtrl-C stops.\n"
    ));
    text
}

/// Shows polls until told to stop; answers how many there were.
async fn watch_polls(app: &App, args: &DemoArgs, runtime: &Runtime) -> Result<usize, CliError> {
    let live = app.live();
    let printer = Printer::start().map_err(CliError::Output)?;
    let mut watch = Watch::new(Arc::clone(live), args, runtime.output);
    let mut updates = live.subscribe();
    let mut redraw = tokio::time::interval(REDRAW);
    let mut stop = std::pin::pin!(end_signal()?);
    loop {
        let text = tokio::select! {
            () = &mut stop => return Ok(watch.seen),
            update = updates.recv() => match update {
                Ok(view) => watch.see(&view),
                // What was skipped is in the store; the table shows what is now.
                Err(RecvError::Lagged(_)) => Ok(String::new()),
                Err(RecvError::Closed) => return Ok(watch.seen),
            },
            _ = redraw.tick(), if watch.screen.is_some() => Ok(String::new()),
        }?;
        let text = text + &watch.draw(runtime.now());
        // Polling goes on while a terminal is stuck, and the end of it is heard.
        let mut printing = printer.print(text.into_bytes());
        let printed = tokio::select! {
            () = &mut stop => return Ok(watch.seen),
            printed = printing.done() => printed,
        };
        match printed {
            Ok(()) if args.polls.is_some_and(|most| watch.seen >= most) => {
                return Ok(watch.seen);
            }
            Ok(()) => {}
            // A reader that goes away (`| head`) has seen enough.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => return Ok(watch.seen),
            Err(error) => return Err(CliError::Output(error)),
        }
    }
}

/// What is shown so far.
struct Watch {
    live: Arc<Live>,
    /// The picture on a terminal; none in a pipe, where every poll is a line.
    screen: Option<DemoScreen>,
    output: Output,
    json: bool,
    seen: usize,
    newest: HashMap<HostId, WallMs>,
}

impl Watch {
    fn new(live: Arc<Live>, args: &DemoArgs, output: Output) -> Self {
        let screen = (output.terminal && !args.json).then(DemoScreen::default);
        Self { live, screen, output, json: args.json, seen: 0, newest: HashMap::new() }
    }

    /// Takes notice of a host's change, and says what is to be printed of it; a change without a new
    /// poll is not counted.
    fn see(&mut self, view: &HostView) -> Result<String, CliError> {
        let Some(poll) = &view.last else { return Ok(String::new()) };
        if self.newest.get(&view.id).is_some_and(|newest| poll.slot <= *newest) {
            return Ok(String::new());
        }
        self.newest.insert(view.id, poll.slot);
        self.seen += 1;
        if self.json {
            output::json_line(&PollShape::new(Arc::clone(poll), true))
        } else if self.screen.is_none() {
            Ok(watch::line(view, poll))
        } else {
            Ok(String::new())
        }
    }

    /// The picture, on a terminal.
    fn draw(&mut self, now: WallMs) -> String {
        let Some(screen) = &mut self.screen else { return String::new() };
        let size = DemoScreen::size();
        let lines = watch::frame(&self.live.hosts(), self.seen, now, self.output, size);
        screen.replace(&lines, size.0)
    }
}
