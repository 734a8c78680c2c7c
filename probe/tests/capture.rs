//! A captured tree answers like the host it was taken from, and so does a captured capture.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

mod fixture;

use std::{collections::BTreeSet, fs, os::unix::fs::symlink, path::Path};

use fixture::{
    MACHINES, WITH_CONTAINERS, ask, containers, everything, many_cores, render, replay, tree,
};
use roundsman_probe::{
    capture::{CaptureError, capture},
    collect::Collector,
    root::Root,
};
use roundsman_proto::v1::GetMetricsRequest;

fn assert_same_answer(machine: &Path, request: &GetMetricsRequest) {
    let dir = tempfile::tempdir().unwrap();
    // Paths of one length: error texts have a limit.
    let (original, copy) = (dir.path().join("host"), dir.path().join("copy"));
    for file in files(machine, Path::new("")) {
        fs::create_dir_all(original.join(&file).parent().unwrap()).unwrap();
        match fs::read_link(machine.join(&file)) {
            Ok(target) => symlink(target, original.join(&file)).unwrap(),
            Err(_) => drop(fs::copy(machine.join(&file), original.join(&file)).unwrap()),
        }
    }
    let captured = capture(&Root::captured(&original), &copy).unwrap();
    let render = |tree: &Path| render(&replay(tree, request), tree);
    assert_eq!(render(&copy), render(&original), "{}", machine.display());
    let written: u64 = captured
        .files
        .iter()
        .map(|(file, bytes)| {
            let written = fs::symlink_metadata(copy.join(file)).unwrap().len();
            assert_eq!(written, *bytes, "{}", file.display());
            bytes
        })
        .sum();
    assert_eq!(captured.bytes, written);
}

#[test]
fn a_copy_of_every_fixture_answers_like_it() {
    for machine in MACHINES {
        assert_same_answer(&tree(machine), &everything());
    }
    for machine in WITH_CONTAINERS {
        assert_same_answer(&tree(machine), &containers());
    }
    let dir = tempfile::tempdir().unwrap();
    many_cores::write(dir.path());
    assert_same_answer(dir.path(), &everything());
}

/// The fixture of a real machine holds what its capture would, no more and no less.
#[test]
fn the_fixture_of_a_real_machine_is_a_capture() {
    let dir = tempfile::tempdir().unwrap();
    let copy = dir.path().join("copy");
    let captured = capture(&Root::captured(&tree("debian-12")), &copy).unwrap();
    let copied: BTreeSet<_> = captured.files.iter().map(|(file, _)| file.clone()).collect();
    assert_eq!(copied, files(&tree("debian-12"), Path::new("")));
    assert_eq!(captured.unreadable.len(), 1, "{:?}", captured.unreadable);
}

/// Where a link of a fixture leads there is a folder, so that what follows links can copy the tree; git
/// keeps a folder that holds a file.
const PLACE: &str = ".keep";

fn files(dir: &Path, below: &Path) -> BTreeSet<std::path::PathBuf> {
    let mut all = BTreeSet::new();
    for entry in fs::read_dir(dir).unwrap() {
        let entry = entry.unwrap();
        let name = below.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            all.extend(files(&entry.path(), &name));
        } else if entry.file_name() != PLACE {
            all.insert(name);
        }
    }
    all
}

/// This machine, now: what does not change between two moments must be the same.
#[test]
fn a_capture_of_this_machine_answers_like_it() {
    let dir = tempfile::tempdir().unwrap();
    let copy = dir.path().join("copy");
    capture(&Root::default(), &copy).unwrap();
    let live = ask(&Collector::new(Root::default()), &everything());
    let replayed = replay(&copy, &everything());
    assert_eq!(live.identity, replayed.identity);
    assert_eq!(live.view, replayed.view);
    let statuses = |snapshot: &roundsman_proto::v1::Snapshot| -> Vec<_> {
        snapshot.reports.iter().map(|report| (report.family, report.status)).collect()
    };
    assert_eq!(statuses(&live), statuses(&replayed));
    let (live_fs, replayed_fs) = (live.filesystem.unwrap(), replayed.filesystem.unwrap());
    assert_eq!(live_fs.mount_point, replayed_fs.mount_point);
    assert_eq!((live_fs.status, live_fs.blocks), (replayed_fs.status, replayed_fs.blocks));
    let (live_net, replayed_net) = (live.network.unwrap(), replayed.network.unwrap());
    assert_eq!(live_net.interface, replayed_net.interface);
    assert!(!live_net.layer.is_empty(), "this test needs the host's /sys");
    assert_eq!(live_net.layer, replayed_net.layer);
    let (live_disk, replayed_disk) = (live.disk.unwrap(), replayed.disk.unwrap());
    assert_eq!(live_disk.layer.len(), live_disk.device.len());
    assert_eq!(live_disk.layer, replayed_disk.layer);
    assert_eq!(live.memory.unwrap().total_kib, replayed.memory.unwrap().total_kib);
}

#[test]
fn nothing_is_written_over() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("mine"), "").unwrap();
    let refused = capture(&Root::captured(&tree("no-psi")), dir.path()).unwrap_err();
    assert!(matches!(&refused, CaptureError::NotEmpty(path) if path == dir.path()), "{refused}");
    let below_a_file = capture(&Root::captured(&tree("no-psi")), &dir.path().join("mine/tree"));
    assert!(matches!(below_a_file, Err(CaptureError::Write { .. })), "{below_a_file:?}");
}
