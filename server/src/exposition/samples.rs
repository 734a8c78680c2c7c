//! The same samples one by one, for those who send them in another form than as a text.

use std::{collections::BTreeSet, sync::Arc};

use super::{
    Exposed, FoundSample, NamesOf, TextFormat, Wanted,
    families::{MetricFamily, SamplePart},
    sources::walk,
    text::MetricKind,
};
use crate::{
    live::HostView,
    model::{Family, GroupName},
    units::WallMs,
};

/// Samples that have a name and are made alike.
#[derive(Debug, Clone, Copy)]
pub struct SampleKind {
    family: &'static MetricFamily,
    part: &'static SamplePart,
}

fn wanted(names: NamesOf, families: BTreeSet<Family>) -> Wanted {
    let format = TextFormat::OpenMetrics;
    let created = names == NamesOf::OpenTelemetry;
    Wanted { names, format, families, says_host: true, created, timestamps: false }
}

impl SampleKind {
    /// All that there are under these names; values of these families alone, or of all where none is named.
    #[must_use]
    pub fn all(names: NamesOf, families: BTreeSet<Family>) -> Vec<Self> {
        let wanted = wanted(names, families);
        let families = names.families().iter().filter(|family| wanted.wants(family));
        families
            .flat_map(|family| family.parts.iter().map(move |part| Self { family, part }))
            .collect()
    }

    /// The name of the metric.
    #[must_use]
    pub fn name(&self) -> &'static str {
        &self.family.name
    }

    /// What it means.
    #[must_use]
    pub fn help(&self) -> &'static str {
        &self.family.help
    }

    /// The number that its type has in remote_write 2.0 (`Metadata.MetricType`).
    #[must_use]
    pub fn type_number(&self) -> u8 {
        match self.family.kind {
            MetricKind::Unknown => 0,
            MetricKind::Counter => 1,
            MetricKind::Gauge | MetricKind::UpDown => 2,
            MetricKind::Info => 6,
        }
    }

    /// Its unit by UCUM, where its name does not say it.
    #[must_use]
    pub fn unit(&self) -> &'static str {
        self.family.unit
    }

    /// Of a sum whether it only grows; none of what is no sum.
    #[must_use]
    pub fn grows(&self) -> Option<bool> {
        match self.family.kind {
            MetricKind::Counter => Some(true),
            MetricKind::UpDown => Some(false),
            MetricKind::Gauge | MetricKind::Info | MetricKind::Unknown => None,
        }
    }

    /// Whether it is a value of a poll; else it is said of every host.
    #[must_use]
    pub fn is_value(&self) -> bool {
        self.family.of.is_some()
    }

    /// Labels that each of them has, beside those of its host and its row.
    pub fn labels(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        // They are written in the source, without what is escaped.
        let written = self.part.labels.split(',').filter_map(|label| label.split_once('='));
        written.map(|(name, value)| (name, value.trim_matches('"')))
    }

    /// What the labels of its row are called.
    #[must_use]
    pub fn row_labels(&self) -> &'static [&'static str] {
        self.part.row_labels
    }
}

/// What there is to say of a host.
pub struct HostSamples {
    host: Exposed,
    names: NamesOf,
}

impl HostSamples {
    /// Of this view at this moment.
    #[must_use]
    pub fn new(view: Arc<HostView>, names: NamesOf, now: WallMs) -> Self {
        Self { host: Exposed::new(view, &wanted(names, BTreeSet::new()), now), names }
    }

    /// The view that they are of.
    pub(super) fn view(&self) -> &HostView {
        &self.host.view
    }

    /// The label that names the host, and its value.
    #[must_use]
    pub fn host(&self) -> (&'static str, &str) {
        (self.names.host_label(), self.host.view.name.as_str())
    }

    /// The group that all its samples say, where there is one.
    #[must_use]
    pub fn group(&self) -> Option<&str> {
        self.host.view.group.as_ref().filter(|_| self.host.says_group).map(GroupName::as_str)
    }

    /// Hands on every sample of this kind.
    pub fn each(&self, kind: &SampleKind, mut visit: impl FnMut(FoundSample<'_>)) {
        walk(kind.family, kind.part, &self.host, &mut visit);
    }
}
