//! What is not taken, or not as it came: answers that cannot be read, rows that are too much, text
//! that is not safe.

use super::*;
use crate::{model::CounterTable, text::is_shown};

fn refused(change: impl FnOnce(&mut v1::Snapshot)) -> String {
    let mut wire = full();
    change(&mut wire);
    let error = decode(&wire).unwrap_err();
    format!("{}: {error}", error.outcome())
}

#[test]
fn an_answer_that_cannot_be_read_is_refused_with_its_reason() {
    let refusals = [
        refused(|s| s.protocol = 2),
        refused(|s| s.protocol = 0),
        refused(|s| s.identity = None),
        refused(|s| s.identity.as_mut().unwrap().ticks_per_second = 0),
        refused(|s| s.clocks = None),
        refused(|s| s.clocks.as_mut().unwrap().boottime_ns = 0),
        refused(|s| s.clocks.as_mut().unwrap().boottime_ns = MAX_BOOTTIME_NS),
        refused(|s| s.network.as_mut().unwrap().interface = vec![String::new(); 100_000]),
        refused(|s| s.reports = vec![v1::FamilyReport::default(); 2_000_000]),
    ];
    insta::assert_snapshot!(refusals.join("\n"));
    assert!(matches!(snapshot(&[0xff_u8; 9][..]), Err(DecodeError::Protobuf(_))));
}

/// What the report of a family says once the answer is decoded, and that nothing else differs from
/// `rest`.
fn said(family: Family, wire: &v1::Snapshot) -> (Box<Snapshot>, String) {
    let decoded = decode(wire).unwrap();
    let others = |snapshot: &Snapshot| -> Vec<FamilyReport> {
        snapshot.reports.iter().filter(|report| report.family != family).cloned().collect()
    };
    let untouched = decode(&full()).unwrap();
    assert_eq!(others(&decoded), others(&untouched), "another family is told of");
    assert_eq!(decoded.gauges, untouched.gauges);
    let report = decoded.reports.iter().find(|report| report.family == family).unwrap();
    let words = format!("{family} {}: {}", report.status, report.error);
    (decoded, words)
}

fn keys<const N: usize>(table: &CounterTable<N>) -> Vec<String> {
    table.keys().iter().map(ToString::to_string).collect()
}

#[test]
fn of_many_rows_that_are_in_no_order_none_is_taken_twice() {
    let mut wire = full();
    let mut device: Vec<String> = (0..40).rev().map(|disk| format!("sd{disk:02}")).collect();
    device[39] = "sd01".to_owned();
    device[3] = "sd39".to_owned();
    wire.disk = Some(v1::Disk { device, ..v1::Disk::default() });
    let (decoded, words) = said(Family::Disk, &wire);
    let mut names = keys(&decoded.disks);
    assert_eq!(names.len(), 38, "{words}");
    names.sort();
    names.dedup();
    assert_eq!(names.len(), 38);
}

