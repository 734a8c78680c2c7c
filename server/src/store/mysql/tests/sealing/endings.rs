//! However sealing ends, nothing is lost, doubled or believed that is damaged.

use std::time::Duration;

use tokio::time::timeout;

use super::*;

#[tokio::test]
async fn sealing_that_ends_anywhere_loses_and_doubles_nothing() {
    let database = Database::new().await;
    let fleet = fleet(&database).await;
    let before = everything(&database).await;
    let mut ended = 0;
    // Longer each time, until it is through.
    for patience in 0.. {
        let patience = Duration::from_micros(500 * patience);
        if let Ok(done) = timeout(patience, database.store.seal(at(86_400 * 2))).await {
            done.unwrap();
            break;
        }
        ended += 1;
        check(&database, &fleet).await;
        let ledger = database.rows("SELECT * FROM ledger").await.len();
        assert_eq!(ledger, before["ledger"].len());
    }
    assert!(ended > 3, "{ended} endings were tried");
    assert_eq!(everything(&database).await, before);
    check(&database, &fleet).await;
    assert_eq!(database.store.status().await.unwrap().sealed_polls, 3 * 45);
}

#[tokio::test]
async fn a_server_that_is_killed_while_sealing_loses_and_doubles_nothing() {
    let mut server = Mariadbd::start(&FLAGS);
    let limits = Timeouts { connect: Duration::from_secs(2), ..Timeouts::default() };
    let database = Database::on(server.port(), limits).await;
    let fleet = fleet(&database).await;
    let before = everything(&database).await;
    for steps in [0, 1, 2, 4, 7] {
        // After so many host-hours more.
        let sealed = "SELECT COUNT(*) AS n FROM poll_hour";
        let wanted = count(&database, sealed).await + steps;
        let killing = async {
            while count(&database, sealed).await < wanted.min(9) {
                tokio::task::yield_now().await;
            }
        };
        let sealing = database.store.seal(at(86_400 * 2));
        tokio::select! {
            biased;
            () = killing => {}
            done = sealing => assert!(done.is_ok(), "{done:?}"),
        }
        server.kill();
        server.start_again();
        assert_eq!(everything(&database).await, before, "after {steps} steps");
        check(&database, &fleet).await;
    }
    database.store.seal(at(86_400 * 2)).await.unwrap();
    assert_eq!(everything(&database).await, before);
    check(&database, &fleet).await;
    assert_eq!(database.store.status().await.unwrap().sealed_polls, 3 * 45);
}

#[tokio::test]
async fn damage_is_told_and_its_source_kept() {
    let database = Database::new().await;
    let fleet = fleet(&database).await;
    // As a failing disk or memory would.
    for damage in [
        "docs = INSERT(NEW.docs, 40, 4, 'xxxx')",
        "docs = LEFT(NEW.docs, 100)",
        "polls = NEW.polls - 1",
        "net_info_at = NEW.net_info_at + 1",
        "docs = CONCAT(COMPRESS(REPLACE(UNCOMPRESS(LEFT(NEW.docs, NEW.cpu_load_at - 1)), \
         '4200', '4201')), SUBSTRING(NEW.docs, NEW.cpu_load_at))",
    ] {
        database
            .run(&format!(
                "CREATE TRIGGER damage BEFORE INSERT ON poll_hour FOR EACH ROW SET NEW.{damage}"
            ))
            .await;
        let error = database.store.seal(at(86_400 * 2)).await.unwrap_err();
        assert!(matches!(error, StoreError::Corrupt { .. }), "{damage}: {error}");
        assert!(error.to_string().contains("the sealed polls of"), "{error}");
        assert_eq!(count(&database, "SELECT COUNT(*) AS n FROM poll").await, 3 * 45);
        check(&database, &fleet).await;
        database.run("DROP TRIGGER damage").await;
    }
    database.store.seal(at(86_400 * 2)).await.unwrap();
    check(&database, &fleet).await;

    // What is damaged later is told to whoever reads it, and holds up nobody who writes.
    let host = fleet[0].0.clone();
    let hour = format!("host_id = {} AND hour = '2026-03-29 01:00:00'", host.id.0);
    database
        .run(&format!("UPDATE poll_hour SET docs = INSERT(docs, 20, 9, 'xxxxxxxxx') WHERE {hour}"))
        .await;
    let read = database.store.polls(host.id, Span::ALL, ReadOrder::OldestFirst, MAX_PAGE).await;
    let error = read.unwrap_err().to_string();
    assert!(error.contains("part 0 of the sealed polls of host"), "{error}");
    let written = database.write(vec![poll_at(&host, at(1_111))]).await.unwrap();
    assert_eq!(written.polls, 1);
    check(&database, &fleet[1..]).await;
}

#[tokio::test]
async fn a_row_that_cannot_be_read_is_not_sealed_and_not_dropped() {
    let database = Database::new().await;
    let fleet = fleet(&database).await;
    database.run("UPDATE poll SET state = 'sideways' WHERE ts = '2026-03-29 02:06:40.25'").await;
    let error = database.store.seal(at(86_400 * 2)).await.unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
    let status = database.store.status().await.unwrap();
    assert_eq!(status.sealed_polls, 3 * 41, "the hour before it");
    assert_eq!(status.oldest_unsealed, Some(moment::hour(at(3_600))));
    database.run("UPDATE poll SET state = 'up' WHERE state = 'sideways'").await;
    database.store.seal(at(86_400 * 2)).await.unwrap();
    assert_eq!(database.store.status().await.unwrap().sealed_polls, 3 * 45);
    let written = database.write(vec![fleet[0].1[0].clone()]).await.unwrap();
    assert_eq!(written, BatchResult { repeated: 1, ..BatchResult::default() });
}
