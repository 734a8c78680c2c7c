//! Sealing: hours of polls become a row per host, compared with what they were made of.
//!
//! What is sealed counts only once the seal boundary has passed it, and nothing of `poll` is dropped before.
//! So a server may die anywhere in here: what is half done is done again, and nobody sees it.
//!
//! 1. The seal boundary's row says which hours are being sealed. From then on a writer that adds to one of them
//!    leaves a note.
//! 2. Hour by hour, host by host: read, pack, keep, read back, compare.
//! 3. When no note is left, the seal boundary moves past the hour; else these hosts are sealed once more.
//! 4. Days that are wholly sealed are dropped from `poll`.

use std::{collections::BTreeMap, sync::Arc};

use chrono::NaiveDate;
use mysql_async::{Conn, Row, Transaction, TxOpts, Value, prelude::Queryable as _};

use super::{
    cells::RowReader,
    connect::within,
    fault::Place,
    hours, moment,
    partitions::{self, Partition, PartitionedTable},
    polls,
    pools::Pools,
    seal_boundary::{self, Hold},
};
use crate::{
    model::{HostId, Record},
    store::{Sealed, StoreError},
    units::WallMs,
};

/// How often the hosts of an hour are sealed once more because polls came meanwhile; then the next
/// run goes on.
const ATTEMPTS: usize = 10;

const DOING: &str = "seal polls";

/// A run: what it may seal, and what it has not accounted for yet.
struct Run {
    pools: Arc<Pools>,
    epoch: u64,
    /// Polls and bytes of each host and hour that the seal boundary has not passed.
    done: BTreeMap<(WallMs, HostId), (u64, u64)>,
    sealed: Sealed,
}

/// A day with polls.
struct Day {
    first: WallMs,
    last: WallMs,
}

/// Seals every hour that is over at `before`, and drops the days that are wholly sealed.
pub(super) async fn seal(pools: &Arc<Pools>, before: WallMs) -> Result<Sealed, StoreError> {
    let limit = pools.limits.call;
    let end = moment::hour(before);
    let Some((mut run, mut at)) = within(limit, Run::begin(pools, end)).await? else {
        return finish(pools, Sealed::default()).await;
    };
    for day in within(limit, run.days(at, end)).await? {
        let hosts = within(limit, run.hosts(&day)).await?;
        at = at.max(moment::hour(day.first));
        let over = end.min(moment::next_hour(day.last));
        while at < over {
            for host in &hosts {
                within(limit, run.seal(*host, at)).await?;
            }
            at = moment::next_hour(at);
            run.move_seam(at).await?;
        }
    }
    if at < end {
        run.move_seam(end).await?;
    }
    finish(pools, run.sealed).await
}

/// Drops the days of `poll` that lie before the seal boundary, whoever has moved it there.
async fn finish(pools: &Pools, sealed: Sealed) -> Result<Sealed, StoreError> {
    let reading = async {
        let mut conn = pools.reader().await?;
        seal_boundary::read(&mut conn, Hold::No, &pools.place).await
    };
    let boundary = within(pools.limits.call, reading).await?;
    if let Some(first) = moment::day(boundary.before) {
        partitions::drop_before(pools, PartitionedTable::Poll, first).await?;
    }
    Ok(sealed)
}

impl Run {
    /// Says that hours before `end` are being sealed; none when all of them are. Answers where the
    /// seal boundary is.
    async fn begin(pools: &Arc<Pools>, end: WallMs) -> Result<Option<(Self, WallMs)>, StoreError> {
        let fault = pools.place.fault(DOING);
        let mut conn = pools.writer(DOING).await?;
        if seal_boundary::read(&mut conn, Hold::No, &pools.place).await?.before >= end {
            return Ok(None);
        }
        let mut transaction = begin(&mut conn, &pools.place).await?;
        let boundary = seal_boundary::read(&mut transaction, Hold::Alone, &pools.place).await?;
        transaction
            .exec_drop(
                "UPDATE seal SET sealing = ?, epoch = epoch + 1 WHERE id = 1",
                (moment::datetime(end.max(boundary.before)),),
            )
            .await
            .map_err(&fault)?;
        // All that is noted will be read from here on.
        transaction.query_drop("DELETE FROM seal_late").await.map_err(&fault)?;
        transaction.commit().await.map_err(&fault)?;
        let pools = Arc::clone(pools);
        let run = Self {
            pools,
            epoch: boundary.epoch + 1,
            done: BTreeMap::new(),
            sealed: Sealed::default(),
        };
        Ok(Some((run, boundary.before)))
    }

