//! The document of a view: what was summed up, written and packed.

use std::io;

use super::thing::{RowPoint, Thing};
use crate::{
    model::{ColumnKind, ColumnSpec, Stat},
    store::{json::push_text, packed::Packer, sealed::field},
};

/// Writes the documents of a day.
pub(super) struct Writer {
    packer: Packer,
    /// The fields of polls and of those that failed.
    counts: String,
}

impl Writer {
    pub(super) fn new(counts: &[(u32, u32)]) -> Self {
        let of = |part: fn(&(u32, u32)) -> u32| -> Vec<f64> {
            counts.iter().map(|count| part(count).into()).collect()
        };
        let mut text = String::new();
        push_field(ColumnKind::Whole, &of(|(asked, _)| *asked), None, &mut text);
        text.push(',');
        push_field(ColumnKind::Whole, &of(|(_, failed)| *failed), None, &mut text);
        Self { packer: Packer::hard(), counts: text }
    }

    /// The document of these columns, each by its place among the stats of a point.
    pub(super) fn document(
        &mut self,
        things: &[Thing],
        columns: &[(usize, &ColumnSpec)],
    ) -> io::Result<Vec<u8>> {
        let (mut bodies, mut lengths) = (Vec::new(), Vec::new());
        for (place, spec) in columns {
            let before = bodies.len();
            if let Some(text) = column(things, *place, spec.kind) {
                self.packer.append(&text, &mut bodies)?;
            }
            lengths.push((bodies.len() - before).to_string());
        }
        let mut head = format!("[{},[{}]", self.counts, lengths.join(","));
        for thing in things {
            head.push_str(",[");
            push_text(&mut head, &thing.key);
            head.push_str(&format!(",{},{},", thing.begin, thing.points.len()));
            let rows =
                |point: &Option<RowPoint>| f64::from(point.as_ref().map_or(0, |point| point.rows));
            let rows: Vec<f64> = thing.points.iter().map(rows).collect();
            push_field(ColumnKind::Whole, &rows, None, &mut head);
            head.push(']');
        }
        head.push(']');
        let head = self.packer.pack(&head)?;
        let length = u32::try_from(head.len()).map_err(io::Error::other)?;
        Ok([&length.to_le_bytes()[..], &head, &bodies].concat())
    }
}

/// A column of all things; none where nothing is known of it.
fn column(things: &[Thing], place: usize, kind: ColumnKind) -> Option<String> {
    let mut text = "[".to_owned();
    let mut is_known = false;
    for (position, thing) in things.iter().enumerate() {
        if position > 0 {
            text.push(',');
        }
        is_known |= push_thing(&mut text, thing, place, kind);
    }
    text.push(']');
    is_known.then_some(text)
}

/// A column of one thing; answers whether anything is known of it.
fn push_thing(text: &mut String, thing: &Thing, place: usize, kind: ColumnKind) -> bool {
    let stat = |point: &Option<RowPoint>| point.as_ref().and_then(|p| p.stats.get(place).copied());
    let stats: Vec<Stat> = thing.points.iter().map(|p| stat(p).unwrap_or_default()).collect();
    if stats.iter().all(|stat| stat.count == 0) {
        text.push_str("null");
        return false;
    }
    let known = |part: fn(&Stat) -> f64| -> Vec<f64> {
        stats.iter().map(|stat| if stat.count == 0 { f64::NAN } else { part(stat) }).collect()
    };
    let over: Vec<Option<f64>> =
        stats.iter().map(|stat| (stat.count > 0).then_some(stat.count.into())).collect();
    text.push('[');
    push_field(kind, &known(|stat| stat.min), None, text);
    text.push(',');
    let mean = |stat: &Stat| stat.sum / f64::from(stat.count) - stat.min;
    let above = known(mean).iter().map(|mean| ColumnKind::Real.tidy(mean.max(0.0))).collect();
    let above: Vec<f64> = above;
    push_field(ColumnKind::Real, &above, Some(&over), text);
    text.push(',');
    let most = known(|stat| stat.max - stat.min);
    let most: Vec<f64> = most.iter().map(|most| kind.tidy(*most)).collect();
    push_field(kind, &most, None, text);
    text.push(',');
    let has_all = thing
        .points
        .iter()
        .zip(&stats)
        .all(|(point, stat)| point.as_ref().map_or(0, |point| point.rows) == stat.count);
    if has_all {
        text.push_str("null");
    } else {
        let counts: Vec<f64> = stats.iter().map(|stat| stat.count.into()).collect();
        push_field(ColumnKind::Whole, &counts, None, text);
    }
    text.push(']');
    true
}

/// A field of these values, NaN where nothing is known; of counts, `over` is what they are divided by. One
/// that is too large for thousandths is kept as a whole number, and a column with values too far apart for
/// one field is left out.
fn push_field(kind: ColumnKind, values: &[f64], over: Option<&[Option<f64>]>, text: &mut String) {
    let none = vec![None; values.len()];
    let over = over.unwrap_or(&none);
    if field::write(kind, values, over, text) {
        return;
    }
    let whole: Vec<f64> = values.iter().map(|value| ColumnKind::Whole.tidy(*value)).collect();
    if !field::write(ColumnKind::Whole, &whole, over, text) {
        text.push_str("null");
    }
}
