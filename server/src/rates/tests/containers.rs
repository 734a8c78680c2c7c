//! Containers: by group, not by name.

use super::*;
use crate::model::{Container, ContainerColumn, Containers};

const CPU: usize = 0;
const OOM_KILLS: usize = 8;
const MEMORY_SOME: usize = 15;
const MEMORY: usize = 0;
const WORKING_SET: usize = 1;
const LIMIT: usize = 4;
const PIDS: usize = 5;

fn container(id: u64, name: &str, cpu_us: u64, memory_bytes: u64) -> Container {
    let mut one = Container {
        id,
        name: name.into(),
        short_id: format!("{id:012x}").into(),
        image: "image".into(),
        engine: "docker".into(),
        counters: [None; 19],
        gauges: [None; 7],
    };
    one.counters[CPU] = Some(cpu_us);
    one.gauges[MEMORY] = Some(memory_bytes);
    one
}

fn host(seconds: u64, top: Vec<Container>) -> Snapshot {
    let mut snapshot = snapshot("a", seconds);
    snapshot.facts.cpus = Some(8);
    snapshot.containers = Containers { top, ..Containers::default() };
    snapshot
}

fn cpu(rows: &[Row<ContainerColumn>], name: &str) -> Option<f64> {
    row(rows, name).values.get(ContainerColumn::CpuPct)
}

#[test]
fn a_container_that_was_started_again_has_no_rate_until_it_was_seen_twice() {
    let first = host(100, vec![container(1, "api", 50_000_000, 10)]);
    let second = host(110, vec![container(1, "api", 55_000_000, 10)]);
    assert_eq!(cpu(&rates(Some(&first), &second).detail.containers, "api"), Some(50.0));
    // Another group of the same name, whose counter happens to be beyond the one before.
    let again = host(120, vec![container(2, "api", 60_000_000, 10)]);
    let rows = rates(Some(&second), &again).detail.containers;
    assert_eq!(cpu(&rows, "api"), None);
    assert_eq!(row(&rows, "api").values.get(ContainerColumn::MemoryBytes), Some(10.0));
    let later = host(130, vec![container(2, "api", 61_000_000, 10)]);
    assert_eq!(cpu(&rates(Some(&again), &later).detail.containers, "api"), Some(10.0));
}

#[test]
fn one_that_fell_back_has_no_rates_at_all() {
    let mut before = container(1, "api", 50, 10);
    let mut after = container(1, "api", 90, 10);
    (before.counters[OOM_KILLS], after.counters[OOM_KILLS]) = (Some(3), Some(1));
    let rows = rates(Some(&host(100, vec![before])), &host(110, vec![after])).detail.containers;
    assert_eq!(known(&rows[0]), ["containers", "memory_bytes"]);
}

#[test]
fn more_than_the_host_has_is_unknown() {
    let (before, after) = (container(1, "api", 0, 1), container(1, "api", 1 << 60, 1));
    let rows = rates(Some(&host(100, vec![before])), &host(110, vec![after])).detail.containers;
    assert_eq!(cpu(&rows, "api"), None);
}

#[test]
fn several_of_one_name_are_one_row() {
    let of = |seconds: u64, grown: u64| {
        let mut all = vec![container(1, "web", grown, 10), container(2, "web", 2 * grown, 30)];
        for (one, (limit, used, tasks)) in all.iter_mut().zip([(100, 90, 3), (1_000, 30, 4)]) {
            one.gauges[LIMIT] = Some(limit);
            one.gauges[WORKING_SET] = Some(used);
            one.gauges[PIDS] = Some(tasks);
            one.counters[MEMORY_SOME] = Some(one.id * grown);
        }
        host(seconds, all)
    };
    let rows = rates(Some(&of(100, 0)), &of(110, 1_000_000)).detail.containers;
    assert_eq!(rows.len(), 1);
    let get = |column| rows[0].values.get(column);
    assert_eq!(get(ContainerColumn::Containers), Some(2.0));
    assert_eq!(get(ContainerColumn::CpuPct), Some(30.0));
    assert_eq!(get(ContainerColumn::MemoryBytes), Some(40.0));
    assert_eq!(get(ContainerColumn::Pids), Some(7.0));
    assert_eq!(get(ContainerColumn::MemoryLimitBytes), Some(1_100.0));
    // The worst of them.
    assert_eq!(get(ContainerColumn::MemoryUsedPct), Some(90.0));
    assert_eq!(get(ContainerColumn::PressureMemorySomePct), Some(20.0));
    // No id stands for both.
    assert_eq!(rows[0].labels[1].as_ref(), "");
    // One without a limit has all of the host.
    let mut without = of(110, 1_000_000);
    without.containers.top[0].gauges[LIMIT] = None;
    let rows = rates(Some(&of(100, 0)), &without).detail.containers;
    assert_eq!(rows[0].values.get(ContainerColumn::MemoryLimitBytes), None);
}

#[test]
fn those_beside_the_largest_are_one_row_whatever_is_in_it() {
    let with = |seconds, top: Vec<Container>, others: &[(u64, u64, Option<u64>)]| {
        let mut host = host(seconds, top);
        host.containers.others = others.to_vec();
        host.containers.beside = 7;
        host
    };
    let before =
        with(100, vec![container(1, "a", 0, 1)], &[(2, 500, Some(5)), (3, 9_000_000, None)]);
    // 1 and 2 have changed places, 3 is gone, 4 is new.
    let after = with(
        110,
        vec![container(2, "b", 1_000_500, 1)],
        &[(1, 2_000_000, Some(7)), (4, 1 << 50, Some(1))],
    );
    let rows = rates(Some(&before), &after).detail.containers;
    assert_eq!(cpu(&rows, "b"), Some(10.0), "its CPU time was known before");
    let other = row(&rows, "(other)");
    assert_eq!(known(other), ["containers", "cpu_pct", "memory_bytes"]);
    assert_eq!(other.values.get(ContainerColumn::CpuPct), Some(20.0));
    assert_eq!(other.values.get(ContainerColumn::MemoryBytes), Some(8.0));
    assert_eq!(other.values.get(ContainerColumn::Containers), Some(7.0));
}

/// One that is made every second for an hour, polled every 10 s.
#[test]
fn one_that_comes_and_goes_is_one_row() {
    let mut before = None;
    for poll in 0..360_u64 {
        let job = container(1_000 + poll, "job-*", 10_000, 1 << 20);
        let now = host(100 + poll * 10, vec![container(1, "api", poll * 1_000_000, 10), job]);
        let rows = rates(before.as_ref(), &now).detail.containers;
        assert_eq!(rows.len(), 2);
        assert_eq!(cpu(&rows, "job-*"), None, "never seen twice");
        if before.is_some() {
            assert_eq!(cpu(&rows, "api"), Some(10.0));
        }
        before = Some(now);
    }
}
