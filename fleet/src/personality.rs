//! How a fake probe behaves, by name, and what that means at a given moment. Pure: the time since
//! the fleet started is an argument.

use std::{fmt, str::FromStr, time::Duration};

/// How a fake probe behaves. [`fmt::Display`] and [`FromStr`] are each other's inverse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Personality {
    /// `healthy`: answers at once.
    #[default]
    Healthy,
    /// `slow=500ms`: answers, this much later.
    Slow(Duration),
    /// `hang-after-accept`: takes connections and never says a word.
    HangAfterAccept,
    /// `hang-before-accept`: its backlog is full, so that the kernel drops attempts to connect, as
    /// a host that is switched off does.
    HangBeforeAccept,
    /// `refuse`: nothing listens on its port.
    Refuse,
    /// `reset-mid-answer`: sends half an answer and resets the connection.
    ResetMidAnswer,
    /// `garbage`: answers with bytes that are no HTTP.
    Garbage,
    /// `huge`: answers a message of [`crate::machine::HUGE_BYTES`].
    Huge,
    /// `wrong-machine`: another machine id than the host's own.
    WrongMachine,
    /// `stepping-clock=1h`: its wall clock jumps this far ahead every other minute, and back.
    SteppingClock(Duration),
    /// `markup`: names of its devices, mounts and interfaces, and an error, are HTML with scripts.
    Markup,
    /// `not-serving`: its health service says so, and calls end with UNAVAILABLE.
    NotServing,
    /// `flapping=20s/10s`: answers for the first time, refuses for the second, and again.
    Flapping {
        /// Answers this long.
        up: Duration,
        /// Refuses this long.
        down: Duration,
    },
    /// `dead-window=60s..2m`: refuses from the first to the second moment after the fleet's start.
    DeadWindow {
        /// Begins to refuse.
        from: Duration,
        /// Answers again.
        to: Duration,
    },
}

/// How often a clock that steps changes its mind.
const STEP_EVERY: Duration = Duration::from_secs(60);

/// What a probe's socket does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Accepts and speaks.
    Serving,
    /// Accepts and is silent.
    Mute,
    /// Accepts and says something else.
    Babbling,
    /// Drops attempts to connect.
    Unreachable,
    /// Is closed.
    Closed,
}

/// How a probe that serves answers a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// At once.
    Plain,
    /// After this long.
    Late(Duration),
    /// By half, then the connection is reset.
    CutOff,
    /// With far too much.
    Huge,
    /// As another machine.
    OtherMachine,
    /// With a wall clock that is ahead by this much.
    Ahead(Duration),
    /// With HTML for names.
    Markup,
    /// With UNAVAILABLE.
    Unavailable,
}

impl Personality {
    /// One of each kind, with the values that a bare name stands for.
    pub const ALL: [Self; 14] = [
        Self::Healthy,
        Self::Slow(Duration::from_millis(500)),
        Self::HangAfterAccept,
        Self::HangBeforeAccept,
        Self::Refuse,
        Self::ResetMidAnswer,
        Self::Garbage,
        Self::Huge,
        Self::WrongMachine,
        Self::SteppingClock(Duration::from_secs(3600)),
        Self::Markup,
        Self::NotServing,
        Self::Flapping { up: Duration::from_secs(20), down: Duration::from_secs(10) },
        Self::DeadWindow { from: Duration::from_secs(60), to: Duration::from_secs(120) },
    ];

    /// What it does `since` the fleet's start.
    #[must_use]
    pub fn at(self, since: Duration) -> (Stage, Manner) {
        let alive = |alive| if alive { Stage::Serving } else { Stage::Closed };
        match self {
            Self::Healthy => (Stage::Serving, Manner::Plain),
            Self::Slow(late) => (Stage::Serving, Manner::Late(late)),
            Self::HangAfterAccept => (Stage::Mute, Manner::Plain),
            Self::HangBeforeAccept => (Stage::Unreachable, Manner::Plain),
            Self::Refuse => (Stage::Closed, Manner::Plain),
            Self::ResetMidAnswer => (Stage::Serving, Manner::CutOff),
            Self::Garbage => (Stage::Babbling, Manner::Plain),
            Self::Huge => (Stage::Serving, Manner::Huge),
            Self::WrongMachine => (Stage::Serving, Manner::OtherMachine),
            Self::SteppingClock(step) => {
                let ahead = since.as_secs() / STEP_EVERY.as_secs() % 2 == 1;
                let manner = if ahead { Manner::Ahead(step) } else { Manner::Plain };
                (Stage::Serving, manner)
            }
            Self::Markup => (Stage::Serving, Manner::Markup),
            Self::NotServing => (Stage::Serving, Manner::Unavailable),
            Self::Flapping { up, down } => {
                (alive(phase(since, up + down) < up.as_millis()), Manner::Plain)
            }
            Self::DeadWindow { from, to } => (alive(since < from || since >= to), Manner::Plain),
        }
    }

    /// How long after `since` its stage may change by itself; none when it never does.
    #[must_use]
    pub fn next_change(self, since: Duration) -> Option<Duration> {
        match self {
            Self::Flapping { up, down } => {
                let phase = phase(since, up + down);
                let next = if phase < up.as_millis() { up } else { up + down };
                let left = next.as_millis().saturating_sub(phase);
                Some(Duration::from_millis(u64::try_from(left).unwrap_or(u64::MAX)))
            }
            Self::DeadWindow { from, to } => {
                [from, to].into_iter().find(|moment| *moment > since).map(|moment| moment - since)
            }
            Self::Healthy
            | Self::Slow(_)
            | Self::HangAfterAccept
            | Self::HangBeforeAccept
            | Self::Refuse
            | Self::ResetMidAnswer
            | Self::Garbage
            | Self::Huge
            | Self::WrongMachine
            | Self::SteppingClock(_)
            | Self::Markup
            | Self::NotServing => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Slow(_) => "slow",
            Self::HangAfterAccept => "hang-after-accept",
            Self::HangBeforeAccept => "hang-before-accept",
            Self::Refuse => "refuse",
            Self::ResetMidAnswer => "reset-mid-answer",
            Self::Garbage => "garbage",
            Self::Huge => "huge",
            Self::WrongMachine => "wrong-machine",
            Self::SteppingClock(_) => "stepping-clock",
            Self::Markup => "markup",
            Self::NotServing => "not-serving",
            Self::Flapping { .. } => "flapping",
            Self::DeadWindow { .. } => "dead-window",
        }
    }
}

