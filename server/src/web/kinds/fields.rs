//! Which members of an answer are sent.

use std::sync::LazyLock;

use serde_json::{Value, json};

use super::ParamType;
use crate::{
    query::{Fields, HostShape, Members, PollShape, RowSeriesShape, RuleShape, SeriesShape},
    units::WallMs,
};

/// Which members of an answer are sent.
macro_rules! fields {
    ($Name:ident of $Shape:ty, $what:literal, $example:literal) => {
        #[doc = concat!("Which members of ", $what, " are sent.")]
        pub(in crate::web) struct $Name;

        impl ParamType for $Name {
            optional!(Fields);

            const IS_LIST: bool = true;

            fn schema() -> Value {
                let items =
                    json!({ "type": "string", "pattern": r"^[a-z0-9_]+(\.[a-z0-9_]+)*$" });
                json!({ "type": "array", "minItems": 1, "items": items })
            }

            fn read(text: &str, _: WallMs) -> Result<Fields, String> {
                static ALL: LazyLock<Members> = LazyLock::new(Members::of::<$Shape>);
                ALL.choose(text)
            }

            fn words(of_param: &str) -> String {
                format!(
                    "{of_param} {}, with commas between them, whatever its schema requires; \
                     `{}` is a member of a member",
                    $what, $example
                )
            }
        }
    };
}

// In a list a host's last poll comes without what repeats.
fields!(FieldsOfEach of HostShape, "each host", "last.outcome");
fields!(FieldsOfHost of HostShape, "it", "last.outcome");
fields!(FieldsOfRule of RuleShape, "each rule", "threshold");
fields!(FieldsOfPoll of PollShape, "each poll", "values.cpu_busy_pct");
fields!(FieldsOfSeries of SeriesShape, "the answer", "columns.avg");
fields!(FieldsOfRows of RowSeriesShape, "the answer", "rows.columns.avg");
