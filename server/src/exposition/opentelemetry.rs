//! The names, kinds, units and attributes of OpenTelemetry's semantic conventions for all that they and a probe both
//! tell; what they have no name for, under Roundsman's own.

use std::sync::LazyLock;

use super::{
    conventions::{of_conventions, row_attributes},
    families::{MetricFamily, OWN, SamplePart, Source},
    samples::HostSamples,
};

/// Of which service all of it is; each host is an instance of it.
const SERVICE: &str = "roundsman";

/// What stands before names that are not the conventions'.
pub const OWN_PREFIX: &str = "roundsman.";

/// How the names of Prometheus end that say a unit, and the unit by UCUM. A receiver that makes such names of the
/// others puts the same end there.
const UNITS: [(&str, &str); 5] = [
    ("_bytes_per_second", "By/s"),
    ("_per_second", "1/s"),
    ("_seconds", "s"),
    ("_ratio", "1"),
    ("_bytes", "By"),
];

/// One of Roundsman's own, as the others are named.
fn own(family: &MetricFamily) -> MetricFamily {
    let stem = family.name.strip_suffix("_total").unwrap_or(&family.name);
    let ends = |(end, unit)| stem.strip_suffix(end).map(|stem| (stem, unit));
    let (stem, unit) = UNITS.into_iter().find_map(ends).unwrap_or((stem, ""));
    let part = |part: &SamplePart| SamplePart {
        labels: match part.labels.is_empty() {
            true => String::new(),
            false => format!("{OWN_PREFIX}{}", part.labels),
        },
        row_labels: part.source.table().map_or(&[], row_attributes),
        ..part.clone()
    };
    MetricFamily {
        // `roundsman`, what it is of, and the rest.
        name: stem.replacen('_', ".", 2),
        unit,
        parts: family.parts.iter().map(part).collect(),
        ..family.clone()
    }
}

/// All of them: what the conventions have as it is, is not told under another name.
pub(super) static OPEN_TELEMETRY: LazyLock<Vec<MetricFamily>> = LazyLock::new(|| {
    let mut all = of_conventions();
    let parts = all.iter().flat_map(|family| &family.parts);
    let told: Vec<Source> = parts.map(|part| part.source).collect();
    let is_left = |family: &&MetricFamily| !told.contains(&family.parts[0].source);
    all.extend(OWN.iter().filter(is_left).map(own));
    all
});

impl HostSamples {
    /// What names the resource that the host is: the name of each attribute in two parts, and its value. Other ones
    /// make it another resource.
    pub fn resource(&self, mut visit: impl FnMut(&str, &str, &str)) {
        let view = self.view();
        visit("", "service.name", SERVICE);
        visit("", "service.instance.id", view.name.as_str());
        visit("", "host.name", view.name.as_str());
        if let Some(machine) = &view.facts.machine_id {
            visit("", "host.id", machine);
        }
        visit("", "os.type", "linux");
        if let Some(group) = &view.group {
            visit(OWN_PREFIX, "group", group.as_str());
        }
        for (name, value) in view.labels.iter() {
            visit("roundsman.label.", name, value);
        }
    }
}

#[cfg(test)]
mod tests;
