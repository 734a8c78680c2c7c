//! A record's columns: their names, and a row of them read back.

use std::sync::{Arc, LazyLock};

use rusqlite::{Error, Row, types::ValueRef};

use super::{ddl::LEDGER, fault::unreadable};
use crate::{
    model::{
        Column, ColumnSet, Detail, HostId, HostName, Outcome, Record, State, Timings, Values,
        VersionId,
    },
    store::detail,
    units::{Micros, WallMs},
};

/// Number of columns of a record: the ledger, the values, the detail.
pub(super) const WIDTH: usize = LEDGER.len() + Column::ALL.len() + 1;

/// Every column's name, in the order of [`bind`] and [`from_row`].
pub(super) fn columns() -> impl Iterator<Item = &'static str> {
    let values = Column::ALL.iter().map(|column| column.spec().name);
    LEDGER.into_iter().map(|(name, _)| name).chain(values).chain(["detail"])
}

/// The columns of `poll` under the alias `p`, for a SELECT.
pub(super) static SELECTED: LazyLock<String> =
    LazyLock::new(|| columns().map(|name| format!("p.{name}")).collect::<Vec<_>>().join(", "));

/// The record whose columns begin at `first`.
pub(super) fn from_row(row: &Row<'_>, first: usize, name: &HostName) -> Result<Record, Error> {
    let at = |column: usize| first + column;
    let micros = |column: usize| -> Result<Option<Micros>, Error> {
        Ok(row.get::<_, Option<i64>>(at(column))?.map(|us| Micros(us.unsigned_abs())))
    };
    let text = |column: usize| row.get::<_, Option<Arc<str>>>(at(column));
    let outcome_word = row.get_ref(at(4))?.as_str()?;
    let outcome =
        Outcome::parse(outcome_word).ok_or_else(|| unreadable(at(4), "outcome", outcome_word))?;
    let (values, detail) = if outcome.has_values() {
        (Some(values(row, at(LEDGER.len()))?), Some(read_detail(row, at(WIDTH - 1))?))
    } else {
        (None, None)
    };
    Ok(Record {
        host: HostId(row.get(at(0))?),
        name: name.clone(),
        slot: WallMs(row.get(at(1))?),
        started: WallMs(row.get(at(2))?),
        inventory: VersionId(row.get(at(3))?),
        outcome,
        state: state(row, at(5))?,
        timings: Timings {
            late_us: micros(6)?.unwrap_or_default(),
            queue_us: micros(7)?.unwrap_or_default(),
            resolve_us: micros(8)?,
            connect_us: micros(9)?,
            call_us: micros(10)?,
        },
        answer_bytes: row.get::<_, Option<i64>>(at(11))?.map(i64::unsigned_abs),
        address: text(12)?,
        error: text(13)?,
        boot_id: text(14)?,
        clock_skew_ms: row.get(at(15))?,
        values,
        detail,
    })
}

/// The state in a column.
pub(super) fn state(row: &Row<'_>, column: usize) -> Result<State, Error> {
    let word = row.get_ref(column)?.as_str()?;
    State::parse(word).ok_or_else(|| unreadable(column, "state", word))
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

fn read_detail(row: &Row<'_>, column: usize) -> Result<Detail, Error> {
    detail::decode(row.get_ref(column)?.as_str()?).map_err(|error| {
        Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, error.into())
    })
}
