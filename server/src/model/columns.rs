//! Every column that a poll can fill, once: name, unit, family and meaning.
//!
//! The names are those of the SQL columns, of the views and of the JSON; each carries its unit at
//! its end. A column is never filled with a guess: what is not known has no value, and NULL in SQL.

use std::{fmt, marker::PhantomData, sync::Arc};

use serde::{Deserialize, Serialize};

use super::Family;

/// Whether a column holds whole numbers or measured ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Whole, exact to 2^53; a BIGINT in SQL.
    Whole,
    /// Measured, kept to a thousandth of its unit.
    Real,
}

/// What one unit of a column means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// No unit.
    Number,
    /// A number of things.
    Count,
    /// 0 to 100.
    Percent,
    /// Bytes.
    Bytes,
    /// Bytes a second.
    BytesPerSecond,
    /// Events a second.
    PerSecond,
    /// Seconds.
    Seconds,
    /// Milliseconds.
    Milliseconds,
    /// Microseconds.
    Microseconds,
}

/// What there is to know about a column.
#[derive(Debug)]
pub struct ColumnSpec {
    /// Name in SQL and JSON.
    pub name: &'static str,
    /// Whole or measured.
    pub kind: Kind,
    /// Its unit.
    pub unit: Unit,
    /// The family it comes from.
    pub family: Family,
    /// What it means, in a line.
    pub doc: &'static str,
}

/// A closed list of columns of one table.
pub trait ColumnSet: Copy + 'static {
    /// Every column, in the order of the table.
    const ALL: &'static [Self];
    /// The texts that name a row, before its values. Empty for host-wide columns.
    const LABELS: &'static [&'static str];
    /// What there is to know about this column.
    fn spec(self) -> &'static ColumnSpec;
    /// Its position in [`ColumnSet::ALL`].
    fn index(self) -> usize;
}

macro_rules! columns {
    ($(#[doc = $enum_doc:literal])* $Enum:ident [$($label:literal),*] {
        $( $Variant:ident = $name:literal, $kind:ident, $unit:ident, $family:ident, $doc:literal; )*
    }) => {
        $(#[doc = $enum_doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $Enum { $( #[doc = $doc] $Variant, )* }

        impl ColumnSet for $Enum {
            const ALL: &'static [Self] = &[$( Self::$Variant, )*];
            const LABELS: &'static [&'static str] = &[$( $label, )*];

            fn spec(self) -> &'static ColumnSpec {
                const SPECS: &[ColumnSpec] = &[$( ColumnSpec {
                    name: $name,
                    kind: Kind::$kind,
                    unit: Unit::$unit,
                    family: Family::$family,
                    doc: $doc,
                }, )*];
                &SPECS[self as usize]
            }

            fn index(self) -> usize {
                self as usize
            }
        }
    };
}

/// One value per column of `C`, or none.
#[derive(Clone, PartialEq)]
pub struct Values<C> {
    cells: Box<[Option<f64>]>,
    set: PhantomData<C>,
}

impl<C: ColumnSet> Default for Values<C> {
    fn default() -> Self {
        Self { cells: vec![None; C::ALL.len()].into(), set: PhantomData }
    }
}

impl<C: ColumnSet> Values<C> {
    /// The value of a column; none is unknown.
    #[must_use]
    pub fn get(&self, column: C) -> Option<f64> {
        self.cells[column.index()]
    }

    /// Sets a column. A value that is not finite or is negative is no measurement and is kept as
    /// none; a measured one is rounded to a thousandth.
    pub fn set(&mut self, column: C, value: impl Into<Option<f64>>) {
        self.cells[column.index()] =
            value.into().filter(|v| v.is_finite() && *v >= 0.0).map(|v| match column.spec().kind {
                Kind::Whole => v.round(),
                Kind::Real => (v * 1000.0).round() / 1000.0,
            });
    }

    /// Every column with its value.
    pub fn iter(&self) -> impl Iterator<Item = (C, Option<f64>)> + '_ {
        C::ALL.iter().copied().zip(self.cells.iter().copied())
    }

    /// Takes over every value that `other` has.
    pub fn merge(&mut self, other: &Self) {
        for (cell, new) in self.cells.iter_mut().zip(&other.cells) {
            if new.is_some() {
                *cell = *new;
            }
        }
    }
}

