//! The numbers are right: one answer of this machine against the same values read by other means.
//!
//! Counters only grow, so each is read before and after the answer, and the answer must lie between
//! the two, exactly. Values that do not change must be equal. Gauges that others move meanwhile have
//! a tolerance, said where it is used.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

mod fixture;

use std::{collections::HashMap, fs, net::UdpSocket, process::Command};

use fixture::{everything, in_time};
use roundsman_probe::{
    collect::{Clocks, Collector, Wanted},
    root::Root,
};
use roundsman_proto::v1::{self, Status};

/// Share of all memory that other programs (the compiler, beside this test) may take or give back
/// between two readings some milliseconds apart.
const MEMORY_SHARE: f64 = 0.10;
/// Space that other programs may write or delete meanwhile, bytes.
const SPACE_BYTES: u64 = 1 << 30;

fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let output = output.unwrap_or_else(|error| panic!("this test needs {program}: {error}"));
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// The numbers of a line that begins with `key` and a space or colon.
fn row(file: &str, key: &str) -> Vec<u64> {
    let text = fs::read_to_string(file).unwrap();
    let line = text
        .lines()
        .find_map(|line| line.trim().strip_prefix(key)?.strip_prefix([' ', ':', '\t']))
        .unwrap_or_else(|| panic!("{file} has no {key}"));
    line.split_whitespace().map_while(|word| word.parse().ok()).collect()
}

/// A column of a "Tcp:" pair of lines, by its name.
fn snmp(protocol: &str, name: &str) -> u64 {
    let text = fs::read_to_string("/proc/1/net/snmp").unwrap();
    let mut lines = text.lines().filter_map(|line| line.strip_prefix(protocol)?.strip_prefix(": "));
    let names: Vec<&str> = lines.next().unwrap().split(' ').collect();
    let values: Vec<&str> = lines.next().unwrap().split(' ').collect();
    values[names.iter().position(|found| *found == name).unwrap()].parse().unwrap()
}

/// Everything read by other means, by a name of our own.
fn reading() -> HashMap<&'static str, u64> {
    let mut all = HashMap::new();
    let cpu = row("/proc/stat", "cpu");
    for (name, column) in [("user", 0), ("nice", 1), ("system", 2), ("irq", 5), ("softirq", 6)] {
        all.insert(name, cpu[column]);
    }
    all.insert("core 0 user", row("/proc/stat", "cpu0")[0]);
    for key in ["ctxt", "intr", "processes", "btime"] {
        all.insert(key, row("/proc/stat", key)[0]);
    }
    for key in ["pgfault", "pgpgin", "pgpgout"] {
        all.insert(key, row("/proc/vmstat", key)[0]);
    }
    for key in ["TIMER", "RCU", "SCHED"] {
        all.insert(key, row("/proc/softirqs", key)[0]);
    }
    all.insert("InSegs", snmp("Tcp", "InSegs"));
    all.insert("ActiveOpens", snmp("Tcp", "ActiveOpens"));
    all.insert("InDatagrams", snmp("Udp", "InDatagrams"));
    for name in ["Udp6InDatagrams", "Udp6OutDatagrams", "Udp6NoPorts", "Udp6RcvbufErrors"] {
        all.insert(name, row("/proc/1/net/snmp6", name)[0]);
    }
    all
}

fn answered(answer: &v1::Snapshot) -> HashMap<&'static str, Option<u64>> {
    let cpu = answer.cpu.as_ref().unwrap();
    let total = cpu.total.unwrap();
    let system = answer.system.unwrap();
    let vmstat = answer.vmstat.unwrap();
    let softirq = answer.softirq.as_ref().unwrap();
    let sockets = answer.sockets.unwrap();
    HashMap::from([
        ("user", total.user),
        ("nice", total.nice),
        ("system", total.system),
        ("irq", total.irq),
        ("softirq", total.softirq),
        ("core 0 user", Some(cpu.cores.as_ref().unwrap().user[0])),
        ("ctxt", system.context_switches),
        ("intr", system.interrupts),
        ("processes", system.forks),
        ("btime", system.boot_time_s),
        ("pgfault", vmstat.page_faults),
        ("pgpgin", vmstat.paged_in_kib),
        ("pgpgout", vmstat.paged_out_kib),
        ("TIMER", Some(softirq.timer[0])),
        ("RCU", Some(softirq.rcu[0])),
        ("SCHED", Some(softirq.sched[0])),
        ("InSegs", sockets.tcp_in_segments),
        ("ActiveOpens", sockets.tcp_active_opens),
        ("InDatagrams", sockets.udp_in_datagrams),
        ("Udp6InDatagrams", sockets.udp6_in_datagrams),
        ("Udp6OutDatagrams", sockets.udp6_out_datagrams),
        ("Udp6NoPorts", sockets.udp6_no_ports),
        ("Udp6RcvbufErrors", sockets.udp6_receive_buffer_errors),
    ])
}

fn answer() -> v1::Snapshot {
    let wanted = Wanted::new(&everything()).unwrap();
    Collector::new(Root::default()).collect(&wanted, Clocks::now(), in_time())
}

