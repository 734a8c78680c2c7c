//! The spool's file: rows in, rows out, oldest first, within a number of bytes.

mod notices;
mod opening;
mod remembering;
mod removing;
mod rows;

use std::{
    io,
    ops::RangeInclusive,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use rusqlite::{Connection, Error, ErrorCode, TransactionBehavior, params};

pub(super) use self::opening::set_aside;
use self::{
    opening::{Opened, try_open},
    rows::{evict, insert_other, insert_poll, note_loss, others_of, widen},
};
use super::{
    form::{self, Other},
    memory::{self, SpoolTarget},
};
use crate::{
    model::{HostId, LossReason},
    store::{
        Batch, StoreError,
        loss::Sum,
        private::make_file,
        stamp::{FileChange, Stamp},
    },
    units::WallMs,
};

/// Marks the file (`PRAGMA application_id`): "Rspl".
const APPLICATION_ID: i32 = 0x5273_706c;

/// The form of the file and its rows (`PRAGMA user_version`). Raised with every change; a file of a
/// later form is set aside, one of a form that it holds too is taken over.
pub(super) const FORM: u32 = 5;

/// The forms before: the same without what became of messages, without alarms, and without notices and
/// slots of transitions.
const FORMS_BEFORE: [u32; 3] = [4, 3, 2];

/// How long a statement waits for somebody who looks at the file with a shell.
const BUSY_WAIT: Duration = Duration::from_secs(1);

/// The journal is cut back to this after a checkpoint, bytes.
const JOURNAL_BYTES: u32 = 16 << 20;

/// The journal is taken into the file once it has so many pages of 4 KiB, so that a small disk is
/// not filled by it.
const JOURNAL_PAGES: u32 = 256;

/// Bytes that a row takes beside its own.
pub(super) const ROW_BYTES: u64 = 64;

/// Free room in the file from which an empty spool gives it back, bytes.
const MUCH_FREE: u64 = 1 << 20;

/// What is written to see whether the disk takes anything, bytes.
const PROBE_BYTES: usize = 64 << 10;

/// Files set aside that are kept; then none is set aside any longer.
const ASIDE: u32 = 100;

const KEEPING: &str = "keep rows in the spool";
const READING: &str = "read the spool";
const REMOVING: &str = "take rows out of the spool";

/// Ids of rows: of polls, and of others. Empty: none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ids {
    pub(super) generation: u64,
    pub(super) polls: RangeInclusive<i64>,
    pub(super) others: RangeInclusive<i64>,
}

/// The oldest rows.
#[derive(Debug)]
pub struct Page {
    /// The rows.
    pub batch: Batch,
    /// What they are known by.
    pub ids: Ids,
}

impl Page {
    /// Whether no row is left.
    pub(super) fn is_empty(&self) -> bool {
        self.ids.polls.is_empty() && self.ids.others.is_empty()
    }
}

/// How much waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct SpoolContents {
    pub(super) polls: u64,
    pub(super) others: u64,
    pub(super) bytes: u64,
    pub(super) oldest: Option<WallMs>,
}

/// The open file.
#[derive(Debug)]
pub(super) struct SpoolFile {
    pub(super) connection: Connection,
    path: PathBuf,
    /// What was opened.
    stamp: Stamp,
    generation: u64,
    max_bytes: u64,
    pub(super) held: SpoolContents,
    /// Up to here rows are in the store, even where they could not be deleted: polls, others.
    acknowledged: (i64, i64),
    /// Up to here polls are on their way to the store, and do not give way to others.
    handed_out: i64,
    /// The row in `other` of the loss that is still being added to.
    open_loss: Option<(i64, Sum, WallMs)>,
}

fn empty() -> RangeInclusive<i64> {
    RangeInclusive::new(1, 0)
}

pub(super) fn failed(path: &Path, doing: &'static str) -> impl Fn(Error) -> StoreError + use<> {
    let location = path.display().to_string();
    move |error| StoreError::Failed { doing, location: location.clone(), cause: Box::new(error) }
}

/// Whether the file is not what it should be, and another one must be begun.
pub(super) fn is_ruined(error: &StoreError) -> bool {
    let StoreError::Failed { cause, .. } = error else { return false };
    cause
        .downcast_ref::<Error>()
        .and_then(Error::sqlite_error_code)
        .is_some_and(|code| matches!(code, ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt))
}

/// Whether the file is whole and open, and only its disk is full.
pub(super) fn is_full(error: &StoreError) -> bool {
    let StoreError::Failed { cause, .. } = error else { return false };
    cause.downcast_ref::<Error>().and_then(Error::sqlite_error_code) == Some(ErrorCode::DiskFull)
}