impl<C: ColumnSet> fmt::Debug for Values<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = self.iter().filter_map(|(c, v)| Some((c.spec().name, v?)));
        f.debug_map().entries(known).finish()
    }
}

/// One row of something that repeats: the texts that name it, and its values.
#[derive(Debug, Clone, PartialEq)]
pub struct Row<C: ColumnSet> {
    /// One text per entry of [`ColumnSet::LABELS`].
    pub labels: Vec<Arc<str>>,
    /// Its values.
    pub values: Values<C>,
}

/// What repeats, of one poll. An empty list: the family was not read.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Detail {
    /// CPU shares per core.
    pub cores: Vec<Row<CoreColumn>>,
    /// Soft interrupts per core.
    pub softirqs: Vec<Row<SoftirqColumn>>,
    /// Per network interface.
    pub interfaces: Vec<Row<NetColumn>>,
    /// Per block device.
    pub disks: Vec<Row<DiskColumn>>,
    /// Per mounted filesystem.
    pub filesystems: Vec<Row<FilesystemColumn>>,
    /// Per named process.
    pub processes: Vec<Row<ProcessColumn>>,
}

columns! {
    /// Host-wide columns of a poll, in the order of the table `poll`.
    Column [] {
        Load1 = "load_1", Real, Number, Load, "Load average over 1 min";
        Load5 = "load_5", Real, Number, Load, "Load average over 5 min";
        Load15 = "load_15", Real, Number, Load, "Load average over 15 min";
        LoadRunnableTasks = "load_runnable_tasks", Whole, Count, Load, "Tasks runnable now";
        LoadTotalTasks = "load_total_tasks", Whole, Count, Load, "Tasks that exist";
        CpuBusyPct = "cpu_busy_pct", Real, Percent, Cpu, "Share of CPU time not idle, iowait or steal";
        CpuUserPct = "cpu_user_pct", Real, Percent, Cpu, "Share of CPU time in user code, guests included";
        CpuNicePct = "cpu_nice_pct", Real, Percent, Cpu, "Share of CPU time in niced user code";
        CpuSystemPct = "cpu_system_pct", Real, Percent, Cpu, "Share of CPU time in the kernel";
        CpuIdlePct = "cpu_idle_pct", Real, Percent, Cpu, "Share of CPU time in idling";
        CpuIowaitPct = "cpu_iowait_pct", Real, Percent, Cpu, "Share of CPU time in idling with I/O outstanding";
        CpuIrqPct = "cpu_irq_pct", Real, Percent, Cpu, "Share of CPU time in hard interrupts";
        CpuSoftirqPct = "cpu_softirq_pct", Real, Percent, Cpu, "Share of CPU time in soft interrupts";
        CpuStealPct = "cpu_steal_pct", Real, Percent, Cpu, "Share of CPU time in waiting for the hypervisor";
        CpuGuestPct = "cpu_guest_pct", Real, Percent, Cpu, "Share of CPU time in guests; also in user";
        CpuGuestNicePct = "cpu_guest_nice_pct", Real, Percent, Cpu, "Share of CPU time in niced guests; also in nice";
        CpusOnline = "cpus_online", Whole, Count, Cpu, "CPUs online";
        MemUsedPct = "mem_used_pct", Real, Percent, Memory, "Share of memory not available: (total - available) / total";
        MemTotalBytes = "mem_total_bytes", Whole, Bytes, Memory, "MemTotal";
        MemFreeBytes = "mem_free_bytes", Whole, Bytes, Memory, "MemFree";
        MemAvailableBytes = "mem_available_bytes", Whole, Bytes, Memory, "MemAvailable";
        MemBuffersBytes = "mem_buffers_bytes", Whole, Bytes, Memory, "Buffers";
        MemCachedBytes = "mem_cached_bytes", Whole, Bytes, Memory, "Cached";
        MemSwapCachedBytes = "mem_swap_cached_bytes", Whole, Bytes, Memory, "SwapCached";
        MemActiveBytes = "mem_active_bytes", Whole, Bytes, Memory, "Active";
        MemInactiveBytes = "mem_inactive_bytes", Whole, Bytes, Memory, "Inactive";
        MemActiveAnonBytes = "mem_active_anon_bytes", Whole, Bytes, Memory, "Active(anon)";
        MemInactiveAnonBytes = "mem_inactive_anon_bytes", Whole, Bytes, Memory, "Inactive(anon)";
        MemActiveFileBytes = "mem_active_file_bytes", Whole, Bytes, Memory, "Active(file)";
        MemInactiveFileBytes = "mem_inactive_file_bytes", Whole, Bytes, Memory, "Inactive(file)";
        MemDirtyBytes = "mem_dirty_bytes", Whole, Bytes, Memory, "Dirty";
        MemWritebackBytes = "mem_writeback_bytes", Whole, Bytes, Memory, "Writeback";
        MemAnonPagesBytes = "mem_anon_pages_bytes", Whole, Bytes, Memory, "AnonPages";
        MemMappedBytes = "mem_mapped_bytes", Whole, Bytes, Memory, "Mapped";
        MemKReclaimableBytes = "mem_k_reclaimable_bytes", Whole, Bytes, Memory, "KReclaimable";
        MemSReclaimableBytes = "mem_s_reclaimable_bytes", Whole, Bytes, Memory, "SReclaimable";
        MemSUnreclaimBytes = "mem_s_unreclaim_bytes", Whole, Bytes, Memory, "SUnreclaim";
        MemShmemBytes = "mem_shmem_bytes", Whole, Bytes, Memory, "Shmem";
        MemSlabBytes = "mem_slab_bytes", Whole, Bytes, Memory, "Slab";
        MemKernelStackBytes = "mem_kernel_stack_bytes", Whole, Bytes, Memory, "KernelStack";
        MemPageTablesBytes = "mem_page_tables_bytes", Whole, Bytes, Memory, "PageTables";
        MemCommitLimitBytes = "mem_commit_limit_bytes", Whole, Bytes, Memory, "CommitLimit";
        MemCommittedAsBytes = "mem_committed_as_bytes", Whole, Bytes, Memory, "Committed_AS";
        MemUnevictableBytes = "mem_unevictable_bytes", Whole, Bytes, Memory, "Unevictable";
        MemMlockedBytes = "mem_mlocked_bytes", Whole, Bytes, Memory, "Mlocked";
        MemAnonHugePagesBytes = "mem_anon_huge_pages_bytes", Whole, Bytes, Memory, "AnonHugePages";
        MemHardwareCorruptedBytes = "mem_hardware_corrupted_bytes", Whole, Bytes, Memory, "HardwareCorrupted";
        SwapTotalBytes = "swap_total_bytes", Whole, Bytes, Memory, "SwapTotal";
        SwapFreeBytes = "swap_free_bytes", Whole, Bytes, Memory, "SwapFree";
        SwapUsedPct = "swap_used_pct", Real, Percent, Memory, "Share of swap in use; unknown without swap";
        HugePagesTotal = "huge_pages_total", Whole, Count, Memory, "HugePages_Total";
        HugePagesFree = "huge_pages_free", Whole, Count, Memory, "HugePages_Free";
        HugePagesReserved = "huge_pages_reserved", Whole, Count, Memory, "HugePages_Rsvd";
        HugePagesSurplus = "huge_pages_surplus", Whole, Count, Memory, "HugePages_Surp";
        HugePageSizeBytes = "huge_page_size_bytes", Whole, Bytes, Memory, "Hugepagesize";
        NetRxBytesPerS = "net_rx_bytes_per_s", Real, BytesPerSecond, Network, "Bytes rx, sum of the physical interfaces";
        NetRxPacketsPerS = "net_rx_packets_per_s", Real, PerSecond, Network, "Packets rx, same sum";
        NetRxErrorsPerS = "net_rx_errors_per_s", Real, PerSecond, Network, "Errors rx, same sum";
        NetRxDroppedPerS = "net_rx_dropped_per_s", Real, PerSecond, Network, "Packets dropped rx, same sum";
        NetTxBytesPerS = "net_tx_bytes_per_s", Real, BytesPerSecond, Network, "Bytes tx, sum of the physical interfaces";
        NetTxPacketsPerS = "net_tx_packets_per_s", Real, PerSecond, Network, "Packets tx, same sum";
        NetTxErrorsPerS = "net_tx_errors_per_s", Real, PerSecond, Network, "Errors tx, same sum";
        NetTxDroppedPerS = "net_tx_dropped_per_s", Real, PerSecond, Network, "Packets dropped tx, same sum";
        DiskReadsPerS = "disk_reads_per_s", Real, PerSecond, Disk, "Reads completed, sum of the whole physical disks";
        DiskWritesPerS = "disk_writes_per_s", Real, PerSecond, Disk, "Writes completed, same sum";
        DiskReadBytesPerS = "disk_read_bytes_per_s", Real, BytesPerSecond, Disk, "Bytes read, same sum";
        DiskWrittenBytesPerS = "disk_written_bytes_per_s", Real, BytesPerSecond, Disk, "Bytes written, same sum";
        DiskBusyMaxPct = "disk_busy_max_pct", Real, Percent, Disk, "Busiest whole disk: share of time with a request in flight";
        FsUsedMaxPct = "fs_used_max_pct", Real, Percent, Filesystem, "Fullest filesystem, as df counts: used / (used + available)";
        FsInodesUsedMaxPct = "fs_inodes_used_max_pct", Real, Percent, Filesystem, "Filesystem with the fewest inodes left";
        FsMounts = "fs_mounts", Whole, Count, Filesystem, "Filesystems reported";
        FsHung = "fs_hung", Whole, Count, Filesystem, "Filesystems that do not answer";
        FsReadOnly = "fs_read_only", Whole, Count, Filesystem, "Filesystems mounted read-only";
        UptimeS = "uptime_s", Real, Seconds, System, "Time since boot, suspend included";
        BootTimeS = "boot_time_s", Whole, Seconds, System, "Boot, seconds since 1970";
        ContextSwitchesPerS = "context_switches_per_s", Real, PerSecond, System, "Context switches";
        InterruptsPerS = "interrupts_per_s", Real, PerSecond, System, "Hard interrupts served";
        SoftirqsPerS = "softirqs_per_s", Real, PerSecond, System, "Soft interrupts served";
        ForksPerS = "forks_per_s", Real, PerSecond, System, "Processes and threads made";
        ProcsRunning = "procs_running", Whole, Count, System, "Tasks running or runnable";
        ProcsBlocked = "procs_blocked", Whole, Count, System, "Tasks blocked on I/O";
        FileHandles = "file_handles", Whole, Count, System, "File handles in use";
        FileHandlesMax = "file_handles_max", Whole, Count, System, "File handles allowed";
        EntropyBits = "entropy_bits", Whole, Count, System, "Entropy available, bits";
        PressureCpuSomePct = "pressure_cpu_some_pct", Real, Percent, Pressure, "Share of time since the last poll in which some tasks waited for cpu";
        PressureCpuSomeAvg10Pct = "pressure_cpu_some_avg10_pct", Real, Percent, Pressure, "The kernel's own 10 s average of it";
        PressureCpuFullPct = "pressure_cpu_full_pct", Real, Percent, Pressure, "Share of time since the last poll in which all tasks waited for cpu";
        PressureCpuFullAvg10Pct = "pressure_cpu_full_avg10_pct", Real, Percent, Pressure, "The kernel's own 10 s average of it";
        PressureMemorySomePct = "pressure_memory_some_pct", Real, Percent, Pressure, "Share of time since the last poll in which some tasks waited for memory";
        PressureMemorySomeAvg10Pct = "pressure_memory_some_avg10_pct", Real, Percent, Pressure, "The kernel's own 10 s average of it";
        PressureMemoryFullPct = "pressure_memory_full_pct", Real, Percent, Pressure, "Share of time since the last poll in which all tasks waited for memory";
        PressureMemoryFullAvg10Pct = "pressure_memory_full_avg10_pct", Real, Percent, Pressure, "The kernel's own 10 s average of it";
        PressureIoSomePct = "pressure_io_some_pct", Real, Percent, Pressure, "Share of time since the last poll in which some tasks waited for io";
        PressureIoSomeAvg10Pct = "pressure_io_some_avg10_pct", Real, Percent, Pressure, "The kernel's own 10 s average of it";
        PressureIoFullPct = "pressure_io_full_pct", Real, Percent, Pressure, "Share of time since the last poll in which all tasks waited for io";
        PressureIoFullAvg10Pct = "pressure_io_full_avg10_pct", Real, Percent, Pressure, "The kernel's own 10 s average of it";
        PressureIrqFullPct = "pressure_irq_full_pct", Real, Percent, Pressure, "Share of time since the last poll lost to interrupts";
        PressureIrqFullAvg10Pct = "pressure_irq_full_avg10_pct", Real, Percent, Pressure, "The kernel's own 10 s average of it";
        PageFaultsPerS = "page_faults_per_s", Real, PerSecond, Vmstat, "Page faults";
        MajorPageFaultsPerS = "major_page_faults_per_s", Real, PerSecond, Vmstat, "Page faults that read from disk";
        PagedInBytesPerS = "paged_in_bytes_per_s", Real, BytesPerSecond, Vmstat, "Paged in from disk";
        PagedOutBytesPerS = "paged_out_bytes_per_s", Real, BytesPerSecond, Vmstat, "Paged out to disk";
        SwappedInPagesPerS = "swapped_in_pages_per_s", Real, PerSecond, Vmstat, "Pages swapped in";
        SwappedOutPagesPerS = "swapped_out_pages_per_s", Real, PerSecond, Vmstat, "Pages swapped out";
        ScannedKswapdPagesPerS = "scanned_kswapd_pages_per_s", Real, PerSecond, Vmstat, "Pages scanned by kswapd";
        ScannedDirectPagesPerS = "scanned_direct_pages_per_s", Real, PerSecond, Vmstat, "Pages scanned by direct reclaim";
        StolenKswapdPagesPerS = "stolen_kswapd_pages_per_s", Real, PerSecond, Vmstat, "Pages reclaimed by kswapd";
        StolenDirectPagesPerS = "stolen_direct_pages_per_s", Real, PerSecond, Vmstat, "Pages reclaimed directly";
        AllocationStallsPerS = "allocation_stalls_per_s", Real, PerSecond, Vmstat, "Allocations that had to reclaim";
        CompactionStallsPerS = "compaction_stalls_per_s", Real, PerSecond, Vmstat, "Allocations that had to compact";
        OomKillsPerS = "oom_kills_per_s", Real, PerSecond, Vmstat, "Processes killed for lack of memory";
        RefaultsAnonPagesPerS = "refaults_anon_pages_per_s", Real, PerSecond, Vmstat, "Anonymous pages wanted back soon after eviction";
        RefaultsFilePagesPerS = "refaults_file_pages_per_s", Real, PerSecond, Vmstat, "File pages wanted back soon after eviction";
        SocketsUsed = "sockets_used", Whole, Count, Sockets, "Sockets in use";
        TcpInUse = "tcp_in_use", Whole, Count, Sockets, "TCP sockets in use";
        TcpOrphan = "tcp_orphan", Whole, Count, Sockets, "TCP sockets without a process";
        TcpTimeWait = "tcp_time_wait", Whole, Count, Sockets, "TCP sockets in TIME_WAIT";
        TcpAllocated = "tcp_allocated", Whole, Count, Sockets, "TCP sockets allocated";
        TcpMemoryBytes = "tcp_memory_bytes", Whole, Bytes, Sockets, "Memory of TCP buffers";
        UdpInUse = "udp_in_use", Whole, Count, Sockets, "UDP sockets in use";
        UdpMemoryBytes = "udp_memory_bytes", Whole, Bytes, Sockets, "Memory of UDP buffers";
        Tcp6InUse = "tcp6_in_use", Whole, Count, Sockets, "TCP sockets over IPv6 in use";
        Udp6InUse = "udp6_in_use", Whole, Count, Sockets, "UDP sockets over IPv6 in use";
        TcpEstablished = "tcp_established", Whole, Count, Sockets, "TCP connections established";
        TcpActiveOpensPerS = "tcp_active_opens_per_s", Real, PerSecond, Sockets, "TCP connections opened";
        TcpPassiveOpensPerS = "tcp_passive_opens_per_s", Real, PerSecond, Sockets, "TCP connections accepted";
        TcpAttemptFailsPerS = "tcp_attempt_fails_per_s", Real, PerSecond, Sockets, "TCP connection attempts failed";
        TcpEstablishedResetsPerS = "tcp_established_resets_per_s", Real, PerSecond, Sockets, "Established TCP connections reset";
        TcpInSegmentsPerS = "tcp_in_segments_per_s", Real, PerSecond, Sockets, "TCP segments received";
        TcpOutSegmentsPerS = "tcp_out_segments_per_s", Real, PerSecond, Sockets, "TCP segments sent";
        TcpRetransmittedSegmentsPerS = "tcp_retransmitted_segments_per_s", Real, PerSecond, Sockets, "TCP segments sent again";
        TcpInErrorsPerS = "tcp_in_errors_per_s", Real, PerSecond, Sockets, "TCP segments received with errors";
        TcpOutResetsPerS = "tcp_out_resets_per_s", Real, PerSecond, Sockets, "TCP resets sent";
        UdpInDatagramsPerS = "udp_in_datagrams_per_s", Real, PerSecond, Sockets, "UDP datagrams received";
        UdpOutDatagramsPerS = "udp_out_datagrams_per_s", Real, PerSecond, Sockets, "UDP datagrams sent";
        UdpNoPortsPerS = "udp_no_ports_per_s", Real, PerSecond, Sockets, "UDP datagrams for no one";
        UdpInErrorsPerS = "udp_in_errors_per_s", Real, PerSecond, Sockets, "UDP datagrams not delivered";
        UdpReceiveBufferErrorsPerS = "udp_receive_buffer_errors_per_s", Real, PerSecond, Sockets, "UDP receive buffers full";
        UdpSendBufferErrorsPerS = "udp_send_buffer_errors_per_s", Real, PerSecond, Sockets, "UDP send buffers full";
        TcpListenOverflowsPerS = "tcp_listen_overflows_per_s", Real, PerSecond, Sockets, "Accept queues overflowed";
        TcpListenDropsPerS = "tcp_listen_drops_per_s", Real, PerSecond, Sockets, "Connections dropped while listening";
        TcpTimeoutsPerS = "tcp_timeouts_per_s", Real, PerSecond, Sockets, "TCP retransmission timeouts";
        TcpSynRetransmitsPerS = "tcp_syn_retransmits_per_s", Real, PerSecond, Sockets, "TCP SYN sent again";
        ProcessesRunning = "processes_running", Whole, Count, Processes, "Processes running or runnable";
        ProcessesSleeping = "processes_sleeping", Whole, Count, Processes, "Processes sleeping";
        ProcessesUninterruptible = "processes_uninterruptible", Whole, Count, Processes, "Processes in uninterruptible sleep";
        ProcessesZombie = "processes_zombie", Whole, Count, Processes, "Processes zombies";
        ProcessesStopped = "processes_stopped", Whole, Count, Processes, "Processes stopped or traced";
        ProcessesIdle = "processes_idle", Whole, Count, Processes, "Processes idle kernel threads";
        ProcessesOther = "processes_other", Whole, Count, Processes, "Processes in another state";
        Threads = "threads", Whole, Count, Processes, "Threads of all processes";
        ProbeCpuPct = "probe_cpu_pct", Real, Percent, System, "CPU that the probe itself used, of one core";
        ProbeRssBytes = "probe_rss_bytes", Whole, Bytes, System, "Resident memory of the probe";
        ProbeCollectUs = "probe_collect_us", Whole, Microseconds, System, "Wall time the probe took to collect";
    }
}

