//! One pretended machine: its hardware, and its values at any moment as a function of that moment.
//!
//! Nothing is counted up from call to call: counters are integrals of smooth rates since a boot that
//! follows from the seed and the week, so a fleet that is started anew goes on where it was, and two
//! askers see one machine. What does not move is encoded once.

mod dice;
mod markup;
mod rows;
mod waves;
mod values;
mod containers;

use prost::{
    Message as _,
    bytes::{BufMut as _, Bytes, BytesMut},
};
use roundsman_proto::v1;

pub use dice::Dice;
pub use markup::{MARKUP, marked_up};
use values::Values;
use waves::Waves;

/// Size of the answer of a probe that is `huge`: more than any server should take.
pub const HUGE_BYTES: usize = 8 << 20;

/// Bytes before a message in gRPC: a flag and the length.
pub const GRPC_HEAD_BYTES: usize = 5;

/// The contract that the fleet speaks.
const PROTOCOL: u32 = 1;

/// A boot lies this much before the start of the week, at least and at most.
const UPTIME_DAYS: (f64, f64) = (1.0, 90.0);

const NS_PER_S: i64 = 1_000_000_000;
const WEEK_S: i64 = 7 * 24 * 3600;

/// What a machine is for, which decides its size and what it is busy with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Much network, little disk.
    Web,
    /// Mostly CPU.
    App,
    /// Many cores, much disk.
    Db,
    /// Idle, then all cores.
    Build,
}

impl Role {
    /// Of every ten machines five are `web`, two `app`, two `db`, one `build`.
    #[must_use]
    pub fn of(number: u32) -> Self {
        match number % 10 {
            1..=5 => Self::Web,
            6 | 7 => Self::App,
            8 | 9 => Self::Db,
            _ => Self::Build,
        }
    }

    /// The word in names and groups.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Web => "web",
            Self::App => "app",
            Self::Db => "db",
            Self::Build => "build",
        }
    }

    fn cores(self, dice: &Dice) -> u32 {
        let choice: &[u32] = match self {
            Self::Web => &[2, 4, 4, 8],
            Self::App => &[4, 8, 8, 16],
            Self::Db => &[8, 16, 32, 64],
            Self::Build => &[16, 32],
        };
        let at = dice.below("cores", choice.len());
        choice[at]
    }
}

/// Which identity an answer bears.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// Its own.
    Itself,
    /// Another machine id.
    Another,
}

/// A pretended machine.
#[derive(Debug)]
pub struct Machine {
    number: u32,
    dice: Dice,
    role: Role,
    cores: u32,
    waves: Waves,
    values: Values,
    /// The encoded identity and reports, and the boot they are of.
    still: Option<(i64, Bytes)>,
    last_bytes: usize,
}

impl Machine {
    /// Machine `number` of the fleets with this seed; the same two numbers are the same machine.
    #[must_use]
    pub fn new(seed: u64, number: u32) -> Self {
        let (dice, role) = (Dice::new(seed, number), Role::of(number));
        let cores = role.cores(&dice);
        let waves = Waves::new(&dice, role);
        let values = Values::new(&dice, role, cores);
        Self { number, dice, role, cores, waves, values, still: None, last_bytes: 0 }
    }

