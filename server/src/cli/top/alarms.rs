//! The alarms that fire. Pure.

use serde::Deserialize;

use super::renewed::{Listing, Renewed};
use crate::{
    cli::output::{UNKNOWN, number, percent, rate},
    model::{AlarmState, Severity},
    text::bytes,
    units::WallMs,
};

/// Alarms that are asked for at most; the last line says how many there are.
pub(super) const MAX_LISTED: usize = 500;

/// As of `/api/v1/alerts`, what matters most first.
#[derive(Debug, Deserialize)]
pub(super) struct Alarms {
    /// How many fire, those that are not here among them.
    pub(super) total: usize,
    /// How many rules are in force.
    pub(super) rules: usize,
    pub(super) alarms: Vec<TopAlarm>,
}

/// An alarm that fires.
#[derive(Debug, Deserialize)]
pub(super) struct TopAlarm {
    pub(super) host: String,
    pub(super) rule: String,
    pub(super) row: String,
    pub(super) state: AlarmState,
    pub(super) severity: Severity,
    pub(super) since_ms: i64,
    pub(super) fired_ms: Option<i64>,
    value: Option<f64>,
    unit: Option<String>,
    pub(super) summary: Option<String>,
    #[serde(default)]
    pub(super) acked_by: Option<String>,
    #[serde(default)]
    silenced_by: Vec<String>,
}

impl TopAlarm {
    /// Its value with its unit.
    pub(super) fn value(&self) -> String {
        match (self.value, self.unit.as_deref()) {
            (None, _) => UNKNOWN.to_owned(),
            (value, Some("%")) => percent(value),
            (Some(value), Some("B")) => bytes(value),
            (value, Some("B/s")) => rate(value),
            (value, Some(unit)) => format!("{} {unit}", number(value)),
            (value, None) => number(value),
        }
    }

    /// Since when it fires.
    pub(super) fn since(&self) -> WallMs {
        WallMs(self.fired_ms.unwrap_or(self.since_ms))
    }

    /// What is done about it: a sign and words.
    pub(super) fn handled(&self) -> (char, String) {
        match (&self.acked_by, self.silenced_by.is_empty()) {
            (Some(who), _) => ('✓', format!("acknowledged by {who}")),
            (None, false) => ('z', "silenced".to_owned()),
            (None, true) => (' ', String::new()),
        }
    }
}

/// The list of alarms that is looked at.
pub(super) type AlarmList = Renewed<Alarms>;

impl Listing for Alarms {
    type Row = TopAlarm;
    /// Host, rule and row.
    type Key = (String, String, String);

    fn path() -> String {
        format!("/api/v1/alerts?firing=true&limit={MAX_LISTED}")
    }

    fn rows(&self) -> &[TopAlarm] {
        &self.alarms
    }

    fn key(alarm: &TopAlarm) -> Self::Key {
        (alarm.host.clone(), alarm.rule.clone(), alarm.row.clone())
    }
}
