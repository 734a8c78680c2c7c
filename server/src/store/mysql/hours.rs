//! The table `poll_hour`: parts of sealed hours in and out.

use std::{
    fmt::Write as _,
    sync::{Arc, LazyLock},
};

use mysql_async::{Conn, Row, Value, prelude::Queryable};

use super::{
    cells::RowReader,
    fault::Place,
    moment,
    part::{self, Part},
    worker,
};
use crate::{
    model::{Column, HostId, HostName, Record},
    store::{
        ReadOrder, Sample, Span, StoreError, packed,
        sealed::{self, Form, SomeTexts, TEXTS},
    },
    units::WallMs,
};

/// The columns of a part after its key.
static COLUMNS: LazyLock<String> = LazyLock::new(|| {
    let ats = (0..TEXTS).map(sealed::begins_at).collect::<Vec<_>>().join(", ");
    format!("form, polls, first_ts, last_ts, {ats}, end_at, docs")
});

/// The same, as they are read.
static READ: LazyLock<String> = LazyLock::new(|| {
    let ats = (0..=TEXTS).map(|text| begins("", text)).collect::<Vec<_>>().join(", ");
    format!("form, polls, first_ts, last_ts, {ats}, docs")
});

/// Where a text begins, of the table `of` (`q.`): hours that were sealed before there were such texts have
/// them at their end, empty.
pub(super) fn begins(of: &str, text: usize) -> String {
    let at = sealed::begins_at(text);
    match sealed::came_later(text) && text < TEXTS {
        true => format!("COALESCE({of}{at}, {})", begins(of, text + 1)),
        false => format!("{of}{at}"),
    }
}

/// Number of columns after the key.
const WIDTH: usize = 4 + TEXTS + 1 + 1;

const READING: &str = "read sealed polls";

/// A part as it lies in the table.
pub(super) struct StoredPart {
    pub(super) number: u32,
    pub(super) part: Part,
}

/// What a host and an hour are called in messages.
pub(super) fn what(host: HostId, hour: WallMs) -> String {
    format!("the sealed polls of host {} from {hour} on", host.0)
}

/// Keeps parts, numbered from `first` on.
pub(super) async fn insert(
    conn: &mut impl Queryable,
    host: HostId,
    hour: WallMs,
    first: u32,
    parts: Vec<Part>,
    place: &Place,
) -> Result<(), StoreError> {
    static SQL: LazyLock<String> = LazyLock::new(|| {
        let places = vec!["?"; 3 + WIDTH].join(",");
        format!("INSERT INTO poll_hour (host_id, hour, part, {}) VALUES ({places})", *COLUMNS)
    });
    for (number, part) in (first..).zip(parts) {
        let mut values = vec![
            Value::Int(host.0),
            moment::datetime(hour),
            number.into(),
            part.form.number().into(),
            part.polls.into(),
            moment::datetime(part.first),
            moment::datetime(part.last),
        ];
        values.extend(part.at.map(Value::from));
        values.push(Value::Bytes(part.docs));
        let kept = conn.exec_drop(SQL.as_str(), values).await;
        kept.map_err(|error| place.row_fault("seal polls", || what(host, hour), error))?;
    }
    Ok(())
}

/// Takes out the parts from `first` on: what is there is written anew.
pub(super) async fn clear(
    conn: &mut impl Queryable,
    host: HostId,
    hour: WallMs,
    first: u32,
    place: &Place,
) -> Result<(), StoreError> {
    conn.exec_drop(
        "DELETE FROM poll_hour WHERE host_id = ? AND hour = ? AND part >= ?",
        vec![Value::Int(host.0), moment::datetime(hour), first.into()],
    )
    .await
    .map_err(place.fault("seal polls"))
}

/// The parts of a host and an hour from `first` on, in their order.
pub(super) async fn parts(
    conn: &mut impl Queryable,
    host: HostId,
    hour: WallMs,
    first: u32,
    place: &Place,
) -> Result<Vec<StoredPart>, StoreError> {
    static SQL: LazyLock<String> = LazyLock::new(|| {
        format!(
            "SELECT part, {} FROM poll_hour WHERE host_id = ? AND hour = ? AND part >= ?
             ORDER BY part",
            *READ
        )
    });
    let key = vec![Value::Int(host.0), moment::datetime(hour), first.into()];
    let rows: Vec<Row> = conn.exec(SQL.as_str(), key).await.map_err(place.fault(READING))?;
    rows.into_iter().map(|row| kept(&RowReader::new(row, place, "sealed polls"))).collect()
}

