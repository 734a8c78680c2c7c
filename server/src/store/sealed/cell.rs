//! What stands in a text of columns, as it is read.

use std::{borrow::Cow, fmt, io};

use serde::{
    Deserialize, Deserializer,
    de::{self, SeqAccess, Visitor},
};

use super::field::{Field, bad};

/// What stands in a text of columns.
#[derive(Debug)]
pub(in crate::store) enum Cell<'a> {
    Null,
    Whole(i64),
    Real(f64),
    Text(Cow<'a, str>),
    Field(Vec<Cell<'a>>),
}

impl Cell<'_> {
    /// # Errors
    /// When it is none.
    pub(in crate::store) fn text(&self) -> io::Result<&str> {
        match self {
            Self::Text(text) => Ok(text),
            _ => Err(bad("a text")),
        }
    }

    /// A number of polls or points.
    ///
    /// # Errors
    /// When it is none.
    pub(in crate::store) fn small(&self) -> io::Result<usize> {
        match self {
            Self::Whole(number) => usize::try_from(*number).map_err(io::Error::other),
            _ => Err(bad("a number of polls")),
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "what was written is exact")]
    fn number(&self) -> Option<f64> {
        match self {
            Self::Whole(number) => Some(*number as f64),
            Self::Real(number) => Some(*number),
            _ => None,
        }
    }

    /// A column; none: no value in any poll.
    ///
    /// # Errors
    /// When it is none.
    pub(in crate::store) fn field(&self) -> io::Result<Option<Field<'_>>> {
        let cells = match self {
            Self::Null => return Ok(None),
            Self::Field(cells) => cells.as_slice(),
            _ => return Err(bad("a field")),
        };
        let (width, Cell::Whole(base), step, divisor, fields) = (match cells {
            [width, base, step, divisor] => (width, base, step, divisor, ""),
            [width, base, step, divisor, fields] => (width, base, step, divisor, fields.text()?),
            _ => return Err(bad("a field")),
        }) else {
            return Err(bad("a field"));
        };
        let width = width.small()?;
        if width > fields.len() {
            return Err(bad("a width"));
        }
        let step = step.number().ok_or_else(|| bad("a step"))?;
        Ok(Some(Field { width, base: *base, step, divisor: divisor.number(), fields }))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Cell<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct CellVisitor;
        impl<'de> Visitor<'de> for CellVisitor {
            type Value = Cell<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("null, a number, a text or an array")
            }

            fn visit_unit<E: de::Error>(self) -> Result<Cell<'de>, E> {
                Ok(Cell::Null)
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Cell<'de>, E> {
                Ok(Cell::Whole(number))
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Cell<'de>, E> {
                i64::try_from(number).map(Cell::Whole).map_err(E::custom)
            }

            fn visit_f64<E: de::Error>(self, number: f64) -> Result<Cell<'de>, E> {
                Ok(Cell::Real(number))
            }

            fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Cell<'de>, E> {
                Ok(Cell::Text(Cow::Borrowed(text)))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Cell<'de>, E> {
                Ok(Cell::Text(Cow::Owned(text.to_owned())))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Cell<'de>, A::Error> {
                let mut cells = Vec::new();
                while let Some(cell) = seq.next_element()? {
                    cells.push(cell);
                }
                Ok(Cell::Field(cells))
            }
        }
        deserializer.deserialize_any(CellVisitor)
    }
}
