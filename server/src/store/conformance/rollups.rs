//! What every backend owes of hours in short and of values over time.

use std::time::Duration;

use super::*;
use crate::{
    model::{ColumnSet, HOUR_MS, HostName, Outcome, Rollup, Stat, Unit, hour_of},
    rollup::{Rollups, Tier},
    store::{Bucket, SeriesAsk, rebuild::rebuild},
    units::{Mono, Now},
};

/// The first whole hour after the start; a day and a month end three days later.
pub(super) fn hour(hours: i64) -> WallMs {
    WallMs(hour_of(sample::START).0 + (hours + 1) * HOUR_MS)
}

pub(super) fn minutes(minutes: i64) -> WallMs {
    WallMs(hour(0).0 + minutes * 60_000)
}

/// A poll a minute with values that change, some of them unknown; every seventh fails.
pub(super) fn poll(host: HostId, name: &HostName, minute: i64) -> Record {
    let slot = WallMs(minutes(minute).0 + 250);
    if minute % 7 == 3 {
        return sample::failed(host, name, slot, "refused");
    }
    let mut record = sample::good(host, name, slot);
    let values = record.values.as_mut().unwrap();
    for (column, number) in Column::ALL.iter().zip(0_i64..) {
        let known = (minute + number) % 5 != 0;
        #[expect(clippy::cast_precision_loss, reason = "small numbers")]
        let value = ((minute * 37 + number * 11) % 101) as f64 + 0.125;
        let large = matches!(column.spec().unit, Unit::Bytes | Unit::BytesPerSecond);
        let value = if large { value * 1e9 + 7.001 } else { value };
        values.set(*column, known.then_some(value));
    }
    record
}

/// The same, but every eleventh that the server does not make.
pub(super) fn attempt(host: HostId, name: &HostName, minute: i64) -> Record {
    let record = poll(host, name, minute);
    if minute % 11 != 5 || !record.outcome.has_values() {
        return record;
    }
    let outcome = if minute % 2 == 0 { Outcome::Local } else { Outcome::Overrun };
    Record { outcome, ..sample::failed(host, name, record.slot, "not made") }
}

/// The same, summed up here.
pub(super) fn gathered(polls: &[Record]) -> Vec<Rollup> {
    let mut rollups = Rollups::of_all();
    for poll in polls {
        rollups.add(&poll.into());
    }
    rollups.into_all()
}

/// To a thousandth, and 1 in a million: a backend may keep hours as single precision.
fn close(found: Option<f64>, expected: Option<f64>) -> bool {
    match (found, expected) {
        (Some(found), Some(expected)) => (found - expected).abs() <= 0.001_001 + expected * 1e-6,
        (found, expected) => found == expected,
    }
}

pub(super) fn assert_stat(found: &Stat, expected: &Stat, what: &str) {
    assert_eq!(found.count, expected.count, "{what}");
    for (found, expected) in [
        (found.avg(), expected.avg()),
        (found.min(), expected.min()),
        (found.max(), expected.max()),
    ] {
        assert!(close(found, expected), "{what}: {found:?} is not {expected:?}");
    }
}

pub(super) fn assert_hours(buckets: &[Bucket], rollups: &[Rollup]) {
    assert_eq!(buckets.len(), rollups.len());
    for (bucket, rollup) in buckets.iter().zip(rollups) {
        assert_eq!(
            (bucket.start, bucket.polls, bucket.failed),
            (rollup.hour, rollup.polls, rollup.failed)
        );
        for (column, stat) in Column::ALL.iter().zip(&bucket.stats) {
            assert_stat(stat, &rollup.stat(*column), column.spec().name);
        }
    }
}

pub(super) fn ask(host: HostId, tier: Tier, span: (WallMs, WallMs), step: u64) -> SeriesAsk {
    let span = Span { from: span.0, to: span.1 };
    SeriesAsk { host, columns: Column::ALL.into(), span, step: Duration::from_secs(step), tier }
}

pub(super) async fn keep(fixture: &dyn Fixture, rollups: impl IntoIterator<Item = Rollup>) {
    let rollups = rollups.into_iter().map(Arc::new).collect();
    write(fixture, Batch { rollups, ..Batch::default() }).await.unwrap();
}

