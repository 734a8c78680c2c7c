//! What a poll costs the server: CPU time per poll and memory per kept host.
//!
//! `cargo bench -p roundsman --bench poll_cost [-- HOSTS ROUNDS]`
//!
//! The probe is another process (this program again, with `probe` as its argument), so that its
//! work is not counted. It answers what a machine of 48 cores, 12 disks, 8 interfaces and 15
//! filesystems would. This process polls it over loopback on one thread, as the server does, and
//! reads that thread's own CPU clock.
//!
//! Then real probes are polled in plain text and over mutual TLS by turns; `-- --tls` does that alone.
#![allow(clippy::unwrap_used, reason = "a measurement that fails is none")]

#[path = "poll_cost/encrypted.rs"]
mod encrypted;
#[path = "../tests/support/mod.rs"]
mod support;

use std::{
    env, fs,
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    process::{Command, Stdio},
    sync::Arc,
    time::Duration,
};

use prost::Message as _;
use roundsman::{
    clock::SystemClock,
    model::{Address, HostId, HostName, Outcome, Selection},
    poll::{Job, Link, PollLimits, Poller},
};
use roundsman_proto::v1;
use rustix::time::{ClockId, clock_gettime};
use support::{Behaviour, FakeProbe};
use tokio::task::JoinSet;

const IN_FLIGHT: usize = 64;

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let numbers: Vec<usize> = env::args().filter_map(|word| word.parse().ok()).collect();
    if env::args().any(|word| word == "probe") {
        return runtime.block_on(probe());
    }
    if let Some(folder) = env::args().skip_while(|word| word != "probes").nth(1) {
        return runtime.block_on(encrypted::probes(folder.as_ref()));
    }
    // `cargo test --benches` only wants to know that it runs.
    let (hosts, rounds) =
        if env::args().any(|word| word == "--bench") { (1_000, 20) } else { (20, 1) };
    let hosts = numbers.first().copied().unwrap_or(hosts);
    let rounds = numbers.get(1).copied().unwrap_or(rounds);
    if env::args().any(|word| word == "--tls") {
        return runtime.block_on(encrypted::side_by_side(hosts, rounds));
    }
    let mut child = Command::new(env::current_exe().unwrap())
        .arg("probe")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut port = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut port).unwrap();
    runtime.block_on(measure(port.trim().parse().unwrap(), hosts, rounds));
    drop(child.stdin.take());
    child.wait().unwrap();
    runtime.block_on(encrypted::side_by_side(hosts, rounds));
}

/// Answers until its standard input closes.
async fn probe() {
    let answer = large_answer();
    let probe =
        FakeProbe::start(Behaviour::Answers(Arc::new(move |_, _| Ok(answer.clone())))).await;
    println!("{}", probe.socket().port());
    io::stdout().flush().unwrap();
    io::stdin().read_to_end(&mut Vec::new()).unwrap();
}

async fn measure(port: u16, hosts: usize, rounds: usize) {
    let limits = PollLimits { in_flight: IN_FLIGHT, ..PollLimits::default() };
    let poller = Poller::new(limits, Arc::new(SystemClock::new()));
    let selection = Arc::new(Selection::default());
    let job = |n: i64| Job {
        host: HostId(n),
        name: HostName::new("host").unwrap(),
        link: Link::new(vec![Address { host: "127.0.0.1".into(), port }]),
        timeout: Duration::from_secs(30),
        selection: Arc::clone(&selection),
        expected_machine: None,
    };
    // Two hosts first, so that what is made once is not counted for each.
    let warm = [job(0), job(0)];
    round(&poller, &warm).await;
    round(&poller, &warm).await;
    let empty_kib = private_kib();
    let jobs: Vec<Job> = (1..).map(job).take(hosts).collect();
    let connecting = round(&poller, &jobs).await;
    let mut kept = Vec::new();
    for _ in 0..rounds {
        kept.push(round(&poller, &jobs).await);
    }
    let full_kib = private_kib();
    kept.sort_by(f64::total_cmp);
    println!("{hosts} hosts, {IN_FLIGHT} in flight, {rounds} rounds over kept connections,");
    println!(
        "answers of {} bytes; thread CPU time of the polling side:",
        large_answer().encoded_len()
    );
    println!("  connecting and polling  {connecting:7.1} us per poll (first round)");
    println!("  polling, median round   {:7.1} us per poll", kept[rounds / 2]);
    println!("  polling, best round     {:7.1} us per poll", kept[0]);
    println!("  of it decoding          {:7.1} us per poll", decoding_us());
    #[expect(clippy::cast_precision_loss, reason = "printed with one digit")]
    let each = (full_kib - empty_kib) as f64 / hosts as f64;
    println!("  memory per kept host    {each:7.1} KiB (private dirty)");
}

