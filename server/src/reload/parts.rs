//! Watches a file together with its parts: `inventory.toml` and `inventory.d/*.toml` beside it.
//!
//! What all of them say is reported together, and only while none of them is being written or in trouble:
//! what is saved in several files, as by `git checkout`, is never seen by half. A part that is gone counts as
//! gone when two looks in a row found it so, like everything else here.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use super::{Changed, FileWatch, MAX_PARTS, ReloadError, Stamp, trouble::TroubleKind};
use crate::{document::SourceFile, units::WallMs};

/// The folder of a file's parts: `inventory.d` beside `inventory.toml`.
#[must_use]
pub fn parts_folder(path: &Path) -> PathBuf {
    path.with_extension("d")
}

/// The parts that there are, in the order of their names: all `*.toml` of the folder that are not hidden.
/// None when there is no folder.
///
/// # Errors
/// The folder cannot be read, or has too many of them.
pub fn parts(path: &Path) -> Result<BTreeSet<PathBuf>, ReloadError> {
    let folder = parts_folder(path);
    let mut found = BTreeSet::new();
    if folder == path {
        return Ok(found);
    }
    let failed = |source| ReloadError::Folder { path: folder.clone(), source };
    let entries = match fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(found),
        Err(error) => return Err(failed(error)),
    };
    for entry in entries {
        let name = entry.map_err(failed)?.file_name();
        let is_hidden = name.as_encoded_bytes().starts_with(b".");
        if is_hidden || Path::new(&name).extension().is_none_or(|end| end != "toml") {
            continue;
        }
        found.insert(folder.join(name));
        if found.len() > MAX_PARTS {
            return Err(ReloadError::TooManyParts { path: folder });
        }
    }
    Ok(found)
}

/// One file and what it was when it was last read.
#[derive(Debug)]
struct Watched {
    watch: FileWatch,
    bytes: Vec<u8>,
}

impl Watched {
    fn new(watch: FileWatch) -> Self {
        Self { watch, bytes: Vec::new() }
    }

    fn read_now(&mut self) -> Result<(), ReloadError> {
        let Changed { bytes, .. } = self.watch.read_now()?;
        self.bytes = bytes;
        Ok(())
    }

    /// Whether a look found other bytes.
    fn check(&mut self) -> Result<bool, ReloadError> {
        let Some(Changed { bytes, .. }) = self.watch.check()? else { return Ok(false) };
        self.bytes = bytes;
        Ok(true)
    }
}

/// Watches one file and its parts.
#[derive(Debug)]
pub struct FilesWatch {
    main: Watched,
    parts: BTreeMap<PathBuf, Watched>,
    /// Parts that the last look did not find.
    missing: BTreeSet<PathBuf>,
    /// Something is other than what was reported.
    is_dirty: bool,
    /// What is wrong with the folder, once a look found it, and in words once the next one did, too.
    folder: Option<(TroubleKind, Option<String>)>,
}

impl FilesWatch {
    /// Watches the file of `main` and its parts.
    #[must_use]
    pub fn new(main: FileWatch) -> Self {
        Self {
            main: Watched::new(main),
            parts: BTreeMap::new(),
            missing: BTreeSet::new(),
            is_dirty: false,
            folder: None,
        }
    }

    fn all(&self) -> impl Iterator<Item = &Watched> {
        std::iter::once(&self.main).chain(self.parts.values())
    }

    /// The file whose parts the others are.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.main.watch.path()
    }

    /// What is in the way right now, in words: as [`FileWatch::trouble`].
    #[must_use]
    pub fn trouble(&self) -> Option<&str> {
        let folder = self.folder.as_ref().and_then(|(_, words)| words.as_deref());
        folder.or_else(|| self.all().find_map(|file| file.watch.trouble()))
    }

    /// Whether the next look is to confirm what the last one found.
    #[must_use]
    pub fn is_settling(&self) -> bool {
        let folder = self.folder.as_ref().is_some_and(|(_, words)| words.is_none());
        folder || !self.missing.is_empty() || self.all().any(|file| file.watch.is_settling())
    }

    /// Whether the last look found all as before, with nothing left to confirm.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        let is_whole = self.folder.is_none() && self.missing.is_empty();
        is_whole && self.all().all(|file| file.watch.is_settled())
    }

    /// How long ago anything about them last changed; as [`FileWatch::unchanged_for`].
    #[must_use]
    pub fn unchanged_for(&self, now: WallMs) -> Duration {
        let files = self.all().map(|file| file.watch.unchanged_for(now));
        // A part that was taken away shows in the folder alone.
        let folder = fs::metadata(parts_folder(self.path())).ok();
        let folder = folder.map(|stat| now.since(Stamp::of(&stat).changed_at()));
        files.chain(folder).min().unwrap_or_default()
    }

    /// All of them as they are at this moment; as [`FileWatch::read_now`].
    ///
    /// # Errors
    /// Why one of them, or the folder, cannot be read.
    pub fn read_now(&mut self) -> Result<Vec<SourceFile>, ReloadError> {
        self.main.read_now()?;
        let there = parts(self.path())?;
        self.parts.retain(|path, _| there.contains(path));
        for path in there {
            self.part(path).read_now()?;
        }
        (self.folder, self.is_dirty) = (None, false);
        self.missing.clear();
        Ok(self.files())
    }

    /// Looks once at each. Returns what all of them say when something of it is new and all have settled.
    ///
    /// # Errors
    /// As [`FileWatch::check`]; of several troubles one at each look.
    pub fn check(&mut self) -> Result<Option<Vec<SourceFile>>, ReloadError> {
        self.list()?;
        if self.folder.is_some() {
            // Nothing of it would count, and each of its files would complain of the same.
            return Ok(None);
        }
        self.is_dirty |= self.main.check()?;
        for (path, part) in &mut self.parts {
            if !self.missing.contains(path) {
                self.is_dirty |= part.check()?;
            }
        }
        if self.is_dirty && self.is_settled() {
            self.is_dirty = false;
            return Ok(Some(self.files()));
        }
        Ok(None)
    }

    fn part(&mut self, path: PathBuf) -> &mut Watched {
        let made = || Watched::new(FileWatch::new(&path));
        self.parts.entry(path.clone()).or_insert_with(made)
    }

    fn files(&self) -> Vec<SourceFile> {
        let file = |file: &Watched| {
            let name = file.watch.path().display().to_string().into();
            SourceFile { name, bytes: file.bytes.clone() }
        };
        self.all().map(file).collect()
    }

    /// Looks which parts there are.
    fn list(&mut self) -> Result<(), ReloadError> {
        let there = match parts(self.path()) {
            Ok(there) => there,
            Err(error) => return self.complain(error),
        };
        self.folder = None;
        let missing: BTreeSet<PathBuf> =
            self.parts.keys().filter(|path| !there.contains(*path)).cloned().collect();
        for path in missing.intersection(&self.missing) {
            self.parts.remove(path);
            self.is_dirty = true;
        }
        self.missing = missing.into_iter().filter(|path| self.parts.contains_key(path)).collect();
        for path in there {
            self.part(path);
        }
        Ok(())
    }

    /// As that of a file: trouble counts when two looks in a row found it, and is said once.
    fn complain(&mut self, error: ReloadError) -> Result<(), ReloadError> {
        let kind = error.kind();
        match &mut self.folder {
            Some((before, words)) if *before == kind => {
                if words.is_some() {
                    return Ok(());
                }
                *words = Some(error.to_string());
                Err(error)
            }
            folder => {
                *folder = Some((kind, None));
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests;
