//! Rows for the tests of the store: every column filled, each with another value.

use std::sync::Arc;

use crate::{
    model::{
        Alarm, AlarmCause, AlarmEvent, AlarmKey, AlarmState, Cause, Column, ColumnKind, ColumnSet,
        ContainerColumn, CoreColumn, Delivery, DeliveryState, Detail, DiskColumn, Facts, Family,
        FilesystemColumn, HostId, HostName, NetColumn, Notice, NoticeKind, NoticeState, Outcome,
        ProcessColumn, Record, Row, Severity, SoftirqColumn, State, Timings, ToldAlarm, Transition,
        Unit, Values, VersionId,
    },
    store::Registration,
    units::{Micros, WallMs},
};

/// 2026-03-29T01:30:00.250Z.
pub(crate) const START: WallMs = WallMs(1_774_747_800_250);

/// A row with these labels and values.
pub(crate) fn row<C: ColumnSet>(
    labels: &[&str],
    cells: impl IntoIterator<Item = Option<f64>>,
) -> Row<C> {
    let mut values = Values::default();
    for (column, value) in C::ALL.iter().zip(cells) {
        values.set(*column, value);
    }
    Row { labels: labels.iter().map(|l| Arc::from(*l)).collect(), values }
}

/// A value per column: counted up, whole or with thousandths as the column wants.
fn numbers<C: ColumnSet>(base: f64) -> impl Iterator<Item = Option<f64>> {
    C::ALL.iter().enumerate().map(move |(position, column)| {
        #[expect(clippy::cast_precision_loss, reason = "few columns")]
        let value = base + position as f64;
        Some(match column.spec().kind {
            ColumnKind::Whole => value,
            ColumnKind::Real => value + 0.125,
        })
    })
}

/// Everything filled; a null in the middle and, in the last core, nothing but nulls.
pub(crate) fn detail() -> Detail {
    let mut quiet: Row<CoreColumn> = row(&["7"], [None; 11]);
    quiet.values.set(CoreColumn::StealPct, None);
    let mut sdb: Row<DiskColumn> = row(&["sdb"], numbers::<DiskColumn>(600.0));
    sdb.values.set(DiskColumn::ReadAwaitMs, None);
    Detail {
        cores: vec![row(&["0"], numbers::<CoreColumn>(1.0)), quiet],
        softirqs: vec![
            row(&["0"], numbers::<SoftirqColumn>(100.0)),
            row(&["7"], numbers::<SoftirqColumn>(200.0)),
        ],
        interfaces: vec![
            row(&["eth0"], numbers::<NetColumn>(300.0)),
            row(&["wlan-ü\"'"], numbers::<NetColumn>(400.0)),
        ],
        disks: vec![row(&["sda"], numbers::<DiskColumn>(500.0)), sdb],
        filesystems: vec![
            row(&["/", "/dev/sda1", "ext4", "ok"], numbers::<FilesystemColumn>(1e5)),
            row(&["/mnt/nfs", "nas:/x", "nfs4", "hung"], [None; 8]),
        ],
        processes: vec![row(&["1", "init", "S"], numbers::<ProcessColumn>(700.0))],
        containers: vec![
            row(&["api", "0123456789ab", "api:7", "docker"], numbers::<ContainerColumn>(800.0)),
            row(&["web-ü\"'", "", "", ""], numbers::<ContainerColumn>(900.0)),
        ],
    }
}

/// A successful poll with every column filled.
pub(crate) fn good(host: HostId, name: &HostName, slot: WallMs) -> Record {
    let mut values = Values::default();
    for (column, value) in Column::ALL.iter().zip(numbers::<Column>(1000.0)) {
        values.set(*column, value);
    }
    Record {
        host,
        name: name.clone(),
        slot,
        started: WallMs(slot.0 + 7),
        inventory: VersionId(3),
        outcome: Outcome::Ok,
        state: State::Up,
        timings: Timings {
            late_us: Micros(7_100),
            queue_us: Micros(20),
            resolve_us: Some(Micros(900)),
            connect_us: Some(Micros(1_500)),
            call_us: Some(Micros(4_200)),
        },
        answer_bytes: Some(4_096),
        address: Some("web-1:50051".into()),
        error: None,
        boot_id: Some("0d0f6a2c-1111-2222-3333-444455556666".into()),
        clock_skew_ms: Some(-12),
        elapsed_ns: Some(9_999_871_203),
        values: Some(values),
        detail: Some(detail()),
    }
}

