//! What one snapshot tells by itself: gauges, shares of a whole, filesystems.

use super::*;
use crate::model::{FamilyReport, FilesystemColumn, Mount, Space, Status};

#[test]
fn gauges_are_carried_over_and_completed() {
    let now = snapshot("a", 86_400)
        .gauge(Column::Load1, 0.25)
        .gauge(Column::MemTotalBytes, 1000.0)
        .gauge(Column::MemAvailableBytes, 250.0)
        .gauge(Column::SwapTotalBytes, 0.0)
        .gauge(Column::SwapFreeBytes, 0.0);
    let found = rates(None, &now);
    assert_eq!(value(&found, Column::Load1), Some(0.25));
    assert_eq!(value(&found, Column::MemUsedPct), Some(75.0));
    assert_eq!(value(&found, Column::SwapUsedPct), None, "no swap: a share of nothing");
    assert_eq!(value(&found, Column::UptimeS), Some(86_400.0));
    let with_swap = now.gauge(Column::SwapTotalBytes, 200.0).gauge(Column::SwapFreeBytes, 150.0);
    let found = rates(None, &with_swap);
    assert_eq!(value(&found, Column::SwapUsedPct), Some(25.0));
}

#[test]
fn what_one_snapshot_does_not_tell_is_unknown() {
    let nothing = snapshot("a", 0);
    let found = rates(None, &nothing);
    assert_eq!(value(&found, Column::UptimeS), None);
    let before_3_14 = snapshot("a", 0)
        .gauge(Column::MemTotalBytes, 1_000.0)
        .gauge(Column::MemFreeBytes, 300.0)
        .gauge(Column::MemCachedBytes, 200.0);
    let found = rates(None, &before_3_14);
    assert_eq!(value(&found, Column::MemUsedPct), None, "no guess without MemAvailable");
    assert_eq!(value(&found, Column::CpusOnline), None, "no core was read");
    let more_than_all = nothing
        .gauge(Column::MemTotalBytes, 1_000.0)
        .gauge(Column::MemAvailableBytes, 1_001.0)
        .cores(&[("0", TICKS), ("1", TICKS)]);
    let found = rates(None, &more_than_all);
    assert_eq!(value(&found, Column::MemUsedPct), None, "a share under 0");
    assert_eq!(value(&found, Column::CpusOnline), Some(2.0), "as many as were read");
    let mut told = more_than_all;
    told.facts.cpus = Some(64);
    let online = value(&rates(None, &told), Column::CpusOnline);
    assert_eq!(online, Some(64.0), "the kernel's own word counts, not what a filter left");
}

fn mount(point: &str, fs_type: &str, space: Option<Space>, status: Status) -> Mount {
    Mount {
        mount_point: point.into(),
        device: "/dev/x".into(),
        fs_type: fs_type.into(),
        status,
        read_only: fs_type == "squashfs",
        superblock_read_only: Some(fs_type == "squashfs"),
        space,
    }
}

