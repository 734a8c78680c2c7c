//! Wire to model and back: the only file of the server, with those below it, that knows the wire's
//! messages. An answer leaves here checked, bounded and in the server's units.
//!
//! What cannot be taken over costs no more than itself: a number that cannot be is unknown, a row
//! that is too much, too long or there twice is left out, and its family's report says so. Refused is
//! an answer that cannot be read, or that names no clock and no machine for its numbers.
//!
//! A newer probe may send families, statuses and views that are not known here: they are passed by.
//! An older one may leave out messages: what it does not send is unknown, never 0.

mod fields;
mod host_wide;
mod left_out;
mod serving;
mod tables;
mod container_name;
mod containers;

use std::sync::Arc;

use prost::{Message as _, bytes::Bytes};
use roundsman_proto::v1;
pub use serving::Serving;
pub(super) use serving::{health_request, serving};

use super::text::known;
use crate::{
    model::{
        Clocks, Cost, Facts, Family, FamilyReport, MAX_REPORT_BYTES, NameFilter, Outcome,
        ProbeView, Selection, Snapshot, Status,
    },
    text::one_line,
    units::WallMs,
};

/// The contract that this server reads: `Snapshot.protocol`.
pub const PROTOCOL: u32 = 1;

/// The longest text of a machine's facts, bytes.
pub const MAX_FACT_BYTES: usize = 256;
/// Digits of a machine id, machine-id(5).
const MACHINE_ID_DIGITS: usize = 32;

/// Something of which an answer may hold only so much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// CPU cores: 8192, the kernel's own NR_CPUS limit.
    Cores,
    /// Network interfaces: 4096.
    Interfaces,
    /// Block devices: 4096.
    Disks,
    /// Mounted filesystems: 4096.
    Mounts,
    /// Named processes: 200, twice the most that can be asked for.
    Processes,
    /// Containers sent in full: 200, twice the most that a probe sends.
    Containers,
    /// Further containers: 4096.
    OtherContainers,
    /// Fields of the answer and of the messages in it: 65536. What is found beyond is not counted.
    Fields,
    /// Bytes in the name of an interface, a device or a filesystem type: 256.
    NameBytes,
    /// Bytes in a mount point or its source: 4096, PATH_MAX.
    PathBytes,
}

impl Limit {
    /// The most that is accepted.
    #[must_use]
    pub const fn max(self) -> usize {
        match self {
            Self::Cores => 8192,
            Self::Interfaces
            | Self::Disks
            | Self::Mounts
            | Self::PathBytes
            | Self::OtherContainers => 4096,
            Self::Processes | Self::Containers => 200,
            Self::Fields => 65_536,
            Self::NameBytes => 256,
        }
    }

    const fn words(self) -> &'static str {
        match self {
            Self::Cores => "CPU cores",
            Self::Interfaces => "network interfaces",
            Self::Disks => "block devices",
            Self::Mounts => "filesystems",
            Self::Processes => "processes",
            Self::Containers => "containers",
            Self::OtherContainers => "further containers",
            Self::Fields => "fields",
            Self::NameBytes => "bytes in a name",
            Self::PathBytes => "bytes in a path",
        }
    }
}

/// Why an answer is not what the contract says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Not protobuf, or not these messages.
    #[error("the answer is not protobuf of this contract: {0}")]
    Protobuf(#[from] prost::DecodeError),
    /// Another version of the contract.
    #[error(
        "the probe speaks protocol {found}, this server speaks {PROTOCOL}; upgrade the older one"
    )]
    Protocol {
        /// What it speaks.
        found: u32,
    },
    /// Something without which no rate can be computed.
    #[error("the answer lacks {0}")]
    Missing(&'static str),
    /// More than the server decodes.
    #[error("the answer holds more than {} fields", Limit::Fields.max())]
    TooManyFields,
}

impl DecodeError {
    /// The outcome that this is.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        match self {
            Self::Protobuf(_) | Self::Protocol { .. } | Self::Missing(_) => Outcome::Malformed,
            Self::TooManyFields => Outcome::TooLarge,
        }
    }
}

/// The encoded request for a selection.
fn request(selection: &Selection) -> Bytes {
    let filter = |names: &NameFilter| {
        let v1 = v1::Filter { include: names.include.clone(), exclude: names.exclude.clone() };
        (*names != NameFilter::default()).then_some(v1)
    };
    let request = v1::GetMetricsRequest {
        families: selection.families.iter().map(|family| wire_family(*family).into()).collect(),
        devices: filter(&selection.devices),
        mounts: filter(&selection.mounts),
        interfaces: filter(&selection.interfaces),
        top_processes: selection.top_processes,
        tcp_ext: selection.tcp_ext,
    };
    request.encode_to_vec().into()
}

