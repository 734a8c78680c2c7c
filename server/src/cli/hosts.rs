//! `roundsman hosts`: every host as the store knows it.

use clap::Args;
use roundsman_os::log::say;

use super::{
    CliError, Runtime,
    fit::{Fit, Sheet},
    output::{self, Output, UNKNOWN, number, percent},
    parse,
};
use crate::{
    model::{Column, State},
    query::{HostFilter, HostShape, MAX_HOSTS, PollShape},
    text::{natural, shown},
    units::WallMs,
};

/// Shown under the help.
pub(super) const EXAMPLES: &str = "\
Examples:
  roundsman hosts --state down
  roundsman hosts --group web --json";

/// Flags of `hosts`.
#[derive(Debug, Args)]
pub(super) struct HostsArgs {
    /// Only hosts in this state; retired hosts are listed only when asked for
    #[arg(long, value_name = "STATE", value_parser = parse::state())]
    state: Option<State>,
    /// Only hosts of this group
    #[arg(long, value_name = "GROUP")]
    group: Option<String>,
    /// Only hosts with this text in their name, group, an address or a label
    #[arg(long, value_name = "TEXT")]
    text: Option<String>,
    /// Only hosts whose name comes after this one: the next page
    #[arg(long, value_name = "HOST")]
    after: Option<String>,
    /// At most so many hosts, 1 to 1000
    #[arg(long, value_name = "COUNT", default_value_t = MAX_HOSTS, value_parser = parse::count(MAX_HOSTS))]
    limit: usize,
    /// Print one JSON document, the same as of GET /api/v1/hosts
    #[arg(long)]
    json: bool,
}

/// Lists hosts.
pub(super) fn run(args: HostsArgs, runtime: &Runtime) -> Result<(), CliError> {
    let HostsArgs { state, group, text, after, limit, json } = args;
    let filter = HostFilter { state, group, text, after, limit };
    let query = runtime.kept()?;
    let mut page = runtime.block_on(query.hosts(&filter))?;
    let output = runtime.output;
    if json {
        return output.json(&page);
    }
    // Pages follow each other by the bytes of names; what is on one is ordered for people.
    let last = page.hosts.last().map(|host| host.name.clone()).filter(|_| page.next.is_some());
    page.hosts.sort_by_cached_key(|host| natural(&host.name));
    let now = runtime.now();
    let mut sheet = Sheet::new([
        ("HOST", Fit::Cut(12)),
        ("STATE", Fit::Stays),
        ("SINCE", Fit::Goes(2)),
        ("GROUP", Fit::Goes(3)),
        ("CPU", Fit::Stays),
        ("LOAD", Fit::Goes(1)),
        ("MEMORY", Fit::Stays),
        ("LAST POLL", Fit::Stays),
        ("CALL", Fit::Goes(4)),
    ]);
    page.hosts.iter().for_each(|host| sheet.add(row(host, now, output)));
    output.sheet(sheet, "--json has all")?;
    if let Some(last) = last {
        let (here, all) = (page.hosts.len(), page.total);
        say(&format!("{here} of {all} hosts; go on with --after {last}"));
    }
    if page.hosts.is_empty() {
        say(&none_found(&filter));
    }
    Ok(())
}

/// What to say where no host is listed.
fn none_found(filter: &HostFilter) -> String {
    let HostFilter { state, group, text, after, .. } = filter;
    let flags = [
        state.map(|state| format!("--state {state}")),
        group.as_ref().map(|group| format!("--group {}", shown(group))),
        text.as_ref().map(|text| format!("--text {}", shown(text))),
        after.as_ref().map(|after| format!("--after {}", shown(after))),
    ];
    match flags.into_iter().flatten().collect::<Vec<_>>().join(" ") {
        flags if flags.is_empty() => "no hosts are kept yet".to_owned(),
        flags => format!("no host matches {flags}"),
    }
}

fn row(host: &HostShape, now: WallMs, output: Output) -> [String; 9] {
    let last = host.last.as_ref().map(PollShape::record);
    let values = last.and_then(|record| record.values.as_ref());
    let value = |column| values.and_then(|values| values.get(column));
    let ago = |moment: WallMs| format!("{} ago", output::length(now.since(moment)));
    [
        host.name.to_string(),
        output.state(host.state),
        host.since_ms.map_or_else(|| UNKNOWN.to_owned(), ago),
        host.group.as_deref().unwrap_or(UNKNOWN).to_owned(),
        percent(value(Column::CpuBusyPct)),
        number(value(Column::Load1)),
        percent(value(Column::MemUsedPct)),
        output::or_unknown(last.map(|poll| format!("{} {}", poll.outcome, ago(poll.slot)))),
        output::or_unknown(last.and_then(|poll| poll.timings.call_us)),
    ]
}
