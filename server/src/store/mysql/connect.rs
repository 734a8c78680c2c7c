//! Connections: how they are made, what is set on each, how long anything may take.

use std::{
    net::SocketAddr,
    path::PathBuf,
    sync::{
        Arc, OnceLock, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use mysql_async::{
    Conn, Opts, OptsBuilder, Pool, PoolConstraints, PoolOpts, prelude::Queryable as _,
};
use tokio::{
    sync::Mutex,
    time::{sleep, timeout},
};

use super::{
    fault::{self, Place},
    nodes::{self, Need, Node, Nodes},
    tls,
};
use crate::{
    config::{MysqlAddress, MysqlUrl, Secret, TlsMode},
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
    pub limits: Limits,
    /// The server that writes, and no other meanwhile; none: whoever likes.
    pub owner: Option<Owner>,
}

/// Connections that write: the writer's, and one for the inventory and retention.
const WRITERS: usize = 3;

/// Connections that read: one long history does not hold up the rest.
const READERS: usize = 4;

/// An idle connection is closed after so long, and the server is told to close it a little later.
const IDLE: Duration = Duration::from_secs(120);
const SERVER_IDLE_S: usize = 600;

/// A connection is replaced after so long: behind a proxy, the one to the server may have moved.
const LIFE: Duration = Duration::from_secs(3_600);

/// How often the operating system asks whether a silent peer is still there.
const KEEP_ALIVE: Duration = Duration::from_secs(30);

/// The largest packet that is sent, bytes: the default of MariaDB and a quarter of MySQL's.
pub(super) const MAX_PACKET: usize = 16 << 20;

/// Prepared statements kept per connection; there are fewer kinds.
const STATEMENTS: usize = 64;

/// How long a statement waits for a row that another transaction holds, seconds.
const ROW_WAIT_S: u32 = 10;

/// How long the making or dropping of a partition waits for those who use the table, seconds. All
/// who come later wait behind it, so it is short: it is tried again.
const TABLE_WAIT_S: u32 = 10;

/// What both servers understand, on every connection.
fn everywhere() -> Vec<String> {
    [
        "SET NAMES utf8mb4 COLLATE utf8mb4_bin",
        "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
        "SET SESSION time_zone = '+00:00'",
        "SET SESSION sql_mode = 'STRICT_ALL_TABLES,ONLY_FULL_GROUP_BY,ERROR_FOR_DIVISION_BY_ZERO,\
         NO_ENGINE_SUBSTITUTION'",
    ]
    .map(str::to_owned)
    .into_iter()
    .chain([
        format!("SET SESSION wait_timeout = {SERVER_IDLE_S}"),
        format!("SET SESSION innodb_lock_wait_timeout = {ROW_WAIT_S}"),
        format!("SET SESSION lock_wait_timeout = {TABLE_WAIT_S}"),
    ])
    .collect()
}

/// What one of the servers alone understands. Without `longest` a statement may take its time.
fn somewhere(longest: Option<Duration>) -> Vec<String> {
    let ms = longest.map_or(0, |longest| longest.as_millis());
    vec![
        // MariaDB turns an IN list of 1,000 constants into a subquery and reads the whole table.
        "SET SESSION in_predicate_conversion_threshold = 0".to_owned(),
        // A query that nobody waits for any longer ends: MariaDB's limit is of all statements, in
        // seconds; MySQL's of SELECT alone, in milliseconds.
        format!("SET SESSION max_statement_time = {}.{:03}", ms / 1_000, ms % 1_000),
        format!("SET SESSION max_execution_time = {ms}"),
        // MySQL remembers sizes of tables for a day.
        "SET SESSION information_schema_stats_expiry = 0".to_owned(),
    ]
}

/// The ways in to one database.
#[derive(Debug)]
pub(super) struct Doors {
    pub(super) place: Place,
    pub(super) limits: Limits,
    mode: Mode,
    base: OptsBuilder,
    nodes: Nodes,
    ways: RwLock<Arc<Ways>>,
    /// Held by who looks for another server.
    choosing: Mutex<()>,
    /// What the database is known by, once that is known.
    identity: OnceLock<Arc<str>>,
}

/// Settings of a connection.
type Session = Vec<String>;

/// What was found out about a server.
struct Looked {
    takes_rows: bool,
    /// The settings that it knows, with the limits of a call and without.
    limited: Session,
    unlimited: Session,
}

/// Connections to the server that is used.
#[derive(Debug)]
struct Ways {
    node: Node,
    takes_rows: AtomicBool,
    /// It said, or did not say, something after which it is to be looked at before it is used again.
    is_doubted: AtomicBool,
    /// Empty while the store is open for reading only.
    writers: Pool,
    readers: Pool,
    schema: Opts,
}

impl Doors {
    /// Looks which server lets us in, and finds out which settings it knows.
    pub(super) async fn open(options: &Options, mode: Mode) -> Result<Self, StoreError> {
        let place = Place {
            location: options.url.to_string(),
            database: options.url.database.clone(),
            tls: options.tls,
        };
        let limits = options.limits;
        let base = base(options)?;
        let nodes = Nodes::new(options.url.clone(), options.name_servers.clone());
        let need = match mode {
            Mode::ReadWrite => Need::Write,
            Mode::ReadOnly => Need::Read,
        };
        let looking = |node: Node| {
            let (at, base) = (nodes.place(&node, &place), &base);
            async move { look(&node, need, base, limits, &at, None).await }
        };
        let found = nodes.find(need, None, limits.connect, looking).await?;
        if !found.passed_over.is_empty() {
            tracing::warn!(
                store = %place.location, at = %found.node, because = found.passed_over,
                "the store is used at another of its addresses"
            );
        }
        let ways = RwLock::new(Arc::new(Ways::new(mode, &base, found.node, found.what)));
        let (choosing, identity) = (Mutex::default(), OnceLock::new());
        Ok(Self { place, limits, mode, base, nodes, ways, choosing, identity })
    }

    fn now(&self) -> Arc<Ways> {
        Arc::clone(&self.ways.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// From now on no server is used that has another database.
    pub(super) fn expect(&self, identity: Arc<str>) {
        // It is known once.
        let _ = self.identity.set(identity);
    }

    /// Where the store is, and at which of its addresses it is used when there are several.
    pub(super) fn location(&self) -> String {
        let location = &self.place.location;
        match self.nodes.are_several() {
            true => format!("{location}, at {}", self.now().node),
            false => location.clone(),
        }
    }

    /// What `work` comes to within the limit of a call; a server that fails or falls silent meanwhile is
    /// looked at before it is used again.
    pub(super) async fn call<T>(
        &self,
        work: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let done = tokio::select! {
            biased;
            done = within(self.limits.call, work) => done,
            silent = self.silent() => Err(silent),
        };
        done.inspect_err(|error| self.doubt(error))
    }

    /// Has the server that is used looked at before it is used again, when the error says something of it.
    pub(super) fn doubt(&self, error: &StoreError) {
        if fault::is_of_the_server(error) {
            self.now().is_doubted.store(true, Ordering::Relaxed);
        }
    }

    /// Ends when the server that is used has said nothing for a while, and does not answer a new
    /// connection either: what was asked of it need not be waited for. Never where there is no other one.
    async fn silent(&self) -> StoreError {
        loop {
            sleep(self.limits.connect).await;
            let ways = self.now();
            if self.nodes.are_several()
                && let Err(error @ StoreError::Timeout { .. }) =
                    within(self.limits.connect / 2, self.look(&ways.node, Need::Read)).await
            {
                return error;
            }
        }
    }

    async fn look(&self, node: &Node, need: Need) -> Result<Looked, StoreError> {
        let place = self.nodes.place(node, &self.place);
        let identity = self.identity.get().map(AsRef::as_ref);
        look(node, need, &self.base, self.limits, &place, identity).await
    }

    /// A server that is good for it: the one that `seen` leads to where that is, else the next. One at a
    /// time looks for it; it is used until it is of no use.
    async fn choose(&self, need: Need, seen: &Arc<Ways>) -> Result<Arc<Ways>, StoreError> {
        let after = self.limits.connect / 2;
        let _choosing = self.choosing.lock().await;
        let now = self.now();
        if !Arc::ptr_eq(&now, seen) && now.is_fit(need) {
            return Ok(now);
        }
        let look = |node: Node| async move { self.look(&node, need).await };
        let found = self.nodes.find(need, Some(&now.node), after, look).await?;
        if found.node == now.node && now.knows(&found.what) {
            now.takes_rows.store(found.what.takes_rows, Ordering::Relaxed);
            now.is_doubted.store(false, Ordering::Relaxed);
            return Ok(now);
        }
        tracing::warn!(
            store = %self.place.location, was = %now.node, at = %found.node,
            because = found.passed_over, reads_alone = !found.what.takes_rows,
            "the store is used at another address"
        );
        let moved = Arc::new(Ways::new(self.mode, &self.base, found.node, found.what));
        *self.ways.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&moved);
        for pool in now.pools() {
            // Ends once the last of its connections that is in use has come back.
            tokio::spawn(pool.disconnect());
        }
        Ok(moved)
    }

    /// A connection that reads.
    pub(super) async fn reader(&self) -> Result<Conn, StoreError> {
        self.checkout(Need::Read).await
    }

    /// A connection that writes.
    pub(super) async fn writer(&self, doing: &'static str) -> Result<Conn, StoreError> {
        self.may_write(doing)?;
        self.checkout(Need::Write).await
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
        // Rare, and not to be tried in vain.
        let ways = self.choose(Need::Write, &self.now()).await?;
        connect(ways.schema.clone(), &self.place, self.limits.connect).await
    }

    /// A connection out of a pool. When there is none within half of the time, or the server is of no use,
    /// another one is looked for: its name may stand for another by now.
    async fn checkout(&self, need: Need) -> Result<Conn, StoreError> {
        let ways = self.now();
        if ways.is_fit(need)
            && let Ok(conn) = self.get(need, &ways).await
        {
            return Ok(conn);
        }
        self.get(need, &*self.choose(need, &ways).await?).await
    }

    async fn get(&self, need: Need, ways: &Ways) -> Result<Conn, StoreError> {
        let pool = match need {
            Need::Read => &ways.readers,
            Need::Write => &ways.writers,
        };
        let got = pool.get_conn();
        let got = async { got.await.map_err(|error| self.place.unreachable(error)) };
        within(self.limits.connect / 2, got).await
    }

    /// The pools, to say goodbye on.
    pub(super) fn pools(&self) -> Vec<Pool> {
        self.now().pools().into()
    }
}

impl Ways {
    fn new(mode: Mode, base: &OptsBuilder, node: Node, looked: Looked) -> Self {
        let base = at(base, &node);
        let Looked { takes_rows, limited, unlimited } = looked;
        let reading = match mode {
            Mode::ReadWrite => limited.clone(),
            Mode::ReadOnly => {
                let only = "SET SESSION TRANSACTION READ ONLY".to_owned();
                limited.iter().cloned().chain([only]).collect()
            }
        };
        Self {
            node,
            takes_rows: takes_rows.into(),
            is_doubted: false.into(),
            writers: pool(&base, limited, WRITERS),
            readers: pool(&base, reading, READERS),
            schema: base.init(unlimited).into(),
        }
    }

    fn is_fit(&self, need: Need) -> bool {
        !self.is_doubted.load(Ordering::Relaxed)
            && (need == Need::Read || self.takes_rows.load(Ordering::Relaxed))
    }

    /// Whether its connections have the settings that are right for what was found. A server that has
    /// another version by now knows others.
    fn knows(&self, looked: &Looked) -> bool {
        self.schema.init() == looked.unlimited
    }

    fn pools(&self) -> [Pool; 2] {
        [self.writers.clone(), self.readers.clone()]
    }
}

/// Options of connections to one server.
fn at(base: &OptsBuilder, node: &Node) -> OptsBuilder {
    let MysqlAddress { host, port } = &node.address;
    base.clone().ip_or_hostname(host).tcp_port(*port).resolved_ips(Some([node.ip]))
}

/// Looks at a server: whether it can be used for this, and which settings it knows.
async fn look(
    node: &Node,
    need: Need,
    base: &OptsBuilder,
    limits: Limits,
    place: &Place,
    identity: Option<&str>,
) -> Result<Looked, StoreError> {
    let opts: Opts = at(base, node).into();
    let mut conn = Conn::new(opts).await.map_err(|error| place.unreachable(error))?;
    let takes_rows = nodes::takes_rows(&mut conn, identity, place).await?;
    if need == Need::Write {
        nodes::must_take_rows(takes_rows, place)?;
    }
    let (mut limited, mut unlimited) = (everywhere(), everywhere());
    for (known, free) in somewhere(Some(limits.call)).into_iter().zip(somewhere(None)) {
        match conn.query_drop(&known).await {
            Ok(()) => {
                limited.push(known);
                unlimited.push(free);
            }
            Err(error) if fault::is_unknown_variable(&error) => {}
            Err(error) => return Err(place.fault("set up the connection")(error)),
        }
    }
    // It has none of the session's settings but those just tried.
    Ok(Looked { takes_rows, limited, unlimited })
}

fn base(options: &Options) -> Result<OptsBuilder, StoreError> {
    let url = &options.url;
    let tls = tls::opts(options)?;
    Ok(OptsBuilder::default()
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

fn pool(base: &OptsBuilder, session: Vec<String>, most: usize) -> Pool {
    let limits = PoolConstraints::new(0, most).unwrap_or_default();
    let pool = PoolOpts::default()
        .with_constraints(limits)
        .with_inactive_connection_ttl(IDLE)
        .with_abs_conn_ttl(Some(LIFE))
        // A reset forgets the session's settings and prepared statements. What is open when a
        // connection comes back is rolled back all the same.
        .with_reset_connection(false);
    Pool::new(base.clone().init(session).pool_opts(pool))
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
