//! What alert rules say of the hosts: rules read from `alerts.toml`, conditions over the values of a
//! poll, and the states that an alarm goes through.
//!
//! A file is read as [`Rules`], or as all of its problems. A [`Judge`] holds what is known of one host's
//! alarms and says, of the record that a poll just made, how they change: there is no interval of
//! evaluation, and nothing is asked of the store.
//!
//! Pure: no clock, no I/O. Time is the slots of the polls.

mod units;
mod names;
mod tokens;
mod language;
mod condition;
mod typed;
mod compile;
mod implied;
mod template;
mod alarm;
mod rule;
mod reach;
mod screen;
mod reading;
pub(crate) mod file;
mod window;
mod seen;
mod rule_set;
mod explain;
mod memory;
mod tracks;
mod judge;
mod spells;
mod trial;
mod shipped;

pub use alarm::{Change, MAX_GAP, Missing, Moment, Seen, Stand, Terms, Wait, step};
pub use condition::{Condition, Measure, Term};
pub use explain::{Explained, ExplainedTerm};
#[cfg(test)]
pub(crate) use file::parse;
pub use file::{MAX_FILE_BYTES, MAX_RULES, Rules, TABLES};
pub use judge::Judge;
pub use memory::MAX_ROWS;
pub use names::{Over, ServerCells};
pub use rule::Rule;
pub use rule_set::RuleSets;
pub use seen::{Budget, Judged, MAX_ALARMS_IN_ALL, Subject};
pub use shipped::SHIPPED;
pub use spells::{FLAPS_WITHIN, MAX_SPELLS, Spell, SpellTotals, Spells};
pub use tracks::{MAX_ALARMS, OVERFLOW_ROW};
pub use trial::{Trial, TrialHost};
pub use units::Units;
