//! The words of Roundsman as types: hosts, outcomes, states, what a probe said, what is kept.
//!
//! Nothing here reads a clock, a file or a socket, and nothing knows the wire or SQL.

pub(crate) mod words;

mod alarm;
mod amend;
mod annotation;
mod audit;
mod columns;
mod container;
mod counters;
mod delivery;
mod family;
mod hash;
mod health;
mod host;
mod hosts;
mod ledger;
mod loss;
mod notice;
mod outcome;
mod record;
mod rollup;
mod scope;
mod selection;
mod snapshot;

pub use alarm::{Alarm, AlarmCause, AlarmEvent, AlarmKey, AlarmState, Severity};
pub use amend::MAX_REPORT_BYTES;
pub use annotation::{
    Annotation, AnnotationError, AnnotationKind, MAX_ANNOTATION_SPAN, MAX_ANNOTATION_TERMS,
};
pub use audit::AuditEntry;
pub(crate) use columns::host_wide;
pub use columns::{
    Cells, Column, ColumnKind, ColumnSet, ColumnSpec, ContainerColumn, CoreColumn, Detail,
    DetailTable, DiskColumn, FilesystemColumn, Metric, NetColumn, ProcessColumn, Row, RowLabels,
    SoftirqColumn, Unit, Values,
};
pub use container::{CONTAINER_COUNTERS, CONTAINER_GAUGES, Container, Containers};
pub use counters::{Counter, Counters};
pub use delivery::{Delivery, DeliveryState, MAX_TOLD, ToldAlarm};
pub use family::Family;
pub use hash::ContentHash;
pub use health::{Cause, State, Transition};
pub use host::{
    Address, Facts, GroupName, HostId, HostName, Labels, NameError, VersionId, split_zone, unfit,
};
pub use hosts::Hosts;
pub use ledger::{LEDGER, LEDGER_FIELDS, LedgerCell, LedgerField, LedgerKind};
pub use loss::{Loss, LossReason};
pub use notice::{Notice, NoticeKind, NoticeState};
pub use outcome::Outcome;
pub use record::{Record, Timings};
pub use rollup::{DAY_MS, HOUR_MS, Reckoned, Rollup, Stat, day_of, hour_of};
pub use scope::{Role, Scope};
pub use selection::{NameFilter, Selection};
pub use snapshot::{
    CPU_STATES, Clocks, Cost, CounterTable, CpuTicks, DISK_COLUMNS, FamilyReport, Layer, Mount,
    NET_COLUMNS, ProbeView, Process, SOFTIRQ_COLUMNS, Snapshot, Space, Status, UnevenColumn,
};
