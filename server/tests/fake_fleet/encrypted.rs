//! A running fleet goes from plain text to mutual TLS, and from one authority to another: no slot is lost, no
//! host is even suspect. `TEST_TLS_HOSTS=1000 cargo test --release` does it with a thousand.

use std::{
    env,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use roundsman::clock::Clock as _;
use roundsman_pki::authority::Authority;

use super::*;

/// Hosts in the suite.
const HOSTS: u32 = 30;

/// What a step of the way is waited for: polls of each host after its connection is new.
const POLLS: i64 = 2;

/// The folders of two authorities; the probes have their files in that of the first.
struct Authorities(TempDir);

impl Authorities {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Makes the authority `name`, with a certificate for each host.
    fn make(&self, name: &str, hosts: &[String]) {
        let now = SystemClock::new().now().wall.0 / 1_000;
        let mut authority = Authority::init(&self.path(name), 90, now).unwrap();
        for host in hosts {
            authority.issue(host, 90, now).unwrap();
        }
    }

    /// The file of this name of both, in one text.
    fn both(&self, file: &str) -> String {
        let read = |of: &str| fs::read_to_string(self.path(&format!("{of}/{file}"))).unwrap();
        read("first") + &read("second")
    }

    /// Gives each probe a file that has this text. It is never half there. Polls go on beside it, on this thread.
    async fn give(&self, hosts: &[String], file: &str, text: impl Fn(&str) -> String) {
        for host in hosts {
            let folder = self.path("first/hosts").join(host);
            let new = folder.join("new");
            fs::write(&new, text(host)).unwrap();
            fs::set_permissions(&new, fs::Permissions::from_mode(0o600)).unwrap();
            fs::rename(new, folder.join(file)).unwrap();
            tokio::task::yield_now().await;
        }
    }
}

/// The fleet's inventory with these lines among its defaults.
fn write_inventory(server: &Server, fleet: &Fleet, interval_ms: i64, lines: &str) {
    let text = fleet.inventory(Some(&format!("{interval_ms}ms")));
    let text = text.replacen("[defaults]\n", &format!("[defaults]\n{lines}"), 1);
    let file = server.folder.path().join("inventory.toml");
    let new = file.with_extension("new");
    fs::write(&new, text).unwrap();
    fs::rename(new, file).unwrap();
}

fn tls(trust: &Path, crl: &Path, identity: &Path) -> String {
    format!(
        "tls = \"mtls\"\nca = {trust:?}\ncrl = {crl:?}\ncert = {:?}\nkey = {:?}\n",
        identity.join("server.pem"),
        identity.join("server.key")
    )
}

/// Waits until every host was polled this many times more.
async fn polled_on(server: &Server, interval_ms: i64) {
    let last = |host: &HostView| host.last.as_ref().map_or(0, |last| last.slot.0);
    let newest = server.app.live().hosts().iter().map(|host| last(host)).max().unwrap();
    server.until("polls go on", |host| last(host) >= newest + POLLS * interval_ms).await;
}

#[tokio::test]
async fn a_fleet_moves_to_mutual_tls_and_to_another_authority_without_a_lost_slot() {
    let hosts = env::var("TEST_TLS_HOSTS").map_or(HOSTS, |text| text.parse().unwrap());
    // A thousand handshakes are more than a second's work.
    let interval_ms = if hosts > 100 { 10_000 } else { INTERVAL_MS };
    let pki = Authorities::new();
    let plan = Plan { hosts, port: 0, tls: Some(pki.path("first")), ..Plan::default() };
    let fleet = Fleet::start(&plan).unwrap();
    let names: Vec<String> = fleet.probes().map(|(name, _)| name.to_owned()).collect();
    // Before, for the server polls on this thread.
    pki.make("first", &names);
    pki.make("second", &names);
    let server = Server::start_every(&fleet, interval_ms).await;
    server.until("not all up", |host| host.state == State::Up).await;
    assert_eq!(fleet.stats().handshakes, 0, "in plain text");

    let (first, second) = (pki.path("first"), pki.path("second"));
    let (trust, crl) = (pki.path("trust.pem"), pki.path("crl.pem"));
    let of_second = |file: &str, host: &str| {
        fs::read_to_string(second.join("hosts").join(host).join(file)).unwrap()
    };
    let mut expected = 0;
    for (step, lines) in [
        ("to TLS", tls(&first.join("ca.pem"), &first.join("crl.pem"), &first.join("server"))),
        ("both are trusted", tls(&trust, &crl, &first.join("server"))),
        ("the second's certificates", tls(&trust, &crl, &second.join("server"))),
        (
            "the second alone",
            tls(&second.join("ca.pem"), &second.join("crl.pem"), &second.join("server")),
        ),
    ] {
        match step {
            "both are trusted" => {
                fs::write(&trust, pki.both("ca.pem")).unwrap();
                fs::write(&crl, pki.both("crl.pem")).unwrap();
                pki.give(&names, "ca.pem", |_| pki.both("ca.pem")).await;
                pki.give(&names, "crl.pem", |_| pki.both("crl.pem")).await;
            }
            // A key without its certificate changes nothing yet.
            "the second's certificates" => {
                pki.give(&names, "probe.key", |host| of_second("probe.key", host)).await;
                pki.give(&names, "probe.pem", |host| of_second("probe.pem", host)).await;
            }
            "the second alone" => {
                pki.give(&names, "ca.pem", |host| of_second("ca.pem", host)).await;
                pki.give(&names, "crl.pem", |host| of_second("crl.pem", host)).await;
            }
            _ => {}
        }
        write_inventory(&server, &fleet, interval_ms, &lines);
        server.app.reload_inventory().await.unwrap();
        expected += u64::from(hosts);
        let connected = |_: &HostView| fleet.stats().handshakes >= expected;
        server.until(step, connected).await;
        polled_on(&server, interval_ms).await;
    }
    assert_eq!(fleet.stats().handshakes, expected, "one for each host and step");
    let rows = server.rows().await;
    assert_eq!(rows.len(), names.len());
    for (name, rows) in rows {
        for pair in rows.windows(2) {
            assert_eq!(pair[1].slot.0 - pair[0].slot.0, interval_ms, "{name}: {}", pair[0].slot);
        }
        for row in rows {
            assert_eq!(row.outcome, Outcome::Ok, "{name}: {row:?}");
            assert!(matches!(row.state, State::Up | State::Pending), "{name}: {row:?}");
        }
    }
}
