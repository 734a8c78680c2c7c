//! The columns of the table: what each shows, how wide it is, which ones fit, and how hosts are
//! ordered by it. Pure.

use std::cmp::Ordering;

use super::{
    cause,
    fleet::TopHost,
    times::{micros, short_length},
};
use crate::{
    cli::{
        output::{UNKNOWN, short_rate, symbol},
        spark,
    },
    model::{Severity, State},
    units::WallMs,
};

/// Names of hosts have this much room at least, and at most that unless there is room left.
const NAME_COLUMNS: (usize, usize) = (14, 32);

/// A share in digits, and the space after it, before its bar.
pub(super) const SHARE_COLUMNS: usize = 6;

/// A column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    Name,
    State,
    Since,
    Group,
    Cores,
    Cpu,
    Trail,
    Mem,
    Disk,
    Load,
    Busy,
    Pressure,
    Rx,
    Tx,
    Call,
    Outcome,
    Age,
    Cause,
}

use Field::{
    Age, Busy, Call, Cause, Cores, Cpu, Disk, Group, Load, Mem, Name, Outcome, Pressure, Rx, Since,
    State as Health, Trail, Tx,
};

/// From left to right.
const ORDER: [Field; 18] = [
    Name, Health, Since, Group, Cores, Cpu, Trail, Mem, Disk, Load, Busy, Pressure, Rx, Tx, Call,
    Outcome, Age, Cause,
];

/// The most wanted first: what does not fit is left out.
const WANTED: [Field; 18] = [
    Name, Health, Cpu, Mem, Disk, Load, Rx, Tx, Since, Cause, Trail, Age, Call, Group, Busy,
    Pressure, Outcome, Cores,
];

/// What somebody wants otherwise: columns that come first, and columns that are not wanted.
#[derive(Debug, Default)]
pub(super) struct Choice {
    wanted: Vec<Field>,
    unwanted: Vec<Field>,
}

impl Choice {
    /// Turns a column on or off: `is_seen` is whether it is on the screen now.
    pub(super) fn turn(&mut self, field: Field, is_seen: bool) {
        // A table of hosts without their names is none.
        if field == Name {
            return;
        }
        self.wanted.retain(|other| *other != field);
        self.unwanted.retain(|other| *other != field);
        let list = if is_seen { &mut self.unwanted } else { &mut self.wanted };
        list.insert(0, field);
    }

    /// The columns that may be shown, the most wanted first.
    fn fields(&self) -> impl Iterator<Item = Field> {
        let others = WANTED
            .into_iter()
            .skip(1)
            .filter(|field| !self.wanted.contains(field) && !self.unwanted.contains(field));
        self.wanted.iter().copied().chain(others)
    }
}

