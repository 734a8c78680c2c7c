//! What is asked of sealed polls is answered as before.

use super::*;
use crate::model::{ColumnSet, Detail, Row as Repeated};

#[tokio::test]
async fn what_is_shown_is_the_sealed_form() {
    let database = Database::new().await;
    let fleet = fleet(&database).await;
    let before = everything(&database).await;
    database.store.seal(at(7_205)).await.unwrap();
    // And not the rows that it was made of.
    database.run("DELETE FROM poll WHERE ts < '2026-03-29 03:00:00'").await;
    assert_eq!(everything(&database).await, before);
    check(&database, &fleet).await;
}

#[tokio::test]
async fn sealed_polls_are_pruned() {
    let database = Database::new().await;
    fleet(&database).await;
    database.store.seal(at(86_400 * 2)).await.unwrap();
    assert_eq!(count(&database, "SELECT COUNT(*) AS n FROM poll").await, 0);
    database.clock.step_wall(at(86_400 * 3));
    let all = Retention {
        polls: at(86_400 * 2),
        events: WallMs(0),
        summaries: WallMs(0),
        rollups: WallMs(0),
    };
    assert_eq!(database.store.prune(all).await.unwrap().polls, 3 * 45);
    assert_eq!(database.register("a").await.latest_slot, None);
    assert_eq!(database.store.hosts(HostQuery::all()).await.unwrap()[0].latest, None);
}

#[tokio::test]
async fn names_that_are_code_elsewhere_are_names_in_both_tiers() {
    let database = Database::new().await;
    let host = database.register("web-1").await;
    let long = "é$\\\"'`]".repeat(1_500);
    let names = [
        "it's \"quoted\"; DROP TABLE poll; -- ",
        "$[*] $.net \\u0000 \\n \\",
        "[[\"0\",1]],{\"a\":[]}",
        "line\none\ttab\r\u{1}\u{1f}\u{7f}",
        "三 🦀 \u{202e}rtl \u{10ffff}",
        "%_?:name@x /* */ #",
        "nul \u{0} inside",
        "",
        &long,
    ];
    let mut polls = Vec::new();
    for (name, number) in names.iter().zip(0..) {
        let template = sample::detail();
        fn named<C: ColumnSet>(rows: &[Repeated<C>], name: &str) -> Vec<Repeated<C>> {
            let labels = vec![Arc::from(name); C::LABELS.len()];
            rows.iter()
                .map(|row| Repeated { labels: labels.clone().into(), ..row.clone() })
                .collect()
        }
        let detail = Detail {
            cores: named(&template.cores, name),
            softirqs: named(&template.softirqs, name),
            interfaces: named(&template.interfaces, name),
            disks: named(&template.disks, name),
            filesystems: named(&template.filesystems, name),
            processes: named(&template.processes, name),
            containers: named(&template.containers, name),
        };
        let good = sample::good(host.id, &host.name, at(number * 10));
        polls.push(Record {
            detail: Some(detail),
            address: Some((*name).into()),
            error: Some((*name).into()),
            ..good
        });
        polls.push(sample::failed(host.id, &host.name, at(number * 10 + 1), name));
    }
    database.write(polls.clone()).await.unwrap();
    let before = everything(&database).await;
    database.store.seal(at(7_200)).await.unwrap();
    let fleet = [(host, polls)];
    check(&database, &fleet).await;
    assert_eq!(everything(&database).await, before);
    for (view, column) in [
        ("ledger", "error"),
        ("net_info", "interface"),
        ("disk_info", "device"),
        ("filesystem", "mount_point"),
        ("process", "comm"),
    ] {
        let rows = database.rows(&format!("SELECT DISTINCT {column} AS x FROM {view}")).await;
        let mut shown: Vec<&str> = rows.iter().map(|row| row["x"].as_str().unwrap()).collect();
        let mut wanted = names.to_vec();
        shown.sort_unstable();
        wanted.sort_unstable();
        assert_eq!(shown, wanted, "{view}.{column}");
    }
}
