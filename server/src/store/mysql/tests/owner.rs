use super::*;
use crate::{clock::SystemClock, lease::Beat, store::Owner, units::Mono};

fn owner(id: char, words: &str) -> Owner {
    Owner::new(id.to_string().repeat(32), words.to_owned())
}

impl Database {
    async fn open_by(&self, owner: Owner) -> Result<Mysql, StoreError> {
        let options = Options { owner: Some(owner), ..self.options.clone() };
        Mysql::open(options, Mode::ReadWrite, Arc::new(SystemClock::new())).await
    }

    /// Another server has the row, and gives no sign of life.
    async fn taken_by_one_that_died(&self) {
        self.run(
            "UPDATE server SET owner = 'cccc', words = 'process 9 on three', epoch = epoch + 1,
               beat = 7",
        )
        .await;
    }

    /// A batch of one poll.
    fn poll(host: &KnownHost, second: i64) -> Arc<Batch> {
        let slot = WallMs(sample::START.0 + second * 1_000);
        Arc::new(Batch::of_polls([sample::good(host.id, &host.name, slot)]))
    }
}

fn in_use(result: Result<impl fmt::Debug, StoreError>) -> String {
    let error = result.unwrap_err();
    assert!(matches!(error, StoreError::InUse { .. }), "{error}");
    error.to_string()
}

#[tokio::test]
async fn a_database_has_one_server_and_the_same_one_has_it_back_at_once() {
    let database = Database::new().await;
    let host = database.register("web-1").await;
    let first = database.open_by(owner('a', "process 1 on one, data folder /a")).await.unwrap();
    let said = in_use(database.open_by(owner('b', "process 2 on two")).await);
    assert!(said.contains("process 1 on one, data folder /a"), "{said}");
    // Whoever only reads is not kept out.
    let reader = Options { owner: Some(owner('c', "a reader")), ..database.options.clone() };
    Mysql::open(reader, Mode::ReadOnly, database.clock.clone()).await.unwrap();
    // The one that was killed had no time to let go; the one after it does not wait.
    let held = "SELECT CAST(beat > 0 AS SIGNED) AS held FROM server";
    assert_eq!(database.rows(held).await[0]["held"], 1);
    let again = owner('a', "process 3 on one");
    let standing = Arc::clone(&again.standing);
    let again = database.open_by(again).await.unwrap();
    assert!(!standing.has_succeeded(), "nobody else was in charge meanwhile");
    // The one before cannot write any more, should it still be there.
    in_use(first.write(Database::poll(&host, 1)).await);
    in_use(first.register(vec![sample::registration("web-2")], sample::START).await);
    again.write(Database::poll(&host, 2)).await.unwrap();
    assert_eq!(database.all_polls(host.id).await.len(), 1);
    drop(first);
    assert_eq!(database.rows(held).await[0]["held"], 1, "only who holds it lets it go");
    // In good order another one need not wait.
    drop(again);
    assert_eq!(database.rows(held).await[0]["held"], 0);
    let other = owner('b', "process 2 on two");
    let standing = Arc::clone(&other.standing);
    let other = database.open_by(other).await.unwrap();
    assert!(standing.has_succeeded(), "another one was in charge");
    other.write(Database::poll(&host, 3)).await.unwrap();
}

#[tokio::test]
async fn a_database_whose_server_died_is_taken_over_once_it_was_watched_and_not_before() {
    let database = Database::new().await;
    let host = database.register("web-1").await;
    let first = owner('a', "process 1 on one");
    let standing = Arc::clone(&first.standing);
    let first = database.open_by(first).await.unwrap();
    database.taken_by_one_that_died().await;
    // Whoever had it before finds out by itself, and at once when it writes.
    in_use(first.write(Database::poll(&host, 1)).await);
    assert_eq!(&*standing.superseded().await, "process 9 on three");
    assert!(!standing.may_tell(Mono::default()).await);

    let second = owner('b', "process 2 on two");
    in_use(database.open_by(second.clone()).await);
    let mut holders = Vec::new();
    let clock = Arc::new(SystemClock::new());
    watch(database.options.clone(), &second, clock, |holder| holders.push(holder.to_owned()))
        .await
        .unwrap();
    assert_eq!(holders, ["process 9 on three"]);
    // A sign of life after all, before it was taken.
    database.run("UPDATE server SET beat = beat + 1").await;
    in_use(database.open_by(second.clone()).await);
    database.run("UPDATE server SET beat = beat - 1").await;
    let standing = Arc::clone(&second.standing);
    let second = database.open_by(second).await.unwrap();
    assert!(standing.has_succeeded());
    second.write(Database::poll(&host, 2)).await.unwrap();
    assert!(standing.may_tell(Mono::default()).await);
}

#[tokio::test]
async fn of_two_that_want_a_database_at_once_one_gets_it_and_it_alone_writes() {
    const TIMES: i64 = 20;
    let database = Database::new().await;
    let host = database.register("web-1").await;
    for time in 0..TIMES {
        let mut epoch = 0;
        // Nobody ever had it, or one that died.
        if time % 2 == 0 {
            database.run("DELETE FROM server").await;
        } else {
            database.taken_by_one_that_died().await;
            let row = database.rows("SELECT epoch FROM server").await;
            epoch = row[0]["epoch"].as_u64().unwrap();
        }
        let wanting = ["a", "b"].map(|id| {
            let owner = owner(id.chars().next().unwrap(), id);
            owner.standing.stood_still(Beat { epoch, count: 7 });
            database.open_by(owner)
        });
        let [one, other] = wanting;
        let (one, other) = tokio::join!(one, other);
        let (winner, loser) = match (one, other) {
            (Ok(winner), Err(loser)) | (Err(loser), Ok(winner)) => (winner, loser),
            both => panic!("{both:?}"),
        };
        assert!(matches!(loser, StoreError::InUse { .. }), "{loser}");
        winner.write(Database::poll(&host, time)).await.unwrap();
    }
    assert_eq!(i64::try_from(database.all_polls(host.id).await.len()).unwrap(), TIMES);
}

/// The server had the right when its batch began, and has lost it before that is kept.
#[tokio::test]
async fn a_batch_that_a_takeover_finds_under_way_is_not_kept() {
    let database = Database::new().await;
    let host = database.register("web-1").await;
    let first = database.open_by(owner('a', "process 1 on one")).await.unwrap();
    first.write(Database::poll(&host, 1)).await.unwrap();
    // Every batch of the day counts its polls in this row.
    let mut other = database.conn().await;
    let mut holding = other.start_transaction(mysql_async::TxOpts::default()).await.unwrap();
    holding.query_drop("UPDATE poll_day SET polls = polls").await.unwrap();
    let write = first.write(Database::poll(&host, 2));
    let takeover = async {
        // It waits for that row, and has asked long ago who is in charge.
        let waits = "SELECT COUNT(*) FROM information_schema.PROCESSLIST
                     WHERE INFO LIKE 'INSERT INTO poll_day%'";
        let mut looking = database.conn().await;
        while looking.query_first(waits).await.unwrap() != Some(1) {
            tokio::task::yield_now().await;
        }
        database.taken_by_one_that_died().await;
        holding.rollback().await.unwrap();
    };
    let (written, ()) = tokio::join!(write, takeover);
    in_use(written);
    assert_eq!(database.all_polls(host.id).await.len(), 1);
}
