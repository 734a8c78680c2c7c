use std::collections::{BTreeMap, BTreeSet};

use prost::Message as _;

use super::*;
use crate::{
    export::{
        encode::STALE,
        message::{SymbolRequest, WriteRequest, as_first},
        otlp::tests::{points, read, text},
    },
    exposition::{
        Exposition, TextFormat, Wanted,
        tests::{NOW, host},
    },
    model::{GroupName, Outcome},
};

type Series = BTreeMap<String, Vec<(i64, u64)>>;

/// What requests say, by series as it would stand in a text.
fn said(requests: Vec<PackedRequest>) -> Series {
    let mut all = Series::new();
    for request in requests {
        let first = match request.form {
            RequestForm::Write(WriteVersion::First) => request.body,
            RequestForm::Write(WriteVersion::Second) => as_first(&request.body).unwrap(),
            RequestForm::Otlp => panic!("of another protocol"),
        };
        let bytes = snap::raw::Decoder::new().decompress_vec(&first).unwrap();
        let read = WriteRequest::decode(bytes.as_slice()).unwrap();
        assert_eq!(read.timeseries.iter().map(|one| one.samples.len()).sum::<usize>(), {
            usize::try_from(request.samples).unwrap()
        });
        for series in read.timeseries {
            let names: Vec<&str> = series.labels.iter().map(|one| one.name.as_str()).collect();
            assert!(names.is_sorted_by(|a, b| a < b), "{names:?}");
            assert!(series.labels.iter().all(|one| !one.value.is_empty()), "{:?}", series.labels);
            let text: Vec<String> =
                series.labels.iter().map(|one| format!("{}={:?}", one.name, one.value)).collect();
            let samples = series.samples.iter().map(|one| (one.timestamp, one.value.to_bits()));
            all.entry(text.join(",")).or_default().extend(samples);
        }
    }
    for samples in all.values() {
        assert!(samples.is_sorted_by(|a, b| a.0 < b.0), "{samples:?}");
    }
    all
}

/// What `/metrics/hosts` says at that moment, in the same form; what has no moment is of that moment.
fn as_text(view: &Arc<HostView>, names: NamesOf, now: WallMs) -> Series {
    let wanted = Wanted {
        names,
        format: TextFormat::Prometheus,
        families: BTreeSet::new(),
        says_host: true,
        created: false,
        timestamps: true,
    };
    let pieces: Vec<Vec<u8>> = Exposition::new(vec![Arc::clone(view)], wanted, now).collect();
    let text = String::from_utf8(pieces.concat()).unwrap();
    let mut all = Series::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (labels, rest) = line.split_once('}').unwrap();
        let (name, labels) = labels.split_once('{').unwrap();
        let mut words = rest.split_whitespace();
        let value: f64 = words.next().unwrap().parse().unwrap();
        let at = words.next().map_or(now.0, |at| at.parse().unwrap());
        let mut labels: Vec<String> = split(labels);
        labels.push(format!("__name__=\"{name}\""));
        labels.sort();
        all.insert(labels.join(","), vec![(at, value.to_bits())]);
    }
    all
}

/// Labels at the commas between them, not at those within.
fn split(labels: &str) -> Vec<String> {
    let (mut all, mut one, mut quoted, mut escaped) = (vec![], String::new(), false, false);
    for c in labels.chars() {
        match c {
            ',' if !quoted => all.push(std::mem::take(&mut one)),
            '"' if !escaped => {
                quoted = !quoted;
                one.push(c);
            }
            _ => one.push(c),
        }
        escaped = c == '\\' && !escaped;
    }
    all.push(one);
    all
}

fn packer_of(names: NamesOf, version: WriteVersion) -> SeriesPacker {
    SeriesPacker::new(names, SampleKind::all(names, [].into()), RequestForm::Write(version))
}

fn packer() -> SeriesPacker {
    packer_of(NamesOf::Roundsman, WriteVersion::First)
}

fn all_of(packer: &mut SeriesPacker) -> Series {
    packer.finish();
    said(packer.ready())
}

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// A view polled every ten seconds whose last good poll was due so long ago.
fn view(ago: u64) -> HostView {
    HostView { interval: seconds(10), ..host("web-1", Outcome::Ok, ago) }
}

