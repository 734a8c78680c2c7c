//! The server's own trouble: polls that it could not make, rows that it could not keep. Looked at once a
//! second, so that it is told once and not per poll.

use std::{collections::HashSet, sync::Arc, time::Duration};

use super::Engine;
use crate::{
    health::PauseReason,
    live::OwnTrouble,
    model::{HostId, Outcome},
    poll::Attempt,
    units::{Mono, Now, WallMs},
};

/// How often the log may say at most that polls cannot be made: descriptors that are used up come and go
/// within a second.
pub(super) const SAID_AT_MOST_EVERY: Duration = Duration::from_secs(60);

/// What is known of it.
#[derive(Debug, Default)]
pub(super) struct Own {
    /// Hosts whose last poll could not be made.
    unpolled: HashSet<HostId>,
    /// Why the last of them could not, in words.
    error: Option<Arc<str>>,
    /// Since when there are some.
    since: Option<WallMs>,
    /// When the log said so last.
    said: Option<Mono>,
    /// The log said so, and not yet that it is over.
    is_told: bool,
    /// Rows lost, as of the last look.
    lost: u64,
}

impl Own {
    /// Learns how a poll of a host ended.
    pub(super) fn note(&mut self, host: HostId, attempt: &Attempt) {
        if attempt.outcome == Outcome::Local {
            self.unpolled.insert(host);
            self.error.clone_from(&attempt.error);
        } else if attempt.outcome.was_asked() {
            self.unpolled.remove(&host);
        }
    }

    /// What there is to tell at `now`.
    fn trouble(&mut self, now: WallMs) -> Option<OwnTrouble> {
        if self.unpolled.is_empty() {
            self.since = None;
            return None;
        }
        let since = *self.since.get_or_insert(now);
        let error = self.error.clone().unwrap_or_default();
        Some(OwnTrouble { since, hosts: self.unpolled.len(), error })
    }

    /// Whether the log is to say so now.
    fn is_to_be_said(&mut self, now: Mono) -> bool {
        let lately = self.said.is_some_and(|said| now.since(said) < SAID_AT_MOST_EVERY);
        if self.is_told || lately {
            return false;
        }
        (self.said, self.is_told) = (Some(now), true);
        true
    }
}

impl Engine {
    /// Tells of the server's own trouble; to be called once a second.
    pub(super) fn review_own(&mut self, now: Now) {
        let hosts = &self.hosts;
        self.own.unpolled.retain(|host| {
            let entry = hosts.get(host);
            entry
                .is_some_and(|entry| entry.pause_reason.as_ref().is_none_or(PauseReason::is_polled))
        });
        let trouble = self.own.trouble(now.wall);
        match &trouble {
            Some(OwnTrouble { hosts, error, .. }) if self.own.is_to_be_said(now.mono) => {
                tracing::error!(
                    hosts, %error,
                    "hosts cannot be polled for want of the server's own means; their states stay",
                );
            }
            None if std::mem::take(&mut self.own.is_told) => {
                tracing::info!("every host can be polled again");
            }
            Some(_) | None => {}
        }
        let unpolled = trouble.as_ref().map_or(0, |trouble| trouble.hosts);
        self.parts.metrics.unpolled.set(i64::try_from(unpolled).unwrap_or(i64::MAX));
        let lost = self.parts.writer.stats().lost();
        let is_losing = lost > std::mem::replace(&mut self.own.lost, lost);
        if is_losing || trouble != self.parts.live.server().own_trouble {
            self.parts.live.update_server(|server| {
                server.own_trouble = trouble;
                if is_losing {
                    server.last_loss = Some(now.wall);
                }
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Now {
        let mono = Mono(Duration::from_secs(seconds));
        Now { wall: WallMs(0).plus(mono.0), mono }
    }

    fn ends(own: &mut Own, host: i64, outcome: Outcome) {
        own.note(HostId(host), &Attempt::without_answer(outcome, "no descriptor", at(0)));
    }

    #[test]
    fn hosts_are_counted_until_they_are_asked_again() {
        let mut own = Own::default();
        assert_eq!(own.trouble(WallMs(1)), None);
        ends(&mut own, 1, Outcome::Local);
        ends(&mut own, 2, Outcome::Local);
        let told = OwnTrouble { since: WallMs(2), hosts: 2, error: "no descriptor".into() };
        assert_eq!(own.trouble(WallMs(2)), Some(told.clone()));
        // Nothing was asked: it says nothing.
        ends(&mut own, 1, Outcome::Overrun);
        ends(&mut own, 2, Outcome::Refused);
        assert_eq!(own.trouble(WallMs(3)), Some(OwnTrouble { hosts: 1, ..told }));
        ends(&mut own, 1, Outcome::Ok);
        assert_eq!(own.trouble(WallMs(4)), None);
        ends(&mut own, 1, Outcome::Local);
        assert_eq!(own.trouble(WallMs(5)).map(|trouble| trouble.since), Some(WallMs(5)));
    }

    #[test]
    fn what_comes_and_goes_is_said_once_a_minute() {
        let mut own = Own::default();
        let mut said = 0;
        for second in 0..600 {
            if second % 2 == 0 {
                said += u32::from(own.is_to_be_said(at(second).mono));
            } else {
                own.is_told = false;
            }
        }
        assert_eq!(said, 10);
        let mut steady = Own::default();
        let said = (0..600).filter(|second| steady.is_to_be_said(at(*second).mono)).count();
        assert_eq!(said, 1);
    }
}
