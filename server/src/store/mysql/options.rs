//! What a store is opened with.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use crate::{
    config::{MysqlUrl, Secret, TlsMode},
    store::Owner,
};

/// How long things may take. The driver has no limits of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// Getting a connection: a free one of the pool, or TCP, TLS, login and session settings.
    pub connect: Duration,
    /// One transaction, from the connection to the answer.
    pub call: Duration,
    /// One step of the schema, or the making or dropping of a partition.
    pub schema: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            call: Duration::from_secs(25),
            schema: Duration::from_secs(600),
        }
    }
}

/// Where the database is and how to get in.
#[derive(Debug, Clone)]
pub struct Options {
    /// Servers, user and database.
    pub url: MysqlUrl,
    /// The user's password.
    pub password: Option<Secret>,
    /// Whether the connection is encrypted.
    pub tls: TlsMode,
    /// What the server's certificate is checked against; none: the public authorities.
    pub tls_ca: Option<PathBuf>,
    /// Where the servers' names are looked up; none: as `/etc/resolv.conf` says.
    pub name_servers: Vec<SocketAddr>,
    /// How long things may take.
    pub limits: Timeouts,
    /// The server that writes, and no other meanwhile; none: whoever likes.
    pub owner: Option<Owner>,
}
