//! Interfaces and disks: their rows, and the sums over those that are physical.

use super::*;
use crate::model::{CounterTable, DiskColumn, Layer, NetColumn};

#[test]
fn interfaces_have_rows_and_the_physical_ones_are_summed() {
    let before = snapshot("a", 100).interfaces(&[
        ("lo", [7; 16]),
        ("eth0", [1000; 16]),
        ("eth1", [0; 16]),
        ("docker0", [0; 16]),
    ]);
    let after = snapshot("a", 110).interfaces(&[
        ("lo", [107; 16]),
        ("eth1", [10; 16]), // moved up
        ("eth0", [1500; 16]),
        ("docker0", [500; 16]),
        ("eth2", [9999; 16]), // new
    ]);
    let rates = rates(Some(&before), &after);
    let rx = |name| row(&rates.detail.interfaces, name).values.get(NetColumn::RxBytesPerS);
    assert_eq!((rx("lo"), rx("eth0"), rx("eth1")), (Some(10.0), Some(50.0), Some(1.0)));
    assert_eq!((rx("docker0"), rx("eth2")), (Some(50.0), None));
    for column in NET_COLUMNS_SUMMED {
        assert_eq!(value(&rates, column), Some(51.0), "{column:?}");
    }
}

const NET_COLUMNS_SUMMED: [Column; 8] = [
    Column::NetRxBytesPerS,
    Column::NetRxPacketsPerS,
    Column::NetRxErrorsPerS,
    Column::NetRxDroppedPerS,
    Column::NetTxBytesPerS,
    Column::NetTxPacketsPerS,
    Column::NetTxErrorsPerS,
    Column::NetTxDroppedPerS,
];

#[test]
fn every_column_of_an_interface_comes_from_its_own_counter() {
    let after: [u64; 16] = std::array::from_fn(|column| column as u64 + 1);
    let (before, after) = (
        snapshot("a", 1).interfaces(&[("eth0", [0; 16])]),
        snapshot("a", 2).interfaces(&[("eth0", after)]),
    );
    let rates = rates(Some(&before), &after);
    let row = row(&rates.detail.interfaces, "eth0");
    for (index, column) in NetColumn::ALL.iter().enumerate() {
        assert_eq!(row.values.get(*column), Some(index as f64 + 1.0), "{column:?}");
    }
    assert_eq!(value(&rates, Column::NetTxDroppedPerS), Some(12.0));
}

#[test]
fn columns_of_a_disk_follow_from_the_growth_of_its_counters() {
    // reads merged sectors ms, writes merged sectors ms, in flight, io, weighted, discards merged
    // sectors ms, flushes ms
    let by = [20, 4, 160, 100, 0, 0, 0, 0, 0, 2_500, 15_000, 5, 1, 16, 50, 10, 30];
    let mut now = grow([100; 17], by);
    now[8] = 3; // in flight: a gauge, may fall
    let before = snapshot("a", 100).disks(&[("sda", [100; 17]), ("sda1", [0; 17])]);
    let after = snapshot("a", 110).disks(&[("sda", now), ("sda1", [0; 17])]);
    let rates = rates(Some(&before), &after);
    let disk = &row(&rates.detail.disks, "sda").values;
    let expected = [
        (DiskColumn::ReadsPerS, Some(2.0)),
        (DiskColumn::ReadsMergedPerS, Some(0.4)),
        (DiskColumn::ReadBytesPerS, Some(8192.0)),
        (DiskColumn::ReadAwaitMs, Some(5.0)),
        (DiskColumn::WritesPerS, Some(0.0)),
        (DiskColumn::WriteAwaitMs, None), // no write, so no time of a write
        (DiskColumn::InFlight, Some(3.0)),
        (DiskColumn::BusyPct, Some(25.0)),
        (DiskColumn::Queue, Some(1.5)),
        (DiskColumn::DiscardsPerS, Some(0.5)),
        (DiskColumn::DiscardsMergedPerS, Some(0.1)),
        (DiskColumn::DiscardedBytesPerS, Some(819.2)),
        (DiskColumn::DiscardAwaitMs, Some(10.0)),
        (DiskColumn::FlushesPerS, Some(1.0)),
        (DiskColumn::FlushAwaitMs, Some(3.0)),
    ];
    for (column, expected) in expected {
        assert_eq!(disk.get(column), expected, "{column:?}");
    }
    // The partition is in the disk already.
    assert_eq!(value(&rates, Column::DiskReadBytesPerS), Some(8192.0));
    assert_eq!(value(&rates, Column::DiskBusyMaxPct), Some(25.0));
}

