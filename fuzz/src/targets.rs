//! What is fuzzed, and what must hold of whatever comes out. Shared by cargo-fuzz and by the tests of
//! the server, which run the same functions on a stable compiler.

#[path = "http.rs"]
mod http;

use std::{collections::BTreeSet, sync::Arc};

pub use http::{http, stop_http};

use roundsman::{
    alert::{MAX_RULES, Rule},
    document::MAX_PROBLEMS,
    health::{self, Policy, Skew},
    inventory::{self as inventories, MAX_HOSTS},
    model::{Column, ColumnSet, MAX_REPORT_BYTES, Outcome, Snapshot, Values},
    poll::{self, DecodeError, Limit},
    rates::rates,
    route::{self, Alerting},
    store::detail,
    text::is_shown,
};
use roundsman_probe::collect::{
    containers::values, cpu, disk, load, memory, mounts, network, pressure, processes,
    report::Report, sockets, softirq, system, vmstat, wanted::Names,
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

/// A file of rules, channels and routes: refused with problems that stand in it, or taken within the limits;
/// and a rule that is taken says what it says when it is read again.
pub fn alerts(bytes: &[u8]) {
    match route::parse_all_bytes("fuzz.toml", bytes) {
        Ok(Alerting { rules, routes, .. }) => {
            assert!(rules.list.len() + rules.disabled.len() <= MAX_RULES);
            let again = route::parse_all_bytes("fuzz.toml", bytes);
            let again = again.map(|again| (again.rules.list, again.routes));
            let hashes = |list: &[Arc<Rule>]| list.iter().map(|rule| rule.hash).collect::<Vec<_>>();
            let again = again.map(|(list, routes)| (hashes(&list), routes));
            assert_eq!(again, Ok((hashes(&rules.list), routes)));
        }
        Err(problems) => {
            let lines = bytes.split(|byte| *byte == b'\n').count();
            for problem in problems.iter() {
                assert!((1..=lines).contains(&problem.line) && problem.column > 0, "{problem}");
                assert!(!problem.message.contains('\n'), "{problem}");
            }
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
    match (taken(first), taken(second)) {
        (Some(first), Some(second)) => follow(&first, &second),
        (Some(only), None) | (None, Some(only)) => follow(&only, &only),
        (None, None) => {}
    }
}

/// An answer is taken unless it cannot be read as a whole; what is taken of it is within the limits.
fn taken(bytes: &[u8]) -> Option<Box<Snapshot>> {
    let snapshot = match poll::snapshot(bytes) {
        Ok(snapshot) => snapshot,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            match error {
                DecodeError::Protocol { found } => assert_ne!(found, poll::PROTOCOL),
                DecodeError::Protobuf(_) | DecodeError::Missing(_) | DecodeError::TooManyFields => {
                }
            }
            return None;
        }
    };
    kept("core", snapshot.cores.keys(), Limit::Cores, Limit::NameBytes);
    kept("softirq", snapshot.softirqs.keys(), Limit::Cores, Limit::NameBytes);
    kept("interface", snapshot.interfaces.keys(), Limit::Interfaces, Limit::NameBytes);
    kept("disk", snapshot.disks.keys(), Limit::Disks, Limit::NameBytes);
    let mounts: Vec<_> = snapshot.mounts.iter().map(|mount| mount.mount_point.clone()).collect();
    kept("mount", &mounts, Limit::Mounts, Limit::PathBytes);
    let numbers: Vec<_> = snapshot.processes.iter().map(|p| p.pid.to_string().into()).collect();
    kept("process", &numbers, Limit::Processes, Limit::NameBytes);
    let families: Vec<_> = snapshot.reports.iter().map(|r| r.family.as_str().into()).collect();
    kept("report", &families, Limit::Processes, Limit::NameBytes);
    let mut texts: Vec<(&str, usize)> = Vec::new();
    texts.extend(snapshot.reports.iter().map(|report| (&*report.error, MAX_REPORT_BYTES)));
    for mount in &snapshot.mounts {
        let (path, name) = (Limit::PathBytes.max(), Limit::NameBytes.max());
        texts.extend([(&*mount.device, path), (&*mount.fs_type, name)]);
    }
    let name = Limit::NameBytes.max();
    texts.extend(snapshot.processes.iter().flat_map(|p| [(&*p.comm, name), (&*p.state, name)]));
    let containers = &snapshot.containers;
    assert!(containers.top.len() <= Limit::Containers.max());
    assert!(containers.others.len() <= Limit::OtherContainers.max());
    // A row's name is of three texts at most.
    texts.extend(
        containers.top.iter().flat_map(|one| [(&*one.name, 3 * name + 2), (&*one.image, name)]),
    );
    for (text, most) in texts {
        assert!(text.len() <= most && text.chars().all(is_shown), "{text:?}");
    }
    Some(snapshot)
}

/// The names of a table: not too many, each there once, bounded, and every character of it seen.
fn kept(table: &str, names: &[Arc<str>], rows: Limit, bytes: Limit) {
    assert!(names.len() <= rows.max(), "{} rows of {table}", names.len());
    let distinct: BTreeSet<&str> = names.iter().map(AsRef::as_ref).collect();
    assert_eq!(distinct.len(), names.len(), "a name is twice in {table}");
    for name in distinct {
        let fits = (1..=bytes.max()).contains(&name.len());
        assert!(fits && name.chars().all(is_shown), "{table}: {name:?}");
    }
}

/// What is made of two answers: only finite values, and none below zero.
fn follow(first: &Snapshot, second: &Snapshot) {
    for (previous, current) in [(None, first), (Some(first), second), (Some(second), first)] {
        let mut rates = rates(previous, current);
        plausible::<Column>(&rates.values);
        let detail = &rates.detail;
        detail.interfaces.iter().for_each(|row| plausible(&row.values));
        detail.disks.iter().for_each(|row| plausible(&row.values));
        detail.filesystems.iter().for_each(|row| plausible(&row.values));
        let rows = detail.interfaces.len() + detail.disks.len() + detail.filesystems.len();
        assert!(rows <= 3 * 4096, "{rows} rows");
        detail::fit(&mut rates.detail, detail::MAX_DETAIL_BYTES);
        assert!(detail::encode(&rates.detail).len() <= detail::MAX_DETAIL_BYTES);
        for outcome in [Outcome::Ok, Outcome::Partial] {
            let skew = Skew { ms: i64::MIN, bound_ms: 0 };
            let flaws = health::flaws(current, outcome, Some(skew), &Policy::default());
            assert!(flaws.iter().all(|flaw| !flaw.to_string().is_empty()));
        }
    }
}

/// No value is below zero, or more than its unit can be.
fn plausible<C: ColumnSet>(values: &Values<C>) {
    for (column, value) in values.iter() {
        let spec = column.spec();
        let max = spec.unit.max();
        assert!(value.is_none_or(|v| (0.0..=max).contains(&v)), "{}: {value:?}", spec.name);
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
    match which % 15 {
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
        13 => {
            let mut of = roundsman_proto::v1::Container::default();
            _ = values::cpu(bytes, &mut of);
            _ = values::memory(bytes, &mut of);
            _ = values::events(bytes, &mut of);
            _ = values::io(bytes, &mut of, &mut values::Carried::default(), |_| false);
        }
        _ => drop(processes::parse(bytes)),
    }
    let (_, words) = std::mem::take(report).close(true);
    assert!(words.len() <= 512, "a report of {} bytes", words.len());
}
