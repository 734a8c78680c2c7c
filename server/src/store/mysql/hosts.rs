//! The table `host`: who is in, under which name, and what is known.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock},
};

use mysql_async::{Conn, Row, Transaction, TxOpts, Value, prelude::Queryable};

use super::{cells::RowReader, fault::Place, hours, moment, pools::Pools, record};
use crate::{
    model::{Facts, GroupName, HostId, HostName, State},
    store::{FactsSeen, HostQuery, HostSummary, KnownHost, Registration, StoreError},
    units::WallMs,
};

/// The columns of a machine's facts, in the order of [`facts`].
const FACTS: &str = "h.machine_id, h.boot_id, h.hostname, h.kernel, h.os, h.architecture,
    h.probe_version, h.cpus";

const REGISTERING: &str = "register hosts";

/// A host as it was registered before.
struct Listed {
    id: i64,
    group: Option<String>,
    labels: String,
    addresses: String,
    retired: bool,
}

/// Takes hosts into the inventory.
pub(super) async fn register(
    conn: &mut Conn,
    hosts: &[Registration],
    at: WallMs,
    place: &Place,
) -> Result<Vec<KnownHost>, StoreError> {
    let fault = place.fault(REGISTERING);
    let mut transaction = conn.start_transaction(TxOpts::default()).await.map_err(&fault)?;
    let mut listed = listed(&mut transaction, place).await?;
    rename(&mut transaction, hosts, &mut listed, place).await?;
    for host in hosts {
        upsert(&mut transaction, host, listed.get(host.name.as_str()), at, place).await?;
    }
    let mut known = known(&mut transaction, place).await?;
    transaction.commit().await.map_err(&fault)?;
    let lost = |name: &HostName| place.corrupt(&format!("the host {name}"), "it is gone".into());
    hosts.iter().map(|host| known.remove(&host.name).ok_or_else(|| lost(&host.name))).collect()
}

/// Every host by its name, held until the transaction ends.
async fn listed(
    transaction: &mut Transaction<'_>,
    place: &Place,
) -> Result<HashMap<String, Listed>, StoreError> {
    let rows: Vec<Row> = transaction
        .exec(
            "SELECT id, name, group_name, labels, addresses, retired_at FROM host
             ORDER BY id FOR UPDATE",
            (),
        )
        .await
        .map_err(place.fault(REGISTERING))?;
    let mut all = HashMap::with_capacity(rows.len());
    for row in rows {
        let cells = RowReader::new(row, place, "a host");
        let host = Listed {
            id: cells.required_int(0)?,
            group: cells.text(2)?.map(str::to_owned),
            labels: cells.required_text(3)?.to_owned(),
            addresses: cells.required_text(4)?.to_owned(),
            retired: !cells.is_null(5),
        };
        all.insert(cells.required_text(1)?.to_owned(), host);
    }
    Ok(all)
}

/// Gives hosts their new names. In a chain (c was b, b was a) the last one has to move first, so
/// passes are made until nothing moves; each pass moves one host at least.
async fn rename(
    transaction: &mut Transaction<'_>,
    hosts: &[Registration],
    listed: &mut HashMap<String, Listed>,
    place: &Place,
) -> Result<(), StoreError> {
    loop {
        let mut moved = false;
        for host in hosts {
            let Some(old) = &host.renamed_from else { continue };
            if listed.contains_key(host.name.as_str()) {
                continue;
            }
            let Some(known) = listed.remove(old.as_str()) else { continue };
            transaction
                .exec_drop("UPDATE host SET name = ? WHERE id = ?", (host.name.as_str(), known.id))
                .await
                .map_err(place.fault(REGISTERING))?;
            listed.insert(host.name.as_str().to_owned(), known);
            moved = true;
        }
        if !moved {
            return Ok(());
        }
    }
}

