//! What repeats: cores, interfaces, disks, filesystems, processes.

use std::sync::{Arc, LazyLock};

use roundsman_proto::v1;

use super::{DecodeError, Limit, status};
use crate::model::{
    CPU_STATES, CpuTicks, DISK_COLUMNS, Layer, Mount, NET_COLUMNS, Process, SOFTIRQ_COLUMNS, Space,
    Status, Table, UnevenColumn,
};

/// Stands for a control character in the name of a device or a mount. Not left out: two names must
/// not become one.
const CONTROL_MARK: char = '\u{fffd}';

pub(super) fn ticks(times: v1::CpuTimes) -> CpuTicks {
    [
        times.user,
        times.nice,
        times.system,
        times.idle,
        times.iowait,
        times.irq,
        times.softirq,
        times.steal,
        times.guest,
        times.guest_nice,
    ]
}

pub(super) fn cores(cores: Option<&v1::Cores>) -> Result<Table<CPU_STATES>, DecodeError> {
    let Some(c) = cores else { return Ok(Table::default()) };
    let columns = [
        &c.user,
        &c.nice,
        &c.system,
        &c.idle,
        &c.iowait,
        &c.irq,
        &c.softirq,
        &c.steal,
        &c.guest,
        &c.guest_nice,
    ];
    table("Cores", core_names(&c.core)?, columns)
}

pub(super) fn softirqs(
    softirqs: Option<&v1::Softirq>,
) -> Result<Table<SOFTIRQ_COLUMNS>, DecodeError> {
    let Some(s) = softirqs else { return Ok(Table::default()) };
    let columns = [
        &s.hi,
        &s.timer,
        &s.net_tx,
        &s.net_rx,
        &s.block,
        &s.irq_poll,
        &s.tasklet,
        &s.sched,
        &s.hrtimer,
        &s.rcu,
    ];
    table("Softirq", core_names(&s.core)?, columns)
}

pub(super) fn interfaces(network: Option<&v1::Network>) -> Result<Table<NET_COLUMNS>, DecodeError> {
    let Some(n) = network else { return Ok(Table::default()) };
    Limit::Interfaces.hold(n.interface.len())?;
    let columns = [
        &n.rx_bytes,
        &n.rx_packets,
        &n.rx_errors,
        &n.rx_dropped,
        &n.rx_fifo,
        &n.rx_frame,
        &n.rx_compressed,
        &n.rx_multicast,
        &n.tx_bytes,
        &n.tx_packets,
        &n.tx_errors,
        &n.tx_dropped,
        &n.tx_fifo,
        &n.tx_collisions,
        &n.tx_carrier,
        &n.tx_compressed,
    ];
    let table = table("Network", names(&n.interface, Limit::NameBytes)?, columns)?;
    layered("Network", table, &n.layer)
}

pub(super) fn disks(disk: Option<&v1::Disk>) -> Result<Table<DISK_COLUMNS>, DecodeError> {
    let Some(d) = disk else { return Ok(Table::default()) };
    Limit::Disks.hold(d.device.len())?;
    let columns = [
        &d.reads,
        &d.reads_merged,
        &d.read_sectors,
        &d.read_ms,
        &d.writes,
        &d.writes_merged,
        &d.written_sectors,
        &d.write_ms,
        &d.in_flight,
        &d.io_ms,
        &d.weighted_io_ms,
        &d.discards,
        &d.discards_merged,
        &d.discarded_sectors,
        &d.discard_ms,
        &d.flushes,
        &d.flush_ms,
    ];
    let table = table("Disk", names(&d.device, Limit::NameBytes)?, columns)?;
    layered("Disk", table, &d.layer)
}

pub(super) fn mounts(fs: &v1::Filesystem) -> Result<Vec<Mount>, DecodeError> {
    let rows = fs.mount_point.len();
    Limit::Mounts.hold(rows)?;
    let lengths = [
        fs.device.len(),
        fs.fs_type.len(),
        fs.status.len(),
        fs.read_only.len(),
        fs.block_size_bytes.len(),
        fs.blocks.len(),
        fs.blocks_free.len(),
        fs.blocks_available.len(),
        fs.inodes.len(),
        fs.inodes_free.len(),
        fs.aliases.len(),
        fs.superblock_read_only.len(),
    ];
    if let Some(column) = lengths.iter().position(|length| *length != 0 && *length != rows) {
        let source = UnevenColumn { column, found: lengths[column], expected: rows };
        return Err(DecodeError::Uneven { table: "Filesystem", source });
    }
    (0..rows)
        .map(|row| {
            let text = |column: &[String], limit| {
                column.get(row).map_or_else(|| Ok("".into()), |text| name(text, limit))
            };
            let status = fs
                .status
                .get(row)
                .map_or(Status::Ok, |wire| status(*wire).unwrap_or(Status::Malformed));
            Ok(Mount {
                mount_point: text(&fs.mount_point, Limit::PathBytes)?,
                device: text(&fs.device, Limit::PathBytes)?,
                fs_type: text(&fs.fs_type, Limit::NameBytes)?,
                status,
                read_only: fs.read_only.get(row).copied().unwrap_or_default(),
                superblock_read_only: fs.superblock_read_only.get(row).copied(),
                space: if status == Status::Ok { space(fs, row) } else { None },
            })
        })
        .collect()
}

