//! One rule on one host: its alarms, by row.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    alarm::{Change, Missing, Seen, Stand, Terms, step},
    condition::Frame,
    memory::Values,
    rule::Rule,
    seen::{Budget, Judged, MAX_ALARMS_IN_ALL, Poll, RowOf, about, frame, observe, over},
};
use crate::{
    model::{Alarm, AlarmCause, AlarmEvent, AlarmKey, AlarmState, HostId},
    units::WallMs,
};

/// The most alarms of one rule on one host.
pub const MAX_ALARMS: usize = 1_000;
/// The row of the alarm that says that a rule has more rows to alarm of than [`MAX_ALARMS`].
pub const OVERFLOW_ROW: &str = "*";

/// How long an alarm that only goes on is not written again, milliseconds.
const REFRESH_MS: i64 = 60_000;

/// What is remembered of one row.
#[derive(Debug)]
struct Track {
    stand: Option<Stand>,
    /// The last poll that had the row.
    seen: WallMs,
    /// The last poll with which its alarm was written.
    written: WallMs,
}

/// A rule that has alarms on a host.
#[derive(Debug)]
pub(super) struct Tracks {
    /// Its place in the host's list of rules.
    pub(super) number: usize,
    pub(super) rule: Arc<Rule>,
    rows: BTreeMap<Arc<str>, Track>,
    alive: usize,
    /// Rows were left out: it has an alarm of its own. Rare.
    overflow: Option<Box<Stand>>,
    is_overfull: bool,
}

impl Tracks {
    pub(super) fn new(number: usize, rule: Arc<Rule>) -> Self {
        let rows = BTreeMap::new();
        Self { number, rule, rows, alive: 0, overflow: None, is_overfull: false }
    }

    /// Nothing is known of it that is not known of every rule.
    pub(super) fn is_idle(&self) -> bool {
        self.rows.is_empty() && self.overflow.is_none()
    }

    /// The same under a rule that says the same, in other words or with another severity.
    pub(super) fn under(self, number: usize, rule: Arc<Rule>) -> Self {
        Self { number, rule, ..self }
    }

    /// Takes back an alarm from the store.
    pub(super) fn restore(&mut self, alarm: &Alarm) {
        let stand = Stand::of(alarm);
        if alarm.key.row.as_ref() == OVERFLOW_ROW {
            self.overflow = Some(Box::new(stand));
            return;
        }
        let (seen, written) = (alarm.slot, alarm.slot);
        self.alive += 1;
        self.rows.insert(alarm.key.row.clone(), Track { stand: Some(stand), seen, written });
    }

    /// The alarms that are not over.
    pub(super) fn alarms(&self, host: HostId) -> Vec<Alarm> {
        let overflow = self.overflow.iter().map(|stand| (Arc::from(OVERFLOW_ROW), **stand));
        let rows = self.rows.iter().filter_map(|(row, track)| Some((row.clone(), track.stand?)));
        let alarm =
            |(row, stand): (Arc<str>, Stand)| stand.alarm(self.key(host, row), self.rule.hash);
        rows.chain(overflow).map(alarm).collect()
    }

    fn key(&self, host: HostId, row: Arc<str>) -> AlarmKey {
        AlarmKey { rule: self.rule.name.clone(), host, row }
    }

    /// The clock was set back: time goes on from `slot`.
    pub(super) fn rebase(&mut self, slot: WallMs) {
        let tracks = self.rows.values_mut();
        for track in tracks {
            track.written = WallMs(i64::MIN);
            if let Some(stand) = &mut track.stand {
                let missing_for = stand.slot.since(stand.known);
                stand.slot = WallMs(slot.0.saturating_sub(1));
                stand.known = stand.slot.minus(missing_for);
            }
        }
    }