/// Decodes and checks the bytes of an answer, a `roundsman.v1.Snapshot`.
///
/// # Errors
/// [`DecodeError`]; nothing of such an answer is kept.
pub fn snapshot(answer: &[u8]) -> Result<Box<Snapshot>, DecodeError> {
    Wire::default().snapshot(answer)
}

/// Answers up to this many bytes leave the memory of their columns to the next one: those of machines
/// of some hundred cores. Were each column filled by a byte per number, that is 15 MB.
const KEPT_ANSWER_BYTES: usize = 32 * 1024;

/// What one poll leaves to the next, of whichever host. Of an answer, the memory of its columns: 57
/// lists, each of which would grow entry by entry. Of a request, all of it: hosts mostly ask alike.
#[derive(Debug, Default)]
pub(super) struct Wire {
    answer: v1::Snapshot,
    asked: Option<(Arc<Selection>, Bytes)>,
}

impl Wire {
    /// The encoded request for a selection.
    pub(super) fn request(&mut self, selection: &Arc<Selection>) -> Bytes {
        match &self.asked {
            Some((asked, bytes)) if asked == selection => bytes.clone(),
            _ => {
                let bytes = request(selection);
                self.asked = Some((Arc::clone(selection), bytes.clone()));
                bytes
            }
        }
    }

    /// As [`snapshot`].
    pub(super) fn snapshot(&mut self, answer: &[u8]) -> Result<Box<Snapshot>, DecodeError> {
        fields::hold(answer)?;
        self.answer = emptied(std::mem::take(&mut self.answer));
        let decoded = self.answer.merge(answer).map_err(DecodeError::from);
        let decoded = decoded.and_then(|()| checked(&self.answer));
        if answer.len() > KEPT_ANSWER_BYTES {
            self.answer = v1::Snapshot::default();
        }
        decoded
    }
}

/// A message without content, whose columns still have the memory that they had. A table without
/// rows is the same as none.
fn emptied(used: v1::Snapshot) -> v1::Snapshot {
    fn clear<M: prost::Message>(mut message: M) -> M {
        message.clear();
        message
    }
    let cores = used.cpu.and_then(|cpu| cpu.cores).map(clear);
    v1::Snapshot {
        cpu: cores.map(|cores| v1::Cpu { total: None, cores: Some(cores) }),
        softirq: used.softirq.map(clear),
        network: used.network.map(clear),
        disk: used.disk.map(clear),
        ..v1::Snapshot::default()
    }
}

/// Nanoseconds since boot that no kernel counts to: its time is a signed 64-bit number (ktime_t).
const MAX_BOOTTIME_NS: u64 = 1 << 63;

fn checked(wire: &v1::Snapshot) -> Result<Box<Snapshot>, DecodeError> {
    if wire.protocol != PROTOCOL {
        return Err(DecodeError::Protocol { found: wire.protocol });
    }
    let identity = wire.identity.as_ref().ok_or(DecodeError::Missing("its identity"))?;
    if identity.ticks_per_second == 0 {
        return Err(DecodeError::Missing("ticks per second"));
    }
    let clocks = wire
        .clocks
        .filter(|clocks| clocks.boottime_ns > 0 && clocks.boottime_ns < MAX_BOOTTIME_NS)
        .ok_or(DecodeError::Missing("the probe's clocks"))?;
    let page = page_size(identity);
    let cpu = wire.cpu.as_ref();
    let (gauges, counters) = host_wide::values(wire, page);
    let cores = tables::cores(cpu.and_then(|cpu| cpu.cores.as_ref()));
    let softirqs = tables::softirqs(wire.softirq.as_ref());
    let interfaces = tables::interfaces(wire.network.as_ref());
    let disks = tables::disks(wire.disk.as_ref());
    let mounts = tables::mounts(wire.filesystem.as_ref());
    let processes = tables::processes(wire.processes.as_ref(), page);
    let containers = containers::containers(wire.containers.as_ref());
    let flaws = [
        cores.flaw(Family::Cpu),
        softirqs.flaw(Family::Softirq),
        interfaces.flaw(Family::Network),
        disks.flaw(Family::Disk),
        mounts.flaw(Family::Filesystem),
        processes.flaw(Family::Processes),
        containers.flaw(Family::Containers),
    ];
    let mut snapshot = Box::new(Snapshot {
        gauges,
        facts: facts(identity),
        clocks: Clocks { wall_ns: clocks.wall_ns, boottime_ns: clocks.boottime_ns },
        view: match wire.view() {
            v1::View::Host => ProbeView::Host,
            v1::View::Container => ProbeView::Container,
            v1::View::Unspecified | v1::View::Unknown => ProbeView::Unknown,
        },
        ticks_per_second: identity.ticks_per_second,
        certificate_ends: identity
            .certificate_ends_s
            .and_then(|ends| ends.checked_mul(1_000))
            .map(WallMs),
        reports: Vec::with_capacity(wire.reports.len().min(Family::ALL.len())),
        cost: wire.cost.as_ref().map(cost).unwrap_or_default(),
        counters,
        cpu: cpu.and_then(|cpu| cpu.total).map(tables::ticks).unwrap_or_default(),
        cores: cores.rows,
        processes: processes.rows,
        containers: containers.rows,
        softirqs: softirqs.rows,
        interfaces: interfaces.rows,
        disks: disks.rows,
        mounts: mounts.rows,
    });
    report(&mut snapshot, &wire.reports);
    for (family, status, words) in flaws.into_iter().flatten() {
        snapshot.amend(family, status, &words);
    }
    snapshot.say_what_goes_by_names();
    Ok(snapshot)
}

