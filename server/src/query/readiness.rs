//! Whether the server does its work, and if not why: pure, from what it says of itself.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use schemars::JsonSchema;
use serde::Serialize;

use super::{moment::Rfc3339, unanswered::unanswered};
use crate::{
    hook,
    live::{HostView, ServerView},
    notify::ChannelStats,
    own_clock::{ClockOffset, Standing},
    store::{WHY_GONE, spool::SpoolStatus, writer::WriterStats},
    units::WallMs,
};

/// How long the scheduler may be silent before the server is not ready.
pub const MAX_ROUND_SILENCE: Duration = Duration::from_secs(60);

/// How long a notice may wait for the hook before that is a warning.
pub(super) const LONG_UNTOLD: Duration = Duration::from_secs(60);

/// How long after a row was lost the server counts as losing rows.
pub const LOSS_LASTS: Duration = Duration::from_secs(60);

/// Above this share of the hosts without a poll, for want of the server's own means, it does not do its
/// work.
pub const UNPOLLED_ABOVE_PCT: usize = 50;

/// Whether the server does its work.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Readiness {
    /// It does.
    pub ready: bool,
    /// Why it does not, one sentence each.
    pub reasons: Vec<String>,
    /// What is wrong without stopping the work: a refused inventory file, rows that wait, polls that
    /// are not sealed.
    pub warnings: Vec<String>,
    /// When the server started.
    pub started: Rfc3339,
    /// The inventory in force.
    pub inventory: Option<InventoryShape>,
    /// When the scheduler last opened a round of slots; none before the first.
    pub last_round: Option<Rfc3339>,
}

impl Readiness {
    /// Of a server that does no work, for this reason.
    #[must_use]
    pub fn not_ready(reason: String, started: WallMs) -> Self {
        Self {
            ready: false,
            reasons: vec![reason],
            warnings: Vec::new(),
            started: Rfc3339(started),
            inventory: None,
            last_round: None,
        }
    }
}

/// The inventory in force.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct InventoryShape {
    /// Its number in the store.
    pub version: i64,
    /// Hash of the file's content.
    pub hash: Arc<str>,
    /// When it was loaded.
    pub loaded: Rfc3339,
}

/// The files that were refused, and what goes on to hold.
fn refused_files(server: &ServerView) -> impl Iterator<Item = String> {
    let refused = [
        (&server.inventory_error, "the inventory file was refused, the one before stays in force"),
        (&server.alerts_error, "the file of alert rules was refused, those before stay in force"),
        (&server.access_error, "the file of tokens was refused, those before stay in force"),
    ];
    let told = |(error, words): (&Option<Arc<str>>, &str)| {
        error.as_ref().map(|error| format!("{words}: {error}"))
    };
    refused.into_iter().filter_map(told)
}

impl Readiness {
    /// Judges what the server, its hosts and its writer say, and why the store did not answer, if it did
    /// not.
    #[must_use]
    pub fn judge(
        server: &ServerView,
        hosts: &[Arc<HostView>],
        store_error: Option<String>,
        writer: &WriterStats,
        now: WallMs,
    ) -> Self {
        let mut reasons = Vec::new();
        if server.stopping {
            reasons.push("the server is stopping".to_owned());
        }
        if !server.ready || server.inventory.is_none() {
            reasons.push("no inventory is in force yet".to_owned());
        }
        // Before the first round its begin counts from the start.
        let heard = server.last_round.max(server.started);
        let silence = now.since(heard);
        if silence > MAX_ROUND_SILENCE {
            let (silent, most) = (silence.as_secs(), MAX_ROUND_SILENCE.as_secs());
            reasons.push(format!("no round of polls for {silent} s (limit {most} s)"));
        }
        let mut warnings: Vec<String> = Vec::new();
        if let Some(trouble) = &server.own_trouble {
            let is_most = trouble.hosts * 100 > hosts.len() * UNPOLLED_ABOVE_PCT;
            if is_most { &mut reasons } else { &mut warnings }.push(trouble.to_string());
        }
        warnings.extend(unanswered(hosts));
        let losing = server.last_loss.filter(|lost| now.since(*lost) < LOSS_LASTS);
        if let Some(last) = losing {
            let lost = writer.lost();
            let last = last.spoken();
            reasons
                .push(format!("rows are being lost: {lost} since the start, the last at {last}"));
        }
        if let Some(error) = store_error {
            reasons.push(format!("the store does not answer: {error}"));
        }
        warnings.extend(refused_files(server));
        warnings.extend(server.inventory_waiting.iter().map(ToString::to_string));
        warnings.extend(server.seal_error.iter().map(|error| {
            format!("old polls are not sealed, they stay as they are and take more room: {error}")
        }));
        warnings.extend(server.over_budget.iter().map(ToString::to_string));
        warnings.extend(own_clock(server));
        warnings.extend(lost(writer));
        if let Some(since) = writer.failing_since {
            let error = writer.last_error.as_deref().unwrap_or("unknown");
            let since = since.spoken();
            reasons.push(format!("the store takes no rows since {since}: {error}"));
        }
        let failing = if writer.failing_since.is_some() { &mut reasons } else { &mut warnings };
        failing.extend(waiting(writer, now));
        Self {
            ready: reasons.is_empty(),
            reasons,
            warnings,
            started: Rfc3339(server.started),
            inventory: server.inventory.as_ref().map(|(version, hash, loaded)| InventoryShape {
                version: version.0,
                hash: Arc::clone(hash),
                loaded: Rfc3339(*loaded),
            }),
            last_round: (server.last_round != WallMs::default())
                .then_some(Rfc3339(server.last_round)),
        }
    }

