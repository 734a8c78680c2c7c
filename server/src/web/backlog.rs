//! The last changes of the fleet with their numbers, so that a stream that broke goes on where it
//! was (HTML Living Standard, 9.2.4: `Last-Event-ID`). Knows neither time nor readers.

use std::{
    collections::VecDeque,
    hash::{BuildHasher as _, RandomState},
};

use axum::body::Bytes;

/// The most changes that are kept for who comes back; who missed more is sent the fleet whole.
pub const MAX_MISSED: usize = 64;

/// The most bytes of them: four times the changes of five thousand hosts, all at once.
pub const MAX_MISSED_BYTES: usize = 4 << 20;

/// What was sent lately.
#[derive(Debug)]
pub(super) struct Backlog {
    /// Of this run of the server, and of no other: numbers begin again with each.
    stamp: u64,
    /// The number of the newest change; of the fleet that it led to.
    number: u64,
    /// The changes up to the newest, oldest first, as they were sent.
    kept: VecDeque<Bytes>,
    bytes: usize,
}

impl Default for Backlog {
    fn default() -> Self {
        // The hasher's keys come from the kernel's random numbers: no clock that may be set back.
        let stamp = RandomState::new().hash_one(0);
        Self { stamp, number: 0, kept: VecDeque::new(), bytes: 0 }
    }
}

impl Backlog {
    /// The name of the fleet as it is after the newest change.
    pub(super) fn id(&self) -> String {
        self.id_of(self.number)
    }

    /// The name of the fleet as the next change will make it.
    pub(super) fn next_id(&self) -> String {
        self.id_of(self.number + 1)
    }

    fn id_of(&self, number: u64) -> String {
        format!("{:016x}-{number}", self.stamp)
    }

    /// Keeps the next change. What is too much is forgotten, oldest first.
    pub(super) fn push(&mut self, change: Bytes) {
        self.number += 1;
        self.bytes += change.len();
        self.kept.push_back(change);
        while self.kept.len() > MAX_MISSED || self.bytes > MAX_MISSED_BYTES {
            let Some(oldest) = self.kept.pop_front() else { return };
            self.bytes -= oldest.len();
        }
    }

    /// What the fleet was until now is not known: nobody can go on from before.
    pub(super) fn forget(&mut self) {
        self.number += 1;
        self.kept.clear();
        self.bytes = 0;
    }

    /// The changes after the one called `id`, oldest first; none when they are not all kept, or the
    /// name is not of this run.
    pub(super) fn since(&self, id: &str) -> Option<impl Iterator<Item = &Bytes>> {
        let number = id.split_once('-')?.1.parse().ok()?;
        // As it was written, and in no other way.
        if id != self.id_of(number) {
            return None;
        }
        let missed = usize::try_from(self.number.checked_sub(number)?).ok()?;
        Some(self.kept.range(self.kept.len().checked_sub(missed)?..))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(changes: usize) -> Backlog {
        let mut all = Backlog::default();
        (1..=changes).for_each(|number| all.push(number.to_string().into()));
        all
    }

    fn missed(all: &Backlog, id: &str) -> Option<String> {
        all.since(id).map(|found| {
            found
                .map(|bytes| String::from_utf8_lossy(bytes).into_owned())
                .collect::<Vec<_>>()
                .join(",")
        })
    }

    #[test]
    fn who_comes_back_gets_what_was_missed_once_and_in_order() {
        let mut all = with(2);
        let id = all.id();
        assert_eq!(missed(&all, &id).as_deref(), Some(""));
        assert_eq!(all.next_id(), id.replace("-2", "-3"));
        all.push("3".into());
        all.push("4".into());
        assert_eq!(missed(&all, &id).as_deref(), Some("3,4"));
        assert_eq!(missed(&all, &id.replace("-2", "-0")).as_deref(), Some("1,2,3,4"));
    }

    #[test]
    fn a_name_that_is_not_of_this_run_is_of_no_use() {
        let all = with(3);
        let id = all.id();
        let stamp = id.split('-').next().unwrap();
        for other in [
            String::new(),
            "-".to_owned(),
            "3".to_owned(),
            "-3".to_owned(),
            "garbage-3".to_owned(),
            format!("{stamp}-"),
            format!("{stamp}-x"),
            format!("{stamp}-+3"),
            format!("{stamp}-03"),
            format!("{stamp}-3-3"),
            format!("{stamp}--1"),
            // Not yet, and never.
            format!("{stamp}-4"),
            format!("{stamp}-{}", u64::MAX),
            format!("{stamp}-99999999999999999999999"),
            format!(" {id}"),
            id.to_uppercase() + " ",
        ] {
            assert_eq!(missed(&all, &other), None, "{other:?}");
        }
        // Another run, which has come as far.
        assert_eq!(missed(&with(3), &id), None);
        let mut all = all;
        all.forget();
        assert_eq!(missed(&all, &id), None, "what lies between is not known");
        assert_eq!(missed(&all, &all.id()).as_deref(), Some(""));
    }

    #[test]
    fn who_missed_more_than_is_kept_cannot_go_on() {
        let mut all = with(MAX_MISSED);
        let first = all.id().replace(&format!("-{MAX_MISSED}"), "-0");
        assert_eq!(all.since(&first).unwrap().count(), MAX_MISSED);
        all.push("one more".into());
        assert!(all.since(&first).is_none());
        let id = all.id();
        for _ in 0..4 {
            all.push(vec![b'x'; MAX_MISSED_BYTES / 4].into());
        }
        assert_eq!(all.since(&id).unwrap().count(), 4);
        assert_eq!(all.kept.len(), 4, "the others were too much");
        all.push("x".into());
        assert!(all.since(&id).is_none());
        all.push(vec![b'x'; MAX_MISSED_BYTES + 1].into());
        assert!(all.kept.is_empty() && all.bytes == 0);
        assert_eq!(missed(&all, &all.id()).as_deref(), Some(""));
    }
}
