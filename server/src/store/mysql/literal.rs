//! Values as literals of SQL: the one place that writes any into the text of a statement.
//!
//! Numbers are written from numbers, moments from their fields, all else as hexadecimal digits: there
//! is no quote, backslash or character of the value's own in the text, so nothing has to be escaped,
//! in whatever mode or character set the server reads it.

use std::fmt::Write as _;

use serde_json::Number;

use super::moment;
use crate::units::WallMs;

/// The values of a row, written one after another: `(1,NULL,x'00')`.
pub(super) struct Row(String);

impl Row {
    /// A row without values yet, with room for a text of so many bytes.
    pub(super) fn with_room(bytes: usize) -> Self {
        let mut text = String::with_capacity(bytes);
        text.push('(');
        Self(text)
    }

    /// The text of the row.
    pub(super) fn end(mut self) -> String {
        if self.0.ends_with(',') {
            self.0.pop();
        }
        self.0.push(')');
        self.0
    }

    fn value<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut String, T)) {
        match value {
            Some(value) => write(&mut self.0, value),
            None => self.0.push_str("NULL"),
        }
        self.0.push(',');
    }

    /// A whole number.
    pub(super) fn int(&mut self, number: impl Into<Option<i64>>) {
        self.value(number.into(), |text, number| {
            // Writing to a String does not fail.
            let _ = write!(text, "{number}");
        });
    }

    /// A real number, as the shortest digits that read back as the same one; NULL for what is none.
    pub(super) fn real(&mut self, number: Option<f64>) {
        self.value(number.and_then(Number::from_f64), |text, number| {
            let begin = text.len();
            let _ = write!(text, "{number}");
            // Without an exponent it is a DECIMAL, which is kept otherwise and then converted.
            if !text.as_bytes()[begin..].contains(&b'e') {
                text.push_str("e0");
            }
        });
    }

    /// A moment, for a DATETIME.
    pub(super) fn moment(&mut self, moment: WallMs) {
        self.value(Some(moment::datetime(moment)), |text, value| {
            text.push_str(&value.as_sql(true));
        });
    }

    /// A text.
    pub(super) fn text(&mut self, value: Option<&str>) {
        self.value(value, |text, value| {
            text.push_str("_utf8mb4 ");
            hex(text, value.as_bytes());
        });
    }

    /// Bytes.
    pub(super) fn bytes(&mut self, bytes: Option<&[u8]>) {
        self.value(bytes, hex);
    }
}

fn hex(text: &mut String, bytes: &[u8]) {
    const DIGITS: [char; 16] =
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    text.reserve(3 + 2 * bytes.len());
    text.push_str("x'");
    for byte in bytes {
        text.push(DIGITS[usize::from(byte >> 4)]);
        text.push(DIGITS[usize::from(byte & 15)]);
    }
    text.push('\'');
}
