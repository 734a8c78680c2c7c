use chrono::DateTime;
use chrono_tz::Tz;

use super::*;
use crate::{
    model::{GroupName, HOUR_MS, Rollup},
    store::{self, Batch, KnownHost, Registration, Store, sample, sqlite::Sqlite},
};

fn at(text: &str) -> WallMs {
    WallMs(DateTime::parse_from_rfc3339(text).unwrap().timestamp_millis())
}

const MINUTE: u64 = 60_000;

/// An hour with so many minutes good, bad and paused, and a million bytes received in it if it answered at all.
fn hour(host: &KnownHost, begin: WallMs, minutes: (u64, u64, u64)) -> Arc<Rollup> {
    let mut rollup = Rollup::new(host.id, begin);
    rollup.polls = 60;
    let [good_ms, bad_ms, paused_ms] = [minutes.0, minutes.1, minutes.2].map(|m| m * MINUTE);
    rollup.reckoned = Some(Reckoned {
        good_ms,
        bad_ms,
        paused_ms,
        rx_bytes: 1_000_000,
        tx_bytes: 1,
        counted_ms: good_ms,
    });
    rollup.into()
}

/// Two hosts of group web and one of none, from February 2024 to the end of April: an outage of 90 minutes on the
/// 29th, two hours of maintenance, a day without the server; the second of them begins in April.
async fn story(store: &dyn Store) -> Vec<KnownHost> {
    let of = |name: &str, group: Option<&str>| Registration {
        group: group.map(|group| GroupName::new(group).unwrap()),
        ..sample::registration(name)
    };
    let hosts = vec![of("a", Some("web")), of("b", Some("web")), of("c", None)];
    let hosts = store.register(hosts, WallMs(0)).await.unwrap();
    let begin = at("2024-02-01T00:00:00Z");
    let (outage, upkeep) = (at("2024-02-29T10:00:00Z"), at("2024-03-05T02:00:00Z"));
    let (away, back) = (at("2024-03-31T00:00:00Z"), at("2024-04-01T00:00:00Z"));
    let april = at("2024-04-01T00:00:00Z");
    let mut rollups = Vec::new();
    let mut moment = begin;
    while moment < at("2024-05-01T00:00:00Z") {
        if !(away..back).contains(&moment) {
            let after = moment.0.saturating_sub(outage.0) / HOUR_MS;
            let minutes = match after {
                0 if moment >= outage => (0, 60, 0),
                1 => (30, 30, 0),
                _ if moment == upkeep || moment.0 == upkeep.0 + HOUR_MS => (0, 0, 60),
                _ => (60, 0, 0),
            };
            rollups.push(hour(&hosts[0], moment, minutes));
            if moment >= april {
                rollups.push(hour(&hosts[1], moment, (60, 0, 0)));
            }
        }
        moment = WallMs(moment.0 + HOUR_MS);
    }
    for some in rollups.chunks(500) {
        let rollups = some.to_vec();
        store.write(Arc::new(Batch { rollups, ..Batch::default() })).await.unwrap();
    }
    hosts
}

fn range(calendar: Calendar, from: &str, to: &str) -> AvailabilityRange {
    let target = Some(Target::parse("99.9").unwrap());
    AvailabilityRange { of: HostsOf::Inventory, from: at(from), to: at(to), calendar, target }
}

async fn of_sqlite() -> (Query, Arc<dyn Store>, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let store: Arc<dyn Store> =
        Arc::new(Sqlite::open(&path, store::Mode::ReadWrite).await.unwrap());
    story(&*store).await;
    (Query::of_store(Arc::clone(&store)), store, folder)
}

const HOUR: u64 = 60 * MINUTE;
const NOW: &str = "2024-06-01T00:00:00Z";

#[test]
fn what_was_bad_for_a_moment_is_not_whole() {
    assert_eq!(share(0, 0), None);
    assert_eq!(share(10, 0), Some(100.0));
    assert_eq!(share(1_000_000, 1), Some(99.999));
    assert_eq!(share(2, 1), Some(66.666));
    assert_eq!(share(0, 7), Some(0.0));
    assert_eq!(share(u64::MAX / 2, 0), Some(100.0));
}

