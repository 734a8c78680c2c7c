//! Columns of what a machine has several of: cores, interfaces, disks, mounts, processes, containers.

use super::table::columns;

columns! {
    /// Columns per core.
    CoreColumn in [f64; 11] ["core"] {
        Cpu from "/proc/stat" {
            BusyPct = "busy_pct", Real, Percent, [share], "Share not idle, iowait or steal";
            UserPct = "user_pct", Real, Percent, [share], node "node_cpu_seconds_total{mode=\"user\"}", "Share in user";
            NicePct = "nice_pct", Real, Percent, [share], node "node_cpu_seconds_total{mode=\"nice\"}", "Share in nice";
            SystemPct = "system_pct", Real, Percent, [share], node "node_cpu_seconds_total{mode=\"system\"}", "Share in system";
            IdlePct = "idle_pct", Real, Percent, [share], node "node_cpu_seconds_total{mode=\"idle\"}", "Share in idle";
            IowaitPct = "iowait_pct", Real, Percent, [share], node "node_cpu_seconds_total{mode=\"iowait\"}", "Share in iowait";
            IrqPct = "irq_pct", Real, Percent, [share], node "node_cpu_seconds_total{mode=\"irq\"}", "Share in irq";
            SoftirqPct = "softirq_pct", Real, Percent, [share], node "node_cpu_seconds_total{mode=\"softirq\"}", "Share in softirq";
            StealPct = "steal_pct", Real, Percent, [share], node "node_cpu_seconds_total{mode=\"steal\"}", "Share in steal";
            GuestPct = "guest_pct", Real, Percent, [share], node "node_cpu_guest_seconds_total{mode=\"user\"}", "Share in guest";
            GuestNicePct = "guest_nice_pct", Real, Percent, [share], since "2.6.33", node "node_cpu_guest_seconds_total{mode=\"nice\"}", "Share in guest_nice";
        }
    }
}

columns! {
    /// Columns per core of soft interrupts.
    SoftirqColumn in [f64; 10] ["core"] {
        Softirq from "/proc/softirqs" {
            HiPerS = "hi_per_s", Real, PerSecond, [counter], node "node_softirqs_functions_total{type=\"HI\"}", "HI soft interrupts";
            TimerPerS = "timer_per_s", Real, PerSecond, [counter], node "node_softirqs_functions_total{type=\"TIMER\"}", "TIMER soft interrupts";
            NetTxPerS = "net_tx_per_s", Real, PerSecond, [counter], node "node_softirqs_functions_total{type=\"NET_TX\"}", "NET_TX soft interrupts";
            NetRxPerS = "net_rx_per_s", Real, PerSecond, [counter], node "node_softirqs_functions_total{type=\"NET_RX\"}", "NET_RX soft interrupts";
            BlockPerS = "block_per_s", Real, PerSecond, [counter], node "node_softirqs_functions_total{type=\"BLOCK\"}", "BLOCK soft interrupts";
            IrqPollPerS = "irq_poll_per_s", Real, PerSecond, [counter], node "node_softirqs_functions_total{type=\"IRQ_POLL\"}", "IRQ_POLL soft interrupts";
            TaskletPerS = "tasklet_per_s", Real, PerSecond, [counter], node "node_softirqs_functions_total{type=\"TASKLET\"}", "TASKLET soft interrupts";
            SchedPerS = "sched_per_s", Real, PerSecond, [counter], node "node_softirqs_functions_total{type=\"SCHED\"}", "SCHED soft interrupts";
            HrtimerPerS = "hrtimer_per_s", Real, PerSecond, [counter], node "node_softirqs_functions_total{type=\"HRTIMER\"}", "HRTIMER soft interrupts";
            RcuPerS = "rcu_per_s", Real, PerSecond, [counter], node "node_softirqs_functions_total{type=\"RCU\"}", "RCU soft interrupts";
        }
    }
}

