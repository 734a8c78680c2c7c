//! What can be in the way of noticing changes, and the words for it.

use std::{io, path::PathBuf};

use super::{MAX_FILE_BYTES, MAX_PARTS, MAX_READS};

/// What is in the way of noticing changes. Each says what to do where the operator can do something.
#[derive(Debug, thiserror::Error)]
pub enum ReloadError {
    /// The file is gone.
    #[error("{}: the file is gone; what was loaded last stays in force", path.display())]
    Vanished {
        /// The file.
        path: PathBuf,
    },
    /// It is there but cannot be read.
    #[error("{}: the file cannot be read", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A directory, a pipe, a device.
    #[error("{}: expected a regular file, found {found}", path.display())]
    NotAFile {
        /// The path.
        path: PathBuf,
        /// What it is.
        found: &'static str,
    },
    /// Over [`MAX_FILE_BYTES`].
    #[error("{}: expected at most {MAX_FILE_BYTES} bytes, found {size}", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size, bytes.
        size: u64,
    },
    /// It kept changing while it was read; only [`super::FileWatch::read_now`] gives up so.
    #[error("{}: the file changed during each of {MAX_READS} reads", path.display())]
    Unsettled {
        /// The file.
        path: PathBuf,
    },
    /// The folder of its parts is there but cannot be read.
    #[error("{}: the folder cannot be read", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It has more than [`MAX_PARTS`].
    #[error(
        "{}: expected at most {MAX_PARTS} files that end in .toml, found more; put several into one",
        path.display()
    )]
    TooManyParts {
        /// The folder.
        path: PathBuf,
    },
    /// A single file was mounted and has since been replaced outside. A warning: what is mounted can
    /// still be read, but it is the old file.
    #[error(
        "{}: this file was mounted by itself and has been replaced outside: changes can no longer \
         be seen here; mount its directory instead and restart", path.display()
    )]
    Orphaned {
        /// The file.
        path: PathBuf,
    },
}

/// The kinds of trouble: the same kind is not said twice in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TroubleKind {
    Vanished,
    Unreadable(io::ErrorKind),
    NotAFile,
    TooLarge,
    Unsettled,
    Folder(io::ErrorKind),
    TooManyParts,
    Orphaned,
}

impl ReloadError {
    /// Its kind.
    pub(super) fn kind(&self) -> TroubleKind {
        match self {
            Self::Vanished { .. } => TroubleKind::Vanished,
            Self::Unreadable { source, .. } => TroubleKind::Unreadable(source.kind()),
            Self::NotAFile { .. } => TroubleKind::NotAFile,
            Self::TooLarge { .. } => TroubleKind::TooLarge,
            Self::Unsettled { .. } => TroubleKind::Unsettled,
            Self::Folder { source, .. } => TroubleKind::Folder(source.kind()),
            Self::TooManyParts { .. } => TroubleKind::TooManyParts,
            Self::Orphaned { .. } => TroubleKind::Orphaned,
        }
    }
}
