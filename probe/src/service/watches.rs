//! How many connections may watch: a call that lasts would hold its place for ever.
//!
//! What is counted are connections, not streams, of which each connection has its own limit: however
//! much it watches, it holds one place. So most places are left to those who ask, and each peer has
//! its share of those that watch, as it has of all.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tonic::Status;

use super::places::{Calls, PEER_SHARE, Peer};

/// Connections that watch at one time: the places, divided by this; of one peer a [`PEER_SHARE`]th of them.
pub const WATCHING_PART: usize = 4;

/// The connections that watch.
#[derive(Debug)]
pub(super) struct Watches {
    most: usize,
    held: Mutex<Vec<Held>>,
}

#[derive(Debug)]
struct Held {
    peer: Peer,
    calls: Arc<Calls>,
    streams: usize,
}

impl Watches {
    /// Of a listener with so many places.
    pub(super) fn new(places: usize) -> Arc<Self> {
        Arc::new(Self { most: (places / WATCHING_PART).max(1), held: Mutex::default() })
    }

    fn held(&self) -> MutexGuard<'_, Vec<Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One more stream of a connection, if that may watch: RESOURCE_EXHAUSTED if not.
    pub(super) fn begin(
        self: &Arc<Self>,
        peer: Peer,
        calls: &Arc<Calls>,
    ) -> Result<Watching, Status> {
        let mut held = self.held();
        if let Some(known) = held.iter_mut().find(|one| Arc::ptr_eq(&one.calls, calls)) {
            known.streams += 1;
        } else {
            let share = (self.most / PEER_SHARE).max(1);
            let of_peer = held.iter().filter(|one| one.peer == peer).count();
            if of_peer >= share || held.len() >= self.most {
                return Err(Status::resource_exhausted(format!(
                    "{share} connections of one peer and {} in all may watch, and no more do; \
                     ask with Check instead, or watch over a connection that does already",
                    self.most
                )));
            }
            held.push(Held { peer, calls: Arc::clone(calls), streams: 1 });
        }
        Ok(Watching { watches: Arc::clone(self), calls: Arc::clone(calls) })
    }
}

/// A stream of a connection that watches, until it is dropped.
#[derive(Debug)]
pub(super) struct Watching {
    watches: Arc<Watches>,
    calls: Arc<Calls>,
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.watches.held().retain_mut(|one| {
            let is_own = Arc::ptr_eq(&one.calls, &self.calls);
            one.streams -= usize::from(is_own);
            one.streams > 0
        });
    }
}
