//! Takes the merged settings one by one, notes where each came from and everything that is wrong.

use std::{
    error::Error as _,
    path::{Path, PathBuf},
};

use figment::{Figment, value::Value};
use serde::Serialize;

use super::{
    Problem,
    layer::{Layer, Place},
    secret::{self, Secret, mask_url},
    setting::{SETTINGS, Setting},
    shape::{Found, Shape},
};

/// Where the value of a setting came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Origin {
    /// The setting, `poll.in_flight`.
    pub key: &'static str,
    /// Its value as it would stand in the file; what is secret in it is masked.
    pub value: String,
    /// Where it stands.
    pub from: Place,
}

/// Reads settings out of layers.
pub(super) struct Reader<'a> {
    layers: Vec<Layer>,
    merged: Figment,
    /// The directory of the configuration file.
    base: &'a Path,
    problems: Vec<Problem>,
    origins: Vec<Origin>,
    warnings: Vec<String>,
}

impl<'a> Reader<'a> {
    /// A reader of `layers`, the least important first. `problems` are those found so far.
    pub(super) fn new(layers: Vec<Layer>, base: &'a Path, problems: Vec<Problem>) -> Self {
        let merged = layers.iter().fold(Figment::new(), |merged, layer| merged.merge(layer));
        Self { layers, merged, base, problems, origins: Vec::new(), warnings: Vec::new() }
    }

    /// The value of a setting that won, and where it stands.
    fn winner(&self, key: &str) -> Option<&(Found, Place)> {
        let value: Value = self.merged.find_value(key).ok()?;
        let layer = self.merged.get_metadata(value.tag())?.name.clone();
        self.layers.iter().find(|candidate| candidate.name() == layer)?.get(key)
    }

    /// The value of a setting. One that is wrong is noted, and its default stands in: in the end
    /// the configuration is refused, but not before the others have been looked at.
    pub(super) fn get<T: Shape>(&mut self, setting: &Setting<T>) -> T {
        let (found, place) = match self.winner(setting.key) {
            Some(winner) => winner.clone(),
            // Every setting has a default (a test holds it).
            None => (Found::Other("nothing".to_owned()), Place::Default),
        };
        let within = |value: &T| {
            setting.limits.as_ref().is_none_or(|(least, most)| value >= least && value <= most)
        };
        match T::read(&found).filter(within) {
            Some(value) => {
                self.origins.push(Origin {
                    key: setting.key,
                    value: mask_url(&value.show()),
                    from: place,
                });
                value
            }
            None => {
                let expected = setting.expected();
                let wrong = setting.wrong_entry(&found);
                let message = if let Some((index, entry)) = wrong {
                    format!("{}[{index}]: expected one of {expected}, found {entry}", setting.key)
                } else if T::SECRET {
                    format!("{}: expected {expected}", setting.key)
                } else {
                    format!("{}: expected {expected}, found {found}", setting.key)
                };
                self.problems.push(Problem { place, message });
                (setting.default)()
            }
        }
    }

    /// A path. One from the file, and a built-in one, is beside the file; others are as the
    /// operator sees them.
    pub(super) fn path(&mut self, setting: &Setting<PathBuf>) -> PathBuf {
        let path = self.get(setting);
        self.resolved(setting.key, path)
    }

    /// A path that may be none, resolved likewise.
    pub(super) fn optional_path(&mut self, setting: &Setting<Option<PathBuf>>) -> Option<PathBuf> {
        let path = self.get(setting)?;
        Some(self.resolved(setting.key, path))
    }

    fn resolved(&self, key: &str, path: PathBuf) -> PathBuf {
        match self.winner(key) {
            Some((_, Place::File { .. } | Place::Default)) => self.base.join(path),
            Some((_, Place::Variable(_) | Place::Flag(_))) | None => path,
        }
    }

    /// The secret of a pair of settings, one of which names a file. What is wrong with it is noted.
    pub(super) fn secret(
        &mut self,
        inline: &Setting<Option<Secret>>,
        file: &Setting<Option<PathBuf>>,
    ) -> Option<Secret> {
        let secret = self.get(inline);
        let path = self.optional_path(file);
        match Secret::resolve(inline.key, secret, path.as_deref()) {
            Ok(secret) => {
                if let Some(path) = path.filter(|path| secret::is_open(path)) {
                    self.warnings.push(format!(
                        "{}: {}: everybody on this machine may read this secret: chmod o-r",
                        file.key,
                        path.display()
                    ));
                }
                secret
            }
            Err(error) => {
                let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
                self.refuse(file, format!("{error}{cause}"));
                None
            }
        }
    }

    /// Notes that a value, fine by itself, does not go with another.
    pub(super) fn refuse<T>(&mut self, setting: &Setting<T>, message: String) {
        let place = self.winner(setting.key).map_or(Place::Default, |(_, place)| place.clone());
        self.problems.push(Problem { place, message: format!("{}: {message}", setting.key) });
    }

    /// The origins of all settings, in the order of the file, and what should not be as it is.
    ///
    /// # Errors
    /// Every problem noted, in the order of the file, then variables, then flags.
    pub(super) fn finish(mut self) -> Result<(Vec<Origin>, Vec<String>), Vec<Problem>> {
        if !self.problems.is_empty() {
            self.problems.sort_by_key(|problem| match &problem.place {
                Place::Default => (0, 0, 0),
                Place::File { line, column, .. } => (1, *line, *column),
                Place::Variable(_) => (2, 0, 0),
                Place::Flag(_) => (3, 0, 0),
            });
            return Err(self.problems);
        }
        let rank = |key| SETTINGS.iter().position(|setting| setting.key == key);
        self.origins.sort_by_key(|origin| rank(origin.key));
        Ok((self.origins, self.warnings))
    }
}
