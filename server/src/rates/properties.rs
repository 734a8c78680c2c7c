//! Properties over random histories of a machine: reboots, resets, wraps, vanishing devices, equal
//! clocks. What is expected is told by a ledger that the imitation machine keeps beside its
//! counters: how much each truly grew, and since when it has been the same counter.

use proptest::prelude::*;

use super::machine::{snapshot, table};
use super::*;
use crate::model::{CPU_STATES, ColumnSet, DiskColumn, NetColumn, SOFTIRQ_COLUMNS};

/// What happens to the machine between two moments.
#[derive(Debug, Clone)]
enum Event {
    /// Time passes and everything grows, by up to this much.
    Run { seconds: u64, grow: Vec<u64> },
    /// The counters of a device start over while the machine runs.
    Reset { device: usize },
    /// A device goes, or comes back as new.
    Toggle { device: usize },
    /// The 32-bit counters wrap (as on a 32-bit kernel).
    Wrap,
    /// iowait is corrected downwards.
    Iowait { by: u64 },
    /// The machine reboots: another boot id, everything from 0.
    Reboot,
    /// The boot id can no longer be read, or can again.
    LoseBootId,
}

const DEVICES: [&str; 4] = ["eth0", "eth1", "sda", "nvme0n1"];
const GROWN: usize = 8;

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        8 => (0_u64..20, prop::collection::vec(0_u64..5_000, GROWN))
            .prop_map(|(seconds, grow)| Event::Run { seconds, grow }),
        1 => (0..DEVICES.len()).prop_map(|device| Event::Reset { device }),
        1 => (0..DEVICES.len()).prop_map(|device| Event::Toggle { device }),
        1 => Just(Event::Wrap),
        1 => (1_u64..50).prop_map(|by| Event::Iowait { by }),
        1 => Just(Event::Reboot),
        1 => Just(Event::LoseBootId),
    ]
}

/// A counter with its true history.
#[derive(Debug, Clone, Copy)]
struct Life {
    raw: u64,
    /// All that it ever grew.
    grown: u128,
    /// Changes when it starts over.
    generation: u32,
}

#[derive(Debug, Clone)]
struct Machine {
    boot: u32,
    known_boot: bool,
    seconds: u64,
    ticks: [u64; CPU_STATES],
    switches: Life,
    devices: [Option<Life>; DEVICES.len()],
    generations: u32,
}

impl Machine {
    fn new(start: u64) -> Self {
        let life = Life { raw: start, grown: 0, generation: 0 };
        Self {
            boot: 0,
            known_boot: true,
            seconds: 1000,
            ticks: [start; CPU_STATES],
            switches: life,
            devices: [Some(life); DEVICES.len()],
            generations: 0,
        }
    }

    fn fresh(&mut self, grown: u128) -> Life {
        self.generations += 1;
        Life { raw: 0, grown, generation: self.generations }
    }

    fn apply(&mut self, event: &Event) {
        match event {
            Event::Run { seconds, grow } => {
                self.seconds += seconds;
                for (state, by) in self.ticks.iter_mut().zip(grow.iter().cycle()) {
                    *state = state.saturating_add(*by);
                }
                let lives = self.devices.iter_mut().flatten().chain([&mut self.switches]);
                for (life, by) in lives.zip(grow.iter().cycle()) {
                    let by = (*by).min(u64::MAX - life.raw);
                    life.raw += by;
                    life.grown += u128::from(by);
                }
            }
            Event::Reset { device } => {
                if let Some(life) = self.devices[*device] {
                    self.devices[*device] = Some(self.fresh(life.grown));
                }
            }
            Event::Toggle { device } => {
                self.devices[*device] = match self.devices[*device] {
                    Some(_) => None,
                    None => Some(self.fresh(0)),
                };
            }
            Event::Wrap => {
                self.generations += 1;
                let generation = self.generations;
                for life in self.devices.iter_mut().flatten().chain([&mut self.switches]) {
                    life.raw %= 1 << 12;
                    life.generation = generation;
                }
            }
            Event::Iowait { by } => self.ticks[4] = self.ticks[4].saturating_sub(*by),
            Event::Reboot => {
                let boot = self.boot + 1;
                let generations = self.generations + 1;
                *self = Self { boot, generations, seconds: 5, ..Self::new(0) };
                self.switches.generation = generations;
                self.devices.iter_mut().flatten().for_each(|life| life.generation = generations);
            }
            Event::LoseBootId => self.known_boot = !self.known_boot,
        }
    }

