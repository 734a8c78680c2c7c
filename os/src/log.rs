//! The log on standard error. Nobody who reads it, or has stopped reading, makes a thread wait.
//!
//! A line goes to a buffer in memory, and a thread of its own writes the buffer out. While the reader
//! hangs (a full pipe, a stopped terminal, a full disk) the buffer fills to [`MAX_WAITING_BYTES`];
//! further lines are dropped and counted, and once the reader reads again, it is told how many.
//!
//! The writing thread goes past the standard library's lock of standard error: a thread that holds
//! it in a write would stop every other that prints.

use std::{
    fs::File,
    io::{self, Write},
    mem,
    os::fd::AsFd as _,
    panic,
    sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError},
    thread::{self, ThreadId},
    time::Duration,
};

/// Most bytes of lines that wait to be written; those that are being written count apart, and are
/// as many at most.
pub const MAX_WAITING_BYTES: usize = 256 << 10;

/// How long the end of the process waits for the last lines to be read.
pub const FLUSH: Duration = Duration::from_secs(1);

/// Before a write is tried again that would have had to wait (standard error may be non-blocking).
const WRITE_AGAIN: Duration = Duration::from_millis(10);

/// The process's log, once it is started.
static STANDARD: OnceLock<Log> = OnceLock::new();

/// Where lines go. A clone goes to the same place. As a writer, one call is one line or several.
#[derive(Debug, Clone)]
pub struct Log(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    /// The state is another one.
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    waiting: Vec<u8>,
    /// What was waiting is being written.
    is_writing: bool,
    /// Lines dropped since the start, and how many of them were told.
    dropped: u64,
    told: u64,
    /// The thread that writes, while it tells of a gap; what it adds then stands in `notice`.
    teller: Option<ThreadId>,
    notice: Vec<u8>,
}

impl Log {
    /// Starts the thread that writes to `out`. After a gap it calls `tell` with the number of lines
    /// that are missing, which logs them at once: what it adds goes past what waits, and a number
    /// that could not be written is part of the next.
    ///
    /// # Errors
    /// There is no thread to be had.
    pub fn start(
        out: impl Write + Send + 'static,
        tell: impl Fn(u64) + Send + 'static,
    ) -> io::Result<Self> {
        let log = Self(Arc::default());
        let shared = Arc::clone(&log.0);
        let run = move || shared.write_out(out, &tell);
        thread::Builder::new().name("log".to_owned()).spawn(run)?;
        Ok(log)
    }

    /// Adds lines, or drops and counts them; never waits for a reader.
    pub fn add(&self, lines: &[u8]) {
        let mut state = self.0.lock();
        // Where lines were dropped there may be no room for the line that says so.
        if state.teller.is_some_and(|teller| teller == thread::current().id()) {
            state.notice.extend_from_slice(lines);
            return;
        }
        if state.waiting.len() + lines.len() > MAX_WAITING_BYTES {
            state.dropped += lines_in(lines).max(1);
            return;
        }
        state.waiting.extend_from_slice(lines);
        drop(state);
        self.0.changed.notify_all();
    }

    /// Lines dropped since the start.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.0.lock().dropped
    }

    /// Waits until all is written, for at most `most`.
    pub fn flush(&self, most: Duration) {
        let busy = |state: &mut State| state.is_writing || !state.waiting.is_empty();
        drop(self.0.changed.wait_timeout_while(self.0.lock(), most, busy));
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_out(&self, mut out: impl Write, tell: &dyn Fn(u64)) {
        loop {
            let empty = |state: &mut State| state.waiting.is_empty();
            let mut state =
                self.changed.wait_while(self.lock(), empty).unwrap_or_else(PoisonError::into_inner);
            let lines = mem::take(&mut state.waiting);
            // They were dropped after these lines, for which there was still room.
            let missing = state.dropped - state.told;
            state.is_writing = true;
            drop(state);
            let left = write_all(&mut out, &lines);
            let told =
                if left.is_empty() && self.told(&mut out, missing, tell) { missing } else { 0 };
            let mut state = self.lock();
            // Nobody reads any more, or the disk is full: what was not written is lost.
            state.dropped += lines_in(left);
            state.told += told;
            state.is_writing = false;
            drop(state);
            self.changed.notify_all();
        }
    }

    /// Tells that so many lines are missing, past all that waits. Whether that was written.
    fn told(&self, out: &mut impl Write, missing: u64, tell: &dyn Fn(u64)) -> bool {
        if missing == 0 {
            return true;
        }
        self.lock().teller = Some(thread::current().id());
        tell(missing);
        let mut state = self.lock();
        state.teller = None;
        let notice = mem::take(&mut state.notice);
        drop(state);
        write_all(out, &notice).is_empty()
    }
}

