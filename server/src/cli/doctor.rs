//! `roundsman doctor`: looks over everything that Roundsman stands on and says what is wrong, where,
//! and what to do. Changes nothing.

mod checks;
mod share;
mod verdict;

use std::sync::Arc;

use clap::Args;
use rustix::{fs::statvfs, process::Resource};
use serde::Serialize;

pub(super) use self::verdict::{Check, Verdict};
use self::{checks::DoctorFacts, share::Share};
use super::{
    CliError, Runtime,
    fit::{SPACE, wrap},
    forecast::Forecast,
    output::Output,
    progress::Progress,
    targets,
};
use crate::{
    config::{Config, StoreUrl},
    export,
    inventory::Inventory,
    store::{self, HostQuery, HostSummary, Mode, StoreError, StoreStatus, spool},
    text::shown,
};

/// Shown under the help.
pub(super) const EXAMPLES: &str = "\
Examples:
  roundsman doctor                        exit code 1 if something is wrong
  roundsman doctor --json | jq '.checks[] | select(.verdict != \"ok\")'";

/// Flags of `doctor`.
#[derive(Debug, Args)]
pub(super) struct DoctorArgs {
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Serialize)]
struct Report {
    ok: bool,
    checks: Vec<Check>,
}

/// Looks, prints, and fails when something is wrong.
pub(super) fn run(args: &DoctorArgs, runtime: &Runtime) -> Result<(), CliError> {
    let config = runtime.start(Vec::new(), true)?;
    let checks = checks::all(&look(&config, runtime));
    let report = Report { ok: checks.iter().all(|c| c.verdict != Verdict::Wrong), checks };
    if args.json {
        runtime.output.json(&report)?;
    } else {
        runtime.output.show(&text(&report, runtime.output))?;
    }
    if report.ok { Ok(()) } else { Err(CliError::Shown) }
}

/// Everything that is looked at.
fn look(config: &Config, runtime: &Runtime) -> DoctorFacts {
    let inventory = match targets::read(&config.inventory) {
        Ok(inventory) => Ok(inventory),
        Err(error) => Err(CliError::from(error).to_string()),
    };
    let before = runtime.now();
    let store = {
        let words = || "looking at the store".to_owned();
        let progress = Progress::new(runtime.clock());
        runtime.block_on(progress.during(words, status(config, runtime)))
    };
    let (store, (views, obstacle), kept) = match store {
        Ok((status, asides, kept)) => (Ok(status), asides, kept),
        Err(error) => (Err(error), Asides::default(), Vec::new()),
    };
    let listed = inventory.as_ref().ok();
    let largest = listed.and_then(|listed| Share::largest(listed, &kept, before));
    let (status, forecast) = match &inventory {
        Ok(inventory) => {
            let known = store.as_ref().ok();
            let after = config.seal.after;
            (store.clone(), Some(Forecast::new(inventory, known, after, before)))
        }
        Err(_) => (store, None),
    };
    let export = {
        let words = || "asking the export's receiver".to_owned();
        let progress = Progress::new(runtime.clock());
        let asking = export::ask(&config.export, &config.resolve, &config.data, runtime.now());
        runtime.block_on(progress.during(words, asking))
    };
    let room = match &config.store.url {
        // The file's own folder: what is free there is what is left.
        StoreUrl::Sqlite(path) => path.parent().and_then(|folder| statvfs(folder).ok()),
        StoreUrl::Mysql(_) => None,
    };
    let spool_room = statvfs(&config.data).ok();
    let bytes = |found: rustix::fs::StatVfs| found.f_bavail.saturating_mul(found.f_frsize);
    let limit = rustix::process::getrlimit(Resource::Nofile);
    DoctorFacts {
        inventory: inventory.as_ref().map(|i| i.hosts.len()).map_err(Clone::clone),
        longest_gap: inventory.ok().and_then(|inventory| {
            inventory.hosts.values().map(|host| host.schedule.shortest_gap()).max()
        }),
        store: status,
        views,
        exposed_to: config.store.exposed_to().map(ToString::to_string),
        obstacle,
        forecast,
        largest,
        spool: match config.spool.max.0 {
            0 => Ok(None),
            max => spool::peek(&config.spool.path, max).map_err(|error| error.with_causes()),
        },
        spool_max: config.spool.max.0,
        export: export.map_err(|error| error.to_string()).transpose(),
        store_room: room.map(bytes),
        spool_room: spool_room.map(bytes),
        descriptors: limit.maximum,
        in_flight: config.poll.in_flight,
        seal_after: config.seal.after,
        retention: config.retention.polls,
        size: config.retention.size.map(|size| size.0),
        before,
        now: runtime.now(),
    }
}

