//! The six fields of a cron expression: what each may hold, what it then means, and what to say of one
//! that means nothing or something else than it seems to.
//!
//! croner reads what has passed here. By itself it takes more: a step that is larger than its
//! field, a month's name for a weekday, `7L`, which never comes; and it names neither field nor range.

use super::super::MAX_INTERVAL;

/// One of the six.
struct Field {
    name: &'static str,
    /// What its values are, in words.
    values: &'static str,
    least: u16,
    most: u16,
    /// Words for values, from `least` on.
    words: &'static [&'static str],
    /// A step of it as an interval: its unit, and that in seconds.
    unit: Option<(&'static str, u64)>,
    /// What begins again after the last value.
    round: &'static str,
}

const MONTHS: [&str; 12] =
    ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const WEEKDAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

const DAY: usize = 3;
const WEEKDAY: usize = 5;

const FIELDS: [Field; 6] = [
    Field {
        name: "second",
        values: "seconds are 0 to 59",
        least: 0,
        most: 59,
        words: &[],
        unit: Some(("s", 1)),
        round: "minute",
    },
    Field {
        name: "minute",
        values: "minutes are 0 to 59",
        least: 0,
        most: 59,
        words: &[],
        unit: Some(("m", 60)),
        round: "hour",
    },
    Field {
        name: "hour",
        values: "hours are 0 to 23",
        least: 0,
        most: 23,
        words: &[],
        unit: Some(("h", 3600)),
        round: "day",
    },
    Field {
        name: "day",
        values: "days are 1 to 31, L (the last), or 15W (the working day nearest to the 15th)",
        least: 1,
        most: 31,
        words: &[],
        unit: None,
        round: "month",
    },
    Field {
        name: "month",
        values: "months are 1 to 12 or JAN to DEC",
        least: 1,
        most: 12,
        words: &MONTHS,
        unit: None,
        round: "year",
    },
    Field {
        name: "weekday",
        values: "weekdays are 0 to 7 (both are Sunday) or SUN to SAT; SUN#1 is the first Sunday of \
                 a month, SUNL the last",
        least: 0,
        most: 7,
        words: &WEEKDAYS,
        unit: None,
        round: "week",
    },
];

/// Looks over the six fields of an expression.
///
/// # Errors
/// What is wrong with the first that is, naming the field, what it has and what it may have.
pub(super) fn check(fields: &[&str]) -> Result<(), String> {
    for (index, (field, text)) in FIELDS.iter().zip(fields).enumerate() {
        let text = text.to_uppercase();
        let text = if index == WEEKDAY { text.strip_prefix('+').unwrap_or(&text) } else { &text };
        if text == "*" || (text == "?" && (index == DAY || index == WEEKDAY)) {
            continue;
        }
        for part in text.split(',') {
            part_of(field, index, part)
                .map_err(|why| format!("the {} field has {why}", field.name))?;
        }
    }
    Ok(())
}

fn part_of(field: &Field, index: usize, part: &str) -> Result<(), String> {
    if let Some((range, step)) = part.split_once('/') {
        return stepping(field, part, range, step);
    }
    let special = match index {
        DAY => part == "L" || part.strip_suffix('W').is_some_and(|day| field.value(day).is_some()),
        WEEKDAY => match (part.strip_suffix('L'), part.split_once('#')) {
            // croner takes `7L` and never comes to it.
            (Some(day), _) => {
                field.value(day.trim_end_matches('#')).is_some_and(|day| day < field.most)
            }
            (None, Some((days, nth))) => {
                range(field, part, days)?;
                matches!(nth, "1" | "2" | "3" | "4" | "5")
            }
            (None, None) => false,
        },
        _ => false,
    };
    if special { Ok(()) } else { range(field, part, part).map(drop) }
}

/// A value, or two with `-` between them.
fn range(field: &Field, part: &str, text: &str) -> Result<(u16, u16), String> {
    let wrong = || format!("{}: {}", named(part), field.values);
    let Some((from, to)) = text.split_once('-') else {
        let value = field.value(text).ok_or_else(wrong)?;
        return Ok((value, value));
    };
    let (first, last) = (field.value(from).ok_or_else(wrong)?, field.value(to).ok_or_else(wrong)?);
    // MON-SUN: a range ends with the Sunday at the end of the week.
    let last = if field.words.len() == WEEKDAYS.len() && to == "SUN" { field.most } else { last };
    if first > last {
        let (least, most) = (field.written(0), field.written(usize::MAX));
        return Err(format!("{part}, which goes backwards: write {from}-{most},{least}-{to}"));
    }
    Ok((first, last))
}