columns! {
    /// Columns per core.
    CoreColumn ["core"] {
        BusyPct = "busy_pct", Real, Percent, Cpu, "Share not idle, iowait or steal";
        UserPct = "user_pct", Real, Percent, Cpu, "Share in user";
        NicePct = "nice_pct", Real, Percent, Cpu, "Share in nice";
        SystemPct = "system_pct", Real, Percent, Cpu, "Share in system";
        IdlePct = "idle_pct", Real, Percent, Cpu, "Share in idle";
        IowaitPct = "iowait_pct", Real, Percent, Cpu, "Share in iowait";
        IrqPct = "irq_pct", Real, Percent, Cpu, "Share in irq";
        SoftirqPct = "softirq_pct", Real, Percent, Cpu, "Share in softirq";
        StealPct = "steal_pct", Real, Percent, Cpu, "Share in steal";
        GuestPct = "guest_pct", Real, Percent, Cpu, "Share in guest";
        GuestNicePct = "guest_nice_pct", Real, Percent, Cpu, "Share in guest_nice";
    }
}

columns! {
    /// Columns per core of soft interrupts.
    SoftirqColumn ["core"] {
        HiPerS = "hi_per_s", Real, PerSecond, Softirq, "HI soft interrupts";
        TimerPerS = "timer_per_s", Real, PerSecond, Softirq, "TIMER soft interrupts";
        NetTxPerS = "net_tx_per_s", Real, PerSecond, Softirq, "NET_TX soft interrupts";
        NetRxPerS = "net_rx_per_s", Real, PerSecond, Softirq, "NET_RX soft interrupts";
        BlockPerS = "block_per_s", Real, PerSecond, Softirq, "BLOCK soft interrupts";
        IrqPollPerS = "irq_poll_per_s", Real, PerSecond, Softirq, "IRQ_POLL soft interrupts";
        TaskletPerS = "tasklet_per_s", Real, PerSecond, Softirq, "TASKLET soft interrupts";
        SchedPerS = "sched_per_s", Real, PerSecond, Softirq, "SCHED soft interrupts";
        HrtimerPerS = "hrtimer_per_s", Real, PerSecond, Softirq, "HRTIMER soft interrupts";
        RcuPerS = "rcu_per_s", Real, PerSecond, Softirq, "RCU soft interrupts";
    }
}

