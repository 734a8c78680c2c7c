//! One call, as its request and its answer know it: whose turn it is.
//!
//! A call keeps a place for its connection while it is the probe's turn: from the end of its request
//! until its answer is there, and for a stream while nothing new is to be told. While the peer has
//! to go on, by ending its request or by taking what it is answered, the call is nobody's work.

use std::sync::{Arc, Mutex, PoisonError};

use super::{
    places::{Calls, InCall, Untaken},
    watches::Watching,
};

#[derive(Debug, Default)]
struct State {
    is_whole: bool,
    is_over: bool,
    /// Present while there is something for the peer to take.
    untaken: Option<Untaken>,
    /// Present while it is the probe's turn.
    work: Option<InCall>,
}

/// What both the request and its answer know of a call.
#[derive(Debug, Clone)]
pub(super) struct Shared {
    state: Arc<Mutex<State>>,
    calls: Arc<Calls>,
}

impl Shared {
    pub(super) fn new(calls: Arc<Calls>) -> Self {
        Self { state: Arc::default(), calls }
    }

    fn change(&self, how: impl FnOnce(&mut State)) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        how(&mut state);
        let works = state.is_whole && !state.is_over && state.untaken.is_none();
        if works != state.work.is_some() {
            state.work = works.then(|| self.calls.begin());
        }
    }

    /// The request has ended.
    pub(super) fn is_whole(&self) {
        self.change(|state| state.is_whole = true);
    }
}

/// The call as its answer holds it: over when this is dropped.
#[derive(Debug)]
pub(super) struct Call {
    shared: Shared,
    /// Whether there is something to take, so that each piece of an answer need not ask.
    is_offering: bool,
    _watching: Option<Watching>,
}

impl Call {
    pub(super) fn new(shared: Shared, watching: Option<Watching>) -> Self {
        Self { shared, is_offering: false, _watching: watching }
    }

    /// Something is there for the peer to take.
    pub(super) fn offers(&mut self) {
        if !self.is_offering {
            self.is_offering = true;
            self.shared.change(|state| state.untaken = Some(self.shared.calls.offer()));
        }
    }

    /// The peer has taken all that there was, and more will come.
    pub(super) fn is_taken(&mut self) {
        if self.is_offering {
            self.is_offering = false;
            self.shared.change(|state| state.untaken = None);
        }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.shared.change(|state| {
            state.is_over = true;
            state.untaken = None;
        });
    }
}
