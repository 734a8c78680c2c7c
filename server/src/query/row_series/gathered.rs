//! What summaries and polls say of rows, point by point.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::{RowRange, RowSeries};
use crate::{
    model::Stat,
    query::{ColumnSeries, grid::Grid},
    store::{RowBuckets, TableSample},
    units::WallMs,
};

/// What one answer is made of at most.
#[derive(Debug, Clone, Copy)]
pub(in crate::query) struct AnswerLimits {
    /// Polls, from the newest on.
    pub(super) polls: usize,
    /// Rows that are told apart.
    pub(super) names: usize,
    /// Points that are gathered in one reading. When there are more, the largest rows are found first, and the
    /// polls read once more for them alone.
    pub(super) points: usize,
}

/// What polls say of the rows.
pub(super) struct Gathered<'a> {
    pub(super) range: &'a RowRange,
    pub(super) grid: Grid,
    pub(super) room: AnswerLimits,
    /// By point: how many there were, how many failed.
    pub(super) polls: BTreeMap<i64, (u32, u32)>,
    pub(super) rows: HashMap<Box<str>, GatheredRow>,
    /// Points of all rows.
    points: usize,
    /// Only these rows.
    pub(super) only: Option<HashSet<Box<str>>>,
    /// There were too many points to go on: rows have their sums alone.
    pub(super) is_overfull: bool,
    /// The oldest poll, where some before it were not read.
    pub(super) cut_at: Option<WallMs>,
}

#[derive(Default)]
pub(super) struct GatheredRow {
    /// Of the first column.
    sum: f64,
    /// By point, a value for each column.
    points: BTreeMap<i64, Box<[Stat]>>,
}

impl<'a> Gathered<'a> {
    pub(super) fn new(range: &'a RowRange, grid: Grid, room: AnswerLimits) -> Self {
        Self {
            range,
            grid,
            room,
            polls: BTreeMap::new(),
            rows: HashMap::new(),
            points: 0,
            only: None,
            is_overfull: false,
            cut_at: None,
        }
    }

    /// Takes a poll in, unless the server did not make it. Answers how many rows it has.
    pub(super) fn add(&mut self, sample: &TableSample) -> usize {
        if !sample.outcome.was_asked() {
            return 0;
        }
        let point = self.grid.point(sample.slot);
        self.add_counts(point, (1, u32::from(!sample.outcome.has_values())));
        let table = self.range.table;
        let columns = &self.range.columns;
        let mut rows = 0;
        for (labels, cells) in sample.detail.rows(table) {
            rows += 1;
            let value = |column: &usize| cells.get(*column).copied().filter(|cell| !cell.is_nan());
            let first = columns.first().and_then(value).unwrap_or(0.0);
            self.add_row(point, &table.key(labels), first, |stats| {
                for (stat, column) in stats.iter_mut().zip(columns) {
                    value(column).into_iter().for_each(|value| stat.add(value));
                }
            });
        }
        rows
    }

    /// Takes summaries in.
    pub(super) fn add_summaries(&mut self, buckets: &RowBuckets) {
        for (start, counts) in &buckets.counts {
            self.add_counts(self.grid.point(*start), *counts);
        }
        for (key, points) in &buckets.rows {
            for (start, known) in points {
                let first = known.first().map_or(0.0, |stat| stat.sum);
                self.add_row(self.grid.point(*start), key, first, |stats| {
                    stats.iter_mut().zip(known).for_each(|(stat, more)| stat.merge(more));
                });
            }
        }
    }

    fn add_counts(&mut self, point: i64, (more, more_failed): (u32, u32)) {
        let (polls, failed) = self.polls.entry(point).or_default();
        *polls = polls.saturating_add(more);
        *failed = failed.saturating_add(more_failed);
    }

    /// Takes a row in, which has so much of the first column; `merge` adds what is known of each.
    fn add_row(&mut self, point: i64, key: &str, first: f64, merge: impl FnOnce(&mut [Stat])) {
        let is_wanted = self.range.row.as_deref().is_none_or(|row| row == key)
            && self.only.as_ref().is_none_or(|only| only.contains(key));
        if !is_wanted {
            return;
        }
        let known = self.rows.len();
        let row = match self.rows.get_mut(key) {
            Some(row) => row,
            None if known >= self.room.names => return,
            None => self.rows.entry(key.into()).or_default(),
        };
        row.sum += first;
        if self.is_overfull {
            return;
        }
        let columns = self.range.columns.len();
        merge(row.points.entry(point).or_insert_with(|| {
            self.points += columns;
            vec![Stat::default(); columns].into()
        }));
        if self.points > self.room.points {
            self.is_overfull = true;
            self.rows.values_mut().for_each(|row| row.points.clear());
        }
    }

    /// The names of the largest rows, largest first.
    pub(super) fn largest(&self) -> Vec<Box<str>> {
        let mut all: Vec<(&Box<str>, f64)> =
            self.rows.iter().map(|(name, row)| (name, row.sum)).collect();
        all.sort_by(|(a, one), (b, other)| other.total_cmp(one).then_with(|| a.cmp(b)));
        all.into_iter().take(self.range.rows).map(|(name, _)| name.clone()).collect()
    }

    pub(super) fn row(&self, name: &str) -> RowSeries {
        let specs = self.range.table.specs();
        let gathered = self.rows.get(name).map(|row| &row.points);
        let column = |(position, column): (usize, &usize)| {
            let points = self.grid.points();
            let stats = points.map(|point| Some(&gathered?.get(&point)?[position]));
            ColumnSeries::new(&specs[*column], stats)
        };
        let columns = self.range.columns.iter().enumerate().map(column).collect();
        RowSeries { row: name.to_owned(), columns }
    }
}
