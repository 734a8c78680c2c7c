//! One host: its state and its tabs; as a whole its cause, facts, charts and what it has several of; or one of
//! these; or why it is in its state.

use ratatui::layout::Rect;

use super::{HIGH_PCT, Pen, Style, Theme, columns, padded, symbol, tables};
use crate::{
    cli::{
        fit::wrap,
        output::{UNKNOWN, figure, length, title},
        spark,
        top::{
            detail::{AttemptRow, CHARTS, HostDetail, Story, Tab, TransitionRow},
            model::Model,
            times::{micros, time_of_day},
        },
    },
    model::{Column, ColumnSet as _, State, Unit},
    units::WallMs,
};

/// A chart's name, its value now and its greatest have so much room.
const NAME_COLUMNS: usize = 13;
const VALUE_COLUMNS: usize = 11;
const TOP_COLUMNS: usize = 15;

/// Columns of a terminal that has room for every step of an attempt.
const WIDE: usize = 100;

/// Lines of the tallest chart.
const TALLEST: usize = 6;

/// Attempts and changes of state that are shown of a host that is not well, above its tables.
const ATTEMPTS: usize = 4;
const CHANGES: usize = 3;

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
            if let (Some(severity), alarms @ 1..) = (host.severity, host.alarms) {
                head.push((format!("  ! {alarms} {severity}"), theme.severity(severity)));
            }
        }
        None => head.push(("not in the inventory any more".to_owned(), theme.banner(false))),
    }
    pen.put(&head);
    if let Some(trouble) = &detail.trouble {
        pen.fill(&format!(" not renewed: {trouble}"), theme.banner(true));
    }
    let tab = |(words, chosen): (String, bool)| {
        (words, if chosen { theme.bar().patch(theme.bold()) } else { theme.dim() })
    };
    let tabs: Vec<(String, Style)> = detail.tabs(pen.width()).into_iter().map(tab).collect();
    pen.put(&tabs);
    let Some(story) = &detail.story else {
        pen.write(&[(" asking the server …", theme.dim())]);
        return;
    };
    match detail.tab {
        Tab::Overview => {
            let is_well = host.is_some_and(|host| host.state == State::Up);
            overview(pen, story, is_well, theme);
        }
        Tab::Table(at) => tables::one(pen, detail, story, at, theme),
        Tab::Why => why(pen, detail, story, theme),
    }
}

/// All of it at a glance. Of a host that is well nothing is said of what a failure would do.
fn overview(pen: &mut Pen<'_>, story: &Story, is_well: bool, theme: Theme) {
    if !is_well {
        for line in wrap(&story.why.sentence, pen.width().saturating_sub(2)) {
            pen.write(&[(&format!(" {line}"), theme.bold())]);
        }
    }
    store_error(pen, story, theme);
    for line in wrap(&facts(story), pen.width().saturating_sub(2)) {
        pen.write(&[(&format!(" {line}"), theme.dim())]);
    }
    let attempts = story.why.attempts.len().min(ATTEMPTS);
    let changes = story.why.events.len().min(CHANGES);
    let titles_and_rows = |rows: usize| if rows > 0 { rows + 1 } else { 0 };
    let told = if is_well { 0 } else { titles_and_rows(attempts) + titles_and_rows(changes) };
    charts(pen, story, told + tables::lines(pen, story), theme);
    // Above the keys.
    if told > 0 && pen.left() > told {
        if attempts > 0 {
            titles(pen, theme);
            newest(story).take(attempts).for_each(|one| attempt(pen, one, theme));
        }
        if changes > 0 {
            pen.fill(CHANGED, theme.bar());
            for event in story.why.events.iter().take(changes) {
                pen.write(&[(&change(event), Style::new())]);
            }
        }
    }
    tables::all(pen, story, theme);
}

fn store_error(pen: &mut Pen<'_>, story: &Story, theme: Theme) {
    if let Some(error) = &story.why.store_error {
        pen.fill(&format!(" the store did not answer: {error}"), theme.banner(false));
    }
}

