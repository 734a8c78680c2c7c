//! Retention: what is too old goes, a little at a time.
//!
//! The room is used again by new rows; what of it is too much is given back (`vacuum`).

use rusqlite::{Connection, Error, OptionalExtension, TransactionBehavior, params};

use super::fault::fault;
use crate::{
    store::{PruneReach, Retention, StoreError},
    units::WallMs,
};

/// Rows that one transaction takes out at most: some milliseconds of work.
const ROWS: usize = 500;

/// Packed hours that one transaction takes out at most.
const PACKED_HOURS: usize = 50;

/// Hosts that one transaction looks at, at most.
const HOSTS: usize = 500;

/// Where pruning is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PruneStep {
    /// At the polls of the first host after this number.
    PollsAfter(i64),
    /// At the packed polls of the first host after this number.
    PackedAfter(i64),
    /// At the transitions.
    Events,
    /// At what is known of losses, which is kept as long.
    Losses,
    /// At the notices that are over, which are kept as long.
    Notices,
    /// At the changes of alarms, too.
    AlarmEvents,
    /// At what became of messages, too.
    Deliveries,
    /// At annotations, too.
    Annotations,
    /// At what somebody asked to be changed, too.
    Audit,
    /// At summaries.
    Summaries,
    /// At the hours in short of the first host after this number.
    RollupsAfter(i64),
}

impl PruneStep {
    pub(super) fn first() -> Self {
        Self::PollsAfter(i64::MIN)
    }
}

/// What a step did, and what is to be done next.
#[derive(Debug)]
pub(super) struct PruneProgress {
    pub(super) polls: u64,
    pub(super) events: u64,
    pub(super) next: Option<PruneStep>,
}

/// The oldest of each: looked up in the key, host by host, without reading the rows.
const OLDEST: [&str; 4] = [
    "SELECT min(at) FROM (
       SELECT min((SELECT slot_ms FROM poll WHERE host_id = host.id ORDER BY slot_ms LIMIT 1)) AS at
       FROM host
       UNION ALL
       SELECT min((SELECT first_ms FROM poll_hour WHERE host_id = host.id ORDER BY hour_ms LIMIT 1))
       FROM host)",
    "SELECT min(at) FROM (SELECT min(at_ms) AS at FROM event
     UNION ALL SELECT min(noted_at_ms) FROM loss
     UNION ALL SELECT min(slot_ms) FROM alert_event
     UNION ALL SELECT min(ended_ms) FROM delivery
     UNION ALL SELECT min(at_ms) FROM annotation
     UNION ALL SELECT min(at_ms) FROM audit)",
    "SELECT min(day_ms) FROM summary_day",
    "SELECT min((SELECT hour_ms FROM rollup_hour WHERE host_id = host.id ORDER BY hour_ms LIMIT 1))
     FROM host",
];

/// How far one run may go.
pub(super) fn reach(connection: &Connection) -> Result<PruneReach, StoreError> {
    let oldest = OLDEST.map(|sql| {
        let oldest = connection.query_row(sql, [], |row| row.get::<_, Option<i64>>(0));
        oldest.map(|ms| PruneReach::from(ms.map(WallMs))).map_err(fault(connection, "prune"))
    });
    let [polls, events, summaries, rollups] = oldest;
    Ok(PruneReach { polls: polls?, events: events?, summaries: summaries?, rollups: rollups? })
}

/// Takes one step in a transaction of its own.
pub(super) fn take(
    connection: &mut Connection,
    step: PruneStep,
    before: Retention,
) -> Result<PruneProgress, StoreError> {
    let failed = fault(connection, "prune");
    let transaction =
        connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(&failed)?;
    let done = match step {
        PruneStep::PollsAfter(host) => polls(&transaction, host, before.polls.0),
        PruneStep::PackedAfter(host) => packed(&transaction, host, before.polls.0),
        PruneStep::Events => events(&transaction, before.events.0),
        PruneStep::Losses => losses(&transaction, before.events.0),
        PruneStep::Notices => notices(&transaction, before.events.0),
        PruneStep::AlarmEvents => alarm_events(&transaction, before.events.0),
        PruneStep::Deliveries => deliveries(&transaction, before.events.0),
        PruneStep::Annotations => annotations(&transaction, before.events.0),
        PruneStep::Audit => audit(&transaction, before.events.0),
        PruneStep::Summaries => summaries(&transaction, before.summaries.0),
        PruneStep::RollupsAfter(host) => rollups(&transaction, host, before.rollups.0),
    }
    .map_err(&failed)?;
    transaction.commit().map_err(&failed)?;
    Ok(done)
}

pub(super) fn polls(
    connection: &Connection,
    after: i64,
    before_ms: i64,
) -> Result<PruneProgress, Error> {
    let done = take_polls(connection, after, before_ms)?;
    if done.polls > 0 {
        connection
            .prepare_cached("UPDATE seal SET unsealed = unsealed - ?1 WHERE id = 1")?
            .execute([i64::try_from(done.polls).unwrap_or(i64::MAX)])?;
    }
    Ok(done)
}

