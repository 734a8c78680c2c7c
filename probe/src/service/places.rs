//! Who has a place at a listener, and who gives way when one is needed.
//!
//! Connecting costs a peer nothing, so a place is not for who came first: a connection without a call
//! in flight gives way to one that needs its place, first those that never made a call, of these the
//! one that is idle for longest. A server that was polling connects again with its next poll. One
//! peer has its share and takes no place of others, and the last place is for the host itself, whose
//! container asks the probe whether it is well.

use std::{
    collections::VecDeque,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use tokio::task::AbortHandle;

use crate::clock;

/// One peer's share of the places: the whole, divided by this.
pub const PEER_SHARE: usize = 4;
/// At most one line in so much time tells that places are scarce.
const TELL_EVERY: Duration = Duration::from_secs(60);
/// Bits of an IPv6 address that are one network's: who has one address of it has them all.
const NETWORK_BITS: u32 = 64;

/// Whom places are counted for: an IPv4 address, or an IPv6 network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Peer(IpAddr);

impl Peer {
    pub(super) fn at(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(address) if !address.is_loopback() => {
                let network = u128::from(address) >> NETWORK_BITS << NETWORK_BITS;
                IpAddr::V6(network.into())
            }
            address => address,
        })
    }
}

/// The calls of one connection that are the probe's to go on with, not frames: so neither pings count
/// nor a request whose end does not come, nor an answer that is not taken.
#[derive(Debug)]
pub(super) struct Calls(Mutex<State>);

#[derive(Debug)]
struct State {
    in_flight: usize,
    has_called: bool,
    /// The last moment at which there was no call in flight, or when it was connected.
    idle_since: Instant,
    /// What its peer has not taken yet, by number, the oldest first.
    untaken: VecDeque<(u64, Instant)>,
    offers: u64,
}

impl Calls {
    pub(super) fn none_yet() -> Arc<Self> {
        let idle_since = clock::now();
        Arc::new(Self(Mutex::new(State {
            in_flight: 0,
            has_called: false,
            idle_since,
            untaken: VecDeque::new(),
            offers: 0,
        })))
    }

    /// It is the probe's turn; the call is in flight until what is answered here is dropped.
    pub(super) fn begin(self: &Arc<Self>) -> InCall {
        self.change(|state| {
            state.in_flight += 1;
            state.has_called = true;
        });
        InCall(Arc::clone(self))
    }

    /// Something is there for the peer to take, until what is answered here is dropped.
    pub(super) fn offer(self: &Arc<Self>) -> Untaken {
        let now = clock::now();
        let number = self.change(|state| {
            state.offers += 1;
            state.untaken.push_back((state.offers, now));
            state.offers
        });
        Untaken { calls: Arc::clone(self), number }
    }

    /// Since when no call is in flight; nothing while one is.
    pub(super) fn idle_since(&self) -> Option<Instant> {
        self.change(|state| (state.in_flight == 0).then_some(state.idle_since))
    }

    /// Since when the peer has not taken the oldest of what there is; nothing when it took all.
    pub(super) fn untaken_since(&self) -> Option<Instant> {
        self.change(|state| state.untaken.front().map(|(_, since)| *since))
    }

