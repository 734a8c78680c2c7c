//! Rows into columns. The wire lays out what repeats by column, and a column is either empty or as
//! long as the key column; keys are unique, and names have a limit. Rows are settled here, once for
//! every table: what does not fit costs its own row, is named, and costs no other.
//!
//! One kernel prints all rows of a table in one form (`diskstats` has 11 numbers, 15 or 17). Where
//! rows differ, something else has been at one of them: the form of most rows is the table's, of two
//! as frequent the narrower. A row with fewer numbers is left out, for a number that is not there
//! cannot be 0; of one with more, the further ones are.

use std::{
    collections::HashSet,
    fmt::{self, Display},
    hash::Hash,
};

use roundsman_proto::v1::Status;

use super::{report::Report, scan::excerpt};

/// Longest name on the wire, bytes: a device, an interface, a type of filesystem.
pub const MAX_NAME_BYTES: usize = 256;
/// Longest path on the wire, bytes: a mount point, what is mounted.
pub const MAX_PATH_BYTES: usize = 4_096;

/// All names of one table together, bytes: with the limits of rows it keeps an answer below what a
/// server takes by default (4 MiB), whatever users name their mounts.
const MAX_TEXT_BYTES: usize = 384 * 1_024;

/// What a row is known by.
pub trait Key {
    /// What is unique within the table.
    fn id(&self) -> impl Hash + Eq + Display;

    /// Its name as it is sent, if it has one.
    fn name(&self) -> Option<&str>;
}

/// A core's number.
impl Key for u32 {
    fn id(&self) -> impl Hash + Eq + Display {
        *self
    }

    fn name(&self) -> Option<&str> {
        None
    }
}

/// An interface's name.
impl Key for String {
    fn id(&self) -> impl Hash + Eq + Display {
        self.as_str()
    }

    fn name(&self) -> Option<&str> {
        Some(self)
    }
}

/// A text that is longer than its limit, as it is told.
#[derive(Debug)]
pub struct TooLong<'a> {
    text: &'a str,
    limit: usize,
}

impl<'a> TooLong<'a> {
    /// What is wrong with a text as it would be sent, if anything is.
    #[must_use]
    pub fn new(text: &'a str, limit: usize) -> Option<Self> {
        (text.len() > limit).then_some(Self { text, limit })
    }
}

impl Display for TooLong<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (text, bytes, limit) = (excerpt(self.text.as_bytes()), self.text.len(), self.limit);
        write!(f, "{text}... has {bytes} bytes, the limit is {limit}")
    }
}

/// What is left for the names of a table.
#[derive(Debug)]
pub struct TextLeft {
    bytes: usize,
    cut: usize,
}

impl Default for TextLeft {
    fn default() -> Self {
        Self { bytes: MAX_TEXT_BYTES, cut: 0 }
    }
}

impl TextLeft {
    /// Whether there is room for one more row's names; a row without is counted.
    pub fn take(&mut self, bytes: usize) -> bool {
        let left = self.bytes.checked_sub(bytes);
        match left {
            Some(left) => self.bytes = left,
            None => self.cut += 1,
        }
        left.is_some()
    }

    /// Notes how many rows had no room.
    pub fn close(self, what: &str, report: &mut Report) {
        let (cut, limit) = (self.cut, MAX_TEXT_BYTES);
        if cut > 0 {
            let text = format_args!("{cut} {what} past the limit of {limit} bytes for all names");
            report.note(Status::Partial, text);
        }
    }
}

/// How many of a row's numbers count: those of the widest form that it fills. `forms` rise.
#[must_use]
pub fn form(numbers: usize, forms: &[usize]) -> Option<usize> {
    forms.iter().rev().copied().find(|form| *form <= numbers)
}

/// Rows of up to `N` numbers each, every row with its key.
#[derive(Debug)]
pub struct Rows<K, const N: usize> {
    rows: Vec<Row<K, N>>,
    limit: usize,
    cut: usize,
}

#[derive(Debug)]
struct Row<K, const N: usize> {
    key: K,
    cells: [u64; N],
    width: usize,
}