fn is_value(series: &str) -> bool {
    let any = ["host_up", "host_state", "host_outcome", "host_good_poll", "host_info"];
    !any.iter().any(|name| series.contains(name))
}

#[test]
fn what_is_sent_is_what_the_text_says() {
    for names in NamesOf::ALL {
        for version in [WriteVersion::First, WriteVersion::Second] {
            let view = Arc::new(view(3));
            let mut packer = packer_of(*names, version);
            packer.take(&view, NOW, Mono::default());
            let (sent, text) = (all_of(&mut packer), as_text(&view, *names, NOW));
            assert!(sent.len() >= 90, "{}", sent.len());
            assert_eq!(sent, text, "{names} {version:?}");
        }
    }
    let families = [crate::model::Family::Load].into();
    let mut few = SeriesPacker::new(
        NamesOf::Roundsman,
        SampleKind::all(NamesOf::Roundsman, families),
        RequestForm::Write(WriteVersion::First),
    );
    few.take(&Arc::new(view(3)), NOW, Mono::default());
    let few = all_of(&mut few);
    assert!(few.keys().any(|series| series.contains("roundsman_host_load_1\"")), "{few:?}");
    assert!(!few.keys().any(|series| series.contains("core")), "{few:?}");
}

#[test]
fn values_are_sent_once_and_end_once_when_they_are_no_longer_fresh() {
    let mut packer = packer();
    let good = Arc::new(view(0));
    packer.take(&good, NOW, Mono::default());
    let values: BTreeSet<String> =
        all_of(&mut packer).into_keys().filter(|series| is_value(series)).collect();
    // A poll that fails, and one that is late: the last values are fresh yet.
    let mut failed = HostView::clone(&good);
    failed.last = host("web-1", Outcome::Deadline, 0).last;
    let failed = Arc::new(failed);
    packer.take(&failed, NOW.plus(seconds(10)), Mono::default());
    packer.look(NOW.plus(seconds(20)), Mono::default());
    let between = all_of(&mut packer);
    assert!(!between.keys().any(|series| is_value(series)), "{between:?}");
    let up = |all: &Series| {
        let (_, samples) = all.iter().find(|(series, _)| series.contains("host_up")).unwrap();
        samples.iter().map(|(at, bits)| (at - NOW.0, f64::from_bits(*bits))).collect::<Vec<_>>()
    };
    assert_eq!(up(&between), [(10_000, 1.0)]);
    packer.look(NOW.plus(seconds(21)), Mono::default());
    let ended = all_of(&mut packer);
    assert_eq!(up(&ended), [(21_000, 0.0)]);
    let marks = ended.iter().filter(|(series, _)| is_value(series));
    let marks: BTreeSet<String> = marks
        .map(|(series, samples)| {
            assert_eq!(samples, &[(NOW.0 + 19_999, STALE)], "{series}");
            series.clone()
        })
        .collect();
    assert_eq!(marks, values);
    // The old outcome's series ended with the poll that ended otherwise.
    let outcome = |all: &Series, word: &str| {
        let found = all.iter().find(|(series, _)| series.contains(word)).unwrap();
        found.1.last().unwrap().1
    };
    assert_eq!(outcome(&between, "outcome=\"ok\""), STALE);
    assert_eq!(outcome(&between, "outcome=\"deadline\""), 1_f64.to_bits());
    // Nothing more of it, but what is said of every host, once a minute.
    packer.take(&failed, NOW.plus(seconds(30)), Mono::default());
    packer.look(NOW.plus(seconds(89)), Mono::default());
    let quiet = all_of(&mut packer);
    assert!(!quiet.keys().any(|series| is_value(series)), "{quiet:?}");
    assert_eq!(up(&quiet), [(30_000, 0.0)]);
    packer.look(NOW.plus(seconds(90)), Mono::default());
    assert_eq!(up(&all_of(&mut packer)), [(90_000, 0.0)]);
    assert_eq!(packer.take_not_later(), 0);
}

