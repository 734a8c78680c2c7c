//! How a sample is written: the text formats of Prometheus (0.0.4) and OpenMetrics (1.0), which differ in how
//! a family is announced, in moments and in the last line.

use crate::{
    model::{ColumnKind, ColumnSpec, Unit},
    rates::Total,
};

/// A text format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextFormat {
    /// Prometheus text 0.0.4.
    Prometheus,
    /// OpenMetrics 1.0.
    OpenMetrics,
}

impl TextFormat {
    /// Its media type.
    #[must_use]
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }

    /// The one that an `Accept` (RFC 9110, 12.5.1) wants most: OpenMetrics only where it is named.
    #[must_use]
    pub fn accepted(accept: &str) -> Self {
        let (mut open, mut plain) = (0.0_f64, 0.0_f64);
        for wanted in accept.split(',') {
            let mut parts = wanted.split(';').map(str::trim);
            let kind = parts.next().unwrap_or_default().to_ascii_lowercase();
            let weight = parts.find_map(|part| part.strip_prefix("q=")?.trim().parse().ok());
            let weight: f64 = weight.unwrap_or(1.0);
            match kind.as_str() {
                "application/openmetrics-text" => open = open.max(weight),
                "text/plain" | "text/*" => plain = plain.max(weight),
                _ => {}
            }
        }
        if open > 0.0 && open >= plain { Self::OpenMetrics } else { Self::Prometheus }
    }
}

/// What a family's samples are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MetricKind {
    /// How something is.
    Gauge,
    /// How much there is of something that can be added up.
    UpDown,
    /// How much there was since a start.
    Counter,
    /// Labels alone; the value is 1.
    Info,
    /// As node_exporter leaves it where it hands on what a file says.
    Unknown,
}

/// Announces a family by its samples' name.
pub(super) fn announce(
    out: &mut Vec<u8>,
    format: TextFormat,
    name: &str,
    kind: MetricKind,
    help: &str,
) {
    let (family, word) = match (format, kind) {
        (_, MetricKind::Gauge | MetricKind::UpDown) => (name, "gauge"),
        (TextFormat::Prometheus, MetricKind::Counter) => (name, "counter"),
        (TextFormat::OpenMetrics, MetricKind::Counter) => {
            (name.strip_suffix("_total").unwrap_or(name), "counter")
        }
        (TextFormat::Prometheus, MetricKind::Info) => (name, "gauge"),
        (TextFormat::OpenMetrics, MetricKind::Info) => {
            (name.strip_suffix("_info").unwrap_or(name), "info")
        }
        (TextFormat::Prometheus, MetricKind::Unknown) => (name, "untyped"),
        (TextFormat::OpenMetrics, MetricKind::Unknown) => (name, "unknown"),
    };
    for part in ["# HELP ", family, " "] {
        out.extend_from_slice(part.as_bytes());
    }
    escape(out, help, format == TextFormat::OpenMetrics);
    for part in ["\n# TYPE ", family, " ", word, "\n"] {
        out.extend_from_slice(part.as_bytes());
    }
}

/// A text within quotes; the help of the older format keeps its own.
fn escape(out: &mut Vec<u8>, text: &str, quotes: bool) {
    for byte in text.bytes() {
        match byte {
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'"' if quotes => out.extend_from_slice(b"\\\""),
            byte => out.push(byte),
        }
    }
}

/// One sample as it is written: labels, then its end.
pub(super) struct Sample<'a> {
    out: &'a mut Vec<u8>,
    is_labelled: bool,
}

impl<'a> Sample<'a> {
    /// Begins one.
    pub(super) fn of(out: &'a mut Vec<u8>, name: &str) -> Self {
        out.extend_from_slice(name.as_bytes());
        Self { out, is_labelled: false }
    }

    /// More of its name.
    pub(super) fn goes_on(self, name: &str) -> Self {
        self.out.extend_from_slice(name.as_bytes());
        self
    }

    fn separate(&mut self) {
        self.out.push(if self.is_labelled { b',' } else { b'{' });
        self.is_labelled = true;
    }

    /// Labels that are written already, with commas between them; there may be none.
    pub(super) fn labels(mut self, ready: &[u8]) -> Self {
        if !ready.is_empty() {
            self.separate();
            self.out.extend_from_slice(ready);
        }
        self
    }

    /// One label. An empty one is none.
    pub(super) fn label(mut self, name: &str, value: &str) -> Self {
        if !value.is_empty() {
            self.separate();
            label(self.out, name, value);
        }
        self
    }

    /// Its value, and what stands behind it: a moment or nothing.
    pub(super) fn is(self, value: Total, moment: &[u8]) {
        if self.is_labelled {
            self.out.push(b'}');
        }
        self.out.push(b' ');
        number(self.out, value);
        self.out.extend_from_slice(moment);
        self.out.push(b'\n');
    }
}

