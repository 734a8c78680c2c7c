//! The table `loss`: what was made and could not be kept.

use mysql_async::{Row, Transaction, Value, prelude::Queryable as _};

use super::{cells::RowReader, fault::Place, moment, pools::Pools};
use crate::{
    model::{Loss, LossReason},
    store::{Span, StoreError, row},
};

/// Keeps a loss, once.
pub(super) async fn insert(
    transaction: &mut Transaction<'_>,
    loss: &Loss,
    place: &Place,
) -> Result<(), StoreError> {
    let named = || format!("the loss noted at {}", loss.noted_at);
    if [loss.from, loss.to, loss.noted_at].into_iter().any(|at| moment::day(at).is_none()) {
        let why = "a DATETIME has years 1000 to 9999".to_owned();
        return Err(StoreError::BadRow { row: named(), why });
    }
    transaction
        .exec_drop(
            "INSERT INTO loss (noted_at, reason, from_ts, to_ts, hosts, polls)
             VALUES (?, ?, ?, ?, ?, ?)
             ON DUPLICATE KEY UPDATE polls = VALUES(polls)",
            vec![
                moment::datetime(loss.noted_at),
                loss.reason.as_str().into(),
                moment::datetime(loss.from),
                moment::datetime(loss.to),
                Value::Int(row::signed(loss.hosts)),
                Value::Int(row::signed(loss.polls)),
            ],
        )
        .await
        .map_err(|error| place.row_fault("keep a loss", named, error))
}

/// Losses that touch a span.
pub(super) async fn read(pools: &Pools, span: Span, limit: usize) -> Result<Vec<Loss>, StoreError> {
    let mut conn = pools.reader().await?;
    let params = vec![
        moment::datetime(span.from),
        moment::datetime(span.to),
        Value::UInt(u64::try_from(limit).unwrap_or(u64::MAX)),
    ];
    let rows: Vec<Row> = conn
        .exec(
            "SELECT noted_at, reason, from_ts, to_ts, hosts, polls FROM loss
             WHERE to_ts >= ? AND from_ts < ? ORDER BY from_ts, noted_at, reason LIMIT ?",
            params,
        )
        .await
        .map_err(pools.place.fault("read losses"))?;
    rows.into_iter().map(|row| from_cells(&RowReader::new(row, &pools.place, "a loss"))).collect()
}

fn from_cells(cells: &RowReader<'_>) -> Result<Loss, StoreError> {
    Ok(Loss {
        noted_at: cells.required_moment(0)?,
        reason: cells.word(1, "reason", LossReason::parse)?,
        from: cells.required_moment(2)?,
        to: cells.required_moment(3)?,
        hosts: cells.required_int(4)?.unsigned_abs(),
        polls: cells.required_int(5)?.unsigned_abs(),
    })
}
