//! Two servers on one database: the second waits, answers that it does, and takes over when the first is
//! stopped, killed or stands still; nothing is kept or told twice.

use std::fs;

use rustix::process::Signal;

use crate::{
    HOSTS,
    program::Desk,
    served::Served,
    site::{Site, healthy},
    support::FakeProbe,
    told::{Receiver, words},
};

/// A second server with the same files, and a data folder of its own.
fn beside(site: &Site) -> (Desk, Served) {
    let desk = Desk::new();
    for entry in fs::read_dir(site.desk.path()).unwrap() {
        let (path, name) = entry.map(|entry| (entry.path(), entry.file_name())).unwrap();
        if path.extension().is_some_and(|end| end == "toml") {
            desk.file(name.to_str().unwrap(), &fs::read_to_string(path).unwrap());
        }
    }
    let served = Served::begin(desk.command(&["serve"]));
    (desk, served)
}

pub(crate) fn is_standby(served: &Served) {
    let says_so = |status, ready: &str| status == 503 && ready.contains("this server is a standby");
    served.until("/readyz", says_so);
    assert_eq!(served.get("/healthz"), (200, "ok\n".to_owned()));
    assert_eq!(served.get("/leader").0, 503);
    assert_eq!(served.metric("roundsman_leader"), 0);
    let (status, said) = served.get("/api/v1/hosts");
    let said: serde_json::Value = serde_json::from_str(&said).unwrap();
    let words = said["detail"].as_str().unwrap_or_default();
    assert!(status == 503 && words.contains("this server is a standby"), "{said}");
}

pub(crate) fn is_in_charge(served: &Served) {
    served.until("/readyz", |status, _| status == 200);
    assert_eq!(served.get("/leader"), (200, "in charge\n".to_owned()));
    assert_eq!(served.metric("roundsman_leader"), 1);
    served.polls_go_on();
}

/// Whoever is down is told of by a channel, this long after.
fn rules(receiver: &Receiver, wait: &str) -> String {
    format!(
        "[[alert]]\nname = \"gone\"\nwhen = 'state == \"down\"'\nclear = 'state == \"up\"'\n\
         severity = \"critical\"\n\n\
         [[channel]]\nname = \"ops\"\nkind = \"webhook\"\nurl = \"http://{}/\"\n\n\
         [[route]]\nchannels = [\"ops\"]\nwait = \"{wait}\"\nevery = \"1s\"\n",
        receiver.address()
    )
}

#[tokio::test]
async fn a_second_server_takes_over_from_one_that_is_stopped_and_from_one_that_is_killed() {
    let site = Site::new("").await;
    let first = site.serve();
    is_in_charge(&first);
    let (desk, mut second) = beside(&site);
    is_standby(&second);
    first.polls_go_on();

    assert_eq!(first.metric("roundsman_rows_lost_total{reason=\"conflict\"}"), 0);
    first.end(site.desk.path());
    is_in_charge(&second);
    let first = site.serve();
    is_standby(&first);
    second.polls_go_on();

    let pid = second.running.child().id();
    second.kill();
    is_in_charge(&first);
    first.is_well();
    let said = first.log();
    assert!(said.contains(&format!("a standby: process {pid} on ")), "{said}");
    drop(desk);
    // Killed as well, it has its database back without having to wait for itself.
    first.kill();
    let again = site.serve();
    is_in_charge(&again);
    again.end(site.desk.path());
    // Each poll is there once, and hosts that were up all the time did nothing else.
    assert_eq!(site.slots().len(), HOSTS);
    site.check_moves();
}