columns! {
    /// Columns per network interface.
    NetColumn in [f64; 16] ["interface"] {
        Network from "/proc/1/net/dev" {
            RxBytesPerS = "rx_bytes_per_s", Real, BytesPerSecond, [counter], node "node_network_receive_bytes_total", "Received: bytes";
            RxPacketsPerS = "rx_packets_per_s", Real, PerSecond, [counter], node "node_network_receive_packets_total", "Received: packets";
            RxErrorsPerS = "rx_errors_per_s", Real, PerSecond, [counter], node "node_network_receive_errs_total", "Received: errors";
            RxDroppedPerS = "rx_dropped_per_s", Real, PerSecond, [counter], node "node_network_receive_drop_total", "Received: dropped";
            RxFifoPerS = "rx_fifo_per_s", Real, PerSecond, [counter], node "node_network_receive_fifo_total", "Received: fifo";
            RxFramePerS = "rx_frame_per_s", Real, PerSecond, [counter], node "node_network_receive_frame_total", "Received: frame";
            RxCompressedPerS = "rx_compressed_per_s", Real, PerSecond, [counter], node "node_network_receive_compressed_total", "Received: compressed";
            RxMulticastPerS = "rx_multicast_per_s", Real, PerSecond, [counter], node "node_network_receive_multicast_total", "Received: multicast";
            TxBytesPerS = "tx_bytes_per_s", Real, BytesPerSecond, [counter], node "node_network_transmit_bytes_total", "Sent: bytes";
            TxPacketsPerS = "tx_packets_per_s", Real, PerSecond, [counter], node "node_network_transmit_packets_total", "Sent: packets";
            TxErrorsPerS = "tx_errors_per_s", Real, PerSecond, [counter], node "node_network_transmit_errs_total", "Sent: errors";
            TxDroppedPerS = "tx_dropped_per_s", Real, PerSecond, [counter], node "node_network_transmit_drop_total", "Sent: dropped";
            TxFifoPerS = "tx_fifo_per_s", Real, PerSecond, [counter], node "node_network_transmit_fifo_total", "Sent: fifo";
            TxCollisionsPerS = "tx_collisions_per_s", Real, PerSecond, [counter], node "node_network_transmit_colls_total", "Sent: collisions";
            TxCarrierPerS = "tx_carrier_per_s", Real, PerSecond, [counter], node "node_network_transmit_carrier_total", "Sent: carrier";
            TxCompressedPerS = "tx_compressed_per_s", Real, PerSecond, [counter], node "node_network_transmit_compressed_total", "Sent: compressed";
        }
    }
}

