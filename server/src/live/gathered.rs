//! The newest polls of a host in short, as the engine adds to them and everybody else reads them.

use std::sync::{Arc, Mutex, PoisonError};

use crate::{
    model::{Column, Record},
    rollup::{LastHour, SpanStat},
    units::WallMs,
};

/// A host's [`LastHour`], shared. It is held for the time of one poll, or of reading one column: a microsecond.
#[derive(Debug, Clone)]
pub struct Gathered(Arc<Mutex<LastHour>>);

/// The same one.
impl PartialEq for Gathered {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Gathered {
    /// Nothing yet of a host that was polled before up to `polled_to`, if at all.
    #[must_use]
    pub fn after(polled_to: Option<WallMs>) -> Self {
        Self(Arc::new(Mutex::new(LastHour::after(polled_to))))
    }

    /// Takes a poll in.
    pub fn add(&self, record: &Record) {
        let mut last_hour = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        last_hour.add(record.slot, record.outcome, record.values.as_ref());
    }

    /// What is known of a column from the point on that begins at `from`; none when polls of that time may not be
    /// in it.
    #[must_use]
    pub fn stat(&self, column: Column, from: WallMs) -> Option<SpanStat> {
        let last_hour = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        last_hour.is_whole_from(from).then(|| last_hour.stat(column, from))
    }
}
