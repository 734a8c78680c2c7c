//! stand-in
use std::path::Path;

use crate::root::Root;

/// x
#[derive(Debug)]
pub struct Captured {
    /// x
    pub files: usize,
}
/// x
#[derive(Debug, thiserror::Error)]
#[error("not yet")]
pub struct CaptureError;

/// x
///
/// # Errors
/// x
pub fn capture(_root: &Root, _dir: &Path) -> Result<Captured, CaptureError> {
    Err(CaptureError)
}
