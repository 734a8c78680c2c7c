//! What of a host a metric says: finds the values of a family, sample by sample, for a text and for what is sent.

use std::sync::Arc;

use super::{
    Exposed, Values,
    families::{MetricFamily, SamplePart, Source},
    text::{Sample, gauge},
};
use crate::{
    model::{Column, ColumnSet as _, ColumnSpec, DetailTable, Status},
    rates::{self, Total},
    units::WallMs,
};

/// Bytes in a sector of `/proc/diskstats`, whatever the device's own sector size is.
const SECTOR_BYTES: u64 = 512;

/// A sample of a host, without what all samples of its part have.
#[derive(Debug, Clone, Copy)]
pub struct FoundSample<'a> {
    /// The labels of its row, as many as its part has names for; empty where the host has it once.
    pub row: &'a [Arc<str>],
    /// Labels that no other sample of its part need have, names and values; an empty value is none.
    pub more: &'a [(&'a str, &'a str)],
    /// Its value.
    pub value: Total,
    /// Of a counter when it began, seconds since 1970; none where that is not known or not asked for.
    pub(super) boot_s: Option<f64>,
}

impl FoundSample<'_> {
    /// Of a counter when it began, where that is known and was asked for.
    #[must_use]
    pub fn began(&self) -> Option<WallMs> {
        #[expect(clippy::cast_possible_truncation, reason = "seconds since 1970, whole")]
        self.boot_s.map(|seconds| WallMs((seconds as i64).saturating_mul(1_000)))
    }
}

/// Writes every sample of a family that there is of a host.
pub(super) fn write(out: &mut Vec<u8>, family: &MetricFamily, host: &Exposed) {
    // What is said of every host is of now, so it has no moment.
    let values = host.values.as_ref().filter(|_| family.of.is_some());
    let moment = values.map_or(&b""[..], |values| &values.moment);
    for part in &family.parts {
        walk(family, part, host, &mut |found| {
            labelled(Sample::of(out, &family.name), part, host, found).is(found.value, moment);
            if let Some(boot_s) = found.boot_s {
                let stem = family.name.strip_suffix("_total").unwrap_or(&family.name);
                let created = Sample::of(out, stem).goes_on("_created");
                let boot = gauge(boot_s, Column::BootTimeS.spec());
                labelled(created, part, host, found).is(boot, moment);
            }
        });
    }
}

fn labelled<'o>(
    sample: Sample<'o>,
    part: &SamplePart,
    host: &Exposed,
    found: FoundSample<'_>,
) -> Sample<'o> {
    let sample = sample.labels(&host.labels).labels(part.labels.as_bytes());
    let sample = found.more.iter().fold(sample, |sample, (name, value)| sample.label(name, value));
    let labels = part.row_labels.iter().zip(found.row);
    labels.fold(sample, |sample, (name, value)| sample.label(name, value))
}

/// Hands on every sample of a part of a family that there is of a host.
pub(super) fn walk(
    family: &MetricFamily,
    part: &SamplePart,
    host: &Exposed,
    visit: &mut impl FnMut(FoundSample<'_>),
) {
    match (family.of, &host.values) {
        (None, _) => of_any(part, host, visit),
        (Some(_), Some(values)) => Finder { part, values }.walk(visit),
        (Some(_), None) => {}
    }
}

fn yes(is: bool) -> Total {
    Total::whole(is.into())
}

/// A sample that a host has once.
fn once<'a>(value: Total, more: &'a [(&'a str, &'a str)]) -> FoundSample<'a> {
    FoundSample { row: &[], more, value, boot_s: None }
}

