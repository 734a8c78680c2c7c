//! What is made of what was found: pure, a verdict with its words and what to do.

mod server;
mod size;

use std::time::Duration;

use super::{
    share::Share,
    verdict::{Check, Verdict},
};
use crate::{
    cli::{
        forecast::Forecast,
        output::{self, plural},
    },
    export::ExportFacts,
    store::{StoreError, StoreStatus, spool::SpoolStatus},
    units::WallMs,
};

/// How far the store's clock may be from this machine's: `DATETIME`s that SQL compares with its own
/// clock are off by as much.
const CLOCKS_APART: Duration = Duration::from_secs(2);

/// Days of partitions that there are at least while a server runs.
const DAYS_AHEAD: i64 = 1;

/// Most partitions of a table before they cost more than they save: 15 % per 60 were measured.
const MANY_PARTITIONS: usize = 40;

/// Share of the spool's limit from which on it is said, percent.
const SPOOL_FILLING: u64 = 50;

/// Descriptors that are not hosts' connections: files, listeners, the store, browsers.
const OTHER_DESCRIPTORS: u64 = 600;

/// Hours that sealing may lag behind before it is said.
const SEALING_LAG: Duration = Duration::from_secs(6 * 3_600);

/// Everything that was found.
#[derive(Debug)]
pub(super) struct DoctorFacts {
    /// Hosts of the inventory, or what is wrong with it.
    pub(super) inventory: Result<usize, String>,
    /// The longest interval of a host.
    pub(super) longest_gap: Option<Duration>,
    /// The store, or why it does not answer.
    pub(super) store: Result<StoreStatus, String>,
    /// Its views that are not as this program makes them.
    pub(super) views: Vec<String>,
    /// The other machine that gets its password without TLS, by the operator's own word.
    pub(super) exposed_to: Option<String>,
    /// What there is to mend before a server could keep anything in it.
    pub(super) obstacle: Option<&'static str>,
    /// What the inventory costs.
    pub(super) forecast: Option<Forecast>,
    /// The host that takes the most room.
    pub(super) largest: Option<Share>,
    /// What waits in the spool; none when there is none.
    pub(super) spool: Result<Option<SpoolStatus>, String>,
    /// Its limit, bytes; 0: it is switched off.
    pub(super) spool_max: u64,
    /// The export's receiver and what waits for it, or why nothing can be sent; none where none is set.
    pub(super) export: Option<Result<ExportFacts, String>>,
    /// Bytes free where SQLite's file is.
    pub(super) store_room: Option<u64>,
    /// Bytes free where the spool is.
    pub(super) spool_room: Option<u64>,
    /// File descriptors that a process may have; none: as many as it likes.
    pub(super) descriptors: Option<u64>,
    /// `poll.in_flight`.
    pub(super) in_flight: u32,
    /// `seal.after`.
    pub(super) seal_after: Duration,
    /// `retention.polls`.
    pub(super) retention: Duration,
    /// `retention.size`, bytes.
    pub(super) size: Option<u64>,
    /// This machine's clock before the store was asked, and after.
    pub(super) before: WallMs,
    pub(super) now: WallMs,
}

fn check(subject: &'static str, verdict: Verdict, words: impl Into<String>) -> Check {
    Check { subject, verdict, words: words.into(), remedy: None }
}

impl Check {
    fn remedy(self, remedy: impl Into<String>) -> Self {
        Self { remedy: Some(remedy.into()), ..self }
    }
}

fn bytes(count: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "shown with few digits")]
    crate::text::bytes(count as f64)
}

/// Everything that is to be said, in the order in which one would look.
pub(super) fn all(found: &DoctorFacts) -> Vec<Check> {
    let mut checks = vec![inventory(found), store(found)];
    checks.extend(found.exposed_to.as_deref().map(password));
    if let Ok(status) = &found.store {
        checks.extend(server::all(status, found.forecast.as_ref()));
        checks.extend(clock(status, found));
        checks.extend(freshness(status, found));
        checks.extend(status.partitions.iter().map(|table| partitions(table, found)));
        checks.push(sealing(status, found));
        checks.push(views(found));
        checks.extend(keeping(found.obstacle));
    }
    checks.push(spool(found));
    checks.extend(found.export.as_ref().map(|export| exported(export, found)));
    checks.extend(found.forecast.as_ref().map(|forecast| size::check(forecast, found)));
    checks.extend(found.store.as_ref().ok().and_then(size::free));
    checks.extend(found.largest.as_ref().map(Share::check));
    checks.extend(found.inventory.as_ref().ok().map(|hosts| descriptors(*hosts, found)));
    checks
}

