//! The changes of state over the fleet. Pure.

use serde::Deserialize;

use super::renewed::{Listing, Renewed};
use crate::model::State;

/// Changes that are asked for at most, the newest; the last line says where there are older ones.
pub(super) const MAX_CHANGES: usize = 500;

/// As of `/api/v1/events`, newest first.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Changes {
    pub(super) events: Vec<ChangeRow>,
    /// There are older ones.
    pub(super) more: bool,
}

/// One change of state.
#[derive(Debug, Deserialize)]
pub(super) struct ChangeRow {
    pub(super) host: String,
    pub(super) at_ms: i64,
    pub(super) from: State,
    pub(super) to: State,
    pub(super) reason: String,
}

/// The list of changes that is looked at.
pub(super) type ChangeList = Renewed<Changes>;

impl Listing for Changes {
    type Row = ChangeRow;
    /// When, and of which host.
    type Key = (i64, String);

    fn path() -> String {
        format!("/api/v1/events?limit={MAX_CHANGES}")
    }

    fn rows(&self) -> &[ChangeRow] {
        &self.events
    }

    fn key(change: &ChangeRow) -> Self::Key {
        (change.at_ms, change.host.clone())
    }
}