#[test]
fn a_reset_device_has_no_value_and_makes_its_sum_unknown() {
    let mut replaced = [50; 16];
    replaced[2] = 2000; // errors grew, which proves nothing
    let before = snapshot("a", 100).interfaces(&[("eth0", [1000; 16]), ("eth1", [0; 16])]);
    let after = snapshot("a", 110).interfaces(&[("eth0", replaced), ("eth1", [10; 16])]);
    let rates = rates(Some(&before), &after);
    assert!(known(row(&rates.detail.interfaces, "eth0")).is_empty());
    assert_eq!(known(row(&rates.detail.interfaces, "eth1")).len(), 16);
    assert_eq!(value(&rates, Column::NetRxBytesPerS), None);
    assert_eq!(value(&rates, Column::NetRxErrorsPerS), None);
}

#[test]
fn a_reset_disk_makes_the_busiest_unknown_too() {
    let before = snapshot("a", 100).disks(&[("sda", [100; 17]), ("sdb", [100; 17])]);
    let after = snapshot("a", 110).disks(&[("sda", [99; 17]), ("sdb", [200; 17])]);
    let rates = rates(Some(&before), &after);
    assert_eq!(value(&rates, Column::DiskBusyMaxPct), None);
    assert_eq!(value(&rates, Column::DiskReadsPerS), None);
}

#[test]
fn a_reset_device_outside_the_sum_does_not_spoil_it() {
    let before = snapshot("a", 100).interfaces(&[("veth1", [1000; 16]), ("eth0", [0; 16])]);
    let after = snapshot("a", 110).interfaces(&[("veth1", [1; 16]), ("eth0", [10; 16])]);
    assert_eq!(value(&rates(Some(&before), &after), Column::NetRxBytesPerS), Some(1.0));
    // A mapping that is made anew under its old name, on a disk that went on.
    let before = snapshot("a", 100).disks(&[("dm-0", [1000; 17]), ("sda", [0; 17])]);
    let after = snapshot("a", 110).disks(&[("dm-0", [1; 17]), ("sda", [10; 17])]);
    let rates = rates(Some(&before), &after);
    assert_eq!(value(&rates, Column::DiskReadsPerS), Some(1.0));
    assert_eq!(value(&rates, Column::DiskBusyMaxPct), Some(0.1));
}

#[test]
fn a_sum_over_nothing_is_unknown() {
    let before = snapshot("a", 100).interfaces(&[("lo", [0; 16])]).disks(&[("loop0", [0; 17])]);
    let after = snapshot("a", 110)
        .interfaces(&[("lo", [10; 16]), ("eth0", [10; 16])])
        .disks(&[("loop0", [10; 17])]);
    let rates = rates(Some(&before), &after);
    assert_eq!(value(&rates, Column::NetRxBytesPerS), None);
    assert_eq!(value(&rates, Column::DiskReadsPerS), None);
    assert_eq!(value(&rates, Column::DiskBusyMaxPct), None);
}

#[test]
fn a_vanished_device_adds_nothing() {
    let before = snapshot("a", 100).interfaces(&[("eth0", [0; 16]), ("eth1", [0; 16])]);
    let after = snapshot("a", 110).interfaces(&[("eth0", [10; 16])]);
    assert_eq!(value(&rates(Some(&before), &after), Column::NetRxBytesPerS), Some(1.0));
}

#[test]
fn columns_that_an_old_kernel_lacks_are_unknown_in_rows_that_are_not() {
    let old = |n: u64| {
        let known = [n];
        let columns = std::array::from_fn(|c| if c < 11 { &known[..] } else { &[] });
        CounterTable::<17>::new(vec!["sda".into()], columns).unwrap()
    };
    let (mut before, mut after) = (snapshot("a", 100), snapshot("a", 110));
    (before.disks, after.disks) = (old(0), old(10));
    let rates = rates(Some(&before), &after);
    let disk = &row(&rates.detail.disks, "sda").values;
    assert_eq!(disk.get(DiskColumn::ReadsPerS), Some(1.0));
    assert_eq!(disk.get(DiskColumn::FlushesPerS), None);
    assert_eq!(disk.get(DiskColumn::DiscardAwaitMs), None);
}

#[test]
fn an_in_flight_below_zero_is_unknown() {
    let mut disk = [0; 17];
    disk[8] = u64::from(u32::MAX);
    let rates = rates(None, &snapshot("a", 1).disks(&[("sda", disk)]));
    assert_eq!(row(&rates.detail.disks, "sda").values.get(DiskColumn::InFlight), None);
}

/// The table of these rows and what the probe says of them.
fn layered(rows: &[(&str, Layer, u64)]) -> CounterTable<16> {
    let counters: Vec<_> = rows.iter().map(|(name, _, n)| (*name, [*n; 16])).collect();
    let layers = rows.iter().map(|(_, layer, _)| *layer).collect();
    snapshot("a", 1).interfaces(&counters).interfaces.with_layers(layers).unwrap()
}

