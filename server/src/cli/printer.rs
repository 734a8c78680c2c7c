//! Standard output that may be stuck: a terminal that was stopped (Ctrl-S), a pipe that nobody reads.
//! A thread of its own writes to it, so that the program goes on meanwhile, and can be ended.

use std::{
    fs::File,
    io::{self, Write as _},
    os::fd::AsFd as _,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    },
    thread,
    time::Duration,
};

use rustix::termios::{Action, QueueSelector, isatty, tcflow, tcflush};
use tokio::sync::oneshot;

/// How much is written before a look whether it is still wanted, bytes.
const PIECE_BYTES: usize = 1024;

/// How long what is on its way may take at the end, before standard output is taken for stuck.
const ON_ITS_WAY: Duration = Duration::from_millis(250);

/// How long the last words may take.
const LAST: Duration = Duration::from_secs(1);

/// Ends a control sequence that was cut off in its middle (ECMA-48, CAN).
const CANCEL: u8 = 0x18;

/// A text to write, and who waits for that.
struct PrintJob {
    bytes: Vec<u8>,
    /// It is written even when nothing else is any more.
    last: bool,
    done: Done,
}

type Done = Box<dyn FnOnce(io::Result<()>) + Send>;

/// Writes to standard output in order.
#[derive(Debug, Clone)]
pub(super) struct Printer {
    jobs: Sender<PrintJob>,
    /// Nothing is written any more but the last words.
    ended: Arc<AtomicBool>,
}

impl Printer {
    /// Starts the thread.
    ///
    /// # Errors
    /// There is no thread or no descriptor to be had.
    pub(super) fn start() -> io::Result<Self> {
        // Past the standard library's lock of it: who holds that in a write stops every other.
        let out = File::from(io::stdout().as_fd().try_clone_to_owned()?);
        let (jobs, wanted) = channel();
        let ended = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&ended);
        let run = move || write_all(out, &wanted, &seen);
        thread::Builder::new().name("print".to_owned()).spawn(run)?;
        Ok(Self { jobs, ended })
    }

    /// Has a text written after those before it. What is answered says when that is done.
    pub(super) fn print(&self, bytes: Vec<u8>) -> Printing {
        let (done, printing) = oneshot::channel();
        // Nobody may wait any more.
        self.add(bytes, false, Box::new(move |written| drop(done.send(written))));
        Printing(printing)
    }

    fn add(&self, bytes: Vec<u8>, last: bool, done: Done) {
        // Who waits for a thread that is gone hears of it by what is dropped here.
        let _gone = self.jobs.send(PrintJob { bytes, last, done });
    }

    /// Writes the last words. A terminal that is stuck never shows what it has not taken until now,
    /// and is let go on: it is to be as it was before. Waits no longer than [`ON_ITS_WAY`] and
    /// [`LAST`].
    pub(super) fn finish(&self, words: &[u8]) {
        if self.add_and_wait(words.to_vec(), ON_ITS_WAY) {
            return;
        }
        self.ended.store(true, Ordering::SeqCst);
        let out = io::stdout();
        if isatty(&out) {
            // A terminal that is gone refuses both.
            let _gone = tcflow(&out, Action::OOn);
            let _gone = tcflush(&out, QueueSelector::OFlush);
            // What was on its way is thrown away with the rest, whole or in part.
            let _late = self.add_and_wait([&[CANCEL], words].concat(), LAST);
        }
    }

    /// Whether it was written in time.
    fn add_and_wait(&self, bytes: Vec<u8>, time: Duration) -> bool {
        let (done, written) = channel();
        self.add(bytes, true, Box::new(move |_written| done.send(()).unwrap_or_default()));
        written.recv_timeout(time) != Err(RecvTimeoutError::Timeout)
    }
}

/// A text on its way.
#[derive(Debug)]
pub(super) struct Printing(oneshot::Receiver<io::Result<()>>);

impl Printing {
    /// Waits until it is written. May be given up and asked again.
    ///
    /// # Errors
    /// What standard output says.
    pub(super) async fn done(&mut self) -> io::Result<()> {
        match (&mut self.0).await {
            Ok(written) => written,
            Err(_gone) => Err(io::Error::other("its thread is gone")),
        }
    }
}

fn write_all(mut out: File, wanted: &Receiver<PrintJob>, ended: &AtomicBool) {
    while let Ok(PrintJob { bytes, last, done }) = wanted.recv() {
        let is_wanted = || last || !ended.load(Ordering::SeqCst);
        let mut pieces = bytes.chunks(PIECE_BYTES).take_while(|_| is_wanted());
        done(pieces.try_for_each(|piece| out.write_all(piece)));
    }
}
