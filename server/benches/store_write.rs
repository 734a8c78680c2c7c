//! What keeping a poll costs, in SQLite and in a MariaDB of its own, or the MySQL that `TEST_MYSQLD`
//! names: CPU and bytes per poll as it comes and sealed, and what reading it back costs. Prints figure,
//! target and method.
//!
//! `cargo bench -p roundsman --bench store_write`; with ` -- writes` no more than the writes.

use std::{error::Error, sync::Arc};

#[path = "store_write/fleet.rs"]
mod fleet;
#[path = "../tests/support/mariadbd.rs"]
mod mariadbd;

use fleet::Host;
use mariadbd::Mariadbd;
use mysql_async::{Conn, OptsBuilder, prelude::Queryable as _};
use roundsman::{
    clock::ManualClock,
    config::{MysqlAddress, MysqlUrl, TlsMode},
    model::{Column, ColumnSet, GroupName, HostName},
    store::{
        Batch, HostQuery, KnownHost, MAX_PAGE, Mode, ReadOrder, Registration, Span, Store,
        mysql::{self, Mysql},
        sqlite::Sqlite,
    },
    units::{Now, WallMs},
};
use rustix::time::{ClockId, clock_gettime};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const HOSTS: usize = 80;
/// One hour.
const ROUNDS: i64 = 360;
const INTERVAL_MS: i64 = 10_000;
/// Polls to a batch: those of a second or two of a small fleet, those of a large one.
const SIZES: [usize; 2] = [50, 500];
/// How often writes are measured, the sizes in turn, and of how long.
const REPEATS: usize = 5;
const REPEATED_ROUNDS: i64 = 90;
/// 2026-03-29T02:00:00Z.
const START_MS: i64 = 1_774_749_600_000;

/// Targets: microseconds and bytes.
const WRITE_US: f64 = 100.0;
const SEAL_US: f64 = 150.0;
const RAW_BYTES: f64 = 1_300.0;
const SEALED_BYTES_PER_VALUE: f64 = 0.9;

/// What was tried for less, and what it gave when it was: nothing of this is measured anew.
const TRIED: &str = "\
tried, on a fleet like this one; figures of the day it was tried
for raw bytes per poll (2,910), by copying the polls of 50 to a batch into tables made otherwise, in the order
they came (21 us of mariadbd per poll as it is):
  PAGE_COMPRESSED=1 (MariaDB alone)                  1,364 on the disk, 40 us more
  ROW_FORMAT=COMPRESSED, pages of 8 KiB              2,036, 87 us more
  FLOAT for DOUBLE                                   2,473; rates of gigabytes lose their thousandths
  the same, and INT for BIGINT but for bytes         2,327
  no detail at all                                   2,036: what is typed is most of it
  inserted host by host (pages as full as may be)    2,473
for CPU of a write: MariaDB's bulk protocol (exec_batch of mysql_async), 84 against 99 us in batches of 50, 47
  against 64 in batches of 500. Not taken: the driver tells of the last packet alone how many rows it changed,
  by which rows that came twice are told from new ones
for CPU of a write: an INSERT whose values are text, numbers as they are and all else in hexadecimal, for the
  prepared one; the two in turn, twice, each the middle of five, here + database, in batches of 50 and of 500
  MySQL 9.7                                          34 + 94 and 28 + 69 against 33 + 93 and 29 + 68
  MariaDB 10.11                                      32 + 57 and 27 + 46 against 30 + 43 and 28 + 31
  such an INSERT alone, in the database, MySQL and MariaDB, on a busy machine:
  reals as doubles, decimals, in quotes              97, 97, 95 and 64, 67, 70; groups of 16: 91 and 75, of 250: 114 and 57
  JSON_TABLE over a document of the rows             131 and 550
  LOAD DATA LOCAL                                    52 and 40; MySQL refuses it unless its operator allows it
for packed bytes, libdeflate for zlib in Rust; CPU of one thread, packing alone, on a busy machine, and bytes
  per poll of the texts (361 values, 2,166 bytes of text), of 40 hosts and an hour each
  sealed, zlib 6                                     47 to 53 us, 616 bytes; to unpack 6 to 7 us
  sealed, libdeflate 6, 7, 8, 9                      41 to 44, 52 to 58, 93 to 103, 119 to 127 us; 581, 576, 568, 566
  sealed, libdeflate 10, 11, 12                      296 to 304, 418 to 481, 628 us; 547, 545, 544
  to unpack, libdeflate                              3.2 to 3.6 us
  detail as it comes, zlib 1; libdeflate 1, 3, 6     13 us, 817 bytes; 17, 23, 25 us, 566, 557, 551 bytes
