//! PEM files (RFC 7468): certificates, a private key, revocation lists. Each is a regular file of bounded size,
//! and no error says what stands in one.

use std::{
    fs::Metadata,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::Path,
};

use roundsman_os::file;
use tokio_rustls::rustls::{
    RootCertStore,
    pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer, pem::PemObject as _},
};
use webpki::{CertRevocationList, OwnedCertRevocationList};

/// The largest file of certificates, a key or revocation lists that is read, bytes.
pub const MAX_PEM_BYTES: u64 = 1 << 20;

/// The right of everybody to read a file.
const READ_BY_ALL: u32 = 0o004;

/// A file that is of no use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {why}")]
pub struct UnfitFile {
    /// The file.
    pub path: String,
    /// What is wrong with it, and what to do.
    pub why: String,
}

impl UnfitFile {
    /// Of a path, with a reason.
    pub fn new(path: &Path, why: impl ToString) -> Self {
        Self { path: path.display().to_string(), why: why.to_string() }
    }
}

fn read(path: &Path) -> Result<(Vec<u8>, Metadata), UnfitFile> {
    file::read(path, MAX_PEM_BYTES).map_err(|error| UnfitFile::new(path, error))
}

/// The certificates of a file, in their order; one at least.
///
/// # Errors
/// [`UnfitFile`]: it cannot be read, or holds no certificate.
pub fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, UnfitFile> {
    let (text, _) = read(path)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    let found = found.map_err(|error| UnfitFile::new(path, error))?;
    match found.is_empty() {
        true => Err(UnfitFile::new(path, "expected certificates (PEM), found none")),
        false => Ok(found),
    }
}

/// The authorities of a file. A certificate that may sign no others (CA:FALSE) is none.
///
/// # Errors
/// [`UnfitFile`]: as [`certificates`], or one of them is no authority's.
pub fn authorities(path: &Path) -> Result<RootCertStore, UnfitFile> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path)? {
        if !crate::dates::is_authority(&certificate) {
            let why = "expected the certificates of authorities (CA:TRUE), found another one";
            return Err(UnfitFile::new(path, why));
        }
        roots.add(certificate).map_err(|error| UnfitFile::new(path, error))?;
    }
    Ok(roots)
}

/// The private key of a file.
///
/// # Errors
/// [`UnfitFile`]: it cannot be read, everybody may read it, or it holds no key.
pub fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, UnfitFile> {
    let (text, stat) = read(path)?;
    if stat.permissions().mode() & READ_BY_ALL != 0 {
        let mode = stat.mode() & 0o777;
        let why = format!("every user may read this key (mode {mode:03o}); run chmod 600 on it");
        return Err(UnfitFile::new(path, why));
    }
    // What is wrong is said without the text: that is the key.
    PrivateKeyDer::from_pem_slice(&text)
        .map_err(|_unfit| UnfitFile::new(path, "expected a private key (PEM), found none"))
}

/// The revocation lists of a file; one at least.
///
/// # Errors
/// [`UnfitFile`]: it cannot be read, or holds something else.
pub fn revocation_lists(path: &Path) -> Result<Vec<CertRevocationList<'static>>, UnfitFile> {
    let (text, _) = read(path)?;
    let found: Result<Vec<_>, _> = CertificateRevocationListDer::pem_slice_iter(&text).collect();
    let found = found.map_err(|error| UnfitFile::new(path, error))?;
    if found.is_empty() {
        return Err(UnfitFile::new(path, "expected a revocation list (PEM), found none"));
    }
    let parsed = found.iter().map(|list| OwnedCertRevocationList::from_der(list));
    let parsed: Result<Vec<_>, _> = parsed.collect();
    let parsed = parsed.map_err(|error| UnfitFile::new(path, error))?;
    Ok(parsed.into_iter().map(CertRevocationList::Owned).collect())
}
