//! Shares of the CPU's time, per host and per core, and soft interrupts.

use super::*;
use crate::model::{CoreColumn, SoftirqColumn};

#[test]
fn cpu_shares_are_of_the_ticks_between() {
    let by = [20, 5, 10, 50, 5, 2, 3, 5, 8, 1];
    let before = snapshot("a", 100).cpu(TICKS).cores(&[("0", TICKS), ("2", TICKS)]);
    let after = snapshot("a", 101).cpu(grow(TICKS, by)).cores(&[
        ("0", grow(TICKS, by)),
        ("1", TICKS),
        ("2", grow(TICKS, [0; 10])),
    ]);
    let rates = rates(Some(&before), &after);
    // Guest is in user and guest_nice in nice: the sum is 100 without them.
    let expected = [
        (Column::CpuUserPct, 20.0),
        (Column::CpuNicePct, 5.0),
        (Column::CpuSystemPct, 10.0),
        (Column::CpuIdlePct, 50.0),
        (Column::CpuIowaitPct, 5.0),
        (Column::CpuIrqPct, 2.0),
        (Column::CpuSoftirqPct, 3.0),
        (Column::CpuStealPct, 5.0),
        (Column::CpuGuestPct, 8.0),
        (Column::CpuGuestNicePct, 1.0),
        (Column::CpuBusyPct, 40.0),
    ];
    for (column, share) in expected {
        assert_eq!(value(&rates, column), Some(share), "{column:?}");
    }
    assert_eq!(row(&rates.detail.cores, "0").values.get(CoreColumn::BusyPct), Some(40.0));
    assert!(known(row(&rates.detail.cores, "1")).is_empty(), "was offline before");
    assert!(known(row(&rates.detail.cores, "2")).is_empty(), "no tick passed");
    assert_eq!(value(&rates, Column::CpusOnline), Some(3.0));
}

#[test]
fn an_iowait_that_falls_is_unknown_and_the_rest_is_computed_without_it() {
    let mut now = grow(TICKS, [20, 0, 20, 40, 0, 0, 0, 20, 0, 0]);
    now[4] -= 150;
    let rates = rates(Some(&snapshot("a", 1).cpu(TICKS)), &snapshot("a", 2).cpu(now));
    assert_eq!(value(&rates, Column::CpuIowaitPct), None);
    assert_eq!(value(&rates, Column::CpuUserPct), Some(20.0));
    assert_eq!(value(&rates, Column::CpuStealPct), Some(20.0));
    assert_eq!(value(&rates, Column::CpuBusyPct), Some(40.0));
}

#[test]
fn a_steal_or_guest_that_falls_is_unknown_alone() {
    for (state, column) in [(7, Column::CpuStealPct), (8, Column::CpuGuestPct)] {
        let mut now = grow(TICKS, [25, 0, 25, 50, 0, 0, 0, 0, 0, 0]);
        now[state] -= 1;
        let rates = rates(Some(&snapshot("a", 1).cpu(TICKS)), &snapshot("a", 2).cpu(now));
        assert_eq!(value(&rates, column), None);
        assert_eq!(value(&rates, Column::CpuBusyPct), Some(50.0));
    }
}

#[test]
fn a_state_that_falls_a_little_did_not_grow() {
    for (state, column) in [(0, Column::CpuUserPct), (3, Column::CpuIdlePct)] {
        for fall in [1, 300] {
            let mut now = grow(TICKS, [25, 0, 50, 25, 0, 0, 0, 0, 0, 0]);
            now[state] = TICKS[state] - fall;
            let rates = rates(Some(&snapshot("a", 1).cpu(TICKS)), &snapshot("a", 2).cpu(now));
            assert_eq!(value(&rates, column), Some(0.0), "state {state} fell by {fall}");
            assert_eq!(value(&rates, Column::CpuSystemPct), Some(66.667));
        }
    }
}

