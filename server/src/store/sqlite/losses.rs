//! The table `loss`: what was made and could not be kept.

use rusqlite::{Connection, Error, Row, Transaction, params};

use super::fault::{fault, unreadable};
use crate::{
    model::{Loss, LossReason},
    store::{Span, StoreError, row},
    units::WallMs,
};

/// Keeps a loss, once.
pub(super) fn insert(transaction: &Transaction<'_>, loss: &Loss) -> Result<(), Error> {
    transaction
        .prepare_cached(
            "INSERT INTO loss (noted_at_ms, reason, from_ms, to_ms, hosts, polls)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT (noted_at_ms, reason, from_ms) DO NOTHING",
        )?
        .execute(params![
            loss.noted_at.0,
            loss.reason.as_str(),
            loss.from.0,
            loss.to.0,
            row::signed(loss.hosts),
            row::signed(loss.polls),
        ])
        .map(drop)
}

/// Losses that touch a span.
pub(super) fn read(
    connection: &Connection,
    span: Span,
    limit: usize,
) -> Result<Vec<Loss>, StoreError> {
    let failed = fault(connection, "read losses");
    let mut statement = connection
        .prepare_cached(
            "SELECT noted_at_ms, reason, from_ms, to_ms, hosts, polls FROM loss
             WHERE to_ms >= ?1 AND from_ms < ?2 ORDER BY from_ms, noted_at_ms, reason LIMIT ?3",
        )
        .map_err(&failed)?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows =
        statement.query_map(params![span.from.0, span.to.0, limit], from_row).map_err(&failed)?;
    rows.collect::<Result<_, _>>().map_err(&failed)
}

fn from_row(row: &Row<'_>) -> Result<Loss, Error> {
    let reason = row.get_ref(1)?.as_str()?;
    let reason = LossReason::parse(reason).ok_or_else(|| unreadable(1, "reason", reason))?;
    Ok(Loss {
        noted_at: WallMs(row.get(0)?),
        reason,
        from: WallMs(row.get(2)?),
        to: WallMs(row.get(3)?),
        hosts: row.get::<_, i64>(4)?.unsigned_abs(),
        polls: row.get::<_, i64>(5)?.unsigned_abs(),
    })
}
