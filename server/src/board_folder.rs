//! The folder of boards: `boards/` beside the inventory, a file a board.
//!
//! It is looked at when somebody asks, so that a file that was changed is in force at the next look. A file
//! with problems leaves its board as it was and says so. All of it waits for the disk: callers have a thread
//! for that.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs, io,
    io::Write as _,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use crate::{
    board::{self, Board, MAX_BOARD_BYTES},
    model::ContentHash,
};

/// The most boards of a folder; further files, by name, are passed over and told of.
pub const MAX_BOARDS: usize = 100;
/// The most names of the folder that are looked at.
pub const MAX_FOLDER_NAMES: usize = 1_000;

/// A board's file as it is.
#[derive(Debug, Clone, PartialEq)]
pub struct BoardFile {
    /// What is in force; none where the file was never right.
    pub board: Option<Arc<Board>>,
    /// The text of the file; none where it cannot be read.
    pub text: Option<Arc<str>>,
    /// What the text is known by; empty where it cannot be read.
    pub version: String,
    /// What is wrong with it, each with its place.
    pub problems: Vec<String>,
}

/// All that the folder holds.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Boards {
    /// The boards, by name.
    pub files: BTreeMap<String, BoardFile>,
    /// What is wrong with the folder as a whole.
    pub problems: Vec<String>,
    /// Boards may be written into it.
    pub writable: bool,
}

/// Why a board is not written or removed.
#[derive(Debug, thiserror::Error)]
pub enum BoardError {
    /// Not a name.
    #[error(
        "{0:?} is no name of a board: expected letters, digits, - and _, at most {len}",
        len = board::MAX_NAME_BYTES
    )]
    Name(String),
    /// The text is no board.
    #[error("{0}")]
    Problems(crate::document::Problems),
    /// Somebody else was there first.
    #[error("{0}")]
    Changed(String),
    /// No such board.
    #[error("no board is called {0:?}; /api/v1/boards lists them")]
    Unknown(String),
    /// One too many.
    #[error("there are {MAX_BOARDS} boards, which is the most: remove one first")]
    TooMany,
    /// The disk refuses.
    #[error("{path} cannot be written: {error}; put the file there by hand", path = .path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
}

/// The folder, and what was last right in it.
#[derive(Debug)]
pub struct BoardFolder {
    path: PathBuf,
    known: Mutex<BTreeMap<String, BoardFile>>,
}

impl BoardFolder {
    /// The folder beside an inventory. Nothing is read yet; it need not be there.
    #[must_use]
    pub fn beside(inventory: &Path) -> Self {
        let path = inventory.parent().unwrap_or(Path::new("")).join("boards");
        Self { path, known: Mutex::default() }
    }

    /// The folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Looks at all of it.
    pub fn look(&self) -> Boards {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let (names, problems) = self.names();
        let files: BTreeMap<String, BoardFile> = names
            .into_iter()
            .map(|name| {
                let file = self.read(&name, known.get(&name));
                (name, file)
            })
            .collect();
        known.clone_from(&files);
        Boards { files, problems, writable: self.is_writable() }
    }