/// `*/5`, `10/5`, `10-40/5`.
fn stepping(field: &Field, part: &str, over: &str, step: &str) -> Result<(), String> {
    let (first, last) = match over {
        // The week ends on Saturday.
        "*" if field.words.len() == WEEKDAYS.len() => (field.least, field.most - 1),
        "*" => (field.least, field.most),
        _ => match range(field, part, over)? {
            (only, same) if only == same => (only, field.most),
            both => both,
        },
    };
    let step: u16 = match step.parse() {
        Ok(step) if step > 0 => step,
        _ => return Err(format!("{part}: a step is a number of 1 or more")),
    };
    if step <= last - first {
        return Ok(());
    }
    let Field { name, values, unit, .. } = field;
    let interval = unit.filter(|(_, seconds)| u64::from(step) * seconds <= MAX_INTERVAL.as_secs());
    let instead = interval.map_or_else(String::new, |(unit, _)| {
        format!("; for a poll every {step} {name}s use interval = \"{step}{unit}\"")
    });
    let values = values.split_once(',').map_or(*values, |(first, _)| first);
    Err(format!(
        "{part}, a step beyond its range, which is {name} {first} alone ({values}): write {first} if \
         that is meant{instead}"
    ))
}

/// An empty part has no name of its own.
fn named(part: &str) -> String {
    if part.is_empty() { "nothing between two commas".to_owned() } else { part.to_owned() }
}

impl Field {
    /// A number in range, or a word.
    fn value(&self, text: &str) -> Option<u16> {
        if let Some(at) = self.words.iter().position(|word| *word == text) {
            return u16::try_from(at).ok().map(|at| self.least + at);
        }
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let value = text.parse().ok().filter(|_| digits)?;
        (self.least..=self.most).contains(&value).then_some(value)
    }

    /// The first value, or the last, as it is written best.
    fn written(&self, at: usize) -> String {
        let word = self.words.get(at.min(self.words.len().saturating_sub(1)));
        let number = if at == 0 { self.least } else { self.most };
        word.map_or_else(|| number.to_string(), |word| (*word).to_owned())
    }
}

/// What a person may not expect of an expression that is right.
pub(super) fn remarks(fields: &[&str]) -> Vec<String> {
    let mut all = Vec::new();
    for (field, text) in FIELDS.iter().zip(fields) {
        for part in text.split(',') {
            let step = part.strip_prefix("*/").and_then(|step| step.parse::<u16>().ok());
            all.extend(step.and_then(|step| uneven(field, part, step)));
        }
    }
    let limits = |field: Option<&&str>| field.is_some_and(|text| !matches!(*text, "*" | "?"));
    if let [_, _, _, day, _, weekday] = fields
        && limits(Some(day))
        && limits(Some(weekday))
        && !weekday.starts_with('+')
    {
        all.push(format!(
            "day {day} or weekday {weekday}: either is enough, as in every cron. +{weekday} is a \
             weekday on such a day only; SUN#1 is the first Sunday of a month"
        ));
    }
    all
}

