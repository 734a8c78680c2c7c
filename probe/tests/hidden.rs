//! A `/proc` that does not show all: what is hidden is denied, with what to do, and never absent.
//!
//! The live test starts itself again as another user, in fresh namespaces with a procfs of their
//! own (unshare(1), setpriv(1)). That needs root, or the subordinate users of newuidmap(1).

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

mod fixture;

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path, process::Command};

use fixture::{ask, everything, replay, report, tree};
use roundsman_probe::{capture::capture, collect::Collector, root::Root};
use roundsman_proto::v1::{Family, Snapshot, Status, View};

/// Families that are read of process 1, or of all.
const OF_PROCESSES: [Family; 4] =
    [Family::Network, Family::Filesystem, Family::Sockets, Family::Processes];
/// Families that are read of the machine's own files.
const OF_MACHINE: [Family; 8] = [
    Family::Cpu,
    Family::Load,
    Family::Memory,
    Family::Softirq,
    Family::Disk,
    Family::System,
    Family::Pressure,
    Family::Vmstat,
];

fn assert_denied(answer: &Snapshot, families: &[Family], mend: &str) {
    for family in families {
        let (status, error) = report(answer, *family);
        assert_eq!(status, Status::Denied, "{family:?}: {error}");
        assert!(error.contains(mend), "{family:?}: {error}");
    }
}

fn assert_shown(answer: &Snapshot, families: &[Family]) {
    for family in families {
        let (status, error) = report(answer, *family);
        // Pressure may be missing in the kernel that the tests run on.
        let fine = status == Status::Ok || (*family, status) == (Family::Pressure, Status::Absent);
        // The limit of tracked connections is the machine's and not process 1's, and hidden with it.
        let part_is_hidden = (*family, status) == (Family::Sockets, Status::Partial)
            && error.contains("nf_conntrack_max")
            && error.contains("ProcSubset=");
        assert!(fine || part_is_hidden, "{family:?} is {status:?}: {error}");
    }
}

#[test]
fn hidden_processes_are_denied_and_the_machine_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let copy = dir.path().join("copy");
    capture(&Root::captured(&tree("debian-12")), &copy).unwrap();
    // All but the reader's own, as hidepid=2 leaves it.
    for pid in ["1", "2", "3", "4", "5", "6", "13", "14", "15", "16"] {
        fs::remove_dir_all(copy.join("proc").join(pid)).unwrap();
    }
    let manifest = fs::read_to_string(copy.join("proc/captured.json")).unwrap();
    fs::write(copy.join("proc/captured.json"), manifest.replace("proc/1/ns/pid", "proc/-"))
        .unwrap();
    let answer = replay(&copy, &everything());
    assert_denied(&answer, &OF_PROCESSES, "ProtectProc=");
    assert_shown(&answer, &OF_MACHINE);
    assert_eq!((answer.processes, answer.network, answer.filesystem), (None, None, None));
}

#[test]
fn a_hidden_machine_is_denied_and_its_processes_are_told() {
    let dir = tempfile::tempdir().unwrap();
    let copy = dir.path().join("copy");
    capture(&Root::captured(&tree("debian-12")), &copy).unwrap();
    for entry in fs::read_dir(copy.join("proc")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        let kept = matches!(name, "self" | "captured.json") || name.parse::<u32>().is_ok();
        if path.is_dir() && !kept {
            fs::remove_dir_all(path).unwrap();
        } else if !kept {
            fs::remove_file(path).unwrap();
        }
    }
    let answer = replay(&copy, &everything());
    assert_denied(&answer, &OF_MACHINE, "ProcSubset=");
    assert_shown(&answer, &OF_PROCESSES);
}

/// Set in the namespaces only: the directory that holds their other procfs mounts.
const INSIDE: &str = "ROUNDSMAN_TEST_HIDDEN";

/// Process 1 of the namespace stays root's; the test runs as another user beside it.
const ENTER: &str = r#"
    set -e
    mount -t proc -o hidepid=2 proc /proc
    mount -t proc -o hidepid=1 proc "$1/noaccess"
    mount -t proc -o subset=pid proc "$1/pids"
    setpriv --reuid 65534 --regid 65534 --clear-groups \
        "$2" --exact what_a_procfs_hides_from_another_user_is_denied --nocapture
    echo done
"#;

#[test]
fn what_a_procfs_hides_from_another_user_is_denied() {
    match std::env::var_os(INSIDE) {
        Some(dir) => inside(Path::new(&dir)),
        None => outside(),
    }
}

fn outside() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["noaccess", "pids"] {
        fs::create_dir(dir.path().join(name)).unwrap();
    }
    // The other user has to come by: to the mounts, and to the test itself.
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let program = dir.path().join("test");
    fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    let mut unshare = Command::new("unshare");
    if !rustix::process::geteuid().is_root() {
        unshare.args(["--map-root-user", "--map-auto"]);
    }
    let output = unshare
        .args(["--mount", "--pid", "--fork", "sh", "-c", ENTER, "sh"])
        .arg(dir.path())
        .arg(program)
        .env(INSIDE, dir.path())
        .current_dir("/")
        .output()
        .expect("this test needs unshare(1) of util-linux");
    assert!(
        output.status.success(),
        "{}: namespaces need root or newuidmap(1), and subset= Linux 5.8\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("1 passed") && said.ends_with("done\n"), "it did not run inside: {said}");
}

fn inside(dir: &Path) {
    let answer = |proc: &Path| ask(&Collector::new(Root::new(proc, "/")), &everything());
    let (invisible, noaccess) = (answer(Path::new("/proc")), answer(&dir.join("noaccess")));
    assert!(!Path::new("/proc/1").exists() && dir.join("noaccess/1").exists());
    for answer in [&invisible, &noaccess] {
        assert_denied(answer, &OF_PROCESSES, "ProtectProc=");
        assert_shown(answer, &[Family::Cpu, Family::Load, Family::Memory, Family::Vmstat]);
        assert_eq!(answer.view(), View::Unknown);
    }
    let pids = answer(&dir.join("pids"));
    assert_denied(&pids, &OF_MACHINE, "ProcSubset=");
    assert_shown(&pids, &[Family::Network, Family::Sockets, Family::Processes]);
}

/// What the shipped unit of the service may not set.
#[test]
fn the_unit_hides_nothing_of_proc() {
    let unit = fs::read_to_string("../packaging/systemd/roundsman-probe.service").unwrap();
    let hides = |line: &&str| line.starts_with("ProtectProc=") || line.starts_with("ProcSubset=");
    assert_eq!(unit.lines().filter(hides).collect::<Vec<_>>(), Vec::<&str>::new());
    assert!(unit.contains("\nExecStart="));
}
