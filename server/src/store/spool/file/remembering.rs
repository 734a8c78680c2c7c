//! What the file remembers of the store: read and written whole.

use std::collections::BTreeMap;

use rusqlite::{Error, TransactionBehavior, params};

use super::{
    super::memory::{
        IDENTITY, LAST_NUMBER, MARKS, Registry, Remembered, VERSION, about, follow, follow_alarm,
        from_text, last_number, set_about, to_text,
    },
    SpoolFile,
};
use crate::{
    health::Pause,
    model::{Alarm, HostId, VersionId},
    store::{Batch, Marks, StoreError},
    units::WallMs,
};

impl SpoolFile {
    /// Remembers an inventory in force in place of the one before. Pauses stay as they are, but for
    /// those of hosts that are gone; the alarms and the store's identity, too.
    pub(in crate::store::spool) fn remember(
        &mut self,
        registry: &Registry,
    ) -> Result<(), StoreError> {
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
    pub(in crate::store::spool) fn last_number(&mut self) -> Result<HostId, StoreError> {
        last_number(&self.connection).map_err(self.failed("read the hosts in the spool"))
    }

    /// Remembers pauses, and who has none.
    pub(in crate::store::spool) fn remember_pauses(
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

    /// Remembers these alarms, and no others.
    pub(in crate::store::spool) fn remember_alarms(
        &mut self,
        alarms: &[Alarm],
    ) -> Result<(), StoreError> {
        let failed = self.failed("remember the alarms in the spool");
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(&failed)?;
        transaction.execute("DELETE FROM alarm", []).map_err(&failed)?;
        for alarm in alarms {
            follow_alarm(&transaction, alarm).map_err(&failed)?;
        }
        transaction.commit().map_err(failed)
    }

    /// Keeps these rows of who was told of what; one without a text is gone.
    pub(in crate::store::spool) fn keep_routes(
        &mut self,
        rows: &[(String, Option<String>)],
    ) -> Result<(), StoreError> {
        let failed = self.failed("keep what was told in the spool");
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(&failed)?;
        for (key, data) in rows {
            let done = match data {
                Some(data) => transaction
                    .prepare_cached(
                        "INSERT OR REPLACE INTO route_state (key, data) VALUES (?1, ?2)",
                    )
                    .and_then(|mut insert| insert.execute([key, data])),
                None => transaction
                    .prepare_cached("DELETE FROM route_state WHERE key = ?1")
                    .and_then(|mut delete| delete.execute([key])),
            };
            done.map_err(&failed)?;
        }
        transaction.commit().map_err(failed)
    }

    /// All rows of who was told of what.
    pub(in crate::store::spool) fn routes(&mut self) -> Result<Vec<String>, StoreError> {
        let failed = self.failed("read what was told from the spool");
        let mut all = self
            .connection
            .prepare_cached("SELECT data FROM route_state ORDER BY key")
            .map_err(&failed)?;
        let rows = all.query_map([], |row| row.get(0)).map_err(&failed)?;
        rows.collect::<Result<_, _>>().map_err(failed)
    }

    /// Remembers some of what the store has taken.
    pub(in crate::store::spool) fn remember_marks(
        &mut self,
        marks: &Marks,
    ) -> Result<(), StoreError> {
        let failed = self.failed("remember what the store has taken");
        let text = to_text(marks).map_err(&failed)?;
        set_about(&self.connection, MARKS, &text).map_err(failed)
    }

    /// What is remembered of what the store has taken.
    pub(in crate::store::spool) fn recall_marks(&mut self) -> Result<Marks, StoreError> {
        let failed = self.failed("read what the store has taken");
        let text = about(&self.connection, MARKS).map_err(&failed)?;
        text.map_or(Ok(Marks::default()), |text| from_text(&text).map_err(failed))
    }

    /// Follows what the store was told of hosts.
    pub(in crate::store::spool) fn follow(
        &mut self,
        batch: &Batch,
        new: bool,
    ) -> Result<(), StoreError> {
        let failed = self.failed("remember the hosts in the spool");
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(&failed)?;
        follow(&transaction, batch, new).map_err(&failed)?;
        transaction.commit().map_err(failed)
    }

    /// What is remembered; none when no inventory ever was in force. The newest slots are those in
    /// the spool where these are newer.
    pub(in crate::store::spool) fn recall(&mut self) -> Result<Option<Registry>, StoreError> {
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
        let alarms = self.alarms().map_err(&failed)?;
        let store = about(&self.connection, IDENTITY).map_err(failed)?.map(Into::into);
        let version = VersionId(version.parse().unwrap_or_default());
        let hosts = hosts.into_values().collect();
        Ok(Some(Registry { version, hosts, pauses, alarms, store }))
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

    fn alarms(&self) -> Result<Vec<Alarm>, Error> {
        self.connection
            .prepare_cached("SELECT alarm FROM alarm ORDER BY rule, host_id, row_key")?
            .query_map([], |row| from_text(row.get_ref(0)?.as_str()?))?
            .collect()
    }

    fn newest_slots(&self) -> Result<Vec<(HostId, WallMs)>, Error> {
        self.connection
            .prepare_cached("SELECT host_id, max(slot_ms) FROM poll GROUP BY host_id")?
            .query_map([], |row| Ok((HostId(row.get(0)?), WallMs(row.get(1)?))))?
            .collect()
    }
}
