//! One column of an hour: whole numbers in a string of equally wide fields, and back.
//!
//! `[width, base, step, divisor, "fields"]`: a field that is 0 is no value, and n stands for
//! `(n + base) * step / divisor`. A column that is the same in all polls is `[0, base, step, divisor]`,
//! and one without any value `null`. The divisor is 1 for what is whole, 1000 for thousandths, and `null`
//! for counts: what they are divided by stands elsewhere, poll by poll.

use std::{fmt::Write as _, io};

use crate::model::ColumnKind;

/// What a count may stand for: itself, a millisecond of a time of which the share is wanted in percent, or
/// a tenth of that.
const FACTORS: [f64; 3] = [1.0, 0.1, 0.01];

/// Whole numbers up to here are exact as measured ones: 2^53.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// Whole numbers of which a column is made; none: not known in that poll.
struct Wholes {
    all: Vec<Option<i64>>,
    /// What each counts.
    factor: f64,
    divisor: Option<u16>,
}

/// A string of fields, as it will be written.
struct Fields {
    width: usize,
    base: i64,
    step: i64,
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// Digits of a whole number.
fn digits(number: i64) -> usize {
    number.checked_ilog10().map_or(1, |log| log as usize + 1)
}

impl Wholes {
    /// None: they are too far apart for any field.
    fn fields(&self) -> Option<Fields> {
        let known = || self.all.iter().flatten();
        let step = known().fold(0, |step, number| gcd(step, number.unsigned_abs())).max(1);
        let step = i64::try_from(step).unwrap_or(1);
        let least = known().min().copied().unwrap_or(0) / step;
        let most = known().max().copied().unwrap_or(0) / step;
        if least == most && known().count() == self.all.len() {
            return Some(Fields { width: 0, base: least, step });
        }
        let width = digits(most.checked_sub(least)?.checked_add(1)?);
        Some(Fields { width, base: least.checked_sub(1)?, step })
    }

    fn write(&self, fields: &Fields, out: &mut String) {
        let Fields { width, base, step } = *fields;
        // Writing to a String cannot fail.
        let _ = match self.factor == 1.0 {
            true => write!(out, "[{width},{base},{step},"),
            false => write!(out, "[{width},{base},{},", real(step) * self.factor),
        };
        let _ = match self.divisor {
            Some(divisor) => write!(out, "{divisor}"),
            None => write!(out, "null"),
        };
        if width > 0 {
            out.push_str(",\"");
            for number in &self.all {
                let _ = write!(out, "{:>width$}", number.map_or(0, |number| number / step - base));
            }
            out.push('"');
        }
        out.push(']');
    }
}

#[expect(clippy::cast_precision_loss, reason = "what is not exact is seen to be so")]
fn real(whole: i64) -> f64 {
    whole as f64
}

/// The nearest whole number.
#[expect(clippy::cast_possible_truncation, reason = "looked at before")]
fn whole(value: f64) -> Option<i64> {
    (value < EXACT).then(|| ColumnKind::Whole.tidy(value) as i64)
}

/// The count that is divided by `over` to give the value to the very thousandth; none when there is none,
/// or when it comes so near to the middle of two thousandths that another computer may round it
/// otherwise.
pub(super) fn count(value: f64, factor: f64, over: f64) -> Option<i64> {
    /// What is too near, thousandths; and that by which two computers may differ at the most, for each one
    /// of the value.
    const NEAR: f64 = 1e-6;
    const UNSURE: f64 = 1e-12;
    let count = whole(value * over / factor)?;
    let again = real(count) * factor / over;
    let from_middle = ((again * 1000.0).fract() - 0.5).abs();
    let is_sure = from_middle > NEAR + again * UNSURE;
    (is_sure && ColumnKind::Real.tidy(again) == value).then_some(count)
}

/// Writes a column: in each poll its value, or none (NaN), and what a count is divided by. Answers whether
/// each comes back exactly; if not, nothing was written.
pub(in crate::store) fn write(
    kind: ColumnKind,
    values: &[f64],
    over: &[Option<f64>],
    out: &mut String,
) -> bool {
    if values.iter().all(|value| value.is_nan()) {
        out.push_str("null");
        return true;
    }
    let Some(plain) = plain(kind, values) else { return false };
    let Some(fields) = plain.fields() else { return false };
    let mut best = (fields, plain);
    if kind == ColumnKind::Real {
        for counts in FACTORS.iter().filter_map(|factor| counts(values, over, *factor)) {
            let Some(fields) = counts.fields() else { continue };
            let is_first = best.1.divisor.is_some();
            if fields.width < best.0.width || is_first && fields.width == best.0.width {
                best = (fields, counts);
            }
        }
    }
    best.1.write(&best.0, out);
    true
}

/// Whole numbers as they are, or thousandths.
fn plain(kind: ColumnKind, values: &[f64]) -> Option<Wholes> {
    let divisor = match kind {
        ColumnKind::Whole => 1_u16,
        ColumnKind::Real => 1000,
    };
    let one = |value: &f64| {
        if value.is_nan() {
            return Some(None);
        }
        let number = match kind {
            ColumnKind::Whole => super::super::row::whole(*value)?,
            ColumnKind::Real => whole(value * 1000.0)?,
        };
        (real(number) / f64::from(divisor) == *value).then_some(Some(number))
    };
    let all = values.iter().map(one).collect::<Option<Vec<_>>>()?;
    Some(Wholes { all, factor: 1.0, divisor: Some(divisor) })
}

fn counts(values: &[f64], over: &[Option<f64>], factor: f64) -> Option<Wholes> {
    let one = |(value, over): (&f64, &Option<f64>)| {
        if value.is_nan() {
            return Some(None);
        }
        over.and_then(|over| count(*value, factor, over)).map(Some)
    };
    let all = values.iter().zip(over).map(one).collect::<Option<Vec<_>>>()?;
    Some(Wholes { all, factor, divisor: None })
}

/// What is in a text that this program does not write.
pub(in crate::store) fn bad(what: &str) -> io::Error {
    io::Error::other(format!("{what} that this program does not write"))
}

/// A column as it is read.
#[derive(Debug)]
pub(in crate::store) struct Field<'a> {
    pub(super) width: usize,
    pub(super) base: i64,
    pub(super) step: f64,
    /// None: a count.
    pub(super) divisor: Option<f64>,
    pub(super) fields: &'a str,
}