    /// Judges a row, or the host itself when the rule is over no table; `values` are what its windows say.
    pub(super) fn judge(
        &mut self,
        row: RowOf<'_>,
        values: &Values,
        poll: &Poll<'_>,
        budget: &mut Budget,
        judged: &mut Judged,
    ) {
        let before = self.rows.get_mut(&*row.key()).and_then(|track| {
            track.seen = poll.moment.slot;
            track.stand
        });
        let frame = frame(row, poll, values);
        let seen = observe(&self.rule, &frame, before.is_some());
        if before.is_none() && seen.when == Some(false) {
            return;
        }
        self.settle(row, &frame, (before, seen), poll, budget, judged);
    }

    /// Carries out what was seen of a row that has an alarm, or may have one now.
    fn settle(
        &mut self,
        row: RowOf<'_>,
        frame: &Frame<'_>,
        (before, mut seen): (Option<Stand>, Seen),
        poll: &Poll<'_>,
        budget: &mut Budget,
        judged: &mut Judged,
    ) {
        let (rule, key) = (Arc::clone(&self.rule), row.key());
        let is_known = seen.when == Some(true) || (seen.when.is_some() && seen.clear.is_some());
        if poll.is_silent && !is_known {
            return;
        }
        if !rule.except.is_empty() && rule.leaves_out(row.labels) {
            if before.is_some() {
                self.end(&key, AlarmCause::RowGone, poll, budget, judged);
            }
            return;
        }
        let value = rule.when.value.as_ref().map(|measure| measure.num.value(frame));
        seen.value = value.filter(|value| value.is_finite());
        let (after, change) = step(before.as_ref(), &seen, &rule.terms, poll.moment);
        let Some(after) = after else { return };
        if before.is_none() && !self.may_begin(&key, poll.moment.slot, budget) {
            return;
        }
        self.keep(&key, before, after, poll, budget, judged);
        if let Some(change) = change {
            let summary = rule.summary.render(&about(&rule, &key, &change, poll), frame);
            judged.events.push(self.event(&key, change, after.value, poll, summary));
        }
    }

    /// Where the alarm of a row stands; none when there is none.
    pub(super) fn stand(&self, row: &str) -> Option<Stand> {
        self.rows.get(row).and_then(|track| track.stand)
    }

    /// Judges what the rows just judged left out: those that are no longer there, or all of them when
    /// the table was not read.
    pub(super) fn judge_absent(
        &mut self,
        was_read: bool,
        poll: &Poll<'_>,
        budget: &mut Budget,
        judged: &mut Judged,
    ) {
        if !self.rows.is_empty() {
            let slot = poll.moment.slot;
            let absent = self.rows.iter().filter(|(_, track)| track.seen != slot);
            let absent: Vec<Arc<str>> = absent.map(|(key, _)| key.clone()).collect();
            for key in absent {
                self.judge_gone(&key, was_read, poll, budget, judged);
            }
        }
        self.tell_overflow(poll, budget, judged);
    }

    fn judge_gone(
        &mut self,
        key: &Arc<str>,
        was_read: bool,
        poll: &Poll<'_>,
        budget: &mut Budget,
        judged: &mut Judged,
    ) {
        let Some(before) = self.rows.get(key).and_then(|track| track.stand) else { return };
        let own = self.rule.terms;
        if was_read && own.missing == Missing::Clear {
            return self.end(key, AlarmCause::RowGone, poll, budget, judged);
        }
        let terms = if was_read { Terms { missing: Missing::Hold, ..own } } else { own };
        let (after, change) = step(Some(&before), &Seen::default(), &terms, poll.moment);
        let Some(after) = after else { return };
        if was_read && matches!(after.state, AlarmState::Unknown | AlarmState::Ok) {
            return self.end(key, AlarmCause::RowGone, poll, budget, judged);
        }
        self.keep(key, Some(before), after, poll, budget, judged);
        if let Some(change) = change {
            let row = RowOf { over: self.rule.over, labels: &[], cells: &[] };
            let about = about(&self.rule, key, &change, poll);
            let summary = self.rule.summary.render(&about, &frame(row, poll, &[]));
            judged.events.push(self.event(key, change, after.value, poll, summary));
        }
    }

