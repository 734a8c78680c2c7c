//! One broken file never hides another: every file of a healthy machine is broken in every way, and
//! each time all that does not come from it is as it was.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

mod fixture;

use std::{fs, path::Path};

use fixture::{everything, replay, report, tree};
use roundsman_probe::{
    capture::capture,
    collect::{manifest::MANIFEST, source::Source},
    root::{Place, Root},
};
use roundsman_proto::v1::{Family, Snapshot, Status};

/// Families that read a file; those that only say who the machine is read for none.
fn readers(source: Source) -> &'static [Family] {
    let Place::Proc(file) = source.place() else { return &[] };
    match file {
        "stat" => &[Family::Cpu, Family::System],
        "loadavg" => &[Family::Load],
        "meminfo" => &[Family::Memory],
        "softirqs" => &[Family::Softirq],
        "diskstats" => &[Family::Disk],
        "vmstat" => &[Family::Vmstat],
        "1/mountinfo" => &[Family::Filesystem],
        "1/net/dev" => &[Family::Network],
        "1/net/route" | "1/net/ipv6_route" => &[],
        "2/stat" => &[Family::Processes],
        "sys/fs/file-nr" | "sys/kernel/random/entropy_avail" => &[Family::System],
        _ if file.starts_with("pressure/") => &[Family::Pressure],
        _ if file.starts_with("1/net/") || file.starts_with("sys/net/") => &[Family::Sockets],
        _ => &[],
    }
}

/// Whether some kernels and configurations lack it, and that is no fault: of the network what IPv6 and
/// other modules bring.
fn may_be_missing(source: Source) -> bool {
    match source.place().file() {
        "1/net/dev" | "1/net/sockstat" | "1/net/snmp" | "1/net/netstat" => false,
        file => ["1/net/", "sys/net/", "2/stat", "pressure/irq"]
            .iter()
            .any(|begin| file.starts_with(begin)),
    }
}

#[derive(Debug, Clone, Copy)]
enum Breakage {
    Missing,
    Denied,
    Empty,
    Rubbish,
    Directory,
    CutOff,
}

const BREAKAGES: [Breakage; 6] = [
    Breakage::Missing,
    Breakage::Denied,
    Breakage::Empty,
    Breakage::Rubbish,
    Breakage::Directory,
    Breakage::CutOff,
];

/// Breaks a file that is whole.
fn damage(tree: &Path, source: Source, how: Breakage, whole: &[u8]) {
    let name = source.place().to_string();
    let path = tree.join(&name);
    match how {
        Breakage::Missing => fs::remove_file(&path).unwrap(),
        Breakage::Empty => fs::write(&path, "").unwrap(),
        Breakage::Rubbish => fs::write(&path, b"\x00\xff\xfe rub: b|sh = 1 \n(\n)\n- 2 3").unwrap(),
        Breakage::CutOff => fs::write(&path, &whole[..whole.len() / 2]).unwrap(),
        Breakage::Directory => {
            fs::remove_file(&path).unwrap();
            fs::create_dir(&path).unwrap();
        }
        // The manifest says so, because the tests may run as root, whom no mode keeps out.
        Breakage::Denied => {
            let manifest = tree.join(MANIFEST.to_string());
            let text = fs::read_to_string(&manifest).unwrap();
            let denied = format!("\"errors\": {{ \"{name}\": 13,");
            assert!(text.contains("\"errors\": {"));
            fs::write(manifest, text.replacen("\"errors\": {", &denied, 1)).unwrap();
        }
    }
}

