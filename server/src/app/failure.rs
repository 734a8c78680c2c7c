//! Why a server does not start.

use std::{io, net::SocketAddr};

use roundsman_pki::pem::UnfitFile;

use crate::{
    lock::InUse, outgoing::SetupError, reconcile::ReconcileError, store::StoreError,
    ticker::TickerError,
};

/// Why the server could not start. One line each, but for an inventory: one per problem.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The store cannot be opened or used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is no inventory to start with.
    #[error(transparent)]
    Reconcile(#[from] ReconcileError),
    /// Another server writes to the same place.
    #[error(transparent)]
    InUse(#[from] InUse),
    /// The thread for the spool cannot be started.
    #[error("cannot start the thread of the spool: {0}")]
    Spool(io::Error),
    /// Nobody could be told.
    #[error(transparent)]
    Hook(#[from] crate::hook::HookError),
    /// No reading could be sent.
    #[error(transparent)]
    Export(#[from] crate::export::ExportError),
    /// Everybody could ask, and nobody said so.
    #[error(
        "http.listen = {0} is open to other machines: set http.token_file (what they have to know) or http.access_file (a token for each), or http.open = true"
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
    /// The socket of this machine cannot be used.
    #[error(
        "cannot listen at {path} for HTTP: {error}; its folder must be there and writable, and nobody may listen there"
    )]
    Socket {
        /// The file.
        path: String,
        /// Why not.
        error: io::Error,
    },
    /// The certificate or the key of HTTPS is of no use.
    #[error("http.tls_cert and http.tls_key: {0}")]
    Tls(#[from] UnfitFile),
    /// The provider of OpenID Connect could never be asked.
    #[error("oidc: {0}")]
    Oidc(#[from] SetupError),
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
    Ticker(#[from] TickerError),
}
