//! The table `poll`: a batch in, records out.

use std::{
    collections::{BTreeSet, HashMap, hash_map::Entry},
    sync::{Arc, LazyLock},
};

use rusqlite::{
    Connection, Error, OptionalExtension, Row, Statement, Transaction, TransactionBehavior, params,
    types::Null,
};

use super::{
    alerts, annotations, audit, deliveries, events,
    fault::{fault, row_fault},
    hosts,
    hours::{self, merge},
    losses, notices,
    record::{SELECTED, WIDTH, columns, from_row, outcome, read_detail},
    rollups, summaries,
};
use crate::{
    model::{
        Column, ColumnKind, ColumnSet, Detail, DetailTable, HostId, HostName, LEDGER, LedgerCell,
        Record, day_of,
    },
    store::{Batch, BatchResult, ReadOrder, Span, StoreError, TableSample, detail, row},
    units::WallMs,
};

static INSERT: LazyLock<String> = LazyLock::new(|| {
    let names = columns().collect::<Vec<_>>().join(", ");
    let places = vec!["?"; WIDTH].join(", ");
    format!(
        "INSERT INTO poll ({names}) VALUES ({places}) ON CONFLICT (host_id, slot_ms) DO NOTHING"
    )
});

/// What the error of a batch says was being done.
const WRITING: &str = "keep a batch of polls";

/// Keeps a batch in one transaction.
pub(super) fn write(connection: &mut Connection, batch: &Batch) -> Result<BatchResult, StoreError> {
    let failed = fault(connection, WRITING);
    let transaction =
        connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(&failed)?;
    let written = insert(&transaction, &batch.polls)?;
    count(&transaction, written.polls).map_err(&failed)?;
    for transition in &batch.transitions {
        events::insert(&transaction, transition)?;
    }
    for notice in &batch.notices {
        notices::keep(&transaction, notice)?;
    }
    for alarm in &batch.alarms {
        alerts::keep(&transaction, alarm)?;
    }
    for event in &batch.alarm_events {
        alerts::note(&transaction, event)?;
    }
    for delivery in &batch.deliveries {
        deliveries::keep(&transaction, delivery)?;
    }
    for annotation in &batch.annotations {
        annotations::keep(&transaction, annotation)?;
    }
    hosts::see(&transaction, row::answered(&batch.polls)).map_err(&failed)?;
    for seen in &batch.facts {
        hosts::learn(&transaction, seen).map_err(&failed)?;
    }
    for entry in &batch.audit {
        audit::insert(&transaction, entry).map_err(&failed)?;
    }
    for loss in &batch.losses {
        losses::insert(&transaction, loss).map_err(&failed)?;
    }
    rollups::insert(&transaction, batch.rollups.iter().map(AsRef::as_ref))?;
    transaction.commit().map_err(&failed)?;
    Ok(written)
}

/// Notes how many rows there are more.
fn count(transaction: &Transaction<'_>, new: u64) -> Result<(), Error> {
    if new > 0 {
        transaction
            .prepare_cached("UPDATE seal SET unsealed = unsealed + ?1 WHERE id = 1")?
            .execute([i64::try_from(new).unwrap_or(i64::MAX)])?;
    }
    Ok(())
}

fn insert(transaction: &Transaction<'_>, polls: &[Arc<Record>]) -> Result<BatchResult, StoreError> {
    let failed = fault(transaction, WRITING);
    let mut statement = transaction.prepare_cached(&INSERT).map_err(&failed)?;
    let mut written = BatchResult::default();
    let mut packed = PackedAttempts::of(transaction).map_err(&failed)?;
    let mut late = BTreeSet::new();
    for record in polls {
        let named = || row::name(record);
        if let Some(why) = row::flaw(record) {
            return Err(StoreError::BadRow { row: named(), why: why.to_owned() });
        }
        match packed.find(transaction, record).map_err(&failed)? {
            None => {}
            Some(true) => {
                written.repeated += 1;
                continue;
            }
            Some(false) => {
                written.conflicting.push((record.host, record.slot));
                continue;
            }
        }
        let inserted = bind(&mut statement, record)
            .and_then(|()| statement.raw_execute())
            .map_err(|error| row_fault(transaction, WRITING, named, error))?;
        if inserted == 1 {
            written.polls += 1;
            if record.slot < packed.summarised_before {
                late.insert((record.host, day_of(record.slot)));
            }
        } else if is_same_attempt(transaction, record).map_err(&failed)? {
            written.repeated += 1;
        } else {
            written.conflicting.push((record.host, record.slot));
        }
    }
    summaries::note_late(transaction, late).map_err(&failed)?;
    Ok(written)
}

/// The polls that are packed already, of the hours that late ones belong to.
struct PackedAttempts {
    /// None is packed from here on.
    before: WallMs,
    /// Polls from here on are in no summary.
    summarised_before: WallMs,
    hours: HashMap<(HostId, WallMs), HashMap<WallMs, (WallMs, String)>>,
}

impl PackedAttempts {
    fn of(connection: &Connection) -> Result<Self, Error> {
        const SQL: &str = "SELECT sealed_before_ms, summarised_before_ms FROM seal WHERE id = 1";
        let (before, summarised) = connection
            .prepare_cached(SQL)?
            .query_row([], |row| Ok((WallMs(row.get(0)?), WallMs(row.get(1)?))))?;
        Ok(Self { before, summarised_before: summarised, hours: HashMap::new() })
    }