/// The answer without a family: its values and its report.
fn without(mut snapshot: Snapshot, families: &[Family]) -> Snapshot {
    snapshot.reports.retain(|report| !families.contains(&report.family()));
    for family in families {
        match family {
            Family::Cpu => snapshot.cpu = None,
            Family::Load => snapshot.load = None,
            Family::Memory => snapshot.memory = None,
            Family::Softirq => snapshot.softirq = None,
            Family::Network => snapshot.network = None,
            Family::Disk => snapshot.disk = None,
            Family::Filesystem => snapshot.filesystem = None,
            Family::System => snapshot.system = None,
            Family::Pressure => snapshot.pressure = None,
            Family::Vmstat => snapshot.vmstat = None,
            Family::Sockets => snapshot.sockets = None,
            Family::Processes => snapshot.processes = None,
            Family::Containers => snapshot.containers = None,
            Family::Unspecified => unreachable!("no file is read for it"),
        }
    }
    // Who the machine is, and whose view it is, come from several files: they have their own tests.
    snapshot.identity = None;
    snapshot.view = 0;
    snapshot
}

#[test]
fn every_file_broken_in_every_way_costs_its_own_families_only() {
    let healthy = replay(&tree("debian-12"), &everything());
    let dir = tempfile::tempdir().unwrap();
    let copy = dir.path().join("copy");
    capture(&Root::captured(&tree("debian-12")), &copy).unwrap();
    let manifest = fs::read(copy.join(MANIFEST.to_string())).unwrap();
    let mut broken = 0;
    for source in Source::ALL {
        let path = copy.join(source.place().to_string());
        // The kernel of this machine lacks some.
        let Ok(whole) = fs::read(&path) else { continue };
        for how in BREAKAGES {
            damage(&copy, *source, how, &whole);
            let answer = replay(&copy, &everything());
            if path.is_dir() {
                fs::remove_dir(&path).unwrap();
            }
            fs::write(&path, &whole).unwrap();
            fs::write(copy.join(MANIFEST.to_string()), &manifest).unwrap();
            for family in readers(*source) {
                let (status, error) = report(&answer, *family);
                assert_eq!(error.is_empty(), status == Status::Ok, "{source:?} {how:?} {error}");
                assert!(error.len() <= 512, "{source:?} {how:?} {error}");
                assert_told(*source, how, status, error);
            }
            let rest = without(answer, readers(*source));
            assert_eq!(rest, without(healthy.clone(), readers(*source)), "{source:?} {how:?}");
            broken += 1;
        }
    }
    assert!(broken > 100, "only {broken} breakages tried");
}

/// What must be said of a breakage. Half a file may be whole lines, and some files may be missing.
fn assert_told(source: Source, how: Breakage, status: Status, error: &str) {
    let place = source.place();
    let may_be_missing = may_be_missing(source);
    let may_be_empty = matches!(source, Source::Diskstats);
    match how {
        Breakage::Missing if may_be_missing => assert_eq!(status, Status::Ok),
        Breakage::Empty if may_be_empty => assert_eq!(status, Status::Ok),
        Breakage::CutOff => {}
        // One of many: the manifest denies the source, and processes are listed by themselves.
        Breakage::Denied if source == Source::SecondStat => {}
        Breakage::Missing
            if matches!(
                source,
                Source::PressureCpu | Source::PressureMemory | Source::PressureIo
            ) =>
        {
            assert_eq!(status, Status::Partial, "{error}");
        }
        _ => {
            assert_ne!(status, Status::Ok, "{source:?} {how:?}");
            assert!(error.contains(&format!("{place}")), "{source:?} {how:?}: {error}");
        }
    }
    match how {
        Breakage::Denied if status != Status::Partial && source != Source::SecondStat => {
            assert_eq!(status, Status::Denied);
        }
        // What every kernel has is not absent: it is hidden.
        Breakage::Missing if matches!(source, Source::Stat | Source::Loadavg | Source::Meminfo) => {
            assert!(error.contains("ProcSubset="), "{error}");
            assert!(matches!(status, Status::Denied | Status::Partial), "{status:?}");
        }
        Breakage::Missing if status != Status::Partial && !may_be_missing => {
            assert_eq!(status, Status::Absent);
        }
        _ => {}
    }
}
