//! `KEY=VALUE`: one setting of a host as it is typed.

use std::str::FromStr;

use toml_edit::{Array, Value};

/// Keys whose values are lists of texts, which may be typed with commas.
const LISTS: [&str; 2] = ["addresses", "families"];
/// Keys whose values are numbers, true or false. All others are texts.
const PLAIN: [&str; 4] = ["port", "top_processes", "paused", "tcp_ext"];
/// Keys that another way is for.
const NAME: &str = "name";

/// A setting and its value.
#[derive(Debug, Clone)]
pub struct Assignment {
    /// `["interval"]`, `["labels", "env"]`.
    pub(super) path: Vec<String>,
    /// None: the setting goes.
    pub(super) value: Option<Value>,
}

impl PartialEq for Assignment {
    fn eq(&self, other: &Self) -> bool {
        let shown = |value: &Option<Value>| value.as_ref().map(ToString::to_string);
        self.path == other.path && shown(&self.value) == shown(&other.value)
    }
}

impl Assignment {
    /// A label of the host.
    #[must_use]
    pub fn label(name: &str, value: &str) -> Self {
        let value = (!value.is_empty()).then(|| value.into());
        Self { path: vec!["labels".to_owned(), name.to_owned()], value }
    }
}

/// What is no setting: the text, and what was expected.
impl FromStr for Assignment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const EXPECTED: &str =
            "expected KEY=VALUE, such as interval=5s, labels.env=prod or paused=true";
        let (key, given) = text.split_once('=').ok_or(EXPECTED)?;
        let (key, given) = (key.trim(), given.trim());
        let path: Vec<String> = key.split('.').map(str::to_owned).collect();
        let is_bare = |part: &String| {
            !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c))
        };
        if !path.iter().all(is_bare) || path.len() > 2 {
            return Err(EXPECTED.to_owned());
        }
        if key == NAME {
            return Err(
                "a host gets another name by hand: write the new one as `name`, and the old one \
                        as `renamed_from`, so that its history goes on"
                    .to_owned(),
            );
        }
        if given.is_empty() {
            return Ok(Self { path, value: None });
        }
        let value = match path.first().map(String::as_str) {
            // A label's value is a text, whatever it looks like.
            Some("labels") if path.len() == 2 => given.into(),
            Some(_) if given.starts_with(['[', '{', '"', '\'']) => written(given)?,
            Some(first) if PLAIN.contains(&first) => {
                written(given).unwrap_or_else(|_| given.into())
            }
            Some(first) if LISTS.contains(&first) => {
                let parts = given.split(',').map(str::trim).filter(|part| !part.is_empty());
                Value::Array(parts.collect::<Array>())
            }
            _ => given.into(),
        };
        Ok(Self { path, value: Some(value) })
    }
}

/// A value as TOML writes it.
fn written(given: &str) -> Result<Value, String> {
    let mut value: Value =
        given.parse().map_err(|_| format!("{given:?} is not a value as TOML writes it"))?;
    value.decor_mut().clear();
    Ok(value)
}