/// A poll as it comes of counters: whole numbers over the time that passed, others for each slot.
#[expect(clippy::cast_precision_loss, reason = "small numbers")]
pub(crate) fn measured(host: HostId, name: &HostName, slot: WallMs) -> Record {
    let mut record = good(host, name, slot);
    let seed = slot.0 / 1_000 % 100_000 + 1;
    let elapsed_ns = 9_990_000_000 + seed * 7_919_000 % 20_000_000;
    record.elapsed_ns = Some(elapsed_ns.unsigned_abs());
    let over = elapsed_ns as f64 / 1e9;
    let count = |place: usize, of: i64| (seed * i64::try_from(place + 3).unwrap_or(1) % of) as f64;
    if let Some(values) = &mut record.values {
        for column in Column::ALL {
            let count = count(column.index(), 1_013);
            let spec = column.spec();
            values.set(
                *column,
                match (spec.kind, spec.unit, spec.family) {
                    // Of two cores.
                    (_, Unit::Percent, Family::Cpu) => 100.0 * count / (1_990 + seed % 20) as f64,
                    (ColumnKind::Real, ..) => count / over,
                    (ColumnKind::Whole, ..) => count * 4096.0,
                },
            );
        }
    }
    if let Some(detail) = &mut record.detail {
        for (place, row) in detail.cores.iter_mut().enumerate() {
            for column in CoreColumn::ALL {
                let count = count(column.index() + place, 511);
                row.values.set(*column, 100.0 * count / (991 + seed % 20) as f64);
            }
        }
        for (place, row) in detail.interfaces.iter_mut().enumerate() {
            for column in NetColumn::ALL {
                row.values.set(*column, 512.0 * count(column.index() + place, 511) / over);
            }
        }
        for row in &mut detail.disks {
            row.values.set(DiskColumn::BusyPct, 0.1 * count(1, 9_001) / over);
        }
    }
    record
}

/// A failed poll.
pub(crate) fn failed(host: HostId, name: &HostName, slot: WallMs, error: &str) -> Record {
    Record {
        outcome: Outcome::Refused,
        state: State::Suspect,
        timings: Timings { late_us: Micros(5), queue_us: Micros(6), ..Timings::default() },
        answer_bytes: None,
        error: Some(error.into()),
        boot_id: None,
        clock_skew_ms: None,
        elapsed_ns: None,
        values: None,
        detail: None,
        ..good(host, name, slot)
    }
}

/// A transition.
pub(crate) fn transition(
    host: HostId,
    name: &HostName,
    at: WallMs,
    from: State,
    to: State,
) -> Transition {
    Transition {
        host,
        name: name.clone(),
        at,
        slot: None,
        from,
        to,
        cause: Cause::PollFailed,
        outcome: Some(Outcome::Refused),
        reason: "Verbindung \"abgelehnt\" ✗".into(),
    }
}

/// A notice of a transition, not told yet.
pub(crate) fn notice(of: &Transition, kind: NoticeKind) -> Notice {
    let event = of.of_moment();
    Notice {
        id: format!("{}/{}/{}", of.host.0, event.0, of.to).into(),
        receiver: "hook".into(),
        host: of.host,
        event,
        kind,
        body: "{\"reason\":\"✗ \\u0000\"}".into(),
        created: of.at,
        state: NoticeState::Pending,
        attempts: 0,
        next_try: of.at,
        last_error: None,
        ended: None,
    }
}

/// An alarm about a row with a name that no index holds, and of any text.
pub(crate) fn alarm(host: HostId, state: AlarmState, slot: WallMs) -> Alarm {
    let row = format!("/mnt/ü 'x'\\/{}/\u{1f4bf}", "long".repeat(1_024));
    Alarm {
        key: AlarmKey { rule: "disk full".into(), host, row: row.into() },
        state,
        severity: Severity::Warning,
        since: START,
        fired: (state != AlarmState::Pending).then_some(START),
        slot,
        polls: 3,
        known: slot,
        value: Some(97.125),
        rule_hash: u64::MAX - 6,
    }
}

/// How it came to that.
pub(crate) fn alarm_event(of: &Alarm, from: AlarmState) -> AlarmEvent {
    AlarmEvent {
        key: of.key.clone(),
        slot: of.slot,
        at: WallMs(of.slot.0 + 12),
        from,
        to: of.state,
        cause: AlarmCause::Values,
        severity: of.severity,
        value: of.value,
        summary: "97 % \"voll\" ✗".into(),
    }
}

/// What became of a message about an alarm.
pub(crate) fn delivery(of: &Alarm, message: &str, state: DeliveryState) -> Delivery {
    let told = |firing| ToldAlarm { key: of.key.clone(), firing, severity: of.severity };
    Delivery {
        message: message.into(),
        channel: "ops \"chat\"".into(),
        route: "default".into(),
        kind: "firing".into(),
        made: of.slot,
        first_tried: WallMs(of.slot.0 + 5),
        ended: WallMs(of.slot.0 + 20),
        state,
        tries: 2,
        answer: Some("503 später ✗".into()),
        alarms: vec![told(true), told(false)],
        told: 2,
    }
}

/// Facts with every field filled.
pub(crate) fn facts() -> Facts {
    Facts {
        machine_id: Some("0123456789abcdef0123456789abcdef".into()),
        boot_id: Some("0d0f6a2c-1111-2222-3333-444455556666".into()),
        hostname: Some("web-1.example".into()),
        kernel: Some("6.1.0-18-amd64".into()),
        os: Some("Debian GNU/Linux 12 (bookworm)".into()),
        architecture: Some("x86_64".into()),
        probe_version: Some("0.1.0".into()),
        cpus: Some(8),
    }
}

/// A name.
pub(crate) fn name(text: &str) -> HostName {
    HostName::new(text).unwrap()
}

/// A registration of this name with one label and one address.
pub(crate) fn registration(text: &str) -> Registration {
    Registration {
        name: name(text),
        group: Some(crate::model::GroupName::new("web").unwrap()),
        labels: [("env".to_owned(), "prod \"eu\"".to_owned())].into(),
        addresses: vec![format!("{text}:50051"), "10.0.0.1:50051".to_owned()],
        renamed_from: None,
    }
}
