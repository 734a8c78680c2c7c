//! What may stand in a query parameter.

use std::{collections::BTreeSet, fmt::Display, marker::PhantomData, time::Duration};

use serde_json::{Value, json};

use super::params::ParamType;
use crate::{
    model::{self, ColumnSet as _, DetailTable},
    query::{
        AlarmPlace, LENGTH_PATTERN, MAX_COLUMNS, MAX_HOSTS_TOGETHER, MOMENT_FORMS, MOMENT_PATTERN,
        PLACE_PATTERN, SortOrder, parse_column, parse_length, parse_moment,
    },
    rollup::Tier,
    text::did_you_mean,
    units::WallMs,
};

/// A kind that may be left out, with nothing in its place.
macro_rules! optional {
    ($Read:ty) => {
        type Read = $Read;
        type Field = Option<$Read>;

        fn field(read: Option<$Read>) -> Option<$Read> {
            read
        }
    };
}

mod fields;
mod period;
pub(super) use fields::{
    FieldsOfEach, FieldsOfHost, FieldsOfPoll, FieldsOfRows, FieldsOfRule, FieldsOfSeries,
};
pub(super) use period::{Pct, TableFormat, Zone};

/// Any text.
pub(super) struct AnyText;

impl ParamType for AnyText {
    optional!(String);

    fn schema() -> Value {
        json!({ "type": "string" })
    }

    fn read(text: &str, _: WallMs) -> Result<String, String> {
        Ok(text.to_owned())
    }
}

/// Any text, which has to be given.
pub(super) struct NeededText;

impl ParamType for NeededText {
    type Read = String;
    type Field = String;
    const IS_REQUIRED: bool = true;

    fn schema() -> Value {
        AnyText::schema()
    }

    fn read(text: &str, now: WallMs) -> Result<String, String> {
        AnyText::read(text, now)
    }

    fn field(read: Option<String>) -> String {
        read.unwrap_or_default()
    }
}

/// A moment.
pub(super) struct Moment;

impl ParamType for Moment {
    optional!(WallMs);

    fn schema() -> Value {
        json!({ "type": "string", "pattern": MOMENT_PATTERN })
    }

    fn words(of_param: &str) -> String {
        format!("{of_param}: {MOMENT_FORMS}")
    }

    fn read(text: &str, now: WallMs) -> Result<WallMs, String> {
        parse_moment(text, now).map_err(|error| error.to_string())
    }
}

/// Where a page of alarms goes on.
pub(super) struct AlarmsAfter;

impl ParamType for AlarmsAfter {
    optional!(AlarmPlace);

    fn schema() -> Value {
        json!({ "type": "string", "pattern": PLACE_PATTERN })
    }

    fn read(text: &str, _: WallMs) -> Result<AlarmPlace, String> {
        text.parse()
    }
}

/// A length of time.
pub(super) struct Length;

impl ParamType for Length {
    optional!(Duration);

    fn schema() -> Value {
        json!({ "type": "string", "pattern": LENGTH_PATTERN })
    }

    fn read(text: &str, _: WallMs) -> Result<Duration, String> {
        parse_length(text)
    }
}

/// A closed list of words.
pub(super) trait Words: Copy + Display + 'static {
    /// All of them.
    const ALL: &'static [Self];
}

impl Words for model::State {
    const ALL: &'static [Self] = Self::ALL;
}

impl Words for SortOrder {
    const ALL: &'static [Self] = Self::ALL;
}

impl Words for Tier {
    const ALL: &'static [Self] = Self::ALL;
}

/// One of a closed list of words.
pub(super) struct Word<T>(PhantomData<T>);

impl<T: Words> Word<T> {
    fn all() -> Vec<String> {
        T::ALL.iter().map(ToString::to_string).collect()
    }
}

impl<T: Words> ParamType for Word<T> {
    optional!(T);

    fn schema() -> Value {
        json!({ "type": "string", "enum": Self::all() })
    }

    fn read(text: &str, _: WallMs) -> Result<T, String> {
        T::ALL.iter().find(|word| word.to_string() == text).copied().ok_or_else(|| {
            let words = Self::all();
            let hint = did_you_mean(text, words.iter().map(String::as_str));
            format!("expected one of: {}; got {text:?}{hint}", words.join(", "))
        })
    }
}

fn number(text: &str, most: usize) -> Result<usize, String> {
    match text.parse() {
        Ok(number) if (1..=most).contains(&number) => Ok(number),
        _ => Err(format!("expected a number from 1 to {most}; got {text:?}")),
    }
}

/// A number from 1 to `MOST`.
pub(super) struct Number<const MOST: usize>;

impl<const MOST: usize> ParamType for Number<MOST> {
    optional!(usize);

    fn schema() -> Value {
        json!({ "type": "integer", "format": "int32", "minimum": 1, "maximum": MOST })
    }