#[test]
fn a_line_that_does_not_fit_the_time_has_no_value() {
    // What is counted on two CPUs in ten seconds, and what comes of it.
    let busy = |by: [u64; 10]| {
        let machine = |seconds, ticks| {
            let mut snapshot = snapshot("a", seconds).cpu(ticks);
            snapshot.facts.cpus = Some(2);
            snapshot
        };
        let (before, after) = (machine(100, TICKS), machine(110, grow(TICKS, by)));
        let rates = rates(Some(&before), &after);
        (value(&rates, Column::CpuBusyPct), value(&rates, Column::CpuStealPct))
    };
    assert_eq!(busy([400, 0, 0, 1600, 0, 0, 0, 0, 0, 0]), (Some(20.0), Some(0.0)));
    // Idle that stands still, as in some containers: what was counted is not all of the time.
    assert_eq!(busy([400, 0, 0, 0, 0, 0, 0, 0, 0, 0]), (None, None));
    // Steal that jumps is unknown alone: the others still fill the time.
    assert_eq!(busy([400, 0, 0, 1600, 0, 0, 0, 1 << 60, 0, 0]), (Some(20.0), None));
    assert_eq!(busy([400, 0, 0, 1 << 60, 0, 0, 0, 0, 0, 0]), (None, None));
    // A CPU more came meanwhile, which may have been there for all of it.
    let (mut before, mut after) = (snapshot("a", 1).cpu(TICKS), snapshot("a", 11));
    after = after.cpu(grow(TICKS, [700, 0, 0, 1300, 0, 0, 0, 0, 0, 0]));
    (before.facts.cpus, after.facts.cpus) = (Some(1), Some(2));
    assert_eq!(value(&rates(Some(&before), &after), Column::CpuBusyPct), Some(35.0));
}

#[test]
fn idle_that_makes_up_for_an_iowait_taken_back_is_possible() {
    let mut now = grow(TICKS, [100, 0, 0, 5_900, 0, 0, 0, 0, 0, 0]);
    let mut before = TICKS;
    (before[4], now[4]) = (5_000, 0);
    let machine = |seconds, ticks| {
        let mut snapshot = snapshot("a", seconds).cpu(ticks);
        snapshot.facts.cpus = Some(1);
        snapshot
    };
    let rates = rates(Some(&machine(1, before)), &machine(11, now));
    assert_eq!(value(&rates, Column::CpuIowaitPct), None);
    assert!(value(&rates, Column::CpuBusyPct).is_some());
}

#[test]
fn a_firm_state_that_falls_far_takes_the_whole_line_along() {
    for state in [0, 1, 2, 3, 5, 6] {
        let before = grow(TICKS, [1_000; 10]);
        let mut now = grow(before, [50; 10]);
        now[state] = before[state] - 301;
        let rates = rates(Some(&snapshot("a", 1).cpu(before)), &snapshot("a", 2).cpu(now));
        for column in [Column::CpuBusyPct, Column::CpuUserPct, Column::CpuGuestPct] {
            assert_eq!(value(&rates, column), None, "state {state}");
        }
    }
}

#[test]
fn a_state_that_the_kernel_lacks_is_left_out() {
    let line = |by: u64| {
        let mut line = TICKS.map(|ticks| Some(ticks + by));
        line[7] = None;
        line[8] = None;
        line
    };
    let (before, after) = (snapshot("a", 1).cpu_line(line(0)), snapshot("a", 2).cpu_line(line(10)));
    let found = rates(Some(&before), &after);
    assert_eq!(value(&found, Column::CpuStealPct), None);
    assert_eq!(value(&found, Column::CpuGuestPct), None);
    assert_eq!(value(&found, Column::CpuUserPct), Some(14.286));
    // Without one that every kernel has it is no line, and shares of the rest would be too large.
    let broken = |by: u64| {
        let mut line = line(by);
        line[3] = None;
        line
    };
    let after = snapshot("a", 2).cpu_line(broken(10));
    let found = rates(Some(&snapshot("a", 1).cpu_line(broken(0))), &after);
    assert_eq!(value(&found, Column::CpuUserPct), None);
}