fn take_polls(
    connection: &Connection,
    mut after: i64,
    before_ms: i64,
) -> Result<PruneProgress, Error> {
    let mut room = ROWS;
    for _ in 0..HOSTS {
        let next: Option<i64> = connection
            .prepare_cached("SELECT host_id FROM poll WHERE host_id > ?1 ORDER BY host_id LIMIT 1")?
            .query_row([after], |row| row.get(0))
            .optional()?;
        let Some(host) = next else {
            return Ok(PruneProgress {
                polls: taken(room),
                events: 0,
                next: Some(PruneStep::PackedAfter(i64::MIN)),
            });
        };
        room -= connection
            .prepare_cached(
                "DELETE FROM poll WHERE rowid IN (SELECT rowid FROM poll
                 WHERE host_id = ?1 AND slot_ms < ?2 ORDER BY slot_ms LIMIT ?3)",
            )?
            .execute(params![host, before_ms, i64::try_from(room).unwrap_or(i64::MAX)])?;
        if room == 0 {
            break; // this host may have more
        }
        after = host;
    }
    Ok(PruneProgress { polls: taken(room), events: 0, next: Some(PruneStep::PollsAfter(after)) })
}

/// Packed hours that are wholly too old.
pub(super) fn packed(
    connection: &Connection,
    mut after: i64,
    before_ms: i64,
) -> Result<PruneProgress, Error> {
    const NEXT: &str = "SELECT host_id FROM poll_hour WHERE host_id > ?1 ORDER BY host_id LIMIT 1";
    const OLD: &str = "SELECT rowid, polls, length(docs) FROM poll_hour
         WHERE host_id = ?1 AND hour_ms <= ?2 - 3600000 ORDER BY hour_ms LIMIT ?3";
    let (mut polls, mut hours) = (0, 0);
    for _ in 0..HOSTS {
        let next =
            connection.prepare_cached(NEXT)?.query_row([after], |row| row.get(0)).optional()?;
        let Some(host) = next else {
            return Ok(PruneProgress { polls, events: 0, next: Some(PruneStep::Events) });
        };
        let room = i64::try_from(PACKED_HOURS - hours).unwrap_or(i64::MAX);
        let mut select = connection.prepare_cached(OLD)?;
        let old = select.query_map(params![host, before_ms, room], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })?;
        let old = old.collect::<Result<Vec<(i64, i64, i64)>, _>>()?;
        for (row, count, bytes) in &old {
            connection.prepare_cached("DELETE FROM poll_hour WHERE rowid = ?1")?.execute([row])?;
            connection
                .prepare_cached(
                    "UPDATE seal SET polls = polls - ?1, bytes = bytes - ?2 WHERE id = 1",
                )?
                .execute([count, bytes])?;
            polls += count.unsigned_abs();
        }
        hours += old.len();
        if hours == PACKED_HOURS {
            break; // this host may have more
        }
        after = host;
    }
    Ok(PruneProgress { polls, events: 0, next: Some(PruneStep::PackedAfter(after)) })
}

fn taken(room: usize) -> u64 {
    u64::try_from(ROWS - room).unwrap_or(u64::MAX)
}

fn events(connection: &Connection, before_ms: i64) -> Result<PruneProgress, Error> {
    let gone = connection
        .prepare_cached(
            "DELETE FROM event WHERE id IN
               (SELECT id FROM event WHERE at_ms < ?1 ORDER BY at_ms LIMIT ?2)",
        )?
        .execute(params![before_ms, i64::try_from(ROWS).unwrap_or(i64::MAX)])?;
    let next = if gone == ROWS { PruneStep::Events } else { PruneStep::Losses };
    Ok(PruneProgress {
        polls: 0,
        events: u64::try_from(gone).unwrap_or(u64::MAX),
        next: Some(next),
    })
}

fn losses(connection: &Connection, before_ms: i64) -> Result<PruneProgress, Error> {
    let gone = connection
        .prepare_cached(
            "DELETE FROM loss WHERE (noted_at_ms, reason, from_ms) IN (SELECT noted_at_ms, reason,
             from_ms FROM loss WHERE noted_at_ms < ?1 ORDER BY noted_at_ms LIMIT ?2)",
        )?
        .execute(params![before_ms, i64::try_from(ROWS).unwrap_or(i64::MAX)])?;
    let next = if gone == ROWS { PruneStep::Losses } else { PruneStep::Notices };
    Ok(PruneProgress { polls: 0, events: 0, next: Some(next) })
}

