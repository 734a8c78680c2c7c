//! Shares of CPU time, from ticks.
//!
//! A share is of the ticks that were counted between the two snapshots, not of the time on a clock:
//! so it is right on any number of cores and when a tickless core catches up late. Guest time is
//! already in user and guest_nice in nice; both are shown and neither is added to the sum.
//!
//! What cannot be:
//!
//! * **iowait** goes backwards by design: it is an estimate that the kernel corrects when a task
//!   wakes on another CPU (proc(5): "the value is not reliable … may decrease"). **steal** does so
//!   after a live migration, and jumps by more ticks than there were. Neither says anything about the
//!   other states, so it alone is unknown, and the shares of the others are taken of the sum without
//!   it. So is a state that this kernel lacks.
//! * **user, nice, system, idle, irq, softirq** fall a little on some kernels, where they are computed
//!   anew at each read (idle on 4.15 and 5.3, user where it is scaled): no more than [`MAX_FALL_S`]
//!   of a CPU's time counts as no growth. One that falls further belongs to a CPU that was taken
//!   offline and brought back with its line started over (or to another machine), and the states that
//!   happen to have grown are worth no more than the one that fell: nothing of that line has a value.
//! * **Ticks that do not fit the time.** A CPU counts [`Snapshot::ticks_per_second`] a second, in all
//!   its states together. A line that counted less than half of that or more than twice is not of the
//!   time that passed (a container's `/proc/stat` whose idle stands still, a suspended machine):
//!   nothing of it has a value.
//! * **guest, guest_nice** are part of no sum: the one that fell is unknown and nothing else.

use super::{Since, real, total::Total};
use crate::model::{
    CPU_STATES, Column, ColumnSet, CoreColumn, CounterTable, CpuTicks, Row, Snapshot, Values,
};

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
/// The states that do not fall by design.
const FIRM: [usize; 6] = [USER, NICE, SYSTEM, IDLE, IRQ, SOFTIRQ];
/// What a line must have to be a line.
const NEEDED: [usize; 4] = [USER, NICE, SYSTEM, IDLE];
/// By how much of one CPU's time a state may fall and count as not grown, seconds: what node_exporter
/// takes for the kernel's own correction, too (`jumpBackSeconds`).
pub(super) const MAX_FALL_S: f64 = 3.0;
/// A line may hold so many times the ticks of the time that passed, and no less than one over it.
const MAX_STRETCH: f64 = 2.0;
/// Ticks of one CPU that may be early or late at either end: lines are read a moment after the clock
/// is, and a CPU without ticks is brought up to date when it is looked at.
const SLACK_TICKS: f64 = 10.0;
/// With an unknown number of CPUs there are no more than the kernel can have (NR_CPUS).
const MAX_CPUS: f64 = 8192.0;

/// How many ticks a line can have counted.
#[derive(Clone, Copy)]
struct Room {
    least: f64,
    most: f64,
    /// The largest fall that counts as no growth.
    fall: f64,
}

impl Room {
    /// Of a line over `cpus`, the fewest and the most there were meanwhile; none: not known.
    fn new(since: Since<'_>, ticks_per_second: u32, cpus: Option<(f64, f64)>) -> Self {
        let hz = f64::from(ticks_per_second);
        let (fewest, most) = cpus.unwrap_or((0.0, MAX_CPUS));
        let each = since.seconds * hz;
        Self {
            least: fewest * (each / MAX_STRETCH - SLACK_TICKS),
            most: most * (each * MAX_STRETCH + SLACK_TICKS),
            fall: fewest.max(1.0) * MAX_FALL_S * hz,
        }
    }
}

/// The host's CPUs before and now, the fewer first.
fn cpus(since: Since<'_>, current: &Snapshot) -> Option<(f64, f64)> {
    let (before, now) = (since.snapshot.facts.cpus?, current.facts.cpus?);
    Some((before.min(now).into(), before.max(now).into()))
}

/// Whether something on this host can have used so many ticks since the snapshot before.
pub(super) fn is_possible(since: Since<'_>, current: &Snapshot, ticks: u64) -> bool {
    real(ticks) <= Room::new(since, current.ticks_per_second, cpus(since, current)).most
}

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
fn shares(before: &CpuTicks, now: &CpuTicks, room: Room) -> Option<Shares> {
    let mut grown = [None; CPU_STATES];
    for (state, grown) in grown.iter_mut().enumerate() {
        let (Some(before), Some(now)) = (before[state], now[state]) else { continue };
        let is_firm = FIRM.contains(&state);
        *grown = match now.checked_sub(before) {
            Some(ticks) if is_firm || real(ticks) <= room.most => Some(ticks),
            None if is_firm && real(before - now) <= room.fall => Some(0),
            None if is_firm => return None,
            Some(_) | None => None,
        };
    }
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
    // Idle makes up for an iowait that was taken back.
    let taken_back = before[IOWAIT].zip(now[IOWAIT]).map_or(0, |(a, b)| a.saturating_sub(b));
    if all < room.least || all > room.most + real(taken_back) {
        return None;
    }
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
    let room = Room::new(since, current.ticks_per_second, cpus(since, current));
    if let Some(shares) = shares(&since.snapshot.cpu, &current.cpu, room) {
        fill(&shares, Column::CpuBusyPct, TOTAL_COLUMNS, values);
    }
}

