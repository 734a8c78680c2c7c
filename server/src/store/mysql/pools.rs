//! Connection pools of one database: connections to the server of it that is used, and when another one is.

use std::sync::{
    Arc, OnceLock, PoisonError, RwLock,
    atomic::{AtomicBool, Ordering},
};

use mysql_async::{Conn, Opts, OptsBuilder, Pool};
use tokio::{sync::Mutex, time::sleep};

use super::{
    connect::{READERS, WRITERS, base, connect, log_in, pool, within},
    fault::{self, Place},
    nodes::{self, Need, Node, Nodes},
    options::{Options, Timeouts},
    session::Session,
};
use crate::{
    config::MysqlAddress,
    store::{Mode, StoreError},
};

/// The connection pools of one database.
#[derive(Debug)]
pub(super) struct Pools {
    pub(super) place: Place,
    pub(super) limits: Timeouts,
    mode: Mode,
    base: OptsBuilder,
    nodes: Nodes,
    active: RwLock<Arc<ActivePools>>,
    /// Held by who looks for another server.
    choosing: Mutex<()>,
    /// What the database is known by, once that is known.
    identity: OnceLock<Arc<str>>,
}

/// What was found out about a server.
struct Looked {
    takes_rows: bool,
    session: Session,
}

/// Connections to the server that is used.
#[derive(Debug)]
struct ActivePools {
    node: Node,
    takes_rows: AtomicBool,
    /// It said, or did not say, something after which it is to be looked at before it is used again.
    is_doubted: AtomicBool,
    /// Empty while the store is open for reading only.
    writers: Pool,
    readers: Pool,
    /// For statements that may take their time.
    unlimited: Opts,
}

impl Pools {
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
            async move { look(&node, need, mode, base, limits, &at, None).await }
        };
        let found = nodes.find(need, None, limits.connect, looking).await?;
        if !found.passed_over.is_empty() {
            tracing::warn!(
                store = %place.location, at = %found.node, because = found.passed_over,
                "the store is used at another of its addresses"
            );
        }
        let active = RwLock::new(Arc::new(ActivePools::new(&base, found.node, found.what)));
        let (choosing, identity) = (Mutex::default(), OnceLock::new());
        Ok(Self { place, limits, mode, base, nodes, active, choosing, identity })
    }

    fn now(&self) -> Arc<ActivePools> {
        Arc::clone(&self.active.read().unwrap_or_else(PoisonError::into_inner))
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
            let active = self.now();
            if self.nodes.are_several()
                && let Err(error @ StoreError::Timeout { .. }) =
                    within(self.limits.connect / 2, self.look(&active.node, Need::Read)).await
            {
                return error;
            }
        }
    }

    async fn look(&self, node: &Node, need: Need) -> Result<Looked, StoreError> {
        let place = self.nodes.place(node, &self.place);
        let identity = self.identity.get().map(AsRef::as_ref);
        look(node, need, self.mode, &self.base, self.limits, &place, identity).await
    }

    /// A server that is good for it: the one that `seen` leads to where that is, else the next. One at a
    /// time looks for it; it is used until it is of no use.
    async fn choose(
        &self,
        need: Need,
        seen: &Arc<ActivePools>,
    ) -> Result<Arc<ActivePools>, StoreError> {
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
        let moved = Arc::new(ActivePools::new(&self.base, found.node, found.what));
        *self.active.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&moved);
        for pool in now.both() {
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
        self.patient(Need::Write).await
    }

    /// A connection of its own for statements that only read and may take their time.
    pub(super) async fn patient_reader(&self) -> Result<Conn, StoreError> {
        self.patient(Need::Read).await
    }

    async fn patient(&self, need: Need) -> Result<Conn, StoreError> {
        // Rare, and not to be tried in vain.
        let active = self.choose(need, &self.now()).await?;
        connect(active.unlimited.clone(), &self.place, self.limits.connect).await
    }

    /// A connection out of a pool. When there is none within half of the time, or the server is of no use,
    /// another one is looked for: its name may stand for another by now.
    async fn checkout(&self, need: Need) -> Result<Conn, StoreError> {
        let active = self.now();
        if active.is_fit(need)
            && let Ok(conn) = self.get(need, &active).await
        {
            return Ok(conn);
        }
        self.get(need, &*self.choose(need, &active).await?).await
    }

    async fn get(&self, need: Need, active: &ActivePools) -> Result<Conn, StoreError> {
        let pool = match need {
            Need::Read => &active.readers,
            Need::Write => &active.writers,
        };
        let got = pool.get_conn();
        let got = async { got.await.map_err(|error| self.place.unreachable(error)) };
        within(self.limits.connect / 2, got).await
    }

    /// The pools, to say goodbye on.
    pub(super) fn all(&self) -> Vec<Pool> {
        self.now().both().into()
    }
}

impl ActivePools {
    fn new(base: &OptsBuilder, node: Node, looked: Looked) -> Self {
        let Looked { takes_rows, session } = looked;
        let base = at(base, &node).max_allowed_packet(Some(session.packet));
        Self {
            node,
            takes_rows: takes_rows.into(),
            is_doubted: false.into(),
            writers: pool(&base, &session.limited, WRITERS),
            readers: pool(&base, &session.limited, READERS),
            unlimited: base.init(session.unlimited).into(),
        }
    }

    fn is_fit(&self, need: Need) -> bool {
        !self.is_doubted.load(Ordering::Relaxed)
            && (need == Need::Read || self.takes_rows.load(Ordering::Relaxed))
    }

    /// Whether its connections have the settings that are right for what was found. A server that has
    /// another version by now knows others.
    fn knows(&self, looked: &Looked) -> bool {
        self.unlimited.init() == looked.session.unlimited
    }

    fn both(&self) -> [Pool; 2] {
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
    mode: Mode,
    base: &OptsBuilder,
    limits: Timeouts,
    place: &Place,
    identity: Option<&str>,
) -> Result<Looked, StoreError> {
    let opts: Opts = at(base, node).into();
    let mut conn = log_in(opts, place).await?;
    let takes_rows = nodes::takes_rows(&mut conn, identity, place).await?;
    if need == Need::Write {
        nodes::must_take_rows(takes_rows, place)?;
    }
    // It has only half of the session's settings.
    let session = Session::find(&mut conn, place, limits.call, mode).await?;
    Ok(Looked { takes_rows, session })
}