    /// The names of the boards, at most [`MAX_BOARDS`], and what is wrong with the others.
    fn names(&self) -> (Vec<String>, Vec<String>) {
        let shown = self.path.display();
        let entries = match fs::read_dir(&self.path) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Default::default(),
            Err(error) => return (Vec::new(), vec![format!("{shown}: cannot be read: {error}")]),
        };
        let (mut names, mut problems) = (Vec::new(), Vec::new());
        for (number, entry) in entries.enumerate() {
            if number == MAX_FOLDER_NAMES {
                let words =
                    format!("has more than {MAX_FOLDER_NAMES} files: the others are passed over");
                problems.push(format!("{shown}: {words}"));
                break;
            }
            let Ok(entry) = entry else { continue };
            match name_of(&entry.file_name()) {
                Named::Board(name) => names.push(name),
                Named::Other => {}
                Named::Bad(name) => {
                    let error = BoardError::Name(name);
                    problems.push(format!("{shown}: {error}"));
                }
            }
        }
        names.sort();
        if names.len() > MAX_BOARDS {
            let count = names.len();
            let words = format!(
                "has {count} boards, more than {MAX_BOARDS}: the last ones are passed over"
            );
            problems.push(format!("{shown}: {words}"));
            names.truncate(MAX_BOARDS);
        }
        (names, problems)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.path.join(format!("{name}.toml"))
    }

    fn read(&self, name: &str, before: Option<&BoardFile>) -> BoardFile {
        let path = self.file(name);
        let kept = || before.and_then(|before| before.board.clone());
        let unread = |why: String| BoardFile {
            board: kept(),
            text: None,
            version: String::new(),
            problems: vec![format!("{}: {why}", path.display())],
        };
        if let Err(why) = self.is_within(&path) {
            return unread(why);
        }
        let most = u64::try_from(MAX_BOARD_BYTES).unwrap_or(u64::MAX);
        let bytes = match roundsman_os::file::read(&path, most) {
            Ok((bytes, _)) => bytes,
            Err(error) => return unread(format!("cannot be read: {error}")),
        };
        let version = ContentHash::of(&bytes).as_str().to_owned();
        if let Some(before) = before.filter(|before| before.version == version) {
            return before.clone();
        }
        let text = String::from_utf8_lossy(&bytes).into();
        match board::parse(&path.display().to_string(), &bytes) {
            Ok(board) => {
                let (board, problems) = (Some(Arc::new(board)), Vec::new());
                BoardFile { board, text: Some(text), version, problems }
            }
            Err(problems) => {
                let problems: Vec<_> = problems.iter().map(ToString::to_string).collect();
                for problem in &problems {
                    tracing::warn!(problem, "a board stays as it was: its file has problems");
                }
                BoardFile { board: kept(), text: Some(text), version, problems }
            }
        }
    }

    /// Whether a file lies in the folder itself: a link may lead to another file of it, as in a mounted
    /// ConfigMap, and not out of it.
    fn is_within(&self, path: &Path) -> Result<(), String> {
        let real = |path: &Path| fs::canonicalize(path).map_err(|e| format!("cannot be read: {e}"));
        match real(path)?.starts_with(real(&self.path)?) {
            true => Ok(()),
            false => Err("leads out of the folder of boards: expected a file in it".to_owned()),
        }
    }

    fn is_writable(&self) -> bool {
        let wanted = rustix::fs::Access::WRITE_OK;
        let parent = self.path.parent().filter(|parent| *parent != Path::new(""));
        match self.path.exists() {
            true => rustix::fs::access(&self.path, wanted).is_ok(),
            false => rustix::fs::access(parent.unwrap_or(Path::new(".")), wanted).is_ok(),
        }
    }

    /// Writes a board in the place of `version`, or a new one where none is given. Answers with what the
    /// folder holds then.
    ///
    /// # Errors
    /// [`BoardError`]; then nothing was changed.
    pub fn write(
        &self,
        name: &str,
        text: &str,
        version: Option<&str>,
    ) -> Result<Boards, BoardError> {
        if !board::is_name(name) {
            return Err(BoardError::Name(name.to_owned()));
        }
        board::parse(&format!("{name}.toml"), text.as_bytes()).map_err(BoardError::Problems)?;
        let now = self.look();
        self.expect(name, version, &now)?;
        if version.is_none() && now.files.len() >= MAX_BOARDS {
            return Err(BoardError::TooMany);
        }
        let path = self.file(name);
        self.replace(&path, text).map_err(|error| BoardError::Unwritable { path, error })?;
        Ok(self.look())
    }

    /// Removes a board that is still as `version`. Answers with what it was.
    ///
    /// # Errors
    /// [`BoardError`]; then nothing was changed.
    pub fn remove(&self, name: &str, version: &str) -> Result<BoardFile, BoardError> {
        let mut now = self.look();
        let Some(gone) = now.files.remove(name) else {
            return Err(BoardError::Unknown(name.to_owned()));
        };
        if gone.version != version {
            return Err(changed(name, "it was changed since it was read"));
        }
        let path = self.file(name);
        fs::remove_file(&path).map_err(|error| BoardError::Unwritable { path, error })?;
        Ok(gone)
    }

    fn expect(&self, name: &str, version: Option<&str>, now: &Boards) -> Result<(), BoardError> {
        match (now.files.get(name), version) {
            (None, None) => Ok(()),
            (Some(_), None) => Err(changed(name, "there is one of this name already")),
            (None, Some(_)) => Err(changed(name, "it was removed since it was read")),
            (Some(file), Some(version)) if file.version == version => Ok(()),
            (Some(_), Some(_)) => Err(changed(name, "it was changed since it was read")),
        }
    }

    /// All of the file or nothing of it.
    fn replace(&self, path: &Path, text: &str) -> io::Result<()> {
        match fs::create_dir(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        // A name that is none of a board, so that nobody takes it for one.
        let beside = path.with_extension("toml.new");
        let written = (|| {
            // What another left there, a link maybe, is not written through.
            let _ = fs::remove_file(&beside);
            let mut file = fs::File::create_new(&beside)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            fs::rename(&beside, path)
        })();
        if written.is_err() {
            let _ = fs::remove_file(&beside);
        }
        written
    }
}

