//! When hosts are polled and windows open next, by the clocks of their zones. Pure: `now` is an argument.

use std::{collections::BTreeMap, time::Duration};

use chrono::DateTime;
use chrono_tz::Tz;
use humantime::format_duration;
use serde::Serialize;

use crate::{
    cli::output::plural,
    inventory::{Inventory, Maintenance},
    schedule::{Schedule, Window},
    units::WallMs,
};

/// The most schedules, and the most windows, that are shown; more are counted.
pub(super) const MAX_LISTED: usize = 20;

/// So many of the next times are shown.
const NEXT: usize = 3;

/// What comes when.
#[derive(Debug, Default, Serialize)]
pub(super) struct Times {
    schedules: Vec<Coming>,
    windows: Vec<Coming>,
    /// Schedules and windows beyond [`MAX_LISTED`] of each.
    omitted: usize,
    /// What a person may not expect, in sentences.
    #[serde(skip)]
    pub(super) remarks: Vec<String>,
}

/// A schedule or a window.
#[derive(Debug, Serialize)]
struct Coming {
    /// The schedule as it is written, the window's name.
    what: String,
    /// Hosts and discoveries that have it; those that a window covers.
    hosts: usize,
    /// The next polls or openings, milliseconds since the Unix epoch; of an interval none are listed.
    next_ms: Vec<i64>,
    #[serde(skip)]
    zone: Tz,
    /// How long it is open, or until when.
    #[serde(skip)]
    open: String,
}

impl Times {
    /// Of an inventory at a moment.
    pub(super) fn new(inventory: &Inventory, now: WallMs) -> Self {
        let mut known: BTreeMap<String, (&Schedule, usize)> = BTreeMap::new();
        let hosts = inventory.hosts.values().map(|host| &host.schedule);
        for schedule in hosts.chain(inventory.discoveries.iter().map(|found| &found.schedule)) {
            known.entry(schedule.to_string()).or_insert((schedule, 0)).1 += 1;
        }
        let listed = known.len().min(MAX_LISTED) + inventory.maintenance.len().min(MAX_LISTED);
        let mut times =
            Self { omitted: known.len() + inventory.maintenance.len() - listed, ..Self::default() };
        for (text, (schedule, hosts)) in &known {
            let remark = |words| format!("schedule `{text}`: {words}");
            times.remarks.extend(schedule.remarks().into_iter().map(remark));
            if times.schedules.len() < MAX_LISTED {
                let next = if schedule.is_cron() { next(schedule, now) } else { Vec::new() };
                times.schedules.push(Coming {
                    what: text.clone(),
                    hosts: *hosts,
                    next_ms: next.iter().map(|at| at.0).collect(),
                    zone: schedule.zone().unwrap_or(Tz::UTC),
                    open: String::new(),
                });
            }
        }
        for window in &inventory.maintenance {
            let covered = inventory.hosts.values().filter(|host| window.covers(host)).count();
            let coming = times.window(window, covered, now);
            if times.windows.len() < MAX_LISTED {
                times.windows.push(coming);
            }
        }
        times
    }

    fn window(&mut self, window: &Maintenance, hosts: usize, now: WallMs) -> Coming {
        let name = &window.name;
        let mut remark = |words: &str| self.remarks.push(format!("maintenance `{name}`: {words}"));
        let (next, zone, open) = match &window.window {
            Window::Every { opens, length } => {
                opens.remarks().iter().for_each(|words| remark(words));
                let next = next(opens, now);
                let length_shown = format_duration(*length);
                if next.windows(2).any(|two| two[1].since(two[0]) < *length) {
                    remark(&format!(
                        "it opens again before its {length_shown} are over, and then stays open"
                    ));
                }
                (next, opens.zone().unwrap_or(Tz::UTC), format!(" for {length_shown}"))
            }
            Window::Once { from, to } => {
                if *to <= now {
                    remark("it is over and can be taken out");
                }
                let next = if *to <= now { Vec::new() } else { vec![*from] };
                (next, Tz::UTC, format!(" to {}", local(*to, Tz::UTC)))
            }
        };
        let next_ms = next.iter().map(|at| at.0).collect();
        Coming { what: name.to_string(), hosts, next_ms, zone, open }
    }

