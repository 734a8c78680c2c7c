//! The table `poll`: a batch in, records out.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

use chrono::{Days, NaiveDate};
use mysql_async::{Conn, Params, Row, Transaction, TxOpts, Value, prelude::Queryable};

use super::{
    alerts, annotations, backfill,
    cells::RowReader,
    events,
    fault::Place,
    hosts, hours, losses, moment, notices, partitions,
    pools::Pools,
    record, rollups,
    seal_boundary::{self, ConsistentRead, SealBoundary, WriteTarget},
    seen, summaries,
};
use crate::{
    model::{HostId, HostName, Record},
    store::{Batch, BatchResult, Mark, ReadOrder, Span, StoreError, packed::Packer, row},
    units::WallMs,
};

/// Rows of one INSERT: as many of the first as fit, then of the next. Fixed, so that each connection
/// prepares each once. 64 rows are 12,000 of the 65,535 places a statement has.
const ROWS: [usize; 7] = [64, 32, 16, 8, 4, 2, 1];

/// Rows of more than one to an INSERT are so many bytes at most: a packet must hold them.
const STATEMENT_BYTES: usize = 2 << 20;

const WRITING: &str = "keep a batch of polls";
const READING: &str = "read polls";

/// One INSERT for each of [`ROWS`]. Not INSERT IGNORE, which hides every error of a row, the
/// missing partition included: a row whose key is there is set to the key that it has.
static INSERTS: LazyLock<[String; ROWS.len()]> = LazyLock::new(|| {
    let names = record::columns().collect::<Vec<_>>().join(", ");
    let places = format!("({})", vec!["?"; record::WIDTH].join(","));
    ROWS.map(|rows| {
        let places = vec![places.as_str(); rows].join(",");
        format!(
            "INSERT INTO poll ({names}) VALUES {places}
             ON DUPLICATE KEY UPDATE host_id = VALUES(host_id)"
        )
    })
});

/// A row made ready.
struct Ready<'a> {
    record: &'a Record,
    values: Vec<Value>,
    bytes: usize,
}

/// A batch made ready: its polls by day, each with the values of its row.
pub(super) struct Prepared<'a> {
    batch: &'a Batch,
    days: BTreeMap<NaiveDate, Vec<Ready<'a>>>,
}

impl<'a> Prepared<'a> {
    /// Checks and packs each row.
    ///
    /// # Errors
    /// [`StoreError::BadRow`] for the first that can never be kept.
    pub(super) fn new(batch: &'a Batch, now: WallMs) -> Result<Self, StoreError> {
        let mut days: BTreeMap<NaiveDate, Vec<Ready<'a>>> = BTreeMap::new();
        let mut packer = Packer::quick();
        let latest = moment::day(now)
            .and_then(|today| today.checked_add_days(Days::new(partitions::FUTURE_DAYS)));
        for record in &batch.polls {
            let bad = |why: String| StoreError::BadRow { row: row::name(record), why };
            if let Some(why) = row::flaw(record) {
                return Err(bad(why.to_owned()));
            }
            let Some(day) =
                moment::day(record.slot).filter(|_| moment::day(record.started).is_some())
            else {
                return Err(bad("a DATETIME has years 1000 to 9999".to_owned()));
            };
            if latest.is_some_and(|latest| day > latest) {
                return Err(bad(format!(
                    "it is due more than {} days from now, which is {now}: this server's clock \
                     was set back",
                    partitions::FUTURE_DAYS
                )));
            }
            let mut values = Vec::with_capacity(record::WIDTH);
            let appended = record::append(record, &mut packer, &mut values);
            let bytes = appended.map_err(|error| bad(error.to_string()))?;
            days.entry(day).or_default().push(Ready { record, values, bytes });
        }
        Ok(Self { batch, days })
    }

    /// The days that must have their partitions.
    pub(super) fn days(&self) -> BTreeSet<NaiveDate> {
        self.days.keys().copied().collect()
    }
}

/// Keeps a batch in one transaction, in the database and by the server that `only` says.
pub(super) async fn write(
    conn: &mut Conn,
    prepared: Prepared<'_>,
    only: WriteTarget<'_>,
    place: &Place,
) -> Result<BatchResult, StoreError> {
    let fault = place.fault(WRITING);
    let batch = prepared.batch;
    let mut transaction = conn.start_transaction(TxOpts::default()).await.map_err(&fault)?;
    let mut written = BatchResult::default();
    let boundary = seal_boundary::hold(&mut transaction, only, place).await?;
    for (day, rows) in prepared.days {
        insert_day(&mut transaction, day, rows, boundary, place, &mut written).await?;
    }
    for transition in &batch.transitions {
        events::insert(&mut transaction, transition, place).await?;
    }
    for notice in &batch.notices {
        notices::keep(&mut transaction, notice, place).await?;
    }
    alerts::keep(&mut transaction, batch, place).await?;
    annotations::keep(&mut transaction, &batch.annotations, place).await?;
    for seen in &batch.facts {
        hosts::learn(&mut transaction, seen, place).await?;
    }
    for loss in &batch.losses {
        losses::insert(&mut transaction, loss, place).await?;
    }
    seen::see(&mut transaction, batch, place).await?;
    rollups::insert(&mut transaction, batch, place).await?;
    only.commit(transaction, WRITING, place).await?;
    Ok(written)
}

