//! What one `GetMetrics` costs the host: `cargo bench -p roundsman-probe`.
//!
//! The release binary runs as its own process and is called over loopback gRPC on one kept channel.
//! Its CPU time is its own getrusage(2), as its answers carry it; the floor is this process's
//! getrusage(2) around opening, reading to the end and closing exactly the files that the probe
//! reads, and statvfs(2) of the mounts that it reports. A second floor, for information, opens only
//! the files that the probe does not keep open. Calls and floors alternate in rounds, so that all see
//! the same machine, and each figure is the median of the rounds.
//!
//! `-- --calls N --idle SECONDS` change how long it takes, `--binary PATH` what is measured, and
//! `--against PATH` compares it with another binary, in turn, instead; `--tables` measures long
//! mount tables alone, `--containers` containers, and `--tls` what mutual TLS adds; these otherwise come last.

mod against;
mod encrypted;
mod floor;
mod groups;
mod subject;
mod tables;

use std::{env, process::ExitCode, thread, time::Duration};

use roundsman_proto::health::HealthCheckRequest;
use roundsman_proto::v1;

use floor::Floor;
use subject::Subject;

/// Targets of the design, on the machine it was measured on.
const MOST_TIMES_FLOOR: f64 = 3.0;
const MOST_US: f64 = 300.0;
const MOST_RSS_KIB: u64 = 6 * 1024;

const ROUNDS: u32 = 10;
const WARM_UP_CALLS: u32 = 500;
const FLOOR_READINGS: u32 = 1_000;
const PACED_CALLS: u32 = 20;
const PACE: Duration = Duration::from_millis(500);

struct Options {
    binary: String,
    against: Option<String>,
    tables: bool,
    containers: bool,
    tls: bool,
    calls: u32,
    idle: Duration,
}

