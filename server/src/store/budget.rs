//! Keeps the history within the room that it may take: what `retention.size` says, and what its disk leaves.
//! The oldest polls go first, then the oldest summaries, then the oldest hours in short; changes of state and what is as small stay for
//! as long as they are to be kept.
//!
//! Knows the store by its trait only.

use std::time::Duration;

use super::{MAX_PRUNED, Room, Span, Store, StoreError};
use crate::{rollup::Tier, units::WallMs};

/// Polls of the last hours are never given up: these are being written, and are what is looked at when
/// something breaks.
pub const POLLS_FLOOR: Duration = Duration::from_secs(6 * 3_600);

/// Nor summaries of the last week.
pub const SUMMARIES_FLOOR: Duration = Duration::from_secs(7 * 86_400);

/// Nor hours in short of it.
pub const HOURS_FLOOR: Duration = Duration::from_secs(7 * 86_400);

/// So many thousandths of the room are free after something was given up: what comes until the next run
/// fits, and of a long history an hour or a few go at a time.
const HEADROOM_PERMILLE: u64 = 5;

/// What stays free on the disk of the history: this share of it, percent, ...
const RESERVE_PCT: u64 = 1;

/// ... but so much at least, for the journal, the spool and what others write, bytes, ...
const RESERVE_LEAST: u64 = 256 << 20;

/// ... so much at most, bytes, ...
const RESERVE_MOST: u64 = 4 << 30;

/// ... and of a small disk no more than this share, percent.
const RESERVE_MOST_PCT: u64 = 10;

/// While less is free on the disk the history grows no more: this share of what it has there, percent, is
/// made free for new rows. Not more, for others may have filled the disk, and nothing of ours would help.
const RING_PCT: u64 = 5;

/// What limits the room of the history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LimitedBy {
    /// `retention.size`.
    Setting,
    /// Its disk, of which so much must stay free, bytes.
    Disk {
        /// What must.
        reserve: u64,
        /// What is.
        available: u64,
    },
}

/// The room that the history may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RoomLimit {
    /// So many bytes.
    pub bytes: u64,
    /// Why.
    pub by: LimitedBy,
}

impl RoomLimit {
    /// The nearer of what is set and what the disk leaves; none when there is neither.
    #[must_use]
    pub fn of(size: Option<u64>, room: &Room) -> Option<Self> {
        let set = size.map(|bytes| Self { bytes, by: LimitedBy::Setting });
        let left = room.disk.map(|disk| {
            let reserve = reserve(disk.size);
            let by = LimitedBy::Disk { reserve, available: disk.available };
            // What is free inside is used before more of the disk is.
            let has = room.used.saturating_add(room.free);
            let bytes = match disk.available.checked_sub(reserve) {
                Some(left) => has.saturating_add(left),
                None => has / 100 * (100 - RING_PCT),
            };
            Self { bytes, by }
        });
        set.into_iter().chain(left).min_by_key(|limit| limit.bytes)
    }

    /// What is to be left after something was given up.
    fn target(&self) -> u64 {
        self.bytes - self.bytes / 1_000 * HEADROOM_PERMILLE
    }
}

/// What must stay free on a disk of this size, bytes.
#[must_use]
pub fn reserve(disk: u64) -> u64 {
    let wanted = (disk / 100 * RESERVE_PCT).clamp(RESERVE_LEAST, RESERVE_MOST);
    wanted.min(disk / 100 * RESERVE_MOST_PCT)
}

/// What one run did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BudgetRun {
    /// The room that the history takes after it.
    pub room: Room,
    /// What it may take.
    pub limit: Option<RoomLimit>,
    /// Polls given up.
    pub polls: u64,
    /// Bytes that are free now and were not before.
    pub bytes: u64,
    /// From when to when something was given up, of all tiers.
    pub span: Option<Span>,
    /// It takes more than it may, and what is left is never given up.
    pub is_stuck: bool,
}

