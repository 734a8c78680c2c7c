//! Which probes are meant.

use std::{fmt, str::FromStr};

/// Some of a fleet's probes. [`fmt::Display`] and [`FromStr`] are each other's inverse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selector {
    /// `all`.
    All,
    /// `web-7`.
    Name(String),
    /// `web-*`: names that begin so.
    Prefix(String),
    /// `#1-500`: by number, both included.
    Numbers(u32, u32),
    /// `10%`, here in hundredths of a percent: picked by the seed, always the same ones.
    Share(u32),
}

/// Hundredths of a percent in everything.
const WHOLE: u32 = 10_000;

/// A text selects nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?}: expected all, a name, a beginning of names with * (web-*), #1-500, or 10%")]
pub struct SelectorError(String);

impl Selector {
    /// Positions of the chosen among `probes`; `ranks` is the order that shares are taken in.
    pub fn choose<'a>(
        &self,
        probes: impl Iterator<Item = (u32, &'a str)>,
        ranks: &[usize],
    ) -> Vec<usize> {
        let matching = |wanted: &dyn Fn(u32, &str) -> bool| {
            probes
                .enumerate()
                .filter(|(_, (number, name))| wanted(*number, name))
                .map(|(at, _)| at)
                .collect()
        };
        match self {
            Self::All => matching(&|_, _| true),
            Self::Name(wanted) => matching(&|_, name| name == wanted),
            Self::Prefix(prefix) => matching(&|_, name| name.starts_with(prefix.as_str())),
            Self::Numbers(from, to) => matching(&|number, _| (*from..=*to).contains(&number)),
            Self::Share(_) => ranks[..self.share_of(ranks.len())].to_vec(),
        }
    }

    /// How many of `count` a share is, rounded; all of them for anything else.
    #[must_use]
    pub fn share_of(&self, count: usize) -> usize {
        let Self::Share(share) = self else { return count };
        let (share, whole) = (u64::from(*share), u64::from(WHOLE));
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        usize::try_from((count.saturating_mul(share) + whole / 2) / whole).unwrap_or(0)
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all"),
            Self::Name(name) => f.write_str(name),
            Self::Prefix(prefix) => write!(f, "{prefix}*"),
            Self::Numbers(from, to) => write!(f, "#{from}-{to}"),
            Self::Share(share) if share % 100 == 0 => write!(f, "{}%", share / 100),
            Self::Share(share) => write!(f, "{}.{:02}%", share / 100, share % 100),
        }
    }
}

impl FromStr for Selector {
    type Err = SelectorError;

    fn from_str(text: &str) -> Result<Self, SelectorError> {
        let wrong = || SelectorError(text.to_owned());
        if text == "all" {
            return Ok(Self::All);
        }
        if let Some(range) = text.strip_prefix('#') {
            let (from, to) = range.split_once('-').unwrap_or((range, range));
            let (from, to) = (from.parse().map_err(|_| wrong())?, to.parse().map_err(|_| wrong())?);
            return if from <= to { Ok(Self::Numbers(from, to)) } else { Err(wrong()) };
        }
        if let Some(percent) = text.strip_suffix('%') {
            let (whole, rest) = percent.split_once('.').unwrap_or((percent, ""));
            let digits = whole.len() + rest.len();
            if rest.len() > 2 || digits == 0 || digits > 5 {
                return Err(wrong());
            }
            let share: u32 = format!("{whole}{rest:0<2}").parse().map_err(|_| wrong())?;
            return if share <= WHOLE { Ok(Self::Share(share)) } else { Err(wrong()) };
        }
        let name = text.strip_suffix('*').unwrap_or(text);
        let named = |c: char| c.is_ascii_alphanumeric() || c == '-';
        if name.is_empty() || !name.chars().all(named) {
            return Err(wrong());
        }
        let owned = name.to_owned();
        Ok(if name.len() == text.len() { Self::Name(owned) } else { Self::Prefix(owned) })
    }
}
