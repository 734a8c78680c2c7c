//! Units of numbers in conditions: which there are, and which go together.

use crate::model::Unit;

/// What a number measures, whatever its size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Units {
    /// Nothing: a number, a count, a ratio.
    Plain,
    /// Per cent.
    Percent,
    /// Bytes.
    Bytes,
    /// Bytes a second.
    BytesPerSecond,
    /// Events a second.
    PerSecond,
    /// Seconds.
    Time,
    /// Polls: only the length of a window.
    Polls,
}

impl Units {
    /// What a column of this unit measures, and how many of the base unit one of it is.
    #[must_use]
    pub fn of(unit: Unit) -> (Self, f64) {
        match unit {
            Unit::Number | Unit::Count => (Self::Plain, 1.0),
            Unit::Percent => (Self::Percent, 1.0),
            Unit::Bytes => (Self::Bytes, 1.0),
            Unit::BytesPerSecond => (Self::BytesPerSecond, 1.0),
            Unit::PerSecond => (Self::PerSecond, 1.0),
            Unit::Seconds => (Self::Time, 1.0),
            Unit::Milliseconds => (Self::Time, 1e-3),
            Unit::Microseconds => (Self::Time, 1e-6),
        }
    }

    /// As it stands in a sentence: "is …".
    #[must_use]
    pub fn spoken(self) -> &'static str {
        match self {
            Self::Plain => "a plain number",
            Self::Percent => "a percentage",
            Self::Bytes => "a number of bytes",
            Self::BytesPerSecond => "bytes a second",
            Self::PerSecond => "a number a second",
            Self::Time => "a time",
            Self::Polls => "a number of polls",
        }
    }

    /// A number of it as a person writes it.
    #[must_use]
    pub fn example(self) -> &'static str {
        match self {
            Self::Plain => "5",
            Self::Percent => "90 %",
            Self::Bytes => "512 MiB",
            Self::BytesPerSecond => "10 MiB/s",
            Self::PerSecond => "5 /s",
            Self::Time => "10 ms or 5 m",
            Self::Polls => "5 polls",
        }
    }
}

/// The units that may stand after a number, and how many of the base unit one is.
pub(super) const UNITS: &[(&str, Units, f64)] = &[
    ("%", Units::Percent, 1.0),
    ("B", Units::Bytes, 1.0),
    ("KiB", Units::Bytes, 1024.0),
    ("MiB", Units::Bytes, 1_048_576.0),
    ("GiB", Units::Bytes, 1_073_741_824.0),
    ("TiB", Units::Bytes, 1_099_511_627_776.0),
    ("PiB", Units::Bytes, 1_125_899_906_842_624.0),
    ("kB", Units::Bytes, 1e3),
    ("MB", Units::Bytes, 1e6),
    ("GB", Units::Bytes, 1e9),
    ("TB", Units::Bytes, 1e12),
    ("PB", Units::Bytes, 1e15),
    ("B/s", Units::BytesPerSecond, 1.0),
    ("KiB/s", Units::BytesPerSecond, 1024.0),
    ("MiB/s", Units::BytesPerSecond, 1_048_576.0),
    ("GiB/s", Units::BytesPerSecond, 1_073_741_824.0),
    ("kB/s", Units::BytesPerSecond, 1e3),
    ("MB/s", Units::BytesPerSecond, 1e6),
    ("GB/s", Units::BytesPerSecond, 1e9),
    ("kbit/s", Units::BytesPerSecond, 125.0),
    ("Mbit/s", Units::BytesPerSecond, 125e3),
    ("Gbit/s", Units::BytesPerSecond, 125e6),
    ("/s", Units::PerSecond, 1.0),
    ("us", Units::Time, 1e-6),
    ("µs", Units::Time, 1e-6),
    ("ms", Units::Time, 1e-3),
    ("s", Units::Time, 1.0),
    ("m", Units::Time, 60.0),
    ("min", Units::Time, 60.0),
    ("h", Units::Time, 3600.0),
    ("d", Units::Time, 86_400.0),
    ("w", Units::Time, 604_800.0),
    ("poll", Units::Polls, 1.0),
    ("polls", Units::Polls, 1.0),
];