/// A step that does not divide what it counts in.
fn uneven(field: &Field, part: &str, step: u16) -> Option<String> {
    let Field { name, least, most, round, .. } = field;
    let count = if field.words.len() == WEEKDAYS.len() { 7 } else { most - least + 1 };
    // Months are of several lengths: there is no last day that a step could meet always.
    if step <= 1 || (count.is_multiple_of(step) && field.round != "month") {
        return None;
    }
    let last = least + (count - 1) / step * step;
    let wait = least + count - last;
    Some(if *round == "month" {
        format!("{part} begins again every month, with day 1")
    } else {
        format!(
            "{part} begins again every {round}: {name} {last} is followed by {name} {least}, {wait} \
             {name}{s} later",
            s = if wait == 1 { "" } else { "s" }
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(text: &str) -> Vec<&str> {
        text.split(' ').collect()
    }

    #[test]
    fn what_a_field_may_not_have_is_named_with_field_value_and_range() {
        for (expression, expected) in [
            ("0 75 * * * *", "the minute field has 75: minutes are 0 to 59"),
            ("60 0 * * * *", "the second field has 60: seconds are 0 to 59"),
            ("0 0 8,24 * * *", "the hour field has 24: hours are 0 to 23"),
            ("0 0 0 0 * *", "the day field has 0: days are 1 to 31"),
            ("0 0 0 1 13 *", "the month field has 13: months are 1 to 12 or JAN to DEC"),
            ("0 0 0 1 MON *", "the month field has MON: months are"),
            ("0 0 0 * * 8", "the weekday field has 8: weekdays are 0 to 7 (both are Sunday)"),
            ("0 0 0 * * JAN", "the weekday field has JAN: weekdays are"),
            ("0 0 0 * * L", "the weekday field has L: weekdays are"),
            ("0 0 0 * * 7L", "the weekday field has 7L: weekdays are"),
            ("0 0 0 * * SUN#6", "the weekday field has SUN#6: weekdays are"),
            ("0 0 0 LW * *", "the day field has LW: days are"),
            ("0 0 0 32W * *", "the day field has 32W: days are"),
            ("0 5,,7 * * * *", "the minute field has nothing between two commas: minutes are"),
            ("0 *,5 * * * *", "the minute field has *: minutes are"),
            ("0 +5 * * * *", "the minute field has +5: minutes are"),
            ("0 L * * * *", "the minute field has L: minutes are"),
            ("0 */0 * * * *", "the minute field has */0: a step is a number of 1 or more"),
            ("0 */x * * * *", "the minute field has */X: a step is"),
            ("0 0 22-6 * * *", "goes backwards: write 22-23,0-6"),
            ("0 0 0 * * FRI-MON", "goes backwards: write FRI-SAT,SUN-MON"),
            ("0 0 0 * NOV-FEB *", "goes backwards: write NOV-DEC,JAN-FEB"),
        ] {
            let said = check(&fields(expression)).unwrap_err();
            assert!(said.contains(expected), "{expression}: {said}");
        }
    }

    #[test]
    fn a_step_larger_than_its_range_is_refused_with_what_it_would_mean() {
        assert_eq!(
            check(&fields("0 */90 * * * *")).unwrap_err(),
            "the minute field has */90, a step beyond its range, which is minute 0 alone (minutes are 0 \
             to 59): write 0 if that is meant; for a poll every 90 minutes use interval = \"90m\""
        );
        for (expression, expected) in [
            ("*/60 * * * * *", "use interval = \"60s\""),
            ("0 0 */24 * * *", "use interval = \"24h\""),
            (
                "0 0 */36 * * *",
                "which is hour 0 alone (hours are 0 to 23): write 0 if that is meant",
            ),
            ("0 0-20/30 * * * *", "which is minute 0 alone"),
            ("0 45/15 * * * *", "which is minute 45 alone"),
            ("0 0 0 */31 * *", "which is day 1 alone (days are 1 to 31): write 1"),
            ("0 0 0 1 */12 *", "which is month 1 alone"),
            ("0 0 0 * * */7", "which is weekday 0 alone"),
        ] {
            let said = check(&fields(expression)).unwrap_err();
            assert!(said.contains(expected), "{expression}: {said}");
        }
    }

    #[test]
    fn what_is_right_passes_and_croner_takes_it() {
        for expression in [
            "* * * * * *",
            "*/2 */30 */23 */30 */11 */6",
            "0 45/14 8-18/5 L * ?",
            "0 0 4 1-7 jan,MAR-DEC +sun",
            "0 0 4 15W,1 * *",
            "0 0 4 ? * SUN#1,FRIL,5#L,MON-WED#2",
            "0 0 4 * * FRI-SUN,0-7,7",
            "0 0 4 * * MON-SUN/2",
        ] {
            assert_eq!(check(&fields(expression)), Ok(()), "{expression}");
            let read = super::super::Cron::parse(expression, "UTC");
            assert!(read.is_ok(), "{expression}: {:?}", read.err());
        }
    }

    #[test]
    fn what_surprises_people_is_explained() {
        let of = |expression: &str| remarks(&fields(expression)).join("\n");
        assert_eq!(
            of("0 */45 * * * *"),
            "*/45 begins again every hour: minute 45 is followed by minute 0, 15 minutes later"
        );
        assert!(of("0 0 */5 * * *").contains("hour 20 is followed by hour 0, 4 hours later"));
        assert!(of("0 0 0 */2 * *").contains("begins again every month, with day 1"));
        assert!(
            of("0 0 0 * * */2").contains("weekday 6 is followed by weekday 0, 1 weekday later")
        );
        let either = of("0 0 4 1-7 * SUN");
        assert!(either.starts_with("day 1-7 or weekday SUN: either is enough"), "{either}");
        for plain in ["0 */15 */6 * * *", "*/1 * * * * *", "0 0 4 1-7 * +SUN", "0 0 4 ? * SUN#1"] {
            assert_eq!(of(plain), "", "{plain}");
        }
    }
}
