//! What reading the history costs a MariaDB of its own: charts, the newest polls of a fleet, the
//! busiest hosts, one interface over a day.
//!
//! `cargo bench -p roundsman --bench store_read`

use std::{error::Error, sync::Arc, time::Duration};

#[path = "store_write/fleet.rs"]
mod fleet;
#[path = "../tests/support/mariadbd.rs"]
mod mariadbd;

use fleet::Host;
use mariadbd::Mariadbd;
use mysql_async::{Conn, OptsBuilder, prelude::Queryable as _};
use roundsman::{
    clock::{Clock as _, ManualClock, SystemClock},
    config::{MysqlAddress, MysqlUrl, TlsMode},
    model::{
        Column, ColumnKind, ColumnSet, Detail, HOUR_MS, HostId, HostName, Outcome, Record, Rollup,
        Row, State, Timings, Values, VersionId,
    },
    rollup::{Polled, Rollups, Tier},
    store::{
        Batch, HostQuery, KnownHost, Mode, Registration, SeriesAsk, Span, Store,
        mysql::{self, Mysql},
    },
    units::{Mono, Now, WallMs},
};
use rustix::time::{ClockId, clock_gettime};

/// 2026-03-29T00:00:00Z.
const START_MS: i64 = 1_774_742_400_000;
/// A day and an hour before it.
const DAY: &str = "2026-03-28 00:00:00";
const HOUR: &str = "2026-03-28 23:00:00";

/// Hosts with polls of a day.
const CHARTED: usize = 8;
const DAYS: i64 = 30;

/// Hosts with hours of 30 days: enough for their table to be larger than the steps that its file grows by.
const ROLLED: usize = 48;

/// Target: bytes of a host's hour in short.
const ROLLUP_BYTES: f64 = 2_500.0;

/// Hosts with polls of an hour.
const HOSTS: usize = 1_000;

const INTERVAL_MS: i64 = 10_000;
const BATCH: usize = 500;

/// How often each question is asked; the cost is that of one, on average.
const ASKED: u64 = 20;

/// Numbers without a pattern, the same in every run (xorshift).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    #[expect(clippy::cast_precision_loss, reason = "any number will do")]
    fn values<C: ColumnSet>(&mut self) -> Values<C> {
        let mut values = Values::default();
        for column in C::ALL {
            let number = self.next();
            let value = match (number % 8, column.spec().kind) {
                (0, _) => None,
                (1 | 2, _) => Some(0.0),
                (_, ColumnKind::Whole) => Some((number >> 30) as f64),
                (_, ColumnKind::Real) => Some((number >> 47) as f64 / 1_311.0),
            };
            values.set(*column, value);
        }
        values
    }

    fn rows<C: ColumnSet>(&mut self, labels: &[&[&str]]) -> Vec<Row<C>> {
        let row = |labels: &&[&str]| Row {
            labels: labels.iter().map(|label| Arc::from(*label)).collect(),
            values: self.values(),
        };
        labels.iter().map(row).collect()
    }
}

fn record(host: &KnownHost, slot: i64, numbers: &mut Numbers) -> Record {
    let cores: [&[&str]; 4] = [&["0"], &["1"], &["2"], &["3"]];
    let mounts: [&[&str]; 2] =
        [&["/", "/dev/sda1", "ext4", "ok"], &["/b", "/dev/sda2", "xfs", "ok"]];
    Record {
        host: host.id,
        name: host.name.clone(),
        slot: WallMs(slot),
        started: WallMs(slot + 2),
        inventory: VersionId(1),
        outcome: Outcome::Ok,
        state: State::Up,
        timings: Timings::default(),
        answer_bytes: Some(3_300),
        address: Some("web:50051".into()),
        error: None,
        boot_id: Some("0d0f6a2c-1111-2222-3333-444455556666".into()),
        clock_skew_ms: Some(3),
        elapsed_ns: None,
        values: Some(numbers.values()),
        detail: Some(Detail {
            cores: numbers.rows(&cores),
            softirqs: numbers.rows(&cores),
            interfaces: numbers.rows(&[&["lo"], &["eth0"]]),
            disks: numbers.rows(&[&["sda"], &["sdb"]]),
            filesystems: numbers.rows(&mounts),
            processes: Vec::new(),
            containers: Vec::new(),
        }),
    }
}

