//! `roundsman export HOST`: what is kept of a host, for other programs, a page at a time.

use clap::{Args, ValueEnum};

use super::{
    CliError, Runtime, parse,
    progress::Progress,
    rows::{ExportHeader, ExportRow, ExportTable, Format},
};
use crate::{
    model::{Column, ColumnSet},
    query::{HOURS_PAGE, PollRange, Query, parse_column},
    rollup::Tier,
    units::WallMs,
};

/// Shown under the help.
pub(super) const EXAMPLES: &str = "\
Examples:
  roundsman export web-01 --from -7d > web-01.csv
  roundsman export web-01 --from -365d --tier hour --columns cpu_busy_pct,fs_used_max_pct
  roundsman export web-01 --table net --from 2026-03-29T01:00:00Z --to 2026-03-29T02:00:00Z
  roundsman export web-01 --format jsonl | jq .values.load_1";

/// Which tier is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Which {
    Poll,
    Hour,
    Auto,
}

/// Flags of `export`.
#[derive(Debug, Args)]
pub(super) struct ExportArgs {
    /// The host's name
    #[arg(value_name = "HOST")]
    host: String,
    /// From this moment on: RFC 3339, milliseconds since 1970, or a length before now (-1h, -7d)
    #[arg(long, value_name = "MOMENT", default_value = "-1d", allow_hyphen_values = true)]
    from: String,
    /// Before this moment
    #[arg(long, value_name = "MOMENT", default_value = "now", allow_hyphen_values = true)]
    to: String,
    /// CSV with a header (RFC 4180); unknown values are empty, and text that a spreadsheet would run
    /// (=, +, -, @) gets an apostrophe before it. Or one JSON document per line
    #[arg(long, value_enum, default_value = "csv")]
    format: Format,
    /// poll: every poll. hour: hourly mean, minimum, maximum and count of each value. auto: polls if
    /// they are stored since --from, else hours
    #[arg(long, value_enum, default_value = "auto")]
    tier: Which,
    /// Only these values: names from GET /api/v1/columns, separated by commas
    #[arg(long, value_name = "NAMES", value_delimiter = ',', value_parser = parse_column)]
    columns: Vec<Column>,
    /// Instead of host-wide values, one row per core, interface, disk, mount or process
    #[arg(long, value_enum, conflicts_with_all = ["columns", "tier"])]
    table: Option<ExportTable>,
}

/// What is to be exported.
struct Export<'a> {
    args: &'a ExportArgs,
    runtime: &'a Runtime,
    query: Query,
    from: WallMs,
    to: WallMs,
    now: WallMs,
}

/// Exports; a reader that goes away ends it quietly.
pub(super) fn run(args: &ExportArgs, runtime: &Runtime) -> Result<(), CliError> {
    let now = runtime.now();
    let range = parse::span(&args.from, &args.to, now)?;
    let (from, to) = (range.from, range.to);
    let query = runtime.kept()?;
    let tier = match args.tier {
        Which::Poll => Tier::Polls,
        Which::Hour => Tier::Hours,
        // What repeats is in polls alone.
        Which::Auto if args.table.is_some() => Tier::Polls,
        Which::Auto => query.finest(from, now),
    };
    let job = Export { args, runtime, query, from, to, now };
    match tier {
        Tier::Polls => job.polls(range),
        Tier::FiveMinutes | Tier::Hours => job.hours(),
    }
}

impl Export<'_> {
    fn progress(&self) -> Progress {
        Progress::beside(self.runtime.clock(), self.runtime.output.terminal)
    }

    fn columns(&self) -> &[Column] {
        if self.args.columns.is_empty() { Column::ALL } else { &self.args.columns }
    }

    fn polls(&self, mut range: PollRange) -> Result<(), CliError> {
        let ExportArgs { host, format, columns, table, .. } = self.args;
        let whole = *format == Format::Jsonl && columns.is_empty() && table.is_none();
        let sheet = ExportHeader::of_polls(*table, self.columns());
        let mut head = sheet.head(*format);
        let mut progress = self.progress();
        let mut written = 0;
        loop {
            let asked = self.query.polls(host, &range, whole || table.is_some());
            let page = self.runtime.block_on(asked)?;
            let mut text = std::mem::take(&mut head);
            for poll in &page.polls {
                if whole {
                    let line = serde_json::to_string(poll);
                    text += &line.map_err(|error| CliError::Output(error.into()))?;
                    text.push('\n');
                } else {
                    sheet.add_poll(poll.record(), *format, &mut text)?;
                }
            }
            self.runtime.output.data(&text)?;
            written += page.polls.len();
            progress.at(|| format!("{written} polls written"));
            match page.polls.last().filter(|_| page.next.is_some()) {
                Some(last) => range = range.after(last.record().slot),
                None => return Ok(()),
            }
        }
    }

    fn hours(&self) -> Result<(), CliError> {
        let format = self.args.format;
        let sheet = ExportHeader::of_hours(self.columns());
        let mut head = sheet.head(format);
        // What lies ahead is empty: a far end takes no longer.
        let end = self.to.min(self.now);
        let mut from = self.from;
        let mut progress = self.progress();
        loop {
            let to = from.plus(HOURS_PAGE).min(end);
            let asked = self.query.hours(&self.args.host, self.columns(), from, to);
            let mut text = std::mem::take(&mut head);
            for bucket in self.runtime.block_on(asked)? {
                sheet.add(&ExportRow::of_hour(&bucket, self.columns()), format, &mut text)?;
            }
            self.runtime.output.data(&text)?;
            if to >= end {
                return Ok(());
            }
            progress.at(|| format!("hours up to {to} written"));
            from = to;
        }
    }
}
