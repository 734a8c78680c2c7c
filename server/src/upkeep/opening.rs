//! Opens the store, which may be away.

use std::{sync::Arc, time::Duration};

use crate::{
    config::StoreUrl,
    error_report::error_chain,
    store::{
        LazyStore, Store as _, StoreError, keep_apart, keep_numbers,
        spool::{Registry, Spool},
        sqlite::set_aside_if_damaged,
    },
};

/// The first wait before a store that is away is tried again; doubled each time.
const OPEN_FIRST: Duration = Duration::from_millis(500);

/// The longest wait.
const OPEN_CAP: Duration = Duration::from_secs(10);

/// Opens the store. While it is away, what the spool remembers of it, if anything: with that the
/// server can begin, and without it waits.
///
/// # Errors
/// What nobody mends by waiting: a wrong password, a newer schema. With a memory, also a store that
/// does not let us in is waited for: it did before.
pub(crate) async fn open(
    store: &LazyStore,
    spool: Option<&Spool>,
) -> Result<Option<Registry>, StoreError> {
    let mut opened = store.try_open().await;
    if let Err(error) = &opened
        && let StoreUrl::Sqlite(path) = store.url()
        && set_aside_if_damaged(path, error, was_ours(spool).await)?
    {
        opened = store.try_open().await;
    }
    if opened.is_ok() {
        recognise(store, spool).await;
    }
    let (remembered, unreadable) = match spool {
        Some(spool) => match spool.recall().await {
            Ok(remembered) => (remembered, None),
            Err(error) => (None, Some(error)),
        },
        None => (None, None),
    };
    // Not beside an error that ends the start: one line says what to mend.
    if let Some(error) = unreadable.filter(|_| !matches!(&opened, Err(e) if !e.is_absence())) {
        tracing::error!(error = error_chain(&error), "the spool cannot be read");
    }
    let Err(error) = opened else { return Ok(remembered) };
    if let Some(identity) = remembered.as_ref().and_then(|registry| registry.store.clone()) {
        store.expect(identity);
    }
    let did_let_in = remembered.is_some()
        && matches!(
            error,
            StoreError::Denied { .. }
                | StoreError::Tls { .. }
                | StoreError::Failed { .. }
                | StoreError::NoServer { .. }
                | StoreError::Obstructed { .. }
                | StoreError::Driver { .. }
        );
    let is_waited_for = error.is_absence() || did_let_in;
    if !is_waited_for {
        return Err(error);
    }
    let until = match &remembered {
        Some(_) => "the hosts that the spool remembers are polled",
        None => "nothing is polled",
    };
    tracing::error!(error = error_chain(&error), "the store is away; until it is back {until}");
    Ok(remembered)
}

/// Whether a store was open at this address before.
async fn was_ours(spool: Option<&Spool>) -> bool {
    let Some(spool) = spool else { return false };
    matches!(spool.recall().await, Ok(Some(Registry { store: Some(_), .. })))
}

/// Tells the spool which store it is that was opened: rows for another one are not for it.
async fn recognise(store: &LazyStore, spool: Option<&Spool>) {
    let Some(spool) = spool else { return };
    let recognised = match store.identity().await {
        Ok(identity) => spool.is_for(identity).await,
        Err(error) => Err(error),
    };
    let recognised = match recognised {
        Ok(()) => keep_numbers(store, spool).await,
        Err(error) => Err(error),
    };
    let recognised = match recognised {
        Ok(()) => keep_apart(store, spool).await,
        Err(error) => Err(error),
    };
    let recognised = match recognised {
        // What this server decided before another one took over says nothing of the fleet as it is now.
        Ok(()) if store.has_succeeded() => spool.supersede().await.map(|rows| {
            if rows > 0 {
                tracing::warn!(
                    rows,
                    "another server was in charge meanwhile: what waited in the spool of states, alarms and messages is dropped, polls are kept"
                );
            }
        }),
        other => other,
    };
    if let Err(error) = recognised {
        tracing::error!(error = error_chain(&error), "the spool cannot be opened");
    }
}

