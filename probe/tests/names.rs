//! Names that any user of a host may choose: none costs more than its own row, and no two become
//! one.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

mod fixture;

use std::{collections::BTreeSet, fs, path::Path};

use fixture::{everything, replay, report, tree};
use roundsman_probe::{capture::capture, root::Root};
use roundsman_proto::v1::{Family, Snapshot, Status};

/// The limits of the wire's contract, bytes.
const NAME: usize = 256;
const PATH: usize = 4_096;

/// A healthy machine to which `lines` are added at the end of `file`.
fn with(dir: &Path, file: &str, lines: &[Vec<u8>]) -> Snapshot {
    let copy = dir.join("copy");
    capture(&Root::captured(&tree("debian-12")), &copy).unwrap();
    let path = copy.join(file);
    let mut bytes = fs::read(&path).unwrap();
    for line in lines {
        bytes.extend(line);
        bytes.push(b'\n');
    }
    fs::write(&path, bytes).unwrap();
    let answer = replay(&copy, &everything());
    fs::remove_dir_all(&copy).unwrap();
    assert_within_the_contract(&answer);
    answer
}

fn assert_within_the_contract(answer: &Snapshot) {
    let unique = |names: &[String], limit: usize| {
        assert!(names.iter().all(|name| name.len() <= limit), "{names:?}");
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len(), "{names:?}");
    };
    unique(&answer.network.as_ref().unwrap().interface, NAME);
    unique(&answer.disk.as_ref().unwrap().device, NAME);
    let mounts = answer.filesystem.as_ref().unwrap();
    unique(&mounts.mount_point, PATH);
    assert!(mounts.device.iter().all(|device| device.len() <= PATH));
    assert!(mounts.fs_type.iter().all(|fs_type| fs_type.len() <= NAME));
    assert!(answer.processes.as_ref().unwrap().top.iter().all(|top| top.comm.len() <= NAME));
    assert!(answer.reports.iter().all(|report| report.error.len() <= 512));
}

fn mount(id: u32, point: &[u8], fs_type: &[u8], source: &[u8]) -> Vec<u8> {
    let place = format!("{id} 27 0:{id} / ").into_bytes();
    [&place[..], point, b" rw - ", fs_type, b" ", source, b" rw"].concat()
}

#[test]
fn a_mount_with_a_name_that_is_too_long_costs_its_own_row() {
    let dir = tempfile::tempdir().unwrap();
    let healthy = with(dir.path(), "proc/1/mountinfo", &[]).filesystem.unwrap();
    let (x, latin) = (vec![b'x'; 5_000], vec![0xE4; 2_000]);
    // Counted as they are sent: four bytes for each that is not UTF-8.
    for (id, line, told) in [
        (900, mount(900, b"/m", &[b"fuse.", &x[..252]].concat(), b"s"), "has 257 bytes"),
        (901, mount(901, b"/m", &[b"fuse.", &latin[..63]].concat(), b"s"), "has 257 bytes"),
        (902, mount(902, &[b"/", &latin[..1_024]].concat(), b"ext4", b"s"), "has 4097 bytes"),
        (903, mount(903, b"/m", b"fuse.x", &latin[..1_025]), "has 4100 bytes"),
        (904, mount(904, &[b"/", &x[..4_096]].concat(), b"ext4", b"s"), "has 4097 bytes"),
    ] {
        let answer = with(dir.path(), "proc/1/mountinfo", &[line]);
        let (status, error) = report(&answer, Family::Filesystem);
        assert_eq!(status, Status::Partial, "{id}: {error}");
        assert!(error.contains("is left out") && error.contains(told), "{id}: {error}");
        assert_eq!(answer.filesystem.unwrap(), healthy, "{id}");
    }
    // At the limits all are sent, and the status is that of a mount that is not on the manifest.
    for line in [
        mount(905, b"/m", &[b"fuse.", &x[..251]].concat(), b"s"),
        mount(906, &[b"/", &x[..4_095]].concat(), b"fuse.x", &x[..4_096]),
    ] {
        let answer = with(dir.path(), "proc/1/mountinfo", &[line]);
        let points = answer.filesystem.as_ref().unwrap().mount_point.len();
        assert_eq!(points, healthy.mount_point.len() + 1);
    }
}

#[test]
fn names_that_differ_in_one_byte_stay_two_and_one_name_is_sent_once() {
    let dir = tempfile::tempdir().unwrap();
    let lines = [
        mount(900, b"/m\xE4", b"fuse.x", b"s"),
        mount(901, b"/m\xFC", b"fuse.x", b"s"),
        // A name that is UTF-8 and looks like the first one: `\134` is a backslash.
        mount(902, b"/m\\134xE4", b"fuse.x", b"s"),
    ];
    let answer = with(dir.path(), "proc/1/mountinfo", &lines);
    let points = &answer.filesystem.as_ref().unwrap().mount_point;
    assert!(points.ends_with(&["/m\\xE4".to_owned(), "/m\\xFC".to_owned()]), "{points:?}");
    let (status, error) = report(&answer, Family::Filesystem);
    assert_eq!(status, Status::Partial);
    assert!(error.contains("mounts: /m\\xE4 is there twice"), "{error}");

    let interface = |name: &[u8]| [name, b": 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16"].concat();
    let long = [b'i'; 257];
    let lines = [interface(b"e\xE4"), interface(b"e\xFC"), interface(b"e\xE4"), interface(&long)];
    let answer = with(dir.path(), "proc/1/net/dev", &lines);
    let interfaces = &answer.network.as_ref().unwrap().interface;
    assert!(interfaces.ends_with(&["e\\xE4".to_owned(), "e\\xFC".to_owned()]), "{interfaces:?}");
    let (_, error) = report(&answer, Family::Network);
    for part in ["interfaces: e\\xE4 is there twice", "has 257 bytes, the limit is 256"] {
        assert!(error.contains(part), "{error}");
    }

    let disk =
        |name: &[u8]| [b"8 99 ", name, b" 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17"].concat();
    let lines = [disk(b"d\xE4"), disk(&[0xFF; 65]), disk(b"d\xE4")];
    let answer = with(dir.path(), "proc/diskstats", &lines);
    let devices = &answer.disk.as_ref().unwrap().device;
    assert_eq!(devices.last().unwrap(), "d\\xE4");
    let (_, error) = report(&answer, Family::Disk);
    for part in ["devices: d\\xE4 is there twice", "has 260 bytes, the limit is 256"] {
        assert!(error.contains(part), "{error}");
    }
}
