//! A statement of SQL that a person wrote.

use rusqlite::{Connection, fallible_iterator::FallibleIterator as _, types::ValueRef};

use super::fault::fault;
use crate::store::{SqlPart, SqlSink, SqlValue, StoreError};

const DOING: &str = "run the statement";

/// Runs one that reads; its answer goes where `sink` leads.
pub(super) fn run(connection: &Connection, text: &str, sink: &SqlSink) -> Result<(), StoreError> {
    let failed = fault(connection, DOING);
    // Refuses a second statement, which would be ignored.
    let mut batch = rusqlite::Batch::new(connection, text);
    let Some(mut statement) = batch.next().map_err(&failed)? else { return Ok(()) };
    if batch.next().map_err(&failed)?.is_some() {
        return Err(failed(rusqlite::Error::MultipleStatement));
    }
    if !statement.readonly() {
        return Err(StoreError::ReadOnly { doing: "run a statement that changes something" });
    }
    let names: Vec<String> = statement.column_names().map(str::to_owned).collect();
    let width = names.len();
    let mut is_taken = sink.blocking_send(SqlPart::Names(names)).is_ok();
    let mut rows = statement.query([]).map_err(&failed)?;
    while is_taken && let Some(row) = rows.next().map_err(&failed)? {
        let value = |column| row.get_ref(column).map(value);
        let values = (0..width).map(value).collect::<Result<_, _>>().map_err(&failed)?;
        is_taken = sink.blocking_send(SqlPart::Row(values)).is_ok();
    }
    Ok(())
}

fn value(of: ValueRef<'_>) -> SqlValue {
    match of {
        ValueRef::Null => SqlValue::Null,
        ValueRef::Integer(whole) => SqlValue::Whole(whole.into()),
        ValueRef::Real(real) => SqlValue::Real(real),
        ValueRef::Text(text) => SqlValue::Text(String::from_utf8_lossy(text).into_owned()),
        ValueRef::Blob(bytes) => SqlValue::Bytes(bytes.to_owned()),
    }
}