#[test]
fn a_row_that_is_gone_ends_and_the_others_go_on() {
    let mut packer = packer();
    packer.take(&Arc::new(view(10)), NOW.minus(seconds(10)), Mono::default());
    all_of(&mut packer);
    let mut next = view(0);
    let mut poll = Record::clone(next.last_good.as_deref().unwrap());
    let rest: Vec<_> =
        poll.detail.as_ref().unwrap().rows(crate::model::DetailTable::Disk).collect();
    assert_eq!(rest.len(), 1);
    poll.detail = Some(crate::model::Detail::default());
    next.last_good = Some(Arc::new(poll));
    packer.take(&Arc::new(next), NOW, Mono::default());
    let all = all_of(&mut packer);
    let ended: Vec<&String> =
        all.iter().filter(|(_, samples)| samples[0].1 == STALE).map(|(series, _)| series).collect();
    assert!(ended.iter().any(|series| series.contains("device=\"sda\"")), "{ended:?}");
    assert!(ended.iter().all(|series| !series.contains("roundsman_host_")), "{ended:?}");
    assert!(all.iter().any(|(series, one)| series.contains("host_load_1\"") && one[0].1 != STALE));
}

#[test]
fn a_host_that_is_taken_out_or_moved_ends_as_it_was() {
    let mut packer = packer();
    packer.take(&Arc::new(view(10)), NOW.minus(seconds(10)), Mono::default());
    let before = all_of(&mut packer);
    let moved = HostView { group: Some(GroupName::new("db").unwrap()), ..view(0) };
    packer.take(&Arc::new(moved), NOW, Mono::default());
    let all = all_of(&mut packer);
    for series in before.keys() {
        assert_eq!(all[series].len(), 1);
        assert_eq!(all[series][0].1, STALE, "{series}");
        assert!(all.contains_key(&series.replace("\"web\"", "\"db\"")), "{series}");
    }
    packer.keep(&HashSet::from([HostId(1)]), NOW.plus(seconds(1)), Mono::default());
    assert!(all_of(&mut packer).is_empty());
    packer.keep(&HashSet::new(), NOW.plus(seconds(1)), Mono::default());
    let ended = all_of(&mut packer);
    assert_eq!(ended.len(), before.len());
    assert!(ended.values().flatten().all(|sample| *sample == (NOW.0 + 1_000, STALE)));
    packer.look(NOW.plus(seconds(500)), Mono::default());
    assert!(all_of(&mut packer).is_empty());
}

fn otlp_packer() -> SeriesPacker {
    let kinds = SampleKind::all(NamesOf::OpenTelemetry, [].into());
    SeriesPacker::new(NamesOf::OpenTelemetry, kinds, RequestForm::Otlp)
}

/// Of each point: the resource, the series, the moment in milliseconds and whether it has a value; in their order.
fn otlp_said(packer: &mut SeriesPacker) -> Vec<(String, String, i64, bool)> {
    packer.finish();
    let mut all = Vec::new();
    for request in packer.ready() {
        let before = all.len();
        for host in read(&request.body).resource_metrics {
            let resource = text(&host.resource.unwrap().attributes);
            for metric in &host.scope_metrics[0].metrics {
                for point in points(metric) {
                    let series = format!("{} {}", metric.name, text(&point.attributes));
                    let at = i64::try_from(point.time_unix_nano / 1_000_000).unwrap();
                    assert_eq!(point.flags == 1, point.value.is_none());
                    all.push((resource.clone(), series, at, point.value.is_some()));
                }
            }
        }
        assert_eq!(all.len() - before, usize::try_from(request.samples).unwrap());
    }
    all
}

#[test]
fn values_end_by_otlp_too_once_they_are_no_longer_fresh() {
    let mut packer = otlp_packer();
    packer.take(&Arc::new(view(0)), NOW, Mono::default());
    let is_value = |series: &str| {
        let any = ["host.up", "host.state", "host.outcome", "host.good_poll", "host.info"];
        !any.iter().any(|name| series.starts_with(&format!("roundsman.{name}")))
    };
    let said = otlp_said(&mut packer);
    let values: BTreeSet<String> =
        said.into_iter().map(|(_, series, ..)| series).filter(|one| is_value(one)).collect();
    assert!(values.len() > 90, "{}", values.len());
    packer.look(NOW.plus(seconds(21)), Mono::default());
    let ended = otlp_said(&mut packer);
    let marks: BTreeSet<String> = ended
        .iter()
        .filter(|(.., has_value)| !has_value)
        .map(|(_, series, at, _)| {
            assert_eq!(*at, NOW.0 + 19_999, "{series}");
            series.clone()
        })
        .collect();
    assert_eq!(marks, values);
    assert!(ended.iter().any(|one| (one.1.as_str(), one.3) == ("roundsman.host.up ", true)));
    packer.look(NOW.plus(seconds(22)), Mono::default());
    assert_eq!(otlp_said(&mut packer), []);
}

