//! The sources of settings, each value a provider of figment with the place where it stands.
//!
//! A source hands on nothing that it does not understand: an unknown key is a problem here, with its
//! place, so that the merged settings hold known keys alone and one mistake cannot hide another.

use std::{ffi::OsString, ops::Range, path::Path};

use figment::value::{Dict, Empty, Value};
use toml::de::{DeTable, DeValue};

use super::{
    declare::{SettingInfo, VARIABLE_PREFIX},
    place::{SettingLocation, SettingProblem},
    read::Reader,
    setting::{Config, SETTINGS},
    setting_type::written,
};
use crate::text::did_you_mean;

/// A setting given on the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flag {
    /// The setting, `http.listen`; one of [`super::SETTINGS`].
    pub key: &'static str,
    /// The flag as the operator writes it, `--listen`.
    pub name: &'static str,
    /// Its value.
    pub value: String,
}

/// Variables with our prefix that are no settings: they belong to the commands.
pub const IGNORED_VARIABLES: &[&str] = &["ROUNDSMAN_CONFIG"];

/// Beginnings of variables with our prefix that others set. The probe's own, and those of the
/// scripts in `docker/`; and for a service that is called `roundsman`, Kubernetes and Docker links
/// put `ROUNDSMAN_SERVICE_HOST` and `ROUNDSMAN_PORT_8080_TCP` into every container.
pub const IGNORED_PREFIXES: &[&str] =
    &["ROUNDSMAN_PROBE_", "ROUNDSMAN_DOCKER_", "ROUNDSMAN_SERVICE_", "ROUNDSMAN_PORT"];

/// The sources, least important first: what is read later wins.
impl Reader<'_> {
    /// The built-in values. The data directory follows the XDG base directory specification 0.8: for
    /// the user who runs the server, or of the system where there is no home.
    pub(super) fn defaults(&mut self, env: &[(OsString, OsString)]) {
        for setting in SETTINGS {
            self.give(setting.key, setting.default_value(), SettingLocation::Default);
        }
        let directory = |name: &str| {
            let (_, value) = env.iter().find(|(variable, _)| variable == name)?;
            let path = Path::new(value);
            // "If an implementation encounters a relative path … it should … ignore it."
            path.is_absolute().then(|| path.to_owned())
        };
        let home = directory("XDG_DATA_HOME")
            .or_else(|| directory("HOME").map(|home| home.join(".local/share")))
            .map(|home| home.join("roundsman"));
        if let Some(text) = home.as_deref().and_then(Path::to_str) {
            self.give(Config::data().key, Value::from(text), SettingLocation::Default);
        }
    }

    /// The configuration file.
    ///
    /// # Errors
    /// Every place where it is not TOML.
    pub(super) fn file(&mut self, path: &Path, text: &str) -> Result<(), Vec<SettingProblem>> {
        let at = |span: Range<usize>| {
            let (line, column) = position(text, span.start);
            SettingLocation::File { path: path.to_owned(), line, column }
        };
        let (root, errors) = DeTable::parse_recoverable(text);
        if !errors.is_empty() {
            let problem = |error: &toml::de::Error| SettingProblem {
                place: at(error.span().unwrap_or(0..0)),
                message: format!("this is not TOML: {}", error.message()),
            };
            return Err(errors.iter().map(problem).collect());
        }
        self.table("", root.get_ref(), &at);
        Ok(())
    }

    fn table(
        &mut self,
        section: &str,
        table: &DeTable<'_>,
        at: &dyn Fn(Range<usize>) -> SettingLocation,
    ) {
        for (name, value) in table {
            let key = match section {
                "" => name.get_ref().to_string(),
                section => format!("{section}.{}", name.get_ref()),
            };
            let place = at(name.span());
            if let Some(setting) = SETTINGS.iter().find(|setting| setting.key == key) {
                let given = match value.get_ref() {
                    DeValue::String(text) => typed(text, setting),
                    value => read(value),
                };
                self.give(setting.key, given, at(value.span()));
            } else if keys_of(&key).next().is_none() {
                self.refuse_at(place, unknown(section, &key));
            } else if let DeValue::Table(table) = value.get_ref() {
                self.table(&key, table, at);
            } else {
                let found = written(&read(value.get_ref()));
                self.refuse_at(place, format!("{key}: expected a table [{key}], found {found}"));
            }
        }
    }

    /// The environment. A variable that is empty is not set: that is what `${NAME:-}` in a compose file
    /// leaves behind.
    pub(super) fn environment(&mut self, env: &[(OsString, OsString)]) {
        for (name, value) in env {
            let name = name.to_string_lossy();
            if !name.starts_with(VARIABLE_PREFIX)
                || IGNORED_VARIABLES.contains(&name.as_ref())
                || IGNORED_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
                || value.is_empty()
            {
                continue;
            }
            let place = SettingLocation::Variable(name.clone().into_owned());
            let setting = SETTINGS.iter().find(|setting| setting.variable() == name);
            match (setting, value.to_str()) {
                (Some(setting), Some(text)) => self.give(setting.key, typed(text, setting), place),
                (Some(setting), None) => {
                    self.refuse_at(place, format!("{}: expected text in UTF-8", setting.key));
                }
                (None, _) => self.refuse_at(place, unknown_variable(&name)),
            }
        }
    }

    /// The command line. A flag of no setting is our own slip; it must not go unheard.
    pub(super) fn flags(&mut self, flags: Vec<Flag>) {
        for Flag { key, name, value } in flags {
            let place = SettingLocation::Flag(name.to_owned());
            match SETTINGS.iter().find(|setting| setting.key == key) {
                Some(setting) => self.give(key, typed(&value, setting), place),
                None => self.refuse_at(place, format!("{key}: there is no such setting")),
            }
        }
    }
}

