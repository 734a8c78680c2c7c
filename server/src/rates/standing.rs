//! What the counters of one snapshot stand at, for those who take rates themselves: each in the unit whose rate
//! per second is its column, of time in seconds.

use super::{cpu, is_incomplete, report, tables, total::Total};
use crate::model::{
    Column, ColumnSet as _, Counter, CpuTicks, DetailTable, Family, Metric, Snapshot,
};

/// What a host-wide counter stands at; none for a gauge, for a sum of rates, and for what was not read.
#[must_use]
pub fn total(snapshot: &Snapshot, column: Column) -> Option<Total> {
    let spec = column.spec();
    if spec.family == Family::Cpu {
        return cpu::total_of_host(snapshot, column);
    }
    let mut digits = None;
    for (counter, raw) in counters_of(snapshot, column) {
        match raw {
            Some(raw) => digits = Some(digits.unwrap_or(0_u64).checked_add(raw)?),
            // A kernel without IPv6 has none, and then IPv4 is all.
            None if counter.is_of_ipv6
                && !report(snapshot, spec.family).is_some_and(is_incomplete) => {}
            None => return None,
        }
    }
    let digits = digits?;
    Some(if spec.metric == Metric::Share {
        // The scale makes per cent of the counter: what is left are millionths of a second.
        Total { decimals: 6, ..Total::scaled(digits, spec.scale() * 1e4) }
    } else {
        Total::scaled(digits, spec.scale())
    })
}

/// The host-wide counters of a column as the kernel counts them: that of IPv4 or of all, and that of IPv6 where
/// it has its own.
pub fn counters_of(
    snapshot: &Snapshot,
    column: Column,
) -> impl Iterator<Item = (Counter, Option<u64>)> + '_ {
    Counter::places(column).map(|place| (Counter::ALL[place], snapshot.counters.all()[place]))
}

/// What a counter of a row of a list stands at; `row` is its place in the snapshot ([`find_row`]). None for a gauge
/// and for what was not read.
#[must_use]
pub fn row_total(snapshot: &Snapshot, of: DetailTable, row: usize, column: usize) -> Option<Total> {
    let hz = snapshot.ticks_per_second;
    match of {
        DetailTable::Core => {
            let line: CpuTicks = std::array::from_fn(|state| snapshot.cores.get(row, state));
            cpu::total_of_core(&line, column, hz)
        }
        DetailTable::Softirq => snapshot.softirqs.get(row, column).map(Total::whole),
        DetailTable::Net => snapshot.interfaces.get(row, column).map(Total::whole),
        DetailTable::Disk => tables::total_of_disk(&snapshot.disks, row, column),
        DetailTable::Process if column == 0 => {
            Total::of_ticks(snapshot.processes.get(row)?.cpu_ticks, hz)
        }
        // A row of containers is of several, which come and go: there is no sum that only grows.
        DetailTable::Filesystem | DetailTable::Process | DetailTable::Container => None,
    }
}

