//! `roundsman history HOST`: the ledger of one host, a row per attempt.

use std::time::Duration;

use clap::Args;

use super::{
    CliError, Runtime,
    output::{self, UNKNOWN},
    parse,
};
use crate::{
    model::{Column, ColumnSet, Kind, Record},
    query::{
        DEFAULT_PAGE, Detail, MAX_PAGE, Order, PollRange, PollShape, SeriesRange, SeriesShape,
        USUAL_COLUMNS, parse_column, parse_moment,
    },
};

/// Shown under the help.
pub(super) const EXAMPLES: &str = "\
Examples:
  roundsman history web-01 --from -10m
  roundsman history web-01 --from 2026-03-29T01:00:00Z --to 2026-03-29T02:00:00Z --limit 1000
  roundsman history web-01 --columns cpu_iowait_pct,disk_busy_max_pct
  roundsman history web-01 --from -1d --every 30m";

/// Flags of `history`.
#[derive(Debug, Args)]
pub(super) struct HistoryArgs {
    /// The host's name
    #[arg(value_name = "HOST")]
    host: String,
    /// Polls due at or after this moment: RFC 3339, milliseconds since 1970, or a length before
    /// now (-1h, -30m)
    #[arg(long, value_name = "MOMENT", default_value = "-1h", allow_hyphen_values = true)]
    from: String,
    /// Polls due before this moment
    #[arg(long, value_name = "MOMENT", default_value = "now", allow_hyphen_values = true)]
    to: String,
    /// At most so many polls, the newest, 1 to 1000
    #[arg(long, value_name = "COUNT", default_value_t = DEFAULT_PAGE, value_parser = parse::count(MAX_PAGE))]
    limit: usize,
    /// Only these values, by their names as in GET /api/v1/columns, separated by commas
    #[arg(long, value_name = "NAMES", value_delimiter = ',', value_parser = parse_column)]
    columns: Vec<Column>,
    /// Means over each such length of time instead of single polls (5m, 1h): whole hours are read
    /// from the hours in short, which are kept for years
    #[arg(long, value_name = "LENGTH", value_parser = humantime::parse_duration)]
    every: Option<Duration>,
    /// Print one JSON document, the same as of GET /api/v1/hosts/HOST/polls, oldest first, or with
    /// --every of GET /api/v1/hosts/HOST/series
    #[arg(long)]
    json: bool,
}

impl HistoryArgs {
    fn range(&self, runtime: &Runtime) -> Result<PollRange, CliError> {
        let now = runtime.now();
        let moment = |flag: &str, text: &str| {
            parse_moment(text, now).map_err(|error| CliError::Usage(format!("{flag}: {error}")))
        };
        let mut range = PollRange::last_hour(now);
        range.from = moment("--from", &self.from)?;
        if self.to != "now" {
            range.to = moment("--to", &self.to)?;
        }
        range.limit = self.limit;
        range.order = Order::Desc;
        range.check().map_err(|error| CliError::Usage(error.to_string()))?;
        Ok(range)
    }
}

/// Prints the ledger.
pub(super) fn run(args: &HistoryArgs, runtime: &Runtime) -> Result<(), CliError> {
    let range = args.range(runtime)?;
    if let Some(step) = args.every {
        return over_time(args, &range, step, runtime);
    }
    let query = runtime.kept()?;
    let mut page = runtime.block_on(query.polls(&args.host, &range, args.columns.is_empty()))?;
    // The newest were asked for; people read downwards.
    page.polls.reverse();
    if !args.columns.is_empty() {
        page.polls = page.polls.into_iter().map(|poll| poll.only(&args.columns)).collect();
    }
    let output = runtime.output;
    if args.json {
        return output.json(&page);
    }
    if page.polls.is_empty() {
        eprintln!("no poll of {} was due between {} and {}", page.host, page.from.0, page.to.0);
        return Ok(());
    }
    output.print(&table(&page.polls, &args.columns, runtime))?;
    if let Some(first) = page.polls.first().filter(|_| page.next.is_some()) {
        eprintln!("older polls: --to {}", first.record().slot);
    }
    Ok(())
}

/// Prints means over time.
fn over_time(
    args: &HistoryArgs,
    range: &PollRange,
    step: Duration,
    runtime: &Runtime,
) -> Result<(), CliError> {
    let columns = if args.columns.is_empty() { &USUAL_COLUMNS[..] } else { &args.columns };
    let range = SeriesRange {
        from: range.from,
        to: range.to,
        detail: Detail::Step(step),
        tier: None,
        columns: columns.to_vec(),
    };
    let query = runtime.kept()?;
    let series = runtime.block_on(query.series(&args.host, &range, runtime.now()))?;
    let output = runtime.output;
    if args.json {
        return output.json(&series);
    }
    output.print(&means(&series, runtime))
}

fn means(series: &SeriesShape, runtime: &Runtime) -> String {
    let mut header = vec!["FROM", "POLLS", "FAILED"];
    header.extend(series.columns.iter().map(|column| column.name));
    let rows = series.moments().enumerate().map(|(point, moment)| {
        let counts = [&series.polls, &series.failed];
        let counts = counts.map(|counts| counts.get(point).copied().unwrap_or(0).to_string());
        let means = series.columns.iter().map(|column| {
            let mean = column.avg.get(point).copied().flatten();
            mean.map_or_else(|| UNKNOWN.to_owned(), |mean| format!("{mean}"))
        });
        [moment.to_string()].into_iter().chain(counts).chain(means).collect::<Vec<_>>()
    });
    runtime.output.table(&header, rows)
}

fn table(polls: &[PollShape], columns: &[Column], runtime: &Runtime) -> String {
    let chosen = if columns.is_empty() { &USUAL_COLUMNS[..] } else { columns };
    let mut header = vec!["SLOT", "OUTCOME", "STATE", "CALL"];
    header.extend(chosen.iter().map(|column| column.spec().name));
    header.push("ERROR");
    let rows = polls.iter().map(|poll| {
        let record = poll.record();
        let mut row = vec![
            record.slot.to_string(),
            record.outcome.to_string(),
            runtime.output.state(record.state),
            output::or_unknown(record.timings.call_us),
        ];
        row.extend(chosen.iter().map(|column| cell(record, *column)));
        row.push(record.error.as_deref().unwrap_or_default().to_owned());
        row
    });
    runtime.output.table(&header, rows)
}

/// A value as it is kept, in the unit that its column's name ends in.
fn cell(record: &Record, column: Column) -> String {
    match record.values.as_ref().and_then(|values| values.get(column)) {
        None => UNKNOWN.to_owned(),
        Some(value) => match column.spec().kind {
            Kind::Whole => format!("{value:.0}"),
            Kind::Real => format!("{value}"),
        },
    }
}
