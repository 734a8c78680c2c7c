//! What lies over the screen: a question before something is changed, and the choice of columns.

use ratatui::layout::Rect;

use super::{Color, Modifier, Pen, Style, Theme, columns, padded};
use crate::cli::{
    fit::wrap,
    top::{chooser::Chooser, deed::Question, field, model::Model},
};

/// The widest panel, its frame included.
const WIDEST: usize = 72;

/// Columns before what is chosen or typed.
const LABEL_COLUMNS: usize = 10;

/// Clears a place in the middle for so many lines, frames it, and draws in it.
fn framed(
    pen: &mut Pen<'_>,
    title: &str,
    lines: usize,
    theme: Theme,
    draw: impl FnOnce(&mut Pen<'_>),
) {
    let area = pen.area;
    let width = usize::from(area.width).min(WIDEST);
    let height = (lines + 2).min(usize::from(area.height));
    let (width, height) = (as_cells(width), as_cells(height));
    let (x, y) = (area.x + (area.width - width) / 2, area.y + (area.height - height) / 2);
    let mut frame = Pen { cells: &mut *pen.cells, area: Rect { x, y, width, height }, line: 0 };
    let inside = frame.width().saturating_sub(2);
    let title = format!("─ {title} ");
    let rest = inside.saturating_sub(columns(&title));
    frame.put(&[
        ("┌".to_owned(), theme.dim()),
        (padded(&title, columns(&title).min(inside), false), theme.bold()),
        ("─".repeat(rest) + "┐", theme.dim()),
    ]);
    for _ in 2..height {
        frame.put(&[("│".to_owned() + &" ".repeat(inside) + "│", theme.dim())]);
    }
    frame.put(&[("└".to_owned() + &"─".repeat(inside) + "┘", theme.dim())]);
    // What was bold or in colours below is not above.
    let within = Rect {
        x: x + 2,
        y: y + 1,
        width: width.saturating_sub(4),
        height: height.saturating_sub(2),
    };
    pen.cells.set_style(within, Style::reset());
    draw(&mut Pen { cells: &mut *pen.cells, area: within, line: 0 });
}

fn as_cells(size: usize) -> u16 {
    u16::try_from(size).unwrap_or(u16::MAX)
}

/// A question.
pub(super) fn question(pen: &mut Pen<'_>, question: &Question, theme: Theme) {
    let width = pen.width().min(WIDEST).saturating_sub(4);
    let about = wrap(&question.about, width);
    let refused = question.refused.as_ref().map(|why| wrap(why, width)).unwrap_or_default();
    let asked = usize::from(!question.lengths.is_empty()) + usize::from(question.typed.is_some());
    let lines = about.len() + 1 + asked + usize::from(asked > 0) + refused.len() + 1;
    framed(pen, &question.title, lines, theme, |pen| {
        for line in &about {
            pen.write(&[(line, Style::new())]);
        }
        pen.line += 1;
        if !question.lengths.is_empty() {
            let mut pieces = vec![(padded("How long", LABEL_COLUMNS, false), theme.dim())];
            for (nth, (words, _)) in question.lengths.iter().enumerate() {
                let style = if nth == question.length { theme.bar() } else { Style::new() };
                pieces.push((format!(" {words} "), style));
            }
            pen.put(&pieces);
        }
        if let Some(typed) = &question.typed {
            let room = pen.width().saturating_sub(LABEL_COLUMNS + 2);
            // The end of what is typed is seen.
            let skipped = typed.text.chars().count().saturating_sub(room);
            let seen: String = typed.text.chars().skip(skipped).collect();
            pen.put(&[
                (padded(typed.label, LABEL_COLUMNS, false), theme.dim()),
                (format!(" {seen}█"), Style::new()),
            ]);
        }
        pen.line += u16::from(asked > 0);
        for line in &refused {
            let red = theme.ink(Color::Red).add_modifier(Modifier::BOLD);
            pen.write(&[(line, red)]);
        }
        if question.sent {
            pen.write(&[("asking the server …", theme.dim())]);
            return;
        }
        let choose = if question.lengths.is_empty() { "" } else { "arrows" };
        pen.write(&[
            ("Enter", theme.bold()),
            (&format!(" {}  ", question.word), theme.dim()),
            ("Esc", theme.bold()),
            (" cancel  ", theme.dim()),
            (choose, theme.bold()),
            (if choose.is_empty() { "" } else { " how long" }, theme.dim()),
        ]);
    });
}

/// The choice of columns.
pub(super) fn columns_of(pen: &mut Pen<'_>, model: &Model, chooser: &Chooser, theme: Theme) {
    let seen = model.list.fields(model.size.0);
    let all: Vec<_> = field::all().collect();
    framed(pen, "Columns", all.len() + 1, theme, |pen| {
        let room = pen.left().saturating_sub(1);
        let first = (chooser.at + 1).saturating_sub(room);
        for (at, column) in all.iter().enumerate().skip(first).take(room) {
            let is_seen = seen.iter().any(|(field, _)| field == column);
            let sign = if is_seen { "[x]" } else { "[ ]" };
            let order = match (*column == model.list.sort, model.list.reverse) {
                (false, _) => " ",
                (true, false) => "▼",
                (true, true) => "▲",
            };
            let words = format!("{sign} {order} {:<11} {}", column.title(), column.meaning());
            let style = match (at == chooser.at, is_seen) {
                (true, _) => theme.bar(),
                (false, true) => Style::new(),
                (false, false) => theme.dim(),
            };
            pen.fill(&words, style);
        }
        pen.write(&[
            ("Space", theme.bold()),
            (" on or off  ", theme.dim()),
            ("s", theme.bold()),
            (" sort by it  ", theme.dim()),
            ("0", theme.bold()),
            (" as at first  ", theme.dim()),
            ("Esc", theme.bold()),
            (" back", theme.dim()),
        ]);
    });
}
