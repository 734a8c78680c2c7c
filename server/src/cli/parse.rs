//! Values of flags that clap has no words for.

use std::{net::SocketAddr, time::Duration};

use clap::builder::{PossibleValuesParser, TypedValueParser};

use super::CliError;
use crate::{
    inventory::{MAX_TIMEOUT, MIN_TIMEOUT},
    model::{Severity, State},
    query::{CalendarPeriod, MAX_PAGE, PollRange, SortOrder, parse_moment},
    schedule::Schedule,
    units::WallMs,
};

/// One of the states.
pub(super) fn state() -> impl TypedValueParser<Value = State> {
    PossibleValuesParser::new(State::ALL.iter().map(|state| state.as_str())).map(|word| {
        // clap has let only words of this list through.
        State::parse(&word).unwrap_or(State::Pending)
    })
}

/// One of the severities.
pub(super) fn severity() -> impl TypedValueParser<Value = Severity> {
    PossibleValuesParser::new(Severity::ALL.iter().map(|severity| severity.as_str())).map(|word| {
        // clap has let only words of this list through.
        Severity::parse(&word).unwrap_or(Severity::Info)
    })
}

/// A calendar period.
pub(super) fn period() -> impl TypedValueParser<Value = CalendarPeriod> {
    let all = || CalendarPeriod::ALL.iter().copied();
    PossibleValuesParser::new(all().map(CalendarPeriod::as_str)).map(move |word| {
        // clap has let only words of this list through.
        all().find(|period| period.as_str() == word).unwrap_or(CalendarPeriod::Month)
    })
}

/// The moment that a flag names.
pub(super) fn moment(flag: &str, text: &str, now: WallMs) -> Result<WallMs, CliError> {
    parse_moment(text, now).map_err(|error| CliError::Usage(format!("{flag}: {error}")))
}

/// The polls from `--from` to `--to`, oldest first, by whole pages.
pub(super) fn span(from: &str, to: &str, now: WallMs) -> Result<PollRange, CliError> {
    let (from, to) = (moment("--from", from, now)?, moment("--to", to, now)?);
    let range = PollRange { from, to, limit: MAX_PAGE, order: SortOrder::Asc };
    range.check().map_err(|error| CliError::Usage(error.to_string()))?;
    Ok(range)
}

/// A number from 1 to `most`.
pub(super) fn count(
    most: usize,
) -> impl Fn(&str) -> Result<usize, String> + Clone + Send + Sync + 'static {
    move |text| match text.parse() {
        Ok(number) if (1..=most).contains(&number) => Ok(number),
        _ => Err(format!("expected a number from 1 to {most}")),
    }
}

/// A length of time that a poll may take.
pub(super) fn timeout(text: &str) -> Result<Duration, String> {
    let length = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    if (MIN_TIMEOUT..=MAX_TIMEOUT).contains(&length) {
        return Ok(length);
    }
    let [least, most] = [MIN_TIMEOUT, MAX_TIMEOUT].map(humantime::format_duration);
    Err(format!("expected a length of time from {least} to {most}"))
}

/// A length of time.
pub(super) fn length(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text).map_err(|error| error.to_string())
}

/// A length of time that can lie between two polls.
pub(super) fn interval(text: &str) -> Result<Duration, String> {
    let length = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    Schedule::every(length).map(|_| length).map_err(|error| error.to_string())
}

/// Where to listen, or who listens there. `localhost` is loopback everywhere (RFC 6761 section 6.3);
/// no other name is looked up.
pub(super) fn listen(text: &str) -> Result<SocketAddr, String> {
    let expected =
        "expected an IP address (or localhost) and a port, as in 127.0.0.1:8080 or [::]:8080";
    let loopback = text.strip_prefix("localhost:").map(|port| format!("127.0.0.1:{port}"));
    loopback.as_deref().unwrap_or(text).parse().map_err(|_| expected.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn localhost_is_loopback_and_no_other_name_is_taken() {
        assert_eq!(listen("localhost:8080"), listen("127.0.0.1:8080"));
        assert!(listen("[::1]:80").is_ok());
        for wrong in ["localhost", "localhost:", "localhost:x", "monitor:8080", "8080"] {
            assert!(listen(wrong).is_err_and(|words| words.contains("(or localhost)")), "{wrong}");
        }
    }
}
