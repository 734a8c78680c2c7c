//! Several hosts together: one value of all of them over time, and who has most of it.

use std::{sync::Arc, time::Duration};

use roundsman::{
    live::HostView,
    model::{Column, GroupName, HostId, Reckoned, Rollup, State, hour_of},
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
