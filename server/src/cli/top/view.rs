//! Draws what `top` shows. Pure: a model and a frame of cells; only what can be seen is drawn.

mod alarms;
mod changes;
mod help;
mod host;
mod hosts;
mod meter;
mod panel;
mod tables;

use ratatui::{
    Frame,
    buffer::Buffer,
    layout::Rect,
    style::{Color, Modifier, Style},
};
use unicode_width::UnicodeWidthStr as _;

use super::{
    detail::Tab,
    groups::BY_GRAVITY,
    model::{Contact, Model, Over, Screen},
    times::{time_of_day, zone},
};
use crate::{
    cli::{fit::cut, output::symbol},
    model::{Severity, State},
};

/// Shares from which a value is marked, and marked as too much; as on the page.
const HIGH_PCT: f64 = 80.0;
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

    /// How much a share is, beside the length of its bar.
    fn share(self, value: Option<f64>) -> Style {
        match value {
            Some(TOO_HIGH_PCT..) => self.ink(Color::Red).add_modifier(Modifier::BOLD),
            Some(HIGH_PCT..) => self.ink(Color::Yellow).add_modifier(Modifier::BOLD),
            _ => Style::new(),
        }
    }

    /// A value over time: the accent, which is no state.
    fn series(self) -> Style {
        self.ink(Color::LightBlue)
    }

    /// How grave an alarm is.
    fn severity(self, severity: Severity) -> Style {
        match severity {
            Severity::Critical => self.ink(Color::Red).add_modifier(Modifier::BOLD),
            Severity::Warning => self.ink(Color::Yellow),
            Severity::Info => self.ink(Color::Cyan),
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

    /// The same of pieces that were made.
    fn put(&mut self, pieces: &[(String, Style)]) {
        let pieces: Vec<(&str, Style)> =
            pieces.iter().map(|(text, style)| (text.as_str(), *style)).collect();
        self.write(&pieces);
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
    if let Some(Over::Help(first)) = model.over {
        help::draw(&mut pen, model, first, theme);
        return;
    }
    top_line(&mut pen, model, theme);
    for (grave, banner) in model.banners() {
        pen.fill(&format!(" {banner}"), theme.banner(grave));
    }
    match &model.screen {
        Screen::Fleet => hosts::draw(&mut pen, model, theme),
        Screen::Host(detail) => host::draw(&mut pen, model, detail, theme),
        Screen::Alarms(list) => alarms::draw(&mut pen, model, list, theme),
        Screen::Changes(list) => changes::draw(&mut pen, model, list, theme),
    }
    pen.line = area.height - 1;
    bottom_line(&mut pen, model, theme);
    match &model.over {
        None | Some(Over::Help(_)) => {}
        Some(Over::Columns(chooser)) => panel::columns_of(&mut pen, model, chooser, theme),
        Some(Over::Question(question)) => panel::question(&mut pen, question, theme),
    }
}

/// How many hosts are how, the gravest first, the alarms that fire, the time; in few columns without the
/// words.
fn top_line(pen: &mut Pen<'_>, model: &Model, theme: Theme) {
    let time = match model.contact {
        Contact::Live => format!("{} {} ", time_of_day(model.now), zone(model.now)),
        Contact::Away { .. } => "not live ".to_owned(),
    };
    let wide = |pieces: &[(String, Style)]| pieces.iter().map(|(text, _)| columns(text)).sum();
    let mut pieces = counts(model, theme, true);
    if wide(&pieces) + columns(&time) + 1 > pen.width() {
        pieces = counts(model, theme, false);
    }
    let told: usize = wide(&pieces);
    let room = pen.width().saturating_sub(told);
    let right = if room > columns(&time) + model.address.len() + 3 {
        format!("{}  {time}", model.address)
    } else {
        time
    };
    pieces.push((padded(&right, room, true), theme.dim()));
    pen.put(&pieces);
}

fn counts(model: &Model, theme: Theme, worded: bool) -> Vec<(String, Style)> {
    let mut pieces = vec![(format!(" {} hosts", model.fleet.hosts.len()), theme.bold())];
    for state in BY_GRAVITY {
        let count = model.fleet.counts.get(state.as_str()).copied().unwrap_or(0);
        if count > 0 {
            let word = if worded { format!(" {state}") } else { String::new() };
            pieces.push((format!("  {} {count}{word}", symbol(state)), theme.state(state)));
        }
    }
    let firing = &model.fleet.server.alarms_firing;
    for (nth, (severity, count)) in firing.iter().rev().filter(|(_, count)| **count > 0).enumerate()
    {
        let sign = if nth == 0 { "  ! " } else { " " };
        pieces.push((format!("{sign}{count} {severity}"), theme.severity(*severity)));
    }
    pieces
}

/// What came of the last order, the filter that is typed, or the keys; and where in the list this is.
fn bottom_line(pen: &mut Pen<'_>, model: &Model, theme: Theme) {
    let seen = |first: usize, room: usize, shown: usize, all: &str| {
        format!("{}-{} of {all} ", (first + 1).min(shown), (first + room).min(shown))
    };
    let room = model.room();
    let right = match &model.screen {
        Screen::Host(detail) if detail.tab != Tab::Overview => {
            let lines = detail.lines();
            seen(detail.scrolled, room, lines, &lines.to_string())
        }
        Screen::Host(detail) => format!("{} ", detail.span()),
        Screen::Alarms(list) => {
            let all = list.told.as_ref().map_or(0, |told| told.total);
            seen(list.first(), room, list.rows().len(), &all.to_string())
        }
        Screen::Changes(list) => {
            let shown = list.rows().len();
            let more = if list.told.as_ref().is_some_and(|told| told.more) { "+" } else { "" };
            seen(list.first(), room, shown, &format!("{shown}{more}"))
        }
        Screen::Fleet => {
            let shown = model.list.rows.len();
            seen(model.list.first(), room, shown, &shown.to_string())
        }
    };
    let width = pen.width().saturating_sub(columns(&right) + 1);
    let left: Vec<(String, Style)> = match (&model.said, &model.screen) {
        (Some((bad, words)), _) => {
            let colour = if *bad { Color::Red } else { Color::Green };
            vec![(format!(" {words}"), theme.ink(colour).add_modifier(Modifier::BOLD))]
        }
        (None, Screen::Fleet) if model.list.typing => {
            let words = format!(" /{}█  Enter keeps, Esc ends the filter", model.list.filter);
            vec![(words, Style::new())]
        }
        (None, screen) => keys(screen, &model.list.filter, width, theme),
    };
    let mut left: Vec<(String, Style)> = cut_pieces(left, width);
    let told: usize = left.iter().map(|(text, _)| columns(text)).sum();
    left.push((padded(&right, pen.width().saturating_sub(told), true), theme.dim()));
    pen.put(&left);
}

fn cut_pieces(pieces: Vec<(String, Style)>, width: usize) -> Vec<(String, Style)> {
    let mut room = width;
    let cut_one = |(text, style): (String, Style)| {
        // The space after the last word may go beyond the edge: nothing of it is missed.
        let text = if columns(text.trim_end()) > room { cut(&text, room) } else { text };
        room = room.saturating_sub(columns(&text));
        (text, style)
    };
    pieces.into_iter().map(cut_one).collect()
}

/// The keys that matter most there, as many as there is room for.
fn keys(screen: &Screen, filter: &str, width: usize, theme: Theme) -> Vec<(String, Style)> {
    let all: &[(&str, &str)] = match screen {
        Screen::Fleet if !filter.is_empty() => {
            &[("Esc", "ends it"), ("Enter", "open"), ("?", "help"), ("q", "quit")]
        }
        Screen::Fleet => &[
            ("?", "help"),
            ("Enter", "open"),
            ("/", "filter"),
            ("s", "sort"),
            ("t", "groups"),
            ("a", "alarms"),
            ("e", "events"),
            ("q", "quit"),
            ("w", "why"),
            ("p", "poll"),
            ("P", "pause"),
            ("z", "silence"),
            ("A", "acknowledge"),
            ("c", "columns"),
        ],
        Screen::Host(_) => &[
            ("?", "help"),
            ("Esc", "back"),
            ("Tab", "next"),
            ("w", "why"),
            ("p", "poll"),
            ("P", "pause"),
            ("z", "silence"),
            ("A", "ack"),
            ("+ -", "span"),
            ("i", "idle rows"),
            ("q", "quit"),
        ],
        Screen::Alarms(_) => &[
            ("?", "help"),
            ("Esc", "back"),
            ("Enter", "host"),
            ("A", "acknowledge"),
            ("z", "silence"),
            ("w", "why"),
            ("q", "quit"),
        ],
        Screen::Changes(_) => &[
            ("?", "help"),
            ("Esc", "back"),
            ("Enter", "host"),
            ("w", "why"),
            ("a", "alarms"),
            ("q", "quit"),
        ],
    };
    let mut room = width.saturating_sub(1);
    let mut pieces = vec![(" ".to_owned(), Style::new())];
    if matches!(screen, Screen::Fleet) && !filter.is_empty() {
        let words = cut(&format!("filter /{filter}  "), room);
        room -= columns(&words);
        pieces.push((words, theme.bold()));
    }
    for (key, what) in all {
        let (key, what) = ((*key).to_owned(), format!(" {what}  "));
        let wide = columns(&key) + columns(what.trim_end());
        if wide > room {
            break;
        }
        room = room.saturating_sub(wide + 2);
        pieces.extend([(key, theme.bold()), (what, theme.dim())]);
    }
    pieces
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
