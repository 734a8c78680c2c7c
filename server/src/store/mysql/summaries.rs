//! The tables `summary_day` and `summary_late`: days of hosts in points of five minutes.
//!
//! Who keeps a poll that is due before `seal.summarised_before` notes its day in `summary_late`, in the same
//! transaction. Writers hold the row of `seal` shared, so moving that moment waits for those that did not know
//! of it. It is moved before the polls of a day are read: what was not read is noted.

use std::{collections::BTreeSet, sync::Arc};

use chrono::NaiveDate;
use mysql_async::{Conn, Row, TxOpts, Value, prelude::Queryable};

use super::{
    cells::RowReader,
    fault::Place,
    moment,
    pools::Pools,
    seal_boundary::{self, ConsistentRead, Hold},
    series, worker,
};
use crate::{
    model::{HostId, day_of},
    rollup::Tier,
    store::{
        Bucket, Buckets, DaySummary, RowBuckets, RowsAsk, SeriesAsk, Span, StoreError,
        SummariesDue,
        summary::{self, DAY},
    },
    units::WallMs,
};

pub(super) const DOING: &str = "sum up a day of polls";

const READING: &str = "read values over time";

/// Documents that are read at once: a month of a view is a megabyte for most hosts.
const AT_ONCE: u64 = 31;

/// The day that begins at a moment, as a value.
fn date(day: WallMs) -> Value {
    moment::day(day).map_or(Value::NULL, moment::date)
}

/// From here on polls of the day are noted as late; answers how often there were such.
pub(super) async fn begin(
    conn: &mut Conn,
    host: HostId,
    day: WallMs,
    place: &Place,
) -> Result<u64, StoreError> {
    let end = day.plus(DAY);
    if seal_boundary::read(conn, Hold::No, place).await?.summarised < end {
        let sql = "UPDATE seal SET summarised_before = GREATEST(summarised_before, ?) WHERE id = 1";
        conn.exec_drop(sql, (moment::datetime(end),)).await.map_err(place.fault(DOING))?;
    }
    late(conn, (host, day), "", place).await
}

async fn late(
    conn: &mut impl Queryable,
    (host, day): (HostId, WallMs),
    hold: &str,
    place: &Place,
) -> Result<u64, StoreError> {
    let sql = format!("SELECT times FROM summary_late WHERE host_id = ? AND day = ?{hold}");
    let times: Option<i64> =
        conn.exec_first(sql, (host.0, date(day))).await.map_err(place.fault(DOING))?;
    Ok(times.unwrap_or(0).unsigned_abs())
}

/// Notes that polls of these hosts came into a day.
pub(super) async fn note_late(
    conn: &mut impl Queryable,
    hosts: &BTreeSet<HostId>,
    day: NaiveDate,
    place: &Place,
) -> Result<(), StoreError> {
    for host in hosts {
        conn.exec_drop(
            "INSERT INTO summary_late (host_id, day, times) VALUES (?, ?, 1)
             ON DUPLICATE KEY UPDATE times = times + 1",
            (host.0, moment::date(day)),
        )
        .await
        .map_err(place.fault("note late polls"))?;
    }
    Ok(())
}

/// Keeps a day in the place of one that was made of no more polls; false when others came late meanwhile.
pub(super) async fn keep(
    conn: &mut Conn,
    summary: &DaySummary,
    expected: u64,
    place: &Place,
) -> Result<bool, StoreError> {
    let fault = place.fault(DOING);
    let DaySummary { host, day, polls, ref views } = *summary;
    let mut transaction = conn.start_transaction(TxOpts::default()).await.map_err(&fault)?;
    if late(&mut transaction, (host, day), " FOR UPDATE", place).await? != expected {
        return Ok(false);
    }
    transaction
        .exec_drop("DELETE FROM summary_late WHERE host_id = ? AND day = ?", (host.0, date(day)))
        .await
        .map_err(&fault)?;
    for (view, doc) in views {
        // `polls` is set last: what stands before it compares with what it was.
        let sql =
            "INSERT INTO summary_day (host_id, view_name, day, polls, doc) VALUES (?, ?, ?, ?, ?)
             ON DUPLICATE KEY UPDATE doc = IF(VALUES(polls) >= polls, VALUES(doc), doc),
               polls = GREATEST(polls, VALUES(polls))";
        let key = vec![Value::Int(host.0), (*view).into(), date(day), Value::UInt(polls)];
        let row: Vec<Value> = key.into_iter().chain([Value::Bytes(doc.clone())]).collect();
        let named = || format!("the summary {view} of host {} and the day of {day}", host.0);
        let kept = transaction.exec_drop(sql, row).await;
        kept.map_err(|error| place.row_fault(DOING, named, error))?;
    }
    transaction.commit().await.map_err(&fault)?;
    Ok(true)
}

