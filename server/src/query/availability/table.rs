//! Availability as a table, for other programs: a row for each host and period.

use super::{Availability, AvailabilityShape, HostAvailability};
use crate::{query::PeriodShape, store::SqlValue, text::csv_text};

/// The names over the rows of [`AvailabilityShape::rows`].
pub const AVAILABILITY_COLUMNS: [&str; 15] = [
    "host",
    "host_group",
    "period",
    "available_pct",
    "good_ms",
    "bad_ms",
    "paused_ms",
    "unknown_ms",
    "polls",
    "failed",
    "met",
    "left_ms",
    "rx_bytes",
    "tx_bytes",
    "counted_ms",
];

impl AvailabilityShape {
    /// A row for each host and period, for other programs.
    pub fn rows(&self) -> impl Iterator<Item = [SqlValue; AVAILABILITY_COLUMNS.len()]> + '_ {
        self.hosts.iter().flat_map(|of| {
            self.periods.iter().enumerate().map(move |(at, period)| of.row(at, period))
        })
    }

    /// The same as CSV (RFC 4180) with a header.
    #[must_use]
    pub fn csv(&self) -> String {
        let mut out = AVAILABILITY_COLUMNS.join(",");
        out.push('\n');
        for row in self.rows() {
            for (at, value) in row.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                match value {
                    SqlValue::Text(text) => csv_text(text, &mut out),
                    SqlValue::Whole(number) => out.push_str(&number.to_string()),
                    SqlValue::Real(number) => out.push_str(&number.to_string()),
                    SqlValue::Null | SqlValue::Bytes(_) => {}
                }
            }
            out.push('\n');
        }
        out
    }
}

impl HostAvailability {
    fn row(&self, at: usize, period: &PeriodShape) -> [SqlValue; AVAILABILITY_COLUMNS.len()] {
        let Availability { available_pct, met, left_ms, rx_bytes, tx_bytes, .. } = &self.counts;
        let Availability { good_ms, bad_ms, paused_ms, unknown_ms, .. } = &self.counts;
        let Availability { polls, failed, counted_ms, .. } = &self.counts;
        let whole =
            |of: &[u64]| of.get(at).map_or(SqlValue::Null, |n| SqlValue::Whole((*n).into()));
        let maybe = |of: &[Option<u64>]| {
            of.get(at).copied().flatten().map_or(SqlValue::Null, |n| SqlValue::Whole(n.into()))
        };
        let text = |text: &str| SqlValue::Text(text.to_owned());
        let is_met = |met: bool| SqlValue::Whole(met.into());
        [
            text(&self.host),
            self.group.as_deref().map_or(SqlValue::Null, text),
            text(&period.name),
            available_pct.get(at).copied().flatten().map_or(SqlValue::Null, SqlValue::Real),
            whole(good_ms),
            whole(bad_ms),
            whole(paused_ms),
            whole(unknown_ms),
            whole(polls),
            whole(failed),
            met.get(at).copied().flatten().map_or(SqlValue::Null, is_met),
            left_ms
                .get(at)
                .copied()
                .flatten()
                .map_or(SqlValue::Null, |ms| SqlValue::Whole(ms.into())),
            maybe(rx_bytes),
            maybe(tx_bytes),
            whole(counted_ms),
        ]
    }
}
