//! A record's columns: their names, and a row of them read back.

use std::sync::LazyLock;

use rusqlite::{Error, Row, types::ValueRef};

use super::fault::unreadable;
use crate::{
    model::{
        Column, ColumnSet, Detail, HostName, LEDGER, LedgerCell, LedgerKind, Outcome, Record,
        State, Values,
    },
    store::detail,
    units::WallMs,
};

/// Number of columns of a record: the ledger, the values, the detail.
pub(super) const WIDTH: usize = LEDGER.len() + Column::ALL.len() + 1;

/// Every column's name, in the order of [`bind`] and [`from_row`].
pub(super) fn columns() -> impl Iterator<Item = &'static str> {
    let values = Column::ALL.iter().map(|column| column.spec().name);
    LEDGER.iter().map(|field| field.name).chain(values).chain(["detail"])
}

/// The columns of `poll` under the alias `p`, for a SELECT.
pub(super) static SELECTED: LazyLock<String> =
    LazyLock::new(|| columns().map(|name| format!("p.{name}")).collect::<Vec<_>>().join(", "));

/// The record whose columns begin at `first`.
pub(super) fn from_row(row: &Row<'_>, first: usize, name: &HostName) -> Result<Record, Error> {
    let read = |at: usize| -> Result<LedgerCell<'_>, Error> {
        let kind = LEDGER[at].kind;
        Ok(match row.get_ref(first + at)? {
            ValueRef::Null => LedgerCell::Null,
            ValueRef::Integer(ms) if kind == LedgerKind::Moment => LedgerCell::Moment(WallMs(ms)),
            ValueRef::Integer(number) => LedgerCell::Whole(number),
            other => LedgerCell::Text(other.as_str()?),
        })
    };
    let strange = |at: usize| {
        let found = row.get::<_, rusqlite::types::Value>(first + at);
        unreadable(first + at, LEDGER[at].name, &format!("{found:?}"))
    };
    let mut record = Record::from_ledger(name.clone(), read, strange)?;
    if record.outcome.has_values() {
        record.values = Some(values(row, first + LEDGER.len())?);
        record.detail = Some(read_detail(row, first + WIDTH - 1, detail::decode)?);
    }
    Ok(record)
}

/// The state in a column.
pub(super) fn state(row: &Row<'_>, column: usize) -> Result<State, Error> {
    let word = row.get_ref(column)?.as_str()?;
    State::parse(word).ok_or_else(|| unreadable(column, "state", word))
}

/// The outcome in a column.
pub(super) fn outcome(row: &Row<'_>, column: usize) -> Result<Outcome, Error> {
    let word = row.get_ref(column)?.as_str()?;
    Outcome::parse(word).ok_or_else(|| unreadable(column, "outcome", word))
}

/// The values whose columns begin at `first`.
pub(super) fn values(row: &Row<'_>, first: usize) -> Result<Values<Column>, Error> {
    let mut values = Values::default();
    for (position, column) in Column::ALL.iter().enumerate() {
        #[expect(clippy::cast_precision_loss, reason = "whole columns are exact to 2^53")]
        let value = match row.get_ref(first + position)? {
            ValueRef::Integer(whole) => Some(whole as f64),
            ValueRef::Real(real) => Some(real),
            _ => None,
        };
        values.set(*column, value);
    }
    Ok(values)
}

/// The detail in a column, or what `decode` takes of it.
pub(super) fn read_detail(
    row: &Row<'_>,
    column: usize,
    decode: impl Fn(&str) -> Result<Detail, serde_json::Error>,
) -> Result<Detail, Error> {
    decode(row.get_ref(column)?.as_str()?).map_err(|error| {
        Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, error.into())
    })
}
