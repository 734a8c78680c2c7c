//! What mutual TLS adds to a call over a kept connection, and to memory: two probes of the same program, one in
//! plain text, in turns.

use std::{error::Error, fs, path::Path};

use roundsman_pki::{
    authority::Authority,
    client::{Client, ClientFiles},
};
use roundsman_probe::clock::Clocks;

use crate::{WARM_UP_CALLS, against::TURNS, line, median, met, subject::Subject};

/// Targets of the design.
const MOST_ADDED_US: f64 = 25.0;
const MOST_RSS_KIB: u64 = 8 * 1024;

/// The host that is asked.
const HOST: &str = "web-01";

/// Makes an authority there, and what the server asks with.
fn client(folder: &Path) -> Result<Client, Box<dyn Error>> {
    let now = Clocks::now().wall_ns / 1_000_000_000;
    Authority::init(folder, 90, now)?.issue(HOST, 90, now)?;
    let file = |name: &str| folder.join("server").join(name);
    Ok(Client::load(ClientFiles {
        ca: file("ca.pem"),
        crl: Some(file("crl.pem")),
        identity: Some((file("server.pem"), file("server.key"))),
    })?)
}

/// Prints both; whether the targets are met.
pub(crate) async fn compare(binary: &str, calls: u32) -> Result<bool, Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let client = client(folder.path())?;
    let mut plain = Subject::start(binary).await?;
    let probe = folder.path().join("hosts").join(HOST);
    let mut encrypted = Subject::encrypted(binary, &probe, client.current().0).await?;
    for subject in [&mut plain, &mut encrypted] {
        subject.calls(WARM_UP_CALLS).await?;
    }
    let (mut without, mut with, mut added) = (Vec::new(), Vec::new(), Vec::new());
    // The machine's speed drifts by more than this adds: many short turns.
    for _ in 0..TURNS {
        let each = calls / TURNS;
        let before = plain.calls(each).await?.1.cpu_us / f64::from(each);
        let after = encrypted.calls(each).await?.1.cpu_us / f64::from(each);
        without.push(before);
        with.push(after);
        added.push(after - before);
    }
    println!("\nmutual TLS, a kept connection, {calls} calls each in {TURNS} turns, medians:");
    line("probe CPU per GetMetrics, plain", &without, "µs");
    line("  mutual TLS", &with, "µs");
    line("  added", &added, "µs");
    let turns = f64::from(TURNS);
    let mean = added.iter().sum::<f64>() / turns;
    let squares: f64 = added.iter().map(|value| (value - mean).powi(2)).sum();
    let error = (squares / (turns - 1.0) / turns).sqrt();
    println!("  {:34} {mean:.1}, standard error {error:.1} µs", "  added, mean");
    let cheap = median(&added) <= MOST_ADDED_US;
    met(cheap, &format!("{:.1} µs of at most {MOST_ADDED_US} µs", median(&added)));
    Ok(encrypted.memory()?.print(MOST_RSS_KIB) && cheap)
}

/// The flags of a probe whose files are in `folder`.
pub(crate) fn flags(folder: &Path) -> Result<Vec<String>, Box<dyn Error>> {
    let folder = fs::canonicalize(folder)?;
    let files = [
        ("--tls-cert", "probe.pem"),
        ("--tls-key", "probe.key"),
        ("--client-ca", "ca.pem"),
        ("--client-crl", "crl.pem"),
    ];
    let named =
        files.map(|(flag, name)| [flag.to_owned(), folder.join(name).display().to_string()]);
    Ok(named.concat())
}
