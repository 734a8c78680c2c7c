//! What is wrong with a file, and where.

use std::{fmt, sync::Arc};

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

    /// Whether nothing was found yet.
    pub(crate) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// The line of a byte offset, from 1.
    pub(crate) fn line(&self, at: usize) -> usize {
        self.lines.partition_point(|start| *start <= at)
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
