//! The file goes away, is replaced or damaged under the open store.

use std::fs::{self, OpenOptions};

use super::*;

struct Begun {
    file: File,
    host: crate::store::KnownHost,
    identity: Arc<str>,
}

fn slot(number: i64) -> WallMs {
    WallMs(sample::START.0 + number * 1_000)
}

impl Begun {
    async fn new() -> Self {
        let file = File::new().await;
        let hosts = vec![sample::registration("web-0"), sample::registration("web-1")];
        let host = file.store.register(hosts, sample::START).await.unwrap().remove(1);
        let identity = file.store.identity().await.unwrap();
        let begun = Self { file, host, identity };
        begun.write(0).await.unwrap();
        begun
    }

    async fn write(&self, number: i64) -> Result<BatchResult, StoreError> {
        let poll = sample::good(self.host.id, &self.host.name, slot(number));
        self.file.store.write(Arc::new(Batch::of_polls([poll]))).await
    }

    /// The slots that somebody else finds in the file at the path, which must be whole.
    fn there(&self) -> Vec<i64> {
        let connection = Connection::open(self.file.path()).unwrap();
        assert_eq!(rows(&connection, "PRAGMA integrity_check")[0]["integrity_check"], "ok");
        let slots = rows(&connection, "SELECT slot_ms FROM poll ORDER BY slot_ms");
        let number = |row: &ViewRow| (row["slot_ms"].as_i64().unwrap() - sample::START.0) / 1_000;
        slots.iter().map(number).collect()
    }

    fn beside(&self, tail: &str) -> PathBuf {
        let mut name = self.file.path().into_os_string();
        name.push(tail);
        name.into()
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.file.dir.path()).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    /// What follows goes into the file at the path, under the numbers that the hosts have.
    async fn goes_on(&self) {
        self.write(2).await.unwrap();
        assert!(self.there().contains(&2), "{:?}", self.there());
        assert_eq!(self.file.store.identity().await.unwrap(), self.identity);
        let again = vec![sample::registration("web-1")];
        let known = self.file.store.register(again, slot(2)).await.unwrap().remove(0);
        assert_eq!(known.id, self.host.id);
    }
}

fn words(result: Result<BatchResult, StoreError>) -> String {
    let error = result.unwrap_err();
    assert!(error.is_transient(), "{error}");
    error.to_string()
}

#[tokio::test]
async fn nothing_is_acknowledged_that_went_into_a_file_that_was_removed() {
    for gone in [&["", "-wal", "-shm"] as &[&str], &[""]] {
        let begun = Begun::new().await;
        for tail in gone {
            fs::remove_file(begun.beside(tail)).unwrap();
        }
        let said = words(begun.write(1).await);
        assert!(said.contains("was removed while it was open"), "{said}");
        // A new one is there already, with the hosts and without the polls.
        begun.write(1).await.unwrap();
        assert_eq!(begun.there(), [1]);
        begun.goes_on().await;
    }
}

#[tokio::test]
async fn an_older_copy_that_is_moved_over_the_file_is_gone_on_with() {
    let begun = Begun::new().await;
    let copy = begun.beside(".copy");
    let connection = Connection::open(begun.file.path()).unwrap();
    connection.execute("VACUUM INTO ?1", [copy.to_str().unwrap()]).unwrap();
    drop(connection);
    // After the copy was made: one poll more, and one host more.
    begun.write(1).await.unwrap();
    let late = vec![sample::registration("late")];
    let late = begun.file.store.register(late, slot(1)).await.unwrap().remove(0);
    fs::rename(&copy, begun.file.path()).unwrap();
    let said = words(begun.write(2).await);
    assert!(said.contains("was replaced by another file while it was open"), "{said}");
    begun.goes_on().await;
    assert_eq!(begun.there(), [0, 2]);
    // No other host gets the number that one has by now.
    let hosts = vec![sample::registration("other"), sample::registration("late")];
    let known = begun.file.store.register(hosts, slot(3)).await.unwrap();
    assert_eq!(known[1].id, late.id);
    assert!(known[0].id.0 > late.id.0, "{known:?}");
}

