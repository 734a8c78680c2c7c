//! One server per data folder: a lock of the kernel's that goes with the process, however it ends.

use std::{
    fs::{File, OpenOptions, TryLockError},
    hash::{BuildHasher as _, Hasher as _, RandomState},
    io::{self, Read as _, Seek as _, Write as _},
    net::SocketAddr,
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use roundsman_os::file;

use crate::{
    config::{Config, StoreUrl},
    error_report::error_chain,
    store::{Owner, make_folder},
};

/// The file that is locked, in the data folder. It stays when the server ends; the lock does not.
const LOCK_FILE: &str = "server.lock";

/// The most of a lock file that is read to name its holder, bytes.
const HOLDER_BYTES: u64 = 300;

/// How often a lock file that somebody removes at the same moment is made again.
const TRIES: usize = 3;

/// Another server writes to the same place.
#[derive(Debug, thiserror::Error)]
#[error(
    "another server is running on the same data: {holder} holds {}; stop that one, or give this one a folder of its own with --data",
    path.display()
)]
pub struct InUse {
    /// The lock file.
    pub path: PathBuf,
    /// What its holder says of itself.
    pub holder: String,
}

/// The locks of a running server.
#[derive(Debug)]
pub struct Locks {
    files: Vec<File>,
    /// What this server is known by where it writes.
    pub owner: Owner,
}

impl Locks {
    /// Writes down where this server is asked over HTTP, for commands that are given its data folder.
    pub(crate) fn serves_at(&mut self, http: SocketAddr) {
        for file in &mut self.files {
            // Without it a command asks where the settings say, or the store.
            let _ = writeln!(file, "{http}");
        }
    }
}

/// Where the server of this data folder is asked over HTTP, or the last one that was.
pub(crate) fn last_served_at(config: &Config) -> Option<SocketAddr> {
    let text = |place: PathBuf| file::read_text(&place, HOLDER_BYTES).ok();
    places(config).into_iter().filter_map(text).find_map(|text| text.lines().nth(2)?.parse().ok())
}

/// Locks all that this server writes to: its data folder, and files of its own that are elsewhere.
///
/// # Errors
/// [`InUse`]: another server has one of them. A place that cannot be locked at all is said
/// and used all the same: what is wrong with it is said once it is written to.
pub fn take(config: &Config) -> Result<Locks, InUse> {
    let (mut files, mut id) = (Vec::new(), None);
    for path in places(config) {
        match lock(&path) {
            Ok(Ok((file, kept))) => {
                files.push(file);
                id.get_or_insert(kept);
            }
            Ok(Err(holder)) => return Err(InUse { path, holder }),
            // Nothing can be written there at all, which is said by whoever tries.
            Err(error) if is_unwritable(&error) => {}
            Err(error) => tracing::warn!(
                error = error_chain(&error),
                "cannot lock {}: that no other server uses it is not known",
                path.display()
            ),
        }
    }
    let id = id.unwrap_or_else(random);
    let words = format!("{}, data folder {}", process(), config.data.display());
    Ok(Locks { files, owner: Owner::new(id, words) })
}

fn is_unwritable(error: &io::Error) -> bool {
    use io::ErrorKind::{
        NotADirectory, NotFound, PermissionDenied, ReadOnlyFilesystem, StorageFull,
    };
    let kinds = [NotADirectory, NotFound, PermissionDenied, ReadOnlyFilesystem, StorageFull];
    kinds.contains(&error.kind())
}

/// The lock files of what is written to; none when all goes to a database and nothing waits here.
fn places(config: &Config) -> Vec<PathBuf> {
    let file = match &config.store.url {
        StoreUrl::Sqlite(path) => Some(path),
        StoreUrl::Mysql(_) => None,
    };
    let spool = (config.spool.max.0 > 0).then_some(&config.spool.path);
    let mut places = Vec::new();
    for path in file.into_iter().chain(spool) {
        let place = if path.parent() == Some(config.data.as_path()) {
            config.data.join(LOCK_FILE)
        } else {
            let mut name = path.clone().into_os_string();
            name.push(".lock");
            name.into()
        };
        if !places.contains(&place) {
            places.push(place);
        }
    }
    places
}

