//! Hosts of `roundsman-fleet` as the live view has them, of 2 to 64 cores, each polled twice.

use std::{sync::Arc, time::Duration};

use roundsman::{
    live::{Gathered, HostView, Recent},
    model::{Facts, GroupName, HostId, HostName, Outcome, Record, State, Timings, VersionId},
    poll::snapshot,
    rates::rates,
    units::WallMs,
};
use roundsman_fleet::machine::{GRPC_HEAD_BYTES, Machine, Who};

/// When they were polled.
pub(crate) const NOW: WallMs = WallMs(1_774_747_800_000);

pub(crate) fn view(number: u32) -> Arc<HostView> {
    let mut machine = Machine::new(1, number);
    let name = HostName::new(&machine.name()).unwrap();
    let mut answer_at = |ms: i64| {
        let frame = machine.answer(ms * 1_000_000, 0, Who::Itself);
        *snapshot(&frame[GRPC_HEAD_BYTES..]).unwrap()
    };
    let (before, now) = (answer_at(NOW.0 - 10_000), answer_at(NOW.0));
    let worth = rates(Some(&before), &now);
    let poll = Arc::new(Record {
        host: HostId(i64::from(number) + 1),
        name: name.clone(),
        slot: NOW,
        started: NOW,
        inventory: VersionId(1),
        outcome: Outcome::Ok,
        state: State::Up,
        timings: Timings::default(),
        answer_bytes: None,
        address: None,
        error: None,
        boot_id: None,
        clock_skew_ms: None,
        elapsed_ns: worth.elapsed_ns,
        values: Some(worth.values),
        detail: Some(worth.detail),
    });
    Arc::new(HostView {
        id: poll.host,
        group: name.as_str().split('-').next().map(|group| GroupName::new(group).unwrap()),
        name,
        labels: Arc::default(),
        addresses: Arc::default(),
        schedule: "every 10s".into(),
        interval: Duration::from_secs(10),
        state: State::Up,
        since: NOW,
        flapping: false,
        parent: None,
        unreachable_because: None,
        paused_until: None,
        reason: "".into(),
        cause: None,
        facts: Arc::new(Facts::clone(&now.facts)),
        last_good: Some(Arc::clone(&poll)),
        last: Some(poll),
        answer: Some(Arc::new(now)),
        recent: Recent::default(),
        gathered: Gathered::after(None),
        next_due: None,
        alarms: Arc::default(),
    })
}
