use std::sync::Arc;

use libdeflater::Decompressor;
use opentelemetry_proto::tonic::{
    collector::metrics::v1::ExportMetricsServiceRequest,
    common::v1::{KeyValue, any_value},
    metrics::v1::{Metric, NumberDataPoint, Sum, metric, number_data_point},
};
use prost::Message as _;

use super::*;
use crate::{
    exposition::{
        NamesOf, SampleKind,
        tests::{NOW, host},
    },
    model::{Facts, Outcome},
};

/// A request as OpenTelemetry's own messages read it.
pub(in crate::export) fn read(body: &[u8]) -> ExportMetricsServiceRequest {
    let mut bytes = vec![0; 1 << 22];
    let length = Decompressor::new().gzip_decompress(body, &mut bytes).unwrap();
    let request = ExportMetricsServiceRequest::decode(&bytes[..length]).unwrap();
    // Field by field as they write it, and nothing that they do not know.
    assert!(request.encode_to_vec() == bytes[..length], "written otherwise");
    request
}

pub(in crate::export) fn points(metric: &Metric) -> &[NumberDataPoint] {
    match metric.data.as_ref().unwrap() {
        metric::Data::Gauge(gauge) => &gauge.data_points,
        metric::Data::Sum(sum) => &sum.data_points,
        other => panic!("{other:?}"),
    }
}

pub(in crate::export) fn text(attributes: &[KeyValue]) -> String {
    let value = |one: &KeyValue| match one.value.as_ref().unwrap().value.as_ref().unwrap() {
        any_value::Value::StringValue(text) => format!("{text:?}"),
        any_value::Value::IntValue(whole) => whole.to_string(),
        other => panic!("{other:?}"),
    };
    let all: Vec<String> =
        attributes.iter().map(|one| format!("{}={}", one.key, value(one))).collect();
    all.join(",")
}

/// All that there is of these hosts, in one request.
fn request_of(hosts: &[Arc<crate::live::HostView>]) -> (OtlpEncoder, PackedRequest) {
    let kinds = SampleKind::all(NamesOf::OpenTelemetry, [].into());
    let mut encoder = OtlpEncoder::new(&kinds);
    for view in hosts {
        let samples = HostSamples::new(Arc::clone(view), NamesOf::OpenTelemetry, NOW);
        // Values, then what is said of every host, as it is done.
        for are_values in [true, false] {
            encoder.begin(&samples);
            for (place, kind) in kinds.iter().enumerate() {
                if kind.is_value() == are_values {
                    samples.each(kind, |found| encoder.add(place, found, Some(found.value), NOW));
                }
            }
        }
    }
    let request = encoder.finish().unwrap();
    (encoder, request)
}

fn named(name: &str) -> Arc<crate::live::HostView> {
    let mut view = host(name, Outcome::Ok, 0);
    view.facts = Arc::new(Facts { machine_id: Some("0a1b".into()), ..Facts::clone(&view.facts) });
    Arc::new(view)
}

fn metric<'r>(request: &'r ExportMetricsServiceRequest, name: &str) -> &'r Metric {
    let scope = &request.resource_metrics[0].scope_metrics[0];
    scope.metrics.iter().find(|metric| metric.name == name).unwrap_or_else(|| panic!("no {name}"))
}

fn sum<'r>(request: &'r ExportMetricsServiceRequest, name: &str) -> &'r Sum {
    match metric(request, name).data.as_ref().unwrap() {
        metric::Data::Sum(sum) => sum,
        other => panic!("{name} is {other:?}"),
    }
}

#[test]
fn each_host_is_one_resource_with_all_its_metrics_once() {
    let request = read(&request_of(&[named("a"), named("b")]).1.body);
    assert_eq!(request.resource_metrics.len(), 2);
    for (one, name) in request.resource_metrics.iter().zip(["a", "b"]) {
        assert_eq!(
            text(&one.resource.as_ref().unwrap().attributes),
            format!(
                "service.name=\"roundsman\",service.instance.id=\"{name}\",host.name=\"{name}\",\
                 host.id=\"0a1b\",os.type=\"linux\",roundsman.group=\"web\",\
                 roundsman.label.rack=\"a\\\"1\""
            )
        );
        assert_eq!(one.schema_url, SCHEMA_URL);
        let [scope] = one.scope_metrics.as_slice() else { panic!("{:?}", one.scope_metrics) };
        let by = scope.scope.as_ref().unwrap();
        assert_eq!((by.name.as_str(), by.version.as_str()), ("roundsman", ""));
        assert_eq!(scope.schema_url, SCHEMA_URL);
        let mut names: Vec<&str> = scope.metrics.iter().map(|one| one.name.as_str()).collect();
        let all = names.len();
        assert!(all > 50, "{all}");
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all);
        // What they mean is said once in a request.
        assert!(scope.metrics.iter().all(|one| one.description.is_empty() == (name == "b")));
    }
}

