//! Something made of files, made anew when they change. Looked at when it is used: there is no watcher.

use std::{
    fs,
    os::unix::fs::MetadataExt as _,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use crate::pem::UnfitFile;

/// By what a file's content is known to have changed: device, inode, size, and the moments of its last
/// changes of content and of inode, which touch(1) cannot set.
#[derive(Debug, PartialEq, Eq)]
struct Stamp([i128; 7]);

fn stamp(path: &PathBuf) -> Option<Stamp> {
    let stat = fs::metadata(path).ok()?;
    let moments =
        [stat.mtime(), stat.mtime_nsec(), stat.ctime(), stat.ctime_nsec()].map(i128::from);
    let [mtime, mtime_ns, ctime, ctime_ns] = moments;
    let file = [stat.dev(), stat.ino(), stat.size()].map(i128::from);
    Some(Stamp([file[0], file[1], file[2], mtime, mtime_ns, ctime, ctime_ns]))
}

/// A value made of files.
#[derive(Debug)]
pub(crate) struct Reloaded<T> {
    files: Vec<PathBuf>,
    state: Mutex<State<T>>,
}

#[derive(Debug)]
struct State<T> {
    stamps: Vec<Option<Stamp>>,
    value: Arc<T>,
}

impl<T> Reloaded<T> {
    /// Makes it for the first time.
    ///
    /// # Errors
    /// Those of `make`.
    pub(crate) fn new(
        files: Vec<PathBuf>,
        make: impl FnOnce() -> Result<T, UnfitFile>,
    ) -> Result<Self, UnfitFile> {
        // Before they are read: what changes meanwhile is read again.
        let stamps = files.iter().map(stamp).collect();
        let state = Mutex::new(State { stamps, value: Arc::new(make()?) });
        Ok(Self { files, state })
    }

    /// The value as the files are now, and whether that is news: made anew, or why not. Then the one before
    /// stays, until the files change again.
    pub(crate) fn get(
        &self,
        make: impl FnOnce() -> Result<T, UnfitFile>,
    ) -> (Arc<T>, Option<Result<(), UnfitFile>>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let stamps: Vec<_> = self.files.iter().map(stamp).collect();
        if stamps == state.stamps {
            return (Arc::clone(&state.value), None);
        }
        state.stamps = stamps;
        let made = make().map(|value| state.value = Arc::new(value));
        (Arc::clone(&state.value), Some(made))
    }
}
