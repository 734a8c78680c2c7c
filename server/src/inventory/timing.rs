//! The times of a section: how often, by which clock, how long at most.

use std::time::Duration;

use humantime::format_duration;

use super::{MAX_TIMEOUT, MIN_TIMEOUT};
use crate::{
    document::{At, Findings, Section},
    schedule::Schedule,
    text::did_you_mean,
};

/// The zone of a schedule when none is given; also to check an expression by itself.
pub(super) const DEFAULT_ZONE: &str = "UTC";
/// To check a zone by itself.
const ANY_CRON: &str = "* * * * * *";

/// How often, as one layer says it.
#[derive(Debug, Clone)]
pub(super) enum Cadence {
    Every(Schedule),
    /// An expression that can be read; its zone may come from another layer.
    Cron(String),
}

pub(super) fn read_cadence(
    section: &Section<'_>,
    findings: &mut Findings<'_>,
) -> Option<At<Cadence>> {
    let every = section.duration("interval", findings).and_then(|interval| {
        match Schedule::every(interval.value) {
            Ok(schedule) => Some(At { value: Cadence::Every(schedule), at: interval.at }),
            Err(e) => {
                findings.add(interval.at, e.to_string());
                None
            }
        }
    });
    let expected = "a cron expression such as \"*/10 * * * * *\"";
    let cron = section.text("schedule", expected, findings).and_then(|text| {
        match Schedule::cron(text.value, DEFAULT_ZONE) {
            Ok(_) => Some(At { value: Cadence::Cron(text.value.to_owned()), at: text.at }),
            Err(e) => {
                findings.add(text.at, e.to_string());
                None
            }
        }
    });
    if let (Some(interval), Some(schedule)) = (section.at("interval"), section.at("schedule")) {
        findings.add(
            interval.max(schedule),
            "`interval` and `schedule` exclude each other: give one of them".to_owned(),
        );
        return None;
    }
    every.or(cron)
}

pub(super) fn read_timezone(section: &Section<'_>, findings: &mut Findings<'_>) -> Option<String> {
    let expected = "the name of a time zone such as \"Europe/Berlin\"";
    let zone = section.text("timezone", expected, findings)?;
    match Schedule::cron(ANY_CRON, zone.value) {
        Ok(_) => Some(zone.value.to_owned()),
        Err(e) => {
            let names = chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name());
            findings.add(zone.at, format!("{e}{}", did_you_mean(zone.value, names)));
            None
        }
    }
}

pub(super) fn read_timeout(
    section: &Section<'_>,
    findings: &mut Findings<'_>,
) -> Option<At<Duration>> {
    let timeout = section.duration("timeout", findings)?;
    if (MIN_TIMEOUT..=MAX_TIMEOUT).contains(&timeout.value) {
        return Some(timeout);
    }
    let (least, most) = (format_duration(MIN_TIMEOUT), format_duration(MAX_TIMEOUT));
    let given = format_duration(timeout.value);
    findings
        .add(timeout.at, format!("a timeout is between {least} and {most}, this one is {given}"));
    None
}
