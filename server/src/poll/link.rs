//! A host's kept connection: where it leads, which address comes first, when it is given up.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use super::{connection::Connection, trust::Trust};
use crate::{
    inventory::{Host, LinkTls},
    model::Address,
};

/// A host's addresses and the connection that is kept to one of them. Opened by the first poll,
/// closed when the last owner drops it.
#[derive(Debug)]
pub struct Link {
    addresses: Vec<Arc<Destination>>,
    encrypted: Option<Encrypted>,
    state: Mutex<State>,
}

/// How the connection is encrypted.
#[derive(Debug)]
pub(super) struct Encrypted {
    pub(super) tls: Arc<LinkTls>,
    /// The name that the probe's certificate must bear; none takes any.
    pub(super) name: Option<Arc<str>>,
    /// Found by the first poll.
    pub(super) trust: OnceLock<Arc<Trust>>,
}

/// One address with its text, which every row of the ledger shares.
#[derive(Debug)]
pub(super) struct Destination {
    pub(super) address: Address,
    pub(super) text: Arc<str>,
}

#[derive(Debug, Default)]
struct State {
    kept: Option<LinkConnection>,
    /// Position of the address that is tried first.
    first: usize,
    /// Failed polls in a row.
    failed: u32,
    /// How many connections there have been: numbers them.
    opened: u64,
}

/// A connection in use by a link.
#[derive(Debug, Clone)]
pub(super) struct LinkConnection {
    pub(super) connection: Connection,
    /// Its number on this link.
    pub(super) number: u64,
    /// Position of its address.
    index: usize,
    pub(super) text: Arc<str>,
}

impl Link {
    /// A link to a host with these addresses, in the order in which they are tried at first.
    #[must_use]
    pub fn new(addresses: Vec<Address>) -> Arc<Self> {
        Self::encrypted(addresses, None, None)
    }

    /// A link to a host as the inventory has it.
    #[must_use]
    pub fn of(host: &Host) -> Arc<Self> {
        Self::encrypted(host.addresses.clone(), host.tls.clone(), Some(host.name.as_str()))
    }

    /// As [`Link::new`]; with `tls` to a probe whose certificate bears its `server_name`, without one that of
    /// `host`, and without either any.
    #[must_use]
    pub fn encrypted(
        addresses: Vec<Address>,
        tls: Option<Arc<LinkTls>>,
        host: Option<&str>,
    ) -> Arc<Self> {
        let encrypted = tls.map(|tls| {
            let name = tls.server_name.clone().or_else(|| host.map(Arc::from));
            Encrypted { tls, name, trust: OnceLock::new() }
        });
        let addresses = addresses
            .into_iter()
            .map(|address| {
                let text = address.to_string().into();
                Arc::new(Destination { address, text })
            })
            .collect();
        Arc::new(Self { addresses, encrypted, state: Mutex::default() })
    }

    /// How it is encrypted.
    pub(super) fn encryption(&self) -> Option<&Encrypted> {
        self.encrypted.as_ref()
    }

    /// The addresses, in the order of the inventory.
    pub fn addresses(&self) -> impl Iterator<Item = &Address> {
        self.addresses.iter().map(|destination| &destination.address)
    }

    /// How many connections have been opened so far.
    #[must_use]
    pub fn opened(&self) -> u64 {
        self.state().opened
    }

    /// The kept connection, if there is one.
    pub(super) fn kept(&self) -> Option<LinkConnection> {
        self.state().kept.clone()
    }

    /// Where to connect, in the order of trying: the address that is first now, the others after.
    pub(super) fn destinations(&self) -> Vec<(usize, Arc<Destination>)> {
        let first = self.state().first;
        let mut order: Vec<_> = self.addresses.iter().cloned().enumerate().collect();
        let turns = first.min(order.len());
        order.rotate_left(turns);
        order
    }

    /// Keeps a new connection, to the address at `index`.
    pub(super) fn keep(
        &self,
        connection: Connection,
        index: usize,
        text: Arc<str>,
    ) -> LinkConnection {
        let mut state = self.state();
        state.opened += 1;
        let kept = LinkConnection { connection, number: state.opened, index, text };
        state.kept = Some(kept.clone());
        kept
    }

    /// Gives up connection `number`, if it is still the kept one.
    pub(super) fn give_up(&self, number: u64) {
        let mut state = self.state();
        if state.kept.as_ref().is_some_and(|kept| kept.number == number) {
            state.kept = None;
        }
    }

    /// Learns how a poll over connection `number` ended (none: nothing connected). After
    /// `rebuild_after` failures in a row the connection is given up and the next address comes
    /// first, so that a changed address is looked up and a peer that only accepts is passed by.
    pub(super) fn settle(&self, number: Option<u64>, good: bool, rebuild_after: u32) {
        let mut state = self.state();
        let index = match (&state.kept, number) {
            (Some(kept), Some(number)) if kept.number == number => Some(kept.index),
            _ => None,
        };
        if good {
            state.failed = 0;
            state.first = index.unwrap_or(state.first);
            return;
        }
        state.failed = state.failed.saturating_add(1);
        if let Some(index) = index
            && state.failed >= rebuild_after
        {
            state.kept = None;
            state.first = (index + 1) % self.addresses.len().max(1);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