    fn snapshot(&self) -> Snapshot {
        let row = |index: usize| self.devices[index].map(|life| (DEVICES[index], life.raw));
        let net: Vec<_> = (0..2).filter_map(row).map(|(n, raw)| (n, [raw; 16])).collect();
        let disks: Vec<_> = (2..4).filter_map(row).map(|(n, raw)| (n, [raw; 17])).collect();
        let mut snapshot = snapshot(&format!("boot-{}", self.boot), self.seconds)
            .counter(Column::ContextSwitchesPerS, self.switches.raw)
            .cpu(self.ticks)
            .cores(&[("0", self.ticks), ("3", self.ticks)])
            .interfaces(&net)
            .disks(&disks);
        snapshot.softirqs = table(&[("0", [self.switches.raw; SOFTIRQ_COLUMNS])]);
        if !self.known_boot {
            snapshot.facts.boot_id = None;
        }
        snapshot
    }
}

/// What a rate must be.
#[derive(Debug, PartialEq)]
enum Expected {
    Unknown,
    Exactly(f64),
    /// The counter started over and has already passed its old value: nobody can tell.
    Anything,
}

fn expected(before: Option<Life>, now: Option<Life>, seconds: Option<f64>) -> Expected {
    let (Some(before), Some(now), Some(seconds)) = (before, now, seconds) else {
        return Expected::Unknown;
    };
    if now.raw < before.raw {
        Expected::Unknown
    } else if now.generation == before.generation {
        let grown = u64::try_from(now.grown - before.grown).unwrap();
        Expected::Exactly(grown as f64 / seconds)
    } else {
        Expected::Anything
    }
}

/// The time over which rates may be taken, by the machine's own account.
fn seconds_between(before: &Machine, now: &Machine) -> Option<f64> {
    let provable = before.known_boot && now.known_boot && before.boot == now.boot;
    let seconds = now.seconds.checked_sub(before.seconds).filter(|s| *s > 0)?;
    provable.then_some(seconds as f64)
}

fn check(found: Option<f64>, expected: &Expected) -> Result<(), TestCaseError> {
    match expected {
        Expected::Unknown => prop_assert_eq!(found, None),
        Expected::Exactly(rate) => {
            let found = found.ok_or_else(|| TestCaseError::fail(format!("wanted {rate}")))?;
            prop_assert!((found - rate).abs() <= 0.000_5 + rate * 1e-12, "{found} for {rate}");
        }
        Expected::Anything => {}
    }
    Ok(())
}

