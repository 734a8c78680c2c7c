//! Silences and acknowledgements.

use std::sync::Arc;

use super::{Output, Router, RowKey, Timer};
use crate::{
    model::AlarmKey,
    route::{
        held::Held,
        journal::Step,
        silence::{Ack, MAX_REASON_BYTES, MAX_SILENCES, Silence, SilenceError},
    },
    units::WallMs,
};

impl Router {
    /// Takes a silence, or another one under the same id. Answers what is to be done.
    ///
    /// # Errors
    /// As [`Silence::check`], and when there are too many.
    pub fn silence(&mut self, silence: Silence, now: WallMs) -> Result<Vec<Output>, SilenceError> {
        self.now = self.now.max(now);
        silence.check(self.now)?;
        if self.silences.len() >= MAX_SILENCES && !self.silences.contains_key(&silence.id) {
            return Err(SilenceError::TooMany);
        }
        let id = Arc::clone(&silence.id);
        let before = self.silences.insert(Arc::clone(&id), silence);
        self.timers.set(Timer::Silence(Arc::clone(&id)), self.silences.get(&id).map(|s| s.until));
        self.changed.insert(RowKey::Silence(Arc::clone(&id)));
        self.consider_silenced(before.as_ref());
        self.consider_silenced(self.silences.get(&id).cloned().as_ref());
        Ok(self.take(super::Input::Tick, now))
    }

    /// The silences that hold.
    pub fn silences(&self) -> impl Iterator<Item = &Silence> {
        self.silences.values()
    }

    /// Notes that somebody has seen an alarm. Answers what is to be done; none when it does not fire.
    pub fn ack(
        &mut self,
        key: &AlarmKey,
        who: &str,
        note: &str,
        now: WallMs,
    ) -> Option<Vec<Output>> {
        self.now = self.now.max(now);
        let at = self.now;
        let held = self.alarms.get_mut(key).filter(|held| held.state.is_active())?;
        let who: Arc<str> = crate::text::one_line(who, MAX_REASON_BYTES).into();
        let note = crate::text::one_line(note, MAX_REASON_BYTES).into();
        held.journal.note(at, Step::Acked { who: Arc::clone(&who) });
        held.ack = Some(Ack { who, note, at, severity: held.severity });
        self.consider(key);
        Some(self.take(super::Input::Tick, now))
    }

    /// Who acknowledged an alarm.
    #[must_use]
    pub fn acked(&self, key: &AlarmKey) -> Option<&Ack> {
        self.alarms.get(key)?.ack.as_ref()
    }

    /// All acknowledgements that hold, and of which alarm.
    pub fn acks(&self) -> impl Iterator<Item = (&AlarmKey, &Ack)> {
        self.alarms.iter().filter_map(|(key, held)| Some((key, held.ack.as_ref()?)))
    }

    pub(super) fn is_silenced(&self, held: &Held, silence: &Silence) -> bool {
        let Held { key, severity, facts, .. } = held;
        silence.until > self.now && silence.matcher.matches(&key.rule, &key.row, *severity, facts)
    }

    fn consider_silenced(&mut self, silence: Option<&Silence>) {
        let Some(silence) = silence else { return };
        let meant = |held: &&Held| {
            let Held { key, severity, facts, .. } = held;
            silence.matcher.matches(&key.rule, &key.row, *severity, facts)
        };
        let keys = self.alarms.values().filter(meant).map(|held| held.key.clone()).collect();
        self.consider_all(Some(keys));
    }

    pub(super) fn end_silence(&mut self, id: &Arc<str>) {
        let Some(silence) = self.silences.remove(id) else { return };
        self.timers.set(Timer::Silence(Arc::clone(id)), None);
        self.changed.insert(RowKey::Silence(Arc::clone(id)));
        self.outputs.push(Output::SilenceEnded(Arc::clone(id)));
        self.consider_silenced(Some(&silence));
    }

    /// The silences that hold until this alarm, if it is the last that they are about, is over.
    pub(super) fn until_clear(&self, held: &Held) -> Vec<Arc<str>> {
        let about = |silence: &&Silence| silence.until_clear && self.is_silenced(held, silence);
        self.silences.values().filter(about).map(|silence| Arc::clone(&silence.id)).collect()
    }

    /// Ends those of these silences that are about no alarm that still fires.
    pub(super) fn end_cleared(&mut self, ids: Vec<Arc<str>>) {
        for id in ids {
            let Some(silence) = self.silences.get(&id) else { continue };
            let mut active = self.alarms.values().filter(|held| held.state.is_active());
            if !active.any(|held| self.is_silenced(held, silence)) {
                self.end_silence(&id);
            }
        }
    }

    /// Takes an acknowledgement away.
    pub(super) fn drop_ack(&mut self, held: &mut Held, why: &str) {
        held.ack = None;
        held.journal.note(self.now, Step::AckEnded { why: why.into() });
        self.outputs.push(Output::AckEnded(held.key.clone()));
    }

    pub(super) fn end_ack(&mut self, key: &AlarmKey, why: &str) {
        let Some(mut held) = self.alarms.remove(key) else { return };
        if held.ack.is_some() {
            self.drop_ack(&mut held, why);
        }
        self.alarms.insert(key.clone(), held);
        self.consider(key);
    }
}
