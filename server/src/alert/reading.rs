//! The keys of an `[[alert]]`, read one by one.

use std::{sync::Arc, time::Duration};

use humantime::format_duration;
use xxhash_rust::xxh3::xxh3_64;

use super::{
    alarm::{Missing, Terms, Wait},
    compile::Compiler,
    condition::{Condition, Test},
    implied::implies,
    names::Over,
    reach::{read_except, read_hosts},
    rule::Rule,
    template::Template,
    tokens::{Fault, canonical},
};
use crate::{
    document::{At, Findings, Section, quoted},
    model::Severity,
    text::did_you_mean,
};

/// The longest name of a rule, bytes.
pub(super) const MAX_NAME_BYTES: usize = 64;
/// The longest link to a runbook, bytes.
pub(super) const MAX_RUNBOOK_BYTES: usize = 512;
/// The most polls that a condition must hold for.
pub(super) const MAX_POLLS: u32 = 1_000;
/// The most polls of which some must hold.
pub(super) const MAX_OF: u32 = 32;
/// The longest time that a condition must hold for.
pub(super) const MAX_WAIT: Duration = Duration::from_secs(7 * 86_400);
/// The longest time that values may be missing before an alarm is unknown.
pub(super) const MAX_HOLD: Duration = Duration::from_secs(30 * 86_400);
/// That time when it is not given.
pub(super) const DEFAULT_HOLD: Duration = Duration::from_secs(3_600);
const KEYS: [&str; 18] = [
    "name",
    "over",
    "when",
    "clear",
    "critical",
    "for",
    "clear_for",
    "of",
    "severity",
    "groups",
    "labels",
    "hosts",
    "except",
    "missing",
    "hold_for",
    "summary",
    "runbook",
    "enabled",
];

/// Reads a rule: its name, and the rule when nothing that it is made of is wrong.
pub(super) fn read(
    section: &Section<'_>,
    findings: &mut Findings<'_>,
) -> (Option<At<Arc<str>>>, Option<Rule>) {
    section.check_keys(&KEYS, findings);
    let name = read_name(section, findings);
    let Some(over) = read_over(section, findings) else {
        // What its names stand for is not known: its conditions are not looked at.
        return (name, None);
    };
    let mut compiler = Compiler::new(over);
    let when = read_condition(section, "when", &mut compiler, findings);
    if section.at("when").is_none() {
        findings.add(section.at, "an [[alert]] needs `when`, such as when = \"cpu_busy_pct > 90\"");
    }
    let clear = read_condition(section, "clear", &mut compiler, findings);
    let critical = read_condition(section, "critical", &mut compiler, findings);
    let summary = read_summary(section, over, &mut compiler, findings);
    let terms = read_terms(section, findings);
    let hosts = read_hosts(section, over, findings);
    let except = read_except(section, over, findings);
    let runbook = read_runbook(section, findings);
    let (Some(name), Some(when), Some(summary)) = (&name, when, summary) else {
        return (name, None);
    };
    check_clear(section, &when.0, clear.as_ref().map(|clear| &clear.0), findings);
    check_critical(section, &when.0, critical.as_ref().map(|c| &c.0), terms.severity, findings);
    let texts = [Some(&when), clear.as_ref(), critical.as_ref()];
    let texts = texts.map(|read| read.map_or("", |(_, text)| text.as_str()));
    let Terms { fire, clear: clears, missing, hold_for, .. } = terms;
    let said = format!("{} {texts:?} {fire:?} {clears:?} {missing:?} {hold_for:?}", over.as_str());
    let rule = Rule {
        name: name.value.clone(),
        over,
        when: when.0,
        clear: clear.map(|(condition, _)| condition),
        critical: critical.map(|(condition, _)| condition),
        windows: compiler.windows.into(),
        terms,
        hosts,
        except,
        summary,
        runbook,
        hash: xxh3_64(said.as_bytes()),
        line: findings.line(section.at),
    };
    (Some(At { value: name.value.clone(), at: name.at }), Some(rule))
}

fn read_name(section: &Section<'_>, findings: &mut Findings<'_>) -> Option<At<Arc<str>>> {
    if section.at("name").is_none() {
        findings.add(section.at, "an [[alert]] needs a `name`, by which its alarms are known");
    }
    let text = section.text("name", "the name of a rule", findings)?;
    let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if text.value.is_empty() || text.value.len() > MAX_NAME_BYTES || !text.value.chars().all(good) {
        let given = quoted(text.value);
        let message = format!(
            "a rule's name has 1 to {MAX_NAME_BYTES} of the letters a to z, digits and '-', not {given}"
        );
        findings.add(text.at, message);
        return None;
    }
    Some(At { value: text.value.into(), at: text.at })
}

