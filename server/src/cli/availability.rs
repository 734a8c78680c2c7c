//! `roundsman availability` and `traffic`: for how much of the time hosts answered, and what crossed their
//! network, by days or months.

use chrono_tz::Tz;
use clap::Args;

use super::{
    CliError, Runtime,
    aside::tell,
    fit::{Fit, FittedTable},
    output, parse,
    rows::{ExportHeader, ExportRow, Format},
};
use crate::{
    query::{
        AVAILABILITY_COLUMNS, Availability, AvailabilityRange, AvailabilityShape, Calendar,
        CalendarPeriod, HostsOf, MAX_START_DAY, Target, parse_zone,
    },
    text::{bytes, shown},
};

/// Shown under the help of `availability`.
pub(super) const EXAMPLES: &str = "\
Examples:
  roundsman availability --target 99.9
  roundsman availability --group web --by day --from -30d --zone Europe/Berlin
  roundsman availability web-01 web-02 --from 2026-01-01T00:00:00Z --format csv > year.csv

Counted is time, by hours that are over. Pauses and maintenance windows stand apart; what the server could not
know (it was down, or cut off) is unknown, and neither good nor bad.";

/// Shown under the help of `traffic`.
pub(super) const TRAFFIC_EXAMPLES: &str = "\
Examples:
  roundsman traffic
  roundsman traffic --start-day 15 --from -90d
  roundsman traffic --group web --by day --from -30d --format csv > traffic.csv

Summed up is what the counters of physical interfaces grew by, over restarts of the server as well. COUNTED says
of how much of the time that is known: nothing is added for the rest.";

/// Flags of `availability`.
#[derive(Debug, Args)]
pub(super) struct AvailabilityArgs {
    #[command(flatten)]
    periods: PeriodArgs,
    /// Say whether so much was reached, per cent, and how much longer a host may be bad
    #[arg(long, value_name = "PERCENT", value_parser = Target::parse)]
    target: Option<Target>,
}

/// Which hosts and periods.
#[derive(Debug, Args)]
pub(super) struct PeriodArgs {
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
    /// Count calendar days or months
    #[arg(long, value_name = "PERIOD", default_value = "month", value_parser = parse::period())]
    by: CalendarPeriod,
    /// By the calendar of this time zone
    #[arg(long, value_name = "ZONE", default_value = "UTC", value_parser = parse_zone)]
    zone: Tz,
    /// Begin months with this day
    #[arg(long, value_name = "DAY", default_value = "1", value_parser = parse::count(MAX_START_DAY))]
    start_day: usize,
    /// For other programs: CSV with a header, or one JSON document per line
    #[arg(long, value_enum)]
    format: Option<Format>,
}

/// Asks what is kept, and prints for how much of the time hosts answered.
pub(super) fn run(args: AvailabilityArgs, runtime: &Runtime) -> Result<(), CliError> {
    let AvailabilityArgs { periods, target } = args;
    let format = periods.format;
    let shape = ask(periods, target, runtime)?;
    match format {
        Some(format) => export(&shape, format, runtime),
        None => show(&shape, runtime),
    }
}

/// Asks what is kept, and prints what crossed the network.
pub(super) fn run_traffic(args: PeriodArgs, runtime: &Runtime) -> Result<(), CliError> {
    let format = args.format;
    let shape = ask(args, None, runtime)?;
    match format {
        Some(format) => export(&shape, format, runtime),
        None => show_traffic(&shape, runtime),
    }
}

fn ask(
    args: PeriodArgs,
    target: Option<Target>,
    runtime: &Runtime,
) -> Result<AvailabilityShape, CliError> {
    let PeriodArgs { hosts, group, from, to, by, zone, start_day, format: _ } = args;
    let now = runtime.now();
    let calendar = Calendar { by, zone, start_day: start_day.try_into().unwrap_or(1) };
    let from = match from {
        Some(text) => parse::moment("--from", &text, now)?,
        None => calendar.month_before(now),
    };
    let of = match (group, hosts.is_empty()) {
        (Some(group), _) => HostsOf::Group(group),
        (None, true) => HostsOf::Inventory,
        (None, false) => HostsOf::Named(hosts),
    };
    let to = parse::moment("--to", &to, now)?;
    let range = AvailabilityRange { of, from, to, calendar, target };
    let query = runtime.kept()?;
    Ok(runtime.block_on(query.availability(&range, now))?)
}

