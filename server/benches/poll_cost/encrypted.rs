//! What mutual TLS adds to a poll, on the side that asks and on the side that answers: real probes in another
//! process, in plain text and over TLS by turns.

use std::{
    path::Path,
    process::{Child, ChildStdin},
};

use roundsman::{clock::Clock as _, inventory::LinkTls};
use roundsman_pki::{
    authority::Authority,
    client::ClientFiles,
    server::{Server, ServerFiles},
};
use roundsman_probe::{
    collect::Collector,
    root::Root,
    service::{Access, Limits, serve_to},
};
use tokio::{net::TcpListener, task::spawn_blocking};

use super::*;

/// Targets of the design, microseconds and KiB.
const MOST_ADDED_US: (f64, f64) = (15.0, 25.0);
const MOST_ADDED_KIB: f64 = 16.0;

/// The host that all links lead to.
const HOST: &str = "host";

/// Two probes, in plain text and over TLS by the files in `folder`, until standard input closes.
pub(crate) async fn probes(folder: &Path) {
    let file = |name: &str| folder.join("hosts").join(HOST).join(name);
    let files = ServerFiles {
        certificate: file("probe.pem"),
        key: file("probe.key"),
        client_ca: Some(file("ca.pem")),
        client_crl: Some(file("crl.pem")),
    };
    let encrypted = Access::new(Vec::new(), Some(Server::load(files).unwrap()));
    let limits = Limits { connections: 1 << 17, ..Limits::default() };
    for access in [Access::default(), encrypted] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        println!("{}", listener.local_addr().unwrap().port());
        let collector = Arc::new(Collector::new(Root::new("/proc", "/")));
        tokio::spawn(serve_to(access, listener, collector, limits, std::future::pending()));
    }
    io::stdout().flush().unwrap();
    spawn_blocking(|| io::stdin().read_to_end(&mut Vec::new())).await.unwrap().unwrap();
}

/// The process of the probes.
struct Probes {
    child: Child,
    _until: Option<ChildStdin>,
    ports: [u16; 2],
}

impl Probes {
    fn start(folder: &Path) -> Self {
        let mut child = Command::new(env::current_exe().unwrap())
            .arg("probes")
            .arg(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut port = || lines.next().unwrap().unwrap().parse().unwrap();
        let ports = [port(), port()];
        Self { _until: child.stdin.take(), child, ports }
    }

    /// CPU time of all its threads so far, microseconds.
    fn cpu_us(&self) -> f64 {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap();
        let ran = tasks.map(|task| {
            let text = fs::read_to_string(task.unwrap().path().join("schedstat")).unwrap();
            text.split(' ').next().unwrap().parse::<f64>().unwrap()
        });
        ran.sum::<f64>() / 1e3
    }
}

impl Drop for Probes {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _gone = self.child.wait();
    }
}

/// What a kind of connection cost, per poll or host: here and at the probe.
#[derive(Default)]
struct Costs {
    first_us: (f64, f64),
    kept_us: (Vec<f64>, Vec<f64>),
    kib: f64,
}

#[expect(clippy::cast_precision_loss, reason = "printed with one digit")]
pub(crate) async fn side_by_side(hosts: usize, rounds: usize) {
    let dir = tempfile::tempdir().unwrap();
    let clock = SystemClock::new();
    let now = clock.now().wall.0 / 1_000;
    Authority::init(dir.path(), 90, now).unwrap().issue(HOST, 90, now).unwrap();
    let probes = Probes::start(dir.path());
    let own = |name: &str| dir.path().join("server").join(name);
    let files = ClientFiles {
        ca: own("ca.pem"),
        crl: Some(own("crl.pem")),
        identity: Some((own("server.pem"), own("server.key"))),
    };
    let limits = PollLimits { in_flight: IN_FLIGHT, ..PollLimits::default() };
    let poller = Poller::new(limits, Arc::new(clock));
    let selection = Arc::new(Selection::default());
    let jobs = |which: usize, count: usize| -> Vec<Job> {
        let tls =
            (which == 1).then(|| Arc::new(LinkTls { files: files.clone(), server_name: None }));
        let address = Address { host: "127.0.0.1".into(), port: probes.ports[which] };
        let link = || Link::encrypted(vec![address.clone()], tls.clone(), Some(HOST));
        let job = |n: i64| Job {
            host: HostId(n),
            name: HostName::new(HOST).unwrap(),
            link: link(),
            timeout: Duration::from_secs(30),
            selection: Arc::clone(&selection),
            expected_machine: None,
        };
        (1..).map(job).take(count).collect()
    };
    let mut costs = [Costs::default(), Costs::default()];
    let mut all = Vec::new();
    for which in [0, 1] {
        let warm = jobs(which, 2);
        round(&poller, &warm).await;
        let (jobs, empty_kib, before) = (jobs(which, hosts), private_kib(), probes.cpu_us());
        let here = round(&poller, &jobs).await;
        costs[which].first_us = (here, (probes.cpu_us() - before) / hosts as f64);
        costs[which].kib = (private_kib() - empty_kib) as f64 / hosts as f64;
        all.push((warm, jobs));
    }
    for turn in 0..rounds * 2 {
        let which = turn % 2;
        let before = probes.cpu_us();
        let here = round(&poller, &all[which].1).await;
        costs[which].kept_us.0.push(here);
        costs[which].kept_us.1.push((probes.cpu_us() - before) / hosts as f64);
    }
    let opened: u64 = all[1].1.iter().map(|job| job.link.opened()).sum();
    print(costs, hosts, rounds, opened);
}

fn print([plain, tls]: [Costs; 2], hosts: usize, rounds: usize, opened: u64) {
    println!(
        "\n{hosts} hosts, real probes of this machine, {rounds} rounds each in turn, CPU time:"
    );
    println!("                                     plain   mutual TLS      added");
    let row = |name: &str, plain: f64, tls: f64, most: Option<f64>| {
        let added = tls - plain;
        let most = most.map_or(String::new(), |most| {
            let word = if added <= most { "MET" } else { "MISSED" };
            format!("  {word}: at most {most}")
        });
        println!("  {name:30} {plain:10.1} {tls:12.1} {added:10.1}{most}");
    };
    let (here, there) = (plain.kept_us, tls.kept_us);
    row("poll here, us", median(here.0), median(there.0), Some(MOST_ADDED_US.0));
    row("poll at the probe, us", median(here.1), median(there.1), Some(MOST_ADDED_US.1));
    row("first poll here, us", plain.first_us.0, tls.first_us.0, None);
    row("first poll at the probe, us", plain.first_us.1, tls.first_us.1, None);
    row("memory here per host, KiB", plain.kib, tls.kib, Some(MOST_ADDED_KIB));
    println!("  handshakes: {opened} for {hosts} hosts");
}

fn median(mut all: Vec<f64>) -> f64 {
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}
