//! What one snapshot tells by itself: shares of memory and of room on filesystems, uptime.

use super::{cpu, is_incomplete, real, report};
use crate::model::{Column, Family, FilesystemColumn, Mount, Row, Snapshot, Space, Status, Values};

/// Whether a filesystem is full from the day it is made: an image that nothing is ever written to.
/// It has its row, but would pin `fs_used_max_pct` at 100 on every host with a snap or an image as
/// its root. Told by what statvfs(3) says, whatever its type is called: it is read-only and no block
/// is free. An image behind FUSE is mounted writable, so there it is no free block and no free inode;
/// elsewhere that is a filesystem that is full (XFS and ZFS make inodes of free blocks).
fn is_image(mount: &Mount) -> bool {
    let Some(space) = mount.space.filter(|space| space.free_bytes == 0) else { return false };
    let is_fuse = mount.fs_type.starts_with("fuse");
    mount.read_only || (is_fuse && space.inodes.is_some_and(|(_, free)| free == 0))
}

/// Whether nobody can write to the filesystem, through whichever mount: what a dying disk looks like.
/// A bind mount that is read-only is not. An older probe tells only of the mount.
fn is_read_only(mount: &Mount) -> bool {
    mount.superblock_read_only.unwrap_or(mount.read_only) && !is_image(mount)
}

/// Fills the host-wide gauges that follow from others.
pub(super) fn fill(current: &Snapshot, values: &mut Values<Column>) {
    let gauge = |column| current.gauges.get(column);
    let used = |total: Option<f64>, left: Option<f64>| percent(total? - left?, total?);

    let (total, available) = (gauge(Column::MemTotalBytes), gauge(Column::MemAvailableBytes));
    values.set(Column::MemUsedPct, used(total, available));
    // Without swap the total is 0, and a share of nothing is unknown.
    let (total, free) = (gauge(Column::SwapTotalBytes), gauge(Column::SwapFreeBytes));
    values.set(Column::SwapUsedPct, used(total, free));

    let boottime_ns = current.clocks.boottime_ns;
    values.set(Column::UptimeS, (boottime_ns > 0).then(|| real(boottime_ns) / 1e9));
    values.set(Column::CpusOnline, cpu::online(current));
}

/// A row per mount, and the maxima and counts over them. A mount that did not answer has a row with
/// its status and no sizes.
pub(super) fn filesystems(
    current: &Snapshot,
    values: &mut Values<Column>,
) -> Vec<Row<FilesystemColumn>> {
    // No mounts and no report that says so: the family was not read, and 0 would be a guess.
    if current.mounts.is_empty() && report(current, Family::Filesystem).is_none_or(is_incomplete) {
        return Vec::new();
    }
    let (mut used_max, mut inodes_max) = (None, None);
    let rows = current.mounts.iter().map(|mount| {
        let row = row(mount);
        if !is_image(mount) {
            used_max = larger(used_max, row.values.get(FilesystemColumn::UsedPct));
            inodes_max = larger(inodes_max, row.values.get(FilesystemColumn::InodesUsedPct));
        }
        row
    });
    let rows = rows.collect();
    let count = |wanted: fn(&Mount) -> bool| {
        real(current.mounts.iter().filter(|mount| wanted(mount)).count() as u64)
    };
    values.set(Column::FsUsedMaxPct, used_max);
    values.set(Column::FsInodesUsedMaxPct, inodes_max);
    values.set(Column::FsMounts, count(|_| true));
    values.set(Column::FsHung, count(|mount| mount.status == Status::Hung));
    values.set(Column::FsReadOnly, count(is_read_only));
    rows
}

fn row(mount: &Mount) -> Row<FilesystemColumn> {
    let mut values = Values::default();
    values.set(FilesystemColumn::ReadOnly, if mount.read_only { 1.0 } else { 0.0 });
    if let Some(Space { size_bytes, free_bytes, available_bytes, inodes }) = mount.space {
        values.set(FilesystemColumn::SizeBytes, real(size_bytes));
        values.set(FilesystemColumn::FreeBytes, real(free_bytes));
        values.set(FilesystemColumn::AvailableBytes, real(available_bytes));
        // As df counts: what is kept for root counts neither as used nor as available.
        let used = size_bytes.checked_sub(free_bytes).map(real);
        let share = used.and_then(|used| percent(used, used + real(available_bytes)));
        values.set(FilesystemColumn::UsedPct, share);
        if let Some((all, free)) = inodes {
            values.set(FilesystemColumn::Inodes, real(all));
            values.set(FilesystemColumn::InodesFree, real(free));
            let used = all.checked_sub(free).map(real);
            let share = used.and_then(|used| percent(used, real(all)));
            values.set(FilesystemColumn::InodesUsedPct, share);
        }
    }
    let labels = vec![
        mount.mount_point.clone(),
        mount.device.clone(),
        mount.fs_type.clone(),
        mount.status.as_str().into(),
    ];
    Row { labels: labels.into(), values }
}

/// `part` of `whole` in percent; none when there is no whole, or the part is none of it.
fn percent(part: f64, whole: f64) -> Option<f64> {
    (whole > 0.0 && (0.0..=whole).contains(&part)).then(|| part / whole * 100.0)
}

/// The larger of two, of which either may be unknown.
pub(super) fn larger(a: Option<f64>, b: Option<f64>) -> Option<f64> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.max(b)),
        (one, None) | (None, one) => one,
    }
}
