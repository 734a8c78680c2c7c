//! Something that has rows in a day, as it is summed up.

use crate::model::Stat;

/// Something that has rows: the host itself, or what it has several of.
pub(super) struct Thing {
    pub(super) key: Box<str>,
    /// Points before its first.
    pub(super) begin: usize,
    /// From its first to its last; none: it has no row there.
    pub(super) points: Vec<Option<RowPoint>>,
}

/// Rows of a thing in one point.
pub(super) struct RowPoint {
    pub(super) rows: u32,
    /// Of each column.
    pub(super) stats: Box<[Stat]>,
}

impl Thing {
    pub(super) fn new(key: &str, begin: usize) -> Self {
        Self { key: key.into(), begin, points: Vec::new() }
    }

    /// Takes a row in: its cells, NaN where nothing is known. Points come in the order of time.
    pub(super) fn add(&mut self, point: usize, cells: &[f64]) {
        let Some(place) = point.checked_sub(self.begin) else { return };
        if self.points.len() <= place {
            self.points.resize_with(place + 1, || None);
        }
        let empty = || RowPoint { rows: 0, stats: vec![Stat::default(); cells.len()].into() };
        let of_point = self.points[place].get_or_insert_with(empty);
        of_point.rows = of_point.rows.saturating_add(1);
        for (stat, cell) in of_point.stats.iter_mut().zip(cells) {
            if !cell.is_nan() {
                stat.add(*cell);
            }
        }
    }
}
