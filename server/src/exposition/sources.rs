//! What of a host a metric says: finds the values of a family and writes them.

use std::sync::Arc;

use super::{
    Exposed, Values,
    families::{MetricFamily, SamplePart, Source},
    text::{Sample, gauge},
};
use crate::{
    model::{Column, ColumnSet as _, ColumnSpec, DetailTable, Status},
    rates::{self, Total},
};

/// Bytes in a sector of `/proc/diskstats`, whatever the device's own sector size is.
const SECTOR_BYTES: u64 = 512;

/// Writes every sample of a family that there is of a host.
pub(super) fn write(out: &mut Vec<u8>, family: &MetricFamily, host: &Exposed) {
    for part in &family.parts {
        match (family.of, &host.values) {
            (None, _) => of_any(out, family, part, host),
            (Some(_), Some(values)) => Found { family, part, host, values }.write(out),
            (Some(_), None) => {}
        }
    }
}

fn yes(is: bool) -> Total {
    Total::whole(is.into())
}

/// What there is of every host, whether it has values or not. It is of now, so it has no moment.
fn of_any(out: &mut Vec<u8>, family: &MetricFamily, part: &SamplePart, host: &Exposed) {
    let view = &host.view;
    let sample = |out| begin(out, family, part, host);
    match part.source {
        Source::Up => sample(out).is(yes(host.values.is_some()), b""),
        Source::Is(state) => sample(out).is(yes(view.state == state), b""),
        Source::Outcome => {
            if let Some(last) = &view.last {
                sample(out).label("outcome", last.outcome.as_str()).is(yes(true), b"");
            }
        }
        Source::GoodPoll => {
            let due = view.last_good.as_ref().and_then(|poll| u64::try_from(poll.slot.0).ok());
            if let Some(digits) = due {
                sample(out).is(Total { digits, decimals: 3 }, b"");
            }
        }
        Source::About => about(sample(out), host),
        _ => {}
    }
}

/// What is known of a host, as labels.
fn about(mut sample: Sample<'_>, host: &Exposed) {
    let view = &host.view;
    if let Some(group) = view.group.as_ref().filter(|_| !host.says_group) {
        sample = sample.label("group", group.as_str());
    }
    let facts = &view.facts;
    for (name, value) in [
        ("hostname", &facts.hostname),
        ("kernel", &facts.kernel),
        ("os", &facts.os),
        ("architecture", &facts.architecture),
        ("probe_version", &facts.probe_version),
    ] {
        sample = sample.label(name, value.as_deref().unwrap_or_default());
    }
    for (name, value) in view.labels.iter() {
        sample = sample.label(&format!("label_{name}"), value);
    }
    sample.is(yes(true), b"");
}

fn begin<'o>(
    out: &'o mut Vec<u8>,
    family: &MetricFamily,
    part: &SamplePart,
    host: &Exposed,
) -> Sample<'o> {
    Sample::of(out, &family.name).labels(&host.labels).labels(part.labels.as_bytes())
}

/// Values of a host that are to be written as samples of a family.
#[derive(Clone, Copy)]
struct Found<'a> {
    family: &'a MetricFamily,
    part: &'a SamplePart,
    host: &'a Exposed,
    values: &'a Values,
}

