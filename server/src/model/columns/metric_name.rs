//! What a column is called as a metric of Prometheus.

use super::{ColumnSpec, Metric, Unit};

impl ColumnSpec {
    /// Its name as a metric of Prometheus, in base units; `of` is what it is of: `host`, `disk`. A gauge is as it
    /// is. Of a rate it is the counter whose `rate()` is the column: of a share, of a mean time and of a mean
    /// number that counter is in seconds. No counter stands behind a sum of rates: of a list's rows it is a gauge, of
    /// a host none, for its parts are told.
    #[must_use]
    pub fn prometheus(&self, of: &str) -> Option<String> {
        let name = self.name;
        let stem = match self.unit {
            Unit::Percent => name.strip_suffix("_pct"),
            Unit::PerSecond | Unit::BytesPerSecond => name.strip_suffix("_per_s"),
            Unit::Seconds => name.strip_suffix("_s"),
            Unit::Milliseconds => name.strip_suffix("_ms"),
            Unit::Microseconds => name.strip_suffix("_us"),
            // A counter alone ends so.
            Unit::Number | Unit::Count | Unit::Bytes => name.strip_suffix("_total"),
        };
        let stem = stem.unwrap_or(name);
        let end = match (self.metric, self.unit) {
            _ if self.is_sum && of == "host" => return None,
            (Metric::Counter, Unit::PerSecond | Unit::BytesPerSecond) if self.is_sum => {
                "_per_second"
            }
            (_, Unit::Percent) if self.is_sum => "_ratio",
            (Metric::Counter, Unit::PerSecond | Unit::BytesPerSecond) => "_total",
            (Metric::Counter | Metric::Share, _) => "_seconds_total",
            (Metric::Gauge, Unit::Percent) => "_ratio",
            (Metric::Gauge, Unit::Seconds | Unit::Milliseconds | Unit::Microseconds) => "_seconds",
            (Metric::Gauge, _) => "",
        };
        Some(format!("roundsman_{of}_{stem}{end}"))
    }
}
