//! Every host's newest values as text for Prometheus: what `GET /metrics/hosts` answers; and the same, sample by
//! sample, for what is sent.
//!
//! Made of views of hosts, name by name, as the formats want it, and piece by piece, so that neither memory nor a
//! thread is taken up by a whole answer. It must not know HTTP, nor who may see which host.

mod conventions;
mod families;
mod node;
mod opentelemetry;
mod samples;
mod sources;
mod text;

use std::{collections::BTreeSet, fmt, sync::Arc, time::Duration};

pub use conventions::{SCHEMA_URL, WHOLE_ATTRIBUTES};
use families::{MetricFamily, OWN, Source};
use node::{NODE, UP};
use opentelemetry::OPEN_TELEMETRY;
pub use opentelemetry::OWN_PREFIX;
pub use samples::{HostSamples, SampleKind};
pub use sources::FoundSample;
pub use text::TextFormat;
use text::{announce, label};

use crate::{
    live::HostView,
    model::{Column, DetailTable, Family, Record, Snapshot},
    units::WallMs,
};

/// The most samples in one answer. Ten thousand hosts of some two hundred series, or a thousand of two thousand.
pub const MAX_SAMPLES: usize = 2_000_000;

/// How large a piece of an answer is at least, bytes, but for the last.
const PIECE_BYTES: usize = 64 * 1024;

/// Values are fresh for so many intervals after their poll was due: one poll may be lost.
const FRESH_INTERVALS: u32 = 2;

/// And at least for so long: of a host that is polled every second, a poll that takes its time is no loss.
const FRESH_AT_LEAST: Duration = Duration::from_secs(5);

/// Whose names the metrics have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NamesOf {
    /// Roundsman's own: `roundsman_disk_reads_total{host="web-1",group="web",device="sda"}`.
    Roundsman,
    /// node_exporter's: `node_disk_reads_completed_total{instance="web-1",device="sda"}`.
    Node,
    /// Those of OpenTelemetry's conventions, and its own where they have none: `system.disk.operations`. No text has
    /// them.
    OpenTelemetry,
}

impl NamesOf {
    /// Those that a text can have.
    pub const ALL: &'static [Self] = &[Self::Roundsman, Self::Node];

    fn families(self) -> &'static [MetricFamily] {
        match self {
            Self::Roundsman => &OWN,
            Self::Node => &NODE,
            Self::OpenTelemetry => &OPEN_TELEMETRY,
        }
    }

    /// What the label is called that names a host.
    #[must_use]
    pub fn host_label(self) -> &'static str {
        match self {
            Self::Roundsman => "host",
            Self::Node => "instance",
            Self::OpenTelemetry => "host.name",
        }
    }
}

impl fmt::Display for NamesOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Roundsman => "roundsman",
            Self::Node => "node",
            Self::OpenTelemetry => "opentelemetry",
        })
    }
}

/// How hosts are wanted to be written.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Whose names.
    pub names: NamesOf,
    /// The format.
    pub format: TextFormat,
    /// Only values of these families; empty: of all.
    pub families: BTreeSet<Family>,
    /// Whether each sample says of which host it is. Not where one host is a target of its own, whose labels the
    /// target has.
    pub says_host: bool,
    /// Whether counters say when they began, where that is known; in OpenMetrics alone.
    pub created: bool,
    /// Whether samples say of which moment they are.
    pub timestamps: bool,
}

impl Wanted {
    fn wants(&self, family: &MetricFamily) -> bool {
        let of = &self.families;
        let is_of = of.is_empty() || family.of.is_none_or(|family| of.contains(&family));
        // A target of its own has one of Prometheus' own.
        is_of && (self.says_host || family.name != UP)
    }
}

/// The moment until which what a host's last good poll said is fresh; none before there was one.
#[must_use]
pub fn fresh_until(view: &HostView) -> Option<WallMs> {
    let poll = view.last_good.as_deref()?;
    Some(poll.slot.plus((view.interval * FRESH_INTERVALS).max(FRESH_AT_LEAST)))
}

/// A host that is to be written.
struct Exposed {
    view: Arc<HostView>,
    /// Its labels as they are written: on every sample.
    labels: Vec<u8>,
    /// Whether its group is among them, or goes along in another way.
    says_group: bool,
    /// Whether its labels of the inventory go along in another way.
    says_labels: bool,
    /// Its values, where they are fresh.
    values: Option<Values>,
}

/// The values of a host, and what is written with each of them.
struct Values {
    poll: Arc<Record>,
    answer: Arc<Snapshot>,
    moment: Vec<u8>,
    boot_s: Option<f64>,
}

