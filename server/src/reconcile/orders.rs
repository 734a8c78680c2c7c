//! What an operator may order while the server runs, and what is answered.
//!
//! Orders come in by HTTP and are carried out one after the other, between looks at the inventory.

use std::{sync::Arc, time::Duration};

use tokio::{sync::oneshot, time::timeout};

use super::{ReconcileError, Reconciler, installing::registration};
use crate::{
    engine::Command,
    error_report::error_chain,
    model::HostName,
    store::{self, HostQuery, Store as _},
};

/// Orders that may wait; more are refused.
pub const QUEUE: usize = 16;

/// How long the engine may take to put an inventory in force that somebody waits for.
const ENGINE_PATIENCE: Duration = Duration::from_secs(5);

/// An operator's order; a closed list.
#[derive(Debug)]
pub enum OperatorOrder {
    /// Let another machine answer for a host from now on: it was installed anew, or replaced.
    Accept {
        /// The host.
        host: HostName,
        /// Told how it went.
        answer: oneshot::Sender<Result<(), Refusal>>,
    },
    /// Look at the inventory file and at that of the alert rules at once.
    Reload {
        /// And put in force what it says, also when that would wait.
        now: bool,
        /// Told what came of it.
        answer: oneshot::Sender<Reloaded>,
    },
}

/// What came of a look at the inventory file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reloaded {
    /// How many hosts the inventory in force has.
    pub hosts: usize,
    /// Why what the file says is not in force yet; none when nothing waits.
    pub waiting: Option<Arc<str>>,
    /// What is wrong with the file; none when nothing is.
    pub error: Option<Arc<str>>,
    /// What is wrong with the file of alert rules; none when nothing is.
    pub alerts_error: Option<Arc<str>>,
}

/// Why an order was not carried out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No host of the inventory in force has this name.
    #[error("no host of the inventory in force is called {0:?}")]
    UnknownHost(HostName),
    /// The store could not keep it; nothing was changed.
    #[error("the store could not keep it, try again: {0}")]
    Store(String),
}

impl Reconciler {
    /// Does what the operator asks for.
    pub(crate) async fn carry_out(&mut self, order: OperatorOrder) {
        // Whoever asked may have gone away.
        match order {
            OperatorOrder::Accept { host, answer } => drop(answer.send(self.accept(&host).await)),
            OperatorOrder::Reload { now, answer } => drop(answer.send(self.reload(now).await)),
        }
    }

    /// Lets another machine answer for a host from now on. Taking the host out and in again is what
    /// forgets its machine, in the store as everywhere else, together with answers under way.
    async fn accept(&mut self, name: &HostName) -> Result<(), Refusal> {
        let unknown = || Refusal::UnknownHost(name.clone());
        let (file, _) = self.hosts.file.as_ref().ok_or_else(unknown)?;
        let host = self.hosts.of(file).hosts.get(name).cloned().ok_or_else(unknown)?;
        let now = self.clock.now().wall;
        let forget = async {
            let query = HostQuery::named(name.clone());
            let kept = self.store.hosts(query).await?.pop();
            self.store.retire(kept.iter().map(|host| host.id).collect(), now).await?;
            store::register(&self.store, self.spool.as_deref(), vec![registration(&host)], now)
                .await?;
            Ok::<_, ReconcileError>(())
        };
        forget.await.map_err(|error| Refusal::Store(error_chain(&error)))?;
        self.hosts.discovered.accept(name);
        // The engine is gone only when the server is stopping.
        let _ = self.commands.send(Command::Accept(name.clone())).await;
        self.reinstall().await;
        Ok(())
    }

    /// Looks at the file because somebody says so; `now`: and puts in force what it says, also when
    /// it takes out many.
    async fn reload(&mut self, now: bool) -> Reloaded {
        self.reload_rules().await;
        let in_force = if now { self.approve().await } else { self.look().await };
        if let Some(in_force) = in_force {
            // Nobody answers only when the server is stopping.
            let _ = timeout(ENGINE_PATIENCE, in_force).await;
        }
        let server = self.live.server();
        let hosts = self.before.as_ref().map_or(0, |inventory| inventory.hosts.len());
        Reloaded {
            hosts,
            waiting: server.inventory_waiting,
            error: server.inventory_error,
            alerts_error: server.alerts_error,
        }
    }

    async fn approve(&mut self) -> Option<oneshot::Receiver<()>> {
        match self.watch.read_now() {
            Ok(files) => self.take_up(&files),
            Err(error) => self.refuse(&error_chain(&error)),
        }
        if let Some(waiting) = &mut self.waiting {
            waiting.is_approved = true;
        }
        self.put_in_force().await
    }
}