/// What is to be said of a database server before anything is kept there; nothing of SQLite.
pub(super) fn of_the_database(
    opened: Result<(StoreStatus, Option<&'static str>), StoreError>,
    forecast: impl FnOnce(&StoreStatus) -> Forecast,
) -> Vec<Check> {
    match opened {
        Ok((status, obstacle)) => {
            let forecast = forecast(&status);
            server::all(&status, Some(&forecast)).into_iter().chain(keeping(obstacle)).collect()
        }
        Err(error @ (StoreError::OlderSchema { .. } | StoreError::LacksColumns { .. })) => {
            vec![check("store", Verdict::Note, error.to_string())]
        }
        Err(error) => vec![check("store", Verdict::Wrong, error.with_causes())],
    }
}

fn keeping(obstacle: Option<&'static str>) -> Option<Check> {
    obstacle.map(|mend| check("keeping polls", Verdict::Wrong, mend))
}

fn inventory(found: &DoctorFacts) -> Check {
    match &found.inventory {
        Ok(hosts) => check("inventory", Verdict::Ok, plural(*hosts, "host")),
        Err(error) => check("inventory", Verdict::Wrong, error.clone()).remedy(
            "`roundsman check` lists every problem; the server goes on with the last good one",
        ),
    }
}

fn store(found: &DoctorFacts) -> Check {
    match &found.store {
        Ok(status) => {
            let took = found.now.since(found.before).as_millis();
            let StoreStatus { location, server, schema, polls, .. } = status;
            let words = format!("{location}: {server}, schema {schema}, {polls} polls, {took} ms");
            check("store", Verdict::Ok, words)
        }
        Err(error) => check("store", Verdict::Wrong, error.clone())
            .remedy("while it is away rows wait in memory and in the spool, and polling goes on"),
    }
}

fn password(to: &str) -> Check {
    let words = format!("goes to {to} without TLS, as store.tls = \"off\" allows");
    check("password", Verdict::Note, words).remedy(
        "what answers in the database's place can read it: unless the network is private, set store.tls \
         to \"required\" or \"verify-ca\"",
    )
}

fn clock(status: &StoreStatus, found: &DoctorFacts) -> Option<Check> {
    let theirs = status.clock?;
    // It was read somewhere between the two.
    let behind = found.before.since(theirs);
    let ahead = theirs.since(found.now);
    let apart = behind.max(ahead);
    if apart <= CLOCKS_APART {
        return Some(check("clock of the store", Verdict::Ok, "as this machine's"));
    }
    let (side, by) = (if ahead > behind { "ahead" } else { "behind" }, output::length(apart));
    let words = format!("{by} {side} of this machine's");
    Some(
        check("clock of the store", Verdict::Wrong, words).remedy(
            "synchronise both (NTP): SQL that compares with UTC_TIMESTAMP() is off by as much",
        ),
    )
}

fn freshness(status: &StoreStatus, found: &DoctorFacts) -> Option<Check> {
    let gap = found.longest_gap?;
    let Some(newest) = status.newest_poll else {
        return Some(check("newest poll", Verdict::Note, "none is kept yet"));
    };
    let age = found.now.since(newest);
    let words = format!("due {} ago", output::length(age));
    if newest > found.now.plus(gap) {
        let ahead = output::length(newest.since(found.now));
        return Some(check("newest poll", Verdict::Wrong, format!("due in {ahead}")).remedy(
            "the clock of the server that wrote it was ahead; polls are refused as repeated until then",
        ));
    }
    if age > gap * 3 + Duration::from_secs(60) {
        return Some(check("newest poll", Verdict::Wrong, words).remedy(
            "no server keeps polls: is one running, and what do its log and /readyz say?",
        ));
    }
    Some(check("newest poll", Verdict::Ok, words))
}

fn partitions(table: &crate::store::PartitionStatus, found: &DoctorFacts) -> Check {
    let subject =
        if table.table == "poll" { "partitions of poll" } else { "partitions of poll_hour" };
    let Some(until) = table.until else {
        return check(subject, Verdict::Wrong, "there are none")
            .remedy("a server that starts makes them; is the schema complete?");
    };
    let ahead = (until.0 - found.now.0).div_euclid(86_400_000);
    let words = format!("{}, {} days ahead", table.count, ahead.max(0));
    if ahead < DAYS_AHEAD {
        return check(subject, Verdict::Wrong, words)
            .remedy("a running server makes three days ahead: may its user ALTER the table?");
    }
    if table.count > MANY_PARTITIONS {
        return check(subject, Verdict::Note, words)
            .remedy("each costs a little with every write: a shorter retention.polls has fewer");
    }
    check(subject, Verdict::Ok, words)
}

fn views(found: &DoctorFacts) -> Check {
    let subject = "views";
    if found.views.is_empty() {
        return check(subject, Verdict::Ok, "as this program makes them");
    }
    let words = format!(
        "not as this program makes them: {}; they were changed, or restored from a dump of a \
         database of another name and read that one",
        found.views.join(", ")
    );
    check(subject, Verdict::Wrong, words).remedy(
        "start `roundsman serve` on this database, which makes them again; its user must be allowed \
         to CREATE VIEW, SHOW VIEW and DROP",
    )
}

fn sealing(status: &StoreStatus, found: &DoctorFacts) -> Check {
    let Some(oldest) = status.oldest_unsealed else {
        return check("sealing", Verdict::Ok, "nothing waits to be sealed");
    };
    let age = found.now.since(oldest);
    let words = format!(
        "{} polls sealed, the oldest hour that is not begins {} ago",
        status.sealed_polls,
        output::length(age)
    );
    if age > found.seal_after + SEALING_LAG {
        return check("sealing", Verdict::Wrong, words).remedy(
            "history takes several times the room until it is sealed; the server's log says what is in \
             the way",
        );
    }
    check("sealing", Verdict::Ok, words)
}

fn spool(found: &DoctorFacts) -> Check {
    let subject = "spool";
    if found.spool_max == 0 {
        return check(
            subject,
            Verdict::Note,
            "switched off: an outage of the store costs what does not fit in memory",
        );
    }
    let held = match &found.spool {
        Ok(held) => held.clone().unwrap_or_default(),
        Err(error) => {
            return check(subject, Verdict::Wrong, error.clone())
                .remedy("the server sets a damaged one aside by itself; may this user read it?");
        }
    };
    let room = found.spool_room.unwrap_or(u64::MAX).saturating_add(held.bytes);
    if room < found.spool_max {
        let words = format!("may grow to {}, and {} are free", bytes(found.spool_max), bytes(room));
        return check(subject, Verdict::Wrong, words).remedy(
            "make room under `data`, or lower spool.max: a full disk costs the polls of an outage",
        );
    }
    if held.rows() == 0 {
        return check(subject, Verdict::Ok, format!("empty, up to {}", bytes(found.spool_max)));
    }
    let age = held.oldest.map_or(Duration::ZERO, |oldest| found.now.since(oldest));
    let words = format!(
        "{} rows, {}, the oldest {} old",
        held.rows(),
        bytes(held.bytes),
        output::length(age)
    );
    let verdict = match held.bytes.saturating_mul(100) / found.spool_max.max(1) {
        0..SPOOL_FILLING => Verdict::Note,
        _ => Verdict::Wrong,
    };
    check(subject, verdict, words).remedy("it empties by itself once the store takes rows again")
}

fn exported(export: &Result<ExportFacts, String>, found: &DoctorFacts) -> Check {
    let subject = "export";
    let export = match export {
        Ok(export) => export,
        Err(error) => {
            return check(subject, Verdict::Wrong, error.clone())
                .remedy("no server starts with it");
        }
    };
    let waits = match export.oldest {
        Some(oldest) => {
            let age = output::length(found.now.since(oldest));
            format!("; {} wait for it, the oldest {age} old", bytes(export.waiting))
        }
        None => String::new(),
    };
    if let Some(unfit) = &export.unfit {
        return check(subject, Verdict::Wrong, format!("{unfit}{waits}")).remedy(
            "readings that it does not take wait on disk up to export.queue, and those that it refuses are lost: \
             are export.url, export.protocol and export.token_file those of the receiver?",
        );
    }
    let words = format!("{} takes requests{waits}", export.to);
    match export.oldest {
        Some(_) => check(subject, Verdict::Note, words)
            .remedy("a running server sends them in order; its log says what is in the way"),
        None => check(subject, Verdict::Ok, words),
    }
}

fn descriptors(hosts: usize, found: &DoctorFacts) -> Check {
    let needed = u64::try_from(hosts).unwrap_or(u64::MAX).saturating_add(OTHER_DESCRIPTORS);
    let Some(limit) = found.descriptors else {
        return check("limits", Verdict::Ok, "any number of file descriptors");
    };
    let words = format!(
        "{limit} file descriptors, about {needed} needed; poll.in_flight {}",
        found.in_flight
    );
    if limit < needed {
        return check("limits", Verdict::Wrong, words)
            .remedy("raise LimitNOFILE (systemd), --ulimit nofile (Docker) or `ulimit -Hn`");
    }
    check("limits", Verdict::Ok, words)
}

#[cfg(test)]
mod tests;
