//! What charts of 7 and 90 days cost from polls and from summaries, on SQLite and on a database server of its
//! own, and how many bytes a day of a host takes.
//!
//! `cargo bench -p roundsman --bench summaries`

use std::{error::Error, sync::Arc, time::Duration};

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
    model::{Column, DAY_MS, DetailTable, HostId, HostName, Record},
    query::{DEFAULT_ROWS, Query, Resolution, RowRange, parse_row_column},
    rollup::Tier,
    store::{
        Batch, DaySum, Mode, Registration, SeriesAsk, Span, Store,
        mysql::{self, Mysql},
        sqlite::Sqlite,
        summarise::summarise,
    },
    units::{Now, WallMs},
};
use rustix::time::{ClockId, clock_gettime};

/// 2026-03-29T00:00:00Z.
const START_MS: i64 = 1_774_742_400_000;

const INTERVAL_MS: i64 = 10_000;
const BATCH: usize = 500;

/// Days with polls, and days with a summary.
const POLLED: i64 = 7;
const DAYS: i64 = 90;

/// How often each question is asked; the cost is that of one, on average.
const ASKED: u32 = 10;

/// Target: CPU of a chart, milliseconds.
const CHART_MS: f64 = 50.0;

/// CPU of this process and of the database, milliseconds.
fn cpu_ms(server: Option<&Mariadbd>) -> (f64, f64) {
    let own = clock_gettime(ClockId::ProcessCPUTime);
    #[expect(clippy::cast_precision_loss, reason = "printed with one digit")]
    let own = own.tv_sec as f64 * 1e3 + own.tv_nsec as f64 / 1e6;
    #[expect(clippy::cast_precision_loss, reason = "printed with one digit")]
    let theirs = server.map_or(0.0, |server| server.cpu_ticks() as f64 * 10.0);
    (own, theirs)
}

async fn ask<F: Future<Output = Result<usize, Box<dyn Error>>>>(
    what: &str,
    server: Option<&Mariadbd>,
    target: Option<f64>,
    question: impl Fn() -> F,
) -> Result<(), Box<dyn Error>> {
    let points = question().await?;
    let before = cpu_ms(server);
    for _ in 0..ASKED {
        question().await?;
    }
    let after = cpu_ms(server);
    let each = f64::from(ASKED);
    let (own, theirs) = ((after.0 - before.0) / each, (after.1 - before.1) / each);
    let target = target.map_or_else(String::new, |ms| {
        format!("target {ms:.0} ms: {}", if own + theirs <= ms { "met" } else { "MISSED" })
    });
    println!("{what:<52} {own:8.1} ms CPU here {theirs:8.1} there {points:6} points  {target}");
    Ok(())
}

fn series(host: HostId, days: i64, step: u64, tier: Tier) -> SeriesAsk {
    let span = Span { from: WallMs(START_MS - days * DAY_MS), to: WallMs(START_MS) };
    let columns = [Column::CpuBusyPct].into();
    SeriesAsk { host, columns, span, step: Duration::from_secs(step), tier }
}

fn rows(
    (table, column): (DetailTable, &str),
    row: Option<&str>,
    days: i64,
) -> Result<RowRange, Box<dyn Error>> {
    Ok(RowRange {
        table,
        row: row.map(str::to_owned),
        columns: vec![parse_row_column(table, column)?],
        from: WallMs(START_MS - days * DAY_MS),
        to: WallMs(START_MS),
        detail: Resolution::Points(300),
        rows: DEFAULT_ROWS,
    })
}

async fn charts(
    store: &Arc<dyn Store>,
    (host, name): (HostId, &str),
    server: Option<&Mariadbd>,
    days: i64,
    target: Option<f64>,
) -> Result<(), Box<dyn Error>> {
    let query = Query::of_store(Arc::clone(store));
    let steps = if days == POLLED { [1_800, 3_600] } else { [10_800, 43_200] };
    for step in steps {
        let asked = series(host, days, step, Tier::FiveMinutes);
        ask(&format!("{days} days in {step} s, a column"), server, target, || async {
            Ok(store.series(asked.clone()).await?.len())
        })
        .await?;
    }
    for (what, of, row) in [
        ("an interface", (DetailTable::Net, "rx_bytes_per_s"), Some("eth0")),
        ("the 10 busiest cores", (DetailTable::Core, "busy_pct"), None),
    ] {
        let range = rows(of, row, days)?;
        let now = WallMs(START_MS);
        ask(&format!("{days} days in 300 points, {what}"), server, target, || async {
            let shape = query.row_series(name, &range, now).await?;
            Ok(shape.rows.len() * shape.polls.len())
        })
        .await?;
    }
    Ok(())
}

