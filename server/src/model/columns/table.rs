//! Makes a closed list of columns from a table of them.

/// `Variant = "name", Kind, Unit, Family, "meaning";` per column. New columns go to the end: rows
/// that are kept are read by position.
macro_rules! columns {
    ($(#[doc = $enum_doc:literal])* $Enum:ident in $Cells:ty [$($label:literal),*] {
        $( $Variant:ident = $name:literal, $kind:ident, $unit:ident, $family:ident, $doc:literal; )*
    }) => {
        $(#[doc = $enum_doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $Enum { $( #[doc = $doc] $Variant, )* }

        const _: () = if let Some(length) = <$Cells as $crate::model::Cells>::LENGTH {
            assert!(length == <$Enum as $crate::model::ColumnSet>::ALL.len());
        };

        impl $crate::model::ColumnSet for $Enum {
            const ALL: &'static [Self] = &[$( Self::$Variant, )*];
            const LABELS: &'static [&'static str] = &[$( $label, )*];
            type Cells = $Cells;

            fn spec(self) -> &'static $crate::model::ColumnSpec {
                const SPECS: &[$crate::model::ColumnSpec] = &[$( $crate::model::ColumnSpec {
                    name: $name,
                    kind: $crate::model::Kind::$kind,
                    unit: $crate::model::Unit::$unit,
                    family: $crate::model::Family::$family,
                    doc: $doc,
                }, )*];
                &SPECS[self as usize]
            }

            fn index(self) -> usize {
                self as usize
            }
        }
    };
}

pub(super) use columns;
