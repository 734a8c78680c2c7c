//! `roundsman alerts backtest RULE`: when a rule would have fired, by the polls that are kept.

use std::{collections::BTreeSet, path::PathBuf, time::Duration};

use clap::Args;

use crate::{
    alert::{MAX_SPELLS, Over},
    cli::{
        CliError, Runtime,
        aside::tell,
        fit::{Fit, FittedTable},
        output::{self, Output, plural},
        parse,
        progress::Progress,
        rule_file::RuleFile,
    },
    query::{
        PollRange,
        backtest::{BacktestAsk, BacktestShape, SpellShape},
    },
    text::shown,
    units::WallMs,
};

/// Shown under the help.
pub(super) const EXAMPLES: &str = "\
Examples:
  roundsman alerts backtest disk-full
  roundsman alerts backtest cpu-busy --from -7d --host web-01
  roundsman alerts backtest cpu-busy --file new.toml --json | jq .totals";

/// Flags of `alerts backtest`.
#[derive(Debug, Args)]
pub(super) struct BacktestArgs {
    /// The rule's name
    #[arg(value_name = "RULE")]
    rule: String,
    /// Polls due at or after this moment: RFC 3339, milliseconds since 1970, or a length before
    /// now (-1h, -30d)
    #[arg(long, value_name = "MOMENT", default_value = "-30d", allow_hyphen_values = true)]
    from: String,
    /// Polls due before this moment
    #[arg(long, value_name = "MOMENT", default_value = "now", allow_hyphen_values = true)]
    to: String,
    /// Only polls of this host
    #[arg(long, value_name = "HOST")]
    host: Option<String>,
    /// The file that the rule stands in [default: the file in force, else the shipped rules]
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

/// Judges what is kept, and prints when the rule would have fired.
pub(super) fn run(args: &BacktestArgs, runtime: &Runtime) -> Result<(), CliError> {
    let now = runtime.now();
    let PollRange { from, to, .. } = parse::span(&args.from, &args.to, now)?;
    let config = runtime.start(Vec::new(), true)?;
    let file = RuleFile::read(args.file.as_deref(), &config)?;
    let rule = file.rule(&args.rule)?;
    if rule.over == Over::Server {
        return Err(CliError::Failed(format!(
            "{}: the rule `{}` is about the server itself, of which no polls are kept",
            shown(&file.name()),
            rule.name
        )));
    }
    let source = file.path.as_ref().map(|path| path.display().to_string());
    let (host, backoff_cap) = (args.host.clone(), config.health.backoff_cap);
    let ask = BacktestAsk { rule, source, from, to, host, backoff_cap };
    let query = runtime.kept()?;
    let mut progress = Progress::new(runtime.clock());
    let told = |done: usize, polls: u64| {
        progress.at(|| format!("{} done, {polls} polls judged", plural(done, "host")));
    };
    let found = runtime.block_on(query.backtest(&ask, told))?;
    drop(progress);
    if args.json {
        return runtime.output.json(&found);
    }
    if let (Some(host), []) = (&args.host, &*found.hosts) {
        let (rule, host) = (&found.rule, shown(host));
        return Err(CliError::Failed(format!("the rule `{rule}` is not for the host {host}")));
    }
    if !found.alarms.is_empty() {
        runtime.output.sheet(sheet(&found.alarms, runtime.output), "--json has all")?;
    }
    runtime.output.show(&words(&found, &file.name(), now))?;
    remarks(&found);
    Ok(())
}

fn sheet(alarms: &[SpellShape], output: Output) -> FittedTable {
    let mut sheet = FittedTable::new([
        ("BEGIN", Fit::Stays),
        ("END", Fit::Goes(1)),
        ("LASTED", Fit::Stays),
        ("SEVERITY", Fit::Goes(0)),
        ("HOST", Fit::Cut(12)),
        ("ROW", Fit::Cut(8)),
        ("VALUE", Fit::Goes(2)),
        ("WHAT", Fit::Cut(20)),
    ]);
    for alarm in alarms {
        let unit = alarm.unit.map(|unit| format!(" {unit}")).unwrap_or_default();
        sheet.add([
            output.moment(alarm.begin_ms),
            alarm.end_ms.map_or_else(|| "goes on".to_owned(), |end| output.moment(end)),
            lasted(alarm.lasted_ms),
            alarm.severity.to_string(),
            alarm.host.to_string(),
            alarm.row.to_string(),
            output::or_unknown(alarm.value.map(|value| format!("{value}{unit}"))),
            alarm.summary.to_string(),
        ]);
    }
    sheet
}

fn lasted(ms: u64) -> String {
    output::length(Duration::from_millis(ms))
}

fn count(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// All alarms in numbers.
fn words(found: &BacktestShape, file: &str, now: WallMs) -> String {
    let totals = &found.totals;
    let hosts = plural(found.hosts.len(), "host");
    let polls = plural(count(totals.polls), "poll");
    let (rule, file) = (&found.rule, shown(file));
    let (from, to) = (found.from.0.spoken(), found.to.0.min(now).spoken());
    let mut text = format!("rule {rule} of {file}, by {polls} of {hosts} from {from} to {to}\n");
    match totals.alarms {
        0 => text.push_str("it would not have fired\n"),
        alarms => {
            let alarms = plural(count(alarms), "alarm");
            let having = plural(count(totals.hosts), "host");
            let lasted = lasted(totals.lasted_ms);
            text.push_str(&format!("{alarms} on {having}, {lasted} of alarm in all"));
            for (number, what) in [
                (totals.open, "went on at the last poll"),
                (totals.flaps, "began again within 10 min after the end of the one before"),
            ] {
                if number > 0 {
                    text.push_str(&format!("; {number} {what}"));
                }
            }
            text.push('\n');
        }
    }
    text
}

/// What was not judged, or not by what was true then.
fn remarks(found: &BacktestShape) {
    let unjudged: Vec<_> = found.hosts.iter().filter(|host| host.only_hours_before).collect();
    if !unjudged.is_empty() {
        let first =
            unjudged.iter().filter_map(|host| host.first.as_ref()).map(|first| first.0).min();
        let before = match first {
            Some(first) => format!("before {}", first.spoken()),
            None => "in all of that time".to_owned(),
        };
        let hosts = plural(unjudged.len(), "host");
        tell(&format!("not judged: {before} only hours in short are kept of {hosts}"));
    }
    let silent: BTreeSet<&str> = found
        .hosts
        .iter()
        .filter(|host| host.polls == 0 && !host.only_hours_before)
        .map(|host| &*host.host)
        .collect();
    if !silent.is_empty() {
        tell(&format!("not judged: {}, of which no poll is kept", plural(silent.len(), "host")));
    }
    let left_out = count(found.totals.alarms).saturating_sub(found.alarms.len());
    if left_out > 0 {
        tell(&format!(
            "{left_out} alarms beyond the first {MAX_SPELLS} are counted and not listed"
        ));
    }
    tell("groups, labels and versions are those of now: those of then are not kept");
}
