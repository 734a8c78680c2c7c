//! The forms a value can have: lengths of time, sizes, addresses, paths, secrets, words.

use std::{fmt, net::SocketAddr, path::PathBuf, time::Duration};

use super::secret::{Secret, mask_url};

/// The largest file of certificates that a setting names, bytes: all public authorities take a quarter
/// of it.
pub const MAX_CA_BYTES: u64 = 1 << 20;

/// A value as it was found, before its setting gives it a type.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Found {
    /// A string in the file, or anything from a variable or a flag.
    Text(String),
    /// An integer in the file.
    Whole(i64),
    /// An array in the file.
    List(Vec<Self>),
    /// Anything else, in words: `a table`.
    Other(String),
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "{:?}", mask_url(text)),
            Self::Whole(number) => write!(f, "{number}"),
            Self::List(entries) => {
                let entries: Vec<String> = entries.iter().map(ToString::to_string).collect();
                write!(f, "[{}]", entries.join(", "))
            }
            Self::Other(words) => f.write_str(words),
        }
    }
}

/// A form that a setting's value must have.
pub(super) trait Shape: Sized + Clone + PartialOrd {
    /// Whether its values are never to be shown, not even wrong ones.
    const SECRET: bool = false;

    /// Whether it is several: an array in the file, or one text with commas.
    const LIST: bool = false;

    /// What it is, in words, with an example where the form is not plain.
    const EXPECTED: &'static str;

    /// Reads a value; none when it has not this form.
    fn read(found: &Found) -> Option<Self>;

    /// As it would stand in a message or a list.
    fn show(&self) -> String;

    /// As a source would give it.
    fn found(&self) -> Found {
        Found::Text(self.show())
    }
}

impl Shape for u32 {
    const EXPECTED: &'static str = "a whole number";

    fn read(found: &Found) -> Option<Self> {
        match found {
            Found::Whole(number) => Self::try_from(*number).ok(),
            Found::Text(text) => text.trim().parse().ok(),
            Found::List(_) | Found::Other(_) => None,
        }
    }

    fn show(&self) -> String {
        self.to_string()
    }

    fn found(&self) -> Found {
        Found::Whole(i64::from(*self))
    }
}

impl Shape for bool {
    const EXPECTED: &'static str = "true or false";

    fn read(found: &Found) -> Option<Self> {
        match found {
            // A boolean of the file is its word.
            Found::Text(text) | Found::Other(text) => text.trim().parse().ok(),
            Found::Whole(_) | Found::List(_) => None,
        }
    }

    fn show(&self) -> String {
        self.to_string()
    }

    fn found(&self) -> Found {
        Found::Other(self.to_string())
    }
}

impl Shape for Duration {
    const EXPECTED: &'static str = "a length of time such as \"10s\" or \"30d\"";

