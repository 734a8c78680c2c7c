//! Makes requests of what the live view says: the values of each poll as it is taken, what is said of every host,
//! and the end of series that go on no longer. Knows neither the receiver nor the clock.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use xxhash_rust::xxh3::xxh3_64;

use super::{
    MAX_REQUEST_BYTES, MAX_REQUEST_SAMPLES, SAY_AGAIN,
    encoder::AnyEncoder,
    request::{PackedRequest, RequestForm, WriteVersion},
};
use crate::{
    exposition::{FoundSample, HostSamples, NamesOf, SampleKind, fresh_until},
    live::HostView,
    model::{HostId, Record},
    units::{Mono, WallMs},
};

/// So long before values are no longer fresh their series end: the poll that is due at that very moment may bring
/// new ones.
const BEFORE: Duration = Duration::from_millis(1);

/// The least between two samples of a series.
const LATER: Duration = Duration::from_millis(1);

/// What was last said of a host.
struct Said {
    view: Arc<HostView>,
    /// The moment that it was said of.
    at: WallMs,
    /// Of which series it was: another one where one came or went.
    shape: u64,
    /// What stands for all that names the host: of another one all series are others.
    named: u64,
}

/// A host whose series go on.
struct HostPast {
    /// What is said of every host.
    any: Said,
    /// Values, while they are fresh.
    values: Option<Said>,
    /// The poll that was last looked at.
    poll: Option<Arc<Record>>,
    /// The newest moment that values, or their end, were said of.
    values_at: WallMs,
}

/// Makes requests.
pub(super) struct SeriesPacker {
    names: NamesOf,
    kinds: Vec<SampleKind>,
    hosts: HashMap<HostId, HostPast>,
    encoder: AnyEncoder,
    /// When the first sample came into the request that is being made.
    begun: Option<Mono>,
    ready: Vec<PackedRequest>,
    /// The form of requests to come.
    form: RequestForm,
    /// Polls whose moment was not later than what was said before.
    not_later: u64,
}

/// Which series of its host a sample is of.
fn identity(kind: usize, found: &FoundSample<'_>, row_labels: usize) -> u64 {
    let mix = |sum: u64, text: &str| sum.rotate_left(9) ^ xxh3_64(text.as_bytes());
    let kind = u64::try_from(kind).unwrap_or_default();
    let row = found.row.iter().take(row_labels).fold(kind, |sum, label| mix(sum, label));
    found.more.iter().fold(row, |sum, (name, value)| mix(mix(sum, name), value))
}

impl SeriesPacker {
    /// One that knows of no host yet.
    pub(super) fn new(names: NamesOf, kinds: Vec<SampleKind>, form: RequestForm) -> Self {
        Self {
            names,
            encoder: AnyEncoder::new(form, names, &kinds),
            kinds,
            hosts: HashMap::new(),
            begun: None,
            ready: Vec::new(),
            form,
            not_later: 0,
        }
    }

    /// Requests to come are of remote_write 1.0.
    pub(super) fn go_back(&mut self) {
        self.form = RequestForm::Write(WriteVersion::First);
    }

    /// Polls that were passed over since this was last asked.
    pub(super) fn take_not_later(&mut self) -> u64 {
        std::mem::take(&mut self.not_later)
    }

    /// A host as it is now.
    pub(super) fn take(&mut self, view: &Arc<HostView>, now: WallMs, mono: Mono) {
        let (any, mut values, before, mut values_at) = match self.hosts.remove(&view.id) {
            Some(HostPast { any, values, poll, values_at }) => (Some(any), values, poll, values_at),
            None => (None, None, None, WallMs(i64::MIN)),
        };
        let poll = view.last_good.clone().filter(|_| view.answer.is_some());
        match &poll {
            Some(poll) if before.as_ref().is_some_and(|before| Arc::ptr_eq(before, poll)) => {}
            Some(poll) if poll.started > values_at => {
                values_at = poll.started;
                values = Some(self.say(view, true, poll.slot, values_at, values.as_ref()));
            }
            Some(_) => self.not_later += 1,
            None => {
                if let Some(said) = values.take() {
                    values_at = self.end(&said, true, said.at.plus(LATER).max(now));
                }
            }
        }
        let any = self.say_any(view, any, now);
        self.hosts.insert(view.id, HostPast { any, values, poll, values_at });
        self.close(mono);
    }

    /// Says what is said of every host. It is of now, or of a moment later than before where a clock was set back.
    fn say_any(&mut self, view: &Arc<HostView>, before: Option<Said>, now: WallMs) -> Said {
        // Between the two there is room for an end.
        let at = before.as_ref().map_or(now, |said| now.max(said.at.plus(LATER * 2)));
        self.say(view, false, now, at, before.as_ref())
    }

