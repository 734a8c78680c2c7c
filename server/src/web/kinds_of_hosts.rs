//! What may stand in the query parameters of what is made for Prometheus.

use serde_json::{Value, json};

use super::{
    kinds::{Word, Words},
    params::ParamType,
};
use crate::{
    exposition::NamesOf,
    model::Family,
    query::{SHARD_PATTERN, Shard},
    units::WallMs,
};

impl Words for NamesOf {
    const ALL: &'static [Self] = Self::ALL;
}

impl Words for Family {
    const ALL: &'static [Self] = Self::ALL;
}

/// Names of families of values.
pub(super) struct Families;

impl ParamType for Families {
    type Read = Vec<Family>;
    type Field = Vec<Family>;

    const IS_LIST: bool = true;

    fn schema() -> Value {
        let items = Word::<Family>::schema();
        json!({ "type": "array", "minItems": 1, "items": items })
    }

    fn read(text: &str, now: WallMs) -> Result<Vec<Family>, String> {
        text.split(',').map(|name| Word::<Family>::read(name, now)).collect()
    }

    fn field(read: Option<Vec<Family>>) -> Vec<Family> {
        read.unwrap_or_default()
    }
}

/// One of several parts of all hosts.
pub(super) struct ShardOf;

impl ParamType for ShardOf {
    type Read = Shard;
    type Field = Option<Shard>;

    fn schema() -> Value {
        json!({ "type": "string", "pattern": SHARD_PATTERN })
    }

    fn read(text: &str, _: WallMs) -> Result<Shard, String> {
        text.parse()
    }

    fn field(read: Option<Shard>) -> Option<Shard> {
        read
    }
}
