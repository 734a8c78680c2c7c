//! With which certificates connections are encrypted: the files, read once for all hosts that name them, and
//! again when they change.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use roundsman_pki::{
    client::{Client, ClientFiles, Setup},
    pem::UnfitFile,
};
use tokio::task::spawn_blocking;

use crate::units::Mono;

/// How often files are looked at, at most: a fleet that comes back connects ten thousand times.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What is known of some files.
#[derive(Debug)]
pub(super) struct Trust {
    files: ClientFiles,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    looked: Option<Mono>,
    client: Option<Arc<Client>>,
    found: Option<Result<Arc<Setup>, UnfitFile>>,
}

/// All that some host's connection uses.
#[derive(Debug, Default)]
pub(super) struct Trusts(Mutex<HashMap<ClientFiles, Weak<Trust>>>);

impl Trusts {
    /// What is known of these files; kept by whoever asks.
    pub(super) fn of(&self, files: &ClientFiles) -> Arc<Trust> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(trust) = known.get(files).and_then(Weak::upgrade) {
            return trust;
        }
        known.retain(|_, trust| trust.strong_count() > 0);
        let trust = Arc::new(Trust { files: files.clone(), state: Mutex::default() });
        known.insert(files.clone(), Arc::downgrade(&trust));
        trust
    }

    /// The last second of the certificate that ends first of those that are shown to probes, seconds since 1970.
    pub(super) fn ends(&self) -> Option<i64> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let ends = |trust: Arc<Trust>| trust.state().found.as_ref()?.as_ref().ok()?.ends();
        known.values().filter_map(Weak::upgrade).filter_map(ends).min()
    }
}

impl Trust {
    /// What to connect with. The disk is waited for on another thread.
    pub(super) async fn setup(self: &Arc<Self>, now: Mono) -> Result<Arc<Setup>, UnfitFile> {
        {
            let mut state = self.state();
            let is_fresh = state.looked.is_some_and(|looked| now.since(looked) < LOOK_EVERY);
            if let (true, Some(found)) = (is_fresh, &state.found) {
                return found.clone();
            }
            state.looked = Some(now);
        }
        let trust = Arc::clone(self);
        let looked = spawn_blocking(move || trust.look());
        looked.await.unwrap_or_else(|ended| Err(UnfitFile::new(&self.files.ca, ended)))
    }

    fn look(&self) -> Result<Arc<Setup>, UnfitFile> {
        let known = self.state().client.clone();
        let client = match known {
            Some(client) => Ok(client),
            None => Client::load(self.files.clone()).map(Arc::new),
        };
        let found = client.as_ref().map(|client| {
            let (setup, news) = client.current();
            match news {
                None => {}
                Some(Ok(())) => tracing::info!("read the changed certificates for probes"),
                Some(Err(error)) => tracing::warn!(
                    %error,
                    "cannot use the changed certificates for probes; those before stay in use"
                ),
            }
            setup
        });
        let found = found.map_err(Clone::clone);
        let mut state = self.state();
        state.client = client.ok();
        state.found = Some(found.clone());
        found
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
