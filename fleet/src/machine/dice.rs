//! Numbers that look random and follow from the seed, the machine and a word. Nothing is remembered,
//! so the order of asking does not matter.

use xxhash_rust::xxh3::xxh3_64_with_seed;

/// The dice of one machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dice {
    seed: u64,
}

impl Dice {
    /// Of machine `number` under `seed`.
    #[must_use]
    pub fn new(seed: u64, number: u32) -> Self {
        Self { seed: xxh3_64_with_seed(&number.to_le_bytes(), seed) }
    }

    /// Any number; `at` tells several of one word apart.
    #[must_use]
    pub fn number(&self, what: &str, at: u64) -> u64 {
        xxh3_64_with_seed(what.as_bytes(), self.seed.wrapping_add(at))
    }

    /// From 0, never 1.
    #[must_use]
    pub fn fraction(&self, what: &str) -> f64 {
        self.fraction_at(what, 0)
    }

    /// From 0, never 1; `at` tells several of one word apart.
    #[must_use]
    pub fn fraction_at(&self, what: &str, at: usize) -> f64 {
        let number = self.number(what, u64::try_from(at).unwrap_or(0));
        #[expect(clippy::cast_precision_loss, reason = "53 bits are exact")]
        let fraction = (number >> 11) as f64 / (1_u64 << 53) as f64;
        fraction
    }

    /// One of `0..count`; 0 when there is none.
    #[must_use]
    pub fn below(&self, what: &str, count: usize) -> usize {
        let count = u64::try_from(count).unwrap_or(1).max(1);
        usize::try_from(self.number(what, 0) % count).unwrap_or(0)
    }
}
