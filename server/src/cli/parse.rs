//! Values of flags that clap has no words for.

use clap::builder::{PossibleValuesParser, TypedValueParser};

use crate::model::State;

/// One of the states.
pub(super) fn state() -> impl TypedValueParser<Value = State> {
    PossibleValuesParser::new(State::ALL.iter().map(|state| state.as_str())).map(|word| {
        // clap has let only words of this list through.
        State::parse(&word).unwrap_or(State::Pending)
    })
}

/// A number from 1 to `most`.
pub(super) fn count(
    most: usize,
) -> impl Fn(&str) -> Result<usize, String> + Clone + Send + Sync + 'static {
    move |text| match text.parse() {
        Ok(number) if (1..=most).contains(&number) => Ok(number),
        _ => Err(format!("expected a number from 1 to {most}")),
    }
}