impl Field<'_> {
    /// Its value in a poll, by the poll's place in the string; none as well when what a count is divided by
    /// is not known.
    ///
    /// # Errors
    /// When the field is not there, or is no number.
    pub(in crate::store) fn value(
        &self,
        place: usize,
        over: Option<f64>,
    ) -> Result<Option<f64>, ()> {
        let count = match self.width {
            0 => self.base,
            width => {
                let field = self.fields.get(place * width..(place + 1) * width).ok_or(())?;
                match field.trim_start().parse::<i64>().map_err(drop)? {
                    0 => return Ok(None),
                    number => number.checked_add(self.base).ok_or(())?,
                }
            }
        };
        Ok(self.divisor.or(over).map(|by| real(count) * self.step / by))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(kind: ColumnKind, values: &[f64], over: &[Option<f64>]) -> Option<String> {
        let mut out = String::new();
        write(kind, values, over, &mut out).then_some(out)
    }

    #[test]
    fn a_column_is_written_like_this() {
        const NONE: f64 = f64::NAN;
        let over = [Some(10.003), Some(9.998), Some(10.0), None];
        let rates = |counts: [f64; 3]| {
            let rate = |(count, over): (f64, &Option<f64>)| {
                ColumnKind::Real.tidy(count / over.unwrap_or_default())
            };
            let mut all: Vec<f64> = counts.into_iter().zip(&over).map(rate).collect();
            all.push(NONE);
            all
        };
        let real = |values: &[f64]| text(ColumnKind::Real, values, &over).unwrap();
        let whole = |values: &[f64]| text(ColumnKind::Whole, values, &over).unwrap();
        assert_eq!(real(&rates([907.0, 17.0, 0.0])), "[3,-1,1,null,\"908 18  1  0\"]");
        assert_eq!(real(&rates([512.0, 0.0, 1024.0])), "[1,-1,512,null,\"2130\"]");
        assert_eq!(real(&rates([0.3, 0.1, 0.0])), "[1,-1,0.1,null,\"4210\"]");
        assert_eq!(real(&[0.25, 0.5, 0.25, 0.75]), "[1,0,250,1000,\"1213\"]");
        assert_eq!(real(&[0.0; 4]), "[0,0,1,1000]");
        assert_eq!(real(&[NONE; 4]), "null");
        assert_eq!(whole(&[7.0; 4]), "[0,1,7,1]");
        assert_eq!(whole(&[4096.0, NONE, 8192.0, 4096.0]), "[1,0,4096,1,\"1021\"]");
        let largest = 9_223_372_036_854_775_807_u64 as f64;
        assert_eq!(whole(&[largest; 4]), "[0,1,9223372036854775807,1]");
        // The count lies in the middle of two thousandths: 1 / 16 s is 0.0625.
        let middle = text(ColumnKind::Real, &[0.063, 63.0], &[Some(16.0); 2]).unwrap();
        assert_eq!(middle, "[4,0,63,1000,\"   11000\"]");
        // Too far apart.
        assert_eq!(text(ColumnKind::Whole, &[0.0, 5.0, largest], &over), None);
        // More than is exact in thousandths.
        assert_eq!(text(ColumnKind::Real, &[9.9e12, 0.001], &[Some(1.0); 2]), None);
    }

    proptest! {
        #[test]
        fn every_value_comes_back_exactly(
            polls in prop::collection::vec(
                (prop::option::of(0_u64..1 << 36), prop::option::of(1_u64..1 << 40)), 1..40,
            ),
            factor in prop::sample::select(&[1.0, 0.1, 0.0001, 512.0][..]),
            is_whole in any::<bool>(),
        ) {
            let kind = if is_whole { ColumnKind::Whole } else { ColumnKind::Real };
            let over: Vec<_> = polls.iter().map(|(_, ns)| ns.map(|ns| ns as f64 / 1e9)).collect();
            let value = |((count, _), over): (&(Option<u64>, _), &Option<f64>)| {
                let (Some(count), Some(over)) = (count, over) else { return f64::NAN };
                kind.tidy((*count as f64 * factor / over).min(8e12))
            };
            let values: Vec<f64> = polls.iter().zip(&over).map(value).collect();
            let text = text(kind, &values, &over).unwrap();
            let read: Option<(usize, i64, f64, Option<f64>, String)> = serde_json::from_str(&text)
                .or_else(|_| serde_json::from_str::<Option<(usize, i64, f64, Option<f64>)>>(&text)
                    .map(|read| read.map(|(w, b, s, d)| (w, b, s, d, String::new()))))
                .unwrap();
            for (place, value) in values.iter().enumerate() {
                let Some((width, base, step, divisor, fields)) = &read else {
                    prop_assert!(value.is_nan());
                    continue;
                };
                let (width, base, step, divisor) = (*width, *base, *step, *divisor);
                let field = Field { width, base, step, divisor, fields };
                let again = field.value(place, over[place]).unwrap().map(|again| kind.tidy(again));
                prop_assert_eq!(again, (!value.is_nan()).then_some(*value), "{}", text);
            }
        }
    }
}
