//! What is done in each mode, and what is printed.

use std::time::Duration;

use crate::{Args, Mode, ledger::Spread, processes::Site, server::Report};

/// Does what the mode says.
pub(crate) fn run(args: &Args) {
    let interval = humantime::format_duration(args.interval);
    println!("{} hosts every {interval}, rows to {:?}", args.hosts, args.store);
    match args.mode {
        Mode::Steady => steady(args),
        Mode::BlackHoles => black_holes(args),
        Mode::Restart => restart(args),
        Mode::Reload => reload(args),
        Mode::Soak => soak(args),
    }
}

fn stretch(site: &mut Site, length: Duration) -> Report {
    site.report();
    site.wait(length);
    site.report()
}

fn ms(us: u64) -> f64 {
    us as f64 / 1e3
}

fn spread(of: Spread) -> String {
    format!("p50 {:.1}  p99 {:.1}  max {:.1} ms", ms(of.p50), ms(of.p99), ms(of.max))
}

fn show(title: &str, report: &Report) {
    let polls = report.polls.max(1) as f64;
    println!("{title}: {} polls in {:.1} s {:?}", report.polls, report.seconds, report.outcomes);
    println!("  slot lateness of healthy hosts   {}", spread(report.well.late));
    println!("  with waiting for a place         {}", spread(report.well.begun));
    println!(
        "  healthy polls                    {} of {} ok, {} slots without a row, {} hosts off their grid",
        report.well.ok, report.well.polls, report.well.gaps, report.well.off_grid
    );
    println!(
        "  CPU                              {:.1} us per poll, of it {:.1} on the thread that polls",
        report.process_us / polls,
        report.poll_thread_us / polls
    );
    println!("  begun in the busiest second      {}", report.burst);
    println!(
        "  server                           RSS {} KiB, private {} KiB, {} descriptors, {} threads, \
         {} tasks, states {:?}",
        report.rss_kib, report.private_kib, report.fds, report.threads, report.tasks, report.states
    );
}

fn steady(args: &Args) {
    let one = Args { hosts: 1, ..args.clone() };
    let mut site = Site::start(&one);
    let empty = site.report();
    drop(site);
    let mut site = Site::start(args);
    println!("server is process {}", site.server_pid());
    let report = stretch(&mut site, args.length);
    show("steady", &report);
    let each = |full: u64, empty: u64| full.saturating_sub(empty) as f64 / f64::from(args.hosts);
    println!(
        "  memory per host                  {:.1} KiB resident, {:.1} KiB private (over a server of 1 host: {} KiB)",
        each(report.rss_kib, empty.rss_kib),
        each(report.private_kib, empty.private_kib),
        empty.rss_kib,
    );
    println!(
        "targets: p99 lateness <= 50 ms, <= 150 us per poll without the store, <= 64 KiB per host"
    );
}

/// Clean, holed, holed, clean: what changes with time alone weighs on both alike. The first holed
/// stretch begins with the moment at which half of the fleet falls silent.
fn black_holes(args: &Args) {
    let mut site = Site::start(args);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of hosts")]
    let ill = (f64::from(args.hosts) * args.share) as u32;
    let first = stretch(&mut site, args.length);
    show("clean", &first);
    site.report();
    site.ill(1, ill + 1);
    site.set(&format!("#1-{}", ill / 2), "hang-after-accept");
    site.set(&format!("#{}-{ill}", ill / 2 + 1), "hang-before-accept");
    site.wait(args.length);
    let onset = site.report();
    show("black-holed, from the first moment", &onset);
    let holed = stretch(&mut site, args.length);
    show("black-holed", &holed);
    site.set("all", "healthy");
    while site.report().states.get("up") != Some(&(args.hosts as usize)) {
        site.wait(args.interval);
    }
    site.ill(0, 0);
    let last = stretch(&mut site, args.length);
    show("clean again", &last);
    let late = |of: [&Report; 2]| of.iter().map(|r| r.well.late.p99 as f64).sum::<f64>();
    let change = late([&onset, &holed]) / late([&first, &last]).max(1.0);
    println!(
        "p99 lateness of healthy hosts: {:+.1} % (target: within 10 %); lost: {} slots, {} polls not ok",
        (change - 1.0) * 100.0,
        onset.well.gaps + holed.well.gaps,
        onset.well.polls - onset.well.ok + holed.well.polls - holed.well.ok,
    );
}

fn restart(args: &Args) {
    let mut site = Site::start(args);
    show("before", &stretch(&mut site, args.length));
    site.set("all", "refuse");
    show("away", &stretch(&mut site, args.length));
    site.set("all", "healthy");
    let mut back = Vec::new();
    site.report();
    let up = u64::from(args.hosts);
    let mut waited = Duration::ZERO;
    let step = Duration::from_secs(1);
    loop {
        site.wait(step);
        waited += step;
        let report = site.report();
        let now_up = *report.states.get("up").unwrap_or(&0) as u64;
        back.push((report.burst, now_up));
        if now_up == up || waited > args.length * 10 {
            break;
        }
    }
    println!(
        "back: all up after {waited:?}; per second (begun in its busiest second, up): {back:?}"
    );
    show("after", &stretch(&mut site, args.length));
}

fn reload(args: &Args) {
    let mut site = Site::start(args);
    show("before", &stretch(&mut site, args.length));
    let took = site.change_one("a");
    site.wait(Duration::from_secs(3));
    let again = site.change_one("b");
    println!("in force {took:?} and {again:?} after the file changed");
    site.report();
    let before = site.asked();
    let in_force = site.change_one("c");
    site.wait(args.length);
    let report = site.report();
    println!(
        "a third after {in_force:?}; polls the probes saw meanwhile: {}",
        site.asked() - before
    );
    show("across a reload (without the moments of waiting for it)", &report);
}

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

fn soak(args: &Args) {
    const STEP: Duration = Duration::from_secs(10);
    let mut site = Site::start(args);
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
        let report = site.report();
        println!(
            "{:5.0} s  RSS {} KiB  private {} KiB  fds {}  threads {}  tasks {}  {:?}",
            at.as_secs_f64(),
            report.rss_kib,
            report.private_kib,
            report.fds,
            report.threads,
            report.tasks,
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
        ("tasks", |r| r.tasks as f64),
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
