//! How much room the history takes; what of it is given up for want of room, and how that is told; and
//! what is given back to the disk.
//!
//! Pages in use count, not those that are free, for these are used again by new rows. The journal does not
//! count: giving up writes to it, so that would give up more for having given up. A checkpoint keeps it
//! small.

use std::path::Path;

use rusqlite::{Connection, Error, OptionalExtension as _, TransactionBehavior, params};
use rustix::fs::statvfs;

use super::{
    fault::fault,
    hours::HOUR_MS,
    prune::{self, PruneStep},
};
use crate::{
    model::{Loss, LossReason},
    rollup::Tier,
    store::{Disk, Room, Span, StoreError, row},
    units::WallMs,
};

const DOING: &str = "give up the oldest history";
const DAY_MS: i64 = 24 * HOUR_MS;

/// Pages that one transaction gives back at most: 2 MiB, some milliseconds of work.
const PAGES: u32 = 256;

/// Share of the file that may be free for new rows, percent; of more, as much is given back as leaves
/// [`FREE_LEFT_PCT`]. Sealing an hour frees pages that the next one fills.
const FREE_ABOVE_PCT: u64 = 25;

/// Share of the file that stays free then, percent.
const FREE_LEFT_PCT: u64 = 10;

/// `auto_vacuum = INCREMENTAL`.
const INCREMENTAL: i64 = 2;

/// The oldest poll: looked up in the key, host by host.
const OLDEST_POLL: &str = "SELECT min(at) FROM (
       SELECT min((SELECT slot_ms FROM poll WHERE host_id = host.id ORDER BY slot_ms LIMIT 1)) AS at
       FROM host
       UNION ALL
       SELECT min((SELECT hour_ms FROM poll_hour WHERE host_id = host.id ORDER BY hour_ms LIMIT 1))
       FROM host)";

const OLDEST_HOUR: &str = "SELECT min((SELECT hour_ms FROM rollup_hour WHERE host_id = host.id
       ORDER BY hour_ms LIMIT 1)) FROM host";

/// Of the polls due before a moment: of how many hosts they are, when the first and when the last is due.
const POLLS_BEFORE: &str = "SELECT count(DISTINCT id), min(first), max(last) FROM (
       SELECT id,
         (SELECT slot_ms FROM poll WHERE host_id = host.id ORDER BY slot_ms LIMIT 1) AS first,
         (SELECT slot_ms FROM poll WHERE host_id = host.id AND slot_ms < ?1
          ORDER BY slot_ms DESC LIMIT 1) AS last
       FROM host
       UNION ALL
       SELECT id,
         (SELECT first_ms FROM poll_hour WHERE host_id = host.id ORDER BY hour_ms LIMIT 1),
         (SELECT last_ms FROM poll_hour WHERE host_id = host.id AND hour_ms <= ?1 - 3600000
          ORDER BY hour_ms DESC LIMIT 1)
       FROM host)
     WHERE last IS NOT NULL";

/// The same of hours in short.
const HOURS_BEFORE: &str = "SELECT count(*), min(first), max(last) FROM (SELECT
       (SELECT hour_ms FROM rollup_hour WHERE host_id = host.id ORDER BY hour_ms LIMIT 1) AS first,
       (SELECT hour_ms FROM rollup_hour WHERE host_id = host.id AND hour_ms < ?1
        ORDER BY hour_ms DESC LIMIT 1) AS last
     FROM host)
     WHERE last IS NOT NULL";

const OLDEST_SUMMARY: &str = "SELECT min(day_ms) FROM summary_day";

/// The same of summaries.
const SUMMARIES_BEFORE: &str = "SELECT count(DISTINCT host_id), min(day_ms), max(day_ms)
     FROM summary_day WHERE day_ms < ?1";

