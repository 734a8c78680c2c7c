//! The table `audit`: what somebody asked to be changed.

use rusqlite::{Connection, Error, Row, Transaction, params};

use super::fault::fault;
use crate::{
    model::AuditEntry,
    store::{Span, StoreError, row},
    units::WallMs,
};

/// Keeps an entry, once.
pub(super) fn insert(transaction: &Transaction<'_>, entry: &AuditEntry) -> Result<(), Error> {
    transaction
        .prepare_cached(
            "INSERT INTO audit (mark, at_ms, who, how, peer, what, status, times)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
             ON CONFLICT (mark) DO NOTHING",
        )?
        .execute(params![
            &*entry.id,
            entry.at.0,
            entry.who.as_deref(),
            &*entry.how,
            entry.peer.as_deref(),
            &*entry.what,
            entry.status,
            row::signed(entry.times),
        ])
        .map(drop)
}

/// Entries of a span, newest first.
pub(super) fn read(
    connection: &Connection,
    span: Span,
    limit: usize,
) -> Result<Vec<AuditEntry>, StoreError> {
    let failed = fault(connection, "read the audit");
    let mut statement = connection
        .prepare_cached(
            "SELECT mark, at_ms, who, how, peer, what, status, times FROM audit
             WHERE at_ms >= ?1 AND at_ms < ?2 ORDER BY at_ms DESC, id DESC LIMIT ?3",
        )
        .map_err(&failed)?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows =
        statement.query_map(params![span.from.0, span.to.0, limit], from_row).map_err(&failed)?;
    rows.collect::<Result<_, _>>().map_err(&failed)
}

fn from_row(row: &Row<'_>) -> Result<AuditEntry, Error> {
    let text = |at| row.get::<_, String>(at).map(Into::into);
    let maybe = |at| Ok::<_, Error>(row.get::<_, Option<String>>(at)?.map(Into::into));
    Ok(AuditEntry {
        id: text(0)?,
        at: WallMs(row.get(1)?),
        who: maybe(2)?,
        how: text(3)?,
        peer: maybe(4)?,
        what: text(5)?,
        status: row.get(6)?,
        times: row.get::<_, i64>(7)?.unsigned_abs(),
    })
}
