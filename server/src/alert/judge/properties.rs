//! A judge says what each rule says that is judged by itself, plainly.

use proptest::prelude::*;

use super::{
    super::{
        Seen, Stand,
        condition::tests::{COLUMNS, Naive, naive, values},
        parse, step,
    },
    tests::{Bench, record},
    *,
};
use crate::model::{AlarmState, Severity, Values};

/// A rule, and how it is written.
#[derive(Debug, Clone)]
struct Plain {
    when: Naive,
    critical: Option<Naive>,
    missing: &'static str,
    polls: u32,
}

impl Plain {
    fn written(&self, number: usize) -> String {
        let Self { when, critical, missing, polls } = self;
        let when = when.written();
        let mut text = format!("[[alert]]\nname = 'r{number}'\nwhen = '{when}'\n");
        if let Some(critical) = critical {
            text += &format!("critical = '{}'\n", critical.written());
        }
        text + &format!("missing = '{missing}'\nfor = '{polls} polls'\n")
    }

    fn seen(&self, values: &[Option<f64>]) -> Seen {
        let critical = match &self.critical {
            Some(critical) => critical.holds(values),
            None => Some(false),
        };
        let when = if critical == Some(true) { critical } else { self.when.holds(values) };
        Seen { when, clear: when.map(|holds| !holds), critical, value: None }
    }
}

fn plain() -> impl Strategy<Value = Plain> {
    let missing = prop_oneof![Just("hold"), Just("clear"), Just("fire")];
    (naive(), prop::option::of(naive()), missing, 1_u32..4)
        .prop_map(|(when, critical, missing, polls)| Plain { when, critical, missing, polls })
}

/// What is told of a rule: its place, the states and the severity.
type Told = (usize, AlarmState, AlarmState, Severity);

proptest! {
    #[test]
    fn all_rules_at_once_say_what_each_says_alone(
        rules in prop::collection::vec(plain(), 1..9),
        polls in prop::collection::vec(values(), 1..9),
    ) {
        let text: String = rules.iter().enumerate().map(|(at, rule)| rule.written(at)).collect();
        // Conditions that are longer than may be, or a `critical` that says nothing.
        let Ok(read) = parse("alerts.toml", &text) else { return Ok(()) };
        let mut bench = Bench::new(HostId(1), &text);
        let mut stands: Vec<Option<Stand>> = vec![None; rules.len()];
        for (slot, values) in (1_i64..).zip(&polls) {
            let mut poll = record(slot * 10);
            let mut cells = Values::default();
            for ((_, column), value) in COLUMNS.iter().zip(values) {
                cells.set(*column, *value);
            }
            poll.values = Some(cells);
            let moment = Moment { slot: poll.slot, interval: std::time::Duration::from_secs(10) };
            let mut expected: Vec<Told> = Vec::new();
            for (at, rule) in rules.iter().enumerate() {
                let terms = &read.list[at].terms;
                let (after, change) = step(stands[at].as_ref(), &rule.seen(values), terms, moment);
                stands[at] = after.filter(|stand| stand.state != AlarmState::Ok);
                expected.extend(change.map(|of| (at, of.from, of.to, of.severity)));
            }
            let told: Vec<Told> = bench.poll(&poll).events.iter().map(|event| {
                (event.key.rule[1..].parse().unwrap(), event.from, event.to, event.severity)
            }).collect();
            prop_assert_eq!(told, expected, "poll {} under\n{}", slot, text);
        }
    }
}
