//! Several hosts together: one value of all of them over time, and who has most of it.

use std::{sync::Arc, time::Duration};

use roundsman::{
    live::{Gathered, HostView},
    model::{Column, GroupName, HostId, Reckoned, Rollup, State, Values, hour_of},
    query::MAX_LINES,
    store::{Batch, Registration},
};
use serde_json::{Value, json};

use crate::site::{NOW, Served, good, host_view, name};

/// Hosts `many-000` and so on of the group `many`, each polled every ten seconds for a minute, always with the
/// same share of its CPU.
async fn add_many(site: &Served, busy: impl IntoIterator<Item = f64>) {
    let busy: Vec<f64> = busy.into_iter().collect();
    let group = GroupName::new("many").unwrap();
    let named = |n: usize| format!("many-{n:03}");
    let registrations = (0..busy.len()).map(|n| Registration {
        name: name(&named(n)),
        group: Some(group.clone()),
        labels: [].into(),
        addresses: vec![format!("10.1.0.1:{}", 10_000 + n)],
        renamed_from: None,
    });
    let known = site.store.register(registrations.collect(), NOW).await.unwrap();
    let mut records = Vec::new();
    for (host, busy) in known.iter().zip(&busy) {
        for n in 1..=6 {
            let mut record =
                good(host.name.as_str(), host.id, NOW.minus(Duration::from_secs(n * 10)));
            record.values.as_mut().unwrap().set(Column::CpuBusyPct, *busy);
            records.push(record);
        }
        let view = host_view(host.name.as_str(), State::Up, None);
        site.live.publish(HostView { id: host.id, group: Some(group.clone()), ..view });
    }
    for some in records.chunks(300) {
        site.store.write(Arc::new(Batch::of_polls(some.to_vec()))).await.unwrap();
    }
}

