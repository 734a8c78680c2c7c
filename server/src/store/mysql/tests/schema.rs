//! Others are in the way while the schema is made.

use super::*;

/// Waits until as many transactions as that wait for a lock that another one has.
async fn until_waiting(conn: &mut Conn, count: u64) {
    let sql = "SELECT COUNT(*) FROM information_schema.INNODB_TRX WHERE trx_state = 'LOCK WAIT'";
    // The table is filled again only when nobody has read it for a tenth of a second.
    let mut looks = tokio::time::interval(std::time::Duration::from_millis(150));
    let waiting = async {
        while conn.query_first::<u64, _>(sql).await.unwrap() != Some(count) {
            looks.tick().await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.expect("nobody waits");
}

#[tokio::test]
async fn a_deadlock_over_the_lease_is_no_end_of_it() {
    let server = Mariadbd::start(&FLAGS);
    let database = Database::on(server.port(), Timeouts::default()).await;
    // Whoever changes the lease then changes this row: two that come from both sides are in each other's way.
    for sql in [
        "CREATE TABLE beside (id INT PRIMARY KEY, n INT NOT NULL) ENGINE = InnoDB",
        "INSERT INTO beside VALUES (1, 0), (2, 0), (3, 0), (4, 0), (5, 0)",
        "CREATE TRIGGER after_lease AFTER UPDATE ON lease FOR EACH ROW UPDATE beside SET n = n + 1 \
         WHERE id = 1",
    ] {
        database.run(sql).await;
    }
    let pools = Arc::clone(&database.store.shared.pools);
    let mut ours = pools.schema().await.unwrap();
    let (mut other, mut eyes) = (database.conn().await, database.conn().await);
    // Heavier than ours: the server ends the lighter one.
    other.query_drop("BEGIN").await.unwrap();
    other.query_drop("UPDATE beside SET n = n + 1").await.unwrap();
    let taking = tokio::spawn(async move {
        let lease = lease::Lease::take(&pools, &mut ours).await?;
        lease.release(&mut ours).await
    });
    until_waiting(&mut eyes, 1).await;
    other.query_drop("UPDATE lease SET expires = expires").await.unwrap();
    other.query_drop("COMMIT").await.unwrap();
    taking.await.unwrap().unwrap();
    let deadlocks =
        "SELECT COUNT FROM information_schema.INNODB_METRICS WHERE NAME = 'lock_deadlocks'";
    assert_eq!(eyes.query_first::<u64, _>(deadlocks).await.unwrap(), Some(1));
}

/// Has the server refuse so many changes of a table, on each connection, with an error.
async fn refuse(database: &Database, table: &str, event: &str, code: u16, times: u32) {
    for sql in [
        format!("DROP TRIGGER IF EXISTS refuse_{table}"),
        // A variable is not rolled back.
        format!(
            "CREATE TRIGGER refuse_{table} BEFORE {event} ON {table} FOR EACH ROW BEGIN
               SET @refused = IFNULL(@refused, 0) + 1;
               IF @refused <= {times} THEN
                 SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = {code}, MESSAGE_TEXT = 'as wanted';
               END IF;
             END"
        ),
    ] {
        database.run(&sql).await;
    }
}

#[tokio::test]
async fn steps_that_others_are_in_the_way_of_are_taken_again() {
    let database = Database::new().await;
    let owner = crate::store::Owner::new("a".repeat(32), "one".to_owned());
    let options = Options { owner: Some(owner), ..database.options.clone() };
    let open = || Mysql::open(options.clone(), Mode::ReadWrite, standing_clock());
    let again = format!("DELETE FROM schema_version WHERE number > {}", migrate::numbers()[1]);
    for (table, event, code, times) in [
        ("lease", "UPDATE", 1213, lease::TRIES - 1),
        ("lease", "UPDATE", 1205, 1),
        ("schema_version", "INSERT", 1213, 1),
        ("server", "INSERT", 1213, 1),
    ] {
        refuse(&database, table, event, code, times).await;
        database.run(&again).await;
        database.run("DELETE FROM server").await;
        let store = open().await.unwrap();
        assert_eq!(store.status().await.unwrap().schema, migrate::known(), "{table} {code}");
        database.run(&format!("DROP TRIGGER refuse_{table}")).await;
    }
    // Not for ever; and a node that is not ready is waited for by who opens the store.
    for (code, times, is_absence) in [(1213, lease::TRIES, false), (1047, 1, true), (1180, 1, true)]
    {
        refuse(&database, "schema_version", "INSERT", code, times).await;
        database.run(&again).await;
        let error = open().await.unwrap_err();
        assert_eq!(error.is_absence(), is_absence, "{error:?}");
        assert!(error.with_causes().contains("as wanted"), "{error:?}");
    }
    database.run("DROP TRIGGER refuse_schema_version").await;
    open().await.unwrap();
}