columns! {
    /// Columns per network interface.
    NetColumn ["interface"] {
        RxBytesPerS = "rx_bytes_per_s", Real, BytesPerSecond, Network, "Received: bytes";
        RxPacketsPerS = "rx_packets_per_s", Real, PerSecond, Network, "Received: packets";
        RxErrorsPerS = "rx_errors_per_s", Real, PerSecond, Network, "Received: errors";
        RxDroppedPerS = "rx_dropped_per_s", Real, PerSecond, Network, "Received: dropped";
        RxFifoPerS = "rx_fifo_per_s", Real, PerSecond, Network, "Received: fifo";
        RxFramePerS = "rx_frame_per_s", Real, PerSecond, Network, "Received: frame";
        RxCompressedPerS = "rx_compressed_per_s", Real, PerSecond, Network, "Received: compressed";
        RxMulticastPerS = "rx_multicast_per_s", Real, PerSecond, Network, "Received: multicast";
        TxBytesPerS = "tx_bytes_per_s", Real, BytesPerSecond, Network, "Sent: bytes";
        TxPacketsPerS = "tx_packets_per_s", Real, PerSecond, Network, "Sent: packets";
        TxErrorsPerS = "tx_errors_per_s", Real, PerSecond, Network, "Sent: errors";
        TxDroppedPerS = "tx_dropped_per_s", Real, PerSecond, Network, "Sent: dropped";
        TxFifoPerS = "tx_fifo_per_s", Real, PerSecond, Network, "Sent: fifo";
        TxCollisionsPerS = "tx_collisions_per_s", Real, PerSecond, Network, "Sent: collisions";
        TxCarrierPerS = "tx_carrier_per_s", Real, PerSecond, Network, "Sent: carrier";
        TxCompressedPerS = "tx_compressed_per_s", Real, PerSecond, Network, "Sent: compressed";
    }
}

