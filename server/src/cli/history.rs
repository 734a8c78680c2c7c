//! `roundsman history HOST`: the ledger of one host, a row per attempt.

use clap::Args;

use super::{
    CliError, Runtime,
    output::{self, UNKNOWN},
    parse,
};
use crate::{
    inventory::closest,
    model::{Column, ColumnSet, Kind, Record},
    query::{DEFAULT_PAGE, MAX_PAGE, Order, PollRange, PollShape, parse_moment},
};

/// What a table shows when nobody says: enough to see what a host was doing.
const DEFAULT_COLUMNS: [Column; 7] = [
    Column::CpuBusyPct,
    Column::Load1,
    Column::MemUsedPct,
    Column::NetRxBytesPerS,
    Column::NetTxBytesPerS,
    Column::DiskReadBytesPerS,
    Column::DiskWrittenBytesPerS,
];

/// Shown under the help.
pub(super) const EXAMPLES: &str = "\
Examples:
  roundsman history web-01 --from -10m
  roundsman history web-01 --from 2026-03-29T01:00:00Z --to 2026-03-29T02:00:00Z --limit 1000
  roundsman history web-01 --columns cpu_iowait_pct,disk_busy_max_pct";

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
    #[arg(long, value_name = "NAMES", value_delimiter = ',', value_parser = column)]
    columns: Vec<Column>,
    /// Print one JSON document, the same as of GET /api/v1/hosts/HOST/polls, oldest first
    #[arg(long)]
    json: bool,
}

/// Reads a column's name.
fn column(name: &str) -> Result<Column, String> {
    let names = || Column::ALL.iter().map(|column| column.spec().name);
    Column::ALL.iter().find(|column| column.spec().name == name).copied().ok_or_else(|| {
        match closest(name, names()) {
            Some(word) => format!("no value has this name; did you mean {word}?"),
            None => format!("no value has this name; the first ones are {}, …", {
                names().take(3).collect::<Vec<_>>().join(", ")
            }),
        }
    })
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

fn table(polls: &[PollShape], columns: &[Column], runtime: &Runtime) -> String {
    let chosen = if columns.is_empty() { &DEFAULT_COLUMNS[..] } else { columns };
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_is_found_by_its_name_or_the_nearest_is_told() {
        assert_eq!(column("cpu_busy_pct"), Ok(Column::CpuBusyPct));
        let message = column("cpu_bussy_pct").unwrap_err();
        assert_eq!(message, "no value has this name; did you mean cpu_busy_pct?");
        let message = column("zzz").unwrap_err();
        assert!(message.ends_with("the first ones are load_1, load_5, load_15, …"), "{message}");
    }
}