    fn read(text: &str, _: WallMs) -> Result<usize, String> {
        number(text, MOST)
    }
}

/// How many at most: `USUAL` when it is left out.
pub(super) struct RowLimit<const USUAL: usize, const MOST: usize>;

impl<const USUAL: usize, const MOST: usize> ParamType for RowLimit<USUAL, MOST> {
    type Read = usize;
    type Field = usize;

    fn schema() -> Value {
        json!({
            "type": "integer", "format": "int32", "minimum": 1, "maximum": MOST, "default": USUAL,
        })
    }

    fn read(text: &str, _: WallMs) -> Result<usize, String> {
        number(text, MOST)
    }

    fn field(read: Option<usize>) -> usize {
        read.unwrap_or(USUAL)
    }
}

/// As another kind, but a handler sees whether it was given.
pub(super) struct IfGiven<K>(PhantomData<K>);

impl<K: ParamType> ParamType for IfGiven<K> {
    optional!(K::Read);

    fn schema() -> Value {
        K::schema()
    }

    fn words(of_param: &str) -> String {
        K::words(of_param)
    }

    fn read(text: &str, now: WallMs) -> Result<K::Read, String> {
        K::read(text, now)
    }
}

/// Yes or no: `USUAL` when it is left out.
pub(super) struct Switch<const USUAL: bool>;

impl<const USUAL: bool> ParamType for Switch<USUAL> {
    type Read = bool;
    type Field = bool;

    fn schema() -> Value {
        json!({ "type": "boolean", "default": USUAL })
    }

    fn read(text: &str, _: WallMs) -> Result<bool, String> {
        match text {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err(format!("expected true or false; got {text:?}")),
        }
    }

    fn field(read: Option<bool>) -> bool {
        read.unwrap_or(USUAL)
    }
}

/// Names of values.
pub(super) struct Columns;

impl ParamType for Columns {
    optional!(Vec<model::Column>);

    const IS_LIST: bool = true;

    fn schema() -> Value {
        let names: Vec<&str> = model::Column::ALL.iter().map(|column| column.spec().name).collect();
        let items = json!({ "type": "string", "enum": names });
        json!({ "type": "array", "minItems": 1, "maxItems": MAX_COLUMNS, "items": items })
    }

    fn read(text: &str, _: WallMs) -> Result<Vec<model::Column>, String> {
        let column = |name| parse_column(name).map_err(|error| format!("{name:?}: {error}"));
        text.split(',').map(column).collect()
    }
}

/// The name of a value, which has to be given.
pub(super) struct OneColumn;

impl ParamType for OneColumn {
    type Read = model::Column;
    type Field = model::Column;
    const IS_REQUIRED: bool = true;

    fn schema() -> Value {
        Columns::schema()["items"].clone()
    }

    fn read(text: &str, _: WallMs) -> Result<model::Column, String> {
        parse_column(text).map_err(|error| format!("{text:?}: {error}"))
    }

    fn field(read: Option<model::Column>) -> model::Column {
        // One that is missing is refused.
        read.unwrap_or(model::Column::Load1)
    }
}

/// Names of hosts.
pub(super) struct HostNames;

impl ParamType for HostNames {
    optional!(Vec<String>);

    const IS_LIST: bool = true;

    fn schema() -> Value {
        let items = json!({ "type": "string", "pattern": "^[^,]+$" });
        json!({ "type": "array", "minItems": 1, "maxItems": MAX_HOSTS_TOGETHER, "items": items })
    }

    fn read(text: &str, _: WallMs) -> Result<Vec<String>, String> {
        let names: Vec<String> = text.split(',').map(str::to_owned).collect();
        match names.len() {
            1..=MAX_HOSTS_TOGETHER => Ok(names),
            many => Err(format!("expected 1 to {MAX_HOSTS_TOGETHER} hosts; got {many}")),
        }
    }
}

/// Names of columns of what repeats; which list they are of says the path.
pub(super) struct RowColumns;

impl ParamType for RowColumns {
    type Read = Vec<String>;
    type Field = Vec<String>;

    const IS_LIST: bool = true;
    const IS_REQUIRED: bool = true;

    fn schema() -> Value {
        let all = DetailTable::ALL.iter().flat_map(|table| table.specs());
        let names: BTreeSet<&str> = all.map(|spec| spec.name).collect();
        let items = json!({ "type": "string", "enum": names });
        json!({ "type": "array", "minItems": 1, "maxItems": MAX_COLUMNS, "items": items })
    }

    fn read(text: &str, _: WallMs) -> Result<Vec<String>, String> {
        Ok(text.split(',').map(str::to_owned).collect())
    }

    fn field(read: Option<Vec<String>>) -> Vec<String> {
        read.unwrap_or_default()
    }
}