impl Field {
    /// What stands above it.
    pub(super) fn title(self) -> &'static str {
        match self {
            Name => "HOST",
            Health => "STATE",
            Since => "SINCE",
            Group => "GROUP",
            Cores => "CORES",
            Cpu => "CPU%",
            Trail => "CPU LATELY",
            Mem => "MEM%",
            Disk => "DISK%",
            Load => "LOAD",
            Busy => "I/O%",
            Pressure => "PSI%",
            Rx => "RX/s",
            Tx => "TX/s",
            Call => "CALL",
            Outcome => "LAST",
            Age => "AGE",
            Cause => "CAUSE",
        }
    }

    /// What it means, for the help.
    pub(super) fn meaning(self) -> &'static str {
        match self {
            Name => "the host; ! alarms fire, ~ flaps, < is behind a host that fails",
            Health => "its state",
            Since => "for how long it has been in it",
            Group => "its group",
            Cores => "cores online",
            Cpu => "share of all cores that was busy",
            Trail => "the same in the last 20 polls",
            Mem => "memory in use",
            Disk => "the fullest filesystem",
            Load => "load over 1 minute",
            Busy => "the busiest disk",
            Pressure => "the greatest pressure stall of 10 s",
            Rx => "received, bytes a second",
            Tx => "sent, bytes a second",
            Call => "how long the last call took",
            Outcome => "how the last poll ended",
            Age => "how long ago it was due",
            Cause => "what is wrong",
        }
    }

    /// Whether its cells stand to the right.
    pub(super) fn is_number(self) -> bool {
        !matches!(self, Name | Health | Group | Outcome | Cause | Trail | Cpu | Mem | Disk)
    }

    /// Whether it is of the host's last values, in whose place stands the cause where there are none.
    pub(super) fn is_value(self) -> bool {
        !matches!(self, Name | Health | Since | Group)
    }

    /// Whether its cell is a share with its bar.
    pub(super) fn has_bar(self) -> bool {
        matches!(self, Cpu | Mem | Disk)
    }

    fn width(self, screen: usize) -> usize {
        match self {
            Name => NAME_COLUMNS.0,
            Health => 10,
            Since | Age | Rx | Tx => 6,
            Group => 12,
            Cpu | Mem | Disk => SHARE_COLUMNS + bar_columns(screen),
            Busy | Pressure | Cores => 5,
            Trail => 20,
            Load => 6,
            Call => 8,
            // The longest, `unauthenticated`.
            Outcome => 15,
            Cause => 32,
        }
    }

    /// Its cell; `now` is the server's clock.
    pub(super) fn cell(self, host: &TopHost, now: WallMs) -> String {
        match self {
            Name => marked(host),
            Health => format!("{} {}", symbol(host.state), host.state),
            Since => short_length(now, Some(host.since)),
            Group => or_unknown(&host.group),
            Cores => host.cores.map_or_else(|| UNKNOWN.to_owned(), |cores| format!("{cores:.0}")),
            Cpu => share(host.cpu_pct),
            Trail => spark::bars(&host.trail, 100.0),
            Mem => share(host.mem_pct),
            Disk => share(host.fs_pct),
            Load => host.load.map_or_else(|| UNKNOWN.to_owned(), load),
            Busy => share(host.busy_pct),
            Pressure => share(host.pressure_pct),
            Rx => short_rate(host.rx),
            Tx => short_rate(host.tx),
            Call => host.call_us.map_or_else(|| UNKNOWN.to_owned(), micros),
            Outcome => or_unknown(&host.outcome),
            Age => short_length(now, host.slot),
            Cause => cause::words(host, now),
        }
    }

    /// The share that it shows with a bar, 0 to 100: what may be too much. None: it has no bar.
    pub(super) fn share(self, host: &TopHost) -> Option<Option<f64>> {
        match self {
            Cpu => Some(host.cpu_pct),
            Mem => Some(host.mem_pct),
            Disk => Some(host.fs_pct),
            _ => None,
        }
    }

    /// What comes first when hosts are ordered by it: the gravest state, the greatest number, the
    /// first of the alphabet. What is unknown comes last, also in reverse.
    pub(super) fn order(self, a: &TopHost, b: &TopHost, reverse: bool) -> Ordering {
        let turn = |order: Ordering| if reverse { order.reverse() } else { order };
        let text = |a: &str, b: &str| match (a.is_empty(), b.is_empty()) {
            (false, false) => turn(a.cmp(b)),
            (a, b) => a.cmp(&b),
        };
        let number = |a: Option<f64>, b: Option<f64>| match (a, b) {
            (Some(a), Some(b)) => turn(b.total_cmp(&a)),
            (a, b) => b.is_some().cmp(&a.is_some()),
        };
        #[expect(clippy::cast_precision_loss, reason = "moments of this age are exact")]
        let moment = |moment: Option<WallMs>| moment.map(|moment| -(moment.0 as f64));
        match self {
            Name => turn(a.natural.cmp(&b.natural)),
            Health => turn(gravity(b).cmp(&gravity(a))),
            // The latest change first, and the poll that is longest ago.
            Since => turn(b.since.cmp(&a.since)),
            Group => text(&a.group, &b.group),
            Cores => number(a.cores, b.cores),
            Cpu | Trail => number(a.cpu_pct, b.cpu_pct),
            Mem => number(a.mem_pct, b.mem_pct),
            Disk => number(a.fs_pct, b.fs_pct),
            Load => number(a.load, b.load),
            Busy => number(a.busy_pct, b.busy_pct),
            Pressure => number(a.pressure_pct, b.pressure_pct),
            Rx => number(a.rx, b.rx),
            Tx => number(a.tx, b.tx),
            Call => number(a.call_us, b.call_us),
            Outcome => text(&a.outcome, &b.outcome),
            Age => number(moment(a.slot), moment(b.slot)),
            Cause => text(&a.cause, &b.cause),
        }
        .then_with(|| a.natural.cmp(&b.natural))
        .then_with(|| a.name.cmp(&b.name))
    }
}

