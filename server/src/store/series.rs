//! Values over time: what is asked for, and the buckets that answer it.
//!
//! Knows no SQL and no backend.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    sync::Arc,
    time::Duration,
};

use crate::{
    model::{Column, Detail, HostId, Outcome, Stat, State, Values},
    rollup::{Polled, Tier},
    store::Span,
    units::WallMs,
};

/// Buckets that are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeriesAsk {
    /// The host.
    pub host: HostId,
    /// Of these columns; of none, only how many polls there were.
    pub columns: Arc<[Column]>,
    /// Polls due in it; hours and points of five minutes that begin in it.
    pub span: Span,
    /// How long a bucket is; buckets begin at its multiples since 1970. Whole hours for [`Tier::Hours`],
    /// whole five minutes for [`Tier::FiveMinutes`].
    pub step: Duration,
    /// What is read.
    pub tier: Tier,
}

impl SeriesAsk {
    /// The step in milliseconds, at least 1.
    #[must_use]
    pub fn step_ms(&self) -> i64 {
        i64::try_from(self.step.as_millis()).unwrap_or(i64::MAX).max(1)
    }
}

/// What is known of some time. A bucket without polls is not there at all.
#[derive(Debug, Clone, PartialEq)]
pub struct Bucket {
    /// When it begins.
    pub start: WallMs,
    /// The newest of what is in it: slot of a poll, begin of an hour or of five minutes.
    pub last: WallMs,
    /// Polls that were due in it and were made ([`Outcome::was_asked`]).
    pub polls: u32,
    /// Of these, polls that brought no values.
    pub failed: u32,
    /// One per column, in the order asked.
    pub stats: Box<[Stat]>,
}

impl Bucket {
    /// Takes in what another tier knows of the same time: of other polls.
    pub fn merge(&mut self, other: &Self) {
        self.last = self.last.max(other.last);
        self.polls = self.polls.saturating_add(other.polls);
        self.failed = self.failed.saturating_add(other.failed);
        for (stat, more) in self.stats.iter_mut().zip(&other.stats) {
            stat.merge(more);
        }
    }
}

/// Buckets that are being filled.
#[derive(Debug)]
pub struct Buckets {
    columns: Arc<[Column]>,
    step: i64,
    all: BTreeMap<WallMs, Bucket>,
}

impl Buckets {
    /// None yet, for these columns and of this length.
    #[must_use]
    pub fn new(ask: &SeriesAsk) -> Self {
        Self { columns: Arc::clone(&ask.columns), step: ask.step_ms(), all: BTreeMap::new() }
    }

    /// Takes in a poll, unless the server did not make it.
    pub fn add(&mut self, sample: &Sample) {
        let Sample { slot, outcome, ref values, .. } = *sample;
        if !outcome.was_asked() {
            return;
        }
        let start = WallMs(slot.0.div_euclid(self.step).saturating_mul(self.step));
        let columns = Arc::clone(&self.columns);
        let bucket = self.bucket(start, slot);
        bucket.polls = bucket.polls.saturating_add(1);
        let Some(values) = values else {
            bucket.failed = bucket.failed.saturating_add(1);
            return;
        };
        for (stat, column) in bucket.stats.iter_mut().zip(&*columns) {
            if let Some(value) = values.get(*column) {
                stat.add(value);
            }
        }
    }

    /// The bucket that begins at `start`, which has something of the moment `at`.
    fn bucket(&mut self, start: WallMs, at: WallMs) -> &mut Bucket {
        let bucket = self.all.entry(start).or_insert_with(|| Bucket {
            start,
            last: at,
            polls: 0,
            failed: 0,
            stats: vec![Stat::default(); self.columns.len()].into(),
        });
        bucket.last = bucket.last.max(at);
        bucket
    }

    /// Takes in how many polls there were in the point that begins at `at`, and how many of them failed.
    pub(super) fn add_counts(&mut self, start: WallMs, at: WallMs, (polls, failed): (u32, u32)) {
        let bucket = self.bucket(start, at);
        bucket.polls = bucket.polls.saturating_add(polls);
        bucket.failed = bucket.failed.saturating_add(failed);
    }

    /// Takes in what is known of the column at this place.
    pub(super) fn add_stat(&mut self, start: WallMs, place: usize, stat: &Stat) {
        if let Some(sum) = self.bucket(start, start).stats.get_mut(place) {
            sum.merge(stat);
        }
    }

    /// Takes in a bucket of the same columns and length, made of other polls.
    pub fn merge(&mut self, bucket: Bucket) {
        match self.all.entry(bucket.start) {
            Entry::Vacant(entry) => {
                entry.insert(bucket);
            }
            Entry::Occupied(mut entry) => entry.get_mut().merge(&bucket),
        }
    }

    /// All of them, oldest first.
    #[must_use]
    pub fn into_vec(self) -> Vec<Bucket> {
        self.all.into_values().collect()
    }
}

/// A poll without what repeats and without its ledger.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// The moment it was due.
    pub slot: WallMs,
    /// How it ended.
    pub outcome: Outcome,
    /// The host's state after it.
    pub state: State,
    /// The time over which its rates are, ns.
    pub elapsed_ns: Option<u64>,
    /// Its values; none when it failed.
    pub values: Option<Values<Column>>,
}

impl Sample {
    /// What is gathered of it.
    #[must_use]
    pub fn polled(&self, host: HostId) -> Polled<'_> {
        let Self { slot, outcome, state, elapsed_ns, ref values } = *self;
        Polled { host, slot, outcome, state, elapsed_ns, values: values.as_ref() }
    }
}

/// A poll with one list of what repeats.
#[derive(Debug, Clone, PartialEq)]
pub struct TableSample {
    /// The moment it was due.
    pub slot: WallMs,
    /// How it ended.
    pub outcome: Outcome,
    /// That list; the others are empty, and all of them are when it failed.
    pub detail: Detail,
}
