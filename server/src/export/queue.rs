//! Requests that wait for the receiver, oldest first: in memory while it takes them, and else as files in a folder
//! of their own, one for each, which a restart finds again. The name of a file says all that is to be known of it;
//! what it holds is what is sent.

use std::{
    collections::VecDeque,
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use axum::body::Bytes;
use tokio::sync::watch;
use xxhash_rust::xxh3::xxh3_64;

use super::request::{PackedRequest, RequestForm, WriteVersion};
use crate::{store::make_folder, units::WallMs};

/// What a file is called while it is being written.
const UNFINISHED: &str = "new";

/// A request that waits.
#[derive(Debug, Clone)]
pub(super) struct QueuedRequest {
    /// Later ones have larger numbers, over restarts too.
    pub(super) number: u64,
    pub(super) form: RequestForm,
    pub(super) samples: u32,
    /// When it was made.
    pub(super) made: WallMs,
    bytes: u64,
    hash: u64,
    /// None where it is a file.
    held: Option<Bytes>,
}

impl QueuedRequest {
    /// What it says, where it is in memory.
    pub(super) fn held(&self) -> Option<Bytes> {
        self.held.clone()
    }

    fn file_name(&self) -> String {
        let Self { number, samples, made, bytes, hash, .. } = self;
        let form = match self.form {
            RequestForm::Write(WriteVersion::First) => "rw1",
            RequestForm::Write(WriteVersion::Second) => "rw2",
            RequestForm::Otlp => "otlp",
        };
        format!("{number:016x}-{}-{samples}-{bytes}-{hash:016x}.{form}", made.0)
    }

    fn of_file(name: &str) -> Option<Self> {
        let (name, form) = name.rsplit_once('.')?;
        let form = match form {
            "rw1" => RequestForm::Write(WriteVersion::First),
            "rw2" => RequestForm::Write(WriteVersion::Second),
            "otlp" => RequestForm::Otlp,
            _ => return None,
        };
        let parts: Vec<&str> = name.split('-').collect();
        let [number, made, samples, bytes, hash] = parts[..] else { return None };
        Some(Self {
            number: u64::from_str_radix(number, 16).ok()?,
            form,
            samples: samples.parse().ok()?,
            made: WallMs(made.parse().ok()?),
            bytes: bytes.parse().ok()?,
            hash: u64::from_str_radix(hash, 16).ok()?,
            held: None,
        })
    }
}

#[derive(Debug, Default)]
struct Waiting {
    all: VecDeque<QueuedRequest>,
    next: u64,
    /// The one that is being sent.
    under_way: Option<u64>,
    /// Samples that were dropped since that was last asked.
    dropped: u64,
}

impl Waiting {
    fn bytes(&self, held: bool) -> u64 {
        self.all.iter().filter(|one| one.held.is_some() == held).map(|one| one.bytes).sum()
    }

    /// Takes out the oldest that is not under way.
    fn drop_oldest(&mut self, held: bool) -> Option<QueuedRequest> {
        let under_way = self.under_way;
        let is_it =
            |one: &QueuedRequest| one.held.is_some() == held && Some(one.number) != under_way;
        let place = self.all.iter().position(is_it)?;
        let oldest = self.all.remove(place)?;
        self.dropped += u64::from(oldest.samples);
        Some(oldest)
    }
}

/// What waits, for whoever asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct QueueStatus {
    /// Bytes of all that waits.
    pub(super) bytes: u64,
    /// When the oldest was made.
    pub(super) oldest: Option<WallMs>,
}

/// What waits in a folder, for one who only looks.
pub(super) fn peek(folder: &Path) -> QueueStatus {
    let names = fs::read_dir(folder).into_iter().flatten().flatten().map(|file| file.file_name());
    let all = names.filter_map(|name| QueuedRequest::of_file(name.to_str()?));
    all.fold(QueueStatus::default(), |found, one| QueueStatus {
        bytes: found.bytes + one.bytes,
        oldest: Some(found.oldest.map_or(one.made, |oldest| oldest.min(one.made))),
    })
}

/// Requests that wait.
#[derive(Debug)]
pub(super) struct ExportQueue {
    folder: PathBuf,
    /// Most bytes of files.
    max_bytes: u64,
    /// Most bytes in memory.
    max_held: u64,
    waiting: Mutex<Waiting>,
    /// One at a time makes files.
    keeping: Mutex<()>,
    changed: watch::Sender<()>,
}

