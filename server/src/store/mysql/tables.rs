//! Polls with one list of what repeats, on both sides of the seal boundary, newest first.

use mysql_async::{Row, Value, prelude::Queryable};

use super::{
    cells::RowReader,
    fault::Place,
    hours, moment,
    pools::Pools,
    record,
    seal_boundary::{self, ConsistentRead},
    worker,
};
use crate::{
    model::{Detail, DetailTable, HostId, Outcome},
    store::{ReadOrder, Span, StoreError, TableSample, detail, sealed},
    units::WallMs,
};

const READING: &str = "read polls";

/// At most `limit` polls of a host.
pub(super) async fn samples(
    pools: &Pools,
    of: (HostId, DetailTable),
    span: Span,
    limit: usize,
) -> Result<Vec<TableSample>, StoreError> {
    seal_boundary::again(|| try_samples(pools, of, span, limit)).await
}

async fn try_samples(
    pools: &Pools,
    of: (HostId, DetailTable),
    span: Span,
    limit: usize,
) -> Result<Vec<TableSample>, StoreError> {
    let place = &pools.place;
    let mut conn = pools.reader().await?;
    let mut look = ConsistentRead::begin(&mut conn, place).await?;
    let (sealed, open) = look.boundary.split(span);
    let mut found = Vec::new();
    if !open.is_empty() {
        found = unsealed(&mut look.transaction, of, open, limit, place).await?;
    }
    if !sealed.is_empty() && found.len() < limit {
        let newest = ReadOrder::NewestFirst;
        for hour in hours::list(&mut look.transaction, of.0, sealed, newest, place).await? {
            let mut all = read_hour(&mut look.transaction, of, hour, place).await?;
            all.retain(|sample| sealed.from <= sample.slot && sample.slot < sealed.to);
            found.extend(all.into_iter().rev());
            if found.len() >= limit {
                break;
            }
        }
        found.truncate(limit);
    }
    look.end(place).await?;
    Ok(found)
}

async fn unsealed(
    conn: &mut impl Queryable,
    (host, table): (HostId, DetailTable),
    span: Span,
    limit: usize,
    place: &Place,
) -> Result<Vec<TableSample>, StoreError> {
    const SQL: &str = "SELECT ts, outcome, detail FROM poll
         WHERE host_id = ? AND ts >= ? AND ts < ? ORDER BY ts DESC LIMIT ?";
    let params = vec![
        Value::Int(host.0),
        moment::datetime(span.from),
        moment::datetime(span.to),
        Value::UInt(u64::try_from(limit).unwrap_or(u64::MAX)),
    ];
    let collect = |samples: Result<Vec<TableSample>, StoreError>, row: Row| {
        let mut samples = samples?;
        let cells = RowReader::new(row, place, "a poll");
        let outcome = cells.word(1, "outcome", Outcome::parse)?;
        let detail = match outcome.has_values() {
            true => record::read_detail(&cells, 2, |text| detail::decode_table(text, table))?,
            false => Detail::default(),
        };
        samples.push(TableSample { slot: cells.required_moment(0)?, outcome, detail });
        Ok(samples)
    };
    let read = conn.exec_fold(SQL, params, Ok(Vec::new()), collect).await;
    read.map_err(place.fault(READING))?
}

/// The sealed polls of an hour, oldest first. Unpacked beside the thread of the connections.
async fn read_hour(
    conn: &mut impl Queryable,
    (host, table): (HostId, DetailTable),
    hour: WallMs,
    place: &Place,
) -> Result<Vec<TableSample>, StoreError> {
    let texts = [sealed::text_of(table)];
    let sql =
        format!("SELECT {} FROM poll_hour WHERE host_id = ? AND hour = ?", hours::selected(&texts));
    let key = vec![Value::Int(host.0), moment::datetime(hour)];
    let rows: Vec<Row> = conn.exec(sql, key).await.map_err(place.fault(READING))?;
    let place = place.clone();
    let unpacking = move || {
        let mut samples = Vec::new();
        for row in rows {
            let cells = RowReader::new(row, &place, "sealed polls");
            let what = hours::what(host, hour);
            let texts = hours::unpacked(&cells, 0, &texts, &what)?;
            let read = sealed::decode_table(hour, table, &texts);
            samples.extend(read.map_err(|error| cells.damaged(&what, &error.to_string()))?);
        }
        samples.sort_by_key(|sample: &TableSample| sample.slot);
        Ok(samples)
    };
    tokio::task::spawn_blocking(unpacking).await.map_err(worker::ended)?
}
