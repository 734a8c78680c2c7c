//! Polls that are sealed: the same answers, whenever sealing happens and however it ends.

mod answers;
mod endings;
mod meanwhile;
mod partitions;

use std::collections::BTreeMap;

use super::*;
use crate::{
    model::{Detail, Values},
    store::sealed::TEXTS,
};

/// So many seconds after the beginning of the first hour.
fn at(seconds: i64) -> WallMs {
    WallMs(moment::hour(sample::START).0 + seconds * 1_000 + 250)
}

/// A poll of a kind that its moment says: made of counters, whole, failed, without what repeats, or without
/// anything.
fn poll(host: &KnownHost, slot: WallMs) -> Record {
    let good = sample::good(host.id, &host.name, slot);
    match slot.0 / 10_000 % 7 {
        4.. => sample::measured(host.id, &host.name, slot),
        0 => good,
        1 => sample::failed(host.id, &host.name, slot, "it's \"refused\"\n\\ 🦀 三"),
        2 => Record { detail: Some(Detail::default()), ..good },
        _ => Record { values: Some(Values::default()), ..good },
    }
}

/// Every row of every view of polls.
async fn everything(database: &Database) -> BTreeMap<String, Vec<ViewRow>> {
    let names = "SELECT TABLE_NAME AS name FROM information_schema.VIEWS
                 WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME NOT IN
                   ('host_hour', 'alert_now', 'alert_history', 'alert_delivery')";
    let mut all = BTreeMap::new();
    for row in database.rows(names).await {
        let name = row["name"].as_str().unwrap();
        let mut rows = database.rows(&format!("SELECT * FROM {name}")).await;
        rows.sort_by_key(|row| format!("{} {} {row:?}", row["host"], row["time"]));
        all.insert(name.to_owned(), rows);
    }
    assert_eq!(all.len(), TEXTS);
    all
}

/// Three hosts with polls in three hours, the last of them not over.
async fn fleet(database: &Database) -> Vec<(KnownHost, Vec<Record>)> {
    let mut all = Vec::new();
    for name in ["a", "b", "c"] {
        let host = database.register(name).await;
        let seconds = (0..40).map(|n| n * 10).chain([3_599, 3_600, 4_000, 7_200, 7_210]);
        let polls: Vec<Record> = seconds.map(|second| poll(&host, at(second))).collect();
        database.write(polls.clone()).await.unwrap();
        all.push((host, polls));
    }
    all
}

/// Checks that the polls are there as they were, in both orders and by page.
async fn check(database: &Database, fleet: &[(KnownHost, Vec<Record>)]) {
    for (host, polls) in fleet {
        assert_eq!(database.all_polls(host.id).await, *polls);
        let read = async |span, order, limit| {
            database.store.polls(host.id, span, order, limit).await.unwrap()
        };
        let newest = read(Span::ALL, ReadOrder::NewestFirst, 7).await;
        let reversed: Vec<Record> = polls.iter().rev().cloned().collect();
        assert_eq!(newest, reversed[..reversed.len().min(7)]);
        let span = Span { from: at(20), to: at(7_200) };
        let within: Vec<Record> = polls
            .iter()
            .filter(|poll| span.from <= poll.slot && poll.slot < span.to)
            .cloned()
            .collect();
        assert_eq!(read(span, ReadOrder::OldestFirst, MAX_PAGE).await, within);
        assert_eq!(read(span, ReadOrder::OldestFirst, 3).await, within[..within.len().min(3)]);
    }
}

async fn count(database: &Database, sql: &str) -> i64 {
    database.rows(sql).await[0]["n"].as_i64().unwrap()
}