/// This process, for people.
fn process() -> String {
    let host = rustix::system::uname();
    format!("process {} on {}", std::process::id(), host.nodename().to_string_lossy())
}

/// What no other folder is known by: 32 hexadecimal digits.
fn random() -> String {
    let half = || RandomState::new().build_hasher().finish();
    format!("{:016x}{:016x}", half(), half())
}

/// The locked file and what its folder is known by, which stays; or what its holder says of itself.
fn lock(path: &Path) -> io::Result<Result<(File, String), String>> {
    if let Some(folder) = path.parent() {
        make_folder(folder)?;
    }
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(0o600);
    for _ in 0..TRIES {
        let mut file = options.open(path)?;
        if !file.metadata()?.is_file() {
            return Err(io::Error::other("expected a regular file"));
        }
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let holder = read(&mut file)?.lines().next().unwrap_or_default().to_owned();
                return Ok(Err(holder));
            }
            Err(TryLockError::Error(error)) => return Err(error),
        }
        // Somebody may have removed it since it was opened: a lock on that guards nothing.
        let id = |of: &std::fs::Metadata| (of.dev(), of.ino());
        if std::fs::metadata(path)
            .is_ok_and(|there| file.metadata().is_ok_and(|m| id(&m) == id(&there)))
        {
            let before = read(&mut file)?;
            let id = before.lines().nth(1).filter(|id| id.len() == 32);
            let id = id.map_or_else(random, str::to_owned);
            file.set_len(0)?;
            file.rewind()?;
            // On a full disk the lock holds all the same.
            let _ = write!(file, "{}\n{id}\n", process());
            return Ok(Ok((file, id)));
        }
    }
    Err(io::Error::other("it is removed again and again"))
}

fn read(file: &mut File) -> io::Result<String> {
    let mut text = String::new();
    file.take(HOLDER_BYTES).read_to_string(&mut text)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{MysqlAddress, MysqlUrl, Sources};

    fn config(data: &Path) -> Config {
        let mut config = Config::load(Sources::default()).unwrap().config;
        config.data = data.to_owned();
        config.store.url = StoreUrl::Sqlite(data.join("roundsman.db"));
        config.spool.path = data.join("spool.db");
        config
    }

    #[test]
    fn a_folder_has_one_server_and_is_free_when_that_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let config = config(&folder.path().join("data"));
        let first = take(&config).unwrap();
        let error = take(&config).unwrap_err().to_string();
        assert!(error.contains(&format!("process {}", std::process::id())), "{error}");
        assert!(error.contains("data/server.lock"), "{error}");
        let id = first.owner.id.clone();
        drop(first);
        let again = take(&config).unwrap();
        assert_eq!(again.owner.id, id, "the folder is known by the same");
        // Whoever removes the file of a running server opens the way to a second one, and no further.
        std::fs::remove_file(config.data.join(LOCK_FILE)).unwrap();
        let second = take(&config).unwrap();
        assert!(take(&config).is_err());
        drop((again, second));
    }

    #[test]
    fn files_elsewhere_are_locked_each_for_itself() {
        let folder = tempfile::tempdir().unwrap();
        let (one, other) = (folder.path().join("one"), folder.path().join("other"));
        let mut first = config(&one);
        first.store.url = StoreUrl::Sqlite(folder.path().join("fleet.db"));
        let mut second = config(&other);
        second.store.url = first.store.url.clone();
        let held = take(&first).unwrap();
        let error = take(&second).unwrap_err().to_string();
        assert!(error.contains("fleet.db.lock"), "{error}");
        second.store.url = StoreUrl::Sqlite(other.join("roundsman.db"));
        let beside = take(&second).unwrap();
        drop((held, beside));
    }

    #[test]
    fn a_server_that_keeps_nothing_here_locks_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let mut config = config(&folder.path().join("data"));
        config.store.url = StoreUrl::Mysql(MysqlUrl {
            user: "root".to_owned(),
            addresses: vec![MysqlAddress { host: "127.0.0.1".to_owned(), port: 1 }],
            database: "fleet".to_owned(),
        });
        config.spool.max.0 = 0;
        let held = (take(&config).unwrap(), take(&config).unwrap());
        assert!(!config.data.exists());
        drop(held);
    }
}
