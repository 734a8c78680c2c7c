//! The forms a value can have, and how serde takes each out of the merged sources: numbers, lengths of
//! time, sizes, addresses, paths, secrets, words.

use std::{
    fmt,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use figment::{
    Figment,
    value::{Num, Value},
};
use serde::{
    Deserialize, Deserializer,
    de::{self, DeserializeOwned},
};

use super::secret::{Secret, mask_url};

/// The largest file of certificates that a setting names, bytes: all public authorities take a quarter
/// of it.
pub const MAX_CA_BYTES: u64 = 1 << 20;

/// A value has not the form of its setting.
#[derive(Debug)]
pub(super) struct Wrong {
    /// The first of several that has not, from 0.
    pub(super) entry: Option<usize>,
}

/// What serde makes of the value of a key.
pub(super) fn take<T: DeserializeOwned>(merged: &Figment, key: &str) -> Result<T, Wrong> {
    merged.extract_inner(key).map_err(|error| {
        // figment puts the key behind the way within its value.
        Wrong { entry: error.path.first().and_then(|first| first.parse().ok()) }
    })
}

/// A form that a setting's value must have.
pub(super) trait SettingType: Clone + PartialOrd {
    /// Whether its values are never to be shown, not even wrong ones.
    const SECRET: bool = false;

    /// What it is, in words, with an example where the form is not plain.
    fn expected() -> String;

    /// What one of several is, likewise.
    fn expected_entry() -> &'static str {
        ""
    }

    /// Takes the value of a key.
    ///
    /// # Errors
    /// [`Wrong`].
    fn extract(merged: &Figment, key: &str) -> Result<Self, Wrong>;

    /// The value as a source would give it: of the same kind in every source that gives one.
    fn value(&self) -> Value;

    /// The same; a relative path is one in `dir`.
    fn beside(self, _dir: &Path) -> Self {
        self
    }
}

/// What serde knows how to take.
macro_rules! plain {
    ($( $Type:ty: $expected:literal; )*) => { $(
        impl SettingType for $Type {
            fn expected() -> String {
                $expected.to_owned()
            }

            fn extract(merged: &Figment, key: &str) -> Result<Self, Wrong> {
                take(merged, key)
            }

            fn value(&self) -> Value {
                Value::from(*self)
            }
        }
    )* };
}

plain! {
    u32: "a whole number";
    bool: "true or false";
}

/// A form that stands in one text.
pub(super) trait TextSetting: Clone + PartialOrd {
    /// As [`SettingType::SECRET`].
    const SECRET: bool = false;

    /// As [`SettingType::expected`].
    const EXPECTED: &'static str;

    /// Reads a value; none when it has not this form.
    fn read(text: &str) -> Option<Self>;

    /// As it would stand in a message or a list.
    fn show(&self) -> String;

    /// As [`SettingType::beside`].
    fn beside(self, _dir: &Path) -> Self {
        self
    }
}

/// A text as serde takes it.
pub(super) struct Parsed<T>(pub(super) T);

impl<'de, T: TextSetting> Deserialize<'de> for Parsed<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        T::read(&text).map(Self).ok_or_else(|| de::Error::custom(T::EXPECTED))
    }
}

impl<T: TextSetting> SettingType for T {
    const SECRET: bool = <T as TextSetting>::SECRET;

    fn expected() -> String {
        T::EXPECTED.to_owned()
    }

    fn extract(merged: &Figment, key: &str) -> Result<Self, Wrong> {
        take::<Parsed<T>>(merged, key).map(|parsed| parsed.0)
    }

    fn value(&self) -> Value {
        Value::from(self.show())
    }

    fn beside(self, dir: &Path) -> Self {
        TextSetting::beside(self, dir)
    }
}

/// One, or none: an empty text.
impl<T: TextSetting> SettingType for Option<T> {
    const SECRET: bool = <T as TextSetting>::SECRET;

    fn expected() -> String {
        format!("{}, or \"\" for none", T::EXPECTED)
    }

    fn extract(merged: &Figment, key: &str) -> Result<Self, Wrong> {
        let text: String = take(merged, key)?;
        if text.is_empty() { Ok(None) } else { T::extract(merged, key).map(Some) }
    }

    fn value(&self) -> Value {
        Value::from(self.as_ref().map(T::show).unwrap_or_default())
    }

    fn beside(self, dir: &Path) -> Self {
        self.map(|value| TextSetting::beside(value, dir))
    }
}

/// A secret, or none: an empty text. A password of digits may stand without quotes.
impl SettingType for Option<Secret> {
    const SECRET: bool = true;

    fn expected() -> String {
        "a secret in quotes".to_owned()
    }

    fn extract(merged: &Figment, key: &str) -> Result<Self, Wrong> {
        let secret: Secret = take(merged, key)?;
        Ok(Some(secret).filter(|secret| !secret.expose().is_empty()))
    }