/// What the counter of a host-wide column stands at.
pub(super) fn total_of_host(current: &Snapshot, column: Column) -> Option<Total> {
    let state = TOTAL_COLUMNS.iter().position(|of| *of == column);
    time(&current.cpu, state, column == Column::CpuBusyPct, current.ticks_per_second)
}

/// What the counter of a column of a core stands at.
pub(super) fn total_of_core(line: &CpuTicks, column: usize, hz: u32) -> Option<Total> {
    let state = CORE_COLUMNS.iter().position(|of| of.index() == column);
    time(line, state, column == CoreColumn::BusyPct.index(), hz)
}

/// The time that a line counted in a state, or in all in which a CPU works.
fn time(line: &CpuTicks, state: Option<usize>, is_busy: bool, hz: u32) -> Option<Total> {
    let ticks = match state {
        Some(state) => line[state],
        None if is_busy && NEEDED.into_iter().all(|state| line[state].is_some()) => {
            BUSY.into_iter().filter_map(|state| line[state]).try_fold(0_u64, u64::checked_add)
        }
        None => None,
    };
    Total::of_ticks(ticks?, hz)
}

/// A snapshot whose CPU times did not fall where the kernel took a little back; none where nothing fell, and it
/// can be shown as it is.
///
/// Who takes rates of counters takes one that falls for one that was started over, and adds all that it
/// stood at: a hundredth of a second that is taken back would be weeks of iowait. So it stands at what it stood
/// at, as node_exporter has it, until it has grown beyond; `shown` is what was shown before. A line of which
/// a state fell further than `MAX_FALL_S` was started over, and is shown so.
#[must_use]
pub fn held(shown: &Snapshot, current: &Snapshot) -> Option<Box<Snapshot>> {
    super::since(shown, current)?;
    let most = MAX_FALL_S * f64::from(current.ticks_per_second);
    let cpus = f64::from(current.facts.cpus.unwrap_or(1).max(1));
    let total = held_line(&shown.cpu, &current.cpu, most * cpus);
    let mut cores = Vec::new();
    for (row, core) in current.cores.keys().iter().enumerate() {
        let Some(before) = shown.cores.find(core, row) else { continue };
        let held = held_line(&line(&shown.cores, before), &line(&current.cores, row), most);
        cores.extend(held.map(|held| (row, held)));
    }
    if total.is_none() && cores.is_empty() {
        return None;
    }
    let mut held = Box::new(current.clone());
    held.cpu = total.unwrap_or(held.cpu);
    for (row, line) in cores {
        line.into_iter().enumerate().for_each(|(state, ticks)| held.cores.set(row, state, ticks));
    }
    Some(held)
}

fn line(cores: &CounterTable<CPU_STATES>, row: usize) -> CpuTicks {
    std::array::from_fn(|state| cores.get(row, state))
}

/// A line at what it stood at before where that is more; none where nothing fell, or it was started over.
fn held_line(before: &CpuTicks, now: &CpuTicks, most: f64) -> Option<CpuTicks> {
    let fell = |state: usize| before[state].zip(now[state]).map_or(0, |(a, b)| a.saturating_sub(b));
    if FIRM.into_iter().any(|state| real(fell(state)) > most) {
        return None;
    }
    let any = (0..CPU_STATES).any(|state| fell(state) > 0);
    any.then(|| std::array::from_fn(|state| now[state].map(|ticks| ticks + fell(state))))
}

/// A row per core that is online; one that was offline before has no shares yet.
pub(super) fn cores(since: Option<Since<'_>>, current: &Snapshot) -> Vec<Row<CoreColumn>> {
    let row = |row: usize, core: &std::sync::Arc<str>| {
        let mut values = Values::default();
        let shares = since.and_then(|since| {
            let before = since.snapshot.cores.find(core, row)?;
            let room = Room::new(since, current.ticks_per_second, Some((1.0, 1.0)));
            shares(&line(&since.snapshot.cores, before), &line(&current.cores, row), room)
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