/// Milliseconds into the current period.
fn phase(since: Duration, period: Duration) -> u128 {
    since.as_millis().checked_rem(period.as_millis()).unwrap_or(0)
}

impl fmt::Display for Personality {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = humantime::format_duration;
        let words = |length| time(length).to_string().replace(' ', "");
        match *self {
            Self::Slow(length) | Self::SteppingClock(length) => {
                write!(f, "{}={}", self.name(), words(length))
            }
            Self::Flapping { up, down } => {
                write!(f, "{}={}/{}", self.name(), words(up), words(down))
            }
            Self::DeadWindow { from, to } => {
                write!(f, "{}={}..{}", self.name(), words(from), words(to))
            }
            plain => f.write_str(plain.name()),
        }
    }
}

/// Why a text names no personality.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PersonalityError {
    /// There is none of that name.
    #[error("{0:?} is no personality; there are {all}", all = all())]
    Unknown(String),
    /// What stands after `=` is not what this one takes.
    #[error("{0:?}: expected {1}")]
    Value(String, &'static str),
}

fn all() -> String {
    let names: Vec<String> = Personality::ALL.iter().map(ToString::to_string).collect();
    names.join(", ")
}

impl FromStr for Personality {
    type Err = PersonalityError;

    fn from_str(text: &str) -> Result<Self, PersonalityError> {
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (text, None),
        };
        let default = Self::ALL.into_iter().find(|personality| personality.name() == name);
        let Some(default) = default else {
            return Err(PersonalityError::Unknown(text.to_owned()));
        };
        let Some(value) = value else { return Ok(default) };
        let wrong = |expected| PersonalityError::Value(text.to_owned(), expected);
        let time = |text: &str| humantime::parse_duration(text).ok();
        let two = |between: &str| {
            let (first, second) = value.split_once(between)?;
            Some((time(first)?, time(second)?))
        };
        match default {
            Self::Slow(_) => time(value).map(Self::Slow).ok_or(wrong("slow=500ms")),
            Self::SteppingClock(_) => {
                time(value).map(Self::SteppingClock).ok_or(wrong("stepping-clock=1h"))
            }
            Self::Flapping { .. } => two("/")
                .filter(|(up, down)| up.as_millis() > 0 && down.as_millis() > 0)
                .map(|(up, down)| Self::Flapping { up, down })
                .ok_or(wrong("flapping=20s/10s, both above 0")),
            Self::DeadWindow { .. } => two("..")
                .filter(|(from, to)| from < to)
                .map(|(from, to)| Self::DeadWindow { from, to })
                .ok_or(wrong("dead-window=60s..2m, the second later")),
            _ => Err(wrong("a name without a value")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn text_goes_both_ways() {
        for personality in Personality::ALL {
            assert_eq!(personality.to_string().parse(), Ok(personality));
            assert_eq!(personality.name().parse(), Ok(personality), "a bare name has a default");
        }
        let given = "flapping=1m30s/250ms".parse::<Personality>().unwrap();
        assert_eq!(given, Personality::Flapping { up: s(90), down: Duration::from_millis(250) });
    }

    #[test]
    fn what_is_wrong_is_said_with_what_is_right() {
        for (text, words) in [
            ("sleepy", "there are healthy, slow=500ms"),
            ("slow=soon", "expected slow=500ms"),
            ("refuse=1s", "expected a name without a value"),
            ("flapping=0s/1s", "both above 0"),
            ("dead-window=2m..60s", "the second later"),
        ] {
            let error = text.parse::<Personality>().unwrap_err().to_string();
            assert!(error.contains(words), "{text}: {error}");
        }
    }

    #[test]
    fn plans_follow_the_clock_and_say_when_they_change() {
        let flapping = Personality::Flapping { up: s(20), down: s(10) };
        let window = Personality::DeadWindow { from: s(60), to: s(120) };
        for (personality, at, stage, next) in [
            (flapping, s(0), Stage::Serving, Some(s(20))),
            (flapping, s(19), Stage::Serving, Some(s(1))),
            (flapping, s(20), Stage::Closed, Some(s(10))),
            (flapping, s(30), Stage::Serving, Some(s(20))),
            (window, s(0), Stage::Serving, Some(s(60))),
            (window, s(60), Stage::Closed, Some(s(60))),
            (window, s(120), Stage::Serving, None),
            (Personality::Refuse, s(5), Stage::Closed, None),
        ] {
            assert_eq!(personality.at(at).0, stage, "{personality} at {at:?}");
            assert_eq!(personality.next_change(at), next, "{personality} at {at:?}");
        }
    }

    #[test]
    fn a_stepping_clock_is_right_every_other_minute() {
        let stepping = Personality::SteppingClock(s(3600));
        assert_eq!(stepping.at(s(59)).1, Manner::Plain);
        assert_eq!(stepping.at(s(60)).1, Manner::Ahead(s(3600)));
        assert_eq!(stepping.at(s(120)).1, Manner::Plain);
    }
}
