//! A host with more of everything than the probe reports: it is told up to the limit, and that
//! there is more.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

mod fixture;

use std::{fmt::Write as _, fs, os::unix::fs::symlink, path::Path};

use fixture::{everything, many_cores, replay, report};
use prost::Message as _;
use roundsman_probe::{capture, collect::wanted::MAX_TOP_PROCESSES, root::Root};
use roundsman_proto::v1::{Family, GetMetricsRequest, Status};

const CORES: usize = 8_192;
const DISKS: usize = 4_096;
const INTERFACES: usize = 2_048;
const MOUNT_LINES: usize = 4_096;
const MOUNTS: usize = 1_024;

/// One more of each than its limit.
fn write_crowded(dir: &Path) {
    many_cores::write(dir);
    let file = |name: &str, text: &str| fs::write(dir.join(name), text).unwrap();
    let lines = |head: &str, count: usize, line: &dyn Fn(usize) -> String| {
        (0..count).fold(head.to_owned(), |text, n| text + &line(n) + "\n")
    };
    let cpu = |n| format!("cpu{n} {n} 0 0 9 0 0 0 0 0 0");
    file("proc/stat", &(lines("cpu  1 2 3 4 5 6 7 8 9 10\n", CORES + 1, &cpu) + "btime 1\n"));
    let mut softirqs = "   ".to_owned();
    (0..=CORES).for_each(|core| write!(softirqs, " CPU{core}").unwrap());
    softirqs += "\n  TIMER:";
    (0..=CORES).for_each(|core| write!(softirqs, " {core}").unwrap());
    file("proc/softirqs", &(softirqs + "\n"));
    let disk = |n| format!("   8 {n} sd{n} 1 2 3 4 5 6 7 8 9 10 11");
    file("proc/diskstats", &lines("", DISKS + 1, &disk));
    let interface = |n| format!("  if{n}: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16");
    let head = "Inter-|   Receive  |  Transmit\n face |bytes packets|bytes packets\n";
    file("proc/1/net/dev", &lines(head, INTERFACES + 1, &interface));
    let mount = |n| format!("{} 1 8:{n} / /m{n} rw - xfs /dev/sd{n} rw", n + 100);
    file("proc/1/mountinfo", &lines("", MOUNT_LINES + 1, &mount));
}

#[test]
fn a_host_with_more_than_the_limits_is_told_up_to_them() {
    let dir = tempfile::tempdir().unwrap();
    write_crowded(dir.path());
    let request = GetMetricsRequest::default();
    let answer = replay(dir.path(), &request);
    let told = |family: Family, words: &str| {
        let (status, error) = report(&answer, family);
        assert_eq!(status, Status::Partial, "{family:?}: {error}");
        assert!(error.contains(words), "{family:?}: {error}");
    };

    told(Family::Cpu, "1 cores past the limit of 8192");
    let cpu = answer.cpu.as_ref().unwrap();
    let cores = cpu.cores.as_ref().unwrap();
    assert_eq!((cores.core.len(), cores.user.len()), (CORES, CORES));
    told(Family::Softirq, "1 cores past the limit of 8192");
    let softirq = answer.softirq.as_ref().unwrap();
    assert_eq!((softirq.core.len(), softirq.timer.len()), (CORES, CORES));
    told(Family::Disk, "1 devices past the limit of 4096");
    assert_eq!(answer.disk.as_ref().unwrap().device.len(), DISKS);
    told(Family::Network, "1 interfaces past the limit of 2048");
    assert_eq!(answer.network.as_ref().unwrap().interface.len(), INTERFACES);
    told(Family::Filesystem, "more than 4096 mounts; 3072 mounts past the limit of 1024");
    assert_eq!(answer.filesystem.as_ref().unwrap().mount_point.len(), MOUNTS);
}

/// As much of everything as the limits let in or more, every number as large as may be, and names of
/// so many bytes.
fn write_bloated(dir: &Path, device: usize, interface: usize, path: usize) {
    write_crowded(dir);
    let most = |count: usize| vec![u64::MAX.to_string(); count].join(" ");
    let file = |name: &str, head: &str, count: usize, line: &dyn Fn(usize) -> String| {
        let lines: String = (0..count).map(|n| line(n) + "\n").collect();
        fs::write(dir.join(name), head.to_owned() + &lines).unwrap();
    };
    let name = |n: usize, bytes: usize| format!("{n:0bytes$}");
    file("proc/stat", "", CORES, &|n| format!("cpu{n} {}", most(10)));
    let cores: String = (0..CORES).map(|core| format!(" CPU{core}")).collect();
    let vectors = ["HI", "TIMER", "NET_TX", "NET_RX", "BLOCK", "IRQ_POLL", "TASKLET", "SCHED"];
    let vectors = [&vectors[..], &["HRTIMER", "RCU"]].concat();
    let softirqs = |n: usize| format!("{}: {}", vectors[n], most(CORES));
    file("proc/softirqs", &(cores + "\n"), vectors.len(), &softirqs);
    let disk = |n| format!("{0} {0} {1} {2}", u32::MAX, name(n, device), most(17));
    file("proc/diskstats", "", DISKS, &disk);
    let head = "Inter-|   Receive  |  Transmit\n face |bytes packets|bytes packets\n";
    file("proc/1/net/dev", head, INTERFACES, &|n| format!("{}: {}", name(n, interface), most(16)));
    let mount = |n: usize| {
        format!("{} 1 0:{n} / /{} rw - fuse.x {} rw", n + 100, name(n, path), name(n, path))
    };
    file("proc/1/mountinfo", "", MOUNTS, &mount);
}