    fn read(found: &Found) -> Option<Self> {
        match found {
            Found::Text(text) => humantime::parse_duration(text).ok(),
            // 10 of what?
            Found::Whole(_) | Found::List(_) | Found::Other(_) => None,
        }
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

impl Shape for ByteSize {
    const EXPECTED: &'static str = "a size such as \"512KiB\" or \"4MiB\"";

    fn read(found: &Found) -> Option<Self> {
        let text = match found {
            Found::Text(text) => text.trim(),
            Found::Whole(_) | Found::List(_) | Found::Other(_) => return None,
        };
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

impl Shape for SocketAddr {
    const EXPECTED: &'static str =
        "an IP address and port such as \"127.0.0.1:8080\" or \"[::]:8080\"";

    fn read(found: &Found) -> Option<Self> {
        match found {
            Found::Text(text) => text.trim().parse().ok(),
            Found::Whole(_) | Found::List(_) | Found::Other(_) => None,
        }
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

/// An address, or none: an empty text.
impl Shape for Option<SocketAddr> {
    const EXPECTED: &'static str =
        "an IP address and port such as \"127.0.0.1:50052\", or \"\" for none";

    fn read(found: &Found) -> Option<Self> {
        match found {
            Found::Text(text) if text.is_empty() => Some(None),
            found => SocketAddr::read(found).map(Some),
        }
    }

    fn show(&self) -> String {
        self.as_ref().map(ToString::to_string).unwrap_or_default()
    }
}

impl Shape for PathBuf {
    const EXPECTED: &'static str = "a path";

    fn read(found: &Found) -> Option<Self> {
        match found {
            Found::Text(text) if !text.is_empty() => Some(Self::from(text)),
            Found::Text(_) | Found::Whole(_) | Found::List(_) | Found::Other(_) => None,
        }
    }

    fn show(&self) -> String {
        self.display().to_string()
    }
}

/// A path, or none: an empty text.
impl Shape for Option<PathBuf> {
    const EXPECTED: &'static str = "a path, or \"\" for none";

    fn read(found: &Found) -> Option<Self> {
        match found {
            Found::Text(text) => Some((!text.is_empty()).then(|| PathBuf::from(text))),
            Found::Whole(_) | Found::List(_) | Found::Other(_) => None,
        }
    }

    fn show(&self) -> String {
        self.as_ref().map(|path| path.display().to_string()).unwrap_or_default()
    }
}

/// A secret, or none: an empty text. A password of digits may stand without quotes.
impl Shape for Option<Secret> {
    const SECRET: bool = true;
    const EXPECTED: &'static str = "a secret in quotes";

    fn read(found: &Found) -> Option<Self> {
        match found {
            Found::Text(text) => Some((!text.is_empty()).then(|| Secret::new(text.as_str()))),
            Found::Whole(number) => Some(Some(Secret::new(number.to_string()))),
            Found::List(_) | Found::Other(_) => None,
        }
    }

    fn show(&self) -> String {
        self.as_ref().map(ToString::to_string).unwrap_or_default()
    }
}

macro_rules! words {
    ($(#[doc = $doc:literal])* $Name:ident, $expected:literal {
        $( $(#[doc = $variant_doc:literal])* $Variant:ident = $word:literal; )*
    }) => {
        $(#[doc = $doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $Name { $( $(#[doc = $variant_doc])* $Variant, )* }

        impl $Name {
            /// The word that stands in the file.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $( Self::$Variant => $word, )* }
            }
        }

        impl Shape for $Name {
            const EXPECTED: &'static str = $expected;

            fn read(found: &Found) -> Option<Self> {
                match found {
                    Found::Text(text) => match text.as_str() {
                        $( $word => Some(Self::$Variant), )*
                        _ => None,
                    },
                    Found::Whole(_) | Found::List(_) | Found::Other(_) => None,
                }
            }

            fn show(&self) -> String {
                self.as_str().to_owned()
            }
        }
    };
}

words! {
    /// How important a log line is.
    LogLevel, "one of \"error\", \"warn\", \"info\", \"debug\", \"trace\"" {
        /// Something that needs somebody.
        Error = "error";
        /// Something that may.
        Warn = "warn";
        /// What happened.
        Info = "info";
        /// How it happened.
        Debug = "debug";
        /// Everything.
        Trace = "trace";
    }
}

words! {
    /// What a log line looks like.
    LogFormat, "one of \"text\", \"json\"" {
        /// For people.
        Text = "text";
        /// For machines, one object per line.
        Json = "json";
    }
}

words! {
    /// Whether a connection is encrypted.
    TlsMode, "one of \"off\", \"verify-ca\", \"required\"" {
        /// It is not.
        Off = "off";
        /// It is, with a certificate that an authority of ours signed, whatever name it bears; or there
        /// is none.
        VerifyCa = "verify-ca";
        /// It is, with a certificate that is checked with its name, or there is none.
        Required = "required";
    }
}

impl TlsMode {
    /// What is wrong with a file of authorities, or with having none.
    pub(super) fn unfit(self, has_authorities: bool) -> Option<&'static str> {
        match (self, has_authorities) {
            (Self::Off, true) => Some("is of no use while store.tls is \"off\""),
            // Public authorities sign for everybody, so without its name what they signed proves nothing.
            (Self::VerifyCa, false) => Some("is needed while store.tls is \"verify-ca\""),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Found {
        Found::Text(text.to_owned())
    }

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
            assert_eq!(ByteSize::read(&text(given)).map(|size| size.0), expected, "{given}");
        }
        assert_eq!(ByteSize(4 << 20).to_string(), "4MiB");
        assert_eq!(ByteSize(1_000_000).to_string(), "1MB");
        assert_eq!(ByteSize(1023).to_string(), "1023B");
        assert_eq!(ByteSize(0).to_string(), "0B");
    }

    #[test]
    fn lengths_of_time_are_shown_as_they_are_written() {
        for written in ["10ms", "1s", "90s", "1h", "30d", "400d"] {
            let length = Duration::read(&text(written)).unwrap();
            assert_eq!(Duration::read(&text(&length.show())), Some(length), "{written}");
        }
        assert_eq!(Duration::from_secs(400 * 86_400).show(), "400d");
        assert_eq!(Duration::read(&Found::Whole(10)), None, "10 of what?");
    }
}
