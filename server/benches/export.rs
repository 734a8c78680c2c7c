//! What it costs to send each poll by remote_write or OTLP as it is taken: CPU time of the thread that does it, all of it
//! (finding, writing, packing, sending), and the bytes that are sent.
//!
//! `cargo bench -p roundsman --bench export [-- HOSTS]`
//!
//! The hosts are those of `roundsman-fleet`, of 2 to 64 cores, each shown anew every ten seconds, as the engine
//! shows them; a receiver on loopback takes every request at once. Not counted: the receiver, and what showing a
//! host costs the thread that polls, which is the same with and without.
#![allow(clippy::unwrap_used, reason = "a measurement that fails is none")]
#![allow(clippy::cast_precision_loss, reason = "printed with one digit")]

#[path = "poll_fleet/machine.rs"]
mod machine;
#[path = "exposition/view.rs"]
mod view;

use std::{
    env,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use axum::{Router, body::Bytes, http::StatusCode};
use roundsman::{
    clock::{Clock as _, SystemClock},
    config::{Config, Flag, Sources},
    export::{ExportParts, Exporter},
    live::{HostView, Live},
    metrics::Metrics,
    model::Record,
};
use rustix::time::{ClockId, clock_gettime};
use tokio::{net::TcpListener, runtime::Builder, sync::oneshot};
use view::view;

/// How often each host is polled.
const INTERVAL: Duration = Duration::from_secs(10);

/// Between two handfuls of polls.
const STEP: Duration = Duration::from_millis(100);

fn cpu_us() -> f64 {
    let spent = clock_gettime(ClockId::ThreadCPUTime);
    spent.tv_sec as f64 * 1e6 + spent.tv_nsec as f64 / 1e3
}

/// A receiver on a thread of its own, and the bytes that it was sent.
fn receiver() -> (u16, Arc<AtomicU64>) {
    let bytes = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&bytes);
    let (sender, port) = std::sync::mpsc::channel();
    thread::spawn(move || {
        Builder::new_current_thread().enable_all().build().unwrap().block_on(async move {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            sender.send(listener.local_addr().unwrap().port()).unwrap();
            let take = move |body: Bytes| {
                counted.fetch_add(body.len() as u64, Ordering::Relaxed);
                let written = [("x-prometheus-remote-write-samples-written", "1000000")];
                std::future::ready((StatusCode::NO_CONTENT, written))
            };
            axum::serve(listener, Router::new().fallback(take)).await.unwrap();
        });
    });
    (port.recv().unwrap(), bytes)
}

/// Microseconds, samples and bytes of a poll.
fn measure(hosts: &[Arc<HostView>], protocol: &str, names: &str, steps: usize) -> [f64; 3] {
    let (port, bytes) = receiver();
    let url = format!("http://127.0.0.1:{port}/");
    let given =
        [("export.url", url.as_str()), ("export.protocol", protocol), ("export.names", names)];
    let flags = given.map(|(key, value)| Flag { key, name: "", value: value.to_owned() }).into();
    let config = Config::load(Sources { flags, ..Sources::default() }).unwrap().config;
    let (live, metrics) = (Arc::new(Live::default()), Arc::new(Metrics::new()));
    let clock = Arc::new(SystemClock::new());
    let parts = ExportParts { live: Arc::clone(&live), metrics: Arc::clone(&metrics), clock };
    let data = tempfile::tempdir().unwrap();
    let exporter = Exporter::new(&config.export, &config.resolve, data.path(), parts);
    let exporter = exporter.unwrap().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let sending = thread::spawn(move || {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let begin = cpu_us();
        runtime.block_on(exporter.run(async move { drop(stopped.await) }));
        cpu_us() - begin
    });
    let at_once = (hosts.len() * STEP.as_millis() as usize).div_ceil(INTERVAL.as_millis() as usize);
    let mut polls = 0;
    for step in 0..steps {
        let now = SystemClock::new().now().wall;
        for place in 0..at_once {
            let view = &hosts[(step * at_once + place) % hosts.len()];
            let mut poll = Record::clone(view.last_good.as_deref().unwrap());
            (poll.slot, poll.started) = (now, now);
            let poll = Some(Arc::new(poll));
            live.publish(HostView { last: poll.clone(), last_good: poll, ..HostView::clone(view) });
            polls += 1;
        }
        thread::sleep(STEP);
    }
    drop(stop);
    let spent = sending.join().unwrap();
    assert_eq!(metrics.export_polls_missed.get(), 0);
    let polls = f64::from(polls);
    let samples = metrics.export_sent.get() as f64;
    [spent / polls, samples / polls, bytes.load(Ordering::Relaxed) as f64 / polls]
}

fn main() {
    let measured = env::args().any(|word| word == "--bench");
    let hosts = env::args().find_map(|word| word.parse().ok());
    // `cargo test --benches` only wants to know that it runs.
    let (hosts, steps) = if measured { (hosts.unwrap_or(1_000), 150) } else { (10, 3) };
    let hosts: Vec<_> = (0..hosts).map(view).collect();
    let busy = machine::Busy::now();
    println!("{} hosts every 10 s; load {}\n", hosts.len(), machine::load());
    println!("{:<28} {:>8} {:>9} {:>12}", "", "us/poll", "samples", "bytes sent");
    for protocol in ["remote_write", "remote_write_2", "otlp"] {
        for names in ["roundsman", "node"] {
            // It has names of its own.
            if (protocol, names) == ("otlp", "node") {
                continue;
            }
            let [us, samples, bytes] = measure(&hosts, protocol, names, steps);
            println!(
                "{:<28} {us:>8.1} {samples:>9.0} {bytes:>12.0}",
                if protocol == "otlp" {
                    protocol.to_owned()
                } else {
                    format!("{protocol}, {names}")
                }
            );
        }
    }
    println!("\nthe machine was {:.0} % busy", busy.share_since());
}
