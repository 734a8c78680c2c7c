//! One host: its state in words, facts, charts, last attempts, last changes of state; where there is room,
//! what it has several of.

use ratatui::layout::Rect;

use super::{Pen, Style, Theme, columns, padded, symbol};
use crate::{
    cli::{
        output::{UNKNOWN, figure, length, title},
        spark,
        top::{
            detail::{AttemptRow, CHARTS, HostDetail, Story, TransitionRow},
            field::micros,
            model::{Model, time_of_day},
            rows::{Line, Rows, TABLES, Table, shares},
        },
    },
    model::{Column, ColumnSet as _, Unit},
    units::WallMs,
};

/// A chart's name, its value now and its greatest have so much room.
const NAME_COLUMNS: usize = 13;
const VALUE_COLUMNS: usize = 11;
const TOP_COLUMNS: usize = 15;

/// Columns of a terminal that has room for every step of an attempt.
const WIDE: usize = 100;

/// Attempts that are shown at most, title aside, where tables are to follow; keys scroll them.
const ATTEMPTS: usize = 8;

/// Columns of a terminal on which tables stand beside each other.
const BESIDE: u16 = 160;

/// Columns of a table's numbers.
const CELL_COLUMNS: usize = 13;

/// Changes of state that are always shown, where there are any.
const EVENTS: usize = 3;

/// Draws the host.
pub(super) fn draw(pen: &mut Pen<'_>, model: &Model, detail: &HostDetail, theme: Theme) {
    let host = model.fleet.hosts.get(&detail.name);
    let mut head = vec![(format!(" {}  ", detail.name), theme.bold())];
    match host {
        Some(host) => {
            let since = length(model.now.since(host.since));
            let state = format!("{} {} for {since}", symbol(host.state), host.state);
            head.push((state, theme.state(host.state)));
            let flaps = if host.flapping { "  flapping" } else { "" };
            head.push((flaps.to_owned(), Style::new()));
        }
        None => head.push(("not in the inventory any more".to_owned(), theme.banner(false))),
    }
    let head: Vec<(&str, Style)> = head.iter().map(|(text, s)| (text.as_str(), *s)).collect();
    pen.write(&head);
    if let Some(trouble) = &detail.trouble {
        pen.fill(&format!(" not renewed: {trouble}"), theme.banner(true));
    }
    let Some(story) = &detail.story else {
        pen.write(&[(" asking the server …", theme.dim())]);
        return;
    };
    for line in folded(&story.why.sentence, pen.width().saturating_sub(2)) {
        pen.write(&[(&format!(" {line}"), Style::new())]);
    }
    if let Some(error) = &story.why.store_error {
        pen.fill(&format!(" the store did not answer: {error}"), theme.banner(false));
    }
    for line in folded(&facts(story), pen.width().saturating_sub(2)) {
        pen.write(&[(&format!(" {line}"), theme.dim())]);
    }
    charts(pen, story, theme);
    let events = story.why.events.len().min(EVENTS);
    let below = if events > 0 { events + 2 } else { 1 };
    let most = if story.rows.is_empty() { usize::MAX } else { ATTEMPTS + 1 };
    let room = pen.left().saturating_sub(below).min(most);
    attempts(pen, detail, story, room, theme);
    if events > 0 {
        // Where there is room, all of them.
        let room = pen.left().saturating_sub(2);
        pen.fill(" CHANGED   FROM      TO        REASON", theme.bar());
        for event in story.why.events.iter().take(room) {
            pen.write(&[(&change(event), Style::new())]);
        }
    }
    // The last line is that of the keys.
    tables(pen, &story.rows, theme);
}

/// What the host has several of, in the room that is left: in two columns where that is wide.
fn tables(pen: &mut Pen<'_>, Rows(rows): &Rows, theme: Theme) {
    let all: Vec<(&Table, &[Line])> = TABLES.iter().zip(rows.iter().map(Vec::as_slice)).collect();
    let area = Rect {
        y: pen.area.y + pen.line,
        height: pen.area.height.saturating_sub(pen.line + 1),
        ..pen.area
    };
    let beside = area.width >= BESIDE;
    let (first, second) = if beside { all.split_at(2) } else { all.split_at(all.len()) };
    let width = if beside { area.width / 2 } else { area.width };
    for (tables, x) in [(first, area.x), (second, area.x + width)] {
        let mut part = Pen { cells: &mut *pen.cells, area: Rect { x, width, ..area }, line: 0 };
        let mut counts = [0; TABLES.len()];
        counts.iter_mut().zip(tables).for_each(|(count, (_, rows))| *count = rows.len());
        let shares = shares(counts, part.left());
        for ((table, rows), share) in tables.iter().zip(shares).filter(|(_, share)| *share > 0) {
            table_of(&mut part, table, &rows[..share], rows.len(), theme);
        }
    }
}

