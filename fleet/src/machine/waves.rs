//! What a machine is busy with over time: a daily wave and a brisk one over a level of its own. Rates
//! are smooth, so counters are their exact integrals and never run backwards.

use super::{Dice, Role};

const DAY_S: f64 = 86_400.0;
const NS_PER_S: f64 = 1e9;

/// One kind of work: its share of what the machine can do.
#[derive(Debug, Clone, Copy)]
struct Wave {
    /// The mean, 0 to 1.
    mean: f64,
    /// How much of the mean the day moves, and the brisk wave; together less than 1.
    daily: f64,
    brisk: f64,
    /// The brisk wave's period, seconds.
    period_s: f64,
    /// Where in its period it begins, radians.
    phase: f64,
}

/// One wave at one moment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Work {
    /// How busy now, 0 to 1.
    pub(super) level: f64,
    /// Seconds of full work since boot: never falls.
    pub(super) done_s: f64,
}

impl Wave {
    /// `up_s` since boot; `day_s` is the time of day at which it was booted.
    fn at(&self, up_s: f64, day_s: f64) -> Work {
        let tau = std::f64::consts::TAU;
        // The day is at its height at 14:00 UTC.
        let day = tau * (day_s - 14.0 * 3600.0) / DAY_S;
        let (slow, fast) = (tau / DAY_S, tau / self.period_s);
        let brisk = fast * up_s + self.phase;
        let level = 1.0 + self.daily * (day + slow * up_s).cos() + self.brisk * brisk.sin();
        let done = up_s
            + self.daily / slow * ((day + slow * up_s).sin() - day.sin())
            + self.brisk / fast * (self.phase.cos() - brisk.cos());
        Work { level: self.mean * level, done_s: self.mean * done }
    }
}

/// All work of a machine.
#[derive(Debug, Clone, Copy)]
pub(super) struct Waves {
    cpu: Wave,
    net: Wave,
    disk: Wave,
}

/// All work at one moment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Now {
    pub(super) up_s: f64,
    pub(super) cpu: Work,
    pub(super) net: Work,
    pub(super) disk: Work,
}

impl Waves {
    pub(super) fn new(dice: &Dice, role: Role) -> Self {
        let wave = |what: &str, mean: f64, daily: f64, brisk: f64| Wave {
            // No two machines alike: from 0.7 to 1.3 of the role's mean.
            mean: (mean * (0.7 + 0.6 * dice.fraction_at(what, 0))).min(0.45),
            daily,
            brisk,
            period_s: 60.0 + 240.0 * dice.fraction_at(what, 1),
            phase: std::f64::consts::TAU * dice.fraction_at(what, 2),
        };
        let (cpu, net, disk) = match role {
            Role::Web => (0.20, 0.30, 0.03),
            Role::App => (0.35, 0.15, 0.05),
            Role::Db => (0.25, 0.10, 0.30),
            Role::Build => (0.15, 0.02, 0.15),
        };
        let brisk = if role == Role::Build { 0.6 } else { 0.25 };
        Self {
            cpu: wave("cpu", cpu, 0.35, brisk),
            net: wave("net", net, 0.5, 0.3),
            disk: wave("disk", disk, 0.3, 0.5),
        }
    }

    /// `up_s` after boot, which is now, `wall_ns` since 1970.
    pub(super) fn at(&self, up_s: f64, wall_ns: i64) -> Now {
        #[expect(clippy::cast_precision_loss, reason = "a time of day to the microsecond")]
        let wall_s = wall_ns as f64 / NS_PER_S;
        let day_s = (wall_s - up_s).rem_euclid(DAY_S);
        Now {
            up_s,
            cpu: self.cpu.at(up_s, day_s),
            net: self.net.at(up_s, day_s),
            disk: self.disk.at(up_s, day_s),
        }
    }
}