impl Exposed {
    fn new(view: Arc<HostView>, wanted: &Wanted, now: WallMs) -> Self {
        let says_labels = wanted.names == NamesOf::OpenTelemetry;
        let (mut labels, mut says_group) = (Vec::new(), says_labels);
        if wanted.says_host {
            label(&mut labels, wanted.names.host_label(), view.name.as_str());
            if let (NamesOf::Roundsman, Some(group)) = (wanted.names, &view.group) {
                labels.push(b',');
                label(&mut labels, "group", group.as_str());
                says_group = true;
            }
        }
        let is_fresh = fresh_until(&view).is_some_and(|until| now <= until);
        let both = view.last_good.clone().zip(view.answer.clone()).filter(|_| is_fresh);
        let values = both.map(|(poll, answer)| Values::new(poll, answer, wanted));
        Self { view, labels, says_group, says_labels, values }
    }
}

impl Values {
    fn new(poll: Arc<Record>, answer: Arc<Snapshot>, wanted: &Wanted) -> Self {
        let at = poll.started.0.max(0);
        let moment = match (wanted.timestamps, wanted.format) {
            (false, _) => String::new(),
            (true, TextFormat::Prometheus) => format!(" {at}"),
            (true, TextFormat::OpenMetrics) => format!(" {}.{:03}", at / 1000, at % 1000),
        };
        let wants_created = wanted.created && wanted.format == TextFormat::OpenMetrics;
        let boot_s = answer.gauges.get(Column::BootTimeS).filter(|_| wants_created);
        Self { poll, answer, moment: moment.into(), boot_s }
    }
}

/// Hosts that are being written: an iterator over the pieces of the text.
pub struct Exposition {
    hosts: Vec<Exposed>,
    wanted: Wanted,
    families: std::slice::Iter<'static, MetricFamily>,
    /// The family that is being written, the host that is next, and whether anything of it was written.
    current: Option<(&'static MetricFamily, usize, bool)>,
    is_over: bool,
}

impl fmt::Debug for Exposition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exposition").field("hosts", &self.hosts.len()).finish_non_exhaustive()
    }
}

impl Exposition {
    /// What is to be written of these hosts at this moment.
    #[must_use]
    pub fn new(hosts: Vec<Arc<HostView>>, wanted: Wanted, now: WallMs) -> Self {
        let hosts = hosts.into_iter().map(|view| Exposed::new(view, &wanted, now)).collect();
        let families = wanted.names.families().iter();
        Self { hosts, wanted, families, current: None, is_over: false }
    }

    /// How many samples there are at most. Counted, not written.
    #[must_use]
    pub fn samples(&self) -> usize {
        let all = self.wanted.names.families().iter().filter(|family| self.wanted.wants(family));
        let sources = all.flat_map(|family| &family.parts).map(|part| part.source);
        let tables: Vec<Option<DetailTable>> = sources.map(Source::table).collect();
        let of = |table| tables.iter().filter(|of| **of == table).count();
        let (once, per_row) = (of(None), DetailTable::ALL.iter().map(|table| of(Some(*table))));
        let per_row: Vec<usize> = per_row.collect();
        let of_host = |host: &Exposed| {
            let detail = host.values.as_ref().and_then(|values| values.poll.detail.as_ref());
            let rows = |table: &DetailTable| detail.map_or(0, |detail| detail.count(*table));
            let of_rows =
                DetailTable::ALL.iter().map(rows).zip(&per_row).map(|(rows, each)| rows * each);
            once + of_rows.sum::<usize>()
        };
        let samples: usize = self.hosts.iter().map(of_host).sum();
        if self.wanted.created { samples * 2 } else { samples }
    }

    /// Whether any host has fresh values.
    #[must_use]
    pub fn has_values(&self) -> bool {
        self.hosts.iter().any(|host| host.values.is_some())
    }

    /// Goes on with the next family that is wanted; none when all are written.
    fn next_family(&mut self) -> Option<(&'static MetricFamily, usize, bool)> {
        loop {
            let family = self.families.next()?;
            if self.wanted.wants(family) {
                return Some((family, 0, false));
            }
        }
    }
}

impl Iterator for Exposition {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        let mut out = Vec::with_capacity(PIECE_BYTES + PIECE_BYTES / 8);
        while !self.is_over && out.len() < PIECE_BYTES {
            let current = self.current.take().or_else(|| self.next_family());
            let Some((family, first, mut is_announced)) = current else {
                self.is_over = true;
                if self.wanted.format == TextFormat::OpenMetrics {
                    out.extend_from_slice(b"# EOF\n");
                }
                break;
            };
            let mut next = first;
            for host in &self.hosts[first..] {
                let start = out.len();
                if !is_announced {
                    announce(&mut out, self.wanted.format, &family.name, family.kind, &family.help);
                }
                let announced = out.len();
                sources::write(&mut out, family, host);
                if out.len() > announced {
                    is_announced = true;
                } else {
                    out.truncate(start);
                }
                next += 1;
                if out.len() >= PIECE_BYTES {
                    break;
                }
            }
            self.current = (next < self.hosts.len()).then_some((family, next, is_announced));
        }
        (!out.is_empty()).then_some(out)
    }
}

#[cfg(test)]
pub(crate) mod tests;
