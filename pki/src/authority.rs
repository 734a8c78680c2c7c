//! An authority of one's own in a directory of PEM files: it issues, renews and revokes the certificates of
//! hosts and of the server.
//!
//! ```text
//! ca.pem  ca.key  crl.pem  issued.jsonl
//! hosts/<name>/  probe.pem  probe.key  ca.pem  crl.pem     all that a probe is started with
//! server/        server.pem server.key ca.pem  crl.pem     all that the server is started with
//! ```
//!
//! Every file is written aside, flushed, and then takes its name, so that none is ever half there; a folder
//! comes into being whole. A renewed certificate keeps its key, so that one file changes and no pair is torn. The
//! register (`issued.jsonl`) is written before what it tells of: a certificate that nobody knows of does not
//! exist, while a row without its certificate does no harm.

mod disk;
mod register;
mod signing;

use std::{
    collections::BTreeMap,
    fs::{self, File, TryLockError},
    path::{Path, PathBuf},
};

pub use register::Issued;
use register::Register;
use signing::Signer;

use crate::{dates, names, pem};

/// What the server is called where hosts are named.
pub const SERVER: &str = "roundsman:server";

/// How long a certificate is valid when nothing else is asked for, days.
pub const DAYS: u32 = 90;

/// The longest that a certificate may be asked to be valid, days.
pub const MAX_DAYS: u32 = 825;

/// How long the authority's own certificate is valid, days: ten years.
const CA_DAYS: i64 = 3_650;

/// Seconds of a day.
pub const DAY_S: i64 = 86_400;

/// What went wrong, where, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct AuthorityError(String);

impl AuthorityError {
    fn at(path: &Path, why: impl std::fmt::Display) -> Self {
        Self(format!("{}: {why}", path.display()))
    }
}

impl From<pem::UnfitFile> for AuthorityError {
    fn from(unfit: pem::UnfitFile) -> Self {
        Self(unfit.to_string())
    }
}

/// What came of the wish for one certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Done {
    /// It is there, and was not before.
    Issued(Issued),
    /// There is one that is valid; it stays.
    Kept(Issued),
}

/// An authority that nobody else uses at this time.
#[derive(Debug)]
pub struct Authority {
    dir: PathBuf,
    signer: Signer,
    register: Register,
    /// Held until this is dropped.
    _lock: File,
}

impl Authority {
    /// Makes an authority in `dir`, which is made too, and the server's certificate; `now` is in seconds since
    /// 1970.
    ///
    /// # Errors
    /// [`AuthorityError`]: there is one already, or something cannot be written.
    pub fn init(dir: &Path, days: u32, now: i64) -> Result<Self, AuthorityError> {
        disk::directory(dir)?;
        let lock = lock(dir)?;
        for file in ["ca.pem", "ca.key"] {
            let path = dir.join(file);
            if path.exists() {
                let why =
                    "there is an authority already; it stays. Name another directory with --dir";
                return Err(AuthorityError::at(&path, why));
            }
        }
        let (signer, certificate) = Signer::new(now, now + CA_DAYS * DAY_S)?;
        disk::write_secret(&dir.join("ca.key"), &signer.key_pem())?;
        disk::write(&dir.join("ca.pem"), certificate.as_bytes())?;
        let register = Register::empty(dir);
        let mut authority = Self { dir: dir.to_owned(), signer, register, _lock: lock };
        authority.write_list(now)?;
        authority.issue(SERVER, days, now)?;
        Ok(authority)
    }

    /// Opens the authority in `dir`.
    ///
    /// # Errors
    /// [`AuthorityError`]: there is none, it is in use, or its files do not belong together.
    pub fn open(dir: &Path) -> Result<Self, AuthorityError> {
        let path = dir.join("ca.pem");
        if !path.exists() {
            let why = "there is no authority here; make one with `roundsman ca init`";
            return Err(AuthorityError::at(&path, why));
        }
        let lock = lock(dir)?;
        let certificate = pem::certificates(&path)?.swap_remove(0);
        let signer = Signer::open(&dir.join("ca.key"), &path, &certificate)?;
        let register = Register::read(dir)?;
        Ok(Self { dir: dir.to_owned(), signer, register, _lock: lock })
    }