#[test]
fn the_fullest_filesystem_is_told_and_images_and_unmeasured_ones_are_not_it() {
    let space = |size, free, available, inodes| {
        Some(Space { size_bytes: size, free_bytes: free, available_bytes: available, inodes })
    };
    let mut now = snapshot("a", 1);
    now.mounts = vec![
        // 1000 in all, 400 used, 100 kept for root: 400 of 900.
        mount("/", "ext4", space(1000, 600, 500, Some((100, 25))), Status::Ok),
        mount("/snap/x", "squashfs", space(50, 0, 0, Some((10, 0))), Status::Ok),
        mount("/nfs", "nfs4", None, Status::Hung),
        mount("/boot/efi", "vfat", space(100, 80, 80, None), Status::Ok),
        mount("/broken", "fuse.x", space(10, 20, 20, Some((5, 9))), Status::Ok),
        mount("/root/mnt", "fuse.y", None, Status::Denied),
    ];
    let rates = rates(None, &now);
    assert_eq!(value(&rates, Column::FsUsedMaxPct), Some(44.444));
    assert_eq!(value(&rates, Column::FsInodesUsedMaxPct), Some(75.0));
    assert_eq!(value(&rates, Column::FsMounts), Some(6.0));
    assert_eq!(value(&rates, Column::FsHung), Some(1.0));
    assert_eq!(value(&rates, Column::FsReadOnly), Some(0.0), "an image is no dying disk");
    let rows = &rates.detail.filesystems;
    assert_eq!(row(rows, "/snap/x").values.get(FilesystemColumn::UsedPct), Some(100.0));
    assert_eq!(known(row(rows, "/nfs")), ["read_only"]);
    assert_eq!(row(rows, "/nfs").labels[3].as_ref(), "hung");
    assert_eq!(row(rows, "/boot/efi").values.get(FilesystemColumn::InodesUsedPct), None);
    assert_eq!(row(rows, "/broken").values.get(FilesystemColumn::UsedPct), None);
}

#[test]
fn an_image_is_told_by_its_room_and_not_by_its_type() {
    let fullest = |fs_type: &str, read_only, inodes| {
        let mut now = snapshot("a", 1);
        let space =
            |free| Space { size_bytes: 100, free_bytes: free, available_bytes: free, inodes };
        let mut full = mount("/x", fs_type, Some(space(0)), Status::Ok);
        (full.read_only, full.superblock_read_only) = (read_only, Some(read_only));
        now.mounts = vec![mount("/", "ext4", Some(space(90)), Status::Ok), full];
        value(&rates(None, &now), Column::FsUsedMaxPct)
    };
    assert_eq!(fullest("overlay", true, Some((9, 9))), Some(10.0), "the root of an image");
    assert_eq!(fullest("fuse.squashfuse", false, Some((9, 0))), Some(10.0));
    assert_eq!(
        fullest("xfs", false, Some((9, 0))),
        Some(100.0),
        "full, and it makes inodes of blocks"
    );
    assert_eq!(fullest("ext4", false, Some((9, 5))), Some(100.0));
    assert_eq!(fullest("fuse.sshfs", false, None), Some(100.0));
}

#[test]
fn read_only_is_the_filesystem_and_not_one_of_its_mounts() {
    let told = |mount_read_only, superblock| {
        let mut now = snapshot("a", 1);
        let space = Space { size_bytes: 100, free_bytes: 9, available_bytes: 9, inodes: None };
        let mut bind = mount("/x", "ext4", Some(space), Status::Ok);
        (bind.read_only, bind.superblock_read_only) = (mount_read_only, superblock);
        now.mounts = vec![bind];
        value(&rates(None, &now), Column::FsReadOnly)
    };
    assert_eq!(told(true, Some(false)), Some(0.0));
    assert_eq!(told(true, Some(true)), Some(1.0));
    assert_eq!(told(true, None), Some(1.0), "an older probe says no more than that");
}

#[test]
fn no_mounts_are_zero_only_when_the_family_was_read() {
    let mut now = snapshot("a", 1);
    assert_eq!(value(&rates(None, &now), Column::FsMounts), None);
    let report = |status| FamilyReport {
        family: Family::Filesystem,
        status,
        spent_us: 1,
        error: String::new(),
    };
    now.reports = vec![report(Status::Timeout)];
    assert_eq!(value(&rates(None, &now), Column::FsMounts), None);
    now.reports = vec![report(Status::Ok)];
    assert_eq!(value(&rates(None, &now), Column::FsMounts), Some(0.0));
    assert_eq!(value(&rates(None, &now), Column::FsUsedMaxPct), None);
}

#[test]
fn an_empty_family_leaves_an_empty_list() {
    let rates = rates(Some(&snapshot("a", 1)), &snapshot("a", 2));
    assert_eq!(rates.detail, Detail::default());
}