#[test]
fn a_target_is_per_cent_with_three_decimals() {
    for (text, pct) in [("99.9", 99.9), ("100", 100.0), ("99.999", 99.999), ("0.001", 0.001)] {
        assert_eq!(Target::parse(text).unwrap().pct().to_bits(), f64::to_bits(pct), "{text}");
    }
    for text in ["", "0", "100.001", "99.9999", "-1", "1e2", "nan", ".5", "99,9", "1000"] {
        assert!(Target::parse(text).unwrap_err().contains("such as 99.9"), "{text}");
    }
    let target = Target::parse("99.9").unwrap();
    assert_eq!((target.is_met(999, 1), target.is_met(998, 1)), (true, false));
}

#[tokio::test]
async fn months_say_how_the_time_went() {
    let (query, _store, _folder) = of_sqlite().await;
    let asked = range(Calendar::MONTHS, "2024-02-10T05:00:00Z", "2024-05-01T00:00:00.001Z");
    let told = query.availability(&asked, at(NOW)).await.unwrap();
    let names: Vec<_> = told.periods.iter().map(|of| of.name.as_str()).collect();
    assert_eq!(names, ["2024-02", "2024-03", "2024-04", "2024-05"]);
    let a = &told.hosts[0].counts;
    assert_eq!(a.good_ms, [694 * HOUR + 30 * MINUTE, 718 * HOUR, 720 * HOUR, 0]);
    assert_eq!(a.bad_ms, [90 * MINUTE, 0, 0, 0]);
    assert_eq!(a.paused_ms, [0, 2 * HOUR, 0, 0]);
    assert_eq!(a.unknown_ms, [0, 24 * HOUR, 0, 743 * HOUR], "the server was away, then gone");
    // 694.5 of 696 hours.
    assert_eq!(a.available_pct, [Some(99.784), Some(100.0), Some(100.0), None]);
    assert_eq!(a.met, [Some(false), Some(true), Some(true), None]);
    // A thousandth of 696 hours is 41.76 minutes; of 744 less two of maintenance 44.52.
    assert_eq!(a.left_ms[..2], [Some(2_505_600 - 5_400_000), Some(2_671_200)]);
    assert_eq!(a.rx_bytes, [Some(695_000_000), Some(718_000_000), Some(720_000_000), None]);
    assert_eq!(a.counted_ms[..3], a.good_ms[..3]);
    // One that begins in April was not watched before: that is not unknown, and costs the group nothing.
    let b = &told.hosts[1].counts;
    assert_eq!((b.unknown_ms[1], b.available_pct[1], b.left_ms[1]), (0, None, Some(0)));
    let c = &told.hosts[2].counts;
    assert_eq!((c.unknown_ms.iter().sum::<u64>(), c.met[0]), (0, None));
    let groups: Vec<_> = told.groups.iter().map(|of| (of.group.as_deref(), of.hosts)).collect();
    assert_eq!(groups, [(None, 1), (Some("web"), 2)]);
    let web = &told.groups[1].counts;
    assert_eq!(web.good_ms[2], 1_440 * HOUR, "each minute of each host weighs the same");
    assert_eq!(web.available_pct, told.all.available_pct);
    assert_eq!(web.left_ms[2], Some(2 * 2_592_000));
}

#[tokio::test]
async fn days_are_those_of_the_zone_and_months_may_begin_later() {
    let (query, _store, _folder) = of_sqlite().await;
    let berlin = Calendar { by: CalendarPeriod::Day, zone: Tz::Europe__Berlin, start_day: 1 };
    let asked = range(berlin, "2024-03-30T12:00:00Z", "2024-04-01T12:00:00Z");
    let told = query.availability(&asked, at(NOW)).await.unwrap();
    let a = &told.hosts[0].counts;
    // The server was away for a day of UTC, which is from one o'clock to two of the next day; the 31st has 23 hours.
    assert_eq!(a.good_ms, [24 * HOUR, HOUR, 22 * HOUR]);
    assert_eq!(a.unknown_ms, [0, 22 * HOUR, 2 * HOUR]);
    let bill = Calendar { start_day: 15, ..Calendar::MONTHS };
    let asked = range(bill, "2024-02-15T00:00:00Z", "2024-03-15T00:00:00Z");
    let told = query.availability(&asked, at(NOW)).await.unwrap();
    assert_eq!(told.periods[0].name, "2024-02-15");
    assert_eq!(told.hosts[0].counts.rx_bytes, [Some((29 * 24 - 3) * 1_000_000)]);
}