fn read_over(section: &Section<'_>, findings: &mut Findings<'_>) -> Option<Over> {
    if section.at("over").is_none() {
        return Some(Over::Host);
    }
    let text = section.text("over", "the name of a table such as \"filesystem\"", findings)?;
    let over = Over::parse(text.value);
    if over.is_none() {
        note_word("over", &text, &Over::WORDS, findings);
    }
    over
}

/// A condition with its canonical text.
fn read_condition(
    section: &Section<'_>,
    key: &str,
    compiler: &mut Compiler,
    findings: &mut Findings<'_>,
) -> Option<(Condition, String)> {
    let text = section.text(key, "a condition such as \"cpu_busy_pct > 90\"", findings)?;
    match compiler.condition(text.value) {
        Ok(condition) => Some((condition, canonical(text.value))),
        Err(fault) => {
            note(key, text.at, fault, findings);
            None
        }
    }
}

fn note(key: &str, at: usize, fault: Fault, findings: &mut Findings<'_>) {
    let place = findings.inside(at, fault.at);
    findings.add(place, format!("`{key}`: {}", fault.message));
}

fn read_summary(
    section: &Section<'_>,
    over: Over,
    compiler: &mut Compiler,
    findings: &mut Findings<'_>,
) -> Option<Template> {
    let usual = match over {
        Over::Host => "{host}: {rule}, {value}",
        Over::Server => "{rule}, {value}",
        _ => "{host}: {row}: {rule}, {value}",
    };
    let Some(text) = section.text("summary", "a text such as \"{host}: {value}\"", findings) else {
        return Template::read(usual, compiler).ok();
    };
    match Template::read(text.value, compiler) {
        Ok(template) => Some(template),
        Err(fault) => {
            note("summary", text.at, fault, findings);
            None
        }
    }
}

fn read_terms(section: &Section<'_>, findings: &mut Findings<'_>) -> Terms {
    let fire = read_wait(section, "for", findings);
    let of = read_of(section, findings);
    if let (Some(_), Some(at)) = (section.at("for"), section.at("of")) {
        findings.add(at, "`for` and `of` exclude each other: `of` says how many of the last polls");
    }
    let clear = read_wait(section, "clear_for", findings);
    let severity = word(section, "severity", Severity::ALL, Severity::as_str, findings);
    let missing = [Missing::Hold, Missing::Clear, Missing::Fire];
    let as_str = |missing: Missing| match missing {
        Missing::Hold => "hold",
        Missing::Clear => "clear",
        Missing::Fire => "fire",
    };
    let missing = word(section, "missing", &missing, as_str, findings);
    let hold = section.duration("hold_for", findings);
    if let Some(hold) = hold
        && !(Duration::from_secs(1)..=MAX_HOLD).contains(&hold.value)
    {
        let (given, most) = (format_duration(hold.value), format_duration(MAX_HOLD));
        findings.add(hold.at, format!("`hold_for` is from 1s to {most}, not {given}"));
    }
    Terms {
        fire: of.or(fire).unwrap_or(Wait::Polls(1)),
        clear: clear.unwrap_or(Wait::Polls(1)),
        severity: severity.unwrap_or(Severity::Warning),
        missing: missing.unwrap_or(Missing::Hold),
        hold_for: hold.map_or(DEFAULT_HOLD, |hold| hold.value),
    }
}

/// A number of polls or a time.
fn read_wait(section: &Section<'_>, key: &str, findings: &mut Findings<'_>) -> Option<Wait> {
    const EXPECTED: &str = "a number of polls or a time, such as \"3 polls\" or \"5m\"";
    let text = section.text(key, EXPECTED, findings)?;
    let polls = text.value.strip_suffix("polls").or_else(|| text.value.strip_suffix("poll"));
    if let Some(count) = polls {
        return match count.trim().parse() {
            Ok(count) if (1..=MAX_POLLS).contains(&count) => Some(Wait::Polls(count)),
            _ => {
                let given = quoted(text.value);
                findings.add(text.at, format!("`{key}` is 1 to {MAX_POLLS} polls, not {given}"));
                None
            }
        };
    }
    match humantime::parse_duration(text.value) {
        Ok(length) if length <= MAX_WAIT => Some(Wait::Time(length)),
        Ok(_) => {
            let most = format_duration(MAX_WAIT);
            findings.add(text.at, format!("`{key}` is at most {most}, not {}", quoted(text.value)));
            None
        }
        Err(_) => {
            let given = quoted(text.value);
            findings.add(text.at, format!("`{key}` must be {EXPECTED}, not {given}"));
            None
        }
    }
}