/// Reads it.
pub(super) fn read(connection: &Connection) -> Result<Room, StoreError> {
    let reading = || -> Result<Room, Error> {
        let [page, all, free] =
            ["page_size", "page_count", "freelist_count"].map(|name| pragma(connection, name));
        let (page, all, free) = (page?, all?, free?);
        let oldest = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, Option<i64>>(0));
        let unit = |oldest: Option<i64>, length: i64| {
            let end = |ms: i64| ms.div_euclid(length).saturating_add(1).saturating_mul(length);
            oldest.map(|ms| Span { from: WallMs(ms), to: WallMs(end(ms)) })
        };
        let given_up_to = connection.query_row(
            "SELECT max(to_ms) FROM loss WHERE reason = ?1",
            [LossReason::Budget.as_str()],
            |row| row.get::<_, Option<i64>>(0),
        )?;
        Ok(Room {
            used: page * all.saturating_sub(free),
            free: page * free,
            disk: connection.path().and_then(disk),
            polls: unit(oldest(OLDEST_POLL)?, HOUR_MS),
            summaries: unit(oldest(OLDEST_SUMMARY)?, DAY_MS),
            hours: unit(oldest(OLDEST_HOUR)?, DAY_MS),
            given_up_to: given_up_to.map(WallMs),
        })
    };
    reading().map_err(fault(connection, "read how much room the history takes"))
}

fn pragma(connection: &Connection, name: &str) -> Result<u64, Error> {
    connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).map(i64::unsigned_abs)
}

/// The disk that a file is on.
fn disk(file: &str) -> Option<Disk> {
    let found = statvfs(Path::new(file).parent()?).ok()?;
    let bytes = |blocks: u64| blocks.saturating_mul(found.f_frsize);
    Some(Disk { available: bytes(found.f_bavail), size: bytes(found.f_blocks) })
}

/// What is to be told of what goes before a moment; none when nothing is there.
pub(super) fn doomed(
    connection: &Connection,
    tier: Tier,
    before: WallMs,
    noted_at: WallMs,
) -> Result<Option<Loss>, StoreError> {
    let (sql, reason) = match tier {
        Tier::Polls => (POLLS_BEFORE, LossReason::Budget),
        Tier::FiveMinutes => (SUMMARIES_BEFORE, LossReason::BudgetSummaries),
        Tier::Hours => (HOURS_BEFORE, LossReason::BudgetHours),
    };
    let found = connection.query_row(sql, [before.0], |row| {
        Ok((row.get::<_, i64>(0)?, row.get::<_, Option<i64>>(1)?, row.get::<_, Option<i64>>(2)?))
    });
    let (hosts, from, to) = found.map_err(fault(connection, DOING))?;
    Ok(from.zip(to).map(|(from, to)| Loss {
        from: WallMs(from),
        to: WallMs(to),
        hosts: hosts.unsigned_abs(),
        polls: 0,
        reason,
        noted_at,
    }))
}

/// Where giving up a tier begins.
pub(super) fn first(tier: Tier) -> PruneStep {
    match tier {
        Tier::Polls => PruneStep::PollsAfter(i64::MIN),
        Tier::FiveMinutes => PruneStep::Summaries,
        Tier::Hours => PruneStep::RollupsAfter(i64::MIN),
    }
}

/// Takes one step, and tells of what went in the same transaction. Answers how many polls went, and where
/// to go on.
pub(super) fn take(
    connection: &mut Connection,
    step: PruneStep,
    before: WallMs,
    told: &Loss,
) -> Result<(u64, Option<PruneStep>), StoreError> {
    let failed = fault(connection, DOING);
    let transaction =
        connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(&failed)?;
    let done = match step {
        PruneStep::PollsAfter(host) => prune::polls(&transaction, host, before.0),
        PruneStep::PackedAfter(host) => prune::packed(&transaction, host, before.0),
        PruneStep::Summaries => prune::summaries(&transaction, before.0),
        PruneStep::RollupsAfter(host) => prune::rollups(&transaction, host, before.0),
        _ => return Ok((0, None)),
    }
    .map_err(&failed)?;
    tell(&transaction, &Loss { polls: done.polls, ..*told }).map_err(&failed)?;
    transaction.commit().map_err(&failed)?;
    // Within the tier alone.
    let goes_on = |next: &PruneStep| match next {
        PruneStep::PollsAfter(_) | PruneStep::PackedAfter(_) | PruneStep::Summaries => true,
        PruneStep::RollupsAfter(_) => step != PruneStep::Summaries,
        _ => false,
    };
    Ok((done.polls, done.next.filter(goes_on)))
}

