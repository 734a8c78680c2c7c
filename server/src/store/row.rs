//! What holds for a poll's row in every backend: what it is called, when it is refused, how its
//! numbers fit. Knows no SQL.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    sync::Arc,
};

use crate::{
    model::{Alarm, AlarmKey, Annotation, Delivery, HostId, Hosts, Record, Rollup, ToldAlarm},
    units::WallMs,
};

/// What a poll's row is called in messages.
pub(super) fn name(record: &Record) -> String {
    format!("the poll of {} due {}", record.name, record.slot)
}

/// What an hour's row is called in messages.
pub(super) fn rollup_name(rollup: &Rollup) -> String {
    format!("the hour from {} of host {}", rollup.hour, rollup.host.0)
}

/// What the rows of an alarm are called in messages.
pub(super) fn alarm_name(AlarmKey { rule, host, row }: &AlarmKey) -> String {
    format!("the alarm {rule} of host {}, row {row:?}", host.0)
}

/// What the row of a message is called in messages.
pub(super) fn delivery_name(delivery: &Delivery) -> String {
    format!("what became of the message {} to {}", delivery.message, delivery.channel)
}

/// What the row of an annotation is called in messages.
pub(super) fn annotation_name(annotation: &Annotation) -> String {
    format!("the annotation {} of {}", annotation.id, annotation.at)
}

/// The hosts of an annotation as its row has them: JSON.
pub(super) fn hosts(hosts: &Hosts) -> String {
    let names: Vec<_> = hosts.names.iter().map(crate::text::Glob::as_str).collect();
    let groups: Vec<_> = hosts.groups.iter().map(crate::model::GroupName::as_str).collect();
    serde_json::json!({ "groups": groups, "labels": hosts.labels, "names": names }).to_string()
}

/// The alarms of a message as its row names them: JSON.
pub(super) fn told(alarms: &[ToldAlarm]) -> String {
    let one = |ToldAlarm { key, firing, severity }: &ToldAlarm| {
        let says = if *firing { "firing" } else { "over" };
        serde_json::json!([&*key.rule, key.host.0, &*key.row, says, severity.as_str()])
    };
    serde_json::Value::Array(alarms.iter().map(one).collect()).to_string()
}

/// Of each alarm how it was last: a batch of the spool has several moments of one.
pub(super) fn newest(alarms: &[Alarm]) -> Vec<&Alarm> {
    let mut all: BTreeMap<&AlarmKey, &Alarm> = BTreeMap::new();
    for alarm in alarms {
        let kept = all.entry(&alarm.key).or_insert(alarm);
        if alarm.slot >= kept.slot {
            *kept = alarm;
        }
    }
    all.into_values().collect()
}

/// A value as a column keeps it: what is no number is unknown.
pub(super) fn finite(value: Option<f64>) -> Option<f64> {
    value.filter(|value| value.is_finite())
}

/// What keeps a record from being a row. The tables' CHECKs hold some of it; this says it in words.
pub(super) fn flaw(record: &Record) -> Option<&'static str> {
    let wanted = record.outcome.has_values();
    if record.values.is_some() != wanted || record.detail.is_some() != wanted {
        Some("values belong to the outcomes ok and partial, to both of them and to no other")
    } else {
        None
    }
}

/// First and last answer of each host in the batch.
pub(super) fn answered(polls: &[Arc<Record>]) -> BTreeMap<HostId, (WallMs, WallMs)> {
    let mut seen = BTreeMap::new();
    for record in polls.iter().filter(|record| record.outcome.has_values()) {
        match seen.entry(record.host) {
            Entry::Vacant(entry) => {
                entry.insert((record.started, record.started));
            }
            Entry::Occupied(mut entry) => {
                let (first, last): &mut (WallMs, WallMs) = entry.get_mut();
                *first = record.started.min(*first);
                *last = record.started.max(*last);
            }
        }
    }
    seen
}

/// The integers of the tables are signed; no length or size here comes near the end.
pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A whole number for a column of such; what does not fit is unknown, not another number. The
/// kernel's "no limit" (2^63 - 1) is 2^63 as an f64 and comes back as that.
pub(super) fn whole(value: f64) -> Option<i64> {
    const END: f64 = 9_223_372_036_854_775_808.0;
    #[expect(clippy::cast_possible_truncation, reason = "whole, and 2^63 becomes 2^63 - 1")]
    (value <= END).then_some(value as i64)
}