    /// The days with polls from the seal boundary to the end.
    async fn days(&self, boundary: WallMs, end: WallMs) -> Result<Vec<Day>, StoreError> {
        let mut conn = self.pools.reader().await?;
        let rows: Vec<Row> = conn
            .exec(
                "SELECT oldest, newest FROM poll_day WHERE newest >= ? AND oldest < ? ORDER BY day",
                (moment::datetime(boundary), moment::datetime(end)),
            )
            .await
            .map_err(self.pools.place.fault(DOING))?;
        let day = |row| {
            let cells = RowReader::new(row, &self.pools.place, "a day of polls");
            Ok(Day { first: cells.required_moment(0)?, last: cells.required_moment(1)? })
        };
        rows.into_iter().map(day).collect()
    }

    /// The hosts with polls in a day, as the rows themselves say: looked up in the key, host by
    /// host, without reading the rows.
    async fn hosts(&self, day: &Day) -> Result<Vec<HostId>, StoreError> {
        let place = &self.pools.place;
        let mut conn = self.pools.reader().await?;
        let partitions = partitions::list(&mut conn, PartitionedTable::Poll, place).await?;
        let Some(date) = moment::day(day.first) else { return Ok(Vec::new()) };
        let Some(name) = holder(&partitions, date) else { return Ok(Vec::new()) };
        let hosts: Vec<i64> = conn
            .query(format!("SELECT DISTINCT host_id FROM poll PARTITION ({name})"))
            .await
            .map_err(place.fault(DOING))?;
        Ok(hosts.into_iter().map(HostId).collect())
    }

    /// Seals an hour of a host and compares it with its source.
    async fn seal(&mut self, host: HostId, hour: WallMs) -> Result<(), StoreError> {
        let place = &self.pools.place;
        let mut conn = self.pools.writer(DOING).await?;
        let records = Arc::new(polls::read_hour(&mut conn, host, hour, place).await?);
        let Some(first) = records.first() else { return Ok(()) };
        let parts = hours::pack(hour, Arc::clone(&records), place).await?;
        let bytes = parts.iter().map(|part| part.docs.len()).sum::<usize>();
        let mut transaction = begin(&mut conn, place).await?;
        self.hold(&mut transaction, Hold::Shared).await?;
        hours::clear(&mut transaction, host, hour, 0, place).await?;
        hours::insert(&mut transaction, host, hour, 0, parts, place).await?;
        transaction.commit().await.map_err(place.fault(DOING))?;
        let kept = hours::read(&mut conn, host, hour, &first.name, place).await?;
        compare(&records, &kept).map_err(|why| {
            place.corrupt(&format!("the sealed polls of {} from {hour} on", first.name), why)
        })?;
        let counts = (records.len(), bytes);
        let counts = (u64::try_from(counts.0), u64::try_from(counts.1));
        let counts = (counts.0.unwrap_or(u64::MAX), counts.1.unwrap_or(u64::MAX));
        self.done.insert((hour, host), counts);
        Ok(())
    }

    /// Moves the seal boundary to `end`, before which all hours are sealed but those with late polls: these
    /// are sealed once more.
    async fn move_seam(&mut self, end: WallMs) -> Result<(), StoreError> {
        let limit = self.pools.limits.call;
        for _ in 0..ATTEMPTS {
            let late = within(limit, self.try_move(end)).await?;
            if late.is_empty() {
                return Ok(());
            }
            for (host, hour) in late {
                within(limit, self.seal(host, hour)).await?;
            }
        }
        Err(StoreError::Failed {
            doing: DOING,
            location: self.pools.place.location.clone(),
            cause: format!("polls due before {end} kept coming").into(),
        })
    }