/// What there is of every host, whether it has values or not.
fn of_any(part: &SamplePart, host: &Exposed, visit: &mut impl FnMut(FoundSample<'_>)) {
    let view = &host.view;
    match part.source {
        Source::Up => visit(once(yes(host.values.is_some()), &[])),
        Source::Is(state) => visit(once(yes(view.state == state), &[])),
        Source::Outcome => {
            if let Some(last) = &view.last {
                visit(once(yes(true), &[("outcome", last.outcome.as_str())]));
            }
        }
        Source::GoodPoll => {
            let due = view.last_good.as_ref().and_then(|poll| u64::try_from(poll.slot.0).ok());
            if let Some(digits) = due {
                visit(once(Total { digits, decimals: 3 }, &[]));
            }
        }
        Source::About => about(host, visit),
        _ => {}
    }
}

/// What is known of a host, as labels.
fn about(host: &Exposed, visit: &mut impl FnMut(FoundSample<'_>)) {
    let (view, facts) = (&host.view, &host.view.facts);
    let group = view.group.as_ref().filter(|_| !host.says_group);
    let fact = |fact: &'_ Option<Arc<str>>| fact.clone().unwrap_or_default();
    let known = [
        ("hostname", fact(&facts.hostname)),
        ("kernel", fact(&facts.kernel)),
        ("os", fact(&facts.os)),
        ("architecture", fact(&facts.architecture)),
        ("probe_version", fact(&facts.probe_version)),
    ];
    let labels = view.labels.iter().filter(|_| !host.says_labels);
    let own: Vec<(String, &str)> =
        labels.map(|(name, value)| (format!("label_{name}"), value.as_str())).collect();
    let more: Vec<(&str, &str)> = group
        .map(|group| ("group", group.as_str()))
        .into_iter()
        .chain(known.iter().map(|(name, value)| (*name, &**value)))
        .chain(own.iter().map(|(name, value)| (name.as_str(), *value)))
        .collect();
    visit(once(yes(true), &more));
}

/// Finds the values of a host that are samples of a part.
#[derive(Clone, Copy)]
struct Finder<'a> {
    part: &'a SamplePart,
    values: &'a Values,
}

impl Finder<'_> {
    fn walk(self, visit: &mut impl FnMut(FoundSample<'_>)) {
        let answer = &*self.values.answer;
        match self.part.source {
            Source::Gauge(column) => as_is(visit, column.spec(), self.gauge(column)),
            Source::Rest(column, part) => {
                // Where there is no part, all is the rest.
                let rest = self.gauge(column).map(|all| all - self.gauge(part).unwrap_or_default());
                as_is(visit, column.spec(), rest.filter(|rest| *rest >= 0.0));
            }
            Source::Less(column, part) => {
                let both = self.gauge(column).zip(self.gauge(part));
                let less = both.map(|(all, part)| all - part).filter(|less| *less >= 0.0);
                as_is(visit, column.spec(), less);
            }
            Source::CounterLess(column, part) => {
                let both = rates::total(answer, column).zip(rates::total(answer, part));
                let less = both.and_then(|(all, part)| {
                    let digits = all.digits.checked_sub(part.digits)?;
                    (all.decimals == part.decimals).then_some(Total { digits, ..all })
                });
                sample(visit, &[], less, self.values.boot_s);
            }
            Source::Counter(column) => {
                // The probe's own counter began with the probe.
                let boot_s = self.values.boot_s.filter(|_| column != Column::ProbeCpuPct);
                sample(visit, &[], rates::total(answer, column), boot_s);
            }
            Source::Raw(column, of_ipv6) => {
                let raw = rates::counters_of(answer, column)
                    .find_map(|(counter, raw)| raw.filter(|_| counter.is_of_ipv6 == of_ipv6));
                sample(visit, &[], raw.map(Total::whole), None);
            }
            Source::RowGauge(of, column) => self.row_gauges(visit, of, column),
            Source::RowLess(of, column, part) => self.row_less(visit, of, column, part),
            Source::RowCounter(of, column) => self.row_counters(visit, of, column),
            Source::RowSectors(of, column) => self.row_counters(visit, of, column),
            Source::Clock => {
                let micros = u64::try_from(answer.clocks.wall_ns / 1_000).ok();
                let value = micros.map(|digits| Total { digits, decimals: 6 });
                sample(visit, &[], value, None);
            }
            Source::Kernel => {
                let facts = &answer.facts;
                let text = |fact: &'_ Option<Arc<str>>| fact.clone().unwrap_or_default();
                let [release, machine, name] =
                    [&facts.kernel, &facts.architecture, &facts.hostname].map(text);
                let more = [
                    ("sysname", "Linux"),
                    ("release", &*release),
                    ("machine", &*machine),
                    ("nodename", &*name),
                ];
                visit(once(yes(true), &more));
            }
            Source::MountFails => {
                for mount in &answer.mounts {
                    let row = [&mount.mount_point, &mount.device, &mount.fs_type].map(Arc::clone);
                    sample(visit, &row, Some(yes(mount.status != Status::Ok)), None);
                }
            }
            Source::Up | Source::Is(_) | Source::Outcome | Source::GoodPoll | Source::About => {}
        }
    }

    fn gauge(self, column: Column) -> Option<f64> {
        self.values.poll.values.as_ref()?.get(column)
    }

    fn row_gauges(self, visit: &mut impl FnMut(FoundSample<'_>), of: DetailTable, column: usize) {
        let spec = &of.specs()[column];
        let detail = self.values.poll.detail.iter();
        for (labels, cells) in detail.flat_map(|detail| detail.rows(of)) {
            let value = cells.get(column).copied().filter(|cell| !cell.is_nan());
            sample(visit, labels, value.map(|value| gauge(value, spec)), None);
        }
    }

    fn row_less(
        self,
        visit: &mut impl FnMut(FoundSample<'_>),
        of: DetailTable,
        column: usize,
        part: usize,
    ) {
        let spec = &of.specs()[column];
        let detail = self.values.poll.detail.iter();
        for (labels, cells) in detail.flat_map(|detail| detail.rows(of)) {
            let both = cells.get(column).zip(cells.get(part));
            // What is unknown is no number, and no number is not negative.
            let less = both.map(|(all, part)| all - part).filter(|less| *less >= 0.0);
            sample(visit, labels, less.map(|less| gauge(less, spec)), None);
        }
    }

    fn row_counters(self, visit: &mut impl FnMut(FoundSample<'_>), of: DetailTable, column: usize) {
        let answer = &*self.values.answer;
        // Of a device it is not known when it came.
        let began_with_boot = matches!(of, DetailTable::Core | DetailTable::Softirq);
        let boot_s = self.values.boot_s.filter(|_| began_with_boot);
        let in_sectors = matches!(self.part.source, Source::RowSectors(..));
        let detail = self.values.poll.detail.iter();
        for (place, (labels, _)) in detail.flat_map(|detail| detail.rows(of)).enumerate() {
            let row = labels.first().and_then(|label| rates::find_row(answer, of, label, place));
            let total = row.and_then(|row| rates::row_total(answer, of, row, column));
            let total = total.map(|total| {
                if in_sectors { Total::whole(total.digits / SECTOR_BYTES) } else { total }
            });
            sample(visit, labels, total, boot_s);
        }
    }
}

fn as_is(visit: &mut impl FnMut(FoundSample<'_>), spec: &ColumnSpec, value: Option<f64>) {
    sample(visit, &[], value.map(|value| gauge(value, spec)), None);
}

fn sample(
    visit: &mut impl FnMut(FoundSample<'_>),
    row: &[Arc<str>],
    value: Option<Total>,
    boot_s: Option<f64>,
) {
    if let Some(value) = value {
        visit(FoundSample { row, more: &[], value, boot_s });
    }
}