/// The hours of the present are not over: they are neither counted nor unknown.
#[tokio::test]
async fn the_present_ends_with_the_last_hour_that_is_over() {
    let (query, _store, _folder) = of_sqlite().await;
    let asked = range(Calendar::MONTHS, "2024-04-01T00:00:00Z", "2024-04-11T06:11:59Z");
    let told = query.availability(&asked, at("2024-04-11T06:11:59Z")).await.unwrap();
    assert_eq!(told.known_to_ms, at("2024-04-11T05:00:00Z"));
    let a = &told.hosts[0].counts;
    assert_eq!((a.good_ms[0], a.unknown_ms[0]), (245 * HOUR, 0));
    // The budget is that of the whole month.
    assert_eq!(a.left_ms, [Some(2_592_000)]);
}

/// Hours of earlier versions say no more than how many polls failed.
#[tokio::test]
async fn hours_that_do_not_say_how_their_time_went_are_as_good_as_their_polls() {
    let (query, store, _folder) = of_sqlite().await;
    let host = store.register(vec![sample::registration("old")], WallMs(0)).await.unwrap();
    let mut rollup = Rollup::new(host[0].id, at("2024-01-01T00:00:00Z"));
    (rollup.polls, rollup.failed) = (360, 90);
    let rollups = vec![rollup.into()];
    store.write(Arc::new(Batch { rollups, ..Batch::default() })).await.unwrap();
    let asked = range(Calendar::MONTHS, "2024-01-01T00:00:00Z", "2024-01-02T00:00:00Z");
    let asked = AvailabilityRange { of: HostsOf::Named(vec!["old".into()]), ..asked };
    let told = query.availability(&asked, at(NOW)).await.unwrap();
    let old = &told.hosts[0].counts;
    assert_eq!((old.good_ms[0], old.bad_ms[0]), (45 * MINUTE, 15 * MINUTE));
    assert_eq!((old.rx_bytes[0], old.available_pct[0]), (None, Some(75.0)));
}

#[tokio::test]
async fn a_table_has_a_row_for_each_host_and_period() {
    let (query, _store, _folder) = of_sqlite().await;
    let asked = range(Calendar::MONTHS, "2024-02-01T00:00:00Z", "2024-03-01T00:00:00Z");
    let told = query.availability(&asked, at(NOW)).await.unwrap();
    assert_eq!(
        told.csv(),
        "host,host_group,period,available_pct,good_ms,bad_ms,paused_ms,unknown_ms,polls,failed,met,left_ms,\
         rx_bytes,tx_bytes,counted_ms\n\
         a,web,2024-02,99.784,2500200000,5400000,0,0,41760,0,0,-2894400,695000000,695,2500200000\n\
         b,web,2024-02,,0,0,0,0,0,0,,0,,,0\n\
         c,,2024-02,,0,0,0,0,0,0,,0,,,0\n"
    );
}

#[tokio::test]
async fn what_cannot_be_answered_is_refused() {
    let (query, _store, _folder) = of_sqlite().await;
    let days = Calendar { by: CalendarPeriod::Day, ..Calendar::MONTHS };
    for (from, to, words) in [
        ("2024-02-01T00:00:00Z", "2024-02-01T00:00:00Z", "must be before"),
        ("2022-02-01T00:00:00Z", "2024-02-01T00:00:00Z", "at most 400 days"),
    ] {
        let told = query.availability(&range(days, from, to), at(NOW)).await.unwrap_err();
        assert!(told.to_string().contains(words), "{told}");
    }
}
