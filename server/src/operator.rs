//! What an operator may order while the server runs, and what is answered.
//!
//! Orders come in by HTTP and are carried out by the application, one after the other.

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
