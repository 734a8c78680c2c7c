//! The tables `alert` and `alert_event`: the alarms as they are now, and how they came to it.
//!
//! A storm changes thousands with one batch: each statement has many rows, so that the transaction does
//! not wait for the network with every one.

use mysql_async::{Row, Transaction, Value, prelude::Queryable as _};

use super::{audit, cells::RowReader, deliveries, fault::Place, moment, pools::Pools};
use crate::{
    model::{Alarm, AlarmCause, AlarmEvent, AlarmKey, AlarmState, ContentHash, HostId, Severity},
    store::{AlarmsOf, Batch, ReadOrder, Span, StoreError, row},
    units::WallMs,
};

/// Rows that one statement has at most.
const ROWS: usize = 100;

const KEEPING: &str = "keep alarms";

/// Keeps the alarms of a batch, their changes, and what became of messages about them: an alarm unless a
/// later poll of it is known, and not one that is ok; the others once.
pub(super) async fn keep(
    transaction: &mut Transaction<'_>,
    batch: &Batch,
    place: &Place,
) -> Result<(), StoreError> {
    let (over, left): (Vec<&Alarm>, Vec<_>) =
        row::newest(&batch.alarms).into_iter().partition(|alarm| alarm.state == AlarmState::Ok);
    for alarm in &batch.alarms {
        let moments = [alarm.since, alarm.slot, alarm.known];
        check(&alarm.key, moments.into_iter().chain(alarm.fired))?;
    }
    for event in &batch.alarm_events {
        check(&event.key, [event.slot, event.at])?;
    }
    let named = |keys: &[&AlarmKey]| match keys {
        [one] => row::alarm_name(one),
        many => format!("one of {} alarms", many.len()),
    };
    for some in over.chunks(ROWS) {
        let which = "(rule = ? AND host_id = ? AND row_hash = ? AND slot <= ?)";
        let sql = format!("DELETE FROM alert WHERE {}", vec![which; some.len()].join(" OR "));
        let values = some.iter().flat_map(|alarm| {
            let [rule, host, hash, _] = identity(&alarm.key);
            [rule, host, hash, moment::datetime(alarm.slot)]
        });
        let keys: Vec<_> = some.iter().map(|alarm| &alarm.key).collect();
        run(transaction, sql, values.collect(), || named(&keys), place).await?;
    }
    for some in left.chunks(ROWS) {
        let places = vec!["(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"; some.len()].join(", ");
        let sql = format!("{}{places}{}", KEEP.0, *KEEP.1);
        let values = some.iter().flat_map(|alarm| bound(alarm)).collect();
        let keys: Vec<_> = some.iter().map(|alarm| &alarm.key).collect();
        run(transaction, sql, values, || named(&keys), place).await?;
    }
    for some in batch.alarm_events.chunks(ROWS) {
        let places = vec!["(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"; some.len()].join(", ");
        let sql = format!(
            "INSERT INTO alert_event
               (rule, host_id, row_hash, row_key, slot, from_state, to_state, at, cause, severity,
                value, summary)
             VALUES {places} ON DUPLICATE KEY UPDATE slot = VALUES(slot)"
        );
        let values = some.iter().flat_map(bound_event).collect();
        let keys: Vec<_> = some.iter().map(|event| &event.key).collect();
        run(transaction, sql, values, || named(&keys), place).await?;
    }
    deliveries::keep(transaction, &batch.deliveries, place).await?;
    audit::keep(transaction, &batch.audit, place).await
}

async fn run(
    transaction: &mut Transaction<'_>,
    sql: String,
    values: Vec<Value>,
    named: impl FnOnce() -> String,
    place: &Place,
) -> Result<(), StoreError> {
    let done = transaction.exec_drop(sql, values).await;
    done.map_err(|error| place.row_fault(KEEPING, named, error))
}

fn check(key: &AlarmKey, moments: impl IntoIterator<Item = WallMs>) -> Result<(), StoreError> {
    if moments.into_iter().all(|at| moment::day(at).is_some()) {
        return Ok(());
    }
    let why = "a DATETIME has years 1000 to 9999".to_owned();
    Err(StoreError::BadRow { row: row::alarm_name(key), why })
}

/// Before and after the places of an alarm. Assignments are made from left to right and see those before
/// them: what the condition is about comes last.
static KEEP: (&str, std::sync::LazyLock<String>) = (
    "INSERT INTO alert
       (rule, host_id, row_hash, row_key, state, severity, since, fired, slot, polls, known, value,
        rule_hash)
     VALUES ",
    std::sync::LazyLock::new(|| {
        let columns =
            ["state", "severity", "since", "fired", "polls", "known", "value", "rule_hash", "slot"];
        let newer = columns
            .map(|name| format!("{name} = IF(VALUES(slot) >= slot, VALUES({name}), {name})"));
        format!(" ON DUPLICATE KEY UPDATE {}", newer.join(", "))
    }),
);

/// The columns that both tables begin with.
fn identity(AlarmKey { rule, host, row }: &AlarmKey) -> [Value; 4] {
    let hash = ContentHash::of(row.as_bytes());
    [(&**rule).into(), Value::Int(host.0), hash.as_str().into(), (&**row).into()]
}

