//! Rows into columns. The wire lays out what repeats by column, and a column is either empty or as
//! long as the key column: rows of different widths are settled here, once for every table.

use roundsman_proto::v1::Status;

use super::report::Report;

/// Rows of up to `N` numbers each, every row with its key.
#[derive(Debug)]
pub struct Rows<K, const N: usize> {
    rows: Vec<Row<K, N>>,
    limit: usize,
    cut: usize,
}

#[derive(Debug)]
struct Row<K, const N: usize> {
    key: K,
    cells: [u64; N],
    width: usize,
}

impl<K, const N: usize> Rows<K, N> {
    /// A table that holds at most `limit` rows.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self { rows: Vec::new(), limit, cut: 0 }
    }

    /// Adds a row whose first `width` cells are known; past the limit it is counted only.
    pub fn push(&mut self, key: K, cells: [u64; N], width: usize) {
        if self.rows.len() < self.limit {
            self.rows.push(Row { key, cells, width: width.min(N) });
        } else {
            self.cut += 1;
        }
    }

    /// Whether there is no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Keys and columns. Columns that no row has are empty. One kernel prints every row with the
    /// same width, so a row that is shorter than the widest was cut off and is left out.
    #[must_use]
    pub fn settle(self, what: &str, report: &mut Report) -> (Vec<K>, [Vec<u64>; N]) {
        let width = self.rows.iter().map(|row| row.width).max().unwrap_or(0);
        let mut keys = Vec::with_capacity(self.rows.len());
        let mut columns: [Vec<u64>; N] = std::array::from_fn(|column| {
            Vec::with_capacity(if column < width { self.rows.len() } else { 0 })
        });
        let mut short = 0usize;
        for row in self.rows {
            if row.width < width {
                short += 1;
                continue;
            }
            keys.push(row.key);
            for (column, cell) in columns.iter_mut().zip(row.cells).take(width) {
                column.push(cell);
            }
        }
        if short > 0 {
            report.note(Status::Malformed, format_args!("{short} {what} with too few numbers"));
        }
        if self.cut > 0 {
            let (limit, cut) = (self.limit, self.cut);
            report.note(Status::Partial, format_args!("{cut} {what} past the limit of {limit}"));
        }
        (keys, columns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_empty_or_as_long_as_the_keys() {
        let mut report = Report::default();
        let mut rows = Rows::<u32, 3>::new(8);
        rows.push(0, [1, 0, 0], 1);
        rows.push(1, [2, 3, 0], 2);
        rows.push(2, [4, 5, 0], 2);
        let (keys, columns) = rows.settle("cores", &mut report);
        assert_eq!(keys, [1, 2]);
        assert_eq!(columns, [vec![2, 4], vec![3, 5], vec![]]);
        let (status, text) = report.close(true);
        assert_eq!((status, text.as_str()), (Status::Partial, "1 cores with too few numbers"));
    }

    #[test]
    fn rows_past_the_limit_are_said() {
        let mut report = Report::default();
        let mut rows = Rows::<u32, 1>::new(2);
        (0..5).for_each(|key| rows.push(key, [1], 1));
        let (keys, _) = rows.settle("disks", &mut report);
        assert_eq!(keys.len(), 2);
        let (status, text) = report.close(true);
        assert_eq!((status, text.as_str()), (Status::Partial, "3 disks past the limit of 2"));
    }
}
