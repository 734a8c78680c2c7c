//! A row of the table `poll`: its columns, its values on the way in, the record on the way out.

use std::{io, sync::LazyLock};

use mysql_async::Value;

use super::{
    cells::RowReader,
    ddl::{LEDGER, is_single},
    moment,
    packed::{self, Packer},
};
use crate::{
    model::{
        Column, ColumnKind, ColumnSet, HostId, HostName, Outcome, Record, Timings, Values,
        VersionId,
    },
    store::{StoreError, detail, row},
    units::Micros,
};

/// Number of columns of a record: the ledger, the values, the detail.
pub(super) const WIDTH: usize = LEDGER.len() + Column::ALL.len() + 1;

/// Every column's name, in the order of [`values`] and [`from_cells`].
pub(super) fn columns() -> impl Iterator<Item = &'static str> {
    let values = Column::ALL.iter().map(|column| column.spec().name);
    LEDGER.into_iter().map(|(name, ..)| name).chain(values).chain(["detail"])
}

/// The columns of `poll` under the alias `p`, for a SELECT.
pub(super) static SELECTED: LazyLock<String> =
    LazyLock::new(|| columns().map(|name| format!("p.{name}")).collect::<Vec<_>>().join(", "));

fn text(text: Option<&str>) -> Value {
    text.map_or(Value::NULL, |text| Value::Bytes(text.as_bytes().to_vec()))
}

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
    let timings = &record.timings;
    let micros = |step: Option<Micros>| int(step.map(|us| row::signed(us.0)));
    let detail = record.detail.as_ref().map(|all| packer.pack(&detail::encode(all))).transpose()?;
    let bytes = detail.as_ref().map_or(0, Vec::len)
        + record.error.as_ref().map_or(0, |error| error.len())
        + WIDTH * size_of::<f64>();
    all.extend([
        Value::Int(record.host.0),
        moment::datetime(record.slot),
        moment::datetime(record.started),
        Value::Int(record.inventory.0),
        text(Some(record.outcome.as_str())),
        text(Some(record.state.as_str())),
        Value::Int(row::signed(timings.late_us.0)),
        Value::Int(row::signed(timings.queue_us.0)),
        micros(timings.resolve_us),
        micros(timings.connect_us),
        micros(timings.call_us),
        int(record.answer_bytes.map(row::signed)),
        text(record.address.as_deref()),
        text(record.error.as_deref()),
        text(record.boot_id.as_deref()),
        int(record.clock_skew_ms),
    ]);
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
    let at = |column: usize| first + column;
    let micros = |column: usize| -> Result<Option<Micros>, StoreError> {
        Ok(cells.int(at(column))?.map(|us| Micros(us.unsigned_abs())))
    };
    let shared = |column: usize| Ok::<_, StoreError>(cells.text(at(column))?.map(Into::into));
    let outcome = cells.word(at(4), "outcome", Outcome::parse)?;
    let (values, detail) = if outcome.has_values() {
        (Some(read_values(cells, at(LEDGER.len()))?), Some(read_detail(cells, at(WIDTH - 1))?))
    } else {
        (None, None)
    };
    Ok(Record {
        host: HostId(cells.required_int(at(0))?),
        name: name.clone(),
        slot: cells.required_moment(at(1))?,
        started: cells.required_moment(at(2))?,
        inventory: VersionId(cells.required_int(at(3))?),
        outcome,
        state: cells.state(at(5))?,
        timings: Timings {
            late_us: micros(6)?.unwrap_or_default(),
            queue_us: micros(7)?.unwrap_or_default(),
            resolve_us: micros(8)?,
            connect_us: micros(9)?,
            call_us: micros(10)?,
        },
        answer_bytes: cells.int(at(11))?.map(i64::unsigned_abs),
        address: shared(12)?,
        error: shared(13)?,
        boot_id: shared(14)?,
        clock_skew_ms: cells.int(at(15))?,
        values,
        detail,
    })
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

fn read_detail(cells: &RowReader<'_>, column: usize) -> Result<crate::model::Detail, StoreError> {
    let packed = cells.bytes(column)?.unwrap_or_default();
    let detail = packed::unpack(packed).ok().and_then(|text| detail::decode(&text).ok());
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
