//! A list that is asked for again and again while it is looked at: what is asked, what came back, and what
//! keys, clicks and the wheel do there. Pure.

use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{
    fleet::{BadEvent, clean},
    key::Key,
    pick::Picked,
};

/// How long a list is taken for fresh.
const FRESH: Duration = Duration::from_secs(2);

/// An answer of the server with rows.
pub(super) trait Listing: DeserializeOwned {
    /// One of them.
    type Row;
    /// What tells a row from the others.
    type Key: PartialEq + Clone;

    /// Where it is asked for.
    fn path() -> String;
    /// The rows, in their order.
    fn rows(&self) -> &[Self::Row];
    /// What tells this row from the others.
    fn key(row: &Self::Row) -> Self::Key;
}

/// The list that is looked at.
#[derive(Debug)]
pub(super) struct Renewed<T: Listing> {
    pub(super) told: Option<T>,
    /// Why the list is not renewed.
    pub(super) trouble: Option<String>,
    keys: Vec<T::Key>,
    picked: Picked<T::Key>,
    /// When it was asked last, by a clock that only goes on.
    asked: Option<Duration>,
    waiting: bool,
}

impl<T: Listing> Default for Renewed<T> {
    fn default() -> Self {
        let (keys, picked) = (Vec::new(), Picked::default());
        Self { told: None, trouble: None, keys, picked, asked: None, waiting: false }
    }
}

impl<T: Listing> Renewed<T> {
    /// What is to be asked now, when it is time to; `now` is of a clock that only goes on.
    pub(super) fn ask(&mut self, now: Duration) -> Option<String> {
        if self.waiting || self.asked.is_some_and(|at| now < at + FRESH) {
            return None;
        }
        self.asked = Some(now);
        self.waiting = true;
        Some(T::path())
    }

    /// What came of it; `room` is how many lines of the list are seen.
    pub(super) fn apply(&mut self, told: Result<Value, String>, room: usize) {
        self.waiting = false;
        let read = told.and_then(|mut told| {
            clean(&mut told);
            let read = serde_json::from_value::<T>(told).map_err(BadEvent::from);
            read.map_err(|error| error.to_string())
        });
        match read {
            Ok(told) => {
                self.keys = told.rows().iter().map(T::key).collect();
                self.told = Some(told);
                self.trouble = None;
                self.picked.settle(&self.keys, room);
            }
            // The last list stays.
            Err(trouble) => self.trouble = Some(trouble),
        }
    }

    /// The rows that are known.
    pub(super) fn rows(&self) -> &[T::Row] {
        self.told.as_ref().map_or(&[], T::rows)
    }

    /// Where the chosen one is.
    pub(super) fn position(&self) -> usize {
        self.picked.position(&self.keys)
    }

    /// The first that is seen.
    pub(super) fn first(&self) -> usize {
        self.picked.first()
    }

    /// The chosen row.
    pub(super) fn chosen(&self) -> Option<&T::Row> {
        self.rows().get(self.position())
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
