//! What one poll says to one rule, and how an alarm ends that no poll decides.

use std::{borrow::Cow, sync::Arc, time::Duration};

use super::{
    alarm::{Change, Moment, Seen},
    condition::{Frame, Words},
    names::{Number, Over},
    rule::Rule,
    template::About,
};
use crate::{
    model::{
        Alarm, AlarmCause, AlarmEvent, AlarmState, Cause, Detail, GroupName, HostId, HostName,
        Labels,
    },
    units::WallMs,
};

/// What is known of a host beside its record.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// Its name.
    pub name: &'a HostName,
    /// Its group.
    pub group: Option<&'a GroupName>,
    /// Its labels.
    pub labels: &'a Labels,
    /// The time from poll to poll; of a host that is down, how long it was left alone.
    pub interval: Duration,
    /// Why it is in its state.
    pub cause: Option<Cause>,
    /// Whether it goes up and down too often.
    pub is_flapping: bool,
    /// How long its probe's certificate is valid yet, seconds; none without one.
    pub certificate_left_s: Option<f64>,
    /// The version of its probe.
    pub probe_version: Option<&'a str>,
    /// The version of this server.
    pub server_version: &'a str,
    /// It is left alone (paused, maintenance), or the server is cut off: nothing is judged.
    pub is_frozen: bool,
}

/// How many alarms there are, of all that are judged with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Budget {
    /// Alarms that are not over.
    pub alive: usize,
    /// Alarms that would have begun beyond [`MAX_ALARMS_IN_ALL`], ever.
    pub refused: u64,
}

/// The most alarms of all rules on all hosts.
pub const MAX_ALARMS_IN_ALL: usize = 100_000;

/// What a poll changed.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Judged {
    /// Alarms as they are to be kept; those that are `ok` are over and need not be kept any longer.
    pub rows: Vec<Alarm>,
    /// What is told of them.
    pub events: Vec<AlarmEvent>,
}

/// Everything that a poll says, for all rules.
pub(super) struct Poll<'a> {
    pub(super) host: HostId,
    pub(super) name: &'a str,
    pub(super) moment: Moment,
    /// The server's clock.
    pub(super) at: WallMs,
    /// The host is down: of its values nothing is known, and nothing is made of that.
    pub(super) is_silent: bool,
    /// Host-wide cells; empty without values.
    pub(super) cells: &'a [f64],
    pub(super) facts: [f64; Number::COUNT],
    pub(super) words: Words<'a>,
}

/// A row of the table that a rule is over.
#[derive(Clone, Copy)]
pub(super) struct RowOf<'a> {
    pub(super) over: Over,
    pub(super) labels: &'a [Arc<str>],
    pub(super) cells: &'a [f64],
}

impl<'a> RowOf<'a> {
    /// What it is known by; the host as a whole by nothing.
    pub(super) fn key(&self) -> Cow<'a, str> {
        self.over.table().map_or(Cow::Borrowed(""), |table| table.key(self.labels))
    }
}

/// The rows of one poll, in its order.
#[derive(Clone, Copy)]
pub(super) enum Rows<'a> {
    /// Of a host, which is one row itself.
    Host(Option<&'a Detail>),
    /// What the server knows of itself: one row.
    Server(&'a [f64]),
}

impl<'a> Rows<'a> {
    /// Those of a table; none when it was not read.
    pub(super) fn get(self, over: Over) -> impl Iterator<Item = RowOf<'a>> {
        (0..).map_while(move |place| self.row(over, place))
    }

    fn row(self, over: Over, place: usize) -> Option<RowOf<'a>> {
        let (labels, cells) = match (self, over, over.table()) {
            (Self::Host(detail), _, Some(table)) => detail?.row(table, place)?,
            (Self::Host(_), Over::Host, _) if place == 0 => (&[][..], &[][..]),
            (Self::Server(cells), Over::Server, _) if place == 0 => (&[][..], cells),
            _ => return None,
        };
        Some(RowOf { over, labels, cells })
    }
}

/// What a condition may look at.
pub(super) fn frame<'a>(row: RowOf<'a>, poll: &'a Poll<'_>, windows: &'a [f64]) -> Frame<'a> {
    Frame {
        host: poll.cells,
        row: row.cells,
        labels: row.labels,
        facts: &poll.facts,
        windows,
        words: &poll.words,
    }
}

/// What the rule's conditions say. `clear` is asked only of an alarm that there is. A `critical` that cannot
/// be told (a column that this kernel has not) neither begins an alarm nor keeps one.
pub(super) fn observe(rule: &Rule, frame: &Frame<'_>, is_alarm: bool) -> Seen {
    let mut when = rule.when.test.holds(frame);
    let critical = match &rule.critical {
        Some(condition) => condition.test.holds(frame),
        None => Some(false),
    };
    if critical == Some(true) {
        when = Some(true);
    }
    let clear = match &rule.clear {
        Some(condition) if is_alarm => condition.test.holds(frame),
        _ => when.map(|holds| !holds),
    };
    Seen { when, clear, critical, value: None }
}

/// What a summary is about.
pub(super) fn about<'a>(
    rule: &'a Rule,
    row: &'a str,
    change: &Change,
    poll: &'a Poll<'_>,
) -> About<'a> {
    About {
        host: poll.name,
        rule: &rule.name,
        severity: change.severity,
        row,
        value: rule.when.value.as_ref(),
        threshold: rule.when.threshold,
    }
}

/// Ends an alarm that was not judged: its row, its rule or its host is gone. What was told is told to
/// be over.
pub(super) fn over(
    alarm: Alarm,
    cause: AlarmCause,
    name: &str,
    slot: WallMs,
    at: WallMs,
    budget: &mut Budget,
    judged: &mut Judged,
) {
    budget.alive = budget.alive.saturating_sub(1);
    if alarm.state.is_active() {
        let why = match cause {
            AlarmCause::RowGone => "it is no longer there",
            AlarmCause::RuleChanged => "the rule says something else now",
            AlarmCause::RuleRemoved => "the rule is gone, or not for this host any longer",
            AlarmCause::HostRetired => "the host was taken out of the inventory",
            AlarmCause::Values | AlarmCause::Missing | AlarmCause::Overflow => "it is over",
        };
        let (rule, row) = (&alarm.key.rule, &alarm.key.row);
        let gap = if row.is_empty() { "" } else { ": " };
        judged.events.push(AlarmEvent {
            key: alarm.key.clone(),
            slot,
            at,
            from: alarm.state,
            to: AlarmState::Ok,
            cause,
            severity: alarm.severity,
            value: None,
            summary: format!("{name}{gap}{row}: {rule}: {why}").into(),
        });
    }
    judged.rows.push(Alarm { state: AlarmState::Ok, since: slot, ..alarm });
}
