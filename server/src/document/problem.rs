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

/// One of the texts that are read together. Its bytes count on from those of the texts before it, so that
/// one number is a place in all of them.
struct Part<'t> {
    file: Arc<str>,
    text: &'t str,
    /// The offset of its first byte.
    start: usize,
    /// The offset of the start of every line.
    lines: Vec<usize>,
}

impl<'t> Part<'t> {
    fn new(file: &str, text: &'t str, start: usize) -> Self {
        let after = text.bytes().enumerate().filter(|(_, b)| *b == b'\n').map(|(at, _)| at + 1);
        let lines = std::iter::once(0).chain(after).map(|at| start + at).collect();
        Self { file: file.into(), text, start, lines }
    }

    /// The line of an offset, from 1.
    fn line(&self, at: usize) -> usize {
        self.lines.partition_point(|start| *start <= at)
    }

    /// Its text between two offsets.
    fn slice(&self, range: std::ops::Range<usize>) -> Option<&'t str> {
        self.text.get(range.start.checked_sub(self.start)?..range.end.checked_sub(self.start)?)
    }
}

/// Collects problems by byte offset while one text is read, or several together.
pub(crate) struct Findings<'t> {
    /// In the order of their offsets, one at least.
    parts: Vec<Part<'t>>,
    found: Vec<(usize, String)>,
    omitted: usize,
}

impl<'t> Findings<'t> {
    pub(crate) fn new(file: &str, text: &'t str) -> Self {
        Self::of(&[(file, text)])
    }

    /// Of several texts, each with the name of its file.
    pub(crate) fn of(texts: &[(&str, &'t str)]) -> Self {
        let mut start = 0;
        let mut parts = Vec::with_capacity(texts.len());
        for (file, text) in texts {
            parts.push(Part::new(file, text, start));
            // A byte between them: the end of one is not the beginning of the next.
            start += text.len() + 1;
        }
        Self { parts, found: Vec::new(), omitted: 0 }
    }

    /// The texts, each with the offset of its first byte.
    pub(super) fn texts(&self) -> Vec<(usize, &'t str)> {
        self.parts.iter().map(|part| (part.start, part.text)).collect()
    }

    /// The text in which an offset lies.
    fn part(&self, at: usize) -> Option<&Part<'t>> {
        self.parts.get(self.parts.partition_point(|part| part.start <= at).saturating_sub(1))
    }

    /// The folder of the (first) file, in which a relative path in it begins.
    pub(crate) fn folder(&self) -> &Path {
        let file = self.parts.first().map_or("", |part| part.file.as_ref());
        Path::new(file).parent().unwrap_or(Path::new(""))
    }

    /// Whether two offsets lie in the same file.
    pub(crate) fn is_same_file(&self, one: usize, other: usize) -> bool {
        self.part(one).map(|part| part.start) == self.part(other).map(|part| part.start)
    }

    /// A place as a problem at another place names it: `line 7`, with its file where that is another one.
    pub(crate) fn place(&self, at: usize, seen_from: usize) -> String {
        let line = self.line(at);
        match self.part(at) {
            Some(part) if !self.is_same_file(at, seen_from) => {
                format!("line {line} of {}", part.file)
            }
            _ => format!("line {line}"),
        }
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

    /// The line of a byte offset in its file, from 1.
    pub(crate) fn line(&self, at: usize) -> usize {
        self.part(at).map_or(1, |part| part.line(at))
    }

    /// The byte offset in the file of byte `inner` of the text that stands at `at`: the value of a TOML
    /// string, whose marks of quotation and escapes take room too.
    pub(crate) fn inside(&self, at: usize, inner: usize) -> usize {
        let Some(part) = self.part(at) else { return at };
        let after = |place: usize| {
            place
                .checked_sub(part.start)
                .and_then(|inner| part.text.get(inner..))
                .unwrap_or_default()
        };
        let source = after(at);
        let quote = ["\"\"\"", "'''", "\"", "'"].into_iter().find(|q| source.starts_with(q));
        let Some(quote) = quote else { return at };
        let is_escaped = quote.starts_with('"');
        let mut place = at + quote.len();
        if quote.len() == 3 {
            // A line's end directly after it is not part of the text.
            let rest = after(place);
            place += if rest.starts_with("\r\n") { 2 } else { usize::from(rest.starts_with('\n')) };
        }
        let mut passed = 0;
        while passed < inner {
            let rest = after(place);
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
                let part = self.part(at);
                let start = part.and_then(|part| part.lines.get(line - 1)).copied().unwrap_or(0);
                let text = part.and_then(|part| part.slice(start..at));
                let before = text.map_or(at - start, |text| text.chars().count());
                let file = part.map_or_else(|| "".into(), |part| Arc::clone(&part.file));
                Problem { file, line, column: before + 1, message }
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
