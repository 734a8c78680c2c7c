use super::*;
use crate::{
    rollup::Tier,
    store::mysql::{moment, partitions, partitions::PartitionedTable},
};

/// Files are seen by a user with PROCESS alone; others see estimates, which must do.
#[tokio::test]
async fn a_user_of_one_database_alone_keeps_it_within_its_room() {
    let port = shared();
    let name = new_database(port).await;
    let how = format!("IDENTIFIED BY '{PASSWORD}'");
    let options = user(port, &name, &format!("user_{name}"), &how).await;
    let clock = standing_clock();
    let store = Mysql::open(options.clone(), Mode::ReadWrite, clock.clone()).await.unwrap();
    let files: Result<Vec<i64>, _> = {
        let mut conn = store.shared.pools.reader().await.unwrap();
        let (mysql, mariadb) = ("INNODB_TABLESPACES", "INNODB_SYS_TABLESPACES");
        let table = if on_mysql() { mysql } else { mariadb };
        conn.query(format!("SELECT SPACE FROM information_schema.{table}")).await
    };
    assert!(files.is_err(), "{files:?}");
    let database = Database { store, options, clock };
    conformance::the_oldest_polls_are_given_up_for_room_and_told_of(&database).await;
}

/// A server that was killed between the end of a day and its account.
#[tokio::test]
async fn what_went_and_was_not_counted_is_counted_by_the_next_run() {
    let database = Database::new().await;
    let host = database.register("web-1").await;
    let day = |day: i64| WallMs(sample::START.0 + day * 86_400_000);
    for at in [0, 1, 2] {
        database.write(vec![sample::good(host.id, &host.name, day(at))]).await.unwrap();
    }
    let unit = database.store.room().await.unwrap().polls.unwrap();
    let first = moment::day(unit.to).unwrap();
    let pools = &database.store.shared.pools;
    partitions::drop_before(pools, PartitionedTable::Poll, first).await.unwrap();
    assert_eq!(database.all_polls(host.id).await.len(), 2);
    assert_eq!(database.store.room().await.unwrap().polls, Some(unit));
    let gone = database.store.give_up(Tier::Polls, unit.to, day(9)).await.unwrap();
    let losses = database.store.losses(Span::ALL, 9).await.unwrap();
    assert_eq!((gone, losses.len(), losses[0].polls, losses[0].to), (1, 1, 1, day(0)));
    assert_eq!(database.store.room().await.unwrap().polls.unwrap().from, day(1));
    assert_eq!(database.store.status().await.unwrap().polls, 2);
    // Sent again, it finds nothing and tells nothing.
    assert_eq!(database.store.give_up(Tier::Polls, unit.to, day(9)).await.unwrap(), 0);
    assert_eq!(database.store.losses(Span::ALL, 9).await.unwrap(), losses);
}