impl SpoolFile {
    /// Opens the file, or makes it. One that is of a later version, for another store or no spool at
    /// all is set aside, never deleted.
    pub(super) fn open(
        path: &Path,
        whose: SpoolTarget<'_>,
        max_bytes: u64,
        generation: u64,
    ) -> Result<Self, StoreError> {
        let unwritable = |cause: io::Error| StoreError::Unwritable {
            path: path.to_owned(),
            cause: cause.into(),
        };
        make_file(path).map_err(unwritable)?;
        let tried = match try_open(path, whose) {
            Err(error) if is_ruined(&error) => {
                Opened::Foreign("it is damaged, or no spool".to_owned())
            }
            other => other?,
        };
        let connection = match tried {
            Opened::Ours(connection) => connection,
            Opened::Foreign(why) => {
                set_aside(path, &why).map_err(unwritable)?;
                match try_open(path, whose)? {
                    Opened::Ours(connection) => connection,
                    Opened::Foreign(why) => return Err(unwritable(io::Error::other(why))),
                }
            }
        };
        let mut file = Self {
            connection,
            path: path.to_owned(),
            stamp: Stamp::of(path).map_err(unwritable)?,
            generation,
            max_bytes,
            held: SpoolContents::default(),
            acknowledged: (0, 0),
            handed_out: 0,
            open_loss: None,
        };
        file.count()?;
        Ok(file)
    }

    /// What has become of the file, if it is no longer the one at its path.
    pub(super) fn fate(&self) -> Option<FileChange> {
        self.stamp.fate(&self.path)
    }

    /// Removes what the file that comes next could take for its own.
    pub(super) fn remove_rest(&self) -> Result<(), StoreError> {
        self.stamp.remove_rest(&self.path).map_err(|cause| StoreError::Unwritable {
            path: self.path.clone(),
            cause: cause.into(),
        })
    }

    pub(super) fn failed(&self, doing: &'static str) -> impl Fn(Error) -> StoreError + use<> {
        failed(&self.path, doing)
    }

    fn count(&mut self) -> Result<(), StoreError> {
        let sum = |table: &str| -> Result<(u64, u64), Error> {
            let sql = format!("SELECT count(*), coalesce(sum(length(data)), 0) FROM {table}");
            self.connection.query_row(&sql, [], |row| {
                Ok((row.get::<_, i64>(0)?.unsigned_abs(), row.get::<_, i64>(1)?.unsigned_abs()))
            })
        };
        let failed = self.failed(READING);
        let (polls, poll_bytes) = sum("poll").map_err(&failed)?;
        let (others, other_bytes) = sum("other").map_err(&failed)?;
        let bytes = poll_bytes + other_bytes + (polls + others) * ROW_BYTES;
        self.held = SpoolContents { polls, others, bytes, oldest: None };
        self.look_at_oldest().map_err(failed)
    }

    fn look_at_oldest(&mut self) -> Result<(), Error> {
        let oldest = self
            .connection
            .prepare_cached("SELECT slot_ms FROM poll ORDER BY id LIMIT 1")?
            .query_map([], |row| row.get(0).map(WallMs))?
            .next()
            .transpose()?;
        self.held.oldest = oldest;
        Ok(())
    }

    /// Keeps a batch, in one transaction; the oldest polls give way where there is no room. Answers
    /// what the rows are known by, and how many polls were lost.
    pub(super) fn append(&mut self, batch: &Batch, now: WallMs) -> Result<(Ids, u64), StoreError> {
        let failed = self.failed(KEEPING);
        let unwritten = |error: &dyn std::fmt::Display| StoreError::BadRow {
            row: "a row in the spool".to_owned(),
            why: error.to_string(),
        };
        let mut polls = Vec::with_capacity(batch.polls.len());
        for record in &batch.polls {
            polls.push((record, form::encode(record).map_err(|e| unwritten(&e))?));
        }
        let mut others = Vec::new();
        for other in others_of(batch) {
            others.push(serde_json::to_string(&other).map_err(|e| unwritten(&e))?);
        }
        let size = |length: usize| u64::try_from(length).unwrap_or(u64::MAX) + ROW_BYTES;
        let fresh: u64 = polls.iter().map(|(_, data)| size(data.len())).sum::<u64>()
            + others.iter().map(|data| size(data.len())).sum::<u64>();
        let before = self.held;
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(&failed)?;
        let mut after = before;
        let most = self.max_bytes;
        let mut lost = Vec::new();
        if before.bytes + fresh > most {
            let excess = before.bytes + fresh - most;
            lost = evict(&transaction, self.handed_out, excess, &mut after).map_err(&failed)?;
        }
        // Still too much, when all is on its way or the batch alone is more: its oldest go.
        let mut excess = (after.bytes + fresh).saturating_sub(most);
        let mut first = 0;
        while excess > 0 && first < polls.len() {
            let (record, data) = &polls[first];
            excess = excess.saturating_sub(size(data.len()));
            lost.push((record.host, record.slot));
            first += 1;
        }
        let mut ids = Ids { generation: self.generation, polls: empty(), others: empty() };
        for (record, data) in &polls[first..] {
            let id = insert_poll(&transaction, record, data).map_err(&failed)?;
            widen(&mut ids.polls, id);
            after.polls += 1;
            after.bytes += size(data.len());
        }
        for data in &others {
            let id = insert_other(&transaction, data).map_err(&failed)?;
            widen(&mut ids.others, id);
            after.others += 1;
            after.bytes += size(data.len());
        }
        let open_loss = note_loss(&transaction, &lost, &mut self.open_loss, &mut after, now)
            .map_err(&failed)?;
        memory::follow(&transaction, batch, true).map_err(&failed)?;
        transaction.commit().map_err(&failed)?;
        self.held = after;
        if open_loss.is_some() {
            self.open_loss = open_loss;
        }
        self.look_at_oldest().map_err(failed)?;
        Ok((ids, u64::try_from(lost.len()).unwrap_or(u64::MAX)))
    }

