//! When a counter becomes a rate, and what is known without one.

mod containers;
mod counters;
mod cpu;
mod devices;
mod gauges;

use super::machine::snapshot;
use super::*;
use crate::model::ColumnSet;

/// user nice system idle iowait irq softirq steal guest guest_nice
const TICKS: [u64; 10] = [1000, 100, 500, 8000, 200, 10, 40, 30, 300, 20];

fn grow<const N: usize>(mut counters: [u64; N], by: [u64; N]) -> [u64; N] {
    for (counter, by) in counters.iter_mut().zip(by) {
        *counter += by;
    }
    counters
}

fn value(rates: &Rates, column: Column) -> Option<f64> {
    rates.values.get(column)
}

fn known<C: ColumnSet>(row: &Row<C>) -> Vec<&'static str> {
    row.values.iter().filter_map(|(c, v)| v.map(|_| c.spec().name)).collect()
}

fn row<'a, C: ColumnSet>(rows: &'a [Row<C>], key: &str) -> &'a Row<C> {
    rows.iter().find(|row| row.labels[0].as_ref() == key).unwrap()
}
