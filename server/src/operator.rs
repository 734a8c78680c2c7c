//! What an operator may order while the server runs, and what is answered.
//!
//! Orders come in by HTTP and are carried out by the application, one after the other.

use std::sync::Arc;

use tokio::sync::oneshot;

use crate::model::HostName;

/// Orders that may wait; more are refused.
pub const QUEUE: usize = 16;

/// An order; a closed list.
#[derive(Debug)]
pub enum Order {
    /// Let another machine answer for a host from now on: it was installed anew, or replaced.
    Accept {
        /// The host.
        host: HostName,
        /// Told how it went.
        answer: oneshot::Sender<Result<(), Refusal>>,
    },
    /// Look at the inventory file at once.
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
