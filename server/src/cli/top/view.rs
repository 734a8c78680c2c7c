//! Draws what `top` shows. Pure: a model and a frame of cells; only what can be seen is drawn.

mod alarms;
mod help;
mod host;

use ratatui::{
    Frame,
    buffer::Buffer,
    layout::Rect,
    style::{Color, Modifier, Style},
};
use unicode_width::UnicodeWidthStr as _;

use super::{
    field::Field,
    fleet::TopHost,
    model::{Contact, Model, Screen, time_of_day, zone},
};
use crate::{
    cli::{fit::cut, output::symbol},
    model::State,
};

/// Shares from which a value is marked, and marked as too much.
const HIGH_PCT: f64 = 75.0;
const TOO_HIGH_PCT: f64 = 90.0;

/// The smallest terminal that is drawn on: columns, lines.
const LEAST: (u16, u16) = (40, 8);

/// Colours, or none.
#[derive(Debug, Clone, Copy)]
pub(super) struct Theme {
    /// Whether colours are wanted.
    pub(super) colour: bool,
}

impl Theme {
    fn ink(self, colour: Color) -> Style {
        if self.colour { Style::new().fg(colour) } else { Style::new() }
    }

    fn state(self, state: State) -> Style {
        match state {
            State::Up => self.ink(Color::Green),
            State::Degraded | State::Suspect => self.ink(Color::Yellow),
            State::Down => self.ink(Color::Red).add_modifier(Modifier::BOLD),
            State::Pending => self.ink(Color::Cyan),
            State::Paused | State::Retired => self.dim(),
        }
    }

    fn share(self, value: Option<f64>) -> Style {
        match value {
            Some(TOO_HIGH_PCT..) => self.ink(Color::Red),
            Some(HIGH_PCT..) => self.ink(Color::Yellow),
            _ => Style::new(),
        }
    }

    fn dim(self) -> Style {
        Style::new().add_modifier(Modifier::DIM)
    }

    fn bold(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    fn banner(self, grave: bool) -> Style {
        let colour = if grave { Color::Red } else { Color::Yellow };
        self.ink(colour).add_modifier(Modifier::REVERSED)
    }

    fn bar(self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }
}

/// Lines of text from the top down; nothing is drawn outside of it.
struct Pen<'a> {
    cells: &'a mut Buffer,
    area: Rect,
    line: u16,
}

impl Pen<'_> {
    fn left(&self) -> usize {
        usize::from(self.area.height.saturating_sub(self.line))
    }

    fn width(&self) -> usize {
        usize::from(self.area.width)
    }

    /// Writes pieces beside each other, the last that has room cut with `…`, and goes to the next line.
    fn write(&mut self, pieces: &[(&str, Style)]) {
        if self.left() == 0 {
            return;
        }
        let (mut x, y) = (self.area.x, self.area.y + self.line);
        for (text, style) in pieces {
            let room = usize::from(self.area.right().saturating_sub(x));
            // The space after a last cell may go beyond the edge: nothing of it is missed.
            let text =
                if columns(text.trim_end()) > room { cut(text, room) } else { (*text).to_owned() };
            (x, _) = self.cells.set_stringn(x, y, text, room, *style);
        }
        self.line += 1;
    }

    /// Writes a line whose style goes to its end.
    fn fill(&mut self, text: &str, style: Style) {
        let line = padded(text, self.width(), false);
        self.write(&[(&line, style)]);
    }
}

/// Draws the model.
pub(super) fn draw(frame: &mut Frame<'_>, model: &Model, theme: Theme) {
    let area = frame.area();
    let mut pen = Pen { cells: frame.buffer_mut(), area, line: 0 };
    if area.width < LEAST.0 || area.height < LEAST.1 {
        pen.write(&[("too small a terminal", Style::new())]);
        return;
    }
    if let Some(first) = model.help {
        help::draw(&mut pen, model, first, theme);
        return;
    }
    top_line(&mut pen, model, theme);
    for (grave, banner) in model.banners() {
        pen.fill(&format!(" {banner}"), theme.banner(grave));
    }
    match &model.screen {
        Screen::Fleet => list(&mut pen, model, theme),
        Screen::Host(detail) => host::draw(&mut pen, model, detail, theme),
        Screen::Alarms(list) => alarms::draw(&mut pen, model, list, theme),
    }
    pen.line = area.height - 1;
    bottom_line(&mut pen, model, theme);
}