    /// `web-17`.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}-{}", self.role.word(), self.number)
    }

    /// What it is for.
    #[must_use]
    pub fn role(&self) -> Role {
        self.role
    }

    /// When it was booted as seen at `wall_ns`, nanoseconds since 1970.
    fn booted_ns(&self, wall_ns: i64) -> i64 {
        let week = wall_ns.div_euclid(NS_PER_S).div_euclid(WEEK_S) * WEEK_S;
        let days = UPTIME_DAYS.0 + self.dice.fraction("uptime") * (UPTIME_DAYS.1 - UPTIME_DAYS.0);
        let uptime = i64::try_from(values::whole(days * 86_400.0)).unwrap_or(0);
        (week - uptime) * NS_PER_S
    }

    /// The answer at `wall_ns` as a gRPC frame: a head of [`GRPC_HEAD_BYTES`] and a `Snapshot`. Its
    /// wall clock shows `ahead_ns` more.
    pub fn answer(&mut self, wall_ns: i64, ahead_ns: i64, who: Who) -> Bytes {
        let booted_ns = self.booted_ns(wall_ns);
        let up_ns = wall_ns.saturating_sub(booted_ns).unsigned_abs();
        let clocks = v1::Clocks { wall_ns: wall_ns + ahead_ns, boottime_ns: up_ns };
        let still = match (&self.still, who) {
            (Some((boot, still)), Who::Itself) if *boot == booted_ns => still.clone(),
            (_, who) => {
                let still = Bytes::from(self.still_part(booted_ns, who).encode_to_vec());
                if who == Who::Itself {
                    self.still = Some((booted_ns, still.clone()));
                }
                still
            }
        };
        let up_s = std::time::Duration::from_nanos(up_ns).as_secs_f64();
        let wave = self.waves.at(up_s, wall_ns);
        let moving = self.values.at(&wave, booted_ns / NS_PER_S, clocks);
        // Fields of one message may come in any order and any number of pieces.
        let mut frame = BytesMut::with_capacity(self.last_bytes + 256);
        frame.put_bytes(0, GRPC_HEAD_BYTES);
        frame.put_slice(&still);
        // A `BytesMut` grows: there is always room.
        let _fits = moving.encode(&mut frame);
        let containers = Some(containers::at(self.role, self.number, &wave));
        let _fits = v1::Snapshot { containers, ..v1::Snapshot::default() }.encode(&mut frame);
        self.last_bytes = frame.len();
        framed(frame)
    }

    /// Everything that stays until the next boot.
    fn still_part(&self, booted_ns: i64, who: Who) -> v1::Snapshot {
        let id = |what: &str| {
            format!("{:016x}{:016x}", self.dice.number(what, 0), self.dice.number(what, 1))
        };
        let boot = self.dice.number("boot", booted_ns.unsigned_abs());
        let report = |family: v1::Family| v1::FamilyReport {
            family: family.into(),
            status: v1::Status::Ok.into(),
            spent_us: 20,
            error: String::new(),
        };
        v1::Snapshot {
            protocol: PROTOCOL,
            identity: Some(v1::Identity {
                machine_id: Some(match who {
                    Who::Itself => id("machine"),
                    Who::Another => id("another machine"),
                }),
                boot_id: Some(format!(
                    "{:08x}-{:04x}-4{:03x}-8000-{:012x}",
                    boot >> 32,
                    boot >> 16 & 0xffff,
                    boot & 0xfff,
                    self.number
                )),
                hostname: Some(self.name()),
                kernel: Some("6.1.0-18-amd64".to_owned()),
                os: Some("Debian GNU/Linux 12 (bookworm)".to_owned()),
                architecture: Some("x86_64".to_owned()),
                probe_version: concat!("fleet-", env!("CARGO_PKG_VERSION")).to_owned(),
                cpus: Some(self.cores),
                page_size_bytes: 4096,
                ticks_per_second: values::TICKS_PER_S,
                certificate_ends_s: None,
            }),
            view: v1::View::Host.into(),
            reports: [
                v1::Family::Cpu,
                v1::Family::Load,
                v1::Family::Memory,
                v1::Family::Softirq,
                v1::Family::Network,
                v1::Family::Disk,
                v1::Family::Filesystem,
                v1::Family::System,
                v1::Family::Pressure,
                v1::Family::Vmstat,
                v1::Family::Sockets,
                v1::Family::Containers,
            ]
            .map(report)
            .into(),
            ..v1::Snapshot::default()
        }
    }
}

/// Writes the length of the message into the frame's head.
fn framed(mut frame: BytesMut) -> Bytes {
    let length = u32::try_from(frame.len() - GRPC_HEAD_BYTES).unwrap_or(u32::MAX);
    frame[1..GRPC_HEAD_BYTES].copy_from_slice(&length.to_be_bytes());
    frame.freeze()
}

/// The frame of a `huge` answer: a valid message of [`HUGE_BYTES`].
#[must_use]
pub fn huge() -> Bytes {
    let hostname = Some("x".repeat(HUGE_BYTES));
    let identity = Some(v1::Identity { hostname, ..v1::Identity::default() });
    let message = v1::Snapshot { identity, ..v1::Snapshot::default() };
    let mut frame = BytesMut::with_capacity(HUGE_BYTES + 64);
    frame.put_bytes(0, GRPC_HEAD_BYTES);
    let _fits = message.encode(&mut frame);
    framed(frame)
}

#[cfg(test)]
mod tests;