fn bound(alarm: &Alarm) -> Vec<Value> {
    let rest = [
        alarm.state.as_str().into(),
        alarm.severity.as_str().into(),
        moment::datetime(alarm.since),
        moment::optional(alarm.fired),
        moment::datetime(alarm.slot),
        Value::UInt(alarm.polls.into()),
        moment::datetime(alarm.known),
        row::finite(alarm.value).into(),
        Value::UInt(alarm.rule_hash),
    ];
    identity(&alarm.key).into_iter().chain(rest).collect()
}

fn bound_event(event: &AlarmEvent) -> Vec<Value> {
    let rest = [
        moment::datetime(event.slot),
        event.from.as_str().into(),
        event.to.as_str().into(),
        moment::datetime(event.at),
        event.cause.as_str().into(),
        event.severity.as_str().into(),
        row::finite(event.value).into(),
        (&*event.summary).into(),
    ];
    identity(&event.key).into_iter().chain(rest).collect()
}

/// Every alarm that is not ok, by its key. Sorted here: a server sorts rows of long texts in a buffer that
/// may be too small for them.
pub(super) async fn read(pools: &Pools) -> Result<Vec<Alarm>, StoreError> {
    let mut conn = pools.reader().await?;
    let rows: Vec<Row> = conn
        .exec(
            "SELECT rule, host_id, row_key, state, severity, since, fired, slot, polls, known, value,
               CAST(rule_hash AS CHAR)
             FROM alert",
            (),
        )
        .await
        .map_err(pools.place.fault("read alarms"))?;
    let rows = rows.into_iter().map(|row| alarm(&RowReader::new(row, &pools.place, "an alarm")));
    let mut alarms = rows.collect::<Result<Vec<_>, _>>()?;
    alarms.sort_by(|one, other| one.key.cmp(&other.key));
    Ok(alarms)
}

/// Changes of alarms in a span. The database sorts their ids alone, see [`read`].
pub(super) async fn events(
    pools: &Pools,
    AlarmsOf { host, rule }: AlarmsOf,
    span: Span,
    order: ReadOrder,
    limit: usize,
) -> Result<Vec<AlarmEvent>, StoreError> {
    let mut conn = pools.reader().await?;
    // Two texts and not one with "? IS NULL OR": each uses its own index.
    let whose = if host.is_some() { "host_id = ?" } else { "? IS NULL" };
    let which = if rule.is_some() { "rule = ?" } else { "? IS NULL" };
    let direction = match order {
        ReadOrder::OldestFirst => "ASC",
        ReadOrder::NewestFirst => "DESC",
    };
    let sql = format!(
        "SELECT e.rule, e.host_id, e.row_key, e.slot, e.at, e.from_state, e.to_state, e.cause,
           e.severity, e.value, e.summary, e.id
         FROM (SELECT id FROM alert_event WHERE {whose} AND {which} AND slot >= ? AND slot < ?
               ORDER BY slot {direction}, id {direction} LIMIT ?) found
         JOIN alert_event e ON e.id = found.id"
    );
    let params = vec![
        host.map(|host| host.0).into(),
        rule.as_deref().into(),
        moment::datetime(span.from),
        moment::datetime(span.to),
        Value::UInt(u64::try_from(limit).unwrap_or(u64::MAX)),
    ];
    let rows: Vec<Row> =
        conn.exec(sql, params).await.map_err(pools.place.fault("read changes of alarms"))?;
    let what = "a change of an alarm";
    let mut found = Vec::with_capacity(rows.len());
    for row in rows {
        let cells = RowReader::new(row, &pools.place, what);
        found.push((cells.required_int(11)?, event(&cells)?));
    }
    found.sort_by_key(|(id, event)| (event.slot, *id));
    if order == ReadOrder::NewestFirst {
        found.reverse();
    }
    Ok(found.into_iter().map(|(_, event)| event).collect())
}

fn key(cells: &RowReader<'_>) -> Result<AlarmKey, StoreError> {
    Ok(AlarmKey {
        rule: cells.required_text(0)?.into(),
        host: HostId(cells.required_int(1)?),
        row: cells.required_text(2)?.into(),
    })
}

fn alarm(cells: &RowReader<'_>) -> Result<Alarm, StoreError> {
    let polls = cells.required_int(8)?;
    Ok(Alarm {
        key: key(cells)?,
        state: cells.word(3, "state of an alarm", AlarmState::parse)?,
        severity: cells.word(4, "severity", Severity::parse)?,
        since: cells.required_moment(5)?,
        fired: cells.moment(6)?,
        slot: cells.required_moment(7)?,
        polls: u32::try_from(polls).map_err(|_| cells.unreadable(8, "number of polls"))?,
        known: cells.required_moment(9)?,
        value: cells.number(10)?,
        // As text: half of all hashes are more than the largest signed number.
        rule_hash: cells.word(11, "hash of a rule", |text| text.parse().ok())?,
    })
}

fn event(cells: &RowReader<'_>) -> Result<AlarmEvent, StoreError> {
    Ok(AlarmEvent {
        key: key(cells)?,
        slot: cells.required_moment(3)?,
        at: cells.required_moment(4)?,
        from: cells.word(5, "state of an alarm", AlarmState::parse)?,
        to: cells.word(6, "state of an alarm", AlarmState::parse)?,
        cause: cells.word(7, "cause", AlarmCause::parse)?,
        severity: cells.word(8, "severity", Severity::parse)?,
        value: cells.number(9)?,
        summary: cells.required_text(10)?.into(),
    })
}
