//! Files that are whole or not there.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::Write as _,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::Path,
};

use super::AuthorityError;

/// Who may read a key: its owner.
const SECRET: u32 = 0o600;
const PUBLIC: u32 = 0o644;
const DIRECTORY: u32 = 0o700;

/// Makes a directory, and those above it, for the owner alone; one that is there stays as it is.
pub(super) fn directory(path: &Path) -> Result<(), AuthorityError> {
    let made = DirBuilder::new().recursive(true).mode(DIRECTORY).create(path);
    made.map_err(|error| AuthorityError::at(path, error))
}

/// Writes a file that everybody may read.
pub(super) fn write(path: &Path, content: &[u8]) -> Result<(), AuthorityError> {
    written(path, content, PUBLIC)
}

/// Writes a file for its owner alone.
pub(super) fn write_secret(path: &Path, content: &str) -> Result<(), AuthorityError> {
    written(path, content.as_bytes(), SECRET)
}

fn written(path: &Path, content: &[u8], mode: u32) -> Result<(), AuthorityError> {
    let mut aside = path.as_os_str().to_owned();
    aside.push(".new");
    let aside = Path::new(&aside);
    let write = || {
        // What was left over may have another mode.
        let _left_over = fs::remove_file(aside);
        let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(aside)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(aside, path)
    };
    write().map_err(|error| AuthorityError::at(path, error))?;
    path.parent().map_or(Ok(()), flush)
}

/// Makes sure that the names in a directory are kept.
pub(super) fn flush(directory: &Path) -> Result<(), AuthorityError> {
    let flushed = File::open(directory).and_then(|directory| directory.sync_all());
    flushed.map_err(|error| AuthorityError::at(directory, error))
}