    /// Ends the series of values that are no longer fresh, and says again what is said of every host where that
    /// was said long ago. What was read until now must have been taken.
    pub(super) fn look(&mut self, now: WallMs, mono: Mono) {
        let of_host = |(id, past): (&HostId, &HostPast)| {
            let until = fresh_until(&past.any.view);
            let ends = past.values.is_some() && until.is_some_and(|until| now > until);
            let again = now.since(past.any.at) >= SAY_AGAIN;
            (ends || again).then_some((*id, until.filter(|_| ends)))
        };
        let due: Vec<_> = self.hosts.iter().filter_map(of_host).collect();
        for (id, ended) in due {
            let Some(mut past) = self.hosts.remove(&id) else { continue };
            if let (Some(until), Some(said)) = (ended, &past.values) {
                let at = until.minus(BEFORE).max(said.at.plus(LATER));
                past.values_at = self.end(said, true, at);
                past.values = None;
            }
            let view = Arc::clone(&past.any.view);
            past.any = self.say_any(&view, Some(past.any), now);
            self.hosts.insert(id, past);
        }
        self.close(mono);
    }

    /// Ends all series of hosts that are not among these.
    pub(super) fn keep(&mut self, hosts: &HashSet<HostId>, now: WallMs, mono: Mono) {
        let gone: Vec<HostId> =
            self.hosts.keys().filter(|host| !hosts.contains(host)).copied().collect();
        for host in gone {
            let Some(past) = self.hosts.remove(&host) else { continue };
            if let Some(said) = &past.values {
                self.end(said, true, now.max(said.at.plus(LATER)));
            }
            self.end(&past.any, false, now.max(past.any.at.plus(LATER)));
        }
        self.close(mono);
    }

    /// Adds all samples of one sort, and the end of series that were there before and are no more.
    fn say(
        &mut self,
        view: &Arc<HostView>,
        are_values: bool,
        now: WallMs,
        at: WallMs,
        before: Option<&Said>,
    ) -> Said {
        let host = HostSamples::new(Arc::clone(view), self.names, now);
        let named = self.encoder.begin(&host);
        if let Some(said) = before.filter(|said| said.named != named) {
            // Before the others begin: a receiver that goes by the host's name alone takes them for the same.
            let end = at.minus(LATER);
            if end > said.at {
                self.end(said, are_values, end);
            }
            self.encoder.begin(&host);
        }
        let (mut shape, encoder) = (0_u64, &mut self.encoder);
        for (place, kind) in self.kinds.iter().enumerate() {
            if kind.is_value() != are_values {
                continue;
            }
            let row_labels = kind.row_labels().len();
            host.each(kind, |found| {
                shape = shape.rotate_left(5).wrapping_add(identity(place, &found, row_labels));
                encoder.add(place, found, Some(found.value), at);
            });
        }
        if let Some(said) = before.filter(|said| said.named == named && said.shape != shape) {
            let mut still = HashSet::new();
            for (place, kind) in self.kinds.iter().enumerate() {
                let row_labels = kind.row_labels().len();
                host.each(kind, |found| {
                    still.insert(identity(place, &found, row_labels));
                });
            }
            self.end_all_but(said, are_values, at, &still);
        }
        Said { view: Arc::clone(view), at, shape, named }
    }

    /// Ends all series of one sort that were said last; answers of which moment that is.
    fn end(&mut self, said: &Said, are_values: bool, at: WallMs) -> WallMs {
        self.end_all_but(said, are_values, at, &HashSet::new());
        at
    }

    fn end_all_but(&mut self, said: &Said, are_values: bool, at: WallMs, still: &HashSet<u64>) {
        // As it was then: values that were fresh.
        let then = said.view.last_good.as_ref().map_or(said.at, |poll| poll.slot);
        let host = HostSamples::new(Arc::clone(&said.view), self.names, then);
        self.encoder.begin(&host);
        let encoder = &mut self.encoder;
        for (place, kind) in self.kinds.iter().enumerate() {
            if kind.is_value() != are_values {
                continue;
            }
            let row_labels = kind.row_labels().len();
            host.each(kind, |found| {
                if !still.contains(&identity(place, &found, row_labels)) {
                    encoder.add(place, found, None, at);
                }
            });
        }
    }

    /// Closes the request that is being made where it is large enough.
    fn close(&mut self, mono: Mono) {
        if self.encoder.samples() == 0 {
            return;
        }
        self.begun.get_or_insert(mono);
        if self.encoder.samples() >= MAX_REQUEST_SAMPLES || self.encoder.len() >= MAX_REQUEST_BYTES
        {
            self.finish();
        }
    }

    /// When the first sample came into the request that is being made.
    pub(super) fn begun(&self) -> Option<Mono> {
        self.begun
    }

    /// Closes the request that is being made.
    pub(super) fn finish(&mut self) {
        self.begun = None;
        self.ready.extend(self.encoder.finish(self.form));
    }

    /// Requests that are closed, oldest first.
    pub(super) fn ready(&mut self) -> Vec<PackedRequest> {
        std::mem::take(&mut self.ready)
    }
}

#[cfg(test)]
mod tests;
