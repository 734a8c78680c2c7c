//! Connections: how they are made, what is set on each, how long anything may take.

use std::{
    collections::BTreeSet,
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use mysql_async::{Conn, Opts, OptsBuilder, Pool, PoolConstraints, PoolOpts};
use tokio::time::timeout;

use super::{
    fault::Place,
    session::{MAX_PACKET, SERVER_IDLE_S, Session},
    tls,
};
use crate::{
    config::{MysqlUrl, Secret, TlsMode},
    resolve::{Names, Resolve as _},
    store::{Mode, Owner, StoreError},
};

/// How long things may take. The driver has no limits of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Getting a connection: a free one of the pool, or TCP, TLS, login and session settings.
    pub connect: Duration,
    /// One transaction, from the connection to the answer.
    pub call: Duration,
    /// One step of the schema, or the making or dropping of a partition.
    pub schema: Duration,
}

impl Default for Limits {
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
    /// Server, user and database.
    pub url: MysqlUrl,
    /// The user's password.
    pub password: Option<Secret>,
    /// Whether the connection is encrypted.
    pub tls: TlsMode,
    /// What the server's certificate is checked against; none: the public authorities.
    pub tls_ca: Option<PathBuf>,
    /// Where the server's name is looked up; none: as `/etc/resolv.conf` says.
    pub name_servers: Vec<SocketAddr>,
    /// How long things may take.
    pub limits: Limits,
    /// The server that writes, and no other meanwhile; none: whoever likes.
    pub owner: Option<Owner>,
}

/// Connections that write: the writer's, and one for the inventory and retention.
const WRITERS: usize = 3;

/// Connections that read: one long history does not hold up the rest.
const READERS: usize = 4;

/// An idle connection is closed after so long; the server closes it later.
const IDLE: Duration = Duration::from_secs(120);

/// A connection is replaced after so long: behind a proxy, the one to the server may have moved.
const LIFE: Duration = Duration::from_secs(3_600);

/// How often the operating system asks whether a silent peer is still there.
const KEEP_ALIVE: Duration = Duration::from_secs(30);

/// Prepared statements kept per connection; there are fewer kinds.
const STATEMENTS: usize = 64;

/// The ways in to one database.
#[derive(Debug)]
pub(super) struct Doors {
    pub(super) place: Place,
    pub(super) limits: Limits,
    mode: Mode,
    url: MysqlUrl,
    base: OptsBuilder,
    session: Session,
    names: Arc<Names>,
    ways: RwLock<Arc<Ways>>,
}

/// Connections to the addresses that the server's name had when they were made.
#[derive(Debug)]
struct Ways {
    addresses: Addresses,
    /// None when the store is open for reading only.
    writers: Option<Pool>,
    readers: Pool,
    schema: Opts,
}

/// What the server's name stands for; none when the server is named by an address.
type Addresses = Option<Vec<IpAddr>>;

/// Looks up the server's name: the driver would ask getaddrinfo(3), which a static binary in an
/// empty root has not.
async fn addresses(names: &Names, url: &MysqlUrl, place: &Place) -> Result<Addresses, StoreError> {
    if url.host.parse::<IpAddr>().is_ok() {
        return Ok(None);
    }
    let found = names.resolve(&url.host, url.port).await;
    let found = found.map_err(|error| place.unreachable(error.into()))?;
    Ok(Some(found.iter().map(SocketAddr::ip).collect()))
}

/// Whether both name the same servers; name servers change the order from answer to answer.
fn same(one: &Addresses, other: &Addresses) -> bool {
    let set = |of: &Addresses| of.iter().flatten().copied().collect::<BTreeSet<_>>();
    set(one) == set(other)
}

impl Doors {
    /// Looks whether the server lets us in, and finds out which settings it knows.
    pub(super) async fn open(options: &Options, mode: Mode) -> Result<Self, StoreError> {
        let place = Place {
            location: options.url.to_string(),
            database: options.url.database.clone(),
            tls: options.tls,
        };
        let limits = options.limits;
        let names = Names::new(options.name_servers.clone());
        let looking = addresses(&names, &options.url, &place);
        let found = within(limits.connect, looking).await?;
        let base = base(options)?;
        let first = base.clone().resolved_ips(found.clone());
        let mut conn = connect(first.into(), &place, limits.connect).await?;
        let finding = Session::find(&mut conn, &place, limits.call, mode);
        let session = within(limits.connect, finding).await?;
        if mode == Mode::ReadWrite && tls::is_exposed(options, found.as_deref()) {
            tracing::warn!(store = %place.location, "{}", tls::EXPOSED);
        }
        let base = base.max_allowed_packet(Some(session.packet));
        // It has only half of the session's settings.
        drop(conn);
        let ways = RwLock::new(Arc::new(Ways::new(mode, &base, &session, found)));
        Ok(Self { place, limits, mode, url: options.url.clone(), base, session, names, ways })
    }

