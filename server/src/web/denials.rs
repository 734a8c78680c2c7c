//! Wrong tokens and passwords, by who sent them: each peer may be wrong so often, and then once in a
//! while; what it sends beyond that is not even looked at. An address from which the right one came not
//! long ago is always heard: whoever guesses from there (behind the same proxy, say) must not lock out
//! those who know it.
//!
//! It knows nothing of HTTP, and is told the time. No connection is held open to slow anybody down.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use super::places::PeerNetwork;
use crate::units::Mono;

/// How often a peer may be wrong at once.
pub(super) const MAX_WRONG: u32 = 20;

/// How long it takes until it may be wrong once more.
pub(super) const WRONG_AGAIN: Duration = Duration::from_secs(1);

/// Peers that are remembered; the one that was wrong longest ago is forgotten first.
pub(super) const MAX_PEERS: usize = 1024;

/// How long a peer is known to have been right.
pub(super) const KNOWN: Duration = Duration::from_secs(3600);

/// How often it is said that somebody is wrong.
const SAY_EVERY: Duration = Duration::from_secs(60);

/// What is remembered.
#[derive(Debug, Default)]
pub(super) struct Denials(Mutex<Table>);

#[derive(Debug, Default)]
struct Table {
    peers: HashMap<PeerNetwork, Wrong>,
    /// When each was right last.
    right: HashMap<PeerNetwork, Mono>,
    said: Option<Mono>,
    /// Wrong since it was said.
    unsaid: u64,
}

/// How often a peer was wrong, less what it has sat out.
#[derive(Debug, Clone, Copy)]
struct Wrong {
    times: u32,
    last: Mono,
}

impl Wrong {
    fn left(self, now: Mono) -> u32 {
        let waited = now.since(self.last).as_secs() / WRONG_AGAIN.as_secs();
        self.times.saturating_sub(u32::try_from(waited).unwrap_or(u32::MAX))
    }
}

impl Denials {
    /// Whether what `peer` sends is looked at.
    pub(super) fn hears(&self, peer: PeerNetwork, now: Mono) -> bool {
        let table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_known = table.right.get(&peer).is_some_and(|at| now.since(*at) < KNOWN);
        is_known || table.peers.get(&peer).is_none_or(|wrong| wrong.left(now) < MAX_WRONG)
    }

    /// `peer` was right.
    pub(super) fn right(&self, peer: PeerNetwork, now: Mono) {
        let mut table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if table.right.len() >= MAX_PEERS && !table.right.contains_key(&peer) {
            let oldest = table.right.iter().min_by_key(|(_, at)| **at).map(|(peer, _)| *peer);
            oldest.map(|oldest| table.right.remove(&oldest));
        }
        table.right.insert(peer, now);
    }

    /// `peer` was wrong. How many there were since this was said last, when it is to be said.
    pub(super) fn wrong(&self, peer: PeerNetwork, now: Mono) -> Option<u64> {
        let mut table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if table.peers.len() >= MAX_PEERS && !table.peers.contains_key(&peer) {
            let oldest = table.peers.iter().min_by_key(|(_, wrong)| wrong.last);
            if let Some(oldest) = oldest.map(|(peer, _)| *peer) {
                table.peers.remove(&oldest);
            }
        }
        let times = table.peers.get(&peer).map_or(0, |wrong| wrong.left(now));
        table.peers.insert(peer, Wrong { times: times.saturating_add(1), last: now });
        table.unsaid += 1;
        if table.said.is_some_and(|said| now.since(said) < SAY_EVERY) {
            return None;
        }
        table.said = Some(now);
        Some(std::mem::take(&mut table.unsaid))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(last: u32) -> PeerNetwork {
        PeerNetwork::of(std::net::Ipv4Addr::from_bits(0x0a00_0000 + last).into())
    }

    fn at(secs: u64) -> Mono {
        Mono(Duration::from_secs(secs))
    }

    #[test]
    fn who_is_wrong_too_often_is_heard_once_a_second_and_others_as_before() {
        let denials = Denials::default();
        for _ in 0..MAX_WRONG {
            assert!(denials.hears(peer(1), at(100)));
            denials.wrong(peer(1), at(100));
        }
        assert!(!denials.hears(peer(1), at(100)));
        assert!(denials.hears(peer(2), at(100)));
        assert!(denials.hears(peer(1), at(101)));
        denials.wrong(peer(1), at(101));
        assert!(!denials.hears(peer(1), at(101)));
        assert!(denials.hears(peer(1), at(102)));
    }

    #[test]
    fn who_was_right_not_long_ago_is_not_locked_out_by_guesses_from_the_same_address() {
        let denials = Denials::default();
        denials.right(peer(1), at(100));
        for _ in 0..2 * MAX_WRONG {
            denials.wrong(peer(1), at(200));
        }
        assert!(denials.hears(peer(1), at(200)));
        let later = 100 + KNOWN.as_secs();
        for _ in 0..2 * MAX_WRONG {
            denials.wrong(peer(1), at(later));
        }
        assert!(!denials.hears(peer(1), at(later)));
        for number in 2..u32::try_from(MAX_PEERS).unwrap() + 9 {
            denials.right(peer(number), at(later + u64::from(number)));
        }
        assert_eq!(denials.0.lock().unwrap().right.len(), MAX_PEERS);
    }

    #[test]
    fn it_is_said_once_a_minute_with_how_many_there_were() {
        let denials = Denials::default();
        assert_eq!(denials.wrong(peer(1), at(0)), Some(1));
        assert_eq!(denials.wrong(peer(2), at(59)), None);
        assert_eq!(denials.wrong(peer(1), at(60)), Some(2));
    }

    #[test]
    fn no_more_peers_are_remembered_than_the_limit() {
        let denials = Denials::default();
        let all = u32::try_from(MAX_PEERS).unwrap() + 100;
        for number in 0..all {
            denials.wrong(peer(number), at(u64::from(number)));
        }
        let peers = &denials.0.lock().unwrap().peers;
        assert_eq!(peers.len(), MAX_PEERS);
        assert!(!peers.contains_key(&peer(99)) && peers.contains_key(&peer(100)));
    }
}
