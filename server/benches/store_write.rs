//! What keeping a poll costs, in SQLite and in a MariaDB of its own: CPU and bytes per row, and what
//! reading it back costs.
//!
//! `cargo bench -p roundsman --bench store_write`

use std::{error::Error, fs, sync::Arc};

#[path = "../tests/support/mariadbd.rs"]
mod mariadbd;

use mariadbd::Mariadbd;
use mysql_async::{Conn, OptsBuilder, prelude::Queryable as _};
use roundsman::{
    clock::ManualClock,
    config::{MysqlUrl, TlsMode},
    model::{
        Column, ColumnSet, Detail, GroupName, HostId, HostName, Kind, Outcome, Record, Row, State,
        Timings, Values, VersionId,
    },
    store::{
        Batch, HostQuery, KnownHost, MAX_PAGE, Mode, Order, Registration, Span, Store,
        mysql::{self, Mysql},
        sqlite::Sqlite,
    },
    units::{Micros, Now, WallMs},
};

const HOSTS: usize = 200;
const ROUNDS: i64 = 100;
const BATCH: usize = 500;
const INTERVAL_MS: i64 = 10_000;
const START_MS: i64 = 1_774_747_800_000;

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
            // One in eight unknown, two zero, the rest percentages, rates and sizes.
            let number = self.next();
            let value = match (number % 8, column.spec().kind) {
                (0, _) => None,
                (1 | 2, _) => Some(0.0),
                (_, Kind::Whole) => Some((number >> 30) as f64),
                (3..=5, Kind::Real) => Some((number >> 47) as f64 / 1_311.0),
                (_, Kind::Real) => Some((number >> 40) as f64 / 1_000.0),
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

fn record(host: HostId, name: &HostName, slot: i64, numbers: &mut Numbers) -> Record {
    let cores = ["0", "1", "2", "3", "4", "5", "6", "7"];
    let cores: Vec<&[&str]> = cores.iter().map(std::slice::from_ref).collect();
    Record {
        host,
        name: name.clone(),
        slot: WallMs(slot),
        started: WallMs(slot + 2),
        inventory: VersionId(1),
        outcome: Outcome::Ok,
        state: State::Up,
        timings: Timings {
            late_us: Micros(2_000),
            queue_us: Micros(20),
            call_us: Some(Micros(3_500)),
            ..Timings::default()
        },
        answer_bytes: Some(3_300),
        address: Some(format!("{name}:50051").into()),
        error: None,
        boot_id: Some("0d0f6a2c-1111-2222-3333-444455556666".into()),
        clock_skew_ms: Some(3),
        values: Some(numbers.values()),
        detail: Some(Detail {
            cores: numbers.rows(&cores),
            softirqs: numbers.rows(&cores),
            interfaces: numbers.rows(&[&["lo"], &["eth0"]]),
            disks: numbers.rows(&[&["sda"], &["sdb"], &["nvme0n1"]]),
            filesystems: numbers.rows(&[
                &["/", "/dev/sda1", "ext4", "ok"],
                &["/boot", "/dev/sda2", "ext4", "ok"],
                &["/var/lib/docker", "/dev/sdb1", "xfs", "ok"],
                &["/home", "/dev/nvme0n1p1", "ext4", "ok"],
            ]),
            processes: Vec::new(),
        }),
    }
}

/// CPU time of every thread of this process so far, nanoseconds.
fn cpu_ns() -> Result<u64, Box<dyn Error>> {
    let mut sum = 0;
    for task in fs::read_dir("/proc/self/task")? {
        let text = fs::read_to_string(task?.path().join("schedstat"))?;
        sum += text.split(' ').next().unwrap_or("0").parse::<u64>()?;
    }
    Ok(sum)
}

#[expect(clippy::cast_precision_loss, reason = "printed with one digit")]
fn per(amount: u64, rows: usize) -> f64 {
    amount as f64 / rows as f64
}

async fn register(store: &dyn Store) -> Result<Vec<KnownHost>, Box<dyn Error>> {
    let registration = |number: usize| -> Result<Registration, Box<dyn Error>> {
        Ok(Registration {
            name: HostName::new(&format!("web-{number:03}"))?,
            group: Some(GroupName::new("web")?),
            labels: [("env".to_owned(), "prod".to_owned())].into(),
            addresses: vec![format!("web-{number:03}:50051")],
            renamed_from: None,
        })
    };
    let hosts = (0..HOSTS).map(registration).collect::<Result<Vec<_>, _>>()?;
    Ok(store.register(hosts, WallMs(START_MS)).await?)
}

/// Every poll of the hosts, in batches, made ready beforehand.
fn batches(hosts: &[KnownHost], size: usize) -> Vec<Arc<Batch>> {
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    let mut records = Vec::new();
    for round in 0..ROUNDS {
        for (phase, host) in (0..).zip(hosts) {
            let slot = START_MS + round * INTERVAL_MS + phase * 50;
            records.push(record(host.id, &host.name, slot, &mut numbers));
        }
    }
    let chunks = records.chunks(size);
    chunks.map(|polls| Arc::new(Batch::of_polls(polls.iter().cloned()))).collect()
}

/// What one run cost.
struct Cost {
    ours_ns: u64,
    /// Ticks of 10 ms of the database server.
    theirs: u64,
    rows: usize,
}

impl Cost {
    fn print(&self, what: &str) {
        let theirs = per(self.theirs * 10_000, self.rows);
        println!("{what:<28} {:7.1} us CPU here", per(self.ours_ns, self.rows) / 1e3);
        if self.theirs > 0 {
            println!("{:<28} {theirs:7.1} us CPU in mariadbd", "");
        }
    }
}

/// Measures `work`, which says how many rows it was about.
async fn measure<F: Future<Output = Result<usize, Box<dyn Error>>>>(
    server: Option<&Mariadbd>,
    work: F,
) -> Result<Cost, Box<dyn Error>> {
    let ticks = || server.map_or(0, Mariadbd::cpu_ticks);
    let before = (cpu_ns()?, ticks());
    let rows = work.await?;
    Ok(Cost { ours_ns: cpu_ns()? - before.0, theirs: ticks() - before.1, rows })
}

async fn exercise(
    store: &dyn Store,
    server: Option<&Mariadbd>,
    size: usize,
) -> Result<(), Box<dyn Error>> {
    let hosts = register(store).await?;
    let batches = batches(&hosts, size);
    let empty = store.status().await?.bytes;
    let wrote = measure(server, async {
        let mut rows = 0;
        for batch in &batches {
            rows += batch.polls.len();
            store.write(Arc::clone(batch)).await?;
        }
        Ok(rows)
    });
    let wrote = wrote.await?;
    wrote.print(&format!("write, {size} to a batch"));
    let bytes = store.status().await?.bytes - empty;
    println!("{:<28} {:7.0} bytes per row in files", "", per(bytes, wrote.rows));
    let read = measure(server, async {
        let mut read = 0;
        for host in &hosts {
            read += store.polls(host.id, Span::ALL, Order::OldestFirst, MAX_PAGE).await?.len();
        }
        Ok(read)
    });
    read.await?.print("read, whole records");
    let listed = measure(server, async { Ok(store.hosts(HostQuery::listed()).await?.len()) });
    listed.await?.print("hosts with newest poll");
    Ok(())
}

async fn sqlite() -> Result<(), Box<dyn Error>> {
    println!("\nSQLite");
    let dir = tempfile::TempDir::new()?;
    let store = Sqlite::open(&dir.path().join("store.db"), Mode::ReadWrite).await?;
    exercise(&store, None, BATCH).await
}

/// Bytes of the table's files after a copy of it with another type of number, in the same order.
async fn as_float(port: u16, database: &str) -> Result<(u64, u64), Box<dyn Error>> {
    let opts = OptsBuilder::default()
        .ip_or_hostname("127.0.0.1")
        .tcp_port(port)
        .user(Some("root"))
        .db_name(Some(database))
        .prefer_socket(false);
    let mut conn = Conn::new(opts).await?;
    let size =
        "SELECT CAST(SUM(FILE_SIZE) AS SIGNED) FROM information_schema.INNODB_SYS_TABLESPACES
                WHERE NAME LIKE CONCAT(DATABASE(), '/poll#P#%')";
    conn.query_drop("ALTER TABLE poll FORCE").await?;
    let double: Option<u64> = conn.query_first(size).await?;
    let real = Column::ALL.iter().filter(|column| column.spec().kind == Kind::Real);
    let changes: Vec<String> =
        real.map(|column| format!("MODIFY {} FLOAT", column.spec().name)).collect();
    conn.query_drop(format!("ALTER TABLE poll {}", changes.join(", "))).await?;
    let float: Option<u64> = conn.query_first(size).await?;
    Ok((double.unwrap_or(0), float.unwrap_or(0)))
}

async fn mariadb() -> Result<(), Box<dyn Error>> {
    // As Debian sets it up, but for a larger buffer: each commit is on the disk.
    let server = Mariadbd::start(&["--innodb-buffer-pool-size=512M"]);
    for (number, size) in [BATCH, 50].into_iter().enumerate() {
        println!("\nMariaDB");
        let database = format!("bench_{number}");
        let opts = OptsBuilder::default()
            .ip_or_hostname("127.0.0.1")
            .tcp_port(server.port())
            .user(Some("root"))
            .prefer_socket(false);
        let create = format!("CREATE DATABASE {database} CHARACTER SET utf8mb4");
        Conn::new(opts).await?.query_drop(create).await?;
        let options = mysql::Options {
            url: MysqlUrl {
                user: "root".to_owned(),
                host: "127.0.0.1".to_owned(),
                port: server.port(),
                database: database.clone(),
            },
            password: None,
            tls: TlsMode::Off,
            tls_ca: None,
            name_servers: Vec::new(),
            limits: mysql::Limits::default(),
        };
        let clock = ManualClock::new(Now { wall: WallMs(START_MS), ..Now::default() });
        let store = Mysql::open(options, Mode::ReadWrite, Arc::new(clock)).await?;
        exercise(&store, Some(&server), size).await?;
        if number == 0 {
            let (double, float) = as_float(server.port(), &database).await?;
            let rows = HOSTS * usize::try_from(ROUNDS)?;
            println!(
                "rebuilt in the order of the key: {:.0} bytes per row, with FLOAT in place of \
                 DOUBLE {:.0}",
                per(double, rows),
                per(float, rows)
            );
        }
    }
    Ok(())
}

async fn run() -> Result<(), Box<dyn Error>> {
    println!(
        "method: {} polls of {HOSTS} hosts ({} host-wide columns; 8 cores, 2 interfaces, 3 disks, \
         4 filesystems; 1 value in 8 unknown), each batch one transaction with fsync, made ready \
         beforehand; CPU here is that of all threads of this process \
         (/proc/self/task/*/schedstat), of mariadbd that of its process (/proc/PID/stat, in ticks \
         of 10 ms); bytes are what its files grew by",
        HOSTS * usize::try_from(ROUNDS)?,
        Column::ALL.len(),
    );
    sqlite().await?;
    mariadb().await
}

fn main() -> Result<(), Box<dyn Error>> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(run())
}
