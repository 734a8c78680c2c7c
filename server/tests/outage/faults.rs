//! What goes wrong while the server runs: it is said, waited for, and nothing is lost.

use std::{fs, io::Write as _, process::Command};

use roundsman::clock::{Clock as _, SystemClock};

use crate::{
    HOSTS,
    served::Served,
    site::{Site, missing},
};

#[tokio::test]
async fn faults_that_an_operator_can_mend_are_said_and_waited_for() {
    let site = Site::new("").await;
    let served = site.serve();
    served.until("/readyz", |status, _| status == 200);
    served.polls_go_on();
    for (away, word, back) in [
        ("SET GLOBAL read_only = 1", "read-only", "SET GLOBAL read_only = 0"),
        (
            "ALTER USER plain@'127.0.0.1' IDENTIFIED BY 'wrong'",
            "does not let this user in",
            "ALTER USER plain@'127.0.0.1' IDENTIFIED BY 'right'",
        ),
        (
            "RENAME TABLE fleet.poll TO fleet.elsewhere",
            "doesn't exist",
            "RENAME TABLE fleet.elsewhere TO fleet.poll",
        ),
    ] {
        site.sql(away);
        if word.contains("let this user") {
            // Who is in stays in.
            let who = "SELECT id FROM information_schema.processlist WHERE user = 'plain'";
            for id in site.sql(who).split_whitespace().filter(|word| word.parse::<u64>().is_ok()) {
                site.sql(&format!("KILL {id}"));
            }
        }
        let said = served.until("/readyz", |status, body| status == 503 && body.contains(word));
        assert!(!said.contains("right\""), "{said}");
        served.until_metric("roundsman_spool_rows", |rows| rows > 0);
        served.polls_go_on();
        site.sql(back);
        served.is_well();
    }
    let ended = served.end(site.desk.path());
    site.check(&ended);
}

#[tokio::test]
async fn a_full_disk_under_the_spool_is_said_and_rows_wait_in_memory() {
    let mut site = Site::new("").await;
    let data = site.desk.path().join("data");
    fs::create_dir(&data).unwrap();
    // A disk of its own for the server alone: it goes with it.
    let script = format!(
        "mount -t tmpfs -o size=3m tmpfs '{0}' && \
         exec \"$@\"",
        data.display()
    );
    let program = site.desk.command(&["serve"]);
    let mut command = Command::new("unshare");
    command.args(["-rm", "sh", "-c", &script, "sh"]).arg(program.get_program());
    command.args(program.get_args()).current_dir(site.desk.path());
    // Nobody's own settings.
    command.env_clear().env("PATH", std::env::var("PATH").unwrap());
    command.env("HOME", site.desk.path());
    for (name, value) in program.get_envs() {
        command.env(name, value.unwrap());
    }
    let mut served = Served::begin(command);
    served.until("/readyz", |status, _| status == 200);
    let disk = format!("/proc/{}/root{}", served.running.child().id(), data.display());
    let mut ballast = fs::File::create(format!("{disk}/ballast")).unwrap();
    while ballast.write(&[0; 4096]).is_ok_and(|written| written > 0) {}
    drop(ballast);
    site.server.kill();
    let said = served.until("/readyz", |_, body| body.contains("the spool does not work"));
    assert!(said.contains("full"), "{said}");
    served.polls_go_on();
    assert!(served.metric("roundsman_rows_waiting") > 0);
    assert_eq!(served.metric("roundsman_spool_up"), 0);
    fs::remove_file(format!("{disk}/ballast")).unwrap();
    served.until_metric("roundsman_spool_up", |up| up == 1);
    served.until_metric("roundsman_rows_waiting", |rows| rows == 0);
    site.server.start_again();
    served.is_well();
    let ended = served.end(site.desk.path());
    site.check(&ended);
}

#[tokio::test]
async fn days_that_somebody_drops_are_made_anew_and_polls_go_on() {
    let site = Site::new("").await;
    let served = site.serve();
    served.until("/readyz", |status, _| status == 200);
    served.polls_go_on();
    let days = "SELECT GROUP_CONCAT(PARTITION_NAME) FROM information_schema.PARTITIONS
                WHERE TABLE_SCHEMA = 'fleet' AND TABLE_NAME = 'poll' AND PARTITION_NAME >= CONCAT(
                  'p', DATE_FORMAT(UTC_DATE(), '%Y%m%d'))";
    let to_come = site.sql(days);
    let to_come: Vec<&str> = to_come.trim().split(',').collect();
    assert!(to_come.len() >= 4, "today and those made ahead: {to_come:?}");
    // Tomorrow and later: today stays.
    let later = to_come[1..].join(",");
    site.sql(&format!("ALTER TABLE fleet.poll DROP PARTITION {later}"));
    served.polls_go_on();
    served.is_well();
    let kept = site.slots();
    // Today and what was kept in it: what comes is kept all the same.
    let today = site.sql(days).trim().to_owned();
    site.sql(&format!("ALTER TABLE fleet.poll DROP PARTITION {today}"));
    let dropped = SystemClock::new().now().wall.0;
    served.polls_go_on();
    served.polls_go_on();
    // What went with the day is said.
    served.until_metric("roundsman_rows_lost_total{reason=\"store_lost\"}", |polls| polls > 0);
    let lost = "SELECT COUNT(*) FROM fleet.loss WHERE reason = 'store_lost'";
    served.until("/metrics", |_, _| site.sql(lost).trim() != "0");
    let warned = served.until("/readyz", |status, _| status == 200);
    assert!(warned.contains("polls that the store had taken are no longer in it"), "{warned}");
    served.until_metric("roundsman_spool_rows", |rows| rows == 0);
    let stats = served.get("/api/v1/server").1;
    let ended = served.end(site.desk.path());
    let slots = site.slots();
    assert_eq!(slots.len(), HOSTS, "{stats}\n{}", ended.log);
    let mut gaps = 0;
    for (host, slots) in &slots {
        // Only what was there when it was dropped went with it.
        assert!(slots[0] > *kept[host].last().unwrap() || slots.contains(&kept[host][0]));
        assert!(slots[0] <= dropped + 1_000, "{host}: {slots:?} after {dropped}: {}", ended.log);
        gaps += missing(slots, |_| true).len();
    }
    assert_eq!(i64::try_from(gaps).unwrap(), ended.missed, "{slots:?} {ended:?}");
    site.check_moves();
}

#[tokio::test]
async fn a_database_that_hangs_is_as_loud_as_one_that_fails_and_orders_are_answered() {
    let site = Site::new("").await;
    let served = site.serve();
    served.until("/readyz", |status, _| status == 200);
    served.polls_go_on();
    site.server.freeze();
    let silent = |status: u16, body: &str| {
        status == 503
            && body.contains("takes no rows since")
            && body.contains("did not answer within")
    };
    served.until("/readyz", silent);
    for order in ["pause", "resume", "accept"] {
        let (status, said) = served.post(&format!("/api/v1/hosts/web-0/{order}"), "{}");
        assert_eq!(status, 503, "{order}: {said}");
        // Whichever patience ends first: that with the order, or that with a connection for it.
        let silent = ["not done within 5 s: the store does not answer", "the store did not answer"];
        assert!(silent.iter().any(|silent| said.contains(silent)), "{order}: {said}");
    }
    served.polls_go_on();
    site.server.thaw();
    served.is_well();
    let ended = served.end(site.desk.path());
    assert!(ended.log.contains("the store takes no rows: they wait in the spool"), "{}", ended.log);
}