#[test]
fn a_row_that_cannot_be_taken_costs_itself_and_is_told_of() {
    let long = || "x".repeat(257);
    let mut told = Vec::new();
    let mut tell = |family, change: &dyn Fn(&mut v1::Snapshot)| {
        let mut wire = full();
        change(&mut wire);
        let (decoded, words) = said(family, &wire);
        told.push(words);
        decoded
    };
    let after = tell(Family::Network, &|s| s.network.as_mut().unwrap().interface[0] = long());
    let untouched = decode(&full()).unwrap();
    assert_eq!(keys(&after.interfaces), ["lo"]);
    assert_eq!(after.interfaces.get(0, 0), untouched.interfaces.get(1, 0));
    assert_eq!(after.interfaces.layer(0), untouched.interfaces.layer(1));
    assert_eq!(after.disks, untouched.disks);
    let after = tell(Family::Disk, &|s| s.disk.as_mut().unwrap().device[1] = "sda".to_owned());
    assert_eq!(keys(&after.disks), ["sda"]);
    assert_eq!(after.disks.get(0, 3), untouched.disks.get(0, 3));
    tell(Family::Disk, &|s| s.disk.as_mut().unwrap().device[0] = String::new());
    let after = tell(Family::Filesystem, &|s| {
        let fs = s.filesystem.as_mut().unwrap();
        fs.mount_point[1] = "x".repeat(4097);
        fs.fs_type[2] = long();
    });
    assert_eq!(after.mounts, untouched.mounts[..1]);
    tell(Family::Filesystem, &|s| s.filesystem.as_mut().unwrap().device[1] = "x".repeat(4097));
    tell(Family::Filesystem, &|s| {
        s.filesystem.as_mut().unwrap().mount_point[1] = "/".to_owned();
    });
    // 200 bytes as they came, 800 as they are kept.
    tell(Family::Network, &|s| s.network.as_mut().unwrap().interface[1] = "\u{ad}".repeat(100));
    let after = tell(Family::Cpu, &|s| {
        s.cpu.as_mut().unwrap().cores.as_mut().unwrap().core = vec![3, 3];
    });
    assert_eq!(keys(&after.cores), ["3"]);
    let after = tell(Family::Softirq, &|s| s.softirq.as_mut().unwrap().core = vec![8192, 8191]);
    assert_eq!(keys(&after.softirqs), ["8191"]);
    assert_eq!(after.softirqs.get(0, 0), untouched.softirqs.get(1, 0));
    let odd: [fn(&mut v1::Process); 4] = [
        |p| p.comm = "x".repeat(257),
        |p| p.rss_pages = u64::MAX,
        |p| p.pid = u32::MAX,
        |p| p.threads = u32::MAX,
    ];
    for change in odd {
        let after = tell(Family::Processes, &|s| {
            change(&mut s.processes.as_mut().unwrap().top[0]);
        });
        assert_eq!(after.processes, []);
    }
    let odd: [fn(&mut v1::Container); 3] = [
        |one| one.name = Some("x".repeat(257)),
        |one| one.container_id = String::new(),
        |one| one.id = 8,
    ];
    for change in odd {
        tell(Family::Containers, &|s| {
            let all = s.containers.as_mut().unwrap();
            all.top.push(all.top[0].clone());
            change(&mut all.top[0]);
        });
    }
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn rows_beyond_a_limit_are_left_out_and_told_of() {
    let names = |n: usize| (0..n).map(|i| format!("{i:0>200}")).collect::<Vec<_>>();
    let mut wire = full();
    let numbers: Vec<u32> = (0..9000).collect();
    wire.cpu.as_mut().unwrap().cores =
        Some(v1::Cores { core: numbers.clone(), idle: vec![7; 9000], ..v1::Cores::default() });
    wire.softirq = Some(v1::Softirq { core: numbers, ..v1::Softirq::default() });
    wire.network = Some(v1::Network {
        interface: names(4099),
        layer: vec![v1::Layer::Physical.into(); 4099],
        ..v1::Network::default()
    });
    wire.disk = Some(v1::Disk { device: names(4097), ..v1::Disk::default() });
    wire.filesystem =
        Some(v1::Filesystem { mount_point: names(4098), ..v1::Filesystem::default() });
    let process = |pid| v1::Process { pid, ..v1::Process::default() };
    wire.processes.as_mut().unwrap().top = (1..=201).map(process).collect();
    let container =
        |id| v1::Container { id, container_id: id.to_string(), ..v1::Container::default() };
    wire.containers = Some(v1::Containers {
        total: 5_000,
        top: (1..=202).map(container).collect(),
        other_id: (1_000..5_099).collect(),
        other_cpu_us: vec![1; 4_099],
        other_memory_bytes: Vec::new(),
    });
    let decoded = decode(&wire).unwrap();
    let containers = &decoded.containers;
    assert_eq!(
        (containers.top.len(), containers.others.len(), containers.beside),
        (200, 4096, 4800)
    );
    let found = [
        decoded.cores.keys().len(),
        decoded.softirqs.keys().len(),
        decoded.interfaces.keys().len(),
        decoded.disks.keys().len(),
        decoded.mounts.len(),
        decoded.processes.len(),
    ];
    assert_eq!(found, [8192, 8192, 4096, 4096, 4096, 200]);
    let words: Vec<String> =
        decoded.reports.iter().map(|r| format!("{} {}: {}", r.family, r.status, r.error)).collect();
    insta::assert_snapshot!(words.join("\n"));
}

#[test]
fn an_uneven_table_costs_itself_and_is_told_of() {
    let mut told = Vec::new();
    let uneven: [(Family, Change); 6] = [
        (Family::Cpu, |s| s.cpu.as_mut().unwrap().cores.as_mut().unwrap().idle.push(1)),
        (Family::Softirq, |s| s.softirq.as_mut().unwrap().rcu.truncate(1)),
        (Family::Network, |s| s.network.as_mut().unwrap().interface.truncate(1)),
        (Family::Network, |s| s.network.as_mut().unwrap().layer.truncate(1)),
        (Family::Disk, |s| s.disk.as_mut().unwrap().flush_ms.push(1)),
        (Family::Filesystem, |s| s.filesystem.as_mut().unwrap().read_only.truncate(2)),
    ];
    for (family, change) in uneven {
        let mut wire = full();
        change(&mut wire);
        let (decoded, words) = said(family, &wire);
        told.push(words);
        let rows = |family| match family {
            Family::Cpu => decoded.cores.keys().len(),
            Family::Softirq => decoded.softirqs.keys().len(),
            Family::Network => decoded.interfaces.keys().len(),
            Family::Disk => decoded.disks.keys().len(),
            _ => decoded.mounts.len(),
        };
        assert_eq!(rows(family), 0, "{family}");
        // Ticks of all cores together are no part of the table.
        assert_eq!(decoded.cpu, decode(&full()).unwrap().cpu);
    }
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn what_the_server_has_to_say_follows_the_probes_words_and_is_never_crowded_out() {
    let mut wire = full();
    let report = |family: v1::Family, status: v1::Status, error: &str| v1::FamilyReport {
        family: family.into(),
        status: status.into(),
        spent_us: 3,
        error: error.to_owned(),
    };
    wire.reports = vec![
        report(v1::Family::Network, v1::Status::Partial, &"e".repeat(1000)),
        report(v1::Family::Load, v1::Status::Absent, ""),
        report(v1::Family::Load, v1::Status::Ok, ""),
        report(v1::Family::Disk, v1::Status::Denied, "/proc/diskstats: not allowed"),
        report(v1::Family::Disk, v1::Status::Ok, ""),
    ];
    wire.network.as_mut().unwrap().interface[0] = String::new();
    wire.disk.as_mut().unwrap().device[0] = String::new();
    let decoded = decode(&wire).unwrap();
    let [network, load, disk] = decoded.reports.as_slice() else { panic!("{:?}", decoded.reports) };
    assert_eq!((network.status, network.spent_us), (Status::Partial, 3));
    assert!(network.error.len() <= MAX_REPORT_BYTES && network.error.starts_with("eee"));
    assert!(
        network.error.ends_with("…; left out by the server: 1 row without a name"),
        "{}",
        network.error
    );
    assert_eq!(disk.status, Status::Denied, "a graver word stays");
    assert_eq!(
        disk.error,
        "/proc/diskstats: not allowed; reported more than once; left out by the server: 1 row \
         without a name"
    );
    assert_eq!((load.status, load.error.as_str()), (Status::Partial, "reported more than once"));
}

#[test]
fn an_answer_at_every_limit_is_taken() {
    let names = |n: usize| (0..n).map(|i| format!("{i:0>256}")).collect::<Vec<_>>();
    let mut wire = full();
    wire.network = Some(v1::Network { interface: names(4096), ..v1::Network::default() });
    wire.disk = Some(v1::Disk { device: names(4096), ..v1::Disk::default() });
    wire.filesystem = Some(v1::Filesystem {
        mount_point: names(4096),
        device: names(4096),
        fs_type: names(4096),
        ..v1::Filesystem::default()
    });
    let decoded = decode(&wire).unwrap();
    let found = [decoded.interfaces.keys().len(), decoded.disks.keys().len(), decoded.mounts.len()];
    assert_eq!(found, [4096; 3]);
    assert_eq!(decoded.reports, decode(&full()).unwrap().reports);
}

#[test]
fn text_from_a_probe_is_made_safe() {
    let mut wire = full();
    let identity = wire.identity.as_mut().unwrap();
    identity.hostname = Some("evil\u{1b}[2Jhost\u{202e}\n".to_owned());
    identity.os = Some("x".repeat(1000));
    identity.kernel = Some("\n".to_owned());
    wire.reports[1].error = "e".repeat(1000);
    wire.network.as_mut().unwrap().interface = texts(["et\nh0\u{202e}", r"et\u{a}h0\u{202e}"]);
    wire.filesystem.as_mut().unwrap().fs_type[1] = "fuse.\u{e0041}".to_owned();
    wire.processes.as_mut().unwrap().top[0].comm = "\u{9b}2J\u{200b}".to_owned();
    let container = &mut wire.containers.as_mut().unwrap().top[0];
    container.name = Some("new\nline\u{1b}[2J\u{202e}".to_owned());
    container.image = Some("../../etc\u{200b}".to_owned());
    let decoded = decode(&wire).unwrap();
    assert_eq!(decoded.facts.hostname.as_deref(), Some(r"evil\u{1b}[2Jhost\u{202e}"));
    assert_eq!(decoded.facts.os.map(|os| os.len()), Some(MAX_FACT_BYTES));
    assert_eq!(decoded.facts.kernel, None);
    assert_eq!(decoded.reports[1].error.len(), MAX_REPORT_BYTES);
    assert_eq!(keys(&decoded.interfaces), [r"et\u{a}h0\u{202e}", r"et\\u{a}h0\\u{202e}"]);
    assert_eq!(decoded.mounts[1].fs_type.as_ref(), r"fuse.\u{e0041}");
    assert!(decoded.processes[0].comm.chars().all(is_shown));
    let container = &decoded.containers.top[0];
    assert_eq!(container.name.as_ref(), r"new\u{a}line\u{1b}[2J\u{202e}");
    assert_eq!(container.image.as_ref(), r"../../etc\u{200b}");
}
