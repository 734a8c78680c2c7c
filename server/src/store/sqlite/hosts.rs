//! The table `host`: who is in, under which name, and what is known.

use std::{collections::BTreeMap, sync::LazyLock};

use rusqlite::{
    Connection, Error, OptionalExtension, Row, Transaction, TransactionBehavior, params,
};

use super::{
    fault::{fault, unreadable},
    hours, record,
};
use crate::{
    model::{Facts, GroupName, HostId, HostName, State},
    store::{
        FactsSeen, HostQuery, HostSummary, KnownHost, ReadOrder, Registration, Span, StoreError,
    },
    units::WallMs,
};

/// The columns of a machine's facts, in the order of [`facts`].
const FACTS: &str = "h.machine_id, h.boot_id, h.hostname, h.kernel, h.os, h.architecture,
    h.probe_version, h.cpus";

/// Takes hosts into the inventory.
pub(super) fn register(
    connection: &mut Connection,
    hosts: &[Registration],
    at: WallMs,
) -> Result<Vec<KnownHost>, StoreError> {
    let failed = fault(connection, "register hosts");
    let transaction =
        connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(&failed)?;
    rename(&transaction, hosts).map_err(&failed)?;
    let known = hosts
        .iter()
        .map(|host| upsert(&transaction, host, at))
        .collect::<Result<Vec<_>, _>>()
        .map_err(&failed)?;
    transaction.commit().map_err(&failed)?;
    Ok(known)
}

/// Gives hosts their new names. In a chain (c was b, b was a) the last one has to move first, so
/// passes are made until nothing moves; each pass moves one host at least.
fn rename(transaction: &Transaction<'_>, hosts: &[Registration]) -> Result<(), Error> {
    let mut statement = transaction.prepare_cached(
        "UPDATE host SET name = ?2
         WHERE name = ?1 AND NOT EXISTS (SELECT 1 FROM host WHERE name = ?2)",
    )?;
    loop {
        let mut moved = 0;
        for host in hosts {
            if let Some(old) = &host.renamed_from {
                moved += statement.execute([old.as_str(), host.name.as_str()])?;
            }
        }
        if moved == 0 {
            return Ok(());
        }
    }
}

fn upsert(
    transaction: &Transaction<'_>,
    host: &Registration,
    at: WallMs,
) -> Result<KnownHost, Error> {
    transaction
        .prepare_cached(
            "INSERT INTO host (name, group_name, labels, addresses, listed_at_ms)
             VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (name) DO UPDATE SET
               group_name = excluded.group_name,
               labels = excluded.labels,
               addresses = excluded.addresses,
               listed_at_ms = iif(retired_at_ms IS NULL, listed_at_ms, excluded.listed_at_ms),
               retired_at_ms = NULL",
        )?
        .execute(params![
            host.name.as_str(),
            host.group.as_ref().map(GroupName::as_str),
            json(&host.labels)?,
            json(&host.addresses)?,
            at.0,
        ])?;
    static KNOWN: LazyLock<String> = LazyLock::new(|| {
        format!(
            "SELECT {FACTS}, h.id, h.state, h.state_since_ms,
               (SELECT max(at) FROM (
                 SELECT max(p.slot_ms) AS at FROM poll p WHERE p.host_id = h.id
                 UNION ALL SELECT max(q.last_ms) FROM poll_hour q WHERE q.host_id = h.id AND q.hour_ms =
                   (SELECT max(o.hour_ms) FROM poll_hour o WHERE o.host_id = h.id)))
             FROM host h WHERE h.name = ?1"
        )
    });
    transaction.prepare_cached(&KNOWN)?.query_row([host.name.as_str()], |row| {
        Ok(KnownHost {
            id: HostId(row.get(8)?),
            name: host.name.clone(),
            facts: facts(row, 0)?,
            state: state_since(row, 9)?,
            latest_slot: row.get::<_, Option<i64>>(11)?.map(WallMs),
        })
    })
}

fn json(value: &impl serde::Serialize) -> Result<String, Error> {
    serde_json::to_string(value).map_err(|error| Error::ToSqlConversionFailure(error.into()))
}

