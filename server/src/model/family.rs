//! The families of metrics.

use super::words::words;

words! {
    /// One kind of metrics.
    Family {
        /// CPU shares, total and per core.
        Cpu = "cpu";
        /// Load averages and tasks.
        Load = "load";
        /// Memory.
        Memory = "memory";
        /// Soft interrupts per core.
        Softirq = "softirq";
        /// Network interfaces.
        Network = "network";
        /// Block devices.
        Disk = "disk";
        /// Mounted filesystems.
        Filesystem = "filesystem";
        /// Uptime, context switches, interrupts, forks, file handles.
        System = "system";
        /// Pressure stall information.
        Pressure = "pressure";
        /// Paging and reclaim.
        Vmstat = "vmstat";
        /// Sockets and TCP/UDP.
        Sockets = "sockets";
        /// Processes by state and the largest of them.
        Processes = "processes";
        /// Containers, by their control groups.
        Containers = "containers";
    }
}
