//! The alarms that fire: what is asked, what came back, and what keys do there. Pure.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use super::{
    fleet::{BadEvent, clean},
    key::Key,
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

    fn is(&self, (host, rule, row): &(String, String, String)) -> bool {
        self.host == *host && self.rule == *rule && self.row == *row
    }
}

/// The list of alarms that is looked at.
#[derive(Debug, Default)]
pub(super) struct AlarmList {
    pub(super) told: Option<Alarms>,
    /// Why the list is not renewed.
    pub(super) trouble: Option<String>,
    /// Where the list on the screen begins.
    pub(super) first: usize,
    /// Host, rule and row of the one that is chosen; none: the first, whichever that is.
    chosen: Option<(String, String, String)>,
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
            let read = serde_json::from_value(told).map_err(BadEvent::from);
            read.map_err(|error| error.to_string())
        });
        match read {
            Ok(alarms) => {
                self.told = Some(alarms);
                self.trouble = None;
                self.choose(self.position(), room);
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
        let chosen = self.chosen.as_ref();
        chosen.and_then(|key| self.alarms().iter().position(|alarm| alarm.is(key))).unwrap_or(0)
    }

    /// Which host the chosen alarm is of.
    pub(super) fn host(&self) -> Option<&str> {
        self.alarms().get(self.position()).map(|alarm| alarm.host.as_str())
    }

    /// Chooses one, and keeps it in sight.
    pub(super) fn choose(&mut self, at: usize, room: usize) {
        let at = at.min(self.alarms().len().saturating_sub(1));
        let alarm = self.alarms().get(at).filter(|_| at > 0);
        self.chosen =
            alarm.map(|alarm| (alarm.host.clone(), alarm.rule.clone(), alarm.row.clone()));
        let last = self.alarms().len().saturating_sub(room);
        self.first = self.first.clamp((at + 1).saturating_sub(room), at).min(last);
    }

    /// A key was pressed.
    pub(super) fn press(&mut self, key: Key, room: usize) {
        let at = self.position();
        match key {
            Key::Up | Key::Char('k') => self.choose(at.saturating_sub(1), room),
            Key::Down | Key::Char('j') => self.choose(at + 1, room),
            Key::PageUp => self.choose(at.saturating_sub(room), room),
            Key::PageDown | Key::Char(' ') => self.choose(at + room, room),
            Key::Home | Key::Char('g') => self.choose(0, room),
            Key::End | Key::Char('G') => self.choose(usize::MAX, room),
            _ => {}
        }
    }
}
