//! The sources of settings as figment providers: each a set of known keys with their values, and
//! where each value stands.
//!
//! A layer hands on nothing that it does not understand: an unknown key is a problem here, with its
//! place, so that the merged settings hold known keys alone and one mistake cannot hide another.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fmt,
    ops::Range,
    path::{Path, PathBuf},
};

use figment::{
    Metadata, Profile, Provider,
    value::{Dict, Map, Value},
};
use serde::Serialize;
use toml::de::{DeTable, DeValue};

use super::{
    Problem,
    setting::{DATA, SETTINGS, VARIABLE_PREFIX},
    shape::Found,
};

/// Where a value stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// Built in.
    Default,
    /// In the configuration file.
    File {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// Column in characters, from 1.
        column: usize,
    },
    /// In an environment variable.
    Variable(String),
    /// On the command line.
    Flag(String),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line, column } => {
                write!(f, "{}:{line}:{column}", path.display())
            }
            Self::Variable(name) => write!(f, "${name}"),
            Self::Flag(name) => f.write_str(name),
        }
    }
}

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

/// One source of settings.
pub(super) struct Layer {
    name: &'static str,
    values: BTreeMap<&'static str, (Found, Place)>,
}

impl Layer {
    fn new(name: &'static str) -> Self {
        Self { name, values: BTreeMap::new() }
    }

    /// The name that figment keeps with each value.
    pub(super) fn name(&self) -> &'static str {
        self.name
    }

    /// The value of a key as it stands in this layer.
    pub(super) fn get(&self, key: &str) -> Option<&(Found, Place)> {
        self.values.get(key)
    }
}

impl Provider for Layer {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.name)
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        let mut root = Dict::new();
        for (key, (found, _)) in &self.values {
            let value = match found {
                Found::Text(text) | Found::Other(text) => Value::from(text.as_str()),
                Found::Whole(number) => Value::from(*number),
                // Only which layer wins is asked of figment: never half a list of one, half of another.
                Found::List(_) => Value::from("a list"),
            };
            match key.split_once('.') {
                Some((section, name)) => {
                    let section =
                        root.entry(section.to_owned()).or_insert_with(|| Value::from(Dict::new()));
                    if let Value::Dict(_, section) = section {
                        section.insert(name.to_owned(), value);
                    }
                }
                None => {
                    root.insert((*key).to_owned(), value);
                }
            }
        }
        Ok(Map::from([(Profile::Default, root)]))
    }
}

/// The built-in values. The data directory follows the XDG base directory specification 0.8: for
/// the user who runs the server, or of the system where there is no home.
pub(super) fn defaults(env: &[(OsString, OsString)]) -> Layer {
    let mut layer = Layer::new("default");
    for setting in SETTINGS {
        layer.values.insert(setting.key, (setting.default_found(), Place::Default));
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
        layer.values.insert(DATA.key, (Found::Text(text.to_owned()), Place::Default));
    }
    layer
}

/// The configuration file.
///
/// # Errors
/// Every place where it is not TOML. Unknown keys go to `problems`.
pub(super) fn file(
    path: &Path,
    text: &str,
    problems: &mut Vec<Problem>,
) -> Result<Layer, Vec<Problem>> {
    let at = |span: Range<usize>| {
        let (line, column) = position(text, span.start);
        Place::File { path: path.to_owned(), line, column }
    };
    let (root, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        let problem = |error: &toml::de::Error| Problem {
            place: at(error.span().unwrap_or(0..0)),
            message: format!("this is not TOML: {}", error.message()),
        };
        return Err(errors.iter().map(problem).collect());
    }
    let mut layer = Layer::new("file");
    let mut visit = Visit { layer: &mut layer, problems, at: &at };
    visit.table("", root.get_ref());
    Ok(layer)
}

/// A walk through the tables of the file.
struct Visit<'a> {
    layer: &'a mut Layer,
    problems: &'a mut Vec<Problem>,
    at: &'a dyn Fn(Range<usize>) -> Place,
}

impl Visit<'_> {
    fn table(&mut self, section: &str, table: &DeTable<'_>) {
        for (name, value) in table {
            let key = join(section, name.get_ref());
            let problem = |message| Problem { place: (self.at)(name.span()), message };
            if let Some(setting) = SETTINGS.iter().find(|setting| setting.key == key) {
                let place = (self.at)(value.span());
                self.layer.values.insert(setting.key, (found(value.get_ref()), place));
            } else if keys_of(&key).next().is_some() {
                match value.get_ref() {
                    DeValue::Table(table) => self.table(&key, table),
                    other => self.problems.push(problem(format!(
                        "{key}: expected a table [{key}], found {}",
                        found(other)
                    ))),
                }
            } else {
                self.problems.push(problem(unknown(section, &key)));
            }
        }
    }
}

