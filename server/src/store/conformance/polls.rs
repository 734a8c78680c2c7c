//! What every backend owes of one poll: it comes back as it was, whatever is in it.

use super::*;
use crate::model::{CoreColumn, Detail, Outcome, Row, Transition, Values};

pub(crate) async fn a_record_comes_back_exactly(fixture: &dyn Fixture) {
    let host = host(fixture, "web-1").await;
    let mut largest = sample::good(host.id, &host.name, slot(1));
    let values = largest.values.as_mut().unwrap();
    // The kernel's "no limit", and the largest whole number that an f64 tells from its neighbour.
    values.set(Column::FileHandlesMax, 9_223_372_036_854_775_807_u64 as f64);
    values.set(Column::MemTotalBytes, 9_007_199_254_740_991.0);
    values.set(Column::NetRxBytesPerS, 12_345_678_901.234);
    values.set(Column::Load1, 0.0);
    let records = vec![
        sample::good(host.id, &host.name, slot(0)),
        largest,
        sample::failed(host.id, &host.name, slot(2), "connection refused"),
    ];
    let written = write_polls(fixture, records.clone()).await;
    assert_eq!(written, BatchResult { polls: 3, ..BatchResult::default() });
    assert_eq!(all_polls(fixture, host.id).await, records);
}

pub(crate) async fn every_outcome_leaves_one_row(fixture: &dyn Fixture) {
    let host = host(fixture, "web-1").await;
    let records: Vec<Record> = Outcome::ALL
        .iter()
        .zip(0..)
        .map(|(outcome, second)| {
            let base = if outcome.has_values() {
                sample::good
            } else {
                |host, name: &_, slot| sample::failed(host, name, slot, "why")
            };
            Record { outcome: *outcome, ..base(host.id, &host.name, slot(second)) }
        })
        .collect();
    write_polls(fixture, records.clone()).await;
    assert_eq!(all_polls(fixture, host.id).await, records);
    let ledger = fixture.view("ledger").await;
    let words: Vec<_> = ledger.iter().map(|row| row["outcome"].as_str().unwrap()).collect();
    assert_eq!(words, Outcome::ALL.iter().map(|o| o.as_str()).collect::<Vec<_>>());
}

pub(crate) async fn unknown_stays_unknown(fixture: &dyn Fixture) {
    let host = host(fixture, "web-1").await;
    let record = Record {
        outcome: Outcome::Partial,
        answer_bytes: None,
        address: None,
        clock_skew_ms: None,
        values: Some(Values::default()),
        detail: Some(Detail {
            cores: vec![sample::row(&["0"], [None; 11])],
            filesystems: vec![sample::row(&["/", "d", "t", "hung"], [None; 8])],
            ..Detail::default()
        }),
        ..sample::good(host.id, &host.name, slot(0))
    };
    write_polls(fixture, vec![record.clone()]).await;
    assert_eq!(all_polls(fixture, host.id).await, [record]);
    for (view, rows) in [("mem_info", 1), ("cpu_stat", 2), ("filesystem", 1), ("net_info", 0)] {
        let found = fixture.view(view).await;
        assert_eq!(found.len(), rows, "{view}");
        for (column, value) in found.iter().flatten() {
            let named =
                ["host", "time", "time_ms", "hour", "core", "mount_point", "device", "fs_type"];
            let text = named.contains(&column.as_str()) || column == "status";
            assert_eq!(value.is_null(), !text, "{view}.{column} is {value}");
        }
    }
}

pub(crate) async fn polls_come_in_order_and_by_page(fixture: &dyn Fixture) {
    let (a, b) = (host(fixture, "a").await, host(fixture, "b").await);
    let polls = [3, 0, 4, 1, 2].map(|s| sample::failed(a.id, &a.name, slot(s), "x"));
    let others = [0, 9].map(|s| sample::failed(b.id, &b.name, slot(s), "x"));
    write_polls(fixture, polls.into_iter().chain(others).collect()).await;
    let read = async |from, to, order, limit| {
        let span = Span { from: slot(from), to: slot(to) };
        slots(&fixture.store().polls(a.id, span, order, limit).await.unwrap())
    };
    assert_eq!(read(0, 9, ReadOrder::OldestFirst, 9).await, [0, 1, 2, 3, 4].map(slot));
    assert_eq!(read(0, 9, ReadOrder::NewestFirst, 2).await, [4, 3].map(slot));
    assert_eq!(read(0, 3, ReadOrder::NewestFirst, 2).await, [2, 1].map(slot));
    assert_eq!(read(1, 3, ReadOrder::OldestFirst, 9).await, [1, 2].map(slot));
    assert_eq!(read(3, 3, ReadOrder::OldestFirst, 9).await, []);
    assert_eq!(read(0, 9, ReadOrder::OldestFirst, 0).await, []);
    let unknown = HostId(a.id.0 + 1_000);
    assert_eq!(all_polls(fixture, unknown).await, []);
}

pub(crate) async fn any_text_is_kept(fixture: &dyn Fixture) {
    let host = host(fixture, "web-1").await;
    let texts = [
        "",
        "it's \"quoted\"; DROP TABLE poll; --",
        "\\ % _ ? :name $1 @x",
        "línea\nzwei\t三 🦀 \u{202e}rtl",
        "nul \u{0} inside",
    ];
    let records: Vec<Record> = texts
        .iter()
        .zip(0..)
        .map(|(text, second)| sample::failed(host.id, &host.name, slot(second), text))
        .collect();
    let transitions: Vec<Transition> = texts
        .iter()
        .zip(0..)
        .map(|(text, second)| Transition {
            reason: (*text).into(),
            ..sample::transition(host.id, &host.name, slot(second), State::Up, State::Down)
        })
        .collect();
    let batch = Batch { transitions: transitions.clone(), ..Batch::of_polls(records.clone()) };
    write(fixture, batch).await.unwrap();
    assert_eq!(all_polls(fixture, host.id).await, records);
    let kept = fixture
        .store()
        .transitions(Some(host.id), Span::ALL, ReadOrder::OldestFirst, MAX_PAGE)
        .await;
    assert_eq!(kept.unwrap(), transitions);
}

pub(crate) async fn a_large_answer_is_kept(fixture: &dyn Fixture) {
    let host = host(fixture, "web-1").await;
    let mut record = sample::good(host.id, &host.name, slot(0));
    let template = sample::detail();
    let core = |number: usize| -> Row<CoreColumn> {
        Row { labels: [number.to_string().into()].into(), ..template.cores[0].clone() }
    };
    record.detail = Some(Detail {
        cores: (0..1_024).map(core).collect(),
        filesystems: vec![template.filesystems[0].clone(); 2_000],
        ..template.clone()
    });
    record.error = Some("é".repeat(200_000).into());
    write_polls(fixture, vec![record.clone()]).await;
    assert_eq!(all_polls(fixture, host.id).await, [record]);
    assert_eq!(fixture.view("cpu_stat").await.len(), 1_025);
}