/// A receiver that knows hosts by their names alone takes both resources for one: it must get no mark behind or at
/// the moment of a value that is newer.
#[test]
fn a_resource_that_changes_ends_before_the_other_one_begins() {
    let mut packer = otlp_packer();
    packer.take(&Arc::new(view(10)), NOW.minus(seconds(10)), Mono::default());
    let before = otlp_said(&mut packer);
    let labels = Arc::new([("rack".to_owned(), "b2".to_owned())].into());
    let moved = HostView { labels, ..view(0) };
    packer.take(&Arc::new(moved), NOW, Mono::default());
    let all = otlp_said(&mut packer);
    let is_old = |one: &(String, String, i64, bool)| one.0 == before[0].0;
    let (ended, begun): (Vec<_>, Vec<_>) = all.iter().cloned().partition(is_old);
    let series = |all: &[(String, String, i64, bool)]| {
        all.iter().map(|one| one.1.clone()).collect::<BTreeSet<String>>()
    };
    assert_eq!((series(&ended), series(&begun)), (series(&before), series(&before)));
    assert!(ended.iter().all(|one| !one.3) && begun.iter().all(|one| one.3));
    for series in series(&before) {
        let of: Vec<_> = all.iter().filter(|one| one.1 == series).map(|one| one.2).collect();
        let [end, begin] = of[..] else { panic!("{series}: {of:?}") };
        assert!(end < begin, "{series}: {of:?}");
    }
}

/// A receiver refuses all of a request for one sample that is too old.
#[test]
fn what_is_not_later_is_passed_over_and_counted() {
    let mut packer = packer();
    packer.take(&Arc::new(view(0)), NOW, Mono::default());
    all_of(&mut packer);
    for ago in [0, 5] {
        packer.take(&Arc::new(view(ago)), NOW.minus(seconds(ago)), Mono::default());
    }
    let all = all_of(&mut packer);
    assert!(!all.keys().any(|series| is_value(series)), "{all:?}");
    assert_eq!(packer.take_not_later(), 2);
}

#[test]
fn a_request_ends_at_its_limit() {
    let mut packer = packer();
    let mut number = 0;
    while packer.ready.is_empty() {
        number += 1;
        let one = HostView { id: HostId(number), ..view(0) };
        packer.take(&Arc::new(one), NOW, Mono::default());
    }
    let request = packer.ready.pop().unwrap();
    assert!((MAX_REQUEST_SAMPLES..MAX_REQUEST_SAMPLES + 1_000).contains(&request.samples));
    assert_eq!((packer.encoder.samples(), packer.begun()), (0, None));
    // As it does where labels are long.
    let long = ("note".to_owned(), "x".repeat(MAX_REQUEST_BYTES / 2));
    for number in [1, 2, 3] {
        let labels = Arc::new([long.clone()].into());
        let one = HostView { id: HostId(number), labels, ..view(0) };
        packer.take(&Arc::new(one), NOW, Mono::default());
    }
    assert_eq!(packer.ready.len(), 1);
    // Of 2.0 each text is once in each request.
    let mut packer = packer_of(NamesOf::Node, WriteVersion::Second);
    for at in [10, 0] {
        packer.take(&Arc::new(view(at)), NOW.minus(seconds(at)), Mono::default());
        packer.finish();
    }
    for request in packer.ready() {
        let bytes = snap::raw::Decoder::new().decompress_vec(&request.body).unwrap();
        let read = SymbolRequest::decode(bytes.as_slice()).unwrap();
        assert_eq!(read.symbols.iter().collect::<HashSet<_>>().len(), read.symbols.len());
        assert!(read.timeseries.iter().any(|one| one.metadata.unwrap().kind == 1));
    }
}
