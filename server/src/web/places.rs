//! Who has a place: how many connections there may be, of one peer and in all, and which gives way.
//!
//! A connection is idle while no request of it is being answered; whatever bytes or pings it sends
//! meanwhile count for nothing. The one that has been idle longest gives way to one that comes, so
//! that who holds connections without asking keeps nobody out. Connections that are being answered
//! give way to nobody: one peer may have its share of places and no more, and [`RESERVED`] places are
//! for this machine alone, whose operator is to see what is going on.
//!
//! Knows nothing of HTTP, sockets or time.

use std::{
    collections::BTreeMap,
    fmt,
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;

use crate::metrics::Connections;

/// Places that are for loopback addresses alone.
pub(super) const RESERVED: usize = 8;

/// How much of all places one peer may have, in per cent. Behind a reverse proxy on another machine
/// everybody is one peer, so it is most of them; loopback has no share.
const SHARE_PCT: usize = 75;

/// How many of all connections may watch, in per cent: a call that lasts would hold its place for ever,
/// and the rest is for who asks. One peer may have its share of them, as of all places.
const WATCHING_PCT: usize = 75;

/// Who is on the other side, as far as an address tells: of IPv6 the network of 64 bits, of which
/// whoever has one address has all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct PeerNetwork(IpAddr);

impl PeerNetwork {
    pub(crate) fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V6(six) if !six.is_loopback() => {
                Self(Ipv6Addr::from_bits(six.to_bits() & (u128::MAX << 64)).into())
            }
            address => Self(address),
        }
    }

    pub(super) fn is_local(self) -> bool {
        self.0.is_loopback()
    }
}

impl fmt::Display for PeerNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            IpAddr::V6(six) if !six.is_loopback() => write!(f, "{six}/64"),
            address => address.fmt(f),
        }
    }
}

/// All places.
#[derive(Debug)]
pub(super) struct Places {
    most: usize,
    counted: Connections,
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    held: BTreeMap<u64, Held>,
    /// Numbers of connections, and of the moments at which they became idle.
    next: u64,
}

#[derive(Debug)]
struct Held {
    peer: PeerNetwork,
    /// Requests that are being answered.
    requests: usize,
    /// Of these, calls that last.
    watches: usize,
    /// When there were none for the first time, among all such moments.
    idle: u64,
    news: Arc<Notify>,
}

/// So many per cent, at least one.
fn part(whole: usize, pct: usize) -> usize {
    (whole * pct / 100).max(1)
}

/// A place, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct ConnectionPermit {
    places: Arc<Places>,
    number: u64,
    peer: PeerNetwork,
    news: Arc<Notify>,
}

/// A request that is being answered, until it is dropped.
#[derive(Debug)]
pub(super) struct Answering(Arc<ConnectionPermit>);

/// A call that lasts, until it is dropped.
#[derive(Debug)]
pub(crate) struct Watching(Arc<ConnectionPermit>);

/// Why a call that lasts finds no place: so many are there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TooMany {
    /// Such calls.
    Watches(usize),
    /// Such calls of this peer.
    WatchesOfPeer(usize),
    /// Connections with such calls.
    Connections(usize),
    /// Connections of this peer with such calls.
    ConnectionsOfPeer(usize),
}

/// How a connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ConnectionState {
    Answered,
    Idle,
    /// It has given its place to another one.
    Displaced,
}

impl Places {
    pub(super) fn new(most: usize, counted: Connections) -> Arc<Self> {
        Arc::new(Self { most, counted, table: Mutex::default() })
    }

    /// Most places of one peer that is not this machine.
    fn share(&self) -> usize {
        part(self.most, SHARE_PCT)
    }

