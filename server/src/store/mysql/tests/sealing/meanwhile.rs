//! What comes while polls are sealed, or after: late polls, and somebody else who seals.

use super::*;

#[tokio::test]
async fn polls_that_come_late_are_sealed_with_the_others() {
    let database = Database::new().await;
    let mut fleet = fleet(&database).await;
    database.store.seal(at(7_205)).await.unwrap();
    let host = fleet[1].0.clone();
    // Oldest first, as a replay does; newest first, which is the worst order; and an hour without
    // any, in a day without any.
    let late: Vec<i64> = (0..50).map(|n| 1_000 + n).collect();
    let backwards = (0..50).map(|n| 3_500 - n).chain([-86_400, -90_000]);
    for second in late.iter().copied().chain(backwards) {
        let new = poll_at(&host, at(second));
        let written = database.write(vec![new.clone()]).await.unwrap();
        assert_eq!(written, BatchResult { polls: 1, ..BatchResult::default() });
        fleet[1].1.push(new);
    }
    let parts = count(&database, "SELECT MAX(part) AS n FROM poll_hour").await;
    assert!((1..12).contains(&parts), "{parts} parts");
    // Sent again; another attempt at a slot that is taken; and all of it in one batch.
    let mut other = fleet[1].1[0].clone();
    other.started = WallMs(other.started.0 + 1);
    let new = poll_at(&host, at(2_000));
    let conflicting = vec![(other.host, other.slot)];
    let both = vec![fleet[1].1[0].clone(), other, new.clone(), new.clone()];
    let written = database.write(both).await.unwrap();
    assert_eq!(written, BatchResult { polls: 1, repeated: 2, conflicting });
    fleet[1].1.push(new);
    fleet[1].1.sort_by_key(|record| record.slot);
    check(&database, &fleet).await;
    let all = i64::try_from(fleet.iter().map(|(_, polls)| polls.len()).sum::<usize>()).unwrap();
    assert_eq!(count(&database, "SELECT COUNT(*) AS n FROM ledger").await, all);
    let status = database.store.status().await.unwrap();
    assert_eq!(i64::try_from(status.polls).unwrap(), all);
    assert_eq!(status.polls - status.sealed_polls, 3 * 2);
    let bytes = count(&database, "SELECT CAST(SUM(LENGTH(docs)) AS SIGNED) AS n FROM poll_hour");
    let noted = count(&database, "SELECT CAST(SUM(sealed_bytes) AS SIGNED) AS n FROM poll_day");
    assert_eq!(bytes.await, noted.await);
}

#[tokio::test]
async fn a_poll_that_comes_while_its_hour_is_sealed_is_in_it() {
    let database = Database::new().await;
    let mut fleet = fleet(&database).await;
    let (host, new) = (fleet[0].0.clone(), poll_at(&fleet[0].0, at(5)));
    // Sealing has come to the second host; the first one's hour is packed.
    let mut other = database.conn().await;
    other.query_drop("CREATE TABLE gate (id INT PRIMARY KEY) ENGINE = InnoDB").await.unwrap();
    other.query_drop("INSERT INTO gate VALUES (1)").await.unwrap();
    let second = fleet[1].0.id.0;
    other
        .query_drop(format!(
            "CREATE TRIGGER wait BEFORE INSERT ON poll_hour FOR EACH ROW
             IF NEW.host_id = {second} THEN UPDATE gate SET id = 1; END IF"
        ))
        .await
        .unwrap();
    other.query_drop("BEGIN").await.unwrap();
    other.query_drop("SELECT * FROM gate FOR UPDATE").await.unwrap();
    let writing = async {
        let packed = format!("SELECT COUNT(*) AS n FROM poll_hour WHERE host_id = {}", host.id.0);
        while count(&database, &packed).await == 0 {
            tokio::task::yield_now().await;
        }
        database.write(vec![new.clone()]).await.unwrap();
        other.query_drop("ROLLBACK").await.unwrap();
    };
    let (sealed, ()) = tokio::join!(database.store.seal(at(7_205)), writing);
    assert_eq!(sealed.unwrap().polls, 3 * 43 + 1);
    assert_eq!(count(&database, "SELECT COUNT(*) AS n FROM seal_late").await, 0);
    fleet[0].1.push(new);
    fleet[0].1.sort_by_key(|record| record.slot);
    check(&database, &fleet).await;
    database.run("DELETE FROM poll WHERE ts < '2026-03-29 03:00:00'").await;
    check(&database, &fleet).await;
}

#[tokio::test]
async fn of_two_that_seal_at_once_one_goes_on() {
    let database = Database::new().await;
    let fleet = fleet(&database).await;
    let clock = standing_clock();
    let other = Mysql::open(database.options.clone(), Mode::ReadWrite, clock).await.unwrap();
    let (one, two) = tokio::join!(database.store.seal(at(86_400 * 2)), other.seal(at(86_400 * 2)));
    let sealed: Vec<Sealed> =
        [&one, &two].into_iter().filter_map(|r| r.as_ref().ok()).cloned().collect();
    assert!(!sealed.is_empty(), "{one:?} {two:?}");
    check(&database, &fleet).await;
    database.store.seal(at(86_400 * 2)).await.unwrap();
    check(&database, &fleet).await;
    let status = database.store.status().await.unwrap();
    assert_eq!((status.polls, status.sealed_polls), (3 * 45, 3 * 45));
}
