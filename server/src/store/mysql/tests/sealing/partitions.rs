//! What the days of both tiers are for: they are dropped whole, and only those asked for are read.

use std::time::Duration;

use super::*;

#[tokio::test]
async fn sealed_days_are_dropped_by_ddl_and_kept_for_their_retention() {
    const DAY: i64 = 86_400;
    let database = Database::new().await;
    let host = database.register("web-1").await;
    let retention = Duration::from_secs(30 * 86_400);
    let names = async |table: &str| -> Vec<String> {
        let sql = format!(
            "SELECT PARTITION_NAME AS name FROM information_schema.PARTITIONS
             WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = '{table}'
             ORDER BY PARTITION_ORDINAL_POSITION"
        );
        let rows = database.rows(&sql).await;
        rows.iter().map(|row| row["name"].as_str().unwrap().to_owned()).collect()
    };
    let mut most = (0, 0);
    for day in 0..40 {
        let now = at(day * DAY + 20 * 3_600);
        database.clock.step_wall(now);
        // A weekend away leaves a gap.
        if !(20..23).contains(&day) {
            database.write(vec![poll_at(&host, now)]).await.unwrap();
        }
        database.store.seal(WallMs(now.0 - 48 * moment::HOUR_MS)).await.unwrap();
        let before = Retention {
            polls: now.minus(retention),
            events: WallMs(0),
            summaries: WallMs(0),
            rollups: WallMs(0),
        };
        database.store.prune(before).await.unwrap();
        most = (most.0.max(names("poll").await.len()), most.1.max(names("poll_hour").await.len()));
    }
    assert!(most.0 < 12 && (34..40).contains(&most.1), "{most:?} partitions");
    assert_eq!(names("poll").await[0], "p20260505");
    assert_eq!(names("poll_hour").await[0], "p20260407");
    let kept: Vec<Record> = (9..40)
        .filter(|day| !(20..23).contains(day))
        .map(|day| poll_at(&host, at(day * DAY + 20 * 3_600)))
        .collect();
    check(&database, &[(host.clone(), kept)]).await;
    let gone = database.write(vec![poll_at(&host, at(0))]).await.unwrap_err();
    assert!(gone.to_string().contains("retention has dropped that day"), "{gone}");
}

#[tokio::test]
async fn both_tiers_are_read_where_a_condition_says() {
    let database = Database::new().await;
    let host = database.register("web-1").await;
    let days: Vec<Record> = (0..6).map(|day| poll_at(&host, at(day * 86_400))).collect();
    database.clock.step_wall(at(5 * 86_400));
    database.write(days).await.unwrap();
    database.store.seal(at(3 * 86_400)).await.unwrap();
    for view in ["cpu_load", "cpu_stat", "mem_info", "net_info", "disk_info", "process", "ledger"] {
        let plan = async |condition: &str| {
            let explain =
                format!("{EXPLAIN} SELECT * FROM {view} WHERE {condition}", EXPLAIN = explain());
            database.rows(&explain).await
        };
        let partitions = |plan: &[ViewRow], table: &str| -> Vec<String> {
            let steps = plan.iter().filter(|step| step["table"] == table);
            steps.map(|step| step["partitions"].as_str().unwrap_or("none").to_owned()).collect()
        };
        let recent = plan(
            "host = 'web-1' AND time >= '2026-04-02 00:00:00' AND time < '2026-04-03'
               AND hour >= '2026-04-02 00:00:00'",
        )
        .await;
        assert!(partitions(&recent, "p").iter().all(|p| p == "p20260402"), "{view}: {recent:?}");
        assert!(!partitions(&recent, "p").is_empty(), "{view}: {recent:?}");
        for sealed in partitions(&recent, "q") {
            assert!(!sealed.contains("p202603"), "{view}: {recent:?}");
        }
        let old = plan(
            "host = 'web-1' AND time BETWEEN '2026-03-30 01:00:00' AND '2026-03-30 05:00:00'
               AND hour BETWEEN '2026-03-30 01:00:00' AND '2026-03-30 05:00:00'",
        )
        .await;
        assert!(partitions(&old, "q").iter().all(|p| p == "p20260330"), "{view}: {old:?}");
        assert!(!partitions(&old, "q").is_empty(), "{view}: {old:?}");
    }
}

#[tokio::test]
async fn the_hosts_of_a_day_are_looked_up_without_reading_its_rows() {
    let database = Database::new().await;
    for name in ["a", "b", "c"] {
        let host = database.register(name).await;
        let failed = |n| sample::failed(host.id, &host.name, at(n), "refused");
        database.write((0..2_000).map(failed).collect()).await.unwrap();
    }
    database.run("ANALYZE TABLE poll").await;
    let plan = format!("{} SELECT DISTINCT host_id FROM poll PARTITION (p20260329)", explain());
    let plan = database.rows(&plan).await;
    assert_eq!(plan[0]["Extra"], "Using index for group-by", "{plan:?}");
}