/// Writes a host that is new or has changed; most have not.
async fn upsert(
    transaction: &mut Transaction<'_>,
    host: &Registration,
    listed: Option<&Listed>,
    at: WallMs,
    place: &Place,
) -> Result<(), StoreError> {
    let group = host.group.as_ref().map(GroupName::as_str);
    let labels = json(&host.labels, place)?;
    let addresses = json(&host.addresses, place)?;
    let (sql, params) = match listed {
        None => (
            "INSERT INTO host (name, group_name, labels, addresses, listed_at)
             VALUES (?, ?, ?, ?, ?)",
            vec![
                host.name.as_str().into(),
                group.into(),
                labels.into(),
                addresses.into(),
                moment::datetime(at),
            ],
        ),
        Some(known) if known.retired => (
            "UPDATE host SET group_name = ?, labels = ?, addresses = ?, listed_at = ?,
               retired_at = NULL WHERE id = ?",
            vec![
                group.into(),
                labels.into(),
                addresses.into(),
                moment::datetime(at),
                known.id.into(),
            ],
        ),
        Some(known)
            if known.group.as_deref() == group
                && known.labels == labels
                && known.addresses == addresses =>
        {
            return Ok(());
        }
        Some(known) => (
            "UPDATE host SET group_name = ?, labels = ?, addresses = ? WHERE id = ?",
            vec![group.into(), labels.into(), addresses.into(), known.id.into()],
        ),
    };
    transaction.exec_drop(sql, params).await.map_err(place.fault(REGISTERING))
}

fn json(value: &impl serde::Serialize, place: &Place) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| place.corrupt("a registration", error.to_string()))
}

/// The hosts of the inventory with what is known of them.
async fn known(
    transaction: &mut Transaction<'_>,
    place: &Place,
) -> Result<HashMap<HostName, KnownHost>, StoreError> {
    let sql = format!(
        "SELECT {FACTS}, h.id, h.name, h.state, h.state_since,
           IF(p.ts IS NULL AND NOT EXISTS (
             SELECT 1 FROM poll_hour q WHERE q.host_id = s.host_id
               AND q.hour = CAST(DATE_FORMAT(s.latest, '%Y-%m-%d %H:00:00') AS DATETIME)
           ), NULL, s.latest)
         FROM host h LEFT JOIN host_seen s ON s.host_id = h.id
           LEFT JOIN poll p ON p.host_id = h.id AND p.ts = s.latest
         WHERE h.retired_at IS NULL"
    );
    let rows: Vec<Row> = transaction.exec(sql, ()).await.map_err(place.fault(REGISTERING))?;
    let mut all = HashMap::with_capacity(rows.len());
    for row in rows {
        let cells = RowReader::new(row, place, "a host");
        let name = cells.host_name(9)?;
        let host = KnownHost {
            id: HostId(cells.required_int(8)?),
            name: name.clone(),
            facts: facts(&cells, 0)?,
            state: state_since(&cells, 10)?,
            latest_slot: cells.moment(12)?,
        };
        all.insert(name, host);
    }
    Ok(all)
}

/// Takes hosts out of the inventory.
pub(super) async fn retire(
    conn: &mut Conn,
    hosts: &[HostId],
    at: WallMs,
    place: &Place,
) -> Result<(), StoreError> {
    let fault = place.fault("retire hosts");
    let mut transaction = conn.start_transaction(TxOpts::default()).await.map_err(&fault)?;
    for host in hosts {
        transaction
            .exec_drop(
                "UPDATE host SET retired_at = COALESCE(retired_at, ?), machine_id = NULL
                 WHERE id = ?",
                (moment::datetime(at), host.0),
            )
            .await
            .map_err(&fault)?;
        transaction
            .exec_drop("DELETE FROM pause WHERE host_id = ?", (host.0,))
            .await
            .map_err(&fault)?;
    }
    transaction.commit().await.map_err(&fault)
}

/// Keeps what an answer said of the machine, unless something newer is known, or the answer is
/// from before the host (last) came into the inventory: then it may be another machine's. An
/// answer without machine_id does not undo the pin.
pub(super) async fn learn(
    transaction: &mut Transaction<'_>,
    seen: &FactsSeen,
    place: &Place,
) -> Result<(), StoreError> {
    const DOING: &str = "keep what is known of a host";
    let facts = &seen.facts;
    let text = |text: &Option<Arc<str>>| -> Value { text.as_deref().into() };
    let at = moment::datetime(seen.seen);
    transaction
        .exec_drop(
            "UPDATE host SET facts_at = ?, machine_id = COALESCE(?, machine_id), boot_id = ?,
               hostname = ?, kernel = ?, os = ?, architecture = ?, probe_version = ?, cpus = ?
             WHERE id = ? AND retired_at IS NULL AND listed_at <= ?
               AND (facts_at IS NULL OR facts_at <= ?)",
            vec![
                at.clone(),
                text(&facts.machine_id),
                text(&facts.boot_id),
                text(&facts.hostname),
                text(&facts.kernel),
                text(&facts.os),
                text(&facts.architecture),
                text(&facts.probe_version),
                facts.cpus.into(),
                Value::Int(seen.host.0),
                at.clone(),
                at,
            ],
        )
        .await
        .map_err(|error| {
            place.row_fault(DOING, || format!("the facts of host {}", seen.host.0), error)
        })
}