pub(crate) async fn an_hour_is_kept_as_it_is_and_gives_way_to_a_fuller_one(fixture: &dyn Fixture) {
    let host = host(fixture, "web-1").await;
    let polls: Vec<Record> = (0..50).map(|m| attempt(host.id, &host.name, m)).collect();
    let [whole] = gathered(&polls).try_into().unwrap();
    let [part] = gathered(&polls[..20]).try_into().unwrap();
    let all = ask(host.id, Tier::Hours, (hour(0), hour(1)), 3_600);
    // Less gives way to more, whichever came first; as much is the same again.
    for (sent, stays) in [(&part, &part), (&whole, &whole), (&part, &whole), (&whole, &whole)] {
        keep(fixture, [sent.clone()]).await;
        let kept = fixture.store().series(all.clone()).await.unwrap();
        assert_hours(&kept, std::slice::from_ref(stays));
    }
    let [row] = fixture.view("host_hour").await.try_into().unwrap();
    assert_eq!((&row["host"], &row["time_ms"]), (&"web-1".into(), &hour(0).0.into()));
    assert_eq!((row["polls"].as_i64(), row["polls_failed"].as_i64()), (Some(46), Some(7)));
    for column in Column::ALL {
        let cell = |part: &str| row[&format!("{}_{part}", column.spec().name)].as_f64();
        let stat = whole.stat(*column);
        assert_eq!(cell("count"), Some(f64::from(stat.count)), "{column:?}");
        for (part, value) in [("avg", stat.avg()), ("min", stat.min()), ("max", stat.max())] {
            assert!(close(cell(part), value), "{column:?} {part}: {:?}, {value:?}", cell(part));
        }
    }
}

pub(crate) async fn values_over_time_are_those_of_the_polls(fixture: &dyn Fixture) {
    let (a, b) = (host(fixture, "a").await, host(fixture, "b").await);
    // Two hours, a gap of one, another hour.
    let of = |host: &KnownHost| -> Vec<Record> {
        (0..120).chain(180..240).map(|m| attempt(host.id, &host.name, m)).collect()
    };
    write_polls(fixture, of(&a)).await;
    write_polls(fixture, of(&b)).await;
    let hours = ask(a.id, Tier::Polls, (hour(0), hour(9)), 3_600);
    let buckets = fixture.store().series(hours).await.unwrap();
    assert_hours(&buckets, &gathered(&of(&a)));
    assert_eq!(buckets[0].last, WallMs(minutes(59).0 + 250));
    let starts: Vec<WallMs> = buckets.iter().map(|bucket| bucket.start).collect();
    assert_eq!(starts, [hour(0), hour(1), hour(3)], "a gap stays one");

    // Finer, from the middle on, one column.
    let columns = Arc::from([Column::CpuBusyPct]);
    let ask = ask(a.id, Tier::Polls, (minutes(12), minutes(30)), 300);
    let buckets = fixture.store().series(SeriesAsk { columns, ..ask }).await.unwrap();
    let found: Vec<_> = buckets.iter().map(|b| (b.start, b.polls, b.failed)).collect();
    assert_eq!(
        found,
        [(minutes(10), 3, 0), (minutes(15), 4, 1), (minutes(20), 5, 1), (minutes(25), 4, 0),]
    );
    let mut stat = Stat::default();
    for minute in 15..20 {
        let values = attempt(a.id, &a.name, minute).values;
        values.and_then(|v| v.get(Column::CpuBusyPct)).into_iter().for_each(|v| stat.add(v));
    }
    assert_stat(&buckets[1].stats[0], &stat, "the second five minutes");
    assert!(stat.count < 4, "some are unknown");
}

pub(crate) async fn values_over_time_come_from_hours_too(fixture: &dyn Fixture) {
    let (a, b) = (host(fixture, "a").await, host(fixture, "b").await);
    // Over the end of a month; hours are of unequal fullness, one is missing, one has no values.
    let hours = |host: &KnownHost| -> Vec<Rollup> {
        let polls: Vec<Record> = (0..100)
            .filter(|hour| *hour != 70)
            .flat_map(|hour| (0..1 + hour % 5).map(move |minute| hour * 60 + minute))
            .map(|minute| attempt(host.id, &host.name, minute))
            .collect();
        gathered(&polls)
    };
    keep(fixture, hours(&a)).await;
    keep(fixture, hours(&b)).await;
    let read = async |step| {
        fixture.store().series(ask(a.id, Tier::Hours, (hour(0), hour(100)), step)).await.unwrap()
    };
    assert_hours(&read(3_600).await, &hours(&a));
    let step = 6 * HOUR_MS;
    let mut expected: BTreeMap<i64, Vec<Rollup>> = BTreeMap::new();
    for rollup in hours(&a) {
        expected.entry(rollup.hour.0 / step * step).or_default().push(rollup);
    }
    let buckets = read(6 * 3_600).await;
    assert_eq!(buckets.len(), expected.len());
    for (bucket, (start, rollups)) in buckets.iter().zip(&expected) {
        let polls: u32 = rollups.iter().map(|rollup| rollup.polls).sum();
        assert_eq!((bucket.start.0, bucket.polls), (*start, polls));
        assert_eq!(bucket.last, rollups.last().unwrap().hour);
        for (column, found) in Column::ALL.iter().zip(&bucket.stats) {
            let mut stat = Stat::default();
            rollups.iter().for_each(|rollup| stat.merge(&rollup.stat(*column)));
            assert_stat(found, &stat, column.spec().name);
        }
    }
}