#[test]
fn every_sample_is_a_point_with_its_value_and_moment() {
    let view = named("a");
    let (_, packed) = request_of(&[Arc::clone(&view)]);
    let request = read(&packed.body);
    let samples = HostSamples::new(view, NamesOf::OpenTelemetry, NOW);
    let mut all = 0;
    for kind in SampleKind::all(NamesOf::OpenTelemetry, [].into()) {
        samples.each(&kind, |found| {
            all += 1;
            let mut expected: Vec<String> =
                kind.labels().map(|(key, value)| format!("{key}={value:?}")).collect();
            for (key, value) in kind.row_labels().iter().zip(found.row) {
                expected.push(match *key {
                    "cpu.logical_number" | "process.pid" => format!("{key}={value}"),
                    _ => format!("{key}={value:?}"),
                });
            }
            let more = found.more.iter().filter(|(_, value)| !value.is_empty());
            expected.extend(more.map(|(key, value)| format!("roundsman.{key}={value:?}")));
            let expected = expected.join(",");
            let one = metric(&request, kind.name());
            assert_eq!(one.unit, kind.unit());
            let found_there =
                points(one).iter().filter(|point| text(&point.attributes) == expected);
            let [point] = found_there.collect::<Vec<_>>()[..] else {
                panic!("{} {expected}", one.name)
            };
            let value = match point.value.unwrap() {
                number_data_point::Value::AsDouble(value) => value,
                #[expect(clippy::cast_precision_loss, reason = "a test's own numbers")]
                number_data_point::Value::AsInt(value) => value as f64,
            };
            assert_eq!(value.to_bits(), found.value.number().to_bits(), "{} {expected}", one.name);
            assert_eq!(point.time_unix_nano, u64::try_from(NOW.0).unwrap() * 1_000_000);
            assert_eq!(point.flags, 0);
        });
    }
    let scope = &request.resource_metrics[0].scope_metrics[0];
    assert_eq!(scope.metrics.iter().map(|one| points(one).len()).sum::<usize>(), all);
    assert_eq!(usize::try_from(packed.samples).unwrap(), all);
}

#[test]
fn counters_are_cumulative_sums_since_the_boot_where_that_is_their_start() {
    let request = read(&request_of(&[named("a")]).1.body);
    let boot = 1_774_742_795_000_000_000;
    for (name, grows, start) in [
        ("system.cpu.time", true, boot),
        ("roundsman.host.context_switches", true, boot),
        // It came at a moment that is not known.
        ("system.network.io", true, 0),
        ("roundsman.host.probe_cpu", true, 0),
        ("system.memory.usage", false, 0),
        ("system.filesystem.usage", false, 0),
    ] {
        let sum = sum(&request, name);
        assert_eq!((sum.aggregation_temporality, sum.is_monotonic), (2, grows), "{name}");
        for point in &sum.data_points {
            assert_eq!(point.start_time_unix_nano, start, "{name}");
        }
    }
    for name in ["roundsman.host.load_1", "roundsman.host.up", "roundsman.host.info"] {
        let data = metric(&request, name).data.as_ref().unwrap();
        assert!(matches!(data, metric::Data::Gauge(_)), "{name}");
    }
    // A clock that is behind is no start.
    let kinds = SampleKind::all(NamesOf::OpenTelemetry, [].into());
    let mut encoder = OtlpEncoder::new(&kinds);
    let samples = HostSamples::new(named("a"), NamesOf::OpenTelemetry, NOW);
    encoder.begin(&samples);
    for (place, kind) in kinds.iter().enumerate() {
        let then = WallMs(1_774_742_795_000);
        samples.each(kind, |found| encoder.add(place, found, Some(found.value), then));
    }
    let request = read(&encoder.finish().unwrap().body);
    assert_eq!(sum(&request, "system.cpu.time").data_points[0].start_time_unix_nano, 0);
}

#[test]
fn numbers_of_cores_and_processes_are_numbers_and_what_is_whole_is() {
    let request = read(&request_of(&[named("a")]).1.body);
    let cpu = &sum(&request, "system.cpu.time").data_points;
    let cores: Vec<String> = cpu.iter().map(|point| text(&point.attributes)).collect();
    assert!(cores.contains(&"cpu.mode=\"user\",cpu.logical_number=3".to_owned()), "{cores:?}");
    assert!(matches!(cpu[0].value.unwrap(), number_data_point::Value::AsDouble(_)));
    let net = &sum(&request, "system.network.io").data_points;
    assert!(matches!(net[0].value.unwrap(), number_data_point::Value::AsInt(_)));
}

#[test]
fn what_ends_is_a_point_without_a_value() {
    let kinds = SampleKind::all(NamesOf::OpenTelemetry, [].into());
    let mut encoder = OtlpEncoder::new(&kinds);
    let samples = HostSamples::new(named("a"), NamesOf::OpenTelemetry, NOW);
    encoder.begin(&samples);
    for (place, kind) in kinds.iter().enumerate() {
        samples.each(kind, |found| encoder.add(place, found, None, NOW));
    }
    let request = read(&encoder.finish().unwrap().body);
    for one in &request.resource_metrics[0].scope_metrics[0].metrics {
        for point in points(one) {
            assert_eq!((point.flags, point.value), (1, None), "{}", one.name);
            assert!(point.time_unix_nano > 0);
        }
    }
}

#[test]
fn a_request_after_another_says_all_anew_and_an_empty_one_is_none() {
    let (mut encoder, first) = request_of(&[named("a")]);
    assert_eq!((encoder.finish(), encoder.samples(), encoder.len()), (None, 0, 0));
    let kinds = SampleKind::all(NamesOf::OpenTelemetry, [].into());
    let samples = HostSamples::new(named("a"), NamesOf::OpenTelemetry, NOW);
    for are_values in [true, false] {
        encoder.begin(&samples);
        for (place, kind) in kinds.iter().enumerate() {
            if kind.is_value() == are_values {
                samples.each(kind, |found| encoder.add(place, found, Some(found.value), NOW));
            }
        }
    }
    assert_eq!(encoder.finish(), Some(first));
    let empty = RequestForm::Otlp.empty();
    assert_eq!(read(&empty), ExportMetricsServiceRequest::default());
}
