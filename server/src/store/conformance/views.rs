//! What every backend owes of its views: they say what the polls say, under the same names.

use super::*;
use crate::model::{
    ColumnSet, ContainerColumn, CoreColumn, DiskColumn, Family, FilesystemColumn, NetColumn,
    ProcessColumn, Row, SoftirqColumn, Values,
};

/// Views of one row per poll, and the families whose host-wide columns each shows.
const WIDE: [(&str, &[Family]); 8] = [
    ("cpu_load", &[Family::Load]),
    ("mem_info", &[Family::Memory]),
    ("system_info", &[Family::System]),
    ("pressure", &[Family::Pressure]),
    ("vmstat", &[Family::Vmstat]),
    ("sockets", &[Family::Sockets]),
    ("process_states", &[Family::Processes]),
    ("host_totals", &[Family::Cpu, Family::Network, Family::Disk, Family::Filesystem]),
];

/// Views of a row for each of what a host has several of.
const REPEATED: [&str; 7] =
    ["cpu_stat", "cpu_softirq", "net_info", "disk_info", "filesystem", "process", "container"];

/// Checks that `row` has each of these columns with this value.
fn assert_values<C: ColumnSet>(view: &str, row: &ViewRow, values: &Values<C>, strip: &str) {
    for (column, value) in values.iter() {
        let name = column.spec().name.trim_start_matches(strip);
        let found = row.get(name).unwrap_or_else(|| panic!("{view} has no {name}"));
        assert_eq!(found.as_f64(), value, "{view}.{name}");
    }
}

fn assert_rows<C: ColumnSet>(view: &str, found: &[ViewRow], rows: &[Row<C>]) {
    assert_eq!(found.len(), rows.len(), "{view}");
    for (found, row) in found.iter().zip(rows) {
        for (name, label) in C::LABELS.iter().zip(&row.labels) {
            assert_eq!(found[*name].as_str(), Some(label.as_ref()), "{view}.{name}");
        }
        assert_values(view, found, &row.values, "");
        // And nothing else, so that a view cannot show a column under a wrong name.
        assert_eq!(found.len(), 4 + C::LABELS.len() + C::ALL.len(), "{view}");
    }
}

pub(crate) async fn views_say_what_polls_say(fixture: &dyn Fixture) {
    let host = host(fixture, "web-1").await;
    write_polls(fixture, vec![sample::good(host.id, &host.name, slot(0))]).await;
    let record = all_polls(fixture, host.id).await.remove(0);
    let (values, detail) = (record.values.unwrap(), record.detail.unwrap());

    let mut shown = 0;
    for (view, families) in WIDE {
        let found = fixture.view(view).await;
        assert_eq!(found.len(), 1, "{view}");
        let of_view = |column: &Column| families.contains(&column.spec().family);
        for column in Column::ALL.iter().filter(|c| of_view(c)) {
            let name = column.spec().name;
            let value = found[0].get(name).unwrap_or_else(|| panic!("{view} has no {name}"));
            assert_eq!(value.as_f64(), values.get(*column), "{view}.{name}");
            shown += 1;
        }
        assert_eq!(found[0].len(), 4 + Column::ALL.iter().filter(|c| of_view(c)).count());
        assert_eq!(found[0]["host"], "web-1");
        assert_eq!(found[0]["time"], slot(0).to_string());
        assert_eq!(found[0]["time_ms"], slot(0).0);
        assert_eq!(found[0]["hour"], "2026-03-29T01:00:00.000Z");
    }
    assert_eq!(shown, Column::ALL.len(), "every host-wide column is in a view");

    let cpu = fixture.view("cpu_stat").await;
    assert_eq!(cpu[0]["core"], "cpu");
    for column in CoreColumn::ALL {
        let name = column.spec().name;
        let total = Column::ALL.iter().find(|c| c.spec().name == format!("cpu_{name}")).unwrap();
        assert_eq!(cpu[0][name].as_f64(), values.get(*total), "cpu_stat.{name}");
    }
    assert_rows::<CoreColumn>("cpu_stat", &cpu[1..], &detail.cores);
    let view = async |name| fixture.view(name).await;
    assert_rows::<SoftirqColumn>("cpu_softirq", &view("cpu_softirq").await, &detail.softirqs);
    assert_rows::<NetColumn>("net_info", &view("net_info").await, &detail.interfaces);
    assert_rows::<DiskColumn>("disk_info", &view("disk_info").await, &detail.disks);
    assert_rows::<FilesystemColumn>("filesystem", &view("filesystem").await, &detail.filesystems);
    assert_rows::<ProcessColumn>("process", &view("process").await, &detail.processes);
    assert_rows::<ContainerColumn>("container", &view("container").await, &detail.containers);
}

pub(crate) async fn a_failed_poll_is_in_no_view_of_values(fixture: &dyn Fixture) {
    let host = host(fixture, "web-1").await;
    write_polls(fixture, vec![sample::failed(host.id, &host.name, slot(0), "no")]).await;
    for view in WIDE.iter().map(|(view, _)| *view).chain(REPEATED) {
        assert_eq!(fixture.view(view).await, [], "{view}");
    }
    let ledger = fixture.view("ledger").await;
    assert_eq!(ledger.len(), 1);
    assert_eq!((&ledger[0]["outcome"], &ledger[0]["error"]), (&"refused".into(), &"no".into()));
}
