//! The lines of the log as they are written: what is quoted in them, from a database, a name server or
//! a peer, may not change how they are shown.

use std::io::{self, Write};

use super::output::json_shown;
use crate::text::is_shown;

/// How a line is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// As text. Colours are the log's own: tracing-subscriber writes out an ESC in a value (0.3.20 on).
    Text,
    /// As JSON, where a hidden character has an escape of its own.
    Json,
}

/// Writes lines in which every character is seen.
#[derive(Debug)]
pub(super) struct EscapingWriter<W> {
    to: W,
    form: Form,
}

impl<W> EscapingWriter<W> {
    pub(super) fn new(to: W, form: Form) -> Self {
        Self { to, form }
    }
}

fn stays(c: char) -> bool {
    is_shown(c) || matches!(c, '\n' | '\u{1b}')
}

impl<W: Write> Write for EscapingWriter<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        if text.chars().all(stays) {
            self.to.write_all(line)?;
        } else {
            let safe = match self.form {
                Form::Json => json_shown(&text),
                Form::Text => text_shown(&text),
            };
            self.to.write_all(safe.as_bytes())?;
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

fn text_shown(text: &str) -> String {
    let mut safe = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match stays(c) {
            true => safe.push(c),
            false => safe.extend(c.escape_unicode()),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(form: Form, line: &str) -> String {
        let mut bytes = Vec::new();
        EscapingWriter::new(&mut bytes, form).write_all(line.as_bytes()).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn no_line_of_the_log_turns_what_stands_in_it() {
        let line = "\u{1b}[31mERROR\u{1b}[0m cannot read \u{202e}txt.exe\u{200b}\u{7}\n";
        assert_eq!(
            written(Form::Text, line),
            "\u{1b}[31mERROR\u{1b}[0m cannot read \\u{202e}txt.exe\\u{200b}\\u{7}\n"
        );
        let json = "{\"error\":\"\u{202e}txt\"}\n";
        assert_eq!(written(Form::Json, json), "{\"error\":\"\\u202etxt\"}\n");
        assert_eq!(written(Form::Text, "café 漢字\n"), "café 漢字\n");
    }
}
