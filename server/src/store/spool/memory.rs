//! What the spool remembers of the store, so that a server can begin while the store is away: the
//! hosts with their numbers and addresses, their pauses, and the inventory in force.

use std::sync::Arc;

use rusqlite::{Connection, Error, OptionalExtension as _, TransactionBehavior, params};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    health::Pause,
    model::{Alarm, AlarmState, HostId, VersionId},
    store::{Batch, KnownHost, Registration},
};

/// What the store said when the inventory last came into force, and what happened since.
#[derive(Debug, Clone, PartialEq)]
pub struct Registry {
    /// The inventory in force.
    pub version: VersionId,
    /// Its hosts, those that were discovered among them.
    pub hosts: Vec<Remembered>,
    /// The pauses that operators asked for.
    pub pauses: Vec<(HostId, Pause)>,
    /// The alarms that were not ok.
    pub alarms: Vec<Alarm>,
    /// What tells that store from another one that takes its place; none when it is not known.
    pub store: Option<Arc<str>>,
}

/// A host as the store knew it and as it was registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remembered {
    /// What the store knew.
    pub known: KnownHost,
    /// What it was told.
    pub listed: Registration,
}

/// Which store the rows are for.
#[derive(Debug, Clone, Copy)]
pub(super) struct SpoolTarget<'a> {
    /// Its address.
    pub(super) address: &'a str,
    /// What tells it from another store at that address; none while it is away.
    pub(super) identity: Option<&'a str>,
}

/// What every `about` has: the address of the store that the rows are for.
pub(super) const STORE: &str = "store";

/// What `about` has once that store was open: its identity.
pub(super) const IDENTITY: &str = "identity";

/// The key in `about` of the inventory's number.
pub(super) const VERSION: &str = "inventory";

/// The key in `about` of the greatest number of a host.
pub(super) const LAST_NUMBER: &str = "last_host";

/// The key in `about` of the marks of what the store has taken.
pub(super) const MARKS: &str = "marks";

pub(super) fn about(connection: &Connection, key: &str) -> Result<Option<String>, Error> {
    connection
        .prepare_cached("SELECT value FROM about WHERE key = ?1")?
        .query_row([key], |row| row.get(0))
        .optional()
}

pub(super) fn set_about(connection: &Connection, key: &str, value: &str) -> Result<(), Error> {
    connection
        .prepare_cached(
            "INSERT INTO about (key, value) VALUES (?1, ?2)
             ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        )?
        .execute([key, value])
        .map(drop)
}

/// Writes so many bytes and takes them back.
pub(super) fn probe(connection: &Connection, bytes: usize) -> Result<(), Error> {
    const KEY: &str = "probe";
    set_about(connection, KEY, &"-".repeat(bytes))?;
    connection.execute("DELETE FROM about WHERE key = ?1", [KEY]).map(drop)
}

/// Forgets what was known of another store.
pub(super) fn begin(connection: &mut Connection, whose: SpoolTarget<'_>) -> Result<(), Error> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    forget(&transaction)?;
    transaction.execute("DELETE FROM about", [])?;
    set_about(&transaction, STORE, whose.address)?;
    if let Some(identity) = whose.identity {
        set_about(&transaction, IDENTITY, identity)?;
    }
    transaction.commit()
}

/// Forgets hosts, pauses and alarms.
pub(super) fn forget(connection: &Connection) -> Result<(), Error> {
    for table in ["host", "pause", "alarm", "route_state"] {
        connection.execute(&format!("DELETE FROM {table}"), [])?;
    }
    Ok(())
}

pub(super) fn to_text(value: &impl Serialize) -> Result<String, Error> {
    serde_json::to_string(value).map_err(|error| Error::ToSqlConversionFailure(error.into()))
}

pub(super) fn from_text<T: DeserializeOwned>(text: &str) -> Result<T, Error> {
    serde_json::from_str(text).map_err(|error| {
        Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, error.into())
    })
}

/// Follows what a batch says of hosts: their states and machines, and their alarms where it is `new`, and
/// not older than what was followed before.
pub(super) fn follow(connection: &Connection, batch: &Batch, new: bool) -> Result<(), Error> {
    let change = |id: HostId, change: &dyn Fn(&mut KnownHost)| -> Result<(), Error> {
        let kept: Option<String> = connection
            .prepare_cached("SELECT known FROM host WHERE id = ?1")?
            .query_row([id.0], |row| row.get(0))
            .optional()?;
        let Some(kept) = kept else { return Ok(()) };
        let mut host: KnownHost = from_text(&kept)?;
        change(&mut host);
        connection
            .prepare_cached("UPDATE host SET known = ?2 WHERE id = ?1")?
            .execute(params![id.0, to_text(&host)?])
            .map(drop)
    };
    for transition in &batch.transitions {
        change(transition.host, &|host| {
            if host.state.is_none_or(|(_, since)| since <= transition.at) {
                host.state = Some((transition.to, transition.at));
            }
        })?;
    }
    for seen in &batch.facts {
        change(seen.host, &|host| {
            // As the stores do: an answer without machine_id does not undo the pin.
            let pin = host.facts.machine_id.take();
            host.facts = seen.facts.clone();
            host.facts.machine_id = host.facts.machine_id.take().or(pin);
        })?;
    }
    let mut alarms = batch.alarms.iter().filter(|_| new);
    alarms.try_for_each(|alarm| follow_alarm(connection, alarm))
}

pub(super) fn follow_alarm(connection: &Connection, alarm: &Alarm) -> Result<(), Error> {
    let key = params![&*alarm.key.rule, alarm.key.host.0, &*alarm.key.row];
    if alarm.state == AlarmState::Ok {
        return connection
            .prepare_cached("DELETE FROM alarm WHERE rule = ?1 AND host_id = ?2 AND row_key = ?3")?
            .execute(key)
            .map(drop);
    }
    let text = to_text(alarm)?;
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO alarm (rule, host_id, row_key, alarm) VALUES (?1, ?2, ?3, ?4)",
        )?
        .execute(params![&*alarm.key.rule, alarm.key.host.0, &*alarm.key.row, text])
        .map(drop)
}

pub(super) fn last_number(connection: &Connection) -> Result<HostId, Error> {
    let noted = about(connection, LAST_NUMBER)?.and_then(|text| text.parse().ok()).unwrap_or(0);
    let sql = "SELECT max(coalesce((SELECT max(id) FROM host), 0),
                          coalesce((SELECT max(host_id) FROM poll), 0))";
    let found: i64 = connection.query_row(sql, [], |row| row.get(0))?;
    Ok(HostId(found.max(noted)))
}
