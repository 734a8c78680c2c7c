//! `roundsman history HOST`: the ledger of one host, a row per attempt.

use std::time::Duration;

use clap::Args;

use super::{
    CliError, Runtime,
    aside::tell,
    fit::{Fit, FittedTable},
    output::{self, Output, UNKNOWN},
    parse, spark,
};
use crate::{
    model::{Column, ColumnKind, ColumnSet, Record, Unit},
    query::{
        DEFAULT_PAGE, MAX_PAGE, PollRange, PollShape, Resolution, SeriesRange, SeriesShape,
        SortOrder, USUAL_COLUMNS, parse_column,
    },
    units::WallMs,
};

/// The least and the greatest of a chart have so much room.
const RANGE_COLUMNS: usize = 26;

/// An error is cut to no less than this.
const ERROR_COLUMNS: usize = 12;

/// Where the columns are that a terminal has no room for.
const MORE: &str = "--columns chooses, --json has all";

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
    /// At most this many polls, the newest, 1 to 1000
    #[arg(long, value_name = "COUNT", default_value_t = DEFAULT_PAGE, value_parser = parse::count(MAX_PAGE))]
    limit: usize,
    /// Only these values: names from GET /api/v1/columns, separated by commas
    #[arg(long, value_name = "NAMES", value_delimiter = ',', value_parser = parse_column)]
    columns: Vec<Column>,
    /// Averages over this length of time (5m, 1h) instead of single polls; whole hours come from the
    /// hourly summaries, which are kept for years
    #[arg(long, value_name = "LENGTH", value_parser = humantime::parse_duration)]
    every: Option<Duration>,
    /// Draw a bar chart of each value above the table; the default on a terminal
    #[arg(long)]
    chart: bool,
    /// Print one JSON document, as GET /api/v1/hosts/HOST/polls does, oldest first; with --every as
    /// GET /api/v1/hosts/HOST/series does
    #[arg(long)]
    json: bool,
}

impl HistoryArgs {
    fn range(&self, runtime: &Runtime) -> Result<PollRange, CliError> {
        let now = runtime.now();
        let mut range = PollRange::last_hour(now);
        range.from = parse::moment("--from", &self.from, now)?;
        if self.to != "now" {
            range.to = parse::moment("--to", &self.to, now)?;
        }
        range.limit = self.limit;
        range.order = SortOrder::Desc;
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
        let [from, to] = [page.from.0, page.to.0].map(WallMs::spoken);
        tell(&format!("no poll of {} was due between {from} and {to}", page.host));
        return Ok(());
    }
    let chosen = if args.columns.is_empty() { &USUAL_COLUMNS[..] } else { &args.columns };
    if args.chart || output.terminal {
        let lines = chosen.iter().map(|column| {
            let value = |poll: &PollShape| poll.record().values.as_ref()?.get(*column);
            (*column, page.polls.iter().map(value).collect())
        });
        output.show(&charts(lines, output.width()))?;
    }
    output.sheet(sheet(&page.polls, chosen, output), MORE)?;
    if let Some(first) = page.polls.first().filter(|_| page.next.is_some()) {
        tell(&format!("older polls: --to {}", first.record().slot));
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
        detail: Resolution::Step(step),
        tier: None,
        columns: columns.to_vec(),
    };
    let query = runtime.kept()?;
    let series = runtime.block_on(query.series(&args.host, &range, runtime.now()))?;
    let output = runtime.output;
    if args.json {
        return output.json(&series);
    }
    if args.chart || output.terminal {
        let lines = columns.iter().zip(&series.columns);
        let lines = lines.map(|(column, line)| (*column, line.avg.clone()));
        output.show(&charts(lines, output.width()))?;
    }
    output.sheet(means(&series, columns, output), MORE)
}

