//! Host-wide counters: what each becomes once two snapshots of the same boot are there.

use super::Column;

macro_rules! counters {
    ($( $Variant:ident => $Column:ident * $scale:expr; )*) => {
        /// Host-wide counters: each becomes one column, its rate per second times a scale. The rates of
        /// counters that share a column are added.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Counter { $( #[doc = concat!("Becomes `Column::", stringify!($Column), "`.")] $Variant, )* }

        impl Counter {
            /// Every counter.
            pub const ALL: &'static [Self] = &[$( Self::$Variant, )*];

            /// The column that its rate is kept in, and what a rate per second is multiplied by to
            /// be in that column's unit.
            #[must_use]
            pub fn column(self) -> (Column, f64) {
                match self { $( Self::$Variant => (Column::$Column, $scale), )* }
            }

            /// Whether it is the part of its column that IPv6 adds to what IPv4 counts: a kernel without
            /// IPv6 has none, and then IPv4 is all.
            #[must_use]
            pub fn is_of_ipv6(self) -> bool {
                matches!(
                    self,
                    Self::Udp6InDatagrams
                        | Self::Udp6OutDatagrams
                        | Self::Udp6NoPorts
                        | Self::Udp6InErrors
                        | Self::Udp6ReceiveBufferErrors
                        | Self::Udp6SendBufferErrors
                )
            }
        }
    };
}

/// A stall of 1 microsecond per second is a share of 0.0001 %.
const STALL_PCT: f64 = 1e-4;

counters! {
    ContextSwitches => ContextSwitchesPerS * 1.0;
    Interrupts => InterruptsPerS * 1.0;
    Softirqs => SoftirqsPerS * 1.0;
    Forks => ForksPerS * 1.0;
    PressureCpuSomeUs => PressureCpuSomePct * STALL_PCT;
    PressureCpuFullUs => PressureCpuFullPct * STALL_PCT;
    PressureMemorySomeUs => PressureMemorySomePct * STALL_PCT;
    PressureMemoryFullUs => PressureMemoryFullPct * STALL_PCT;
    PressureIoSomeUs => PressureIoSomePct * STALL_PCT;
    PressureIoFullUs => PressureIoFullPct * STALL_PCT;
    PressureIrqFullUs => PressureIrqFullPct * STALL_PCT;
    PageFaults => PageFaultsPerS * 1.0;
    MajorPageFaults => MajorPageFaultsPerS * 1.0;
    PagedInKib => PagedInBytesPerS * 1024.0;
    PagedOutKib => PagedOutBytesPerS * 1024.0;
    SwappedInPages => SwappedInPagesPerS * 1.0;
    SwappedOutPages => SwappedOutPagesPerS * 1.0;
    ScannedKswapdPages => ScannedKswapdPagesPerS * 1.0;
    ScannedDirectPages => ScannedDirectPagesPerS * 1.0;
    StolenKswapdPages => StolenKswapdPagesPerS * 1.0;
    StolenDirectPages => StolenDirectPagesPerS * 1.0;
    AllocationStalls => AllocationStallsPerS * 1.0;
    CompactionStalls => CompactionStallsPerS * 1.0;
    OomKills => OomKillsPerS * 1.0;
    RefaultsAnonPages => RefaultsAnonPagesPerS * 1.0;
    RefaultsFilePages => RefaultsFilePagesPerS * 1.0;
    TcpActiveOpens => TcpActiveOpensPerS * 1.0;
    TcpPassiveOpens => TcpPassiveOpensPerS * 1.0;
    TcpAttemptFails => TcpAttemptFailsPerS * 1.0;
    TcpEstablishedResets => TcpEstablishedResetsPerS * 1.0;
    TcpInSegments => TcpInSegmentsPerS * 1.0;
    TcpOutSegments => TcpOutSegmentsPerS * 1.0;
    TcpRetransmittedSegments => TcpRetransmittedSegmentsPerS * 1.0;
    TcpInErrors => TcpInErrorsPerS * 1.0;
    TcpOutResets => TcpOutResetsPerS * 1.0;
    UdpInDatagrams => UdpInDatagramsPerS * 1.0;
    UdpOutDatagrams => UdpOutDatagramsPerS * 1.0;
    UdpNoPorts => UdpNoPortsPerS * 1.0;
    UdpInErrors => UdpInErrorsPerS * 1.0;
    UdpReceiveBufferErrors => UdpReceiveBufferErrorsPerS * 1.0;
    UdpSendBufferErrors => UdpSendBufferErrorsPerS * 1.0;
    Udp6InDatagrams => UdpInDatagramsPerS * 1.0;
    Udp6OutDatagrams => UdpOutDatagramsPerS * 1.0;
    Udp6NoPorts => UdpNoPortsPerS * 1.0;
    Udp6InErrors => UdpInErrorsPerS * 1.0;
    Udp6ReceiveBufferErrors => UdpReceiveBufferErrorsPerS * 1.0;
    Udp6SendBufferErrors => UdpSendBufferErrorsPerS * 1.0;
    TcpListenOverflows => TcpListenOverflowsPerS * 1.0;
    TcpListenDrops => TcpListenDropsPerS * 1.0;
    TcpTimeouts => TcpTimeoutsPerS * 1.0;
    TcpSynRetransmits => TcpSynRetransmitsPerS * 1.0;
    ProbeCpuUs => ProbeCpuPct * 1e-4;
}

/// The host-wide counters of one snapshot; what was not read has no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counters([Option<u64>; Counter::ALL.len()]);

impl Default for Counters {
    fn default() -> Self {
        Self([None; Counter::ALL.len()])
    }
}

impl Counters {
    /// The counter's value.
    #[must_use]
    pub fn get(&self, counter: Counter) -> Option<u64> {
        self.0[counter as usize]
    }

    /// Sets the counter's value.
    pub fn set(&mut self, counter: Counter, value: Option<u64>) {
        self.0[counter as usize] = value;
    }
}