/// Sizes in bytes; none when one is missing, or too large to be a size.
fn space(fs: &v1::Filesystem, row: usize) -> Option<Space> {
    let block = *fs.block_size_bytes.get(row)?;
    let bytes = |blocks: &[u64]| blocks.get(row)?.checked_mul(block);
    let inodes = fs.inodes.get(row).copied().filter(|inodes| *inodes > 0);
    Some(Space {
        size_bytes: bytes(&fs.blocks)?,
        free_bytes: bytes(&fs.blocks_free)?,
        available_bytes: bytes(&fs.blocks_available)?,
        inodes: inodes.zip(fs.inodes_free.get(row).copied()),
    })
}

pub(super) fn processes(
    processes: Option<&v1::Processes>,
    page_size_bytes: u32,
) -> Result<Vec<Process>, DecodeError> {
    // Without the size of a page their memory is unknown, and the row has no place for that.
    let Some(processes) = processes.filter(|_| page_size_bytes > 0) else {
        return Ok(Vec::new());
    };
    Limit::Processes.hold(processes.top.len())?;
    processes
        .top
        .iter()
        .map(|process| {
            Ok(Process {
                pid: process.pid,
                comm: name(&process.comm, Limit::NameBytes)?,
                state: name(&process.state, Limit::NameBytes)?,
                cpu_ticks: process.user_ticks.saturating_add(process.system_ticks),
                rss_bytes: process.rss_pages.saturating_mul(page_size_bytes.into()),
                start_ticks: process.start_ticks,
                threads: process.threads,
            })
        })
        .collect()
}

fn table<const N: usize>(
    table: &'static str,
    keys: Vec<Arc<str>>,
    columns: [&Vec<u64>; N],
) -> Result<Table<N>, DecodeError> {
    Table::new(keys, columns.map(Vec::as_slice))
        .map_err(|source| DecodeError::Uneven { table, source })
}

/// The table with what its probe says of each row; what is not known here is unknown.
fn layered<const N: usize>(
    table: &'static str,
    rows: Table<N>,
    layers: &[i32],
) -> Result<Table<N>, DecodeError> {
    let layer = |wire: &i32| match v1::Layer::try_from(*wire) {
        Ok(v1::Layer::Physical) => Layer::Physical,
        Ok(v1::Layer::Virtual) => Layer::Virtual,
        Ok(v1::Layer::Uplink) => Layer::Uplink,
        Ok(v1::Layer::Unspecified) | Err(_) => Layer::Unknown,
    };
    rows.with_layers(layers.iter().map(layer).collect())
        .map_err(|source| DecodeError::Uneven { table, source })
}

/// "0", "1" and so on, which every host of the fleet shares; larger machines have theirs made.
static CORE_NAMES: LazyLock<Vec<Arc<str>>> =
    LazyLock::new(|| (0..256).map(|core: u32| core.to_string().into()).collect());

fn core_names(cores: &[u32]) -> Result<Vec<Arc<str>>, DecodeError> {
    Limit::Cores.hold(cores.len())?;
    let name = |core: &u32| {
        let shared = usize::try_from(*core).ok().and_then(|core| CORE_NAMES.get(core));
        shared.map_or_else(|| core.to_string().into(), Arc::clone)
    };
    Ok(cores.iter().map(name).collect())
}

fn names(texts: &[String], limit: Limit) -> Result<Vec<Arc<str>>, DecodeError> {
    texts.iter().map(|text| name(text, limit)).collect()
}

fn name(text: &str, limit: Limit) -> Result<Arc<str>, DecodeError> {
    limit.hold(text.len())?;
    if text.contains(char::is_control) {
        return Ok(text.replace(char::is_control, &CONTROL_MARK.to_string()).into());
    }
    Ok(text.into())
}
