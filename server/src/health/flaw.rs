//! What makes a good answer less than good.

use std::{fmt, time::Duration};

use super::Policy;
use crate::model::{Cause, Family, HostName, Outcome, ProbeView, Snapshot, Status};

/// One thing that is wrong with an answer that arrived. Its `Display` is for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Flaw {
    /// A family could not be read in full.
    Partial {
        /// The family.
        family: Family,
        /// How far it could be read.
        status: Status,
        /// The probe's own words.
        error: String,
    },
    /// The probe's health service says NOT_SERVING.
    NotServing {
        /// For which service; empty is the whole probe (grpc.health.v1).
        service: String,
    },
    /// The probe's wall clock is too far off.
    ClockSkew {
        /// By how much.
        skew: Skew,
        /// The limit that it is over.
        limit: Duration,
    },
    /// The probe's certificate ends soon, or has ended.
    Certificate {
        /// Whole days that are left; negative once it has ended.
        days: i64,
    },
    /// The values are a container's, not the host's.
    WrongView,
    /// Another host of the inventory answers with the same machine id.
    Duplicate {
        /// The other host.
        other: HostName,
        /// Whether that one runs since another boot: two machines, and a copied id.
        copied: bool,
    },
}

/// How far the probe's clock is off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Skew {
    /// The probe's clock less the server's, milliseconds.
    pub ms: i64,
    /// How well that is known: it may be so much more or less, milliseconds.
    pub bound_ms: u64,
}

impl Flaw {
    /// The word that stands in the table `event`.
    #[must_use]
    pub fn cause(&self) -> Cause {
        match self {
            Self::Partial { .. } => Cause::PartialAnswer,
            Self::NotServing { .. } => Cause::NotServing,
            Self::ClockSkew { .. } => Cause::ClockSkew,
            Self::Certificate { .. } => Cause::Certificate,
            Self::WrongView => Cause::WrongView,
            Self::Duplicate { .. } => Cause::Duplicate,
        }
    }
}

/// How well a skew is known is told where the doubt is more than one part in so many of it.
const TOLD_BOUND: u64 = 20;

/// A length of time in milliseconds, in the unit that it has some of.
fn rough(ms: u64) -> String {
    let whole = |unit: u64| (ms + unit / 2) / unit;
    match ms {
        0..1_000 => format!("{ms} ms"),
        1_000..10_000 => format!("{}.{:02} s", ms / 1_000, ms % 1_000 / 10),
        10_000..120_000 => format!("{} s", whole(1_000)),
        120_000..7_200_000 => format!("{} min", whole(60_000)),
        7_200_000..172_800_000 => format!("{} h", whole(3_600_000)),
        _ => format!("{} days", whole(86_400_000)),
    }
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Partial { family, status, error } => {
                write!(f, "{family} is {}", status.as_str())?;
                if error.is_empty() { Ok(()) } else { write!(f, " ({error})") }
            }
            Self::NotServing { service } if service.is_empty() => {
                f.write_str("the probe says NOT_SERVING")
            }
            Self::NotServing { service } => {
                write!(f, "the probe says NOT_SERVING for {service}")
            }
            Self::ClockSkew { skew: Skew { ms: skew_ms, bound_ms }, limit } => {
                let side = if *skew_ms < 0 { "behind" } else { "ahead" };
                let off = skew_ms.unsigned_abs();
                write!(f, "clock {} {side}", rough(off))?;
                if bound_ms.saturating_mul(TOLD_BOUND) > off {
                    write!(f, " (give or take {})", rough(*bound_ms))?;
                }
                write!(f, ", limit {}", humantime::format_duration(*limit))
            }
            Self::Certificate { days: ..0 } => {
                f.write_str("its probe's certificate has ended; roundsman ca renew issues another")
            }
            Self::Certificate { days } => write!(
                f,
                "its probe's certificate ends in {days} days; roundsman ca renew issues another"
            ),
            Self::WrongView => f.write_str("the probe sees a container, not the host"),
            Self::Duplicate { other, copied: false } => {
                write!(f, "host {other} is the same machine; take one of them out")
            }
            Self::Duplicate { other, copied: true } => write!(
                f,
                "host {other} has the same machine-id, another boot: a copied image; make \
                 /etc/machine-id anew on one of them and accept it"
            ),
        }
    }
}

/// What is wrong with an answer, the gravest first: its first entry is the cause of a move.
///
/// A family that this kernel does not have (`Absent`) is no flaw and does not make a poll partial.
/// Only when the poll says `partial` and nothing else explains it was a family there before: then
/// the absent ones are named. A view that cannot be told is no flaw either: it is a hardened host,
/// not a wrong answer.
///
/// `skew` is none when it was not measured. A skew of exactly the limit is within it, and so is one
/// that may be: how well it is known counts for the host.
#[must_use]
pub fn flaws(
    snapshot: &Snapshot,
    outcome: Outcome,
    skew: Option<Skew>,
    policy: &Policy,
) -> Vec<Flaw> {
    let mut flaws = Vec::new();
    if snapshot.view == ProbeView::Container {
        flaws.push(Flaw::WrongView);
    }
    let unread = |wanted: fn(Status) -> bool| {
        snapshot.reports.iter().filter(move |report| wanted(report.status)).map(|report| {
            Flaw::Partial {
                family: report.family,
                status: report.status,
                error: report.error.clone(),
            }
        })
    };
    let before = flaws.len();
    flaws.extend(unread(|status| match status {
        Status::Partial | Status::Denied | Status::Timeout | Status::Hung | Status::Malformed => {
            true
        }
        Status::Ok | Status::Absent => false,
    }));
    if outcome == Outcome::Partial && flaws.len() == before {
        flaws.extend(unread(|status| status == Status::Absent));
    }
    if let Some(skew) = skew
        && Duration::from_millis(skew.ms.unsigned_abs().saturating_sub(skew.bound_ms))
            > policy.skew_limit
    {
        flaws.push(Flaw::ClockSkew { skew, limit: policy.skew_limit });
    }
    flaws.extend(certificate(snapshot, policy.certificate_warn));
    flaws
}

/// A certificate that ends within `warn`, by the probe's own clock; how far that is off is a flaw of its own.
fn certificate(snapshot: &Snapshot, warn: Duration) -> Option<Flaw> {
    const DAY_MS: i64 = 86_400_000;
    let left_ms = snapshot.certificate_left_ms()?;
    let warn_ms = i64::try_from(warn.as_millis()).unwrap_or(i64::MAX);
    (left_ms < warn_ms).then(|| Flaw::Certificate { days: left_ms.div_euclid(DAY_MS) })
}
