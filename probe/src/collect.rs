//! One answer: every wanted family read once, each with its own report, none able to hide another.
//!
//! What is wanted comes in, what could be read goes out; nothing is kept. The modules below stand
//! in reading order: a parser knows bytes, a family knows its files, and this file knows families.

// What is wanted, and words for what is wrong.
pub mod wanted;
pub mod scan;
pub mod report;
pub mod table;

// The host: files, links, mounts that may not answer, and captured trees in its place.
pub mod source;
pub mod file;
pub mod kept;
pub mod statvfs;
pub mod manifest;
pub mod host;
pub mod sysfs;
pub mod cgroup;
pub mod aside;
pub mod reading;
pub mod layer;

// The families, in the order of the wire.
pub mod cpu;
pub mod load;
pub mod memory;
pub mod softirq;
pub mod network;
pub mod disk;
pub mod mounts;
pub mod filesystem;
pub mod system;
pub mod pressure;
pub mod vmstat;
pub mod sockets;
pub mod processes;
pub mod containers;

// What goes with every answer.
pub mod view;
pub mod identity;
pub mod cost;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use roundsman_proto::v1::{self, Family, Status};

pub use self::wanted::{BadPattern, Wanted};
use self::{
    aside::Aside,
    cost::Meter,
    host::Host,
    reading::Reading,
    report::Report,
    statvfs::{Asks, StatVfs},
    view::Evidence,
};
pub use crate::clock::Clocks;
use crate::{clock, root::Root};

/// The version of the wire that this probe speaks.
pub const PROTOCOL: u32 = 1;
/// How long mounts that do not answer are waited for at most. A healthy server answers in
/// milliseconds; a mount that was hung once is not waited for again. The same holds of containers.
pub const MAX_MOUNT_WAIT: Duration = Duration::from_secs(1);

/// Reads one host.
#[derive(Debug)]
pub struct Collector {
    host: Host,
    statvfs: Arc<dyn StatVfs>,
    asks: Arc<Asks>,
    containers: Arc<containers::Reader>,
    meter: Meter,
}

impl Collector {
    /// A collector for the host under `root`; a tree that `capture` made is replayed.
    #[must_use]
    pub fn new(root: Root) -> Self {
        let host = Host::open(root);
        let statvfs = host.statvfs();
        Self::of(host, statvfs)
    }

    /// A collector whose mounts are asked through `statvfs`.
    #[must_use]
    pub fn with_statvfs(root: Root, statvfs: Arc<dyn StatVfs>) -> Self {
        Self::of(Host::open(root), statvfs)
    }

    fn of(host: Host, statvfs: Arc<dyn StatVfs>) -> Self {
        let (asks, containers) = (Asks::new(Arc::clone(&statvfs)), Aside::new("containers"));
        Self { asks, containers, host, statvfs, meter: Meter::default() }
    }

    /// The roots it reads under.
    #[must_use]
    pub fn root(&self) -> &Root {
        self.host.root()
    }

    /// Whose values an answer would hold, and why.
    #[must_use]
    pub fn view(&self) -> Evidence {
        view::prove(&mut Reading::new(&self.host))
    }

    /// Whether `--rootfs` is the host's `/`: without it there is no machine-id, no name and no
    /// filesystem that could be told.
    #[must_use]
    pub fn rootfs_is_hosts(&self) -> bool {
        identity::rootfs_is_hosts(&Reading::new(&self.host), &*self.statvfs)
    }

    /// Reads every wanted family and answers before `until`; what is not ready by then is reported
    /// as a timeout. Never fails: what cannot be read is in the reports.
    #[must_use]
    pub fn collect(&self, wanted: &Wanted, clocks: Clocks, until: Instant) -> v1::Snapshot {
        let began = clock::now();
        let mut reading = Reading::new(&self.host);
        let seen = view::prove(&mut reading).view;
        let mut answer = Answer {
            snapshot: v1::Snapshot {
                protocol: PROTOCOL,
                identity: Some(identity::collect(&mut reading, seen, &*self.statvfs)),
                clocks: Some(v1::Clocks {
                    wall_ns: clocks.wall_ns,
                    boottime_ns: clocks.boottime_ns,
                }),
                view: seen.into(),
                ..v1::Snapshot::default()
            },
            later: Vec::new(),
        };
        for number in &wanted.families {
            self.family(*number, wanted, &mut reading, until, &mut answer);
        }
        answer.finish(until);
        let parked = self.asks.parked() + self.containers.parked();
        let parked = u32::try_from(parked).unwrap_or(u32::MAX);
        answer.snapshot.cost = Some(self.meter.read(microseconds(began, clock::now()), parked));
        answer.snapshot
    }