/// A line for each value that is known: bars, the least and the greatest. Polls that brought none are
/// gaps.
fn charts(lines: impl Iterator<Item = (Column, Vec<Option<f64>>)>, width: usize) -> String {
    let lines: Vec<_> = lines.filter(|(_, values)| spark::greatest(values).is_some()).collect();
    let titles: Vec<String> = lines.iter().map(|(column, _)| output::title(*column)).collect();
    let longest = titles.iter().map(String::len).max().unwrap_or(0);
    let room = width.saturating_sub(longest + RANGE_COLUMNS + 4);
    let mut text = String::new();
    for ((column, values), title) in lines.iter().zip(titles) {
        let squeezed = spark::squeezed(values, room);
        let share = column.spec().unit == Unit::Percent;
        let bars = spark::bars(&squeezed, spark::top(&squeezed, share));
        let [least, most] = [spark::min(values), spark::greatest(values)];
        let range = [least, most].map(|value| output::figure(*column, value)).join(" to ");
        text.push_str(format!(" {title:<longest$}  {bars}  {range}").trim_end());
        text.push('\n');
    }
    if !text.is_empty() {
        text.push('\n');
    }
    text
}

/// A column's title and cell: for people on a terminal, in a pipe as it is kept.
fn title(column: Column, output: Output) -> String {
    if output.terminal { output::title(column) } else { column.spec().name.to_owned() }
}

/// The columns of values: those to the right go first.
fn values(columns: &[Column], output: Output) -> impl Iterator<Item = (String, Fit)> {
    (0..).zip(columns).map(move |(rank, column)| (title(*column, output), Fit::Goes(rank)))
}

fn first(word: &str) -> (String, Fit) {
    (word.to_owned(), Fit::Stays)
}

fn means(series: &SeriesShape, columns: &[Column], output: Output) -> FittedTable {
    let counts = ["POLLS", "FAILED"].map(|title| (title.to_owned(), Fit::Stays));
    let titles = [first("FROM")].into_iter().chain(counts).chain(values(columns, output));
    let mut sheet = FittedTable::new(titles);
    for (point, at) in series.moments().enumerate() {
        let counts = [&series.polls, &series.failed];
        let counts = counts.map(|counts| counts.get(point).copied().unwrap_or(0).to_string());
        let means = columns.iter().zip(&series.columns).map(|(column, line)| {
            let mean = line.avg.get(point).copied().flatten();
            match mean {
                Some(mean) if !output.terminal => format!("{mean}"),
                mean => output::figure(*column, mean),
            }
        });
        sheet.add([output.moment(at)].into_iter().chain(counts).chain(means));
    }
    sheet
}

fn sheet(polls: &[PollShape], columns: &[Column], output: Output) -> FittedTable {
    let fixed = ["OUTCOME", "STATE"].map(|title| (title.to_owned(), Fit::Stays));
    let call = ("CALL".to_owned(), Fit::Goes(u8::MAX));
    let titles = [first("SLOT")].into_iter().chain(fixed).chain([call]);
    let error = ("ERROR".to_owned(), Fit::Cut(ERROR_COLUMNS));
    let mut sheet = FittedTable::new(titles.chain(values(columns, output)).chain([error]));
    for poll in polls {
        let record = poll.record();
        let start = [
            output.moment(record.slot),
            record.outcome.to_string(),
            output.state(record.state),
            output::or_unknown(record.timings.call_us),
        ];
        let values = columns.iter().map(|column| cell(record, *column, output));
        let error = record.error.as_deref().unwrap_or_default().to_owned();
        sheet.add(start.into_iter().chain(values).chain([error]));
    }
    sheet
}

/// A value as it is kept, in the unit that its column's name ends in; with its unit on a terminal.
fn cell(record: &Record, column: Column, output: Output) -> String {
    match record.values.as_ref().and_then(|values| values.get(column)) {
        None => UNKNOWN.to_owned(),
        value if output.terminal => output::figure(column, value),
        Some(value) => match column.spec().kind {
            ColumnKind::Whole => format!("{value:.0}"),
            ColumnKind::Real => format!("{value}"),
        },
    }
}
