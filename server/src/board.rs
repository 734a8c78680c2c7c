//! Boards: pages of charts that somebody chose, each a TOML file that is reviewed like an inventory.
//!
//! A chart says what `/api/v1/series`, `/top`, `/hosts/{name}/series` and the series of rows answer, in
//! their words. Pure: text in, a board or all of its problems out.

mod read;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use crate::text::is_shown;

pub use read::parse;

/// The largest file of a board, bytes.
pub const MAX_BOARD_BYTES: usize = 64 << 10;
/// The most charts of one board.
pub const MAX_CHARTS: usize = 32;
/// The most hosts that one chart names, and the most labels.
pub const MAX_CHART_HOSTS: usize = 50;
/// The most hosts that a chart of the top ones shows.
pub const MAX_CHART_TOP: u32 = 100;
/// The longest title of a board or a chart, bytes.
pub const MAX_TITLE_BYTES: usize = 200;
/// The longest name of a board, bytes.
pub const MAX_NAME_BYTES: usize = 64;

/// The spans that a board may begin with: those that the page offers.
pub const SPANS: [&str; 6] = ["15m", "1h", "6h", "24h", "7d", "30d"];

/// What the name of a board looks like: that of its file without `.toml`.
pub const NAME_PATTERN: &str = "^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$";

/// A page of charts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Board {
    /// Its heading.
    pub title: String,
    /// The length of time up to now that it begins with: 15m, 1h, 6h, 24h, 7d or 30d; `null` when it does
    /// not say.
    pub span: Option<String>,
    /// Its charts, in order.
    pub charts: Vec<Chart>,
}

/// A chart of a board. With `table` it is of what a host has several of; with `top` of the hosts with the
/// largest or smallest values; with `host` alone of one host; else of several hosts together.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, JsonSchema)]
pub struct Chart {
    /// Its heading; `null` for one made of what it shows.
    pub title: Option<String>,
    /// Which value, of a host or of `table`.
    pub column: String,
    /// The list that the rows are in, such as `disk`.
    pub table: Option<String>,
    /// One row of `table`, by its first label; `null` for the largest ones.
    pub row: Option<String>,
    /// Of this host.
    pub host: Option<String>,
    /// Of these hosts.
    pub hosts: Vec<String>,
    /// Of the hosts of this group.
    pub group: Option<String>,
    /// Of the hosts with all of these labels.
    pub labels: BTreeMap<String, String>,
    /// So many hosts, by the mean of the value.
    pub top: Option<u32>,
    /// `asc` or `desc`: smallest or largest first; with `top` alone.
    pub order: Option<String>,
}

/// Whether a text is a name of a board: one that is a file's name on every system, and leads nowhere else.
#[must_use]
pub fn is_name(text: &str) -> bool {
    let mut chars = text.bytes();
    text.len() <= MAX_NAME_BYTES
        && chars.next().is_some_and(|first| first.is_ascii_alphanumeric())
        && chars.all(|c| c.is_ascii_alphanumeric() || b"_-".contains(&c))
}

fn is_title(text: &str) -> bool {
    !text.trim().is_empty() && text.len() <= MAX_TITLE_BYTES && text.chars().all(is_shown)
}

#[cfg(test)]
mod tests;