async fn measure(store: Arc<dyn Store>, server: Option<&Mariadbd>) -> Result<(), Box<dyn Error>> {
    println!("\n{}", store.status().await?.server);
    let name = "web-0001";
    let registration = Registration {
        name: HostName::new(name)?,
        group: None,
        labels: Default::default(),
        addresses: vec![format!("{name}:50051")],
        renamed_from: None,
    };
    let known = store.register(vec![registration], WallMs(START_MS)).await?.remove(0);
    let id = known.id;
    let mut host = Host::new(1, known);
    // One day, of which the others are copies: the fleet's polls cost more than all that is measured.
    let begin = START_MS - (DAYS + 1) * DAY_MS;
    let slots = (0..DAY_MS / INTERVAL_MS).map(|slot| begin + slot * INTERVAL_MS);
    let one: Vec<Record> = slots.map(|slot| host.poll(slot)).collect();
    let polls = |day: i64| {
        one.iter().map(move |poll| {
            let slot = WallMs(poll.slot.0 + (DAYS + 1 - day) * DAY_MS);
            Record { slot, ..poll.clone() }
        })
    };
    println!("known values of a poll of this host: {}", fleet::values(&one[0]));
    let (mut bytes, mut days) = (0, 0_usize);
    for day in (POLLED + 1..=DAYS).rev() {
        let begin = WallMs(START_MS - day * DAY_MS);
        let mut sum = DaySum::new(id, begin);
        polls(day).for_each(|poll| sum.add(&poll));
        let summary = sum.summary()?;
        bytes += summary.views.iter().map(|(_, doc)| doc.len()).sum::<usize>();
        days += 1;
        if day == DAYS {
            let each = summary.views.iter().map(|(view, doc)| format!("{view} {}", doc.len()));
            println!("bytes of a day by view: {}", each.collect::<Vec<_>>().join(", "));
        }
        let late = store.begin_summary(id, begin).await?;
        store.keep_summary(Arc::new(summary), late).await?;
    }
    println!("a day of a host of 4 cores: {} bytes in documents", bytes / days);
    for day in (1..=POLLED).rev() {
        let polls: Vec<Record> = polls(day).collect();
        for polls in polls.chunks(BATCH) {
            store.write(Arc::new(Batch::of_polls(polls.iter().cloned()))).await?;
        }
        store.seal(WallMs(START_MS - (day - 1) * DAY_MS)).await?;
    }
    println!("from polls, sealed:");
    charts(&store, (id, name), server, POLLED, None).await?;
    let before = cpu_ms(server);
    for day in (1..=POLLED).rev() {
        summarise(&*store, id, WallMs(START_MS - day * DAY_MS)).await?;
    }
    let after = cpu_ms(server);
    #[expect(clippy::cast_precision_loss, reason = "a week")]
    let each = POLLED as f64;
    println!(
        "summing up a day of a host: {:.0} ms CPU here, {:.0} there",
        (after.0 - before.0) / each,
        (after.1 - before.1) / each
    );
    println!("from summaries:");
    charts(&store, (id, name), server, POLLED, Some(CHART_MS)).await?;
    charts(&store, (id, name), server, DAYS, Some(CHART_MS)).await
}

async fn on_a_server() -> Result<(), Box<dyn Error>> {
    let server =
        Mariadbd::start(&["--innodb-buffer-pool-size=1G", "--innodb-flush-log-at-trx-commit=0"]);
    let opts = OptsBuilder::default()
        .ip_or_hostname("127.0.0.1")
        .tcp_port(server.port())
        .user(Some("root"))
        .prefer_socket(false);
    let mut conn = Conn::new(opts).await?;
    conn.query_drop("CREATE DATABASE bench CHARACTER SET utf8mb4").await?;
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
    measure(Arc::new(store), Some(&server)).await?;
    let table =
        if mariadbd::mysqld().is_some() { "INNODB_TABLESPACES" } else { "INNODB_SYS_TABLESPACES" };
    let bytes: Option<f64> = conn
        .query_first(format!(
            "SELECT FILE_SIZE + 0e0 FROM information_schema.{table} WHERE NAME = 'bench/summary_day'"
        ))
        .await?;
    #[expect(clippy::cast_precision_loss, reason = "some days")]
    let each = bytes.unwrap_or_default() / DAYS as f64;
    println!("the file of summary_day: {each:.0} bytes a day");
    Ok(())
}

async fn on_sqlite() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let store = Sqlite::open(folder.path().join("r.db"), Mode::ReadWrite).await?;
    measure(Arc::new(store), None).await
}

fn main() -> Result<(), Box<dyn Error>> {
    println!(
        "method: a host of 4 cores with polls every 10 s, {POLLED} days of them kept and sealed, {DAYS} days summed \
         up; each question once to warm up and then {ASKED} times; CPU of this process and of the database"
    );
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        on_sqlite().await?;
        on_a_server().await
    })
}