/// What a question cost, each time it was asked.
struct Cost {
    theirs_ms: f64,
    wall_ms: f64,
    answer: usize,
}

fn print(what: &str, cost: &Cost, target: Option<f64>) {
    let target = target.map_or_else(String::new, |ms| {
        format!("target {ms:.0} ms: {}", if cost.theirs_ms <= ms { "met" } else { "MISSED" })
    });
    println!(
        "{what:<44} {:8.1} ms CPU there {:8.1} ms wall {:6} rows  {target}",
        cost.theirs_ms, cost.wall_ms, cost.answer
    );
}

/// Asks once to warm up, then [`ASKED`] times.
#[expect(clippy::cast_precision_loss, reason = "printed with one digit")]
async fn ask<F: Future<Output = Result<usize, Box<dyn Error>>>>(
    server: &Mariadbd,
    question: impl Fn() -> F,
) -> Result<Cost, Box<dyn Error>> {
    let clock = SystemClock::new();
    let answer = question().await?;
    let (ticks, begun) = (server.cpu_ticks(), clock.now().mono);
    for _ in 0..ASKED {
        question().await?;
    }
    let wall: Duration = clock.now().mono.since(Mono(begun.0));
    Ok(Cost {
        theirs_ms: (server.cpu_ticks() - ticks) as f64 * 10.0 / ASKED as f64,
        wall_ms: wall.as_secs_f64() * 1e3 / ASKED as f64,
        answer,
    })
}

async fn fill(store: &dyn Store, conn: &mut Conn) -> Result<Vec<KnownHost>, Box<dyn Error>> {
    let registration = |number: usize| -> Result<Registration, Box<dyn Error>> {
        Ok(Registration {
            name: HostName::new(&format!("web-{number:04}"))?,
            group: None,
            labels: [("env".to_owned(), "prod".to_owned())].into(),
            addresses: vec![format!("web-{number:04}:50051")],
            renamed_from: None,
        })
    };
    let hosts = (0..HOSTS).map(registration).collect::<Result<Vec<_>, _>>()?;
    let hosts = store.register(hosts, WallMs(START_MS)).await?;
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    // As they come: the hours of all, one after the other, of hosts as they are.
    let mut fleet: Vec<Host> =
        hosts[..ROLLED].iter().cloned().enumerate().map(|(n, known)| Host::new(n, known)).collect();
    let mut known = 0;
    for hour in (1..=DAYS * 24).rev().map(|hour| START_MS - hour * HOUR_MS) {
        let mut rollup = |host: &mut Host| {
            let polls: Vec<Record> = (0..6).map(|n| host.poll(hour + n * 600_000)).collect();
            known += fleet::values(&polls[0]);
            let mut rollup = Rollup::new(polls[0].host, WallMs(hour));
            polls.iter().for_each(|poll| rollup.add(poll.values.as_ref()));
            Arc::new(rollup)
        };
        let rollups = fleet.iter_mut().map(&mut rollup).collect();
        store.write(Arc::new(Batch { rollups, ..Batch::default() })).await?;
    }
    println!(
        "known values of a poll of these hosts: {} on average",
        known / (ROLLED * 24 * usize::try_from(DAYS)?)
    );
    // A day of one, which the others are copies of: in their last day, or their last hour.
    let slots = (0..8_640).map(|slot| START_MS - (8_640 - slot) * INTERVAL_MS);
    let polls: Vec<Record> = slots.map(|slot| record(&hosts[0], slot, &mut numbers)).collect();
    for polls in polls.chunks(BATCH) {
        store.write(Arc::new(Batch::of_polls(polls.iter().cloned()))).await?;
    }
    let first = hosts[0].id.0;
    conn.query_drop("CREATE TEMPORARY TABLE copy AS SELECT * FROM poll WHERE FALSE").await?;
    for (hosts, since) in [(&hosts[1..CHARTED], DAY), (&hosts[CHARTED..], HOUR)] {
        conn.query_drop("TRUNCATE TABLE copy").await?;
        conn.query_drop(format!(
            "INSERT INTO copy SELECT * FROM poll WHERE host_id = {first} AND ts >= '{since}'"
        ))
        .await?;
        for host in hosts {
            let id = host.id.0;
            conn.query_drop(format!("UPDATE copy SET host_id = {id}")).await?;
            conn.query_drop("INSERT INTO poll SELECT * FROM copy").await?;
            conn.query_drop(format!(
                "INSERT INTO host_seen (host_id, latest) SELECT {id}, MAX(ts) FROM copy
                 ON DUPLICATE KEY UPDATE latest = VALUES(latest)"
            ))
            .await?;
        }
    }
    Ok(hosts)
}