fn kept(cells: &RowReader<'_>) -> Result<StoredPart, StoreError> {
    let small = |column: usize| {
        let number = cells.required_int(column)?;
        u32::try_from(number).map_err(|_range| cells.unreadable(column, "small whole number"))
    };
    let mut at = [0; TEXTS + 1];
    for (position, at) in at.iter_mut().enumerate() {
        *at = small(5 + position)?;
    }
    let part = Part {
        form: form(cells, 1)?,
        polls: cells.required_int(2)?.unsigned_abs(),
        first: cells.required_moment(3)?,
        last: cells.required_moment(4)?,
        at,
        docs: cells.bytes(WIDTH)?.unwrap_or_default().to_vec(),
    };
    Ok(StoredPart { number: small(0)?, part })
}

/// How the texts of a part are written.
pub(super) fn form(cells: &RowReader<'_>, column: usize) -> Result<Form, StoreError> {
    let form = Form::of(cells.required_int(column)?);
    form.ok_or_else(|| cells.unreadable(column, "form of sealed polls"))
}

/// What is read of a part to unpack some of its texts ([`unpacked`]), for a SELECT.
pub(super) fn selected(texts: &[usize]) -> String {
    let mut sql = "form, SUBSTRING(docs, 1, ledger_at - 1)".to_owned();
    for text in [0].iter().chain(texts) {
        let (this, next) = (begins("", *text), begins("", text + 1));
        // Writing to a String cannot fail.
        let _ = write!(sql, ", SUBSTRING(docs, {this}, {next} - {this})");
    }
    sql
}

/// The columns that [`selected`] names, of which `first` is the place of the first.
pub(super) fn unpacked(
    cells: &RowReader<'_>,
    first: usize,
    texts: &[usize],
    what: &str,
) -> Result<SomeTexts, StoreError> {
    let form = form(cells, first)?;
    let bytes = |column: usize| Ok(cells.bytes(first + column)?.unwrap_or_default());
    let damaged = |error: std::io::Error| cells.damaged(what, &error.to_string());
    let unpack = |column| packed::unpack(bytes(column)?).map_err(damaged);
    let others = texts.iter().zip(3..).map(|(text, column)| match bytes(column)? {
        [] if sealed::came_later(*text) => Ok((*text, String::new())),
        _ => Ok((*text, unpack(column)?)),
    });
    Ok(SomeTexts {
        form,
        times: part::times(form, bytes(1)?).map_err(damaged)?,
        ledger: unpack(2)?,
        others: others.collect::<Result<_, StoreError>>()?,
    })
}

/// Unpacks parts beside the thread of the connections; the polls in the order of their slots.
pub(super) async fn unpack(
    kept: Vec<StoredPart>,
    hour: WallMs,
    host: HostId,
    name: &HostName,
    place: &Place,
) -> Result<Vec<Record>, StoreError> {
    let (name, place) = (name.clone(), place.clone());
    let unpacking = move || {
        let mut records = Vec::new();
        for StoredPart { number, part } in kept {
            let read = part.unpack().and_then(|part| sealed::decode(&part, hour, host, &name));
            let read = read.map_err(|error| {
                place.corrupt(&format!("part {number} of {}", what(host, hour)), error.to_string())
            })?;
            records.extend(read);
        }
        records.sort_by_key(|record| record.slot);
        Ok(records)
    };
    tokio::task::spawn_blocking(unpacking).await.map_err(worker::ended)?
}

/// The polls of a host and an hour.
pub(super) async fn read(
    conn: &mut impl Queryable,
    host: HostId,
    hour: WallMs,
    name: &HostName,
    place: &Place,
) -> Result<Vec<Record>, StoreError> {
    let kept = parts(conn, host, hour, 0, place).await?;
    unpack(kept, hour, host, name, place).await
}

/// The hours of a span in which a host has sealed polls.
pub(super) async fn list(
    conn: &mut impl Queryable,
    host: HostId,
    span: Span,
    order: ReadOrder,
    place: &Place,
) -> Result<Vec<WallMs>, StoreError> {
    let direction = match order {
        ReadOrder::OldestFirst => "ASC",
        ReadOrder::NewestFirst => "DESC",
    };
    let sql = format!(
        "SELECT DISTINCT hour FROM poll_hour WHERE host_id = ? AND hour >= ? AND hour < ?
         ORDER BY hour {direction}"
    );
    let key = vec![
        Value::Int(host.0),
        moment::datetime(moment::hour(span.from)),
        moment::datetime(span.to),
    ];
    let hours: Vec<Row> = conn.exec(sql, key).await.map_err(place.fault(READING))?;
    let hour = |row| RowReader::new(row, place, "a sealed hour").required_moment(0);
    hours.into_iter().map(hour).collect()
}

