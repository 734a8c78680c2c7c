//! What may stand in a question about calendar periods.

use std::fmt;

use chrono_tz::Tz;
use serde_json::{Value, json};

use super::{ParamType, Words};
use crate::{
    query::{Target, parse_zone},
    units::WallMs,
};

/// A time zone.
pub(in crate::web) struct Zone;

impl ParamType for Zone {
    optional!(Tz);

    fn schema() -> Value {
        json!({ "type": "string", "pattern": "^[A-Za-z0-9_+/-]+$" })
    }

    fn read(text: &str, _: WallMs) -> Result<Tz, String> {
        parse_zone(text)
    }
}

/// Per cent that are to be reached.
pub(in crate::web) struct Pct;

impl ParamType for Pct {
    optional!(Target);

    fn schema() -> Value {
        json!({ "type": "number", "format": "double", "minimum": 0.001, "maximum": 100, "multipleOf": 0.001 })
    }

    fn read(text: &str, _: WallMs) -> Result<Target, String> {
        Target::parse(text)
    }
}

/// How a table is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::web) enum TableFormat {
    Json,
    Csv,
}

impl fmt::Display for TableFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Json => "json",
            Self::Csv => "csv",
        })
    }
}

impl Words for TableFormat {
    const ALL: &'static [Self] = &[Self::Json, Self::Csv];
}
