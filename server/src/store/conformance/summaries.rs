//! What every backend owes of days in points of five minutes.

use std::time::Duration;

use super::{
    rollups::{ask, assert_stat, attempt},
    *,
};
use crate::{
    model::{DAY_MS, DetailTable, HOUR_MS, Stat},
    rollup::Tier,
    store::{
        Bucket, DaySum, RowBuckets, RowsAsk, SeriesAsk, SummariesDue, has_summaries,
        summarise::summarise,
    },
};

/// When the day begins that is summed up.
fn day(days: i64) -> WallMs {
    WallMs(next_day(0).0 + days * DAY_MS)
}

/// A poll of a minute of that day: some fail, some are not made, values are unknown, an interface and a disk come
/// and go, and there is a name twice.
fn poll(host: &KnownHost, minute: i64) -> Record {
    let shift = (day(0).0 - super::rollups::minutes(0).0) / 60_000;
    let mut record = attempt(host.id, &host.name, shift + minute);
    let Some(detail) = &mut record.detail else { return record };
    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
    let value = ((minute * 31) % 97) as f64 + 0.375;
    let known = |unless: i64| (minute % 5 != unless).then_some(value);
    let named = |name: &str, unless| sample::row(&[name], [known(unless), Some(value * 1e6), None]);
    let names: &[&str] = match minute / 60 % 4 {
        0 => &["lo", "eth0"],
        1 => &["lo", "veth \"1\"", "eth0"],
        2 => &["eth0"],
        _ => &["eth0", "lo", "eth0"],
    };
    detail.interfaces = names.iter().zip(0..).map(|(name, n)| named(name, n)).collect();
    if minute % 300 > 200 {
        detail.disks.clear();
    }
    record
}

fn polls(host: &KnownHost, minutes: impl Iterator<Item = i64>) -> Vec<Record> {
    minutes.map(|minute| poll(host, minute)).collect()
}

const MINUTES: i64 = 24 * 60;

async fn series(fixture: &dyn Fixture, ask: &SeriesAsk) -> Vec<Bucket> {
    fixture.store().series(ask.clone()).await.unwrap()
}

/// The same, but for the newest of what is in a bucket, and to a thousandth.
fn assert_same(found: &[Bucket], expected: &[Bucket]) {
    let counts = |all: &[Bucket]| -> Vec<_> {
        all.iter().map(|bucket| (bucket.start, bucket.polls, bucket.failed)).collect()
    };
    assert_eq!(counts(found), counts(expected));
    for (found, expected) in found.iter().zip(expected) {
        assert_eq!(found.stats.len(), expected.stats.len());
        for (place, (found, expected)) in found.stats.iter().zip(&expected.stats).enumerate() {
            assert_stat(found, expected, &format!("column {place}"));
        }
    }
}

fn rows_of(host: HostId, table: DetailTable, span: Span, step: u64) -> RowsAsk {
    let columns = (0..table.specs().len()).collect();
    RowsAsk { host, table, row: None, columns, span, step: Duration::from_secs(step) }
}

/// What these polls say of the rows of a list, point by point.
fn expected_rows(polls: &[Record], ask: &RowsAsk) -> RowBuckets {
    let mut expected = RowBuckets::default();
    let step = i64::try_from(ask.step.as_millis()).unwrap();
    let asked = polls.iter().filter(|poll| poll.outcome.was_asked());
    for poll in asked.filter(|poll| ask.span.from <= poll.slot && poll.slot < ask.span.to) {
        let start = WallMs(poll.slot.0 / step * step);
        let counts = expected.counts.entry(start).or_default();
        *counts = (counts.0 + 1, counts.1 + u32::from(!poll.outcome.has_values()));
        for (labels, cells) in poll.detail.iter().flat_map(|detail| detail.rows(ask.table)) {
            let row = expected.rows.entry(labels[0].clone()).or_default();
            let none = || vec![Stat::default(); cells.len()].into();
            for (stat, cell) in row.entry(start).or_insert_with(none).iter_mut().zip(cells) {
                if !cell.is_nan() {
                    stat.add(*cell);
                }
            }
        }
    }
    expected
}

fn assert_rows(found: &RowBuckets, expected: &RowBuckets) {
    assert_eq!(found.counts, expected.counts);
    let mut names: Vec<_> = expected.rows.keys().collect();
    names.sort();
    let mut found_names: Vec<_> = found.rows.keys().collect();
    found_names.sort();
    assert_eq!(found_names, names);
    for (name, points) in &expected.rows {
        let found = &found.rows[name];
        assert!(found.keys().eq(points.keys()), "{name}");
        for (start, stats) in points {
            for (place, (found, stat)) in found[start].iter().zip(stats).enumerate() {
                assert_stat(found, stat, &format!("{name}, column {place}, {start}"));
            }
        }
    }
}