/// A label and its value.
pub(super) fn label(out: &mut Vec<u8>, name: &str, value: &str) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"=\"");
    escape(out, value, true);
    out.push(b'"');
}

/// A decimal number, without zeros at its end.
pub(super) fn number(out: &mut Vec<u8>, Total { digits, decimals }: Total) {
    let power = 10_u64.pow(decimals.into());
    whole(out, digits / power, 1);
    let rest = digits % power;
    if rest > 0 {
        out.push(b'.');
        whole(out, rest, decimals.into());
        while out.last() == Some(&b'0') {
            out.pop();
        }
    }
}

/// A whole number of at least so many digits.
fn whole(out: &mut Vec<u8>, mut number: u64, digits: usize) {
    let mut text = [b'0'; 20];
    let mut at = text.len();
    while number > 0 {
        at -= 1;
        text[at] += u8::try_from(number % 10).unwrap_or_default();
        number /= 10;
    }
    out.extend_from_slice(&text[at.min(text.len() - digits)..]);
}

/// A gauge in its base unit: seconds, bytes, a share of 1. Columns are kept to a thousandth.
pub(super) fn gauge(value: f64, spec: &ColumnSpec) -> Total {
    let of_unit = match spec.unit {
        Unit::Percent => 2,
        Unit::Milliseconds => 3,
        Unit::Microseconds => 6,
        Unit::Number
        | Unit::Count
        | Unit::Bytes
        | Unit::BytesPerSecond
        | Unit::PerSecond
        | Unit::Seconds => 0,
    };
    let (digits, of_kind) = match spec.kind {
        ColumnKind::Whole => (value, 0),
        ColumnKind::Real => ((value * 1000.0).round(), 3),
    };
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "no column is negative, and all are less than 2^63"
    )]
    let digits = digits as u64;
    Total { digits, decimals: of_unit + of_kind }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Column, ColumnSet as _};

    fn written(digits: u64, decimals: u8) -> String {
        let mut out = Vec::new();
        number(&mut out, Total { digits, decimals });
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn numbers_are_written_as_short_as_they_are_exact() {
        for (digits, decimals, text) in [
            (0, 0, "0"),
            (0, 6, "0"),
            (7, 0, "7"),
            (120, 0, "120"),
            (5, 2, "0.05"),
            (1_500, 3, "1.5"),
            (14_036_781, 6, "14.036781"),
            (1_000_001, 6, "1.000001"),
            (u64::MAX, 0, "18446744073709551615"),
            (u64::MAX, 2, "184467440737095516.15"),
        ] {
            assert_eq!(written(digits, decimals), text);
            let exact = format!("{digits}e-{decimals}").parse::<f64>();
            assert_eq!(text.parse::<f64>(), exact, "{text}");
        }
    }

    #[test]
    fn gauges_are_in_base_units() {
        let gauge_of = |column: Column, value| {
            let Total { digits, decimals } = gauge(value, column.spec());
            written(digits, decimals)
        };
        assert_eq!(gauge_of(Column::MemUsedPct, 12.345), "0.12345");
        assert_eq!(gauge_of(Column::Load1, 0.29), "0.29");
        assert_eq!(gauge_of(Column::MemTotalBytes, 8_321_499_136.0), "8321499136");
        assert_eq!(gauge_of(Column::ProbeCollectUs, 1_250.0), "0.00125");
    }

    #[test]
    fn what_is_accepted_most_is_sent() {
        let (open, plain) = (TextFormat::OpenMetrics, TextFormat::Prometheus);
        for (accept, format) in [
            ("", plain),
            ("*/*", plain),
            ("text/html,*/*;q=0.8", plain),
            ("application/openmetrics-text", open),
            ("application/openmetrics-text; version=1.0.0; q=0", plain),
            ("text/plain;version=0.0.4;q=0.6,application/openmetrics-text;q=0.3", plain),
            // Prometheus 3.5.
            (
                "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
                 application/openmetrics-text;version=0.0.1;q=0.5,\
                 text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,\
                 */*;q=0.2",
                open,
            ),
        ] {
            assert_eq!(TextFormat::accepted(accept), format, "{accept}");
        }
    }

    #[test]
    fn a_label_ends_where_it_does() {
        let mut out = Vec::new();
        Sample::of(&mut out, "a").label("b", "x\"y\\z\nn").label("c", "").is(Total::whole(1), b"");
        Sample::of(&mut out, "a").labels(b"").is(Total::whole(2), b" 5");
        assert_eq!(out, b"a{b=\"x\\\"y\\\\z\\nn\"} 1\na 2 5\n");
    }
}
