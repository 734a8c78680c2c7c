//! The tables `summary_day` and `summary_late`: days of hosts in points of five minutes.
//!
//! Who keeps a poll that is due before `seal.summarised_before_ms` notes its day in `summary_late`, in the same
//! transaction. That moment is moved before the polls of a day are read, so what was not read is noted.

use std::collections::BTreeSet;

use rusqlite::{
    Connection, Error, OptionalExtension as _, Transaction, TransactionBehavior, params,
    types::Type,
};

use super::{fault::fault, rollups};
use crate::{
    model::{DAY_MS, HostId, day_of},
    rollup::Tier,
    store::{
        Bucket, Buckets, DaySummary, RowBuckets, RowsAsk, SeriesAsk, Span, StoreError,
        SummariesDue, summary,
    },
    units::WallMs,
};

pub(super) const DOING: &str = "sum up a day of polls";

/// From here on polls of the day are noted as late; answers how often there were such.
pub(super) fn begin(
    connection: &mut Connection,
    host: HostId,
    day: WallMs,
) -> Result<u64, StoreError> {
    let failed = fault(connection, DOING);
    connection
        .execute(
            "UPDATE seal SET summarised_before_ms = ?1 WHERE id = 1 AND summarised_before_ms < ?1",
            [day.0.saturating_add(DAY_MS)],
        )
        .map_err(&failed)?;
    late(connection, host, day).map_err(&failed)
}

fn late(connection: &Connection, host: HostId, day: WallMs) -> Result<u64, Error> {
    let times: Option<i64> = connection
        .prepare_cached("SELECT times FROM summary_late WHERE host_id = ?1 AND day_ms = ?2")?
        .query_row([host.0, day.0], |row| row.get(0))
        .optional()?;
    Ok(times.unwrap_or(0).unsigned_abs())
}

/// Notes days into which polls came.
pub(super) fn note_late(
    transaction: &Transaction<'_>,
    days: BTreeSet<(HostId, WallMs)>,
) -> Result<(), Error> {
    for (host, day) in days {
        transaction
            .prepare_cached(
                "INSERT INTO summary_late (host_id, day_ms, times) VALUES (?1, ?2, 1)
                 ON CONFLICT (host_id, day_ms) DO UPDATE SET times = times + 1",
            )?
            .execute([host.0, day.0])?;
    }
    Ok(())
}

/// Keeps a day in the place of one that was made of no more polls; false when others came late meanwhile.
pub(super) fn keep(
    connection: &mut Connection,
    summary: &DaySummary,
    expected: u64,
) -> Result<bool, StoreError> {
    let failed = fault(connection, DOING);
    let DaySummary { host, day, polls, ref views } = *summary;
    let transaction =
        connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(&failed)?;
    let keeping = || -> Result<bool, Error> {
        if late(&transaction, host, day)? != expected {
            return Ok(false);
        }
        transaction
            .prepare_cached("DELETE FROM summary_late WHERE host_id = ?1 AND day_ms = ?2")?
            .execute([host.0, day.0])?;
        for (view, doc) in views {
            transaction
                .prepare_cached(
                    "INSERT INTO summary_day (host_id, view_name, day_ms, polls, doc)
                     VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (host_id, view_name, day_ms)
                     DO UPDATE SET polls = excluded.polls, doc = excluded.doc
                     WHERE excluded.polls >= summary_day.polls",
                )?
                .execute(params![
                    host.0,
                    view,
                    day.0,
                    i64::try_from(polls).unwrap_or(i64::MAX),
                    doc
                ])?;
        }
        Ok(true)
    };
    let kept = keeping().map_err(&failed)?;
    if kept {
        transaction.commit().map_err(&failed)?;
    }
    Ok(kept)
}

