//! The servers of one database: every address of `store.url`, and every one that a name in it stands for.
//! They are tried in their order; one that says nothing holds up the next by its share of the time alone.
//! One is used that answers and, for writing, takes rows.

use std::{
    collections::BTreeMap,
    fmt,
    net::{IpAddr, SocketAddr},
    pin::pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures_util::{StreamExt as _, future::join_all, stream::FuturesUnordered};
use mysql_async::{Conn, prelude::Queryable as _};
use tokio::time::{sleep, timeout};

use super::fault::{self, Place};
use crate::{
    config::{MysqlAddress, MysqlUrl},
    error_report::error_chain,
    resolve::{HostResolver, Resolve as _},
    store::StoreError,
};

/// Servers that are tried at most, whatever the names stand for.
const MAX_NODES: usize = 16;

/// How long a server may be silent before the next one is tried beside it; less where there are many.
const NEXT: Duration = Duration::from_millis(250);

/// Whether a server may be written to, by what SQL says of it. The option has words of its own in some
/// versions.
pub(super) const TAKES_ROWS: &str = "CAST(@@GLOBAL.read_only AS CHAR) IN ('0', 'OFF')";

/// What is said of a server that may not.
const READ_ONLY: &str = "it is read-only (read_only is on)";

const LOOKING: &str = "see whether it can be used";

/// One server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Node {
    /// As it stands in the URL: its certificate bears this name.
    pub(super) address: MysqlAddress,
    pub(super) ip: IpAddr,
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.address.fmt(f)?;
        match self.address.host.parse::<IpAddr>() {
            Ok(_) => Ok(()),
            Err(_) => write!(f, " ({})", self.ip),
        }
    }
}

/// What a server is to be good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    /// Answers.
    Read,
    /// Takes rows, too.
    Write,
}

/// What is known of the servers' addresses.
#[derive(Debug)]
pub(super) struct Nodes {
    names: Arc<HostResolver>,
    url: MysqlUrl,
    /// What each name stood for when it was last known: it is looked up when a server is gone, and
    /// name servers may have gone with it.
    known: Mutex<BTreeMap<MysqlAddress, Vec<IpAddr>>>,
}

/// A server that was found, what was found out about it, and what is wrong with those before it.
pub(super) struct ChosenNode<T> {
    pub(super) node: Node,
    pub(super) what: T,
    pub(super) passed_over: String,
}

type Whys = Vec<(String, StoreError)>;

impl Nodes {
    pub(super) fn new(url: MysqlUrl, name_servers: Vec<SocketAddr>) -> Self {
        Self { names: HostResolver::new(name_servers), url, known: Mutex::default() }
    }

    /// Whether there is, or may be, more than one.
    pub(super) fn are_several(&self) -> bool {
        match self.url.addresses.as_slice() {
            [only] => self.remembered(only).len() > 1,
            _ => true,
        }
    }

    fn remembered(&self, address: &MysqlAddress) -> Vec<IpAddr> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(address).cloned().unwrap_or_default()
    }

    /// Where one address leads. The driver would ask getaddrinfo(3), which a static binary in an empty
    /// root has not.
    async fn look_up(
        &self,
        address: &MysqlAddress,
        after: Duration,
    ) -> Result<Vec<IpAddr>, StoreError> {
        let looking = timeout(after, self.names.resolve(&address.host, address.port));
        let why = match looking.await {
            Ok(Ok(found)) => {
                let found: Vec<IpAddr> = found.iter().map(SocketAddr::ip).collect();
                let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
                known.insert(address.clone(), found.clone());
                return Ok(found);
            }
            Ok(Err(cause)) => {
                let location = self.url.to_string();
                StoreError::Unreachable { location, cause: cause.into() }
            }
            Err(_) => StoreError::Timeout { after },
        };
        // It leads where it did.
        Some(self.remembered(address)).filter(|known| !known.is_empty()).ok_or(why)
    }

    /// Every server, `first` before the others while it is still one of them; and the names that lead
    /// nowhere.
    async fn all(&self, first: Option<&Node>, after: Duration) -> (Vec<Node>, Whys) {
        let looking = self.url.addresses.iter().map(|address| self.look_up(address, after));
        let (mut nodes, mut whys) = (Vec::new(), Vec::new());
        for (address, found) in self.url.addresses.iter().zip(join_all(looking).await) {
            match found {
                Ok(ips) => {
                    nodes.extend(ips.into_iter().map(|ip| Node { address: address.clone(), ip }));
                }
                Err(why) => whys.push((address.to_string(), why)),
            }
        }
        nodes.sort_by_key(|node| Some(node) != first);
        nodes.truncate(MAX_NODES);
        (nodes, whys)
    }

    /// The first server that `look` finds well, beginning with `first`. `after` is how long names may be
    /// looked up, and then how long all servers together may take.
    ///
    /// # Errors
    /// What is wrong with the server, or with each of them.
    pub(super) async fn find<T, F: Future<Output = Result<T, StoreError>>>(
        &self,
        need: Need,
        first: Option<&Node>,
        after: Duration,
        look: impl Fn(Node) -> F,
    ) -> Result<ChosenNode<T>, StoreError> {
        let (nodes, mut whys) = self.all(first, after).await;
        let found = race(nodes, after, &mut whys, look).await;
        let Some((node, what)) = found else { return Err(self.none(need, whys)) };
        Ok(ChosenNode { node, what, passed_over: in_words(&whys) })
    }

    fn none(&self, need: Need, mut whys: Whys) -> StoreError {
        if whys.len() == 1 && self.url.addresses.len() == 1 {
            return whys.remove(0).1;
        }
        StoreError::NoServer {
            location: self.url.to_string(),
            can: match need {
                Need::Read => "answers",
                Need::Write => "takes rows",
            },
            whys: in_words(&whys),
            is_absence: whys.iter().any(|(_, why)| why.is_absence()),
        }
    }

    /// What is said of one server in errors.
    pub(super) fn place(&self, node: &Node, of_all: &Place) -> Place {
        let url = MysqlUrl { addresses: vec![node.address.clone()], ..self.url.clone() };
        Place { location: url.to_string(), ..of_all.clone() }
    }
}

