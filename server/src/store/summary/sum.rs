//! Polls of a day as they are taken in.

use std::{collections::HashMap, io};

use super::{
    DaySummary, LISTS, MAX_SUMMARY_ROWS, POINTS, host_wide, thing::Thing, view_of, write::Writer,
};
use crate::{
    model::{ColumnSet as _, DetailTable, HostId, Record},
    rollup::SUMMARY_STEP,
    units::WallMs,
};

/// The things of a list, in the order in which they came.
#[derive(Default)]
struct Things {
    all: Vec<Thing>,
    places: HashMap<Box<str>, usize>,
}

impl Things {
    fn add(&mut self, point: usize, key: &str, cells: &[f64]) {
        let known = self.all.len();
        let place = match self.places.get(key) {
            Some(place) => *place,
            None if known >= MAX_SUMMARY_ROWS => return,
            None => {
                self.places.insert(key.into(), known);
                self.all.push(Thing::new(key, point));
                known
            }
        };
        self.all[place].add(point, cells);
    }
}

/// A day of a host that is being summed up. Polls come oldest first.
pub struct DaySum {
    host: HostId,
    day: WallMs,
    polls: u64,
    /// By point: polls that were made, and those of them that failed.
    counts: Vec<(u32, u32)>,
    wide: Things,
    lists: [Things; LISTS.len()],
}

impl DaySum {
    /// Of no poll yet.
    #[must_use]
    pub fn new(host: HostId, day: WallMs) -> Self {
        let counts = vec![(0, 0); POINTS];
        let (wide, lists) = (Things::default(), Default::default());
        Self { host, day, polls: 0, counts, wide, lists }
    }

    /// Takes a poll of this day in. Of one that the server did not make, nothing is said of the host.
    pub fn add(&mut self, poll: &Record) {
        let after = poll.slot.since(self.day).as_millis() / SUMMARY_STEP.as_millis();
        let point = usize::try_from(after).unwrap_or(usize::MAX);
        let Some((asked, failed)) = self.counts.get_mut(point).filter(|_| poll.slot >= self.day)
        else {
            return;
        };
        self.polls += 1;
        if !poll.outcome.was_asked() {
            return;
        }
        *asked = asked.saturating_add(1);
        *failed = failed.saturating_add(u32::from(!poll.outcome.has_values()));
        if let Some(values) = &poll.values {
            self.wide.add(point, "", values.cells());
        }
        let Some(detail) = &poll.detail else { return };
        for (table, things) in LISTS.into_iter().zip(&mut self.lists) {
            let lasting = detail.rows(table).filter(|(labels, _)| table.is_lasting(labels));
            for (labels, cells) in lasting {
                things.add(point, &table.key(labels), cells);
            }
        }
    }

    /// The summary; of no polls, without a document.
    ///
    /// # Errors
    /// When a text is larger than what is unpacked.
    pub fn summary(self) -> io::Result<DaySummary> {
        let Self { host, day, polls, .. } = self;
        let mut views = Vec::new();
        if polls == 0 {
            return Ok(DaySummary { host, day, polls, views });
        }
        let mut writer = Writer::new(&self.counts);
        for (view, columns) in host_wide() {
            let columns: Vec<_> = columns.iter().map(|c| (c.index(), c.spec())).collect();
            views.push((view, writer.document(&self.wide.all, &columns)?));
        }
        for (table, things) in LISTS.into_iter().zip(self.lists) {
            let columns: Vec<_> = DetailTable::specs(table).iter().enumerate().collect();
            views.push((view_of(table), writer.document(&things.all, &columns)?));
        }
        Ok(DaySummary { host, day, polls, views })
    }
}