columns! {
    /// Columns per block device.
    DiskColumn in [f64; 17] ["device"] {
        Disk from "/proc/diskstats" {
            ReadsPerS = "reads_per_s", Real, PerSecond, [counter], node "node_disk_reads_completed_total", "Reads completed";
            ReadsMergedPerS = "reads_merged_per_s", Real, PerSecond, [counter], node "node_disk_reads_merged_total", "Reads merged";
            ReadBytesPerS = "read_bytes_per_s", Real, BytesPerSecond, [counter], node "node_disk_read_bytes_total", "Bytes read";
            ReadAwaitMs = "read_await_ms", Real, Milliseconds, [counter], node "node_disk_read_time_seconds_total", "Mean time of a read; unknown when there was none";
            WritesPerS = "writes_per_s", Real, PerSecond, [counter], node "node_disk_writes_completed_total", "Writes completed";
            WritesMergedPerS = "writes_merged_per_s", Real, PerSecond, [counter], node "node_disk_writes_merged_total", "Writes merged";
            WrittenBytesPerS = "written_bytes_per_s", Real, BytesPerSecond, [counter], node "node_disk_written_bytes_total", "Bytes written";
            WriteAwaitMs = "write_await_ms", Real, Milliseconds, [counter], node "node_disk_write_time_seconds_total", "Mean time of a write; unknown when there was none";
            InFlight = "in_flight", Whole, Count, [gauge], node "node_disk_io_now", "Requests in flight now";
            BusyPct = "busy_pct", Real, Percent, [share], node "node_disk_io_time_seconds_total", "Share of time with a request in flight";
            Queue = "queue", Real, Number, [counter], node "node_disk_io_time_weighted_seconds_total", "Mean number of requests in flight";
            DiscardsPerS = "discards_per_s", Real, PerSecond, [counter], since "4.18", node "node_disk_discards_completed_total", "Discards completed";
            DiscardedBytesPerS = "discarded_bytes_per_s", Real, BytesPerSecond, [counter], since "4.18", node "node_disk_discarded_sectors_total", "Bytes discarded";
            FlushesPerS = "flushes_per_s", Real, PerSecond, [counter], since "5.5", node "node_disk_flush_requests_total", "Flushes completed";
            FlushAwaitMs = "flush_await_ms", Real, Milliseconds, [counter], since "5.5", node "node_disk_flush_requests_time_seconds_total", "Mean time of a flush; unknown when there was none";
            DiscardsMergedPerS = "discards_merged_per_s", Real, PerSecond, [counter], since "4.18", node "node_disk_discards_merged_total", "Discards merged";
            DiscardAwaitMs = "discard_await_ms", Real, Milliseconds, [counter], since "4.18", node "node_disk_discard_time_seconds_total", "Mean time of a discard; unknown when there was none";
        }
    }
}

columns! {
    /// Columns per mounted filesystem.
    FilesystemColumn in [f64; 8] ["mount_point", "device", "fs_type", "status"] {
        Filesystem from "/proc/1/mountinfo, statvfs(3)" {
            SizeBytes = "size_bytes", Whole, Bytes, [gauge], node "node_filesystem_size_bytes", "Size";
            FreeBytes = "free_bytes", Whole, Bytes, [gauge], node "node_filesystem_free_bytes", "Free for root";
            AvailableBytes = "available_bytes", Whole, Bytes, [gauge], node "node_filesystem_avail_bytes", "Free for everybody";
            UsedPct = "used_pct", Real, Percent, [gauge], "As df counts: used / (used + available)";
            Inodes = "inodes", Whole, Count, [gauge], node "node_filesystem_files", "Inodes; unknown where there is no fixed number";
            InodesFree = "inodes_free", Whole, Count, [gauge], node "node_filesystem_files_free", "Inodes free";
            InodesUsedPct = "inodes_used_pct", Real, Percent, [gauge], "Share of inodes in use";
            ReadOnly = "read_only", Whole, Count, [gauge], node "node_filesystem_readonly", "1 when mounted read-only";
        }
    }
}

columns! {
    /// Columns per named process.
    ProcessColumn in [f64; 3] ["pid", "comm", "state"] {
        Processes from "/proc/<pid>/stat" {
            CpuPct = "cpu_pct", Real, Percent, [share], "CPU used since the last poll, of one core";
            RssBytes = "rss_bytes", Whole, Bytes, [gauge], "Resident memory";
            Threads = "threads", Whole, Count, [gauge], "Threads";
        }
    }
}

