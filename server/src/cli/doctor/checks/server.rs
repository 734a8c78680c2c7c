//! The database server: its version, and how it is set.

use std::time::Duration;

use super::{Check, Forecast, Verdict, bytes, check};
use crate::{
    cli::output,
    store::{DatabaseSettings, StoreStatus, mysql::Release},
};

/// What is to be said of it; nothing of a store that has no server.
pub(super) fn all(status: &StoreStatus, forecast: Option<&Forecast>) -> Vec<Check> {
    let Some(settings) = &status.settings else { return Vec::new() };
    let mut checks = vec![version(&status.server), pushdown(settings)];
    checks.extend(binary_log(settings, forecast));
    checks
}

fn version(server: &str) -> Check {
    let subject = "version";
    let Some(release) = Release::of(server) else {
        return check(subject, Verdict::Note, format!("{server} names no version")).remedy(
            "MySQL and MariaDB are supported; what else speaks their protocol was not tried",
        );
    };
    let words = format!("{server}; {} or newer is needed", release.oldest());
    if !release.is_too_old() {
        return check(subject, Verdict::Ok, words);
    }
    check(subject, Verdict::Wrong, words).remedy(
        "upgrade the database server: on an older one views fail, or read all history for each query",
    )
}

fn pushdown(settings: &DatabaseSettings) -> Check {
    let subject = "optimizer";
    let Some(switch) = settings.pushdown_off else {
        return check(subject, Verdict::Ok, "conditions on views reach the tables under them");
    };
    let words = format!("{switch} is off: every query of a view reads all history");
    check(subject, Verdict::Wrong, words).remedy(format!(
        "SET GLOBAL optimizer_switch = '{switch}=on', and the same in the server's configuration file; \
         connections that are open keep what they had"
    ))
}

fn binary_log(settings: &DatabaseSettings, forecast: Option<&Forecast>) -> Option<Check> {
    let kept = settings.binlog_kept_s?;
    let subject = "binary log";
    if kept == 0 {
        return Some(check(subject, Verdict::Note, "kept for ever, with every poll in it").remedy(
            "nobody takes it out: set binlog_expire_logs_seconds, or see that the disk is large enough",
        ));
    }
    let kept = Duration::from_secs(kept);
    // A row of a poll is written there as it is; the index and what is free in a page is not.
    let room = forecast.map_or_else(String::new, |forecast| {
        format!(": about {} beside the tables", bytes(forecast.bytes_as_they_come(kept)))
    });
    let words = format!("kept for {}, with every poll in it{room}", output::length(kept));
    Some(check(subject, Verdict::Ok, words))
}
