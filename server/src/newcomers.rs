//! How many new names a host may bring. A name of an interface, a disk or a mount that was never there
//! is a series that nobody asked for: a host that names other things in each answer (a broken driver,
//! a container engine gone mad, a hostile probe) would fill the store and every chart with them.
//!
//! Pure: `now` is an argument. It remembers hashes, of the last two hours alone.

use std::{
    hash::{BuildHasher as _, RandomState},
    time::Duration,
};

use crate::{
    model::{CounterTable, Family, Snapshot, Status},
    text::one_line,
    units::Mono,
};

/// New names of one host within an hour, those of its first answer left out: as many as a table may
/// hold rows, so that a whole one may be replaced.
pub const MAX_NEW_NAMES: usize = 4096;

/// Names of one host that are remembered: all that an answer may hold, and as many new ones.
pub const MAX_KNOWN_NAMES: usize = 4 * 4096;

/// Over which time new names are counted.
const HOUR: Duration = Duration::from_secs(3600);

/// The longest example of a name that is left out, bytes.
const EXAMPLE_BYTES: usize = 48;

/// The names of one host.
#[derive(Debug, Default)]
pub struct Newcomers {
    /// When the hour under way began; none before the first answer.
    began: Option<Mono>,
    /// New names in it.
    new: usize,
    /// Hashes of the names of this hour, in order.
    now: Vec<u64>,
    /// Those of the hour before.
    before: Vec<u64>,
    /// Made anew in every process: nobody can choose two names of one hash.
    hasher: RandomState,
}

/// What becomes of the names of one answer.
struct NameScan<'a> {
    names: &'a mut Newcomers,
    /// Names of this answer that this hour has not seen yet.
    found: Vec<u64>,
    /// New names are not counted: it is the first answer.
    is_first: bool,
}

impl Newcomers {
    /// Leaves out of a host's answer what is one new name too many; its family's report says so.
    /// Whether the answer is whole.
    pub fn admit(&mut self, snapshot: &mut Snapshot, now: Mono) -> bool {
        let is_first = self.began.is_none();
        if self.began.is_none_or(|began| now.since(began) >= HOUR) {
            self.began = Some(now);
            self.new = 0;
            self.before = std::mem::take(&mut self.now);
        }
        let mut look = NameScan { names: self, found: Vec::new(), is_first };
        let mut whole = look.table(Family::Network, snapshot, |snapshot| &mut snapshot.interfaces);
        whole &= look.table(Family::Disk, snapshot, |snapshot| &mut snapshot.disks);
        let mut left_out = LeftOut::default();
        snapshot.mounts.retain(|mount| {
            let taken = look.takes(Family::Filesystem, &mount.mount_point);
            if !taken {
                left_out.add(&mount.mount_point);
            }
            taken
        });
        whole &= left_out.tell(Family::Filesystem, snapshot);
        let found = look.found;
        if !found.is_empty() {
            self.now.extend(found);
            self.now.sort_unstable();
        }
        whole
    }
}

impl NameScan<'_> {
    fn table<const N: usize>(
        &mut self,
        family: Family,
        snapshot: &mut Snapshot,
        of: fn(&mut Snapshot) -> &mut CounterTable<N>,
    ) -> bool {
        let table = of(snapshot);
        let mut left_out = LeftOut::default();
        let mut kept = Vec::with_capacity(table.keys().len());
        for (row, name) in table.keys().iter().enumerate() {
            if self.takes(family, name) {
                kept.push(row);
            } else {
                left_out.add(name);
            }
        }
        if kept.len() < table.keys().len() {
            *table = table.of_rows(&kept);
        }
        left_out.tell(family, snapshot)
    }

    fn takes(&mut self, family: Family, name: &str) -> bool {
        let hash = self.names.hasher.hash_one((family, name));
        if self.names.now.binary_search(&hash).is_ok() {
            return true;
        }
        if self.names.now.len() + self.found.len() >= MAX_KNOWN_NAMES {
            return false;
        }
        if !self.is_first && self.names.before.binary_search(&hash).is_err() {
            if self.names.new >= MAX_NEW_NAMES {
                return false;
            }
            self.names.new += 1;
        }
        self.found.push(hash);
        true
    }
}

/// The names of one family that were left out.
#[derive(Default)]
struct LeftOut {
    count: usize,
    example: String,
}

impl LeftOut {
    fn add(&mut self, name: &str) {
        if self.count == 0 {
            self.example = one_line(name, EXAMPLE_BYTES);
        }
        self.count += 1;
    }