    /// None: it is not packed; else whether what is packed is this attempt.
    fn find(&mut self, connection: &Connection, record: &Record) -> Result<Option<bool>, Error> {
        if record.slot >= self.before {
            return Ok(None);
        }
        let hour = hours::hour(record.slot);
        let attempts = match self.hours.entry((record.host, hour)) {
            Entry::Occupied(known) => known.into_mut(),
            // What is damaged shows nothing, so nothing is there twice; late polls must not wait for it.
            Entry::Vacant(new) => {
                new.insert(hours::attempts(connection, record.host, hour).unwrap_or_else(|error| {
                    tracing::error!(%error, "sealed polls are damaged");
                    HashMap::new()
                }))
            }
        };
        Ok(attempts.get(&record.slot).map(|(started, outcome)| {
            *started == record.started && outcome == record.outcome.as_str()
        }))
    }
}

/// Whether the row that holds this key is this attempt: sent before, not another one.
fn is_same_attempt(connection: &Connection, record: &Record) -> Result<bool, Error> {
    let kept = connection
        .prepare_cached("SELECT started_ms, outcome FROM poll WHERE host_id = ?1 AND slot_ms = ?2")?
        .query_row(params![record.host.0, record.slot.0], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?))
        })
        .optional()?;
    Ok(kept.is_some_and(|(started, outcome)| {
        started == record.started.0 && outcome == record.outcome.as_str()
    }))
}

fn bind(statement: &mut Statement<'_>, record: &Record) -> Result<(), Error> {
    for (position, cell) in record.ledger().into_iter().enumerate() {
        match cell {
            LedgerCell::Null => statement.raw_bind_parameter(position + 1, Null)?,
            LedgerCell::Whole(number) => statement.raw_bind_parameter(position + 1, number)?,
            LedgerCell::Moment(moment) => statement.raw_bind_parameter(position + 1, moment.0)?,
            LedgerCell::Text(text) => statement.raw_bind_parameter(position + 1, text)?,
        }
    }
    for (position, column) in Column::ALL.iter().enumerate() {
        let value = record.values.as_ref().and_then(|values| values.get(*column));
        let place = LEDGER.len() + 1 + position;
        match column.spec().kind {
            ColumnKind::Whole => statement.raw_bind_parameter(place, value.and_then(row::whole))?,
            ColumnKind::Real => statement.raw_bind_parameter(place, value)?,
        }
    }
    statement.raw_bind_parameter(WIDTH, record.detail.as_ref().map(detail::encode))
}

/// Polls of a host in a span.
pub(super) fn read(
    connection: &Connection,
    host: HostId,
    span: Span,
    order: ReadOrder,
    limit: usize,
) -> Result<Vec<Record>, StoreError> {
    let failed = fault(connection, "read polls");
    // One moment's view of both tables.
    let look = connection.unchecked_transaction().map_err(&failed)?;
    let Some(name) = hosts::name(&look, host).map_err(&failed)? else {
        return Ok(Vec::new());
    };
    let of = (host, &name);
    let packed = hours::read_span(&look, of, span, order, limit).map_err(&failed)?;
    let rows = select(&look, of, span, order, limit).map_err(&failed)?;
    Ok(merge(rows, packed, order, limit, |record| record.slot))
}

/// Polls of a host that are not packed, oldest first.
pub(super) fn unpacked(
    connection: &Connection,
    of: (HostId, &HostName),
    span: Span,
) -> Result<Vec<Record>, Error> {
    select(connection, of, span, ReadOrder::OldestFirst, usize::MAX)
}

fn select(
    connection: &Connection,
    (host, name): (HostId, &HostName),
    span: Span,
    order: ReadOrder,
    limit: usize,
) -> Result<Vec<Record>, Error> {
    let order = match order {
        ReadOrder::OldestFirst => "ASC",
        ReadOrder::NewestFirst => "DESC",
    };
    let sql = format!(
        "SELECT {} FROM poll p WHERE p.host_id = ?1 AND p.slot_ms >= ?2 AND p.slot_ms < ?3
         ORDER BY p.slot_ms {order} LIMIT ?4",
        *SELECTED
    );
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement
        .query_map(params![host.0, span.from.0, span.to.0, limit], |row| from_row(row, 0, name))?;
    rows.collect()
}

/// Polls of a host with one list of what repeats, newest first.
pub(super) fn table_samples(
    connection: &Connection,
    (host, table): (HostId, DetailTable),
    span: Span,
    limit: usize,
) -> Result<Vec<TableSample>, StoreError> {
    const SQL: &str = "SELECT slot_ms, outcome, detail FROM poll
         WHERE host_id = ?1 AND slot_ms >= ?2 AND slot_ms < ?3 ORDER BY slot_ms DESC LIMIT ?4";
    let failed = fault(connection, "read polls");
    let look = connection.unchecked_transaction().map_err(&failed)?;
    let packed = hours::table_samples(&look, (host, table), span, limit).map_err(&failed)?;
    let mut statement = look.prepare_cached(SQL).map_err(&failed)?;
    let sample = |row: &Row<'_>| -> Result<TableSample, Error> {
        let outcome = outcome(row, 1)?;
        let detail = match outcome.has_values() {
            true => read_detail(row, 2, |text| detail::decode_table(text, table))?,
            false => Detail::default(),
        };
        Ok(TableSample { slot: WallMs(row.get(0)?), outcome, detail })
    };
    let most = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = statement
        .query_map(params![host.0, span.from.0, span.to.0, most], sample)
        .map_err(&failed)?;
    let rows = rows.collect::<Result<_, _>>().map_err(&failed)?;
    Ok(merge(rows, packed, ReadOrder::NewestFirst, limit, |sample| sample.slot))
}
