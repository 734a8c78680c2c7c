//! `roundsman check`: all problems, the settings that are not at their defaults, with where they come
//! from, the inventory and when its schedules come next; with `--live` also whether every host answers,
//! and whether the database will do. For people before a reload, and for CI.

mod boards;
mod encryption;
mod rules;
mod summary;
mod times;
mod tokens;

use std::{cell::Cell, collections::HashSet, sync::Arc};

use clap::Args;
use roundsman_pki::server::Server;
use serde::Serialize;
use tokio::task::JoinSet;

use self::{boards::Boards, rules::Rules, summary::Summary, times::Times};

use super::{
    CliError, Runtime,
    aside::tell,
    doctor::{self, Check, Verdict},
    failure::in_one_line,
    fit::{Fit, FittedTable},
    output::{self, Output, plural},
    progress::Progress,
    runtime,
    targets::{self, NoInventory, PollTarget},
};
use crate::{
    app,
    config::{Config, ConfigError, Origin, SETTINGS, SettingInfo, SettingLocation},
    discover::Finder,
    inventory::{Inventory, ProbedAddress},
    model::Outcome,
    poll::{MAX_ERROR_BYTES, PollLimits, Poller, Serving},
    resolve::HostResolver,
    text::{one_line, shown},
    units::Micros,
};

/// Shown under the help.
pub(super) const EXAMPLES: &str = "\
Examples:
  roundsman check --inventory hosts.toml  for CI: exit code 1 if anything is wrong
  roundsman check --live                  does every host answer, will the database do?";

/// Flags of `check`.
#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    /// Also resolve every host, connect to it and ask its probe's health service, and look at the
    /// database server
    #[arg(long)]
    live: bool,
    /// Show every setting, not only those changed from their defaults
    #[arg(long)]
    all: bool,
    /// Print one JSON document, with every setting
    #[arg(long)]
    json: bool,
}