fn all_values(rates: &Rates) -> Vec<(&'static str, f64)> {
    fn known<C: ColumnSet>(values: &Values<C>) -> impl Iterator<Item = (&'static str, f64)> + '_ {
        values.iter().filter_map(|(c, v)| Some((c.spec().name, v?)))
    }
    let detail = &rates.detail;
    let mut all: Vec<_> = known(&rates.values).collect();
    all.extend(detail.cores.iter().flat_map(|row| known(&row.values)));
    all.extend(detail.softirqs.iter().flat_map(|row| known(&row.values)));
    all.extend(detail.interfaces.iter().flat_map(|row| known(&row.values)));
    all.extend(detail.disks.iter().flat_map(|row| known(&row.values)));
    all
}

fn check_pair(before: &Machine, now: &Machine) -> Result<(), TestCaseError> {
    let (old, new) = (before.snapshot(), now.snapshot());
    let rates = rates(Some(&old), &new);
    for (name, value) in all_values(&rates) {
        prop_assert!(value.is_finite() && value >= 0.0, "{name} is {value}");
        prop_assert!(!name.ends_with("_pct") || value <= 100.0, "{name} is {value}");
    }
    let seconds = seconds_between(before, now);
    let switches = expected(Some(before.switches), Some(now.switches), seconds);
    check(rates.values.get(Column::ContextSwitchesPerS), &switches)?;
    let softirqs = rates.detail.softirqs[0].values.get(crate::model::SoftirqColumn::RcuPerS);
    check(softirqs, &switches)?;
    let mut sum_unknown = false;
    for (index, name) in DEVICES.iter().enumerate() {
        let device = expected(before.devices[index], now.devices[index], seconds);
        if now.devices[index].is_none() {
            continue;
        }
        let found = if index < 2 {
            let rows = &rates.detail.interfaces;
            let row = rows.iter().find(|row| row.labels[0].as_ref() == *name).unwrap();
            row.values.get(NetColumn::TxBytesPerS)
        } else {
            let rows = &rates.detail.disks;
            let row = rows.iter().find(|row| row.labels[0].as_ref() == *name).unwrap();
            row.values.get(DiskColumn::WritesPerS)
        };
        check(found, &device)?;
        sum_unknown |= index < 2 && before.devices[index].is_some() && found.is_none();
    }
    if sum_unknown {
        prop_assert_eq!(rates.values.get(Column::NetTxBytesPerS), None);
    }
    check_cpu(before, now, seconds, &rates)
}

fn check_cpu(
    before: &Machine,
    now: &Machine,
    seconds: Option<f64>,
    rates: &Rates,
) -> Result<(), TestCaseError> {
    let user = rates.values.get(Column::CpuUserPct);
    let fell = (0..7).any(|s| s != 4 && now.ticks[s] < before.ticks[s]);
    let grown = |s: usize| u128::from(now.ticks[s].saturating_sub(before.ticks[s]));
    let all: u128 = (0..8).map(grown).sum();
    if seconds.is_none() || fell || all == 0 {
        prop_assert_eq!(user, None);
        return Ok(());
    }
    check(user, &Expected::Exactly(grown(0) as f64 / all as f64 * 100.0))?;
    let iowait = rates.values.get(Column::CpuIowaitPct);
    prop_assert_eq!(iowait.is_none(), now.ticks[4] < before.ticks[4]);
    let parts = [Column::CpuBusyPct, Column::CpuIdlePct, Column::CpuIowaitPct, Column::CpuStealPct];
    let sum: f64 = parts.into_iter().filter_map(|c| rates.values.get(c)).sum();
    prop_assert!((sum - 100.0).abs() < 0.005, "the shares sum to {sum}");
    Ok(())
}

fn history(start: u64, events: &[Event]) -> Vec<Machine> {
    let mut machine = Machine::new(start);
    let mut history = vec![machine.clone()];
    for event in events {
        machine.apply(event);
        history.push(machine.clone());
    }
    history
}

/// Where counters start: young, beyond the integers that f64 tells apart, at the end of u64.
fn start() -> impl Strategy<Value = u64> {
    prop_oneof![Just(0), Just((1 << 53) + 1), Just(u64::MAX - 30_000), any::<u64>()]
}

proptest! {
    #[test]
    fn every_rate_of_every_history_is_right_or_unknown(
        start in start(),
        events in prop::collection::vec(event(), 1..30),
        pairs in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 20),
    ) {
        let history = history(start, &events);
        for pair in history.windows(2) {
            check_pair(&pair[0], &pair[1])?;
        }
        // Polls were missed, or answers came in another order than they were asked for.
        for (a, b) in pairs {
            check_pair(a.get(&history), b.get(&history))?;
        }
    }

    #[test]
    fn a_first_sight_has_no_rate(start in start(), events in prop::collection::vec(event(), 0..5)) {
        let history = history(start, &events);
        let now = history.last().unwrap().snapshot();
        let first = rates(None, &now);
        for (name, _) in all_values(&first) {
            prop_assert!(["uptime_s", "cpus_online", "in_flight"].contains(&name),
                "{name} has a value");
        }
        prop_assert_eq!(first.detail.disks.len(), now.disks.keys().len());
    }

    /// Two servers ask one probe, each at moments of its own: what each adds up from its rates is
    /// what the counter truly grew between its first and last look, and neither knows of the other.
    #[test]
    fn two_servers_polling_one_probe_each_get_the_right_rates(
        start in start(),
        steps in prop::collection::vec((1_u64..20, prop::collection::vec(0_u64..5_000, GROWN)), 4..60),
        first in 1_usize..5,
        second in 1_usize..7,
    ) {
        let events: Vec<_> =
            steps.into_iter().map(|(seconds, grow)| Event::Run { seconds, grow }).collect();
        let history = history(start, &events);
        for interval in [first, second] {
            let seen: Vec<_> = history.iter().step_by(interval).collect();
            let mut total = 0.0;
            let mut seconds = 0.0;
            for pair in seen.windows(2) {
                check_pair(pair[0], pair[1])?;
                let dt = (pair[1].seconds - pair[0].seconds) as f64;
                let rates = rates(Some(&pair[0].snapshot()), &pair[1].snapshot());
                total += rates.values.get(Column::ContextSwitchesPerS).unwrap() * dt;
                seconds += dt;
            }
            let (a, b) = (seen[0], seen[seen.len() - 1]);
            let grown = (b.switches.grown - a.switches.grown) as f64;
            prop_assert!((total - grown).abs() <= 0.000_6 * seconds + 1e-6, "{total} for {grown}");
        }
    }
}