/// Keeps the polls of one day, on their side of the seal boundary, and how many they are.
async fn insert_day(
    transaction: &mut Transaction<'_>,
    day: NaiveDate,
    rows: Vec<Ready<'_>>,
    boundary: SealBoundary,
    place: &Place,
    written: &mut BatchResult,
) -> Result<(), StoreError> {
    let slots = rows.iter().map(|row| row.record.slot);
    let (Some(oldest), Some(newest)) = (slots.clone().min(), slots.max()) else { return Ok(()) };
    let hosts: BTreeSet<HostId> = rows.iter().map(|row| row.record.host).collect();
    let (rows, sealed): (Vec<_>, Vec<_>) =
        rows.into_iter().partition(|row| row.record.slot >= boundary.before);
    let sealed: Vec<&Record> = sealed.into_iter().map(|row| row.record).collect();
    let merged = backfill::merge(transaction, &sealed, place, written).await?;
    let being_sealed = rows.iter().map(|row| row.record).filter(|r| r.slot < boundary.sealing);
    let being_sealed: BTreeSet<(HostId, WallMs)> =
        being_sealed.map(|record| (record.host, moment::hour(record.slot))).collect();
    seal_boundary::note_late(transaction, being_sealed, place).await?;
    let mut new = merged.polls;
    let mut rows = rows.into_iter().peekable();
    while rows.peek().is_some() {
        let chunk = next_chunk(&mut rows);
        new += insert(transaction, chunk, place, written).await?;
    }
    written.polls += new;
    if new == 0 {
        return Ok(());
    }
    if oldest < boundary.summarised {
        summaries::note_late(transaction, &hosts, day, place).await?;
    }
    transaction
        .exec_drop(
            "INSERT INTO poll_day (day, polls, oldest, newest, sealed_polls, sealed_bytes)
             VALUES (?, ?, ?, ?, ?, ?)
             ON DUPLICATE KEY UPDATE polls = polls + VALUES(polls),
               oldest = LEAST(oldest, VALUES(oldest)), newest = GREATEST(newest, VALUES(newest)),
               sealed_polls = sealed_polls + VALUES(sealed_polls),
               sealed_bytes = sealed_bytes + VALUES(sealed_bytes)",
            vec![
                moment::date(day),
                Value::UInt(new),
                moment::datetime(oldest),
                moment::datetime(newest),
                Value::UInt(merged.polls),
                Value::Int(merged.bytes),
            ],
        )
        .await
        .map_err(place.fault(WRITING))
}

/// The next rows, as many as one statement takes.
fn next_chunk<'a>(rows: &mut std::iter::Peekable<std::vec::IntoIter<Ready<'a>>>) -> Vec<Ready<'a>> {
    let left = rows.len();
    let most = ROWS.into_iter().find(|count| *count <= left).unwrap_or(1);
    let mut chunk: Vec<Ready<'a>> = Vec::with_capacity(most);
    let mut bytes = 0;
    while chunk.len() < most
        && let Some(row) =
            rows.next_if(|row| chunk.is_empty() || bytes + row.bytes <= STATEMENT_BYTES)
    {
        bytes += row.bytes;
        chunk.push(row);
    }
    chunk
}

/// Inserts these rows; answers how many were new, and notes what the others were.
async fn insert(
    transaction: &mut Transaction<'_>,
    mut chunk: Vec<Ready<'_>>,
    place: &Place,
    written: &mut BatchResult,
) -> Result<u64, StoreError> {
    let mut new = 0;
    let records: Vec<&Record> = chunk.iter().map(|row| row.record).collect();
    while !chunk.is_empty() {
        // A chunk that was cut short by its bytes is no fixed number of rows.
        let fits = |(_, rows): &(usize, &usize)| **rows <= chunk.len();
        let Some((kind, rows)) = ROWS.iter().enumerate().find(fits) else { break };
        let part: Vec<Ready<'_>> = chunk.drain(..*rows).collect();
        let named = match part.as_slice() {
            [row] => row::name(row.record),
            all => format!("one of {} polls", all.len()),
        };
        let values: Vec<Value> = part.into_iter().flat_map(|row| row.values).collect();
        transaction
            .exec_drop(INSERTS[kind].as_str(), Params::Positional(values))
            .await
            .map_err(|error| place.row_fault(WRITING, || named, error))?;
        new += transaction.affected_rows();
    }
    let all = u64::try_from(records.len()).unwrap_or(u64::MAX);
    if new < all {
        let mut same = 0;
        for record in records {
            match is_same_attempt(transaction, record, place).await? {
                true => same += 1,
                false => written.conflicting.push((record.host, record.slot)),
            }
        }
        written.repeated += u64::saturating_sub(same, new);
    }
    Ok(new)
}

