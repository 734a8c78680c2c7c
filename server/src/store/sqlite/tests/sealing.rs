//! Hours that are packed in the file.

use super::*;
use crate::store::{
    conformance::sealing::{at, check, fleet, poll_at},
    shown::VIEWS,
};

fn end() -> WallMs {
    hours::hour(at(7_205))
}

/// Packs the next hour as the store does it, and lets something happen before it is kept.
async fn pack(file: &File) -> seal::Packed {
    let packed = file.store.read(|c| seal::next(c, seal::Cursor::default(), end())).await;
    packed.unwrap().unwrap().packed.unwrap()
}

#[tokio::test]
async fn an_hour_to_which_a_poll_came_meanwhile_is_packed_again() {
    let file = File::new().await;
    let mut fleet = fleet(&file).await;
    let packed = pack(&file).await;
    let (host, polls) = &mut fleet[0];
    polls.push(poll_at(host, at(77)));
    polls.sort_by_key(|record| record.slot);
    conformance::write_polls(&file, vec![poll_at(host, at(77))]).await;
    let kept = file.store.change("seal polls", move |c| seal::keep(c, &packed)).await.unwrap();
    assert!(kept.is_none());
    check(&file, &fleet).await;
    assert_eq!(file.store.status().await.unwrap().sealed_polls, 0);
    assert_eq!(file.store.seal(at(7_205)).await.unwrap().polls, 3 * 43 + 1);
    check(&file, &fleet).await;
}

#[tokio::test]
async fn an_hour_of_which_a_poll_went_and_another_came_is_packed_again() {
    let file = File::new().await;
    let mut fleet = fleet(&file).await;
    let packed = pack(&file).await;
    let (host, polls) = &mut fleet[0];
    let gone = polls.remove(0);
    let pruned = Connection::open(file.path()).unwrap();
    let sql = "DELETE FROM poll WHERE host_id = ?1 AND slot_ms = ?2";
    assert_eq!(pruned.execute(sql, [host.id.0, gone.slot.0]).unwrap(), 1);
    polls.push(poll_at(host, at(77)));
    polls.sort_by_key(|record| record.slot);
    conformance::write_polls(&file, vec![poll_at(host, at(77))]).await;
    let kept = file.store.change("seal polls", move |c| seal::keep(c, &packed)).await.unwrap();
    assert!(kept.is_none());
    check(&file, &fleet).await;
    file.store.seal(at(7_205)).await.unwrap();
    check(&file, &fleet).await;
}

#[tokio::test]
async fn an_hour_that_somebody_else_has_packed_is_packed_once() {
    let file = File::new().await;
    let fleet = fleet(&file).await;
    let packed = pack(&file).await;
    file.store.seal(at(7_205)).await.unwrap();
    let kept = file.store.change("seal polls", move |c| seal::keep(c, &packed)).await.unwrap();
    assert!(kept.is_none());
    check(&file, &fleet).await;
}

#[tokio::test]
async fn the_views_need_no_function_until_there_is_something_packed() {
    let file = File::new().await;
    fleet(&file).await;
    let any_program = Connection::open(file.path()).unwrap();
    let read = || {
        let mut select = any_program.prepare("SELECT count(*) FROM net_info")?;
        select.query_row([], |row| row.get::<_, i64>(0))
    };
    assert!(read().unwrap() > 0);
    file.store.seal(at(7_205)).await.unwrap();
    let told = read().unwrap_err().to_string();
    assert!(told.contains("sqlar_uncompress"), "{told}");
    assert_eq!(file.store.altered_views().await.unwrap(), Vec::<String>::new());
}

/// An hour that was packed before there were containers: it has no text for them, and `process` ends where
/// it ends.
#[tokio::test]
async fn an_hour_that_was_packed_before_there_were_containers_is_read() {
    let file = File::new().await;
    let host = conformance::host(&file, "web-1").await;
    let mut polls =
        vec![sample::good(host.id, &host.name, at(0)), sample::good(host.id, &host.name, at(10))];
    for detail in polls.iter_mut().filter_map(|poll| poll.detail.as_mut()) {
        detail.containers.clear();
    }
    conformance::write_polls(&file, polls.clone()).await;
    file.store.seal(at(7_205)).await.unwrap();
    let former =
        "UPDATE poll_hour SET docs = substr(docs, 1, container_at - 1), container_at = NULL,
                  container_bytes = NULL";
    assert_eq!(Connection::open(file.path()).unwrap().execute(former, []).unwrap(), 1);
    assert_eq!(conformance::all_polls(&file, host.id).await, polls);
    assert_eq!(file.view("process").await.len(), 2);
    assert_eq!(file.view("container").await, []);
}

#[tokio::test]
async fn a_view_of_one_host_unpacks_that_host_alone() {
    let file = File::new().await;
    fleet(&file).await;
    file.store.seal(at(7_205)).await.unwrap();
    for view in VIEWS {
        let sql = format!("EXPLAIN QUERY PLAN SELECT * FROM {} WHERE host = 'web-1'", view.name);
        let plan = file.store.read(move |c| Ok(rows(c, &sql))).await.unwrap();
        let steps: Vec<&str> = plan.iter().map(|row| row["detail"].as_str().unwrap()).collect();
        let all = steps.join("\n");
        assert!(all.contains("SEARCH q") && all.contains("(host_id=?)"), "{}:\n{all}", view.name);
        assert!(!all.contains("SCAN q"), "{}:\n{all}", view.name);
    }
}

