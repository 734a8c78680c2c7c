//! Tables with their names and lengths; the numbers come with each answer.

use roundsman_proto::v1;

pub(super) fn core_rows(cores: u32) -> v1::Cores {
    let zeros = || vec![0; usize::try_from(cores).unwrap_or(0)];
    v1::Cores {
        core: (0..cores).collect(),
        user: zeros(),
        nice: zeros(),
        system: zeros(),
        idle: zeros(),
        iowait: zeros(),
        irq: zeros(),
        softirq: zeros(),
        steal: zeros(),
        guest: zeros(),
        guest_nice: zeros(),
    }
}

pub(super) fn network_rows(interfaces: &[&str]) -> v1::Network {
    let zeros = || vec![0; interfaces.len()];
    v1::Network {
        interface: interfaces.iter().map(ToString::to_string).collect(),
        rx_bytes: zeros(),
        rx_packets: zeros(),
        rx_errors: zeros(),
        rx_dropped: zeros(),
        rx_fifo: zeros(),
        rx_frame: zeros(),
        rx_compressed: zeros(),
        rx_multicast: zeros(),
        tx_bytes: zeros(),
        tx_packets: zeros(),
        tx_errors: zeros(),
        tx_dropped: zeros(),
        tx_fifo: zeros(),
        tx_collisions: zeros(),
        tx_carrier: zeros(),
        tx_compressed: zeros(),
        layer: interfaces.iter().map(|name| layer(*name != "lo")).collect(),
    }
}

fn layer(physical: bool) -> i32 {
    if physical { v1::Layer::Physical } else { v1::Layer::Virtual }.into()
}

pub(super) fn disk_rows(disks: &[&str]) -> v1::Disk {
    let zeros = || vec![0; disks.len()];
    v1::Disk {
        device: disks.iter().map(ToString::to_string).collect(),
        major: vec![259; disks.len()],
        minor: (0..).take(disks.len()).collect(),
        reads: zeros(),
        reads_merged: zeros(),
        read_sectors: zeros(),
        read_ms: zeros(),
        writes: zeros(),
        writes_merged: zeros(),
        written_sectors: zeros(),
        write_ms: zeros(),
        in_flight: zeros(),
        io_ms: zeros(),
        weighted_io_ms: zeros(),
        discards: zeros(),
        discards_merged: zeros(),
        discarded_sectors: zeros(),
        discard_ms: zeros(),
        flushes: zeros(),
        flush_ms: zeros(),
        layer: disks.iter().map(|_| layer(true)).collect(),
    }
}

/// Mount points and sizes in blocks of `block_bytes`.
pub(super) fn filesystem_rows(mounts: &[(&str, u64)], block_bytes: u64) -> v1::Filesystem {
    let rows = mounts.len();
    v1::Filesystem {
        mount_point: mounts.iter().map(|(mount, _)| (*mount).to_owned()).collect(),
        device: (1..=rows).map(|row| format!("/dev/mapper/vg-{row}")).collect(),
        fs_type: vec!["ext4".to_owned(); rows],
        status: vec![v1::Status::Ok.into(); rows],
        read_only: vec![false; rows],
        block_size_bytes: vec![block_bytes; rows],
        blocks: mounts.iter().map(|(_, blocks)| *blocks).collect(),
        blocks_free: vec![0; rows],
        blocks_available: vec![0; rows],
        inodes: mounts.iter().map(|(_, blocks)| blocks / 4).collect(),
        inodes_free: vec![0; rows],
        aliases: vec![0; rows],
        superblock_read_only: vec![false; rows],
    }
}