/// A server that was killed leaves its journal, which holds rows of its file alone.
#[tokio::test]
async fn a_journal_that_a_killed_server_left_goes_into_its_own_file_alone() {
    for is_replaced in [false, true] {
        let begun = Begun::new().await;
        let copy = begun.beside(".copy");
        let connection = Connection::open(begun.file.path()).unwrap();
        connection.execute("VACUUM INTO ?1", [copy.to_str().unwrap()]).unwrap();
        drop(connection);
        // Rows that are in the journal and not in the file.
        for number in 10..60 {
            begun.write(number).await.unwrap();
        }
        // The same files as a kill leaves them: closing the store would take the journal away.
        let (path, kept, journal) =
            (begun.file.path(), begun.beside(".kept"), begun.beside("-wal"));
        fs::hard_link(&journal, &kept).unwrap();
        let (note, kept_note) = (begun.beside("-files"), begun.beside(".note"));
        fs::copy(&note, &kept_note).unwrap();
        drop(begun.file.store);
        fs::rename(&kept, journal).unwrap();
        fs::rename(&kept_note, note).unwrap();
        if is_replaced {
            fs::rename(&copy, &path).unwrap();
        }
        let store = Sqlite::open(&path, Mode::ReadWrite).await.unwrap();
        let polls =
            store.polls(begun.host.id, Span::ALL, ReadOrder::OldestFirst, 99).await.unwrap();
        assert_eq!(polls.len(), if is_replaced { 1 } else { 51 });
        let connection = Connection::open(&path).unwrap();
        assert_eq!(rows(&connection, "PRAGMA integrity_check")[0]["integrity_check"], "ok");
        let mut left = path.into_os_string();
        left.push("-wal.left");
        assert_eq!(Path::new(&left).exists(), is_replaced);
    }
}

#[tokio::test]
async fn a_journal_that_is_removed_costs_nothing() {
    for tail in ["-wal", "-shm"] {
        let begun = Begun::new().await;
        fs::remove_file(begun.beside(tail)).unwrap();
        let said = words(begun.write(1).await);
        assert!(said.contains("lost its -wal or -shm file"), "{said}");
        begun.write(1).await.unwrap();
        begun.goes_on().await;
        assert_eq!(begun.there(), [0, 1, 2], "{tail}");
    }
}

#[tokio::test]
async fn the_database_of_another_server_is_not_written_to() {
    let begun = Begun::new().await;
    let other = File::new().await;
    let hosts = vec![sample::registration("app-0"), sample::registration("app-1")];
    other.store.register(hosts, sample::START).await.unwrap();
    let theirs = other.path();
    drop(other.store);
    fs::rename(theirs, begun.file.path()).unwrap();
    words(begun.write(1).await);
    let error = begun.write(1).await.unwrap_err();
    assert!(matches!(error, StoreError::Replaced { .. }), "{error}");
    assert!(begun.file.store.status().await.is_err());
    assert_eq!(begun.there(), [] as [i64; 0]);
    // Neither is a file that is none of ours, which stays where it is.
    fs::write(begun.file.path(), "It was a dark and stormy night. ".repeat(64)).unwrap();
    let error = begun.write(1).await.unwrap_err();
    assert!(matches!(error, StoreError::NotOurs { .. }), "{error}");
    assert!(!begun.names().iter().any(|name| name.contains("damaged")), "{:?}", begun.names());
}