/// Days of hosts that are to be summed up.
pub(super) async fn due(
    pools: &Pools,
    of: SummariesDue,
    limit: usize,
) -> Result<Vec<(HostId, WallMs)>, StoreError> {
    const LATE: &str = "SELECT host_id, day FROM summary_late WHERE day < ?
         ORDER BY host_id, day LIMIT ?";
    // Looked up in the keys, host by host, without reading rows.
    const OF_DAY: &str = "SELECT h.id, CAST(? AS DATE) FROM host h WHERE h.id > ?
         AND NOT EXISTS (SELECT 1 FROM summary_day s
           WHERE s.host_id = h.id AND s.view_name = ? AND s.day = ?)
         AND (EXISTS (SELECT 1 FROM poll p WHERE p.host_id = h.id AND p.ts >= ? AND p.ts < ?)
           OR EXISTS (SELECT 1 FROM poll_hour q
             WHERE q.host_id = h.id AND q.hour >= ? AND q.hour < ?))
         ORDER BY h.id LIMIT ?";
    let limit = Value::UInt(u64::try_from(limit).unwrap_or(u64::MAX));
    let mut conn = pools.reader().await?;
    let rows: Vec<Row> = match of {
        SummariesDue::Late { before } => conn.exec(LATE, vec![date(before), limit]).await,
        SummariesDue::Day { day, after } => {
            let (begin, end) = (moment::datetime(day), moment::datetime(day.plus(DAY)));
            let view = Value::from(summary::FIRST_VIEW);
            let asked = vec![date(day), Value::Int(after.0), view, date(day)];
            let span = [begin.clone(), end.clone(), begin, end, limit];
            conn.exec(OF_DAY, asked.into_iter().chain(span).collect::<Vec<_>>()).await
        }
    }
    .map_err(pools.place.fault(DOING))?;
    let found = |row| {
        let cells = RowReader::new(row, &pools.place, "a day to be summed up");
        Ok((HostId(cells.required_int(0)?), cells.required_moment(1)?))
    };
    rows.into_iter().map(found).collect()
}

/// Documents of a view and of the days that touch a span, oldest first, some at a time. Of a day with late
/// polls the document does not count.
struct Documents<'a> {
    host: HostId,
    view: &'a str,
    span: Span,
    is_over: bool,
}