impl Options {
    fn parse() -> Self {
        let arguments: Vec<String> = env::args().collect();
        let value = |flag: &str| {
            let place = arguments.iter().position(|argument| argument == flag)?;
            arguments.get(place + 1)
        };
        let number = |flag: &str| value(flag)?.parse().ok();
        let built = env!("CARGO_BIN_EXE_roundsman-probe");
        Self {
            binary: value("--binary").map_or_else(|| built.to_owned(), Clone::clone),
            against: value("--against").cloned(),
            tables: arguments.iter().any(|argument| argument == "--tables"),
            containers: arguments.iter().any(|argument| argument == "--containers"),
            tls: arguments.iter().any(|argument| argument == "--tls"),
            calls: number("--calls").unwrap_or(100_000),
            idle: Duration::from_secs(number("--idle").unwrap_or(30).into()),
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<ExitCode, Box<dyn std::error::Error>> {
    let options = Options::parse();
    if let Some(other) = &options.against {
        against::compare(&options.binary, other, options.calls).await?;
        return Ok(ExitCode::SUCCESS);
    }
    if options.tables {
        return Ok(if tables::measure()? { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    if options.containers {
        return Ok(if groups::measure()? { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    if options.tls {
        let met = encrypted::compare(&options.binary, options.calls).await?;
        return Ok(if met { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    let mut subject = Subject::start(&options.binary).await?;
    let (answer, _) = subject.calls(WARM_UP_CALLS).await?;
    let mut floor = Floor::of(&answer);
    println!("GetMetrics, default families: {} files, {} mounts", floor.files(), floor.mounts());
    for report in answer.reports.iter().filter(|report| report.status() != v1::Status::Ok) {
        println!("  {:?} is {:?}: {}", report.family(), report.status(), report.error);
    }

    let mut rounds = Rounds::default();
    for _ in 0..ROUNDS {
        rounds.add(&mut subject, &mut floor, options.calls / ROUNDS).await?;
    }
    let after_calls = subject.memory()?;

    let before = subject.on_cpu()?;
    thread::sleep(options.idle);
    let idle = subject.on_cpu()?.since(before);

    let paced = paced(&mut subject, &mut floor).await?;
    let met = [
        rounds.print(options.calls),
        after_calls.print(MOST_RSS_KIB),
        idle.print(options.idle),
        paced.print(answer_bytes(&answer)),
        tables::measure()?,
        groups::measure()?,
        encrypted::compare(&options.binary, options.calls).await?,
    ];
    Ok(if met.iter().all(|met| *met) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn answer_bytes(answer: &v1::Snapshot) -> usize {
    prost::Message::encoded_len(answer)
}

/// CPU microseconds per call of each round.
#[derive(Default)]
struct Rounds {
    call: Vec<f64>,
    collect: Vec<f64>,
    health: Vec<f64>,
    floor: Vec<f64>,
    floor_kept: Vec<f64>,
    latency_us: Vec<f64>,
}

impl Rounds {
    async fn add(
        &mut self,
        subject: &mut Subject,
        floor: &mut Floor,
        calls: u32,
    ) -> Result<(), Box<dyn std::error::Error>> {
        let (_, cost) = subject.calls(calls).await?;
        self.call.push(cost.cpu_us / f64::from(calls));
        self.collect.push(cost.collect_us / f64::from(calls));
        self.latency_us.extend(cost.latencies_us);
        let transport = subject.checks(FLOOR_READINGS, &HealthCheckRequest::default()).await?;
        self.health.push(transport / f64::from(FLOOR_READINGS));
        self.floor.push(floor.read(FLOOR_READINGS) / f64::from(FLOOR_READINGS));
        self.floor_kept.push(floor.read_kept(FLOOR_READINGS) / f64::from(FLOOR_READINGS));
        Ok(())
    }

    fn print(&self, calls: u32) -> bool {
        let (call, floor) = (median(&self.call), median(&self.floor));
        let ratios: Vec<f64> = self.call.iter().zip(&self.floor).map(|(c, f)| c / f).collect();
        let times = median(&ratios);
        println!("\nback to back, {calls} calls in {ROUNDS} rounds, medians (least to most):");
        line("probe CPU per GetMetrics", &self.call, "µs");
        line("  of it wall time in collect", &self.collect, "µs");
        line("  an empty call (health)", &self.health, "µs");
        line("floor: open+read+close, statvfs", &self.floor, "µs");
        line("  the machine's files kept open", &self.floor_kept, "µs");
        line("times the floor", &ratios, "x");
        println!(
            "  {:34} p50 {:.0} p99 {:.0} µs",
            "latency at the caller",
            quantile(&self.latency_us, 0.50),
            quantile(&self.latency_us, 0.99)
        );
        let cheap = met(call <= MOST_US, &format!("{call:.0} µs of at most {MOST_US} µs"));
        let text = format!("{times:.2} of at most {MOST_TIMES_FLOOR} times {floor:.0} µs");
        met(times <= MOST_TIMES_FLOOR, &text) && cheap
    }
}

/// A call each half second: cold caches and a sleeping CPU, as in service. For information.
struct Paced {
    call_us: f64,
    floor_us: f64,
}

async fn paced(
    subject: &mut Subject,
    floor: &mut Floor,
) -> Result<Paced, Box<dyn std::error::Error>> {
    let mut cpu_us = 0.0;
    let mut floor_us = 0.0;
    let mut before = subject.calls(1).await?.0;
    for _ in 0..PACED_CALLS {
        thread::sleep(PACE);
        let (answer, _) = subject.calls(1).await?;
        cpu_us += subject::cpu_us(&answer) - subject::cpu_us(&before);
        before = answer;
        thread::sleep(PACE);
        floor_us += floor.read(1);
    }
    let calls = f64::from(PACED_CALLS);
    Ok(Paced { call_us: cpu_us / calls, floor_us: floor_us / calls })
}

impl Paced {
    fn print(&self, bytes: usize) -> bool {
        println!("\npaced, one call and one floor reading a second, {PACED_CALLS} each, means:");
        println!("  {:34} {:.0} µs", "probe CPU per GetMetrics", self.call_us);
        println!("  {:34} {:.0} µs", "floor", self.floor_us);
        println!("\n  {:34} {bytes}", "bytes per answer");
        true
    }
}

fn met(met: bool, text: &str) -> bool {
    println!("  {} {text}", if met { "MET   " } else { "MISSED" });
    met
}

fn line(name: &str, values: &[f64], unit: &str) {
    println!(
        "  {name:34} {:.1} ({:.1} to {:.1}) {unit}",
        median(values),
        quantile(values, 0.0),
        quantile(values, 1.0)
    );
}

fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "an index into the values"
)]
fn quantile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let place = (sorted.len().saturating_sub(1) as f64 * share).round() as usize;
    sorted.get(place).copied().unwrap_or(f64::NAN)
}