/// Days of hosts that are to be summed up.
pub(super) fn due(
    connection: &Connection,
    of: SummariesDue,
    limit: usize,
) -> Result<Vec<(HostId, WallMs)>, StoreError> {
    const LATE: &str = "SELECT host_id, day_ms FROM summary_late WHERE day_ms < ?1
         ORDER BY host_id, day_ms LIMIT ?2";
    // Looked up in the keys, host by host, without reading rows.
    const OF_DAY: &str = "SELECT h.id, ?1 FROM host h WHERE h.id > ?3
         AND NOT EXISTS (SELECT 1 FROM summary_day s
           WHERE s.host_id = h.id AND s.view_name = ?4 AND s.day_ms = ?1)
         AND (EXISTS (SELECT 1 FROM poll p
             WHERE p.host_id = h.id AND p.slot_ms >= ?1 AND p.slot_ms < ?2)
           OR EXISTS (SELECT 1 FROM poll_hour q
             WHERE q.host_id = h.id AND q.hour_ms >= ?1 AND q.hour_ms < ?2))
         ORDER BY h.id LIMIT ?5";
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let reading = || -> Result<Vec<(HostId, WallMs)>, Error> {
        let found = |row: &rusqlite::Row<'_>| Ok((HostId(row.get(0)?), WallMs(row.get(1)?)));
        match of {
            SummariesDue::Late { before } => {
                connection.prepare_cached(LATE)?.query_map([before.0, limit], found)?.collect()
            }
            SummariesDue::Day { day, after } => {
                let end = day.0.saturating_add(DAY_MS);
                let asked = params![day.0, end, after.0, summary::FIRST_VIEW, limit];
                connection.prepare_cached(OF_DAY)?.query_map(asked, found)?.collect()
            }
        }
    };
    reading().map_err(fault(connection, DOING))
}

/// Gives the documents of a view and of the days that touch the span, oldest first. Of a day with late
/// polls the document does not count.
fn each_document(
    connection: &Connection,
    (host, view): (HostId, &str),
    span: Span,
    mut take: impl FnMut(WallMs, &[u8]) -> std::io::Result<()>,
) -> Result<(), Error> {
    let mut select = connection.prepare_cached(
        "SELECT day_ms, doc FROM summary_day s
         WHERE host_id = ?1 AND view_name = ?2 AND day_ms >= ?3 AND day_ms < ?4
           AND NOT EXISTS (SELECT 1 FROM summary_late l
             WHERE l.host_id = s.host_id AND l.day_ms = s.day_ms)
         ORDER BY day_ms",
    )?;
    let mut rows = select.query(params![host.0, view, day_of(span.from).0, span.to.0])?;
    while let Some(row) = rows.next()? {
        let day = WallMs(row.get(0)?);
        take(day, row.get_ref(1)?.as_blob()?).map_err(|error| {
            let why =
                format!("the summary {view} of host {} and the day of {day}: {error}", host.0);
            Error::FromSqlConversionFailure(1, Type::Blob, why.into())
        })?;
    }
    Ok(())
}

/// Buckets of a host: of summaries, and of polls where a day has none.
pub(super) fn series(connection: &Connection, ask: &SeriesAsk) -> Result<Vec<Bucket>, StoreError> {
    let failed = fault(connection, "read values over time");
    // One moment's view of all tables: no day is in both, or in none.
    let look = connection.unchecked_transaction().map_err(&failed)?;
    let reading = || -> Result<Vec<Bucket>, Error> {
        let mut buckets = Buckets::new(ask);
        let mut days = Vec::new();
        for (number, (view, places)) in summary::views_of(&ask.columns).into_iter().enumerate() {
            let is_first = number == 0;
            each_document(&look, (ask.host, view), ask.span, |day, doc| {
                if is_first {
                    days.push(day);
                } else if !days.contains(&day) {
                    return Ok(());
                }
                summary::read_host_wide((day, doc), ask, &places, is_first, &mut buckets)
            })?;
        }
        for span in summary::summary_gaps(ask.span, &days) {
            let ask = SeriesAsk { span, tier: Tier::Polls, ..ask.clone() };
            rollups::of_polls(&look, &ask)?.into_iter().for_each(|bucket| buckets.merge(bucket));
        }
        Ok(buckets.into_vec())
    };
    reading().map_err(&failed)
}

/// Rows of a list, from summaries alone.
pub(super) fn rows(connection: &Connection, ask: &RowsAsk) -> Result<RowBuckets, StoreError> {
    let mut buckets = RowBuckets::default();
    let view = summary::view_of(ask.table);
    each_document(connection, (ask.host, view), ask.span, |day, doc| {
        summary::read_rows((day, doc), ask, &mut buckets)
    })
    .map_err(fault(connection, "read values over time"))?;
    Ok(buckets)
}
