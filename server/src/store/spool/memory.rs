//! What the spool remembers of the store, so that a server can begin while the store is away: the
//! hosts with their numbers and addresses, their pauses, and the inventory in force.

use std::{collections::BTreeMap, sync::Arc};

use rusqlite::{Connection, Error, OptionalExtension as _, TransactionBehavior, params};
use serde::{Serialize, de::DeserializeOwned};

use super::file::{File, IDENTITY, STORE, Whose};
use crate::{
    health::Pause,
    model::{HostId, VersionId},
    store::{Batch, KnownHost, Marks, Registration, StoreError},
    units::WallMs,
};

/// What the store said when the inventory last came into force, and what happened since.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registry {
    /// The inventory in force.
    pub version: VersionId,
    /// Its hosts, those that were discovered among them.
    pub hosts: Vec<Remembered>,
    /// The pauses that operators asked for.
    pub pauses: Vec<(HostId, Pause)>,
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

/// The key in `about` of the inventory's number.
const VERSION: &str = "inventory";

/// The key in `about` of the greatest number of a host.
const LAST_NUMBER: &str = "last_host";

/// The key in `about` of the marks of what the store has taken.
const MARKS: &str = "marks";

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
pub(super) fn begin(connection: &mut Connection, whose: Whose<'_>) -> Result<(), Error> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute("DELETE FROM host", [])?;
    transaction.execute("DELETE FROM pause", [])?;
    transaction.execute("DELETE FROM about", [])?;
    set_about(&transaction, STORE, whose.address)?;
    if let Some(identity) = whose.identity {
        set_about(&transaction, IDENTITY, identity)?;
    }
    transaction.commit()
}

fn to_text(value: &impl Serialize) -> Result<String, Error> {
    serde_json::to_string(value).map_err(|error| Error::ToSqlConversionFailure(error.into()))
}

fn from_text<T: DeserializeOwned>(text: &str) -> Result<T, Error> {
    serde_json::from_str(text).map_err(|error| {
        Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, error.into())
    })
}

/// Follows what a batch says of hosts: their states and machines.
pub(super) fn follow(connection: &Connection, batch: &Batch) -> Result<(), Error> {
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
    Ok(())
}

fn last_number(connection: &Connection) -> Result<HostId, Error> {
    let noted = about(connection, LAST_NUMBER)?.and_then(|text| text.parse().ok()).unwrap_or(0);
    let sql = "SELECT max(coalesce((SELECT max(id) FROM host), 0),
                          coalesce((SELECT max(host_id) FROM poll), 0))";
    let found: i64 = connection.query_row(sql, [], |row| row.get(0))?;
    Ok(HostId(found.max(noted)))
}

impl File {
    /// Remembers an inventory in force in place of the one before. Pauses stay as they are, but for
    /// those of hosts that are gone; the store's identity, too.
    pub(super) fn remember(&mut self, registry: &Registry) -> Result<(), StoreError> {
        let failed = self.failed("remember the hosts in the spool");
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(&failed)?;
        transaction.execute("DELETE FROM host", []).map_err(&failed)?;
        for host in &registry.hosts {
            transaction
                .prepare_cached("INSERT INTO host (id, known, listed) VALUES (?1, ?2, ?3)")
                .and_then(|mut insert| {
                    let Remembered { known, listed } = host;
                    insert.execute(params![known.id.0, to_text(known)?, to_text(listed)?])
                })
                .map_err(&failed)?;
        }
        transaction
            .execute("DELETE FROM pause WHERE host_id NOT IN (SELECT id FROM host)", [])
            .map_err(&failed)?;
        let newest = registry.hosts.iter().map(|host| host.known.id).max();
        let last = last_number(&transaction).map_err(&failed)?.max(newest.unwrap_or(HostId(0)));
        set_about(&transaction, LAST_NUMBER, &last.0.to_string()).map_err(&failed)?;
        set_about(&transaction, VERSION, &registry.version.0.to_string()).map_err(&failed)?;
        transaction.commit().map_err(failed)
    }