/// The server is killed in the middle of an hour; another one starts, sees the end of it and the hour
/// after; a third hour ended while none ran.
pub(crate) async fn hours_that_were_not_seen_whole_are_made_of_the_polls(fixture: &dyn Fixture) {
    let host = host(fixture, "web-1").await;
    let polls = |minutes: std::ops::Range<i64>| -> Vec<Record> {
        minutes.map(|minute| attempt(host.id, &host.name, minute)).collect()
    };
    // The first: its hours are lost with it.
    write_polls(fixture, polls(-60..25)).await;
    // The second, from minute 27 on.
    let mut live = Rollups::new(minutes(27));
    for poll in polls(27..125) {
        live.add(&(&poll).into());
        write_polls(fixture, vec![poll]).await;
    }
    let at = |minute| {
        let wall = minutes(minute);
        Now { wall, mono: Mono(wall.since(WallMs(0))) }
    };
    assert_eq!(live.close(at(120)), []);
    keep(fixture, live.close(at(131))).await;
    let of = |tier| ask(host.id, tier, (hour(-3), hour(2)), 3_600);
    let kept = fixture.store().series(of(Tier::Hours)).await.unwrap();
    assert_eq!(
        kept.iter().map(|hour| (hour.start, hour.polls)).collect::<Vec<_>>(),
        [(hour(1), 55)]
    );

    let span = Span { from: hour(-3), to: hour(1) };
    assert_eq!(rebuild(fixture.store(), host.id, span).await.unwrap(), 2);
    let kept = fixture.store().series(of(Tier::Hours)).await.unwrap();
    let rows = fixture.store().series(of(Tier::Polls)).await.unwrap();
    let counts: Vec<_> = kept.iter().map(|hour| (hour.start, hour.polls, hour.failed)).collect();
    assert_eq!(counts, [(hour(-1), 60, 0), (hour(0), 54, 9), (hour(1), 55, 8)]);
    for (kept, row) in kept.iter().zip(&rows) {
        assert_eq!((kept.start, kept.polls, kept.failed), (row.start, row.polls, row.failed));
        for (column, (kept, row)) in Column::ALL.iter().zip(kept.stats.iter().zip(&row.stats)) {
            assert_stat(kept, row, column.spec().name);
        }
    }
    assert_eq!(rebuild(fixture.store(), host.id, span).await.unwrap(), 0, "once is enough");
}

pub(crate) async fn samples_are_polls_without_the_rest(fixture: &dyn Fixture) {
    let (a, b) = (host(fixture, "a").await, host(fixture, "b").await);
    let polls: Vec<Record> = (0..30).map(|m| attempt(a.id, &a.name, m)).collect();
    write_polls(fixture, polls.clone()).await;
    write_polls(fixture, vec![attempt(b.id, &b.name, 5)]).await;
    let span = Span { from: minutes(10), to: minutes(28) };
    let samples = fixture.store().samples(a.id, span, 12).await.unwrap();
    assert_eq!(samples.len(), 12);
    for (sample, poll) in samples.iter().zip(&polls[10..]) {
        assert_eq!(
            (sample.slot, sample.outcome, sample.state, sample.elapsed_ns, &sample.values),
            (poll.slot, poll.outcome, poll.state, poll.elapsed_ns, &poll.values)
        );
    }
}