impl<K: Key, const N: usize> Rows<K, N> {
    /// A table that holds at most `limit` rows.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self { rows: Vec::new(), limit, cut: 0 }
    }

    /// Adds a row whose first `width` cells are known; past the limit it is counted only.
    pub fn push(&mut self, key: K, cells: [u64; N], width: usize) {
        if self.rows.len() < self.limit {
            self.rows.push(Row { key, cells, width: width.min(N) });
        } else {
            self.cut += 1;
        }
    }

    /// Whether there is no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Keys and columns. Columns past the table's form are empty.
    #[must_use]
    pub fn settle(self, what: &str, report: &mut Report) -> (Vec<K>, [Vec<u64>; N]) {
        let width = self.width();
        let good = self.good(width, what, report);
        let mut keys = Vec::with_capacity(self.rows.len());
        let mut columns: [Vec<u64>; N] = std::array::from_fn(|column| {
            Vec::with_capacity(if column < width { self.rows.len() } else { 0 })
        });
        for (row, _) in self.rows.into_iter().zip(good).filter(|(_, good)| *good) {
            keys.push(row.key);
            for (column, cell) in columns.iter_mut().zip(row.cells).take(width) {
                column.push(cell);
            }
        }
        if self.cut > 0 {
            let (limit, cut) = (self.limit, self.cut);
            report.note(Status::Partial, format_args!("{cut} {what} past the limit of {limit}"));
        }
        (keys, columns)
    }

    /// The form of most rows; of two as frequent the narrower.
    fn width(&self) -> usize {
        let mut rows = vec![0usize; N + 1];
        for row in &self.rows {
            rows[row.width] += 1;
        }
        // Of equals `max_by_key` takes the last.
        (0..=N).rev().max_by_key(|width| rows[*width]).unwrap_or(0)
    }

    /// Which rows are sent; what is wrong with the others is noted.
    fn good(&self, width: usize, what: &str, report: &mut Report) -> Vec<bool> {
        let mut seen = HashSet::with_capacity(self.rows.len());
        let mut left = TextLeft::default();
        let mut good = Vec::with_capacity(self.rows.len());
        for row in &self.rows {
            let id = row.key.id();
            let too_long = row.key.name().and_then(|name| TooLong::new(name, MAX_NAME_BYTES));
            if let Some(too_long) = &too_long {
                report.note(Status::Malformed, format_args!("{what}: {too_long}"));
            } else if row.width < width {
                let text = format_args!("{what}: {id} has fewer numbers than most");
                report.note(Status::Malformed, text);
            } else if seen.contains(&id) {
                report.note(Status::Malformed, format_args!("{what}: {id} is there twice"));
            } else if left.take(row.key.name().map_or(0, str::len)) {
                if row.width > width {
                    let text = format_args!("{what}: {id} has more numbers than most");
                    report.note(Status::Partial, text);
                }
                seen.insert(id);
                good.push(true);
                continue;
            }
            good.push(false);
        }
        left.close(what, report);
        good
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows of the given keys and widths, every cell 7: what is left, how many columns have values,
    /// and what is said.
    fn settled(rows: &[(&str, usize)]) -> (Vec<String>, usize, (Status, String)) {
        let mut report = Report::default();
        let mut table = Rows::<String, 4>::new(8);
        rows.iter().for_each(|(key, width)| table.push((*key).to_owned(), [7; 4], *width));
        let (keys, columns) = table.settle("disks", &mut report);
        let width = columns.iter().take_while(|column| column.len() == keys.len()).count();
        assert!(columns[width..].iter().all(Vec::is_empty), "{columns:?}");
        (keys, width, report.close(true))
    }

    #[test]
    fn columns_are_empty_or_as_long_as_the_keys() {
        let mut report = Report::default();
        let mut rows = Rows::<u32, 3>::new(8);
        rows.push(0, [1, 0, 0], 1);
        rows.push(1, [2, 3, 0], 2);
        rows.push(2, [4, 5, 0], 2);
        let (keys, columns) = rows.settle("cores", &mut report);
        assert_eq!(keys, [1, 2]);
        assert_eq!(columns, [vec![2, 4], vec![3, 5], vec![]]);
        let (status, text) = report.close(true);
        assert_eq!(
            (status, text.as_str()),
            (Status::Partial, "cores: 0 has fewer numbers than most")
        );
    }

    #[test]
    fn one_odd_row_costs_itself_and_no_other() {
        let (keys, width, told) = settled(&[("a", 2), ("b", 4), ("c", 2)]);
        assert_eq!((keys.join(" ").as_str(), width), ("a b c", 2));
        assert_eq!(told, (Status::Partial, "disks: b has more numbers than most".to_owned()));
        let (keys, width, _) = settled(&[("a", 4), ("b", 2), ("c", 4)]);
        assert_eq!((keys.join(" ").as_str(), width), ("a c", 4));
        // No majority: what all have.
        let (keys, width, _) = settled(&[("a", 4), ("b", 2), ("c", 4), ("d", 2)]);
        assert_eq!((keys.join(" ").as_str(), width), ("a b c d", 2));
        assert_eq!(settled(&[]), (vec![], 4, (Status::Ok, String::new())));
    }

    #[test]
    fn a_key_is_sent_once_and_a_name_within_its_limit() {
        let (long, longest) = ("x".repeat(MAX_NAME_BYTES + 1), "y".repeat(MAX_NAME_BYTES));
        let (keys, _, (status, text)) =
            settled(&[("a", 4), (&long, 4), ("a", 4), (&longest, 4), ("b", 4)]);
        assert_eq!(keys, ["a", longest.as_str(), "b"]);
        assert_eq!(status, Status::Partial);
        let shown = "x".repeat(48);
        let expected =
            format!("disks: {shown}... has 257 bytes, the limit is 256; disks: a is there twice");
        assert_eq!(text, expected);
    }

    #[test]
    fn numbers_past_a_form_do_not_make_a_wider_row() {
        assert_eq!(
            [10, 11, 14, 15, 16, 17, 99].map(|numbers| form(numbers, &[11, 15, 17])),
            [None, Some(11), Some(11), Some(15), Some(15), Some(17), Some(17)]
        );
    }

    #[test]
    fn rows_past_the_limit_are_said() {
        let mut report = Report::default();
        let mut rows = Rows::<u32, 1>::new(2);
        (0..5).for_each(|key| rows.push(key, [1], 1));
        let (keys, _) = rows.settle("disks", &mut report);
        assert_eq!(keys.len(), 2);
        let (status, text) = report.close(true);
        assert_eq!((status, text.as_str()), (Status::Partial, "3 disks past the limit of 2"));
    }
}