/// Tries to open the store until it is open.
pub(super) async fn keep_opening(store: Arc<LazyStore>, spool: Option<Arc<Spool>>) {
    let mut wait = OPEN_FIRST;
    let mut said = String::new();
    while let Err(error) = store.try_open().await {
        let words = error_chain(&error);
        if let StoreError::InUse { holder, .. } = &error {
            return store.lost(holder);
        }
        if words != said {
            tracing::warn!(error = words, "the store cannot be opened yet");
            said = words;
        }
        tokio::time::sleep(wait).await;
        wait = OPEN_CAP.min(wait.saturating_mul(2));
    }
    if !said.is_empty() {
        recognise(&store, spool.as_deref()).await;
        tracing::info!("the store is open");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        clock::SystemClock,
        config::{Config, Sources},
        model::{Facts, HostId, VersionId},
        store::{Batch, FactsSeen, KnownHost, Mode, sample, spool::Remembered, sqlite::Sqlite},
    };

    /// A copy from before a host came, restored while no server ran; and a new host in the inventory.
    #[tokio::test]
    async fn a_restored_store_gives_no_host_the_number_of_another_one() {
        let folder = tempfile::tempdir().unwrap();
        let (path, copy) = (folder.path().join("r.db"), folder.path().join("copy.db"));
        let mut settings = Config::load(Sources::default()).unwrap().config.store;
        settings.url = StoreUrl::Sqlite(path.clone());
        let store = Sqlite::open(&path, Mode::ReadWrite).await.unwrap();
        store.register(vec![sample::registration("a")], sample::START).await.unwrap();
        let connection = rusqlite::Connection::open(&path).unwrap();
        connection.execute("VACUUM INTO ?1", [copy.to_str().unwrap()]).unwrap();
        drop(connection);
        let known = store.register(vec![sample::registration("b")], sample::START).await.unwrap();
        let spool = Spool::start(folder.path().join("spool.db"), "r".to_owned(), 1 << 20).unwrap();
        spool.is_for(store.identity().await.unwrap()).await.unwrap();
        let hosts =
            known.into_iter().map(|known| Remembered { known, listed: sample::registration("b") });
        let (version, hosts) = (VersionId(1), hosts.collect::<Vec<_>>());
        let b = hosts[0].known.id;
        spool
            .remember(Registry { version, hosts, pauses: vec![], alarms: vec![], store: None })
            .await
            .unwrap();
        // Out of the inventory: it is remembered no longer, but its number is.
        let hosts = Vec::new();
        spool
            .remember(Registry { version, hosts, pauses: vec![], alarms: vec![], store: None })
            .await
            .unwrap();
        drop(store);
        std::fs::rename(copy, &path).unwrap();

        let store = LazyStore::new(settings, Arc::new(SystemClock::new()));
        open(&store, Some(&spool)).await.unwrap();
        let new = store.register(vec![sample::registration("new")], sample::START).await.unwrap();
        assert!(new[0].id > b, "{:?} is not after {b:?}", new[0].id);
    }

    /// A copy from before host b came was restored, and a server with another data folder gave its
    /// number to c, or only renamed b.
    #[tokio::test]
    async fn what_waits_for_a_host_is_not_replayed_for_another_one_of_its_number() {
        for (machine, left) in [("other", 0), ("b", 1)] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("r.db");
            let mut settings = Config::load(Sources::default()).unwrap().config.store;
            settings.url = StoreUrl::Sqlite(path.clone());
            let store = Sqlite::open(&path, Mode::ReadWrite).await.unwrap();
            let seen = |host: HostId, machine: &str| FactsSeen {
                host,
                seen: sample::START,
                facts: Facts { machine_id: Some(machine.into()), ..sample::facts() },
            };
            let c = store.register(vec![sample::registration("c")], sample::START).await.unwrap();
            let facts = vec![seen(c[0].id, machine)];
            store.write(Arc::new(Batch { facts, ..Batch::default() })).await.unwrap();

            let spool =
                Spool::start(folder.path().join("spool.db"), "r".to_owned(), 1 << 20).unwrap();
            spool.is_for(store.identity().await.unwrap()).await.unwrap();
            let known = KnownHost {
                name: sample::name("b"),
                facts: seen(c[0].id, "b").facts,
                ..c[0].clone()
            };
            let poll = sample::good(known.id, &known.name, sample::START);
            let host = Remembered { known, listed: sample::registration("b") };
            let (version, hosts, alarms) = (VersionId(1), vec![host], vec![]);
            spool
                .remember(Registry { version, hosts, pauses: vec![], alarms, store: None })
                .await
                .unwrap();
            spool.append(Arc::new(Batch::of_polls([poll])), sample::START).await.unwrap();
            drop(store);

            let store = LazyStore::new(settings, Arc::new(SystemClock::new()));
            open(&store, Some(&spool)).await.unwrap();
            assert_eq!(spool.status().polls, left, "{machine}");
            assert_eq!(folder.path().join("spool.db.aside-1").exists(), left == 0, "{machine}");
        }
    }
}
