//! A host behind another one: when that one fails, this one's failing says nothing of its own.

use super::StateChange;
use crate::model::{Cause, HostName, State};

/// The most parents above one another that are followed.
pub const MAX_PARENTS: usize = 32;

/// The nearest host above that fails, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailingParent {
    /// Its name.
    pub name: HostName,
    /// Suspect or down.
    pub state: State,
}

impl FailingParent {
    /// The first of a host's ancestors, nearest first, that fails. One that is suspect counts: it
    /// was there before its children, and dies with them within the same few polls.
    pub fn nearest<'a>(ancestors: impl Iterator<Item = (&'a HostName, State)>) -> Option<Self> {
        ancestors
            .take(MAX_PARENTS)
            .find(|(_, state)| matches!(state, State::Suspect | State::Down))
            .map(|(name, state)| Self { name: name.clone(), state })
    }

    /// Says of a move that it is the parent's doing, when it is one for the worse.
    pub fn answers_for(&self, change: &mut StateChange) {
        if matches!(change.to, State::Suspect | State::Down) {
            let Self { name, state } = self;
            change.cause = Cause::ParentDown;
            change.reason = format!("its parent {name} is {state}; {}", change.reason);
        }
    }
}