/// How wide the bar of a share is.
pub(super) fn bar_columns(screen: usize) -> usize {
    match screen {
        ..100 => 4,
        100..140 => 6,
        140..180 => 8,
        _ => 10,
    }
}

/// The columns that fit, and how wide each is; `longest` is that of the names.
pub(super) fn fitting(
    screen: usize,
    longest: usize,
    choice: &Choice,
    grouped: bool,
) -> Vec<(Field, usize)> {
    let mut room = screen.saturating_sub(Name.width(screen));
    let mut chosen = vec![(Name, Name.width(screen))];
    // Below its group a host need not name it.
    for field in choice.fields().filter(|field| !grouped || *field != Group) {
        let width = field.width(screen);
        if width < room {
            room -= width + 1;
            chosen.push((field, width));
        }
    }
    let (least, most) = NAME_COLUMNS;
    let wanted = longest.clamp(least, most);
    let mut grow = |which: Field, by: usize| {
        if let Some((_, width)) = chosen.iter_mut().find(|(field, _)| *field == which) {
            *width += by.min(room);
            room -= by.min(room);
        }
    };
    grow(Name, wanted - least);
    grow(Cause, usize::MAX);
    grow(Name, longest.saturating_sub(wanted));
    chosen.sort_by_key(|(field, _)| ORDER.iter().position(|other| other == field));
    chosen
}

/// All columns from left to right.
pub(super) fn all() -> impl Iterator<Item = Field> {
    ORDER.into_iter()
}

/// How much a host wants somebody: its state, then its alarms. A host that is up and has a grave alarm
/// comes before one that is not known yet.
fn gravity(host: &TopHost) -> (u8, u8) {
    let alarms = match host.severity {
        None | Some(Severity::Info) => 0,
        Some(Severity::Warning) => 1,
        Some(Severity::Critical) => 2,
    };
    let state = match host.state {
        State::Down => 7,
        State::Suspect => 6,
        State::Degraded => 5,
        State::Up if alarms > 0 => 4,
        State::Pending => 3,
        State::Paused => 2,
        State::Up => 1,
        State::Retired => 0,
    };
    (state, alarms)
}

fn marked(host: &TopHost) -> String {
    let fires = if host.alarms > 0 { "!" } else { "" };
    let flaps = if host.flapping { "~" } else { "" };
    let behind = if host.behind.is_empty() { "" } else { "<" };
    format!("{}{fires}{flaps}{behind}", host.name)
}

fn or_unknown(text: &str) -> String {
    if text.is_empty() { UNKNOWN.to_owned() } else { text.to_owned() }
}

fn share(value: Option<f64>) -> String {
    match value {
        None => UNKNOWN.to_owned(),
        Some(value) if value >= 99.95 => format!("{value:.0}"),
        Some(value) => format!("{value:.1}"),
    }
}

fn load(value: f64) -> String {
    if value >= 99.995 { format!("{value:.1}") } else { format!("{value:.2}") }
}
