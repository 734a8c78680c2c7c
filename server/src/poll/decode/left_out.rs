//! Which rows of a table were not taken over, and why: in a sentence, whatever their number.

use std::fmt;

use super::Limit;
use crate::text::one_line;

/// The longest example of a row that was left out, bytes.
const EXAMPLE_BYTES: usize = 48;

/// Why a row is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reason {
    /// The table holds as many as it may.
    Beyond(Limit),
    /// Its name is too long: two names that are cut could become one.
    TooLong(Limit),
    /// It has no name.
    Nameless,
    /// A row before has its name.
    Repeated,
    /// No kernel has such a number.
    Impossible,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Beyond(limit) => {
                write!(f, "beyond the limit of {} {}", limit.max(), limit.words())
            }
            Self::TooLong(limit) => write!(f, "with over {} {}", limit.max(), limit.words()),
            Self::Nameless => f.write_str("without a name"),
            Self::Repeated => f.write_str("with the name of another"),
            Self::Impossible => f.write_str("with numbers that cannot be"),
        }
    }
}

/// The rows of one table that were left out, by reason, each with one row as an example.
#[derive(Debug, Default)]
pub(super) struct LeftOut(Vec<(Reason, usize, String)>);

impl LeftOut {
    /// Counts rows; `example` names one of them, or is empty.
    pub(super) fn add(&mut self, reason: Reason, rows: usize, example: &str) {
        match self.0.iter_mut().find(|(other, _, _)| *other == reason) {
            Some((_, all, _)) => *all += rows,
            None => self.0.push((reason, rows, one_line(example, EXAMPLE_BYTES))),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("left out by the server: ")?;
        for (position, (reason, rows, example)) in self.0.iter().enumerate() {
            let comma = if position == 0 { "" } else { ", " };
            let plural = if *rows == 1 { "" } else { "s" };
            write!(f, "{comma}{rows} row{plural} {reason}")?;
            if !example.is_empty() {
                write!(f, " ({example})")?;
            }
        }
        Ok(())
    }
}
