//! A thread of its own with a small runtime of its own, and its end.

use std::{io, thread};

use tokio::sync::{oneshot, watch};

/// The running thread.
#[derive(Debug)]
pub(super) struct OwnThread {
    stop: watch::Sender<bool>,
    ended: oneshot::Receiver<()>,
}

impl OwnThread {
    /// Has `work` done on a thread of this name; it ends itself once what it is given is true or
    /// dropped.
    pub(super) fn start<Work: Future<Output = ()>>(
        name: &str,
        work: impl FnOnce(watch::Receiver<bool>) -> Work + Send + 'static,
    ) -> io::Result<Self> {
        let (stop, stopped) = watch::channel(false);
        let (ending, ended) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let run = move || {
            runtime.block_on(work(stopped));
            // Whoever started it may have gone away.
            let _ = ending.send(());
        };
        thread::Builder::new().name(name.to_owned()).spawn(run)?;
        Ok(Self { stop, ended })
    }

    /// Lets what is under way end, then ends.
    pub(super) async fn stop(self) {
        let _ = self.stop.send(true);
        let _ = self.ended.await;
    }
}
