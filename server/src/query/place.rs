//! Which alarms are wanted, and where each stands in their list, so that a page goes on where the one before
//! it ended.

use std::{cmp::Reverse, fmt, str::FromStr, sync::Arc};

use crate::{model::Severity, text::percent_encode, units::WallMs};

/// Where an alarm stands: what matters most first, then what fires, then what is newest.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct AlarmPlace {
    pub(super) severity: Reverse<Severity>,
    pub(super) is_active: Reverse<bool>,
    pub(super) since: Reverse<WallMs>,
    pub(super) host: Arc<str>,
    pub(super) rule: Arc<str>,
    pub(super) row: Arc<str>,
}

/// What a place looks like as text.
pub const PLACE_PATTERN: &str =
    "^(info|warning|critical),(true|false),[0-9]{1,15},[^,]*,[^,]*,[\\s\\S]*$";

/// Which alarms are wanted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AlarmFilter {
    /// Only those of this host.
    pub host: Option<String>,
    /// Only those of hosts of this group.
    pub group: Option<String>,
    /// Only those of this rule.
    pub rule: Option<String>,
    /// Only those that fire: they were told, and are not over.
    pub firing: bool,
    /// Only those that stand after this place: the last of the page before.
    pub after: Option<AlarmPlace>,
    /// At most so many.
    pub limit: usize,
}

impl AlarmFilter {
    /// The parameters of the page after the one that ended with `last`.
    pub(super) fn next(&self, last: &AlarmPlace) -> String {
        let after = last.to_string();
        let mut parameters = vec![format!("after={}&limit={}", percent_encode(&after), self.limit)];
        let texts = [("host", &self.host), ("group", &self.group), ("rule", &self.rule)];
        let given = texts.into_iter().filter_map(|(name, text)| Some((name, text.as_deref()?)));
        parameters.extend(given.map(|(name, text)| format!("{name}={}", percent_encode(text))));
        parameters.extend(self.firing.then(|| "firing=true".to_owned()));
        parameters.join("&")
    }
}

/// As [`PLACE_PATTERN`]: neither names of hosts nor of rules hold a comma.
impl fmt::Display for AlarmPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { severity, is_active, since, host, rule, row } = self;
        write!(f, "{},{},{},{host},{rule},{row}", severity.0, is_active.0, since.0.0)
    }
}

impl FromStr for AlarmPlace {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let read = || {
            let mut parts = text.splitn(6, ',');
            let severity = Severity::parse(parts.next()?)?;
            let is_active = parts.next()?.parse().ok()?;
            let since = parts.next().filter(|digits| {
                (1..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
            });
            let since = WallMs(since?.parse().ok()?);
            let [host, rule, row] = [parts.next()?, parts.next()?, parts.next()?].map(Arc::from);
            Some(Self {
                severity: Reverse(severity),
                is_active: Reverse(is_active),
                since: Reverse(since),
                host,
                rule,
                row,
            })
        };
        read().ok_or_else(|| {
            format!("expected what \"next\" of the page before has behind \"after=\"; got {text:?}")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_as_it_is_written_and_nothing_else_is_one() {
        for text in ["critical,true,1795948800000,web-1,disk-full,/srv/a,b", "info,false,0,a,b,"] {
            assert_eq!(AlarmPlace::from_str(text).map(|place| place.to_string()), Ok(text.into()));
        }
        for text in ["", "web-1", "info,true,+1,a,b,", "info,yes,1,a,b,", "info,true,1,a,b"] {
            assert!(AlarmPlace::from_str(text).is_err(), "{text}");
        }
        let ordered = ["critical,true,5,b,r,", "critical,true,4,a,r,", "critical,false,9,a,r,"];
        let places = ordered.map(|text| AlarmPlace::from_str(text).unwrap());
        assert!(places.is_sorted());
    }
}
