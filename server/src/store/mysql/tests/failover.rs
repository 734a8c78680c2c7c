//! Several servers of one database: which one is used, and what happens when it is of no use any more.

use std::time::Duration;

use super::{
    outages::{BATCH, Site, plain},
    replicas::{caught_up, read_only, replicate},
    *,
};
use crate::store::{Mark, Owner};

/// Two servers that replicate each other.
struct Pair {
    a: Mariadbd,
    b: Mariadbd,
}

impl Pair {
    /// Both have the database, of which `a` takes rows; and its options for a plain user.
    async fn new() -> (Self, Options) {
        let start = |id: u32| {
            let id = format!("--server-id={id}");
            Mariadbd::start(&[&FLAGS[..], &replicas::FLAGS[..], &[id.as_str()]].concat())
        };
        let (a, b) = (start(1), start(2));
        replicate(a.port(), b.port()).await;
        replicate(b.port(), a.port()).await;
        let database = Database::on(a.port(), limits()).await;
        let mut options = plain(&database).await;
        options.owner = Some(Owner::new("a".repeat(32), "one".to_owned()));
        options.url.addresses = vec![address(&a), address(&b)];
        let pair = Self { a, b };
        read_only(pair.b.port(), true).await;
        caught_up(pair.a.port(), pair.b.port()).await;
        (pair, options)
    }
}

fn limits() -> Timeouts {
    Timeouts {
        connect: Duration::from_secs(2),
        call: Duration::from_secs(5),
        ..Timeouts::default()
    }
}

fn address(server: &Mariadbd) -> MysqlAddress {
    MysqlAddress { host: "127.0.0.1".to_owned(), port: server.port() }
}

async fn open(options: &Options) -> Result<Mysql, StoreError> {
    Mysql::open(options.clone(), Mode::ReadWrite, standing_clock()).await
}

fn is_at(store: &Mysql, port: u16) -> bool {
    store.shared.pools.location().ends_with(&format!(", at 127.0.0.1:{port}"))
}

async fn rows_in(port: u16, options: &Options) -> u64 {
    let mut conn = conn(port, Some(&options.url.database)).await;
    conn.query_first("SELECT COUNT(*) FROM poll").await.unwrap().unwrap()
}

#[tokio::test]
async fn rows_go_to_the_server_that_takes_them_wherever_it_stands() {
    let (mut pair, mut options) = Pair::new().await;
    options.url.addresses.reverse();
    let store = open(&options).await.unwrap();
    assert!(is_at(&store, pair.a.port()), "{}", store.shared.pools.location());
    let reader = Mysql::open(options.clone(), Mode::ReadOnly, standing_clock()).await.unwrap();
    assert!(is_at(&reader, pair.b.port()), "whoever reads may read a replica");
    assert_eq!(reader.status().await.unwrap().polls, 0);
    drop(store);
    // Also a user who could write to a replica does not.
    let root =
        Options { url: MysqlUrl { user: "root".to_owned(), ..options.url.clone() }, ..options };
    let store = open(&root).await.unwrap();
    let host = store.register(vec![sample::registration("web-1")], sample::START).await.unwrap();
    let host = &host[0];
    let batch = |ms| {
        let slot = WallMs(sample::START.0 + ms);
        Arc::new(Batch::of_polls([sample::good(host.id, &host.name, slot)]))
    };
    store.write(batch(0)).await.unwrap();
    caught_up(pair.a.port(), pair.b.port()).await;
    read_only(pair.a.port(), true).await;
    let refused = store.write(batch(1)).await.unwrap_err();
    assert!(matches!(refused, StoreError::Unfit { .. }), "{refused:?}");
    // None takes rows: which, and why, is said; it is waited for.
    let refused = store.write(batch(1)).await.unwrap_err();
    let said = refused.to_string();
    let (a, b) = (pair.a.port(), pair.b.port());
    let each = format!(
        " takes rows: 127.0.0.1:{a}: it is read-only (read_only is on); \
         127.0.0.1:{b}: it is read-only (read_only is on)"
    );
    assert!(refused.is_absence() && said.ends_with(&each), "{said}");
    pair.a.kill();
    let said = open(&root).await.unwrap_err();
    assert!(said.is_absence(), "{said:?}");
    assert!(said.to_string().contains(&format!("127.0.0.1:{a}: Connection refused")), "{said}");
    assert_eq!(rows_in(pair.b.port(), &root).await, 1);
}

#[tokio::test]
async fn rows_follow_a_database_that_is_switched_over_and_back() {
    let (pair, options) = Pair::new().await;
    let Pair { a, b } = pair;
    let mut site = Site::on(a, options.clone(), true).await;
    for round in 0..2 {
        // The site's own server is the first, from which the way leads to the other one and back.
        let ports = (site.server.port(), b.port());
        let (from, to) = if round == 0 { ports } else { (ports.1, ports.0) };
        assert!(is_at(&site.store.store, from));
        read_only(from, true).await;
        site.push(BATCH);
        site.until(Result::is_err).await;
        site.spooled(|rows| rows > 0).await;
        // What is kept is read meanwhile.
        site.store.polls(HostId(1), Span::ALL, ReadOrder::OldestFirst, 1).await.unwrap();
        caught_up(from, to).await;
        read_only(to, false).await;
        site.until(Result::is_ok).await;
        site.spooled(|rows| rows == 0).await;
        assert!(is_at(&site.store.store, to));
        // It stays there when the other one is well again, too; until that one has what was written here.
        caught_up(to, from).await;
        site.push(BATCH);
        site.until(Result::is_ok).await;
        assert!(is_at(&site.store.store, to));
        caught_up(to, from).await;
    }
    let all = rows_in(site.server.port(), &options).await;
    assert_eq!((rows_in(b.port(), &options).await, all), (all, 4 * u64::try_from(BATCH).unwrap()));
    site.check().await;
}