/// Of a host that comes at noon; polls on both sides of the day are in no point of it.
pub(crate) async fn a_summary_says_what_the_polls_of_its_day_say(fixture: &dyn Fixture) {
    let (a, b) = (host(fixture, "a").await, host(fixture, "b").await);
    let minutes = || (720..MINUTES).filter(|minute| !(900..1_000).contains(minute));
    let all = polls(&a, [-3, -2].into_iter().chain(minutes()).chain([MINUTES, MINUTES + 1]));
    write_polls(fixture, all.clone()).await;
    write_polls(fixture, polls(&b, 0..9)).await;
    let whole = |tier, step| ask(a.id, tier, (day(0), day(1)), step);
    let steps = [300, 600, 1_800, 7_200, 86_400];
    let mut expected = Vec::new();
    for step in steps {
        expected.push(series(fixture, &whole(Tier::Polls, step)).await);
    }
    assert!(summarise(fixture.store(), a.id, day(0)).await.unwrap());
    // From here on there are no polls that it could come from.
    let before = Retention { polls: day(1), events: slot(0), summaries: slot(0), rollups: slot(0) };
    fixture.store().prune(before).await.unwrap();
    assert_eq!(series(fixture, &whole(Tier::Polls, 300)).await, []);
    for (step, expected) in steps.into_iter().zip(&expected) {
        assert!(!expected.is_empty());
        assert_same(&series(fixture, &whole(Tier::FiveMinutes, step)).await, expected);
    }
    let of_day: Vec<Record> =
        all.into_iter().filter(|p| day(0) <= p.slot && p.slot < day(1)).collect();
    for table in DetailTable::ALL.iter().copied().filter(|table| has_summaries(*table)) {
        for step in steps {
            let ask = rows_of(a.id, table, Span { from: day(0), to: day(1) }, step);
            let found = fixture.store().row_summaries(ask.clone()).await.unwrap();
            assert_eq!(found.days, [day(0)]);
            assert_rows(&found, &expected_rows(&of_day, &ask));
        }
    }
    // Part of the day, one row, some columns in another order.
    let from = WallMs(day(0).0 + 13 * HOUR_MS);
    let span = Span { from, to: WallMs(from.0 + HOUR_MS) };
    let one = RowsAsk { row: Some("eth0".into()), ..rows_of(a.id, DetailTable::Net, span, 900) };
    let found = fixture.store().row_summaries(one.clone()).await.unwrap();
    let mut expected = expected_rows(&of_day, &one);
    expected.rows.retain(|name, _| &**name == "eth0");
    assert_rows(&found, &expected);
    let few = RowsAsk { columns: [1, 0].into(), ..one };
    let found = fixture.store().row_summaries(few).await.unwrap();
    for (start, stats) in &expected.rows["eth0"] {
        let [second, first] = &*found.rows["eth0"][start] else { panic!("two columns") };
        assert_stat(first, &stats[0], "the first");
        assert_stat(second, &stats[1], "the second");
    }
}

/// Three days, of which one has a summary: nothing is left out, and nothing counts twice.
pub(crate) async fn days_without_a_summary_are_read_from_polls(fixture: &dyn Fixture) {
    let a = host(fixture, "a").await;
    write_polls(fixture, polls(&a, (-120..2 * MINUTES).step_by(9))).await;
    let columns: Arc<[Column]> = [Column::NetRxBytesPerS, Column::CpuBusyPct].into();
    let from_to = (day(-1), WallMs(day(1).0 + 7 * HOUR_MS));
    for step in [300, 1_800, 3 * 86_400] {
        let of = |tier| SeriesAsk { columns: columns.clone(), ..ask(a.id, tier, from_to, step) };
        let expected = series(fixture, &of(Tier::Polls)).await;
        assert_same(&series(fixture, &of(Tier::FiveMinutes)).await, &expected);
        let due = SummariesDue::Day { day: day(0), after: HostId(0) };
        if step == 300 {
            assert_eq!(fixture.store().summaries_due(due, 9).await.unwrap(), [(a.id, day(0))]);
            assert!(summarise(fixture.store(), a.id, day(0)).await.unwrap());
        }
        assert_eq!(fixture.store().summaries_due(due, 9).await.unwrap(), []);
        assert_same(&series(fixture, &of(Tier::FiveMinutes)).await, &expected);
        // Without a column, how many polls there were.
        let none = SeriesAsk { columns: [].into(), ..of(Tier::FiveMinutes) };
        let counts: Vec<_> = series(fixture, &none).await.iter().map(|b| b.polls).collect();
        assert_eq!(counts, expected.iter().map(|b| b.polls).collect::<Vec<_>>());
    }
    // Sealed polls are summed up alike.
    fixture.store().seal(day(1)).await.unwrap();
    let due = SummariesDue::Day { day: day(-1), after: HostId(0) };
    assert_eq!(fixture.store().summaries_due(due, 9).await.unwrap(), [(a.id, day(-1))]);
    let of = |tier| ask(a.id, tier, (day(-1), day(0)), 300);
    let expected = series(fixture, &of(Tier::Polls)).await;
    assert!(summarise(fixture.store(), a.id, day(-1)).await.unwrap());
    assert_same(&series(fixture, &of(Tier::FiveMinutes)).await, &expected);
    assert_eq!(fixture.store().summaries_due(due, 9).await.unwrap(), []);
}

