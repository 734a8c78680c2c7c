//! Host-wide counters that are kept from poll to poll: which there are follows from the columns.

use std::{fmt, ops::Range};

use super::{Column, ColumnSet as _};

/// A host-wide counter: its rate per second times a scale becomes its column. The rates of counters
/// that share a column are added.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Counter {
    /// The column that its rate is kept in.
    pub column: Column,
    /// What a rate per second is multiplied by to be in that column's unit.
    pub scale: f64,
    /// Whether it is the part of its column that IPv6 adds to what IPv4 counts: a kernel without IPv6
    /// has none, and then IPv4 is all.
    pub is_of_ipv6: bool,
}

/// Where the counters of each column begin in [`Counter::ALL`]; at the end, how many there are.
const STARTS: [usize; Column::ALL.len() + 1] = {
    let mut starts = [0; Column::ALL.len() + 1];
    let mut column = 0;
    while column < Column::ALL.len() {
        starts[column + 1] = starts[column] + Column::SPECS[column].counters as usize;
        column += 1;
    }
    starts
};

const COUNT: usize = STARTS[Column::ALL.len()];

impl Counter {
    /// Every counter, in the order of the columns.
    pub const ALL: [Self; COUNT] = {
        let mut all = [Self { column: Column::ALL[0], scale: 1.0, is_of_ipv6: false }; COUNT];
        let mut column = 0;
        while column < Column::ALL.len() {
            let mut at = STARTS[column];
            while at < STARTS[column + 1] {
                let (start, scale) = (STARTS[column], Column::SPECS[column].scale);
                all[at] = Self { column: Column::ALL[column], scale, is_of_ipv6: at > start };
                at += 1;
            }
            column += 1;
        }
        all
    };

    /// The places in [`Counter::ALL`] of a column's counters: none of a gauge's.
    #[must_use]
    pub fn places(column: Column) -> Range<usize> {
        STARTS[column as usize]..STARTS[column as usize + 1]
    }

    /// The place in [`Counter::ALL`] of a column's counter, or of its part of IPv6.
    ///
    /// # Panics
    /// The column has none: when it is asked by a constant, that is an error of the compiler.
    #[must_use]
    pub const fn place(column: Column, is_of_ipv6: bool) -> usize {
        let place = STARTS[column as usize] + is_of_ipv6 as usize;
        assert!(place < STARTS[column as usize + 1], "the column is not made of that counter");
        place
    }
}

/// The host-wide counters of one snapshot; what was not read has no value.
#[derive(Clone, PartialEq, Eq)]
pub struct Counters([Option<u64>; COUNT]);

impl Default for Counters {
    fn default() -> Self {
        Self([None; COUNT])
    }
}

impl fmt::Debug for Counters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = Counter::ALL.iter().zip(&self.0).filter_map(|(counter, value)| {
            let of_ipv6 = if counter.is_of_ipv6 { " of IPv6" } else { "" };
            Some((format!("{:?}{of_ipv6}", counter.column), (*value)?))
        });
        f.debug_map().entries(known).finish()
    }
}

impl Counters {
    /// Each counter's value, in the order of [`Counter::ALL`].
    #[must_use]
    pub fn all(&self) -> &[Option<u64>; COUNT] {
        &self.0
    }

    /// Sets the value at a place ([`Counter::place`]).
    pub fn set(&mut self, place: usize, value: Option<u64>) {
        self.0[place] = value;
    }
}
