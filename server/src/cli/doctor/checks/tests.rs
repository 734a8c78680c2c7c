use super::*;
use crate::store::{DatabaseSettings, PartitionStatus};

const NOW: WallMs = WallMs(1_774_747_800_000);
const HOUR: Duration = Duration::from_secs(3_600);
const GIB: u64 = 1 << 30;

fn settings() -> DatabaseSettings {
    DatabaseSettings { pushdown_off: None, binlog_kept_s: Some(30 * 86_400) }
}

fn status() -> StoreStatus {
    let until = Some(NOW.plus(3 * 24 * HOUR));
    StoreStatus {
        backend: "mysql",
        location: "mysql://plain@db:3306/fleet".to_owned(),
        server: "10.11.6-MariaDB".to_owned(),
        clock: Some(NOW),
        settings: Some(settings()),
        partitions: vec![PartitionStatus { table: "poll", count: 6, until }],
        schema: 55,
        bytes: GIB,
        free_bytes: 0,
        hosts: 2,
        retired: 0,
        polls: 10_000,
        events: 3,
        oldest_poll: Some(NOW.minus(72 * HOUR)),
        newest_poll: Some(NOW.minus(Duration::from_secs(10))),
        sealed_polls: 5_000,
        sealed_bytes: 5_000 * 600,
        unsealed_bytes: 5_000 * 3_000,
        oldest_unsealed: Some(NOW.minus(48 * HOUR)),
    }
}

fn waiting() -> ExportFacts {
    ExportFacts { waiting: 5_000_000, oldest: Some(NOW.minus(HOUR)), ..export() }
}

fn export() -> ExportFacts {
    ExportFacts { to: "metrics:443".to_owned(), unfit: None, waiting: 0, oldest: None }
}

/// A server with nothing wrong.
fn well() -> DoctorFacts {
    let inventory = crate::inventory::parse("test", "[[host]]\nname = \"a\"\n").unwrap();
    let forecast = Forecast::new(&inventory, Some(&status()), 48 * HOUR, NOW);
    DoctorFacts {
        inventory: Ok(2),
        longest_gap: Some(Duration::from_secs(10)),
        store: Ok(status()),
        views: Vec::new(),
        exposed_to: None,
        obstacle: None,
        forecast: Some(forecast),
        largest: None,
        spool: Ok(None),
        spool_max: GIB,
        export: Some(Ok(export())),
        store_room: None,
        spool_room: Some(20 * GIB),
        descriptors: Some(1_048_576),
        in_flight: 256,
        seal_after: 48 * HOUR,
        retention: 30 * 24 * HOUR,
        size: None,
        before: NOW,
        now: NOW.plus(Duration::from_millis(12)),
    }
}

fn with(change: impl FnOnce(&mut DoctorFacts)) -> DoctorFacts {
    let mut found = well();
    change(&mut found);
    found
}

fn store_with(change: impl FnOnce(&mut StoreStatus)) -> DoctorFacts {
    let mut status = status();
    change(&mut status);
    DoctorFacts { store: Ok(status), ..well() }
}

fn settings_with(change: impl FnOnce(&mut DatabaseSettings)) -> DoctorFacts {
    let mut settings = settings();
    change(&mut settings);
    store_with(|status| status.settings = Some(settings))
}

