//! What was issued, one JSON object a line, the oldest first.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use roundsman_os::file;
use serde::{Deserialize, Serialize};

use super::{AuthorityError, disk};

/// The largest register that is read, bytes: some 300,000 certificates.
pub(super) const MAX_REGISTER_BYTES: u64 = 64 << 20;

/// One certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Issued {
    /// The host's name, or [`super::SERVER`].
    pub name: String,
    /// Its number, in hexadecimal digits.
    pub serial: String,
    /// The last second at which it is valid, seconds since 1970.
    pub until: i64,
    /// When it was revoked, seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked: Option<i64>,
}

#[derive(Debug)]
pub(super) struct Register {
    path: PathBuf,
    rows: Vec<Issued>,
}

impl Register {
    pub(super) fn empty(dir: &Path) -> Self {
        Self { path: dir.join("issued.jsonl"), rows: Vec::new() }
    }

    pub(super) fn read(dir: &Path) -> Result<Self, AuthorityError> {
        let mut register = Self::empty(dir);
        let path = &register.path;
        let text = match file::read_text(path, MAX_REGISTER_BYTES) {
            Ok(text) => text,
            // Nothing was issued yet.
            Err(error) if error.is_missing() => return Ok(register),
            Err(error) => return Err(AuthorityError::at(path, error)),
        };
        for (at, line) in text.lines().enumerate() {
            let row = serde_json::from_str(line).map_err(|error| {
                let why = format!("line {} cannot be read: {error}", at + 1);
                AuthorityError::at(path, why)
            })?;
            register.rows.push(row);
        }
        Ok(register)
    }

    pub(super) fn add(&mut self, issued: Issued) -> Result<(), AuthorityError> {
        self.rows.push(issued);
        self.write()
    }

    /// Notes that all of a name are revoked; how many were not.
    pub(super) fn revoke(&mut self, name: &str, now: i64) -> Result<usize, AuthorityError> {
        let mut count = 0;
        for row in self.rows.iter_mut().filter(|row| row.name == name && row.revoked.is_none()) {
            row.revoked = Some(now);
            count += 1;
        }
        if count > 0 {
            self.write()?;
        }
        Ok(count)
    }

    fn write(&self) -> Result<(), AuthorityError> {
        let mut text = String::new();
        for row in &self.rows {
            let line = serde_json::to_string(row);
            text.push_str(&line.map_err(|error| AuthorityError::at(&self.path, error))?);
            text.push('\n');
        }
        disk::write(&self.path, text.as_bytes())
    }

    pub(super) fn rows(&self) -> &[Issued] {
        &self.rows
    }

    /// The last one of each name.
    pub(super) fn last(&self) -> BTreeMap<&str, &Issued> {
        self.rows.iter().map(|row| (row.name.as_str(), row)).collect()
    }

    /// The last one of a name, when it is valid at `now`.
    pub(super) fn valid(&self, name: &str, now: i64) -> Option<&Issued> {
        let last = self.rows.iter().rfind(|row| row.name == name)?;
        (last.revoked.is_none() && last.until > now).then_some(last)
    }

    /// Whether the last one of a name is revoked.
    pub(super) fn is_revoked(&self, name: &str) -> bool {
        let last = self.rows.iter().rfind(|row| row.name == name);
        last.is_some_and(|row| row.revoked.is_some())
    }
}
