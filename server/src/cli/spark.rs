//! Little charts of one line: a bar per value, a space where there is none. Pure.

/// Bars from the least to the greatest, an eighth of a cell each (Unicode, Block Elements).
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// A bar per value between 0 and `top`. A value that is unknown is a gap, and 0 is none: it has the
/// lowest bar.
pub(super) fn bars(values: &[Option<f64>], top: f64) -> String {
    let bar = |value: &Option<f64>| value.map_or(' ', |value| BARS[level(value, top)]);
    values.iter().map(bar).collect()
}

fn level(value: f64, top: f64) -> usize {
    eighths(value, top, 1).min(BARS.len() - 1)
}

/// How many eighths of a cell high a value is, of `lines` cells.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "0 to the height"
)]
fn eighths(value: f64, top: f64, lines: usize) -> usize {
    if top <= 0.0 {
        return 0;
    }
    let most = lines * BARS.len();
    // A cast of what is no number, or below 0, is 0.
    ((value / top * most as f64).floor() as usize).min(most)
}

/// The same bars over several lines, from the top down.
pub(super) fn tall(values: &[Option<f64>], top: f64, lines: usize) -> Vec<String> {
    let line = |from_below: usize| {
        let cell = |value: &Option<f64>| {
            let Some(value) = value else { return ' ' };
            // The lowest bar is there for 0, too.
            let full = eighths(*value, top, lines).max(1);
            match full.saturating_sub(from_below * BARS.len()) {
                0 => ' ',
                part => BARS[part.min(BARS.len()) - 1],
            }
        };
        values.iter().map(cell).collect()
    };
    (0..lines).rev().map(line).collect()
}

/// At most `width` values: of several that share a place the greatest, so that no peak is lost.
pub(super) fn squeezed(values: &[Option<f64>], width: usize) -> Vec<Option<f64>> {
    if values.len() <= width {
        return values.to_vec();
    }
    let edge = |place: usize| place * values.len() / width.max(1);
    (0..width).map(|place| greatest(&values[edge(place)..edge(place + 1)])).collect()
}

/// The greatest of what is known.
pub(super) fn greatest(values: &[Option<f64>]) -> Option<f64> {
    values.iter().flatten().copied().reduce(f64::max)
}

/// The least of what is known.
pub(super) fn min(values: &[Option<f64>]) -> Option<f64> {
    values.iter().flatten().copied().reduce(f64::min)
}

/// Where a chart ends above: shares at 100, others at their greatest value.
pub(super) fn top(values: &[Option<f64>], share: bool) -> f64 {
    if share { 100.0 } else { greatest(values).unwrap_or(0.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_is_a_gap_and_zero_is_a_bar() {
        let values = [Some(0.0), None, Some(50.0), Some(100.0), Some(1e9)];
        assert_eq!(bars(&values, 100.0), "▁ ▅██");
        assert_eq!(bars(&[Some(0.0), Some(0.0)], 0.0), "▁▁");
        assert_eq!(bars(&[Some(-3.0), Some(f64::NAN)], 1.0), "▁▁");
    }

    #[test]
    fn a_tall_bar_is_as_high_as_its_value_and_no_higher() {
        let values = [Some(0.0), None, Some(50.0), Some(75.0), Some(100.0), Some(1e9)];
        assert_eq!(tall(&values, 100.0, 2), ["   ▄██", "▁ ████"]);
        assert_eq!(tall(&values, 100.0, 1), ["▁ ▄▆██"]);
        assert_eq!(tall(&[Some(0.0), Some(0.0)], 0.0, 2), ["  ", "▁▁"]);
    }

    #[test]
    fn what_is_squeezed_keeps_its_peaks_and_its_gaps() {
        let mut values: Vec<Option<f64>> = vec![Some(1.0); 1_000];
        values[777] = Some(99.0);
        values[..100].fill(None);
        let squeezed = squeezed(&values, 10);
        assert_eq!(squeezed.len(), 10);
        assert_eq!((squeezed[0], squeezed[7], squeezed[9]), (None, Some(99.0), Some(1.0)));
        assert_eq!(super::squeezed(&values[..3], 10).len(), 3);
    }
}