/// `cp`, which writes into the file that is there, and leaves the server's journal beside it.
#[tokio::test]
async fn what_is_copied_over_the_open_file_is_not_written_to_either() {
    let elsewhere = TempDir::new().unwrap();
    let foreign = elsewhere.path().join("foreign.db");
    Connection::open(&foreign).unwrap().execute_batch("CREATE TABLE mine (a)").unwrap();
    let other = File::new().await;
    other.store.register(vec![sample::registration("app-0")], sample::START).await.unwrap();
    let theirs = other.path();
    drop(other.store);
    for (copied, expected) in [(&theirs, "another store"), (&foreign, "another program's")] {
        let begun = Begun::new().await;
        let path = begun.file.path();
        let connection = Connection::open(&path).unwrap();
        rows(&connection, "PRAGMA wal_checkpoint(TRUNCATE)");
        drop(connection);
        // These are in the journal alone.
        begun.write(1).await.unwrap();
        let kept = begun.beside(".kept");
        fs::copy(&path, &kept).unwrap();
        fs::copy(copied, &path).unwrap();
        let error = begun.write(2).await.unwrap_err();
        match &error {
            StoreError::Replaced { .. } => assert_eq!(expected, "another store"),
            StoreError::NotOurs { found, .. } => assert!(found.starts_with(expected), "{found}"),
            _ => panic!("{error}"),
        }
        assert!(begun.file.store.status().await.is_err());
        assert_eq!(fs::read(&path).unwrap(), fs::read(copied).unwrap(), "it was written to");
        assert!(begun.beside("-wal.left").exists(), "{:?}", begun.names());
        // The server's own again.
        fs::copy(&kept, &path).unwrap();
        begun.goes_on().await;
        assert_eq!(begun.there(), [0, 2]);
    }
}

#[tokio::test]
async fn a_file_that_is_damaged_while_it_is_open_is_set_aside_and_another_begun() {
    let garbage = |path: &Path| fs::write(path, "x".repeat(64 << 10)).unwrap();
    let emptied = |path: &Path| drop(OpenOptions::new().write(true).truncate(true).open(path));
    for damage in [&garbage as &dyn Fn(&Path), &emptied] {
        let begun = Begun::new().await;
        // Enough for the journal to go into the file, and for more than one page.
        for number in 10..600 {
            begun.write(number).await.unwrap();
        }
        let connection = Connection::open(begun.file.path()).unwrap();
        rows(&connection, "PRAGMA wal_checkpoint(TRUNCATE)");
        drop(connection);
        damage(&begun.file.path());
        let said = words(begun.write(1).await);
        assert!(said.contains("could not"), "{said}");
        begun.write(1).await.unwrap();
        begun.goes_on().await;
        assert_eq!(begun.there(), [1, 2]);
        let names = begun.names();
        let aside = |name: &&String| name.starts_with("store.db.damaged-") && name.ends_with('Z');
        assert_eq!(names.iter().filter(aside).count(), 1, "{names:?}");
    }
}

#[tokio::test]
async fn a_file_that_is_found_damaged_is_set_aside_when_it_was_ours() {
    let begun = Begun::new().await;
    let (path, dir) = (begun.file.path(), begun.file.dir);
    drop(begun.file.store);
    // The header stays: what it was can still be seen.
    let mut bytes = fs::read(&path).unwrap();
    bytes[100..].fill(b'x');
    fs::write(&path, bytes).unwrap();
    let error = Sqlite::open(&path, Mode::ReadWrite).await.unwrap_err();
    assert!(set_aside_if_damaged(&path, &error, false).unwrap(), "{error}");
    Sqlite::open(&path, Mode::ReadWrite).await.unwrap();
    // Without it, only who knows that it was ours may have it moved.
    fs::write(&path, "x".repeat(9_000)).unwrap();
    let error = Sqlite::open(&path, Mode::ReadWrite).await.unwrap_err();
    assert!(!set_aside_if_damaged(&path, &error, false).unwrap(), "{error}");
    assert!(path.exists());
    let refused = StoreError::ReadOnly { doing: "keep polls" };
    assert!(!set_aside_if_damaged(&path, &refused, true).unwrap());
    drop(dir);
}

#[tokio::test]
async fn nobody_else_may_read_what_is_made() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("data").join("store.db");
    let _store = Sqlite::open(&path, Mode::ReadWrite).await.unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&dir.path().join("data")), 0o700);
    for tail in ["", "-wal", "-shm"] {
        let mut name = path.clone().into_os_string();
        name.push(tail);
        assert_eq!(mode(Path::new(&name)), 0o600, "{tail}");
    }
}
