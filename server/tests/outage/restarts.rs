//! The server starts while its database is away, or another one: what it still knows.

use std::{collections::BTreeMap, fs, path::Path, time::Duration};

use roundsman::clock::{Clock as _, SystemClock};

use crate::{
    HOSTS, INTERVAL, PATIENCE,
    site::{Site, inventory_of, missing, with_a_new_host},
    support::{Behaviour, FakeProbe, NameServer, Says},
};

/// How long a row waits in memory at most (`writer.batch_wait`): what a kill may take.
const BATCH_WAIT: Duration = Duration::from_secs(1);

/// What a poll, and keeping its row, may take on a machine that is busy: over its slot.
const BUSY: Duration = Duration::from_millis(500);

/// The slots of each host that wait in a spool, read beside the server.
fn spooled(path: &Path) -> BTreeMap<String, Vec<i64>> {
    let spool = rusqlite::Connection::open(path).unwrap();
    spool.busy_timeout(PATIENCE).unwrap();
    let mut rows = spool
        .prepare(
            "SELECT json_extract(h.known, '$.name'), p.slot_ms FROM poll p
             JOIN host h ON h.id = p.host_id ORDER BY p.slot_ms",
        )
        .unwrap();
    let mut slots: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    let mut found = rows.query([]).unwrap();
    while let Some(row) = found.next().unwrap() {
        slots.entry(row.get(0).unwrap()).or_default().push(row.get(1).unwrap());
    }
    slots
}

#[tokio::test]
async fn a_server_killed_in_an_outage_begins_again_without_the_database_and_loses_a_second() {
    let mut site = Site::new("").await;
    let served = site.serve();
    served.until("/readyz", |status, _| status == 200);
    served.polls_go_on();
    site.server.kill();
    served.until_metric("roundsman_spool_rows", |rows| rows >= 6);
    served.polls_go_on();
    // What is in the spool now is there whatever comes.
    let shown = spooled(&site.desk.path().join("data").join("spool.db"));
    assert_eq!(shown.len(), HOSTS);
    let killed = served.kill();

    // The database is still away: the hosts are remembered, and polled.
    let served = site.serve();
    let begun = SystemClock::new().now().wall.0;
    let said = served
        .until("/readyz", |status, body| status == 503 && body.contains("rows wait in the spool"));
    assert!(said.contains("not open yet"), "{said}");
    assert_eq!(served.get("/healthz").0, 200);
    served.polls_go_on();
    site.server.start_again();
    served.is_well();
    served.polls_go_on();
    let ended = served.end(site.desk.path());
    site.check_states();

    // Slot by slot: what was due before the last second is there, and what was due once the server
    // had begun again.
    let ms = |length: Duration| i64::try_from(length.as_millis()).unwrap();
    let safe = killed - ms(BATCH_WAIT + BUSY);
    let slots = site.slots();
    assert_eq!(slots.len(), HOSTS);
    let mut lost = 0;
    for (host, slots) in &slots {
        let is_due = |slot: i64| slot <= safe || slot >= begun;
        let gaps = missing(slots, is_due);
        lost += i64::try_from(gaps.len()).unwrap();
        let last = slots.iter().rfind(|slot| **slot < killed).unwrap();
        assert!(last + ms(INTERVAL) > safe, "{host}: {last} is the last before {killed}");
        let first = slots.iter().find(|slot| **slot > killed).unwrap();
        assert!(*first < begun + ms(INTERVAL), "{host}: {first} is the first after {begun}");
        assert!(gaps.is_empty() || ended.missed > 0, "{host}: {gaps:?} of {slots:?}; {ended:?}");
        for slot in shown.get(host).unwrap() {
            assert!(slots.contains(slot), "{host}: {slot} was in the spool: {slots:?}");
        }
    }
    assert!(lost <= ended.missed, "{lost}: {slots:?} {ended:?}");
}

#[tokio::test]
async fn a_first_start_waits_for_the_database_but_not_for_a_typo() {
    let mut site = Site::new("").await;
    site.server.kill();
    let served = site.serve();
    assert_eq!(served.get("/healthz"), (200, "ok\n".to_owned()));
    let said = served.until("/readyz", |status, _| status == 503);
    assert!(
        said.contains("no inventory is in force yet") && said.contains("cannot connect"),
        "{said}"
    );
    site.server.start_again();
    served.is_well();
    served.polls_go_on();
    let ended = served.end(site.desk.path());
    site.check(&ended);

    fs::remove_dir_all(site.desk.path().join("data")).unwrap();
    site.sql("ALTER USER plain@'127.0.0.1' IDENTIFIED BY 'other'");
    let refused = site.desk.run(&["serve"]);
    assert_eq!(refused.code, Some(1));
    assert!(refused.err.contains("does not let this user in"), "{}", refused.err);
}

