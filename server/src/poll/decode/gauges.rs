//! Host-wide values: gauges in the unit of their column, counters as they are. What the wire does
//! not hold stays unknown.

use roundsman_proto::v1;

use super::tables::MAX_TASKS;
use crate::model::{Column, Counter, Counters, Facts, Values};

/// One value as it is kept: exact to 2^53, as `Kind::Whole` says.
#[expect(clippy::cast_precision_loss, reason = "a column is exact to 2^53")]
fn number(value: u64) -> f64 {
    value as f64
}

/// Every column that the wire holds as it is; what follows from several values is for `rates`. What
/// cannot be is unknown: more than a column's unit allows (`Values::set` sees to that), more tasks
/// than a kernel has, a part larger than its whole. `page_size_bytes` is 0 where it is unknown.
pub(super) fn gauges(wire: &v1::Snapshot, facts: &Facts, page_size_bytes: u32) -> Values<Column> {
    let mut values = Values::default();
    values.set(Column::CpusOnline, facts.cpus.map(f64::from));
    if let Some(load) = &wire.load {
        set_load(&mut values, load);
    }
    if let Some(memory) = &wire.memory {
        set_memory(&mut values, memory);
    }
    if let Some(system) = &wire.system {
        set_system(&mut values, system);
    }
    if let Some(pressure) = &wire.pressure {
        set_pressure(&mut values, pressure);
    }
    if let Some(sockets) = &wire.sockets {
        let read = wire.reports.iter().find(|report| report.family() == v1::Family::Sockets);
        let in_full = read.is_none_or(|report| report.status() == v1::Status::Ok);
        set_sockets(&mut values, sockets, in_full, page_size_bytes);
    }
    if let Some(processes) = &wire.processes {
        set_processes(&mut values, processes);
    }
    values
}

/// A number of tasks, or their mean.
fn tasks(value: Option<f64>) -> Option<f64> {
    value.filter(|tasks| *tasks <= f64::from(MAX_TASKS))
}

/// A part of a whole that is no larger than it; where one of both is wrong, the part is unknown.
fn part(part: Option<u64>, whole: Option<u64>) -> Option<u64> {
    part.filter(|part| whole.is_none_or(|whole| *part <= whole))
}

fn set_load(values: &mut Values<Column>, load: &v1::Load) {
    let hundredths = |value: Option<u32>| tasks(value.map(|v| f64::from(v) / 100.0));
    values.set(Column::Load1, hundredths(load.load1_hundredths));
    values.set(Column::Load5, hundredths(load.load5_hundredths));
    values.set(Column::Load15, hundredths(load.load15_hundredths));
    values.set(Column::LoadRunnableTasks, tasks(load.runnable_tasks.map(f64::from)));
    values.set(Column::LoadTotalTasks, tasks(load.total_tasks.map(f64::from)));
}

fn set_memory(values: &mut Values<Column>, m: &v1::Memory) {
    let kib = [
        (Column::MemTotalBytes, m.total_kib),
        (Column::MemFreeBytes, part(m.free_kib, m.total_kib)),
        (Column::MemAvailableBytes, part(m.available_kib, m.total_kib)),
        (Column::MemBuffersBytes, m.buffers_kib),
        (Column::MemCachedBytes, m.cached_kib),
        (Column::MemSwapCachedBytes, m.swap_cached_kib),
        (Column::MemActiveBytes, m.active_kib),
        (Column::MemInactiveBytes, m.inactive_kib),
        (Column::MemActiveAnonBytes, m.active_anon_kib),
        (Column::MemInactiveAnonBytes, m.inactive_anon_kib),
        (Column::MemActiveFileBytes, m.active_file_kib),
        (Column::MemInactiveFileBytes, m.inactive_file_kib),
        (Column::MemDirtyBytes, m.dirty_kib),
        (Column::MemWritebackBytes, m.writeback_kib),
        (Column::MemAnonPagesBytes, m.anon_pages_kib),
        (Column::MemMappedBytes, m.mapped_kib),
        (Column::MemKReclaimableBytes, m.k_reclaimable_kib),
        (Column::MemSReclaimableBytes, m.s_reclaimable_kib),
        (Column::MemSUnreclaimBytes, m.s_unreclaim_kib),
        (Column::MemShmemBytes, m.shmem_kib),
        (Column::MemSlabBytes, m.slab_kib),
        (Column::MemKernelStackBytes, m.kernel_stack_kib),
        (Column::MemPageTablesBytes, m.page_tables_kib),
        (Column::SwapTotalBytes, m.swap_total_kib),
        (Column::SwapFreeBytes, part(m.swap_free_kib, m.swap_total_kib)),
        (Column::MemCommitLimitBytes, m.commit_limit_kib),
        (Column::MemCommittedAsBytes, m.committed_as_kib),
        (Column::MemUnevictableBytes, m.unevictable_kib),
        (Column::MemMlockedBytes, m.mlocked_kib),
        (Column::MemAnonHugePagesBytes, m.anon_huge_pages_kib),
        (Column::HugePageSizeBytes, m.huge_page_size_kib),
        (Column::MemHardwareCorruptedBytes, m.hardware_corrupted_kib),
    ];
    for (column, value) in kib {
        values.set(column, value.map(|kib| number(kib) * 1024.0));
    }
    values.set(Column::HugePagesTotal, m.huge_pages_total.map(number));
    let free = part(m.huge_pages_free, m.huge_pages_total);
    values.set(Column::HugePagesFree, free.map(number));
    values.set(Column::HugePagesReserved, m.huge_pages_reserved.map(number));
    values.set(Column::HugePagesSurplus, m.huge_pages_surplus.map(number));
}