    /// Most places of all others than this machine.
    fn public(&self) -> usize {
        self.most.saturating_sub(RESERVED).max(1)
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for a connection of `peer`, when there is one or an idle one gives way.
    pub(super) fn take(self: &Arc<Self>, peer: PeerNetwork) -> Option<ConnectionPermit> {
        let mut table = self.table();
        let held = |who: &dyn Fn(&Held) -> bool| table.held.values().filter(|one| who(one)).count();
        let public = |one: &Held| !one.peer.is_local();
        let of_peer = |one: &Held| one.peer == peer;
        let anyone = |_: &Held| true;
        let (is_full, who): (bool, &dyn Fn(&Held) -> bool) = if peer.is_local() {
            (held(&anyone) >= self.most, &anyone)
        } else if held(&of_peer) >= self.share() {
            (true, &of_peer)
        } else if held(&public) >= self.public() {
            (true, &public)
        } else {
            (held(&anyone) >= self.most, &anyone)
        };
        if is_full {
            let idle = table.held.iter().filter(|(_, one)| one.requests == 0 && who(one));
            let Some(oldest) = idle.min_by_key(|(_, one)| one.idle).map(|(number, _)| *number)
            else {
                self.counted.refused.inc();
                return None;
            };
            if let Some(displaced) = table.held.remove(&oldest) {
                self.counted.displaced.inc();
                displaced.news.notify_one();
            }
        }
        table.next += 1;
        let (number, news) = (table.next, Arc::new(Notify::new()));
        let held = Held { peer, requests: 0, watches: 0, idle: number, news: Arc::clone(&news) };
        table.held.insert(number, held);
        self.show(&table);
        drop(table);
        Some(ConnectionPermit { places: Arc::clone(self), number, peer, news })
    }

    /// Connections that found no place, or lost theirs, since the start.
    pub(super) fn turned_away(&self) -> (u64, u64) {
        (self.counted.refused.get(), self.counted.displaced.get())
    }

    fn show(&self, table: &Table) {
        self.counted.now.set(i64::try_from(table.held.len()).unwrap_or(i64::MAX));
    }
}

impl ConnectionPermit {
    pub(super) fn peer(&self) -> PeerNetwork {
        self.peer
    }

    /// From now on a request is being answered.
    pub(super) fn answer(self: &Arc<Self>) -> Answering {
        self.count(|held, _| held.requests += 1);
        Answering(Arc::clone(self))
    }

    /// From now on a call lasts, of at most `most` such calls in all.
    pub(crate) fn watch(self: &Arc<Self>, most: usize) -> Result<Watching, TooMany> {
        let mut table = self.places.table();
        let watching: Vec<&Held> = table.held.values().filter(|one| one.watches > 0).collect();
        // As of places, this machine has no share.
        let own = watching.iter().filter(|one| one.peer == self.peer && !self.peer.is_local());
        let (of_peer, watches_of_peer) =
            own.fold((0, 0), |(count, watches), one| (count + 1, watches + one.watches));
        let watches: usize = watching.iter().map(|one| one.watches).sum();
        let connections = part(self.places.most, WATCHING_PCT);
        let (share, share_of_watches) = (part(connections, SHARE_PCT), part(most, SHARE_PCT));
        let is_known = table.held.get(&self.number).is_some_and(|own| own.watches > 0);
        if watches >= most {
            return Err(TooMany::Watches(most));
        } else if watches_of_peer >= share_of_watches {
            return Err(TooMany::WatchesOfPeer(share_of_watches));
        } else if !is_known && watching.len() >= connections {
            return Err(TooMany::Connections(connections));
        } else if !is_known && of_peer >= share {
            return Err(TooMany::ConnectionsOfPeer(share));
        }
        if let Some(held) = table.held.get_mut(&self.number) {
            held.watches += 1;
        }
        Ok(Watching(Arc::clone(self)))
    }

    pub(super) fn now(&self) -> ConnectionState {
        match self.places.table().held.get(&self.number) {
            None => ConnectionState::Displaced,
            Some(held) if held.requests == 0 => ConnectionState::Idle,
            Some(_) => ConnectionState::Answered,
        }
    }

    /// Ends when [`now`](Self::now) may be another.
    pub(super) async fn changed(&self) {
        self.news.notified().await;
    }