/// What it is, how many hosts are how, the time.
fn top_line(pen: &mut Pen<'_>, model: &Model, theme: Theme) {
    let mut pieces = vec![(format!(" {} hosts", model.fleet.hosts.len()), theme.bold())];
    for state in State::ALL {
        let count = model.fleet.counts.get(state.as_str()).copied().unwrap_or(0);
        if count > 0 {
            let text = format!("  {} {count} {state}", symbol(*state));
            pieces.push((text, theme.state(*state)));
        }
    }
    let firing = &model.fleet.server.alarms_firing;
    for (nth, (severity, count)) in firing.iter().rev().filter(|(_, count)| **count > 0).enumerate()
    {
        let sign = if nth == 0 { "  ! " } else { " " };
        pieces.push((format!("{sign}{count} {severity}"), alarms::ink(theme, *severity)));
    }
    let time = match model.contact {
        Contact::Live => format!("{} {} ", time_of_day(model.now), zone(model.now)),
        Contact::Away { .. } => "not live ".to_owned(),
    };
    let told: usize = pieces.iter().map(|(text, _)| columns(text)).sum();
    let room = pen.width().saturating_sub(told);
    let right = if room > columns(&time) + model.address.len() + 3 {
        format!("{}  {time}", model.address)
    } else {
        time
    };
    pieces.push((padded(&right, room, true), theme.dim()));
    let pieces: Vec<(&str, Style)> = pieces.iter().map(|(text, s)| (text.as_str(), *s)).collect();
    pen.write(&pieces);
}

/// The table.
fn list(pen: &mut Pen<'_>, model: &Model, theme: Theme) {
    let fields = model.fields();
    let mut titles = String::new();
    for (field, width) in &fields {
        let sign = match (*field == model.sort, model.reverse) {
            (false, _) => "",
            (true, false) => "▼",
            (true, true) => "▲",
        };
        titles.push_str(&padded(&format!("{}{sign}", field.title()), *width, field.is_number()));
        titles.push(' ');
    }
    pen.fill(titles.trim_end(), theme.bar());
    if model.shown.is_empty() {
        let words = match (model.fleet.at, model.filter.is_empty()) {
            (None, _) => "waiting for the server …",
            (_, true) => "no hosts: the inventory is empty",
            (_, false) => "no host has that; Esc ends the filter",
        };
        pen.write(&[(&format!(" {words}"), theme.dim())]);
    }
    let chosen = model.position();
    let rows = model.shown.iter().enumerate().skip(model.first).take(model.room());
    for (at, host) in rows {
        row(pen, model, host, &fields, theme, at == chosen);
    }
}

fn row(
    pen: &mut Pen<'_>,
    model: &Model,
    host: &TopHost,
    fields: &[(Field, usize)],
    theme: Theme,
    chosen: bool,
) {
    // The last known values of a host that does not answer are of the past.
    let stale = matches!(host.state, State::Down | State::Suspect);
    let style = |field: Field| match field {
        Field::State => theme.state(host.state),
        Field::Name => match host.severity {
            Some(severity) => alarms::ink(theme, severity).add_modifier(Modifier::BOLD),
            None => theme.bold(),
        },
        Field::Outcome if host.outcome != "ok" => theme.ink(Color::Yellow),
        Field::Error => theme.ink(Color::Yellow),
        Field::Since | Field::Age | Field::Outcome | Field::Group => Style::new(),
        _ if stale => theme.dim(),
        _ => theme.share(field.share(host)),
    };
    let cells: Vec<(String, Style)> = fields
        .iter()
        .map(|(field, width)| {
            let text = padded(&field.cell(host, model.now), *width, field.is_number()) + " ";
            (text, if chosen { theme.bar() } else { style(*field) })
        })
        .collect();
    let cells: Vec<(&str, Style)> = cells.iter().map(|(text, s)| (text.as_str(), *s)).collect();
    pen.write(&cells);
}

/// The filter that is typed, or the keys, and where in the list this is.
fn bottom_line(pen: &mut Pen<'_>, model: &Model, theme: Theme) {
    let (left, right) = match &model.screen {
        Screen::Host(detail) => (
            "Esc back  + - span  j k attempts  ? help  q quit".to_owned(),
            detail.span().to_owned(),
        ),
        Screen::Alarms(list) => {
            let (shown, room) = (list.alarms().len(), model.room());
            let all = list.told.as_ref().map_or(0, |told| told.total);
            (
                "Enter host  j k choose  Esc back  ? help  q quit".to_owned(),
                format!(
                    "{}-{} of {all}",
                    (list.first + 1).min(shown),
                    (list.first + room).min(shown)
                ),
            )
        }
        Screen::Fleet => {
            let (first, all) = (model.first, model.shown.len());
            let last = (first + model.room()).min(all);
            let first = (first + 1).min(all);
            let seen = format!("{first}-{last} of {all}");
            if model.typing {
                (format!("/{}█  Enter keeps, Esc ends the filter", model.filter), seen)
            } else if model.filter.is_empty() {
                let keys = "Enter host  a alarms  / filter  s sort  r reverse  ? help  q quit";
                (keys.to_owned(), seen)
            } else {
                (format!("filter /{}  Esc ends it  Enter host  ? help", model.filter), seen)
            }
        }
    };
    let room = pen.width().saturating_sub(columns(&right) + 2);
    let line = format!(" {}{right} ", padded(&left, room, false));
    pen.fill(&line, theme.dim());
}

/// Columns that a text takes.
fn columns(text: &str) -> usize {
    text.width()
}

/// A text in so many columns: cut with `…`, or filled up with spaces.
fn padded(text: &str, width: usize, to_the_right: bool) -> String {
    let text = cut(text, width);
    let space = " ".repeat(width.saturating_sub(columns(&text)));
    if to_the_right { space + &text } else { text + &space }
}

#[cfg(test)]
mod tests;