fn hosts(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|one| one["host"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_few_hosts_are_drawn_each_over_the_same_points() {
    let site = Served::start().await;
    add_many(&site, [10.0, 20.0]).await;
    let asked = "column=cpu_busy_pct&from=-40s&to=now&step=20s";
    let path = format!("/api/v1/series?hosts=many-001,web-1&hosts=web-2&{asked}");
    insta::assert_json_snapshot!("compare", site.json(&path).await);
    let group = site.json(&format!("/api/v1/series?group=many&{asked}")).await;
    assert_eq!(hosts(&group["lines"]), ["many-000", "many-001"]);
    assert_eq!(group["lines"][1]["values"]["avg"], json!([20.0, 20.0]));
    assert_eq!((&group["spread"], &group["lines"][0]["outside_pct"]), (&Value::Null, &Value::Null));
    // Nothing said: the inventory, retired hosts left out. The same host twice is one.
    let all = site.json(&format!("/api/v1/series?{asked}")).await;
    assert_eq!(hosts(&all["lines"]), ["db-1", "many-000", "many-001", "web-1", "web-2"]);
    // Those with a label, which is a name and a value.
    let labelled = |pair: &str| format!("/api/v1/series?label={pair}&{asked}");
    let mut view = host_view("web-2", State::Up, None);
    view.labels = Arc::new([("rack".to_owned(), "r=12".to_owned())].into());
    site.live.publish(HostView { id: site.live.host("web-2").unwrap().id, ..view });
    let some = site.json(&labelled("rack=r=12")).await;
    assert_eq!(hosts(&some["lines"]), ["web-2"]);
    assert_eq!(site.json(&labelled("rack=r")).await["hosts"], 0);
    for wrong in ["label=rack", "label=rack=r&group=many", "label=rack=r&hosts=web-1"] {
        let reply = site.get(&format!("/api/v1/top?{wrong}&column=load_1")).await;
        assert_eq!(reply.status, 400, "{wrong}: {}", reply.body);
    }
    let twice = site.json(&format!("/api/v1/series?hosts=web-1,web-1&{asked}")).await;
    assert_eq!(twice["hosts"], 1);
}

#[tokio::test]
async fn of_many_hosts_the_spread_is_drawn_and_who_is_outside() {
    let site = Served::start().await;
    // 40 to 53, a tenth apart, but for one that idles and one that does not.
    let busy = (0..130_u32).map(|n| match n {
        7 => 1.0,
        50 => 99.0,
        n => 40.0 + f64::from(n) / 10.0,
    });
    add_many(&site, busy).await;
    let path = "/api/v1/series?group=many&column=cpu_busy_pct&from=-1m&to=now&points=6&digits=4";
    let shape = site.json(path).await;
    let points = shape["spread"]["p50"].as_array().unwrap().len();
    assert_eq!(shape["hosts"], 130);
    let all = |value: f64| Value::from(vec![value; points]);
    assert_eq!(shape["spread"]["hosts"], Value::from(vec![130; points]));
    assert_eq!(shape["spread"]["p50"], all(46.55));
    assert_eq!(shape["spread"]["mean"], all(46.56));
    assert_eq!((&shape["spread"]["p10"], &shape["spread"]["p90"]), (&all(41.29), &all(51.71)));
    // Of the 26 that are outside the farthest.
    let lines = hosts(&shape["lines"]);
    assert_eq!((lines.len(), &lines[..2]), (MAX_LINES, &["many-050", "many-007"][..]));
    assert_eq!(shape["lines"][0]["outside_pct"], 100.0);
    assert_eq!(shape["lines"][0]["values"]["max"], all(99.0));
}

#[tokio::test]
async fn hosts_beyond_those_of_one_answer_are_refused() {
    let site = Served::start().await;
    for n in 0..1_001 {
        let view = host_view(&format!("n-{n}"), State::Up, None);
        let group = Some(GroupName::new("large").unwrap());
        site.live.publish(HostView { id: HostId(1_000 + n), group, ..view });
    }
    for path in ["/api/v1/series?group=large", "/api/v1/top?group=large"] {
        let reply = site.get(&format!("{path}&column=load_1")).await;
        assert_eq!(reply.status, 400, "{}", reply.body);
        let words = "1001 hosts are more than 1000: choose a group, or fewer hosts";
        assert!(reply.body.contains(words), "{}", reply.body);
    }
    let named = vec!["web-1"; 1_001].join(",");
    let reply = site.get(&format!("/api/v1/top?column=load_1&hosts={named}")).await;
    assert!(reply.body.contains("expected 1 to 1000 hosts; got 1001"), "{}", reply.body);
}

#[tokio::test]
async fn the_top_hosts_are_those_with_the_largest_means() {
    let site = Served::start().await;
    add_many(&site, [10.0, 30.0, 20.0]).await;
    let path = "/api/v1/top?column=cpu_busy_pct&from=-2m&to=now&n=3";
    insta::assert_json_snapshot!("top", site.json(path).await);
    let least = site.json(&format!("{path}&order=asc")).await;
    assert_eq!(hosts(&least["top"]), ["many-000", "web-1", "many-002"]);
    // From hours, of which the present one is not in short yet.
    let day = site.json("/api/v1/top?column=cpu_busy_pct&from=-1d&to=now&group=many&n=1").await;
    assert_eq!(
        (&day["tier"], &day["hosts"], &day["unknown"]),
        (&json!("hour"), &json!(3), &json!(0))
    );
    assert_eq!(
        day["top"][0],
        json!({
            "host": "many-001", "avg": 30.0, "min": 30.0, "max": 30.0, "count": 6, "failed": 0,
        })
    );
    let few = site.json("/api/v1/top?column=cpu_busy_pct&from=-15s&to=now&hosts=many-000").await;
    assert_eq!((&few["tier"], &few["top"][0]["count"]), (&json!("poll"), &json!(1)));
}

/// What a server gathers of a host from `ago` seconds before now on, with a share of its CPU every ten seconds.
fn gathered_of(host: &str, id: HostId, ago: u64, busy: f64) -> Gathered {
    let gathered = Gathered::after(Some(NOW.minus(Duration::from_secs(ago + 1))));
    fill(&gathered, host, id, ago, busy);
    gathered
}

/// Adds polls of so many seconds, up to now.
fn fill(gathered: &Gathered, host: &str, id: HostId, ago: u64, busy: f64) {
    for n in 1..=ago / 10 {
        let mut record = good(host, id, NOW.minus(Duration::from_secs(ago - n * 10)));
        record.values.as_mut().unwrap().set(Column::CpuBusyPct, busy);
        gathered.add(&record);
    }
}

/// Gives hosts `many-000` and so on what was gathered of them for so many seconds.
fn gather(site: &Served, of: &[(u64, f64)]) {
    for (n, (ago, busy)) in of.iter().enumerate() {
        let view = HostView::clone(&site.live.host(&format!("many-{n:03}")).unwrap());
        let gathered = gathered_of(view.name.as_str(), view.id, *ago, *busy);
        site.live.publish(HostView { gathered, ..view });
    }
}

#[tokio::test]
async fn the_last_hour_is_answered_from_memory() {
    let site = Served::start().await;
    add_many(&site, [10.0, 30.0, 20.0]).await;
    let path = "/api/v1/top?column=cpu_busy_pct&from=-55m&to=-59s&group=many";
    // Nothing is gathered for so long yet: the store has the last minute.
    let kept = site.json(path).await;
    assert_eq!((&kept["top"][0]["avg"], &kept["top"][0]["count"]), (&json!(30.0), &json!(6)));
    // The memory of the last one began too late.
    gather(&site, &[(3_600, 70.0), (3_600, 40.0), (300, 99.0)]);
    let top = site.json(path).await;
    assert_eq!(
        (&top["tier"], &top["from"]),
        (&json!("ten_minutes"), &json!("2026-03-29T00:30:00.000Z"))
    );
    let rows = top["top"].as_array().unwrap();
    let of = |row: &Value| (row["host"].clone(), row["avg"].clone(), row["count"].clone());
    assert_eq!(
        rows.iter().map(of).collect::<Vec<_>>(),
        [
            (json!("many-000"), json!(70.0), json!(360)),
            (json!("many-001"), json!(40.0), json!(360)),
            (json!("many-002"), json!(20.0), json!(6)),
        ]
    );
    let spread = &top["distribution"];
    assert_eq!((&spread["p50"], &spread["bins_to"]), (&json!(40.0), &json!(100.0)));
    assert_eq!(
        (&spread["bins"][4], &spread["bins"][8], &spread["bins"][14]),
        (&json!(1), &json!(1), &json!(1))
    );
    // What ended before now, and what is short, is read to the poll.
    for (span, most) in [("from=-55m&to=-61s", Value::Null), ("from=-29m&to=now", json!(30.0))] {
        let top = site.json(&format!("/api/v1/top?column=cpu_busy_pct&group=many&{span}")).await;
        assert_eq!((&top["tier"], &top["top"][0]["avg"]), (&json!("poll"), &most), "{span}");
    }
}

/// Hours that are in short, and memory from the end of the last of them on; what both know counts once.
#[tokio::test]
async fn a_day_is_answered_from_hours_and_memory() {
    let site = Served::start().await;
    add_many(&site, [10.0, 30.0]).await;
    gather(&site, &[(5_400, 70.0), (5_400, 10.0)]);
    let hour = hour_of(NOW.minus(Duration::from_secs(3_600)));
    let ids = [0, 1].map(|n| site.live.host(&format!("many-{n:03}")).unwrap().id);
    let in_short = |id, hour, polls: u32, busy| {
        let mut rollup = Rollup::new(id, hour);
        let mut values = Values::default();
        values.set(Column::CpuBusyPct, busy);
        (0..polls).for_each(|_| rollup.add(Some(&values)));
        Arc::new(rollup)
    };
    // The last hour of the second is not in short yet: it is asked about as before.
    let before = hour.minus(Duration::from_secs(3_600));
    let rollups = vec![in_short(ids[0], hour, 360, 20.0), in_short(ids[1], before, 360, 50.0)];
    site.store.write(Arc::new(Batch { rollups, ..Batch::default() })).await.unwrap();
    let path = "/api/v1/top?column=cpu_busy_pct&from=-1d&to=now&group=many";
    for _ in 0..2 {
        let top = site.json(path).await;
        assert_eq!(top["tier"], "hour");
        // Half an hour at 70 beside an hour at 20; an hour at 50 and the last minute at 30.
        let rows = top["top"].as_array().unwrap();
        let of = |row: &Value| (row["host"].clone(), row["avg"].clone(), row["count"].clone());
        assert_eq!(
            rows.iter().map(of).collect::<Vec<_>>(),
            [
                (json!("many-001"), json!(49.672), json!(366)),
                (json!("many-000"), json!(36.728), json!(541)),
            ]
        );
    }
}

/// The store is not asked about any of them.
#[tokio::test]
async fn memory_answers_for_more_hosts_than_the_store_is_asked_about() {
    let site = Served::start().await;
    for n in 0..1_500_u32 {
        let id = HostId(1_000 + i64::from(n));
        let view = host_view(&format!("n-{n:04}"), State::Up, None);
        // None was ever polled before.
        let gathered = Gathered::after(None);
        fill(&gathered, view.name.as_str(), id, 3_600, f64::from(n) / 15.0);
        let group = Some(GroupName::new("large").unwrap());
        site.live.publish(HostView { id, group, gathered, ..view });
    }
    for from in ["-50m", "-1d"] {
        let path = format!("/api/v1/top?group=large&column=cpu_busy_pct&from={from}&to=now&n=2");
        let top = site.json(&path).await;
        assert_eq!((&top["hosts"], &top["unknown"]), (&json!(1_500), &json!(0)), "{from}");
        assert_eq!(hosts(&top["top"]), ["n-1499", "n-1498"], "{from}");
        let each = top["distribution"]["bins"].as_array().unwrap().iter();
        assert_eq!(each.map(|bin| bin.as_u64().unwrap()).sum::<u64>(), 1_500, "{from}");
    }
}

/// Of hours, as JSON and as CSV; what is not over is not in it.
#[tokio::test]
async fn availability_says_how_the_time_of_days_and_months_went() {
    let site = Served::start().await;
    add_many(&site, [10.0, 20.0]).await;
    let host = site.live.host("many-000").unwrap().id;
    let hours = (3..9).map(|before| {
        let mut rollup = Rollup::new(host, hour_of(NOW.minus(Duration::from_secs(before * 3_600))));
        (rollup.polls, rollup.failed) = (360, 36);
        rollup.reckoned = Some(Reckoned {
            good_ms: 3_000_000,
            bad_ms: 600_000,
            rx_bytes: 5_000,
            tx_bytes: 7,
            counted_ms: 3_000_000,
            ..Reckoned::default()
        });
        Arc::new(rollup)
    });
    let rollups = hours.collect();
    site.store.write(Arc::new(Batch { rollups, ..Batch::default() })).await.unwrap();
    let told = site.json("/api/v1/availability?group=many&by=day&from=-1d&target=83.333").await;
    assert_eq!(hosts(&told["hosts"]), ["many-000", "many-001"]);
    let sum = |counts: &Value| -> i64 {
        counts.as_array().unwrap().iter().filter_map(Value::as_i64).sum()
    };
    let one = &told["hosts"][0]["counts"];
    let all = ["good_ms", "bad_ms", "polls", "failed", "rx_bytes", "tx_bytes", "counted_ms"];
    let sums = all.map(|name| sum(&one[name]));
    assert_eq!(sums, [18_000_000, 3_600_000, 2_160, 216, 30_000, 42, 18_000_000], "{told}");
    assert_eq!(told["groups"][0]["group"], "many");
    assert_eq!((&told["groups"][0]["hosts"], &told["target_pct"]), (&json!(2), &json!(83.333)));
    let of_days = one["available_pct"].as_array().unwrap();
    assert!(
        of_days.contains(&json!(83.333))
            && of_days.iter().all(|day| day.is_null() || *day == 83.333)
    );
    assert!(one["met"].as_array().unwrap().contains(&json!(true)), "{told}");
    let asked = "/api/v1/availability?hosts=many-000&from=-1d&format=csv&zone=Europe/Berlin";
    let reply = site.get(asked).await;
    assert_eq!(
        (reply.status, reply.header("content-type")),
        (200, Some("text/csv; charset=utf-8"))
    );
    assert!(
        reply.body.starts_with("host,host_group,period,")
            && reply.body.contains("\nmany-000,many,")
    );
    let usual = site.json("/api/v1/availability?group=many").await;
    assert_eq!(usual["periods"].as_array().unwrap().len(), 2, "this month and the last");
    for (asked, words) in [
        ("from=-401d", "expected a span of at most 400 days"),
        ("zone=Asia/Kolkata", "do not begin with a whole hour of UTC"),
        ("zone=Europe/Berln", "did you mean `Europe/Berlin`?"),
        ("start_day=29", "expected a number from 1 to 28"),
        ("target=101", "expected per cent above 0 and up to 100"),
        ("format=xml", "expected one of: json, csv"),
    ] {
        let reply = site.get(&format!("/api/v1/availability?{asked}")).await;
        assert_eq!(reply.status, 400, "{asked}");
        assert!(reply.body.contains(words), "{}", reply.body);
    }
}