fn table_of(pen: &mut Pen<'_>, table: &Table, rows: &[Line], all: usize, theme: Theme) {
    let name = pen.width().saturating_sub(1 + CELL_COLUMNS * table.cells.len());
    let titles = table.cells.iter().map(|(title, ..)| padded(title, CELL_COLUMNS, true));
    let count =
        if rows.len() < all { format!(" ({} of {all})", rows.len()) } else { String::new() };
    let title = padded(&format!("{}{count}", table.title), name, false);
    pen.fill(&format!(" {title}{}", titles.collect::<String>()), theme.bar());
    for Line { name: of, values } in rows {
        let cells = table.cells.iter().zip(values);
        let cells = cells.map(|((_, _, write), value)| padded(&write(*value), CELL_COLUMNS, true));
        let line = format!(" {}{}", padded(of, name, false), cells.collect::<String>());
        pen.write(&[(&line, Style::new())]);
    }
}

/// What is known of the machine, in a line or two.
fn facts(story: &Story) -> String {
    let host = &story.why.host;
    let mut facts = Vec::new();
    let mut add = |name: &str, value: Option<String>| {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            facts.push(format!("{name} {value}"));
        }
    };
    add("group", host.group.clone());
    let labels: Vec<String> = host.labels.iter().map(|(k, v)| format!("{k}={v}")).collect();
    add("labels", Some(labels.join(" ")));
    add("at", Some(host.addresses.join(", ")));
    add("polled", host.schedule.clone());
    for (name, fact) in
        [("os", "os"), ("kernel", "kernel"), ("cores", "cpus"), ("probe", "probe_version")]
    {
        add(name, story.fact(fact));
    }
    let total = story.value(Column::MemTotalBytes);
    add("memory", total.map(|_| figure(Column::MemTotalBytes, total)));
    facts.join(" · ")
}

/// A line for each value: now, over time, the greatest.
fn charts(pen: &mut Pen<'_>, story: &Story, theme: Theme) {
    let taken = NAME_COLUMNS + VALUE_COLUMNS + TOP_COLUMNS + 4;
    let width = pen.width().saturating_sub(taken);
    if CHARTS.iter().all(|column| spark::greatest(story.line(*column)).is_none()) {
        pen.write(&[(" no values in this time: see below why", theme.dim())]);
        return;
    }
    for column in CHARTS {
        let line = spark::squeezed(story.line(column), width);
        let is_share = column.spec().unit == Unit::Percent;
        let bars = spark::bars(&line, spark::top(&line, is_share));
        let most = spark::greatest(&line);
        let value = story.value(column);
        pen.write(&[
            (&format!(" {}", padded(&title(column), NAME_COLUMNS, false)), Style::new()),
            (&padded(&figure(column, value), VALUE_COLUMNS, true), theme.bold()),
            (" ", Style::new()),
            (&padded(&bars, width, true), theme.share(value.filter(|_| is_share))),
            (&padded(&format!("max {}", figure(column, most)), TOP_COLUMNS, true), theme.dim()),
        ]);
    }
}

/// The last attempts, newest first; on a small terminal without the steps before the call.
fn attempts(pen: &mut Pen<'_>, detail: &HostDetail, story: &Story, room: usize, theme: Theme) {
    let wide = pen.width() >= WIDE;
    let steps = if wide { "    QUEUE  CONNECT     CALL" } else { "     CALL" };
    pen.fill(&format!(" DUE       OUTCOME          STATE     {steps}  ERROR"), theme.bar());
    let newest_first = story.why.attempts.iter().rev().skip(detail.scrolled);
    for attempt in newest_first.take(room.saturating_sub(1)) {
        let AttemptRow { slot_ms, outcome, state, queue_us, connect_us, call_us, error } = attempt;
        let due = time_of_day(WallMs(*slot_ms));
        let outcome = padded(outcome, 15, false);
        let time =
            |us: &Option<f64>| padded(&us.map_or_else(|| UNKNOWN.to_owned(), micros), 9, true);
        let early = if wide { time(queue_us) + &time(connect_us) } else { String::new() };
        let health = padded(&format!("{} {state}", symbol(*state)), 10, false);
        let call = time(call_us);
        let taken = 28 + columns(&health) + columns(&early) + columns(&call) + 2;
        let error = error.as_deref().unwrap_or_default();
        pen.write(&[
            (&format!(" {due}  {outcome}  "), Style::new()),
            (&health, theme.state(*state)),
            (&format!("{early}{call}  "), Style::new()),
            (&padded(error, pen.width().saturating_sub(taken), false), Style::new()),
        ]);
    }
}

fn change(event: &TransitionRow) -> String {
    let TransitionRow { at_ms, from, to, reason } = event;
    format!(" {}  {from:<8}  {to:<8}  {reason}", time_of_day(WallMs(*at_ms)))
}

/// Words in lines of so many columns.
fn folded(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if columns(line) + 1 + columns(word) <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}