of 119 us of a poll in MySQL in batches of 50 the INSERT is 76, COMMIT 13, host_seen 8, the seal boundary 5, poll_day 2
for sealed bytes per value: rates, an array per poll   1.82 with the table's own, 653 bytes per poll";

/// CPU time of every thread of this process so far, nanoseconds. Not from `/proc/self/task`: what is
/// there of a running thread is as old as the kernel's last tick, and what was used before a call would
/// be counted as the call's.
fn cpu_ns() -> Result<u64> {
    let used = clock_gettime(ClockId::ProcessCPUTime);
    Ok(u64::try_from(used.tv_sec)? * 1_000_000_000 + u64::try_from(used.tv_nsec)?)
}

#[expect(clippy::cast_precision_loss, reason = "printed with few digits")]
fn per(amount: u64, count: usize) -> f64 {
    amount as f64 / count as f64
}

fn print(what: &str, figure: f64, unit: &str, target: Option<f64>) {
    let verdict = match target {
        Some(target) if figure <= target => format!("  target {target}: met"),
        Some(target) => format!("  target {target}: MISSED"),
        None => String::new(),
    };
    println!("{what:<44} {figure:8.2} {unit}{verdict}");
}

async fn register(store: &dyn Store) -> Result<Vec<KnownHost>> {
    let registration = |number: usize| -> Result<Registration> {
        Ok(Registration {
            name: HostName::new(&format!("web-{number:03}"))?,
            group: Some(GroupName::new("web")?),
            labels: [("env".to_owned(), "prod".to_owned())].into(),
            addresses: vec![format!("web-{number:03}:50051")],
            renamed_from: None,
        })
    };
    let hosts = (0..HOSTS).map(registration).collect::<Result<Vec<_>>>()?;
    Ok(store.register(hosts, WallMs(START_MS)).await?)
}

/// What something cost so far: here, and in the database server (ticks of 10 ms).
#[derive(Default)]
struct Cost {
    ours_ns: u64,
    theirs: u64,
}

impl Cost {
    async fn add<T>(
        &mut self,
        server: Option<&Mariadbd>,
        work: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let ticks = || server.map_or(0, Mariadbd::cpu_ticks);
        let before = (cpu_ns()?, ticks());
        let done = work.await?;
        self.ours_ns += cpu_ns()? - before.0;
        self.theirs += ticks() - before.1;
        Ok(done)
    }

    /// Microseconds, here and in the database server.
    fn us(&self, count: usize) -> (f64, f64) {
        (per(self.ours_ns, count) / 1e3, per(self.theirs * 10_000, count))
    }

    fn print(&self, what: &str, count: usize, target: Option<f64>) {
        let (ours, theirs) = self.us(count);
        print(what, ours + theirs, "us CPU per poll", target);
        if self.theirs > 0 {
            println!("{:<44} {ours:8.2} here, {theirs:.2} in {}", "", names().0);
        }
    }
}

/// Polls, and known values in them.
#[derive(Clone, Copy, Default)]
struct Amount {
    polls: usize,
    values: usize,
}

/// The program of the database, and how it is called.
fn names() -> (&'static str, &'static str) {
    if mariadbd::mysqld().is_some() { ("mysqld", "MySQL") } else { ("mariadbd", "MariaDB") }
}

/// Writes so many rounds of polls; the making of them is not counted.
async fn write(
    store: &dyn Store,
    known: &[KnownHost],
    server: Option<&Mariadbd>,
    size: usize,
    rounds: i64,
) -> Result<(Amount, Cost)> {
    let mut hosts: Vec<Host> =
        known.iter().cloned().enumerate().map(|(n, known)| Host::new(n, known)).collect();
    let (mut cost, mut amount, mut polls) = (Cost::default(), Amount::default(), Vec::new());
    let ticks = || server.map_or(0, Mariadbd::cpu_ticks);
    let before = ticks();
    for round in 0..rounds {
        for (phase, host) in (0..).zip(&mut hosts) {
            let record = host.poll(START_MS + round * INTERVAL_MS + phase * 125);
            amount.polls += 1;
            amount.values += fleet::values(&record);
            polls.push(Arc::new(record));
            if polls.len() == size {
                let batch = Arc::new(Batch::of_polls(std::mem::take(&mut polls)));
                let writing = async { Ok(store.write(batch).await?) };
                cost.add(None, writing).await?;
            }
        }
    }
    store.write(Arc::new(Batch::of_polls(polls))).await?;
    // All that it did meanwhile, in the background and between the batches, too.
    cost.theirs = ticks() - before;
    Ok((amount, cost))
}