/// Polls every host once; microseconds of this thread per poll.
async fn round(poller: &Poller, jobs: &[Job]) -> f64 {
    let before = thread_us();
    let mut polls = JoinSet::new();
    for job in jobs {
        let (poller, job) = (poller.clone(), job.clone());
        polls.spawn(async move { poller.poll(job).await.outcome });
    }
    while let Some(outcome) = polls.join_next().await {
        assert_eq!(outcome.unwrap(), Outcome::Ok);
    }
    #[expect(clippy::cast_precision_loss, reason = "printed with one digit")]
    let each = (thread_us() - before) / jobs.len() as f64;
    each
}

/// The protobuf part alone, for comparison.
fn decoding_us() -> f64 {
    const TIMES: u32 = 2_000;
    let bytes = large_answer().encode_to_vec();
    let before = thread_us();
    for _ in 0..TIMES {
        std::hint::black_box(v1::Snapshot::decode(std::hint::black_box(bytes.as_slice())).unwrap());
    }
    (thread_us() - before) / f64::from(TIMES)
}

fn thread_us() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap()).as_secs_f64()
        * 1e6
}

fn private_kib() -> u64 {
    let rollup = fs::read_to_string("/proc/self/smaps_rollup").unwrap();
    let line = rollup.lines().find_map(|line| line.strip_prefix("Private_Dirty:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// 48 cores, 12 disks, 8 interfaces, 15 filesystems.
fn large_answer() -> v1::Snapshot {
    let column = |rows: u64, scale: u64| (0..rows).map(|row| scale + row * 977).collect::<Vec<_>>();
    let names = |rows: u32, stem: &str| (0..rows).map(|row| format!("{stem}{row}")).collect();
    let ticks = || column(48, 123_456_789);
    let counts = || column(48, 9_876_543);
    let disk = || column(12, 4_567_890);
    let net = || column(8, 987_654_321_012);
    let fs = |scale| column(15, scale);
    v1::Snapshot {
        cpu: Some(v1::Cpu {
            cores: Some(v1::Cores {
                core: (0..48).collect(),
                user: ticks(),
                nice: ticks(),
                system: ticks(),
                idle: ticks(),
                iowait: ticks(),
                irq: ticks(),
                softirq: ticks(),
                steal: ticks(),
                ..v1::Cores::default()
            }),
            ..support::answer(0).cpu.unwrap()
        }),
        softirq: Some(v1::Softirq {
            core: (0..48).collect(),
            timer: counts(),
            net_rx: counts(),
            sched: counts(),
            rcu: counts(),
            ..v1::Softirq::default()
        }),
        disk: Some(v1::Disk {
            device: names(12, "nvme0n"),
            reads: disk(),
            read_sectors: disk(),
            read_ms: disk(),
            writes: disk(),
            written_sectors: disk(),
            write_ms: disk(),
            io_ms: disk(),
            ..v1::Disk::default()
        }),
        network: Some(v1::Network {
            interface: names(8, "eth"),
            rx_bytes: net(),
            rx_packets: net(),
            rx_errors: net(),
            rx_dropped: net(),
            tx_bytes: net(),
            tx_packets: net(),
            tx_errors: net(),
            tx_dropped: net(),
            ..v1::Network::default()
        }),
        filesystem: Some(v1::Filesystem {
            mount_point: names(15, "/var/lib/volume-"),
            device: names(15, "/dev/mapper/volume-"),
            fs_type: vec!["ext4".to_owned(); 15],
            status: vec![v1::Status::Ok.into(); 15],
            read_only: vec![false; 15],
            block_size_bytes: vec![4096; 15],
            blocks: fs(10_000_000),
            blocks_free: fs(5_000_000),
            blocks_available: fs(4_000_000),
            inodes: fs(1_000_000),
            inodes_free: fs(900_000),
            ..v1::Filesystem::default()
        }),
        ..support::answer(0)
    }
}
