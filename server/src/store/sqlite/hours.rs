//! The table `poll_hour`: hours of polls, packed, in and out.
//!
//! Each text is a zlib stream, or plain where that is no longer: what `sqlar_uncompress(text, bytes)` of
//! the `sqlite3` shell reads, given how long it is unpacked.

use std::{collections::HashMap, fmt::Write as _, io, sync::LazyLock};

use rusqlite::{
    Connection, Error, OptionalExtension as _, Row, Transaction,
    functions::FunctionFlags,
    params_from_iter,
    types::{Type, Value, ValueRef},
};

use crate::{
    model::{Column, DetailTable, HostId, HostName, Record},
    store::{
        ReadOrder, Sample, Span, TableSample,
        packed::{self, Packer},
        sealed::{self, Form, SomeTexts, TEXTS, Texts},
    },
    units::WallMs,
};

pub(super) const HOUR_MS: i64 = 3_600_000;

/// The first moment of the hour that a moment lies in.
pub(super) fn hour(moment: WallMs) -> WallMs {
    WallMs(moment.0.div_euclid(HOUR_MS).saturating_mul(HOUR_MS))
}

/// The columns before those of the texts.
pub(super) const FIRST: [&str; 7] =
    ["host_id", "hour_ms", "part", "form", "polls", "first_ms", "last_ms"];

/// The columns that say where texts begin in `docs`, counted from 1, and how many bytes each is unpacked.
/// The first is that of the times.
pub(super) fn places() -> impl Iterator<Item = String> {
    let all = ["times"].into_iter().chain(sealed::names());
    all.flat_map(|name| [format!("{name}_at"), format!("{name}_bytes")])
}

/// A text of an hour in SQL, by its name, as it was before it was packed.
pub(super) fn unpacked(name: &str) -> String {
    let text = match name {
        "times" => None,
        _ => Some(sealed::position_of(name)),
    };
    let end = begins("q.", text.map_or(0, |text| text + 1));
    let unpacked = format!(
        "CAST(sqlar_uncompress(substr(q.docs, q.{name}_at, {end} - q.{name}_at), q.{name}_bytes) AS TEXT)"
    );
    match text.is_some_and(sealed::came_later) {
        true => format!("CASE WHEN q.{name}_at IS NOT NULL THEN {unpacked} END"),
        false => unpacked,
    }
}

/// Where a text begins, of the table `of` (`q.`): hours that were sealed before there were such texts have
/// them at their end, empty.
fn begins(of: &str, text: usize) -> String {
    match sealed::names().nth(text) {
        None => format!("length({of}docs) + 1"),
        Some(name) if sealed::came_later(text) => {
            format!("coalesce({of}{name}_at, {})", begins(of, text + 1))
        }
        Some(name) => format!("{of}{name}_at"),
    }
}

/// Whether any hour is packed.
pub(super) fn are_there(connection: &Connection) -> Result<bool, Error> {
    connection.query_row("SELECT EXISTS (SELECT 1 FROM poll_hour)", [], |row| row.get(0))
}

/// Makes the function by which the views unpack texts: the `sqlite3` shell has it, the library has not.
pub(super) fn add_function(connection: &Connection) -> Result<(), Error> {
    let flags = FunctionFlags::SQLITE_UTF8
        | FunctionFlags::SQLITE_DETERMINISTIC
        | FunctionFlags::SQLITE_INNOCUOUS;
    connection.create_scalar_function("sqlar_uncompress", 2, flags, |context| {
        let bytes: i64 = context.get(1)?;
        let ValueRef::Blob(packed) = context.get_raw(0) else { return Ok(Value::Null) };
        let text = unpack(packed, bytes).map_err(|error| Error::UserFunctionError(error.into()))?;
        Ok(Value::Blob(text.into_bytes()))
    })
}

/// A text of so many bytes.
fn unpack(packed: &[u8], bytes: i64) -> io::Result<String> {
    let length = u32::try_from(bytes).map_err(io::Error::other)?;
    match usize::try_from(length) == Ok(packed.len()) {
        true => String::from_utf8(packed.to_vec()).map_err(io::Error::other),
        false => packed::inflate(packed, length),
    }
}

/// Texts, packed.
pub(super) struct Part {
    form: Form,
    polls: u64,
    span: (WallMs, WallMs),
    /// Where each begins and how long it is.
    places: Vec<i64>,
    docs: Vec<u8>,
}

impl Part {
    /// # Errors
    /// When a text is larger than what is unpacked.
    pub(super) fn pack(texts: &Texts) -> io::Result<Self> {
        let mut packer = Packer::hard();
        let (mut places, mut docs) = (Vec::with_capacity(2 * TEXTS + 2), Vec::new());
        for text in [&texts.times].into_iter().chain(&texts.all) {
            let number = |length: usize| i64::try_from(length).map_err(io::Error::other);
            places.extend([number(docs.len() + 1)?, number(text.len())?]);
            let stream = packer.stream(text)?;
            docs.extend_from_slice(if stream.len() < text.len() {
                stream
            } else {
                text.as_bytes()
            });
        }
        let Texts { form, polls, first, last, .. } = *texts;
        Ok(Self { form, polls, span: (first, last), places, docs })
    }