/// The name of a host.
pub(super) async fn name(
    conn: &mut impl Queryable,
    host: HostId,
    place: &Place,
) -> Result<Option<HostName>, StoreError> {
    let row: Option<Row> = conn
        .exec_first("SELECT name FROM host WHERE id = ?", (host.0,))
        .await
        .map_err(place.fault("read a host"))?;
    row.map(|row| RowReader::new(row, place, "a host").host_name(0)).transpose()
}

/// The tables' columns of a summary before those of its newest poll.
const SUMMARY: usize = 20;

/// Hosts with their newest poll, in one query: its whole key is known, so that one partition is
/// looked into. Of a host that was not polled for long it is sealed, and read after the others.
pub(super) async fn list(
    pools: &Pools,
    query: &HostQuery,
    limit: usize,
) -> Result<Vec<HostSummary>, StoreError> {
    static SQL: LazyLock<String> = LazyLock::new(|| {
        format!(
            "SELECT {FACTS}, h.id, h.name, h.group_name, h.labels, h.addresses, h.state,
               h.state_since, h.listed_at, h.retired_at, s.first_seen, s.last_seen, s.latest, {}
             FROM host h LEFT JOIN host_seen s ON s.host_id = h.id
               LEFT JOIN poll p ON p.host_id = h.id AND p.ts = s.latest
             WHERE (? IS NULL OR h.name = ?) AND (? OR h.retired_at IS NULL)
               AND (? IS NULL OR h.name > ?)
             ORDER BY h.name LIMIT ?",
            *record::SELECTED
        )
    });
    let mut conn = pools.reader().await?;
    let name: Value = query.name.as_ref().map(HostName::as_str).into();
    let after: Value = query.after.as_ref().map(HostName::as_str).into();
    let params = vec![
        name.clone(),
        name,
        query.retired.into(),
        after.clone(),
        after,
        Value::UInt(u64::try_from(limit).unwrap_or(u64::MAX)),
    ];
    type Found = Vec<(HostSummary, Option<WallMs>)>;
    let collect = |hosts: Result<Found, StoreError>, row: Row| {
        let mut hosts = hosts?;
        let cells = RowReader::new(row, &pools.place, "a host");
        hosts.push((summary(&cells)?, cells.moment(19)?));
        Ok(hosts)
    };
    let found = conn.exec_fold(SQL.as_str(), params, Ok(Vec::new()), collect);
    let found = found.await.map_err(pools.place.fault("list hosts"))??;
    let mut hosts = Vec::with_capacity(found.len());
    for (mut host, latest) in found {
        if let (None, Some(slot)) = (&host.latest, latest) {
            let place = &pools.place;
            host.latest = hours::read_one(&mut conn, host.id, slot, &host.name, place).await?;
        }
        hosts.push(host);
    }
    Ok(hosts)
}

fn summary(cells: &RowReader<'_>) -> Result<HostSummary, StoreError> {
    let name = cells.host_name(9)?;
    let group = match cells.is_null(10) {
        true => None,
        false => Some(cells.word(10, "group name", |text| GroupName::new(text).ok())?),
    };
    let polled = !cells.is_null(SUMMARY);
    Ok(HostSummary {
        id: HostId(cells.required_int(8)?),
        group,
        labels: cells.json(11)?,
        addresses: cells.json(12)?,
        facts: facts(cells, 0)?,
        state: state_since(cells, 13)?,
        listed_at: cells.required_moment(15)?,
        retired_at: cells.moment(16)?,
        first_seen: cells.moment(17)?,
        last_seen: cells.moment(18)?,
        latest: polled.then(|| record::from_cells(cells, SUMMARY, &name)).transpose()?,
        name,
    })
}

fn state_since(cells: &RowReader<'_>, first: usize) -> Result<Option<(State, WallMs)>, StoreError> {
    let Some(since) = cells.moment(first + 1)? else { return Ok(None) };
    Ok(Some((cells.state(first)?, since)))
}

fn facts(cells: &RowReader<'_>, first: usize) -> Result<Facts, StoreError> {
    let text = |column: usize| Ok::<_, StoreError>(cells.text(first + column)?.map(Into::into));
    Ok(Facts {
        machine_id: text(0)?,
        boot_id: text(1)?,
        hostname: text(2)?,
        kernel: text(3)?,
        os: text(4)?,
        architecture: text(5)?,
        probe_version: text(6)?,
        cpus: cells.int(first + 7)?.and_then(|cpus| cpus.try_into().ok()),
    })
}
