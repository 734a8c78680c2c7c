//! Files of the server's own: nobody else reads what hosts say of themselves.

use std::{
    fs::{DirBuilder, OpenOptions},
    io::{self, ErrorKind},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::Path,
};

/// Makes a folder, and those above it, for this user alone. One that is there stays as it is.
///
/// # Errors
/// What the system says.
pub fn make_folder(path: &Path) -> io::Result<()> {
    if path.as_os_str().is_empty() {
        return Ok(());
    }
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Makes an empty file for this user alone, and the folder that it lies in. One that is there stays as
/// it is: it is not even opened, which would end the locks that this process has on it.
pub(super) fn make_file(path: &Path) -> io::Result<()> {
    make_folder(path.parent().unwrap_or(Path::new("")))?;
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        other => other.map(drop),
    }
}
