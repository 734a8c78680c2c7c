//! Rows of the spool's tables, in and out, within a transaction.

use std::ops::RangeInclusive;

use rusqlite::{Connection, Error, Transaction, params};

use super::{super::form::Other, ROW_BYTES, SpoolContents};
use crate::{
    model::{HostId, Loss, LossReason, Record},
    store::{Batch, loss::Sum},
    units::WallMs,
};

pub(super) fn others_of(batch: &Batch) -> impl Iterator<Item = Other> + '_ {
    let transitions = batch.transitions.iter().cloned().map(Other::Transition);
    let facts = batch.facts.iter().cloned().map(|seen| Other::Facts(Box::new(seen)));
    let losses = batch.losses.iter().cloned().map(Other::Loss);
    let hours = batch.rollups.iter().cloned().map(Other::Rollup);
    let notices = batch.notices.iter().cloned().map(Other::Notice);
    let alarms = batch.alarms.iter().cloned().map(|alarm| Other::Alarm(Box::new(alarm)));
    let changes =
        batch.alarm_events.iter().cloned().map(|event| Other::AlarmEvent(Box::new(event)));
    let deliveries = batch.deliveries.iter().cloned().map(Other::Delivery);
    let annotations = batch.annotations.iter().cloned().map(Other::Annotation);
    let audit = batch.audit.iter().cloned().map(Other::Audit);
    let told = notices.chain(alarms).chain(changes).chain(deliveries);
    let told = told.chain(annotations).chain(audit);
    transitions.chain(facts).chain(losses).chain(hours).chain(told)
}

pub(super) fn widen(range: &mut RangeInclusive<i64>, id: i64) {
    *range = if range.is_empty() { id..=id } else { *range.start()..=id };
}

pub(super) fn insert_poll(
    to: &Transaction<'_>,
    record: &Record,
    data: &[u8],
) -> Result<i64, Error> {
    to.prepare_cached("INSERT INTO poll (host_id, slot_ms, data) VALUES (?1, ?2, ?3)")?
        .insert(params![record.host.0, record.slot.0, data])
}

pub(super) fn insert_other(to: &Transaction<'_>, data: &str) -> Result<i64, Error> {
    to.prepare_cached("INSERT INTO other (data) VALUES (?1)")?.insert([data])
}

/// Deletes the oldest polls that are not on their way, until so many bytes are free.
pub(super) fn evict(
    from: &Transaction<'_>,
    handed_out: i64,
    bytes: u64,
    held: &mut SpoolContents,
) -> Result<Vec<(HostId, WallMs)>, Error> {
    let mut gone = Vec::new();
    let mut freed = 0;
    let mut last = handed_out;
    {
        let mut oldest = from.prepare_cached(
            "SELECT id, host_id, slot_ms, length(data) FROM poll WHERE id > ?1 ORDER BY id",
        )?;
        let mut rows = oldest.query([handed_out])?;
        while freed < bytes
            && let Some(row) = rows.next()?
        {
            last = row.get(0)?;
            gone.push((HostId(row.get(1)?), WallMs(row.get(2)?)));
            freed += row.get::<_, i64>(3)?.unsigned_abs() + ROW_BYTES;
        }
    }
    from.prepare_cached("DELETE FROM poll WHERE id > ?1 AND id <= ?2")?
        .execute([handed_out, last])?;
    held.polls = held.polls.saturating_sub(u64::try_from(gone.len()).unwrap_or(0));
    held.bytes = held.bytes.saturating_sub(freed);
    Ok(gone)
}

/// Deletes rows; how many they were, and their bytes.
pub(super) fn delete(
    from: &Connection,
    table: &'static str,
    ids: &RangeInclusive<i64>,
) -> Result<(u64, u64), Error> {
    let ends = [*ids.start(), *ids.end()];
    let which = format!("FROM {table} WHERE id BETWEEN ?1 AND ?2");
    let (rows, bytes) = from
        .prepare_cached(&format!("SELECT count(*), coalesce(sum(length(data)), 0) {which}"))?
        .query_row(ends, |row| {
            Ok((row.get::<_, i64>(0)?.unsigned_abs(), row.get::<_, i64>(1)?.unsigned_abs()))
        })?;
    if rows > 0 {
        from.prepare_cached(&format!("DELETE {which}"))?.execute(ends)?;
    }
    Ok((rows, bytes + rows * ROW_BYTES))
}

/// Writes down what had to give way: adds to the row of this stretch, or begins one.
pub(super) fn note_loss(
    to: &Transaction<'_>,
    lost: &[(HostId, WallMs)],
    open: &mut Option<(i64, Sum, WallMs)>,
    held: &mut SpoolContents,
    now: WallMs,
) -> Result<Option<(i64, Sum, WallMs)>, Error> {
    let Some((first, rest)) = lost.split_first() else { return Ok(None) };
    let (row, mut sum, noted_at) = match open.take() {
        Some((row, mut sum, noted_at)) => {
            sum.add(first.0, first.1);
            (Some(row), sum, noted_at)
        }
        None => (None, Sum::of(first.0, first.1), now),
    };
    for (host, slot) in rest {
        sum.add(*host, *slot);
    }
    let loss: Loss = sum.loss(LossReason::SpoolFull, noted_at);
    let data = serde_json::to_string(&Other::Loss(loss))
        .map_err(|error| Error::ToSqlConversionFailure(error.into()))?;
    let row = match row {
        Some(row) => {
            to.prepare_cached("UPDATE other SET data = ?2 WHERE id = ?1")?
                .execute(params![row, data])?;
            row
        }
        None => {
            held.others += 1;
            held.bytes += u64::try_from(data.len()).unwrap_or(0) + ROW_BYTES;
            insert_other(to, &data)?
        }
    };
    Ok(Some((row, sum, noted_at)))
}
