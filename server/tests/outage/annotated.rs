//! What people and scripts say while the database is away, and a server that is killed meanwhile.

use rusqlite::Connection;
use serde_json::Value;

use crate::{served::Served, site::Site};

fn say(served: &Served, text: &str) -> String {
    let body = format!("{{\"text\": \"{text}\", \"who\": \"ci\", \"kind\": \"deploy\"}}");
    let (status, told) = served.post("/api/v1/annotations", &body);
    assert_eq!(status, 201, "{told}");
    let told: Value = serde_json::from_str(&told).unwrap();
    told["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn what_is_said_while_the_database_is_away_is_kept_though_the_server_is_killed() {
    let site = Site::new("").await;
    let served = site.serve();
    served.until("/readyz", |status, _| status == 200);
    served.polls_go_on();
    let first = say(&served, "before");
    let kept = || site.sql("SELECT text, removed IS NULL FROM fleet.annotation ORDER BY at, id");
    served.until("/readyz", |_, _| kept() == "before\t1\n");

    site.server.freeze();
    say(&served, "during");
    let (status, told) = served.post(&format!("/api/v1/annotations/{first}/remove"), "{}");
    assert_eq!(status, 200, "{told}");
    // Both are on the disk, wherever the database is; so is what it took without being able to say so.
    let spool = site.desk.path().join("data/spool.db");
    let waits = |what: &str| {
        let of = "SELECT count(*) FROM other WHERE data GLOB ?1";
        let count = |file: Connection| file.query_row(of, [what], |row| row.get::<_, i64>(0));
        Connection::open(&spool).and_then(count).unwrap_or(0)
    };
    served.until("/healthz", |_, _| waits("*\"annotation\"*\"during\"*") == 1);
    served.until("/healthz", |_, _| waits("*\"annotation\"*\"removed\":[0-9]*") == 1);
    served.kill();

    let served = site.serve();
    site.server.thaw();
    served.is_well();
    served.until("/readyz", |_, _| kept() == "before\t0\nduring\t1\n");
    let page = served.until("/api/v1/annotations", |status, _| status == 200);
    assert!(page.contains("during") && !page.contains("before"), "{page}");
    served.end(site.desk.path());
}
