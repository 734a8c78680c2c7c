//! What is fuzzed, and what must hold of whatever comes out. Shared by cargo-fuzz and by the tests of
//! the server, which run the same functions on a stable compiler.

use roundsman::{
    health::{self, Policy, Skew},
    inventory::{self as inventories, MAX_HOSTS, MAX_PROBLEMS},
    model::{Outcome, Snapshot},
    poll,
    rates::rates,
};
use roundsman_probe::collect::{
    cpu, disk, load, memory, mounts, network, pressure, processes, report::Report, sockets,
    softirq, system, vmstat, wanted::Names,
};
use roundsman_proto::v1::Sockets;

/// An inventory file: refused with problems that can be read, or taken with hosts that are within
/// the limits and equal to themselves.
pub fn inventory(bytes: &[u8]) {
    match inventories::parse_bytes("fuzz.toml", bytes) {
        Ok(read) => {
            assert!(read.hosts.len() <= MAX_HOSTS);
            let same = inventories::diff(&read, &read);
            assert!(same.is_empty() && same.unchanged == read.hosts.len(), "{same:?}");
            for host in read.hosts.values() {
                assert!(!host.addresses.is_empty());
                assert!(host.timeout < host.schedule.shortest_gap());
            }
        }
        Err(problems) => {
            let listed = problems.iter().count();
            assert!((1..=MAX_PROBLEMS).contains(&listed) && listed <= problems.len());
            assert!(!problems.to_string().is_empty());
        }
    }
}

/// One or two answers of a probe. Two are the first's length, four bytes, and both: then there are
/// rates from one to the other.
pub fn answer(bytes: &[u8]) {
    let pair = bytes.split_first_chunk().and_then(|(length, rest)| {
        rest.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)
    });
    let (first, second) = pair.unwrap_or((bytes, &[]));
    match (poll::snapshot(first), poll::snapshot(second)) {
        (Ok(first), Ok(second)) => follow(&first, &second),
        (Ok(only), Err(error)) | (Err(error), Ok(only)) => {
            assert!(!error.to_string().is_empty());
            follow(&only, &only);
        }
        (Err(first), Err(second)) => {
            assert!(!first.to_string().is_empty() && !second.to_string().is_empty());
        }
    }
}

/// What is made of two answers: only finite values, and none below zero.
fn follow(first: &Snapshot, second: &Snapshot) {
    for (previous, current) in [(None, first), (Some(first), second), (Some(second), first)] {
        let rates = rates(previous, current);
        let detail = &rates.detail;
        for (column, value) in rates.values.iter() {
            assert!(value.is_none_or(|v| v.is_finite() && v >= 0.0), "{column:?}: {value:?}");
        }
        let rows = detail.interfaces.len() + detail.disks.len() + detail.filesystems.len();
        assert!(rows <= 3 * 4096, "{rows} rows");
        for outcome in [Outcome::Ok, Outcome::Partial] {
            let skew = Skew { ms: i64::MIN, bound_ms: 0 };
            let flaws = health::flaws(current, outcome, Some(skew), &Policy::default());
            assert!(flaws.iter().all(|flaw| !flaw.to_string().is_empty()));
        }
    }
}

/// One file of `/proc`: the first byte says which.
pub fn procfs(bytes: &[u8]) {
    let Some((which, bytes)) = bytes.split_first() else { return };
    let mut report = Report::default();
    let report = &mut report;
    let mut of_sockets = Sockets::default();
    let every = Names::default();
    // What is parsed is of no matter here: that it ends is.
    match which % 14 {
        0 => drop(cpu::parse(bytes, report)),
        1 => _ = cpu::online(bytes),
        2 => drop(load::parse(bytes, report)),
        3 => drop(memory::parse(bytes, report)),
        4 => drop(softirq::parse(bytes, report)),
        5 => drop(network::parse(bytes, &every, report)),
        6 => drop(disk::parse(bytes, &every, report)),
        7 => {
            if let Some(mounts) = mounts::parse(bytes, report) {
                assert!(mounts::choose(&mounts).len() <= mounts.len());
            }
            drop(mounts::at_root(bytes));
        }
        8 => drop(system::parse(bytes, report)),
        9 => drop(pressure::parse(bytes, report)),
        10 => drop(vmstat::parse(bytes, report)),
        11 => _ = sockets::parse_sockstat(bytes, &mut of_sockets, report),
        12 => {
            let _ = sockets::parse_snmp(bytes, &mut of_sockets, report);
            let _ = sockets::parse_netstat(bytes, &mut of_sockets, report);
        }
        _ => drop(processes::parse(bytes)),
    }
    let (_, words) = std::mem::take(report).close(true);
    assert!(words.len() <= 512, "a report of {} bytes", words.len());
}