    fn count(&self, change: impl FnOnce(&mut Held, u64)) {
        let mut table = self.places.table();
        table.next += 1;
        let moment = table.next;
        if let Some(held) = table.held.get_mut(&self.number) {
            change(held, moment);
        }
        drop(table);
        self.news.notify_one();
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        let mut table = self.places.table();
        table.held.remove(&self.number);
        self.places.show(&table);
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        if let Some(held) = self.0.places.table().held.get_mut(&self.0.number) {
            held.watches = held.watches.saturating_sub(1);
        }
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.count(|held, moment| {
            held.requests = held.requests.saturating_sub(1);
            held.idle = moment;
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(address: &str) -> PeerNetwork {
        PeerNetwork::of(address.parse().unwrap())
    }

    fn places(most: usize) -> Arc<Places> {
        Places::new(most, Connections::default())
    }

    fn take(places: &Arc<Places>, address: &str) -> Arc<ConnectionPermit> {
        Arc::new(places.take(peer(address)).unwrap())
    }

    #[test]
    fn idle_connections_of_one_peer_keep_nobody_out_and_lose_their_places_oldest_first() {
        let places = places(40);
        // More than there are places: from the share on each takes the place of an older one.
        let idle: Vec<_> = (0..1_000).map(|_| take(&places, "10.0.0.1")).collect();
        let left = idle.iter().filter(|place| place.now() == ConnectionState::Idle).count();
        assert_eq!((left, places.turned_away()), (30, (0, 970)));
        assert_eq!(idle[969].now(), ConnectionState::Displaced);
        assert_eq!(idle[970].now(), ConnectionState::Idle);
        // Two others: places are left, and then the oldest idle one of all gives way.
        let others: Vec<_> = (0..3).map(|_| take(&places, "10.0.0.2")).collect();
        assert_eq!(idle[970].now(), ConnectionState::Displaced);
        assert!(others.iter().all(|place| place.now() == ConnectionState::Idle));
    }

    #[test]
    fn who_is_being_answered_gives_way_to_nobody() {
        let places = places(40);
        let held: Vec<_> = (0..30).map(|_| take(&places, "10.0.0.1")).collect();
        let answering: Vec<_> = held.iter().map(ConnectionPermit::answer).collect();
        assert!(places.take(peer("10.0.0.1")).is_none(), "over its share");
        assert_eq!(places.turned_away(), (1, 0));
        let _others: Vec<_> = (0..2).map(|_| take(&places, "10.0.0.2").answer()).collect();
        assert!(places.take(peer("10.0.0.3")).is_none(), "the rest is this machine's");
        let local: Vec<_> = (0..8).map(|_| take(&places, "127.0.0.1").answer()).collect();
        assert_eq!(local.len(), RESERVED);
        assert!(places.take(peer("::1")).is_none(), "no place at all");
        drop(answering);
        assert!(places.take(peer("::1")).is_some(), "one that has become idle gives way");
        assert_eq!(held[0].now(), ConnectionState::Displaced);
    }

    #[test]
    fn calls_that_last_have_a_part_of_the_connections_and_each_peer_its_share() {
        const MANY: usize = 1_000;
        let places = places(40);
        let hold = |address: &str, count: usize| -> Vec<_> {
            let place = || take(&places, address);
            (0..count)
                .map(|_| place())
                .map(|it| (it.answer(), it.watch(MANY).unwrap(), it))
                .collect()
        };
        // Of 40 places 30 are for those that watch, of one peer three quarters of these.
        let first = hold("10.0.0.1", 22);
        let one_more = take(&places, "10.0.0.1");
        assert_eq!(one_more.watch(MANY).unwrap_err(), TooMany::ConnectionsOfPeer(22));
        let again = first[0].2.watch(MANY).unwrap();
        let others = hold("10.0.0.2", 8);
        assert_eq!(take(&places, "127.0.0.1").watch(MANY).unwrap_err(), TooMany::Connections(30));
        let asks = take(&places, "10.0.0.3");
        assert_eq!(
            (asks.now(), asks.watch(MANY).unwrap_err()),
            (ConnectionState::Idle, TooMany::Connections(30))
        );
        assert_eq!(first[0].2.watch(31).unwrap_err(), TooMany::Watches(31));
        drop((again, first, others));
        let held: Vec<_> = (0..3).map(|_| one_more.watch(40).unwrap()).collect();
        assert_eq!(one_more.watch(4).unwrap_err(), TooMany::WatchesOfPeer(3));
        drop(held);
        asks.watch(MANY).unwrap();
    }

    /// Behind a proxy of this machine everybody comes from loopback.
    #[test]
    fn this_machine_has_no_share() {
        let places = places(40);
        let held: Vec<_> = (0..40).map(|_| take(&places, "127.0.0.1").answer()).collect();
        assert_eq!(held.len(), 40);
        drop(held);
        assert_eq!(places.counted.now.get(), 0);
    }

    #[test]
    fn a_peer_is_an_address_or_a_network_of_64_bits() {
        assert_eq!(peer("::ffff:10.0.0.1"), peer("10.0.0.1"));
        assert_eq!(peer("2001:db8::1"), peer("2001:db8::ffff:1"));
        assert_ne!(peer("2001:db8::1"), peer("2001:db8:0:1::1"));
        assert_eq!(peer("2001:db8::1").to_string(), "2001:db8::/64");
        assert!(peer("::ffff:127.0.0.9").is_local() && peer("::1").is_local());
    }
}
