//! Host-wide columns: what a machine has once, and how each comes from what a probe says.

use super::table::columns;

/// The one place where a host-wide metric is declared; `$then` is a macro that makes something of it
/// (`columns!`: the columns; `poll/decode/host_wide.rs`: how they are read off the wire; `rates.rs`:
/// that what computes them is there). The rows name fields of the wire's messages, so they compile
/// against the contract, and this module does not know it.
///
/// What stands in brackets:
///
/// * `gauge reading(field, ...)`: the function of the decoder that makes the value of these fields of
///   the group's message;
/// * `counter reading(field, ...) * scale`: the raw counter that is kept until the next poll, and what
///   its rate per second is multiplied by to be in the column's unit; `share` likewise, of a counter of
///   time;
/// * `counter reading(field) and reading(field)`: the second is the part that IPv6 adds: a kernel
///   without IPv6 has none, and then the first is all;
/// * `gauge in path`, `counter in path`, `share in path`: the function of `rates` that computes it.
macro_rules! host_wide {
    ($then:ident) => {
        $then! {
            Load: load from "/proc/loadavg" {
                Load1 = "load_1", Real, Number, [gauge hundredths(load1_hundredths)], node "node_load1", "Load average over 1 min";
                Load5 = "load_5", Real, Number, [gauge hundredths(load5_hundredths)], node "node_load5", "Load average over 5 min";
                Load15 = "load_15", Real, Number, [gauge hundredths(load15_hundredths)], node "node_load15", "Load average over 15 min";
                LoadRunnableTasks = "load_runnable_tasks", Whole, Count, [gauge tasks(runnable_tasks)], "Tasks runnable now";
                LoadTotalTasks = "load_total_tasks", Whole, Count, [gauge tasks(total_tasks)], "Tasks that exist";
            }
            Cpu: cpu from "/proc/stat" {
                CpuBusyPct = "cpu_busy_pct", Real, Percent, [share in cpu::total], "Share of CPU time not idle, iowait or steal";
                CpuUserPct = "cpu_user_pct", Real, Percent, [share in cpu::total], node "node_cpu_seconds_total{mode=\"user\"}", "Share of CPU time in user code, guests included";
                CpuNicePct = "cpu_nice_pct", Real, Percent, [share in cpu::total], node "node_cpu_seconds_total{mode=\"nice\"}", "Share of CPU time in niced user code";
                CpuSystemPct = "cpu_system_pct", Real, Percent, [share in cpu::total], node "node_cpu_seconds_total{mode=\"system\"}", "Share of CPU time in the kernel";
                CpuIdlePct = "cpu_idle_pct", Real, Percent, [share in cpu::total], node "node_cpu_seconds_total{mode=\"idle\"}", "Share of CPU time in idling";
                CpuIowaitPct = "cpu_iowait_pct", Real, Percent, [share in cpu::total], node "node_cpu_seconds_total{mode=\"iowait\"}", "Share of CPU time in idling with I/O outstanding";
                CpuIrqPct = "cpu_irq_pct", Real, Percent, [share in cpu::total], node "node_cpu_seconds_total{mode=\"irq\"}", "Share of CPU time in hard interrupts";
                CpuSoftirqPct = "cpu_softirq_pct", Real, Percent, [share in cpu::total], node "node_cpu_seconds_total{mode=\"softirq\"}", "Share of CPU time in soft interrupts";
                CpuStealPct = "cpu_steal_pct", Real, Percent, [share in cpu::total], node "node_cpu_seconds_total{mode=\"steal\"}", "Share of CPU time in waiting for the hypervisor";
                CpuGuestPct = "cpu_guest_pct", Real, Percent, [share in cpu::total], node "node_cpu_guest_seconds_total{mode=\"user\"}", "Share of CPU time in guests; also in user";
                CpuGuestNicePct = "cpu_guest_nice_pct", Real, Percent, [share in cpu::total], since "2.6.33", node "node_cpu_guest_seconds_total{mode=\"nice\"}", "Share of CPU time in niced guests; also in nice";
                CpusOnline = "cpus_online", Whole, Count, [gauge in cpu::online], "CPUs online";
            }
            Memory: memory from "/proc/meminfo" {
                MemUsedPct = "mem_used_pct", Real, Percent, [gauge in space::fill], since "3.14", "Share of memory not available: (total - available) / total";
                MemTotalBytes = "mem_total_bytes", Whole, Bytes, [gauge kib(total_kib)], node "node_memory_MemTotal_bytes", "MemTotal";
                MemFreeBytes = "mem_free_bytes", Whole, Bytes, [gauge kib_of(free_kib, total_kib)], node "node_memory_MemFree_bytes", "MemFree";
                MemAvailableBytes = "mem_available_bytes", Whole, Bytes, [gauge kib_of(available_kib, total_kib)], since "3.14", node "node_memory_MemAvailable_bytes", "MemAvailable";
                MemBuffersBytes = "mem_buffers_bytes", Whole, Bytes, [gauge kib(buffers_kib)], node "node_memory_Buffers_bytes", "Buffers";
                MemCachedBytes = "mem_cached_bytes", Whole, Bytes, [gauge kib(cached_kib)], node "node_memory_Cached_bytes", "Cached";
                MemSwapCachedBytes = "mem_swap_cached_bytes", Whole, Bytes, [gauge kib(swap_cached_kib)], node "node_memory_SwapCached_bytes", "SwapCached";
                MemActiveBytes = "mem_active_bytes", Whole, Bytes, [gauge kib(active_kib)], node "node_memory_Active_bytes", "Active";
                MemInactiveBytes = "mem_inactive_bytes", Whole, Bytes, [gauge kib(inactive_kib)], node "node_memory_Inactive_bytes", "Inactive";
                MemActiveAnonBytes = "mem_active_anon_bytes", Whole, Bytes, [gauge kib(active_anon_kib)], node "node_memory_Active_anon_bytes", "Active(anon)";
                MemInactiveAnonBytes = "mem_inactive_anon_bytes", Whole, Bytes, [gauge kib(inactive_anon_kib)], node "node_memory_Inactive_anon_bytes", "Inactive(anon)";
                MemActiveFileBytes = "mem_active_file_bytes", Whole, Bytes, [gauge kib(active_file_kib)], node "node_memory_Active_file_bytes", "Active(file)";
                MemInactiveFileBytes = "mem_inactive_file_bytes", Whole, Bytes, [gauge kib(inactive_file_kib)], node "node_memory_Inactive_file_bytes", "Inactive(file)";
                MemDirtyBytes = "mem_dirty_bytes", Whole, Bytes, [gauge kib(dirty_kib)], node "node_memory_Dirty_bytes", "Dirty";
                MemWritebackBytes = "mem_writeback_bytes", Whole, Bytes, [gauge kib(writeback_kib)], node "node_memory_Writeback_bytes", "Writeback";
                MemAnonPagesBytes = "mem_anon_pages_bytes", Whole, Bytes, [gauge kib(anon_pages_kib)], node "node_memory_AnonPages_bytes", "AnonPages";
                MemMappedBytes = "mem_mapped_bytes", Whole, Bytes, [gauge kib(mapped_kib)], node "node_memory_Mapped_bytes", "Mapped";
                MemKReclaimableBytes = "mem_k_reclaimable_bytes", Whole, Bytes, [gauge kib(k_reclaimable_kib)], since "4.20", "KReclaimable";
                MemSReclaimableBytes = "mem_s_reclaimable_bytes", Whole, Bytes, [gauge kib(s_reclaimable_kib)], node "node_memory_SReclaimable_bytes", "SReclaimable";
                MemSUnreclaimBytes = "mem_s_unreclaim_bytes", Whole, Bytes, [gauge kib(s_unreclaim_kib)], node "node_memory_SUnreclaim_bytes", "SUnreclaim";
                MemShmemBytes = "mem_shmem_bytes", Whole, Bytes, [gauge kib(shmem_kib)], node "node_memory_Shmem_bytes", "Shmem";
                MemSlabBytes = "mem_slab_bytes", Whole, Bytes, [gauge kib(slab_kib)], node "node_memory_Slab_bytes", "Slab";
                MemKernelStackBytes = "mem_kernel_stack_bytes", Whole, Bytes, [gauge kib(kernel_stack_kib)], node "node_memory_KernelStack_bytes", "KernelStack";
                MemPageTablesBytes = "mem_page_tables_bytes", Whole, Bytes, [gauge kib(page_tables_kib)], node "node_memory_PageTables_bytes", "PageTables";
                MemCommitLimitBytes = "mem_commit_limit_bytes", Whole, Bytes, [gauge kib(commit_limit_kib)], node "node_memory_CommitLimit_bytes", "CommitLimit";
                MemCommittedAsBytes = "mem_committed_as_bytes", Whole, Bytes, [gauge kib(committed_as_kib)], node "node_memory_Committed_AS_bytes", "Committed_AS";
                MemUnevictableBytes = "mem_unevictable_bytes", Whole, Bytes, [gauge kib(unevictable_kib)], node "node_memory_Unevictable_bytes", "Unevictable";
                MemMlockedBytes = "mem_mlocked_bytes", Whole, Bytes, [gauge kib(mlocked_kib)], node "node_memory_Mlocked_bytes", "Mlocked";
                MemAnonHugePagesBytes = "mem_anon_huge_pages_bytes", Whole, Bytes, [gauge kib(anon_huge_pages_kib)], since "2.6.38", node "node_memory_AnonHugePages_bytes", "AnonHugePages";
                MemHardwareCorruptedBytes = "mem_hardware_corrupted_bytes", Whole, Bytes, [gauge kib(hardware_corrupted_kib)], node "node_memory_HardwareCorrupted_bytes", "HardwareCorrupted";
                SwapTotalBytes = "swap_total_bytes", Whole, Bytes, [gauge kib(swap_total_kib)], node "node_memory_SwapTotal_bytes", "SwapTotal";
                SwapFreeBytes = "swap_free_bytes", Whole, Bytes, [gauge kib_of(swap_free_kib, swap_total_kib)], node "node_memory_SwapFree_bytes", "SwapFree";
                SwapUsedPct = "swap_used_pct", Real, Percent, [gauge in space::fill], "Share of swap in use; unknown without swap";
                HugePagesTotal = "huge_pages_total", Whole, Count, [gauge number(huge_pages_total)], node "node_memory_HugePages_Total", "HugePages_Total";
                HugePagesFree = "huge_pages_free", Whole, Count, [gauge part(huge_pages_free, huge_pages_total)], node "node_memory_HugePages_Free", "HugePages_Free";
                HugePagesReserved = "huge_pages_reserved", Whole, Count, [gauge number(huge_pages_reserved)], node "node_memory_HugePages_Rsvd", "HugePages_Rsvd";
                HugePagesSurplus = "huge_pages_surplus", Whole, Count, [gauge number(huge_pages_surplus)], node "node_memory_HugePages_Surp", "HugePages_Surp";
                HugePageSizeBytes = "huge_page_size_bytes", Whole, Bytes, [gauge kib(huge_page_size_kib)], node "node_memory_Hugepagesize_bytes", "Hugepagesize";
            }
            Network: network from "/proc/1/net/dev" {
                NetRxBytesPerS = "net_rx_bytes_per_s", Real, BytesPerSecond, [counter in tables::interfaces], node "node_network_receive_bytes_total", "Bytes rx, sum of the physical interfaces";
                NetRxPacketsPerS = "net_rx_packets_per_s", Real, PerSecond, [counter in tables::interfaces], node "node_network_receive_packets_total", "Packets rx, same sum";
                NetRxErrorsPerS = "net_rx_errors_per_s", Real, PerSecond, [counter in tables::interfaces], node "node_network_receive_errs_total", "Errors rx, same sum";
                NetRxDroppedPerS = "net_rx_dropped_per_s", Real, PerSecond, [counter in tables::interfaces], node "node_network_receive_drop_total", "Packets dropped rx, same sum";
                NetTxBytesPerS = "net_tx_bytes_per_s", Real, BytesPerSecond, [counter in tables::interfaces], node "node_network_transmit_bytes_total", "Bytes tx, sum of the physical interfaces";
                NetTxPacketsPerS = "net_tx_packets_per_s", Real, PerSecond, [counter in tables::interfaces], node "node_network_transmit_packets_total", "Packets tx, same sum";
                NetTxErrorsPerS = "net_tx_errors_per_s", Real, PerSecond, [counter in tables::interfaces], node "node_network_transmit_errs_total", "Errors tx, same sum";
                NetTxDroppedPerS = "net_tx_dropped_per_s", Real, PerSecond, [counter in tables::interfaces], node "node_network_transmit_drop_total", "Packets dropped tx, same sum";
            }
            Disk: disk from "/proc/diskstats" {
                DiskReadsPerS = "disk_reads_per_s", Real, PerSecond, [counter in tables::disks], node "node_disk_reads_completed_total", "Reads completed, sum of the whole physical disks";
                DiskWritesPerS = "disk_writes_per_s", Real, PerSecond, [counter in tables::disks], node "node_disk_writes_completed_total", "Writes completed, same sum";
                DiskReadBytesPerS = "disk_read_bytes_per_s", Real, BytesPerSecond, [counter in tables::disks], node "node_disk_read_bytes_total", "Bytes read, same sum";
                DiskWrittenBytesPerS = "disk_written_bytes_per_s", Real, BytesPerSecond, [counter in tables::disks], node "node_disk_written_bytes_total", "Bytes written, same sum";
                DiskBusyMaxPct = "disk_busy_max_pct", Real, Percent, [share in tables::disks], node "node_disk_io_time_seconds_total", "Busiest whole disk: share of time with a request in flight";
            }
            Filesystem: filesystem from "/proc/1/mountinfo, statvfs(3)" {
                FsUsedMaxPct = "fs_used_max_pct", Real, Percent, [gauge in space::filesystems], "Fullest filesystem, as df counts: used / (used + available); images, which are always full, aside";
                FsInodesUsedMaxPct = "fs_inodes_used_max_pct", Real, Percent, [gauge in space::filesystems], "Filesystem with the fewest inodes left";
                FsMounts = "fs_mounts", Whole, Count, [gauge in space::filesystems], "Filesystems reported";
                FsHung = "fs_hung", Whole, Count, [gauge in space::filesystems], "Filesystems that do not answer";
                FsReadOnly = "fs_read_only", Whole, Count, [gauge in space::filesystems], node "node_filesystem_readonly", "Filesystems that nobody can write to, images aside";
            }
            System: system from "clock_gettime(CLOCK_BOOTTIME)" {
                UptimeS = "uptime_s", Real, Seconds, [gauge in space::fill], "Time since boot, suspend included";
            }
            System: system from "/proc/stat" {
                BootTimeS = "boot_time_s", Whole, Seconds, [gauge number(boot_time_s)], node "node_boot_time_seconds", "Boot, seconds since 1970";
                ContextSwitchesPerS = "context_switches_per_s", Real, PerSecond, [counter total(context_switches)], node "node_context_switches_total", "Context switches";
                InterruptsPerS = "interrupts_per_s", Real, PerSecond, [counter total(interrupts)], node "node_intr_total", "Hard interrupts served";
                SoftirqsPerS = "softirqs_per_s", Real, PerSecond, [counter total(softirqs)], "Soft interrupts served";
                ForksPerS = "forks_per_s", Real, PerSecond, [counter total(forks)], node "node_forks_total", "Processes and threads made";
                ProcsRunning = "procs_running", Whole, Count, [gauge tasks(procs_running)], node "node_procs_running", "Tasks running or runnable";
                ProcsBlocked = "procs_blocked", Whole, Count, [gauge tasks(procs_blocked)], node "node_procs_blocked", "Tasks blocked on I/O";
            }
            System: system from "/proc/sys/fs/file-nr" {
                FileHandles = "file_handles", Whole, Count, [gauge number(file_handles)], node "node_filefd_allocated", "File handles in use";
                FileHandlesMax = "file_handles_max", Whole, Count, [gauge number(file_handles_max)], node "node_filefd_maximum", "File handles allowed";
            }
            System: system from "/proc/sys/kernel/random/entropy_avail" {
                EntropyBits = "entropy_bits", Whole, Count, [gauge number(entropy_bits)], node "node_entropy_available_bits", "Entropy available, bits";
            }
            Pressure: pressure from "/proc/pressure/cpu" {
                PressureCpuSomePct = "pressure_cpu_some_pct", Real, Percent, [share stalled_us(cpu_some) * 1e-4], since "4.20", node "node_pressure_cpu_waiting_seconds_total", "Share of time since the last poll in which some tasks waited for cpu";
                PressureCpuSomeAvg10Pct = "pressure_cpu_some_avg10_pct", Real, Percent, [gauge average(cpu_some)], since "4.20", "The kernel's own 10 s average of it";
                PressureCpuFullPct = "pressure_cpu_full_pct", Real, Percent, [share stalled_us(cpu_full) * 1e-4], since "5.13", "Share of time since the last poll in which all tasks waited for cpu";
                PressureCpuFullAvg10Pct = "pressure_cpu_full_avg10_pct", Real, Percent, [gauge average(cpu_full)], since "5.13", "The kernel's own 10 s average of it";
            }
            Pressure: pressure from "/proc/pressure/memory" {
                PressureMemorySomePct = "pressure_memory_some_pct", Real, Percent, [share stalled_us(memory_some) * 1e-4], since "4.20", node "node_pressure_memory_waiting_seconds_total", "Share of time since the last poll in which some tasks waited for memory";
                PressureMemorySomeAvg10Pct = "pressure_memory_some_avg10_pct", Real, Percent, [gauge average(memory_some)], since "4.20", "The kernel's own 10 s average of it";
                PressureMemoryFullPct = "pressure_memory_full_pct", Real, Percent, [share stalled_us(memory_full) * 1e-4], since "4.20", node "node_pressure_memory_stalled_seconds_total", "Share of time since the last poll in which all tasks waited for memory";
                PressureMemoryFullAvg10Pct = "pressure_memory_full_avg10_pct", Real, Percent, [gauge average(memory_full)], since "4.20", "The kernel's own 10 s average of it";
            }
            Pressure: pressure from "/proc/pressure/io" {
                PressureIoSomePct = "pressure_io_some_pct", Real, Percent, [share stalled_us(io_some) * 1e-4], since "4.20", node "node_pressure_io_waiting_seconds_total", "Share of time since the last poll in which some tasks waited for io";
                PressureIoSomeAvg10Pct = "pressure_io_some_avg10_pct", Real, Percent, [gauge average(io_some)], since "4.20", "The kernel's own 10 s average of it";
                PressureIoFullPct = "pressure_io_full_pct", Real, Percent, [share stalled_us(io_full) * 1e-4], since "4.20", node "node_pressure_io_stalled_seconds_total", "Share of time since the last poll in which all tasks waited for io";
                PressureIoFullAvg10Pct = "pressure_io_full_avg10_pct", Real, Percent, [gauge average(io_full)], since "4.20", "The kernel's own 10 s average of it";
            }
            Pressure: pressure from "/proc/pressure/irq" {
                PressureIrqFullPct = "pressure_irq_full_pct", Real, Percent, [share stalled_us(irq_full) * 1e-4], since "6.1", node "node_pressure_irq_stalled_seconds_total", "Share of time since the last poll lost to interrupts";
                PressureIrqFullAvg10Pct = "pressure_irq_full_avg10_pct", Real, Percent, [gauge average(irq_full)], since "6.1", "The kernel's own 10 s average of it";
            }
            Vmstat: vmstat from "/proc/vmstat" {
                PageFaultsPerS = "page_faults_per_s", Real, PerSecond, [counter total(page_faults)], node "node_vmstat_pgfault", "Page faults";
                MajorPageFaultsPerS = "major_page_faults_per_s", Real, PerSecond, [counter total(major_page_faults)], node "node_vmstat_pgmajfault", "Page faults that read from disk";
                PagedInBytesPerS = "paged_in_bytes_per_s", Real, BytesPerSecond, [counter total(paged_in_kib) * 1024.0], node "node_vmstat_pgpgin", "Paged in from disk";
                PagedOutBytesPerS = "paged_out_bytes_per_s", Real, BytesPerSecond, [counter total(paged_out_kib) * 1024.0], node "node_vmstat_pgpgout", "Paged out to disk";
                SwappedInPagesPerS = "swapped_in_pages_per_s", Real, PerSecond, [counter total(swapped_in_pages)], node "node_vmstat_pswpin", "Pages swapped in";
                SwappedOutPagesPerS = "swapped_out_pages_per_s", Real, PerSecond, [counter total(swapped_out_pages)], node "node_vmstat_pswpout", "Pages swapped out";
                ScannedKswapdPagesPerS = "scanned_kswapd_pages_per_s", Real, PerSecond, [counter total(scanned_kswapd_pages)], "Pages scanned by kswapd";
                ScannedDirectPagesPerS = "scanned_direct_pages_per_s", Real, PerSecond, [counter total(scanned_direct_pages)], "Pages scanned by direct reclaim";
                StolenKswapdPagesPerS = "stolen_kswapd_pages_per_s", Real, PerSecond, [counter total(stolen_kswapd_pages)], "Pages reclaimed by kswapd";
                StolenDirectPagesPerS = "stolen_direct_pages_per_s", Real, PerSecond, [counter total(stolen_direct_pages)], "Pages reclaimed directly";
                AllocationStallsPerS = "allocation_stalls_per_s", Real, PerSecond, [counter total(allocation_stalls)], "Allocations that had to reclaim";
                CompactionStallsPerS = "compaction_stalls_per_s", Real, PerSecond, [counter total(compaction_stalls)], since "2.6.35", "Allocations that had to compact";
                OomKillsPerS = "oom_kills_per_s", Real, PerSecond, [counter total(oom_kills)], since "4.13", node "node_vmstat_oom_kill", "Processes killed for lack of memory";
                RefaultsAnonPagesPerS = "refaults_anon_pages_per_s", Real, PerSecond, [counter total(refaults_anon_pages)], since "5.9", "Anonymous pages wanted back soon after eviction";
                RefaultsFilePagesPerS = "refaults_file_pages_per_s", Real, PerSecond, [counter total(refaults_file_pages)], since "3.15", "File pages wanted back soon after eviction";
            }
            Sockets: sockets from "/proc/1/net/sockstat" {
                SocketsUsed = "sockets_used", Whole, Count, [gauge number(used)], node "node_sockstat_sockets_used", "Sockets in use";
            }
            Sockets: sockets from "/proc/1/net/sockstat, sockstat6" {
                TcpInUse = "tcp_in_use", Whole, Count, [gauge both(tcp_in_use, tcp6_in_use)], node "node_sockstat_TCP_inuse", "TCP sockets in use, IPv4 and IPv6";
            }
            Sockets: sockets from "/proc/1/net/sockstat" {
                TcpOrphan = "tcp_orphan", Whole, Count, [gauge number(tcp_orphan)], node "node_sockstat_TCP_orphan", "TCP sockets without a process";
                TcpTimeWait = "tcp_time_wait", Whole, Count, [gauge number(tcp_time_wait)], node "node_sockstat_TCP_tw", "TCP sockets in TIME_WAIT";
                TcpAllocated = "tcp_allocated", Whole, Count, [gauge number(tcp_allocated)], node "node_sockstat_TCP_alloc", "TCP sockets allocated";
                TcpMemoryBytes = "tcp_memory_bytes", Whole, Bytes, [gauge pages(tcp_memory_pages)], node "node_sockstat_TCP_mem_bytes", "Memory of TCP buffers";
            }
            Sockets: sockets from "/proc/1/net/sockstat, sockstat6" {
                UdpInUse = "udp_in_use", Whole, Count, [gauge both(udp_in_use, udp6_in_use)], node "node_sockstat_UDP_inuse", "UDP sockets in use, IPv4 and IPv6";
            }
            Sockets: sockets from "/proc/1/net/sockstat" {
                UdpMemoryBytes = "udp_memory_bytes", Whole, Bytes, [gauge pages(udp_memory_pages)], node "node_sockstat_UDP_mem_bytes", "Memory of UDP buffers";
            }
            Sockets: sockets from "/proc/1/net/sockstat6" {
                Tcp6InUse = "tcp6_in_use", Whole, Count, [gauge number(tcp6_in_use)], node "node_sockstat_TCP6_inuse", "TCP sockets in use over IPv6, part of tcp_in_use";
                Udp6InUse = "udp6_in_use", Whole, Count, [gauge number(udp6_in_use)], node "node_sockstat_UDP6_inuse", "UDP sockets in use over IPv6, part of udp_in_use";
            }
            Sockets: sockets from "/proc/1/net/snmp" {
                TcpEstablished = "tcp_established", Whole, Count, [gauge number(tcp_established)], node "node_netstat_Tcp_CurrEstab", "TCP connections established";
                TcpActiveOpensPerS = "tcp_active_opens_per_s", Real, PerSecond, [counter total(tcp_active_opens)], node "node_netstat_Tcp_ActiveOpens", "TCP connections opened";
                TcpPassiveOpensPerS = "tcp_passive_opens_per_s", Real, PerSecond, [counter total(tcp_passive_opens)], node "node_netstat_Tcp_PassiveOpens", "TCP connections accepted";
                TcpAttemptFailsPerS = "tcp_attempt_fails_per_s", Real, PerSecond, [counter total(tcp_attempt_fails)], "TCP connection attempts failed";
                TcpEstablishedResetsPerS = "tcp_established_resets_per_s", Real, PerSecond, [counter total(tcp_established_resets)], "Established TCP connections reset";
                TcpInSegmentsPerS = "tcp_in_segments_per_s", Real, PerSecond, [counter total(tcp_in_segments)], node "node_netstat_Tcp_InSegs", "TCP segments received";
                TcpOutSegmentsPerS = "tcp_out_segments_per_s", Real, PerSecond, [counter total(tcp_out_segments)], node "node_netstat_Tcp_OutSegs", "TCP segments sent";
                TcpRetransmittedSegmentsPerS = "tcp_retransmitted_segments_per_s", Real, PerSecond, [counter total(tcp_retransmitted_segments)], node "node_netstat_Tcp_RetransSegs", "TCP segments sent again";
                TcpInErrorsPerS = "tcp_in_errors_per_s", Real, PerSecond, [counter total(tcp_in_errors)], node "node_netstat_Tcp_InErrs", "TCP segments received with errors";
                TcpOutResetsPerS = "tcp_out_resets_per_s", Real, PerSecond, [counter total(tcp_out_resets)], node "node_netstat_Tcp_OutRsts", "TCP resets sent";
            }
            Sockets: sockets from "/proc/1/net/snmp, snmp6" {
                UdpInDatagramsPerS = "udp_in_datagrams_per_s", Real, PerSecond, [counter total(udp_in_datagrams) and total(udp6_in_datagrams)], node "node_netstat_Udp_InDatagrams", "UDP datagrams received, IPv4 and IPv6";
                UdpOutDatagramsPerS = "udp_out_datagrams_per_s", Real, PerSecond, [counter total(udp_out_datagrams) and total(udp6_out_datagrams)], node "node_netstat_Udp_OutDatagrams", "UDP datagrams sent";
                UdpNoPortsPerS = "udp_no_ports_per_s", Real, PerSecond, [counter total(udp_no_ports) and total(udp6_no_ports)], node "node_netstat_Udp_NoPorts", "UDP datagrams for no one";
                UdpInErrorsPerS = "udp_in_errors_per_s", Real, PerSecond, [counter total(udp_in_errors) and total(udp6_in_errors)], node "node_netstat_Udp_InErrors", "UDP datagrams not delivered";
                UdpReceiveBufferErrorsPerS = "udp_receive_buffer_errors_per_s", Real, PerSecond, [counter total(udp_receive_buffer_errors) and total(udp6_receive_buffer_errors)], node "node_netstat_Udp_RcvbufErrors", "UDP receive buffers full";
                UdpSendBufferErrorsPerS = "udp_send_buffer_errors_per_s", Real, PerSecond, [counter total(udp_send_buffer_errors) and total(udp6_send_buffer_errors)], node "node_netstat_Udp_SndbufErrors", "UDP send buffers full";
            }
            Sockets: sockets from "/proc/1/net/netstat" {
                TcpListenOverflowsPerS = "tcp_listen_overflows_per_s", Real, PerSecond, [counter total(tcp_listen_overflows)], node "node_netstat_TcpExt_ListenOverflows", "Accept queues overflowed";
                TcpListenDropsPerS = "tcp_listen_drops_per_s", Real, PerSecond, [counter total(tcp_listen_drops)], node "node_netstat_TcpExt_ListenDrops", "Connections dropped while listening";
                TcpTimeoutsPerS = "tcp_timeouts_per_s", Real, PerSecond, [counter total(tcp_timeouts)], node "node_netstat_TcpExt_TCPTimeouts", "TCP retransmission timeouts";
                TcpSynRetransmitsPerS = "tcp_syn_retransmits_per_s", Real, PerSecond, [counter total(tcp_syn_retransmits)], since "3.17", node "node_netstat_TcpExt_TCPSynRetrans", "TCP SYN sent again";
            }
            Processes: processes from "/proc/<pid>/stat" {
                ProcessesRunning = "processes_running", Whole, Count, [gauge tasks(running)], node "node_processes_state{state=\"R\"}", "Processes running or runnable";
                ProcessesSleeping = "processes_sleeping", Whole, Count, [gauge tasks(sleeping)], node "node_processes_state{state=\"S\"}", "Processes sleeping";
                ProcessesUninterruptible = "processes_uninterruptible", Whole, Count, [gauge tasks(uninterruptible)], node "node_processes_state{state=\"D\"}", "Processes in uninterruptible sleep";
                ProcessesZombie = "processes_zombie", Whole, Count, [gauge tasks(zombie)], node "node_processes_state{state=\"Z\"}", "Processes zombies";
                ProcessesStopped = "processes_stopped", Whole, Count, [gauge tasks(stopped)], node "node_processes_state{state=\"T\"}", "Processes stopped or traced";
                ProcessesIdle = "processes_idle", Whole, Count, [gauge tasks(idle)], node "node_processes_state{state=\"I\"}", "Processes idle kernel threads";
                ProcessesOther = "processes_other", Whole, Count, [gauge tasks(other)], "Processes in another state";
                Threads = "threads", Whole, Count, [gauge tasks(threads)], node "node_processes_threads", "Threads of all processes";
            }
            System: cost from "getrusage(2) of the probe" {
                ProbeCpuPct = "probe_cpu_pct", Real, Percent, [share sum(cpu_user_us, cpu_system_us) * 1e-4], "CPU that the probe itself used, of one core";
            }
            System: cost from "/proc/self/statm of the probe" {
                ProbeRssBytes = "probe_rss_bytes", Whole, Bytes, [gauge number(rss_bytes)], "Resident memory of the probe";
            }
            System: cost from "clock_gettime(CLOCK_MONOTONIC) of the probe" {
                ProbeCollectUs = "probe_collect_us", Whole, Microseconds, [gauge number(collect_us)], "Wall time the probe took to collect";
            }
            Sockets: sockets from "/proc/1/net/stat/nf_conntrack" {
                ConntrackEntries = "conntrack_entries", Whole, Count, [gauge number(conntrack_entries)], node "node_nf_conntrack_entries", "Connections that netfilter tracks in the host's network namespace";
            }
            Sockets: sockets from "/proc/sys/net/netfilter/nf_conntrack_max" {
                ConntrackLimit = "conntrack_limit", Whole, Count, [gauge number(conntrack_limit)], node "node_nf_conntrack_entries_limit", "Connections that netfilter may track; 0: no limit";
            }
        }
    };
}

pub(crate) use host_wide;

macro_rules! listed {
    ($($groups:tt)*) => {
        columns! {
            /// Host-wide columns of a poll, in the order of the table `poll`.
            Column in Box<[f64]> [] { $($groups)* }
        }
    };
}

host_wide!(listed);