fn join(section: &str, name: &str) -> String {
    if section.is_empty() { name.to_owned() } else { format!("{section}.{name}") }
}

/// The keys in a section.
fn keys_of(section: &str) -> impl Iterator<Item = &'static str> {
    let prefix = format!("{section}.");
    SETTINGS.iter().filter_map(move |setting| setting.key.strip_prefix(&prefix))
}

/// What to say of a key that is no setting. Names keys alone, never a value.
fn unknown(section: &str, key: &str) -> String {
    if section.is_empty() {
        let mut known: Vec<_> =
            SETTINGS.iter().filter_map(|setting| setting.key.split('.').next()).collect();
        known.dedup();
        format!("{key}: unknown key; expected one of {}", known.join(", "))
    } else {
        let known: Vec<_> = keys_of(section).collect();
        format!("{key}: unknown key; [{section}] has {}", known.join(", "))
    }
}

fn found(value: &DeValue<'_>) -> Found {
    match value {
        DeValue::String(text) => Found::Text(text.to_string()),
        DeValue::Integer(number) => {
            match i64::from_str_radix(&number.as_str().replace('_', ""), number.radix()) {
                Ok(number) => Found::Whole(number),
                Err(_) => Found::Other("a number that is too large".to_owned()),
            }
        }
        DeValue::Float(number) => Found::Other(number.as_str().to_owned()),
        DeValue::Boolean(value) => Found::Other(value.to_string()),
        DeValue::Datetime(moment) => Found::Other(moment.to_string()),
        DeValue::Array(entries) => {
            Found::List(entries.iter().map(|entry| found(entry.get_ref())).collect())
        }
        DeValue::Table(_) => Found::Other("a table".to_owned()),
    }
}

/// Line and column, from 1, of a byte of the text; columns count characters.
fn position(text: &str, byte: usize) -> (usize, usize) {
    let before = text.get(..byte).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (line, before[start..].chars().count() + 1)
}

/// The environment. A variable that is empty is not set: that is what `${NAME:-}` in a compose file
/// leaves behind.
pub(super) fn environment(env: &[(OsString, OsString)], problems: &mut Vec<Problem>) -> Layer {
    let mut layer = Layer::new("environment");
    for (name, value) in env {
        let name = name.to_string_lossy();
        if !name.starts_with(VARIABLE_PREFIX)
            || IGNORED_VARIABLES.contains(&name.as_ref())
            || IGNORED_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
            || value.is_empty()
        {
            continue;
        }
        let place = Place::Variable(name.clone().into_owned());
        let mut refuse = |message: String| {
            problems.push(Problem { place: place.clone(), message });
        };
        let Some(setting) = SETTINGS.iter().find(|setting| setting.variable() == name) else {
            refuse(unknown_variable(&name));
            continue;
        };
        match value.to_str() {
            Some(text) => {
                layer.values.insert(setting.key, (Found::Text(text.to_owned()), place));
            }
            None => refuse(format!("{}: expected text in UTF-8", setting.key)),
        }
    }
    layer
}

/// What to say of a variable that sets nothing: the one with single underscores is the usual slip.
fn unknown_variable(name: &str) -> String {
    let flat = |name: &str| name.to_uppercase().replace("__", "_");
    let meant = SETTINGS.iter().find(|setting| flat(&setting.variable()) == flat(name));
    match meant {
        Some(setting) => {
            format!("no setting has this variable; did you mean {}?", setting.variable())
        }
        None => {
            "no setting has this variable; `roundsman check --all` lists all settings".to_owned()
        }
    }
}

/// The command line. A flag of no setting is our own slip; it must not go unheard.
pub(super) fn flags(flags: Vec<Flag>, problems: &mut Vec<Problem>) -> Layer {
    let mut layer = Layer::new("flags");
    for Flag { key, name, value } in flags {
        let place = Place::Flag(name.to_owned());
        if SETTINGS.iter().any(|setting| setting.key == key) {
            layer.values.insert(key, (Found::Text(value), place));
        } else {
            problems.push(Problem { place, message: format!("{key}: there is no such setting") });
        }
    }
    layer
}
