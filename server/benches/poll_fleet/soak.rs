//! Faults on and off for as long as wanted, and what becomes of memory, descriptors, threads, tasks.

use std::time::Duration;

use crate::{Args, Kept, processes::Site, server::Report};

/// Numbers without a pattern (xorshift).
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u32) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        u32::try_from(self.0 % u64::from(end)).unwrap()
    }
}

const FAULTS: [&str; 11] = [
    "slow=300ms",
    "hang-after-accept",
    "hang-before-accept",
    "refuse",
    "reset-mid-answer",
    "garbage",
    "huge",
    "wrong-machine",
    "stepping-clock",
    "not-serving",
    "flapping=3s/2s",
];

/// Faults switch on and off while what the server holds is looked at.
pub(crate) fn soak(args: &Args, store: Kept) {
    const STEP: Duration = Duration::from_secs(10);
    let mut site = Site::start(args, store);
    let mut dice = Dice(args.seed | 1 << 40);
    let mut samples: Vec<(f64, Report)> = Vec::new();
    let mut at = Duration::ZERO;
    site.report();
    while at < args.length {
        // A tenth of the fleet at a time; each third step everybody is well.
        if dice.below(3) == 0 {
            site.set("all", "healthy");
        } else {
            let from = dice.below(args.hosts) + 1;
            let fault = FAULTS[dice.below(u32::try_from(FAULTS.len()).unwrap()) as usize];
            site.set(&format!("#{from}-{}", from + args.hosts / 10), fault);
        }
        site.wait(STEP);
        at += STEP;
        if let Some(keep) = args.keep.filter(|_| at.as_secs().is_multiple_of(60)) {
            println!("{} polls dropped", site.prune(keep));
        }
        let report = site.report();
        println!(
            "{:5.0} s  RSS {} KiB  private {} KiB  fds {}  threads {}  tasks {}  {:?}",
            at.as_secs_f64(),
            report.rss_kib,
            report.private_kib,
            report.fds,
            report.threads,
            report.tasks.unwrap_or(0),
            report.outcomes
        );
        samples.push((at.as_secs_f64(), report));
    }
    site.set("all", "healthy");
    site.wait(args.length / 10 + args.interval * 5);
    let rest = site.report();
    println!("             first      last   at rest   slope per hour (second half)");
    type Figure = (&'static str, fn(&Report) -> f64);
    let figures: [Figure; 5] = [
        ("RSS KiB", |r| r.rss_kib as f64),
        ("private KiB", |r| r.private_kib as f64),
        ("descriptors", |r| r.fds as f64),
        ("threads", |r| r.threads as f64),
        ("tasks", |r| r.tasks.unwrap_or(0) as f64),
    ];
    for (name, figure) in figures {
        let half: Vec<(f64, f64)> =
            samples[samples.len() / 2..].iter().map(|(at, r)| (*at, figure(r))).collect();
        println!(
            "{name:11} {:9.0} {:9.0} {:9.0} {:+11.1}",
            figure(&samples[0].1),
            figure(&samples[samples.len() - 1].1),
            figure(&rest),
            slope(&half) * 3600.0
        );
    }
}

/// Least squares.
fn slope(points: &[(f64, f64)]) -> f64 {
    let count = points.len() as f64;
    let (mx, my) = (
        points.iter().map(|(x, _)| x).sum::<f64>() / count,
        points.iter().map(|(_, y)| y).sum::<f64>() / count,
    );
    let over = points.iter().map(|(x, y)| (x - mx) * (y - my)).sum::<f64>();
    let under = points.iter().map(|(x, _)| (x - mx).powi(2)).sum::<f64>();
    if under > 0.0 { over / under } else { 0.0 }
}
