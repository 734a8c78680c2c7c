//! How reading went: nothing said is "all of it". A parser writes here what it could not
//! understand and goes on with the next line, so that one bad line never hides another.

use std::{fmt, path::Path};

use roundsman_proto::v1::Status;

/// Longest error text of one family on the wire, bytes.
pub const MAX_ERROR_BYTES: usize = 512;

/// What stands for the rest of a text that was cut.
const ELLIPSIS: &str = "…";

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// What kind of wrong.
    pub status: Status,
    /// In words.
    pub text: String,
}

/// What was wrong with a file or a family so far.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Report {
    first: Option<Status>,
    text: String,
    unsaid: u32,
}

impl Report {
    /// Whether nothing was wrong.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.first.is_none()
    }

    /// Notes one more thing. The first decides the status when nothing at all could be read.
    pub fn note(&mut self, status: Status, what: impl fmt::Display) {
        self.first.get_or_insert(status);
        // A broken file may have thousands of bad lines: the first few tell what is wrong.
        if self.text.len() >= MAX_ERROR_BYTES / 2 {
            self.unsaid = self.unsaid.saturating_add(1);
            return;
        }
        if !self.text.is_empty() {
            self.text.push_str("; ");
        }
        self.text.push_str(&what.to_string());
    }

    /// A line that is not understood.
    pub fn malformed(&mut self, line: &[u8]) {
        self.note(
            Status::Malformed,
            format_args!("not understood: \"{}\"", super::scan::excerpt(line)),
        );
    }

    /// A line that every kernel has and this file lacks.
    pub fn missing(&mut self, what: &str) {
        self.note(Status::Malformed, format_args!("no {what}"));
    }

    /// Takes over what was wrong with one file.
    pub fn absorb(&mut self, path: &Path, file: Self) {
        if let Some(status) = file.first {
            let rest = Rest(file.unsaid);
            self.note(status, format_args!("{}: {}{rest}", path.display(), file.text));
        }
    }

    /// The status and the error text for the wire. `any` says whether there are values: some values
    /// and something wrong is PARTIAL, no values is what was wrong first.
    #[must_use]
    pub fn close(self, any: bool) -> (Status, String) {
        let status = match (self.first, any) {
            (None, true) => Status::Ok,
            (None, false) => Status::Absent,
            (Some(_), true) => Status::Partial,
            (Some(first), false) => first,
        };
        let mut text = self.text;
        text.push_str(&Rest(self.unsaid).to_string());
        (status, cut(text))
    }
}

struct Rest(u32);

impl fmt::Display for Rest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 > 0 { write!(f, "; and {} more", self.0) } else { Ok(()) }
    }
}

/// Cuts a text to [`MAX_ERROR_BYTES`] between two characters.
fn cut(mut text: String) -> String {
    if text.len() > MAX_ERROR_BYTES {
        let mut end = MAX_ERROR_BYTES - ELLIPSIS.len();
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
        text.push_str(ELLIPSIS);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_values_with_a_fault_are_partial_and_none_are_the_fault() {
        let denied = || {
            let mut report = Report::default();
            report.note(Status::Denied, "no");
            report
        };
        assert_eq!(Report::default().close(true).0, Status::Ok);
        assert_eq!(denied().close(true).0, Status::Partial);
        assert_eq!(denied().close(false), (Status::Denied, "no".to_owned()));
    }

    #[test]
    fn a_thousand_bad_lines_make_one_short_text() {
        let mut file = Report::default();
        for line in 0..1_000 {
            file.malformed(format!("line {line} \u{fc}").as_bytes());
        }
        let mut family = Report::default();
        family.absorb(Path::new(&"/very/long".repeat(60)), file);
        let (status, text) = family.close(false);
        assert_eq!(status, Status::Malformed);
        assert!(text.len() <= MAX_ERROR_BYTES, "{} bytes", text.len());
        assert!(text.ends_with(ELLIPSIS), "{text}");
    }

    #[test]
    fn what_is_left_out_is_counted() {
        let mut report = Report::default();
        (0..100).for_each(|_| report.missing("MemTotal"));
        let (_, text) = report.close(true);
        assert!(text.ends_with(" more"), "{text}");
    }
}
