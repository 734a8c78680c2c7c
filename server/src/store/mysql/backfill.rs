//! Polls that come when their hour is sealed: a replay after an outage.
//!
//! They are kept as a part of their own, which takes in the parts before it that are no larger than
//! itself. So a replay that comes poll by poll costs each poll a few packings, not one for each poll
//! that came after it, and an hour has few parts.

use std::{
    collections::{BTreeMap, HashMap},
    io,
    sync::Arc,
};

use mysql_async::{Row, Transaction, Value, prelude::Queryable as _};

use super::{cells::RowReader, fault::Place, hours, moment, part::Part};
use crate::{
    model::{HostId, Record},
    store::{
        BatchResult, StoreError, packed,
        sealed::{self, SealedPoll},
    },
    units::WallMs,
};

/// What became of late polls.
#[derive(Default)]
pub(super) struct Merged {
    /// How many are new.
    pub(super) polls: u64,
    /// How many bytes of texts there are now more.
    pub(super) bytes: i64,
}

/// An attempt that is kept: when it was begun, how it ended.
type Attempt = (WallMs, String);

/// Adds polls, each in the hour that it belongs to; those that are there already are counted.
pub(super) async fn merge(
    transaction: &mut Transaction<'_>,
    late: &[&Record],
    place: &Place,
    written: &mut BatchResult,
) -> Result<Merged, StoreError> {
    let mut hours: BTreeMap<(HostId, WallMs), Vec<&Record>> = BTreeMap::new();
    for record in late {
        hours.entry((record.host, moment::hour(record.slot))).or_default().push(record);
    }
    let mut merged = Merged::default();
    for ((host, hour), records) in hours {
        let known = look(transaction, host, hour, place).await?;
        let mut attempts = known.attempts;
        let mut new: Vec<Record> = Vec::new();
        for record in records {
            let attempt = (record.started, record.outcome.as_str().to_owned());
            match attempts.get(&record.slot) {
                Some(kept) if *kept == attempt => written.repeated += 1,
                Some(_) => written.conflicting.push((record.host, record.slot)),
                None => {
                    attempts.insert(record.slot, attempt);
                    new.push(record.clone());
                }
            }
        }
        if !new.is_empty() {
            merged.polls += u64::try_from(new.len()).unwrap_or(u64::MAX);
            merged.bytes += add(transaction, host, hour, new, &known.parts, place).await?;
        }
    }
    Ok(merged)
}

/// What an hour holds.
struct StoredHour {
    attempts: HashMap<WallMs, Attempt>,
    /// Numbers of its parts and of their polls; none where a part cannot be read.
    parts: Vec<(u32, Option<usize>)>,
}

async fn look(
    transaction: &mut Transaction<'_>,
    host: HostId,
    hour: WallMs,
    place: &Place,
) -> Result<StoredHour, StoreError> {
    let rows: Vec<Row> = transaction
        .exec(
            "SELECT part, SUBSTRING(docs, ledger_at, cpu_load_at - ledger_at) FROM poll_hour
             WHERE host_id = ? AND hour = ? ORDER BY part FOR UPDATE",
            vec![Value::Int(host.0), moment::datetime(hour)],
        )
        .await
        .map_err(place.fault("look for late polls"))?;
    let mut known = StoredHour { attempts: HashMap::new(), parts: Vec::new() };
    for row in rows {
        let cells = RowReader::new(row, place, "sealed polls");
        let number = u32::try_from(cells.required_int(0)?).unwrap_or(u32::MAX);
        match read_ledger(cells.bytes(1)?.unwrap_or_default()) {
            Ok(ledger) => {
                known.parts.push((number, Some(ledger.len())));
                known.attempts.extend(ledger.iter().filter_map(|poll| attempt(hour, poll)));
            }
            // It shows nothing, so nothing is there twice; and late polls must not wait for it.
            Err(error) => {
                let host = host.0;
                tracing::error!(%error, host, %hour, part = number, "sealed polls are damaged");
                known.parts.push((number, None));
            }
        }
    }
    Ok(known)
}

fn attempt(hour: WallMs, poll: &SealedPoll) -> Option<(WallMs, Attempt)> {
    let (started, outcome) = poll.attempt(hour)?;
    Some((poll.slot(hour), (started, outcome.to_owned())))
}

/// Adds polls that are not there; answers how many bytes more there are.
async fn add(
    transaction: &mut Transaction<'_>,
    host: HostId,
    hour: WallMs,
    mut new: Vec<Record>,
    parts: &[(u32, Option<usize>)],
    place: &Place,
) -> Result<i64, StoreError> {
    let next = parts.last().map_or(0, |(number, _)| number.saturating_add(1));
    let mut first = next;
    let mut held = new.len();
    for (number, polls) in parts.iter().rev() {
        let Some(polls) = polls.filter(|polls| *polls <= held) else { break };
        held += polls;
        first = *number;
    }
    let absorbed = hours::parts(transaction, host, hour, first, place).await?;
    let mut bytes = -absorbed.iter().map(|kept| length(&kept.part)).sum::<i64>();
    match absorb(absorbed, hour, &new, place).await {
        Ok(records) if records.is_empty() => {}
        Ok(records) => {
            new.extend(records);
            hours::clear(transaction, host, hour, first, place).await?;
        }
        // As above: what is damaged stays as it is.
        Err(error @ StoreError::Corrupt { .. }) => {
            tracing::error!(%error, "late polls are kept beside it");
            first = next;
            bytes = 0;
        }
        Err(error) => return Err(error),
    }
    new.sort_by_key(|record| record.slot);
    let packed = hours::pack(hour, Arc::new(new), place).await?;
    bytes += packed.iter().map(length).sum::<i64>();
    hours::insert(transaction, host, hour, first, packed, place).await?;
    Ok(bytes)
}

async fn absorb(
    absorbed: Vec<hours::StoredPart>,
    hour: WallMs,
    new: &[Record],
    place: &Place,
) -> Result<Vec<Record>, StoreError> {
    match new {
        [one, ..] if !absorbed.is_empty() => {
            hours::unpack(absorbed, hour, one.host, &one.name, place).await
        }
        _ => Ok(Vec::new()),
    }
}

fn length(part: &Part) -> i64 {
    i64::try_from(part.docs.len()).unwrap_or(i64::MAX)
}

fn read_ledger(packed: &[u8]) -> io::Result<Vec<SealedPoll>> {
    sealed::read_ledger(&packed::unpack(packed)?)
}