fn chart(host: HostId, days: i64, step: u64, tier: Tier) -> SeriesAsk {
    let span = Span { from: WallMs(START_MS - days * 24 * HOUR_MS), to: WallMs(START_MS) };
    let columns = [Column::CpuBusyPct, Column::MemUsedPct, Column::NetRxBytesPerS];
    SeriesAsk { host, columns: columns.into(), span, step: Duration::from_secs(step), tier }
}

/// What taking a poll in costs the thread that polls.
#[expect(clippy::cast_precision_loss, reason = "printed with one digit")]
fn gathering() {
    const ROUNDS: i64 = 100;
    let mut numbers = Numbers(7);
    let values: Vec<Values<Column>> = (0..64).map(|_| numbers.values()).collect();
    let mut rollups = Rollups::of_all();
    let begun = clock_gettime(ClockId::ThreadCPUTime);
    for round in 0..ROUNDS {
        for (host, values) in (0..10_000).zip(values.iter().cycle()) {
            rollups.add(&Polled {
                host: HostId(host),
                slot: WallMs(START_MS + round * INTERVAL_MS),
                outcome: Outcome::Ok,
                state: State::Up,
                elapsed_ns: Some(INTERVAL_MS.unsigned_abs() * 1_000_000),
                values: Some(values),
            });
        }
    }
    let took = clock_gettime(ClockId::ThreadCPUTime);
    let ns = (took.tv_sec - begun.tv_sec) * 1_000_000_000 + (took.tv_nsec - begun.tv_nsec);
    let each = ns as f64 / (10_000 * ROUNDS) as f64;
    println!(
        "gathering hours of 10,000 hosts: {each:.0} ns per poll; {} hours open",
        rollups.into_all().len()
    );
}

async fn run() -> Result<(), Box<dyn Error>> {
    println!(
        "method: {HOSTS} hosts with an hour of polls every 10 s, {CHARTED} of them with a day, {ROLLED} with \
         hours of {DAYS} days ({} columns; 4 cores, 2 interfaces, 2 disks, 2 filesystems); each question \
         once to warm up and then {ASKED} times; CPU there is the database's, from /proc/PID/stat in ticks of 10 ms",
        Column::ALL.len()
    );
    gathering();
    let server =
        Mariadbd::start(&["--innodb-buffer-pool-size=2G", "--innodb-flush-log-at-trx-commit=0"]);
    let opts = |database: Option<&str>| {
        OptsBuilder::default()
            .ip_or_hostname("127.0.0.1")
            .tcp_port(server.port())
            .user(Some("root"))
            .db_name(database)
            .prefer_socket(false)
    };
    Conn::new(opts(None)).await?.query_drop("CREATE DATABASE bench CHARACTER SET utf8mb4").await?;
    let options = mysql::Options {
        owner: None,
        name_servers: Vec::new(),
        url: MysqlUrl {
            user: "root".to_owned(),
            addresses: vec![MysqlAddress { host: "127.0.0.1".to_owned(), port: server.port() }],
            database: "bench".to_owned(),
        },
        password: None,
        tls: TlsMode::Off,
        tls_ca: None,
        limits: mysql::Timeouts::default(),
    };
    let clock = ManualClock::new(Now { wall: WallMs(START_MS), ..Now::default() });
    let store = Mysql::open(options, Mode::ReadWrite, Arc::new(clock)).await?;
    let mut conn = Conn::new(opts(Some("bench"))).await?;
    println!("database: {}", store.status().await?.server);
    let hosts = fill(&store, &mut conn).await?;
    let bytes: Option<f64> = conn
        .query_first(format!(
            "SELECT SUM(FILE_SIZE) / (SELECT COUNT(*) FROM rollup_hour) + 0e0
             FROM information_schema.{} WHERE NAME LIKE 'bench/rollup_hour#P#%'",
            // MySQL's has another name, and the files are in small letters there.
            if mariadbd::mysqld().is_some() {
                "INNODB_TABLESPACES"
            } else {
                "INNODB_SYS_TABLESPACES"
            }
        ))
        .await?;
    let bytes = bytes.unwrap_or(f64::INFINITY);
    println!(
        "a host's hour in short: {bytes:.0} bytes (what the files of its table are, by rows), {:.1} MB \
         a year  target {ROLLUP_BYTES:.0}: {}",
        bytes * 8_766.0 / 1e6,
        if bytes <= ROLLUP_BYTES { "met" } else { "MISSED" }
    );
    println!("tried: DOUBLE and BIGINT with a count for each column: twice as many bytes");
    drop(conn);

    charts(&server, &store, hosts[3].id).await?;
    in_sql(&server, opts(Some("bench")), &hosts[3].name).await
}