    fn value(&self) -> Value {
        Value::from(self.as_ref().map(ToString::to_string).unwrap_or_default())
    }
}

/// A value as it would stand in the file, or what it is in words; what is secret in a URL is masked.
pub(super) fn written(value: &Value) -> String {
    match value {
        Value::String(_, text) => format!("{:?}", mask_url(text)),
        Value::Array(_, entries) => {
            format!("[{}]", entries.iter().map(written).collect::<Vec<_>>().join(", "))
        }
        Value::Dict(..) => "a table".to_owned(),
        Value::Empty(..) => "a date or a time".to_owned(),
        Value::Num(_, Num::F64(number)) => format!("{number:?}"),
        value => shown(value),
    }
}

/// A value in a column of its own: without quotes.
pub(super) fn shown(value: &Value) -> String {
    match value {
        Value::String(_, text) => mask_url(text),
        Value::Array(_, entries) => entries.iter().map(shown).collect::<Vec<_>>().join(", "),
        Value::Bool(_, value) => value.to_string(),
        value => {
            let unsigned = value.to_u128().map(|number| number.to_string());
            unsigned.or_else(|| Some(value.to_i128()?.to_string())).unwrap_or_default()
        }
    }
}

impl TextSetting for Duration {
    const EXPECTED: &'static str = "a length of time such as \"10s\" or \"30d\"";

    fn read(text: &str) -> Option<Self> {
        humantime::parse_duration(text).ok()
    }

    fn show(&self) -> String {
        // Days at the most: nobody writes 400d as "1year 1month 4days 10h 30m".
        const DAY: u64 = 86_400;
        let whole_days = self.subsec_nanos() == 0 && self.as_secs().is_multiple_of(DAY);
        if whole_days && self.as_secs() > 0 {
            return format!("{}d", self.as_secs() / DAY);
        }
        humantime::format_duration(*self).to_string()
    }
}

/// A number of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ByteSize(pub u64);

/// Units of a size, largest first, so that a size is shown in the largest that divides it.
const SIZE_UNITS: [(&str, u64); 6] = [
    ("GiB", 1 << 30),
    ("GB", 1_000_000_000),
    ("MiB", 1 << 20),
    ("MB", 1_000_000),
    ("KiB", 1 << 10),
    ("kB", 1_000),
];

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = SIZE_UNITS.iter().find(|(_, size)| self.0 > 0 && self.0.is_multiple_of(*size));
        match unit {
            Some((name, size)) => write!(f, "{}{name}", self.0 / size),
            None => write!(f, "{}B", self.0),
        }
    }
}

impl TextSetting for ByteSize {
    const EXPECTED: &'static str = "a size such as \"512KiB\" or \"4MiB\"";

    fn read(text: &str) -> Option<Self> {
        let text = text.trim();
        let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let (number, unit) = (digits.trim_end(), &text[digits.len()..]);
        let size = match unit {
            "B" => 1,
            _ => SIZE_UNITS.iter().find(|(name, _)| *name == unit)?.1,
        };
        number.parse::<u64>().ok()?.checked_mul(size).map(Self)
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl TextSetting for SocketAddr {
    const EXPECTED: &'static str =
        "an IP address and port such as \"127.0.0.1:8080\" or \"[::]:8080\"";

    fn read(text: &str) -> Option<Self> {
        text.trim().parse().ok()
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl TextSetting for PathBuf {
    const EXPECTED: &'static str = "a path";

    fn read(text: &str) -> Option<Self> {
        (!text.is_empty()).then(|| Self::from(text))
    }

    fn show(&self) -> String {
        self.display().to_string()
    }

    fn beside(self, dir: &Path) -> Self {
        dir.join(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        let cases = [
            ("4MiB", Some(4 << 20)),
            ("4 MiB", Some(4 << 20)),
            ("64kB", Some(64_000)),
            ("100B", Some(100)),
            ("4", None),
            ("4M", None),
            ("4mib", None),
            ("MiB", None),
            ("-1MiB", None),
            ("1.5MiB", None),
            ("99999999999GiB", None),
        ];
        for (given, expected) in cases {
            assert_eq!(ByteSize::read(given).map(|size| size.0), expected, "{given}");
        }
        assert_eq!(ByteSize(4 << 20).to_string(), "4MiB");
        assert_eq!(ByteSize(1_000_000).to_string(), "1MB");
        assert_eq!(ByteSize(1023).to_string(), "1023B");
        assert_eq!(ByteSize(0).to_string(), "0B");
    }

    #[test]
    fn lengths_of_time_are_shown_as_they_are_written() {
        for written in ["10ms", "1s", "90s", "1h", "30d", "400d"] {
            let length = Duration::read(written).unwrap();
            assert_eq!(Duration::read(&length.show()), Some(length), "{written}");
        }
        assert_eq!(Duration::from_secs(400 * 86_400).show(), "400d");
        assert_eq!(Duration::read("10"), None, "10 of what?");
    }
}
