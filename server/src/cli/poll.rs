//! `roundsman poll HOST...`: polls now, past every schedule, and shows each step. Keeps nothing.

use std::{sync::Arc, time::Duration};

use clap::Args;
use serde::Serialize;
use tokio::task::JoinSet;

use super::{
    CliError, Runtime,
    output::{self, Output, UNKNOWN},
    parse,
    targets::{self, PollTarget},
};
use crate::{
    model::{Facts, FamilyReport, HostId, HostName, Outcome, ProbeView, Snapshot, Timings},
    poll::{Attempt, Job, PollLimits, Poller},
    resolve::HostResolver,
    text::shown,
    units::Micros,
};

/// Shown under the help.
pub(super) const EXAMPLES: &str = "\
Examples:
  roundsman poll web-01 web-02            two hosts of the inventory
  roundsman poll 10.0.0.7:50051 --times 2 a probe in no inventory";

/// The most polls of one host in one call.
const MAX_TIMES: usize = 1_000;

/// Flags of `poll`.
#[derive(Debug, Args)]
pub(super) struct PollArgs {
    /// Names of hosts in the inventory, or any probe as HOST:PORT
    #[arg(value_name = "HOST", required = true)]
    hosts: Vec<String>,
    /// Time for a whole poll, with its unit: 500ms, 3s [default: the host's own, or 3s]
    #[arg(long, value_name = "TIME", value_parser = parse::timeout)]
    timeout: Option<Duration>,
    /// Poll each host this many times in a row, 1 to 1000; all but the first use the open connection
    #[arg(long, value_name = "COUNT", default_value = "1", value_parser = parse::count(MAX_TIMES))]
    times: usize,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

/// One poll, step by step.
#[derive(Debug, Serialize)]
struct Steps {
    host: HostName,
    outcome: Outcome,
    address: Option<Arc<str>>,
    error: Option<Arc<str>>,
    queue_us: Micros,
    resolve_us: Option<Micros>,
    connect_us: Option<Micros>,
    call_us: Option<Micros>,
    answer_bytes: Option<u64>,
    clock_skew_ms: Option<i64>,
    /// What the probe said of its machine; none when there was no answer.
    answer: Option<Answer>,
}

/// What needs no second answer to be understood.
#[derive(Debug, Serialize)]
struct Answer {
    view: ProbeView,
    facts: Facts,
    collect_us: u32,
    families: Vec<FamilyReport>,
}

impl Steps {
    fn new(host: HostName, attempt: Attempt) -> Self {
        let timings = attempt.timings;
        let answer = attempt.snapshot.map(|snapshot| {
            let Snapshot { view, facts, cost, reports, .. } = *snapshot;
            Answer { view, facts, collect_us: cost.collect_us, families: reports }
        });
        Self {
            host,
            outcome: attempt.outcome,
            address: attempt.address,
            error: attempt.error,
            queue_us: timings.queue_us,
            resolve_us: timings.resolve_us,
            connect_us: timings.connect_us,
            call_us: timings.call_us,
            answer_bytes: attempt.answer_bytes,
            clock_skew_ms: attempt.clock_skew_ms,
            answer,
        }
    }
}

/// All polls of one call.
#[derive(Debug, Serialize)]
struct Polls {
    polls: Vec<Steps>,
}

/// Polls, prints, and fails if any poll did not bring a whole answer.
pub(super) fn run(args: &PollArgs, runtime: &Runtime) -> Result<(), CliError> {
    let config = runtime.start(Vec::new(), true)?;
    let mut targets = targets::find(&args.hosts, &config.inventory)?;
    if let Some(timeout) = args.timeout {
        targets.iter_mut().for_each(|target| target.timeout = timeout);
    }
    let names = HostResolver::new(config.resolve.servers.clone());
    let limits = PollLimits::from(&config.poll);
    let poller = Poller::with_resolver(limits, Arc::clone(runtime.clock()), names);
    let polls = runtime.block_on(all(&poller, targets, args.times))?;
    let failed = polls.iter().any(|steps| steps.outcome != Outcome::Ok);
    let output = runtime.output;
    if args.json {
        output.json(&Polls { polls })?;
    } else {
        let texts: Vec<String> = polls.iter().map(|steps| text(steps, output)).collect();
        output.show(&texts.join("\n"))?;
    }
    if failed { Err(CliError::Shown) } else { Ok(()) }
}

/// Polls all targets side by side, each of them `times` in a row; answers in the order given.
async fn all(
    poller: &Poller,
    targets: Vec<PollTarget>,
    times: usize,
) -> Result<Vec<Steps>, CliError> {
    let mut set = JoinSet::new();
    for (index, target) in targets.into_iter().enumerate() {
        let poller = poller.clone();
        set.spawn(async move {
            let mut done = Vec::new();
            for _ in 0..times {
                let job = Job {
                    host: HostId(0),
                    name: target.name.clone(),
                    link: Arc::clone(&target.link),
                    timeout: target.timeout,
                    selection: Arc::clone(&target.selection),
                    expected_machine: None,
                };
                done.push(Steps::new(target.name.clone(), poller.poll(job).await));
            }
            (index, done)
        });
    }
    let mut polls = Vec::new();
    while let Some(ended) = set.join_next().await {
        let poll = ended.map_err(|error| CliError::Failed(format!("a poll broke: {error}")))?;
        polls.push(poll);
    }
    polls.sort_by_key(|(index, _)| *index);
    Ok(polls.into_iter().flat_map(|(_, done)| done).collect())
}

/// The skew and how well it is known.
fn skew(steps: &Steps) -> Option<String> {
    let ms = steps.clock_skew_ms?;
    let timings = Timings { call_us: steps.call_us, ..Timings::default() };
    let bound = timings.skew_bound_ms().unwrap_or_default();
    Some(format!("{ms} ms, give or take {bound} ms"))
}

fn text(steps: &Steps, output: Output) -> String {
    let mut text = format!("{} {}", steps.host, steps.outcome);
    if let Some(address) = &steps.address {
        text.push_str(&format!(" at {address}"));
    }
    if let Some(error) = &steps.error {
        text.push_str(&format!(": {}", shown(error)));
    }
    text.push_str("\n\n");
    let answer = steps.answer.as_ref();
    let unknown = || UNKNOWN.to_owned();
    let machine = answer.map_or_else(unknown, |answer| {
        let facts = &answer.facts;
        let known = [&facts.hostname, &facts.os, &facts.kernel, &facts.architecture];
        let words: Vec<&str> = known.into_iter().filter_map(|fact| fact.as_deref()).collect();
        words.join(", ")
    });
    let probe = answer.and_then(|answer| answer.facts.probe_version.as_deref());
    let rows = [
        ("queue", steps.queue_us.to_string()),
        ("resolve", output::or_unknown(steps.resolve_us)),
        ("connect", output::or_unknown(steps.connect_us)),
        ("call", output::or_unknown(steps.call_us)),
        ("of it collecting", output::or_unknown(answer.map(|a| Micros(a.collect_us.into())))),
        ("answer", steps.answer_bytes.map_or_else(unknown, |bytes| format!("{bytes} bytes"))),
        ("clock skew", skew(steps).unwrap_or_else(unknown)),
        ("machine", machine),
        ("probe", probe.unwrap_or(UNKNOWN).to_owned()),
        ("view", answer.map_or_else(unknown, |answer| view(answer.view).to_owned())),
    ];
    let rows = rows.into_iter().map(|(step, value)| [step.to_owned(), value]);
    text.push_str(&output.table(&["STEP", ""], rows));
    if let Some(answer) = answer {
        let rows = answer.families.iter().map(|report| {
            [
                report.family.to_string(),
                report.status.as_str().to_owned(),
                Micros(report.spent_us.into()).to_string(),
                report.error.clone(),
            ]
        });
        text.push('\n');
        text.push_str(&output.table(&["FAMILY", "STATUS", "SPENT", "ERROR"], rows));
    }
    text
}

fn view(view: ProbeView) -> &'static str {
    match view {
        ProbeView::Host => "host",
        ProbeView::Container => "container",
        ProbeView::Unknown => "unknown",
    }
}