impl<'a> Documents<'a> {
    fn new((host, view): (HostId, &'a str), span: Span) -> Self {
        Self { host, view, span: Span { from: day_of(span.from), ..span }, is_over: false }
    }

    /// The next; none when that was all.
    async fn next(
        &mut self,
        conn: &mut impl Queryable,
        place: &Place,
    ) -> Result<Option<Vec<(WallMs, Vec<u8>)>>, StoreError> {
        const SQL: &str = "SELECT s.day, s.doc FROM summary_day s
             WHERE s.host_id = ? AND s.view_name = ? AND s.day >= ? AND s.day < ?
               AND NOT EXISTS (SELECT 1 FROM summary_late l
                 WHERE l.host_id = s.host_id AND l.day = s.day)
             ORDER BY s.day LIMIT ?";
        if self.is_over {
            return Ok(None);
        }
        let (from, to) = (moment::datetime(self.span.from), moment::datetime(self.span.to));
        let asked = vec![Value::Int(self.host.0), self.view.into(), from, to, AT_ONCE.into()];
        let rows: Vec<Row> = conn.exec(SQL, asked).await.map_err(place.fault(READING))?;
        let document = |row| {
            let cells = RowReader::new(row, place, "a summary");
            Ok((cells.required_moment(0)?, cells.bytes(1)?.unwrap_or_default().to_vec()))
        };
        let some = rows.into_iter().map(document).collect::<Result<Vec<_>, StoreError>>()?;
        self.is_over = u64::try_from(some.len()).is_ok_and(|read| read < AT_ONCE);
        if let Some((last, _)) = some.last() {
            self.span.from = last.plus(DAY);
        }
        Ok((!some.is_empty()).then_some(some))
    }
}

/// Lets `read` take documents in, beside the thread of the connections.
async fn take<T: Send + 'static>(
    (host, view): (HostId, &'static str),
    some: Vec<(WallMs, Vec<u8>)>,
    mut into: T,
    place: &Place,
    read: impl Fn(WallMs, &[u8], &mut T) -> std::io::Result<()> + Send + 'static,
) -> Result<T, StoreError> {
    let place = place.clone();
    let unpacking = move || {
        for (day, doc) in some {
            let what = format!("the summary {view} of host {} and the day of {day}", host.0);
            read(day, &doc, &mut into).map_err(|error| place.corrupt(&what, error.to_string()))?;
        }
        Ok(into)
    };
    tokio::task::spawn_blocking(unpacking).await.map_err(worker::ended)?
}

/// Buckets of a host: of summaries, and of polls where a day has none.
pub(super) async fn series(pools: &Pools, ask: &SeriesAsk) -> Result<Vec<Bucket>, StoreError> {
    seal_boundary::again(|| try_series(pools, ask)).await
}

async fn try_series(pools: &Pools, ask: &SeriesAsk) -> Result<Vec<Bucket>, StoreError> {
    let place = &pools.place;
    let mut conn = pools.reader().await?;
    // One moment's view of all tables: no day is in both, or in none.
    let mut look = ConsistentRead::begin(&mut conn, place).await?;
    let mut buckets = Buckets::new(ask);
    let mut days: Arc<[WallMs]> = Arc::default();
    for (number, (view, places)) in summary::views_of(&ask.columns).into_iter().enumerate() {
        let is_first = number == 0;
        let mut documents = Documents::new((ask.host, view), ask.span);
        let places: Arc<[(usize, usize)]> = places.into();
        while let Some(some) = documents.next(&mut look.transaction, place).await? {
            if is_first {
                days = days.iter().copied().chain(some.iter().map(|(day, _)| *day)).collect();
            }
            let (ask, places, days) = (ask.clone(), Arc::clone(&places), Arc::clone(&days));
            buckets = take((ask.host, view), some, buckets, place, move |day, doc, buckets| {
                match days.contains(&day) {
                    true => summary::read_host_wide((day, doc), &ask, &places, is_first, buckets),
                    false => Ok(()),
                }
            })
            .await?;
        }
    }
    for span in summary::summary_gaps(ask.span, &days) {
        let ask = SeriesAsk { span, tier: Tier::Polls, ..ask.clone() };
        series::of_polls(&mut look, &ask, &mut buckets, place).await?;
    }
    look.end(place).await?;
    Ok(buckets.into_vec())
}

/// Rows of a list, from summaries alone.
pub(super) async fn rows(pools: &Pools, ask: RowsAsk) -> Result<RowBuckets, StoreError> {
    let place = &pools.place;
    let mut conn = pools.reader().await?;
    let of = (ask.host, summary::view_of(ask.table));
    let mut documents = Documents::new(of, ask.span);
    let (mut buckets, ask) = (RowBuckets::default(), Arc::new(ask));
    while let Some(some) = documents.next(&mut conn, place).await? {
        let ask = Arc::clone(&ask);
        buckets = take(of, some, buckets, place, move |day, doc, buckets| {
            summary::read_rows((day, doc), &ask, buckets)
        })
        .await?;
    }
    Ok(buckets)
}