/// Whether the row that holds this key is this attempt, and not another one.
async fn is_same_attempt(
    transaction: &mut Transaction<'_>,
    record: &Record,
    place: &Place,
) -> Result<bool, StoreError> {
    let kept: Option<Row> = transaction
        .exec_first(
            "SELECT started, outcome FROM poll WHERE host_id = ? AND ts = ?",
            vec![Value::Int(record.host.0), moment::datetime(record.slot)],
        )
        .await
        .map_err(place.fault(WRITING))?;
    let Some(kept) = kept else { return Ok(false) };
    let cells = RowReader::new(kept, place, "a poll");
    Ok(cells.moment(0)? == Some(record.started) && cells.text(1)? == Some(record.outcome.as_str()))
}

/// Polls of a host in a span, on both sides of the seal boundary.
pub(super) async fn read(
    pools: &Pools,
    host: HostId,
    span: Span,
    order: ReadOrder,
    limit: usize,
) -> Result<Vec<Record>, StoreError> {
    seal_boundary::again(|| try_read(pools, host, span, order, limit)).await
}

async fn try_read(
    pools: &Pools,
    host: HostId,
    span: Span,
    order: ReadOrder,
    limit: usize,
) -> Result<Vec<Record>, StoreError> {
    read_on(&mut pools.reader().await?, host, span, order, limit, &pools.place).await
}

/// Which of these polls are not there.
pub(super) async fn missing(
    conn: &mut Conn,
    marks: Vec<Mark>,
    place: &Place,
) -> Result<Vec<Mark>, StoreError> {
    let mut missing = Vec::new();
    for mark in marks {
        let found = read_on(conn, mark.host, mark.span(), ReadOrder::OldestFirst, 1, place).await?;
        if found.is_empty() {
            missing.push(mark);
        }
    }
    Ok(missing)
}

async fn read_on(
    conn: &mut Conn,
    host: HostId,
    span: Span,
    order: ReadOrder,
    limit: usize,
    place: &Place,
) -> Result<Vec<Record>, StoreError> {
    let mut look = ConsistentRead::begin(conn, place).await?;
    let Some(name) = hosts::name(&mut look.transaction, host, place).await? else {
        return Ok(Vec::new());
    };
    let (sealed, open) = look.boundary.split(span);
    let mut found = Vec::new();
    for side in match order {
        ReadOrder::OldestFirst => [sealed, open],
        ReadOrder::NewestFirst => [open, sealed],
    } {
        let left = limit - found.len();
        let (conn, of) = (&mut look.transaction, (host, &name));
        found.extend(if left == 0 || side.is_empty() {
            Vec::new()
        } else if side == sealed {
            hours::read_span(conn, of, side, order, left, place).await?
        } else {
            read_rows(conn, of, side, order, left, place).await?
        });
    }
    look.end(place).await?;
    Ok(found)
}

/// The polls of a host in an hour that is not sealed.
pub(super) async fn read_hour(
    conn: &mut Conn,
    host: HostId,
    hour: WallMs,
    place: &Place,
) -> Result<Vec<Record>, StoreError> {
    // Rows of a host that somebody deleted are kept as they are, too.
    let name = match hosts::name(conn, host, place).await? {
        Some(name) => name,
        None => HostName::new(&format!("host-{}", host.0))
            .map_err(|error| place.corrupt("a poll's host", error.to_string()))?,
    };
    let span = Span { from: hour, to: moment::next_hour(hour) };
    read_rows(conn, (host, &name), span, ReadOrder::OldestFirst, usize::MAX, place).await
}

async fn read_rows(
    conn: &mut impl Queryable,
    (host, name): (HostId, &HostName),
    span: Span,
    order: ReadOrder,
    limit: usize,
    place: &Place,
) -> Result<Vec<Record>, StoreError> {
    let order = match order {
        ReadOrder::OldestFirst => "ASC",
        ReadOrder::NewestFirst => "DESC",
    };
    let sql = format!(
        "SELECT {} FROM poll p WHERE p.host_id = ? AND p.ts >= ? AND p.ts < ?
         ORDER BY p.ts {order} LIMIT ?",
        *record::SELECTED
    );
    let limit = Value::UInt(u64::try_from(limit).unwrap_or(u64::MAX));
    let params =
        vec![Value::Int(host.0), moment::datetime(span.from), moment::datetime(span.to), limit];
    let collect = |records: Result<Vec<Record>, StoreError>, row: Row| {
        let mut records = records?;
        records.push(record::from_cells(&RowReader::new(row, place, "a poll"), 0, name)?);
        Ok(records)
    };
    conn.exec_fold(sql, params, Ok(Vec::new()), collect).await.map_err(place.fault(READING))?
}
