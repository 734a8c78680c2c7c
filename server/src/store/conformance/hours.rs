//! What every backend owes of hours in short of several hosts, and of days made of them.

use super::{rollups::*, *};
use crate::{
    model::{ColumnSet as _, HOUR_MS, Reckoned, Rollup, Stat, day_of},
    store::ReckonAsk,
};

/// Of several hosts at once, the same as of each; one without any is not there.
pub(crate) async fn hours_of_several_hosts_are_taken_together(fixture: &dyn Fixture) {
    let mut hosts = Vec::new();
    for name in ["web-1", "web-2", "web-3"] {
        hosts.push(host(fixture, name).await);
    }
    let of = |host: &KnownHost, from| -> Vec<Record> {
        (from..240).map(|minute| attempt(host.id, &host.name, minute)).collect()
    };
    let (whole, late) = (gathered(&of(&hosts[0], 0)), gathered(&of(&hosts[2], 150)));
    keep(fixture, whole.iter().chain(&late).cloned()).await;
    let span = Span { from: hour(1), to: hour(3) };
    let ids: Arc<[HostId]> = hosts.iter().map(|host| host.id).collect();
    for column in [Column::CpuBusyPct, Column::MemFreeBytes, Column::NetRxBytesPerS] {
        let mut found = fixture.store().hours_of(Arc::clone(&ids), column, span).await.unwrap();
        found.sort_by_key(|(host, _)| *host);
        let found_of: Vec<HostId> = found.iter().map(|(host, _)| *host).collect();
        assert_eq!(found_of, [hosts[0].id, hosts[2].id]);
        for ((_, bucket), hours) in found.iter().zip([&whole[1..3], &late[..1]]) {
            let mut stat = Stat::default();
            hours.iter().for_each(|hour| stat.merge(&hour.stat(column)));
            assert_stat(&bucket.stats[0], &stat, column.spec().name);
            let sum = |of: fn(&Rollup) -> u32| hours.iter().map(of).sum::<u32>();
            assert_eq!((bucket.polls, bucket.failed), (sum(|h| h.polls), sum(|h| h.failed)));
            assert_eq!(bucket.last, hours.last().unwrap().hour);
        }
    }
    let none = Span { from: hour(4), to: hour(5) };
    assert_eq!(fixture.store().hours_of(ids, Column::Load1, none).await.unwrap(), []);
}

/// What the view says of days is what is read of them, and both are what the hours say.
pub(crate) async fn days_are_the_sums_of_their_hours(fixture: &dyn Fixture) {
    let (a, b) = (host(fixture, "a").await, host(fixture, "b").await);
    // Three days; the third hour was made before anything was reckoned, the fifth has no counters.
    let day = day_of(hour(24));
    let rollup = |host: &KnownHost, number: i64| {
        let mut rollup = Rollup::new(host.id, WallMs(day.0 + number * HOUR_MS));
        (rollup.polls, rollup.failed) = (7, 2);
        let n = number.unsigned_abs();
        let counted_ms = if number == 4 { 0 } else { 3_600_000 };
        rollup.reckoned = (number != 2).then_some(Reckoned {
            good_ms: 3_000_000 + n,
            bad_ms: 100_000 + n,
            paused_ms: 7 * n,
            rx_bytes: (1 << 45) + n,
            tx_bytes: n,
            counted_ms,
        });
        rollup
    };
    keep(fixture, (0..72).map(|number| rollup(&a, number))).await;
    keep(fixture, [rollup(&b, 30)]).await;
    let span = |from: i64, to: i64| Span {
        from: WallMs(day.0 + from * HOUR_MS),
        to: WallMs(day.0 + to * HOUR_MS),
    };
    let periods: Vec<Span> = vec![span(0, 24), span(24, 48), span(48, 72), span(100, 200)];
    let ask = ReckonAsk { hosts: [a.id, b.id].into(), periods: periods.clone().into() };
    let mut read = fixture.store().reckoned(ask).await.unwrap();
    read.first.sort();
    assert_eq!(read.first, [(a.id, day), (b.id, WallMs(day.0 + 30 * HOUR_MS))]);
    read.sums.sort_by_key(|of| (of.host, of.period));
    let places: Vec<_> = read.sums.iter().map(|of| (of.host, of.period)).collect();
    assert_eq!(places, [(a.id, 0), (a.id, 1), (a.id, 2), (b.id, 1)]);
    let first = &read.sums[0];
    let n = (0..24).filter(|n| *n != 2).sum::<u64>();
    let of_old = 3_600_000 * 5 / 7;
    assert_eq!((first.polls, first.failed), (24 * 7, 48));
    assert_eq!(first.sum.good_ms, 23 * 3_000_000 + n + of_old);
    assert_eq!(first.sum.bad_ms, 23 * 100_000 + n + 3_600_000 - of_old);
    assert_eq!(first.sum.paused_ms, 7 * n);
    assert_eq!(first.sum.rx_bytes, 22 * (1 << 45) + n - 4);
    assert_eq!((first.sum.tx_bytes, first.sum.counted_ms), (n - 4, 22 * 3_600_000));
    let mut rows = fixture.view("host_day").await;
    rows.sort_by_key(|row| (row["host"].to_string(), row["time_ms"].as_i64()));
    assert_eq!(rows.len(), read.sums.len());
    for (row, of) in rows.iter().zip(&read.sums) {
        let whole = |name: &str| row[name].as_u64();
        assert_eq!(row["time_ms"].as_i64(), Some(periods[of.period].from.0));
        assert_eq!(whole("polls").zip(whole("polls_failed")), Some((of.polls, of.failed)));
        let Reckoned { good_ms, bad_ms, paused_ms, rx_bytes, tx_bytes, counted_ms } = of.sum;
        for (name, value) in [
            ("good_ms", good_ms),
            ("bad_ms", bad_ms),
            ("paused_ms", paused_ms),
            ("rx_bytes", rx_bytes),
            ("tx_bytes", tx_bytes),
            ("counted_ms", counted_ms),
        ] {
            assert_eq!(whole(name), Some(value), "{name} of {row:?}");
        }
    }
    // A fuller hour takes the place of what was reckoned, too.
    let mut fuller = rollup(&b, 30);
    fuller.polls += 1;
    fuller.reckoned = Some(Reckoned { good_ms: 1, ..Reckoned::default() });
    keep(fixture, [fuller]).await;
    let ask = ReckonAsk { hosts: [b.id].into(), periods: [span(0, 72)].into() };
    let again = fixture.store().reckoned(ask).await.unwrap();
    assert_eq!(again.sums[0].sum, Reckoned { good_ms: 1, ..Reckoned::default() });
}