#[tokio::test]
async fn a_server_that_is_killed_is_followed_by_its_replica_and_costs_nothing() {
    let (Pair { a, b }, options) = Pair::new().await;
    let mut site = Site::on(a, options, true).await;
    site.push(BATCH);
    site.until(Result::is_ok).await;
    caught_up(site.server.port(), b.port()).await;
    site.server.kill();
    site.push(BATCH * 5);
    site.until(|ended| ended.as_ref().is_err_and(|error| error.contains("it is read-only"))).await;
    site.spooled(|rows| rows > 0).await;
    read_only(b.port(), false).await;
    site.until(Result::is_ok).await;
    assert!(is_at(&site.store.store, b.port()));
    // The right to write goes on.
    let held = &site.store.store.shared.held.clone().unwrap();
    held.renew_once().await.unwrap();
    site.spooled(|rows| rows == 0).await;
    site.check().await;
}

#[tokio::test]
async fn a_server_that_falls_silent_is_given_up_before_the_limit_of_a_call() {
    let (Pair { a, b }, mut options) = Pair::new().await;
    // Only the silence can end a call.
    options.limits.call = PATIENCE * 2;
    let mut site = Site::on(a, options.clone(), true).await;
    site.push(BATCH);
    site.until(Result::is_ok).await;
    caught_up(site.server.port(), b.port()).await;
    read_only(b.port(), false).await;
    site.store.status().await.unwrap();
    site.server.freeze();
    let asked = tokio::time::timeout(PATIENCE, site.store.status()).await;
    let asked = asked.expect("its silence was not noticed");
    // Whoever asks first finds out: that may also be what renews the right to write.
    assert!(matches!(asked, Ok(_) | Err(StoreError::Timeout { .. })), "{asked:?}");
    site.store.status().await.unwrap();
    assert!(is_at(&site.store.store, b.port()));
    site.push(BATCH);
    site.until(Result::is_ok).await;
    // Nor does it hold up a start: its share of the time, of which the other one has enough left.
    let other = Options { owner: None, ..options };
    let store = open(&other).await.unwrap();
    assert!(is_at(&store, b.port()));
    site.spooled(|rows| rows == 0).await;
    site.check().await;
}

#[tokio::test]
async fn what_a_replica_lacks_is_missing_once_it_takes_rows_and_not_before() {
    let (mut pair, options) = Pair::new().await;
    let store = open(&options).await.unwrap();
    let host = store.register(vec![sample::registration("web-1")], sample::START).await.unwrap();
    let host = &host[0];
    let mark = |second: i64| Mark {
        host: host.id,
        slot: WallMs(sample::START.0 + second * 1_000),
        polls: second.unsigned_abs(),
    };
    let write = async |second: i64| {
        let poll = sample::good(host.id, &host.name, mark(second).slot);
        store.write(Arc::new(Batch::of_polls([poll]))).await
    };
    write(1).await.unwrap();
    caught_up(pair.a.port(), pair.b.port()).await;
    replicas::stop(pair.b.port()).await;
    write(2).await.unwrap();
    let marks = vec![mark(1), mark(2)];
    assert_eq!(store.missing(marks.clone()).await.unwrap(), []);
    pair.a.kill();
    // It is read where it can be read, but a replica does not say what was lost.
    let kept = async || store.polls(host.id, Span::ALL, ReadOrder::OldestFirst, 9).await;
    while kept().await.is_err() {}
    assert_eq!(kept().await.unwrap().len(), 1);
    store.missing(marks.clone()).await.unwrap_err();
    read_only(pair.b.port(), false).await;
    assert_eq!(store.missing(marks).await.unwrap(), [mark(2)]);
    assert_eq!(write(3).await.unwrap().polls, 1);
}

#[tokio::test]
async fn a_server_with_another_database_is_passed_over() {
    let mut server = Mariadbd::start(&FLAGS);
    let database = Database::on(server.port(), limits()).await;
    let other = Database::new().await;
    let mut options = database.options.clone();
    let shared = other.options.url.addresses[0].clone();
    let name = other.options.url.database.clone();
    // The same name on both.
    database.run(&format!("CREATE DATABASE {name}_2")).await;
    other.run(&format!("CREATE DATABASE {name}_2")).await;
    options.url.database = format!("{name}_2");
    let alone = Options {
        url: MysqlUrl { addresses: vec![shared.clone()], ..options.url.clone() },
        ..options.clone()
    };
    drop(open(&alone).await.unwrap());
    options.url.addresses.push(shared);
    let store = open(&options).await.unwrap();
    store.status().await.unwrap();
    server.kill();
    let refused = async {
        loop {
            let error = store.register(vec![sample::registration("x")], sample::START).await;
            let said = error.unwrap_err().to_string();
            if said.contains("it is another database") {
                return said;
            }
        }
    };
    let said = tokio::time::timeout(PATIENCE, refused).await.unwrap();
    assert!(said.contains("Connection refused"), "{said}");
    let hosts = open(&alone).await.unwrap().hosts(HostQuery::all()).await.unwrap();
    assert_eq!(hosts.len(), 0);
}
