//! The table `notice`: what is to be told, and how far that has come.

use rusqlite::{Connection, Error, OptionalExtension as _, Row, Transaction, params};

use super::fault::{fault, row_fault, unreadable};
use crate::{
    model::{HostId, Notice, NoticeKind, NoticeState},
    store::StoreError,
    units::WallMs,
};

/// Keeps a notice; of one that is kept already the row that is further.
pub(super) fn keep(transaction: &Transaction<'_>, notice: &Notice) -> Result<(), StoreError> {
    const DOING: &str = "keep a notice";
    transaction
        .prepare_cached(
            "INSERT INTO notice
               (receiver, id, host_id, event_ms, kind, body, created_ms, state, attempts,
                next_try_ms, last_error, ended_ms)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
             ON CONFLICT (receiver, id) DO UPDATE SET
               state = excluded.state, attempts = excluded.attempts,
               next_try_ms = excluded.next_try_ms, last_error = excluded.last_error,
               ended_ms = excluded.ended_ms
             WHERE notice.state = 'pending'
               AND (excluded.state <> 'pending' OR excluded.attempts > notice.attempts)",
        )
        .map_err(fault(transaction, DOING))?
        .execute(params![
            &*notice.receiver,
            &*notice.id,
            notice.host.0,
            notice.event.0,
            notice.kind.as_str(),
            &*notice.body,
            notice.created.0,
            notice.state.as_str(),
            notice.attempts,
            notice.next_try.0,
            notice.last_error.as_deref(),
            notice.ended.map(|at| at.0),
        ])
        .map(drop)
        .map_err(|error| {
            row_fault(transaction, DOING, || format!("the notice {}", notice.id), error)
        })
}

/// Notices of a receiver that wait, in the order in which they were kept: a clock may be set back.
pub(super) fn pending(
    connection: &Connection,
    receiver: &str,
    limit: usize,
) -> Result<Vec<Notice>, StoreError> {
    let failed = fault(connection, "read notices");
    let mut statement = connection
        .prepare_cached(
            "SELECT receiver, id, host_id, event_ms, kind, body, created_ms, state, attempts,
               next_try_ms, last_error, ended_ms
             FROM notice WHERE receiver = ?1 AND state = 'pending' ORDER BY seq LIMIT ?2",
        )
        .map_err(&failed)?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = statement.query_map(params![receiver, limit], from_row).map_err(&failed)?;
    rows.collect::<Result<_, _>>().map_err(&failed)
}

/// What the receiver was last told of a subject: the ids of its notices begin with it, and have two more
/// parts.
pub(super) fn last_told(
    connection: &Connection,
    receiver: &str,
    host: HostId,
    subject: &str,
) -> Result<Option<NoticeKind>, StoreError> {
    let slashes = i64::try_from(subject.matches('/').count() + 2).unwrap_or(i64::MAX);
    connection
        .prepare_cached(
            "SELECT kind FROM notice WHERE receiver = ?1 AND host_id = ?2 AND state = 'delivered'
               AND substr(id, 1, length(?3) + 1) = ?3 || '/'
               AND length(id) - length(replace(id, '/', '')) = ?4
             ORDER BY seq DESC LIMIT 1",
        )
        .and_then(|mut found| {
            found
                .query_row(params![receiver, host.0, subject, slashes], |row| kind(row, 0))
                .optional()
        })
        .map_err(fault(connection, "read notices"))
}

fn kind(row: &Row<'_>, column: usize) -> Result<NoticeKind, Error> {
    let word = row.get_ref(column)?.as_str()?;
    NoticeKind::parse(word).ok_or_else(|| unreadable(column, "kind of notice", word))
}

fn from_row(row: &Row<'_>) -> Result<Notice, Error> {
    let state = row.get_ref(7)?.as_str()?;
    Ok(Notice {
        receiver: row.get(0)?,
        id: row.get(1)?,
        host: HostId(row.get(2)?),
        event: WallMs(row.get(3)?),
        kind: kind(row, 4)?,
        body: row.get(5)?,
        created: WallMs(row.get(6)?),
        state: NoticeState::parse(state).ok_or_else(|| unreadable(7, "state", state))?,
        attempts: row.get(8)?,
        next_try: WallMs(row.get(9)?),
        last_error: row.get(10)?,
        ended: row.get::<_, Option<i64>>(11)?.map(WallMs),
    })
}