/// Bytes in a page; 0 where they are unknown. A page is a power of two, of at most 1 MiB on any
/// architecture of the kernel.
fn page_size(identity: &v1::Identity) -> u32 {
    let bytes = identity.page_size_bytes;
    if bytes.is_power_of_two() && bytes <= 1 << 20 { bytes } else { 0 }
}

fn facts(identity: &v1::Identity) -> Facts {
    let text = |text: &Option<String>| known(text.as_deref(), MAX_FACT_BYTES);
    Facts {
        machine_id: identity.machine_id.as_deref().and_then(machine_id),
        boot_id: text(&identity.boot_id),
        hostname: text(&identity.hostname),
        kernel: text(&identity.kernel),
        os: text(&identity.os),
        architecture: text(&identity.architecture),
        probe_version: known(Some(&identity.probe_version), MAX_FACT_BYTES),
        cpus: identity.cpus.filter(|cpus| (*cpus as usize) <= Limit::Cores.max()),
    }
}

/// A machine id that tells machines apart: 32 hex digits. systemd leaves "uninitialized" in the
/// file of an image that has not booted yet, and every such host would be the same machine.
fn machine_id(text: &str) -> Option<Arc<str>> {
    let text = text.trim();
    let hex = text.len() == MACHINE_ID_DIGITS && text.bytes().all(|b| b.is_ascii_hexdigit());
    let zero = text.bytes().all(|b| b == b'0');
    (hex && !zero).then(|| text.to_ascii_lowercase().into())
}

fn cost(cost: &v1::Cost) -> Cost {
    Cost { peak_rss_bytes: cost.peak_rss_bytes, collect_us: cost.collect_us }
}

/// Takes over the first report of each family.
fn report(snapshot: &mut Snapshot, wire: &[v1::FamilyReport]) {
    for report in wire {
        let Some(family) = family(report.family()) else { continue };
        if snapshot.reports.iter().any(|other| other.family == family) {
            snapshot.amend(family, Status::Partial, "reported more than once");
            continue;
        }
        let mut error = one_line(&report.error, MAX_REPORT_BYTES);
        let status = status(report.status).unwrap_or_else(|| {
            if error.is_empty() {
                error = format!("the probe reports status {}, not known here", report.status);
            }
            Status::Partial
        });
        snapshot.reports.push(FamilyReport { family, status, spent_us: report.spent_us, error });
    }
}

/// A status that is known here.
fn status(wire: i32) -> Option<Status> {
    match v1::Status::try_from(wire).ok()? {
        v1::Status::Unspecified => None,
        v1::Status::Ok => Some(Status::Ok),
        v1::Status::Partial => Some(Status::Partial),
        v1::Status::Absent => Some(Status::Absent),
        v1::Status::Denied => Some(Status::Denied),
        v1::Status::Timeout => Some(Status::Timeout),
        v1::Status::Hung => Some(Status::Hung),
        v1::Status::Malformed => Some(Status::Malformed),
    }
}

/// A family that is known here.
fn family(wire: v1::Family) -> Option<Family> {
    Family::ALL.iter().copied().find(|family| wire_family(*family) == wire)
}

fn wire_family(family: Family) -> v1::Family {
    match family {
        Family::Cpu => v1::Family::Cpu,
        Family::Load => v1::Family::Load,
        Family::Memory => v1::Family::Memory,
        Family::Softirq => v1::Family::Softirq,
        Family::Network => v1::Family::Network,
        Family::Disk => v1::Family::Disk,
        Family::Filesystem => v1::Family::Filesystem,
        Family::System => v1::Family::System,
        Family::Pressure => v1::Family::Pressure,
        Family::Vmstat => v1::Family::Vmstat,
        Family::Sockets => v1::Family::Sockets,
        Family::Processes => v1::Family::Processes,
        Family::Containers => v1::Family::Containers,
    }
}

#[cfg(test)]
mod tests;