fn set_system(values: &mut Values<Column>, system: &v1::System) {
    values.set(Column::BootTimeS, system.boot_time_s.map(number));
    values.set(Column::ProcsRunning, tasks(system.procs_running.map(number)));
    values.set(Column::ProcsBlocked, tasks(system.procs_blocked.map(number)));
    values.set(Column::FileHandles, system.file_handles.map(number));
    values.set(Column::FileHandlesMax, system.file_handles_max.map(number));
    values.set(Column::EntropyBits, system.entropy_bits.map(number));
}

fn set_pressure(values: &mut Values<Column>, p: &v1::Pressure) {
    let averages = [
        (Column::PressureCpuSomeAvg10Pct, &p.cpu_some),
        (Column::PressureCpuFullAvg10Pct, &p.cpu_full),
        (Column::PressureMemorySomeAvg10Pct, &p.memory_some),
        (Column::PressureMemoryFullAvg10Pct, &p.memory_full),
        (Column::PressureIoSomeAvg10Pct, &p.io_some),
        (Column::PressureIoFullAvg10Pct, &p.io_full),
        (Column::PressureIrqFullAvg10Pct, &p.irq_full),
    ];
    for (column, stall) in averages {
        let share = stall.as_ref().map(|stall| f64::from(stall.avg10_hundredths) / 100.0);
        values.set(column, share.filter(|share| *share <= 100.0));
    }
}

/// Without `in_full` a figure of IPv6 that is not there may only not have been read.
fn set_sockets(values: &mut Values<Column>, s: &v1::Sockets, in_full: bool, page_size_bytes: u32) {
    // /proc/net/sockstat counts the sockets of IPv4; a kernel without IPv6 has no others.
    let both = |v4: Option<u64>, v6: Option<u64>| v4?.checked_add(v6.or(in_full.then_some(0))?);
    let counts = [
        (Column::SocketsUsed, s.used),
        (Column::TcpInUse, both(s.tcp_in_use, s.tcp6_in_use)),
        (Column::TcpOrphan, s.tcp_orphan),
        (Column::TcpTimeWait, s.tcp_time_wait),
        (Column::TcpAllocated, s.tcp_allocated),
        (Column::UdpInUse, both(s.udp_in_use, s.udp6_in_use)),
        (Column::Tcp6InUse, s.tcp6_in_use),
        (Column::Udp6InUse, s.udp6_in_use),
        (Column::TcpEstablished, s.tcp_established),
    ];
    for (column, value) in counts {
        values.set(column, value.map(number));
    }
    // A page of 0 bytes is a page of unknown size.
    let page = (page_size_bytes > 0).then_some(f64::from(page_size_bytes));
    let bytes = |pages: Option<u64>| Some(number(pages?) * page?);
    values.set(Column::TcpMemoryBytes, bytes(s.tcp_memory_pages));
    values.set(Column::UdpMemoryBytes, bytes(s.udp_memory_pages));
}

fn set_processes(values: &mut Values<Column>, p: &v1::Processes) {
    let counts = [
        (Column::ProcessesRunning, p.running),
        (Column::ProcessesSleeping, p.sleeping),
        (Column::ProcessesUninterruptible, p.uninterruptible),
        (Column::ProcessesZombie, p.zombie),
        (Column::ProcessesStopped, p.stopped),
        (Column::ProcessesIdle, p.idle),
        (Column::ProcessesOther, p.other),
        (Column::Threads, p.threads),
    ];
    for (column, value) in counts {
        values.set(column, tasks(Some(f64::from(value))));
    }
}