columns! {
    /// Columns per container, or per all containers of one name.
    ContainerColumn in [f64; 28] ["name", "container", "image", "engine"] {
        Containers from "/sys/fs/cgroup/…/cpu.stat" {
            Containers = "containers", Whole, Count, [gauge], "Containers of this name";
            CpuPct = "cpu_pct", Real, Percent, [share summed], since "4.15", "CPU used since the last poll, of one core";
            CpuUserPct = "cpu_user_pct", Real, Percent, [share summed], since "4.15", "CPU used in user mode, of one core";
            CpuSystemPct = "cpu_system_pct", Real, Percent, [share summed], since "4.15", "CPU used in the kernel, of one core";
            ThrottledPct = "throttled_pct", Real, Percent, [share summed], since "4.15", "Time in which its limit of CPU kept it waiting, summed over CPUs";
            ThrottlesPerS = "throttles_per_s", Real, PerSecond, [counter summed], since "4.15", "Periods in which it reached its limit of CPU";
        }
        Containers from "/sys/fs/cgroup/…/memory.current" {
            MemoryBytes = "memory_bytes", Whole, Bytes, [gauge], since "4.5", "Memory, the page cache included";
            WorkingSetBytes = "working_set_bytes", Whole, Bytes, [gauge], since "4.5", "Memory less page cache that was not used lately (inactive_file of memory.stat): what it cannot do without";
            AnonBytes = "anon_bytes", Whole, Bytes, [gauge], since "4.5", "Memory that is of no file";
            SwapBytes = "swap_bytes", Whole, Bytes, [gauge], since "4.5", "Swap";
            MemoryLimitBytes = "memory_limit_bytes", Whole, Bytes, [gauge], since "4.5", "Its limit of memory; unknown where it has none";
            MemoryUsedPct = "memory_used_pct", Real, Percent, [gauge], since "4.5", "Working set of its limit; of several containers that which is nearest to its own";
        }
        Containers from "/sys/fs/cgroup/…/memory.events" {
            MemoryHighPerS = "memory_high_per_s", Real, PerSecond, [counter summed], since "4.5", "Times that it was slowed down at memory.high";
            MemoryMaxPerS = "memory_max_per_s", Real, PerSecond, [counter summed], since "4.5", "Times that it came to its limit of memory";
            OomsPerS = "ooms_per_s", Real, PerSecond, [counter summed], since "4.5", "Times that its limit of memory was not to be kept";
            OomKillsPerS = "oom_kills_per_s", Real, PerSecond, [counter summed], since "4.13", "Processes of it killed for want of memory; those of a container that ended with them are not seen";
        }
        Containers from "/sys/fs/cgroup/…/io.stat" {
            ReadBytesPerS = "read_bytes_per_s", Real, BytesPerSecond, [counter summed], since "4.5", "Bytes read from disks";
            WrittenBytesPerS = "written_bytes_per_s", Real, BytesPerSecond, [counter summed], since "4.5", "Bytes written to disks";
            ReadsPerS = "reads_per_s", Real, PerSecond, [counter summed], since "4.5", "Reads from disks";
            WritesPerS = "writes_per_s", Real, PerSecond, [counter summed], since "4.5", "Writes to disks";
        }
        Containers from "/sys/fs/cgroup/…/pids.current" {
            Pids = "pids", Whole, Count, [gauge], since "4.5", "Processes and threads";
            PidsLimit = "pids_limit", Whole, Count, [gauge], since "4.5", "Its limit of them; unknown where it has none";
        }
        Containers from "/sys/fs/cgroup/…/*.pressure" {
            PressureCpuSomePct = "pressure_cpu_some_pct", Real, Percent, [share summed], since "4.20", "Share of time in which some of its tasks waited for CPU; of several containers the most";
            PressureCpuFullPct = "pressure_cpu_full_pct", Real, Percent, [share summed], since "5.13", "Share of time in which all of its tasks waited for CPU";
            PressureMemorySomePct = "pressure_memory_some_pct", Real, Percent, [share summed], since "4.20", "Share of time in which some of its tasks waited for memory";
            PressureMemoryFullPct = "pressure_memory_full_pct", Real, Percent, [share summed], since "4.20", "Share of time in which all of its tasks waited for memory";
            PressureIoSomePct = "pressure_io_some_pct", Real, Percent, [share summed], since "4.20", "Share of time in which some of its tasks waited for disks";
            PressureIoFullPct = "pressure_io_full_pct", Real, Percent, [share summed], since "4.20", "Share of time in which all of its tasks waited for disks";
        }
    }
}