    /// The same, with what the hook says: a warning once notices wait for long.
    #[must_use]
    pub fn with_hook(mut self, hook: &hook::Stats, now: WallMs) -> Self {
        let Some(oldest) = hook.oldest.filter(|made| now.since(*made) > LONG_UNTOLD) else {
            return self;
        };
        let (pending, error) =
            (hook.pending, hook.last_error.as_deref().unwrap_or("not tried yet"));
        self.warnings.push(format!(
            "{pending} notices wait for the hook, the oldest since {}: {error}",
            oldest.spoken()
        ));
        self
    }

    /// The same, with how the channels do: a warning for each that takes nothing.
    #[must_use]
    pub fn with_channels(mut self, channels: &BTreeMap<Arc<str>, ChannelStats>) -> Self {
        for (name, stats) in channels {
            let Some(since) = stats.failing else { continue };
            let (waiting, since) = (stats.waiting, since.spoken());
            let error = stats.last_error.as_deref().unwrap_or("not tried since the start");
            self.warnings.push(format!(
                "the channel {name} takes no messages since {since}, {waiting} wait: {error}"
            ));
        }
        self
    }
}

/// What is wrong with the server's own clock, and what waits for that, in sentences.
pub(super) fn own_clock(server: &ServerView) -> Vec<String> {
    let mut all = Vec::new();
    let Standing { is_wrong, fleet_ms, samples, .. } = server.clock;
    if let Some(ms) = fleet_ms.filter(|_| is_wrong) {
        all.push(format!(
            "this server's clock is wrong: those of {samples} hosts are {} it",
            ClockOffset(ms)
        ));
    }
    all.extend(
        server
            .drop_doubt
            .iter()
            .map(|doubt| format!("nothing old is dropped or sealed, and takes its room: {doubt}")),
    );
    all
}

/// What the store did not take, or has lost, since the start, in sentences.
fn lost(writer: &WriterStats) -> Vec<String> {
    let mut all = Vec::new();
    if let Some(why) = &writer.last_refusal {
        let rows = writer.rejected;
        all.push(format!("{rows} rows were refused since the start, the last: {why}"));
    }
    if writer.conflicting > 0 {
        all.push(format!(
            "{} polls were lost since the start: the store has others of the same moments; this \
             machine's clock was set back, or another server writes to the same store",
            writer.conflicting
        ));
    }
    if writer.gone > 0 {
        all.push(format!(
            "about {} polls that the store had taken are no longer in it: {WHY_GONE}; \
             `roundsman history` shows the gap",
            writer.gone
        ));
    }
    all
}

/// What waits, and where, in sentences.
fn waiting(writer: &WriterStats, now: WallMs) -> Vec<String> {
    let mut all = Vec::new();
    if let Some(spool) = writer.spool.as_ref().filter(|spool| spool.rows() > 0) {
        all.push(in_the_spool(spool, now));
    }
    if let Some(error) = &writer.spool_error {
        let depth = writer.depth;
        all.push(format!("the spool does not work, {depth} rows wait in memory: {error}"));
    }
    all
}

