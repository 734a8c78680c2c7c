//! What repeats: cores, interfaces, disks, filesystems, processes. A row that cannot be taken over is
//! left out and counted; a table whose columns cannot be told apart is left out as a whole.

use std::{
    collections::HashSet,
    hash::Hash,
    sync::{Arc, LazyLock},
};

use roundsman_proto::v1;
use smallvec::SmallVec;

use super::{
    Limit,
    left_out::{LeftOut, Reason},
    status,
};
use crate::{
    model::{
        CPU_STATES, CounterTable, CpuTicks, DISK_COLUMNS, Family, Layer, Mount, NET_COLUMNS,
        Process, SOFTIRQ_COLUMNS, Space, Status, UnevenColumn,
    },
    text,
};

/// The most processes and threads of a kernel, and so the largest number of one
/// (PID_MAX_LIMIT of include/linux/threads.h).
pub(super) const MAX_TASKS: u32 = 4 << 20;

/// Bytes in the largest block of a filesystem that is believed.
const MAX_BLOCK_BYTES: u64 = 1 << 30;

/// A table as it was taken over, and what was not.
#[derive(Debug, Default)]
pub(super) struct Taken<T> {
    pub(super) rows: T,
    left_out: LeftOut,
    uneven: Option<UnevenColumn>,
}

impl<T: Default> Taken<T> {
    pub(super) fn of(rows: T, left_out: LeftOut) -> Self {
        Self { rows, left_out, uneven: None }
    }

    pub(super) fn none(uneven: UnevenColumn) -> Self {
        Self { uneven: Some(uneven), ..Self::default() }
    }

    /// What its family's report has to say of it.
    pub(super) fn flaw(&self, family: Family) -> Option<(Family, Status, String)> {
        if let Some(uneven) = &self.uneven {
            let words = format!("left out by the server, because its table is uneven: {uneven}");
            return Some((family, Status::Malformed, words));
        }
        let words = (!self.left_out.is_empty()).then(|| self.left_out.to_string())?;
        Some((family, Status::Partial, words))
    }
}

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

pub(super) fn cores(cores: Option<&v1::Cores>) -> Taken<CounterTable<CPU_STATES>> {
    let Some(c) = cores else { return Taken::default() };
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
    table(&c.core, Limit::Cores, core, columns, &[])
}

pub(super) fn softirqs(softirqs: Option<&v1::Softirq>) -> Taken<CounterTable<SOFTIRQ_COLUMNS>> {
    let Some(s) = softirqs else { return Taken::default() };
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
    table(&s.core, Limit::Cores, core, columns, &[])
}

pub(super) fn interfaces(network: Option<&v1::Network>) -> Taken<CounterTable<NET_COLUMNS>> {
    let Some(n) = network else { return Taken::default() };
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
    table(&n.interface, Limit::Interfaces, |name| named(name, Limit::NameBytes), columns, &n.layer)
}

pub(super) fn disks(disk: Option<&v1::Disk>) -> Taken<CounterTable<DISK_COLUMNS>> {
    let Some(d) = disk else { return Taken::default() };
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
    table(&d.device, Limit::Disks, |name| named(name, Limit::NameBytes), columns, &d.layer)
}

pub(super) fn mounts(filesystem: Option<&v1::Filesystem>) -> Taken<Vec<Mount>> {
    let Some(fs) = filesystem else { return Taken::default() };
    let rows = fs.mount_point.len();
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
    if let Err(uneven) = even(lengths, rows) {
        return Taken::none(uneven);
    }
    let (mut left_out, mut seen) = (LeftOut::default(), SeenKeys::default());
    let rows = taken(rows, Limit::Mounts, &mut left_out);
    let mut mounts = Vec::with_capacity(rows);
    for row in 0..rows {
        let key = &fs.mount_point[row];
        match mount(fs, row).and_then(|mount| once(&mut seen, key).map(|()| mount)) {
            Ok(mount) => mounts.push(mount),
            Err(reason) => left_out.add(reason, 1, key),
        }
    }
    Taken::of(mounts, left_out)
}