    /// Moves the seal boundary; or answers the hosts and hours to which polls came meanwhile.
    async fn try_move(&mut self, end: WallMs) -> Result<Vec<(HostId, WallMs)>, StoreError> {
        let pools = Arc::clone(&self.pools);
        let fault = pools.place.fault(DOING);
        let mut conn = pools.writer(DOING).await?;
        let mut transaction = begin(&mut conn, &pools.place).await?;
        self.hold(&mut transaction, Hold::Alone).await?;
        let end_value = moment::datetime(end);
        let rows: Vec<Row> = transaction
            .exec("SELECT host_id, hour FROM seal_late WHERE hour < ?", (&end_value,))
            .await
            .map_err(&fault)?;
        let mut late = Vec::with_capacity(rows.len());
        for row in rows {
            let cells = RowReader::new(row, &pools.place, "late polls");
            late.push((HostId(cells.required_int(0)?), cells.required_moment(1)?));
        }
        if late.is_empty() {
            let sql = "UPDATE seal SET sealed_before = ? WHERE id = 1";
            transaction.exec_drop(sql, (&end_value,)).await.map_err(&fault)?;
            self.account(&mut transaction).await?;
        } else {
            let sql = "DELETE FROM seal_late WHERE hour < ?";
            transaction.exec_drop(sql, (&end_value,)).await.map_err(&fault)?;
        }
        transaction.commit().await.map_err(&fault)?;
        if late.is_empty() {
            self.sealed.hours += u64::from(!self.done.is_empty());
            for (polls, bytes) in std::mem::take(&mut self.done).into_values() {
                self.sealed.polls += polls;
                self.sealed.bytes += bytes;
            }
        }
        Ok(late)
    }

    /// Notes how much was sealed, day by day.
    async fn account(&self, transaction: &mut Transaction<'_>) -> Result<(), StoreError> {
        let mut days: BTreeMap<NaiveDate, (u64, u64)> = BTreeMap::new();
        for ((hour, _), (polls, bytes)) in &self.done {
            let Some(day) = moment::day(*hour) else { continue };
            let sum = days.entry(day).or_default();
            *sum = (sum.0 + polls, sum.1 + bytes);
        }
        for (day, (polls, bytes)) in days {
            transaction
                .exec_drop(
                    "UPDATE poll_day SET sealed_polls = sealed_polls + ?,
                       sealed_bytes = sealed_bytes + ? WHERE day = ?",
                    vec![Value::UInt(polls), Value::UInt(bytes), moment::date(day)],
                )
                .await
                .map_err(self.pools.place.fault(DOING))?;
        }
        Ok(())
    }

    /// Holds the seal boundary; fails when another server has begun to seal.
    async fn hold(&self, transaction: &mut Transaction<'_>, hold: Hold) -> Result<(), StoreError> {
        let boundary = seal_boundary::read(transaction, hold, &self.pools.place).await?;
        if boundary.epoch == self.epoch {
            return Ok(());
        }
        Err(StoreError::Failed {
            doing: DOING,
            location: self.pools.place.location.clone(),
            cause: "another server has begun to seal".into(),
        })
    }
}

async fn begin<'a>(conn: &'a mut Conn, place: &Place) -> Result<Transaction<'a>, StoreError> {
    conn.start_transaction(TxOpts::default()).await.map_err(place.fault(DOING))
}

/// The partition that holds a day.
fn holder(partitions: &[Partition], day: NaiveDate) -> Option<&str> {
    let found = partitions.iter().find(|partition| partition.end > day)?;
    (!found.is_gap()).then_some(found.name.as_str())
}

/// Why what was read back is not what was sealed.
fn compare(wanted: &[Record], kept: &[Record]) -> Result<(), String> {
    if wanted.len() != kept.len() {
        return Err(format!("{} polls were read back of {}", kept.len(), wanted.len()));
    }
    match wanted.iter().zip(kept).find(|(wanted, kept)| wanted != kept) {
        Some((wanted, _)) => Err(format!("the poll due {} was read back changed", wanted.slot)),
        None => Ok(()),
    }
}
