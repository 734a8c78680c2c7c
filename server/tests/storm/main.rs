//! A storm: a fleet that flaps, a store that is locked and a receiver that is away, each now and then,
//! and a server that is killed (SIGKILL) at moments that a seed gives. What must hold of what the receivers
//! heard, and that in the end they know what is true.
//!
//! `TEST_STORM_KILLS` says how often it is killed, `TEST_STORM_SEED` when.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod heard;
#[path = "../support/mod.rs"]
mod support;

use std::{
    collections::BTreeSet,
    fs::{self, File},
    path::Path,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    time::Duration,
};

use heard::{Heard, Key, believed, ends_in_order, ids, text};
use roundsman_fleet::{
    fleet::Fleet,
    plan::{Plan, Selector},
};
use rusqlite::Connection;
use serde_json::Value;
use support::{Does, FAILS, Receiver, TAKES};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::{Interval, interval},
};

const HOSTS: u32 = 300;

/// Hosts that are down in the end.
const DOWN: u32 = 90;

/// Between two looks at what happens.
const LOOK: Duration = Duration::from_millis(10);

/// Looks until something has happened that must happen: three minutes.
const LOOKS: usize = 18_000;

/// The most polls from a start to its kill: about four seconds of all hosts.
const MOST_POLLS: u64 = 600;

/// The most looks from a start to its kill, for no poll is made while the store is locked.
const MOST_LOOKS: u64 = 400;

/// One that knows each alarm by its identity and is told of every one, one that is told of the first 20 and
/// knows each message by its id.
const ALERTS: &str = r#"
[[alert]]
name = "host-down"
when = 'state == "down"'
severity = "critical"
summary = "{host} is down"

[[alert]]
name = "refused"
when = 'outcome == "refused"'
summary = "{host} refuses"

[[route]]
channels = ["each", "ids"]
group_by = ["host"]
wait = "0s"
every = "1s"
"#;

/// Numbers without a pattern (xorshift), the same for a seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }

    fn one_in(&mut self, many: u64) -> bool {
        self.below(many) == 0
    }
}

fn variable(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().expect(name))
}

/// What a receiver does now: all requests are taken, some are not, none is.
#[derive(Clone, Copy, PartialEq)]
enum Door {
    Open,
    Sticks,
    Away,
}

/// A receiver, and all that it heard.
struct Listener {
    receiver: Receiver,
    door: Arc<Mutex<Door>>,
    log: Vec<Heard>,
    life: usize,
}

impl Listener {
    async fn start(seed: u64) -> Self {
        let door = Arc::new(Mutex::new(Door::Sticks));
        let (now, mut dice) = (Arc::clone(&door), Dice(seed));
        let does = move |request: &str| {
            let door = *now.lock().unwrap();
            let fails = door == Door::Away || door == Door::Sticks && dice.one_in(20);
            if !fails || request.starts_with("GET ") {
                return TAKES;
            }
            match dice.below(8) {
                0 => Does::Hangs,
                1 => Does::Begins("HTTP/1.1 204 No"),
                2 | 3 => Does::Closes,
                _ => FAILS,
            }
        };
        let receiver = Receiver::start_by(does, None).await;
        Self { receiver, door, log: Vec::new(), life: 0 }
    }

    fn turn(&self, door: Door) {
        *self.door.lock().unwrap() = door;
    }

    /// Takes down what came. The test's own request parts one life from the next: whatever a server that is
    /// gone sent was there before it.
    fn hear(&mut self) {
        while let Some((request, is_taken)) = self.receiver.heard() {
            if request.starts_with("GET ") {
                self.life += 1;
                continue;
            }
            let (_, body) = request.split_once("\r\n\r\n").unwrap();
            self.log.push(Heard { body: body.to_owned(), is_taken, life: self.life });
        }
    }
}

async fn get(address: &str, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(address).await.ok()?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.ok()?;
    Some(answer.split_once("\r\n\r\n")?.1.to_owned())
}

/// A server, killed when it is dropped.
struct Server(Child);