#[test]
fn a_server_with_nothing_wrong_is_told_so() {
    let lines: Vec<String> = all(&well())
        .into_iter()
        .map(|check| {
            assert_eq!(check.verdict, Verdict::Ok, "{check:?}");
            format!("{}: {}", check.subject, check.words)
        })
        .collect();
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn each_thing_that_is_wrong_is_found_alone_and_has_its_remedy() {
    let spooled = |bytes| {
        Ok(Some(SpoolStatus {
            polls: 100,
            bytes,
            max_bytes: GIB,
            oldest: Some(NOW.minus(HOUR)),
            ..SpoolStatus::default()
        }))
    };
    let unfit = |words: &str| Some(words.to_owned());
    let cases: [(&str, DoctorFacts); 21] = [
        (
            "export",
            with(|f| f.export = Some(Err("export.token holds what no header field can".into()))),
        ),
        (
            "export",
            with(|f| {
                let unfit = unfit("metrics:443 answered 401 Unauthorized: no such token");
                f.export = Some(Ok(ExportFacts { unfit, ..export() }));
            }),
        ),
        (
            "export",
            with(|f| {
                let unfit = unfit("cannot connect to metrics:443: refused");
                f.export = Some(Ok(ExportFacts { unfit, ..waiting() }));
            }),
        ),
        ("inventory", with(|f| f.inventory = Err("inventory.toml:3:1: unknown key".into()))),
        ("store", with(|f| f.store = Err("db:3306 refused the connection".into()))),
        ("version", store_with(|s| s.server = "10.5.29-MariaDB".to_owned())),
        ("version", store_with(|s| s.server = "8.0.28".to_owned())),
        ("optimizer", settings_with(|s| s.pushdown_off = Some("derived_condition_pushdown"))),
        ("clock of the store", store_with(|s| s.clock = Some(NOW.plus(HOUR)))),
        ("clock of the store", store_with(|s| s.clock = Some(NOW.minus(HOUR)))),
        ("newest poll", store_with(|s| s.newest_poll = Some(NOW.minus(HOUR)))),
        ("newest poll", store_with(|s| s.newest_poll = Some(NOW.plus(HOUR)))),
        ("partitions of poll", store_with(|s| s.partitions[0].until = Some(NOW))),
        ("partitions of poll", store_with(|s| s.partitions[0].until = None)),
        ("sealing", store_with(|s| s.oldest_unsealed = Some(NOW.minus(60 * HOUR)))),
        ("spool", with(|f| f.spool = spooled(GIB / 4 * 3))),
        ("spool", with(|f| f.spool = Err("it cannot be read".into()))),
        ("spool", with(|f| f.spool_room = Some(GIB / 2))),
        ("size", with(|f| f.store_room = Some(1))),
        ("limits", with(|f| f.descriptors = Some(512))),
        ("limits", with(|f| f.inventory = Ok(1_048_576))),
    ];
    let mut told = String::new();
    for (subject, mut found) in cases {
        if subject == "size" {
            found.retention = 3_650 * 24 * HOUR;
            let mut full = status();
            full.bytes = 1;
            found.store = Ok(full);
        }
        let wrong: Vec<Check> =
            all(&found).into_iter().filter(|check| check.verdict == Verdict::Wrong).collect();
        assert_eq!(wrong.len(), 1, "{subject}: {wrong:?}");
        assert_eq!(wrong[0].subject, subject);
        let remedy = wrong[0].remedy.as_deref().expect("something to do");
        told += &format!("{subject}: {}\n  {remedy}\n", wrong[0].words);
    }
    insta::assert_snapshot!(told);
}

#[test]
fn what_a_budget_holds_and_what_is_free_is_said() {
    let sqlite = |change: fn(&mut StoreStatus)| {
        let mut status = StoreStatus { settings: None, clock: None, ..status() };
        status.partitions.clear();
        status.backend = "sqlite";
        change(&mut status);
        DoctorFacts { store: Ok(status), store_room: Some(GIB), ..well() }
    };
    // Of the 188 MiB of a month.
    let held = |size: u64| DoctorFacts { size: Some(size), ..store_with(|s| s.bytes = 18_000_000) };
    let cases = [
        held(GIB),
        held(100 << 20),
        held(50 << 20),
        held(1 << 10),
        DoctorFacts { size: Some(GIB), retention: 3_650 * 24 * HOUR, ..sqlite(|s| s.bytes = 1) },
        DoctorFacts {
            size: Some(4 * GIB),
            retention: 3_650 * 24 * HOUR,
            ..sqlite(|s| s.bytes = 1)
        },
        sqlite(|s| s.free_bytes = s.bytes / 10 * 6),
        sqlite(|s| (s.bytes, s.free_bytes) = (1 << 20, 1 << 20)),
    ];
    let mut told = String::new();
    for found in &cases {
        let checks = all(found);
        let of = |check: &&Check| ["size", "free room"].contains(&check.subject);
        for Check { subject, verdict, words, remedy } in checks.iter().filter(of) {
            told += &format!("{verdict} {subject}: {words}\n");
            told.extend(remedy.iter().map(|remedy| format!("  {remedy}\n")));
        }
        told += "\n";
    }
    insta::assert_snapshot!(told);
}

#[test]
fn what_is_worth_to_know_is_not_wrong() {
    let notes = [
        with(|f| f.spool_max = 0),
        with(|f| f.export = Some(Ok(waiting()))),
        with(|f| f.exposed_to = Some("db:3306".to_owned())),
        store_with(|s| s.newest_poll = None),
        store_with(|s| s.partitions[0].count = 60),
        store_with(|s| s.server = "PolarDB".to_owned()),
        settings_with(|s| s.binlog_kept_s = Some(0)),
    ];
    for found in notes {
        let checks = all(&found);
        assert!(checks.iter().all(|check| check.verdict != Verdict::Wrong), "{checks:?}");
        let notes = checks.iter().filter(|check| check.verdict == Verdict::Note).count();
        assert_eq!(notes, 1, "{checks:?}");
    }
}

#[test]
fn what_is_in_the_way_of_every_row_is_named() {
    let of = |found: &DoctorFacts| all(found).into_iter().find(|c| c.subject == "keeping polls");
    assert!(of(&well()).is_none());
    let check = of(&with(|found| found.obstacle = Some("set this"))).unwrap();
    assert_eq!((check.verdict, &*check.words), (Verdict::Wrong, "set this"));
}

#[test]
fn views_that_differ_are_named_with_what_mends_them() {
    let of = |found: &DoctorFacts| all(found).into_iter().find(|c| c.subject == "views").unwrap();
    assert_eq!(of(&well()).verdict, Verdict::Ok);
    let found = with(|found| found.views = vec!["cpu_load".to_owned(), "ledger".to_owned()]);
    let check = of(&found);
    assert_eq!(check.verdict, Verdict::Wrong);
    assert!(check.words.contains("cpu_load, ledger"), "{}", check.words);
    assert!(check.remedy.unwrap().contains("start `roundsman serve`"));
}
