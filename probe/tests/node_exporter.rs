//! What another program reads out of the same files: node_exporter's own test machine, and the answer
//! that its test of that machine expects.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod fixture;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use fixture::{everything, replay, tree};
use roundsman_proto::v1::{
    Cores, Disk, Family, GetMetricsRequest, PressureStall, Snapshot, Softirq,
};

/// Values by node_exporter's name and labels, in its units.
type Values = BTreeMap<String, f64>;

/// A name, and what it has where it has something.
type Named<'a, T> = &'a [(&'a str, Option<T>)];

/// A column of a table by its label, and what its numbers are divided by.
type Labelled<'a> = &'a [(&'a str, &'a [u64], f64)];

#[test]
fn what_node_exporter_reads_is_read_alike() {
    let tree = tree("node-exporter");
    let mut ours = as_node_exporter(&replay(&tree, &everything()));
    disks_of_each_width(&mut ours, &tree);
    let expected = fs::read_to_string(tree.join("e2e-output.txt")).unwrap();
    let mut compared = 0;
    let mut differences = Vec::new();
    for line in expected.lines() {
        let (key, value) = line.rsplit_once(' ').unwrap();
        let value: f64 = value.parse().unwrap();
        let own = ours.get(key);
        compared += 1;
        // Both are whole numbers of a smaller unit, and divided in another way.
        if own.is_none_or(|own| (own - value).abs() > value.abs() * 1e-12) {
            differences.push(format!("{line}: {own:?}"));
        }
    }
    assert!(differences.is_empty(), "{differences:#?}");
    assert_eq!(compared, 374);
}

fn as_node_exporter(answer: &Snapshot) -> Values {
    let mut values = Values::new();
    cores(&mut values, answer.cpu.as_ref().unwrap().cores.as_ref().unwrap());
    softirqs(&mut values, answer.softirq.as_ref().unwrap());
    single(&mut values, answer);
    memory(&mut values, answer);
    sockets(&mut values, answer);
    values
}

/// Adds the rows of a table whose keys are `keys`, as labels.
fn rows(values: &mut Values, keys: &[String], columns: Labelled<'_>) {
    for (name, column, divisor) in columns {
        for (key, value) in keys.iter().zip(*column) {
            values.insert(name.replace('*', key), *value as f64 / divisor);
        }
    }
}

fn all<T: Copy + Into<u64>>(values: &mut Values, prefix: &str, scale: f64, named: Named<'_, T>) {
    for (name, value) in named {
        if let Some(value) = value {
            let number: u64 = (*value).into();
            values.insert(format!("{prefix}{name}"), number as f64 * scale);
        }
    }
}

fn cores(values: &mut Values, cores: &Cores) {
    let keys: Vec<String> = cores.core.iter().map(u32::to_string).collect();
    // Guests are in user and in nice for both programs.
    let columns: [(&str, &[u64]); 10] = [
        ("node_cpu_seconds_total{cpu=\"*\",mode=\"user\"}", &cores.user),
        ("node_cpu_seconds_total{cpu=\"*\",mode=\"nice\"}", &cores.nice),
        ("node_cpu_seconds_total{cpu=\"*\",mode=\"system\"}", &cores.system),
        ("node_cpu_seconds_total{cpu=\"*\",mode=\"idle\"}", &cores.idle),
        ("node_cpu_seconds_total{cpu=\"*\",mode=\"iowait\"}", &cores.iowait),
        ("node_cpu_seconds_total{cpu=\"*\",mode=\"irq\"}", &cores.irq),
        ("node_cpu_seconds_total{cpu=\"*\",mode=\"softirq\"}", &cores.softirq),
        ("node_cpu_seconds_total{cpu=\"*\",mode=\"steal\"}", &cores.steal),
        ("node_cpu_guest_seconds_total{cpu=\"*\",mode=\"user\"}", &cores.guest),
        ("node_cpu_guest_seconds_total{cpu=\"*\",mode=\"nice\"}", &cores.guest_nice),
    ];
    rows(values, &keys, &columns.map(|(name, column)| (name, column, 100.0)));
}

fn softirqs(values: &mut Values, table: &Softirq) {
    let keys: Vec<String> = table.core.iter().map(u32::to_string).collect();
    let columns: [(&str, &[u64]); 10] = [
        ("HI", &table.hi),
        ("TIMER", &table.timer),
        ("NET_TX", &table.net_tx),
        ("NET_RX", &table.net_rx),
        ("BLOCK", &table.block),
        ("IRQ_POLL", &table.irq_poll),
        ("TASKLET", &table.tasklet),
        ("SCHED", &table.sched),
        ("HRTIMER", &table.hrtimer),
        ("RCU", &table.rcu),
    ];
    for (vector, column) in columns {
        let name = format!("node_softirqs_functions_total{{cpu=\"*\",type=\"{vector}\"}}");
        rows(values, &keys, &[(&name, column, 1.0)]);
    }
}

/// Its devices are of three kernels. A kernel prints lines of one width, and in a table of several
/// the narrowest decides which columns there are.
fn disks_of_each_width(values: &mut Values, tree: &Path) {
    let all = fs::read_to_string(tree.join("proc/diskstats")).unwrap();
    let width = |line: &str| line.split_whitespace().count();
    let request = GetMetricsRequest { families: vec![Family::Disk.into()], ..everything() };
    for wanted in all.lines().map(width).collect::<BTreeSet<usize>>() {
        let of_one = tempfile::tempdir().unwrap();
        let proc = of_one.path().join("proc");
        fs::create_dir_all(&proc).unwrap();
        fs::copy(tree.join("proc/captured.json"), proc.join("captured.json")).unwrap();
        let lines: Vec<&str> = all.lines().filter(|line| width(line) == wanted).collect();
        fs::write(proc.join("diskstats"), lines.join("\n") + "\n").unwrap();
        disks(values, replay(of_one.path(), &request).disk.as_ref().unwrap());
    }
}

fn disks(values: &mut Values, table: &Disk) {
    // Sectors are of 512 bytes.
    let columns: [(&str, &[u64], f64); 17] = [
        ("reads_completed_total", &table.reads, 1.0),
        ("reads_merged_total", &table.reads_merged, 1.0),
        ("read_bytes_total", &table.read_sectors, 1.0 / 512.0),
        ("read_time_seconds_total", &table.read_ms, 1e3),
        ("writes_completed_total", &table.writes, 1.0),
        ("writes_merged_total", &table.writes_merged, 1.0),
        ("written_bytes_total", &table.written_sectors, 1.0 / 512.0),
        ("write_time_seconds_total", &table.write_ms, 1e3),
        ("io_now", &table.in_flight, 1.0),
        ("io_time_seconds_total", &table.io_ms, 1e3),
        ("io_time_weighted_seconds_total", &table.weighted_io_ms, 1e3),
        ("discards_completed_total", &table.discards, 1.0),
        ("discards_merged_total", &table.discards_merged, 1.0),
        ("discarded_sectors_total", &table.discarded_sectors, 1.0),
        ("discard_time_seconds_total", &table.discard_ms, 1e3),
        ("flush_requests_total", &table.flushes, 1.0),
        ("flush_requests_time_seconds_total", &table.flush_ms, 1e3),
    ];
    for (name, column, divisor) in columns {
        let name = format!("node_disk_{name}{{device=\"*\"}}");
        rows(values, &table.device, &[(&name, column, divisor)]);
    }
}

fn single(values: &mut Values, answer: &Snapshot) {
    let load = answer.load.as_ref().unwrap();
    let loads = [
        ("1", load.load1_hundredths),
        ("5", load.load5_hundredths),
        ("15", load.load15_hundredths),
    ];
    all(values, "node_load", 0.01, &loads);
    let system = answer.system.as_ref().unwrap();
    let named = [
        ("boot_time_seconds", system.boot_time_s),
        ("context_switches_total", system.context_switches),
        ("intr_total", system.interrupts),
        ("forks_total", system.forks),
        ("procs_running", system.procs_running),
        ("procs_blocked", system.procs_blocked),
        ("filefd_allocated", system.file_handles),
        ("filefd_maximum", system.file_handles_max),
        ("entropy_available_bits", system.entropy_bits),
    ];
    all(values, "node_", 1.0, &named);
    let pressure = answer.pressure.as_ref().unwrap();
    let stalled = |stall: &Option<PressureStall>| stall.as_ref().map(|stall| stall.total_us);
    let named = [
        ("cpu_waiting", stalled(&pressure.cpu_some)),
        ("memory_waiting", stalled(&pressure.memory_some)),
        ("memory_stalled", stalled(&pressure.memory_full)),
        ("io_waiting", stalled(&pressure.io_some)),
        ("io_stalled", stalled(&pressure.io_full)),
        ("irq_stalled", stalled(&pressure.irq_full)),
    ];
    for (name, value) in named {
        all(values, "node_pressure_", 1e-6, &[(&format!("{name}_seconds_total"), value)]);
    }
    let vmstat = answer.vmstat.as_ref().unwrap();
    let named = [
        ("pgfault", vmstat.page_faults),
        ("pgmajfault", vmstat.major_page_faults),
        ("pgpgin", vmstat.paged_in_kib),
        ("pgpgout", vmstat.paged_out_kib),
        ("pswpin", vmstat.swapped_in_pages),
        ("pswpout", vmstat.swapped_out_pages),
        ("oom_kill", vmstat.oom_kills),
    ];
    all(values, "node_vmstat_", 1.0, &named);
    let processes = answer.processes.as_ref().unwrap();
    let named = [
        ("state{state=\"S\"}", Some(processes.sleeping)),
        ("state{state=\"I\"}", Some(processes.idle)),
        ("threads", Some(processes.threads)),
        ("pids", Some(processes.sleeping + processes.idle)),
    ];
    all(values, "node_processes_", 1.0, &named);
}

fn memory(values: &mut Values, answer: &Snapshot) {
    let memory = answer.memory.as_ref().unwrap();
    let named = [
        ("MemTotal_bytes", memory.total_kib),
        ("MemFree_bytes", memory.free_kib),
        ("Buffers_bytes", memory.buffers_kib),
        ("Cached_bytes", memory.cached_kib),
        ("SwapCached_bytes", memory.swap_cached_kib),
        ("Active_bytes", memory.active_kib),
        ("Inactive_bytes", memory.inactive_kib),
        ("Active_anon_bytes", memory.active_anon_kib),
        ("Inactive_anon_bytes", memory.inactive_anon_kib),
        ("Active_file_bytes", memory.active_file_kib),
        ("Inactive_file_bytes", memory.inactive_file_kib),
        ("Dirty_bytes", memory.dirty_kib),
        ("Writeback_bytes", memory.writeback_kib),
        ("AnonPages_bytes", memory.anon_pages_kib),
        ("Mapped_bytes", memory.mapped_kib),
        ("SReclaimable_bytes", memory.s_reclaimable_kib),
        ("SUnreclaim_bytes", memory.s_unreclaim_kib),
        ("Shmem_bytes", memory.shmem_kib),
        ("Slab_bytes", memory.slab_kib),
        ("KernelStack_bytes", memory.kernel_stack_kib),
        ("PageTables_bytes", memory.page_tables_kib),
        ("SwapTotal_bytes", memory.swap_total_kib),
        ("SwapFree_bytes", memory.swap_free_kib),
        ("CommitLimit_bytes", memory.commit_limit_kib),
        ("Committed_AS_bytes", memory.committed_as_kib),
        ("Unevictable_bytes", memory.unevictable_kib),
        ("Mlocked_bytes", memory.mlocked_kib),
        ("AnonHugePages_bytes", memory.anon_huge_pages_kib),
        ("HardwareCorrupted_bytes", memory.hardware_corrupted_kib),
        ("Hugepagesize_bytes", memory.huge_page_size_kib),
    ];
    all(values, "node_memory_", 1024.0, &named);
    let named = [
        ("Total", memory.huge_pages_total),
        ("Free", memory.huge_pages_free),
        ("Rsvd", memory.huge_pages_reserved),
        ("Surp", memory.huge_pages_surplus),
    ];
    all(values, "node_memory_HugePages_", 1.0, &named);
}

fn sockets(values: &mut Values, answer: &Snapshot) {
    let sockets = answer.sockets.as_ref().unwrap();
    let pages = |pages: Option<u64>| pages.map(|pages| pages * 4096);
    let named = [
        ("sockstat_sockets_used", sockets.used),
        ("sockstat_TCP_inuse", sockets.tcp_in_use),
        ("sockstat_TCP_orphan", sockets.tcp_orphan),
        ("sockstat_TCP_tw", sockets.tcp_time_wait),
        ("sockstat_TCP_alloc", sockets.tcp_allocated),
        ("sockstat_TCP_mem", sockets.tcp_memory_pages),
        ("sockstat_TCP_mem_bytes", pages(sockets.tcp_memory_pages)),
        ("sockstat_UDP_inuse", sockets.udp_in_use),
        ("sockstat_UDP_mem", sockets.udp_memory_pages),
        ("sockstat_UDP_mem_bytes", pages(sockets.udp_memory_pages)),
        ("sockstat_TCP6_inuse", sockets.tcp6_in_use),
        ("sockstat_UDP6_inuse", sockets.udp6_in_use),
        ("netstat_Tcp_CurrEstab", sockets.tcp_established),
        ("netstat_Tcp_ActiveOpens", sockets.tcp_active_opens),
        ("netstat_Tcp_PassiveOpens", sockets.tcp_passive_opens),
        ("netstat_Tcp_InSegs", sockets.tcp_in_segments),
        ("netstat_Tcp_OutSegs", sockets.tcp_out_segments),
        ("netstat_Tcp_RetransSegs", sockets.tcp_retransmitted_segments),
        ("netstat_Tcp_InErrs", sockets.tcp_in_errors),
        ("netstat_Tcp_OutRsts", sockets.tcp_out_resets),
        ("netstat_Udp_InDatagrams", sockets.udp_in_datagrams),
        ("netstat_Udp_OutDatagrams", sockets.udp_out_datagrams),
        ("netstat_Udp_NoPorts", sockets.udp_no_ports),
        ("netstat_Udp_InErrors", sockets.udp_in_errors),
        ("netstat_Udp_RcvbufErrors", sockets.udp_receive_buffer_errors),
        ("netstat_Udp_SndbufErrors", sockets.udp_send_buffer_errors),
        ("netstat_Udp6_InDatagrams", sockets.udp6_in_datagrams),
        ("netstat_Udp6_OutDatagrams", sockets.udp6_out_datagrams),
        ("netstat_Udp6_NoPorts", sockets.udp6_no_ports),
        ("netstat_Udp6_InErrors", sockets.udp6_in_errors),
        ("netstat_Udp6_RcvbufErrors", sockets.udp6_receive_buffer_errors),
        ("netstat_Udp6_SndbufErrors", sockets.udp6_send_buffer_errors),
        ("netstat_TcpExt_ListenOverflows", sockets.tcp_listen_overflows),
        ("netstat_TcpExt_ListenDrops", sockets.tcp_listen_drops),
        ("netstat_TcpExt_TCPTimeouts", sockets.tcp_timeouts),
        ("nf_conntrack_entries_limit", sockets.conntrack_limit),
    ];
    all(values, "node_", 1.0, &named);
}
