//! A database, probes and their inventory; and what must be in the database afterwards.

use std::collections::BTreeMap;

use roundsman::clock::{Clock as _, SystemClock};

use crate::{
    HOSTS, INTERVAL,
    mariadbd::{self, FLAGS, Mariadbd},
    program::Desk,
    served::{Ended, Served},
    support::{Behaviour, FakeProbe},
};

/// A database with a user of its own, probes, and the files that name them.
pub(crate) struct Site {
    pub(crate) server: Mariadbd,
    pub(crate) desk: Desk,
    pub(crate) probes: Vec<FakeProbe>,
}

/// A probe with nothing wrong: its clock is right, too.
pub(crate) fn healthy() -> Behaviour {
    let clock = SystemClock::new();
    Behaviour::changed(move |snapshot| {
        if let Some(clocks) = &mut snapshot.clocks {
            clocks.wall_ns = clock.now().wall.0 * 1_000_000;
        }
    })
}

/// Hosts that are polled every second, one for each probe.
pub(crate) fn inventory_of(probes: &[FakeProbe]) -> String {
    let begin = "[defaults]\ninterval = \"1s\"\ntimeout = \"600ms\"\n".to_owned();
    probes.iter().enumerate().fold(begin, |inventory, (number, probe)| {
        let address = probe.socket();
        format!("{inventory}[[host]]\nname = \"web-{number}\"\naddresses = [\"{address}\"]\n")
    })
}

/// The same inventory and one host more, whose name comes before those of the others.
pub(crate) fn with_a_new_host(inventory: &str) -> String {
    format!("{inventory}[[host]]\nname = \"new-0\"\naddresses = [\"127.0.0.1:1\"]\n")
}

impl Site {
    pub(crate) async fn new(more: &str) -> Self {
        Self::on(Mariadbd::start(&FLAGS), "", more).await
    }

    /// On this server, which is named before `others` in the URL.
    pub(crate) async fn on(server: Mariadbd, others: &str, more: &str) -> Self {
        let mut probes = Vec::new();
        for _ in 0..HOSTS {
            probes.push(FakeProbe::start(healthy()).await);
        }
        let desk = Desk::new();
        desk.file("inventory.toml", &inventory_of(&probes));
        desk.file(
            "roundsman.toml",
            &format!(
                "data = \"data\"\n[http]\nlisten = \"127.0.0.1:0\"\n[grpc]\nlisten = \"\"\n{more}\n[store]\n\
                 url = \"mysql://plain@127.0.0.1:{}{others}/fleet\"\npassword = \"right\"\n",
                server.port()
            ),
        );
        let site = Self { server, desk, probes };
        site.sql("CREATE DATABASE fleet CHARACTER SET utf8mb4");
        site.sql("CREATE USER plain@'127.0.0.1' IDENTIFIED BY 'right'");
        site.sql("GRANT ALL ON fleet.* TO plain@'127.0.0.1'");
        site
    }

    /// Runs a statement as root with the server's own client.
    pub(crate) fn sql(&self, sql: &str) -> String {
        let port = self.server.port().to_string();
        let client =
            ["--no-defaults", "--protocol=tcp", "-h127.0.0.1", "-uroot", "-N", "-P", &port];
        let ended = mariadbd::client("mariadb").args(client).args(["-e", sql]).output().unwrap();
        assert!(ended.status.success(), "{sql}: {}", String::from_utf8_lossy(&ended.stderr));
        String::from_utf8(ended.stdout).unwrap()
    }

    pub(crate) fn serve(&self) -> Served {
        Served::begin(self.desk.command(&["serve"]))
    }

    /// Every host's slots that are kept, in milliseconds since 1970, oldest first; every poll is there
    /// once and with success.
    pub(crate) fn slots(&self) -> BTreeMap<String, Vec<i64>> {
        let polls = self.sql(
            "SELECT h.name, CAST(UNIX_TIMESTAMP(p.ts) * 1000 AS SIGNED), p.outcome
             FROM fleet.poll p JOIN fleet.host h ON h.id = p.host_id ORDER BY p.ts",
        );
        let mut slots: BTreeMap<String, Vec<i64>> = BTreeMap::new();
        for row in polls.lines().map(|line| line.split('\t').collect::<Vec<_>>()) {
            assert_eq!(row[2], "ok", "{row:?}");
            slots.entry(row[0].to_owned()).or_default().push(row[1].parse().unwrap());
        }
        for (host, of_host) in &slots {
            assert!(of_host.is_sorted_by(|a, b| a < b), "twice: {host}: {of_host:?}");
        }
        slots
    }

    /// Between the first and the last poll of each host none is missing. No state changed but at the
    /// start.
    pub(crate) fn check(&self, ended: &Ended) {
        let slots = self.slots();
        assert_eq!(slots.len(), HOSTS, "{slots:?}");
        let missing: BTreeMap<&String, Vec<i64>> =
            slots.iter().map(|(host, slots)| (host, missing(slots, |_| true))).collect();
        let count: usize = missing.values().map(Vec::len).sum();
        let count = i64::try_from(count).unwrap();
        assert_eq!(count, ended.missed, "lost: {missing:?}\n{ended:?}\n{}", self.late());
        // The server skips a slot when it is late by an interval. That it may be only when it did not
        // get the processor: what it waits for by itself must not hold up polling.
        assert!(
            count == 0 || ended.starved >= INTERVAL,
            "skipped without need: {missing:?}\n{ended:?}\n{}",
            self.late()
        );
        self.check_states();
    }

    /// Every host came up, and no state changed after.
    pub(crate) fn check_moves(&self) {
        let states = self.sql("SELECT from_state, to_state FROM fleet.event");
        assert_eq!(states, "pending\tup\n".repeat(HOSTS));
    }

    /// The same, and nothing was lost.
    pub(crate) fn check_states(&self) {
        self.check_moves();
        assert_eq!(self.sql("SELECT COUNT(*) FROM fleet.loss").trim(), "0");
    }

    /// The polls that were begun late, for whoever looks into a failure.
    fn late(&self) -> String {
        self.sql(
            "SELECT host_id, ts, late_us, queue_us, call_us FROM fleet.poll
             WHERE late_us > 100000 ORDER BY ts",
        )
    }
}

/// The slots of a host's grid that are missing between its first and its last, of those wanted.
pub(crate) fn missing(slots: &[i64], wanted: impl Fn(i64) -> bool) -> Vec<i64> {
    let (Some(first), Some(last)) = (slots.first(), slots.last()) else { return Vec::new() };
    let step = i64::try_from(INTERVAL.as_millis()).unwrap();
    let grid = (0..).map(|number| first + number * step).take_while(|slot| slot < last);
    grid.filter(|slot| wanted(*slot) && !slots.contains(slot)).collect()
}