fn lines_in(bytes: &[u8]) -> u64 {
    bytes.iter().filter(|byte| **byte == b'\n').count() as u64
}

/// Writes as much as can be; what is left.
fn write_all<'a>(out: &mut impl Write, mut lines: &'a [u8]) -> &'a [u8] {
    while !lines.is_empty() {
        match out.write(lines) {
            Ok(0) => break,
            Ok(written) => lines = &lines[written..],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => thread::sleep(WRITE_AGAIN),
            Err(_) => break,
        }
    }
    lines
}

impl Write for Log {
    fn write(&mut self, lines: &[u8]) -> io::Result<usize> {
        self.add(lines);
        Ok(lines.len())
    }

    /// Nothing: [`Log::flush`] waits.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The process's log on standard error; the first call starts it. From then on panics go there, too.
///
/// # Errors
/// Standard error is closed, or there is no thread to be had.
pub fn standard(tell: impl Fn(u64) + Send + 'static) -> io::Result<&'static Log> {
    if let Some(log) = STANDARD.get() {
        return Ok(log);
    }
    let out = File::from(io::stderr().as_fd().try_clone_to_owned()?);
    let started = Log::start(out, tell)?;
    let log = STANDARD.get_or_init(|| started);
    panic::set_hook(Box::new(|panic| {
        let thread = thread::current();
        let name = thread.name().unwrap_or("<unnamed>");
        let trace = std::backtrace::Backtrace::capture();
        let trace = match trace.status() {
            std::backtrace::BacktraceStatus::Captured => format!("{trace}\n"),
            _ => String::new(),
        };
        log.add(format!("\nthread '{name}' {panic}\n{trace}").as_bytes());
    }));
    Ok(log)
}

/// Lines of the process's log that were dropped since the start.
#[must_use]
pub fn dropped() -> u64 {
    STANDARD.get().map_or(0, Log::dropped)
}

/// Adds one line of the process's log as it is; waits for nobody once there is a log.
pub fn note(line: &str) {
    match STANDARD.get() {
        Some(log) => log.add(format!("{line}\n").as_bytes()),
        // Not eprintln: it panics where nobody reads any more.
        None => drop(writeln!(io::stderr(), "{line}")),
    }
}

/// Prints one line to standard error, after all that was logged. Who reads is waited for, but for
/// [`FLUSH`] at most once there is a log.
pub fn say(line: &str) {
    note(line);
    drop(LastLines);
}

/// Waits, when it is dropped, for the last lines of the process's log, for [`FLUSH`] at most; also
/// when a panic ends the program.
#[derive(Debug, Default)]
pub struct LastLines;

impl Drop for LastLines {
    fn drop(&mut self) {
        if let Some(log) = STANDARD.get() {
            log.flush(FLUSH);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{collections::VecDeque, io::Read as _, sync::mpsc};

    use proptest::prelude::*;

    /// Nothing here ends the hang but the reader: a log that waits for it never comes back.
    #[test]
    fn lines_that_nobody_reads_are_dropped_counted_and_told() {
        let (mut reader, writer) = io::pipe().unwrap();
        let (tells, told) = mpsc::channel();
        let log = Log::start(writer, move |lines| tells.send(lines).unwrap()).unwrap();
        let line = [b"x".repeat(1023), b"\n".to_vec()].concat();
        let most = 2 * MAX_WAITING_BYTES / line.len();
        // A pipe holds a MiB at most.
        let all = most + (1 << 20) / line.len() + 100;
        for _ in 0..all {
            log.add(&line);
        }
        let dropped = log.dropped();
        assert!(dropped >= 100, "{dropped} dropped");
        log.flush(Duration::from_millis(1));

        let mut kept = vec![0; (all - usize::try_from(dropped).unwrap()) * line.len()];
        reader.read_exact(&mut kept).unwrap();
        assert_eq!(kept, line.repeat(kept.len() / line.len()), "a line was torn");
        // Those that were missing before the last lines were taken are told of before these.
        let mut all = 0;
        while all < dropped {
            all += told.recv().unwrap();
        }
        assert_eq!(all, dropped);
        log.add(b"on\n");
        let mut rest = [0; 3];
        reader.read_exact(&mut rest).unwrap();
        assert_eq!(&rest, b"on\n");
        assert_eq!(log.dropped(), dropped);
    }

    #[test]
    fn lines_to_a_reader_that_is_gone_are_counted() {
        let (reader, writer) = io::pipe().unwrap();
        drop(reader);
        let log = Log::start(writer, |_| panic!("nobody can be told")).unwrap();
        log.add(b"one\ntwo\n");
        log.flush(Duration::MAX);
        assert_eq!(log.dropped(), 2);
    }

    /// How a write ends.
    #[derive(Debug, Clone)]
    enum Turn {
        Takes(usize),
        Fails(io::ErrorKind),
    }

    #[derive(Debug, Clone)]
    enum Op {
        /// Lines of so many bytes in one call.
        Add(Vec<usize>),
        Write(Turn),
    }

    /// A reader that takes what it is told to take, and all once `is_open`.
    #[derive(Debug, Clone, Default)]
    struct Reader(Arc<(Mutex<Read>, Condvar)>);

    #[derive(Debug, Default)]
    struct Read {
        turns: VecDeque<Turn>,
        is_open: bool,
        taken: Vec<u8>,
    }

    impl Reader {
        fn change(&self, change: impl FnOnce(&mut Read)) {
            change(&mut self.0.0.lock().unwrap());
            self.0.1.notify_all();
        }
    }

    impl Write for Reader {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let shut = |read: &mut Read| read.turns.is_empty() && !read.is_open;
            let mut read = self.0.1.wait_while(self.0.0.lock().unwrap(), shut).unwrap();
            let taken = match read.turns.pop_front() {
                Some(Turn::Takes(most)) => most.min(bytes.len()),
                Some(Turn::Fails(kind)) => return Err(kind.into()),
                None => bytes.len(),
            };
            read.taken.extend_from_slice(&bytes[..taken]);
            Ok(taken)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn ops() -> impl Strategy<Value = Vec<Op>> {
        // Some fill all the room there is to the last byte.
        let bytes = prop_oneof![
            4 => 1..100_usize,
            2 => 60_000..70_000_usize,
            2 => Just(MAX_WAITING_BYTES),
            1 => Just(MAX_WAITING_BYTES + 1),
        ];
        let kinds = [io::ErrorKind::Interrupted, io::ErrorKind::WouldBlock, io::ErrorKind::Other];
        let turn = prop_oneof![
            4 => (1..2 * MAX_WAITING_BYTES).prop_map(Turn::Takes),
            1 => (0..20_usize).prop_map(Turn::Takes),
            1 => proptest::sample::select(kinds.to_vec()).prop_map(Turn::Fails),
        ];
        let op = prop_oneof![
            3 => prop::collection::vec(bytes, 1..3).prop_map(Op::Add),
            2 => turn.prop_map(Op::Write),
        ];
        prop::collection::vec(op, 0..30)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn every_line_is_read_or_told_of_however_it_is_read(ops in ops()) {
            let reader = Reader::default();
            let own = Arc::new(OnceLock::<Log>::new());
            let teller = Arc::clone(&own);
            let tell = move |lines| teller.wait().add(format!("<missing {lines}>\n").as_bytes());
            let log = Log::start(reader.clone(), tell).unwrap();
            own.set(log.clone()).unwrap();
            let mut added = 1;
            for op in ops {
                match op {
                    Op::Write(turn) => reader.change(|read| read.turns.push_back(turn)),
                    Op::Add(sizes) => {
                        added += sizes.len() as u64;
                        let line = |size: &usize| [b"x".repeat(size - 1), b"\n".to_vec()].concat();
                        log.add(&sizes.iter().flat_map(line).collect::<Vec<u8>>());
                    }
                }
            }
            reader.change(|read| (read.is_open, _) = (true, read.turns.clear()));
            log.flush(Duration::MAX);
            log.add(b"x\n");
            log.flush(Duration::MAX);

            let taken = mem::take(&mut reader.0.0.lock().unwrap().taken);
            // A line that was cut off stands before the next one.
            let lines = taken.split_inclusive(|byte| *byte == b'\n').map(|line| {
                let line = std::str::from_utf8(line).unwrap();
                let told = line.strip_suffix(">\n").and_then(|line| line.rsplit_once("<missing "));
                told.map(|(_, told)| told.parse::<u64>().unwrap())
            });
            let lines: Vec<Option<u64>> = lines.collect();
            let told: u64 = lines.iter().flatten().sum();
            let read = lines.iter().filter(|line| line.is_none()).count() as u64;
            prop_assert_eq!((read + told, told), (added, log.dropped()));
        }
    }
}
