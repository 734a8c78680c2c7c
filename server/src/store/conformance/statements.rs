//! What every backend owes who asks in SQL.

use tokio::sync::mpsc;

use super::*;
use crate::store::{SQL_AHEAD, SqlPart, SqlValue};

/// What a statement answers.
async fn ask(store: &dyn Store, statement: &str) -> Result<Vec<SqlPart>, StoreError> {
    let (sink, mut parts) = mpsc::channel(SQL_AHEAD);
    let take = async {
        let mut all = Vec::new();
        while let Some(part) = parts.recv().await {
            all.push(part);
        }
        all
    };
    let (asked, all) = tokio::join!(store.sql(statement.to_owned(), sink), take);
    asked.map(|()| all)
}

pub(crate) async fn a_statement_that_reads_is_answered_and_no_other(fixture: &dyn Fixture) {
    let host = host(fixture, "web-1").await;
    let polls = (0..3).map(|s| sample::good(host.id, &host.name, slot(s)));
    write_polls(fixture, polls.collect()).await;
    let reader = fixture.reader().await;
    for store in [fixture.store(), &*reader] {
        let all = ask(
            store,
            "SELECT host, load_1, NULL AS unknown, 9007199254740993 AS many,
             X'00FF' AS bytes FROM cpu_load ORDER BY time LIMIT 2",
        );
        let names = ["host", "load_1", "unknown", "many", "bytes"].map(str::to_owned).to_vec();
        let load = sample::good(host.id, &host.name, slot(0)).values.unwrap().get(Column::Load1);
        let row = SqlPart::Row(vec![
            SqlValue::Text("web-1".to_owned()),
            SqlValue::Real(load.unwrap()),
            SqlValue::Null,
            SqlValue::Whole(9_007_199_254_740_993),
            SqlValue::Bytes(vec![0, 255]),
        ]);
        assert_eq!(all.await.unwrap(), [SqlPart::Names(names), row.clone(), row]);
        let digit = ["SELECT 1 AS n"; 10].join(" UNION ALL ");
        let many = format!("SELECT a.n FROM ({digit}) a JOIN ({digit}) b JOIN ({digit}) c");
        assert_eq!(ask(store, &many).await.unwrap().len(), 1_001, "more than wait at once");
        for changing in [
            "DELETE FROM poll",
            "DROP TABLE poll",
            "CREATE TABLE mine (n INTEGER)",
            "WITH n AS (SELECT 1) DELETE FROM poll",
            "SELECT 1; DELETE FROM poll",
            "no statement",
        ] {
            ask(store, changing).await.unwrap_err();
        }
        assert_eq!(all_polls(fixture, host.id).await.len(), 3);
        // Who has enough.
        let (sink, parts) = mpsc::channel(SQL_AHEAD);
        drop(parts);
        store.sql(many, sink).await.unwrap();
    }
}
