//! A store that may not be there yet: whoever asks is told so until it has been opened.
//!
//! So the server can be built around it, and poll, while the database is still starting or away. What
//! changes of pauses goes to the spool's memory, too; with that a server begins while it is away.

mod forward;

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::{
    Mode, Owner, Store, StoreError,
    open::{open_for, wait_for_turn},
    spool::Spool,
};
use crate::{clock::Clock, config, health::Pause, model::HostId};

/// The store of these settings, once it is open.
pub struct LazyStore {
    settings: config::Store,
    clock: Arc<dyn Clock>,
    store: OnceLock<Arc<dyn Store>>,
    /// What remembers the store while it is away; none where nothing does.
    memory: Option<Arc<Spool>>,
    /// The identity of the store that is remembered, and polled for: no other is opened.
    expected: OnceLock<Arc<str>>,
    /// The server that writes; none where nobody else can.
    owner: Option<Owner>,
    /// Why the last try failed.
    why: Mutex<String>,
}

impl std::fmt::Debug for LazyStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LazyStore").field("open", &self.is_open()).finish_non_exhaustive()
    }
}

impl LazyStore {
    /// The store of these settings, not open yet.
    #[must_use]
    pub fn new(settings: config::Store, clock: Arc<dyn Clock>) -> Self {
        let why = Mutex::new("it was not tried yet".to_owned());
        Self {
            settings,
            clock,
            store: OnceLock::new(),
            memory: None,
            expected: OnceLock::new(),
            owner: None,
            why,
        }
    }

    /// The same, which tells this spool of changes that it must remember.
    #[must_use]
    pub fn with_memory(self, spool: Option<Arc<Spool>>) -> Self {
        Self { memory: spool, ..self }
    }

    /// The same, which is opened for this server.
    #[must_use]
    pub fn owned_by(self, owner: Owner) -> Self {
        Self { owner: Some(owner), ..self }
    }

    /// Waits until this server may take a database that another one writes to; `told` hears of that one.
    ///
    /// # Errors
    /// [`StoreError`]: the database cannot be asked.
    pub async fn wait_for_turn(&self, told: impl FnMut(&str)) -> Result<(), StoreError> {
        match &self.owner {
            Some(owner) => {
                wait_for_turn(&self.settings, owner, Arc::clone(&self.clock), told).await
            }
            None => Ok(()),
        }
    }

    /// Whether another server held the store before this one; says so once.
    pub(crate) fn has_succeeded(&self) -> bool {
        self.owner.as_ref().is_some_and(|owner| owner.standing.has_succeeded())
    }

    /// Another server was found to write to it.
    pub(crate) fn lost(&self, to: &str) {
        if let Some(owner) = &self.owner {
            owner.standing.lost(to);
        }
    }

    /// Where it is.
    #[must_use]
    pub fn url(&self) -> &config::StoreUrl {
        &self.settings.url
    }

    /// From now on opens this store only, and no other that is at its address.
    pub fn expect(&self, identity: Arc<str>) {
        // Whoever came first knew the same memory.
        let _ = self.expected.set(identity);
    }

    /// A store that is open already; the settings are never looked at.
    #[must_use]
    pub fn opened(settings: config::Store, clock: Arc<dyn Clock>, store: Arc<dyn Store>) -> Self {
        Self { store: OnceLock::from(store), ..Self::new(settings, clock) }
    }

    /// Whether it is open.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.store.get().is_some()
    }

    /// Opens it for writing, unless it is open.
    ///
    /// # Errors
    /// As `store::open`; questions to the store are answered with the same error meanwhile.
    pub async fn try_open(&self) -> Result<(), StoreError> {
        if self.is_open() {
            return Ok(());
        }
        match self.open_expected().await {
            Ok(store) => {
                // Somebody else was first: then that one is used.
                let _ = self.store.set(store);
                Ok(())
            }
            Err(error) => {
                let why = error.with_causes();
                *self.why.lock().unwrap_or_else(PoisonError::into_inner) = why;
                Err(error)
            }
        }
    }

    async fn open_expected(&self) -> Result<Arc<dyn Store>, StoreError> {
        let (clock, owner) = (Arc::clone(&self.clock), self.owner.clone());
        let store = open_for(&self.settings, Mode::ReadWrite, clock, owner).await?;
        match self.expected.get() {
            Some(expected) if store.identity().await? != *expected => {
                Err(StoreError::Replaced { location: self.settings.url.to_string() })
            }
            _ => Ok(store),
        }
    }

    async fn remember_pauses(&self, pauses: Vec<(HostId, Option<Pause>)>) {
        if let Some(spool) = &self.memory
            && let Err(error) = spool.remember_pauses(pauses).await
        {
            let error = error.with_causes();
            tracing::error!(error, "a pause cannot be remembered: a start needs the store");
        }
    }

    fn store(&self) -> Result<&dyn Store, StoreError> {
        self.store.get().map(AsRef::as_ref).ok_or_else(|| StoreError::NotYet {
            why: self.why.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        clock::SystemClock,
        config::{Config, Sources},
    };

    #[tokio::test]
    async fn another_store_at_the_same_address_is_not_opened() {
        let folder = tempfile::tempdir().unwrap();
        let mut settings = Config::load(Sources::default()).unwrap().config.store;
        settings.url = config::StoreUrl::Sqlite(folder.path().join("store.db"));
        let awaited = || LazyStore::new(settings.clone(), Arc::new(SystemClock::new()));
        let first = awaited();
        first.try_open().await.unwrap();
        let identity = first.identity().await.unwrap();
        drop(first);
        let again = awaited();
        again.expect(identity.clone());
        again.try_open().await.unwrap();
        drop(again);
        std::fs::remove_file(folder.path().join("store.db")).unwrap();
        let other = awaited();
        other.expect(identity);
        let error = other.try_open().await.unwrap_err();
        assert!(matches!(error, StoreError::Replaced { .. }), "{error}");
        let told = other.identity().await.unwrap_err().to_string();
        assert!(told.contains("another database than before"), "{told}");
    }
}
