//! A row as it came, read by position.

use mysql_async::{Row, Value};

use super::{fault::Place, moment};
use crate::{
    model::{HostName, State},
    store::StoreError,
    units::WallMs,
};

/// One row, and what to call it when it cannot be understood.
pub(super) struct RowReader<'a> {
    values: Vec<Value>,
    place: &'a Place,
    what: &'static str,
}

impl<'a> RowReader<'a> {
    pub(super) fn new(row: Row, place: &'a Place, what: &'static str) -> Self {
        Self { values: row.unwrap(), place, what }
    }

    fn value(&self, column: usize) -> &Value {
        self.values.get(column).unwrap_or(&Value::NULL)
    }

    /// A column that holds what this program never writes.
    pub(super) fn unreadable(&self, column: usize, expected: &str) -> StoreError {
        let found = self.value(column).as_sql(true);
        let found: String = found.chars().take(80).collect();
        self.place.corrupt(
            &format!("column {} of {}", column + 1, self.what),
            format!("{found} is no {expected}"),
        )
    }

    /// A document that is not what this program writes.
    pub(super) fn damaged(&self, what: &str, why: &str) -> StoreError {
        self.place.corrupt(what, why.to_owned())
    }

    pub(super) fn is_null(&self, column: usize) -> bool {
        *self.value(column) == Value::NULL
    }

    /// A whole number.
    pub(super) fn int(&self, column: usize) -> Result<Option<i64>, StoreError> {
        match self.value(column) {
            Value::NULL => Ok(None),
            Value::Int(number) => Ok(Some(*number)),
            Value::UInt(number) => Ok(Some(i64::try_from(*number).unwrap_or(i64::MAX))),
            // The text of a DECIMAL: what SUM() of whole numbers is.
            Value::Bytes(text) => {
                let number = std::str::from_utf8(text).ok().and_then(|text| text.parse().ok());
                number.map(Some).ok_or_else(|| self.unreadable(column, "whole number"))
            }
            _ => Err(self.unreadable(column, "whole number")),
        }
    }

    /// A whole number that is always there.
    pub(super) fn required_int(&self, column: usize) -> Result<i64, StoreError> {
        self.int(column)?.ok_or_else(|| self.unreadable(column, "whole number"))
    }

    /// A number of either kind.
    #[expect(clippy::cast_precision_loss, reason = "whole columns are exact to 2^53")]
    pub(super) fn number(&self, column: usize) -> Result<Option<f64>, StoreError> {
        match self.value(column) {
            Value::Double(number) => Ok(Some(*number)),
            Value::Float(number) => Ok(Some(f64::from(*number))),
            _ => Ok(self.int(column)?.map(|whole| whole as f64)),
        }
    }

    pub(super) fn bytes(&self, column: usize) -> Result<Option<&[u8]>, StoreError> {
        match self.value(column) {
            Value::NULL => Ok(None),
            Value::Bytes(bytes) => Ok(Some(bytes)),
            _ => Err(self.unreadable(column, "text")),
        }
    }

    pub(super) fn text(&self, column: usize) -> Result<Option<&str>, StoreError> {
        let bytes = self.bytes(column)?;
        let text = bytes.map(std::str::from_utf8).transpose();
        text.map_err(|_bad| self.unreadable(column, "text"))
    }

    /// A text that is always there.
    pub(super) fn required_text(&self, column: usize) -> Result<&str, StoreError> {
        self.text(column)?.ok_or_else(|| self.unreadable(column, "text"))
    }

    pub(super) fn moment(&self, column: usize) -> Result<Option<WallMs>, StoreError> {
        if self.is_null(column) {
            return Ok(None);
        }
        let moment = moment::wall(self.value(column));
        moment.map(Some).ok_or_else(|| self.unreadable(column, "moment"))
    }

    /// A moment that is always there.
    pub(super) fn required_moment(&self, column: usize) -> Result<WallMs, StoreError> {
        self.moment(column)?.ok_or_else(|| self.unreadable(column, "moment"))
    }

    /// One of a closed list of words.
    pub(super) fn word<T>(
        &self,
        column: usize,
        expected: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<T, StoreError> {
        let word = self.required_text(column)?;
        parse(word).ok_or_else(|| self.unreadable(column, expected))
    }

    pub(super) fn state(&self, column: usize) -> Result<State, StoreError> {
        self.word(column, "state", State::parse)
    }

    pub(super) fn host_name(&self, column: usize) -> Result<HostName, StoreError> {
        self.word(column, "host name", |text| HostName::new(text).ok())
    }

    /// A document.
    pub(super) fn json<T: serde::de::DeserializeOwned>(
        &self,
        column: usize,
    ) -> Result<T, StoreError> {
        self.word(column, "document of the right form", |text| serde_json::from_str(text).ok())
    }
}