    /// The greatest number of a host that was ever remembered, or has polls here.
    pub(super) fn last_number(&mut self) -> Result<HostId, StoreError> {
        last_number(&self.connection).map_err(self.failed("read the hosts in the spool"))
    }

    /// Remembers pauses, and who has none.
    pub(super) fn remember_pauses(
        &mut self,
        pauses: &[(HostId, Option<Pause>)],
    ) -> Result<(), StoreError> {
        let failed = self.failed("remember a pause in the spool");
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(&failed)?;
        for (host, pause) in pauses {
            let done = match pause {
                Some(pause) => transaction
                    .prepare_cached("INSERT OR REPLACE INTO pause (host_id, pause) VALUES (?1, ?2)")
                    .and_then(|mut insert| insert.execute(params![host.0, to_text(pause)?])),
                None => transaction
                    .prepare_cached("DELETE FROM pause WHERE host_id = ?1")
                    .and_then(|mut delete| delete.execute([host.0])),
            };
            done.map_err(&failed)?;
        }
        transaction.commit().map_err(failed)
    }

    /// Remembers some of what the store has taken.
    pub(super) fn remember_marks(&mut self, marks: &Marks) -> Result<(), StoreError> {
        let failed = self.failed("remember what the store has taken");
        let text = to_text(marks).map_err(&failed)?;
        set_about(&self.connection, MARKS, &text).map_err(failed)
    }

    /// What is remembered of what the store has taken.
    pub(super) fn recall_marks(&mut self) -> Result<Marks, StoreError> {
        let failed = self.failed("read what the store has taken");
        let text = about(&self.connection, MARKS).map_err(&failed)?;
        text.map_or(Ok(Marks::default()), |text| from_text(&text).map_err(failed))
    }

    /// Follows what the store was told of hosts.
    pub(super) fn follow(&mut self, batch: &Batch) -> Result<(), StoreError> {
        let failed = self.failed("remember the hosts in the spool");
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(&failed)?;
        follow(&transaction, batch).map_err(&failed)?;
        transaction.commit().map_err(failed)
    }

    /// What is remembered; none when no inventory ever was in force. The newest slots are those in
    /// the spool where these are newer.
    pub(super) fn recall(&mut self) -> Result<Option<Registry>, StoreError> {
        let failed = self.failed("read the hosts in the spool");
        let Some(version) = about(&self.connection, VERSION).map_err(&failed)? else {
            return Ok(None);
        };
        let mut hosts = self.hosts().map_err(&failed)?;
        for (id, slot) in self.newest_slots().map_err(&failed)? {
            if let Some(Remembered { known, .. }) = hosts.get_mut(&id) {
                known.latest_slot = known.latest_slot.max(Some(slot));
            }
        }
        let pauses = self.pauses().map_err(&failed)?;
        let store = about(&self.connection, IDENTITY).map_err(failed)?.map(Into::into);
        let version = VersionId(version.parse().unwrap_or_default());
        Ok(Some(Registry { version, hosts: hosts.into_values().collect(), pauses, store }))
    }

    fn hosts(&self) -> Result<BTreeMap<HostId, Remembered>, Error> {
        let mut select = self.connection.prepare_cached("SELECT known, listed FROM host")?;
        let hosts = select.query_map([], |row| {
            let known = from_text(row.get_ref(0)?.as_str()?)?;
            Ok(Remembered { known, listed: from_text(row.get_ref(1)?.as_str()?)? })
        })?;
        hosts.map(|host| host.map(|host| (host.known.id, host))).collect()
    }

    fn pauses(&self) -> Result<Vec<(HostId, Pause)>, Error> {
        self.connection
            .prepare_cached("SELECT host_id, pause FROM pause ORDER BY host_id")?
            .query_map([], |row| Ok((HostId(row.get(0)?), from_text(row.get_ref(1)?.as_str()?)?)))?
            .collect()
    }

    fn newest_slots(&self) -> Result<Vec<(HostId, WallMs)>, Error> {
        self.connection
            .prepare_cached("SELECT host_id, max(slot_ms) FROM poll GROUP BY host_id")?
            .query_map([], |row| Ok((HostId(row.get(0)?), WallMs(row.get(1)?))))?
            .collect()
    }
}
