//! What is done in each mode, and what is printed.

use std::time::Duration;

use crate::{
    Args, Kept, Mode, alerts,
    ledger::Spread,
    machine,
    processes::Site,
    serve::serve,
    server::{Report, WINDOW_MS},
    soak::soak,
};

/// Does what the mode says, with each store, as often as wanted.
pub(crate) fn run(args: &Args) {
    let interval = humantime::format_duration(args.interval);
    let mut steadies = Vec::new();
    for round in 1..=args.rounds {
        for &store in &args.store {
            println!("{} hosts every {interval}, rows to {store:?}, round {round}", args.hosts);
            match args.mode {
                Mode::Steady => steadies.push(steady(args, store)),
                Mode::BlackHoles => black_holes(args, store),
                Mode::Restart => restart(args, store),
                Mode::Reload => reload(args, store),
                Mode::Pages => pages(args, store),
                Mode::Soak => soak(args, store),
                Mode::Alerts => alerts::cost(args, store),
                Mode::AlertStorm => alerts::storm(args, store),
                Mode::AlertLatency => alerts::latency(args, store),
                Mode::Serve => serve(args, store),
            }
        }
    }
    if steadies.len() > args.store.len() {
        best(args, &steadies);
    }
}

pub(crate) fn stretch(site: &mut Site, length: Duration) -> Report {
    site.report();
    site.wait(length);
    site.report()
}

pub(crate) fn ms(us: u64) -> f64 {
    us as f64 / 1e3
}

pub(crate) fn spread(of: Spread) -> String {
    format!("p50 {:.1}  p99 {:.1}  max {:.1} ms", ms(of.p50), ms(of.p99), ms(of.max))
}

pub(crate) fn show(title: &str, report: &Report) {
    let polls = report.polls.max(1) as f64;
    println!("{title}: {} polls in {:.1} s {:?}", report.polls, report.seconds, report.outcomes);
    println!("  slot lateness of healthy hosts   {}", spread(report.well.late));
    println!("  with waiting for a place         {}", spread(report.well.begun));
    println!(
        "  healthy polls                    {} of {} ok, {} slots without a row, {} hosts off their grid",
        report.well.ok, report.well.polls, report.well.gaps, report.well.off_grid
    );
    let threads = report.thread_us.iter().filter(|(_, us)| *us / polls >= 0.1);
    let threads: Vec<String> =
        threads.map(|(name, us)| format!("{name} {:.1}", us / polls)).collect();
    println!(
        "  CPU                              {:.1} us per poll; by thread: {}{}",
        report.process_us / polls,
        threads.join(", "),
        report
            .database_us
            .map_or(String::new(), |us| format!("; the database {:.1} more", us / polls)),
    );
    println!(
        "  the machine                      {:.0} % busy with everybody's work, load {}",
        report.busy_pct,
        machine::load()
    );
    println!("  begun in the busiest second      {}", report.burst);
    // What only the server itself knows.
    let inside = report
        .tasks
        .map_or(String::new(), |tasks| format!(", {tasks} tasks, states {:?}", report.states));
    println!(
        "  server                           RSS {} KiB, private {} KiB, {} descriptors, {} threads{inside}",
        report.rss_kib, report.private_kib, report.fds, report.threads,
    );
}

/// The most windows of lateness that are printed one by one.
const WINDOWS: usize = 40;

/// A measured stretch of a fleet that is well.
struct Steady {
    store: Kept,
    report: Report,
    kib_per_host: f64,
}