/// Gives up the oldest history until the rest fits, at most [`MAX_PRUNED`] of each tier, or one unit of it
/// where that is longer: a run that finds nothing smaller for all that it took out ends there.
///
/// # Errors
/// [`StoreError`]; what went until then is told of in the store.
pub async fn keep_within(
    store: &dyn Store,
    size: Option<u64>,
    now: WallMs,
) -> Result<BudgetRun, StoreError> {
    let begin = store.room().await?;
    let limit = RoomLimit::of(size, &begin);
    let mut run = BudgetRun { room: begin, limit, ..BudgetRun::default() };
    let Some(limit) = limit.filter(|limit| begin.used > limit.bytes) else { return Ok(run) };
    while run.room.used > limit.target() {
        let Some((tier, unit)) = next(&run.room, now) else {
            run.is_stuck = run.room.used > limit.bytes;
            break;
        };
        let first = begin.oldest(tier).unwrap_or(unit);
        if unit != first && unit.to > first.from.plus(MAX_PRUNED) {
            break;
        }
        run.polls += store.give_up(tier, unit.to, now).await?;
        let before = std::mem::replace(&mut run.room, store.room().await?);
        let span = run.span.get_or_insert(unit);
        *span = Span { from: span.from.min(unit.from), to: span.to.max(unit.to) };
        if run.room.used >= before.used {
            break;
        }
        run.bytes += before.used - run.room.used;
    }
    Ok(run)
}

/// What goes next: the oldest unit of the finest tier that has one older than what always stays.
fn next(room: &Room, now: WallMs) -> Option<(Tier, Span)> {
    let unit = |tier: &Tier| {
        let floor = match tier {
            Tier::Polls => POLLS_FLOOR,
            Tier::FiveMinutes => SUMMARIES_FLOOR,
            Tier::Hours => HOURS_FLOOR,
        };
        let unit = room.oldest(*tier).filter(|unit| unit.to <= now.minus(floor))?;
        Some((*tier, unit))
    };
    Tier::ALL.iter().find_map(unit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Disk;

    const MIB: u64 = 1 << 20;
    const GIB: u64 = 1 << 30;
    const NOW: WallMs = WallMs(1_774_747_800_000);

    #[test]
    fn a_part_of_the_disk_stays_free() {
        for (disk, kept) in
            [(100 * MIB, 10 * MIB), (GIB, 102 * MIB), (20 * GIB, 256 * MIB), (100 * GIB, GIB)]
        {
            assert_eq!(reserve(disk) / MIB, kept / MIB, "{disk}");
        }
        assert_eq!(reserve(10_000 * GIB), RESERVE_MOST);
    }

    #[test]
    fn the_nearer_of_setting_and_disk_limits_the_room() {
        let disk = |available| Some(Disk { available, size: 20 * GIB });
        let room =
            |available| Room { used: 3 * GIB, free: GIB, disk: disk(available), ..Room::default() };
        let limit = |size, available| RoomLimit::of(size, &room(available)).unwrap();
        assert_eq!(limit(Some(2 * GIB), 9 * GIB).by, LimitedBy::Setting);
        assert_eq!(limit(None, 256 * MIB).bytes, 4 * GIB);
        // Part of the reserve is gone: the file grows no more, however much of the disk others take.
        let low = limit(None, 128 * MIB);
        assert_eq!(low.by, LimitedBy::Disk { reserve: 256 * MIB, available: 128 * MIB });
        let ring = low.bytes;
        assert!(ring < 4 * GIB - 200 * MIB && ring > 3 * GIB, "{ring}");
        assert_eq!(limit(Some(5 * GIB), 0).bytes, ring);
        let elsewhere = Room { disk: None, ..room(0) };
        assert_eq!(RoomLimit::of(None, &elsewhere), None);
    }

    #[test]
    fn polls_go_before_hours_and_what_is_new_stays() {
        let span = |hours: u64, length: u64| {
            let from = NOW.minus(Duration::from_secs(hours * 3_600));
            Some(Span { from, to: from.plus(Duration::from_secs(length * 3_600)) })
        };
        let of = |polls, summaries, hours| {
            let room = Room { polls, summaries, hours, ..Room::default() };
            next(&room, NOW).map(|(tier, _)| tier)
        };
        let (old, new) = (span(8 * 24, 24), span(8 * 24 - 1, 24));
        assert_eq!(of(span(100, 1), old, old), Some(Tier::Polls));
        assert_eq!(of(span(7, 1), old, old), Some(Tier::Polls));
        let newest = span(6, 1);
        assert_eq!(of(newest, old, old), Some(Tier::FiveMinutes), "polls of the last hours");
        assert_eq!(of(newest, new, old), Some(Tier::Hours), "summaries of the last week");
        assert_eq!(of(None, None, old), Some(Tier::Hours));
        assert_eq!(of(newest, new, new), None, "hours of the last week");
    }
}