#[test]
fn the_kernels_word_on_what_is_physical_counts_and_not_a_name() {
    use Layer::{Physical, Unknown, Uplink, Virtual};
    let sum = |rows: &[(&str, Layer)]| {
        let (mut before, mut after) = (snapshot("a", 100), snapshot("a", 110));
        let all = |n: u64| rows.iter().map(|(name, layer)| (*name, *layer, n)).collect::<Vec<_>>();
        (before.interfaces, after.interfaces) = (layered(&all(0)), layered(&all(10)));
        value(&rates(Some(&before), &after), Column::NetRxBytesPerS)
    };
    let proxmox = ["eno1", "vmbr0", "tap100i0", "fwbr100i0", "fwpr100p0", "fwln100i0"];
    let known: Vec<_> =
        proxmox.iter().map(|n| (*n, if *n == "eno1" { Physical } else { Virtual })).collect();
    assert_eq!(sum(&known), Some(1.0));
    // A bridge by its name that is a card, and the other way round.
    assert_eq!(sum(&[("br0", Physical), ("eth0", Virtual)]), Some(1.0));
    // The only way out is a modem, or the end of a container's cable.
    assert_eq!(sum(&[("lo", Virtual), ("ppp0", Uplink), ("tun0", Virtual)]), Some(1.0));
    assert_eq!(sum(&[("eth0", Physical), ("wg0", Uplink)]), Some(1.0));
    assert_eq!(sum(&[("lo", Virtual), ("docker0", Virtual)]), None);
    // Without a word names decide: of all, or of the one that came just now.
    assert_eq!(sum(&[("eth0", Unknown), ("docker0", Unknown)]), Some(1.0));
    assert_eq!(sum(&[("eth0", Physical), ("eth1", Unknown), ("veth1", Unknown)]), Some(2.0));
}

#[test]
fn the_kernels_word_on_disks_counts_and_not_a_name() {
    use Layer::{Physical, Virtual};
    let sum = |rows: &[(&str, Layer)]| {
        let disks = |n: u64| {
            let rows_of: Vec<_> = rows.iter().map(|(name, _)| (*name, [n; 17])).collect();
            let table = snapshot("a", 1).disks(&rows_of).disks;
            table.with_layers(rows.iter().map(|(_, layer)| *layer).collect()).unwrap()
        };
        let (mut before, mut after) = (snapshot("a", 100), snapshot("a", 110));
        (before.disks, after.disks) = (disks(0), disks(10));
        let rates = rates(Some(&before), &after);
        (value(&rates, Column::DiskReadsPerS), value(&rates, Column::DiskBusyMaxPct))
    };
    assert_eq!(sum(&[("nvme0n1", Physical), ("nvme0c0n1", Virtual)]), (Some(1.0), Some(0.1)));
    assert_eq!(sum(&[("sda", Physical), ("emcpowera", Virtual)]), (Some(1.0), Some(0.1)));
    assert_eq!(sum(&[("zd0", Physical)]), (Some(1.0), Some(0.1)));
}

#[test]
fn a_time_of_a_disk_that_wraps_at_32_bits_goes_on() {
    const NEAR: u64 = u32::MAX as u64 - 99;
    let disk = |reads: u64, ms: u64| {
        let mut disk = [reads; 17];
        for time in [3, 7, 9, 10, 14, 16] {
            disk[time] = ms;
        }
        disk[8] = 0;
        disk
    };
    let rate = |before: [u64; 17], after: [u64; 17]| {
        let before = snapshot("a", 100).disks(&[("sda", before)]);
        let rates = rates(Some(&before), &snapshot("a", 110).disks(&[("sda", after)]));
        let disk = &row(&rates.detail.disks, "sda").values;
        (
            disk.get(DiskColumn::BusyPct),
            disk.get(DiskColumn::ReadsPerS),
            disk.get(DiskColumn::Queue),
        )
    };
    // 100 ms to the end of 32 bits and 400 ms beyond it.
    assert_eq!(rate(disk(0, NEAR), disk(10, 400)), (Some(5.0), Some(1.0), Some(0.05)));
    // Another counter fell too, or it was nowhere near its end: the device was started over.
    assert_eq!(rate(disk(10, NEAR), disk(9, 400)), (None, None, None));
    assert_eq!(rate(disk(0, 1 << 30), disk(10, 400)), (None, None, None));
    // Beyond 32 bits nothing wraps at them.
    assert_eq!(rate(disk(0, 1 << 40), disk(10, 400)), (None, None, None));
}