    fn family(
        &self,
        number: i32,
        wanted: &Wanted,
        reading: &mut Reading<'_>,
        until: Instant,
        answer: &mut Answer,
    ) {
        let began = clock::now();
        let mut report = Report::default();
        let any = match Family::try_from(number) {
            _ if began >= until => {
                report.note(Status::Timeout, "not begun: the deadline has passed");
                false
            }
            Ok(Family::Filesystem) => {
                let survey = filesystem::begin(reading, &wanted.mounts, &self.asks, &mut report);
                answer.waiting(number, survey.map(Pending::Mounts), report, began);
                return;
            }
            Ok(Family::Containers) => {
                let until = patience(began, until);
                let survey = containers::begin(&self.host, &self.containers, until, &mut report);
                answer.waiting(number, survey.map(Pending::Containers), report, began);
                return;
            }
            Ok(family) => read(family, wanted, reading, until, &mut answer.snapshot, &mut report),
            Err(_) => {
                let version = env!("CARGO_PKG_VERSION");
                report.note(Status::Absent, format_args!("probe {version} has no family {number}"));
                false
            }
        };
        answer.report(number, report, any, microseconds(began, clock::now()));
    }
}

/// Reads one family into its place; whether there are values.
fn read(
    family: Family,
    wanted: &Wanted,
    reading: &mut Reading<'_>,
    until: Instant,
    snapshot: &mut v1::Snapshot,
    report: &mut Report,
) -> bool {
    fn put<T>(place: &mut Option<T>, values: Option<T>) -> bool {
        *place = values;
        place.is_some()
    }
    match family {
        Family::Cpu => put(&mut snapshot.cpu, cpu::collect(reading, report)),
        Family::Load => put(&mut snapshot.load, load::collect(reading, report)),
        Family::Memory => put(&mut snapshot.memory, memory::collect(reading, report)),
        Family::Softirq => put(&mut snapshot.softirq, softirq::collect(reading, report)),
        Family::Network => put(&mut snapshot.network, network::collect(reading, wanted, report)),
        Family::Disk => put(&mut snapshot.disk, disk::collect(reading, wanted, report)),
        Family::System => put(&mut snapshot.system, system::collect(reading, report)),
        Family::Pressure => put(&mut snapshot.pressure, pressure::collect(reading, report)),
        Family::Vmstat => put(&mut snapshot.vmstat, vmstat::collect(reading, report)),
        Family::Sockets => put(&mut snapshot.sockets, sockets::collect(reading, wanted, report)),
        Family::Processes => {
            let top = wanted.top_processes;
            put(&mut snapshot.processes, processes::collect(reading, top, until, report))
        }
        // Two are read in two steps; unspecified is not among the wanted.
        Family::Filesystem | Family::Containers | Family::Unspecified => false,
    }
}

/// What is read on other threads while the families after it are read on this one.
#[derive(Debug)]
enum Pending {
    Mounts(filesystem::Survey),
    Containers(containers::Survey),
}

/// A survey, what is to be said of it, where among the reports, and the time spent so far.
#[derive(Debug)]
struct Later {
    survey: Pending,
    report: Report,
    place: usize,
    spent_us: u32,
}

/// An answer that is being made.
#[derive(Debug)]
struct Answer {
    snapshot: v1::Snapshot,
    later: Vec<Later>,
}

/// Until when surveys are waited for: half of what is left, for the answer has still to be encoded and to
/// travel.
fn patience(now: Instant, until: Instant) -> Instant {
    now + (until.saturating_duration_since(now) / 2).min(MAX_MOUNT_WAIT)
}

impl Answer {
    fn report(&mut self, family: i32, report: Report, any: bool, spent_us: u32) {
        let (status, error) = report.close(any);
        let report = v1::FamilyReport { family, status: status.into(), spent_us, error };
        self.snapshot.reports.push(report);
    }

    /// Keeps a survey's place among the reports.
    fn waiting(&mut self, family: i32, survey: Option<Pending>, report: Report, began: Instant) {
        let spent_us = microseconds(began, clock::now());
        match survey {
            None => self.report(family, report, false, spent_us),
            Some(survey) => {
                let place = self.snapshot.reports.len();
                self.later.push(Later { survey, report, place, spent_us });
                self.report(family, Report::default(), true, spent_us);
            }
        }
    }

    /// Waits for the surveys, all else being read.
    fn finish(&mut self, until: Instant) {
        let wait = patience(clock::now(), until);
        for Later { survey, mut report, place, spent_us } in std::mem::take(&mut self.later) {
            let began = clock::now();
            let (status, error) = match survey {
                Pending::Mounts(survey) => {
                    let table = survey.finish(wait, &mut report);
                    let any = report.is_clean()
                        || table.mount_point.is_empty()
                        || table.status.contains(&Status::Ok.into());
                    self.snapshot.filesystem = Some(table);
                    report.close(any)
                }
                Pending::Containers(survey) => {
                    let (containers, status, error) = survey.finish(wait);
                    self.snapshot.containers = containers;
                    (status, error)
                }
            };
            let report = &mut self.snapshot.reports[place];
            report.status = status.into();
            report.error = error;
            report.spent_us = spent_us.saturating_add(microseconds(began, clock::now()));
        }
    }
}

fn microseconds(from: Instant, to: Instant) -> u32 {
    u32::try_from(to.saturating_duration_since(from).as_micros()).unwrap_or(u32::MAX)
}
