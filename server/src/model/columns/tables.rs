//! The lists in a poll's detail, by name, and their rows whatever their columns.

use std::{borrow::Cow, sync::Arc};

use super::{
    ColumnSet, ColumnSpec, ContainerColumn, CoreColumn, Detail, DiskColumn, FilesystemColumn,
    NetColumn, ProcessColumn, Row, SoftirqColumn,
};
use crate::model::words::words;

words! {
    /// A list in a poll's `detail`: what a host has several of.
    DetailTable {
        /// Cores, by their CPU shares.
        Core = "core";
        /// Cores, by their soft interrupts.
        Softirq = "softirq";
        /// Network interfaces.
        Net = "net";
        /// Block devices.
        Disk = "disk";
        /// Mounted filesystems.
        Filesystem = "filesystem";
        /// Named processes.
        Process = "process";
        /// Containers.
        Container = "container";
    }
}

impl DetailTable {
    /// The texts that a row of it has.
    #[must_use]
    pub const fn labels(self) -> &'static [&'static str] {
        match self {
            Self::Core => CoreColumn::LABELS,
            Self::Softirq => SoftirqColumn::LABELS,
            Self::Net => NetColumn::LABELS,
            Self::Disk => DiskColumn::LABELS,
            Self::Filesystem => FilesystemColumn::LABELS,
            Self::Process => ProcessColumn::LABELS,
            Self::Container => ContainerColumn::LABELS,
        }
    }

    /// Its columns, in the order of a row's cells.
    #[must_use]
    pub const fn specs(self) -> &'static [ColumnSpec] {
        match self {
            Self::Core => CoreColumn::SPECS,
            Self::Softirq => SoftirqColumn::SPECS,
            Self::Net => NetColumn::SPECS,
            Self::Disk => DiskColumn::SPECS,
            Self::Filesystem => FilesystemColumn::SPECS,
            Self::Process => ProcessColumn::SPECS,
            Self::Container => ContainerColumn::SPECS,
        }
    }

    /// How many of its labels a row is known by. The others (a filesystem's status, a process's state)
    /// change while it stays the same row.
    #[must_use]
    pub fn identity(self) -> usize {
        match self {
            Self::Process => 2,
            _ => 1,
        }
    }

    /// Whether a row with these labels may be there tomorrow under the same name. A container without a
    /// name goes by its id, and there may be a new one every second: it is in polls alone.
    #[must_use]
    pub fn is_lasting(self, labels: &[Arc<str>]) -> bool {
        match (self, labels) {
            (Self::Container, [name, id, ..]) => name != id,
            _ => true,
        }
    }

    /// What a row with these labels is known by: those of its identity, joined by `/`.
    #[must_use]
    pub fn key(self, labels: &[Arc<str>]) -> Cow<'_, str> {
        match labels {
            [] => Cow::Borrowed(""),
            [only, ..] if self.identity() == 1 => Cow::Borrowed(only),
            _ => Cow::Owned(labels[..self.identity().min(labels.len())].join("/")),
        }
    }
}

impl Detail {
    /// The labels of each row of a list, and its cells: NaN is unknown.
    pub(crate) fn rows(&self, of: DetailTable) -> impl Iterator<Item = (&[Arc<str>], &[f64])> {
        (0..).map_while(move |place| self.row(of, place))
    }

    /// How many rows a list has.
    pub(crate) fn count(&self, of: DetailTable) -> usize {
        match of {
            DetailTable::Core => self.cores.len(),
            DetailTable::Softirq => self.softirqs.len(),
            DetailTable::Net => self.interfaces.len(),
            DetailTable::Disk => self.disks.len(),
            DetailTable::Filesystem => self.filesystems.len(),
            DetailTable::Process => self.processes.len(),
            DetailTable::Container => self.containers.len(),
        }
    }

    /// Those of one row; none behind the last.
    pub(crate) fn row(&self, of: DetailTable, place: usize) -> Option<(&[Arc<str>], &[f64])> {
        fn at<C: ColumnSet>(rows: &[Row<C>], place: usize) -> Option<(&[Arc<str>], &[f64])> {
            rows.get(place).map(|row| (&*row.labels, row.values.cells()))
        }
        match of {
            DetailTable::Core => at(&self.cores, place),
            DetailTable::Softirq => at(&self.softirqs, place),
            DetailTable::Net => at(&self.interfaces, place),
            DetailTable::Disk => at(&self.disks, place),
            DetailTable::Filesystem => at(&self.filesystems, place),
            DetailTable::Process => at(&self.processes, place),
            DetailTable::Container => at(&self.containers, place),
        }
    }
}
