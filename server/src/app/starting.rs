//! How far a start is, and a server that has only to begin.

use std::{
    fmt,
    sync::{Mutex, PoisonError},
};

use tokio::sync::mpsc;

use super::{App, AppError, Begun, Served, run_parts};
use crate::{
    config::Config,
    engine::{Command, Parts},
    lock,
    reconcile::{DiscoveryResult, OperatorOrder},
    web,
};

/// What a start does at the moment; its `Display` goes on after "while".
pub(super) struct Starting(Mutex<String>);

impl Default for Starting {
    fn default() -> Self {
        Self(Mutex::new("taking its addresses and locks".to_owned()))
    }
}

impl Starting {
    /// From now on it does this.
    pub(super) fn comes_to(&self, words: String) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = words;
    }
}

impl fmt::Display for Starting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A server that has only to begin.
pub(super) struct Ready {
    pub(super) config: Config,
    pub(super) parts: Parts,
    pub(super) faces: Served,
    pub(super) orders: Orders,
    pub(super) begun: Begun,
    pub(super) locks: Option<lock::Locks>,
}

impl Ready {
    /// Begins to poll.
    pub(super) async fn begin(self) -> Result<App, AppError> {
        let Self { config, parts, faces, orders, begun, locks } = self;
        let app = run_parts(&config, parts, faces, orders, begun).await?;
        Ok(App { locks, ..app })
    }
}

/// The channels by which the parts are told what to do.
pub(super) struct Orders {
    pub(super) commands: mpsc::Sender<Command>,
    pub(super) commands_in: mpsc::Receiver<Command>,
    pub(super) looks_in: mpsc::Receiver<DiscoveryResult>,
    pub(super) operator: mpsc::Sender<OperatorOrder>,
    pub(super) operator_in: mpsc::Receiver<OperatorOrder>,
    pub(super) access: web::Access,
}