    pub(super) fn bytes(&self) -> u64 {
        u64::try_from(self.docs.len()).unwrap_or(u64::MAX)
    }
}

/// Keeps a part.
pub(super) fn insert(
    transaction: &Transaction<'_>,
    (host, hour, number): (HostId, WallMs, i64),
    part: &Part,
) -> Result<(), Error> {
    static SQL: LazyLock<String> = LazyLock::new(|| {
        let names = FIRST.map(str::to_owned).into_iter().chain(places());
        let names: Vec<_> = names.chain(["docs".to_owned()]).collect();
        let values = vec!["?"; names.len()].join(", ");
        format!("INSERT INTO poll_hour ({}) VALUES ({values})", names.join(", "))
    });
    let (first, last) = part.span;
    let polls = i64::try_from(part.polls).unwrap_or(i64::MAX);
    let key = [host.0, hour.0, number, part.form.number().into(), polls, first.0, last.0];
    let numbers = key.into_iter().chain(part.places.iter().copied()).map(Value::Integer);
    let docs = Value::Blob(part.docs.clone());
    transaction.prepare_cached(&SQL)?.execute(params_from_iter(numbers.chain([docs]))).map(drop)
}

/// Hours of a host with packed polls that may be due in the span.
fn list(
    connection: &Connection,
    host: HostId,
    span: Span,
    order: ReadOrder,
) -> Result<Vec<WallMs>, Error> {
    let order = match order {
        ReadOrder::OldestFirst => "ASC",
        ReadOrder::NewestFirst => "DESC",
    };
    let sql = format!(
        "SELECT DISTINCT hour_ms FROM poll_hour WHERE host_id = ?1 AND hour_ms >= ?2 AND hour_ms < ?3
         ORDER BY hour_ms {order}"
    );
    let mut select = connection.prepare_cached(&sql)?;
    let hours = select.query_map([host.0, hour(span.from).0, span.to.0], |row| row.get(0))?;
    hours.map(|hour| hour.map(WallMs)).collect()
}

/// Some texts of the parts of a host and an hour, as `take` makes of each.
fn parts<T>(
    connection: &Connection,
    (host, hour): (HostId, WallMs),
    texts: &[usize],
    mut take: impl FnMut(u64, SomeTexts) -> io::Result<Vec<T>>,
) -> Result<Vec<T>, Error> {
    let mut sql =
        "SELECT part, form, docs, times_at, times_bytes, ledger_at, ledger_bytes, polls".to_owned();
    for text in texts {
        let name = sealed::names().nth(*text).unwrap_or("times");
        // Writing to a String cannot fail.
        let _ = write!(sql, ", {}, coalesce({name}_bytes, 0)", begins("", *text));
    }
    // What is behind a text is where it ends.
    sql.extend([0].iter().chain(texts).map(|text| format!(", {}", begins("", text + 1))));
    sql += " FROM poll_hour WHERE host_id = ?1 AND hour_ms = ?2 ORDER BY part";
    let mut select = connection.prepare_cached(&sql)?;
    let mut rows = select.query([host.0, hour.0])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let some = some_texts(row, texts).and_then(|some| {
            let polls = row.get::<_, i64>(7)?.unsigned_abs();
            take(polls, some).map_err(|error| damaged(host, hour, &error))
        });
        found.extend(some?);
    }
    Ok(found)
}

fn some_texts(row: &Row<'_>, texts: &[usize]) -> Result<SomeTexts, Error> {
    const TIMES: usize = 3;
    const LEDGER: usize = 5;
    const OTHERS: usize = 8;
    let form =
        Form::of(row.get(1)?).ok_or_else(|| bad(&"a form that this program does not know"))?;
    let docs = row.get_ref(2)?.as_blob()?;
    let text = |at: usize, end: i64| -> Result<String, Error> {
        let (begin, bytes): (i64, i64) = (row.get(at)?, row.get(at + 1)?);
        let place = |at: i64| usize::try_from(at - 1).ok();
        let range = place(begin).zip(place(end)).map(|(begin, end)| begin..end);
        let packed = range.and_then(|range| docs.get(range));
        let packed = packed.ok_or_else(|| bad(&"a text begins past the end"))?;
        unpack(packed, bytes).map_err(|error| bad(&error))
    };
    let ends = OTHERS + 2 * texts.len();
    let mut others = Vec::with_capacity(texts.len());
    for (place, position) in texts.iter().enumerate() {
        others.push((*position, text(OTHERS + 2 * place, row.get(ends + 1 + place)?)?));
    }
    Ok(SomeTexts {
        form,
        times: text(TIMES, row.get(LEDGER)?)?,
        ledger: text(LEDGER, row.get(ends)?)?,
        others,
    })
}

fn bad(why: &dyn std::fmt::Display) -> Error {
    let why = format!("sealed polls: {why}");
    Error::FromSqlConversionFailure(2, Type::Blob, why.into())
}

