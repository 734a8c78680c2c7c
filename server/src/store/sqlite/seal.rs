//! Sealing: hours of polls become a row per host, compared with what they were made of.
//!
//! An hour is packed by a thread that reads. The one that writes takes its rows out of `poll` and puts the
//! packed row into `poll_hour` in one transaction, and only if the rows are still the same. So a poll is
//! in one of the two tables, always; polls that come late lie in `poll` until they are packed with the
//! others of their hour.

use rusqlite::{Connection, Error, OptionalExtension as _, TransactionBehavior, params};

use super::{
    fault::fault,
    hosts,
    hours::{self, HOUR_MS, Part},
    migrate, polls,
};
use crate::{
    model::{HostId, HostName},
    store::{Span, StoreError, sealed},
    units::WallMs,
};

const DOING: &str = "seal polls";

/// How often an hour is packed again because polls came meanwhile; then the next run goes on.
pub(super) const TRIES: usize = 10;

/// The most hours that are left as they are in one run: then something is wrong with the file.
pub(super) const MOST_FAILED: usize = 100;

/// Which host is looked at, and from which moment on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cursor(i64, WallMs);

impl Default for Cursor {
    fn default() -> Self {
        Self(i64::MIN, WallMs(i64::MIN))
    }
}

/// The next hour, and what came of packing it.
pub(super) struct NextHour {
    host: HostId,
    pub(super) name: HostName,
    pub(super) hour: WallMs,
    pub(super) packed: Result<Packed, StoreError>,
}

impl NextHour {
    /// Where to look from then on: at this hour again, for polls may come meanwhile; or behind it.
    pub(super) fn cursor(&self) -> Cursor {
        match self.packed {
            Ok(_) => Cursor(self.host.0, self.hour),
            Err(_) => Cursor(self.host.0, WallMs(self.hour.0 + HOUR_MS)),
        }
    }
}

/// An hour that is packed and not yet kept.
pub(super) struct Packed {
    host: HostId,
    hour: WallMs,
    /// Rows of `poll` that are in it, and the number of the newest.
    rows: usize,
    newest_row: i64,
    /// The parts that were there and are in it, too: polls and bytes of them.
    former: (i64, i64),
    /// Its number of the first part.
    first: i64,
    parts: Vec<Part>,
}

/// What was kept.
pub(super) struct Kept {
    pub(super) polls: u64,
    pub(super) bytes: u64,
}

impl Packed {
    /// When the hour begins.
    pub(super) fn begin(&self) -> WallMs {
        self.hour
    }
}

/// Packs the next hour of a host from the cursor on that is over at `end`; none when all are packed.
pub(super) fn next(
    connection: &Connection,
    cursor: Cursor,
    end: WallMs,
) -> Result<Option<NextHour>, StoreError> {
    let failed = fault(connection, DOING);
    let Some((host, slot)) = oldest(connection, cursor, end).map_err(&failed)? else {
        return Ok(None);
    };
    let hour = hours::hour(slot);
    let name = hosts::name(connection, host).map_err(&failed)?;
    let Some(name) = name else { return Ok(None) };
    let packed = pack(connection, (host, &name), hour);
    Ok(Some(NextHour { host, name, hour, packed }))
}

