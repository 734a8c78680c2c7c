//! What a name in a condition stands for: a column, a fact about the host, a label of the row.

use crate::model::{Column, ColumnSet, DetailTable, FilesystemColumn, Unit};

/// What a rule is about: a host as a whole, each row of one of its tables, or the server itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Over {
    /// The host-wide columns.
    Host,
    /// Each core, by its CPU shares.
    Core,
    /// Each core, by its soft interrupts.
    Softirq,
    /// Each network interface.
    Interface,
    /// Each block device.
    Disk,
    /// Each mounted filesystem.
    Filesystem,
    /// Each named process.
    Process,
    /// Each container, or all of one name.
    Container,
    /// The server itself.
    Server,
}

/// What a rule over the server may name, with its unit, in the order of its cells.
const OWN: [(&str, Unit); ServerCells::COUNT] = [
    // Polls that were not kept, since the server was judged last.
    ("rows_lost", Unit::Count),
    // How long the store has not taken a poll; 0 while it takes them.
    ("store_away_s", Unit::Seconds),
    // How late the latest poll of the last round began.
    ("late_ms", Unit::Milliseconds),
    // Polls that wait on the disk for the store.
    ("spool_rows", Unit::Count),
    // 1 while the server considers itself cut off.
    ("isolated", Unit::Count),
    // How long the certificates that it shows itself are valid yet, the one that ends first.
    ("certificate_left_s", Unit::Seconds),
];

/// What the server knows of itself at a moment; NaN is unknown.
#[derive(Debug, Clone, Copy)]
pub struct ServerCells {
    /// Polls that were not kept since it was judged last.
    pub rows_lost: f64,
    /// How long the store has not taken a poll, seconds.
    pub store_away_s: f64,
    /// How late the latest poll of the last round began, milliseconds.
    pub late_ms: f64,
    /// Polls that wait on the disk.
    pub spool_rows: f64,
    /// 1 while it considers itself cut off.
    pub isolated: f64,
    /// How long the certificates that it shows are valid yet, the one that ends first, seconds; unknown
    /// without any.
    pub certificate_left_s: f64,
}

impl ServerCells {
    const COUNT: usize = 6;

    /// The cells in the order of their names.
    #[must_use]
    pub fn cells(&self) -> [f64; Self::COUNT] {
        [
            self.rows_lost,
            self.store_away_s,
            self.late_ms,
            self.spool_rows,
            self.isolated,
            self.certificate_left_s,
        ]
    }
}

impl Over {
    /// Every one that has a word.
    pub const WORDS: [&'static str; 8] =
        ["filesystem", "disk", "interface", "core", "softirq", "process", "container", "server"];

    /// The one with this word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "filesystem" => Self::Filesystem,
            "disk" => Self::Disk,
            "interface" => Self::Interface,
            "core" => Self::Core,
            "softirq" => Self::Softirq,
            "process" => Self::Process,
            "container" => Self::Container,
            "server" => Self::Server,
            _ => return None,
        })
    }

    /// Its word; that of a host stands in no file.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Core => "core",
            Self::Softirq => "softirq",
            Self::Interface => "interface",
            Self::Disk => "disk",
            Self::Filesystem => "filesystem",
            Self::Process => "process",
            Self::Container => "container",
            Self::Server => "server",
        }
    }

    /// The texts that a row of it has.
    #[must_use]
    pub fn labels(self) -> &'static [&'static str] {
        self.table().map_or(&[], DetailTable::labels)
    }

    /// The list of a poll's detail whose rows it is about.
    #[must_use]
    pub fn table(self) -> Option<DetailTable> {
        Some(match self {
            Self::Host | Self::Server => return None,
            Self::Core => DetailTable::Core,
            Self::Softirq => DetailTable::Softirq,
            Self::Interface => DetailTable::Net,
            Self::Disk => DetailTable::Disk,
            Self::Filesystem => DetailTable::Filesystem,
            Self::Process => DetailTable::Process,
            Self::Container => DetailTable::Container,
        })
    }

    /// Names and units of what it counts, in the order of a row's cells.
    fn columns(self) -> Vec<(&'static str, Unit)> {
        match self.table() {
            Some(table) => table.specs().iter().map(|spec| (spec.name, spec.unit)).collect(),
            None if self == Self::Server => OWN.to_vec(),
            None => Vec::new(),
        }
    }
}

/// A fact that is a number, by its place among the numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Number {
    /// The host's clock less the server's, milliseconds.
    ClockSkew,
    /// 1 when the host has booted since the poll before.
    Reboot,
    /// 1 while the host goes up and down too often.
    Flapping,
    /// How long the probe's certificate is valid yet, seconds; less than 0 when it has ended.
    CertificateLeft,
}