fn in_the_spool(spool: &SpoolStatus, now: WallMs) -> String {
    let (rows, bytes, most) = (spool.rows(), spool.bytes, spool.max_bytes);
    let age = spool.oldest.map_or(String::new(), |oldest| {
        format!(", the oldest poll is {} s old", now.since(oldest).as_secs())
    });
    format!("{rows} rows wait in the spool: {bytes} of {most} bytes{age}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        live::OwnTrouble,
        model::{HostId, HostName, State, VersionId},
    };

    const NOW: WallMs = WallMs(1_774_747_800_000);

    fn well() -> ServerView {
        ServerView {
            started: NOW.minus(Duration::from_secs(600)),
            inventory: Some((VersionId(1), "abc".into(), NOW)),
            last_round: NOW.minus(Duration::from_secs(60)),
            ready: true,
            ..ServerView::default()
        }
    }

    #[test]
    fn polls_that_are_not_sealed_are_a_warning() {
        let server = ServerView { seal_error: Some("damaged".into()), ..well() };
        let judged = Readiness::judge(&server, &[], None, &WriterStats::default(), NOW);
        assert!(judged.ready);
        assert_eq!(
            judged.warnings,
            ["old polls are not sealed, they stay as they are and take more room: damaged"]
        );
    }

    #[test]
    fn a_history_that_takes_more_room_than_it_may_is_a_warning() {
        let server = ServerView { over_budget: Some("it does not fit".into()), ..well() };
        let judged = Readiness::judge(&server, &[], None, &WriterStats::default(), NOW);
        assert!(judged.ready);
        assert_eq!(judged.warnings, ["it does not fit"]);
    }

    #[test]
    fn a_clock_of_ours_that_is_wrong_is_a_warning_and_so_is_what_waits_for_it() {
        let clock = Standing {
            fleet_ms: Some(3_600_000),
            samples: 7,
            is_wrong: true,
            ..Standing::default()
        };
        let server = ServerView { clock, drop_doubt: Some("it stepped".into()), ..well() };
        let judged = Readiness::judge(&server, &[], None, &WriterStats::default(), NOW);
        assert!(judged.ready);
        assert_eq!(
            judged.warnings,
            [
                "this server's clock is wrong: those of 7 hosts are 1h ahead of it",
                "nothing old is dropped or sealed, and takes its room: it stepped"
            ]
        );
        let clock = Standing { is_wrong: false, ..clock };
        let server = ServerView { clock, ..well() };
        let judged = Readiness::judge(&server, &[], None, &WriterStats::default(), NOW);
        assert_eq!(judged.warnings, [""; 0]);
    }

    #[test]
    fn notices_that_wait_for_long_are_a_warning() {
        let judged = |waits: Duration, last_error: Option<&str>| {
            let told = hook::Stats {
                pending: 3,
                oldest: Some(NOW.minus(waits)),
                last_error: last_error.map(Into::into),
                ..hook::Stats::default()
            };
            Readiness::judge(&well(), &[], None, &WriterStats::default(), NOW).with_hook(&told, NOW)
        };
        let late = judged(LONG_UNTOLD + Duration::from_millis(1), Some("alerts:80 answered 503"));
        assert!(late.ready);
        assert_eq!(
            late.warnings,
            ["3 notices wait for the hook, the oldest since 2026-03-29 01:28:59 UTC: alerts:80 \
              answered 503"]
        );
        assert_eq!(judged(LONG_UNTOLD, None).warnings, Vec::<String>::new());
    }

    #[test]
    fn a_server_that_works_is_ready_even_with_a_refused_file() {
        let server = ServerView { inventory_error: Some("line 3".into()), ..well() };
        let readiness = Readiness::judge(&server, &[], None, &WriterStats::default(), NOW);
        assert!(readiness.ready, "{readiness:?}");
        assert_eq!(readiness.warnings.len(), 1);
    }

    #[test]
    fn each_fault_is_a_reason_of_its_own() {
        let server = ServerView {
            started: NOW.minus(Duration::from_secs(600)),
            last_round: NOW.minus(Duration::from_secs(61)),
            stopping: true,
            ..ServerView::default()
        };
        let writer = WriterStats {
            failing_since: Some(NOW),
            last_error: Some("read only".into()),
            depth: 7,
            spool: Some(SpoolStatus {
                polls: 3,
                others: 1,
                bytes: 4096,
                max_bytes: 8192,
                oldest: Some(NOW.minus(Duration::from_secs(9))),
            }),
            spool_error: Some("no room".into()),
            ..WriterStats::default()
        };
        let readiness = Readiness::judge(&server, &[], Some("disk full".to_owned()), &writer, NOW);
        assert!(!readiness.ready);
        assert_eq!(
            readiness.reasons,
            [
                "the server is stopping",
                "no inventory is in force yet",
                "no round of polls for 61 s (limit 60 s)",
                "the store does not answer: disk full",
                "the store takes no rows since 2026-03-29 01:30:00 UTC: read only",
                "4 rows wait in the spool: 4096 of 8192 bytes, the oldest poll is 9 s old",
                "the spool does not work, 7 rows wait in memory: no room",
            ]
        );
        let writer = WriterStats {
            rejected: 2,
            last_refusal: Some("due in another year".into()),
            conflicting: 5,
            gone: 9,
            ..writer
        };
        // While the store takes rows, what is left of an outage stops no work.
        let writer = WriterStats { failing_since: None, ..writer };
        let readiness = Readiness::judge(&well(), &[], None, &writer, NOW);
        assert!(readiness.ready, "{readiness:?}");
        assert_eq!(readiness.warnings.len(), 5);
        assert_eq!(
            readiness.warnings[0],
            "2 rows were refused since the start, the last: due in another year"
        );
        assert!(readiness.warnings[1].starts_with("5 polls were lost"), "{readiness:?}");
        let gone = "about 9 polls that the store had taken are no longer in it";
        assert!(readiness.warnings[2].starts_with(gone), "{readiness:?}");
        // The usual cause in a cluster: nobody restored anything there.
        assert!(readiness.warnings[2].contains("another server of it took over"), "{readiness:?}");
    }

    #[test]
    fn a_server_that_loses_rows_is_not_ready_until_it_has_lost_none_for_a_while() {
        let writer = WriterStats { dropped: 3, evicted: 4, ..WriterStats::default() };
        let judged = |ago: Duration| {
            let server = ServerView { last_loss: Some(NOW.minus(ago)), ..well() };
            Readiness::judge(&server, &[], None, &writer, NOW)
        };
        let now = judged(LOSS_LASTS - Duration::from_millis(1));
        assert_eq!(
            now.reasons,
            ["rows are being lost: 7 since the start, the last at 2026-03-29 01:29:00 UTC"]
        );
        assert!(judged(LOSS_LASTS).ready, "that was a minute ago");
    }

    #[test]
    fn hosts_that_cannot_be_polled_are_a_warning_and_most_of_them_a_reason() {
        let host = |number| {
            let name = HostName::new(&format!("web-{number}")).unwrap();
            Arc::new(HostView { state: State::Up, ..HostView::listed(HostId(number), name) })
        };
        let hosts: Vec<_> = (0..4).map(host).collect();
        let judged = |unpolled| {
            let own = OwnTrouble { since: NOW, hosts: unpolled, error: "no descriptor".into() };
            let server = ServerView { own_trouble: Some(own), ..well() };
            Readiness::judge(&server, &hosts, None, &WriterStats::default(), NOW)
        };
        let half = judged(2);
        assert!(half.ready, "{half:?}");
        assert_eq!(
            half.warnings,
            ["2 hosts cannot be polled for want of the server's own means since \
              2026-03-29T01:30:00.000Z, their states stay: no descriptor"]
        );
        let most = judged(3);
        assert!(!most.ready && most.warnings.is_empty(), "{most:?}");
        assert!(most.reasons[0].starts_with("3 hosts cannot be polled"), "{most:?}");
    }

    #[test]
    fn a_fleet_that_never_answered_is_one_warning() {
        let name = HostName::new("web-1").unwrap();
        let error = "nothing listens there";
        let last = crate::store::sample::failed(HostId(1), &name, NOW, error);
        let host = HostView { last: Some(Arc::new(last)), ..HostView::listed(HostId(1), name) };
        let judged =
            Readiness::judge(&well(), &[Arc::new(host)], None, &WriterStats::default(), NOW);
        assert!(judged.ready, "{judged:?}");
        assert_eq!(
            judged.warnings,
            [
                "none of your 1 hosts has answered: refused on port 50051; is `roundsman-probe serve` \
              running there?"
            ]
        );
    }

    #[test]
    fn before_the_first_round_silence_counts_from_the_start() {
        let server = ServerView { started: NOW, last_round: WallMs::default(), ..well() };
        let readiness = Readiness::judge(&server, &[], None, &WriterStats::default(), NOW);
        assert!(readiness.ready, "{readiness:?}");
        assert_eq!(readiness.last_round, None);
    }
}
