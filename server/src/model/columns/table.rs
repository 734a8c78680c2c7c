//! Makes a closed list of columns from a table of them.

/// A table in groups, a row per column:
///
/// ```text
/// Family [: message] from "source" {
///     Variant = "name", Kind, Unit, [how it is made], [since "kernel",] [node "metric",] "meaning";
/// }
/// ```
///
/// In brackets stands a `Metric`: `gauge`, `counter`, `share`; in `host_wide` with what it is made of; `summed`: a row is of several counters. New columns go to the end of the last group, or into a group of their own
/// after it: rows that are kept are read by position.
macro_rules! columns {
    ($(#[doc = $enum_doc:literal])* $Enum:ident in $Cells:ty [$($label:literal),*] {
        $($family:ident $(: $message:ident)? from $source:literal { $(
            $Variant:ident = $name:literal, $kind:ident, $unit:ident, [$($made:tt)*],
                $(since $since:literal,)? $(node $node:literal,)? $doc:literal;
        )* })*
    }) => {
        $(#[doc = $enum_doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $Enum { $($( #[doc = $doc] $Variant, )*)* }

        const _: () = if let Some(length) = <$Cells as $crate::model::Cells>::LENGTH {
            assert!(length == <$Enum as $crate::model::ColumnSet>::ALL.len());
        };

        impl $crate::model::ColumnSet for $Enum {
            const ALL: &'static [Self] = &[$($( Self::$Variant, )*)*];
            const LABELS: &'static [&'static str] = &[$( $label, )*];
            type Cells = $Cells;
            const SPECS: &'static [$crate::model::ColumnSpec] = &[$($( $crate::model::ColumnSpec {
                name: $name,
                kind: $crate::model::ColumnKind::$kind,
                unit: $crate::model::Unit::$unit,
                family: $crate::model::Family::$family,
                source: $source,
                since: super::table::optional!($($since)?),
                node_exporter: super::table::optional!($($node)?),
                doc: $doc,
                ..super::table::made!($($made)*)
            }, )*)*];

            fn index(self) -> usize {
                self as usize
            }
        }
    };
}

/// A text that a row may lack.
macro_rules! optional {
    () => {
        None
    };
    ($text:literal) => {
        Some($text)
    };
}

/// What the brackets of a row say to the model: the kind of metric, how many raw counters it needs, and
/// what their rate is multiplied by.
macro_rules! made {
    (gauge $($_:tt)*) => { super::table::made!(@ Gauge 0, 1.0) };
    (counter $($how:tt)*) => { super::table::made!(@ Counter $($how)*) };
    (share $($how:tt)*) => { super::table::made!(@ Share $($how)*) };
    (@ $metric:ident summed) => {
        $crate::model::ColumnSpec { is_sum: true, ..super::table::made!(@ $metric) }
    };
    (@ $metric:ident $counters:literal, $scale:expr) => {
        $crate::model::ColumnSpec {
            metric: $crate::model::Metric::$metric,
            counters: $counters,
            scale: $scale,
            ..$crate::model::ColumnSpec::PLAIN
        }
    };
    (@ $metric:ident $reading:ident ($($_:tt)*) and $($of_ipv6:tt)*) => {
        super::table::made!(@ $metric 2, 1.0)
    };
    (@ $metric:ident $reading:ident ($($_:tt)*) $(* $scale:literal)?) => {
        super::table::made!(@ $metric 1, 1.0 $(* $scale)?)
    };
    (@ $metric:ident in tables::$function:ident) => {
        $crate::model::ColumnSpec { is_sum: true, ..super::table::made!(@ $metric) }
    };
    (@ $metric:ident $(in $($path:tt)*)?) => { super::table::made!(@ $metric 0, 1.0) };
}

pub(super) use {columns, made, optional};