    fn now(&self) -> Arc<Ways> {
        Arc::clone(&self.ways.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Other ways, when the server's name points elsewhere than `ways` do.
    async fn moved(&self, ways: &Ways) -> Result<Option<Arc<Ways>>, StoreError> {
        let found = addresses(&self.names, &self.url, &self.place).await?;
        if same(&found, &ways.addresses) {
            return Ok(None);
        }
        tracing::info!(store = %self.place.location, "the server's name has another address");
        let moved = Arc::new(Ways::new(self.mode, &self.base, &self.session, found));
        *self.ways.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&moved);
        for pool in ways.pools() {
            // Ends once the last of its connections that is in use has come back.
            tokio::spawn(pool.disconnect());
        }
        Ok(Some(moved))
    }

    /// A connection that reads.
    pub(super) async fn reader(&self) -> Result<Conn, StoreError> {
        self.checkout(|ways| Ok(&ways.readers)).await
    }

    /// A connection that writes.
    pub(super) async fn writer(&self, doing: &'static str) -> Result<Conn, StoreError> {
        self.checkout(|ways| ways.writers.as_ref().ok_or(StoreError::ReadOnly { doing })).await
    }

    /// Refuses to do what changes something when the store is open for reading only.
    pub(super) fn may_write(&self, doing: &'static str) -> Result<(), StoreError> {
        match self.mode {
            Mode::ReadWrite => Ok(()),
            Mode::ReadOnly => Err(StoreError::ReadOnly { doing }),
        }
    }

    /// A connection of its own for changes of the schema, whose statements may take their time.
    pub(super) async fn schema(&self) -> Result<Conn, StoreError> {
        // Rare, and not to be tried in vain. A name that cannot be looked up points where it did.
        let ways = self.now();
        let moved = within(self.limits.connect, self.moved(&ways)).await.ok().flatten();
        connect(moved.unwrap_or(ways).schema.clone(), &self.place, self.limits.connect).await
    }

    /// A connection out of a pool. When there is none within half of the time, the server's name is
    /// looked up anew: the database may have moved. While it answers, DNS may be dead.
    async fn checkout(
        &self,
        door: impl Fn(&Ways) -> Result<&Pool, StoreError>,
    ) -> Result<Conn, StoreError> {
        let get = async |ways: &Ways, after: Duration| {
            let waiting = door(ways)?.get_conn();
            let got = async { waiting.await.map_err(|error| self.place.unreachable(error)) };
            within(after, got).await
        };
        let (ways, limit) = (self.now(), self.limits.connect);
        if ways.addresses.is_none() {
            return get(&ways, limit).await;
        }
        let first = match get(&ways, limit / 2).await {
            Ok(conn) => return Ok(conn),
            Err(error) => error,
        };
        let again = async {
            match self.moved(&ways).await {
                Ok(Some(moved)) => get(&moved, limit).await,
                Ok(None) | Err(_) => Err(first),
            }
        };
        within(limit / 2, again).await
    }

    /// The pools, to say goodbye on.
    pub(super) fn pools(&self) -> Vec<Pool> {
        self.now().pools()
    }
}

impl Ways {
    fn new(mode: Mode, base: &OptsBuilder, session: &Session, addresses: Addresses) -> Self {
        let base = base.clone().resolved_ips(addresses.clone());
        let limited = &session.limited;
        Self {
            writers: (mode == Mode::ReadWrite).then(|| pool(&base, limited, WRITERS)),
            readers: pool(&base, limited, READERS),
            schema: base.init(session.unlimited.clone()).into(),
            addresses,
        }
    }

    fn pools(&self) -> Vec<Pool> {
        self.writers.iter().chain([&self.readers]).cloned().collect()
    }
}

fn base(options: &Options) -> Result<OptsBuilder, StoreError> {
    let url = &options.url;
    let tls = tls::opts(options)?;
    Ok(OptsBuilder::default()
        .ip_or_hostname(url.host.clone())
        .tcp_port(url.port)
        .user(Some(url.user.clone()))
        .pass(options.password.as_ref().map(Secret::expose))
        .db_name(Some(url.database.clone()))
        // Else the driver asks for the server's socket and goes there: another host's, or none.
        .prefer_socket(false)
        .tcp_keepalive(Some(KEEP_ALIVE))
        // Else both are asked on each connection.
        .wait_timeout(Some(SERVER_IDLE_S))
        .max_allowed_packet(Some(MAX_PACKET))
        .stmt_cache_size(STATEMENTS)
        .ssl_opts(tls))
}

fn pool(base: &OptsBuilder, session: &[String], most: usize) -> Pool {
    let limits = PoolConstraints::new(0, most).unwrap_or_default();
    let pool = PoolOpts::default()
        .with_constraints(limits)
        .with_inactive_connection_ttl(IDLE)
        .with_abs_conn_ttl(Some(LIFE))
        // A reset forgets the session's settings and prepared statements. What is open when a
        // connection comes back is rolled back all the same.
        .with_reset_connection(false);
    Pool::new(base.clone().init(session.to_vec()).pool_opts(pool))
}

async fn connect(opts: Opts, place: &Place, after: Duration) -> Result<Conn, StoreError> {
    let connecting = async { Conn::new(opts).await.map_err(|error| place.unreachable(error)) };
    within(after, connecting).await
}

/// The answer of `work`, or that there was none in time. What was begun is dropped with its
/// connection.
pub(super) async fn within<T>(
    after: Duration,
    work: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    timeout(after, work).await.unwrap_or(Err(StoreError::Timeout { after }))
}
