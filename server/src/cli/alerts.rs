//! `roundsman alerts`: the alarms of a running server and what people say of them, the rules that come along,
//! whether a file of rules is right, and what a rule says of a host.

mod backtest;
mod rehearse;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::Value;

use super::{
    CliError, Runtime,
    aside::tell,
    fit::{Fit, FittedTable},
    output::{self, plural},
    people,
    rule_file::RuleFile,
    server::ServerArgs,
    targets,
};
use crate::{
    alert::SHIPPED,
    text::{percent_encode, shown},
    units::WallMs,
};

/// Shown under the help.
pub(super) const EXAMPLES: &str = "\
Examples:
  roundsman alerts --firing
  roundsman alerts defaults > alerts.toml
  roundsman alerts check alerts.toml
  roundsman alerts why disk-full web-01
  roundsman alerts silence --rule disk-full --host 'web-*' --for 2h --why \"new disks\"
  roundsman alerts ack disk-full web-01 --row /srv --note \"on it\"
  roundsman alerts backtest disk-full --from -30d
  roundsman alerts test disk-full --host web-01";

/// Flags of `alerts`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct AlertsArgs {
    #[command(subcommand)]
    command: Option<Which>,
    /// Only alarms that fire
    #[arg(long)]
    firing: bool,
    /// Only alarms of this host
    #[arg(long, value_name = "HOST")]
    host: Option<String>,
    #[command(flatten)]
    of: ServerArgs,
}

