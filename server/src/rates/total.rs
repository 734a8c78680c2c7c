//! A counter as a number that is written without loss.

/// A number as it is counted: `digits` of ten to the minus `decimals`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Total {
    /// The number without its point.
    pub digits: u64,
    /// How many digits stand behind the point.
    pub decimals: u8,
}

impl Total {
    /// A whole number.
    #[must_use]
    pub const fn whole(digits: u64) -> Self {
        Self { digits, decimals: 0 }
    }

    /// The number, as near as a float is to it.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "it is what is wanted")]
    pub fn number(self) -> f64 {
        self.digits as f64 / 10_f64.powi(self.decimals.into())
    }

    /// A count times a whole number; what is too much stops at the most.
    pub(super) fn scaled(raw: u64, scale: f64) -> Self {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "scales are small and more than 0"
        )]
        let scale = scale.round() as u64;
        Self::whole(raw.saturating_mul(scale))
    }

    /// Milliseconds as seconds.
    pub(super) const fn of_ms(digits: u64) -> Self {
        Self { digits, decimals: 3 }
    }

    /// Ticks as seconds.
    pub(super) fn of_ticks(ticks: u64, per_second: u32) -> Option<Self> {
        if per_second == 100 {
            return Some(Self { digits: ticks, decimals: 2 });
        }
        let micros = u128::from(ticks) * 1_000_000 / u128::from(per_second.max(1));
        Some(Self { digits: u64::try_from(micros).ok()?, decimals: 6 })
    }
}
