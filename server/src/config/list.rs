//! Settings that have several values: what each can be, and how all of them are written.

use std::{net::SocketAddr, ops::RangeInclusive};

use super::shape::{Found, Shape};
use crate::model::State;

/// What a setting can have several of.
pub(super) trait Entry: Sized + Clone + PartialOrd {
    /// So many at least and at most.
    const COUNT: RangeInclusive<usize>;

    /// All of them in words, with an example of two.
    const EXPECTED: &'static str;

    /// Reads one; none when it has not this form.
    fn entry(text: &str) -> Option<Self>;

    /// As it would stand in the file, without quotes.
    fn show(&self) -> String;
}

/// Several: an array of the file, or one text with commas between them, which is what a variable and a
/// flag can give.
impl<T: Entry> Shape for Vec<T> {
    const LIST: bool = true;
    const EXPECTED: &'static str = T::EXPECTED;

    fn read(found: &Found) -> Option<Self> {
        let all: Self = match found {
            Found::Text(text) => {
                let given = text.split(',').map(str::trim).filter(|part| !part.is_empty());
                given.map(T::entry).collect::<Option<_>>()?
            }
            Found::List(given) => {
                let entry = |one: &Found| match one {
                    Found::Text(text) => T::entry(text.trim()),
                    Found::Whole(_) | Found::List(_) | Found::Other(_) => None,
                };
                given.iter().map(entry).collect::<Option<_>>()?
            }
            Found::Whole(_) | Found::Other(_) => return None,
        };
        T::COUNT.contains(&all.len()).then_some(all)
    }

    fn show(&self) -> String {
        self.iter().map(Entry::show).collect::<Vec<_>>().join(", ")
    }

    fn found(&self) -> Found {
        Found::List(self.iter().map(|entry| Found::Text(entry.show())).collect())
    }
}

impl Entry for SocketAddr {
    const COUNT: RangeInclusive<usize> = 0..=8;
    const EXPECTED: &'static str =
        "up to 8 IP addresses with ports such as [\"10.0.0.2:53\", \"[fd00::2]:53\"]";

    fn entry(text: &str) -> Option<Self> {
        text.parse().ok()
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

/// A name that a server is asked by, in small letters, without a port.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd)]
pub(super) struct SiteName(pub(super) String);

impl Entry for SiteName {
    const COUNT: RangeInclusive<usize> = 0..=16;
    const EXPECTED: &'static str =
        "up to 16 names without ports such as [\"monitor.example.org\", \"monitor\"]";

    fn entry(text: &str) -> Option<Self> {
        let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
        let plain = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
        (!name.is_empty() && name.chars().all(plain)).then_some(Self(name))
    }

    fn show(&self) -> String {
        self.0.clone()
    }
}

impl Entry for State {
    const COUNT: RangeInclusive<usize> = 1..=State::ALL.len();
    const EXPECTED: &'static str = "states such as [\"down\", \"degraded\"]; there are pending, up, degraded, suspect, down, paused, retired";

    fn entry(text: &str) -> Option<Self> {
        Self::parse(text)
    }

    fn show(&self) -> String {
        self.as_str().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_stand_in_one_text_or_in_a_list() {
        let read = |given: &str| Vec::<SocketAddr>::read(&Found::Text(given.to_owned()));
        let two = read(" 10.0.0.2:53, [fd00::2]:5353 ").unwrap();
        assert_eq!(two.show(), "10.0.0.2:53, [fd00::2]:5353");
        assert_eq!(two.found().to_string(), "[\"10.0.0.2:53\", \"[fd00::2]:5353\"]");
        assert_eq!(Vec::read(&two.found()), Some(two));
        assert_eq!(read(""), Some(Vec::new()));
        assert_eq!(read("10.0.0.2"), None, "which port?");
        assert_eq!(read(&"10.0.0.2:53,".repeat(9)), None, "too many");
    }
}