#[test]
fn ticks_are_exact_after_a_year_on_64_cores_and_at_the_end_of_u64() {
    // 64 cores * 100 ticks/s * one year is 2.0e11; the rest is beyond what f64 can tell apart.
    let year = 64 * 100 * 365 * 86_400;
    for start in [year, 1 << 53, (1 << 60) + 1, u64::MAX - 3] {
        let mut before = [start; 10];
        let mut after = before;
        after[0] += 1; // user
        after[3] += 3; // idle
        before[7] = 0;
        after[7] = 0;
        let rates = rates(Some(&snapshot("a", 10).cpu(before)), &snapshot("a", 20).cpu(after));
        assert_eq!(value(&rates, Column::CpuUserPct), Some(25.0), "from {start}");
        assert_eq!(value(&rates, Column::CpuIdlePct), Some(75.0), "from {start}");
        assert_eq!(value(&rates, Column::CpuSystemPct), Some(0.0), "from {start}");
    }
}

#[test]
fn a_sum_of_eight_huge_states_does_not_wrap() {
    // The sum of these is 1 beyond 2^64: wrapped, it would be 100 ticks.
    let mut all = [u64::MAX / 8; 10];
    (all[0], all[8], all[9]) = (u64::MAX / 8 + 108, 0, 0);
    let rates = rates(Some(&snapshot("a", 1).cpu([0; 10])), &snapshot("a", 2).cpu(all));
    assert_eq!(value(&rates, Column::CpuUserPct), None);
    assert_eq!(value(&rates, Column::CpuBusyPct), None);
}

#[test]
fn soft_interrupts_are_counted_per_core_and_unknown_when_one_falls() {
    let before = snapshot("a", 100).softirqs(&[("0", [0; 10]), ("1", [90; 10])]);
    let after = snapshot("a", 110).softirqs(&[("0", [50; 10]), ("1", [80; 10])]);
    let rates = rates(Some(&before), &after);
    let core = row(&rates.detail.softirqs, "0");
    assert!(SoftirqColumn::ALL.iter().all(|&c| core.values.get(c) == Some(5.0)));
    assert!(known(row(&rates.detail.softirqs, "1")).is_empty());
}

#[test]
fn cpu_time_that_the_kernel_takes_back_is_shown_as_it_stood() {
    const IOWAIT: usize = 4;
    let at = |seconds: u64, ticks| snapshot("a", seconds).cpu(ticks).cores(&[("0", ticks)]);
    let before = at(1_000, TICKS);
    let later = grow(TICKS, [50, 0, 10, 40, 0, 0, 0, 0, 0, 0]);
    assert_eq!(held(&before, &at(1_010, later)), None, "nothing fell");

    let mut taken_back = later;
    taken_back[IOWAIT] -= 3;
    let now = at(1_010, taken_back);
    let shown = held(&before, &now).unwrap();
    assert_eq!(*shown, at(1_010, later), "iowait alone stands still");
    // It goes on from there once it has grown beyond.
    let mut grown = grow(taken_back, [9; 10]);
    assert_eq!(held(&shown, &at(1_020, grown)), None);
    // So does one that was shown so for longer.
    grown[IOWAIT] = taken_back[IOWAIT];
    let shown = held(&shown, &at(1_020, grown)).unwrap();
    assert_eq!(shown.cores.get(0, IOWAIT), Some(TICKS[IOWAIT]));
    assert_eq!(shown.cpu[0], Some(grown[0]));
}

#[test]
fn a_line_that_was_started_over_is_shown_so() {
    let at = |boot: &str, seconds: u64, core| {
        snapshot(boot, seconds).cpu(TICKS).cores(&[("0", TICKS), ("1", core)])
    };
    let before = at("a", 1_000, TICKS);
    let mut over = TICKS;
    // Idle: 8000 ticks; 301 of them are more than three seconds.
    over[3] -= 301;
    over[4] -= 5;
    assert_eq!(held(&before, &at("a", 1_010, over)), None);
    over[3] += 1;
    let shown = held(&before, &at("a", 1_010, over)).unwrap();
    assert_eq!(shown.cores, at("a", 1_010, TICKS).cores);
    // Of another boot nothing is held.
    assert_eq!(held(&before, &at("b", 10, [0; 10])), None);
}
