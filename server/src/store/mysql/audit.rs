//! The table `audit`: what somebody asked to be changed.

use std::sync::Arc;

use mysql_async::{Row, Transaction, Value, prelude::Queryable as _};

use super::{cells::RowReader, fault::Place, moment, pools::Pools};
use crate::{
    model::AuditEntry,
    store::{Span, StoreError, row},
};

/// Keeps entries, each once.
pub(super) async fn keep(
    transaction: &mut Transaction<'_>,
    entries: &[Arc<AuditEntry>],
    place: &Place,
) -> Result<(), StoreError> {
    for entry in entries {
        keep_one(transaction, entry, place).await?;
    }
    Ok(())
}

async fn keep_one(
    transaction: &mut Transaction<'_>,
    entry: &AuditEntry,
    place: &Place,
) -> Result<(), StoreError> {
    let named = || format!("the entry of the audit at {}", entry.at);
    if moment::day(entry.at).is_none() {
        let why = "a DATETIME has years 1000 to 9999".to_owned();
        return Err(StoreError::BadRow { row: named(), why });
    }
    transaction
        .exec_drop(
            "INSERT INTO audit (mark, at, who, how, peer, what, status, times)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?)
             ON DUPLICATE KEY UPDATE mark = VALUES(mark)",
            vec![
                (&*entry.id).into(),
                moment::datetime(entry.at),
                entry.who.as_deref().into(),
                (&*entry.how).into(),
                entry.peer.as_deref().into(),
                (&*entry.what).into(),
                Value::UInt(entry.status.into()),
                Value::Int(row::signed(entry.times)),
            ],
        )
        .await
        .map_err(|error| place.row_fault("keep an entry of the audit", named, error))
}

/// Entries of a span, newest first.
pub(super) async fn read(
    pools: &Pools,
    span: Span,
    limit: usize,
) -> Result<Vec<AuditEntry>, StoreError> {
    let mut conn = pools.reader().await?;
    let params = vec![
        moment::datetime(span.from),
        moment::datetime(span.to),
        Value::UInt(u64::try_from(limit).unwrap_or(u64::MAX)),
    ];
    let rows: Vec<Row> = conn
        .exec(
            "SELECT mark, at, who, how, peer, what, status, times FROM audit
             WHERE at >= ? AND at < ? ORDER BY at DESC, id DESC LIMIT ?",
            params,
        )
        .await
        .map_err(pools.place.fault("read the audit"))?;
    let entry = |row| from_cells(&RowReader::new(row, &pools.place, "an entry of the audit"));
    rows.into_iter().map(entry).collect()
}

fn from_cells(cells: &RowReader<'_>) -> Result<AuditEntry, StoreError> {
    Ok(AuditEntry {
        id: cells.required_text(0)?.into(),
        at: cells.required_moment(1)?,
        who: cells.text(2)?.map(Into::into),
        how: cells.required_text(3)?.into(),
        peer: cells.text(4)?.map(Into::into),
        what: cells.required_text(5)?.into(),
        status: u16::try_from(cells.required_int(6)?).unwrap_or_default(),
        times: cells.required_int(7)?.unsigned_abs(),
    })
}