/// Every host-wide counter, raw.
pub(super) fn counters(wire: &v1::Snapshot) -> Counters {
    let mut counters = Counters::default();
    if let Some(cost) = &wire.cost {
        let cpu_us = cost.cpu_user_us.saturating_add(cost.cpu_system_us);
        counters.set(Counter::ProbeCpuUs, Some(cpu_us));
    }
    if let Some(system) = &wire.system {
        counters.set(Counter::ContextSwitches, system.context_switches);
        counters.set(Counter::Interrupts, system.interrupts);
        counters.set(Counter::Softirqs, system.softirqs);
        counters.set(Counter::Forks, system.forks);
    }
    if let Some(pressure) = &wire.pressure {
        count_pressure(&mut counters, pressure);
    }
    if let Some(vmstat) = &wire.vmstat {
        count_vmstat(&mut counters, vmstat);
    }
    if let Some(sockets) = &wire.sockets {
        count_sockets(&mut counters, sockets);
    }
    counters
}

fn count_pressure(counters: &mut Counters, p: &v1::Pressure) {
    let totals = [
        (Counter::PressureCpuSomeUs, &p.cpu_some),
        (Counter::PressureCpuFullUs, &p.cpu_full),
        (Counter::PressureMemorySomeUs, &p.memory_some),
        (Counter::PressureMemoryFullUs, &p.memory_full),
        (Counter::PressureIoSomeUs, &p.io_some),
        (Counter::PressureIoFullUs, &p.io_full),
        (Counter::PressureIrqFullUs, &p.irq_full),
    ];
    for (counter, stall) in totals {
        counters.set(counter, stall.as_ref().map(|stall| stall.total_us));
    }
}

fn count_vmstat(counters: &mut Counters, v: &v1::Vmstat) {
    let values = [
        (Counter::PageFaults, v.page_faults),
        (Counter::MajorPageFaults, v.major_page_faults),
        (Counter::PagedInKib, v.paged_in_kib),
        (Counter::PagedOutKib, v.paged_out_kib),
        (Counter::SwappedInPages, v.swapped_in_pages),
        (Counter::SwappedOutPages, v.swapped_out_pages),
        (Counter::ScannedKswapdPages, v.scanned_kswapd_pages),
        (Counter::ScannedDirectPages, v.scanned_direct_pages),
        (Counter::StolenKswapdPages, v.stolen_kswapd_pages),
        (Counter::StolenDirectPages, v.stolen_direct_pages),
        (Counter::AllocationStalls, v.allocation_stalls),
        (Counter::CompactionStalls, v.compaction_stalls),
        (Counter::OomKills, v.oom_kills),
        (Counter::RefaultsAnonPages, v.refaults_anon_pages),
        (Counter::RefaultsFilePages, v.refaults_file_pages),
    ];
    for (counter, value) in values {
        counters.set(counter, value);
    }
}

fn count_sockets(counters: &mut Counters, s: &v1::Sockets) {
    let values = [
        (Counter::TcpActiveOpens, s.tcp_active_opens),
        (Counter::TcpPassiveOpens, s.tcp_passive_opens),
        (Counter::TcpAttemptFails, s.tcp_attempt_fails),
        (Counter::TcpEstablishedResets, s.tcp_established_resets),
        (Counter::TcpInSegments, s.tcp_in_segments),
        (Counter::TcpOutSegments, s.tcp_out_segments),
        (Counter::TcpRetransmittedSegments, s.tcp_retransmitted_segments),
        (Counter::TcpInErrors, s.tcp_in_errors),
        (Counter::TcpOutResets, s.tcp_out_resets),
        (Counter::UdpInDatagrams, s.udp_in_datagrams),
        (Counter::UdpOutDatagrams, s.udp_out_datagrams),
        (Counter::UdpNoPorts, s.udp_no_ports),
        (Counter::UdpInErrors, s.udp_in_errors),
        (Counter::UdpReceiveBufferErrors, s.udp_receive_buffer_errors),
        (Counter::UdpSendBufferErrors, s.udp_send_buffer_errors),
        (Counter::Udp6InDatagrams, s.udp6_in_datagrams),
        (Counter::Udp6OutDatagrams, s.udp6_out_datagrams),
        (Counter::Udp6NoPorts, s.udp6_no_ports),
        (Counter::Udp6InErrors, s.udp6_in_errors),
        (Counter::Udp6ReceiveBufferErrors, s.udp6_receive_buffer_errors),
        (Counter::Udp6SendBufferErrors, s.udp6_send_buffer_errors),
        (Counter::TcpListenOverflows, s.tcp_listen_overflows),
        (Counter::TcpListenDrops, s.tcp_listen_drops),
        (Counter::TcpTimeouts, s.tcp_timeouts),
        (Counter::TcpSynRetransmits, s.tcp_syn_retransmits),
    ];
    for (counter, value) in values {
        counters.set(counter, value);
    }
}
