//! Settings that have several values: what each can be, and how all of them are written.

use std::{net::SocketAddr, ops::RangeInclusive};

use figment::{Figment, value::Value};

use super::setting_type::{Parsed, SettingType, TextSetting, Wrong, take};
use crate::model::{Severity, State};

/// What a setting can have several of.
pub(super) trait ListItem: TextSetting {
    /// So many at least and at most.
    const COUNT: RangeInclusive<usize>;

    /// All of them in words, with an example of two.
    const ALL: &'static str;
}

/// Several: an array of the file, or one text with commas between them, which is what a variable and a
/// flag can give.
impl<T: ListItem> SettingType for Vec<T> {
    fn expected() -> String {
        format!("a list of {}, or one text with commas between them", T::ALL)
    }

    fn expected_entry() -> &'static str {
        T::EXPECTED
    }

    fn extract(merged: &Figment, key: &str) -> Result<Self, Wrong> {
        let all: Vec<Parsed<T>> = take(merged, key)?;
        if T::COUNT.contains(&all.len()) {
            Ok(all.into_iter().map(|parsed| parsed.0).collect())
        } else {
            Err(Wrong { entry: None })
        }
    }

    fn value(&self) -> Value {
        Value::from(self.iter().map(T::show).collect::<Vec<_>>())
    }
}

impl ListItem for SocketAddr {
    const COUNT: RangeInclusive<usize> = 0..=8;
    const ALL: &'static str =
        "up to 8 IP addresses with ports such as [\"10.0.0.2:53\", \"[fd00::2]:53\"]";
}

/// A name that a server is asked by, in small letters, without a port and a point at its end.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd)]
pub struct SiteName(String);

impl SiteName {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TextSetting for SiteName {
    const EXPECTED: &'static str = "a name without a port such as \"monitor.example.org\"";

    fn read(text: &str) -> Option<Self> {
        let text = text.trim();
        let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
        let plain = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
        (!name.is_empty() && name.chars().all(plain)).then_some(Self(name))
    }

    fn show(&self) -> String {
        self.0.clone()
    }
}

impl ListItem for SiteName {
    const COUNT: RangeInclusive<usize> = 0..=16;
    const ALL: &'static str =
        "up to 16 names without ports such as [\"monitor.example.org\", \"monitor\"]";
}

impl TextSetting for State {
    const EXPECTED: &'static str =
        "one of \"pending\", \"up\", \"degraded\", \"suspect\", \"down\", \"paused\", \"retired\"";

    fn read(text: &str) -> Option<Self> {
        Self::parse(text.trim())
    }

    fn show(&self) -> String {
        self.as_str().to_owned()
    }
}

impl TextSetting for Severity {
    const EXPECTED: &'static str = "one of \"info\", \"warning\", \"critical\"";

    fn read(text: &str) -> Option<Self> {
        Self::parse(text.trim())
    }

    fn show(&self) -> String {
        self.as_str().to_owned()
    }
}

impl ListItem for State {
    const COUNT: RangeInclusive<usize> = 1..=Self::ALL.len();
    const ALL: &'static str = "states such as [\"down\", \"degraded\"]; there are pending, up, degraded, suspect, down, paused, retired";
}