/// Where the row with this first label stands in a snapshot; `hint` is where it is looked for first.
#[must_use]
pub fn find_row(snapshot: &Snapshot, of: DetailTable, label: &str, hint: usize) -> Option<usize> {
    match of {
        DetailTable::Core => snapshot.cores.find(label, hint),
        DetailTable::Softirq => snapshot.softirqs.find(label, hint),
        DetailTable::Net => snapshot.interfaces.find(label, hint),
        DetailTable::Disk => snapshot.disks.find(label, hint),
        // No counter is read of a mount, none told of containers.
        DetailTable::Filesystem | DetailTable::Container => Some(hint),
        DetailTable::Process => {
            let is = |row: usize| {
                snapshot.processes.get(row).is_some_and(|one| label.parse() == Ok(one.pid))
            };
            Some(hint)
                .filter(|row| is(*row))
                .or_else(|| (0..snapshot.processes.len()).find(|row| is(*row)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::{CoreColumn, DiskColumn},
        rates::machine::snapshot,
    };

    fn total_at(digits: u64, decimals: u8) -> Option<Total> {
        Some(Total { digits, decimals })
    }

    #[test]
    fn counters_stand_in_the_unit_of_their_rate() {
        let mut machine = snapshot("a", 50)
            .counter(Column::ContextSwitchesPerS, 7)
            .counter(Column::PagedInBytesPerS, 3)
            .counter(Column::PressureIoSomePct, 1_500_000)
            .counter(Column::UdpInDatagramsPerS, 40)
            .cpu([100, 20, 300, 4_000, 5, 6, 7, 8, 9, 1]);
        assert_eq!(total(&machine, Column::ContextSwitchesPerS), total_at(7, 0));
        assert_eq!(total(&machine, Column::PagedInBytesPerS), total_at(3 * 1024, 0));
        assert_eq!(total(&machine, Column::PressureIoSomePct), total_at(1_500_000, 6));
        assert_eq!(total(&machine, Column::UdpInDatagramsPerS), total_at(40, 0));
        machine.counters.set(Counter::place(Column::UdpInDatagramsPerS, true), Some(2));
        assert_eq!(total(&machine, Column::UdpInDatagramsPerS), total_at(42, 0));
        assert_eq!(total(&machine, Column::CpuIdlePct), total_at(4_000, 2));
        assert_eq!(total(&machine, Column::CpuBusyPct), total_at(100 + 20 + 300 + 6 + 7, 2));
        machine.ticks_per_second = 250;
        assert_eq!(total(&machine, Column::CpuUserPct), total_at(400_000, 6));
        for unknown in [Column::Load1, Column::NetRxBytesPerS, Column::ForksPerS] {
            assert_eq!(total(&machine, unknown), None, "{unknown:?}");
        }
    }

    #[test]
    fn counters_of_rows_stand_where_their_columns_do() {
        let machine = snapshot("a", 50)
            .cores(&[("3", [1, 2, 3, 4, 5, 6, 7, 8, 9, 10])])
            .interfaces(&[("eth0", std::array::from_fn(|column| column as u64 * 11))])
            .softirqs(&[("3", std::array::from_fn(|column| column as u64 * 13))])
            .disks(&[("sda", std::array::from_fn(|column| column as u64 * 1_000 + 7))]);
        let core = |column: CoreColumn| row_total(&machine, DetailTable::Core, 0, column.index());
        assert_eq!(core(CoreColumn::UserPct), total_at(1, 2));
        assert_eq!(core(CoreColumn::GuestNicePct), total_at(10, 2));
        assert_eq!(core(CoreColumn::BusyPct), total_at(1 + 2 + 3 + 6 + 7, 2));
        for column in 0..16 {
            let of_net = row_total(&machine, DetailTable::Net, 0, column);
            assert_eq!(of_net, total_at(column as u64 * 11, 0));
        }
        assert_eq!(row_total(&machine, DetailTable::Softirq, 0, 9), total_at(117, 0));
        let disk = |column: DiskColumn| row_total(&machine, DetailTable::Disk, 0, column.index());
        assert_eq!(disk(DiskColumn::ReadsPerS), total_at(7, 0));
        assert_eq!(disk(DiskColumn::ReadBytesPerS), total_at(2_007 * 512, 0));
        assert_eq!(disk(DiskColumn::ReadAwaitMs), total_at(3_007, 3));
        assert_eq!(disk(DiskColumn::BusyPct), total_at(9_007, 3));
        assert_eq!(disk(DiskColumn::Queue), total_at(10_007, 3));
        assert_eq!(disk(DiskColumn::FlushAwaitMs), total_at(16_007, 3));
        assert_eq!(disk(DiskColumn::InFlight), None);
        assert_eq!(find_row(&machine, DetailTable::Disk, "sda", 4), Some(0));
        assert_eq!(find_row(&machine, DetailTable::Disk, "sdb", 0), None);
    }
}
