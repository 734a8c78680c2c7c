//! A row of the table `poll`: its columns, its values on the way in, the record on the way out.

use std::{io, sync::LazyLock};

use mysql_async::Value;

use super::{
    cells::RowReader,
    ddl::{is_single, ledger_name},
    moment,
};
use crate::{
    model::{
        Column, ColumnKind, ColumnSet, Detail, HostName, LEDGER, LedgerCell, LedgerKind, Record,
        Values,
    },
    store::{
        StoreError, detail,
        packed::{self, Packer},
        row,
    },
};

/// Number of columns of a record: the ledger, the values, the detail.
pub(super) const WIDTH: usize = LEDGER.len() + Column::ALL.len() + 1;

/// Every column's name, in the order of [`values`] and [`from_cells`].
pub(super) fn columns() -> impl Iterator<Item = &'static str> {
    let values = Column::ALL.iter().map(|column| column.spec().name);
    LEDGER.iter().map(ledger_name).chain(values).chain(["detail"])
}

/// The columns of `poll` under the alias `p`, for a SELECT.
pub(super) static SELECTED: LazyLock<String> =
    LazyLock::new(|| columns().map(|name| format!("p.{name}")).collect::<Vec<_>>().join(", "));

fn int(number: Option<i64>) -> Value {
    number.map_or(Value::NULL, Value::Int)
}

fn real(number: Option<f64>) -> Value {
    number.map_or(Value::NULL, Value::Double)
}

/// Whether a FLOAT holds it; what does not fit is unknown.
pub(super) fn fits_single(value: f64) -> bool {
    value <= f64::from(f32::MAX)
}

/// Appends the values of a record's row; answers roughly how many bytes they are.
///
/// # Errors
/// When its detail is too large to be packed.
pub(super) fn append(
    record: &Record,
    packer: &mut Packer,
    all: &mut Vec<Value>,
) -> io::Result<usize> {
    let detail = record.detail.as_ref().map(|all| packer.pack(&detail::encode(all))).transpose()?;
    let bytes = detail.as_ref().map_or(0, Vec::len)
        + record.error.as_ref().map_or(0, |error| error.len())
        + WIDTH * size_of::<f64>();
    all.extend(record.ledger().map(|cell| match cell {
        LedgerCell::Null => Value::NULL,
        LedgerCell::Whole(number) => Value::Int(number),
        LedgerCell::Moment(at) => moment::datetime(at),
        LedgerCell::Text(text) => Value::Bytes(text.as_bytes().to_vec()),
    }));
    all.extend(Column::ALL.iter().map(|column| {
        let value = record.values.as_ref().and_then(|values| values.get(*column));
        match column.spec() {
            spec if is_single(spec) => real(value.filter(|value| fits_single(*value))),
            spec if spec.kind == ColumnKind::Whole => int(value.and_then(row::whole)),
            _ => real(value),
        }
    }));
    all.push(detail.map_or(Value::NULL, Value::Bytes));
    Ok(bytes)
}

/// The record whose columns begin at `first`.
pub(super) fn from_cells(
    cells: &RowReader<'_>,
    first: usize,
    name: &HostName,
) -> Result<Record, StoreError> {
    let read = |at: usize| {
        let column = first + at;
        Ok(match LEDGER[at].kind {
            LedgerKind::Whole => cells.int(column)?.map_or(LedgerCell::Null, LedgerCell::Whole),
            LedgerKind::Moment => {
                cells.moment(column)?.map_or(LedgerCell::Null, LedgerCell::Moment)
            }
            LedgerKind::Word(_) | LedgerKind::Name(_) | LedgerKind::Text | LedgerKind::LongText => {
                cells.text(column)?.map_or(LedgerCell::Null, LedgerCell::Text)
            }
        })
    };
    let strange = |at: usize| cells.unreadable(first + at, LEDGER[at].name);
    let mut record = Record::from_ledger(name.clone(), read, strange)?;
    if record.outcome.has_values() {
        record.values = Some(read_values(cells, first + LEDGER.len())?);
        record.detail = Some(read_detail(cells, first + WIDTH - 1, detail::decode)?);
    }
    Ok(record)
}

/// The values whose columns begin at `first`.
pub(super) fn read_values(
    cells: &RowReader<'_>,
    first: usize,
) -> Result<Values<Column>, StoreError> {
    let mut values = Values::default();
    for (position, column) in Column::ALL.iter().enumerate() {
        values.set(*column, cells.number(first + position)?);
    }
    Ok(values)
}

/// The detail in a column, or what `decode` takes of it.
pub(super) fn read_detail(
    cells: &RowReader<'_>,
    column: usize,
    decode: impl Fn(&str) -> Result<Detail, serde_json::Error>,
) -> Result<Detail, StoreError> {
    let packed = cells.bytes(column)?.unwrap_or_default();
    let detail = packed::unpack(packed).ok().and_then(|text| decode(&text).ok());
    detail.ok_or_else(|| cells.unreadable(column, "packed detail"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the server does with a DOUBLE for a FLOAT, and [`Values::set`] with what comes back.
    fn kept(values: &mut Values<Column>, column: Column, value: f64) -> Option<f64> {
        #[expect(clippy::cast_possible_truncation, reason = "that is what is tested")]
        let single = value as f32;
        values.set(column, f64::from(single));
        values.get(column)
    }

    #[test]
    fn a_float_keeps_every_thousandth_of_a_share_and_of_a_load() {
        assert!(is_single(Column::CpuBusyPct.spec()) && is_single(Column::Load1.spec()));
        assert!(!is_single(Column::NetRxBytesPerS.spec()) && !is_single(Column::UptimeS.spec()));
        let mut values = Values::default();
        for (column, end) in [(Column::CpuBusyPct, 100_000), (Column::Load1, 16_384_000)] {
            for thousandths in 0..=end {
                let value = f64::from(thousandths) / 1000.0;
                assert_eq!(kept(&mut values, column, value), Some(value));
            }
        }
        let beyond = kept(&mut values, Column::Load1, 16_384.001);
        assert_ne!(beyond, Some(16_384.001), "and there it ends");
    }
}