impl ExportQueue {
    /// A queue with what a process before this one left in the folder. What is no request there is let be, but for
    /// files that were never finished.
    pub(super) fn open(folder: PathBuf, max_bytes: u64, max_held: u64) -> Self {
        let mut all: Vec<QueuedRequest> = Vec::new();
        // A folder that is not there is empty; one that cannot be read is told of once something is to be kept.
        for file in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let name = file.file_name();
            let Some(name) = name.to_str() else { continue };
            if Path::new(name).extension().is_some_and(|end| end == UNFINISHED) {
                let _ = fs::remove_file(file.path());
            }
            all.extend(QueuedRequest::of_file(name));
        }
        all.sort_by_key(|one| one.number);
        let next = all.last().map_or(1, |last| last.number.saturating_add(1));
        let waiting = Waiting { all: all.into(), next, ..Waiting::default() };
        let (waiting, keeping, changed) =
            (Mutex::new(waiting), Mutex::default(), watch::Sender::new(()));
        let queue = Self { folder, max_bytes, max_held, waiting, keeping, changed };
        queue.drop_files(&mut queue.lock());
        queue
    }

    /// Drops what whoever takes this form does not take, and says how many samples that was.
    pub(super) fn drop_unfit(&self, form: RequestForm) -> u64 {
        let mut waiting = self.lock();
        let (all, unfit) = std::mem::take(&mut waiting.all)
            .into_iter()
            .partition::<VecDeque<QueuedRequest>, _>(|one| one.form.is_for_same_receiver(form));
        waiting.all = all;
        unfit.iter().for_each(|one| self.remove(one));
        unfit.iter().map(|one| u64::from(one.samples)).sum()
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Told when something comes.
    pub(super) fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    /// Has all who wait look again.
    pub(super) fn wake(&self) {
        self.changed.send_replace(());
    }

    /// Takes a request in. Never waits: where too much is in memory, the oldest of that gives way.
    pub(super) fn push(&self, request: PackedRequest, made: WallMs) {
        let mut waiting = self.lock();
        let PackedRequest { form, body, samples } = request;
        let (number, hash) = (waiting.next, xxh3_64(&body));
        let bytes = u64::try_from(body.len()).unwrap_or(u64::MAX);
        waiting.next += 1;
        let held = Some(body.into());
        waiting.all.push_back(QueuedRequest { number, form, samples, made, bytes, hash, held });
        while waiting.bytes(true) > self.max_held && waiting.drop_oldest(true).is_some() {}
        drop(waiting);
        self.wake();
    }

    /// The oldest, which from now on is under way.
    pub(super) fn first(&self) -> Option<QueuedRequest> {
        let mut waiting = self.lock();
        let first = waiting.all.front().cloned();
        waiting.under_way = first.as_ref().map(|first| first.number);
        first
    }

    /// What a request says whose file this is; none where that is damaged or gone.
    pub(super) fn read(&self, request: &QueuedRequest) -> Option<Bytes> {
        let body = fs::read(self.folder.join(request.file_name())).ok()?;
        (xxh3_64(&body) == request.hash).then(|| body.into())
    }

    /// A request is over.
    pub(super) fn done(&self, number: u64) {
        let mut waiting = self.lock();
        waiting.under_way = None;
        let Some(place) = waiting.all.iter().position(|one| one.number == number) else { return };
        let Some(request) = waiting.all.remove(place) else { return };
        drop(waiting);
        self.remove(&request);
    }

    fn remove(&self, request: &QueuedRequest) {
        if request.held.is_none()
            && let Err(error) = fs::remove_file(self.folder.join(request.file_name()))
        {
            tracing::warn!(
                file = request.file_name(), folder = %self.folder.display(), %error,
                "a request of the export cannot be removed: the next start sends it again"
            );
        }
    }

    /// How many are in memory alone.
    pub(super) fn held(&self) -> usize {
        self.lock().all.iter().filter(|one| one.held.is_some()).count()
    }

    /// Makes files of those that are in memory, each on the disk before it leaves memory. Of too many files the
    /// oldest are dropped.
    ///
    /// # Errors
    /// The disk does not take them: they stay in memory.
    pub(super) fn keep(&self) -> io::Result<()> {
        if self.max_bytes == 0 {
            return Ok(());
        }
        let _one = self.keeping.lock().unwrap_or_else(PoisonError::into_inner);
        let held = self.lock().all.iter().filter(|one| one.held.is_some()).cloned().collect();
        let held: Vec<QueuedRequest> = held;
        if held.is_empty() {
            return Ok(());
        }
        make_folder(&self.folder)?;
        for request in &held {
            let Some(body) = &request.held else { continue };
            let unfinished = self.folder.join(format!("{:016x}.{UNFINISHED}", request.number));
            let written = write(&unfinished, body)
                .and_then(|()| fs::rename(&unfinished, self.folder.join(request.file_name())));
            if let Err(error) = written {
                let _ = fs::remove_file(&unfinished);
                return Err(error);
            }
            let mut waiting = self.lock();
            match waiting.all.iter_mut().find(|one| one.number == request.number) {
                Some(one) => one.held = None,
                // It was sent meanwhile.
                None => self.remove(&QueuedRequest { held: None, ..request.clone() }),
            }
            self.drop_files(&mut waiting);
        }
        File::open(&self.folder)?.sync_all()
    }

    fn drop_files(&self, waiting: &mut Waiting) {
        while waiting.bytes(false) > self.max_bytes {
            let Some(oldest) = waiting.drop_oldest(false) else { return };
            self.remove(&oldest);
        }
    }

    /// Samples that were dropped for want of room since this was last asked.
    pub(super) fn take_dropped(&self) -> u64 {
        std::mem::take(&mut self.lock().dropped)
    }

    /// What waits.
    pub(super) fn status(&self) -> QueueStatus {
        let waiting = self.lock();
        let bytes = waiting.bytes(true) + waiting.bytes(false);
        QueueStatus { bytes, oldest: waiting.all.front().map(|first| first.made) }
    }
}

fn write(path: &Path, body: &[u8]) -> io::Result<()> {
    let mut file =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(body)?;
    file.sync_data()
}

#[cfg(test)]
mod tests;