    fn change<T>(&self, how: impl FnOnce(&mut State) -> T) -> T {
        how(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A call in flight.
#[derive(Debug)]
pub(super) struct InCall(Arc<Calls>);

impl Drop for InCall {
    fn drop(&mut self) {
        self.0.change(|state| {
            state.in_flight = state.in_flight.saturating_sub(1);
            state.idle_since = clock::now();
        });
    }
}

/// Something that a peer has to take.
#[derive(Debug)]
pub(super) struct Untaken {
    calls: Arc<Calls>,
    number: u64,
}

impl Drop for Untaken {
    fn drop(&mut self) {
        self.calls.change(|state| state.untaken.retain(|(number, _)| *number != self.number));
    }
}

/// The connections that have a place.
#[derive(Debug)]
pub(super) struct Places {
    most: usize,
    held: Vec<Held>,
    scarcity: Scarcity,
}

#[derive(Debug)]
struct Held {
    peer: Peer,
    calls: Arc<Calls>,
    connection: AbortHandle,
}

impl Places {
    pub(super) fn new(most: usize) -> Self {
        Self { most, held: Vec::new(), scarcity: Scarcity::default() }
    }

    /// Most places of one peer.
    pub(super) fn share(&self) -> usize {
        (self.most / PEER_SHARE).max(1)
    }

    /// Whether there is a place for one more connection of `peer`, if need be because another one
    /// has just given way.
    pub(super) fn make(&mut self, peer: Peer) -> bool {
        self.held.retain(|held| !held.connection.is_finished());
        let all = match peer.0.is_loopback() {
            true => self.most,
            false => self.most - usize::from(self.most > 1),
        };
        let own = self.held.iter().filter(|held| held.peer == peer).count();
        let is_over_share = own >= self.share();
        if !is_over_share && self.held.len() < all {
            return true;
        }
        let idle = self.held.iter().enumerate().filter_map(|(index, held)| {
            let may_go = !is_over_share || held.peer == peer;
            held.calls.change(|state| {
                let is_idle = state.in_flight == 0;
                (is_idle && may_go).then_some((state.has_called, state.idle_since, index))
            })
        });
        let Some((.., index)) = idle.min() else { return false };
        self.held.swap_remove(index).connection.abort();
        self.scarcity.gave_way += 1;
        true
    }

    /// A connection takes the place that was made for it.
    pub(super) fn take(&mut self, peer: Peer, calls: Arc<Calls>, connection: AbortHandle) {
        self.held.push(Held { peer, calls, connection });
    }

    /// One found no place, and all that have one are in calls.
    pub(super) fn refused(&mut self) {
        self.scarcity.refused += 1;
    }

    /// What is to be told at `now`: how many gave way and how many were refused since it was told
    /// last; nothing when there is nothing new, or too soon.
    pub(super) fn news(&mut self, now: Instant) -> Option<(u64, u64)> {
        self.scarcity.news(now)
    }
}

/// What happened for want of places since it was told.
#[derive(Debug, Default)]
struct Scarcity {
    gave_way: u64,
    refused: u64,
    told: Option<Instant>,
}

impl Scarcity {
    fn news(&mut self, now: Instant) -> Option<(u64, u64)> {
        let news = (self.gave_way, self.refused);
        let is_soon = self.told.is_some_and(|told| now < told + TELL_EVERY);
        if news == (0, 0) || is_soon {
            return None;
        }
        *self = Self { told: Some(now), ..Self::default() };
        Some(news)
    }
}

#[cfg(test)]
mod tests {
    use tokio::task::JoinSet;

    use super::*;

    fn peer(text: &str) -> Peer {
        Peer::at(text.parse().unwrap())
    }

    /// Places whose connections are tasks that never end by themselves.
    struct Table {
        places: Places,
        tasks: JoinSet<()>,
    }

    impl Table {
        fn new(most: usize) -> Self {
            Self { places: Places::new(most), tasks: JoinSet::new() }
        }

        fn connect(&mut self, from: &str) -> Option<Arc<Calls>> {
            self.places.make(peer(from)).then(|| {
                let calls = Calls::none_yet();
                let task = self.tasks.spawn(std::future::pending());
                self.places.take(peer(from), Arc::clone(&calls), task);
                calls
            })
        }

        fn has(&self, calls: &Arc<Calls>) -> bool {
            self.places.held.iter().any(|held| Arc::ptr_eq(&held.calls, calls))
        }
    }

    #[test]
    fn a_peer_is_an_address_or_a_network() {
        assert_eq!(peer("::ffff:10.0.0.1"), peer("10.0.0.1"));
        assert_ne!(peer("10.0.0.1"), peer("10.0.0.2"));
        assert_eq!(peer("2001:db8:1:2::1"), peer("2001:db8:1:2:ffff::9"));
        assert_ne!(peer("2001:db8:1:2::1"), peer("2001:db8:1:3::1"));
        assert_ne!(peer("::1"), peer("::2"));
    }

    #[tokio::test]
    async fn beyond_its_share_a_peer_takes_its_own_places_alone() {
        let mut table = Table::new(8);
        let other = table.connect("10.0.0.2").unwrap();
        let (first, second) =
            (table.connect("10.0.0.1").unwrap(), table.connect("10.0.0.1").unwrap());
        let third = table.connect("10.0.0.1").unwrap();
        assert_eq!(
            [&other, &first, &second, &third].map(|it| table.has(it)),
            [true, false, true, true]
        );
        // In a call none gives way.
        let (_one, _two) = (second.begin(), third.begin());
        assert!(table.connect("10.0.0.1").is_none());
        assert!(table.has(&other) && table.connect("10.0.0.3").is_some());
    }

    #[tokio::test]
    async fn of_all_that_are_idle_the_one_without_a_call_goes_and_then_the_longest_idle() {
        let mut table = Table::new(5);
        let all: Vec<_> = (1..5).map(|n| table.connect(&format!("10.0.0.{n}")).unwrap()).collect();
        // The first is in a call, the second and third have called, the third long ago.
        let _in_call = all[0].begin();
        drop(all[2].begin());
        drop(all[1].begin());
        let left = |table: &Table| all.iter().map(|it| table.has(it)).collect::<Vec<_>>();
        let new = table.connect("10.0.1.1").unwrap();
        assert_eq!(left(&table), [true, true, true, false]);
        let _in_new = new.begin();
        let next = table.connect("10.0.1.2").unwrap();
        assert_eq!(left(&table), [true, true, false, false]);
        let _in_next = next.begin();
        table.connect("10.0.1.3").unwrap();
        assert_eq!(left(&table), [true, false, false, false]);
        assert_eq!(table.places.news(clock::now()), Some((3, 0)));
    }

    #[tokio::test]
    async fn the_last_place_is_kept_for_the_host_itself() {
        let mut table = Table::new(4);
        let taken: Vec<_> =
            (1..4).map(|n| table.connect(&format!("10.0.0.{n}")).unwrap()).collect();
        let _calls: Vec<InCall> = taken.iter().map(Calls::begin).collect();
        assert!(table.connect("10.0.0.9").is_none());
        assert!(table.connect("127.0.0.1").is_some());
    }

    #[tokio::test]
    async fn a_connection_that_has_ended_has_no_place() {
        let mut table = Table::new(1);
        let first = table.connect("10.0.0.1").unwrap();
        let _in_call = first.begin();
        assert!(table.connect("10.0.0.2").is_none());
        table.tasks.shutdown().await;
        assert!(table.connect("10.0.0.2").is_some());
    }

    #[test]
    fn scarcity_is_told_once_in_a_while_with_all_that_happened() {
        let now = clock::now();
        let mut places = Places::new(1);
        assert_eq!(places.news(now), None);
        places.refused();
        assert_eq!(places.news(now), Some((0, 1)));
        places.refused();
        places.refused();
        assert_eq!(places.news(now + TELL_EVERY / 2), None);
        assert_eq!(places.news(now + TELL_EVERY), Some((0, 2)));
    }
}
