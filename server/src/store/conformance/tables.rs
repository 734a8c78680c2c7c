//! What every backend owes of the lists in a poll's detail.

use super::{
    rollups::{attempt, hour, minutes},
    *,
};
use crate::{
    model::{CoreColumn, Detail, DetailTable, DiskColumn},
    store::TableSample,
};

/// The rows of a poll that changes from minute to minute, in every list.
fn of_minute(host: &KnownHost, minute: i64) -> Record {
    let mut record = attempt(host.id, &host.name, minute);
    if let Some(detail) = &mut record.detail {
        #[expect(clippy::cast_precision_loss, reason = "small numbers")]
        let value = minute as f64 + 0.5;
        detail.disks[0].values.set(DiskColumn::BusyPct, value);
        detail.cores[0].values.set(CoreColumn::BusyPct, (minute % 5 != 0).then_some(value));
        detail.interfaces.truncate(if minute % 3 == 0 { 1 } else { 2 });
    }
    record
}

fn lists(records: &[Record], table: DetailTable) -> Vec<TableSample> {
    let of = |record: &Record| {
        let all = record.detail.clone().unwrap_or_default();
        let none = Detail::default();
        let detail = match table {
            DetailTable::Core => Detail { cores: all.cores, ..none },
            DetailTable::Softirq => Detail { softirqs: all.softirqs, ..none },
            DetailTable::Net => Detail { interfaces: all.interfaces, ..none },
            DetailTable::Disk => Detail { disks: all.disks, ..none },
            DetailTable::Filesystem => Detail { filesystems: all.filesystems, ..none },
            DetailTable::Process => Detail { processes: all.processes, ..none },
            DetailTable::Container => Detail { containers: all.containers, ..none },
        };
        TableSample { slot: record.slot, outcome: record.outcome, detail }
    };
    records.iter().rev().map(of).collect()
}

pub(crate) async fn one_list_of_what_repeats_comes_as_it_was_kept(fixture: &dyn Fixture) {
    let (a, b) = (host(fixture, "a").await, host(fixture, "b").await);
    let polls: Vec<Record> = (0..180).map(|minute| of_minute(&a, minute)).collect();
    write_polls(fixture, polls.clone()).await;
    write_polls(fixture, vec![attempt(b.id, &b.name, 5)]).await;
    let store = fixture.store();
    let read = async |table, from, to, limit| {
        let span = Span { from: minutes(from), to: minutes(to) };
        store.table_samples(a.id, table, span, limit).await.unwrap()
    };
    // Not sealed, a part of the first hour sealed, over the seal boundary.
    for sealed_before in [None, Some(hour(1)), Some(hour(2))] {
        if let Some(before) = sealed_before {
            store.seal(before).await.unwrap();
        }
        for table in DetailTable::ALL {
            let wanted = lists(&polls, *table);
            assert_eq!(read(*table, 0, 180, MAX_PAGE).await, wanted, "{table} {sealed_before:?}");
            assert_eq!(read(*table, 17, 130, MAX_PAGE).await, wanted[50..163], "{table}");
            assert_eq!(read(*table, 0, 180, 70).await, wanted[..70], "{table}");
        }
    }
}