/// How the store is.
type Store = (StoreStatus, Asides, Vec<HostSummary>);

/// Its views that are not as they should be, and what is in the way of every row.
type Asides = (Vec<String>, Option<&'static str>);

async fn status(config: &Config, runtime: &Runtime) -> Result<Store, String> {
    let asking = async {
        let clock = Arc::clone(runtime.clock());
        let store = store::open(&config.store, Mode::ReadOnly, clock).await?;
        let hosts = store.hosts(HostQuery::listed()).await?;
        let asides = (store.altered_views().await?, store.obstacle().await?);
        Ok((store.status().await?, asides, hosts))
    };
    asking.await.map_err(|error: StoreError| error.with_causes())
}

/// What is to be said of the database server that keeps what this inventory brings, whether a server of
/// ours has ever run on it or not; nothing of SQLite.
pub(super) async fn of_the_database(
    config: &Config,
    inventory: &Inventory,
    runtime: &Runtime,
) -> Vec<Check> {
    if let StoreUrl::Sqlite(_) = config.store.url {
        return Vec::new();
    }
    let asking = async {
        let clock = Arc::clone(runtime.clock());
        let store = store::open(&config.store, Mode::ReadOnly, clock).await?;
        Ok((store.status().await?, store.obstacle().await?))
    };
    checks::of_the_database(asking.await, |status| {
        Forecast::new(inventory, Some(status), config.seal.after, runtime.now())
    })
}

fn text(report: &Report, output: Output) -> String {
    laid_out(report, output, if output.terminal { output.width() } else { usize::MAX })
}

fn laid_out(report: &Report, output: Output, width: usize) -> String {
    // Nothing of a sentence may be cut: it goes on below, as wide as the terminal leaves it room.
    let widest = |cell: fn(&Check) -> usize| report.checks.iter().map(cell).max().unwrap_or(0);
    let beside = widest(|check| check.verdict.to_string().len())
        + widest(|check| check.subject.len().max("WHAT".len()))
        + 3 * SPACE;
    let rows = report.checks.iter().flat_map(|check| {
        let first = [check.verdict.to_string(), check.subject.to_owned()];
        let words = wrap(&shown(&check.words), width.saturating_sub(beside));
        let row = move |(line, words): (usize, String)| match line {
            0 => [first[0].clone(), first[1].clone(), words],
            _ => [String::new(), String::new(), words],
        };
        words.into_iter().enumerate().map(row)
    });
    let mut text = output.table(&["", "WHAT", "FOUND"], rows);
    for check in report.checks.iter().filter(|check| check.remedy.is_some()) {
        let remedy = check.remedy.as_deref().unwrap_or_default();
        let line = format!("{}: {}", check.subject, shown(remedy));
        text.push_str(&(wrap(&line, width).join("\n") + "\n"));
    }
    text
}

#[cfg(test)]
mod tests {
    use unicode_width::UnicodeWidthStr as _;

    use super::*;

    #[test]
    fn a_sentence_goes_on_in_its_column_and_loses_no_word() {
        let words = "6.1 polls/s at 4.0 KiB each (estimated): 239 GiB in the 30 days that are kept";
        let check = Check {
            subject: "size",
            verdict: Verdict::Wrong,
            words: words.to_owned(),
            remedy: Some("the disk is full before retention.polls has passed: shorten it".into()),
        };
        for (width, lines) in [(80, 5), (40, 7)] {
            let report = Report { ok: false, checks: vec![check.clone()] };
            let text = laid_out(&report, Output { terminal: true, colour: false }, width);
            assert!(text.lines().all(|line| line.width() <= width), "{width}:\n{text}");
            assert!(text.lines().count() >= lines, "{text}");
            let found: Vec<&str> = text.split_whitespace().collect();
            for word in words.split_whitespace() {
                assert!(found.contains(&word), "{width}: {word} is missing:\n{text}");
            }
        }
    }
}