columns! {
    /// Columns per block device.
    DiskColumn ["device"] {
        ReadsPerS = "reads_per_s", Real, PerSecond, Disk, "Reads completed";
        ReadsMergedPerS = "reads_merged_per_s", Real, PerSecond, Disk, "Reads merged";
        ReadBytesPerS = "read_bytes_per_s", Real, BytesPerSecond, Disk, "Bytes read";
        ReadAwaitMs = "read_await_ms", Real, Milliseconds, Disk, "Mean time of a read; unknown when there was none";
        WritesPerS = "writes_per_s", Real, PerSecond, Disk, "Writes completed";
        WritesMergedPerS = "writes_merged_per_s", Real, PerSecond, Disk, "Writes merged";
        WrittenBytesPerS = "written_bytes_per_s", Real, BytesPerSecond, Disk, "Bytes written";
        WriteAwaitMs = "write_await_ms", Real, Milliseconds, Disk, "Mean time of a write; unknown when there was none";
        InFlight = "in_flight", Whole, Count, Disk, "Requests in flight now";
        BusyPct = "busy_pct", Real, Percent, Disk, "Share of time with a request in flight";
        Queue = "queue", Real, Number, Disk, "Mean number of requests in flight";
        DiscardsPerS = "discards_per_s", Real, PerSecond, Disk, "Discards completed";
        DiscardedBytesPerS = "discarded_bytes_per_s", Real, BytesPerSecond, Disk, "Bytes discarded";
        FlushesPerS = "flushes_per_s", Real, PerSecond, Disk, "Flushes completed";
        FlushAwaitMs = "flush_await_ms", Real, Milliseconds, Disk, "Mean time of a flush; unknown when there was none";
        DiscardsMergedPerS = "discards_merged_per_s", Real, PerSecond, Disk, "Discards merged";
        DiscardAwaitMs = "discard_await_ms", Real, Milliseconds, Disk, "Mean time of a discard; unknown when there was none";
    }
}

