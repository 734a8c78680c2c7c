//! How long one answer may take: the caller's deadline, capped by the probe's own.
//!
//! tonic's server-side timeout is not used: it turns a late answer into an error, and the rule here
//! is that a short budget still answers what is ready.

use std::time::{Duration, Instant};

use tonic::{Request, metadata::MetadataMap};

use crate::clock;

/// Kept back from the caller's deadline for encoding and sending the answer, at most.
pub const ANSWER_MARGIN: Duration = Duration::from_millis(20);

/// The share of a short deadline kept back when [`ANSWER_MARGIN`] would eat it: a quarter.
const MARGIN_SHARE: u32 = 4;

/// When the call's headers arrived; time spent waiting behind other calls counts against the
/// caller's deadline.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Arrived(pub(crate) Instant);

/// The moment by which collecting for `request` must end: its `grpc-timeout` less the margin, or
/// `most` after it arrived, whichever is sooner.
#[must_use]
pub fn until<T>(request: &Request<T>, most: Duration) -> Instant {
    let arrived = request.extensions().get::<Arrived>().map_or_else(clock::now, |at| at.0);
    arrived + budget(asked(request.metadata()), most)
}

/// What is left for collecting of a deadline `asked` for, never more than `most`.
fn budget(asked: Option<Duration>, most: Duration) -> Duration {
    match asked {
        Some(asked) => (asked - ANSWER_MARGIN.min(asked / MARGIN_SHARE)).min(most),
        None => most,
    }
}

/// The deadline in the call's metadata. A malformed header counts as none: the cap bounds the call
/// all the same.
fn asked(metadata: &MetadataMap) -> Option<Duration> {
    parse(metadata.get("grpc-timeout")?.to_str().ok()?)
}

/// `grpc-timeout`: one to eight digits and a unit, H M S m u n
/// (<https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md>).
fn parse(value: &str) -> Option<Duration> {
    const MOST_DIGITS: usize = 8;
    let unit = value.chars().next_back()?;
    let digits = value.strip_suffix(unit)?;
    let plain = (1..=MOST_DIGITS).contains(&digits.len())
        && digits.bytes().all(|byte| byte.is_ascii_digit());
    let number: u64 = if plain { digits.parse().ok()? } else { return None };
    match unit {
        'H' => Some(Duration::from_secs(number * 3600)),
        'M' => Some(Duration::from_secs(number * 60)),
        'S' => Some(Duration::from_secs(number)),
        'm' => Some(Duration::from_millis(number)),
        'u' => Some(Duration::from_micros(number)),
        'n' => Some(Duration::from_nanos(number)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unit_is_read() {
        for (text, want) in [
            ("1H", Duration::from_secs(3600)),
            ("2M", Duration::from_secs(120)),
            ("3S", Duration::from_secs(3)),
            ("250m", Duration::from_millis(250)),
            ("99999999u", Duration::from_micros(99_999_999)),
            ("0n", Duration::ZERO),
        ] {
            assert_eq!(parse(text), Some(want), "{text}");
        }
    }

    #[test]
    fn what_the_specification_does_not_allow_is_no_deadline() {
        for text in ["", "S", "1", "123456789S", "-1S", "+1S", "1.5S", "1s", "1 S", "１S", "1µ"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn the_margin_never_eats_a_short_deadline_and_the_cap_holds() {
        let most = Duration::from_secs(2);
        let ms = Duration::from_millis;
        assert_eq!(budget(None, most), most);
        assert_eq!(budget(Some(ms(1_000)), most), ms(980));
        assert_eq!(budget(Some(ms(8)), most), ms(6));
        assert_eq!(budget(Some(Duration::ZERO), most), Duration::ZERO);
        assert_eq!(budget(Some(Duration::from_secs(3600)), most), most);
    }

    #[test]
    fn the_budget_counts_from_the_arrival() {
        let arrived = clock::now();
        let mut request = Request::new(());
        request.extensions_mut().insert(Arrived(arrived));
        request.set_timeout(Duration::from_millis(400));
        assert_eq!(until(&request, Duration::from_secs(2)), arrived + Duration::from_millis(380));
    }
}
