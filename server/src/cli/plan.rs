//! `roundsman plan`: what the inventory as it stands in the file would change about the hosts that
//! are kept, and what it will cost.

use std::{collections::HashMap, sync::Arc, time::Duration};

use clap::Args;
use serde::Serialize;

use super::{
    CliError, Runtime,
    forecast::{DAY, Forecast},
    output::{Output, plural},
    targets,
};
use crate::{
    config::Config,
    inventory::{DiscoveredHosts, Inventory},
    reconcile,
    store::{self, HostQuery, HostSummary, Mode, StoreError, StoreStatus},
    units::WallMs,
};

/// Shown under the help.
pub(super) const EXAMPLES: &str = "\
Examples:
  roundsman plan --inventory new.toml     before it is used
  roundsman plan --json | jq .retired";

/// Flags of `plan`.
#[derive(Debug, Args)]
pub(super) struct PlanArgs {
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

/// What would change, and what it costs.
#[derive(Debug, Serialize)]
struct Plan {
    inventory: String,
    /// Where the hosts are kept; none when there is no store yet.
    store: Option<String>,
    added: Vec<String>,
    retired: Vec<String>,
    renamed: Vec<Renamed>,
    changed: Vec<Changed>,
    unchanged: usize,
    /// Hosts after it, those that are paused and those discovered until now included.
    hosts: usize,
    paused: usize,
    discovered: usize,
    /// Names whose further addresses will be hosts, too.
    discoveries: usize,
    polls_per_second: f64,
    rows_per_day: u64,
    bytes_per_poll: u64,
    /// Once it is sealed; none where nothing is sealed.
    bytes_per_sealed_poll: Option<u64>,
    /// Whether that is measured on the store, or a figure for want of polls.
    measured: bool,
    bytes_per_day: u64,
    retention_days: f64,
    bytes_in_retention: u64,
    /// `retention.size`; none when it is not set.
    retention_size: Option<u64>,
    /// Days of polls that fit into it, more than `retention_days` where all do; none when it is not set.
    held_days: Option<f64>,
    /// The same in words, where fewer fit than are asked for.
    #[serde(skip)]
    cut: Option<String>,
    /// What the database's binary log takes beside the tables until it lapses; none where there is none, or
    /// it never lapses.
    bytes_in_binary_log: Option<u64>,
}

#[derive(Debug, Serialize)]
struct Renamed {
    from: String,
    to: String,
}

#[derive(Debug, Serialize)]
struct Changed {
    host: String,
    /// `group`, `labels`, `addresses`: what is kept of a host.
    what: Vec<&'static str>,
}

/// Plans and prints.
pub(super) fn run(args: &PlanArgs, runtime: &Runtime) -> Result<(), CliError> {
    let config = runtime.start(Vec::new(), true)?;
    let file = Arc::new(targets::read(&config.inventory)?);
    let kept = runtime.block_on(async {
        let clock = Arc::clone(runtime.clock());
        let store = match store::open(&config.store, Mode::ReadOnly, clock).await {
            Ok(store) => store,
            // Nothing has been kept yet: every host is new.
            Err(StoreError::Missing { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        Ok(Some((store.hosts(HostQuery::listed()).await?, store.status().await?)))
    })?;
    let (hosts, status) =
        kept.map_or_else(Default::default, |(hosts, status)| (hosts, Some(status)));
    let mut plan = plan(&file, &hosts, status.as_ref(), &config, runtime.now());
    plan.inventory = config.inventory.display().to_string();
    if args.json {
        runtime.output.json(&plan)
    } else {
        runtime.output.show(&text(&plan, runtime.output))
    }
}

fn plan(
    file: &Arc<Inventory>,
    kept: &[HostSummary],
    status: Option<&StoreStatus>,
    config: &Config,
    now: WallMs,
) -> Plan {
    let retention = config.retention.polls;
    let mut discovered = DiscoveredHosts::default();
    discovered.restore(file, kept.iter().map(reconcile::kept));
    let after = discovered.with(file);
    let before: HashMap<&str, &HostSummary> =
        kept.iter().map(|host| (host.name.as_str(), host)).collect();
    let mut plan = Plan {
        inventory: String::new(),
        store: status.map(|status| status.location.clone()),
        added: Vec::new(),
        retired: Vec::new(),
        renamed: Vec::new(),
        changed: Vec::new(),
        unchanged: 0,
        hosts: after.hosts.len(),
        paused: after.hosts.values().filter(|host| host.paused).count(),
        discovered: after.hosts.len() - file.hosts.len(),
        discoveries: file.discoveries.len(),
        polls_per_second: 0.0,
        rows_per_day: 0,
        bytes_per_poll: 0,
        bytes_per_sealed_poll: None,
        measured: false,
        bytes_per_day: 0,
        retention_days: retention.as_secs_f64() / DAY.as_secs_f64(),
        bytes_in_retention: 0,
        retention_size: config.retention.size.map(|size| size.0),
        held_days: None,
        cut: None,
        bytes_in_binary_log: None,
    };
    let mut stay = Vec::new();
    for (name, host) in &after.hosts {
        let former = host.renamed_from.as_ref().and_then(|former| before.get(former.as_str()));
        let found = match (before.get(name.as_str()), former) {
            (Some(found), _) => *found,
            (None, Some(former)) => {
                let (from, to) = (former.name.to_string(), name.to_string());
                plan.renamed.push(Renamed { from, to });
                *former
            }
            (None, None) => {
                plan.added.push(name.to_string());
                continue;
            }
        };
        stay.push(found.id);
        let addresses: Vec<String> = host.addresses.iter().map(ToString::to_string).collect();
        let what: Vec<_> = [
            ("group", found.group != host.group),
            ("labels", found.labels != *host.labels),
            ("addresses", found.addresses != addresses),
        ]
        .into_iter()
        .filter_map(|(what, differs)| differs.then_some(what))
        .collect();
        if !what.is_empty() {
            plan.changed.push(Changed { host: name.to_string(), what });
        } else if found.name == *name {
            plan.unchanged += 1;
        }
    }
    let gone = kept.iter().filter(|host| !stay.contains(&host.id));
    plan.retired = gone.map(|host| host.name.to_string()).collect();
    let forecast = Forecast::new(&after, status, config.seal.after, now);
    cost(&mut plan, &forecast, retention);
    room(&mut plan, &forecast, status, retention, now);
    plan
}

/// What the polls of a day take, and all that are kept.
fn cost(plan: &mut Plan, forecast: &Forecast, retention: Duration) {
    plan.polls_per_second = forecast.polls_per_second;
    plan.rows_per_day = forecast.rows_per_day;
    plan.bytes_per_poll = forecast.bytes_per_poll;
    plan.bytes_per_sealed_poll = forecast.bytes_per_sealed_poll;
    plan.measured = forecast.measured;
    plan.bytes_per_day = forecast.bytes_per_day();
    plan.bytes_in_retention = forecast.bytes_in(retention);
}

/// What fits into the room that there is, and what the database takes beside it.
fn room(
    plan: &mut Plan,
    forecast: &Forecast,
    status: Option<&StoreStatus>,
    retention: Duration,
    now: WallMs,
) {
    if let Some(size) = plan.retention_size {
        let held = forecast.held_in(size, status);
        plan.held_days = Some(held.as_secs_f64() / DAY.as_secs_f64());
        plan.cut = (held < retention).then(|| Forecast::cut(size, held, retention, status, now));
    }
    let kept_s = status.and_then(|status| status.settings.as_ref()?.binlog_kept_s);
    let kept = kept_s.filter(|kept| *kept > 0).map(Duration::from_secs);
    plan.bytes_in_binary_log = kept.map(|kept| forecast.bytes_as_they_come(kept));
}

fn text(plan: &Plan, output: Output) -> String {
    let mut text = match &plan.store {
        Some(store) => format!("{} against {store}\n", plan.inventory),
        None => format!("{}; nothing is kept yet\n", plan.inventory),
    };
    let renamed =
        plan.renamed.iter().map(|host| ("rename", &host.to, format!("from {}", host.from)));
    let changed = plan.changed.iter().map(|host| ("change", &host.host, host.what.join(", ")));
    let rows: Vec<[String; 3]> = plan
        .added
        .iter()
        .map(|name| ("add", name, String::new()))
        .chain(plan.retired.iter().map(|name| ("retire", name, "its history stays".to_owned())))
        .chain(renamed)
        .chain(changed)
        .map(|(what, name, detail)| [what.to_owned(), name.clone(), detail])
        .collect();
    if rows.is_empty() {
        text.push_str("no host is touched\n");
    } else {
        text.push_str(&output.table(&["CHANGE", "HOST", "DETAIL"], rows));
    }
    #[expect(clippy::cast_precision_loss, reason = "shown with few digits")]
    let bytes = |bytes: u64| crate::text::bytes(bytes as f64);
    text.push_str(&format!(
        "{} unchanged; {} after it ({} paused, {} discovered)\n",
        plural(plan.unchanged, "host"),
        plural(plan.hosts, "host"),
        plan.paused,
        plan.discovered,
    ));
    if plan.discoveries > 0 {
        let names = plural(plan.discoveries, "name");
        text.push_str(&format!("further hosts may be discovered by {names}\n"));
    }
    let how = if plan.measured { "measured" } else { "an estimate: too few polls are kept" };
    text.push_str(&format!(
        "{:.1} polls/s, {} rows a day, {} a day ({} each, {how}), {} in {:.0} days of retention\n",
        plan.polls_per_second,
        plan.rows_per_day,
        bytes(plan.bytes_per_day),
        bytes(plan.bytes_per_poll),
        bytes(plan.bytes_in_retention),
        plan.retention_days,
    ));
    if let Some(binlog) = plan.bytes_in_binary_log {
        text.push_str(&format!("{} of binary log beside them\n", bytes(binlog)));
    }
    text.extend(plan.cut.iter().map(|cut| format!("{cut}\n")));
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        config::{ByteSize, Sources},
        inventory,
        store::DatabaseSettings,
    };

    /// What a budget holds of the days asked for, and the binary log beside it.
    #[test]
    fn a_budget_that_cuts_is_told_with_the_binary_log() {
        let file = inventory::parse("test", "[[host]]\nname = \"a\"\n").unwrap();
        let now = WallMs(1_774_747_800_000);
        let status = StoreStatus {
            backend: "mysql",
            location: "mysql://db/fleet".to_owned(),
            server: "8.4.0".to_owned(),
            clock: None,
            settings: Some(DatabaseSettings { pushdown_off: None, binlog_kept_s: Some(86_400) }),
            partitions: Vec::new(),
            schema: 1,
            bytes: 5_000 * 3_600,
            free_bytes: 0,
            hosts: 1,
            retired: 0,
            polls: 10_000,
            events: 0,
            oldest_poll: Some(now.minus(2 * DAY)),
            newest_poll: None,
            sealed_polls: 5_000,
            sealed_bytes: 5_000 * 600,
            unsealed_bytes: 5_000 * 3_000,
            oldest_unsealed: None,
        };
        let mut config = Config::load(Sources::default()).unwrap().config;
        let mut told = String::new();
        for size in [None, Some(1 << 30), Some(64 << 20)] {
            config.retention.size = size.map(ByteSize);
            let plan = plan(&Arc::new(file.clone()), &[], Some(&status), &config, now);
            told += &text(&plan, Output { terminal: false, colour: false });
            told += &format!("{:?} {:?}\n\n", plan.held_days, plan.bytes_in_binary_log);
        }
        insta::assert_snapshot!(told);
    }
}