fn mount(fs: &v1::Filesystem, row: usize) -> Result<Mount, Reason> {
    let text = |column: &[String], limit| {
        column.get(row).map_or_else(|| Ok("".into()), |text| name(text, limit))
    };
    let status =
        fs.status.get(row).map_or(Status::Ok, |wire| status(*wire).unwrap_or(Status::Malformed));
    Ok(Mount {
        mount_point: named(&fs.mount_point[row], Limit::PathBytes)?,
        device: text(&fs.device, Limit::PathBytes)?,
        fs_type: text(&fs.fs_type, Limit::NameBytes)?,
        status,
        read_only: fs.read_only.get(row).copied().unwrap_or_default(),
        superblock_read_only: fs.superblock_read_only.get(row).copied(),
        space: if status == Status::Ok { space(fs, row) } else { None },
    })
}

/// Sizes in bytes; none when one is missing, when they are more bytes than a file can be long
/// (loff_t), or when a part is larger than what it is a part of.
fn space(fs: &v1::Filesystem, row: usize) -> Option<Space> {
    let block = *fs.block_size_bytes.get(row)?;
    let bytes = |blocks: &[u64]| {
        let bytes = blocks.get(row)?.checked_mul(block)?;
        i64::try_from(bytes).is_ok().then_some(bytes)
    };
    let inodes = fs.inodes.get(row).copied().filter(|inodes| *inodes > 0);
    let space = Space {
        size_bytes: bytes(&fs.blocks)?,
        free_bytes: bytes(&fs.blocks_free)?,
        available_bytes: bytes(&fs.blocks_available)?,
        inodes: inodes.zip(fs.inodes_free.get(row).copied()).filter(|(all, free)| free <= all),
    };
    let can_be = (1..=MAX_BLOCK_BYTES).contains(&block)
        && space.available_bytes <= space.free_bytes
        && space.free_bytes <= space.size_bytes;
    can_be.then_some(space)
}

pub(super) fn processes(
    processes: Option<&v1::Processes>,
    page_size_bytes: u32,
) -> Taken<Vec<Process>> {
    // Without the size of a page their memory is unknown, and the row has no place for that.
    let Some(processes) = processes.filter(|_| page_size_bytes > 0) else {
        return Taken::default();
    };
    let (mut left_out, mut seen) = (LeftOut::default(), SeenKeys::default());
    let rows = taken(processes.top.len(), Limit::Processes, &mut left_out);
    let mut top = Vec::with_capacity(rows);
    for wire in &processes.top[..rows] {
        match process(wire, page_size_bytes).and_then(|p| once(&mut seen, &wire.pid).map(|()| p)) {
            Ok(process) => top.push(process),
            Err(reason) => left_out.add(reason, 1, &wire.comm),
        }
    }
    Taken::of(top, left_out)
}

fn process(wire: &v1::Process, page_size_bytes: u32) -> Result<Process, Reason> {
    let rss_bytes = wire.rss_pages.checked_mul(page_size_bytes.into());
    let rss_bytes = rss_bytes.filter(|bytes| i64::try_from(*bytes).is_ok());
    let can_be = wire.pid > 0 && wire.pid <= MAX_TASKS && wire.threads <= MAX_TASKS;
    Ok(Process {
        pid: wire.pid,
        comm: name(&wire.comm, Limit::NameBytes)?,
        state: name(&wire.state, Limit::NameBytes)?,
        cpu_ticks: wire.user_ticks.saturating_add(wire.system_ticks),
        rss_bytes: rss_bytes.filter(|_| can_be).ok_or(Reason::Impossible)?,
        start_ticks: wire.start_ticks,
        threads: wire.threads,
    })
}