#[test]
fn counters_lie_between_two_readings() {
    let before = reading();
    let answer = answered(&answer());
    let after = reading();
    assert_eq!(before.len(), answer.len());
    for (name, value) in answer {
        let value = value.unwrap_or_else(|| panic!("{name} is absent"));
        let (first, last) = (before[name], after[name]);
        assert!(first <= value && value <= last, "{name}: {value} is not in {first}..={last}");
    }
}

/// The kernel counts UDP of each family in a file of its own. Others may send meanwhile, so each
/// grows by what was sent here, or more.
#[test]
fn datagrams_of_both_families_are_counted() {
    const DATAGRAMS: u64 = 50;
    let sockets = || answer().sockets.unwrap();
    let before = sockets();
    for address in ["127.0.0.1:0", "[::1]:0"] {
        let receiver = UdpSocket::bind(address).unwrap();
        let sender = UdpSocket::bind(address).unwrap();
        for _ in 0..DATAGRAMS {
            sender.send_to(b"x", receiver.local_addr().unwrap()).unwrap();
            // The kernel counts one when it is read.
            receiver.recv(&mut [0]).unwrap();
        }
    }
    let after = sockets();
    for (name, before, after) in [
        ("IPv4 in", before.udp_in_datagrams, after.udp_in_datagrams),
        ("IPv4 out", before.udp_out_datagrams, after.udp_out_datagrams),
        ("IPv6 in", before.udp6_in_datagrams, after.udp6_in_datagrams),
        ("IPv6 out", before.udp6_out_datagrams, after.udp6_out_datagrams),
    ] {
        let (before, after) = (before.unwrap(), after.unwrap());
        assert!(after >= before + DATAGRAMS, "{name}: {before} and {after}");
    }
}

#[test]
fn the_machine_is_what_its_tools_say() {
    let identity = answer().identity.unwrap();
    let number = |variable: &str| run("getconf", &[variable]).parse::<u32>().unwrap();
    assert_eq!(identity.page_size_bytes, number("PAGESIZE"));
    assert_eq!(identity.ticks_per_second, number("CLK_TCK"));
    assert_eq!(identity.cpus, Some(number("_NPROCESSORS_ONLN")));
    assert_eq!(identity.kernel, Some(run("uname", &["-r"])));
    assert_eq!(identity.architecture, Some(run("uname", &["-m"])));
    assert_eq!(identity.hostname, Some(run("uname", &["-n"])));
    let os = run("sh", &["-c", ". /etc/os-release && printf %s \"$PRETTY_NAME\""]);
    assert_eq!(identity.os, Some(os));
    assert_eq!(identity.boot_id, Some(run("cat", &["/proc/sys/kernel/random/boot_id"])));
    // A container may have none.
    let id = fs::read_to_string("/etc/machine-id").ok().map(|id| id.trim().to_owned());
    assert_eq!(identity.machine_id, id.filter(|id| id.len() == 32));
}

#[test]
fn the_clocks_are_those_of_date_and_uptime() {
    // uptime(1) cuts to hundredths of a second, so the first reading may only be lower.
    let uptime = || {
        let text = fs::read_to_string("/proc/uptime").unwrap();
        let seconds: f64 = text.split(' ').next().unwrap().parse().unwrap();
        seconds * 1e9
    };
    let date = || run("date", &["+%s%N"]).parse::<i64>().unwrap();
    let (first_uptime, first_date) = (uptime(), date());
    let clocks = answer().clocks.unwrap();
    let (last_uptime, last_date) = (uptime() + 1e7, date());
    assert!(first_date <= clocks.wall_ns && clocks.wall_ns <= last_date);
    let boottime = clocks.boottime_ns as f64;
    assert!(first_uptime <= boottime && boottime <= last_uptime, "{first_uptime} {boottime}");
}

#[test]
fn memory_is_that_of_meminfo() {
    let read = |key: &str| row("/proc/meminfo", key)[0];
    let before = ["MemFree", "MemAvailable", "Cached"].map(read);
    let memory = answer().memory.unwrap();
    let after = ["MemFree", "MemAvailable", "Cached"].map(read);
    assert_eq!(memory.total_kib, Some(read("MemTotal")));
    assert_eq!(memory.swap_total_kib, Some(read("SwapTotal")));
    assert_eq!(memory.huge_page_size_kib, Some(read("Hugepagesize")));
    let slack = memory.total_kib.unwrap() as f64 * MEMORY_SHARE;
    let ours = [memory.free_kib, memory.available_kib, memory.cached_kib];
    for ((ours, before), after) in ours.iter().zip(before).zip(after) {
        let ours = ours.unwrap() as f64;
        let (low, high) = (before.min(after) as f64 - slack, before.max(after) as f64 + slack);
        assert!(low <= ours && ours <= high, "{ours} is not in {low}..={high}");
    }
}