/// Takes hosts out of the inventory.
pub(super) fn retire(
    connection: &mut Connection,
    hosts: &[HostId],
    at: WallMs,
) -> Result<(), StoreError> {
    let failed = fault(connection, "retire hosts");
    let transaction =
        connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(&failed)?;
    for host in hosts {
        transaction
            .prepare_cached(
                "UPDATE host SET retired_at_ms = coalesce(retired_at_ms, ?2), machine_id = NULL
                 WHERE id = ?1",
            )
            .and_then(|mut statement| statement.execute([host.0, at.0]))
            .map_err(&failed)?;
        transaction
            .prepare_cached("DELETE FROM pause WHERE host_id = ?1")
            .and_then(|mut statement| statement.execute([host.0]))
            .map_err(&failed)?;
    }
    transaction.commit().map_err(&failed)
}

/// Leaves the numbers up to this one to those who had them.
pub(super) fn keep_numbers(connection: &Connection, up_to: HostId) -> Result<(), StoreError> {
    // Of a table without rows yet there is no line here.
    connection
        .execute(
            "INSERT INTO sqlite_sequence (name, seq) SELECT 'host', 0
             WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = 'host')",
            [],
        )
        .and_then(|_| {
            let sql = "UPDATE sqlite_sequence SET seq = max(seq, ?1) WHERE name = 'host'";
            connection.execute(sql, [up_to.0])
        })
        .map(drop)
        .map_err(fault(connection, "keep the numbers of hosts"))
}

/// Notes when hosts answered first and last.
pub(super) fn see(
    transaction: &Transaction<'_>,
    seen: BTreeMap<HostId, (WallMs, WallMs)>,
) -> Result<(), Error> {
    let mut statement = transaction.prepare_cached(
        "UPDATE host SET first_seen_ms = min(coalesce(first_seen_ms, ?2), ?2),
           last_seen_ms = max(coalesce(last_seen_ms, ?3), ?3) WHERE id = ?1",
    )?;
    for (host, (first, last)) in seen {
        statement.execute([host.0, first.0, last.0])?;
    }
    Ok(())
}

/// Keeps what an answer said of the machine, unless something newer is known, or the answer is
/// from before the host (last) came into the inventory: then it may be another machine's. An
/// answer without machine_id does not undo the pin.
pub(super) fn learn(transaction: &Transaction<'_>, seen: &FactsSeen) -> Result<(), Error> {
    let facts = &seen.facts;
    transaction
        .prepare_cached(
            "UPDATE host SET facts_at_ms = ?2, machine_id = coalesce(?3, machine_id),
               boot_id = ?4, hostname = ?5, kernel = ?6, os = ?7, architecture = ?8,
               probe_version = ?9, cpus = ?10
             WHERE id = ?1 AND retired_at_ms IS NULL AND listed_at_ms <= ?2
               AND coalesce(facts_at_ms <= ?2, 1)",
        )?
        .execute(params![
            seen.host.0,
            seen.seen.0,
            facts.machine_id.as_deref(),
            facts.boot_id.as_deref(),
            facts.hostname.as_deref(),
            facts.kernel.as_deref(),
            facts.os.as_deref(),
            facts.architecture.as_deref(),
            facts.probe_version.as_deref(),
            facts.cpus,
        ])?;
    see(transaction, [(seen.host, (seen.seen, seen.seen))].into())
}

/// The name of a host.
pub(super) fn name(connection: &Connection, host: HostId) -> Result<Option<HostName>, Error> {
    connection
        .prepare_cached("SELECT name FROM host WHERE id = ?1")?
        .query_row([host.0], |row| host_name(row, 0))
        .optional()
}

/// The tables' columns of a summary before those of its newest poll.
const SUMMARY: usize = 19;