impl Found<'_> {
    fn write(self, out: &mut Vec<u8>) {
        let answer = &*self.values.answer;
        match self.part.source {
            Source::Gauge(column) => self.as_is(out, column.spec(), self.gauge(column)),
            Source::Rest(column, part) => {
                // Where there is no part, all is the rest.
                let rest = self.gauge(column).map(|all| all - self.gauge(part).unwrap_or_default());
                self.as_is(out, column.spec(), rest.filter(|rest| *rest >= 0.0));
            }
            Source::Counter(column) => {
                // The probe's own counter began with the probe.
                let boot_s = self.values.boot_s.filter(|_| column != Column::ProbeCpuPct);
                self.counter(out, &[], rates::total(answer, column), boot_s);
            }
            Source::Raw(column, of_ipv6) => {
                let raw = rates::counters_of(answer, column)
                    .find_map(|(counter, raw)| raw.filter(|_| counter.is_of_ipv6 == of_ipv6));
                self.sample(out, &[], raw.map(Total::whole));
            }
            Source::RowGauge(of, column) => self.row_gauges(out, of, column),
            Source::RowCounter(of, column) => self.row_counters(out, of, column),
            Source::RowSectors(of, column) => self.row_counters(out, of, column),
            Source::Clock => {
                let micros = u64::try_from(answer.clocks.wall_ns / 1_000).ok();
                self.sample(out, &[], micros.map(|digits| Total { digits, decimals: 6 }));
            }
            Source::Kernel => {
                let facts = &answer.facts;
                let mut sample = self.begin(out, &[]).label("sysname", "Linux");
                for (name, value) in [
                    ("release", &facts.kernel),
                    ("machine", &facts.architecture),
                    ("nodename", &facts.hostname),
                ] {
                    sample = sample.label(name, value.as_deref().unwrap_or_default());
                }
                sample.is(yes(true), &self.values.moment);
            }
            Source::MountFails => {
                for mount in &answer.mounts {
                    let row = [&mount.mount_point, &mount.device, &mount.fs_type].map(Arc::clone);
                    self.sample(out, &row, Some(yes(mount.status != Status::Ok)));
                }
            }
            Source::Up | Source::Is(_) | Source::Outcome | Source::GoodPoll | Source::About => {}
        }
    }

    fn gauge(self, column: Column) -> Option<f64> {
        self.values.poll.values.as_ref()?.get(column)
    }

    fn as_is(self, out: &mut Vec<u8>, spec: &ColumnSpec, value: Option<f64>) {
        self.sample(out, &[], value.map(|value| gauge(value, spec)));
    }

    fn row_gauges(self, out: &mut Vec<u8>, of: DetailTable, column: usize) {
        let spec = &of.specs()[column];
        let detail = self.values.poll.detail.iter();
        for (labels, cells) in detail.flat_map(|detail| detail.rows(of)) {
            let value = cells.get(column).copied().filter(|cell| !cell.is_nan());
            self.sample(out, labels, value.map(|value| gauge(value, spec)));
        }
    }

    fn row_counters(self, out: &mut Vec<u8>, of: DetailTable, column: usize) {
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
            self.counter(out, labels, total, boot_s);
        }
    }

    fn counter(
        self,
        out: &mut Vec<u8>,
        row: &[Arc<str>],
        total: Option<Total>,
        boot_s: Option<f64>,
    ) {
        self.sample(out, row, total);
        let (Some(_), Some(boot_s)) = (total, boot_s) else { return };
        let stem = self.family.name.strip_suffix("_total").unwrap_or(&self.family.name);
        let created = Sample::of(out, stem).goes_on("_created");
        let boot = gauge(boot_s, Column::BootTimeS.spec());
        self.labelled(created, row).is(boot, &self.values.moment);
    }

    fn sample(self, out: &mut Vec<u8>, row: &[Arc<str>], value: Option<Total>) {
        if let Some(value) = value {
            self.begin(out, row).is(value, &self.values.moment);
        }
    }

    fn begin<'o>(self, out: &'o mut Vec<u8>, row: &[Arc<str>]) -> Sample<'o> {
        self.labelled(Sample::of(out, &self.family.name), row)
    }

    fn labelled<'o>(self, sample: Sample<'o>, row: &[Arc<str>]) -> Sample<'o> {
        let sample = sample.labels(&self.host.labels).labels(self.part.labels.as_bytes());
        let labels = self.part.row_labels.iter().zip(row);
        labels.fold(sample, |sample, (name, value)| sample.label(name, value))
    }
}
