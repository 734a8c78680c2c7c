//! What makes a host's health, and what is said of it.

mod context;
mod flaws;
mod properties;
mod table;
mod told;

use super::*;
use crate::model::{Family, HostName, Status};

use State::{Degraded, Down, Paused, Pending, Retired, Suspect, Up};

const POLICY: Policy = Policy {
    rise: 2,
    fall: 3,
    skew_limit: Duration::from_secs(5),
    certificate_warn: Duration::from_secs(14 * 86_400),
    backoff_cap: Duration::from_secs(60),
};
const START: WallMs = WallMs(1_000_000);
const NOW: WallMs = WallMs(2_000_000);

fn health(state: State, good: u32, bad: u32) -> Health {
    Health { good, bad, ..Health::known(state, START) }
}

fn skewed() -> Flaw {
    Flaw::ClockSkew { skew: Skew { ms: -7_200_000, bound_ms: 0 }, limit: POLICY.skew_limit }
}

fn denied() -> Flaw {
    Flaw::Partial {
        family: Family::Disk,
        status: Status::Denied,
        error: "/proc/diskstats: permission denied".into(),
    }
}

/// A poll that ended so, with nothing more to say.
fn poll(outcome: Outcome) -> Input<'static> {
    Input::Poll { outcome, flaws: &[], error: None }
}

fn window() -> PauseReason {
    PauseReason::Window { name: "nightly".into(), until: WallMs(9_000_000) }
}

/// The inputs by the words of the table.
fn with<R>(word: &str, run: impl FnOnce(Input<'_>) -> R) -> R {
    let said = |outcome, flaws, error| Input::Poll { outcome, flaws, error };
    match word {
        "good" => run(poll(Outcome::Ok)),
        "flawed" => run(said(Outcome::Ok, &[skewed()], None)),
        "partial" => run(said(Outcome::Partial, &[denied()], Some("disk denied"))),
        "failed" => run(said(Outcome::Deadline, &[], Some("no answer within 3s"))),
        "overrun" => run(poll(Outcome::Overrun)),
        "pause" => run(Input::Pause(&PauseReason::Inventory)),
        "resume" => run(Input::Resume),
        "retire" => run(Input::Retire),
        "add" => run(Input::Add),
        "accept" => run(Input::Accept),
        other => panic!("no input {other}"),
    }
}

const INPUTS: [&str; 10] = [
    "good", "flawed", "partial", "failed", "overrun", "pause", "resume", "retire", "add", "accept",
];

fn after(health: Health, word: &str) -> (Health, Option<StateChange>) {
    with(word, |input| step(&health, input, &POLICY, NOW))
}
