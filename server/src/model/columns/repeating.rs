//! Columns of what a machine has several of: cores, interfaces, disks, mounts, processes.

use super::table::columns;

columns! {
    /// Columns per core.
    CoreColumn in [f64; 11] ["core"] {
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
    SoftirqColumn in [f64; 10] ["core"] {
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
    NetColumn in [f64; 16] ["interface"] {
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
    DiskColumn in [f64; 17] ["device"] {
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
    FilesystemColumn in [f64; 8] ["mount_point", "device", "fs_type", "status"] {
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
    ProcessColumn in [f64; 3] ["pid", "comm", "state"] {
        CpuPct = "cpu_pct", Real, Percent, Processes, "CPU used since the last poll, of one core";
        RssBytes = "rss_bytes", Whole, Bytes, Processes, "Resident memory";
        Threads = "threads", Whole, Count, Processes, "Threads";
    }
}
