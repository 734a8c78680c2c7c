//! The table `event`: transitions in and out, and the host's state that they leave.

use rusqlite::{Connection, Error, Row, Transaction, params};

use super::{
    fault::{fault, row_fault, unreadable},
    record,
};
use crate::{
    model::{Cause, HostId, HostName, Outcome, Transition},
    store::{ReadOrder, Span, StoreError},
    units::WallMs,
};

/// Keeps a transition, once, and the state it leads to, unless a later one is known.
pub(super) fn insert(
    transaction: &Transaction<'_>,
    transition: &Transition,
) -> Result<(), StoreError> {
    const DOING: &str = "keep a transition";
    let failed = fault(transaction, DOING);
    let row = || format!("the transition of {} at {}", transition.name, transition.at);
    let new = transaction
        .prepare_cached(
            "INSERT INTO event
               (host_id, at_ms, from_state, to_state, host_name, cause, outcome, reason, slot_ms)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
             ON CONFLICT (host_id, coalesce(slot_ms, at_ms), from_state, to_state) DO NOTHING",
        )
        .map_err(&failed)?
        .execute(params![
            transition.host.0,
            transition.at.0,
            transition.from.as_str(),
            transition.to.as_str(),
            transition.name.as_str(),
            transition.cause.as_str(),
            transition.outcome.map(Outcome::as_str),
            &*transition.reason,
            transition.slot.map(|slot| slot.0),
        ])
        .map_err(|error| row_fault(transaction, DOING, row, error))?;
    if new == 0 || transition.from == transition.to {
        return Ok(());
    }
    transaction
        .prepare_cached(
            "UPDATE host SET state = ?2, state_since_ms = ?3
             WHERE id = ?1 AND coalesce(state_since_ms <= ?3, 1)",
        )
        .and_then(|mut statement| {
            statement.execute(params![transition.host.0, transition.to.as_str(), transition.at.0])
        })
        .map_err(&failed)?;
    Ok(())
}

/// Transitions in a span.
pub(super) fn read(
    connection: &Connection,
    host: Option<HostId>,
    span: Span,
    order: ReadOrder,
    limit: usize,
) -> Result<Vec<Transition>, StoreError> {
    let failed = fault(connection, "read transitions");
    // Two texts and not one with "?1 IS NULL OR": each uses its own index.
    let whose = if host.is_some() { "host_id = ?1" } else { "?1 IS NULL" };
    let order = match order {
        ReadOrder::OldestFirst => "at_ms, id",
        ReadOrder::NewestFirst => "at_ms DESC, id DESC",
    };
    let sql = format!(
        "SELECT host_id, host_name, at_ms, from_state, to_state, cause, outcome, reason, slot_ms
         FROM event
         WHERE {whose} AND at_ms >= ?2 AND at_ms < ?3 ORDER BY {order} LIMIT ?4"
    );
    let mut statement = connection.prepare_cached(&sql).map_err(&failed)?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = statement
        .query_map(params![host.map(|h| h.0), span.from.0, span.to.0, limit], from_row)
        .map_err(&failed)?;
    rows.collect::<Result<_, _>>().map_err(&failed)
}

fn from_row(row: &Row<'_>) -> Result<Transition, Error> {
    let name = row.get_ref(1)?.as_str()?;
    let cause = row.get_ref(5)?.as_str()?;
    let outcome = row.get_ref(6)?.as_str_or_null()?;
    Ok(Transition {
        host: HostId(row.get(0)?),
        name: HostName::new(name).map_err(|_bad| unreadable(1, "host name", name))?,
        at: WallMs(row.get(2)?),
        slot: row.get::<_, Option<i64>>(8)?.map(WallMs),
        from: record::state(row, 3)?,
        to: record::state(row, 4)?,
        cause: Cause::parse(cause).ok_or_else(|| unreadable(5, "cause", cause))?,
        outcome: outcome
            .map(|word| Outcome::parse(word).ok_or_else(|| unreadable(6, "outcome", word)))
            .transpose()?,
        reason: row.get(7)?,
    })
}
