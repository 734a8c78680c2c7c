//! What is wrong with a host, in the words of the page. Pure.

use super::{
    fleet::{TopHost, is_fresh},
    times::short_moment,
};
use crate::{
    cli::output::plural,
    model::{Outcome, State},
    units::WallMs,
};

/// What stands in place of a host's values: why there are none, or what is wrong with them. Empty where
/// nothing is wrong.
pub(super) fn words(host: &TopHost, now: WallMs) -> String {
    match host.state {
        State::Down | State::Suspect => fault(host),
        State::Degraded => sentence(&host.cause),
        State::Pending if host.outcome.is_empty() => "Not polled yet".to_owned(),
        State::Pending => fault(host),
        State::Paused => match host.paused_until {
            Some(until) => format!("Until {}", short_moment(until, now)),
            None => "Until it is resumed".to_owned(),
        },
        State::Retired => "Not in the inventory any more".to_owned(),
        State::Up => alarms(host),
    }
}

/// How its last poll failed, and what happened.
fn fault(host: &TopHost) -> String {
    if !host.behind.is_empty() {
        return format!("Behind {}, which does not answer", host.behind);
    }
    if matches!(host.outcome.as_str(), "ok" | "partial") {
        return "Answers again, and is up after some more good polls".to_owned();
    }
    if host.outcome.is_empty() {
        return sentence(&host.cause);
    }
    // A newer server may have others.
    let head = Outcome::parse(&host.outcome)
        .map_or_else(|| host.outcome.replace('_', " "), |outcome| outcome.in_words().to_owned());
    let head = sentence(&head);
    let said = host.cause.to_lowercase();
    if said.is_empty() || said == head.to_lowercase() {
        head
    } else if said.starts_with(&head.to_lowercase()) {
        sentence(&host.cause)
    } else {
        format!("{head}: {}", host.cause)
    }
}

fn alarms(host: &TopHost) -> String {
    let count = usize::try_from(host.alarms).unwrap_or(usize::MAX);
    match host.severity {
        Some(severity) if count == 1 => format!("1 alarm fires ({severity})"),
        Some(severity) if count > 1 => format!("{} fire ({severity})", plural(count, "alarm")),
        _ => String::new(),
    }
}

/// Whether the words stand in place of the host's values: it has none, or it is degraded and nothing
/// else says how.
pub(super) fn is_across(host: &TopHost, by_state: bool, has_cause: bool) -> bool {
    !is_fresh(host.state)
        || (host.state == State::Degraded && by_state && !has_cause && !host.cause.is_empty())
}

/// With a capital, as a sentence begins.
fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    match chars.next() {
        Some(first) => first.to_uppercase().chain(chars).collect(),
        None => String::new(),
    }
}