/// The averages change every five seconds: the answer's must be those of before or of after.
#[test]
fn load_is_that_of_loadavg() {
    let read = || {
        let text = fs::read_to_string("/proc/loadavg").unwrap();
        let words: Vec<u32> =
            text.split(' ').take(3).map(|word| word.replace('.', "").parse().unwrap()).collect();
        words
    };
    let before = read();
    let load = answer().load.unwrap();
    let after = read();
    let ours = [load.load1_hundredths, load.load5_hundredths, load.load15_hundredths];
    let ours: Vec<u32> = ours.iter().map(|load| load.unwrap()).collect();
    assert!(ours == before || ours == after, "{before:?} {ours:?} {after:?}");
}

#[test]
fn interfaces_are_those_of_ip() {
    let links = || -> Vec<serde_json::Value> {
        serde_json::from_str(&run("ip", &["-s", "-j", "link"])).unwrap()
    };
    let before = links();
    let network = answer().network.unwrap();
    let after = links();
    assert_eq!(network.interface.len(), before.len());
    for (row, name) in network.interface.iter().enumerate() {
        let find = |links: &[serde_json::Value], path: &str| {
            let link = links.iter().find(|link| link["ifname"] == name.as_str()).unwrap();
            link.pointer(&format!("/stats64/{path}")).unwrap().as_u64().unwrap()
        };
        for (path, column) in [
            ("rx/bytes", &network.rx_bytes),
            ("rx/packets", &network.rx_packets),
            ("rx/errors", &network.rx_errors),
            ("rx/multicast", &network.rx_multicast),
            ("tx/bytes", &network.tx_bytes),
            ("tx/packets", &network.tx_packets),
            ("tx/collisions", &network.tx_collisions),
        ] {
            let (first, last) = (find(&before, path), find(&after, path));
            let value = column[row];
            assert!(first <= value && value <= last, "{name} {path}: {first} {value} {last}");
        }
    }
}

#[test]
fn filesystems_are_those_of_df() {
    let table = answer().filesystem.unwrap();
    let root = table.mount_point.iter().position(|point| point == "/").unwrap();
    assert_eq!(table.status[root], Status::Ok as i32);
    for (row, point) in table.mount_point.iter().enumerate() {
        if table.status[row] != Status::Ok as i32 {
            continue;
        }
        let columns = "--output=size,avail,itotal,fstype";
        let text = run("df", &["--block-size=1", columns, point]);
        let words: Vec<&str> = text.lines().last().unwrap().split_whitespace().collect();
        let number = |at: usize| words[at].parse::<u64>().unwrap_or(0);
        let block = table.block_size_bytes[row];
        assert_eq!(table.blocks[row] * block, number(0), "{point}");
        let available = table.blocks_available[row] * block;
        assert!(available.abs_diff(number(1)) <= SPACE_BYTES, "{point}: {available} {}", number(1));
        assert_eq!(table.inodes[row], number(2), "{point}");
        // df calls ext2 to ext4 by one name.
        let ours = table.fs_type[row].replace("ext4", "ext").replace("ext3", "ext");
        assert!(
            words[3] == table.fs_type[row] || words[3].starts_with(&ours),
            "{point}: {words:?}"
        );
    }
}

#[test]
fn disks_are_those_of_sysfs() {
    // /sys/block/<disk>/stat is the kernel's other door to the same counters.
    let read = |device: &str| -> Option<Vec<u64>> {
        let text = fs::read_to_string(format!("/sys/class/block/{device}/stat")).ok()?;
        Some(text.split_whitespace().map(|word| word.parse().unwrap()).collect())
    };
    let names = answer().disk.unwrap().device;
    let before: Vec<_> = names.iter().map(|name| read(name)).collect();
    let disk = answer().disk.unwrap();
    assert_eq!(disk.device, names);
    for (row, name) in names.iter().enumerate() {
        let (Some(first), Some(last)) = (&before[row], read(name)) else {
            panic!("{name} is not in /sys/class/block");
        };
        for (column, values) in [
            (0, &disk.reads),
            (2, &disk.read_sectors),
            (4, &disk.writes),
            (6, &disk.written_sectors),
            (9, &disk.io_ms),
        ] {
            let value = values[row];
            assert!(
                first[column] <= value && value <= last[column],
                "{name} {column}: {} {value} {}",
                first[column],
                last[column]
            );
        }
    }
}

/// Between two readings a process can only appear by a fork, which the kernel counts: so many more
/// or fewer there may be, and no more.
#[test]
fn processes_are_those_of_proc() {
    let pids = || {
        let names = fs::read_dir("/proc").unwrap().map(|entry| entry.unwrap().file_name());
        names.filter(|name| name.to_str().unwrap().parse::<u32>().is_ok()).count() as u64
    };
    let forks = || row("/proc/stat", "processes")[0];
    let (first_forks, first) = (forks(), pids());
    let processes = answer().processes.unwrap();
    let (last, last_forks) = (pids(), forks());
    let ours = u64::from(
        processes.running
            + processes.sleeping
            + processes.uninterruptible
            + processes.zombie
            + processes.stopped
            + processes.idle
            + processes.other,
    );
    let forked = last_forks - first_forks;
    assert!(ours <= first + forked && last <= ours + forked, "{first} {ours} {last} {forked}");
    let largest = &processes.top[0];
    assert!(largest.user_ticks + largest.system_ticks > 0, "{largest:?}");
}
