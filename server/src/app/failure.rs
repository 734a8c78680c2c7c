//! Why a server does not start.

use std::{io, net::SocketAddr, path::PathBuf};

use crate::{causes::chain, reload::ReloadError, rounds::RoundsError, store::StoreError};

/// Why the server could not start. One line each, but for an inventory: one per problem.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The inventory is wrong.
    #[error("{0}")]
    Inventory(crate::inventory::Problems),
    /// The inventory file cannot be read.
    #[error("{}", no_inventory(.0))]
    Reload(ReloadError),
    /// The store cannot be opened or used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Another server writes to the same place.
    #[error(
        "another server is running on the same data: {holder} holds {}; stop that one, or give this one a folder of its own with --data",
        path.display()
    )]
    InUse {
        /// The lock file.
        path: PathBuf,
        /// What its holder says of itself.
        holder: String,
    },
    /// The thread for the spool cannot be started.
    #[error("cannot start the thread of the spool: {0}")]
    Spool(io::Error),
    /// Nobody could be told.
    #[error(transparent)]
    Hook(#[from] crate::hook::HookError),
    /// Everybody could ask, and nobody said so.
    #[error(
        "http.listen = {0} is open to other machines: set http.token_file (what they have to know), or http.open = true"
    )]
    Unguarded(SocketAddr),
    /// The HTTP address cannot be used.
    #[error("cannot listen on {address} for HTTP: {error}; choose another address with --http")]
    Http {
        /// The address.
        address: SocketAddr,
        /// Why not.
        error: io::Error,
    },
    /// The address for gRPC cannot be used.
    #[error(
        "cannot listen on {address} for gRPC: {error}; choose another address with --grpc or grpc.listen, or \"\" there for none"
    )]
    Grpc {
        /// The address.
        address: SocketAddr,
        /// Why not.
        error: io::Error,
    },
    /// A thread, that for HTTP or that of the chores, cannot be started.
    #[error("cannot start a thread: {0}")]
    Thread(io::Error),
    /// The cron scheduler cannot be started.
    #[error(transparent)]
    Rounds(#[from] RoundsError),
}

/// Why there is no inventory to start with, and what to do.
fn no_inventory(error: &ReloadError) -> String {
    match error {
        ReloadError::Vanished { path } => {
            format!(
                "no inventory at {}: name the file with --inventory, or begin one with the two lines \
                 [[host]] and name = \"localhost\", and run `roundsman-probe serve` on that host",
                path.display()
            )
        }
        other => {
            format!("{}; name another inventory with --inventory", chain(other))
        }
    }
}
