//! Host-wide values: gauges in the unit of their column, counters as they are. Which there are, and of
//! which fields, stands in the table of columns (`model/columns/host_wide.rs`); here is how a field is
//! read. What the wire does not hold stays unknown. What cannot be is unknown, too: more than a column's
//! unit allows (`Values::set` sees to that), more tasks than a kernel has, a part larger than its whole.

use roundsman_proto::v1;

use super::tables::MAX_TASKS;
use crate::model::{Column, Counter, Counters, Values, host_wide};

/// What a value may depend on beside its own message.
struct About {
    /// Bytes in a page; none where they are unknown.
    page_bytes: Option<f64>,
    /// Whether all of the sockets' family was read: else a figure of IPv6 that is not there may only
    /// not have been read.
    all_sockets: bool,
}

/// Every gauge and every counter that the wire holds; what follows from several values is for `rates`.
/// `page_bytes` is 0 where it is unknown.
pub(super) fn values(wire: &v1::Snapshot, page_bytes: u32) -> (Values<Column>, Counters) {
    let sockets = wire.reports.iter().find(|report| report.family() == v1::Family::Sockets);
    let about = &About {
        page_bytes: (page_bytes > 0).then_some(f64::from(page_bytes)),
        all_sockets: sockets.is_none_or(|report| report.status() == v1::Status::Ok),
    };
    let (mut gauges, mut counters) = (Values::default(), Counters::default());

    macro_rules! read {
        ($($family:ident: $message:ident from $source:literal { $(
            $Column:ident = $name:literal, $kind:ident, $unit:ident, [$($made:tt)*],
                $(since $since:literal,)? $(node $node:literal,)? $doc:literal;
        )* })*) => {
            $( if let Some(message) = &wire.$message {
                let _ = message;
                $( value!(message, $Column, $($made)*); )*
            } )*
        };
    }
    macro_rules! value {
        ($message:ident, $Column:ident, $metric:ident in $($path:tt)*) => {};
        ($message:ident, $Column:ident, gauge $reading:ident($($field:ident),*)) => {
            gauges.set(Column::$Column, $reading(about, $($message.$field),*));
        };
        ($message:ident, $Column:ident,
            $metric:ident $reading:ident($($field:ident),*) $(* $scale:literal)?) => {
            counters.set(
                const { Counter::place(Column::$Column, false) },
                $reading($($message.$field),*),
            );
        };
        ($message:ident, $Column:ident,
            $metric:ident $reading:ident($field:ident) and $of_ipv6:ident($field6:ident)) => {
            value!($message, $Column, $metric $reading($field));
            counters.set(
                const { Counter::place(Column::$Column, true) },
                $of_ipv6($message.$field6),
            );
        };
    }
    host_wide!(read);
    (gauges, counters)
}

/// A number of the wire, there or not, of whichever width.
trait Number {
    fn there(self) -> Option<u64>;
}

impl Number for Option<u64> {
    fn there(self) -> Option<u64> {
        self
    }
}

impl Number for Option<u32> {
    fn there(self) -> Option<u64> {
        self.map(u64::from)
    }
}

impl Number for u32 {
    fn there(self) -> Option<u64> {
        Some(self.into())
    }
}

/// As it is, exact to 2^53, as `Kind::Whole` says.
fn number(_: &About, value: impl Number) -> Option<f64> {
    #[expect(clippy::cast_precision_loss, reason = "a column is exact to 2^53")]
    value.there().map(|value| value as f64)
}

/// A number of tasks.
fn tasks(about: &About, value: impl Number) -> Option<f64> {
    number(about, value).filter(|tasks| *tasks <= f64::from(MAX_TASKS))
}

/// A mean number of tasks.
fn hundredths(_: &About, value: Option<u32>) -> Option<f64> {
    value.map(|value| f64::from(value) / 100.0).filter(|tasks| *tasks <= f64::from(MAX_TASKS))
}

/// A part of a whole that is no larger than it; where one of both is wrong, the part is unknown.
fn part(about: &About, part: Option<u64>, whole: Option<u64>) -> Option<f64> {
    number(about, part.filter(|part| whole.is_none_or(|whole| *part <= whole)))
}

/// KiB as bytes.
fn kib(about: &About, value: Option<u64>) -> Option<f64> {
    number(about, value).map(|kib| kib * 1024.0)
}

/// As [`part`], of KiB, in bytes.
fn kib_of(about: &About, of: Option<u64>, whole: Option<u64>) -> Option<f64> {
    part(about, of, whole).map(|kib| kib * 1024.0)
}

/// Pages as bytes.
fn pages(about: &About, value: Option<u64>) -> Option<f64> {
    Some(number(about, value)? * about.page_bytes?)
}

/// The sockets of IPv4 and IPv6: /proc/net/sockstat counts those of IPv4; a kernel without IPv6 has no
/// others.
fn both(about: &About, v4: Option<u64>, v6: Option<u64>) -> Option<f64> {
    number(about, v4?.checked_add(v6.or(about.all_sockets.then_some(0))?))
}

/// The kernel's own average of a stall, percent.
fn average(_: &About, stall: Option<v1::PressureStall>) -> Option<f64> {
    let share = stall.map(|stall| f64::from(stall.avg10_hundredths) / 100.0);
    share.filter(|share| *share <= 100.0)
}

/// A counter as it is.
fn total(value: Option<u64>) -> Option<u64> {
    value
}

/// The time of a stall.
fn stalled_us(stall: Option<v1::PressureStall>) -> Option<u64> {
    stall.map(|stall| stall.total_us)
}

/// Two counters as one.
fn sum(one: u64, other: u64) -> Option<u64> {
    Some(one.saturating_add(other))
}
