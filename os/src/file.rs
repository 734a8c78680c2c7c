//! Reads a file that an operator named: a regular file of bounded size, opened without waiting.
//!
//! A name in a configuration may lead to anything: opening a FIFO waits for its writer, `/dev/zero`
//! has no end, a terminal may become the process's own. Symbolic links are followed.

use std::{
    fs::{self, File, FileType, Metadata, OpenOptions},
    io::{self, Read as _},
    os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _},
    path::Path,
};

use rustix::fs::OFlags;

/// Why a file is not read. It does not name the file: the caller does.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// A directory, a pipe, a device.
    #[error("expected a regular file, found {0}")]
    NotRegular(&'static str),
    /// Larger than the caller takes.
    #[error("expected at most {most} bytes, found {}", found(*.size))]
    TooLarge {
        /// Its size, bytes; none when it says less than it holds.
        size: Option<u64>,
        /// The largest that is read.
        most: u64,
    },
    /// Not UTF-8.
    #[error("expected text in UTF-8")]
    NotText,
    /// It is not there, or may not be read.
    #[error(transparent)]
    Io(#[from] io::Error),
}

fn found(size: Option<u64>) -> String {
    size.map_or_else(|| "more".to_owned(), |size| size.to_string())
}

impl FileError {
    /// Whether there is no such file.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Io(error) if error.kind() == io::ErrorKind::NotFound)
    }
}

/// Opens a regular file of at most `most` bytes, and says what fstat(2) says of it.
///
/// # Errors
/// [`FileError`].
pub fn open(path: &Path, most: u64) -> Result<(File, Metadata), FileError> {
    // Opening alone may do something to a device, so the name is looked at first.
    regular(&fs::metadata(path)?)?;
    // What the name leads to may have become a FIFO since.
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path)?;
    let stat = file.metadata()?;
    regular(&stat)?;
    if stat.len() > most {
        return Err(FileError::TooLarge { size: Some(stat.len()), most });
    }
    Ok((file, stat))
}

/// Reads a regular file of at most `most` bytes, and says what fstat(2) said of it.
///
/// # Errors
/// [`FileError`].
pub fn read(path: &Path, most: u64) -> Result<(Vec<u8>, Metadata), FileError> {
    let (file, stat) = open(path, most)?;
    Ok((rest(&file, most)?, stat))
}

/// As [`read`], of a file that is text.
///
/// # Errors
/// [`FileError`].
pub fn read_text(path: &Path, most: u64) -> Result<String, FileError> {
    String::from_utf8(read(path, most)?.0).map_err(|_| FileError::NotText)
}

/// What is left of an open file, at most `most` bytes of it.
///
/// # Errors
/// [`FileError`].
pub fn rest(file: &File, most: u64) -> Result<Vec<u8>, FileError> {
    let mut bytes = Vec::new();
    file.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        return Err(FileError::TooLarge { size: None, most });
    }
    Ok(bytes)
}

fn regular(stat: &Metadata) -> Result<(), FileError> {
    match stat.file_type() {
        kind if kind.is_file() => Ok(()),
        kind => Err(FileError::NotRegular(name(kind))),
    }
}

fn name(kind: FileType) -> &'static str {
    if kind.is_dir() {
        "a directory"
    } else if kind.is_fifo() {
        "a pipe"
    } else if kind.is_socket() {
        "a socket"
    } else {
        "a device"
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::{fs::symlink, net::UnixListener};

    fn said(path: &Path) -> String {
        read(path, 4).map_or_else(|error| error.to_string(), |(bytes, _)| format!("{bytes:?}"))
    }

    #[test]
    fn a_regular_file_within_the_limit_is_read_also_by_a_link() {
        let dir = tempfile::tempdir().unwrap();
        let (path, link) = (dir.path().join("file"), dir.path().join("link"));
        fs::write(&path, "four").unwrap();
        symlink("file", &link).unwrap();
        assert_eq!(read(&link, 4).unwrap().0, b"four");
        assert_eq!(read(&link, 4).unwrap().1.len(), 4);
    }

    /// None of these may be waited for, and none read to its end.
    #[test]
    fn what_is_no_regular_file_or_too_large_is_refused_with_words() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        rustix::fs::mkfifoat(rustix::fs::CWD, at("fifo"), rustix::fs::Mode::RUSR).unwrap();
        let _socket = UnixListener::bind(at("socket")).unwrap();
        symlink("/dev/zero", at("zero")).unwrap();
        fs::write(at("large"), "fives").unwrap();
        let expected = "expected a regular file, found";
        assert_eq!(said(&at("fifo")), format!("{expected} a pipe"));
        assert_eq!(said(&at("socket")), format!("{expected} a socket"));
        assert_eq!(said(&at("zero")), format!("{expected} a device"));
        assert_eq!(said(dir.path()), format!("{expected} a directory"));
        assert_eq!(said(&at("large")), "expected at most 4 bytes, found 5");
        fs::write(at("bytes"), b"\xff").unwrap();
        assert_eq!(read_text(&at("bytes"), 4).unwrap_err().to_string(), "expected text in UTF-8");
        assert!(read(&at("none"), 4).unwrap_err().is_missing());
        // A file of procfs says that it is empty.
        assert_eq!(said(Path::new("/proc/self/status")), "expected at most 4 bytes, found more");
    }
}