#[tokio::test]
async fn packed_hours_are_smaller_and_pruned_when_they_are_wholly_old() {
    let file = File::new().await;
    let host = conformance::host(&file, "web-1").await;
    let polls: Vec<_> =
        (0..720).map(|n| sample::measured(host.id, &host.name, at(n * 10))).collect();
    conformance::write_polls(&file, polls.clone()).await;
    let size = async || {
        let status = file.store.status().await.unwrap();
        status.bytes - status.free_bytes
    };
    let before = size().await;
    file.store.seal(at(7_205)).await.unwrap();
    let packed = size().await;
    assert!(packed * 3 < before, "{packed} of {before}");
    let part_of_the_second =
        Retention { polls: at(3_700), events: WallMs(0), summaries: WallMs(0), rollups: WallMs(0) };
    assert_eq!(file.store.prune(part_of_the_second).await.unwrap().polls, 360);
    assert_eq!(conformance::all_polls(&file, host.id).await, polls[360..]);
    let reach = file.store.reach().await.unwrap();
    assert_eq!(reach.polls, Some(at(3_600 + 86_400)));
    let status = file.store.status().await.unwrap();
    assert_eq!(
        (status.polls, status.sealed_polls, status.oldest_poll),
        (360, 360, Some(at(3_600)))
    );
    let all = Retention {
        polls: at(86_400),
        events: WallMs(0),
        summaries: WallMs(0),
        rollups: WallMs(0),
    };
    assert_eq!(file.store.prune(all).await.unwrap().polls, 360);
    let status = file.store.status().await.unwrap();
    assert_eq!((status.polls, status.sealed_bytes), (0, 0));
}

/// A row that cannot be read keeps its hour as it is, and no other one: of its host or of the hosts after it.
#[tokio::test]
async fn an_hour_that_cannot_be_packed_keeps_no_other_from_it() {
    let file = File::new().await;
    let fleet = fleet(&file).await;
    let harmed = Connection::open(file.path()).unwrap();
    let (host, polls) = &fleet[0];
    let first = polls[0].slot;
    harmed
        .execute(
            "UPDATE poll SET detail = '{' WHERE host_id = ?1 AND slot_ms = ?2",
            [host.id.0, first.0],
        )
        .unwrap();
    let in_first = |record: &&Record| hours::hour(record.slot) == hours::hour(first);
    let left = polls.iter().filter(in_first).count();
    let all: usize = fleet
        .iter()
        .map(|(_, polls)| polls.iter().filter(|record| record.slot < end()).count())
        .sum();
    let sealed = file.store.seal(at(7_205)).await.unwrap();
    assert_eq!(usize::try_from(sealed.polls).unwrap(), all - left);
    let [why] = &*sealed.failed else { panic!("{:?}", sealed.failed) };
    let of = format!("the polls of {} from {} on: ", host.name, hours::hour(first));
    assert!(why.starts_with(&of) && why.contains("cannot understand a row"), "{why}");
    check(&file, &fleet[1..]).await;
    let again = file.store.seal(at(7_205)).await.unwrap();
    assert_eq!((again.polls, &again.failed), (0, &sealed.failed));
}

#[tokio::test]
async fn damage_is_told_and_late_polls_do_not_wait_for_it() {
    let file = File::new().await;
    let mut fleet = fleet(&file).await;
    file.store.seal(at(7_205)).await.unwrap();
    let harmed = Connection::open(file.path()).unwrap();
    let sql =
        "UPDATE poll_hour SET docs = zeroblob(length(docs)) WHERE host_id = ?1 AND hour_ms = ?2";
    let first = hours::hour(at(0)).0;
    assert!(harmed.execute(sql, [fleet[0].0.id.0, first]).unwrap() > 0);
    let (host, polls) = &mut fleet[0];
    let all = file.store.polls(host.id, Span::ALL, ReadOrder::OldestFirst, 9).await;
    let told = all.unwrap_err().with_causes();
    assert!(told.contains("sealed polls"), "{told}");
    let late = poll_at(host, at(77));
    conformance::write_polls(&file, vec![late.clone()]).await;
    file.store.seal(at(7_205)).await.unwrap();
    let after = Span { from: WallMs(first + 3_600_000), to: WallMs(i64::MAX) };
    polls.retain(|record| record.slot >= after.from);
    let rest = file.store.polls(host.id, after, ReadOrder::OldestFirst, MAX_PAGE).await.unwrap();
    assert_eq!(rest, *polls);
    let parts: Vec<(i64, i64)> = harmed
        .prepare("SELECT part, polls FROM poll_hour WHERE host_id = ?1 AND hour_ms = ?2 ORDER BY part DESC")
        .unwrap()
        .query_map([host.id.0, first], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    assert_eq!(parts[0].1, 1, "{parts:?}");
    check(&file, &fleet[1..]).await;
}