impl Server {
    fn spawn(folder: &Path) -> Self {
        let child = Command::new(env!("CARGO_BIN_EXE_roundsman"))
            .args(["serve", "--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0", "--data"])
            .arg(folder)
            .arg("--inventory")
            .arg(folder.join("inventory.toml"))
            // Nobody's own settings.
            .env_clear()
            .env("HOME", folder)
            .env("ROUNDSMAN_HEALTH__FALL", "2")
            .env("ROUNDSMAN_HEALTH__RISE", "1")
            .stdout(Stdio::null())
            .stderr(File::create(folder.join("log")).unwrap())
            .spawn();
        Self(child.unwrap())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.0.kill();
        self.0.wait().unwrap();
    }
}

struct Storm {
    folder: TempDir,
    fleet: Fleet,
    /// Told of each alarm, and by ids.
    listeners: [Listener; 2],
    dice: Dice,
    /// While it is held nobody else writes to the store.
    lock: Option<Connection>,
    /// The store stays away over several lives.
    stays_away: bool,
    looks: Interval,
}

impl Storm {
    async fn new(seed: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let fleet = Fleet::start(&Plan { hosts: HOSTS, port: 0, seed, ..Plan::default() }).unwrap();
        let listeners = [Listener::start(seed + 1).await, Listener::start(seed + 2).await];
        let [each, ids] = [0, 1].map(|at: usize| listeners[at].receiver.address);
        let channels = format!(
            "[[channel]]\nname = \"each\"\nkind = \"alertmanager\"\nurls = [\"http://{each}\"]\n\
             rate = \"100/s\"\ntimeout = \"5s\"\n[[channel]]\nname = \"ids\"\nkind = \"webhook\"\n\
             url = \"http://{ids}/\"\nrate = \"100/s\"\ntimeout = \"5s\"\n"
        );
        fs::write(folder.path().join("alerts.toml"), format!("{ALERTS}{channels}")).unwrap();
        fs::write(folder.path().join("inventory.toml"), fleet.inventory(Some("2s"))).unwrap();
        let mut storm = Self {
            folder,
            fleet,
            listeners,
            dice: Dice(seed),
            lock: None,
            stays_away: false,
            looks: interval(LOOK),
        };
        for host in 1..=HOSTS {
            // A third flaps slowly enough to be told each time.
            let slow = if host % 3 == 0 { 8 } else { 1 };
            let (up, down) = (4 + storm.dice.below(9), 2 + storm.dice.below(6));
            storm.set(&format!("#{host}"), &format!("flapping={}s/{}s", up * slow, down * slow));
        }
        storm
    }

    fn set(&self, hosts: &str, personality: &str) {
        self.fleet.set(&hosts.parse::<Selector>().unwrap(), personality.parse().unwrap());
    }

    async fn look(&mut self) {
        self.looks.tick().await;
        self.listeners.iter_mut().for_each(Listener::hear);
    }

    /// Something goes away or comes back, now and then.
    fn turn(&mut self) {
        for listener in &self.listeners {
            if self.dice.one_in(200) {
                listener.turn(if self.dice.one_in(3) { Door::Away } else { Door::Sticks });
            }
        }
        let turns = self.dice.one_in(200);
        self.lock = match self.lock.take() {
            Some(held) if self.stays_away || !turns => Some(held),
            Some(_) => None,
            None if !self.stays_away && !turns => None,
            None => Connection::open(self.folder.path().join("roundsman.db"))
                // The server may be writing just now: then it is locked another time.
                .and_then(|store| store.execute_batch("BEGIN IMMEDIATE").map(|()| store))
                .ok(),
        };
    }

    /// One life of a server: it ends after so many polls, or in the middle of its start.
    async fn live_and_die(&mut self) {
        let server = Server::spawn(self.folder.path());
        let polls = self.fleet.stats().polls + self.dice.below(MOST_POLLS);
        let looks = if self.dice.one_in(8) { self.dice.below(60) } else { MOST_LOOKS };
        for _ in 0..looks {
            self.look().await;
            self.turn();
            if self.fleet.stats().polls >= polls {
                break;
            }
        }
        drop(server);
        for listener in &self.listeners {
            let address = listener.receiver.address.to_string();
            let (mut stream, request) =
                (TcpStream::connect(address).await.unwrap(), "GET / HTTP/1.1\r\n\r\n");
            stream.write_all(request.as_bytes()).await.unwrap();
        }
        let lives = self.listeners[0].life + 1;
        for _ in 0..LOOKS {
            if self.listeners.iter().all(|listener| listener.life == lives) {
                return;
            }
            self.look().await;
        }
        panic!("a receiver is stuck");
    }

