//! The server's own part of all phases, and the grids that steps of the clock led through: drawn at the
//! first start, kept in the data folder, so that a restart asks every host at the moments of before.

use std::{
    fs,
    hash::{BuildHasher as _, Hasher as _, RandomState},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use roundsman_os::file::{self, FileError};
use tokio::sync::watch;

use crate::schedule::Grids;

/// The file's name, under `data`.
const FILE: &str = "phases.json";

/// The largest such file that is read, bytes: a hundred grids are a tenth of it.
const MAX_PHASES_BYTES: u64 = 64 * 1024;

/// Where they are kept.
#[derive(Debug)]
pub(crate) struct Phases {
    file: PathBuf,
}

impl Phases {
    /// Reads what was kept in this folder, or draws a seed and keeps it. A folder that cannot be
    /// written costs no more than that the next start has other phases.
    pub(crate) fn load(data: &Path) -> (Self, Grids) {
        let phases = Self { file: data.join(FILE) };
        match phases.read() {
            Ok(grids) => return (phases, grids),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                let file = phases.file.display();
                tracing::error!(%file, %error, "the phases cannot be read; others are drawn");
            }
        }
        // The standard library draws its keys from the kernel.
        let grids = Grids::new(RandomState::new().build_hasher().finish());
        phases.keep(&grids);
        (phases, grids)
    }

    fn read(&self) -> io::Result<Grids> {
        let (bytes, _) = file::read(&self.file, MAX_PHASES_BYTES).map_err(|error| match error {
            FileError::Io(error) => error,
            other => io::Error::other(other),
        })?;
        Ok(serde_json::from_slice(&bytes)?)
    }

    /// Keeps them whole or not at all.
    fn keep(&self, grids: &Grids) {
        if let Err(error) = self.write(grids) {
            let file = self.file.display();
            tracing::error!(%file, %error, "the phases cannot be kept for the next start");
        }
    }

    fn write(&self, grids: &Grids) -> io::Result<()> {
        let beside = self.file.with_extension("json.new");
        if let Some(folder) = self.file.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut file = fs::File::create(&beside)?;
        file.write_all(&serde_json::to_vec(grids)?)?;
        file.sync_all()?;
        fs::rename(&beside, &self.file)
    }

    /// Keeps them whenever they change, until nobody changes them any more.
    pub(super) async fn follow(self, mut grids: watch::Receiver<Grids>) {
        while grids.changed().await.is_ok() {
            let now = grids.borrow_and_update().clone();
            self.keep(&now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_folders_have_phases_of_their_own_and_each_keeps_them() {
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let data = one.path().join("not/there/yet");
        let (_, drawn) = Phases::load(&data);
        assert_eq!(Phases::load(&data).1, drawn);
        assert_ne!(Phases::load(other.path()).1.seed(), drawn.seed());
        fs::write(data.join(FILE), "{").unwrap();
        let (_, again) = Phases::load(&data);
        assert_ne!(again, drawn);
        assert_eq!(Phases::load(&data).1, again);
        // What is too large is not read, whatever it holds.
        let mut whole = fs::read(data.join(FILE)).unwrap();
        whole.resize(usize::try_from(MAX_PHASES_BYTES).unwrap() + 1, b' ');
        fs::write(data.join(FILE), whole).unwrap();
        assert_ne!(Phases::load(&data).1, again);
    }

    #[tokio::test]
    async fn what_changes_is_kept_for_the_next_start() {
        let data = tempfile::tempdir().unwrap();
        let (phases, drawn) = Phases::load(data.path());
        let sender = watch::Sender::new(drawn);
        let following = tokio::spawn(phases.follow(sender.subscribe()));
        sender.send_replace(Grids::new(7));
        drop(sender);
        following.await.unwrap();
        assert_eq!(Phases::load(data.path()).1, Grids::new(7));
    }
}