    /// Tells of them in their family's report; whether there are none.
    fn tell(&self, family: Family, snapshot: &mut Snapshot) -> bool {
        let Self { count, example } = self;
        if *count == 0 {
            return true;
        }
        let plural = if *count == 1 { "" } else { "s" };
        let words = format!(
            "left out by the server: {count} new name{plural} ({example}); a host may bring \
             {MAX_NEW_NAMES} within an hour"
        );
        snapshot.amend(family, Status::Partial, &words);
        false
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::{Clocks, Cost, Counters, Facts, Layer, Mount, ProbeView, Values};

    /// An answer with these interfaces and mounts.
    pub(crate) fn answer(interfaces: Vec<String>, mounts: Vec<String>) -> Snapshot {
        let keys: Vec<Arc<str>> = interfaces.iter().map(|name| name.as_str().into()).collect();
        let bytes: Vec<u64> = (0..).take(keys.len()).collect();
        let mut columns = [&[][..]; 16];
        columns[0] = &bytes;
        let layers = vec![Layer::Physical; keys.len()];
        let mount = |name: &String| Mount {
            mount_point: name.as_str().into(),
            device: "/dev/sda".into(),
            fs_type: "ext4".into(),
            status: Status::Ok,
            read_only: false,
            superblock_read_only: None,
            space: None,
        };
        Snapshot {
            facts: Facts::default(),
            clocks: Clocks { wall_ns: 1, boottime_ns: 1 },
            view: ProbeView::Host,
            ticks_per_second: 100,
            certificate_ends: None,
            reports: Vec::new(),
            cost: Cost::default(),
            gauges: Values::default(),
            counters: Counters::default(),
            cpu: Default::default(),
            cores: CounterTable::default(),
            processes: Vec::new(),
            containers: crate::model::Containers::default(),
            softirqs: CounterTable::default(),
            interfaces: CounterTable::new(keys, columns).unwrap().with_layers(layers).unwrap(),
            disks: CounterTable::default(),
            mounts: mounts.iter().map(mount).collect(),
        }
    }

    pub(crate) fn names(word: &str, numbers: std::ops::Range<usize>) -> Vec<String> {
        numbers.map(|number| format!("{word}{number}")).collect()
    }

    fn at(minutes: u64) -> Mono {
        Mono(Duration::from_secs(60 * minutes))
    }

    #[test]
    fn new_names_beyond_the_limit_of_an_hour_are_left_out_and_told_of() {
        let mut known = Newcomers::default();
        let mut take = |minutes, interfaces, mounts| {
            let mut snapshot = answer(interfaces, mounts);
            known.admit(&mut snapshot, at(minutes));
            snapshot
        };
        // The first answer may hold what it likes, and what is known is no news.
        let all = take(0, names("eth", 0..4096), names("/", 0..4096));
        assert_eq!((all.interfaces.keys().len(), all.mounts.len()), (4096, 4096));
        let all = take(1, names("eth", 0..4096), names("/", 0..4096));
        assert!(all.reports.is_empty() && all.mounts.len() == 4096);

        let all = take(2, names("new", 0..4000), names("/new", 0..90));
        assert!(all.reports.is_empty(), "{:?}", all.reports);
        // Six more are one short of seven.
        let some = take(3, names("new", 3998..4007), names("/", 0..3));
        let kept: Vec<&str> = some.interfaces.keys().iter().map(AsRef::as_ref).collect();
        assert_eq!(kept, names("new", 3998..4006));
        assert_eq!(
            (some.interfaces.get(7, 0), some.interfaces.layer(7)),
            (Some(7), Layer::Physical)
        );
        assert_eq!(some.mounts.len(), 3);
        let [report] = some.reports.as_slice() else { panic!("{:?}", some.reports) };
        assert_eq!((report.family, report.status), (Family::Network, Status::Partial));
        assert_eq!(
            report.error,
            "left out by the server: 1 new name (new4006); a host may bring 4096 within an hour"
        );
        // What was left out is no better known for it.
        let none = take(59, names("new", 4006..4007), names("/new", 90..92));
        assert_eq!((none.interfaces.keys().len(), none.mounts.len()), (0, 0));
        assert_eq!(none.reports.len(), 2);

        let next = take(60, names("new", 4000..4010), names("/new", 80..100));
        assert_eq!((next.interfaces.keys().len(), next.mounts.len()), (10, 20));
        assert!(next.reports.is_empty(), "another hour");
    }

    #[test]
    fn what_is_remembered_of_a_host_has_an_end() {
        let mut known = Newcomers::default();
        for hour in 0..4 {
            // Every name that there ever was, and as many new ones as may be.
            for first in (0..(hour + 3) * 4096).step_by(4096) {
                let mut snapshot = answer(names("n", first..first + 4096), Vec::new());
                known.admit(&mut snapshot, at(60 * hour as u64));
                assert!(
                    known.now.len() <= MAX_KNOWN_NAMES && known.before.len() <= MAX_KNOWN_NAMES
                );
            }
        }
        assert_eq!(known.now.len(), MAX_KNOWN_NAMES, "the limit was reached");
    }
}