/// Writes again and again, each time into a new database: the middle of what it cost, and how far the
/// others are from it.
async fn writes(server: &Mariadbd) -> Result<()> {
    let mut seen: [Vec<(f64, f64)>; SIZES.len()] = Default::default();
    for repeat in 0..REPEATS {
        for (size, seen) in SIZES.into_iter().zip(&mut seen) {
            let store = open(server, &format!("writes_{repeat}_{size}")).await?;
            let hosts = register(&store).await?;
            let (amount, cost) = write(&store, &hosts, Some(server), size, REPEATED_ROUNDS).await?;
            seen.push(cost.us(amount.polls));
        }
    }
    println!("\n{}, each write {REPEATS} times", names().1);
    for (size, mut seen) in SIZES.into_iter().zip(seen) {
        seen.sort_by(|one, other| (one.0 + one.1).total_cmp(&(other.0 + other.1)));
        let all = |(ours, theirs): (f64, f64)| ours + theirs;
        let (ours, theirs) = seen[REPEATS / 2];
        let what = format!("write, {size} to a batch");
        print(&what, ours + theirs, "us CPU per poll", Some(WRITE_US));
        let (least, most) = (all(seen[0]), all(seen[REPEATS - 1]));
        let program = names().0;
        println!("{:<44} {ours:8.2} here, {theirs:.2} in {program}; {least:.0} to {most:.0}", "");
    }
    Ok(())
}

async fn read(
    store: &dyn Store,
    hosts: &[KnownHost],
    server: Option<&Mariadbd>,
    what: &str,
) -> Result<()> {
    let (mut cost, mut count) = (Cost::default(), 0);
    for host in hosts {
        let reading =
            async { Ok(store.polls(host.id, Span::ALL, ReadOrder::OldestFirst, MAX_PAGE).await?) };
        count += cost.add(server, reading).await?.len();
    }
    cost.print(&format!("read, whole records{what}"), count, None);
    Ok(())
}

async fn sqlite() -> Result<()> {
    println!("\nSQLite");
    let dir = tempfile::TempDir::new()?;
    let store = Sqlite::open(&dir.path().join("store.db"), Mode::ReadWrite).await?;
    let hosts = register(&store).await?;
    let empty = store.status().await?.bytes;
    let (amount, cost) = write(&store, &hosts, None, 500, ROUNDS).await?;
    cost.print("write, 500 to a batch", amount.polls, None);
    print("bytes", per(store.status().await?.bytes - empty, amount.polls), "per poll", None);
    read(&store, &hosts, None, "").await
}

fn opts(port: u16, database: Option<&str>) -> OptsBuilder {
    OptsBuilder::default()
        .ip_or_hostname("127.0.0.1")
        .tcp_port(port)
        .user(Some("root"))
        .db_name(database)
        .prefer_socket(false)
}

/// The database with its store.
async fn open(server: &Mariadbd, database: &str) -> Result<Mysql> {
    let create = format!("CREATE DATABASE {database} CHARACTER SET utf8mb4");
    Conn::new(opts(server.port(), None)).await?.query_drop(create).await?;
    let options = mysql::Options {
        owner: None,
        url: MysqlUrl {
            user: "root".to_owned(),
            addresses: vec![MysqlAddress { host: "127.0.0.1".to_owned(), port: server.port() }],
            database: database.to_owned(),
        },
        password: None,
        tls: TlsMode::Off,
        tls_ca: None,
        name_servers: Vec::new(),
        limits: mysql::Timeouts::default(),
    };
    let clock = ManualClock::new(Now { wall: WallMs(START_MS), ..Now::default() });
    Ok(Mysql::open(options, Mode::ReadWrite, Arc::new(clock)).await?)
}