    /// Lines for people.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        let parts = [("schedules", &self.schedules), ("maintenance windows", &self.windows)];
        for (title, all) in parts.into_iter().filter(|(_, all)| !all.is_empty()) {
            text.push_str(&format!("{title}:\n"));
            for Coming { what, hosts, next_ms, zone, open } in all {
                let moments = next_ms.iter().map(|at| local(WallMs(*at), *zone));
                let next = match moments.collect::<Vec<_>>().join(", ") {
                    next if next.is_empty() => String::new(),
                    next => format!("; next {next}{open}"),
                };
                text.push_str(&format!("  {what}: {}{next}\n", plural(*hosts, "host")));
            }
        }
        if self.omitted > 0 {
            text.push_str(&format!("  and {} more\n", self.omitted));
        }
        text
    }
}

fn next(schedule: &Schedule, now: WallMs) -> Vec<WallMs> {
    let after = |at: &WallMs| schedule.next_slot(Duration::ZERO, *at);
    std::iter::successors(after(&now), after).take(NEXT).collect()
}

/// `Sun 2026-03-29 04:00:00 CEST`.
fn local(at: WallMs, zone: Tz) -> String {
    let moment = DateTime::from_timestamp_millis(at.0);
    let shown = |at: DateTime<chrono::Utc>| {
        at.with_timezone(&zone).format("%a %Y-%m-%d %H:%M:%S %Z").to_string()
    };
    moment.map_or_else(|| at.to_string(), shown)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory;

    /// 2026-03-28T00:00:00Z, a Saturday; the clocks of Berlin change the night after.
    const NOW: WallMs = WallMs(1_774_656_000_000);

    fn times(text: &str) -> Times {
        Times::new(&inventory::parse("test", text).unwrap(), NOW)
    }

    #[test]
    fn next_times_are_local_with_their_zone_over_the_change_of_its_clock() {
        let times = times(
            "[defaults]\ntimezone = \"Europe/Berlin\"\n[[host]]\nname = \"a\"\n\
             [[host]]\nname = \"b\"\nschedule = \"0 30 2 * * *\"\n\
             [[maintenance]]\nname = \"sunday\"\nhosts = [\"a\"]\nschedule = \"0 0 4 1-7 * SUN\"\n\
             timezone = \"Europe/Berlin\"\nduration = \"2h\"\n\
             [[maintenance]]\nname = \"move\"\nhosts = [\"a\"]\n\
             from = 2026-03-01T02:00:00Z\nto = 2026-03-01T06:00:00Z\n",
        );
        assert_eq!(
            times.text(),
            "schedules:\n  \
               0 30 2 * * * Europe/Berlin: 1 host; next Sat 2026-03-28 02:30:00 CET, \
               Sun 2026-03-29 03:00:00 CEST, Mon 2026-03-30 02:30:00 CEST\n  \
               every 10s: 1 host\n\
             maintenance windows:\n  \
               sunday: 1 host; next Sun 2026-03-29 04:00:00 CEST, Wed 2026-04-01 04:00:00 CEST, \
               Thu 2026-04-02 04:00:00 CEST for 2h\n  \
               move: 1 host\n"
        );
        let remarks = times.remarks.join("\n");
        assert!(
            remarks.starts_with("maintenance `sunday`: day 1-7 or weekday SUN: either is enough"),
            "{remarks}"
        );
        assert!(remarks.ends_with("maintenance `move`: it is over and can be taken out"));
    }

    #[test]
    fn a_window_that_opens_while_it_is_open_is_remarked_and_one_with_a_pause_is_not() {
        let window = |schedule: &str| {
            let text = format!(
                "[[host]]\nname = \"a\"\n[[maintenance]]\nname = \"w\"\nhosts = [\"a\"]\n\
                 schedule = \"{schedule}\"\nduration = \"26h\"\n"
            );
            times(&text).remarks.join("\n")
        };
        assert!(window("0 0 22 * * FRI,SAT").contains("opens again before its 1day 2h are over"));
        assert_eq!(window("0 0 22 * * SUN"), "");
    }

    #[test]
    fn only_so_many_schedules_are_listed() {
        let text: String = (0..=MAX_LISTED)
            .map(|n| format!("[[host]]\nname = \"h-{n}\"\nschedule = \"{n} * * * * *\"\n"))
            .collect();
        let times = times(&text);
        assert_eq!((times.schedules.len(), times.omitted), (MAX_LISTED, 1));
        assert!(times.text().ends_with("  and 1 more\n"), "{}", times.text());
    }
}
