use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::*;
use crate::{
    exposition::{
        NamesOf, SampleKind, WHOLE_ATTRIBUTES,
        tests::{NOW, host},
        text::MetricKind,
    },
    model::{Column, Outcome},
};

/// Values that attributes have beside those that are well known, where none of these applies.
const MORE: [(&str, &str); 4] = [
    ("cpu.mode", "softirq"),
    ("process.state", "uninterruptible"),
    ("process.state", "idle"),
    ("process.state", "other"),
];

/// Metrics of the conventions that a probe has no values for, or that say the same once more.
const NOT_SAID: [&str; 11] = [
    "system.cpu.frequency",
    "system.cpu.physical.count",
    "system.cpu.utilization",
    "system.disk.limit",
    "system.filesystem.lock.count",
    "system.filesystem.utilization",
    "system.memory.linux.hugepages.utilization",
    "system.memory.utilization",
    // Of its states the kernel counts few, and "established" with others.
    "system.network.connection.count",
    "system.paging.utilization",
    "system.process.limit",
];

struct Known {
    /// Instrument, unit, type of the value, attributes.
    metrics: BTreeMap<&'static str, (&'static str, &'static str, &'static str, Vec<&'static str>)>,
    /// Type, values.
    attributes: BTreeMap<&'static str, (&'static str, Vec<&'static str>)>,
}

fn known() -> Known {
    let list = include_str!("../opentelemetry.txt");
    let rows = || list.lines().filter(|line| !line.starts_with('#'));
    let metrics = rows().take_while(|line| !line.is_empty()).map(|row| {
        let words: Vec<&str> = row.split(' ').collect();
        (words[0], (words[1], words[2], words[3], words[4..].to_vec()))
    });
    let attributes = rows().skip_while(|line| !line.is_empty()).skip(1).map(|row| {
        let words: Vec<&str> = row.split(' ').collect();
        (words[0], (words[1], words[2..].to_vec()))
    });
    Known { metrics: metrics.collect(), attributes: attributes.collect() }
}

fn is_own(name: &str) -> bool {
    name.starts_with(OWN_PREFIX)
}

#[test]
fn names_kinds_units_and_attributes_are_those_of_the_conventions() {
    let known = known();
    let mut said = BTreeSet::new();
    for family in OPEN_TELEMETRY.iter().filter(|family| !is_own(&family.name)) {
        let name = family.name.as_str();
        let Some((instrument, unit, _, attributes)) = known.metrics.get(name) else {
            panic!("{name} is none of them")
        };
        let own = match family.kind {
            MetricKind::Gauge => "gauge",
            MetricKind::UpDown => "updowncounter",
            MetricKind::Counter => "counter",
            MetricKind::Info | MetricKind::Unknown => "other",
        };
        assert_eq!((own, family.unit), (*instrument, *unit), "{name}");
        for part in &family.parts {
            let fixed = part.labels.split_once('=');
            let keys = fixed.iter().map(|(key, _)| *key).chain(part.row_labels.iter().copied());
            for key in keys {
                assert!(attributes.contains(&key), "{name} has no {key}");
            }
            let Some((key, value)) = fixed else { continue };
            let value = value.trim_matches('"');
            let is_known = known.attributes[key].1.contains(&value) || MORE.contains(&(key, value));
            assert!(is_known, "{name}: {key} is not {value}");
        }
        assert!(said.insert(name), "{name} is there twice");
    }
    let not_said: Vec<&str> =
        known.metrics.keys().copied().filter(|name| !said.contains(name)).collect();
    assert_eq!(not_said, NOT_SAID);
}

#[test]
fn all_attributes_are_those_of_the_conventions_or_own_ones_and_of_their_type() {
    let known = known();
    let holds = |key: &str| {
        if is_own(key) {
            return;
        }
        let Some((kind, _)) = known.attributes.get(key) else { panic!("{key} is none of them") };
        assert_eq!(WHOLE_ATTRIBUTES.contains(&key), *kind == "int", "{key}");
    };
    for part in OPEN_TELEMETRY.iter().flat_map(|family| &family.parts) {
        part.labels.split_once('=').into_iter().for_each(|(key, _)| holds(key));
        part.row_labels.iter().for_each(|key| holds(key));
    }
    let view = Arc::new(host("a", Outcome::Ok, 0));
    let samples = HostSamples::new(view, NamesOf::OpenTelemetry, NOW);
    let mut resource = BTreeMap::new();
    samples.resource(|first, name, value| {
        holds(&format!("{first}{name}"));
        resource.insert(format!("{first}{name}"), value.to_owned());
    });
    let expected = [
        ("host.name", "a"),
        ("os.type", "linux"),
        ("roundsman.group", "web"),
        ("service.instance.id", "a"),
        ("service.name", "roundsman"),
    ];
    for (name, value) in expected {
        assert_eq!(resource.get(name).map(String::as_str), Some(value), "{name}");
    }
    assert!(resource.keys().any(|name| name.starts_with("roundsman.label.")), "{resource:?}");
}