fn export(shape: &AvailabilityShape, format: Format, runtime: &Runtime) -> Result<(), CliError> {
    if format == Format::Csv {
        return runtime.output.data(&shape.csv());
    }
    let header = ExportHeader::of_names(AVAILABILITY_COLUMNS.map(str::to_owned).into());
    let mut text = header.head(format);
    for row in shape.rows() {
        header.add(&ExportRow::of_sql(row.into()), format, &mut text)?;
    }
    runtime.output.data(&text)
}

/// Who is meant, and their sums: each host, then each group, then all, where that says more.
fn lines(shape: &AvailabilityShape) -> Vec<(String, &Availability)> {
    let mut lines: Vec<_> =
        shape.hosts.iter().map(|of| (shown(&of.host).to_string(), &of.counts)).collect();
    if shape.groups.len() > 1 {
        lines.extend(shape.groups.iter().map(|of| {
            let name = of.group.as_deref().map_or_else(
                || "hosts without a group".to_owned(),
                |group| format!("group {}", shown(group)),
            );
            (name, &of.counts)
        }));
    }
    if shape.hosts.len() > 1 {
        lines.push(("all hosts".to_owned(), &shape.all));
    }
    lines
}

fn at<T: Copy>(values: &[T], place: usize) -> Option<T> {
    values.get(place).copied()
}

fn length(ms: Option<u64>) -> String {
    output::or_unknown(
        ms.map(|ms| output::length(std::time::Duration::from_millis(ms / 1_000 * 1_000))),
    )
}

fn show(shape: &AvailabilityShape, runtime: &Runtime) -> Result<(), CliError> {
    let mut columns = vec![
        ("HOST", Fit::Cut(12)),
        ("PERIOD", Fit::Stays),
        ("AVAILABLE", Fit::Stays),
        ("BAD", Fit::Stays),
        ("PAUSED", Fit::Goes(1)),
        ("UNKNOWN", Fit::Goes(2)),
    ];
    if shape.target_pct.is_some() {
        columns.extend([("TARGET", Fit::Stays), ("LEFT", Fit::Stays)]);
    }
    let mut sheet = FittedTable::new(columns);
    for (name, counts) in lines(shape) {
        for (place, period) in shape.periods.iter().enumerate() {
            let pct = at(&counts.available_pct, place).flatten();
            let mut cells = vec![
                name.clone(),
                period.name.clone(),
                output::or_unknown(pct.map(|pct| format!("{pct:.3} %"))),
                length(at(&counts.bad_ms, place)),
                length(at(&counts.paused_ms, place)),
                length(at(&counts.unknown_ms, place)),
            ];
            if shape.target_pct.is_some() {
                let met = at(&counts.met, place).flatten();
                cells.push(output::or_unknown(
                    met.map(|met| (if met { "met" } else { "missed" }).to_owned()),
                ));
                let left = at(&counts.left_ms, place).flatten();
                let sign = if left.is_some_and(|ms| ms < 0) { "-" } else { "" };
                cells.push(format!("{sign}{}", length(left.map(i64::unsigned_abs))));
            }
            sheet.add(cells);
        }
    }
    runtime.output.sheet(sheet, "--format jsonl has all")?;
    tell_if_none(shape);
    Ok(())
}

fn show_traffic(shape: &AvailabilityShape, runtime: &Runtime) -> Result<(), CliError> {
    let mut sheet = FittedTable::new([
        ("HOST", Fit::Cut(12)),
        ("PERIOD", Fit::Stays),
        ("RECEIVED", Fit::Stays),
        ("SENT", Fit::Stays),
        ("COUNTED", Fit::Goes(1)),
    ]);
    for (name, counts) in lines(shape) {
        for (place, period) in shape.periods.iter().enumerate() {
            let sum = |values: &[Option<u64>]| {
                #[expect(clippy::cast_precision_loss, reason = "shown with three digits")]
                let shown = at(values, place).flatten().map(|sum| bytes(sum as f64));
                output::or_unknown(shown)
            };
            sheet.add([
                name.clone(),
                period.name.clone(),
                sum(&counts.rx_bytes),
                sum(&counts.tx_bytes),
                length(at(&counts.counted_ms, place)),
            ]);
        }
    }
    runtime.output.sheet(sheet, "--format jsonl has all")?;
    tell_if_none(shape);
    Ok(())
}

fn tell_if_none(shape: &AvailabilityShape) {
    if shape.hosts.is_empty() {
        tell("no hosts are kept yet");
    }
}
