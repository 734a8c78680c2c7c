//! `roundsman hosts`: every host as the running server sees it, or as the store knows it.

use std::time::Duration;

use clap::Args;
use serde_json::Value;
use tokio::time::timeout;

use super::{
    CliError, Runtime,
    aside::tell,
    ask::Asker,
    fit::{Fit, FittedTable},
    output::{self, Output, number, percent},
    parse,
};
use crate::{
    config::{self, Config},
    lock::last_served_at,
    model::{Column, ColumnSet as _, State},
    query::{HostFilter, MAX_HOSTS, Query},
    text::{did_you_mean, natural, shown},
    units::{Micros, WallMs},
};

/// Shown under the help.
pub(super) const EXAMPLES: &str = "\
Examples:
  roundsman hosts --state down
  roundsman hosts --group web --json";

/// Flags of `hosts`.
#[derive(Debug, Args)]
pub(super) struct HostsArgs {
    /// Only hosts in this state; retired hosts are listed only with --state retired
    #[arg(long, value_name = "STATE", value_parser = parse::state())]
    state: Option<State>,
    /// Only hosts of this group
    #[arg(long, value_name = "GROUP")]
    group: Option<String>,
    /// Only hosts with this text in their name, group, an address or a label
    #[arg(long, value_name = "TEXT")]
    text: Option<String>,
    /// Only hosts after this name: the next page
    #[arg(long, value_name = "HOST")]
    after: Option<String>,
    /// At most this many hosts, 1 to 1000
    #[arg(long, value_name = "COUNT", default_value_t = MAX_HOSTS, value_parser = parse::count(MAX_HOSTS))]
    limit: usize,
    /// Print one JSON document, as GET /api/v1/hosts does
    #[arg(long)]
    json: bool,
}

/// Lists hosts: as the running server sees them now; without one, as they are kept.
pub(super) fn run(args: HostsArgs, runtime: &Runtime) -> Result<(), CliError> {
    let HostsArgs { state, group, text, after, limit, json } = args;
    let filter = HostFilter { state, group, text, after, limit };
    let (query, config) = runtime.kept_and_settings()?;
    let fields = if json { "" } else { SHOWN };
    let now_seen = runtime.block_on(seen_now(&query, &config, &filter, fields));
    let page = match now_seen {
        Some(page) => page,
        None => {
            let kept = runtime.block_on(query.hosts(&filter))?;
            serde_json::to_value(&kept).map_err(|error| CliError::Output(error.into()))?
        }
    };
    if json {
        return runtime.output.json(&page);
    }
    show(&page, &filter, &query, runtime)
}

/// What the table shows, for a server that is asked.
const SHOWN: &str = "&fields=name,state,since_ms,group,last.outcome,last.slot_ms,last.call_us,\
                     last.values.cpu_busy_pct,last.values.load_1,last.values.mem_used_pct";

/// How long the running server may take before the store is asked instead.
const PATIENCE: Duration = Duration::from_secs(3);

/// The hosts as the server sees them that runs on this store: what it keeps is up to a second behind.
/// None when no server that can be asked does.
async fn seen_now(
    query: &Query,
    config: &Config,
    filter: &HostFilter,
    fields: &str,
) -> Option<Value> {
    let ours = query.identity().await.ok()?;
    let path = format!("/api/v1/hosts?{}{fields}", filter.parameters());
    let ask = async |asker: Asker| {
        let own = asker.get("/api/v1/server").await.ok()?;
        if own["store_identity"].as_str() != Some(&*ours) {
            return None;
        }
        asker.get(&path).await.ok()
    };
    for listen in [last_served_at(config), Some(config.http.listen)].into_iter().flatten() {
        let Ok(asker) = Asker::new(&config::Http { listen, ..config.http.clone() }) else {
            continue;
        };
        if let Ok(Some(page)) = timeout(PATIENCE, ask(asker)).await {
            return Some(page);
        }
    }
    None
}

fn show(
    page: &Value,
    filter: &HostFilter,
    query: &Query,
    runtime: &Runtime,
) -> Result<(), CliError> {
    let output = runtime.output;
    let mut hosts: Vec<&Value> = page["hosts"].as_array().into_iter().flatten().collect();
    let name = |host: &Value| host["name"].as_str().unwrap_or_default().to_owned();
    // Pages follow each other by the bytes of names; what is on one is ordered for people.
    let last = hosts.last().map(|host| name(host)).filter(|_| !page["next"].is_null());
    hosts.sort_by_cached_key(|host| natural(&name(host)));
    let now = runtime.now();
    let mut sheet = FittedTable::new([
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
    hosts.iter().for_each(|host| sheet.add(row(host, now, output)));
    output.sheet(sheet, "--json has all")?;
    if let Some(last) = last {
        let (here, all) = (hosts.len(), &page["total"]);
        tell(&format!("{here} of {all} hosts; go on with --after {last}"));
    }
    if hosts.is_empty() {
        let all = match &filter.group {
            Some(_) => runtime.block_on(query.hosts(&HostFilter::default()))?.hosts,
            None => Vec::new(),
        };
        let groups: Vec<String> =
            all.iter().filter_map(|host| host.group.as_deref().map(str::to_owned)).collect();
        tell(&none_found(filter, &groups));
    }
    Ok(())
}

/// What to say where no host is listed; `groups` are those that there are.
fn none_found(filter: &HostFilter, groups: &[String]) -> String {
    let HostFilter { state, group, text, after, .. } = filter;
    if let Some(group) = group.as_ref().filter(|group| !groups.contains(group)) {
        let hint = did_you_mean(group, groups.iter().map(String::as_str));
        return format!("no group is called {}{hint}", shown(group));
    }
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

fn row(host: &Value, now: WallMs, output: Output) -> [String; 9] {
    let last = &host["last"];
    let word = |value: &Value| output::or_unknown(value.as_str());
    let value = |column: Column| last["values"][column.spec().name].as_f64();
    let ago = |moment: i64| format!("{} ago", output::length(now.since(WallMs(moment))));
    let poll =
        last["slot_ms"].as_i64().map(|slot| format!("{} {}", word(&last["outcome"]), ago(slot)));
    let state = host["state"].as_str().and_then(State::parse);
    [
        word(&host["name"]),
        output::or_unknown(state.map(|state| output.state(state))),
        output::or_unknown(host["since_ms"].as_i64().map(ago)),
        word(&host["group"]),
        percent(value(Column::CpuBusyPct)),
        number(value(Column::Load1)),
        percent(value(Column::MemUsedPct)),
        output::or_unknown(poll),
        output::or_unknown(last["call_us"].as_u64().map(Micros)),
    ]
}
