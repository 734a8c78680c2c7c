//! Takes the merged settings one by one, notes where each came from and everything that is wrong.

use std::{collections::BTreeMap, error::Error as _, path::Path};

use figment::{
    Error, Figment, Metadata, Profile, Provider, Source,
    providers::Serialized,
    value::{Dict, Map, Value},
};
use serde::Serialize;

use super::{
    place::{SettingLocation, SettingProblem},
    secret::{self, Secret},
    setting_type::{SettingType, shown, written},
    typed::Setting,
};

/// One value of a source. figment keeps its metadata with it: under the name the place as it is shown,
/// and as the source the file that a relative path is beside.
struct Given<'a> {
    key: &'static str,
    value: Value,
    place: &'a SettingLocation,
    beside: Option<&'a Path>,
}

impl Provider for Given<'_> {
    fn metadata(&self) -> Metadata {
        let named = Metadata::named(self.place.to_string());
        match self.beside {
            Some(file) => named.source(file),
            None => named,
        }
    }

    fn data(&self) -> Result<Map<Profile, Dict>, Error> {
        Serialized::default(self.key, &self.value).data()
    }
}

/// Where the value of a setting came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Origin {
    /// The setting, `poll.in_flight`.
    pub key: &'static str,
    /// Its value as it would stand in the file; what is secret in it is masked.
    pub value: String,
    /// Where it stands.
    pub from: SettingLocation,
}

/// Merges the sources and reads settings out of them.
#[derive(Default)]
pub(super) struct Reader<'a> {
    merged: Figment,
    /// The configuration file, where there is one.
    file: Option<&'a Path>,
    /// The places by the names that figment knows them by.
    places: BTreeMap<String, SettingLocation>,
    problems: Vec<SettingProblem>,
    origins: Vec<Origin>,
    warnings: Vec<String>,
}

impl<'a> Reader<'a> {
    /// A reader of no source yet.
    pub(super) fn new(file: Option<&'a Path>) -> Self {
        Self { file, ..Self::default() }
    }

    /// Takes a value of a source, over those that were taken before. A path in the file, and a built-in
    /// one, is beside the file; others are as the operator sees them.
    pub(super) fn give(&mut self, key: &'static str, value: Value, place: SettingLocation) {
        let beside = match place {
            SettingLocation::Default | SettingLocation::File { .. } => self.file,
            SettingLocation::Variable(_) | SettingLocation::Flag(_) => None,
        };
        let given = Given { key, value, place: &place, beside };
        self.merged = std::mem::take(&mut self.merged).merge(given);
        self.places.insert(place.to_string(), place);
    }

    fn metadata(&self, key: &str) -> Option<&Metadata> {
        self.merged.find_metadata(key)
    }

    /// Where the value of a setting stands.
    fn place(&self, key: &str) -> SettingLocation {
        let place = self.metadata(key).and_then(|metadata| self.places.get(&*metadata.name));
        place.cloned().unwrap_or(SettingLocation::Default)
    }

    /// The value of a setting. One that is wrong is noted, and its default stands in: in the end
    /// the configuration is refused, but not before the others have been looked at.
    pub(super) fn get<T: SettingType>(&mut self, setting: Setting<T>) -> T {
        let key = setting.key;
        let value = match T::extract(&self.merged, key) {
            Ok(value) if setting.allows(&value) => value,
            result => {
                let entry = result.err().and_then(|wrong| wrong.entry);
                self.refuse_at(self.place(key), self.wrong(&setting, entry));
                return setting.default;
            }
        };
        let from = self.place(key);
        self.origins.push(Origin { key, value: shown(&value.value()), from });
        let source = self.metadata(key).and_then(|metadata| metadata.source.as_ref());
        match source.and_then(Source::file_path).and_then(Path::parent) {
            Some(dir) => value.beside(dir),
            None => value,
        }
    }

    /// What is wrong with the value of a setting.
    fn wrong<T: SettingType>(&self, setting: &Setting<T>, index: Option<usize>) -> String {
        let (key, expected) = (setting.key, setting.expected());
        let found = self.merged.find_value(key).ok();
        let entry = found.as_ref().and_then(|found| found.as_array()?.get(index?));
        let (what, found) = match index.zip(entry) {
            Some((index, entry)) => {
                (format!("{key}[{index}]: expected {}", T::expected_entry()), Some(entry))
            }
            None => (format!("{key}: expected {expected}"), found.as_ref()),
        };
        match found.filter(|_| !T::SECRET) {
            Some(found) => format!("{what}, found {}", written(found)),
            None => what,
        }
    }

    /// The secret of a pair of settings `key` and `key_file`. What is wrong with it is noted.
    pub(super) fn secret(
        &mut self,
        key: &'static str,
        inline: Option<Secret>,
        file: Option<&Path>,
    ) -> Option<Secret> {
        let of_file = format!("{key}_file");
        match Secret::resolve(key, inline, file) {
            Ok(secret) => {
                if let Some(path) = file.filter(|path| secret::is_open(path)) {
                    self.warnings.push(format!(
                        "{of_file}: {}: everybody on this machine may read this secret: chmod o-r",
                        path.display()
                    ));
                }
                secret
            }
            Err(error) => {
                let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
                self.refuse(&of_file, &format!("{error}{cause}"));
                None
            }
        }
    }

    /// Notes what is wrong with the value of a setting, or that it does not go with another.
    pub(super) fn refuse(&mut self, key: &str, message: &str) {
        self.refuse_at(self.place(key), format!("{key}: {message}"));
    }

    /// Notes that one of two settings is given, which go together.
    pub(super) fn hold_pair(&mut self, keys: [&str; 2], is_given: [bool; 2]) {
        let ([first, second], [has_first, has_second]) = (keys, is_given);
        if has_first != has_second {
            let (given, lacks) = if has_first { (first, second) } else { (second, first) };
            self.refuse(given, &format!("is of no use without {lacks}"));
        }
    }

    /// Notes what is wrong at a place.
    pub(super) fn refuse_at(&mut self, place: SettingLocation, message: String) {
        self.problems.push(SettingProblem { place, message });
    }

    /// The origins of all settings, in the order of `keys`, and what should not be as it is.
    ///
    /// # Errors
    /// Every problem noted, in the order of the file, then variables, then flags.
    pub(super) fn finish(
        mut self,
        keys: &[&str],
    ) -> Result<(Vec<Origin>, Vec<String>), Vec<SettingProblem>> {
        if !self.problems.is_empty() {
            self.problems.sort_by_key(|problem| match &problem.place {
                SettingLocation::Default => (0, 0, 0),
                SettingLocation::File { line, column, .. } => (1, *line, *column),
                SettingLocation::Variable(_) => (2, 0, 0),
                SettingLocation::Flag(_) => (3, 0, 0),
            });
            return Err(self.problems);
        }
        let rank = |key| keys.iter().position(|other| *other == key);
        self.origins.sort_by_key(|origin| rank(origin.key));
        Ok((self.origins, self.warnings))
    }
}
