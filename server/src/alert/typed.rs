//! Numbers of a condition while they are put together: what unit each has, and which go together.

use std::time::Duration;

use super::{
    condition::{Num, Span},
    language::{Kind, Make, Node},
    tokens::Fault,
    units::{UNITS, Units},
};

/// The most polls that a window looks back over.
pub(super) const MAX_WINDOW_POLLS: u32 = 120;
/// The longest time that a window looks back over.
pub(super) const MAX_WINDOW: Duration = Duration::from_secs(24 * 3600);

/// A number while it is put together.
pub(super) struct Typed<'t> {
    pub(super) num: Num,
    pub(super) units: Units,
    pub(super) factor: f64,
    /// It fits whatever it is compared with: a number without a unit, a ratio.
    pub(super) free: bool,
    pub(super) node: &'t Node<'t>,
}

/// How far back a window looks.
pub(super) fn read_span(name: &str, node: &Node<'_>) -> Result<Span, Fault> {
    let at = node.at;
    let Kind::Number(number, Some((units, factor))) = node.kind else {
        let message = format!("{name} looks back over polls or a time: 5 polls or 10 m");
        return Err(Fault::new(at, message));
    };
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within limits")]
    match units {
        Units::Polls
            if number.fract() == 0.0 && (1.0..=f64::from(MAX_WINDOW_POLLS)).contains(&number) =>
        {
            Ok(Span::Polls(number as u32))
        }
        Units::Polls => Err(Fault::new(
            at,
            format!("a window has 1 to {MAX_WINDOW_POLLS} polls; longer ones are given as a time"),
        )),
        Units::Time if (1.0..=MAX_WINDOW.as_secs_f64()).contains(&(number * factor)) => {
            Ok(Span::Time((number * factor * 1000.0) as u32))
        }
        Units::Time => Err(Fault::new(at, "a window is 1 s to 24 h long")),
        other => Err(Fault::new(
            at,
            format!("{name} looks back over polls or a time, not {}", other.spoken()),
        )),
    }
}

/// How many of one unit the other is: a whole number, or 1 by one, of powers of a thousand that are none
/// in binary.
fn ratio(one: f64, other: f64) -> f64 {
    if one >= other { (one / other).round() } else { 1.0 / (other / one).round() }
}

/// In another unit.
pub(super) fn scaled(num: Num, factor: f64) -> Num {
    match num {
        Num::Const(number) => Num::Const(number * factor),
        other => Num::Scaled(Box::new(other), factor),
    }
}

/// The two in one unit, that of the left where both have one.
pub(super) fn fitted<'t>(
    left: Typed<'t>,
    right: Typed<'t>,
    at: usize,
    how: &str,
) -> Result<(Typed<'t>, Typed<'t>), Fault> {
    if left.units == right.units {
        let ratio = ratio(right.factor, left.factor);
        if (ratio - 1.0).abs() < f64::EPSILON {
            return Ok((left, right));
        }
        // A time that is written is in seconds; it goes into the unit of the column.
        if let Num::Const(_) = left.num {
            let num = scaled(left.num, 1.0 / ratio);
            return Ok((Typed { num, factor: right.factor, ..left }, right));
        }
        let num = scaled(right.num, ratio);
        return Ok((left, Typed { num, ..right }));
    }
    if left.free {
        let (units, factor) = (right.units, right.factor);
        return Ok((Typed { units, factor, ..left }, right));
    }
    if right.free {
        let (units, factor) = (left.units, left.factor);
        return Ok((left, Typed { units, factor, ..right }));
    }
    let (named, other) = (spoken(left.node), spoken(right.node));
    let (is, not) = (left.units.spoken(), right.units.spoken());
    let example = left.units.example();
    Err(Fault::new(
        at,
        format!(
            "{named} is {is} and cannot be {how} {other}, {not}; expected one such as {example}"
        ),
    ))
}

/// What a person wrote, for a message.
fn spoken(node: &Node<'_>) -> String {
    match &node.kind {
        Kind::Name(name) => format!("`{name}`"),
        Kind::Number(number, None) => format!("{number}"),
        Kind::Number(number, Some(unit)) => {
            let word = UNITS.iter().find(|(_, units, factor)| (*units, *factor) == *unit);
            format!("{number} {}", word.map_or("", |(word, ..)| word))
        }
        Kind::Call(name, _) => format!("`{name}(…)`"),
        _ => "what is computed".to_owned(),
    }
}

/// A number made of two.
pub(super) fn made<'t>(
    node: &'t Node<'t>,
    make: Make,
    left: Typed<'t>,
    right: Typed<'t>,
) -> Result<Typed<'t>, Fault> {
    let put = |left: Num, right: Num| match (&left, &right) {
        (Num::Const(a), Num::Const(b)) => Num::Const(match make {
            Make::Plus => a + b,
            Make::Minus => a - b,
            Make::Times => a * b,
            Make::By if *b == 0.0 => f64::NAN,
            Make::By => a / b,
        }),
        _ => Num::Made(make, Box::new(left), Box::new(right)),
    };
    if make == Make::By && right.num == Num::Const(0.0) {
        return Err(Fault::new(right.node.at, "divided by 0"));
    }
    let (units, factor, free) = match (make, left.units, right.units) {
        (Make::Plus | Make::Minus, ..) => {
            let how = if make == Make::Plus { "added to" } else { "compared by - with" };
            let (left, right) = fitted(left, right, node.at, how)?;
            let free = left.free && right.free;
            let (units, factor) = (left.units, left.factor);
            return Ok(Typed { num: put(left.num, right.num), units, factor, free, node });
        }
        (Make::Times, units, Units::Plain) => (units, left.factor, units == Units::Plain),
        (Make::Times, Units::Plain, units) => (units, right.factor, false),
        (Make::By, units, Units::Plain) => (units, left.factor, units == Units::Plain),
        (Make::By, one, other) if one == other => {
            let num = scaled(put(left.num, right.num), ratio(left.factor, right.factor));
            return Ok(Typed { num, units: Units::Plain, factor: 1.0, free: true, node });
        }
        (Make::By, Units::Bytes, Units::BytesPerSecond) => (Units::Time, 1.0, false),
        (_, one, other) => {
            let how = if make == Make::Times { "multiplied by" } else { "divided by" };
            let message = format!("{} cannot be {how} {}", one.spoken(), other.spoken());
            return Err(Fault::new(node.at, message));
        }
    };
    Ok(Typed { num: put(left.num, right.num), units, factor, free, node })
}