#[derive(Debug, Subcommand)]
enum Which {
    /// Print the rules that are in force without a file: a file to begin with
    Defaults,
    /// Check a file of rules, and print all of its problems
    Check {
        /// The file
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Show what a rule says of a host by its last poll: each comparison with its value
    Why {
        /// The rule's name
        #[arg(value_name = "RULE")]
        rule: String,
        /// The host's name
        #[arg(value_name = "HOST")]
        host: String,
        #[command(flatten)]
        of: ServerArgs,
    },
    /// Keep alarms back for some time, such as during work
    #[command(after_help = people::SILENCE_EXAMPLES)]
    Silence(people::SilenceArgs),
    /// List the silences
    Silences(people::SilencesArgs),
    /// End a silence
    Unsilence(people::UnsilenceArgs),
    /// Say that you have seen an alarm: it is not repeated, and nobody further is told
    Ack(people::AckArgs),
    /// Take an acknowledgement back
    Unack(people::UnackArgs),
    /// Judge the stored polls by a rule, and list when it would have fired
    #[command(after_help = backtest::EXAMPLES)]
    Backtest(backtest::BacktestArgs),
    /// Show who would be told of an alarm of a rule, by which route and when; --send tries them
    #[command(after_help = rehearse::EXAMPLES)]
    Test(rehearse::TestArgs),
}

/// Runs the command.
pub(super) fn run(args: &AlertsArgs, runtime: &Runtime) -> Result<(), CliError> {
    match &args.command {
        None => list(args, runtime),
        Some(Which::Defaults) => runtime.output.show(SHIPPED),
        Some(Which::Check { file }) => check(file, runtime),
        Some(Which::Why { rule, host, of }) => why(rule, host, of, runtime),
        Some(Which::Silence(args)) => people::silence(args, runtime),
        Some(Which::Silences(args)) => people::silences(args, runtime),
        Some(Which::Unsilence(args)) => people::unsilence(args, runtime),
        Some(Which::Ack(args)) => people::ack(args, runtime),
        Some(Which::Unack(args)) => people::unack(args, runtime),
        Some(Which::Backtest(args)) => backtest::run(args, runtime),
        Some(Which::Test(args)) => rehearse::run(args, runtime),
    }
}

fn list(args: &AlertsArgs, runtime: &Runtime) -> Result<(), CliError> {
    let mut path = format!("/api/v1/alerts?firing={}", args.firing);
    if let Some(host) = &args.host {
        path.push_str(&format!("&host={}", percent_encode(host)));
    }
    let page = args.of.get(&path, runtime)?;
    if args.of.json {
        return runtime.output.json(&page);
    }
    if let Some(error) = page["error"].as_str() {
        tell(&format!("warning: the file of alert rules was refused: {}", shown(error)));
    }
    let (now, alarms) = (runtime.now(), page["alarms"].as_array());
    let alarms = alarms.map(Vec::as_slice).unwrap_or_default();
    if alarms.is_empty() {
        let rules = page["rules"].as_u64().and_then(|rules| usize::try_from(rules).ok());
        tell(&format!("no alarms; {} in force", plural(rules.unwrap_or_default(), "rule")));
        return Ok(());
    }
    let is_kept_back = alarms.iter().any(|alarm| !people::kept_back(alarm).is_empty());
    let mut columns = vec![
        ("SEVERITY", Fit::Stays),
        ("STATE", Fit::Stays),
        ("SINCE", Fit::Goes(1)),
        ("HOST", Fit::Cut(12)),
        ("RULE", Fit::Stays),
        ("ROW", Fit::Cut(8)),
        ("WHAT", Fit::Cut(20)),
    ];
    columns.extend(is_kept_back.then_some(("KEPT BACK BY", Fit::Cut(16))));
    let mut sheet = FittedTable::new(columns);
    for alarm in alarms {
        let word = |key: &str| alarm[key].as_str().unwrap_or_default().to_owned();
        let since = alarm["since_ms"].as_i64().map(|ms| now.since(WallMs(ms)));
        let mut row = vec![
            word("severity"),
            word("state"),
            output::or_unknown(since.map(|since| format!("{} ago", output::length(since)))),
            word("host"),
            word("rule"),
            word("row"),
            alarm["summary"].as_str().map_or_else(|| value(alarm), str::to_owned),
        ];
        row.extend(is_kept_back.then(|| people::kept_back(alarm)));
        sheet.add(row);
    }
    runtime.output.sheet(sheet, "--json has all")?;
    let total = page["total"].as_u64().unwrap_or_default();
    if usize::try_from(total).is_ok_and(|total| total > alarms.len()) {
        tell(&format!("{} of {total} alarms; --host narrows", alarms.len()));
    }
    Ok(())
}

/// The value of an alarm with its unit.
fn value(alarm: &Value) -> String {
    let unit = alarm["unit"].as_str().map(|unit| format!(" {unit}")).unwrap_or_default();
    let number = alarm["value"].as_f64().map(|value| format!("{value}{unit}"));
    output::or_unknown(number)
}

fn check(path: &std::path::Path, runtime: &Runtime) -> Result<(), CliError> {
    let file = RuleFile::open(path.to_owned())?;
    let all = &file.says;
    let (list, off) = (plural(all.rules.list.len(), "rule"), all.rules.disabled.len());
    let told = match all.channels.len() {
        0 => String::new(),
        channels => {
            let routes = plural(all.routes.iter().count(), "route");
            format!("; {}, {routes}", plural(channels, "channel"))
        }
    };
    let settings = runtime.settings(Vec::new()).ok();
    let inventory = settings.and_then(|of| targets::read(&of.config.inventory).ok());
    for remark in all.remarks(inventory.as_ref()) {
        tell(&format!("warning: {}", shown(&remark)));
    }
    let name = file.name();
    let name = shown(&name);
    runtime.output.show(&format!("{name}: {list} in force, {off} switched off{told}\n"))
}

fn why(rule: &str, host: &str, of: &ServerArgs, runtime: &Runtime) -> Result<(), CliError> {
    let path =
        format!("/api/v1/hosts/{}/alert?rule={}", percent_encode(host), percent_encode(rule));
    let told = of.get(&path, runtime)?;
    if of.json {
        return runtime.output.json(&told);
    }
    let slot = told["slot_ms"].as_i64().map(|ms| WallMs(ms).spoken());
    let mut text = format!("judged by the poll due at {}\n", output::or_unknown(slot));
    if told["frozen"] == true {
        text.push_str("not judged now: the host is left alone, or the server is cut off\n");
    }
    let truth = |value: &Value| match value.as_bool() {
        Some(true) => "yes",
        Some(false) => "no",
        None => "unknown",
    };
    let mut sheet = FittedTable::new([
        ("ROW", Fit::Cut(8)),
        ("STATE", Fit::Stays),
        ("COUNT", Fit::Goes(1)),
        ("KEY", Fit::Stays),
        ("COMPARISON", Fit::Cut(20)),
        ("VALUE", Fit::Stays),
        ("HOLDS", Fit::Stays),
    ]);
    for row in told["rows"].as_array().into_iter().flatten() {
        let name = row["row"].as_str().unwrap_or_default();
        let left_out = row["left_out"] == true;
        let state = if left_out { "left out" } else { row["state"].as_str().unwrap_or_default() };
        for term in row["terms"].as_array().into_iter().flatten() {
            sheet.add([
                name.to_owned(),
                state.to_owned(),
                row["count"].to_string(),
                term["key"].as_str().unwrap_or_default().to_owned(),
                term["text"].as_str().unwrap_or_default().to_owned(),
                output::or_unknown(term["value"].as_f64()),
                truth(&term["holds"]).to_owned(),
            ]);
        }
    }
    text.push_str(&runtime.output.fitted(sheet).0);
    for row in told["rows"].as_array().into_iter().flatten() {
        let kept_back = people::kept_back(row);
        if !kept_back.is_empty() {
            text.push_str(&format!("\nkept back{}: {}\n", of_row(row), shown(&kept_back)));
        }
    }
    text.push_str(&ways(&told));
    runtime.output.show(&text)
}

/// Which row is meant, in a sentence; nothing for the host as a whole.
fn of_row(row: &Value) -> String {
    let name = row["row"].as_str().filter(|name| !name.is_empty());
    name.map(|name| format!(" of {}", shown(name))).unwrap_or_default()
}

/// How each alarm was told, or why not.
fn ways(told: &Value) -> String {
    let mut text = String::new();
    for row in told["rows"].as_array().into_iter().flatten() {
        let steps = row["told"].as_array().map(Vec::as_slice).unwrap_or_default();
        if steps.is_empty() {
            continue;
        }
        text.push_str(&format!("\nthe way{} to those who are told\n", of_row(row)));
        for step in steps {
            let at = step["at_ms"].as_i64().map(|ms| WallMs(ms).spoken());
            let what = shown(step["what"].as_str().unwrap_or_default());
            text.push_str(&format!("  {}  {what}\n", output::or_unknown(at)));
        }
    }
    text
}
