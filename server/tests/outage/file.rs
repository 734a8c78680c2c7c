//! The embedded file under a whole server: removed, replaced, damaged, locked, used twice.

use std::{fs, path::PathBuf, thread};

use rusqlite::Connection;

use crate::{
    HOSTS, PATIENCE,
    program::Desk,
    served::Served,
    site::{healthy, inventory_of, with_a_new_host},
    support::FakeProbe,
};

/// Orders that may be under way at once.
const MAX_ORDERS: usize = 16;

/// Probes, and the files that name them.
struct FileSite {
    desk: Desk,
    probes: Vec<FakeProbe>,
}

impl FileSite {
    async fn new() -> Self {
        let mut probes = Vec::new();
        for _ in 0..HOSTS {
            probes.push(FakeProbe::start(healthy()).await);
        }
        let desk = Desk::new();
        desk.file("inventory.toml", &inventory_of(&probes));
        let settings = "data = \"data\"\n[http]\nlisten = \"127.0.0.1:0\"\n[grpc]\nlisten = \"\"\n";
        desk.file("roundsman.toml", settings);
        Self { desk, probes }
    }

    fn serve(&self) -> Served {
        Served::begin(self.desk.command(&["serve"]))
    }

    fn data(&self, name: &str) -> PathBuf {
        self.desk.path().join("data").join(name)
    }

    fn open(&self) -> Connection {
        let file = Connection::open(self.data("roundsman.db")).unwrap();
        file.busy_timeout(PATIENCE).unwrap();
        file
    }

    fn number(&self, sql: &str) -> i64 {
        self.open().query_row(sql, [], |row| row.get(0)).unwrap()
    }

    /// Rows come into the file that is at the path.
    fn is_kept(&self, served: &Served) {
        let before = self.number("SELECT count(*) FROM poll");
        served.polls_go_on();
        served.until("/metrics", |_, _| self.number("SELECT count(*) FROM poll") > before);
        let whole = "SELECT (SELECT integrity_check FROM pragma_integrity_check) = 'ok'";
        assert_eq!(self.number(whole), 1);
    }
}

#[tokio::test]
async fn a_file_that_is_removed_or_replaced_is_noticed_and_what_is_lost_is_said() {
    let site = FileSite::new().await;
    let served = site.serve();
    served.until("/readyz", |status, _| status == 200);
    served.polls_go_on();
    served.until("/metrics", |_, _| site.number("SELECT count(*) FROM poll") > 0);
    for tail in ["", "-wal", "-shm"] {
        fs::remove_file(site.data(&format!("roundsman.db{tail}"))).unwrap();
    }
    served.until_metric("roundsman_batches_failed_total", |failed| failed > 0);
    served.until("/readyz", |status, _| status == 200);
    served.until("/metrics", |_, _| site.data("roundsman.db").exists());
    site.is_kept(&served);
    let gone = "roundsman_rows_lost_total{reason=\"store_lost\"}";
    served.until_metric(gone, |polls| polls > 0);
    let warned =
        served.until("/readyz", |status, body| status == 200 && body.contains("no longer"));
    assert!(warned.contains("polls that the store had taken are no longer in it"), "{warned}");
    let lost = "SELECT coalesce(sum(polls), 0) FROM loss WHERE reason = 'store_lost'";
    served.until("/metrics", |_, _| site.number(lost) > 0);
    let first = site.number(lost);

    // A copy, some polls, and the copy in the place of the file.
    let copy = site.data("copy.db");
    site.open().execute("VACUUM INTO ?1", [copy.to_str().unwrap()]).unwrap();
    let before = site.number("SELECT count(*) FROM poll");
    served.until("/metrics", |_, _| site.number("SELECT count(*) FROM poll") > before + 6);
    fs::rename(&copy, site.data("roundsman.db")).unwrap();
    served.until_metric(gone, |polls| polls > first);
    site.is_kept(&served);
    served.until("/metrics", |_, _| site.number(lost) > first);
    assert_eq!(site.number("SELECT count(DISTINCT host_id) FROM poll"), 3);
    assert_eq!(
        site.number("SELECT count(*) FROM poll WHERE host_id NOT IN (SELECT id FROM host)"),
        0
    );

    // And one that is put there while no server runs.
    site.open().execute("VACUUM INTO ?1", [copy.to_str().unwrap()]).unwrap();
    served.polls_go_on();
    let marked = "SELECT json_extract(value, '$.polls') FROM about WHERE key = 'marks'";
    let spool = Connection::open(site.data("spool.db")).unwrap();
    spool.busy_timeout(PATIENCE).unwrap();
    let marks = || spool.query_row(marked, [], |row| row.get::<_, i64>(0)).unwrap();
    let before = marks();
    served.until("/metrics", |_, _| marks() > before);
    drop(spool);
    let ended = served.end(site.desk.path());
    assert!(ended.log.contains("was removed while it was open"), "{}", ended.log);
    assert!(ended.log.contains("was replaced by another file while it was open"), "{}", ended.log);
    let last = ended.log.lines().find(|line| line.contains("rows kept")).unwrap();
    let total = site.number(lost);
    assert!(last.contains(&format!("gone={total}")), "{last}");
    fs::rename(&copy, site.data("roundsman.db")).unwrap();
    let served = site.serve();
    served.until_metric(gone, |polls| polls > 0);
    let ended = served.end(site.desk.path());
    assert!(ended.log.contains("the store no longer has what it had taken"), "{}", ended.log);
}

