//! The changes of state over the fleet: what is asked, what came back, and what keys do there. Pure.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use super::{
    fleet::{BadEvent, clean},
    key::Key,
    pick::Picked,
};
use crate::model::State;

/// Changes that are asked for at most, the newest; the last line says where there are older ones.
pub(super) const MAX_CHANGES: usize = 500;

/// How long the list is taken for fresh.
const FRESH: Duration = Duration::from_secs(2);

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
#[derive(Debug, Default)]
pub(super) struct ChangeList {
    pub(super) told: Option<Changes>,
    /// Why the list is not renewed.
    pub(super) trouble: Option<String>,
    /// What tells each change from the others.
    keys: Vec<(i64, String)>,
    picked: Picked<(i64, String)>,
    /// When it was asked last, by a clock that only goes on.
    asked: Option<Duration>,
    waiting: bool,
}

impl ChangeList {
    /// What is to be asked now, when it is time to; `now` is of a clock that only goes on.
    pub(super) fn ask(&mut self, now: Duration) -> Option<String> {
        if self.waiting || self.asked.is_some_and(|at| now < at + FRESH) {
            return None;
        }
        self.asked = Some(now);
        self.waiting = true;
        Some(format!("/api/v1/events?limit={MAX_CHANGES}"))
    }

    /// What came of it; `room` is how many lines of the list are seen.
    pub(super) fn apply(&mut self, told: Result<Value, String>, room: usize) {
        self.waiting = false;
        let read = told.and_then(|mut told| {
            clean(&mut told);
            let read = serde_json::from_value::<Changes>(told).map_err(BadEvent::from);
            read.map_err(|error| error.to_string())
        });
        match read {
            Ok(changes) => {
                let key = |change: &ChangeRow| (change.at_ms, change.host.clone());
                self.keys = changes.events.iter().map(key).collect();
                self.told = Some(changes);
                self.trouble = None;
                self.picked.settle(&self.keys, room);
            }
            // The last list stays.
            Err(trouble) => self.trouble = Some(trouble),
        }
    }

    /// The changes that are known.
    pub(super) fn changes(&self) -> &[ChangeRow] {
        self.told.as_ref().map_or(&[], |told| &told.events)
    }

    /// Where the chosen one is.
    pub(super) fn position(&self) -> usize {
        self.picked.position(&self.keys)
    }

    /// The first that is seen.
    pub(super) fn first(&self) -> usize {
        self.picked.first()
    }

    /// Whose the chosen change is.
    pub(super) fn host(&self) -> Option<&str> {
        self.changes().get(self.position()).map(|change| change.host.as_str())
    }

    /// A row was clicked; whether it was chosen before.
    pub(super) fn click(&mut self, row: usize, room: usize) -> bool {
        self.picked.click(row, &self.keys, room)
    }

    /// The wheel.
    pub(super) fn turn(&mut self, down: bool, room: usize) {
        self.picked.turn(down, &self.keys, room);
    }

    /// A key was pressed.
    pub(super) fn press(&mut self, key: Key, room: usize) {
        self.picked.press(key, &self.keys, room);
    }
}