fn notices(connection: &Connection, before_ms: i64) -> Result<PruneProgress, Error> {
    let gone = connection
        .prepare_cached(
            "DELETE FROM notice WHERE seq IN (SELECT seq FROM notice
             WHERE created_ms < ?1 AND state <> 'pending' ORDER BY created_ms LIMIT ?2)",
        )?
        .execute(params![before_ms, i64::try_from(ROWS).unwrap_or(i64::MAX)])?;
    let next = if gone == ROWS { PruneStep::Notices } else { PruneStep::AlarmEvents };
    Ok(PruneProgress { polls: 0, events: 0, next: Some(next) })
}

fn alarm_events(connection: &Connection, before_ms: i64) -> Result<PruneProgress, Error> {
    let gone = connection
        .prepare_cached(
            "DELETE FROM alert_event WHERE id IN
               (SELECT id FROM alert_event WHERE slot_ms < ?1 ORDER BY slot_ms LIMIT ?2)",
        )?
        .execute(params![before_ms, i64::try_from(ROWS).unwrap_or(i64::MAX)])?;
    let next = if gone == ROWS { PruneStep::AlarmEvents } else { PruneStep::Deliveries };
    Ok(PruneProgress { polls: 0, events: 0, next: Some(next) })
}

fn deliveries(connection: &Connection, before_ms: i64) -> Result<PruneProgress, Error> {
    let gone = connection
        .prepare_cached(
            "DELETE FROM delivery WHERE id IN
               (SELECT id FROM delivery WHERE ended_ms < ?1 ORDER BY ended_ms LIMIT ?2)",
        )?
        .execute(params![before_ms, i64::try_from(ROWS).unwrap_or(i64::MAX)])?;
    let next = if gone == ROWS { PruneStep::Deliveries } else { PruneStep::Annotations };
    Ok(PruneProgress { polls: 0, events: 0, next: Some(next) })
}

fn annotations(connection: &Connection, before_ms: i64) -> Result<PruneProgress, Error> {
    let gone = connection
        .prepare_cached(
            "DELETE FROM annotation WHERE id IN
               (SELECT id FROM annotation WHERE at_ms < ?1 ORDER BY at_ms LIMIT ?2)",
        )?
        .execute(params![before_ms, i64::try_from(ROWS).unwrap_or(i64::MAX)])?;
    let next = if gone == ROWS { PruneStep::Annotations } else { PruneStep::Audit };
    Ok(PruneProgress { polls: 0, events: 0, next: Some(next) })
}

fn audit(connection: &Connection, before_ms: i64) -> Result<PruneProgress, Error> {
    let gone = connection
        .prepare_cached(
            "DELETE FROM audit WHERE id IN
               (SELECT id FROM audit WHERE at_ms < ?1 ORDER BY at_ms LIMIT ?2)",
        )?
        .execute(params![before_ms, i64::try_from(ROWS).unwrap_or(i64::MAX)])?;
    let next = if gone == ROWS { PruneStep::Audit } else { PruneStep::Summaries };
    Ok(PruneProgress { polls: 0, events: 0, next: Some(next) })
}

pub(super) fn summaries(connection: &Connection, before_ms: i64) -> Result<PruneProgress, Error> {
    let gone = connection
        .prepare_cached(
            "DELETE FROM summary_day WHERE rowid IN
               (SELECT rowid FROM summary_day WHERE day_ms < ?1 ORDER BY day_ms LIMIT ?2)",
        )?
        .execute(params![before_ms, i64::try_from(ROWS).unwrap_or(i64::MAX)])?;
    let next = if gone == ROWS { PruneStep::Summaries } else { PruneStep::RollupsAfter(i64::MIN) };
    Ok(PruneProgress { polls: 0, events: 0, next: Some(next) })
}

/// Hours lie in the order of the key: each host's old ones are at its begin.
pub(super) fn rollups(
    connection: &Connection,
    mut after: i64,
    before_ms: i64,
) -> Result<PruneProgress, Error> {
    let mut room = ROWS;
    for _ in 0..HOSTS {
        let next: Option<i64> = connection
            .prepare_cached(
                "SELECT host_id FROM rollup_hour WHERE host_id > ?1 ORDER BY host_id LIMIT 1",
            )?
            .query_row([after], |row| row.get(0))
            .optional()?;
        let Some(host) = next else { return Ok(PruneProgress { polls: 0, events: 0, next: None }) };
        room -= connection
            .prepare_cached(
                "DELETE FROM rollup_hour WHERE host_id = ?1 AND hour_ms IN (SELECT hour_ms
                 FROM rollup_hour WHERE host_id = ?1 AND hour_ms < ?2 ORDER BY hour_ms LIMIT ?3)",
            )?
            .execute(params![host, before_ms, i64::try_from(room).unwrap_or(i64::MAX)])?;
        if room == 0 {
            break; // this host may have more
        }
        after = host;
    }
    Ok(PruneProgress { polls: 0, events: 0, next: Some(PruneStep::RollupsAfter(after)) })
}