/// Why it is in its state: in words, by its attempts, by its changes of state.
fn why(pen: &mut Pen<'_>, detail: &HostDetail, story: &Story, theme: Theme) {
    for line in detail.head(pen.width()) {
        pen.write(&[(&format!(" {line}"), theme.bold())]);
    }
    store_error(pen, story, theme);
    titles(pen, theme);
    let (attempts, changes) = (story.why.attempts.len(), &story.why.events);
    // Above the keys.
    let room = pen.left().saturating_sub(1);
    let lines = attempts + 1 + changes.len();
    let first = detail.scrolled.min(lines.saturating_sub(room));
    for at in (first..lines).take(room) {
        match at.checked_sub(attempts) {
            None => newest(story).skip(at).take(1).for_each(|one| attempt(pen, one, theme)),
            Some(0) => pen.fill(CHANGED, theme.bar()),
            Some(after) => pen.write(&[(&change(&changes[after - 1]), Style::new())]),
        }
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

/// A chart for each value: now, over time, the greatest; beside each other where that is wide, and as high as
/// there is room for when `below` has its lines.
fn charts(pen: &mut Pen<'_>, story: &Story, below: usize, theme: Theme) {
    // What was never known has no chart.
    let known = |column: &Column| spark::greatest(story.line(*column)).is_some();
    let all: Vec<Column> = CHARTS.into_iter().filter(known).collect();
    if all.is_empty() {
        pen.write(&[(" no values in this time", theme.dim())]);
        return;
    }
    let beside = if pen.area.width >= tables::BESIDE { 2 } else { 1 };
    let rows = all.len().div_ceil(beside);
    let height = (pen.left().saturating_sub(below + 1) / rows).clamp(1, TALLEST);
    let width = pen.area.width / u16::try_from(beside).unwrap_or(1);
    for row in all.chunks(beside) {
        let (area, y) = (pen.area, pen.area.y + pen.line);
        let mut x = area.x;
        for column in row {
            // The last line of the screen is that of the keys.
            let height = height.min(pen.left().saturating_sub(1));
            let place = Rect { x, y, width, height: u16::try_from(height).unwrap_or(1) };
            let mut part = Pen { cells: &mut *pen.cells, area: place, line: 0 };
            chart(&mut part, story, *column, theme);
            x += width;
        }
        pen.line += u16::try_from(height).unwrap_or(1);
    }
}

fn chart(pen: &mut Pen<'_>, story: &Story, column: Column, theme: Theme) {
    let taken = NAME_COLUMNS + VALUE_COLUMNS + TOP_COLUMNS + 4;
    let width = pen.width().saturating_sub(taken);
    let line = spark::squeezed(story.line(column), width);
    let is_share = column.spec().unit == Unit::Percent;
    // A line is left free below a tall one.
    let height = if pen.left() > 2 { pen.left() - 1 } else { pen.left() };
    let bars = spark::tall(&line, spark::top(&line, is_share), height);
    let (value, most) = (story.value(column), spark::greatest(&line));
    let ink = match value.filter(|share| is_share && *share >= HIGH_PCT) {
        None => theme.series(),
        high => theme.share(high),
    };
    for (nth, bars) in bars.iter().enumerate() {
        let [name, now, most] = match nth {
            0 => [title(column), figure(column, value), format!("max {}", figure(column, most))],
            _ => [const { String::new() }; 3],
        };
        pen.put(&[
            (format!(" {}", padded(&name, NAME_COLUMNS, false)), Style::new()),
            (padded(&now, VALUE_COLUMNS, true), theme.bold()),
            (" ".to_owned(), Style::new()),
            (padded(bars, width, true), ink),
            (padded(&most, TOP_COLUMNS, true), theme.dim()),
        ]);
    }
}

/// What stands above attempts.
fn titles(pen: &mut Pen<'_>, theme: Theme) {
    let steps = if pen.width() >= WIDE { "    QUEUE  CONNECT     CALL" } else { "     CALL" };
    pen.fill(&format!(" DUE       OUTCOME          STATE     {steps}  ERROR"), theme.bar());
}

/// What stands above changes of state.
const CHANGED: &str = " CHANGED   FROM      TO        REASON";

fn newest(story: &Story) -> impl Iterator<Item = &AttemptRow> {
    story.why.attempts.iter().rev()
}

/// An attempt; on a small terminal without the steps before the call.
fn attempt(pen: &mut Pen<'_>, attempt: &AttemptRow, theme: Theme) {
    let AttemptRow { slot_ms, outcome, state, queue_us, connect_us, call_us, error } = attempt;
    let due = time_of_day(WallMs(*slot_ms));
    let outcome = padded(outcome, 15, false);
    let time = |us: &Option<f64>| padded(&us.map_or_else(|| UNKNOWN.to_owned(), micros), 9, true);
    let early =
        if pen.width() >= WIDE { time(queue_us) + &time(connect_us) } else { String::new() };
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

fn change(event: &TransitionRow) -> String {
    let TransitionRow { at_ms, from, to, reason } = event;
    format!(" {}  {from:<8}  {to:<8}  {reason}", time_of_day(WallMs(*at_ms)))
}