#[tokio::test]
async fn rows_of_a_database_that_was_replaced_go_under_nobody_elses_name() {
    let site = Site::new("").await;
    let served = site.serve();
    served.until("/readyz", |status, _| status == 200);
    served.polls_go_on();
    site.sql("DROP DATABASE fleet");
    site.sql("CREATE DATABASE fleet CHARACTER SET utf8mb4");
    served.until("/readyz", |status, body| status == 503 && body.contains("doesn't exist"));
    served.until_metric("roundsman_spool_rows", |rows| rows >= 6);
    served.polls_go_on();
    let ended = served.end(site.desk.path());
    assert!(ended.log.contains("the store takes no rows"), "{}", ended.log);
    // In the new one the numbers are others: hosts of another inventory came first.
    let before = site.desk.path().join("inventory.toml");
    let inventory = fs::read_to_string(&before).unwrap();
    let stopped = SystemClock::new().now().wall.0;
    site.desk.file("inventory.toml", &inventory.replace("web-", "app-"));
    let served = site.serve();
    served.until("/readyz", |status, _| status == 200);
    served.polls_go_on();
    served.is_well();
    let ended = served.end(site.desk.path());
    let aside = ended.log.lines().filter(|line| line.contains("was set aside")).count();
    assert_eq!(aside, 1, "{}", ended.log);
    assert!(ended.log.contains("for another database than the one that"), "{}", ended.log);
    assert!(site.desk.path().join("data").join("spool.db.aside-1").exists());
    let slots = site.slots();
    assert_eq!(slots.keys().collect::<Vec<_>>(), ["app-0", "app-1", "app-2"]);
    for (host, slots) in &slots {
        assert!(slots[0] >= stopped, "{host} has a poll of another host: {slots:?}");
    }
}

/// The name under which a host is discovered; no other name server knows it.
const TASKS: &str = "tasks.probe.test";

// The name server answers while the test waits.
#[tokio::test(flavor = "multi_thread")]
async fn discovered_hosts_and_pauses_are_remembered_while_the_database_is_away() {
    let names = NameServer::start().await;
    let behaviour = Behaviour::changed(|snapshot| {
        let identity = snapshot.identity.as_mut().unwrap();
        identity.machine_id = Some("d".repeat(32));
        identity.hostname = Some("node-1".to_owned());
        snapshot.clocks.as_mut().unwrap().wall_ns = SystemClock::new().now().wall.0 * 1_000_000;
    });
    let found = FakeProbe::start_at("127.0.0.2:0".parse().unwrap(), behaviour).await;
    names.addresses(TASKS, &["127.0.0.2"]);
    let mut site = Site::new(&format!("[resolve]\nservers = \"{}\"", names.socket())).await;
    let inventory = site.desk.path().join("inventory.toml");
    let listed = fs::read_to_string(&inventory).unwrap();
    let group = format!(
        "[[group]]\nname = \"nodes\"\n\
         discover = {{ dns = \"{TASKS}\", refresh = \"5s\", port = {} }}\n",
        found.socket().port()
    );
    site.desk.file("inventory.toml", &(listed + &group));
    let is = |state: &str| {
        let wanted = format!("\"state\":\"{state}\"");
        move |status: u16, body: &str| status == 200 && body.contains(&wanted)
    };
    let served = site.serve();
    served.until("/api/v1/hosts/node-1", is("up"));
    let (status, said) = served.post("/api/v1/hosts/web-0/pause", "{\"reason\": \"new disk\"}");
    assert_eq!(status, 200, "{said}");
    let (status, said) = served.post("/api/v1/hosts/web-1/pause", "{}");
    assert_eq!(status, 200, "{said}");
    let (status, said) = served.post("/api/v1/hosts/web-1/resume", "{}");
    assert_eq!(status, 200, "{said}");
    served.is_well();
    served.end(site.desk.path());
    let numbers = site.sql("SELECT id, name FROM fleet.host ORDER BY id");

    site.server.kill();
    // Nobody finds it any more, either.
    names.say(TASKS, Says::NoSuchName);
    let served = site.serve();
    served.until("/readyz", |status, body| status == 503 && body.contains("not open yet"));
    for _ in 0..2 {
        // Polled again and again, by a server that never saw its store.
        let before = served.get("/api/v1/hosts/node-1").1;
        assert!(is("up")(200, &before), "{before}");
        served.until("/api/v1/hosts/node-1", |_, now| last_slot(now) > last_slot(&before));
    }
    let paused = served.until("/api/v1/hosts/web-0", is("paused"));
    assert!(paused.contains("new disk"), "{paused}");
    served.until("/api/v1/hosts/web-1", is("up"));
    site.server.start_again();
    served.is_well();
    served.until("/api/v1/hosts/web-0", is("paused"));
    served.end(site.desk.path());
    assert_eq!(site.sql("SELECT id, name FROM fleet.host ORDER BY id"), numbers);
    assert_eq!(site.slots().len(), HOSTS + 1);
}

#[tokio::test]
async fn a_database_restored_while_it_is_open_gives_no_host_the_number_of_another() {
    let site = Site::new("").await;
    let served = site.serve();
    served.is_well();
    let number = |sql: &str| site.sql(sql).trim().parse::<i64>().unwrap();
    let last = number("SELECT MAX(id) FROM fleet.host");
    // As a copy from before the last host came.
    site.sql(&format!("DELETE FROM fleet.host WHERE id = {last}"));
    site.sql("ALTER TABLE fleet.host AUTO_INCREMENT = 1");
    site.desk.file("inventory.toml", &with_a_new_host(&inventory_of(&site.probes)));
    let new = "SELECT COALESCE(MAX(id), 0) FROM fleet.host WHERE name = 'new-0'";
    served.until("/metrics", |_, _| number(new) > 0);
    assert!(number(new) > last, "{} was another host's", number(new));
}

/// The slot of the last poll of a host, as the API tells it.
fn last_slot(host: &str) -> i64 {
    let host: serde_json::Value = serde_json::from_str(host).unwrap();
    host["last"]["slot_ms"].as_i64().unwrap_or_default()
}
