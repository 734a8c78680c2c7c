//! Why no connection could be opened: what each address said, and what that is called.

use std::{fmt, io, net::SocketAddr, sync::Arc};

use roundsman_pki::{cause::TlsError, pem::UnfitFile};

use super::{link::Destination, own};
use crate::{model::Outcome, units::Micros};

/// Why one address could not be connected to.
#[derive(Debug, thiserror::Error)]
pub enum DialError {
    /// The resolver does not know the name.
    #[error("{address}: cannot resolve the name")]
    Resolve {
        /// As in the inventory.
        address: Arc<str>,
        /// What the resolver says.
        source: io::Error,
    },
    /// This machine has not what a look-up takes: no name server could even be asked.
    #[error("{address}: the server itself cannot resolve the name")]
    OwnResolve {
        /// As in the inventory.
        address: Arc<str>,
        /// What the kernel says.
        source: io::Error,
    },
    /// The resolver did not answer.
    #[error("{address}: the name was not resolved within {after}")]
    ResolveTimeout {
        /// As in the inventory.
        address: Arc<str>,
        /// How long it was waited for.
        after: Micros,
    },
    /// The address is no part of a URI.
    #[error("{address}: not an address")]
    NotAnAddress {
        /// As in the inventory.
        address: Arc<str>,
    },
    /// The port is closed.
    #[error("nothing listens on {address}{}", at(address, *socket))]
    Refused {
        /// As in the inventory.
        address: Arc<str>,
        /// The socket address tried.
        socket: SocketAddr,
    },
    /// The first packet was not answered.
    #[error("{address}{} did not answer the connection attempt within {after}", at(address, *socket))]
    NoAnswer {
        /// As in the inventory.
        address: Arc<str>,
        /// The socket address tried.
        socket: SocketAddr,
        /// How long it was waited for.
        after: Micros,
    },
    /// The peer accepted the connection and closed it before anything could be said.
    #[error("{address}{} accepted the connection and closed it without a word", at(address, *socket))]
    Closed {
        /// As in the inventory.
        address: Arc<str>,
        /// The socket address tried.
        socket: SocketAddr,
    },
    /// The network said no.
    #[error("{address}{}: cannot connect", at(address, *socket))]
    Network {
        /// As in the inventory.
        address: Arc<str>,
        /// The socket address tried.
        socket: SocketAddr,
        /// What it said.
        source: io::Error,
    },
    /// The two sides do not agree on an encrypted connection.
    #[error("{address}{}: no encrypted connection", at(address, *socket))]
    Tls {
        /// As in the inventory.
        address: Arc<str>,
        /// The socket address tried.
        socket: SocketAddr,
        /// Why not.
        source: TlsError,
    },
    /// The server's own files of certificates cannot be used.
    #[error("{address}: the server's own certificates cannot be used")]
    Certificates {
        /// As in the inventory.
        address: Arc<str>,
        /// Which, and why.
        source: UnfitFile,
    },
    /// This machine has not what a connection takes: no packet left it.
    #[error("{address}{}: the server itself cannot connect", at(address, *socket))]
    Own {
        /// As in the inventory.
        address: Arc<str>,
        /// The socket address tried.
        socket: SocketAddr,
        /// What it said.
        source: io::Error,
    },
}

/// The socket address beside the one of the inventory, where they differ: ` (10.0.0.1:50051)`.
fn at(address: &str, socket: SocketAddr) -> String {
    let socket = socket.to_string();
    if socket == address { String::new() } else { format!(" ({socket})") }
}

impl DialError {
    /// What came of the attempt to connect to one socket address.
    pub(super) fn connect(to: &Destination, socket: SocketAddr, source: io::Error) -> Self {
        let address = Arc::clone(&to.text);
        match source.kind() {
            io::ErrorKind::ConnectionRefused => Self::Refused { address, socket },
            io::ErrorKind::ConnectionReset => Self::Closed { address, socket },
            _ if own::is_own(&source, socket, || own::has_route(socket)) => {
                Self::Own { address, socket, source }
            }
            _ => Self::Network { address, socket, source },
        }
    }

    /// The outcome that this is.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        match self {
            Self::Resolve { .. } | Self::ResolveTimeout { .. } | Self::NotAnAddress { .. } => {
                Outcome::Resolve
            }
            Self::Refused { .. } | Self::Closed { .. } => Outcome::Refused,
            Self::NoAnswer { .. } | Self::Network { .. } => Outcome::Unreachable,
            Self::Tls { .. } => Outcome::Tls,
            Self::Own { .. } | Self::OwnResolve { .. } | Self::Certificates { .. } => {
                Outcome::Local
            }
        }
    }
}

/// Why none of a host's addresses could be connected to, in the order in which they were tried.
#[derive(Debug)]
pub struct DialErrors(pub Vec<DialError>);

impl DialErrors {
    /// The outcome of the address that came nearest to answering: a refusal comes from a living
    /// host. Where one was not tried for want of the server's own means, the others' silence does not
    /// say that the host is gone. An unanswered attempt at least had a name.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        let nearest = [Outcome::Tls, Outcome::Refused, Outcome::Local, Outcome::Unreachable];
        let found = |outcome: &Outcome| self.0.iter().any(|error| error.outcome() == *outcome);
        nearest.into_iter().find(found).unwrap_or(Outcome::Resolve)
    }
}

impl fmt::Display for DialErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("the host has no address");
        }
        for (at, error) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str("; ")?;
            }
            write!(f, "{error}")?;
            if let Some(source) = std::error::Error::source(error) {
                let words = source.to_string();
                let words = words.trim_start_matches("failed to lookup address information: ");
                write!(f, ": {words}")?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for DialErrors {}