/// Adds to the row of what went for this reason in the UTC day, or begins it.
fn tell(connection: &Connection, loss: &Loss) -> Result<(), Error> {
    let day = loss.noted_at.0.div_euclid(DAY_MS) * DAY_MS;
    let known: Option<i64> = connection
        .prepare_cached(
            "SELECT noted_at_ms FROM loss WHERE reason = ?1 AND noted_at_ms >= ?2 AND noted_at_ms < ?3
             ORDER BY noted_at_ms LIMIT 1",
        )?
        .query_row(params![loss.reason.as_str(), day, day + DAY_MS], |row| row.get(0))
        .optional()?;
    let sql = match known {
        Some(_) => {
            "UPDATE loss SET from_ms = min(from_ms, ?3), to_ms = max(to_ms, ?4),
               hosts = max(hosts, ?5), polls = polls + ?6 WHERE noted_at_ms = ?1 AND reason = ?2"
        }
        None => {
            "INSERT INTO loss (noted_at_ms, reason, from_ms, to_ms, hosts, polls)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)"
        }
    };
    connection
        .prepare_cached(sql)?
        .execute(params![
            known.unwrap_or(loss.noted_at.0),
            loss.reason.as_str(),
            loss.from.0,
            loss.to.0,
            row::signed(loss.hosts),
            row::signed(loss.polls),
        ])
        .map(drop)
}

/// How many pages are to be given back; 0 where few are free, or the file was made by a version whose
/// files cannot.
pub(super) fn surplus(connection: &Connection) -> Result<u64, StoreError> {
    let reading = || -> Result<u64, Error> {
        let [kind, all, free] =
            ["auto_vacuum", "page_count", "freelist_count"].map(|name| pragma(connection, name));
        let (kind, all, free) = (kind?, all?, free?);
        if kind != INCREMENTAL.unsigned_abs() || free * 100 <= all * FREE_ABOVE_PCT {
            return Ok(0);
        }
        // So many as leave that share of what is left.
        let used = all.saturating_sub(free);
        Ok(free.saturating_sub(used * FREE_LEFT_PCT / (100 - FREE_LEFT_PCT)))
    };
    reading().map_err(fault(connection, "read how much is free"))
}

/// Gives some pages back, in a transaction of its own; says how many, and their bytes. The file itself
/// shrinks with the next checkpoint.
pub(super) fn give_back(connection: &mut Connection, most: u64) -> Result<(u64, u64), StoreError> {
    let giving = || -> Result<(u64, u64), Error> {
        let before = pragma(connection, "page_count")?;
        let pages = u64::from(PAGES).min(most);
        // A row for each page: it must be read to its end, or one page alone is given back.
        let mut vacuum = connection.prepare(&format!("PRAGMA incremental_vacuum({pages})"))?;
        let mut rows = vacuum.query([])?;
        while rows.next()?.is_some() {}
        let gone = before.saturating_sub(pragma(connection, "page_count")?);
        Ok((gone, gone * pragma(connection, "page_size")?))
    };
    giving().map_err(fault(connection, "give room back to the disk"))
}

/// Takes the journal into the file, which then is as short as its pages; waits for nobody.
pub(super) fn shorten(connection: &mut Connection) -> Result<(), StoreError> {
    let done = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()));
    done.map_err(fault(connection, "give room back to the disk"))
}