pub(crate) async fn old_hours_are_pruned(fixture: &dyn Fixture) {
    let (a, b) = (host(fixture, "a").await, host(fixture, "b").await);
    // The last days of March and the first of April: a backend may drop months alone. More of them
    // than go in one step.
    let april = 71;
    for host in [&a, &b] {
        let rollup = |hours| Rollup::new(host.id, hour(hours));
        keep(fixture, (april - 700..april + 20).map(rollup)).await;
    }
    let before = Retention {
        polls: slot(0),
        events: slot(0),
        summaries: hour(april - 1),
        rollups: hour(april - 1),
    };
    let read = async |host: &KnownHost| {
        let ask = SeriesAsk {
            columns: [].into(),
            ..ask(host.id, Tier::Hours, (hour(-9_999), hour(9_999)), 3_600)
        };
        let kept = fixture.store().series(ask).await.unwrap();
        (kept.len(), kept[0].start)
    };
    assert_eq!(hour(april - 1).to_string(), "2026-04-01T00:00:00.000Z");
    fixture.store().prune(before).await.unwrap();
    assert_eq!(read(&a).await, (21, hour(april - 1)));
    assert_eq!(read(&b).await, (21, hour(april - 1)));
}

pub(crate) async fn sealed_polls_answer_as_before(fixture: &dyn Fixture) {
    let (a, b) = (host(fixture, "a").await, host(fixture, "b").await);
    let polls: Vec<Record> = (0..300).map(|m| attempt(a.id, &a.name, m)).collect();
    write_polls(fixture, polls.clone()).await;
    write_polls(fixture, (0..300).map(|m| attempt(b.id, &b.name, m)).collect()).await;
    let store = fixture.store();
    let few = Arc::from([Column::NetRxBytesPerS, Column::CpuBusyPct]);
    let asks = [
        ask(a.id, Tier::Polls, (hour(-9), hour(9)), 3_600),
        // A bucket over the seal boundary, an end within an hour on both sides of it.
        ask(a.id, Tier::Polls, (minutes(17), minutes(203)), 7_200),
        SeriesAsk { columns: few, ..ask(a.id, Tier::Polls, (minutes(17), minutes(203)), 420) },
        SeriesAsk { columns: [].into(), ..ask(a.id, Tier::Polls, (hour(0), hour(2)), 60) },
    ];
    let answers = async || {
        let mut all = Vec::new();
        for ask in &asks {
            all.push(store.series(ask.clone()).await.unwrap());
        }
        all
    };
    let before = answers().await;
    store.seal(hour(2)).await.unwrap();
    let after = answers().await;
    for (before, after) in before.iter().zip(&after) {
        assert!(!before.is_empty());
        assert_eq!(after.len(), before.len());
        for (before, after) in before.iter().zip(after) {
            assert_eq!(
                (after.start, after.last, after.polls, after.failed, after.stats.len()),
                (before.start, before.last, before.polls, before.failed, before.stats.len())
            );
            for (before, after) in before.stats.iter().zip(&after.stats) {
                assert_stat(after, before, "a sealed value");
            }
        }
    }
    let samples = async |from, to, limit| {
        let span = Span { from: minutes(from), to: minutes(to) };
        let read = store.samples(a.id, span, limit).await.unwrap();
        read.into_iter().map(|s| (s.slot, s.outcome, s.values)).collect::<Vec<_>>()
    };
    let wanted: Vec<_> = polls.iter().map(|p| (p.slot, p.outcome, p.values.clone())).collect();
    assert_eq!(samples(0, 300, MAX_PAGE).await, wanted);
    assert_eq!(samples(17, 203, MAX_PAGE).await, wanted[17..203]);
    assert_eq!(samples(17, 203, 110).await, wanted[17..127]);
    assert_eq!(samples(17, 60, 9).await, wanted[17..26]);

    // Late ones, into hours that are sealed.
    let late = [100, 20, 21].map(|minute| {
        let poll = attempt(a.id, &a.name, minute);
        Record { slot: WallMs(poll.slot.0 + 30_000), ..poll }
    });
    let mut polls = polls;
    for poll in late {
        write_polls(fixture, vec![poll.clone()]).await;
        polls.push(poll);
    }
    polls.sort_by_key(|poll| poll.slot);
    let wanted: Vec<_> = polls.iter().map(|p| (p.slot, p.outcome, p.values.clone())).collect();
    assert_eq!(samples(0, 300, MAX_PAGE).await, wanted);

    let span = Span { from: hour(0), to: hour(5) };
    assert_eq!(rebuild(store, a.id, span).await.unwrap(), 5);
    let kept = store.series(ask(a.id, Tier::Hours, (hour(0), hour(5)), 3_600)).await.unwrap();
    assert_hours(&kept, &gathered(&polls));
}