/// Everything that was found.
#[derive(Debug, Default, Serialize)]
struct Report {
    /// Nothing is wrong.
    ok: bool,
    /// The configuration file that was read.
    config_file: Option<String>,
    /// Every setting, and where it comes from.
    settings: Vec<Setting>,
    /// The inventory; none when it has problems.
    inventory: Option<Summary>,
    /// The file of alert rules; none when there is none, or it has problems.
    alerts: Option<Rules>,
    /// The folder of boards; none when it has none, or they have problems.
    boards: Option<Boards>,
    /// When its schedules and maintenance windows come next.
    times: Option<Times>,
    /// What each host's probe says; none when it was not asked.
    live: Option<Vec<Health>>,
    /// Hosts, and names that are discovered, that are asked in plain text; none when it was not asked.
    plain: Option<Vec<String>>,
    /// What `doctor` says of the database server; none when it was not asked, empty without one.
    store: Option<Vec<Check>>,
    /// What is not wrong but should not be so.
    warnings: Vec<String>,
    /// All that is wrong, each with its place.
    problems: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Setting {
    setting: &'static str,
    value: String,
    from: SettingLocation,
    /// The environment variable that sets it.
    variable: String,
}

impl From<Origin> for Setting {
    fn from(origin: Origin) -> Self {
        let known = SETTINGS.iter().find(|setting| setting.key == origin.key);
        let variable = known.map(SettingInfo::variable).unwrap_or_default();
        Self { setting: origin.key, value: origin.value, from: origin.from, variable }
    }
}

/// What a host's probe says of itself.
#[derive(Debug, Serialize)]
struct Health {
    host: String,
    /// `serving`, `not_serving`, `unknown`, or the outcome that a poll would have had.
    answer: &'static str,
    took_us: Micros,
    error: Option<String>,
}

/// Checks, prints, and fails if anything is wrong.
pub(super) fn run(args: &CheckArgs, runtime: &Runtime) -> Result<(), CliError> {
    let report = report(args, runtime)?;
    let output = runtime.output;
    if args.json {
        output.json(&report)?;
    } else {
        for problem in &report.problems {
            tell(&shown(problem));
        }
        if !report.problems.is_empty() {
            tell(&format!("roundsman: {} found", plural(report.problems.len(), "problem")));
        }
        for warning in &report.warnings {
            tell(&format!("warning: {}", shown(warning)));
        }
        // Of settings that were refused nothing is known, not even whether they come from a file.
        if !report.settings.is_empty() {
            output.show(&text(&report, args.all, output))?;
        }
    }
    if report.ok { Ok(()) } else { Err(CliError::Shown) }
}

fn report(args: &CheckArgs, runtime: &Runtime) -> Result<Report, CliError> {
    let mut report = Report::default();
    let loaded = match runtime.settings(Vec::new()) {
        Ok(loaded) => loaded,
        Err(CliError::Config(ConfigError::Invalid(problems))) => {
            report.problems = problems.iter().map(ToString::to_string).collect();
            return Ok(report);
        }
        Err(error) => return Err(error),
    };
    let _ = runtime::start_logging(&loaded, true)?;
    report.warnings.clone_from(&loaded.warnings);
    report.config_file = loaded.file.map(|path| path.display().to_string());
    report.settings = loaded.origins.into_iter().map(Setting::from).collect();
    let http = &loaded.config.http;
    if http.is_unguarded() {
        report.problems.push(app::AppError::Unguarded(http.listen).to_string());
    }
    let tls = http.tls().map(Server::for_browsers).transpose();
    report.problems.extend(tls.err().map(|unfit| app::AppError::Tls(unfit).to_string()));
    let path = &loaded.config.inventory;
    let inventory = targets::read(path);
    match &inventory {
        Ok(inventory) => {
            report.inventory = Some(Summary::new(path, inventory));
            let times = Times::new(inventory, runtime.now());
            report.warnings.extend(times.remarks.iter().cloned());
            report.times = Some(times);
            report.problems.extend(encryption::problems(inventory));
            if args.live {
                live(&mut report, &loaded.config, inventory, runtime);
                report.plain = Some(inventory.in_plain_text());
            }
        }
        Err(NoInventory::Unreadable(text)) => report.problems.push(text.clone()),
        Err(NoInventory::Problems(problems)) => {
            report.problems.extend(problems.iter().map(ToString::to_string));
            let listed = report.problems.len();
            if problems.len() > listed {
                report.problems.push(format!("and {} more", problems.len() - listed));
            }
        }
    }
    match rules::read(&loaded.config, inventory.as_ref().ok()) {
        Ok(None) => {}
        Ok(Some((rules, remarks))) => {
            report.alerts = Some(rules);
            report.warnings.extend(remarks);
        }
        Err(problems) => report.problems.extend(problems),
    }
    match boards::read(&loaded.config) {
        Ok(boards) => report.boards = boards,
        Err(problems) => report.problems.extend(problems),
    }
    let (problems, warnings) = tokens::read(&loaded.config, inventory.as_ref().ok());
    report.problems.extend(problems);
    report.warnings.extend(warnings);
    report.ok = report.problems.is_empty();
    Ok(report)
}

/// Asks every host, and the database.
fn live(report: &mut Report, config: &Config, inventory: &Inventory, runtime: &Runtime) {
    let limits = PollLimits::from(&config.poll);
    let names = HostResolver::new(config.resolve.servers.clone());
    let clock = Arc::clone(runtime.clock());
    let finder = Finder::new(names.clone(), limits.clone(), Arc::clone(&clock));
    let poller = Poller::with_resolver(limits, clock, names);
    let done = Cell::new(0_usize);
    let all = inventory.hosts.values().filter(|host| !host.paused).count();
    let words = || format!("{} of {} answered or failed", done.get(), plural(all, "host"));
    let progress = Progress::new(runtime.clock());
    let (asked, store) = runtime.block_on(progress.during(words, async {
        let mut asked = ask(&poller, inventory, runtime, &done).await;
        asked.extend(find(&finder, inventory, runtime).await);
        (asked, doctor::of_the_database(config, inventory, runtime).await)
    }));
    report.problems.extend(asked.iter().filter_map(Health::complaint));
    for check in &store {
        let remedy = check.remedy.as_ref().map_or_else(String::new, |remedy| format!(": {remedy}"));
        let words = format!("{}: {}{remedy}", check.subject, check.words);
        match check.verdict {
            Verdict::Ok => {}
            Verdict::Note => report.warnings.push(words),
            Verdict::Wrong => report.problems.push(words),
        }
    }
    (report.live, report.store) = (Some(asked), Some(store));
}

impl Health {
    fn complaint(&self) -> Option<String> {
        let error = self.error.as_deref()?;
        Some(format!("{}: {}: {error}", self.host, self.answer))
    }
}

/// Asks the health service of every host that is not paused, by name. The poller's limit bounds
/// how many at once.
async fn ask(
    poller: &Poller,
    inventory: &Inventory,
    runtime: &Runtime,
    done: &Cell<usize>,
) -> Vec<Health> {
    let mut set = JoinSet::new();
    for host in inventory.hosts.values().filter(|host| !host.paused) {
        let target = PollTarget::from(&**host);
        let (poller, clock) = (poller.clone(), Arc::clone(runtime.clock()));
        set.spawn(async move {
            let began = clock.now().mono;
            let said = poller.check(&target.link, target.timeout).await;
            let took_us = Micros::from(clock.now().mono.since(began));
            let (answer, error) = match said {
                Ok(Serving::Yes) => ("serving", None),
                Ok(Serving::No) => ("not_serving", Some("the probe says it does not serve".into())),
                Ok(Serving::Unknown) => ("unknown", Some("the probe does not know".into())),
                Err(fault) => {
                    let words = one_line(&fault.to_string(), MAX_ERROR_BYTES);
                    (fault.outcome().as_str(), Some(words))
                }
            };
            Health { host: target.name.to_string(), answer, took_us, error }
        });
    }
    let mut asked = Vec::with_capacity(set.len());
    while let Some(ended) = set.join_next().await {
        // A task that panicked has said so itself.
        asked.extend(ended.ok());
        done.set(done.get() + 1);
    }
    asked.sort_by(|a, b| a.host.cmp(&b.host));
    asked
}

/// Looks at every name that is discovered: each of its addresses must have a probe.
async fn find(finder: &Finder, inventory: &Inventory, runtime: &Runtime) -> Vec<Health> {
    let mut found = Vec::new();
    for discovery in &inventory.discoveries {
        let began = runtime.clock().now().mono;
        let looked = finder.look(discovery, HashSet::new).await;
        let took_us = Micros::from(runtime.clock().now().mono.since(began));
        let dns = &discovery.dns;
        match looked {
            Err(error) => {
                let error = Some(in_one_line(&error));
                let host = dns.to_string();
                found.push(Health { host, answer: Outcome::Resolve.as_str(), took_us, error });
            }
            Ok(seen) => found.extend(seen.into_iter().map(|ProbedAddress { address, who }| {
                let hostname = who.as_ref().and_then(|who| who.hostname.clone());
                let named = hostname.map_or_else(String::new, |name| format!(" {name}"));
                let (answer, error) = match who {
                    Some(_) => ("serving", None),
                    None => ("no_answer", Some("no probe says who it is".to_owned())),
                };
                Health { host: format!("{dns} {address}{named}"), answer, took_us, error }
            })),
        }
    }
    found
}

fn text(report: &Report, all: bool, output: Output) -> String {
    let mut text = match &report.config_file {
        Some(file) => format!("configuration: {file}\n"),
        None => "configuration: no file; defaults, environment and flags\n".to_owned(),
    };
    let changed = |setting: &&Setting| all || setting.from != SettingLocation::Default;
    let settings: Vec<&Setting> = report.settings.iter().filter(changed).collect();
    let defaults = report.settings.len() - settings.len();
    if !settings.is_empty() {
        let mut sheet = FittedTable::new([
            ("SETTING", Fit::Stays),
            ("VALUE", Fit::Cut(12)),
            ("FROM", Fit::Goes(1)),
            ("VARIABLE", Fit::Goes(2)),
        ]);
        for Setting { setting, value, from, variable } in settings {
            sheet.add([(*setting).to_owned(), value.clone(), from.to_string(), variable.clone()]);
        }
        let (table, left_out) = output.fitted(sheet);
        text.push_str(&table);
        if !left_out.is_empty() {
            text.push_str(&format!("no room for {}; --json has all\n", left_out.join(", ")));
        }
    }
    if defaults > 0 {
        let count = plural(defaults, "setting");
        text.push_str(&format!("{count} at the default; --all shows every one\n"));
    }
    if let Some(summary) = &report.inventory {
        text.push_str(&summary.text());
    }
    if let Some(rules) = &report.alerts {
        text.push_str(&rules.text());
    }
    if let Some(boards) = &report.boards {
        text.push_str(&boards.text());
    }
    if let Some(times) = &report.times {
        text.push_str(&times.text());
    }
    if let Some(live) = &report.live {
        let rows = live.iter().map(|health| {
            [
                health.host.clone(),
                health.answer.to_owned(),
                health.took_us.to_string(),
                output::or_unknown(health.error.as_deref()),
            ]
        });
        text.push_str(&output.table(&["HOST", "HEALTH", "TOOK", "ERROR"], rows));
    }
    if let Some(plain) = &report.plain {
        text.push_str(&encryption::line(plain));
    }
    // What is not well was said before all this.
    for check in report.store.iter().flatten().filter(|check| check.verdict == Verdict::Ok) {
        text.push_str(&format!("{}: {}\n", check.subject, shown(&check.words)));
    }
    text
}
