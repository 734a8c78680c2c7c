//! A share as a bar: a heavy line on a light one, half a cell fine, so that it is read without colours.

use super::{Style, Theme};

/// The bar of a share of 100 in so many columns; nothing where it is unknown. The part that is there has
/// `ink`.
pub(super) fn bar(
    share: Option<f64>,
    width: usize,
    ink: Style,
    theme: Theme,
) -> [(String, Style); 2] {
    let Some(share) = share else {
        return [(" ".repeat(width), Style::new()), (String::new(), Style::new())];
    };
    let halves = halves(share, width);
    let mut full = "━".repeat(halves / 2);
    if halves % 2 == 1 {
        full.push('╸');
    }
    [(full, ink), ("─".repeat(width - halves.div_ceil(2)), theme.dim())]
}

/// How many halves of a cell; one at least where there is something.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "0 to the width"
)]
fn halves(share: f64, width: usize) -> usize {
    let most = width * 2;
    // A cast of what is no number, or below 0, is 0.
    let halves = (share / 100.0 * most as f64).round() as usize;
    halves.clamp(usize::from(share > 0.0), most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_as_long_as_its_share_and_an_unknown_has_none() {
        let bar = |share| {
            let [(full, _), (rest, _)] = bar(share, 4, Style::new(), Theme { colour: false });
            format!("{full}|{rest}")
        };
        assert_eq!(bar(None), "    |");
        assert_eq!(bar(Some(0.0)), "|────");
        assert_eq!(bar(Some(0.1)), "╸|───");
        assert_eq!(bar(Some(50.0)), "━━|──");
        assert_eq!(bar(Some(62.5)), "━━╸|─");
        assert_eq!(bar(Some(100.0)), "━━━━|");
        assert_eq!(bar(Some(1e9)), "━━━━|");
        assert_eq!(bar(Some(f64::NAN)), "|────");
    }
}