/// A table of counters. `named` makes the key of a row of what the wire has in its place.
fn table<K: Ord + Hash + ToString, const N: usize>(
    keys: &[K],
    limit: Limit,
    named: fn(&K) -> Result<Arc<str>, Reason>,
    columns: [&Vec<u64>; N],
    layers: &[i32],
) -> Taken<CounterTable<N>> {
    let lengths = columns.into_iter().map(Vec::len).chain([layers.len()]);
    if let Err(uneven) = even(lengths, keys.len()) {
        return Taken::none(uneven);
    }
    let (mut left_out, mut seen) = (LeftOut::default(), SeenKeys::default());
    let rows = taken(keys.len(), limit, &mut left_out);
    let (mut names, mut kept) = (Vec::with_capacity(rows), Vec::with_capacity(rows));
    // Cores come in order, so that none can be there twice.
    let distinct = keys[..rows].is_sorted_by(|a, b| a < b);
    for (row, key) in keys[..rows].iter().enumerate() {
        let first = |name| if distinct { Ok(name) } else { once(&mut seen, key).map(|()| name) };
        match named(key).and_then(first) {
            Ok(name) => {
                names.push(name);
                kept.push(row);
            }
            Err(reason) => {
                names.push("".into());
                left_out.add(reason, 1, &key.to_string());
            }
        }
    }
    let columns = columns.map(|column| &column[..rows.min(column.len())]);
    let layers = layers.iter().take(rows).map(layer).collect();
    let all = match CounterTable::new(names, columns).and_then(|table| table.with_layers(layers)) {
        Ok(all) => all,
        Err(uneven) => return Taken::none(uneven),
    };
    Taken::of(if kept.len() == rows { all } else { all.of_rows(&kept) }, left_out)
}

/// Whether every column is empty or has as many entries as there are rows.
pub(super) fn even(
    lengths: impl IntoIterator<Item = usize>,
    rows: usize,
) -> Result<(), UnevenColumn> {
    let uneven =
        lengths.into_iter().enumerate().find(|(_, length)| *length != 0 && *length != rows);
    uneven.map_or(Ok(()), |(column, found)| Err(UnevenColumn { column, found, expected: rows }))
}

/// How many of so many rows are looked at.
pub(super) fn taken(rows: usize, limit: Limit, left_out: &mut LeftOut) -> usize {
    let beyond = rows.saturating_sub(limit.max());
    if beyond > 0 {
        left_out.add(Reason::Beyond(limit), beyond, "");
    }
    rows - beyond
}

/// Keys that there were already: the first few, which are looked through, and the others.
pub(super) struct SeenKeys<K: Copy>(SmallVec<[K; 16]>, HashSet<K>);

impl<K: Copy> Default for SeenKeys<K> {
    fn default() -> Self {
        Self(SmallVec::new(), HashSet::new())
    }
}

/// Keys are unique: what comes second is another thing of the same name, or the same once more.
pub(super) fn once<K: Eq + Hash + Copy>(
    SeenKeys(few, others): &mut SeenKeys<K>,
    key: K,
) -> Result<(), Reason> {
    if few.contains(&key) {
        return Err(Reason::Repeated);
    }
    if few.len() < few.inline_size() {
        few.push(key);
        return Ok(());
    }
    if others.insert(key) { Ok(()) } else { Err(Reason::Repeated) }
}

/// What a probe says of a row; what is not known here is unknown.
fn layer(wire: &i32) -> Layer {
    match v1::Layer::try_from(*wire) {
        Ok(v1::Layer::Physical) => Layer::Physical,
        Ok(v1::Layer::Virtual) => Layer::Virtual,
        Ok(v1::Layer::Uplink) => Layer::Uplink,
        Ok(v1::Layer::Unspecified) | Err(_) => Layer::Unknown,
    }
}

/// "0", "1" and so on, which every host of the fleet shares; larger machines have theirs made.
static CORE_NAMES: LazyLock<Vec<Arc<str>>> =
    LazyLock::new(|| (0..256).map(|core: u32| core.to_string().into()).collect());

/// A kernel that knows so many cores numbers them from 0.
fn core(number: &u32) -> Result<Arc<str>, Reason> {
    let core = usize::try_from(*number).ok().filter(|core| *core < Limit::Cores.max());
    let core = core.ok_or(Reason::Impossible)?;
    Ok(CORE_NAMES.get(core).map_or_else(|| number.to_string().into(), Arc::clone))
}

/// The name of a row.
pub(super) fn named(text: &str, limit: Limit) -> Result<Arc<str>, Reason> {
    if text.is_empty() { Err(Reason::Nameless) } else { name(text, limit) }
}

/// A text in which every character is seen, whole or not at all.
pub(super) fn name(text: &str, limit: Limit) -> Result<Arc<str>, Reason> {
    let long = Reason::TooLong(limit);
    if text.len() > limit.max() {
        return Err(long);
    }
    let name = text::name(text);
    if name.len() > limit.max() { Err(long) } else { Ok(name.into()) }
}