/// In a store of Prometheus what has no name of the conventions is called as by remote_write: there a name is made
/// of a metric's, its unit and its kind.
#[test]
fn own_names_are_those_of_prometheus_once_it_has_made_them_its_own() {
    let all: BTreeSet<&str> = OWN.iter().map(|family| family.name.as_str()).collect();
    let mut names = BTreeSet::new();
    for family in OPEN_TELEMETRY.iter().filter(|family| is_own(&family.name)) {
        let unit = UNITS.iter().find(|(_, unit)| *unit == family.unit).map_or("", |(end, _)| end);
        let end = if family.kind == MetricKind::Counter { "_total" } else { "" };
        let name = format!("{}{unit}{end}", family.name.replace('.', "_"));
        assert!(all.contains(name.as_str()), "{name}");
        assert!(names.insert(name), "{} is there twice", family.name);
        assert_eq!(family.name.matches('.').count(), 2, "{}", family.name);
    }
    assert!(names.contains("roundsman_host_load_1"), "{names:?}");
    assert!(!names.contains("roundsman_host_mem_total_bytes"), "it is system.memory.limit");
}

#[test]
fn every_column_is_said_and_none_under_two_names() {
    let parts = || OPEN_TELEMETRY.iter().flat_map(|family| &family.parts);
    for family in OWN.iter() {
        for part in &family.parts {
            let said = parts().filter(|one| one.source == part.source).count();
            assert_eq!(said, 1, "{}", family.name);
        }
    }
}

/// Points of one metric are of one type, and must be written one after the other.
#[test]
fn values_are_of_the_conventions_type() {
    let known = known();
    let view = Arc::new(host("a", Outcome::Ok, 0));
    let samples = HostSamples::new(view, NamesOf::OpenTelemetry, NOW);
    let (mut said, mut last) = (BTreeSet::new(), "");
    for kind in SampleKind::all(NamesOf::OpenTelemetry, [].into()) {
        samples.each(&kind, |found| {
            let Some((_, _, kind_of, _)) = known.metrics.get(kind.name()) else { return };
            assert_eq!(found.value.decimals == 0, *kind_of == "int", "{}", kind.name());
        });
        assert!(kind.name() == last || said.insert(kind.name()), "{}", kind.name());
        last = kind.name();
    }
}

/// What is the difference of two is unknown where one is.
#[test]
fn a_part_that_is_unknown_is_not_taken_for_none() {
    let samples_of = |view| HostSamples::new(Arc::new(view), NamesOf::OpenTelemetry, NOW);
    let value = |samples: &HostSamples, name: &str, attribute: &str, value: &str| {
        let mut found = None;
        for kind in SampleKind::all(NamesOf::OpenTelemetry, [].into()) {
            if kind.name() == name && kind.labels().any(|label| label == (attribute, value)) {
                samples.each(&kind, |one| found = Some(one.value.number()));
            }
        }
        found
    };
    let mut view = host("a", Outcome::Ok, 0);
    let samples = samples_of(view.clone());
    let used = ["system.memory.usage", "system.memory.state", "used"];
    assert_eq!(value(&samples, used[0], used[1], used[2]), Some(8_589_934_592.0 - 2_147_483_648.0));
    let of_mount =
        |state| value(&samples, "system.filesystem.usage", "system.filesystem.state", state);
    assert_eq!(
        ["used", "free", "reserved"].map(of_mount),
        [Some(600_000.0), Some(300_000.0), Some(100_000.0)]
    );
    let mut poll = crate::model::Record::clone(view.last_good.as_deref().unwrap());
    let mut values = poll.values.take().unwrap();
    values.set(Column::MemAvailableBytes, None);
    poll.values = Some(values);
    view.last_good = Some(Arc::new(poll));
    assert_eq!(value(&samples_of(view), used[0], used[1], used[2]), None);
}