/// What an error says beside the server's address.
fn words(why: &StoreError) -> String {
    match why {
        StoreError::Unreachable { cause, .. } | StoreError::Failed { cause, .. } => {
            error_chain(cause.as_ref())
        }
        StoreError::Unfit { why, .. } => why.clone(),
        StoreError::Timeout { after } => format!("no answer within {} ms", after.as_millis()),
        StoreError::Replaced { .. } => "it is another database".to_owned(),
        other => error_chain(other),
    }
}

fn in_words(whys: &Whys) -> String {
    let each = whys.iter().map(|(address, why)| format!("{address}: {}", words(why)));
    each.collect::<Vec<_>>().join("; ")
}

/// The first that is found well. Those before it, and all when there is none, have their reasons in
/// `whys`, in their order.
async fn race<T, F: Future<Output = Result<T, StoreError>>>(
    nodes: Vec<Node>,
    after: Duration,
    whys: &mut Whys,
    look: impl Fn(Node) -> F,
) -> Option<(Node, T)> {
    let share = NEXT.min(after / u32::try_from(nodes.len().max(1)).unwrap_or(u32::MAX));
    let mut failed: Vec<Option<StoreError>> = nodes.iter().map(|_| None).collect();
    let mut looking = FuturesUnordered::new();
    let mut waiting = nodes.iter().enumerate();
    let mut end = pin!(sleep(after));
    let found = loop {
        if let Some((number, node)) = waiting.next() {
            let looked = look(node.clone());
            looking.push(async move { (number, looked.await) });
        }
        if looking.is_empty() {
            break None;
        }
        tokio::select! {
            biased;
            Some((number, looked)) = looking.next() => match looked {
                Ok(found) => break Some((number, found)),
                Err(why) => failed[number] = Some(why),
            },
            () = &mut end => break None,
            () = sleep(share), if waiting.len() > 0 => {}
        }
    };
    drop(looking);
    // One that is silent was so for its share at least.
    let (before, after) = found.as_ref().map_or((nodes.len(), after), |(n, _)| (*n, share));
    whys.extend(
        nodes
            .iter()
            .zip(failed)
            .take(before)
            .map(|(node, why)| (node.to_string(), why.unwrap_or(StoreError::Timeout { after }))),
    );
    let (number, found) = found?;
    Some((nodes.into_iter().nth(number)?, found))
}

/// Asks a server whether it can be used, and whether it takes rows; by `identity` also whether it has the
/// database that was opened.
///
/// # Errors
/// [`StoreError::Unfit`], or what it says.
pub(super) async fn takes_rows(
    conn: &mut Conn,
    identity: Option<&str>,
    place: &Place,
) -> Result<bool, StoreError> {
    let unfit = |error| unfit(error, &place.location);
    // A node of Galera then answers once it has what the others had when it was asked: else it might lack
    // rows that were acknowledged.
    match conn.query_drop("SET SESSION wsrep_sync_wait = 1").await {
        Err(error) if !fault::is_unknown_variable(&error) => {
            return Err(unfit(place.fault(LOOKING)(error)));
        }
        _ => {}
    }
    let takes = conn.query_first(format!("SELECT {TAKES_ROWS}")).await;
    let takes: Option<bool> = takes.map_err(|error| unfit(place.fault(LOOKING)(error)))?;
    if let Some(identity) = identity
        && *identity_of(conn, place).await.map_err(unfit)? != *identity
    {
        return Err(StoreError::Replaced { location: place.location.clone() });
    }
    Ok(takes == Some(true))
}

