//! An element of a text in which polls are rows.

use std::{fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{self, SeqAccess, Visitor},
};

/// What a poll has in one text: when it was due, after the hour, and cells.
pub(super) struct AfterHour<T>(pub(super) i64, pub(super) Vec<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for AfterHour<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct CellsVisitor<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for CellsVisitor<T> {
            type Value = AfterHour<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("milliseconds, then what a poll has")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<AfterHour<T>, A::Error> {
                let first = seq.next_element()?;
                let after = first.ok_or_else(|| de::Error::invalid_length(0, &"milliseconds"))?;
                let mut cells = Vec::new();
                while let Some(cell) = seq.next_element()? {
                    cells.push(cell);
                }
                Ok(AfterHour(after, cells))
            }
        }
        deserializer.deserialize_seq(CellsVisitor(PhantomData))
    }
}