/// The first stands still while a host dies, and goes on once the second has told of it.
#[tokio::test]
async fn a_server_that_stood_still_becomes_a_standby_before_it_keeps_or_tells_anything() {
    let receiver = Receiver::start();
    receiver.takes();
    let more = format!("[hook]\nurl = \"http://{}/\"\n", receiver.address());
    let mut site = Site::new(&more).await;
    let mut first = site.serve();
    is_in_charge(&first);
    let (desk, second) = beside(&site);
    is_standby(&second);

    first.running.signal(Signal::STOP);
    is_in_charge(&second);
    let _died = site.probes.remove(0).stop();
    assert_eq!(words(&receiver.next()), ["web-0", "suspect", "down"]);
    first.running.signal(Signal::CONT);
    is_standby(&first);

    // What happens from here on is told by the second alone.
    let _died = site.probes.remove(0).stop();
    assert_eq!(words(&receiver.next()), ["web-1", "suspect", "down"]);
    second.until_metric("roundsman_hook_told_total", |told| told == 2);
    assert!(receiver.is_silent(), "nothing is told twice");
    let changes = "SELECT h.name, from_state, to_state FROM fleet.event e
        JOIN fleet.host h ON h.id = e.host_id WHERE from_state <> 'pending' ORDER BY h.name, e.id";
    let moves = |name| format!("{name}\tup\tsuspect\n{name}\tsuspect\tdown\n");
    assert_eq!(site.sql(changes), moves("web-0") + &moves("web-1"));

    // The first has it back, with what it was told meanwhile forgotten.
    second.end(desk.path());
    first.until("/readyz", |status, _| status == 200);
    first.until_metric("roundsman_spool_rows", |rows| rows == 0);
    assert_eq!(site.sql(changes), moves("web-0") + &moves("web-1"));
    first.end(site.desk.path());
}

/// What waits to be told is due when the first goes on, which is after the second told it.
#[tokio::test]
async fn a_server_that_stood_still_tells_no_channel_what_waited() {
    let receiver = Receiver::start();
    receiver.takes();
    let mut site = Site::new("").await;
    site.desk.file("alerts.toml", &rules(&receiver, "8s"));
    let mut first = site.serve();
    is_in_charge(&first);
    let (desk, second) = beside(&site);
    is_standby(&second);
    let _died = site.probes.remove(0).stop();
    let fires = "roundsman_alarms{severity=\"critical\",state=\"firing\"}";
    first.until_metric(fires, |alarms| alarms == 1);
    first.running.signal(Signal::STOP);
    let told = receiver.next();
    assert_eq!((&told["kind"], &told["items"][0]["host"]), (&"firing".into(), &"web-0".into()));
    first.running.signal(Signal::CONT);
    is_standby(&first);
    assert!(receiver.is_silent(), "told twice");
    second.end(desk.path());
}

/// What fires was told by the first, and somebody silenced another host there: the second knows of both.
#[tokio::test]
async fn what_was_told_and_silenced_is_known_to_the_server_that_takes_over() {
    let receiver = Receiver::start();
    receiver.takes();
    let mut site = Site::new("").await;
    site.desk.file("alerts.toml", &rules(&receiver, "0s"));
    let first = site.serve();
    is_in_charge(&first);
    let address = site.probes.remove(0).stop();
    let told = receiver.next();
    assert_eq!(told["kind"], "firing", "{told}");
    assert_eq!(told["items"][0]["host"], "web-0", "{told}");
    let silence = "{\"hosts\": [\"web-1\"], \"for\": \"1h\", \"who\": \"ann\", \"why\": \"moved\"}";
    let (status, said) = first.post("/api/v1/silences", silence);
    assert_eq!(status, 201, "{said}");
    let copied = "SELECT COUNT(*) FROM fleet.route_state WHERE data LIKE '%moved%'";
    first.until("/readyz", |_, _| site.sql(copied).trim() == "1");
    let (desk, second) = beside(&site);
    is_standby(&second);
    first.kill();
    second.until("/readyz", |status, _| status == 200);

    // The silenced one dies, and the one that was told of comes back: that alone is told.
    let _died = site.probes.remove(0).stop();
    let down = "SELECT COUNT(*) FROM fleet.event e JOIN fleet.host h ON h.id = e.host_id
                WHERE h.name = 'web-1' AND to_state = 'down'";
    second.until("/readyz", |_, _| site.sql(down).trim() == "1");
    let _back = FakeProbe::start_at(address, healthy()).await;
    let ended = receiver.next();
    assert_eq!(ended["kind"], "resolved", "{ended}");
    assert_eq!(ended["items"][0]["host"], "web-0", "{ended}");
    assert!(receiver.is_silent(), "nothing is told twice");
    second.end(desk.path());
}