    /// Ends the alarm of a row without a judgement.
    fn end(
        &mut self,
        key: &str,
        cause: AlarmCause,
        poll: &Poll<'_>,
        budget: &mut Budget,
        judged: &mut Judged,
    ) {
        let Some(stand) = self.rows.remove(key).and_then(|track| track.stand) else { return };
        self.alive -= 1;
        let alarm = stand.alarm(self.key(poll.host, key.into()), self.rule.hash);
        over(alarm, cause, poll.name, poll.moment.slot, poll.at, budget, judged);
    }

    fn may_begin(&mut self, key: &str, slot: WallMs, budget: &mut Budget) -> bool {
        if budget.alive >= MAX_ALARMS_IN_ALL {
            budget.refused = budget.refused.saturating_add(1);
            return false;
        }
        if self.alive >= MAX_ALARMS {
            self.is_overfull = true;
            return false;
        }
        self.rows.insert(key.into(), Track { stand: None, seen: slot, written: WallMs(i64::MIN) });
        self.alive += 1;
        budget.alive += 1;
        true
    }

    fn keep(
        &mut self,
        key: &str,
        before: Option<Stand>,
        after: Stand,
        poll: &Poll<'_>,
        budget: &mut Budget,
        judged: &mut Judged,
    ) {
        let is_over = after.state == AlarmState::Ok;
        let Some((row, _)) = self.rows.get_key_value(key) else { return };
        let row = row.clone();
        let Some(track) = self.rows.get_mut(key) else { return };
        track.stand = (!is_over).then_some(after);
        let slot = after.slot;
        let goes_on = before.is_some_and(|before| {
            (before.state, before.severity, before.polls)
                == (after.state, after.severity, after.polls)
                && slot.0.saturating_sub(track.written.0) < REFRESH_MS
        });
        if goes_on {
            return;
        }
        track.written = slot;
        if is_over {
            self.alive -= 1;
            budget.alive = budget.alive.saturating_sub(1);
            self.rows.remove(key);
        }
        judged.rows.push(after.alarm(self.key(poll.host, row), self.rule.hash));
    }

    /// One alarm says that others were left out, for as long as they are.
    fn tell_overflow(&mut self, poll: &Poll<'_>, budget: &mut Budget, judged: &mut Judged) {
        let is_overfull = std::mem::take(&mut self.is_overfull);
        if is_overfull == self.overflow.is_some() {
            return;
        }
        let slot = poll.moment.slot;
        let (from, to) = match is_overfull {
            true => (AlarmState::Ok, AlarmState::Firing),
            false => (AlarmState::Firing, AlarmState::Ok),
        };
        budget.alive = match is_overfull {
            true => budget.alive.saturating_add(1),
            false => budget.alive.saturating_sub(1),
        };
        let severity = self.rule.terms.severity;
        let stand = Stand {
            state: to,
            severity,
            since: slot,
            fired: Some(slot),
            slot,
            polls: 0,
            known: slot,
            value: None,
        };
        self.overflow = is_overfull.then(|| Box::new(stand));
        judged.rows.push(stand.alarm(self.key(poll.host, OVERFLOW_ROW.into()), self.rule.hash));
        let change = Change { from, to, cause: AlarmCause::Overflow, severity };
        let (name, rule) = (poll.name, &self.rule.name);
        let summary = match is_overfull {
            true => {
                format!("{name}: {rule} has more than {MAX_ALARMS} alarms; the rest is left out")
            }
            false => format!("{name}: {rule} has no more alarms than it may have"),
        };
        judged.events.push(self.event(OVERFLOW_ROW, change, None, poll, summary.into()));
    }

    fn event(
        &self,
        row: &str,
        change: Change,
        value: Option<f64>,
        poll: &Poll<'_>,
        summary: Arc<str>,
    ) -> AlarmEvent {
        AlarmEvent {
            key: self.key(poll.host, row.into()),
            slot: poll.moment.slot,
            at: poll.at,
            from: change.from,
            to: change.to,
            cause: change.cause,
            severity: change.severity,
            value,
            summary,
        }
    }
}