fn changed(name: &str, why: &str) -> BoardError {
    BoardError::Changed(format!("board {name:?} stays as it is: {why}; read it again"))
}

/// What a file of the folder is.
enum Named {
    Board(String),
    /// No board, and not meant to be one.
    Other,
    /// Meant to be one.
    Bad(String),
}

fn name_of(file: &OsString) -> Named {
    let text = file.to_string_lossy();
    match text.strip_suffix(".toml") {
        _ if text.starts_with('.') => Named::Other,
        None => Named::Other,
        Some(name) if board::is_name(name) => Named::Board(name.to_owned()),
        Some(name) => Named::Bad(name.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    const GOOD: &str = "title = \"x\"\n[[chart]]\ncolumn = \"load_1\"\n";

    fn site() -> (tempfile::TempDir, BoardFolder) {
        let dir = tempfile::tempdir().unwrap();
        let folder = BoardFolder::beside(&dir.path().join("inventory.toml"));
        (dir, folder)
    }

    #[test]
    fn a_file_that_changes_is_in_force_at_the_next_look_and_a_bad_one_leaves_it_as_it_was() {
        let (_dir, folder) = site();
        assert_eq!(folder.look(), Boards { writable: true, ..Boards::default() });
        folder.write("web", GOOD, None).unwrap();
        let path = folder.path().join("web.toml");
        fs::write(&path, GOOD.replace('x', "y")).unwrap();
        let now = folder.look();
        assert_eq!(now.files["web"].board.as_ref().unwrap().title, "y");
        fs::write(&path, "title = 1\n").unwrap();
        let bad = &folder.look().files["web"];
        assert_eq!(bad.board.as_ref().unwrap().title, "y");
        let words = format!("{}:1:9: `title` must be a text, found an integer", path.display());
        assert_eq!(bad.problems, [words]);
        assert_eq!(bad.text.as_deref(), Some("title = 1\n"));
        fs::remove_file(&path).unwrap();
        assert!(folder.look().files.is_empty());
    }

    #[test]
    fn two_who_edit_do_not_overwrite_each_other() {
        let (_dir, folder) = site();
        let first = folder.write("web", GOOD, None).unwrap().files["web"].version.clone();
        let said = |result: Result<Boards, BoardError>| result.unwrap_err().to_string();
        assert!(
            said(folder.write("web", GOOD, None)).contains("there is one of this name already")
        );
        let text = GOOD.replace('x', "ann's");
        folder.write("web", &text, Some(&first)).unwrap();
        let late = said(folder.write("web", &GOOD.replace('x', "bob's"), Some(&first)));
        assert!(late.contains("it was changed since it was read"), "{late}");
        assert_eq!(fs::read_to_string(folder.path().join("web.toml")).unwrap(), text);
        assert!(matches!(folder.remove("web", &first), Err(BoardError::Changed(_))));
        let version = folder.look().files["web"].version.clone();
        folder.remove("web", &version).unwrap();
        assert!(said(folder.write("web", GOOD, Some(&version))).contains("was removed"));
        assert!(matches!(folder.remove("web", &version), Err(BoardError::Unknown(_))));
    }

    #[test]
    fn hostile_files_and_names_are_refused_and_nothing_is_written_out_of_the_folder() {
        let (dir, folder) = site();
        fs::create_dir(folder.path()).unwrap();
        let secret = dir.path().join("secret.toml");
        fs::write(&secret, GOOD).unwrap();
        let at = |name: &str| folder.path().join(name);
        symlink(&secret, at("out.toml")).unwrap();
        symlink("good.toml", at("in.toml")).unwrap();
        symlink("/dev/zero", at("zero.toml")).unwrap();
        fs::write(at("good.toml"), GOOD).unwrap();
        fs::write(at("large.toml"), "#".repeat(10 << 20)).unwrap();
        fs::write(at("a b.toml"), GOOD).unwrap();
        fs::write(at(".hidden.toml"), GOOD).unwrap();
        fs::create_dir(at("folder.toml")).unwrap();
        let now = folder.look();
        let right: Vec<_> =
            now.files.iter().filter(|(_, file)| file.board.is_some()).map(|(n, _)| n).collect();
        assert_eq!(right, ["good", "in"]);
        let words = |name: &str| now.files[name].problems.join("\n");
        assert!(words("out").ends_with("leads out of the folder of boards: expected a file in it"));
        assert!(words("zero").contains("leads out of the folder"), "{}", words("zero"));
        assert!(words("large").ends_with("expected at most 65536 bytes, found 10485760"));
        assert!(words("folder").contains("found a directory"));
        assert_eq!(now.files["out"].text, None, "what is elsewhere is not shown");
        assert_eq!(now.problems.len(), 1, "{:?}", now.problems);
        for name in ["../secret", "..", "a/b", "/etc/x", "a b", ""] {
            assert!(matches!(folder.write(name, GOOD, None), Err(BoardError::Name(_))), "{name}");
            assert!(matches!(folder.remove(name, ""), Err(BoardError::Unknown(_))), "{name}");
        }
        // A name that somebody prepared for the next write.
        symlink(&secret, at("new.toml.new")).unwrap();
        folder.write("new", &GOOD.replace('x', "new"), None).unwrap();
        assert_eq!(fs::read_to_string(&secret).unwrap(), GOOD);
        let left: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
        assert_eq!(left.len(), 9, "{left:?}");
    }

    #[test]
    fn a_folder_has_an_end() {
        let (_dir, folder) = site();
        fs::create_dir(folder.path()).unwrap();
        for number in 0..MAX_BOARDS {
            fs::write(folder.path().join(format!("b{number:03}.toml")), GOOD).unwrap();
        }
        assert_eq!(folder.look().problems, Vec::<String>::new());
        assert!(matches!(folder.write("zzz", GOOD, None), Err(BoardError::TooMany)));
        fs::write(folder.path().join("zzz.toml"), GOOD).unwrap();
        let now = folder.look();
        assert_eq!((now.files.len(), now.problems.len()), (MAX_BOARDS, 1));
        assert!(!now.files.contains_key("zzz"));
        for number in 0..MAX_FOLDER_NAMES {
            fs::write(folder.path().join(format!("note-{number}.txt")), "").unwrap();
        }
        let words = folder.look().problems.join("\n");
        assert!(words.contains("more than 1000 files"), "{words}");
    }

    #[test]
    fn a_folder_that_cannot_be_written_says_so() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("boards"), "").unwrap();
        let folder = BoardFolder::beside(&dir.path().join("inventory.toml"));
        assert_eq!(folder.look().problems.len(), 1);
        let error = folder.write("web", GOOD, None).unwrap_err().to_string();
        assert!(
            error.contains("web.toml cannot be written: ") && error.contains("by hand"),
            "{error}"
        );
    }
}
