//! The demo's picture of the fleet: a table that is drawn again in place on a terminal, a line per
//! poll in a pipe. Pure text from the live view; reads no clock and writes nowhere.

use std::sync::Arc;

use super::{
    fit::cut,
    output::{self, Output, UNKNOWN, number, percent, plural, rate, short_rate},
};
use crate::{
    live::HostView,
    model::{Column, Record},
    text::{bytes, shown},
    units::WallMs,
};

/// The table on a terminal of [`WIDE`] columns or more.
const HEADER: [&str; 12] = [
    "HOST",
    "STATE",
    "CPU",
    "LOAD",
    "MEMORY",
    "NET RX",
    "NET TX",
    "DISK R",
    "DISK W",
    "LAST POLL",
    "CALL",
    "LAST ERROR",
];

/// The same on a smaller one: two rates in a column, in bytes a second.
const NARROW_HEADER: [&str; 9] =
    ["HOST", "STATE", "CPU", "LOAD", "MEM", "NET RX/TX", "DISK R/W", "LAST", "CALL"];

/// Columns of a terminal that the full table needs.
const WIDE: usize = 125;

/// The longest error text of a line, columns.
const ERROR_COLUMNS: usize = 60;

fn value(record: Option<&Record>, column: Column) -> Option<f64> {
    record?.values.as_ref()?.get(column)
}

/// Memory in use of all there is.
fn memory(record: Option<&Record>) -> String {
    let total = value(record, Column::MemTotalBytes);
    match (total, value(record, Column::MemAvailableBytes)) {
        (Some(total), Some(available)) => {
            format!("{} of {}", bytes((total - available).max(0.0)), bytes(total))
        }
        _ => UNKNOWN.to_owned(),
    }
}

fn shortened(error: Option<&Arc<str>>) -> String {
    let line = error.and_then(|error| error.lines().next()).unwrap_or_default();
    cut(line, ERROR_COLUMNS)
}

/// What both tables show in their first cells and in their last ones.
fn row(view: &HostView, now: WallMs, output: Output, wide: bool) -> Vec<String> {
    let last = view.last.as_deref();
    // While a host is down its last good values stay; the column LAST POLL says what happened.
    let good = view.last_good.as_deref();
    let ago = |poll: &Record| {
        let length = output::length(now.since(poll.slot));
        if wide {
            format!("{} {length} ago", poll.outcome)
        } else {
            format!("{} {length}", poll.outcome)
        }
    };
    let mut row = vec![
        view.name.to_string(),
        output.state(view.state),
        percent(value(good, Column::CpuBusyPct)),
        number(value(good, Column::Load1)),
    ];
    let rates = [
        value(good, Column::NetRxBytesPerS),
        value(good, Column::NetTxBytesPerS),
        value(good, Column::DiskReadBytesPerS),
        value(good, Column::DiskWrittenBytesPerS),
    ];
    if wide {
        row.push(memory(good));
        row.extend(rates.map(rate));
    } else {
        row.push(percent(value(good, Column::MemUsedPct)));
        let [rx, tx, read, written] = rates.map(short_rate);
        row.extend([format!("{rx}/{tx}"), format!("{read}/{written}")]);
    }
    row.push(output::or_unknown(last.map(ago)));
    row.push(output::or_unknown(last.and_then(|poll| poll.timings.call_us)));
    if wide {
        row.push(shortened(last.and_then(|poll| poll.error.as_ref())));
    }
    row
}

/// The fleet now, as lines no wider than `width` columns and no more than `height`.
pub(super) fn frame(
    hosts: &[Arc<HostView>],
    polls: usize,
    now: WallMs,
    output: Output,
    (width, height): (usize, usize),
) -> Vec<String> {
    let wide = width >= WIDE;
    let header = if wide { &HEADER[..] } else { &NARROW_HEADER };
    let rows = hosts.iter().map(|view| row(view, now, output, wide));
    let table = Output { colour: false, ..output }.table(header, rows);
    let mut lines: Vec<String> = table.lines().map(|line| cut(line, width)).collect();
    let room = height.saturating_sub(2).max(1);
    let hidden = lines.len().saturating_sub(room);
    lines.truncate(room);
    let mut status = format!("{} so far", plural(polls, "poll"));
    if hidden > 0 {
        status.push_str(&format!("; {} below the screen", plural(hidden, "line")));
    }
    status.push_str("; Ctrl-C stops");
    lines.push(cut(&status, width));
    lines.iter().map(|line| output.paint(line)).collect()
}