/// Sealed polls of a host whose slot is in the span, hour by hour, until there are `limit`.
pub(super) async fn read_span(
    conn: &mut impl Queryable,
    (host, name): (HostId, &HostName),
    span: Span,
    order: ReadOrder,
    limit: usize,
    place: &Place,
) -> Result<Vec<Record>, StoreError> {
    let mut found = Vec::new();
    for hour in list(conn, host, span, order, place).await? {
        if found.len() >= limit {
            break;
        }
        let mut records = read(conn, host, hour, name, place).await?;
        records.retain(|record| span.from <= record.slot && record.slot < span.to);
        if order == ReadOrder::NewestFirst {
            records.reverse();
        }
        found.extend(records);
    }
    found.truncate(limit);
    Ok(found)
}

/// The poll of a host at a moment, if it is sealed.
pub(super) async fn read_one(
    conn: &mut Conn,
    host: HostId,
    slot: WallMs,
    name: &HostName,
    place: &Place,
) -> Result<Option<Record>, StoreError> {
    let mut records = read(conn, host, moment::hour(slot), name, place).await?;
    let found = records.binary_search_by_key(&slot, |record| record.slot);
    Ok(found.ok().map(|position| records.swap_remove(position)))
}

/// Packs polls beside the thread of the connections.
pub(super) async fn pack(
    hour: WallMs,
    records: Arc<Vec<Record>>,
    place: &Place,
) -> Result<Vec<Part>, StoreError> {
    let packing = move || {
        let texts = sealed::encode(hour, &records);
        texts.iter().map(Part::pack).collect::<std::io::Result<Vec<_>>>()
    };
    let packed = tokio::task::spawn_blocking(packing).await.map_err(worker::ended)?;
    packed.map_err(|error| StoreError::Failed {
        doing: "seal polls",
        location: place.location.clone(),
        cause: error.into(),
    })
}

/// Hours that are unpacked at once: as many polls as are in memory at a time.
const AT_ONCE: usize = 6;

/// Sealed polls of a host without what repeats, some hours at a time, oldest first. Of their values
/// only those that lie in a text with a wanted column.
pub(super) struct Samples<'a> {
    host: HostId,
    span: Span,
    texts: Vec<usize>,
    /// Those that are still to come, newest first.
    hours: Vec<WallMs>,
    place: &'a Place,
}

impl<'a> Samples<'a> {
    pub(super) async fn begin(
        conn: &mut impl Queryable,
        (host, span, columns): (HostId, Span, &[Column]),
        place: &'a Place,
    ) -> Result<Self, StoreError> {
        let hours = list(conn, host, span, ReadOrder::NewestFirst, place).await?;
        Ok(Self { host, span, texts: sealed::texts_of(columns), hours, place })
    }

    /// The next polls; none when that was all.
    pub(super) async fn next(
        &mut self,
        conn: &mut impl Queryable,
    ) -> Result<Option<Vec<Sample>>, StoreError> {
        let some = self.hours.split_off(self.hours.len().saturating_sub(AT_ONCE));
        let (Some(first), Some(last)) = (some.last(), some.first()) else { return Ok(None) };
        let sql = format!(
            "SELECT hour, {} FROM poll_hour WHERE host_id = ? AND hour >= ? AND hour <= ?",
            selected(&self.texts)
        );
        let key = vec![Value::Int(self.host.0), moment::datetime(*first), moment::datetime(*last)];
        let rows: Vec<Row> = conn.exec(sql, key).await.map_err(self.place.fault(READING))?;
        let (host, span, texts) = (self.host, self.span, self.texts.clone());
        let place = self.place.clone();
        let unpacking = move || {
            let mut samples = Vec::new();
            for row in rows {
                samples.extend(unpack_samples(
                    &RowReader::new(row, &place, "sealed polls"),
                    host,
                    &texts,
                )?);
            }
            samples.retain(|sample: &Sample| span.from <= sample.slot && sample.slot < span.to);
            samples.sort_by_key(|sample| sample.slot);
            Ok(Some(samples))
        };
        tokio::task::spawn_blocking(unpacking).await.map_err(worker::ended)?
    }
}

fn unpack_samples(
    cells: &RowReader<'_>,
    host: HostId,
    texts: &[usize],
) -> Result<Vec<Sample>, StoreError> {
    let hour = cells.required_moment(0)?;
    let what = what(host, hour);
    let texts = unpacked(cells, 1, texts, &what)?;
    sealed::decode_samples(hour, &texts).map_err(|error| cells.damaged(&what, &error.to_string()))
}
