//! Every file and link of the host that the probe may read: one list, which the families read
//! through and `capture` copies, so that a captured tree always holds what a replay needs.

use crate::root::{Node, Place};

macro_rules! sources {
    ($( $(#[doc = $doc:literal])* $Name:ident = $place:expr; )*) => {
        /// A file that some family reads.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Source { $( $(#[doc = $doc])* $Name, )* }

        impl Source {
            /// All of them.
            pub const ALL: &'static [Self] = &[$( Self::$Name, )*];

            /// Where it is.
            #[must_use]
            pub const fn place(self) -> Place {
                match self { $( Self::$Name => $place, )* }
            }
        }
    };
}

// `1/...` is the host's first process, in whose namespaces the host's interfaces and mounts are.
// `<proc>/net` and `<proc>/mounts` would be the reader's own and are never read.
sources! {
    /// CPU times, boot time, interrupts, forks.
    Stat = Place::Proc("stat");
    /// Load averages.
    Loadavg = Place::Proc("loadavg");
    /// Memory.
    Meminfo = Place::Proc("meminfo");
    /// Soft interrupts per core.
    Softirqs = Place::Proc("softirqs");
    /// Interfaces.
    NetDev = Place::Proc("1/net/dev");
    /// Block devices.
    Diskstats = Place::Proc("diskstats");
    /// Mounts.
    Mountinfo = Place::Proc("1/mountinfo");
    /// Open files.
    FileNr = Place::Proc("sys/fs/file-nr");
    /// Entropy.
    Entropy = Place::Proc("sys/kernel/random/entropy_avail");
    /// Stalls for want of CPU.
    PressureCpu = Place::Proc("pressure/cpu");
    /// Stalls for want of memory.
    PressureMemory = Place::Proc("pressure/memory");
    /// Stalls for want of I/O.
    PressureIo = Place::Proc("pressure/io");
    /// Stalls in interrupts.
    PressureIrq = Place::Proc("pressure/irq");
    /// Paging and reclaim.
    Vmstat = Place::Proc("vmstat");
    /// Sockets.
    Sockstat = Place::Proc("1/net/sockstat");
    /// IPv6 sockets.
    Sockstat6 = Place::Proc("1/net/sockstat6");
    /// TCP and UDP.
    Snmp = Place::Proc("1/net/snmp");
    /// UDP over IPv6.
    Snmp6 = Place::Proc("1/net/snmp6");
    /// Routes of IPv4.
    Route = Place::Proc("1/net/route");
    /// Routes of IPv6.
    Route6 = Place::Proc("1/net/ipv6_route");
    /// TCP's finer counters.
    Netstat = Place::Proc("1/net/netstat");
    /// Connections that are tracked, a line per CPU.
    Conntrack = Place::Proc("1/net/stat/nf_conntrack");
    /// How many may be.
    ConntrackMax = Place::Proc("sys/net/netfilter/nf_conntrack_max");
    /// The machine's identity.
    MachineId = Place::Rootfs("etc/machine-id");
    /// The boot's identity.
    BootId = Place::Proc("sys/kernel/random/boot_id");
    /// The host's name as configured.
    EtcHostname = Place::Rootfs("etc/hostname");
    /// The name in the reader's own UTS namespace.
    Nodename = Place::Proc("sys/kernel/hostname");
    /// The kernel's release.
    Osrelease = Place::Proc("sys/kernel/osrelease");
    /// The distribution.
    OsRelease = Place::Rootfs("etc/os-release");
    /// The distribution, the vendor's copy (os-release(5)).
    VendorOsRelease = Place::Rootfs("usr/lib/os-release");
    /// The second process: kthreadd, in the initial pid namespace alone.
    SecondStat = Place::Proc("2/stat");
    /// The reader itself, for NSpid.
    OwnStatus = Place::Proc("self/status");
}

impl Source {
    /// Whether it is the machine's, the same for every reader: a file of procfs outside the
    /// directories of processes, which stand for their namespaces.
    #[must_use]
    pub fn is_machines(self) -> bool {
        match self.place() {
            Place::Rootfs(_) => false,
            Place::Proc(file) => {
                let top = file.split('/').next().unwrap_or_default();
                top != "self" && !top.bytes().all(|digit| digit.is_ascii_digit())
            }
        }
    }

    /// Whether a read(2) gives all that it has room for, so that a short one is the end, and asking
    /// again for it is not worth its price: files of disks, values of `/proc/sys`, and what the
    /// kernel prints as one record (single_open and single_open_net of seq_file). A list of many
    /// records (`vmstat`, `diskstats`, `1/mountinfo`, `1/net/dev`) stops short at every page.
    #[must_use]
    pub fn comes_whole(self) -> bool {
        match self.place() {
            Place::Rootfs(_) => true,
            Place::Proc(
                "stat" | "loadavg" | "meminfo" | "softirqs" | "2/stat" | "1/net/sockstat"
                | "1/net/sockstat6" | "1/net/snmp" | "1/net/snmp6" | "1/net/netstat",
            ) => true,
            Place::Proc(file) => self.is_value() || file.starts_with("pressure/"),
        }
    }

    /// Whether it is a single value, of `/proc/sys`.
    #[must_use]
    pub fn is_value(self) -> bool {
        matches!(self.place(), Place::Proc(file) if file.starts_with("sys/"))
    }
}

/// A namespace link: its target names the namespace, `pid:[4026531836]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Link {
    /// The first process's pid namespace; needs ptrace rights over it.
    InitPid,
    /// The reader's own pid namespace.
    OwnPid,
    /// The reader's own UTS namespace, which its nodename is of.
    OwnUts,
}

impl Link {
    /// All of them.
    pub const ALL: &'static [Self] = &[Self::InitPid, Self::OwnPid, Self::OwnUts];

    /// Where it is.
    #[must_use]
    pub const fn place(self) -> Place {
        Place::Proc(match self {
            Self::InitPid => "1/ns/pid",
            Self::OwnPid => "self/ns/pid",
            Self::OwnUts => "self/ns/uts",
        })
    }
}

/// What is read of one interface or block device in sysfs (Documentation/ABI/testing/sysfs-class-net
/// and sysfs-block).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fact {
    /// Where an interface is in the tree of devices; a link.
    Interface,
    /// The interface that it is a part of; a link.
    Master,
    /// The bus of the device behind it; a link.
    Bus,
    /// Its number.
    Number,
    /// The number of the interface below it; its own, when there is none.
    Below,
    /// The kind of its hardware, `ARPHRD_...`.
    Hardware,
    /// Which port of its device it is.
    Port,
    /// Where a block device is in the tree of devices; a link.
    Disk,
}

impl Fact {
    /// Those of an interface.
    pub const OF_INTERFACES: &'static [Self] = &[
        Self::Interface,
        Self::Master,
        Self::Bus,
        Self::Number,
        Self::Below,
        Self::Hardware,
        Self::Port,
    ];
    /// Those of a block device.
    pub const OF_DISKS: &'static [Self] = &[Self::Disk];

    /// Whether it is a link, whose target is what it says.
    #[must_use]
    pub const fn is_link(self) -> bool {
        matches!(self, Self::Interface | Self::Master | Self::Bus | Self::Disk)
    }

    /// Where it is for one device.
    #[must_use]
    pub const fn of(self, device: &str) -> Node<'_> {
        let (class, file) = match self {
            Self::Interface => ("net", None),
            Self::Master => ("net", Some("master")),
            Self::Bus => ("net", Some("device/subsystem")),
            Self::Number => ("net", Some("ifindex")),
            Self::Below => ("net", Some("iflink")),
            Self::Hardware => ("net", Some("type")),
            Self::Port => ("net", Some("phys_port_name")),
            Self::Disk => ("block", None),
        };
        Node { class, device, file }
    }
}
