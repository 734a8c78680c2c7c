//! What the commands print: tables, numbers for people, JSON, and where it all goes.
//!
//! On a terminal tables have lines and states have colours; in a pipe there is plain text. A reader
//! that goes away (`| head`) is no error.

use std::{
    io::{self, IsTerminal, Write},
    time::Duration,
};

use comfy_table::{LineStyle, Table, TableStyle, presets};
use serde::Serialize;

use super::{
    CliError,
    aside::{folded, tell},
    fit::{FittedTable, cut},
};
use crate::{
    model::{Column, ColumnSet as _, State, Unit},
    text::{bytes, is_shown, shown},
    units::WallMs,
};

/// What stands where a value is unknown.
pub(super) const UNKNOWN: &str = "–";

/// A line under the header and no other.
const RULED: TableStyle = TableStyle::new().header_separator(LineStyle::none().fill('─'));

/// Columns of what is drawn where no terminal says how many there are.
const USUAL_WIDTH: usize = 80;

/// Where a command's answer goes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Output {
    /// Standard output is a terminal.
    pub(super) terminal: bool,
    /// Colours are wanted: on a terminal that has some, unless `NO_COLOR` says otherwise (no-color.org).
    pub(super) colour: bool,
}

impl Output {
    /// Looks at standard output, `NO_COLOR` and `TERM`.
    pub(super) fn detect() -> Self {
        let terminal = io::stdout().is_terminal();
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Self { terminal, colour: terminal && !refused && !dumb }
    }

    /// Prints text as it is.
    pub(super) fn print(self, text: &str) -> Result<(), CliError> {
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(CliError::Output)
    }

    /// Prints data for other programs as it is; on a terminal no text in it steers that.
    pub(super) fn data(self, text: &str) -> Result<(), CliError> {
        match self.terminal {
            true => self.print(&data_shown(text)),
            false => self.print(text),
        }
    }

    /// Prints text for people: a line that is wider than the terminal goes on below.
    pub(super) fn show(self, text: &str) -> Result<(), CliError> {
        if !self.terminal {
            return self.print(text);
        }
        self.print(&folded(text, self.width()))
    }

    /// Prints one JSON document, indented on a terminal.
    pub(super) fn json<T: Serialize>(self, value: &T) -> Result<(), CliError> {
        let written = if self.terminal {
            serde_json::to_string_pretty(value)
        } else {
            serde_json::to_string(value)
        };
        let text = written.map_err(|error| CliError::Output(error.into()))?;
        let text = if self.terminal { json_shown(&text) } else { text };
        self.print(&(text + "\n"))
    }

    /// A moment as a cell of a table: on a terminal as in sentences, without the year; in a pipe as it is
    /// kept.
    pub(super) fn moment(self, at: WallMs) -> String {
        let spoken = at.spoken().to_string();
        match spoken.get(5..).filter(|_| self.terminal) {
            Some(short) => short.to_owned(),
            None => at.to_string(),
        }
    }

    /// A state as a cell of a table.
    pub(super) fn state(self, state: State) -> String {
        if self.terminal { format!("{} {state}", symbol(state)) } else { state.to_string() }
    }

    /// Lays out a table, with lines on a terminal and without in a pipe.
    pub(super) fn table<R>(self, header: &[&str], rows: impl IntoIterator<Item = R>) -> String
    where
        R: IntoIterator<Item = String>,
    {
        let mut table = Table::new();
        table.load_style(if self.terminal { RULED } else { presets::NOTHING });
        table.set_header(header.iter().copied());
        for row in rows {
            table.add_row(row.into_iter().map(|cell| shown(&cell).into_owned()));
        }
        // What cannot be left out is cut where a terminal would fold it.
        let width = if self.terminal { self.width() } else { usize::MAX };
        let line = |line: String| self.paint(&cut(line.trim_end(), width));
        let lines: Vec<String> = table.lines().map(line).collect();
        lines.join("\n") + "\n"
    }

    /// Prints a table that no terminal folds; in a pipe it has all columns. `more` says where those
    /// are that had no room.
    pub(super) fn sheet(self, sheet: FittedTable, more: &str) -> Result<(), CliError> {
        let (text, left_out) = self.fitted(sheet);
        self.print(&text)?;
        if !left_out.is_empty() {
            tell(&format!("no room for {}; {more}", left_out.join(", ")));
        }
        Ok(())
    }