pub(crate) async fn late_polls_are_in_the_summary_after_the_next_run(fixture: &dyn Fixture) {
    let a = host(fixture, "a").await;
    let store = fixture.store();
    write_polls(fixture, polls(&a, (0..MINUTES).step_by(10))).await;
    let late =
        async || store.summaries_due(SummariesDue::Late { before: day(2) }, 9).await.unwrap();
    let of = |tier| ask(a.id, tier, (day(0), day(1)), 300);
    assert!(summarise(store, a.id, day(0)).await.unwrap());
    assert_eq!(late().await, []);
    let mut before = series(fixture, &of(Tier::Polls)).await;
    // One that comes after it, into an hour that is sealed or not; the same again is not late.
    for (minute, sealed) in [(3, false), (7, true)] {
        if sealed {
            store.seal(day(1)).await.unwrap();
        }
        let poll = poll(&a, minute);
        write_polls(fixture, vec![poll.clone()]).await;
        assert_eq!(late().await, [(a.id, day(0))]);
        let today = SummariesDue::Late { before: day(0) };
        assert_eq!(store.summaries_due(today, 9).await.unwrap(), []);
        // Until then the day is read from polls.
        let expected = series(fixture, &of(Tier::Polls)).await;
        assert_eq!(series(fixture, &of(Tier::FiveMinutes)).await, expected);
        let net = rows_of(a.id, DetailTable::Net, Span { from: day(0), to: day(1) }, 300);
        assert_eq!(store.row_summaries(net).await.unwrap(), RowBuckets::default());
        assert!(summarise(store, a.id, day(0)).await.unwrap());
        assert_eq!(late().await, []);
        let expected = series(fixture, &of(Tier::Polls)).await;
        assert_same(&series(fixture, &of(Tier::FiveMinutes)).await, &expected);
        assert_ne!(expected, before);
        before = expected;
        assert_eq!(write_polls(fixture, vec![poll]).await.repeated, 1);
        assert_eq!(late().await, []);
    }
    // One that comes while the day is summed up.
    let begun = store.begin_summary(a.id, day(0)).await.unwrap();
    write_polls(fixture, vec![poll(&a, 12)]).await;
    let mut sum = DaySum::new(a.id, day(0));
    polls(&a, 0..2).iter().for_each(|poll| sum.add(poll));
    let summary = Arc::new(sum.summary().unwrap());
    assert!(!store.keep_summary(summary.clone(), begun).await.unwrap());
    assert_eq!(late().await, [(a.id, day(0))]);
    // Of fewer polls than it was made of: some are pruned by now, and what is known stays.
    let now = store.begin_summary(a.id, day(0)).await.unwrap();
    assert!(store.keep_summary(summary, now).await.unwrap());
    assert_eq!(late().await, []);
    assert_same(&series(fixture, &of(Tier::FiveMinutes)).await, &before);
    // A day that was not begun is no late one.
    write_polls(fixture, polls(&a, MINUTES..MINUTES + 2)).await;
    assert_eq!(late().await, []);
}

pub(crate) async fn summaries_are_kept_as_long_as_their_own_retention_says(fixture: &dyn Fixture) {
    let (a, b) = (host(fixture, "a").await, host(fixture, "b").await);
    let store = fixture.store();
    for host in [&a, &b] {
        for number in -50..2 {
            let mut sum = DaySum::new(host.id, day(number));
            let poll = poll(host, 0);
            sum.add(&Record { slot: day(number), ..poll });
            let late = store.begin_summary(host.id, day(number)).await.unwrap();
            assert!(store.keep_summary(Arc::new(sum.summary().unwrap()), late).await.unwrap());
        }
    }
    assert_eq!(store.reach().await.unwrap().summaries, Some(day(-49)));
    let (old, summaries) = (slot(0), WallMs(day(0).0 - 1));
    store.prune(Retention { polls: old, events: old, summaries, rollups: old }).await.unwrap();
    for host in [&a, &b] {
        let all = ask(host.id, Tier::FiveMinutes, (day(-99), day(9)), 86_400);
        let days: Vec<_> = series(fixture, &all).await.iter().map(|b| b.start).collect();
        assert_eq!(days, [day(0), day(1)]);
    }
}