fn pack(
    connection: &Connection,
    (host, name): (HostId, &HostName),
    hour: WallMs,
) -> Result<Packed, StoreError> {
    let failed = fault(connection, DOING);
    let span = Span { from: hour, to: WallMs(hour.0 + HOUR_MS) };
    let newest_row = newest_row(connection, host, span).map_err(&failed)?;
    let mut records = polls::unpacked(connection, (host, name), span).map_err(&failed)?;
    let rows = records.len();
    let (number, polls, bytes) = connection
        .prepare_cached(
            "SELECT coalesce(max(part) + 1, 0), coalesce(sum(polls), 0), coalesce(sum(length(docs)), 0)
             FROM poll_hour WHERE host_id = ?1 AND hour_ms = ?2",
        )
        .and_then(|mut select| {
            select.query_row([host.0, hour.0], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        })
        .map_err(&failed)?;
    let (mut first, mut former) = (number, (0, 0));
    if number > 0 {
        match hours::read(connection, host, hour, name) {
            Ok(packed) => {
                (first, former) = (0, (polls, bytes));
                records.extend(packed);
                records.sort_by_key(|record| record.slot);
            }
            // What is damaged stays as it is.
            Err(error) => tracing::error!(%error, "late polls are kept beside it"),
        }
    }
    let doing = |cause: Box<dyn std::error::Error + Send + Sync>| StoreError::Failed {
        doing: DOING,
        location: super::fault::location(connection),
        cause,
    };
    let texts = sealed::encode(hour, &records);
    let mut again = Vec::with_capacity(records.len());
    for part in &texts {
        again.extend(sealed::decode(part, hour, host, name).map_err(|e| doing(e.into()))?);
    }
    if again != records {
        return Err(doing(format!("the polls of {name} from {hour} on came back changed").into()));
    }
    let parts = texts.iter().map(Part::pack).collect::<std::io::Result<Vec<_>>>();
    let parts = parts.map_err(|error| doing(error.into()))?;
    Ok(Packed { host, hour, rows, newest_row, former, first, parts })
}

/// The number of the row that came last of a host's polls in a span; 0: there is none. As many rows with the
/// same newest one are the same rows: numbers are given upwards.
fn newest_row(connection: &Connection, host: HostId, span: Span) -> Result<i64, Error> {
    connection
        .prepare_cached(
            "SELECT coalesce(max(rowid), 0) FROM poll
             WHERE host_id = ?1 AND slot_ms >= ?2 AND slot_ms < ?3",
        )?
        .query_row([host.0, span.from.0, span.to.0], |row| row.get(0))
}

/// The oldest poll before `end` of the first host from the cursor on that has one.
fn oldest(
    connection: &Connection,
    Cursor(mut host, mut from): Cursor,
    end: WallMs,
) -> Result<Option<(HostId, WallMs)>, Error> {
    const HOST: &str = "SELECT host_id FROM poll WHERE host_id >= ?1 ORDER BY host_id LIMIT 1";
    const SLOT: &str =
        "SELECT slot_ms FROM poll WHERE host_id = ?1 AND slot_ms >= ?2 AND slot_ms < ?3
         ORDER BY slot_ms LIMIT 1";
    let (mut hosts, mut slots) =
        (connection.prepare_cached(HOST)?, connection.prepare_cached(SLOT)?);
    loop {
        let next: Option<i64> = hosts.query_row([host], |row| row.get(0)).optional()?;
        let Some(next) = next else { return Ok(None) };
        if next != host {
            from = WallMs(i64::MIN);
        }
        let slot: Option<i64> =
            slots.query_row([next, from.0, end.0], |row| row.get(0)).optional()?;
        if let Some(slot) = slot {
            return Ok(Some((HostId(next), WallMs(slot))));
        }
        let Some(other) = next.checked_add(1) else { return Ok(None) };
        (host, from) = (other, WallMs(i64::MIN));
    }
}

/// Puts a packed hour in the place of its rows; none when these are others by now.
pub(super) fn keep(
    connection: &mut Connection,
    packed: &Packed,
) -> Result<Option<Kept>, StoreError> {
    let failed = fault(connection, DOING);
    let Packed { host, hour, rows, former, first, ref parts, .. } = *packed;
    let transaction =
        connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(&failed)?;
    let are_there = hours::are_there(&transaction).map_err(&failed)?;
    let span = Span { from: hour, to: WallMs(hour.0 + HOUR_MS) };
    let keeping = || -> Result<bool, Error> {
        if newest_row(&transaction, host, span)? != packed.newest_row {
            return Ok(false);
        }
        let gone = transaction
            .prepare_cached(
                "DELETE FROM poll WHERE host_id = ?1 AND slot_ms >= ?2 AND slot_ms < ?3",
            )?
            .execute([host.0, span.from.0, span.to.0])?;
        let former_polls: i64 = transaction
            .prepare_cached(
                "SELECT coalesce(sum(polls), 0) FROM poll_hour
                 WHERE host_id = ?1 AND hour_ms = ?2 AND part >= ?3",
            )?
            .query_row([host.0, hour.0, first], |row| row.get(0))?;
        if gone != rows || former_polls != former.0 {
            return Ok(false);
        }
        transaction
            .prepare_cached(
                "DELETE FROM poll_hour WHERE host_id = ?1 AND hour_ms = ?2 AND part >= ?3",
            )?
            .execute([host.0, hour.0, first])?;
        for (number, part) in (first..).zip(parts) {
            hours::insert(&transaction, (host, hour, number), part)?;
        }
        let bytes = parts.iter().map(Part::bytes).sum::<u64>();
        let more = i64::try_from(bytes).unwrap_or(i64::MAX) - former.1;
        transaction
            .prepare_cached(
                "UPDATE seal SET sealed_before_ms = max(sealed_before_ms, ?1),
                   unsealed = unsealed - ?2, polls = polls + ?2, bytes = bytes + ?3 WHERE id = 1",
            )?
            .execute(params![span.to.0, i64::try_from(rows).unwrap_or(i64::MAX), more])?;
        if !are_there {
            // From now on the views have two tables to show.
            migrate::mend_views(&transaction, false)?;
        }
        Ok(true)
    };
    if !keeping().map_err(&failed)? {
        return Ok(None);
    }
    transaction.commit().map_err(&failed)?;
    Ok(Some(Kept {
        polls: u64::try_from(rows).unwrap_or(u64::MAX),
        bytes: parts.iter().map(Part::bytes).sum(),
    }))
}
