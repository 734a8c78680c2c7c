//! A server whose settings are in the way: what a user may not set is named.

use super::*;
use crate::error_report::error_chain;

async fn refusal(options: &Options, mode: Mode) -> String {
    let error = Mysql::open(options.clone(), mode, standing_clock()).await.unwrap_err();
    assert!(!error.is_absence(), "waiting does not mend it: {error}");
    error_chain(&error).replace(&options.url.addresses[0].port.to_string(), "PORT")
}

#[tokio::test]
async fn a_log_of_statements_is_named_or_left_for_one_of_rows() {
    let flags = ["--log-bin=binlog", "--server-id=1", "--binlog-format=STATEMENT"];
    let flags: Vec<&str> = FLAGS.into_iter().chain(flags).collect();
    let server = Mariadbd::start(&flags);
    let port = server.port();
    let name = new_database(port).await;
    let plain = user(port, &name, "plain", &format!("IDENTIFIED BY '{PASSWORD}'")).await;
    let mut said = vec![
        refusal(&plain, Mode::ReadWrite).await,
        // Its remedy would otherwise be to start a server on it.
        refusal(&plain, Mode::ReadOnly).await,
    ];
    // One who may choose does.
    let store = Mysql::open(options(port, &name), Mode::ReadWrite, standing_clock()).await.unwrap();
    let known = store.register(vec![sample::registration("web-1")], sample::START).await.unwrap();
    let poll = sample::good(known[0].id, &known[0].name, sample::START);
    store.write(Arc::new(Batch::of_polls([poll]))).await.unwrap();
    assert_eq!(store.obstacle().await.unwrap(), None);
    // What is kept is read all the same.
    let reader = Mysql::open(plain.clone(), Mode::ReadOnly, standing_clock()).await.unwrap();
    let kept = reader.polls(known[0].id, Span::ALL, ReadOrder::OldestFirst, 9).await.unwrap();
    assert_eq!(kept.len(), 1);
    assert_eq!(reader.obstacle().await.unwrap(), Some(fault::STATEMENTS_LOGGED));

    let mut root = conn(port, None).await;
    root.query_drop("SET GLOBAL init_connect = 'nonsense'").await.unwrap();
    said.push(refusal(&plain, Mode::ReadOnly).await);
    for user in ["plain", "root"] {
        root.query_drop(format!("DROP USER {user}@'127.0.0.1'")).await.unwrap();
    }
    said.push(refusal(&plain, Mode::ReadOnly).await);
    for words in ["binlog_format = ROW", "binlog_format = ROW", "init_connect", "CREATE USER"] {
        let first = said.remove(0);
        assert!(first.contains(words), "{words}: {first}");
    }
}

#[tokio::test]
async fn what_is_in_the_way_and_no_user_may_set_is_named() {
    let server = Mariadbd::start(&FLAGS);
    let port = server.port();
    let name = new_database(port).await;
    let plain = user(port, &name, "plain", &format!("IDENTIFIED BY '{PASSWORD}'")).await;
    let mut root = conn(port, None).await;
    let mut named =
        vec![("max_prepared_stmt_count = 0", "raise the server's max_prepared_stmt_count")];
    if !on_mysql() {
        named.push(("enforce_storage_engine = 'Aria'", "its tables are InnoDB's"));
    }
    for (against, words) in named {
        root.query_drop(format!("SET GLOBAL {against}")).await.unwrap();
        let error = Mysql::open(plain.clone(), Mode::ReadWrite, standing_clock()).await;
        let error = error.unwrap_err().with_causes();
        assert!(error.contains(words), "{error}");
        let as_it_was = against.split_once(" = ").unwrap().0;
        root.query_drop(format!("SET GLOBAL {as_it_was} = DEFAULT")).await.unwrap();
    }
    Mysql::open(plain, Mode::ReadWrite, standing_clock()).await.unwrap();
}
