//! The columns of the table: what each shows, how wide it is, which ones fit, and how hosts are
//! ordered by it. Pure.

use std::cmp::Ordering;

use super::fleet::TopHost;
use crate::{
    cli::output::{self, UNKNOWN, short_rate, symbol},
    model::State,
    units::WallMs,
};

/// Names of hosts have this much room at least, and at most that unless there is room left.
const NAME_COLUMNS: (usize, usize) = (14, 32);

/// A column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    Name,
    State,
    Since,
    Group,
    Cores,
    Cpu,
    Mem,
    Load,
    Disk,
    Busy,
    Pressure,
    Rx,
    Tx,
    Call,
    Outcome,
    Age,
    Error,
}

use Field::{
    Age, Busy, Call, Cores, Cpu, Disk, Error, Group, Load, Mem, Name, Outcome, Pressure, Rx, Since,
    State as Health, Tx,
};

/// From left to right.
const ORDER: [Field; 17] = [
    Name, Health, Since, Group, Cores, Cpu, Mem, Load, Disk, Busy, Pressure, Rx, Tx, Call, Outcome,
    Age, Error,
];

/// The most wanted first: what does not fit is left out from the end.
const WANTED: [Field; 17] = [
    Name, Health, Cpu, Mem, Load, Disk, Rx, Tx, Outcome, Age, Since, Call, Group, Error, Pressure,
    Busy, Cores,
];

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
            Mem => "MEM%",
            Load => "LOAD",
            Disk => "DISK%",
            Busy => "I/O%",
            Pressure => "PSI%",
            Rx => "RX/s",
            Tx => "TX/s",
            Call => "CALL",
            Outcome => "LAST",
            Age => "AGE",
            Error => "ERROR",
        }
    }

    /// What it means, for the help.
    pub(super) fn meaning(self) -> &'static str {
        match self {
            Name => "the host; ! alarms fire, ~ flaps, < is behind a host that fails",
            Health => "its state",
            Since => "since when it is in it",
            Group => "its group",
            Cores => "cores online",
            Cpu => "share of all cores that was busy",
            Mem => "memory in use",
            Load => "load over 1 minute",
            Disk => "the fullest filesystem",
            Busy => "the busiest disk",
            Pressure => "the greatest pressure stall of 10 s",
            Rx => "received, bytes a second",
            Tx => "sent, bytes a second",
            Call => "how long the last call took",
            Outcome => "how the last poll ended",
            Age => "how long ago it was due",
            Error => "what went wrong",
        }
    }

    /// Whether its cells stand to the right.
    pub(super) fn is_number(self) -> bool {
        !matches!(self, Name | Health | Group | Outcome | Error)
    }

    fn width(self, screen: usize) -> usize {
        match self {
            Name => NAME_COLUMNS.0,
            Health => 10,
            Since | Age | Rx | Tx => 6,
            Group => 12,
            Cpu | Mem | Disk | Busy | Pressure | Cores => 5,
            Load => 6,
            Call => 8,
            // The longest, `unauthenticated`, where there is room for it.
            Outcome if screen < 100 => 8,
            Outcome => 15,
            Error => 24,
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
            Mem => share(host.mem_pct),
            Load => host.load.map_or_else(|| UNKNOWN.to_owned(), load),
            Disk => share(host.fs_pct),
            Busy => share(host.busy_pct),
            Pressure => share(host.pressure_pct),
            Rx => short_rate(host.rx),
            Tx => short_rate(host.tx),
            Call => host.call_us.map_or_else(|| UNKNOWN.to_owned(), micros),
            Outcome => or_unknown(&host.outcome),
            Age => short_length(now, host.slot),
            Error => host.error.clone(),
        }
    }

    /// The share that it shows, 0 to 100: what may be too much.
    pub(super) fn share(self, host: &TopHost) -> Option<f64> {
        match self {
            Cpu => host.cpu_pct,
            Mem => host.mem_pct,
            Disk => host.fs_pct,
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
            Health => turn(gravity(b.state).cmp(&gravity(a.state))),
            // The latest change first, and the poll that is longest ago.
            Since => turn(b.since.cmp(&a.since)),
            Group => text(&a.group, &b.group),
            Cores => number(a.cores, b.cores),
            Cpu => number(a.cpu_pct, b.cpu_pct),
            Mem => number(a.mem_pct, b.mem_pct),
            Load => number(a.load, b.load),
            Disk => number(a.fs_pct, b.fs_pct),
            Busy => number(a.busy_pct, b.busy_pct),
            Pressure => number(a.pressure_pct, b.pressure_pct),
            Rx => number(a.rx, b.rx),
            Tx => number(a.tx, b.tx),
            Call => number(a.call_us, b.call_us),
            Outcome => text(&a.outcome, &b.outcome),
            Age => number(moment(a.slot), moment(b.slot)),
            Error => text(&a.error, &b.error),
        }
        .then_with(|| a.natural.cmp(&b.natural))
        .then_with(|| a.name.cmp(&b.name))
    }
}

/// The columns that fit, and how wide each is; `longest` is that of the names.
pub(super) fn fitting(screen: usize, longest: usize) -> Vec<(Field, usize)> {
    let mut room = screen.saturating_sub(Name.width(screen));
    let mut chosen = vec![(Name, Name.width(screen))];
    for field in WANTED.into_iter().skip(1) {
        let width = field.width(screen);
        if width + 1 > room {
            break;
        }
        room -= width + 1;
        chosen.push((field, width));
    }
    let (least, most) = NAME_COLUMNS;
    let wanted = longest.clamp(least, if chosen.len() == ORDER.len() { most } else { least });
    let mut grow = |which: Field, by: usize| {
        if let Some((_, width)) = chosen.iter_mut().find(|(field, _)| *field == which) {
            *width += by.min(room);
            room -= by.min(room);
        }
    };
    grow(Name, wanted - least);
    grow(Error, usize::MAX);
    grow(Name, longest.saturating_sub(wanted));
    chosen.sort_by_key(|(field, _)| ORDER.iter().position(|other| other == field));
    chosen
}

/// All columns from left to right.
pub(super) fn all() -> impl Iterator<Item = Field> {
    ORDER.into_iter()
}

/// How grave a state is.
fn gravity(state: State) -> u8 {
    match state {
        State::Down => 6,
        State::Suspect => 5,
        State::Degraded => 4,
        State::Pending => 3,
        State::Paused => 2,
        State::Up => 1,
        State::Retired => 0,
    }
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

/// `950 µs`, `11.6 ms`, `2.0 s`.
pub(super) fn micros(us: f64) -> String {
    match us {
        ..1_000.0 => format!("{us:.0} µs"),
        ..1_000_000.0 => format!("{:.1} ms", us / 1_000.0),
        _ => format!("{:.1} s", us / 1_000_000.0),
    }
}

/// `4 s`, `12m`, `3h`, `9d`: how long before `now`.
fn short_length(now: WallMs, moment: Option<WallMs>) -> String {
    let Some(moment) = moment else { return UNKNOWN.to_owned() };
    output::length(now.since(moment)).replace(" min", "m").replace(' ', "")
}