fn steady(args: &Args, store: Kept) -> Steady {
    let one = Args { hosts: 1, ..args.clone() };
    let mut site = Site::start(&one, store);
    let empty = site.report();
    drop(site);
    let mut site = Site::start(args, store);
    println!("server is process {}", site.server_pid());
    let report = stretch(&mut site, args.length);
    show("steady", &report);
    let each = |full: u64, empty: u64| full.saturating_sub(empty) as f64 / f64::from(args.hosts);
    let kib_per_host = each(report.rss_kib, empty.rss_kib);
    println!(
        "  memory per host                  {kib_per_host:.1} KiB resident, {:.1} KiB private (over a server of 1 host: {} KiB)",
        each(report.private_kib, empty.private_kib),
        empty.rss_kib,
    );
    if report.windows.len() <= WINDOWS {
        let of = |which: fn(&Spread) -> u64| {
            report.windows.iter().map(|w| format!("{:.0}", ms(which(w)))).collect::<Vec<_>>()
        };
        println!("  lateness per {} s of slots, ms", WINDOW_MS / 1_000);
        println!("    p50  {}", of(|w| w.p50).join(" "));
        println!("    p99  {}", of(|w| w.p99).join(" "));
    }
    println!(
        "targets: p99 lateness <= 50 ms, <= 150 us per poll without the store, <= 64 KiB per host"
    );
    Steady { store, report, kib_per_host }
}

/// The round of each store in which a poll cost least, and the least lateness of any.
fn best(args: &Args, steadies: &[Steady]) {
    println!("best of {} rounds each:", args.rounds);
    for &store in &args.store {
        let of = || steadies.iter().filter(|steady| steady.store == store);
        let least = |figure: fn(&Steady) -> f64| of().map(figure).fold(f64::INFINITY, f64::min);
        let us = |r: &Report, name: &str| r.thread_us.get(name).copied().unwrap_or(0.0);
        let cheapest = of().min_by(|a, b| a.cost().total_cmp(&b.cost())).unwrap();
        let report = &cheapest.report;
        let polls = report.polls.max(1) as f64;
        println!(
            "  {store:?}: lateness p50 {:.1} p99 {:.1} ms; {:.1} us per poll ({:.1} polls, {:.1} writes), database {:.1}; {:.1} KiB per host",
            least(|s| ms(s.report.well.late.p50)),
            least(|s| ms(s.report.well.late.p99)),
            cheapest.cost(),
            us(report, "polls") / polls,
            (us(report, "store-write") + us(report, "store-mysql")) / polls,
            report.database_us.unwrap_or(0.0) / polls,
            cheapest.kib_per_host,
        );
    }
}

impl Steady {
    /// CPU of the server per poll, microseconds.
    fn cost(&self) -> f64 {
        self.report.process_us / self.report.polls.max(1) as f64
    }
}

/// Clean, holed, holed, clean: what changes with time alone weighs on both alike. The first holed
/// stretch begins with the moment at which half of the fleet falls silent.
fn black_holes(args: &Args, store: Kept) {
    let mut site = Site::start(args, store);
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

fn restart(args: &Args, store: Kept) {
    let mut site = Site::start(args, store);
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

fn reload(args: &Args, store: Kept) {
    let mut site = Site::start(args, store);
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

/// Nobody looks, then many, in turns: what changes with time alone weighs on both alike.
fn pages(args: &Args, store: Kept) {
    let mut site = Site::start(args, store);
    let (mut alone, mut seen) = (Vec::new(), Vec::new());
    for _ in 0..args.turns {
        let report = stretch(&mut site, args.length);
        show("nobody looks", &report);
        alone.push(report);
        let before = site.look(args.streams);
        let report = stretch(&mut site, args.length);
        show(&format!("{} pages look", args.streams), &report);
        println!(
            "  they read                        {:.1} MB",
            (site.looked() - before) as f64 / 1e6
        );
        site.look_away();
        seen.push(report);
    }
    let us = |r: &Report| r.thread_us.get("polls").copied().unwrap_or(0.0) / r.polls.max(1) as f64;
    let told = |words: &str, of: &[Report]| {
        let middle = |figure: &dyn Fn(&Report) -> f64| {
            let mut all: Vec<f64> = of.iter().map(figure).collect();
            all.sort_by(f64::total_cmp);
            all[args.turns / 2]
        };
        println!(
            "  {words:<14} {:.1} us per poll on the polling thread; lateness p50 {:.2} p99 {:.2} ms",
            middle(&us),
            middle(&|r| ms(r.well.late.p50)),
            middle(&|r| ms(r.well.late.p99)),
        );
    };
    println!("median of {} turns each:", args.turns);
    told("nobody looks", &alone);
    told(&format!("{} pages", args.streams), &seen);
}