    /// Lays out a table that no terminal folds, and says which columns had no room.
    pub(super) fn fitted(self, mut sheet: FittedTable) -> (String, Vec<String>) {
        let left_out = if self.terminal { sheet.squeeze(self.width()) } else { Vec::new() };
        (self.table(&sheet.titles(), sheet.rows().iter().cloned()), left_out)
    }

    /// Columns of the terminal on standard output, or what is usual.
    pub(super) fn width(self) -> usize {
        match rustix::termios::tcgetwinsize(io::stdout()) {
            Ok(size) if self.terminal && size.ws_col > 0 => usize::from(size.ws_col),
            _ => USUAL_WIDTH,
        }
    }

    /// Colours the first state marked in a line.
    pub(super) fn paint(self, line: &str) -> String {
        if !self.colour {
            return line.to_owned();
        }
        for state in State::ALL {
            let word = format!("{} {state}", symbol(*state));
            if let Some(at) = line.find(&word) {
                let (before, rest) = line.split_at(at);
                let after = &rest[word.len()..];
                return format!("{before}\x1b[{}m{word}\x1b[0m{after}", colour_of(*state));
            }
        }
        line.to_owned()
    }
}

/// A sign of its own for each state, as on the page: colours do not reach everybody.
pub(super) fn symbol(state: State) -> char {
    match state {
        State::Up => '●',
        State::Degraded => '▲',
        State::Suspect => '◆',
        State::Down => '■',
        State::Pending => '◌',
        State::Paused => '‖',
        State::Retired => '–',
    }
}

/// The SGR number (ECMA-48 section 8.3.117) of a state.
fn colour_of(state: State) -> &'static str {
    match state {
        State::Up => "32",
        State::Degraded | State::Suspect => "33",
        State::Down => "31",
        State::Pending => "36",
        State::Paused | State::Retired => "90",
    }
}

/// The same lines, in which every character is seen.
fn data_shown(text: &str) -> String {
    text.split('\n').map(shown).collect::<Vec<_>>().join("\n")
}

/// The same JSON, in which no text steers the terminal that shows it: a hidden character stands only in
/// a text, and there its escape (RFC 8259 section 7) says the same.
pub(super) fn json_shown(json: &str) -> String {
    let mut safe = String::with_capacity(json.len());
    for c in json.chars() {
        if c == '\n' || is_shown(c) {
            safe.push(c);
        } else {
            let units = c.encode_utf16(&mut [0; 2]).to_vec();
            units.iter().for_each(|unit| safe.push_str(&format!("\\u{unit:04x}")));
        }
    }
    safe
}

/// One JSON document in a line of its own, whatever reads it.
pub(super) fn json_line<T: Serialize>(value: &T) -> Result<String, CliError> {
    let text = serde_json::to_string(value);
    Ok(text.map_err(|error| CliError::Output(error.into()))? + "\n")
}

/// Bytes a second, or unknown.
pub(super) fn rate(value: Option<f64>) -> String {
    value.map_or_else(|| UNKNOWN.to_owned(), |value| format!("{}/s", bytes(value)))
}

/// The same in few columns: `56.0K` for 56 KiB a second, `0` for none.
pub(super) fn short_rate(value: Option<f64>) -> String {
    value.map_or_else(
        || UNKNOWN.to_owned(),
        |value| bytes(value).replace("iB", "").replace([' ', 'B'], ""),
    )
}

/// A share of 100, or unknown.
pub(super) fn percent(value: Option<f64>) -> String {
    value.map_or_else(|| UNKNOWN.to_owned(), |value| format!("{value:.1} %"))
}

/// A number with two decimals, or unknown.
pub(super) fn number(value: Option<f64>) -> String {
    value.map_or_else(|| UNKNOWN.to_owned(), |value| format!("{value:.2}"))
}

/// What is there, or unknown.
pub(super) fn or_unknown<T: ToString>(value: Option<T>) -> String {
    value.map_or_else(|| UNKNOWN.to_owned(), |value| value.to_string())
}

