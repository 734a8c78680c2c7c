//! Shares of CPU time, from ticks.
//!
//! A share is of the ticks that were counted between the two snapshots, not of the time on a clock:
//! so it is right on any number of cores and when a tickless core catches up late. Guest time is
//! already in user and guest_nice in nice; both are shown and neither is added to the sum.
//!
//! When a state goes backwards:
//!
//! * **iowait** does so by design: it is an estimate that the kernel corrects when a task wakes on
//!   another CPU (proc(5): "the value is not reliable … may decrease"). **steal** does so after a
//!   live migration. Neither says anything about the other states, so it alone is unknown, and the
//!   shares of the others are taken of the sum without it. So is a state that this kernel lacks.
//! * **user, nice, system, idle, irq, softirq** never fall on a running CPU. When one does the CPU
//!   was taken offline and brought back with its line started over (or the line is of another
//!   machine), and the states that happen to have grown are worth no more than the one that fell:
//!   nothing of that line has a value.
//! * **guest, guest_nice** are part of no sum: the one that fell is unknown and nothing else.

use super::{Since, grown, real};
use crate::model::{CPU_STATES, Column, ColumnSet, CoreColumn, CpuTicks, Row, Snapshot, Values};

/// Positions in [`CpuTicks`].
const USER: usize = 0;
const NICE: usize = 1;
const SYSTEM: usize = 2;
const IDLE: usize = 3;
const IOWAIT: usize = 4;
const IRQ: usize = 5;
const SOFTIRQ: usize = 6;
const STEAL: usize = 7;

/// The states that divide all time among them.
const PARTS: [usize; 8] = [USER, NICE, SYSTEM, IDLE, IOWAIT, IRQ, SOFTIRQ, STEAL];
/// The states that every kernel has and that never fall on a running CPU.
const FIRM: [usize; 6] = [USER, NICE, SYSTEM, IDLE, IRQ, SOFTIRQ];
/// What a line must have to be a line.
const NEEDED: [usize; 4] = [USER, NICE, SYSTEM, IDLE];
/// The states in which a CPU works.
const BUSY: [usize; 5] = [USER, NICE, SYSTEM, IRQ, SOFTIRQ];

/// Host-wide columns in the order of [`CpuTicks`].
const TOTAL_COLUMNS: [Column; CPU_STATES] = [
    Column::CpuUserPct,
    Column::CpuNicePct,
    Column::CpuSystemPct,
    Column::CpuIdlePct,
    Column::CpuIowaitPct,
    Column::CpuIrqPct,
    Column::CpuSoftirqPct,
    Column::CpuStealPct,
    Column::CpuGuestPct,
    Column::CpuGuestNicePct,
];

/// Columns of a core in the order of [`CpuTicks`].
const CORE_COLUMNS: [CoreColumn; CPU_STATES] = [
    CoreColumn::UserPct,
    CoreColumn::NicePct,
    CoreColumn::SystemPct,
    CoreColumn::IdlePct,
    CoreColumn::IowaitPct,
    CoreColumn::IrqPct,
    CoreColumn::SoftirqPct,
    CoreColumn::StealPct,
    CoreColumn::GuestPct,
    CoreColumn::GuestNicePct,
];

/// Shares of one CPU line, percent.
struct Shares {
    busy: f64,
    states: [Option<f64>; CPU_STATES],
}

/// The shares between two readings of one line; none when the line has no value (see the module)
/// or no tick passed.
fn shares(before: &CpuTicks, now: &CpuTicks) -> Option<Shares> {
    let fell = |state: usize| matches!((before[state], now[state]), (Some(a), Some(b)) if b < a);
    if FIRM.into_iter().any(fell) {
        return None;
    }
    let grown: [Option<u64>; CPU_STATES] =
        std::array::from_fn(|state| grown(before[state], now[state]));
    if NEEDED.into_iter().any(|state| grown[state].is_none()) {
        return None;
    }
    // Eight differences of up to 2^64 - 1 each.
    let add = |states: &[usize]| -> u128 {
        states.iter().filter_map(|&state| grown[state]).map(u128::from).sum()
    };
    let all = add(&PARTS);
    if all == 0 {
        return None;
    }
    #[expect(clippy::cast_precision_loss, reason = "a ratio of two sums, exact where it matters")]
    let (all, busy) = (all as f64, add(&BUSY) as f64);
    let percent = |ticks: f64| (ticks / all * 100.0).min(100.0);
    Some(Shares {
        busy: percent(busy),
        states: grown.map(|ticks| ticks.map(|ticks| percent(real(ticks)))),
    })
}

/// Puts the shares in their columns.
fn fill<C: ColumnSet>(shares: &Shares, busy: C, columns: [C; CPU_STATES], values: &mut Values<C>) {
    values.set(busy, shares.busy);
    for (column, share) in columns.into_iter().zip(shares.states) {
        values.set(column, share);
    }
}

/// The host-wide shares.
pub(super) fn total(since: Since<'_>, current: &Snapshot, values: &mut Values<Column>) {
    if let Some(shares) = shares(&since.snapshot.cpu, &current.cpu) {
        fill(&shares, Column::CpuBusyPct, TOTAL_COLUMNS, values);
    }
}

/// A row per core that is online; one that was offline before has no shares yet.
pub(super) fn cores(since: Option<Since<'_>>, current: &Snapshot) -> Vec<Row<CoreColumn>> {
    let line = |snapshot: &Snapshot, row: usize| -> CpuTicks {
        std::array::from_fn(|state| snapshot.cores.get(row, state))
    };
    let row = |row: usize, core: &std::sync::Arc<str>| {
        let mut values = Values::default();
        let shares = since.and_then(|since| {
            let before = since.snapshot.cores.find(core, row)?;
            shares(&line(since.snapshot, before), &line(current, row))
        });
        if let Some(shares) = shares {
            fill(&shares, CoreColumn::BusyPct, CORE_COLUMNS, &mut values);
        }
        Row { labels: [core.clone()].into(), values }
    };
    current.cores.keys().iter().enumerate().map(|(index, core)| row(index, core)).collect()
}

/// Fills what the CPU line alone tells; kept apart from rates because it needs one snapshot.
pub(super) fn online(current: &Snapshot) -> Option<f64> {
    current.facts.cpus.map(f64::from).or_else(|| {
        let listed = current.cores.keys().len();
        (listed > 0).then(|| real(listed as u64))
    })
}