columns! {
    /// Columns per mounted filesystem.
    FilesystemColumn ["mount_point", "device", "fs_type", "status"] {
        SizeBytes = "size_bytes", Whole, Bytes, Filesystem, "Size";
        FreeBytes = "free_bytes", Whole, Bytes, Filesystem, "Free for root";
        AvailableBytes = "available_bytes", Whole, Bytes, Filesystem, "Free for everybody";
        UsedPct = "used_pct", Real, Percent, Filesystem, "As df counts: used / (used + available)";
        Inodes = "inodes", Whole, Count, Filesystem, "Inodes; unknown where there is no fixed number";
        InodesFree = "inodes_free", Whole, Count, Filesystem, "Inodes free";
        InodesUsedPct = "inodes_used_pct", Real, Percent, Filesystem, "Share of inodes in use";
        ReadOnly = "read_only", Whole, Count, Filesystem, "1 when mounted read-only";
    }
}

columns! {
    /// Columns per named process.
    ProcessColumn ["pid", "comm", "state"] {
        CpuPct = "cpu_pct", Real, Percent, Processes, "CPU used since the last poll, of one core";
        RssBytes = "rss_bytes", Whole, Bytes, Processes, "Resident memory";
        Threads = "threads", Whole, Count, Processes, "Threads";
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn names<C: ColumnSet>() -> Vec<&'static str> {
        C::ALL.iter().map(|c| c.spec().name).collect()
    }

    fn assert_units_end_names<C: ColumnSet>() {
        for column in C::ALL {
            let spec = column.spec();
            let ending = match spec.unit {
                Unit::Percent => "_pct",
                Unit::Bytes => "_bytes",
                Unit::BytesPerSecond => "_bytes_per_s",
                Unit::PerSecond => "_per_s",
                Unit::Seconds => "_s",
                Unit::Milliseconds => "_ms",
                Unit::Microseconds => "_us",
                Unit::Number | Unit::Count => "",
            };
            assert!(spec.name.ends_with(ending), "{} is in {:?}", spec.name, spec.unit);
        }
    }

    #[test]
    fn names_are_unique_and_end_in_their_unit() {
        let all = names::<Column>();
        assert_eq!(all.iter().collect::<HashSet<_>>().len(), all.len());
        assert_units_end_names::<Column>();
        assert_units_end_names::<CoreColumn>();
        assert_units_end_names::<SoftirqColumn>();
        assert_units_end_names::<NetColumn>();
        assert_units_end_names::<DiskColumn>();
        assert_units_end_names::<FilesystemColumn>();
        assert_units_end_names::<ProcessColumn>();
    }

    #[test]
    fn what_is_no_measurement_is_not_kept() {
        let mut values = Values::<Column>::default();
        for bad in [f64::NAN, f64::INFINITY, -0.5] {
            values.set(Column::CpuBusyPct, bad);
            assert_eq!(values.get(Column::CpuBusyPct), None);
        }
        values.set(Column::CpuBusyPct, 12.345_67);
        assert_eq!(values.get(Column::CpuBusyPct), Some(12.346));
        values.set(Column::MemTotalBytes, 8_589_934_592.0);
        assert_eq!(values.get(Column::MemTotalBytes), Some(8_589_934_592.0));
    }
}
