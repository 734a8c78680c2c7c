//! YAML as far as files of Prometheus need it: maps, lists and texts. No tags, no types: a number is its text.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle};
use serde_json::{Map, Value};

/// The most values of one file, those that an alias repeats included.
pub const MAX_YAML_VALUES: usize = 1_000_000;
/// How deep maps and lists may be within each other.
pub const MAX_YAML_DEPTH: usize = 64;

/// A map or a list that is not at its end yet.
enum Open {
    List(Vec<Value>),
    /// With the key whose value comes next.
    Map(Map<String, Value>, Option<String>),
}

impl Open {
    fn close(self) -> Value {
        match self {
            Self::List(values) => Value::Array(values),
            Self::Map(map, _) => Value::Object(map),
        }
    }
}

/// The first document of a text.
///
/// # Errors
/// Line, column and what is wrong there.
pub(super) fn read(text: &str) -> Result<Value, String> {
    let mut open: Vec<(Open, usize)> = Vec::new();
    let mut anchors: HashMap<usize, Value> = HashMap::new();
    let mut values = 0;
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| {
            let at = error.marker();
            format!("{}:{}: not YAML: {}", at.line(), at.col() + 1, error.info())
        })?;
        let at = |what: String| format!("{}:{}: {what}", span.start.line(), span.start.col() + 1);
        let (value, anchor) = match event {
            Event::SequenceStart(anchor, _) | Event::MappingStart(anchor, _) => {
                let begun = match event {
                    Event::MappingStart(..) => Open::Map(Map::new(), None),
                    _ => Open::List(Vec::new()),
                };
                open.push((begun, anchor));
                if open.len() > MAX_YAML_DEPTH {
                    return Err(at(too_deep()));
                }
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Some((ended, anchor)) = open.pop() else { continue };
                values += 1;
                (ended.close(), anchor)
            }
            Event::Scalar(text, style, anchor, _) => {
                values += 1;
                let is_null = style == ScalarStyle::Plain && ["", "~", "null"].contains(&&*text);
                (if is_null { Value::Null } else { Value::String(text.into_owned()) }, anchor)
            }
            Event::Alias(anchor) => {
                let known = anchors.get(&anchor);
                let known = known.ok_or_else(|| at("an alias of nothing".to_owned()))?;
                let (more, deep) = extent(known);
                values += more;
                if open.len() + deep > MAX_YAML_DEPTH {
                    return Err(at(too_deep()));
                }
                if values > MAX_YAML_VALUES {
                    return Err(at(too_many()));
                }
                (known.clone(), 0)
            }
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd => continue,
        };
        if values > MAX_YAML_VALUES {
            return Err(at(too_many()));
        }
        if anchor > 0 {
            anchors.insert(anchor, value.clone());
        }
        match open.last_mut() {
            None => return Ok(value),
            Some((Open::List(list), _)) => list.push(value),
            Some((Open::Map(map, key), _)) => match (key.take(), value) {
                (Some(key), value) => drop(map.insert(key, value)),
                (None, Value::String(text)) => *key = Some(text),
                (None, _) => return Err(at("a key of a map is a text".to_owned())),
            },
        }
    }
    Ok(Value::Null)
}

fn too_deep() -> String {
    format!("lists and maps lie at most {MAX_YAML_DEPTH} deep within each other")
}

fn too_many() -> String {
    format!("a file has at most {MAX_YAML_VALUES} values")
}

/// How many values one is, with all that are in it, and how deep they lie.
fn extent(value: &Value) -> (usize, usize) {
    let of = |inner: &mut dyn Iterator<Item = &Value>| {
        let all = inner.map(extent);
        let (count, deep) =
            all.fold((0, 0), |(sum, most), (count, deep)| (sum + count, deep.max(most)));
        (count + 1, deep + 1)
    };
    match value {
        Value::Array(list) => of(&mut list.iter()),
        Value::Object(map) => of(&mut map.values()),
        _ => (1, 0),
    }
}
