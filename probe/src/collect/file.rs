//! One file: opened so that nothing can block, and read to its end within a limit. Knows no root
//! and no source.

use std::path::Path;

use rustix::{
    fd::{AsFd, OwnedFd},
    fs::{CWD, Mode, OFlags, ResolveFlags},
    io::Errno,
};

/// What a read asks for at once, bytes: most files of `/proc` come in one piece.
pub const READ_BYTES: usize = 16 * 1_024;
/// What is asked for of a value, bytes: a name, an identity, a few numbers.
const VALUE_BYTES: usize = 512;
/// Room that is left before more is made, bytes: the kernel gives lists by the page.
const PAGE_BYTES: usize = 4 * 1_024;
/// NONBLOCK: opening a FIFO in a hand-made tree must not wait for a writer. /proc ignores it.
const FLAGS: OFlags = OFlags::RDONLY.union(OFlags::CLOEXEC).union(OFlags::NONBLOCK);

/// How much is read.
#[derive(Debug, Clone, Copy)]
pub struct Extent {
    /// What is beyond it is not kept, nor is a line that it cuts, bytes.
    pub limit: usize,
    /// Whether a read(2) that gives less than it was asked for has reached the end.
    pub ends_short: bool,
}

impl Extent {
    /// To the end, which only an empty read tells.
    #[must_use]
    pub fn up_to(limit: usize) -> Self {
        Self { limit, ends_short: false }
    }
}

/// How far a file was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// To its end.
    End,
    /// As many whole lines as the limit lets in; there was more.
    Limit,
}

impl Reach {
    /// Nothing, of what has to be whole.
    ///
    /// # Errors
    /// EFBIG when there was more.
    pub fn whole(self) -> Result<(), Errno> {
        match self {
            Self::End => Ok(()),
            Self::Limit => Err(Errno::FBIG),
        }
    }
}

/// Opens a file for reading.
///
/// # Errors
/// open(2)'s.
pub fn open(path: &Path) -> Result<OwnedFd, Errno> {
    rustix::fs::openat(CWD, path, FLAGS, Mode::empty())
}

/// Opens the directory `name` of `dir`, with its links resolved as if `dir` were `/`.
///
/// # Errors
/// open(2)'s.
pub fn open_dir_within(dir: &Path, name: &str) -> Result<OwnedFd, Errno> {
    open_below(open_path(dir)?, name, FLAGS | OFlags::DIRECTORY)
}

/// Opens `file` with its links resolved as if `dir` were `/`. Kernels before 5.6, and old seccomp
/// filters, have no openat2(2): there a link that leads out of `dir` is followed as it stands.
///
/// # Errors
/// open(2)'s.
pub fn open_within(dir: &Path, file: &str) -> Result<OwnedFd, Errno> {
    open_below(open_path(dir)?, file, FLAGS)
}

/// The same for a directory that is open.
///
/// # Errors
/// open(2)'s.
pub fn open_at(dir: impl AsFd, file: &str) -> Result<OwnedFd, Errno> {
    open_below(dir, file, FLAGS)
}

fn open_path(dir: &Path) -> Result<OwnedFd, Errno> {
    rustix::fs::openat(CWD, dir, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())
}

fn open_below(dir: impl AsFd, name: &str, flags: OFlags) -> Result<OwnedFd, Errno> {
    match rustix::fs::openat2(&dir, name, flags, Mode::empty(), ResolveFlags::IN_ROOT) {
        Err(Errno::NOSYS | Errno::PERM) => rustix::fs::openat(&dir, name, flags, Mode::empty()),
        opened => opened,
    }
}

/// Reads an open file from its first byte, wherever it was read before; appends to `buffer`.
///
/// # Errors
/// pread(2)'s. The buffer is then empty.
pub fn read_from_start(
    file: impl AsFd,
    extent: Extent,
    buffer: &mut Vec<u8>,
) -> Result<Reach, Errno> {
    let mut at = 0;
    read_with(extent, buffer, |buffer| {
        let bytes = rustix::io::pread(&file, rustix::buffer::spare_capacity(buffer), at)?;
        at += bytes as u64;
        Ok(bytes)
    })
}

/// The same for a value of `/proc/sys`: for these the kernel makes and clears room for all that is
/// asked for, so little is.
///
/// # Errors
/// As [`read_from_start`].
pub fn read_value(file: impl AsFd, extent: Extent, buffer: &mut Vec<u8>) -> Result<Reach, Errno> {
    let mut value = [0; VALUE_BYTES];
    let bytes = rustix::io::pread(&file, &mut value, 0)?;
    if bytes == VALUE_BYTES {
        return read_from_start(file, extent, buffer);
    }
    buffer.extend_from_slice(&value[..bytes]);
    Ok(Reach::End)
}

/// Reads a file that was just opened; appends to `buffer`. Unlike [`read_from_start`] it reads what
/// has no places, such as a FIFO.
///
/// # Errors
/// read(2)'s. The buffer is then empty.
pub fn read_to_end(file: impl AsFd, extent: Extent, buffer: &mut Vec<u8>) -> Result<Reach, Errno> {
    read_with(extent, buffer, |buffer| {
        rustix::io::read(&file, rustix::buffer::spare_capacity(buffer))
    })
}

fn read_with(
    extent: Extent,
    buffer: &mut Vec<u8>,
    mut read: impl FnMut(&mut Vec<u8>) -> Result<usize, Errno>,
) -> Result<Reach, Errno> {
    loop {
        if buffer.capacity() - buffer.len() < PAGE_BYTES {
            buffer.reserve(READ_BYTES);
        }
        match read(buffer) {
            Ok(0) => return Ok(Reach::End),
            Ok(_) if buffer.len() <= extent.limit => {
                if extent.ends_short && buffer.len() < buffer.capacity() {
                    return Ok(Reach::End);
                }
            }
            Ok(_) => {
                buffer.truncate(extent.limit);
                let lines = buffer.iter().rposition(|byte| *byte == b'\n');
                buffer.truncate(lines.map_or(0, |end| end + 1));
                return Ok(Reach::Limit);
            }
            Err(Errno::INTR) => {}
            Err(errno) => {
                buffer.clear();
                return Err(errno);
            }
        }
    }
}
