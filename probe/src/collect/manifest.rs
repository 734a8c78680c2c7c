//! What a captured tree holds beside its files: `proc/captured.json`. Machine facts that are not
//! files (page size, namespace links, statvfs(2) answers, files that could not be read and why).
//!
//! No real `/proc` can hold a file of this name, for nobody can create files in procfs: finding it
//! proves that the tree was captured.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use super::statvfs::{Question, Refusal, Space, StatVfs};
use crate::root::Place;

/// Where the manifest lies in a captured tree.
pub const MANIFEST: Place = Place::Proc("captured.json");
/// The version of this format.
const FORMAT: u32 = 1;

/// The facts of a captured machine.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CaptureManifest {
    /// Version of this format: 1.
    pub format: u32,
    /// The probe that made it.
    pub probe_version: String,
    /// getconf PAGESIZE.
    pub page_size_bytes: u32,
    /// getconf CLK_TCK.
    pub ticks_per_second: u32,
    /// uname -m.
    pub architecture: String,
    /// Targets of namespace links, by their name in the tree; those that could not be read are in
    /// `errors`.
    #[serde(default)]
    pub links: BTreeMap<String, String>,
    /// Errors of open(2), read(2) and readlink(2), by the name in the tree: 13 is EACCES. What is
    /// neither here nor in the tree did not exist.
    #[serde(default)]
    pub errors: BTreeMap<String, i32>,
    /// statvfs(2), by mount point. A mount that is not listed did not exist.
    #[serde(default)]
    pub mounts: BTreeMap<PathBuf, CapturedMount>,
    /// Inodes of containers' groups, by their path below the top.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub groups: BTreeMap<String, u64>,
}

/// What one mount answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CapturedMount {
    /// Its numbers.
    Space(Space),
    /// The error's number.
    Errno(i32),
    /// It did not answer.
    Hung,
}

impl CaptureManifest {
    /// a manifest of this format and probe.
    #[must_use]
    pub fn new(page_size_bytes: u32, ticks_per_second: u32, architecture: String) -> Self {
        Self {
            format: FORMAT,
            probe_version: env!("CARGO_PKG_VERSION").to_owned(),
            page_size_bytes,
            ticks_per_second,
            architecture,
            links: BTreeMap::new(),
            errors: BTreeMap::new(),
            mounts: BTreeMap::new(),
            groups: BTreeMap::new(),
        }
    }

    /// Reads a manifest.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        let manifest: Self = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        if manifest.format == FORMAT {
            Ok(manifest)
        } else {
            Err(format!("format {}, this probe knows {FORMAT}", manifest.format))
        }
    }

    /// The error that reading `name` gave when the tree was captured.
    #[must_use]
    pub fn error(&self, name: &str) -> Option<Errno> {
        self.errors.get(name).map(|code| Errno::from_raw_os_error(*code))
    }
}

impl StatVfs for CaptureManifest {
    fn statvfs(&self, question: &Question) -> Result<Space, Refusal> {
        match self.mounts.get(Path::new(&question.mount_point)) {
            Some(CapturedMount::Space(space)) => Ok(*space),
            Some(CapturedMount::Errno(code)) => Err(Refusal::Errno(*code)),
            Some(CapturedMount::Hung) => Err(Refusal::Hung),
            None => Err(Refusal::Errno(Errno::NOENT.raw_os_error())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_survives_its_text() {
        let mut manifest = CaptureManifest::new(4096, 100, "x86_64".to_owned());
        manifest.errors.insert("proc/1/net/dev".to_owned(), 13);
        manifest.mounts.insert(PathBuf::from("/"), CapturedMount::Space(Space::default()));
        manifest.mounts.insert(PathBuf::from("/mnt/nfs"), CapturedMount::Hung);
        let again = CaptureManifest::parse(&serde_json::to_vec(&manifest).unwrap()).unwrap();
        assert_eq!(again.error("proc/1/net/dev"), Some(Errno::ACCESS));
        assert_eq!(again.mounts, manifest.mounts);
    }

    #[test]
    fn another_format_is_refused() {
        let mut manifest = CaptureManifest::new(4096, 100, "x86_64".to_owned());
        manifest.format = 2;
        let error = CaptureManifest::parse(&serde_json::to_vec(&manifest).unwrap()).unwrap_err();
        assert_eq!(error, "format 2, this probe knows 1");
    }
}