/// One poll in one line, for a pipe or a log.
pub(super) fn line(view: &HostView, poll: &Record) -> String {
    let values = Some(poll);
    let call = output::or_unknown(poll.timings.call_us);
    let mut line = format!("{} {} {} {}", poll.slot, view.name, poll.state, poll.outcome);
    if poll.values.is_some() {
        line.push_str(&format!(
            "  cpu {}  load {}  memory {}  net rx {} tx {}  disk r {} w {}",
            percent(value(values, Column::CpuBusyPct)),
            number(value(values, Column::Load1)),
            memory(values),
            rate(value(values, Column::NetRxBytesPerS)),
            rate(value(values, Column::NetTxBytesPerS)),
            rate(value(values, Column::DiskReadBytesPerS)),
            rate(value(values, Column::DiskWrittenBytesPerS)),
        ));
    }
    line.push_str(&format!("  call {call}"));
    if let Some(error) = &poll.error {
        line.push_str(&format!("  {}", shown(error)));
    }
    line.push('\n');
    line
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        model::{HostId, HostName, Outcome, State, Timings, Values, VersionId},
        units::Micros,
    };

    const NOW: WallMs = WallMs(1_774_747_800_000);
    const PIPE: Output = Output { terminal: false, colour: false };

    fn poll(values: &[(Column, f64)]) -> Record {
        let mut cells = Values::default();
        for (column, value) in values {
            cells.set(*column, *value);
        }
        Record {
            host: HostId(1),
            name: HostName::new("web-1").unwrap(),
            slot: NOW.minus(Duration::from_secs(2)),
            started: NOW.minus(Duration::from_secs(2)),
            inventory: VersionId(1),
            outcome: Outcome::Ok,
            state: State::Up,
            timings: Timings { call_us: Some(Micros(950)), ..Timings::default() },
            answer_bytes: Some(4000),
            address: Some("127.0.0.1:50051".into()),
            error: None,
            boot_id: None,
            clock_skew_ms: Some(0),
            elapsed_ns: None,
            values: Some(cells),
            detail: None,
        }
    }

    fn view(last: Record) -> HostView {
        let record = Arc::new(last);
        HostView {
            flapping: false,
            parent: None,
            unreachable_because: None,
            paused_until: None,
            id: HostId(1),
            name: HostName::new("web-1").unwrap(),
            group: None,
            labels: Arc::default(),
            addresses: Arc::default(),
            schedule: "every 2s".into(),
            interval: Duration::from_secs(10),
            state: record.state,
            since: NOW,
            reason: "answers".into(),
            cause: None,
            facts: Arc::default(),
            last_good: record.values.as_ref().map(|_| Arc::clone(&record)),
            answer: None,
            last: Some(record),
            recent: crate::live::Recent::default(),
            gathered: crate::live::Gathered::after(None),
            next_due: None,
            alarms: Arc::default(),
        }
    }

    #[test]
    fn the_first_poll_has_no_rates_and_shows_no_zero() {
        let first = poll(&[
            (Column::Load1, 0.42),
            (Column::MemTotalBytes, 8_321_499_136.0),
            (Column::MemAvailableBytes, 5_321_499_136.0),
        ]);
        assert_eq!(
            line(&view(first.clone()), &first),
            "2026-03-29T01:29:58.000Z web-1 up ok  cpu –  load 0.42  memory 2.8 GiB of 7.8 GiB  \
             net rx – tx –  disk r – w –  call 950 µs\n"
        );
    }

    #[test]
    fn a_failed_poll_says_why_and_shows_no_values() {
        let failed = Record {
            outcome: Outcome::Refused,
            state: State::Suspect,
            values: None,
            error: Some("connection refused".into()),
            timings: Timings::default(),
            ..poll(&[])
        };
        assert_eq!(
            line(&view(failed.clone()), &failed),
            "2026-03-29T01:29:58.000Z web-1 suspect refused  call –  connection refused\n"
        );
    }

    #[test]
    fn a_small_terminal_shows_the_same_in_less_room() {
        let values = [
            (Column::CpuBusyPct, 38.8),
            (Column::Load1, 1.44),
            (Column::MemUsedPct, 8.2),
            (Column::NetRxBytesPerS, 0.0),
            (Column::NetTxBytesPerS, 1_258_291.0),
            (Column::DiskWrittenBytesPerS, 57_344.0),
        ];
        let views = [Arc::new(view(poll(&values)))];
        let lines = frame(&views, 1, NOW, PIPE, (80, 24));
        assert_eq!(
            lines,
            [
                " HOST   STATE  CPU     LOAD  MEM    NET RX/TX  DISK R/W  LAST    CALL",
                " web-1  up     38.8 %  1.44  8.2 %  0/1.2M     –/56.0K   ok 2 s  950 µs",
                "1 poll so far; Ctrl-C stops",
            ]
        );
        let wide = frame(&views, 1, NOW, PIPE, (200, 24));
        assert!(wide[0].ends_with("LAST POLL   CALL    LAST ERROR"), "{wide:#?}");
        assert!(wide[1].contains("0 B/s   1.2 MiB/s"), "{wide:#?}");
    }

    #[test]
    fn a_frame_fits_its_screen() {
        let views: Vec<_> = (0..50).map(|_| Arc::new(view(poll(&[])))).collect();
        let lines = frame(&views, 3, NOW, PIPE, (40, 10));
        assert_eq!(lines.len(), 9, "{lines:#?}");
        assert!(lines.iter().all(|line| line.chars().count() <= 40), "{lines:#?}");
        assert_eq!(lines[8], "3 polls so far; 43 lines below the scre…");
    }
}
