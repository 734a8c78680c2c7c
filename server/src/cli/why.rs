//! `roundsman why HOST`: the last attempts and changes of state, and one sentence that they add up
//! to.

use clap::Args;

use super::{
    CliError, Runtime,
    fit::{Fit, FittedTable},
    output::{self, Output},
};
use crate::{
    health::Policy,
    query::{LossShape, WhyAttempt, WhyShape},
    text::shown,
    units::WallMs,
};

/// Shown under the help.
pub(super) const EXAMPLES: &str = "\
Examples:
  roundsman why web-01
  roundsman why web-01 --json | jq -r .sentence";

/// Flags of `why`.
#[derive(Debug, Args)]
pub(super) struct WhyArgs {
    /// The host's name
    #[arg(value_name = "HOST")]
    host: String,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

/// Explains a host's state.
pub(super) fn run(args: &WhyArgs, runtime: &Runtime) -> Result<(), CliError> {
    let (query, config) = runtime.kept_and_settings()?;
    let policy = Policy::from(&config.health);
    let why = runtime.block_on(query.why(&args.host, &policy))?;
    if args.json {
        return runtime.output.json(&why);
    }
    runtime.output.show(&text(&why, runtime.output))
}

fn text(why: &WhyShape, output: Output) -> String {
    let mut text = format!("{}\n\n", shown(&why.sentence));
    let stays = ["SLOT", "OUTCOME", "STATE"].map(|title| (title, Fit::Stays));
    let steps = ["LATE", "QUEUE", "RESOLVE", "CONNECT", "CALL", "SIZE", "ADDRESS"];
    let steps = steps.into_iter().zip([4, 3, 5, 2, 1, 6, 7].map(Fit::Goes));
    let error = [("ERROR", Fit::Cut(12))];
    let mut attempts = FittedTable::new(stays.into_iter().chain(steps).chain(error));
    let row = |attempt: &WhyAttempt| {
        [
            output.moment(attempt.slot_ms),
            attempt.outcome.to_string(),
            output.state(attempt.state),
            attempt.late_us.to_string(),
            attempt.queue_us.to_string(),
            output::or_unknown(attempt.resolve_us),
            output::or_unknown(attempt.connect_us),
            output::or_unknown(attempt.call_us),
            output::or_unknown(attempt.answer_bytes.map(size)),
            output::or_unknown(attempt.address.as_deref()),
            attempt.error.as_deref().unwrap_or_default().to_owned(),
        ]
    };
    why.attempts.iter().for_each(|attempt| attempts.add(row(attempt)));
    text.push_str(&output.fitted(attempts).0);
    text.push('\n');
    let stays = ["CHANGED", "FROM", "TO"].map(|title| (title, Fit::Stays));
    let more = [("CAUSE", Fit::Goes(1)), ("REASON", Fit::Cut(20))];
    let mut events = FittedTable::new(stays.into_iter().chain(more));
    for event in &why.events {
        events.add([
            output.moment(event.at.0),
            event.from.to_string(),
            output.state(event.to),
            event.cause.to_string(),
            event.reason.to_string(),
        ]);
    }
    text.push_str(&output.fitted(events).0);
    for loss in &why.losses {
        let LossShape { from, to, hosts, polls, reason, .. } = loss;
        let [from, to] = [from.0, to.0].map(WallMs::spoken);
        text.push_str(&format!(
            "\n{polls} polls of {hosts} hosts, due from {from} to {to}, could not be kept: {reason}\n"
        ));
    }
    text
}

#[expect(clippy::cast_precision_loss, reason = "shown with three digits")]
fn size(bytes: u64) -> String {
    crate::text::bytes(bytes as f64)
}