    /// A certificate for a host, or for [`SERVER`], in its folder, with a new key; valid for so many days. One
    /// that is there and valid stays.
    ///
    /// # Errors
    /// [`AuthorityError`]: something cannot be written.
    pub fn issue(&mut self, name: &str, days: u32, now: i64) -> Result<Done, AuthorityError> {
        let folder = self.folder(name);
        if let Some(known) = self.register.valid(name, now)
            && folder.join(file(name, "pem")).exists()
        {
            return Ok(Done::Kept(known.clone()));
        }
        let key = signing::new_key()?;
        let (issued, certificate) = self.signer.leaf(name, &key, days, now)?;
        self.register.add(issued.clone())?;
        let parent = folder.parent().unwrap_or(&self.dir);
        disk::directory(parent)?;
        let aside = parent.join(format!(".{}.new", names::encoded(name)));
        let _left_over = fs::remove_dir_all(&aside);
        disk::directory(&aside)?;
        disk::write_secret(&aside.join(file(name, "key")), &key.serialize_pem())?;
        disk::write(&aside.join(file(name, "pem")), certificate.as_bytes())?;
        for shared in ["ca.pem", "crl.pem"] {
            self.copy(shared, &aside)?;
        }
        // Of a certificate that is over or revoked: it goes, with its key.
        if folder.exists() {
            fs::remove_dir_all(&folder).map_err(|error| AuthorityError::at(&folder, error))?;
        }
        fs::rename(&aside, &folder).map_err(|error| AuthorityError::at(&folder, error))?;
        disk::flush(parent)?;
        Ok(Done::Issued(issued))
    }

    /// Another certificate for the key that is there.
    ///
    /// # Errors
    /// [`AuthorityError`]: there is none to renew, or something cannot be written.
    pub fn renew(&mut self, name: &str, days: u32, now: i64) -> Result<Issued, AuthorityError> {
        let folder = self.folder(name);
        if self.register.is_revoked(name) {
            return Err(AuthorityError(format!(
                "{name}: its certificate is revoked, and a revoked key is not renewed; run \
                 `roundsman ca issue {name}`"
            )));
        }
        let path = folder.join(file(name, "key"));
        if !path.exists() {
            let why = format!("{name} has no key here; run `roundsman ca issue {name}`");
            return Err(AuthorityError::at(&path, why));
        }
        let key = signing::read_key(&path)?;
        let (issued, certificate) = self.signer.leaf(name, &key, days, now)?;
        self.register.add(issued.clone())?;
        disk::write(&folder.join(file(name, "pem")), certificate.as_bytes())?;
        Ok(issued)
    }

    /// Revokes every certificate of a host, and writes the list of all that are revoked: here and into each folder.
    /// How many were revoked is answered.
    ///
    /// # Errors
    /// [`AuthorityError`]: there is none that is not revoked, or something cannot be written.
    pub fn revoke(&mut self, name: &str, now: i64) -> Result<usize, AuthorityError> {
        let revoked = self.register.revoke(name, now)?;
        if revoked == 0 {
            return Err(AuthorityError(format!(
                "{name} has no certificate that could be revoked; `roundsman ca list` lists them"
            )));
        }
        self.write_list(now)?;
        Ok(revoked)
    }

    /// The last certificate of each name, by name.
    #[must_use]
    pub fn list(&self) -> BTreeMap<&str, &Issued> {
        self.register.last()
    }

    /// Where a host's files are.
    #[must_use]
    pub fn folder(&self, name: &str) -> PathBuf {
        match name {
            SERVER => self.dir.join("server"),
            name => self.dir.join("hosts").join(names::encoded(name)),
        }
    }

    fn write_list(&self, now: i64) -> Result<(), AuthorityError> {
        let list = self.signer.revocation_list(&self.register, now)?;
        disk::write(&self.dir.join("crl.pem"), list.as_bytes())?;
        for name in self.register.last().keys() {
            let folder = self.folder(name);
            if folder.is_dir() {
                disk::write(&folder.join("crl.pem"), list.as_bytes())?;
            }
        }
        Ok(())
    }

    fn copy(&self, name: &str, into: &Path) -> Result<(), AuthorityError> {
        let from = self.dir.join(name);
        let text = fs::read(&from).map_err(|error| AuthorityError::at(&from, error))?;
        disk::write(&into.join(name), &text)
    }
}

/// The name of a file in the folder of a host, or of the server.
fn file(name: &str, ending: &str) -> String {
    let stem = if name == SERVER { "server" } else { "probe" };
    format!("{stem}.{ending}")
}

fn lock(dir: &Path) -> Result<File, AuthorityError> {
    let path = dir.join("lock");
    let file = File::options().create(true).append(true).open(&path);
    let file = file.map_err(|error| AuthorityError::at(&path, error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            let why = "another `roundsman ca` is at work here; try again when it has ended";
            Err(AuthorityError::at(&path, why))
        }
        Err(TryLockError::Error(error)) => Err(AuthorityError::at(&path, error)),
    }
}

/// The last second of a certificate, seconds since 1970.
fn end(path: &Path, certificate: &[u8]) -> Result<i64, AuthorityError> {
    let facts = dates::facts(certificate);
    facts.map(|facts| facts.not_after).ok_or_else(|| AuthorityError::at(path, "no certificate"))
}

#[cfg(test)]
mod tests;
