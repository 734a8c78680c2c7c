//! What a host has several of: rows with bars, the greatest first; those that do nothing are counted.

use ratatui::layout::Rect;

use super::{Pen, Style, Theme, meter, padded};
use crate::cli::{
    output::plural,
    top::{
        detail::{HostDetail, Story},
        rows::{Line, TABLES, Table, ValueKind, shares},
    },
};

/// Columns of a terminal on which tables stand beside each other.
pub(super) const BESIDE: u16 = 160;

/// Columns of a table's numbers.
const CELL_COLUMNS: usize = 13;

/// Columns of a bar, of the row that has room for it, and where that is wide.
const BAR_COLUMNS: (usize, usize) = (10, 24);
const WIDE: usize = 110;

/// A table, its rows that do something, and how many rows it has.
type Filled<'a> = (&'a Table, Vec<&'a Line>, usize);

fn filled(story: &Story) -> Vec<Filled<'_>> {
    let of = |(at, table)| (table, story.rows.split(at).0, story.rows.0[at].len());
    TABLES.iter().enumerate().map(of).collect()
}

/// How many tables stand in the first column, of how many columns.
fn first_column(width: u16) -> usize {
    if width >= BESIDE { 2 } else { TABLES.len() }
}

/// How many lines all of them want, and no more than half of what is left.
pub(super) fn lines(pen: &Pen<'_>, story: &Story) -> usize {
    let tables = filled(story);
    let (first, second) = tables.split_at(first_column(pen.area.width));
    let of = |(_, rows, _): &Filled<'_>| if rows.is_empty() { 0 } else { rows.len() + 1 };
    let [first, second] = [first, second].map(|some| some.iter().map(of).sum::<usize>());
    first.max(second).min(pen.left() / 2)
}

/// All tables, in the room that is left above the keys: in two columns where that is wide.
pub(super) fn all(pen: &mut Pen<'_>, story: &Story, theme: Theme) {
    let tables = filled(story);
    let area = Rect {
        y: pen.area.y + pen.line,
        height: pen.area.height.saturating_sub(pen.line + 1),
        ..pen.area
    };
    let (first, second) = tables.split_at(first_column(area.width));
    let width = if second.is_empty() { area.width } else { area.width / 2 - 1 };
    for (tables, x) in [(first, area.x), (second, area.x + area.width / 2)] {
        let mut part = Pen { cells: &mut *pen.cells, area: Rect { x, width, ..area }, line: 0 };
        let mut counts = [0; TABLES.len()];
        counts.iter_mut().zip(tables).for_each(|(count, (_, rows, _))| *count = rows.len());
        let shares = shares(counts, part.left());
        for ((table, rows, all), share) in tables.iter().zip(shares).filter(|(_, share)| *share > 0)
        {
            let count = if share < *all { format!(" ({share} of {all})") } else { String::new() };
            titles(&mut part, table, &count, theme);
            rows[..share].iter().for_each(|line| row(&mut part, table, line, theme));
        }
    }
}

/// One table, by itself.
pub(super) fn one(pen: &mut Pen<'_>, detail: &HostDetail, story: &Story, at: usize, theme: Theme) {
    let table = &TABLES[at];
    titles(pen, table, "", theme);
    let (mut rows, idle) = story.rows.split(at);
    if rows.is_empty() && idle.is_empty() {
        pen.write(&[(" its last poll told of none", theme.dim())]);
        return;
    }
    let hidden = if detail.idle { 0 } else { idle.len() };
    if detail.idle {
        rows.extend(idle);
    }
    // Above the keys.
    let room = pen.left().saturating_sub(1);
    let first = detail.scrolled.min((rows.len() + usize::from(hidden > 0)).saturating_sub(room));
    let seen = rows.len().saturating_sub(first).min(room);
    rows.iter().skip(first).take(seen).for_each(|line| row(pen, table, line, theme));
    if hidden > 0 && seen < room {
        let words = format!(" {} idle; i lists them", plural(hidden, "row"));
        pen.write(&[(&words, theme.dim())]);
    }
}

/// Columns of the name, and of the bar, which a table without shares does not have.
fn widths(width: usize, table: &Table) -> (usize, usize) {
    let bar = match table.cells.first() {
        Some((_, _, ValueKind::Share | ValueKind::CoreShare)) if width < WIDE => BAR_COLUMNS.0,
        Some((_, _, ValueKind::Share | ValueKind::CoreShare)) => BAR_COLUMNS.1,
        _ => 0,
    };
    let taken = 1 + CELL_COLUMNS * table.cells.len() + if bar > 0 { bar + 1 } else { 0 };
    (width.saturating_sub(taken), bar)
}

fn titles(pen: &mut Pen<'_>, table: &Table, count: &str, theme: Theme) {
    let (name, bar) = widths(pen.width(), table);
    let mut line = format!(" {}", padded(&format!("{}{count}", table.title), name, false));
    for (nth, (title, ..)) in table.cells.iter().enumerate() {
        line.push_str(&padded(title, CELL_COLUMNS, true));
        if nth == 0 && bar > 0 {
            line.push_str(&" ".repeat(bar + 1));
        }
    }
    pen.fill(&line, theme.bar());
}

fn row(pen: &mut Pen<'_>, table: &Table, line: &Line, theme: Theme) {
    let (name, bar) = widths(pen.width(), table);
    let mut pieces = vec![(format!(" {}", padded(&line.name, name, false)), Style::new())];
    for (nth, ((_, _, kind), value)) in table.cells.iter().zip(&line.values).enumerate() {
        let style = if *kind == ValueKind::Share { theme.share(*value) } else { Style::new() };
        pieces.push((padded(&kind.write(*value), CELL_COLUMNS, true), style));
        if nth == 0 && bar > 0 {
            pieces.push((" ".to_owned(), Style::new()));
            pieces.extend(meter::bar(*value, bar, style, theme));
        }
    }
    pen.put(&pieces);
}
