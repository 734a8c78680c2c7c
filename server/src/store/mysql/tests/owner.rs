use super::*;
use crate::store::Owner;

fn owner(id: char, words: &str) -> Option<Owner> {
    Some(Owner { id: id.to_string().repeat(32).into(), words: words.to_owned() })
}

impl Database {
    async fn open_by(&self, owner: Option<Owner>) -> Result<Mysql, StoreError> {
        let options = Options { owner, ..self.options.clone() };
        Mysql::open(options, Mode::ReadWrite, self.clock.clone()).await
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
    assert!(said.contains("process 1 on one, data folder /a; stop that one"), "{said}");
    // Whoever only reads is not kept out.
    let reader = Options { owner: owner('c', "a reader"), ..database.options.clone() };
    Mysql::open(reader, Mode::ReadOnly, database.clock.clone()).await.unwrap();
    // The one that was killed had no time to let go; the one after it does not wait.
    let held = "SELECT CAST(expires > UTC_TIMESTAMP(3) AS SIGNED) AS held FROM server";
    assert_eq!(database.rows(held).await[0]["held"], 1);
    let again = database.open_by(owner('a', "process 3 on one")).await.unwrap();
    // The one before cannot write any more, should it still be there.
    let poll = |second: i64| {
        let slot = WallMs(sample::START.0 + second * 1_000);
        Arc::new(Batch::of_polls([sample::good(host.id, &host.name, slot)]))
    };
    in_use(first.write(poll(1)).await);
    in_use(first.register(vec![sample::registration("web-2")], sample::START).await);
    again.write(poll(2)).await.unwrap();
    assert_eq!(database.all_polls(host.id).await.len(), 1);
    drop(first);
    assert_eq!(database.rows(held).await[0]["held"], 1, "only who holds it lets it go");
    // In good order another one need not wait.
    drop(again);
    assert_eq!(database.rows(held).await[0]["held"], 0);
    let other = database.open_by(owner('b', "process 2 on two")).await.unwrap();
    other.write(poll(3)).await.unwrap();
}

#[tokio::test]
async fn a_database_whose_server_is_gone_is_taken_over_and_one_that_comes_back_sees_it() {
    let database = Database::new().await;
    let host = database.register("web-1").await;
    let first = database.open_by(owner('a', "process 1 on one")).await.unwrap();
    // It was stopped for so long that its time ran out.
    database.run("UPDATE server SET expires = UTC_TIMESTAMP(3) - INTERVAL 1 SECOND").await;
    let second = database.open_by(owner('b', "process 2 on two")).await.unwrap();
    let poll = sample::good(host.id, &host.name, sample::START);
    let batch = Arc::new(Batch::of_polls([poll]));
    let said = in_use(first.write(Arc::clone(&batch)).await);
    assert!(said.contains("a server that has taken over"), "{said}");
    second.write(batch).await.unwrap();
}
