//! What a scrape of `/metrics/hosts` costs: CPU time of writing it, of packing it, and its bytes.
//!
//! `cargo bench -p roundsman --bench exposition [-- HOSTS]`
//!
//! The hosts are those of `roundsman-fleet`, of 2 to 64 cores, each polled twice. Every figure is the median of
//! its runs, by this thread's own CPU clock; packed as the server packs it, at zlib's fastest. Not counted: the
//! sockets.
#![allow(clippy::unwrap_used, reason = "a measurement that fails is none")]
#![allow(clippy::cast_precision_loss, reason = "printed with one digit")]

#[path = "poll_fleet/machine.rs"]
mod machine;
#[path = "exposition/view.rs"]
mod view;

use std::{collections::BTreeSet, env, io::Write as _, sync::Arc};

use flate2::{Compression, write::GzEncoder};
use roundsman::{
    exposition::{Exposition, NamesOf, TextFormat, Wanted},
    live::HostView,
};
use rustix::time::{ClockId, clock_gettime};
use view::{NOW, view};

fn cpu_ms() -> f64 {
    let spent = clock_gettime(ClockId::ThreadCPUTime);
    spent.tv_sec as f64 * 1e3 + spent.tv_nsec as f64 / 1e6
}

/// Milliseconds of CPU time of writing, of writing and packing, and the bytes of both.
fn scrape(hosts: &[Arc<HostView>], wanted: &Wanted) -> (f64, f64, usize, usize, usize) {
    let all = || Exposition::new(hosts.to_vec(), wanted.clone(), NOW);
    let samples = all().map(|piece| piece.split(|byte| *byte == b'\n').count() - 1).sum();
    let begin = cpu_ms();
    let bytes = all().map(|piece| std::hint::black_box(&piece).len()).sum();
    let written = cpu_ms() - begin;
    let begin = cpu_ms();
    let mut packing = GzEncoder::new(Vec::new(), Compression::fast());
    for piece in all() {
        packing.write_all(&piece).unwrap();
    }
    let packed = packing.finish().unwrap().len();
    (written, cpu_ms() - begin, samples, bytes, packed)
}

fn main() {
    let measured = env::args().any(|word| word == "--bench");
    let hosts = env::args().find_map(|word| word.parse().ok());
    // `cargo test --benches` only wants to know that it runs.
    let (hosts, runs) = if measured { (hosts.unwrap_or(1_000), 15) } else { (10, 1) };
    let hosts: Vec<_> = (0..hosts).map(view).collect();
    let busy = machine::Busy::now();
    println!("{} hosts, median of {runs}; load {}\n", hosts.len(), machine::load());
    println!(
        "{:<28} {:>10} {:>14} {:>9} {:>11} {:>11}",
        "", "written ms", "and packed ms", "lines", "bytes", "packed"
    );
    for names in NamesOf::ALL {
        for (what, format, created) in [
            ("text 0.0.4", TextFormat::Prometheus, false),
            ("OpenMetrics", TextFormat::OpenMetrics, false),
            ("OpenMetrics, created", TextFormat::OpenMetrics, true),
        ] {
            let wanted = Wanted {
                names: *names,
                format,
                families: BTreeSet::new(),
                says_host: true,
                created,
                timestamps: false,
            };
            let mut all: Vec<_> = (0..runs).map(|_| scrape(&hosts, &wanted)).collect();
            all.sort_by(|a, b| a.0.total_cmp(&b.0));
            let (written, _, lines, bytes, packed) = all[runs / 2];
            all.sort_by(|a, b| a.1.total_cmp(&b.1));
            let both = all[runs / 2].1;
            println!(
                "{:<28} {written:>10.1} {both:>14.1} {lines:>9} {bytes:>11} {packed:>11}",
                format!("{names}, {what}")
            );
        }
    }
    println!("\nthe machine was {:.0} % busy", busy.share_since());
}