    /// Looks until it is so; the server's last words when it never is.
    async fn until(&mut self, what: &str, mut done: impl AsyncFnMut(&Self) -> bool) {
        for look in 0..LOOKS {
            self.look().await;
            // The server has to work while it is asked.
            if look % 20 == 0 && done(self).await {
                return;
            }
        }
        let log = fs::read_to_string(self.folder.path().join("log")).unwrap();
        panic!("{what}: {}", &log[log.len().saturating_sub(8_000)..]);
    }
}

#[tokio::test]
async fn in_a_storm_with_kills_what_fires_is_told_and_ends_after_its_begin() {
    let (kills, seed) = (variable("TEST_STORM_KILLS", 4), variable("TEST_STORM_SEED", 14));
    let mut storm = Storm::new(seed).await;
    for kill in 0..kills {
        // Of all lives the middle third has no store at all.
        storm.stays_away = (kills / 3..kills - kills / 3).contains(&kill);
        storm.live_and_die().await;
    }
    storm.stays_away = false;
    // The storm is over, and a third of the hosts with it.
    storm.lock = None;
    storm.set("all", "healthy");
    storm.set(&format!("#1-{DOWN}"), "refuse");
    for listener in &storm.listeners {
        listener.turn(Door::Open);
    }
    let server = Server::spawn(storm.folder.path());
    let log = storm.folder.path().join("log");
    let mut address = String::new();
    storm
        .until("no start", async |_| {
            let log = fs::read_to_string(&log).unwrap();
            let Some((_, rest)) = log.split_once(" serving http=") else { return false };
            address = rest.split_whitespace().next().unwrap().to_owned();
            true
        })
        .await;
    let refuse: Vec<&str> =
        storm.fleet.probes().map(|(name, _)| name).take(DOWN as usize).collect();
    let of = |rule: &str| refuse.iter().map(|host| (rule.to_owned(), (*host).to_owned())).collect();
    let must: [BTreeSet<Key>; 2] = ["host-down", "refused"].map(of);
    // On a machine that is very busy other hosts may fail, too: told of as well.
    for is_refusing in [true, false] {
        if !is_refusing {
            storm.set("all", "healthy");
        }
        storm
            .until("what is true was not told", async |storm| {
                let page = get(&address, "/api/v1/alerts?firing=true&limit=1000").await;
                let Ok(page) = serde_json::from_str::<Value>(&page.unwrap_or_default()) else {
                    return false;
                };
                let key = |alarm: &Value| (text(&alarm["rule"]), text(&alarm["host"]));
                let fires: BTreeSet<Key> =
                    page["alarms"].as_array().unwrap().iter().map(key).collect();
                let waiting = get(&address, "/metrics").await.unwrap_or_default();
                let none = |name| {
                    let line = format!("roundsman_channel_waiting{{channel=\"{name}\"}} 0\n");
                    waiting.contains(&line)
                };
                let believed = believed(&storm.listeners[0].log);
                must.iter().flatten().all(|key| fires.contains(key) == is_refusing)
                    && none("each")
                    && none("ids")
                    && fires.iter().all(|key| believed.contains_key(key))
                    && believed.iter().all(|(key, flaps)| *flaps || fires.contains(key))
            })
            .await;
    }
    drop(server);
    let [each, by_id] = &storm.listeners;
    let ends = ends_in_order(&each.log, true);
    ends_in_order(&by_id.log, false);
    let (messages, again) = ids(&by_id.log);
    assert!(messages > 0 && ends > 0);
    println!(
        "{kills} kills, seed {seed}: {} and {} requests, {messages} messages taken, {again} of them once \
         more after a kill; {ends} ends, each after its begin",
        each.log.len(),
        by_id.log.len(),
    );
}