    /// The oldest rows, at most so many: what is not a poll first, which is little and holds up the
    /// order of what comes after it. They stay until they are acknowledged.
    pub(super) fn page(&mut self, rows: usize, now: WallMs) -> Result<Page, StoreError> {
        let failed = self.failed(READING);
        let mut page = Page {
            batch: Batch::default(),
            ids: Ids { generation: self.generation, polls: empty(), others: empty() },
        };
        self.open_loss = None;
        let mut room = i64::try_from(rows).unwrap_or(i64::MAX);
        let mut others = self
            .connection
            .prepare_cached("SELECT id, data FROM other WHERE id > ?1 ORDER BY id LIMIT ?2")
            .map_err(&failed)?;
        let mut found = others.query(params![self.acknowledged.1, room]).map_err(&failed)?;
        while let Some(row) = found.next().map_err(&failed)? {
            widen(&mut page.ids.others, row.get(0).map_err(&failed)?);
            let data = row.get_ref(1).and_then(|data| Ok(data.as_str()?)).map_err(&failed)?;
            match serde_json::from_str(data) {
                Ok(Other::Transition(transition)) => page.batch.transitions.push(transition),
                Ok(Other::Facts(seen)) => page.batch.facts.push(*seen),
                Ok(Other::Loss(loss)) => page.batch.losses.push(loss),
                Ok(Other::Rollup(hour)) => page.batch.rollups.push(hour),
                Ok(Other::Notice(notice)) => page.batch.notices.push(notice),
                Ok(Other::Alarm(alarm)) => page.batch.alarms.push(*alarm),
                Ok(Other::AlarmEvent(event)) => page.batch.alarm_events.push(*event),
                Ok(Other::Delivery(delivery)) => page.batch.deliveries.push(delivery),
                Ok(Other::Annotation(annotation)) => page.batch.annotations.push(annotation),
                Ok(Other::Audit(entry)) => page.batch.audit.push(entry),
                Err(error) => tracing::error!(%error, "a row of the spool cannot be read: lost"),
            }
            room -= 1;
        }
        let mut polls = self
            .connection
            .prepare_cached(
                "SELECT id, host_id, slot_ms, data FROM poll WHERE id > ?1 ORDER BY id LIMIT ?2",
            )
            .map_err(&failed)?;
        let mut found = polls.query(params![self.acknowledged.0, room]).map_err(&failed)?;
        let mut unreadable: Option<Sum> = None;
        while let Some(row) = found.next().map_err(&failed)? {
            widen(&mut page.ids.polls, row.get(0).map_err(&failed)?);
            let data = row.get_ref(3).and_then(|data| Ok(data.as_blob()?)).map_err(&failed)?;
            match form::decode(data) {
                Ok(record) => page.batch.polls.push(Arc::new(record)),
                Err(error) => {
                    tracing::error!(%error, "a poll in the spool cannot be read: lost");
                    let host = HostId(row.get(1).map_err(&failed)?);
                    let slot = WallMs(row.get(2).map_err(&failed)?);
                    match &mut unreadable {
                        Some(sum) => sum.add(host, slot),
                        None => unreadable = Some(Sum::of(host, slot)),
                    }
                }
            }
        }
        page.batch.losses.extend(unreadable.map(|sum| sum.loss(LossReason::Unreadable, now)));
        self.handed_out = self.handed_out.max(*page.ids.polls.end());
        Ok(page)
    }

    /// Whether the disk takes rows: writes some bytes, and takes them back.
    pub(super) fn probe(&mut self) -> Result<(), StoreError> {
        memory::probe(&self.connection, PROBE_BYTES).map_err(self.failed(KEEPING))
    }
}
