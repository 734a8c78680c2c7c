//! What alert rules cost a poll, what a storm of alarms does to lateness, and how soon a receiver is told.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use roundsman::{
    alert::SHIPPED,
    clock::{Clock as _, SystemClock},
};
use serde_json::Value;

use crate::{
    Args, Kept,
    ledger::Spread,
    modes::{ms, show, spread, stretch},
    processes::Site,
    server::Report,
};

/// Rules that fire, or do not, on every host.
const STORM_RULES: usize = 10;

/// So many rules, those that come along again and again under other names.
fn rules(count: usize) -> String {
    let (_, all) = SHIPPED.split_once("[[alert]]").unwrap();
    let all: Vec<&str> = all.split("[[alert]]").collect();
    let named = |number: usize| {
        let name = format!("name = \"r{number}-");
        format!("[[alert]]{}", all[number % all.len()].replacen("name = \"", &name, 1))
    };
    (0..count).map(named).collect()
}

/// No rules and some in turns: what changes with time alone weighs on all alike.
pub(crate) fn cost(args: &Args, store: Kept) {
    let mut site = Site::start(args, store);
    let mut added: Vec<Vec<f64>> = vec![Vec::new(); args.rules.len()];
    let mut measure = |turn: usize, text: &str| {
        let alarms = site.rules(text);
        site.wait(args.interval * 3);
        let report = stretch(&mut site, args.length);
        let firing = site.alarms();
        println!("turn {turn}, {alarms} rules, {firing} alarms:");
        show("  ", &report);
        report.process_us / report.polls.max(1) as f64
    };
    let mut before = measure(0, "");
    for turn in 1..=args.turns {
        for (count, of) in args.rules.iter().zip(&mut added) {
            // Without before and after: the mean of both is what it is compared with.
            let with = measure(turn, &rules(*count));
            let after = measure(turn, "");
            of.push(with - f64::midpoint(before, after));
            before = after;
        }
    }
    for (count, of) in args.rules.iter().zip(&mut added) {
        of.sort_by(f64::total_cmp);
        let turns = of.len() as f64;
        let mean = of.iter().sum::<f64>() / turns;
        let squares: f64 = of.iter().map(|value| (value - mean).powi(2)).sum();
        let error = (squares / (turns - 1.0) / turns).sqrt();
        println!(
            "{count} rules add {mean:+.1} us CPU per poll (standard error {error:.1}), median {:+.1} \
             ({:+.1} to {:+.1}) of {turns} turns",
            of[of.len() / 2],
            of[0],
            of[of.len() - 1],
        );
    }
    println!("targets: <= 5 us for 20 rules, <= 60 us for 500");
}

/// As many alarms at once as there are hosts times [`STORM_RULES`], told by a channel; then all are over.
pub(crate) fn storm(args: &Args, store: Kept) {
    let sink = Sink::start();
    let mut site = Site::start(args, store);
    let text = |when: &str| -> String {
        let rule =
            |number| format!("[[alert]]\nname = \"storm-{number}\"\nwhen = \"load_1 {when}\"\n");
        (0..STORM_RULES)
            .map(rule)
            .chain([sink.channel(), "[[route]]\nchannels = [\"sink\"]\n".to_owned()])
            .collect()
    };
    let (quiet, loud) = (text("< 0"), text(">= 0"));
    let mut reports: [Vec<Report>; 2] = [Vec::new(), Vec::new()];
    for _ in 0..args.turns {
        site.rules(&quiet);
        site.wait(args.length);
        let report = stretch(&mut site, args.length);
        show("nothing fires", &report);
        reports[0].push(report);
        site.rules(&loud);
        let report = stretch(&mut site, args.length);
        show(&format!("{} alarms since the beginning", site.alarms()), &report);
        reports[1].push(report);
    }
    for (words, of) in ["nothing fires", "the storm"].iter().zip(&reports) {
        let late: Vec<String> = of.iter().map(|report| spread(report.well.late)).collect();
        println!("  {words:<14} lateness of each turn: {}", late.join("; "));
    }
    println!("the receiver took {} messages", sink.heard.lock().unwrap().len());
}