/// Hosts with their newest poll, in one query: the newest is one look into the key's index.
pub(super) fn list(
    connection: &Connection,
    query: &HostQuery,
    limit: usize,
) -> Result<Vec<HostSummary>, StoreError> {
    static SQL: LazyLock<String> = LazyLock::new(|| {
        format!(
            "SELECT {FACTS}, h.id, h.name, h.group_name, h.labels, h.addresses, h.state,
               h.state_since_ms, h.listed_at_ms, h.retired_at_ms, h.first_seen_ms, h.last_seen_ms,
               {}
             FROM host h LEFT JOIN poll p ON p.rowid =
               (SELECT q.rowid FROM poll q WHERE q.host_id = h.id ORDER BY q.slot_ms DESC LIMIT 1)
             WHERE (?1 IS NULL OR h.name = ?1) AND (?2 OR h.retired_at_ms IS NULL)
               AND (?3 IS NULL OR h.name > ?3)
             ORDER BY h.name LIMIT ?4",
            *record::SELECTED
        )
    });
    let failed = fault(connection, "list hosts");
    // One moment's view of both tables.
    let look = connection.unchecked_transaction().map_err(&failed)?;
    let mut statement = look.prepare_cached(&SQL).map_err(&failed)?;
    let rows = statement
        .query_map(
            params![
                query.name.as_ref().map(HostName::as_str),
                query.retired,
                query.after.as_ref().map(HostName::as_str),
                i64::try_from(limit).unwrap_or(i64::MAX),
            ],
            summary,
        )
        .map_err(&failed)?;
    let mut found: Vec<HostSummary> = rows.collect::<Result<_, _>>().map_err(&failed)?;
    if hours::are_there(&look).map_err(&failed)? {
        for host in &mut found {
            take_packed(&look, host).map_err(&failed)?;
        }
    }
    Ok(found)
}

/// The newest poll is a packed one of a host that was not polled for long.
fn take_packed(connection: &Connection, host: &mut HostSummary) -> Result<(), Error> {
    let known = host.latest.as_ref().map(|latest| latest.slot);
    let newest = hours::newest(connection, host.id)?.filter(|newest| known < Some(*newest));
    if let Some(slot) = newest {
        let span = Span { from: slot, to: WallMs(slot.0 + 1) };
        let of = (host.id, &host.name);
        let found = hours::read_span(connection, of, span, ReadOrder::NewestFirst, 1)?;
        host.latest = found.into_iter().next();
    }
    Ok(())
}

fn summary(row: &Row<'_>) -> Result<HostSummary, Error> {
    let name = host_name(row, 9)?;
    let moment = |column: usize| Ok::<_, Error>(row.get::<_, Option<i64>>(column)?.map(WallMs));
    let polled = row.get::<_, Option<i64>>(SUMMARY)?.is_some();
    Ok(HostSummary {
        id: HostId(row.get(8)?),
        group: row
            .get_ref(10)?
            .as_str_or_null()?
            .map(|text| GroupName::new(text).map_err(|_bad| unreadable(10, "group name", text)))
            .transpose()?,
        labels: from_json(row, 11)?,
        addresses: from_json(row, 12)?,
        facts: facts(row, 0)?,
        state: state_since(row, 13)?,
        listed_at: WallMs(row.get(15)?),
        retired_at: moment(16)?,
        first_seen: moment(17)?,
        last_seen: moment(18)?,
        latest: polled.then(|| record::from_row(row, SUMMARY, &name)).transpose()?,
        name,
    })
}

fn host_name(row: &Row<'_>, column: usize) -> Result<HostName, Error> {
    let text = row.get_ref(column)?.as_str()?;
    HostName::new(text).map_err(|_bad| unreadable(column, "host name", text))
}

fn from_json<T: serde::de::DeserializeOwned>(row: &Row<'_>, column: usize) -> Result<T, Error> {
    serde_json::from_str(row.get_ref(column)?.as_str()?).map_err(|error| {
        Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, error.into())
    })
}

fn state_since(row: &Row<'_>, first: usize) -> Result<Option<(State, WallMs)>, Error> {
    let Some(since) = row.get::<_, Option<i64>>(first + 1)? else { return Ok(None) };
    Ok(Some((record::state(row, first)?, WallMs(since))))
}

fn facts(row: &Row<'_>, first: usize) -> Result<Facts, Error> {
    Ok(Facts {
        machine_id: row.get(first)?,
        boot_id: row.get(first + 1)?,
        hostname: row.get(first + 2)?,
        kernel: row.get(first + 3)?,
        os: row.get(first + 4)?,
        architecture: row.get(first + 5)?,
        probe_version: row.get(first + 6)?,
        cpus: row.get(first + 7)?,
    })
}