/// A text as its setting takes it: a number, a boolean, several by the commas between them. figment's
/// own provider of variables types them by their looks, so that a directory called 123456 is a number.
fn typed(text: &str, setting: &SettingInfo) -> Value {
    let word = text.trim();
    match setting.default_value() {
        Value::Num(..) => word.parse::<i64>().map_or_else(|_| Value::from(text), Value::from),
        Value::Bool(..) => word.parse::<bool>().map_or_else(|_| Value::from(text), Value::from),
        Value::Array(..) => {
            let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
            Value::from(parts.collect::<Vec<_>>())
        }
        _ => Value::from(text),
    }
}

/// A value of the file.
fn read(value: &DeValue<'_>) -> Value {
    match value {
        DeValue::String(text) => Value::from(text.as_ref()),
        DeValue::Integer(number) => {
            let (digits, radix) = (number.as_str().replace('_', ""), number.radix());
            i64::from_str_radix(&digits, radix)
                .map(Value::from)
                .or_else(|_| i128::from_str_radix(&digits, radix).map(Value::from))
                .unwrap_or_else(|_| Value::from(f64::INFINITY))
        }
        DeValue::Float(number) => Value::from(number.as_str().parse().unwrap_or(f64::NAN)),
        DeValue::Boolean(value) => Value::from(*value),
        DeValue::Datetime(_) => Value::from(Empty::Unit),
        DeValue::Array(entries) => {
            Value::from(entries.iter().map(|entry| read(entry.get_ref())).collect::<Vec<_>>())
        }
        DeValue::Table(_) => Value::from(Dict::new()),
    }
}

/// The keys in a section.
fn keys_of(section: &str) -> impl Iterator<Item = &'static str> {
    let prefix = format!("{section}.");
    SETTINGS.iter().filter_map(move |setting| setting.key.strip_prefix(&prefix))
}

/// What to say of a key that is no setting. Names keys alone, never a value.
fn unknown(section: &str, key: &str) -> String {
    let (known, of) = if section.is_empty() {
        let mut known: Vec<_> =
            SETTINGS.iter().filter_map(|setting| setting.key.split('.').next()).collect();
        known.dedup();
        (known, "expected one of".to_owned())
    } else {
        (keys_of(section).collect(), format!("[{section}] has"))
    };
    let name = key.strip_prefix(&format!("{section}.")).unwrap_or(key);
    let hint = match did_you_mean(name, known.iter().copied()) {
        none if none.is_empty() => format!("; {of} {}", known.join(", ")),
        hint => hint,
    };
    format!("{key}: unknown key{hint}")
}

/// Line and column, from 1, of a byte of the text; columns count characters.
fn position(text: &str, byte: usize) -> (usize, usize) {
    let before = text.get(..byte).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (line, before[start..].chars().count() + 1)
}

/// What to say of a variable that sets nothing: the one with single underscores is the usual slip.
fn unknown_variable(name: &str) -> String {
    let flat = |name: &str| name.to_uppercase().replace("__", "_");
    let meant = SETTINGS.iter().find(|setting| flat(&setting.variable()) == flat(name));
    let hint = match meant {
        Some(setting) => format!("; did you mean `{}`?", setting.variable()),
        None => {
            // Only what differs is compared: all of them begin alike.
            let bare = |name: &str| name.trim_start_matches(VARIABLE_PREFIX).to_owned();
            let known = SETTINGS.iter().map(|setting| bare(&setting.variable()));
            let known: Vec<String> = known.collect();
            let hint = did_you_mean(&bare(name), known.iter().map(String::as_str));
            hint.replacen('`', &format!("`{VARIABLE_PREFIX}"), 1)
        }
    };
    let all = "; `roundsman check --all` lists all settings";
    format!("no setting has this variable{}", if hint.is_empty() { all } else { &hint })
}