fn damaged(host: HostId, hour: WallMs, error: &io::Error) -> Error {
    bad(&format!("host {}, from {hour} on: {error}", host.0))
}

/// The packed polls of a host and an hour, in the order of their slots.
pub(super) fn read(
    connection: &Connection,
    host: HostId,
    hour: WallMs,
    name: &HostName,
) -> Result<Vec<Record>, Error> {
    let others: Vec<usize> = (1..TEXTS).collect();
    let mut found = parts(connection, (host, hour), &others, |polls, some| {
        sealed::decode(&some.into_texts(polls), hour, host, name)
    })?;
    found.sort_by_key(|record| record.slot);
    Ok(found)
}

/// Packed polls of a host whose slot is in the span, until there are `limit`.
pub(super) fn read_span(
    connection: &Connection,
    (host, name): (HostId, &HostName),
    span: Span,
    order: ReadOrder,
    limit: usize,
) -> Result<Vec<Record>, Error> {
    collect(
        connection,
        host,
        span,
        order,
        limit,
        |hour| read(connection, host, hour, name),
        |r| r.slot,
    )
}

/// The same without what repeats, oldest first.
pub(super) fn samples(
    connection: &Connection,
    host: HostId,
    span: Span,
    limit: usize,
    columns: &[Column],
) -> Result<Vec<Sample>, Error> {
    let texts = sealed::texts_of(columns);
    let read = |hour| {
        let mut found: Vec<Sample> =
            parts(connection, (host, hour), &texts, |_, some| sealed::decode_samples(hour, &some))?;
        found.sort_by_key(|sample| sample.slot);
        Ok(found)
    };
    collect(connection, host, span, ReadOrder::OldestFirst, limit, read, |sample| sample.slot)
}

/// The same with one list of what repeats, newest first.
pub(super) fn table_samples(
    connection: &Connection,
    (host, table): (HostId, DetailTable),
    span: Span,
    limit: usize,
) -> Result<Vec<TableSample>, Error> {
    let texts = [sealed::text_of(table)];
    let read = |hour| {
        let mut found: Vec<TableSample> = parts(connection, (host, hour), &texts, |_, some| {
            sealed::decode_table(hour, table, &some)
        })?;
        found.sort_by_key(|sample| sample.slot);
        Ok(found)
    };
    collect(connection, host, span, ReadOrder::NewestFirst, limit, read, |sample| sample.slot)
}

fn collect<T>(
    connection: &Connection,
    host: HostId,
    span: Span,
    order: ReadOrder,
    limit: usize,
    read: impl Fn(WallMs) -> Result<Vec<T>, Error>,
    slot: impl Fn(&T) -> WallMs,
) -> Result<Vec<T>, Error> {
    let mut found = Vec::new();
    for hour in list(connection, host, span, order)? {
        if found.len() >= limit {
            break;
        }
        let mut some = read(hour)?;
        some.retain(|one| span.from <= slot(one) && slot(one) < span.to);
        if order == ReadOrder::NewestFirst {
            some.reverse();
        }
        found.extend(some);
    }
    found.truncate(limit);
    Ok(found)
}

/// Of polls on both sides the first `limit`; each side is in this order and has as many, if it has them.
pub(super) fn merge<T>(
    mut some: Vec<T>,
    others: Vec<T>,
    order: ReadOrder,
    limit: usize,
    slot: impl Fn(&T) -> WallMs,
) -> Vec<T> {
    if others.is_empty() {
        return some;
    }
    some.extend(others);
    match order {
        ReadOrder::OldestFirst => some.sort_by_key(|one| slot(one)),
        ReadOrder::NewestFirst => some.sort_by_key(|one| std::cmp::Reverse(slot(one))),
    }
    some.truncate(limit);
    some
}

/// When the packed polls of a host and an hour were begun and how they ended, by their slots.
pub(super) fn attempts(
    connection: &Connection,
    host: HostId,
    hour: WallMs,
) -> Result<HashMap<WallMs, (WallMs, String)>, Error> {
    let all = parts(connection, (host, hour), &[], |_, some| {
        let attempt = |poll: &sealed::SealedPoll| {
            let (started, outcome) = poll.attempt(hour)?;
            Some((poll.slot(hour), (started, outcome.to_owned())))
        };
        Ok(sealed::read_ledger(&some.ledger)?.iter().filter_map(attempt).collect())
    })?;
    Ok(all.into_iter().collect())
}

/// The newest packed poll of a host: its slot.
pub(super) fn newest(connection: &Connection, host: HostId) -> Result<Option<WallMs>, Error> {
    const SQL: &str = "SELECT max(last_ms) FROM poll_hour WHERE host_id = ?1 AND hour_ms =
         (SELECT hour_ms FROM poll_hour WHERE host_id = ?1 ORDER BY hour_ms DESC LIMIT 1)";
    let newest =
        connection.prepare_cached(SQL)?.query_row([host.0], |row| row.get(0)).optional()?;
    Ok(newest.flatten().map(WallMs))
}