/// What views cost, for one host and its hour.
async fn views(server: &Mariadbd, database: &str, what: &str) -> Result<()> {
    let mut conn = Conn::new(opts(server.port(), Some(database))).await?;
    for (name, column) in [("cpu_load", "load_1"), ("net_info", "rx_bytes_per_s")] {
        let sql = format!(
            "SELECT MAX({column}) FROM {name} WHERE host = 'web-003'
               AND time >= '2026-03-29 02:00:00' AND hour = '2026-03-29 02:00:00'"
        );
        let (mut cost, times) = (Cost::default(), 50);
        for _ in 0..times {
            let query = async { Ok(conn.query_drop(&sql).await?) };
            cost.add(Some(server), query).await?;
        }
        let ms = per(cost.theirs * 10, times);
        print(
            &format!("view {name}, one host, one hour{what}"),
            ms,
            &format!("ms of {}", names().0),
            None,
        );
    }
    Ok(())
}

/// Bytes of a column on average, where they lie, for whoever wants to save some.
async fn detail_bytes(server: &Mariadbd, database: &str) -> Result<()> {
    let mut conn = Conn::new(opts(server.port(), Some(database))).await?;
    let sql = "SELECT AVG(LENGTH(detail)), AVG(LENGTH(UNCOMPRESS(detail))) FROM poll";
    if let Some((packed, plain)) = conn.query_first::<(f64, f64), _>(sql).await? {
        print("of it detail, packed", packed, "bytes per poll", None);
        print("of it detail, as text", plain, "bytes per poll", None);
    }
    Ok(())
}

async fn database(server: &Mariadbd) -> Result<()> {
    for size in SIZES {
        println!("\n{}, an hour in batches of {size}", names().1);
        let database = format!("bench_{size}");
        let store = open(server, &database).await?;
        let hosts = register(&store).await?;
        let empty = store.status().await?.unsealed_bytes;
        let (amount, _) = write(&store, &hosts, Some(server), size, ROUNDS).await?;
        let raw = per(store.status().await?.unsealed_bytes - empty, amount.polls);
        let values = per(u64::try_from(amount.values)?, amount.polls);
        print("known values", values, "per poll", None);
        print("bytes, as they came", raw, "per poll", Some(RAW_BYTES));
        print("", raw / values, "per value", None);
        detail_bytes(server, &database).await?;
        read(&store, &hosts, Some(server), "").await?;
        views(server, &database, "").await?;
        let mut listing = Cost::default();
        let list = async { Ok(store.hosts(HostQuery::listed()).await?.len()) };
        let count = listing.add(Some(server), list).await?;
        listing.print("hosts with newest poll (per host)", count, None);

        let mut cost = Cost::default();
        let empty = store.status().await?.sealed_bytes;
        let sealing = async { Ok(store.seal(WallMs(START_MS + 86_400_000)).await?) };
        let sealed = cost.add(Some(server), sealing).await?;
        assert_eq!(usize::try_from(sealed.polls)?, amount.polls);
        cost.print("seal", amount.polls, Some(SEAL_US));
        let bytes = per(store.status().await?.sealed_bytes - empty, amount.polls);
        print("bytes, sealed", bytes, "per poll", None);
        print("", bytes / values, "per value", Some(SEALED_BYTES_PER_VALUE));
        print("of it texts, packed", per(sealed.bytes, amount.values), "per value", None);
        read(&store, &hosts, Some(server), ", sealed").await?;
        views(server, &database, ", sealed").await?;
    }
    Ok(())
}

async fn run() -> Result<()> {
    println!(
        "method: {HOSTS} hosts of 2 to 64 cores, {} host-wide columns, an hour of polls each 10 s, \
         each batch one transaction with fsync; CPU here is that of all threads of this process \
         (CLOCK_PROCESS_CPUTIME_ID) while the store is called, of the database all that its process used \
         from the first batch to the last (/proc/PID/stat, in ticks of 10 ms); bytes are what the \
         files of the table grew by",
        Column::ALL.len(),
    );
    // As Debian sets it up, but for a larger buffer: each commit is on the disk.
    let server = Mariadbd::start(&["--innodb-buffer-pool-size=512M"]);
    writes(&server).await?;
    if std::env::args().any(|arg| arg == "writes") {
        return Ok(());
    }
    database(&server).await?;
    sqlite().await?;
    println!("\n{TRIED}");
    Ok(())
}

fn main() -> Result<()> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(run())
}
