//! `roundsman why HOST`: the last attempts and changes of state, and one sentence that they add up
//! to.

use clap::Args;
use serde::Serialize;

use super::{
    CliError, Runtime,
    output::{self, Output, plural},
};
use crate::{
    live::RECENT_ATTEMPTS,
    model::Record,
    query::{EventShape, HostShape, Order, PollRange, PollShape},
    units::WallMs,
};

/// How many changes of state are shown.
const EVENTS: usize = 10;

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

/// What explains a host's state.
#[derive(Debug, Serialize)]
struct Why {
    /// One sentence in plain words.
    sentence: String,
    /// The host.
    host: HostShape,
    /// The last attempts, oldest first, without what repeats.
    polls: Vec<PollShape>,
    /// The last changes of state, newest first.
    events: Vec<EventShape>,
}

/// Explains a host's state.
pub(super) fn run(args: &WhyArgs, runtime: &Runtime) -> Result<(), CliError> {
    let query = runtime.kept()?;
    let now = runtime.now();
    let range = PollRange {
        from: WallMs(i64::MIN),
        to: WallMs(i64::MAX),
        limit: RECENT_ATTEMPTS,
        order: Order::Desc,
    };
    let why = runtime.block_on(async {
        let host = query.host(&args.host).await?;
        let mut polls = query.polls(&args.host, &range, false).await?.polls;
        let events = query.events(&args.host, EVENTS).await?.events;
        let records: Vec<&Record> = polls.iter().map(PollShape::record).collect();
        let sentence = sentence(&host, &records, now);
        polls.reverse();
        Ok::<_, CliError>(Why { sentence, host, polls, events })
    })?;
    if args.json {
        return runtime.output.json(&why);
    }
    runtime.output.print(&text(&why, runtime.output))
}

/// What the last attempts, newest first, add up to.
fn sentence(host: &HostShape, newest_first: &[&Record], now: WallMs) -> String {
    let mut sentence = format!("{} is {}", host.name, host.state);
    if let Some(since) = host.since_ms {
        let length = output::length(now.since(since));
        sentence.push_str(&format!(" since {since} ({length}), because: {}", host.reason));
    }
    let Some(last) = newest_first.first() else {
        return format!("{sentence}; no poll of it is kept.");
    };
    let good = last.outcome.has_values();
    let alike = |record: &&&Record| record.outcome.has_values() == good;
    let row = newest_first.iter().take_while(alike).count();
    let all = if row == newest_first.len() { "all of its" } else { "its" };
    let what = if good { "brought values" } else { "failed" };
    sentence.push_str(&format!("; {all} last {} {what}", plural(row, "poll")));
    if !good {
        sentence.push_str(&format!(", the newest with {}", last.outcome));
        if let Some(address) = &last.address {
            sentence.push_str(&format!(" at {address}"));
        }
        match host.last_good_at {
            Some(moment) => sentence.push_str(&format!(", and the last good one was {}", moment.0)),
            None => sentence.push_str(", and it never answered"),
        }
    }
    sentence + "."
}

fn text(why: &Why, output: Output) -> String {
    let mut text = format!("{}\n\n", why.sentence);
    let header = [
        "SLOT", "OUTCOME", "STATE", "LATE", "QUEUE", "RESOLVE", "CONNECT", "CALL", "ADDRESS",
        "ERROR",
    ];
    let rows = why.polls.iter().map(|poll| {
        let record = poll.record();
        let timings = &record.timings;
        [
            record.slot.to_string(),
            record.outcome.to_string(),
            output.state(record.state),
            timings.late_us.to_string(),
            timings.queue_us.to_string(),
            output::or_unknown(timings.resolve_us),
            output::or_unknown(timings.connect_us),
            output::or_unknown(timings.call_us),
            output::or_unknown(record.address.as_deref()),
            record.error.as_deref().unwrap_or_default().to_owned(),
        ]
    });
    text.push_str(&output.table(&header, rows));
    text.push('\n');
    let header = ["CHANGED", "FROM", "TO", "CAUSE", "REASON"];
    let rows = why.events.iter().map(|event| {
        [
            event.at.0.to_string(),
            event.from.to_string(),
            output.state(event.to),
            event.cause.to_string(),
            event.reason.to_string(),
        ]
    });
    text.push_str(&output.table(&header, rows));
    text
}