/// What tells this database from every other.
pub(super) async fn identity_of(conn: &mut Conn, place: &Place) -> Result<Arc<str>, StoreError> {
    let found: Option<String> = conn
        .query_first("SELECT store FROM identity WHERE id = 1")
        .await
        .map_err(place.fault("read the store's identity"))?;
    let found = found.ok_or_else(|| place.corrupt("the table identity", "it is empty".to_owned()));
    found.map(Into::into)
}

/// The same error; where it says that the server is of no use now, as one that is waited for.
pub(super) fn unfit(error: StoreError, location: &str) -> StoreError {
    match error {
        StoreError::Failed { .. } if fault::is_of_the_server(&error) => {
            StoreError::Unfit { location: location.to_owned(), why: words(&error) }
        }
        other => other,
    }
}

/// Refuses a server that takes no rows.
pub(super) fn must_take_rows(takes_rows: bool, place: &Place) -> Result<(), StoreError> {
    if takes_rows {
        return Ok(());
    }
    Err(StoreError::Unfit { location: place.location.clone(), why: READ_ONLY.to_owned() })
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use super::*;

    fn nodes(count: u8) -> Vec<Node> {
        let address = MysqlAddress { host: "db".to_owned(), port: 3306 };
        (1..=count).map(|n| Node { address: address.clone(), ip: [10, 0, 0, n].into() }).collect()
    }

    fn number(node: &Node) -> u8 {
        let IpAddr::V4(ip) = node.ip else { return 0 };
        ip.octets()[3]
    }

    #[tokio::test(start_paused = true)]
    #[expect(clippy::disallowed_methods, reason = "the test's own paused clock")]
    async fn a_silent_server_holds_up_the_next_one_by_its_share_alone() {
        for (count, after, share) in [(3, 2_500, 250), (10, 1_000, 100)] {
            let begun = tokio::time::Instant::now();
            let look = |node: Node| async move {
                match number(&node) {
                    3 => Ok(()),
                    _ => pending().await,
                }
            };
            let (after, mut whys) = (Duration::from_millis(after), Vec::new());
            let (node, ()) = race(nodes(count), after, &mut whys, look).await.unwrap();
            assert_eq!(number(&node), 3);
            assert_eq!(begun.elapsed(), Duration::from_millis(share) * 2);
            let silent = format!("no answer within {share} ms");
            let all = format!("db:3306 (10.0.0.1): {silent}; db:3306 (10.0.0.2): {silent}");
            assert_eq!(in_words(&whys), all);
        }
        // One that was silent may still be the one; one that fails holds up nobody; no one waits for ever.
        let slow = |node: Node| async move {
            sleep(Duration::from_millis(900)).await;
            if number(&node) == 1 { Ok(()) } else { Err(StoreError::Closed) }
        };
        let (after, mut whys) = (Duration::from_secs(1), Vec::new());
        assert_eq!(number(&race(nodes(2), after, &mut whys, slow).await.unwrap().0), 1);
        let begun = tokio::time::Instant::now();
        let none = |node: Node| async move {
            if number(&node) == 9 { pending().await } else { Err::<(), _>(StoreError::Closed) }
        };
        assert!(race(nodes(9), after, &mut whys, none).await.is_none());
        assert_eq!((begun.elapsed(), whys.len()), (after, 9));
        assert!(in_words(&whys).ends_with("(10.0.0.9): no answer within 1000 ms"), "{whys:?}");
    }

    #[tokio::test]
    async fn of_many_servers_only_so_many_are_tried() {
        let url = MysqlUrl {
            user: "u".to_owned(),
            addresses: vec![nodes(1)[0].address.clone()],
            database: "d".to_owned(),
        };
        // Nobody is asked in time: the name stands for what it did.
        let servers = Nodes::new(url, vec![([127, 0, 0, 1], 1).into()]);
        let (found, whys) = servers.all(None, Duration::ZERO).await;
        assert_eq!((found.len(), whys.len()), (0, 1));
        let ips = nodes(20).iter().map(|node| node.ip).collect();
        servers.known.lock().unwrap().insert(nodes(1)[0].address.clone(), ips);
        let used = &nodes(20)[4];
        let (found, whys) = servers.all(Some(used), Duration::ZERO).await;
        assert_eq!((found.len(), whys.len()), (MAX_NODES, 0));
        let order: Vec<u8> = found.iter().map(number).collect();
        assert_eq!(order[..6], [5, 1, 2, 3, 4, 6]);
    }
}