impl Number {
    /// How many there are.
    pub const COUNT: usize = 4;
}

/// A text that a condition may compare.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Text {
    /// The host's state after the poll.
    State,
    /// Why it is in this state.
    Cause,
    /// How the poll ended.
    Outcome,
    /// The host's group.
    Group,
    /// The probe's version.
    ProbeVersion,
    /// The server's version.
    ServerVersion,
    /// One of the host's labels.
    Label(Box<str>),
    /// One of the row's labels, by place.
    RowLabel(usize),
}

/// What a name stands for.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Named {
    /// A host-wide column, by place.
    Host(usize, Unit),
    /// A column of the row, by place.
    Row(usize, Unit),
    /// A fact that is a number.
    Fact(Number, Unit),
    /// A fact that holds or not.
    Truth(Number),
    /// A measure of the server's that holds or not, by place.
    RowTruth(usize),
    /// A text.
    Text(Text),
    /// How long until the filesystem is full.
    FullIn,
}

/// Before the name of a host's label.
pub(super) const LABEL: &str = "label.";

/// The place of a filesystem's space for everybody among its cells.
pub(super) const AVAILABLE: usize = FilesystemColumn::AvailableBytes as usize;

const FACTS: [&str; 10] = [
    "state",
    "cause",
    "outcome",
    "group",
    "probe_version",
    "server_version",
    "clock_skew_ms",
    "certificate_left_s",
    "reboot",
    "flapping",
];

/// What `name` stands for in a rule over `over`. A column of the row goes before one of the host.
#[must_use]
pub(super) fn find(name: &str, over: Over) -> Option<Named> {
    if let Some(place) = over.columns().iter().position(|(column, _)| *column == name) {
        let unit = over.columns()[place].1;
        return Some(match name {
            "isolated" => Named::RowTruth(place),
            _ => Named::Row(place, unit),
        });
    }
    if let Some(place) = over.labels().iter().position(|label| *label == name) {
        return Some(Named::Text(Text::RowLabel(place)));
    }
    if over == Over::Server {
        return None;
    }
    if let Some(label) = name.strip_prefix(LABEL) {
        return Some(Named::Text(Text::Label(label.into())));
    }
    if let Some(place) = Column::SPECS.iter().position(|spec| spec.name == name) {
        return Some(Named::Host(place, Column::SPECS[place].unit));
    }
    Some(match name {
        "state" => Named::Text(Text::State),
        "cause" => Named::Text(Text::Cause),
        "outcome" => Named::Text(Text::Outcome),
        "group" => Named::Text(Text::Group),
        "probe_version" => Named::Text(Text::ProbeVersion),
        "server_version" => Named::Text(Text::ServerVersion),
        "clock_skew_ms" => Named::Fact(Number::ClockSkew, Unit::Milliseconds),
        "certificate_left_s" => Named::Fact(Number::CertificateLeft, Unit::Seconds),
        "reboot" => Named::Truth(Number::Reboot),
        "flapping" => Named::Truth(Number::Flapping),
        "full_in" if over == Over::Filesystem => Named::FullIn,
        _ => return None,
    })
}

/// Every name that a rule over `over` may use, but those of the hosts' labels.
#[must_use]
pub(super) fn known(over: Over) -> Vec<&'static str> {
    let mut names: Vec<&str> = over.columns().into_iter().map(|(name, _)| name).collect();
    names.extend(over.labels());
    if over == Over::Filesystem {
        names.push("full_in");
    }
    if over != Over::Server {
        names.extend(FACTS);
        names.extend(Column::SPECS.iter().map(|spec| spec.name));
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_known_name_is_found_and_no_other() {
        let all = Over::WORDS.iter().map(|word| Over::parse(word).unwrap()).chain([Over::Host]);
        for over in all {
            assert!(!known(over).is_empty());
            for name in known(over) {
                assert!(find(name, over).is_some(), "{name} over {}", over.as_str());
            }
            assert!(over.table().is_none_or(|of| (1..=of.labels().len()).contains(&of.identity())));
            assert_eq!(find("nothing", over), None);
        }
        assert_eq!(find("full_in", Over::Host), None);
        assert_eq!(find("load_1", Over::Server), None);
        assert!(matches!(find("busy_pct", Over::Disk), Some(Named::Row(..))));
        assert!(matches!(find("load_1", Over::Disk), Some(Named::Host(0, Unit::Number))));
    }
}
