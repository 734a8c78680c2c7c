//! What people say of alarms: silences and acknowledgements.

use std::{sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};

use super::matcher::Matcher;
use crate::{model::Severity, units::WallMs};

/// The longest silence: none is forgotten for ever.
pub const MAX_SILENCE: Duration = Duration::from_secs(30 * 24 * 3600);
/// The most silences at one time.
pub const MAX_SILENCES: usize = 1_000;
/// The most names, labels and patterns of one silence.
pub const MAX_SILENCE_TERMS: usize = 64;
/// The longest name of a person and the longest reason, bytes.
pub const MAX_REASON_BYTES: usize = 1_024;

/// Alarms of which nobody is told for some time. Their ends are told where they were told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Silence {
    /// What it is known by.
    pub id: Arc<str>,
    /// The alarms that it is about.
    pub matcher: Matcher,
    /// When it ends at the latest.
    pub until: WallMs,
    /// It ends by itself when the last alarm that it is about is over.
    pub until_clear: bool,
    /// By whom.
    pub who: Arc<str>,
    /// Why.
    pub why: Arc<str>,
}

/// Why a silence is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SilenceError {
    /// Nothing says which alarms are meant.
    #[error(
        "a silence needs groups, labels, a severity, rules, hosts or rows: which alarms are meant?"
    )]
    Everything,
    /// Too much text.
    #[error(
        "a silence has at most {MAX_SILENCE_TERMS} names, labels and patterns, this one has {0}"
    )]
    TooManyTerms(usize),
    /// It would be over before it begins.
    #[error("a silence ends later than now, this one ended at {0}")]
    Over(WallMs),
    /// Beyond [`MAX_SILENCE`].
    #[error("a silence ends within 30 days, this one at {0}: make it shorter, or change the rule")]
    TooLong(WallMs),
    /// Nobody stands for it.
    #[error("a silence needs a `who` and a `why` of 1 to {MAX_REASON_BYTES} bytes")]
    NoReason,
    /// Beyond [`MAX_SILENCES`].
    #[error("there are {MAX_SILENCES} silences, which is the most: end one of them first")]
    TooMany,
}

impl Silence {
    /// Whether it can be taken at `now`.
    ///
    /// # Errors
    /// [`SilenceError`] when it has no end within 30 days, no reason, or no alarms that it is about.
    pub fn check(&self, now: WallMs) -> Result<(), SilenceError> {
        let reason = |text: &str| (1..=MAX_REASON_BYTES).contains(&text.trim().len());
        if self.matcher.is_empty() {
            return Err(SilenceError::Everything);
        }
        if self.matcher.terms() > MAX_SILENCE_TERMS {
            return Err(SilenceError::TooManyTerms(self.matcher.terms()));
        }
        if self.until <= now {
            return Err(SilenceError::Over(self.until));
        }
        if self.until > now.plus(MAX_SILENCE) {
            return Err(SilenceError::TooLong(self.until));
        }
        if !reason(&self.who)
            || !reason(&self.why)
            || self.who.len().max(self.why.len()) > MAX_REASON_BYTES
        {
            return Err(SilenceError::NoReason);
        }
        Ok(())
    }
}

/// Somebody has seen one firing alarm: it is not repeated and not passed on to further people. Its end
/// is told all the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ack {
    /// By whom.
    pub who: Arc<str>,
    /// What that person said of it; may be empty.
    pub note: Arc<str>,
    /// When.
    pub at: WallMs,
    /// How much the alarm mattered then: it holds for no more than that.
    pub severity: Severity,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Glob;

    #[test]
    fn a_silence_has_an_end_an_author_a_reason_and_something_that_it_is_about() {
        let now = WallMs(1_000_000);
        let good = Silence {
            id: "1".into(),
            matcher: Matcher { rules: vec![Glob::new("disk-*")], ..Matcher::default() },
            until: now.plus(MAX_SILENCE),
            until_clear: false,
            who: "ann".into(),
            why: "new disks on Friday".into(),
        };
        assert_eq!(good.check(now), Ok(()));
        let everything = Silence { matcher: Matcher::default(), ..good.clone() };
        assert_eq!(everything.check(now), Err(SilenceError::Everything));
        let late = good.until.plus(Duration::from_millis(1));
        let endless = Silence { until: late, ..good.clone() };
        assert_eq!(endless.check(now), Err(SilenceError::TooLong(late)));
        assert_eq!(Silence { until: now, ..good.clone() }.check(now), Err(SilenceError::Over(now)));
        for (who, why) in [("", "x"), ("x", " "), ("x", &*"x".repeat(MAX_REASON_BYTES + 1))] {
            let silence = Silence { who: who.into(), why: why.into(), ..good.clone() };
            assert_eq!(silence.check(now), Err(SilenceError::NoReason));
        }
        let rules = vec![Glob::new("a"); MAX_SILENCE_TERMS + 1];
        let matcher = Matcher { rules, ..Matcher::default() };
        let wide = Silence { matcher, ..good };
        assert_eq!(wide.check(now), Err(SilenceError::TooManyTerms(MAX_SILENCE_TERMS + 1)));
    }
}
