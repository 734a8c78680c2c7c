//! What keeping a poll in SQLite costs: CPU and bytes per row, and what reading it back costs.
//!
//! `cargo bench -p roundsman --bench store_write`

use std::{error::Error, fs, sync::Arc};

use roundsman::{
    model::{
        Column, ColumnSet, Detail, GroupName, HostId, HostName, Kind, Outcome, Record, Row, State,
        Timings, Values, VersionId,
    },
    store::{
        Batch, HostQuery, MAX_PAGE, Mode, Order, Registration, Span, Store,
        sqlite::Sqlite,
    },
    units::{Micros, WallMs},
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

async fn run() -> Result<(), Box<dyn Error>> {
    let dir = tempfile::TempDir::new()?;
    let path = dir.path().join("store.db");
    let store = Sqlite::open(&path, Mode::ReadWrite).await?;
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
    let hosts = store.register(hosts, WallMs(START_MS)).await?;

    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    let mut records = Vec::new();
    for round in 0..ROUNDS {
        for (phase, host) in (0..).zip(&hosts) {
            let slot = START_MS + round * INTERVAL_MS + phase * 50;
            records.push(record(host.id, &host.name, slot, &mut numbers));
        }
    }
    let rows = records.len();
    let mut batches = Vec::new();
    while !records.is_empty() {
        let rest = records.split_off(BATCH.min(records.len()));
        let polls = std::mem::replace(&mut records, rest);
        batches.push(Arc::new(Batch { polls, ..Batch::default() }));
    }

    let before = cpu_ns()?;
    for batch in &batches {
        store.write(Arc::clone(batch)).await?;
    }
    let wrote = cpu_ns()? - before;
    let bytes = store.status().await?.bytes;

    let before = cpu_ns()?;
    let mut read = 0;
    for host in &hosts {
        read += store.polls(host.id, Span::ALL, Order::OldestFirst, MAX_PAGE).await?.len();
    }
    let reading = cpu_ns()? - before;
    let before = cpu_ns()?;
    let listed = store.hosts(HostQuery::listed()).await?.len();
    let listing = cpu_ns()? - before;

    println!(
        "method: {rows} polls of {HOSTS} hosts ({} host-wide columns; 8 cores, 2 interfaces, 3 \
         disks, 4 filesystems; 1 value in 8 unknown) in batches of {BATCH}, each one transaction \
         with fsync; CPU is that of all threads (/proc/self/task/*/schedstat), made ready \
         beforehand",
        Column::ALL.len(),
    );
    println!("write: {:7.1} us CPU per row", per(wrote, rows) / 1e3);
    println!("file:  {:7.0} bytes per row", per(bytes, rows));
    println!("read:  {:7.1} us CPU per row, whole records", per(reading, read) / 1e3);
    println!("hosts: {:7.1} us CPU per host with its newest poll", per(listing, listed) / 1e3);
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    tokio::runtime::Builder::new_current_thread().build()?.block_on(run())
}
