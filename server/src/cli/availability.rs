//! `roundsman availability`: how often hosts answered, by days or months.

use clap::Args;

use super::{
    CliError, Runtime,
    aside::tell,
    fit::{Fit, FittedTable},
    output, parse,
    rows::{ExportHeader, ExportRow, Format},
};
use crate::{
    query::{Availability, AvailabilityRange, AvailabilityShape, CalendarPeriod, HostsOf},
    store::SqlValue,
    text::shown,
};

/// Shown under the help.
pub(super) const EXAMPLES: &str = "\
Examples:
  roundsman availability
  roundsman availability --group web --by day --from -30d
  roundsman availability web-01 web-02 --from 2026-01-01T00:00:00Z --format csv > year.csv

Counted is what was asked of a host: neither while it was paused, nor while the server was down. Days say how
many of them have polls.";

/// Flags of `availability`.
#[derive(Debug, Args)]
pub(super) struct AvailabilityArgs {
    /// Only these hosts, by name; all of the inventory
    #[arg(value_name = "HOST", conflicts_with = "group")]
    hosts: Vec<String>,
    /// Only hosts of this group
    #[arg(long, value_name = "GROUP")]
    group: Option<String>,
    /// From the period of this moment on: RFC 3339, milliseconds since 1970, or a length before now (-30d)
    /// [default: the begin of last month]
    #[arg(long, value_name = "MOMENT", allow_hyphen_values = true)]
    from: Option<String>,
    /// Before this moment
    #[arg(long, value_name = "MOMENT", default_value = "now", allow_hyphen_values = true)]
    to: String,
    /// Count calendar days or months, in UTC
    #[arg(long, value_name = "PERIOD", default_value = "month", value_parser = parse::period())]
    by: CalendarPeriod,
    /// For other programs: CSV with a header, or one JSON document per line
    #[arg(long, value_enum)]
    format: Option<Format>,
}

/// One period of a host, or of all of them.
struct Line<'a> {
    host: Option<&'a str>,
    period: &'a str,
    polls: u64,
    failed: u64,
    available_pct: Option<f64>,
    days: u64,
}

fn lines<'a>(
    shape: &'a AvailabilityShape,
    host: Option<&'a str>,
    counts: &'a Availability,
) -> impl Iterator<Item = Line<'a>> {
    let Availability { polls, failed, available_pct, days } = counts;
    let counted = polls.iter().zip(failed).zip(available_pct).zip(days);
    shape.periods.iter().zip(counted).map(move |(period, (((polls, failed), pct), days))| Line {
        host,
        period,
        polls: *polls,
        failed: *failed,
        available_pct: *pct,
        days: *days,
    })
}

/// Asks what is kept, and prints it.
pub(super) fn run(args: AvailabilityArgs, runtime: &Runtime) -> Result<(), CliError> {
    let AvailabilityArgs { hosts, group, from, to, by, format } = args;
    let now = runtime.now();
    let from = match from {
        Some(text) => parse::moment("--from", &text, now)?,
        None => AvailabilityRange::usual_from(now),
    };
    let of = match (group, hosts.is_empty()) {
        (Some(group), _) => HostsOf::Group(group),
        (None, true) => HostsOf::Inventory,
        (None, false) => HostsOf::Named(hosts),
    };
    let range = AvailabilityRange { of, from, to: parse::moment("--to", &to, now)?, by };
    let query = runtime.kept()?;
    let shape = runtime.block_on(query.availability(&range, now))?;
    let each = shape
        .hosts
        .iter()
        .flat_map(|of| lines(&shape, Some(&of.host), &of.counts))
        .collect::<Vec<_>>();
    match format {
        Some(format) => export(&each, format, runtime),
        None => show(&shape, &each, runtime),
    }
}

fn export(lines: &[Line<'_>], format: Format, runtime: &Runtime) -> Result<(), CliError> {
    let names = ["host", "period", "polls", "failed", "available_pct", "days"];
    let header = ExportHeader::of_names(names.map(str::to_owned).into());
    let mut text = header.head(format);
    for line in lines {
        let row = vec![
            line.host.map_or(SqlValue::Null, |host| SqlValue::Text(host.to_owned())),
            SqlValue::Text(line.period.to_owned()),
            SqlValue::Whole(line.polls.into()),
            SqlValue::Whole(line.failed.into()),
            line.available_pct.map_or(SqlValue::Null, SqlValue::Real),
            SqlValue::Whole(line.days.into()),
        ];
        header.add(&ExportRow::of_sql(row), format, &mut text)?;
    }
    runtime.output.data(&text)
}

fn show(shape: &AvailabilityShape, each: &[Line<'_>], runtime: &Runtime) -> Result<(), CliError> {
    let mut sheet = FittedTable::new([
        ("HOST", Fit::Cut(12)),
        ("PERIOD", Fit::Stays),
        ("AVAILABLE", Fit::Stays),
        ("POLLS", Fit::Goes(1)),
        ("FAILED", Fit::Stays),
        ("DAYS", Fit::Goes(2)),
    ]);
    let all = lines(shape, None, &shape.all);
    let is_one = shape.hosts.len() <= 1;
    for line in each.iter().chain(&all.filter(|_| !is_one).collect::<Vec<_>>()) {
        sheet.add([
            line.host.map_or_else(|| "all hosts".to_owned(), |host| shown(host).to_string()),
            line.period.to_owned(),
            output::or_unknown(line.available_pct.map(|pct| format!("{pct:.3} %"))),
            line.polls.to_string(),
            line.failed.to_string(),
            line.days.to_string(),
        ]);
    }
    runtime.output.sheet(sheet, "--format jsonl has all")?;
    if each.is_empty() {
        tell("no hosts are kept yet");
    }
    Ok(())
}