/// A length of time in its largest unit: `4 s`, `1 min 33 s`, `12 min`, `3 h`, `9 d`.
pub(super) fn length(length: Duration) -> String {
    let seconds = length.as_secs();
    match seconds {
        0..=59 => format!("{seconds} s"),
        60..=599 if !seconds.is_multiple_of(60) => {
            format!("{} min {} s", seconds / 60, seconds % 60)
        }
        60..=7_199 => format!("{} min", seconds / 60),
        7_200..=172_799 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// `1 poll`, `2 polls`.
pub(super) fn plural(count: usize, word: &str) -> String {
    if count == 1 { format!("1 {word}") } else { format!("{count} {word}s") }
}

/// A column's name for people: `cpu_busy_pct` is `CPU BUSY`.
pub(super) fn title(column: Column) -> String {
    let spec = column.spec();
    let unit = match spec.unit {
        Unit::Percent => "_pct",
        Unit::Bytes => "_bytes",
        Unit::BytesPerSecond => "_bytes_per_s",
        Unit::PerSecond => "_per_s",
        Unit::Seconds => "_s",
        Unit::Milliseconds => "_ms",
        Unit::Microseconds => "_us",
        Unit::Number | Unit::Count => "",
    };
    spec.name.strip_suffix(unit).unwrap_or(spec.name).replace('_', " ").to_uppercase()
}

/// A value of a column for people, in three or four digits with its unit.
pub(super) fn figure(column: Column, value: Option<f64>) -> String {
    let Some(known) = value else { return UNKNOWN.to_owned() };
    match column.spec().unit {
        Unit::Percent => percent(value),
        Unit::Bytes => bytes(known),
        Unit::BytesPerSecond => rate(value),
        Unit::PerSecond => format!("{known:.1}/s"),
        Unit::Seconds => format!("{known:.1} s"),
        Unit::Milliseconds => format!("{known:.1} ms"),
        Unit::Microseconds => format!("{known:.0} µs"),
        Unit::Count => format!("{known:.0}"),
        Unit::Number => number(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_on_a_terminal_is_seen_and_does_not_steer_it() {
        assert_eq!(data_shown("a,\u{1b}[2Jb\n\u{202e}c\n"), "a,\\u{1b}[2Jb\n\\u{202e}c\n");
    }

    #[test]
    fn numbers_are_short_and_an_unknown_is_never_zero() {
        assert_eq!(bytes(0.0), "0 B");
        assert_eq!(bytes(1023.0), "1023 B");
        assert_eq!(bytes(1024.0), "1.0 KiB");
        assert_eq!(bytes(8_321_499_136.0), "7.8 GiB");
        assert_eq!(bytes(1024.0 * 1023.96), "1.0 MiB");
        assert_eq!(rate(None), "–");
        assert_eq!(rate(Some(0.0)), "0 B/s");
        assert_eq!(percent(None), "–");
        assert_eq!(percent(Some(12.34)), "12.3 %");
        assert_eq!(length(Duration::from_secs(59)), "59 s");
        assert_eq!(length(Duration::from_secs(93)), "1 min 33 s");
        assert_eq!(length(Duration::from_secs(600)), "10 min");
        assert_eq!(length(Duration::from_secs(661)), "11 min");
        assert_eq!(length(Duration::from_secs(120)), "2 min");
        assert_eq!(length(Duration::from_secs(200_000)), "2 d");
    }

    #[test]
    fn nothing_in_a_table_steers_a_terminal() {
        let pipe = Output { terminal: false, colour: false };
        let table = pipe.table(&["HOST"], [["\u{1b}]0;owned\u{7}".to_owned()]]);
        assert_eq!(table, " HOST\n \\u{1b}]0;owned\\u{7}\n");
    }

    #[test]
    fn json_on_a_terminal_says_the_same_and_steers_nothing() {
        let text = "a\u{202e}b\u{9b}2J\u{e0041}\n\\ä";
        let json = serde_json::to_string_pretty(&[text]).unwrap();
        let safe = json_shown(&json);
        assert!(safe.chars().all(|c| c == '\n' || is_shown(c)), "{safe:?}");
        assert_eq!(serde_json::from_str::<[String; 1]>(&safe).unwrap(), [text]);
    }

    #[test]
    fn a_pipe_gets_plain_text_and_a_terminal_gets_colours() {
        let rows = || [["web-1".to_owned(), "x".to_owned()]];
        let pipe = Output { terminal: false, colour: false };
        assert_eq!(pipe.table(&["HOST", "STATE"], rows()), " HOST   STATE\n web-1  x\n");
        let screen = Output { terminal: true, colour: true };
        assert_eq!(screen.paint("a ■ down b"), "a \x1b[31m■ down\x1b[0m b");
        let no_colour = Output { terminal: true, colour: false };
        assert_eq!(no_colour.paint("a ■ down b"), "a ■ down b");
    }
}
