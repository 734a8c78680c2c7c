//! The alarms that fire: what is asked, what came back, and what keys do there. Pure.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use super::{
    fleet::{BadEvent, clean},
    key::Key,
    pick::Picked,
};
use crate::{
    cli::output::{UNKNOWN, number, percent, rate},
    model::{AlarmState, Severity},
    text::bytes,
    units::WallMs,
};

/// Alarms that are asked for at most; the last line says how many there are.
pub(super) const MAX_LISTED: usize = 500;

/// How long the list is taken for fresh.
const FRESH: Duration = Duration::from_secs(2);

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
#[derive(Debug, Default)]
pub(super) struct AlarmList {
    pub(super) told: Option<Alarms>,
    /// Why the list is not renewed.
    pub(super) trouble: Option<String>,
    /// Host, rule and row of each.
    keys: Vec<(String, String, String)>,
    picked: Picked<(String, String, String)>,
    /// When it was asked last, by a clock that only goes on.
    asked: Option<Duration>,
    waiting: bool,
}

impl AlarmList {
    /// What is to be asked now, when it is time to; `now` is of a clock that only goes on.
    pub(super) fn ask(&mut self, now: Duration) -> Option<String> {
        if self.waiting || self.asked.is_some_and(|at| now < at + FRESH) {
            return None;
        }
        self.asked = Some(now);
        self.waiting = true;
        Some(format!("/api/v1/alerts?firing=true&limit={MAX_LISTED}"))
    }

    /// What came of it; `room` is how many lines of the list are seen.
    pub(super) fn apply(&mut self, told: Result<Value, String>, room: usize) {
        self.waiting = false;
        let read = told.and_then(|mut told| {
            clean(&mut told);
            let read = serde_json::from_value::<Alarms>(told).map_err(BadEvent::from);
            read.map_err(|error| error.to_string())
        });
        match read {
            Ok(alarms) => {
                let key = |a: &TopAlarm| (a.host.clone(), a.rule.clone(), a.row.clone());
                self.keys = alarms.alarms.iter().map(key).collect();
                self.told = Some(alarms);
                self.trouble = None;
                self.picked.settle(&self.keys, room);
            }
            // The last list stays.
            Err(trouble) => self.trouble = Some(trouble),
        }
    }

    /// The alarms that are known.
    pub(super) fn alarms(&self) -> &[TopAlarm] {
        self.told.as_ref().map_or(&[], |told| &told.alarms)
    }

    /// Where the chosen one is.
    pub(super) fn position(&self) -> usize {
        self.picked.position(&self.keys)
    }

    /// The first that is seen.
    pub(super) fn first(&self) -> usize {
        self.picked.first()
    }

    /// The chosen alarm.
    pub(super) fn chosen(&self) -> Option<&TopAlarm> {
        self.alarms().get(self.position())
    }

    /// A row was clicked; whether it was chosen before.
    pub(super) fn click(&mut self, row: usize, room: usize) -> bool {
        self.picked.click(row, &self.keys, room)
    }

    /// The wheel.
    pub(super) fn turn(&mut self, down: bool, room: usize) {
        self.picked.turn(down, &self.keys, room);
    }

    /// A key was pressed.
    pub(super) fn press(&mut self, key: Key, room: usize) {
        self.picked.press(key, &self.keys, room);
    }
}