/// Hosts refuse one after the other, and each is told: from the end of the poll that saw it to the POST.
pub(crate) fn latency(args: &Args, store: Kept) {
    const PACE: Duration = Duration::from_millis(50);
    const ROUTES: u32 = 100;
    let sink = Sink::start();
    let mut site = Site::start(args, store);
    let mut text = "[[alert]]\nname = \"refused\"\nwhen = 'outcome == \"refused\"'\n".to_owned();
    text += &sink.channel();
    // Routes of their own, for many new alarms of one are a storm.
    let routes = ROUTES.min(args.hosts);
    for route in 0..routes {
        let hosts: Vec<String> = (1..=args.hosts)
            .filter(|host| host % routes == route)
            .map(|host| format!("\"*-{host}\""))
            .collect();
        let hosts = hosts.join(", ");
        write!(
            text,
            "[[route]]\nmatch = {{ hosts = [{hosts}] }}\nchannels = [\"sink\"]\ngroup_by = [\"host\"]\n\
             wait = \"0s\"\nevery = \"1s\"\n"
        )
        .unwrap();
    }
    site.rules(&text);
    site.wait(args.interval * 3);
    site.report();
    for host in 1..=args.hosts {
        site.set(&format!("#{host}"), "refuse");
        site.wait(PACE);
    }
    site.wait(args.interval * 3 + Duration::from_secs(3));
    let ended: BTreeMap<(u32, i64), i64> = site.refused().into_iter().collect();
    let heard = sink.heard.lock().unwrap();
    let mut took: Vec<u64> = Vec::new();
    for (at, document) in heard.iter() {
        let items = document["items"].as_array().unwrap();
        for item in items.iter().filter(|item| item["state"] == "firing") {
            let host = item["host"].as_str().unwrap().rsplit('-').next().unwrap().parse().unwrap();
            let slot = item["since_ms"].as_i64().unwrap();
            // One that was not refused by then is none that was made to.
            let Some(ended) = ended.get(&(host, slot)) else { continue };
            took.push(u64::try_from(at - ended).unwrap_or(0) * 1_000);
        }
    }
    let count = took.len();
    let took = Spread::of(took);
    println!(
        "from the end of the poll to the POST, `wait` 0 s, {count} alarms of {} hosts: {}",
        args.hosts,
        spread(took)
    );
    println!("target: <= 50 ms; p99 {:.0}", ms(took.p99));
}

/// Takes every message, and notes when it came.
struct Sink {
    address: SocketAddr,
    heard: Arc<Mutex<Vec<(i64, Value)>>>,
}

impl Sink {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let heard = Arc::<Mutex<Vec<_>>>::default();
        let its = Arc::clone(&heard);
        thread::spawn(move || {
            let clock = SystemClock::new();
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let (mut text, mut bytes) = (Vec::new(), [0; 16 << 10]);
                let mut at = None;
                let document = loop {
                    let length = stream.read(&mut bytes).unwrap();
                    assert!(length > 0, "cut off");
                    at = at.or(Some(clock.now().wall.0));
                    text.extend_from_slice(&bytes[..length]);
                    let all = String::from_utf8_lossy(&text);
                    let body = all.split_once("\r\n\r\n").map(|(_, body)| body);
                    if let Some(Ok(document)) = body.map(serde_json::from_str) {
                        break document;
                    }
                };
                stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").unwrap();
                its.lock().unwrap().push((at.unwrap(), document));
            }
        });
        Self { address, heard }
    }

    fn channel(&self) -> String {
        let address = self.address;
        format!(
            "[[channel]]\nname = \"sink\"\nkind = \"webhook\"\nurl = \"http://{address}/\"\nrate = \"1000/s\"\n"
        )
    }
}
