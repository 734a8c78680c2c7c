//! One `[[alert]]`: what it says, on which hosts it is judged.

use std::sync::Arc;

use regex::RegexSet;

use super::{
    alarm::Terms,
    condition::{Condition, Measure, Num, WindowSpec},
    names::{Number, Over},
    template::Template,
};
use crate::model::{Column, ColumnSet as _, Hosts};

/// A rule, ready to be judged.
#[derive(Debug, Clone)]
pub struct Rule {
    /// Its name, by which its alarms are known.
    pub name: Arc<str>,
    /// What it is about.
    pub over: Over,
    /// When it holds.
    pub when: Condition,
    /// When it is over; none: when `when` does not hold.
    pub clear: Option<Condition>,
    /// When it is critical.
    pub critical: Option<Condition>,
    /// What its conditions look back over.
    pub windows: Box<[WindowSpec]>,
    /// How its alarms go.
    pub terms: Terms,
    /// Which hosts it is judged on.
    pub hosts: Hosts,
    /// Rows that it is not judged on: for each label of a row, by place, the patterns of it.
    pub except: Vec<(usize, RegexSet)>,
    /// What is said of an alarm.
    pub summary: Template,
    /// Where it is written what to do.
    pub runbook: Option<Arc<str>>,
    /// Of all that makes an alarm of it another one: not of its name, hosts, severity and words.
    pub hash: u64,
    /// Its line in the file.
    pub line: usize,
}

impl Rule {
    /// Whether it compares nothing that is measured: it is about the state of a host, and why that is so, or
    /// about whether the server is cut off.
    #[must_use]
    pub fn is_about_state(&self) -> bool {
        let flapping = |measure: &Measure| measure.num == Num::Fact(Number::Flapping);
        match self.over {
            Over::Host => self.when.value.as_ref().is_none_or(flapping),
            Over::Server => self.when.value.is_none(),
            _ => false,
        }
    }

    /// The host-wide column whose value the rule shows, as it is or over a window; none of a row's, and of
    /// one that is calculated with.
    #[must_use]
    pub fn column(&self) -> Option<Column> {
        let place = match &self.when.value.as_ref()?.num {
            Num::Host(place) => *place,
            Num::Window(window) => match self.windows.get(*window)?.of {
                Num::Host(place) => place,
                _ => return None,
            },
            _ => return None,
        };
        Column::ALL.get(place).copied()
    }

    /// What [`Self::column`] is compared with, by `when` and by `critical`, in its unit; none where that is not
    /// written as a number.
    #[must_use]
    pub fn thresholds(&self) -> [Option<f64>; 2] {
        let shown = self.when.value.as_ref();
        let is_same = |other: &&Condition| other.value.as_ref() == shown;
        let critical = self.critical.as_ref().filter(is_same);
        [self.when.threshold, critical.and_then(|condition| condition.threshold)]
    }

    /// Whether a row is not judged.
    pub(super) fn leaves_out(&self, labels: &[Arc<str>]) -> bool {
        self.except.iter().any(|(place, patterns)| {
            labels.get(*place).is_some_and(|label| patterns.is_match(label))
        })
    }
}