/// What the API and the commands ask.
async fn charts(server: &Mariadbd, store: &Mysql, host: HostId) -> Result<(), Box<dyn Error>> {
    for (what, question, target) in [
        ("1 day in 10 min, polls, 3 columns", chart(host, 1, 600, Tier::Polls), Some(50.0)),
        ("1 day in 1 h, hours, 3 columns", chart(host, 1, 3_600, Tier::Hours), Some(50.0)),
        ("30 days in 1 h, hours, 3 columns", chart(host, 30, 3_600, Tier::Hours), Some(50.0)),
        ("30 days in 3 h, hours, 3 columns", chart(host, 30, 10_800, Tier::Hours), Some(50.0)),
    ] {
        let cost = ask(server, || async { Ok(store.series(question.clone()).await?.len()) });
        print(what, &cost.await?, target);
    }
    let all = SeriesAsk { columns: Column::ALL.into(), ..chart(host, 14, 3_600, Tier::Hours) };
    let cost = ask(server, || async { Ok(store.series(all.clone()).await?.len()) }).await?;
    print("14 days of hours, every column (export)", &cost, None);
    let samples = Span { from: WallMs(START_MS - HOUR_MS), to: WallMs(START_MS) };
    let cost = ask(server, || async { Ok(store.samples(host, samples, 5_000).await?.len()) });
    print("an hour of polls to be summed up anew", &cost.await?, None);
    let cost = ask(server, || async { Ok(store.hosts(HostQuery::listed()).await?.len()) });
    print("newest poll of 1,000 hosts, whole", &cost.await?, Some(50.0));
    Ok(())
}

/// What people ask.
async fn in_sql(
    server: &Mariadbd,
    opts: OptsBuilder,
    host: &HostName,
) -> Result<(), Box<dyn Error>> {
    let pool = mysql_async::Pool::new(opts);
    for (what, sql, target) in [
        (
            "newest values of 1,000 hosts, SQL",
            "SELECT h.name, p.ts, p.cpu_busy_pct, p.mem_used_pct FROM host h
             JOIN host_seen s ON s.host_id = h.id
             JOIN poll p ON p.host_id = h.id AND p.ts = s.latest"
                .to_owned(),
            50.0,
        ),
        (
            "top 10 of 1,000 hosts by CPU, 1 h, SQL",
            format!(
                "SELECT h.name, t.busy FROM (SELECT host_id, AVG(cpu_busy_pct) AS busy FROM poll
                 WHERE ts >= '{HOUR}' GROUP BY host_id ORDER BY busy DESC LIMIT 10) t
                 JOIN host h ON h.id = t.host_id"
            ),
            350.0,
        ),
        (
            "one interface for a day, view, SQL",
            format!(
                "SELECT time, rx_bytes_per_s FROM net_info WHERE host = '{host}' AND interface = 'eth0'
                 AND time >= '{DAY}'"
            ),
            400.0,
        ),
    ] {
        let (sql, pool) = (&sql, &pool);
        let cost = ask(server, || async {
            let mut conn = pool.get_conn().await?;
            Ok(conn.query_iter(sql).await?.for_each_and_drop(drop).await.map(|()| 1)?)
        });
        print(what, &cost.await?, Some(target));
    }
    pool.disconnect().await?;
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(run())
}