/// What a server takes by default: `poll.answer_max`.
const ANSWER_BYTES: usize = 4 * 1_024 * 1_024;

#[test]
fn an_answer_at_every_limit_is_one_that_a_server_takes() {
    let dir = tempfile::tempdir().unwrap();
    // Less than the most for a path, so that the limit of the file is not met first.
    write_bloated(dir.path(), 256, 256, 1_500);
    let answer = replay(dir.path(), &GetMetricsRequest::default());
    for (family, what) in
        [(Family::Disk, "devices"), (Family::Network, "interfaces"), (Family::Filesystem, "mounts")]
    {
        let (status, error) = report(&answer, family);
        assert_eq!(status, Status::Partial, "{family:?}: {error}");
        let told = format!("{what} past the limit of 393216 bytes for all names");
        assert!(error.contains(&told), "{family:?}: {error}");
    }
    // 1,536 names of 256 bytes are 393,216.
    assert_eq!(answer.network.as_ref().unwrap().interface.len(), 1_536);
    assert_eq!(answer.disk.as_ref().unwrap().device.len(), 1_536);
    // Each 1,501 for the path, 1,500 for the source and 6 for the type.
    assert_eq!(answer.filesystem.as_ref().unwrap().mount_point.len(), 393_216 / 3_007);

    // All rows that there may be, with the names that there is room for.
    write_bloated(dir.path(), 96, 192, 188);
    let answer = replay(dir.path(), &GetMetricsRequest::default());
    assert_eq!(answer.network.as_ref().unwrap().interface.len(), INTERFACES);
    assert_eq!(answer.disk.as_ref().unwrap().device.len(), DISKS);
    assert_eq!(answer.filesystem.as_ref().unwrap().mount_point.len(), MOUNTS);
    assert_eq!(answer.cpu.as_ref().unwrap().cores.as_ref().unwrap().user.len(), CORES);
    assert_eq!(answer.softirq.as_ref().unwrap().rcu.len(), CORES);
    // The mounts are on no manifest: their six numbers are 0, one byte each, and could have nine more.
    let bytes = answer.encoded_len() + 6 * 9 * MOUNTS;
    assert!(bytes < ANSWER_BYTES, "{bytes}");
}

/// As many mounts as a user may make, under names as long as he may choose.
#[test]
fn of_a_file_past_the_limit_the_first_lines_are_told() {
    const FILE_BYTES: usize = 4 * 1_024 * 1_024;
    let dir = tempfile::tempdir().unwrap();
    let (host, copy) = (dir.path().join("host"), dir.path().join("copy"));
    many_cores::write(&host);
    let first = "27 1 8:1 / / rw - xfs /dev/sda1 rw\n";
    let line = |n: usize| {
        let line = format!("{n} 27 0:{n} / /m{n} rw {} - fuse.x s rw\n", "x".repeat(3_600));
        assert_eq!(line.len(), 3_642);
        line
    };
    let lines: String = (1_000..2_500).map(line).collect();
    fs::write(host.join("proc/1/mountinfo"), first.to_owned() + &lines).unwrap();
    let request = GetMetricsRequest::default();
    let answer = replay(&host, &request);
    let (status, error) = report(&answer, Family::Filesystem);
    assert_eq!(status, Status::Partial, "{error}");
    assert!(error.contains("longer than 4194304 bytes: the rest is left out"), "{error}");
    // Capped by the limit of mounts, of which all that were read in whole are counted.
    let whole = 1 + (FILE_BYTES - first.len()) / 3_642;
    let points = answer.filesystem.as_ref().unwrap().mount_point.len();
    assert_eq!(points, whole.min(MOUNTS));

    // A capture replays as the host does.
    let captured = capture::capture(&Root::captured(&host), &copy).unwrap();
    assert!(captured.unreadable.iter().any(|(file, _)| file.ends_with("1/mountinfo")));
    let replayed = replay(&copy, &request);
    assert_eq!(replayed.filesystem, answer.filesystem);
    let (status, error) = report(&replayed, Family::Filesystem);
    assert_eq!(status, Status::Partial, "{error}");
    assert!(error.contains("longer than 4194304 bytes: the rest is left out"), "{error}");
}

#[test]
fn processes_are_read_captured_and_named_up_to_their_limits() {
    const PROCESSES: u32 = 65_536;
    let dir = tempfile::tempdir().unwrap();
    let (host, copy) = (dir.path().join("host"), dir.path().join("copy"));
    many_cores::write(&host);
    // 1 has no stat, 2 is there: they and the others are one more than the limit.
    for pid in 3..=PROCESSES + 2 {
        symlink("2", host.join(format!("proc/{pid}"))).unwrap();
    }
    let request = GetMetricsRequest { top_processes: MAX_TOP_PROCESSES + 1, ..everything() };
    let answer = replay(&host, &request);
    let (status, error) = report(&answer, Family::Processes);
    assert_eq!((status, error), (Status::Partial, "more than 65536 processes"));
    let processes = answer.processes.unwrap();
    assert_eq!(processes.top.len(), MAX_TOP_PROCESSES as usize);
    assert_eq!(processes.sleeping, PROCESSES - 1);

    let captured = capture::capture(&Root::captured(&host), &copy).unwrap();
    let copied = captured.files.iter().filter(|(file, _)| file.ends_with("stat"));
    // Less the one that has no stat, and with the machine's own.
    assert_eq!(copied.count(), capture::MAX_PROCESSES - 1 + 1);
}
