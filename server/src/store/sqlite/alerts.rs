//! The tables `alert` and `alert_event`: the alarms as they are now, and how they came to it.

use rusqlite::{Connection, Error, Row, Transaction, params};

use super::fault::{fault, row_fault, unreadable};
use crate::{
    model::{Alarm, AlarmCause, AlarmEvent, AlarmKey, AlarmState, HostId, Severity},
    store::{AlarmsOf, ReadOrder, Span, StoreError, row},
    units::WallMs,
};

/// Keeps an alarm, unless a later poll of it is known; one that is ok is a row no longer.
pub(super) fn keep(transaction: &Transaction<'_>, alarm: &Alarm) -> Result<(), StoreError> {
    const DOING: &str = "keep an alarm";
    let failed = |error| row_fault(transaction, DOING, || row::alarm_name(&alarm.key), error);
    let AlarmKey { rule, host, row } = &alarm.key;
    if alarm.state == AlarmState::Ok {
        return transaction
            .prepare_cached(
                "DELETE FROM alert
                 WHERE rule = ?1 AND host_id = ?2 AND row_key = ?3 AND slot_ms <= ?4",
            )
            .and_then(|mut gone| gone.execute(params![&**rule, host.0, &**row, alarm.slot.0]))
            .map(drop)
            .map_err(failed);
    }
    transaction
        .prepare_cached(
            "INSERT INTO alert
               (rule, host_id, row_key, state, severity, since_ms, fired_ms, slot_ms, polls, known_ms,
                value, rule_hash)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
             ON CONFLICT (rule, host_id, row_key) DO UPDATE SET
               state = excluded.state, severity = excluded.severity, since_ms = excluded.since_ms,
               fired_ms = excluded.fired_ms, slot_ms = excluded.slot_ms, polls = excluded.polls,
               known_ms = excluded.known_ms, value = excluded.value, rule_hash = excluded.rule_hash
             WHERE excluded.slot_ms >= alert.slot_ms",
        )
        .map_err(fault(transaction, DOING))?
        .execute(params![
            &**rule,
            host.0,
            &**row,
            alarm.state.as_str(),
            alarm.severity.as_str(),
            alarm.since.0,
            alarm.fired.map(|at| at.0),
            alarm.slot.0,
            alarm.polls,
            alarm.known.0,
            row::finite(alarm.value),
            alarm.rule_hash.cast_signed(),
        ])
        .map(drop)
        .map_err(failed)
}

/// Keeps a change of an alarm, once.
pub(super) fn note(transaction: &Transaction<'_>, event: &AlarmEvent) -> Result<(), StoreError> {
    const DOING: &str = "keep a change of an alarm";
    transaction
        .prepare_cached(
            "INSERT INTO alert_event
               (host_id, slot_ms, rule, row_key, from_state, to_state, at_ms, cause, severity, value,
                summary)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
             ON CONFLICT (host_id, slot_ms, rule, row_key, to_state) DO NOTHING",
        )
        .map_err(fault(transaction, DOING))?
        .execute(params![
            event.key.host.0,
            event.slot.0,
            &*event.key.rule,
            &*event.key.row,
            event.from.as_str(),
            event.to.as_str(),
            event.at.0,
            event.cause.as_str(),
            event.severity.as_str(),
            row::finite(event.value),
            &*event.summary,
        ])
        .map(drop)
        .map_err(|error| row_fault(transaction, DOING, || row::alarm_name(&event.key), error))
}

/// Every alarm that is not ok, by its key.
pub(super) fn read(connection: &Connection) -> Result<Vec<Alarm>, StoreError> {
    let failed = fault(connection, "read alarms");
    let mut statement = connection
        .prepare_cached(
            "SELECT rule, host_id, row_key, state, severity, since_ms, fired_ms, slot_ms, polls,
               known_ms, value, rule_hash
             FROM alert ORDER BY rule, host_id, row_key",
        )
        .map_err(&failed)?;
    let rows = statement.query_map([], alarm).map_err(&failed)?;
    rows.collect::<Result<_, _>>().map_err(&failed)
}

/// Changes of alarms in a span.
pub(super) fn events(
    connection: &Connection,
    AlarmsOf { host, rule }: &AlarmsOf,
    span: Span,
    order: ReadOrder,
    limit: usize,
) -> Result<Vec<AlarmEvent>, StoreError> {
    let failed = fault(connection, "read changes of alarms");
    // Two texts and not one with "?1 IS NULL OR": each uses its own index.
    let whose = if host.is_some() { "host_id = ?1" } else { "?1 IS NULL" };
    let which = if rule.is_some() { "rule = ?5" } else { "?5 IS NULL" };
    let order = match order {
        ReadOrder::OldestFirst => "slot_ms, id",
        ReadOrder::NewestFirst => "slot_ms DESC, id DESC",
    };
    let sql = format!(
        "SELECT rule, host_id, row_key, slot_ms, at_ms, from_state, to_state, cause, severity, value,
           summary
         FROM alert_event
         WHERE {whose} AND {which} AND slot_ms >= ?2 AND slot_ms < ?3 ORDER BY {order} LIMIT ?4"
    );
    let mut statement = connection.prepare_cached(&sql).map_err(&failed)?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = statement
        .query_map(
            params![host.map(|h| h.0), span.from.0, span.to.0, limit, rule.as_deref()],
            event,
        )
        .map_err(&failed)?;
    rows.collect::<Result<_, _>>().map_err(&failed)
}

fn key(row: &Row<'_>) -> Result<AlarmKey, Error> {
    Ok(AlarmKey { rule: row.get(0)?, host: HostId(row.get(1)?), row: row.get(2)? })
}

fn word<T>(
    row: &Row<'_>,
    column: usize,
    what: &'static str,
    parse: impl FnOnce(&str) -> Option<T>,
) -> Result<T, Error> {
    let word = row.get_ref(column)?.as_str()?;
    parse(word).ok_or_else(|| unreadable(column, what, word))
}

fn alarm(row: &Row<'_>) -> Result<Alarm, Error> {
    Ok(Alarm {
        key: key(row)?,
        state: word(row, 3, "state of an alarm", AlarmState::parse)?,
        severity: word(row, 4, "severity", Severity::parse)?,
        since: WallMs(row.get(5)?),
        fired: row.get::<_, Option<i64>>(6)?.map(WallMs),
        slot: WallMs(row.get(7)?),
        polls: row.get(8)?,
        known: WallMs(row.get(9)?),
        value: row.get(10)?,
        rule_hash: row.get::<_, i64>(11)?.cast_unsigned(),
    })
}

fn event(row: &Row<'_>) -> Result<AlarmEvent, Error> {
    Ok(AlarmEvent {
        key: key(row)?,
        slot: WallMs(row.get(3)?),
        at: WallMs(row.get(4)?),
        from: word(row, 5, "state of an alarm", AlarmState::parse)?,
        to: word(row, 6, "state of an alarm", AlarmState::parse)?,
        cause: word(row, 7, "cause", AlarmCause::parse)?,
        severity: word(row, 8, "severity", Severity::parse)?,
        value: row.get(9)?,
        summary: row.get(10)?,
    })
}