#[tokio::test]
async fn a_file_that_was_damaged_is_set_aside_at_the_start_and_polling_goes_on() {
    let site = FileSite::new().await;
    let served = site.serve();
    served.until("/readyz", |status, _| status == 200);
    served.polls_go_on();
    served.end(site.desk.path());
    let identity = "SELECT store FROM identity";
    let before: String = site.open().query_row(identity, [], |row| row.get(0)).unwrap();
    // Not even its header is left, but the data folder knows what was there.
    fs::write(site.data("roundsman.db"), "x".repeat(20_000)).unwrap();
    let served = site.serve();
    served.until("/readyz", |status, _| status == 200);
    site.is_kept(&served);
    let ended = served.end(site.desk.path());
    assert!(ended.log.contains("is damaged and was set aside as"), "{}", ended.log);
    assert!(ended.log.contains(".recover"), "{}", ended.log);
    assert!(ended.log.contains(&before), "the former is named: {}", ended.log);
    let entries = fs::read_dir(site.data("")).unwrap();
    let names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    let aside = names.iter().find(|name| name.contains(".damaged-")).unwrap();
    assert_eq!(fs::read(site.data(aside)).unwrap(), "x".repeat(20_000).as_bytes());

    // Another program's file is left alone where nobody knows better.
    fs::remove_dir_all(site.data("")).unwrap();
    fs::create_dir(site.data("")).unwrap();
    fs::write(site.data("roundsman.db"), "x".repeat(20_000)).unwrap();
    let refused = site.desk.run(&["serve"]);
    assert_eq!(refused.code, Some(1));
    assert!(refused.err.contains("is not a Roundsman database"), "{}", refused.err);
}

#[tokio::test]
async fn a_file_that_another_process_holds_is_as_loud_as_one_that_fails_and_orders_are_answered() {
    let site = FileSite::new().await;
    let served = site.serve();
    served.until("/readyz", |status, _| status == 200);
    served.polls_go_on();
    let holder = site.open();
    holder.execute_batch("BEGIN IMMEDIATE").unwrap();
    served.until("/readyz", |status, body| status == 503 && body.contains("did not answer within"));
    for order in ["pause", "accept"] {
        let (status, said) = served.post(&format!("/api/v1/hosts/web-0/{order}"), "{}");
        assert_eq!(status, 503, "{order}: {said}");
        assert!(said.contains("not done within 5 s") || said.contains("locked"), "{order}: {said}");
    }
    // Orders that wait do so in a few places.
    let answers: Vec<(u16, String)> = thread::scope(|scope| {
        let post = || served.post("/api/v1/hosts/web-1/pause", "{}");
        let all: Vec<_> = (0..MAX_ORDERS + 4).map(|_| scope.spawn(post)).collect();
        all.into_iter().map(|asked| asked.join().unwrap()).collect()
    });
    assert!(answers.iter().all(|(status, _)| *status == 503), "{answers:?}");
    let busy = answers.iter().filter(|(_, said)| said.contains("busy")).count();
    assert!(busy >= 4, "{answers:?}");
    served.polls_go_on();
    holder.execute_batch("ROLLBACK").unwrap();
    served.is_well();
    served.end(site.desk.path());
}

#[tokio::test]
async fn a_data_folder_has_one_server_and_commands_are_not_locked_out() {
    let site = FileSite::new().await;
    let mut served = site.serve();
    served.until("/readyz", |status, _| status == 200);
    served.polls_go_on();
    served.until("/metrics", |_, _| site.number("SELECT count(*) FROM poll") > 0);
    let refused = site.desk.run(&["serve"]);
    assert_eq!(refused.code, Some(1), "{}", refused.err);
    let pid = served.running.child().id();
    assert!(refused.err.contains(&format!("process {pid} on ")), "{}", refused.err);
    assert!(refused.err.contains("stop that one, or give this one a folder"), "{}", refused.err);
    for command in [&["hosts"] as &[&str], &["history", "web-0"], &["why", "web-0"]] {
        let read = site.desk.run(command);
        assert_eq!(read.code, Some(0), "{command:?}: {}", read.err);
    }
    served.kill();
    // However it ended, the next one begins.
    let served = site.serve();
    served.until("/readyz", |status, _| status == 200);
    served.end(site.desk.path());
}

#[tokio::test]
async fn a_file_restored_while_it_is_open_gives_no_host_the_number_of_another() {
    let site = FileSite::new().await;
    let served = site.serve();
    site.is_kept(&served);
    let last = site.number("SELECT max(id) FROM host");
    // As a copy from before the last host came.
    let restored = "DELETE FROM host WHERE id = (SELECT max(id) FROM host);
                    UPDATE sqlite_sequence SET seq = (SELECT max(id) FROM host) WHERE name = 'host'";
    site.open().execute_batch(restored).unwrap();
    site.desk.file("inventory.toml", &with_a_new_host(&inventory_of(&site.probes)));
    let new = "SELECT coalesce((SELECT id FROM host WHERE name = 'new-0'), 0)";
    served.until("/metrics", |_, _| site.number(new) > 0);
    assert!(site.number(new) > last, "{} was another host's", site.number(new));
}
