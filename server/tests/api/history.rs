//! What was: polls page by page, values over time and what each means, events.

use std::{sync::Arc, time::Duration};

use roundsman::{
    model::{Column, ColumnSet as _, DAY_MS, HostId, NetColumn, Scope, State, Values, day_of},
    query::{MAX_PAGE_BYTES, MAX_PAGES_AT_ONCE},
    store::{Batch, Registration, Retention, summarise::summarise},
    units::WallMs,
};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::{
    known_only,
    site::{NOW, Served, good, host_view, name},
};

/// As clients made of the document write a list, whatever it says of commas.
#[tokio::test]
async fn columns_that_are_given_one_by_one_are_one_list() {
    let site = Served::start().await;
    let one_by_one = "/api/v1/hosts/web-1/series?columns=cpu_busy_pct&columns=load_5&fields=host&fields=columns.name";
    let series = site.json(one_by_one).await;
    let names = series["columns"].as_array().unwrap().iter().map(|column| &column["name"]);
    assert_eq!(names.collect::<Vec<_>>(), ["cpu_busy_pct", "load_5"]);
    let wrong = site.get(&format!("{one_by_one}&columns=nosuch")).await;
    assert_eq!(wrong.status, 400, "{}", wrong.body);
    let twice = site.get(&format!("{one_by_one}&from=-1h&from=-2h")).await;
    assert!(twice.body.contains(r#"\"from\" is given twice"#), "{}", twice.body);
}

/// Adds `count` polls of a machine of `cores` cores to web-1, a second apart, the newest a day ago.
async fn add_large(site: &Served, count: i64, cores: usize) {
    let polls = (0..count).map(|poll| {
        let slot = WallMs(NOW.0 - 86_400_000 - poll * 1000);
        let mut record = good("web-1", HostId(1), slot);
        let mut values = Values::default();
        Column::ALL.iter().for_each(|column| values.set(*column, 0.125));
        record.values = Some(values);
        let detail = record.detail.as_mut().unwrap();
        detail.cores = vec![detail.cores[0].clone(); cores];
        record
    });
    site.store.write(Arc::new(Batch::of_polls(polls))).await.unwrap();
}

#[tokio::test]
async fn a_page_of_large_polls_ends_at_its_bytes_and_next_leads_on() {
    let site = Served::start().await;
    add_large(&site, 30, 4096).await;
    let mut asked = "from=-2d&to=-1h&limit=1000&order=desc".to_owned();
    let (mut slots, mut pages) = (Vec::new(), Vec::new());
    loop {
        let reply = site.get(&format!("/api/v1/hosts/web-1/polls?{asked}")).await;
        assert!(reply.body.len() <= MAX_PAGE_BYTES, "{} bytes", reply.body.len());
        let json: Value = serde_json::from_str(&reply.body).unwrap();
        let polls = json["polls"].as_array().unwrap();
        pages.push(polls.len());
        slots.extend(polls.iter().map(|poll| poll["slot_ms"].as_i64().unwrap()));
        match json["next"].as_str() {
            Some(next) => asked = next.to_owned(),
            None => break,
        }
    }
    let all: Vec<i64> = (0..30).map(|poll| NOW.0 - 86_400_000 - poll * 1000).collect();
    assert_eq!(slots, all, "each once, in order");
    assert!(pages.len() > 3 && pages.iter().all(|polls| *polls > 0), "{pages:?}");
    // What is not asked for takes no room.
    let small =
        site.json("/api/v1/hosts/web-1/polls?from=-2d&to=-1h&limit=1000&detail=false").await;
    assert_eq!((small["polls"].as_array().unwrap().len(), &small["next"]), (30, &Value::Null));
}

#[tokio::test]
async fn a_page_waits_for_its_place() {
    let site = Served::start().await;
    let query = site.site.answers.within(&Scope::All);
    let mut places = Vec::new();
    for _ in 0..MAX_PAGES_AT_ONCE {
        places.push(query.place().await.unwrap());
    }
    let mut asked = TcpStream::connect(site.address).await.unwrap();
    let request =
        b"GET /api/v1/hosts/web-1/polls HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    asked.write_all(request).await.unwrap();
    // Another question is answered meanwhile.
    site.json("/api/v1/hosts/web-1").await;
    assert!(asked.try_read(&mut [0; 64]).is_err(), "sent beyond the limit");
    drop(places.pop());
    let mut answer = String::new();
    asked.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[tokio::test]
async fn polls_come_as_asked_page_by_page() {
    let site = Served::start().await;
    let path = "/api/v1/hosts/web-1/polls?from=-1h&to=now&order=asc&limit=2";
    let first = site.json(path).await;
    insta::assert_json_snapshot!("polls", known_only(first.clone()));
    let next = first["next"].as_str().unwrap();
    let second = site.json(&format!("/api/v1/hosts/web-1/polls?{next}")).await;
    let slots = |json: &Value| -> Vec<i64> {
        json["polls"].as_array().unwrap().iter().map(|p| p["slot_ms"].as_i64().unwrap()).collect()
    };
    assert_eq!(slots(&first), [NOW.0 - 30_000, NOW.0 - 20_000]);
    assert_eq!(slots(&second), [NOW.0 - 10_000]);
    assert_eq!(second["next"], Value::Null);

    let newest = site.json("/api/v1/hosts/web-1/polls?limit=1&detail=false").await;
    assert_eq!(slots(&newest), [NOW.0 - 10_000]);
    assert!(newest["polls"][0].get("detail").is_none(), "not asked for: {newest}");
    assert!(newest["next"].as_str().unwrap().ends_with("&order=desc&detail=false"));
}

#[tokio::test]
async fn a_moment_counts_from_the_servers_clock() {
    let site = Served::start().await;
    site.clock.step_wall(WallMs(NOW.0 + 7_200_000));
    let json = site.json("/api/v1/hosts/web-1/polls").await;
    assert_eq!(json["polls"], Value::Array(Vec::new()), "an hour back from two hours later");
    site.clock.step_wall(NOW);
    let json = site.json("/api/v1/hosts/web-1/polls").await;
    assert_eq!(json["polls"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn values_come_over_time_with_gaps_as_gaps() {
    let site = Served::start().await;
    let path = "/api/v1/hosts/web-1/series?columns=cpu_busy_pct,load_5&from=-45s&to=now&step=10s";
    insta::assert_json_snapshot!("series", site.json(path).await);

    // Hours: the polls of the present one, which is not in short yet.
    let path = "/api/v1/hosts/web-1/series?columns=cpu_busy_pct&from=-30d&to=%2B00";
    assert_eq!(site.get(path).await.status, 400);
    let path = "/api/v1/hosts/web-1/series?columns=cpu_busy_pct&from=-30d&to=now";
    let month = site.json(path).await;
    assert_eq!((&month["tier"], &month["step_ms"]), (&"hour".into(), &10_800_000.into()));
    let column = &month["columns"][0];
    let points = month["polls"].as_array().unwrap().len();
    assert_eq!(points, column["avg"].as_array().unwrap().len());
    assert!((240..=241).contains(&points), "{points}");
    assert_eq!((&month["polls"][points - 1], &month["failed"][points - 1]), (&3.into(), &1.into()));
    assert_eq!(column["avg"][points - 1], 12.345);
    assert_eq!(column["avg"][0], Value::Null);

    let usual = site.json("/api/v1/hosts/web-1/series").await;
    assert_eq!(usual["columns"].as_array().unwrap().len(), 7);
    assert_eq!((&usual["tier"], &usual["step_ms"]), (&"poll".into(), &15_000.into()));
}

#[tokio::test]
async fn what_repeats_comes_over_time_a_row_or_a_column_at_a_time() {
    let site = Served::start().await;
    let at = |rest: &str| format!("/api/v1/hosts/web-1/series/{rest}&from=-45s&to=now&step=10s");
    insta::assert_json_snapshot!(
        "row_series",
        site.json(&at("disk?row=sda&columns=reads_per_s,read_bytes_per_s")).await
    );
    let names = async |rest: &str| {
        let shape = site.json(&at(rest)).await;
        let rows = shape["rows"].as_array().unwrap().iter();
        rows.map(|row| row["row"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    for (rest, row) in [
        ("core?columns=busy_pct", "0"),
        ("softirq?columns=hi_per_s", "0"),
        ("net?columns=rx_bytes_per_s", "eth0"),
        ("filesystem?columns=used_pct&columns=size_bytes", "/"),
        ("process?columns=cpu_pct", "1/init"),
    ] {
        assert_eq!(names(rest).await, [row], "{rest}");
    }
    let few = site.json(&at("disk?columns=reads_per_s&fields=rows.columns.avg&digits=1")).await;
    let avg = &few["rows"][0]["columns"][0]["avg"];
    assert_eq!(few["polls"], Value::Null);
    assert_eq!(avg, &serde_json::json!([null, null, 2.0, null, 2.0]), "{few}");
}

/// Polls of a week of which the last day alone is left: the rest comes from summaries.
#[tokio::test]
async fn a_week_of_an_interface_comes_from_summaries() {
    const HOUR: i64 = 3_600_000;
    let site = Served::start().await;
    let today = day_of(NOW);
    let begin = WallMs(today.0 - 7 * DAY_MS);
    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
    let rate = |hour: i64| (hour % 1_000) as f64 + 0.25;
    let slots = (0..).map(|n| begin.0 + n * 600_000).take_while(|slot| *slot < NOW.0 - HOUR);
    let polls = slots.map(|slot| {
        let mut record = good("web-1", HostId(1), WallMs(slot));
        let eth0 = &mut record.detail.as_mut().unwrap().interfaces[0].values;
        eth0.set(NetColumn::RxBytesPerS, rate(slot / HOUR));
        record.values.as_mut().unwrap().set(Column::CpuBusyPct, rate(slot / HOUR) / 10.0);
        record
    });
    site.store.write(Arc::new(Batch::of_polls(polls))).await.unwrap();
    for day in 0..7 {
        let day = WallMs(begin.0 + day * DAY_MS);
        assert!(summarise(&*site.store, HostId(1), day).await.unwrap());
    }
    let old = begin;
    let before = Retention { polls: today, events: old, summaries: old, rollups: old };
    site.store.prune(before).await.unwrap();

    let net = "/api/v1/hosts/web-1/series/net?row=eth0&columns=rx_bytes_per_s&from=-7d&to=now";
    let week = site.json(net).await;
    assert_eq!((&week["tier"], &week["step_ms"]), (&"five_minutes".into(), &HOUR.into()));
    let (start, column) = (week["start_ms"].as_i64().unwrap(), &week["rows"][0]["columns"][0]);
    let avg = column["avg"].as_array().unwrap();
    assert!((168..=169).contains(&avg.len()), "{}", avg.len());
    // The first hour is cut off by the span, and the last has the site's own polls.
    for (hour, avg) in (start / HOUR..).zip(avg).skip(1).take(165) {
        assert_eq!(avg, rate(hour), "{hour}");
    }
    assert_eq!(week["polls"][1], 6);

    let half_hours = "/api/v1/hosts/web-1/series?columns=cpu_busy_pct&from=-7d&to=now&step=30m";
    let week = site.json(half_hours).await;
    assert_eq!(week["tier"], "five_minutes");
    let avg = week["columns"][0]["avg"].as_array().unwrap();
    let start = week["start_ms"].as_i64().unwrap();
    for (half, avg) in (start / (HOUR / 2)..).zip(avg).skip(2).take(330) {
        let expected = rate(half / 2) / 10.0;
        assert!((avg.as_f64().unwrap() - expected).abs() < 0.001, "{half}: {avg}, {expected}");
    }
    // Processes have no summaries.
    let of = "/api/v1/hosts/web-1/series/process?columns=cpu_pct&from=-7d&to=now&fields=tier";
    assert_eq!(site.json(of).await["tier"], "poll");
}

/// Every column is in every answer with values, and every one is explained.
#[tokio::test]
async fn every_value_of_a_poll_is_explained_with_its_unit() {
    let site = Served::start().await;
    let columns = site.json("/api/v1/columns").await;
    let line = |table: &str, column: &Value| {
        let text = |key: &str| column[key].as_str().unwrap_or("-").to_owned();
        let whole = if column["whole"] == true { "whole" } else { "real" };
        let parts =
            ["kind", "unit", "family", "source", "since_kernel", "prometheus", "node_exporter"];
        let parts = parts.map(text).join(" | ");
        format!("{table} {} | {whole} | {parts} | {}", text("name"), text("meaning"))
    };
    let mut lines = Vec::new();
    for table in ["poll", "values"] {
        let list = columns[table].as_array().unwrap();
        lines.extend(list.iter().map(|column| line(table, column)));
    }
    for table in columns["detail"].as_array().unwrap() {
        let name = table["name"].as_str().unwrap();
        lines.push(format!("detail.{name} rows are named by {}", table["labels"]));
        let list = table["columns"].as_array().unwrap();
        lines.extend(list.iter().map(|column| line(&format!("detail.{name}"), column)));
    }
    insta::assert_snapshot!("columns", lines.join("\n"));

    let polls = site.json("/api/v1/hosts/web-1/polls?limit=1").await;
    let poll = &polls["polls"][0];
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let names = |list: &Value| {
        let mut names: Vec<String> = list
            .as_array()
            .unwrap()
            .iter()
            .map(|column| column["name"].as_str().unwrap().to_owned())
            .collect();
        names.sort();
        names
    };
    assert_eq!(keys(&poll["values"]), names(&columns["values"]), "values and their explanations");
    for table in columns["detail"].as_array().unwrap() {
        let rows = &poll["detail"][table["name"].as_str().unwrap()];
        let mut expected = names(&table["columns"]);
        expected.extend(
            table["labels"].as_array().unwrap().iter().map(|l| l.as_str().unwrap().to_owned()),
        );
        expected.sort();
        assert_eq!(keys(&rows[0]), expected, "{}", table["name"]);
    }
}

#[tokio::test]
async fn events_come_newest_first() {
    let site = Served::start().await;
    insta::assert_json_snapshot!("events", site.json("/api/v1/hosts/db-1/events").await);
}

/// A host that has been polled every so often, `polls` times until now.
async fn polled(site: &Served, host: &str, interval: Duration, polls: u32) {
    let registration = Registration {
        name: name(host),
        group: None,
        labels: [].into(),
        addresses: vec!["10.0.0.9:50051".to_owned()],
        renamed_from: None,
    };
    let known = site.store.register(vec![registration], NOW).await.unwrap();
    let id: HostId = known[0].id;
    let phase = Duration::from_millis(317);
    let records = (0..polls).map(|n| good(host, id, NOW.minus(interval * n + phase)));
    site.store.write(Arc::new(Batch::of_polls(records))).await.unwrap();
    let mut view = host_view(host, State::Up, None);
    (view.id, view.interval) = (id, interval);
    site.live.publish(view);
}

/// Buttons of the page, drags over its charts, charts of every width: whatever is asked for, between
/// the first poll and the last there is no point without one.
#[tokio::test]
async fn no_chart_has_holes_between_polls_that_came_in_time() {
    const MINUTE: u64 = 60;
    const SPANS: [u64; 8] = [
        90,
        4 * MINUTE + 30,
        15 * MINUTE,
        60 * MINUTE,
        6 * 60 * MINUTE,
        24 * 60 * MINUTE,
        7 * 24 * 60 * MINUTE,
        30 * 24 * 60 * MINUTE,
    ];
    let site = Served::start().await;
    for interval in [2, 10, 25, 30, 60, 90] {
        let host = format!("every-{interval}");
        polled(&site, &host, Duration::from_secs(interval), 200).await;
        for span in SPANS {
            for points in [60, 300, 800, 2_000] {
                let path = format!(
                    "/api/v1/hosts/{host}/series?columns=cpu_busy_pct&from={}&to={}&points={points}",
                    NOW.0 - i64::try_from(span * 1000).unwrap(),
                    NOW.0
                );
                let series = site.json(&path).await;
                let polls: Vec<_> = series["polls"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|n| n.as_u64().unwrap())
                    .collect();
                let first = polls.iter().position(|n| *n > 0).unwrap();
                let last = polls.iter().rposition(|n| *n > 0).unwrap();
                let holes = polls[first..=last].iter().filter(|n| **n == 0).count();
                assert_eq!(holes, 0, "{path}: {polls:?}");
            }
        }
    }
}
