//! What is wrong with a file, and where.

use std::{fmt, path::Path, sync::Arc};

/// The most problems that are listed; more are counted.
pub const MAX_PROBLEMS: usize = 100;

/// One problem of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file as named by the caller.
    pub file: Arc<str>,
    /// Line, from 1.
    pub line: usize,
    /// Column, characters, from 1.
    pub column: usize,
    /// What is wrong and what was expected; one line.
    pub message: String,
}

/// `inventory.toml:12:9: message`.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {}", self.file, self.line, self.column, self.message)
    }
}

/// All problems of a file, one at least, in the order of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems {
    list: Vec<Problem>,
    /// Problems beyond [`MAX_PROBLEMS`].
    omitted: usize,
}

impl Problems {
    pub(crate) fn one(file: &str, line: usize, column: usize, message: String) -> Self {
        Self { list: vec![Problem { file: file.into(), line, column, message }], omitted: 0 }
    }

    /// The first [`MAX_PROBLEMS`] of them.
    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.list.iter()
    }

    /// How many there are, those not listed included. Never zero.
    #[expect(clippy::len_without_is_empty, reason = "there is always one at least")]
    #[must_use]
    pub fn len(&self) -> usize {
        self.list.len() + self.omitted
    }
}

/// One per line.
impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.list.iter().enumerate() {
            let end = if index == 0 { "" } else { "\n" };
            write!(f, "{end}{problem}")?;
        }
        match self.omitted {
            0 => Ok(()),
            more => write!(f, "\nand {more} more"),
        }
    }
}

impl std::error::Error for Problems {}

/// Collects problems by byte offset while a text is read.
pub(crate) struct Findings<'t> {
    file: Arc<str>,
    text: &'t str,
    /// Byte offset of the start of every line.
    lines: Vec<usize>,
    found: Vec<(usize, String)>,
    omitted: usize,
}

impl<'t> Findings<'t> {
    pub(crate) fn new(file: &str, text: &'t str) -> Self {
        let after = text.bytes().enumerate().filter(|(_, b)| *b == b'\n').map(|(at, _)| at + 1);
        let lines = std::iter::once(0).chain(after).collect();
        Self { file: file.into(), text, lines, found: Vec::new(), omitted: 0 }
    }

    /// The folder of the file, in which a relative path in it begins.
    pub(crate) fn folder(&self) -> &Path {
        Path::new(self.file.as_ref()).parent().unwrap_or(Path::new(""))
    }

    /// Notes a problem at the byte offset `at`; the same one at the same place only once, because a
    /// group's setting is looked at again for each of its hosts.
    pub(crate) fn add(&mut self, at: usize, message: impl Into<String>) {
        let message = message.into();
        if self.found.iter().any(|(where_, what)| *where_ == at && *what == message) {
            return;
        }
        if self.found.len() == MAX_PROBLEMS {
            self.omitted += 1;
        } else {
            self.found.push((at, message));
        }
    }

    /// The line of a byte offset, from 1.
    pub(crate) fn line(&self, at: usize) -> usize {
        self.lines.partition_point(|start| *start <= at)
    }

    /// The byte offset in the file of byte `inner` of the text that stands at `at`: the value of a TOML
    /// string, whose marks of quotation and escapes take room too.
    pub(crate) fn inside(&self, at: usize, inner: usize) -> usize {
        let source = self.text.get(at..).unwrap_or_default();
        let quote = ["\"\"\"", "'''", "\"", "'"].into_iter().find(|q| source.starts_with(q));
        let Some(quote) = quote else { return at };
        let is_escaped = quote.starts_with('"');
        let mut place = at + quote.len();
        if quote.len() == 3 {
            // A line's end directly after it is not part of the text.
            let rest = self.text.get(place..).unwrap_or_default();
            place += if rest.starts_with("\r\n") { 2 } else { usize::from(rest.starts_with('\n')) };
        }
        let mut passed = 0;
        while passed < inner {
            let rest = self.text.get(place..).unwrap_or_default();
            let Some(first) = rest.chars().next() else { break };
            let (taken, made) = match (first, is_escaped) {
                ('\\', true) => escape(rest),
                _ => (first.len_utf8(), first.len_utf8()),
            };
            place += taken;
            passed += made;
        }
        place
    }

    /// The problems found since the last time, if any.
    pub(crate) fn take_problems(&mut self) -> Option<Problems> {
        self.found.sort_by_key(|(at, _)| *at);
        let list: Vec<Problem> = std::mem::take(&mut self.found)
            .into_iter()
            .map(|(at, message)| {
                let line = self.line(at);
                let start = self.lines.get(line - 1).copied().unwrap_or(0);
                let before = self.text.get(start..at).map_or(at - start, |s| s.chars().count());
                Problem { file: self.file.clone(), line, column: before + 1, message }
            })
            .collect();
        if list.is_empty() { None } else { Some(Problems { list, omitted: self.omitted }) }
    }
}

/// How many bytes an escape of a TOML string takes, and how many it stands for.
fn escape(rest: &str) -> (usize, usize) {
    let digits = match rest.as_bytes().get(1) {
        Some(b'x') => 2,
        Some(b'u') => 4,
        Some(b'U') => 8,
        // A line's end and the white space after it stand for nothing.
        Some(byte) if byte.is_ascii_whitespace() => {
            return (1 + rest[1..].len() - rest[1..].trim_start().len(), 0);
        }
        _ => return (rest.len().min(2), 1),
    };
    let code = rest.get(2..2 + digits).and_then(|digits| u32::from_str_radix(digits, 16).ok());
    let made = code.and_then(char::from_u32).map_or(1, char::len_utf8);
    (rest.len().min(2 + digits), made)
}
