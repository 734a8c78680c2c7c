//! How much of a poll is kept: rows that have no room are cut off, and counted.

use std::fmt;

use super::push_row;
use crate::model::{ColumnSet, Detail, Family, Row};

/// The most that is kept of what repeats in one poll: bytes of its text, not packed.
pub const MAX_DETAIL_BYTES: usize = 256 * 1024;

/// Bytes of a value and its comma at most: 20 digits, or 16 and thousandths.
const VALUE_BYTES: usize = 21;

/// Bytes for the names of the families and all that is between them.
const FRAME_BYTES: usize = 128;

/// Rows of a family that had no room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TruncatedRows {
    /// The family.
    pub family: Family,
    /// How many.
    pub rows: usize,
    /// Of how many.
    pub of: usize,
}

impl fmt::Display for TruncatedRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rows, of, .. } = self;
        let most = MAX_DETAIL_BYTES / 1024;
        write!(f, "left out by the server: {rows} of {of} rows; {most} KiB of a poll are kept")
    }
}

/// Cuts rows off until the text of a detail has at most `most` bytes, and says how many. The families
/// share the room: one that needs less than its share leaves the rest to the others, so that a flood
/// of mounts costs no interface.
pub fn fit(detail: &mut Detail, most: usize) -> Vec<TruncatedRows> {
    if widest(detail) <= most {
        return Vec::new();
    }
    let mut lists: [(Family, &mut dyn Rows); 7] = [
        (Family::Cpu, &mut detail.cores),
        (Family::Softirq, &mut detail.softirqs),
        (Family::Network, &mut detail.interfaces),
        (Family::Disk, &mut detail.disks),
        (Family::Filesystem, &mut detail.filesystems),
        (Family::Processes, &mut detail.processes),
        (Family::Containers, &mut detail.containers),
    ];
    let mut room = most.saturating_sub(FRAME_BYTES);
    let mut needs: Vec<(usize, usize)> =
        lists.iter().enumerate().map(|(list, (_, rows))| (rows.bytes(room), list)).collect();
    needs.sort_unstable();
    let mut cuts = Vec::new();
    for (position, (need, list)) in needs.iter().enumerate() {
        let share = room / (needs.len() - position);
        if *need <= share {
            room -= need;
            continue;
        }
        let (family, rows) = &mut lists[*list];
        let of = rows.count();
        room -= rows.cut(share);
        cuts.push(TruncatedRows { family: *family, rows: of - rows.count(), of });
    }
    cuts
}

/// A list of rows of whichever columns.
trait Rows {
    fn count(&self) -> usize;
    /// Bytes of their text, or the first number above `most`.
    fn bytes(&self, most: usize) -> usize;
    /// Cuts off what is beyond `most` bytes, and says how many the rest has.
    fn cut(&mut self, most: usize) -> usize;
    /// More bytes than their text can have.
    fn widest(&self) -> usize;
}

impl<C: ColumnSet> Rows for Vec<Row<C>> {
    fn count(&self) -> usize {
        self.len()
    }

    fn bytes(&self, most: usize) -> usize {
        let (mut all, mut text) = (0, String::new());
        for row in self {
            text.clear();
            push_row(&mut text, row);
            all += text.len() + 1;
            if all > most {
                break;
            }
        }
        all
    }

    fn cut(&mut self, most: usize) -> usize {
        let (mut all, mut text) = (0, String::new());
        let mut kept = 0;
        for row in self.iter() {
            text.clear();
            push_row(&mut text, row);
            if all + text.len() + 1 > most {
                break;
            }
            all += text.len() + 1;
            kept += 1;
        }
        self.truncate(kept);
        all
    }

    fn widest(&self) -> usize {
        // A character of a name is escaped to six at most.
        let names = |row: &Row<C>| row.labels.iter().map(|name| 6 * name.len() + 3).sum::<usize>();
        let values = 4 + C::ALL.len() * VALUE_BYTES;
        self.iter().map(|row| values + names(row)).sum()
    }
}

fn widest(detail: &Detail) -> usize {
    FRAME_BYTES
        + detail.cores.widest()
        + detail.softirqs.widest()
        + detail.interfaces.widest()
        + detail.disks.widest()
        + detail.filesystems.widest()
        + detail.processes.widest()
        + detail.containers.widest()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::{CoreColumn, FilesystemColumn, NetColumn},
        store::{detail::encode, sample},
    };

    fn rows<C: ColumnSet>(count: usize, name: usize, value: f64) -> Vec<Row<C>> {
        let row = |row| {
            let names: Vec<String> = C::LABELS.iter().map(|_| format!("{row:0>name$}")).collect();
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            sample::row(&names, C::ALL.iter().map(|_| Some(value)))
        };
        (0..count).map(row).collect()
    }

    #[test]
    fn rows_without_room_are_cut_off_and_told_of_and_the_other_families_stay() {
        let mut detail = Detail {
            cores: rows::<CoreColumn>(64, 2, 12.345),
            interfaces: rows::<NetColumn>(4096, 200, 1_234_567_890.125),
            filesystems: rows::<FilesystemColumn>(4096, 4000, 9e15),
            ..Detail::default()
        };
        let cores = detail.cores.clone();
        let cuts = fit(&mut detail, MAX_DETAIL_BYTES);
        let bytes = encode(&detail).len();
        assert!((MAX_DETAIL_BYTES - 20_000..=MAX_DETAIL_BYTES).contains(&bytes), "{bytes} bytes");
        assert_eq!(detail.cores, cores);
        let told: Vec<String> = cuts.iter().map(|cut| format!("{} {cut}", cut.family)).collect();
        insta::assert_snapshot!(told.join("\n"));
        assert_eq!(fit(&mut detail, MAX_DETAIL_BYTES), []);
    }

    #[test]
    fn what_has_room_stays() {
        // 1,152 cores, the most that anybody has shown us.
        let mut detail = Detail { cores: rows::<CoreColumn>(1152, 4, 12.345), ..Detail::default() };
        detail.softirqs = rows(1152, 4, 250.125);
        let before = detail.clone();
        assert!(widest(&detail) > MAX_DETAIL_BYTES, "it is measured");
        assert_eq!(fit(&mut detail, MAX_DETAIL_BYTES), []);
        assert_eq!(detail, before);
    }
}