/// `3 of 5 polls`.
fn read_of(section: &Section<'_>, findings: &mut Findings<'_>) -> Option<Wait> {
    let text = section.text("of", "such as \"3 of 5 polls\"", findings)?;
    let words: Vec<&str> = text.value.split_whitespace().collect();
    let numbers = match words.as_slice() {
        [needed, "of", last, "polls"] => needed.parse().ok().zip(last.parse().ok()),
        _ => None,
    };
    match numbers {
        Some((needed, last)) if (1..=last).contains(&needed) && last <= MAX_OF => {
            Some(Wait::Of { needed, last })
        }
        Some(_) => {
            let message = format!(
                "`of` is at most \"{MAX_OF} of {MAX_OF} polls\", and at least \"1 of 1 polls\""
            );
            findings.add(text.at, message);
            None
        }
        None => {
            let given = quoted(text.value);
            findings.add(text.at, format!("`of` must be such as \"3 of 5 polls\", not {given}"));
            None
        }
    }
}

/// One of a closed list of words.
fn word<T: Copy>(
    section: &Section<'_>,
    key: &str,
    all: &[T],
    as_str: impl Fn(T) -> &'static str,
    findings: &mut Findings<'_>,
) -> Option<T> {
    let words: Vec<&str> = all.iter().map(|entry| as_str(*entry)).collect();
    let text = section.text(key, &format!("one of {}", words.join(", ")), findings)?;
    let place = words.iter().position(|word| *word == text.value);
    if place.is_none() {
        note_word(key, &text, &words, findings);
    }
    all.get(place?).copied()
}

fn note_word(key: &str, given: &At<&str>, all: &[&str], findings: &mut Findings<'_>) {
    let hint = match did_you_mean(given.value, all.iter().copied()) {
        hint if hint.is_empty() => format!("; expected one of {}", all.join(", ")),
        hint => hint,
    };
    findings.add(given.at, format!("`{key}` cannot be {}{hint}", quoted(given.value)));
}

fn read_runbook(section: &Section<'_>, findings: &mut Findings<'_>) -> Option<Arc<str>> {
    let text = section.text("runbook", "a link such as \"https://wiki/disk\"", findings)?;
    let is_link = ["https://", "http://"].iter().any(|scheme| text.value.starts_with(scheme));
    let is_plain = text.value.chars().all(|c| c.is_ascii_graphic());
    if !is_link || !is_plain || text.value.len() > MAX_RUNBOOK_BYTES {
        let message = format!(
            "`runbook` must be a link, https://…, of at most {MAX_RUNBOOK_BYTES} visible ASCII characters"
        );
        findings.add(text.at, message);
        return None;
    }
    Some(text.value.into())
}

/// What is over only where it holds is never over.
fn check_clear(
    section: &Section<'_>,
    when: &Condition,
    clear: Option<&Condition>,
    findings: &mut Findings<'_>,
) {
    let (Some(clear), Some(at)) = (clear, section.at("clear")) else { return };
    if implies(&clear.test, &when.test) {
        findings.add(
            at,
            "`clear` holds only where `when` holds too: the alarm would never be over; expected a \
             condition beyond the other side, such as clear = \"used_pct < 85\" for \"used_pct > 90\"",
        );
    }
}

fn check_critical(
    section: &Section<'_>,
    when: &Condition,
    critical: Option<&Condition>,
    severity: Severity,
    findings: &mut Findings<'_>,
) {
    let (Some(critical), Some(at)) = (critical, section.at("critical")) else { return };
    if severity == Severity::Critical {
        findings.add(at, "`critical` says nothing in a rule whose severity is \"critical\"");
    } else if implies(&when.test, &critical.test) && !matches!(critical.test, Test::Truth(_)) {
        findings.add(
            at,
            "`critical` holds wherever `when` does: write severity = \"critical\", or a higher threshold",
        );
    }
}
