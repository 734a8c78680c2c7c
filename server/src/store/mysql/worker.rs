//! The thread that the driver runs on: packing, encrypting and waiting for the server take nothing
//! from the thread that polls, and connections belong to one runtime alone.

use std::{
    io,
    pin::Pin,
    thread::{self, JoinHandle},
    time::Duration,
};

use mysql_async::Pool;
use tokio::{
    runtime::{Builder, Handle},
    sync::oneshot,
    task::{AbortHandle, JoinError},
    time::timeout,
};

use crate::store::StoreError;

/// How long saying goodbye to the server may take when the store is closed.
const GOODBYE: Duration = Duration::from_secs(1);

/// What is done before the end.
type Last = Pin<Box<dyn Future<Output = ()> + Send>>;

pub(super) struct RuntimeThread {
    handle: Handle,
    /// None only while dropping.
    stop: Option<oneshot::Sender<(Last, Vec<Pool>)>>,
    thread: Option<JoinHandle<()>>,
}

/// Ends a task whose answer nobody waits for any longer; its connection is closed.
struct EndTask(AbortHandle);

impl Drop for EndTask {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Why there is no answer of a task: it panicked, which harms no other task, or the thread has ended.
pub(super) fn ended(error: JoinError) -> StoreError {
    let Ok(panic) = error.try_into_panic() else { return StoreError::Closed };
    let what = match (panic.downcast_ref::<String>(), panic.downcast_ref::<&'static str>()) {
        (Some(text), _) => text,
        (None, Some(text)) => *text,
        (None, None) => "it does not say what",
    };
    StoreError::Driver { what: what.to_owned() }
}

impl RuntimeThread {
    pub(super) fn start() -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel::<(Last, Vec<Pool>)>();
        let thread = thread::Builder::new().name("store-mysql".to_owned()).spawn(move || {
            runtime.block_on(async {
                let Ok((last, pools)) = stopped.await else { return };
                // Whether the server hears it does not matter.
                let _ = timeout(GOODBYE, last).await;
                for pool in pools {
                    let _ = timeout(GOODBYE, pool.disconnect()).await;
                }
            });
            // A name look-up that hangs must not hold up the end.
            runtime.shutdown_background();
        })?;
        Ok(Self { handle, stop: Some(stop), thread: Some(thread) })
    }

    /// Has the work done on the thread. Dropping the answer ends the work.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, StoreError>> + Send + 'static,
    ) -> Result<T, StoreError> {
        let task = self.handle.spawn(work);
        let _end = EndTask(task.abort_handle());
        task.await.map_err(ended)?
    }

    /// Does a last thing, says goodbye on all connections and ends the thread.
    pub(super) fn stop(
        &mut self,
        last: impl Future<Output = ()> + Send + 'static,
        pools: Vec<Pool>,
    ) {
        if let Some(stop) = self.stop.take() {
            // Fails only when the thread has ended.
            let _ = stop.send((Box::pin(last), pools));
        }
        self.join();
    }

    fn join(&mut self) {
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for RuntimeThread {
    fn drop(&mut self) {
        self.stop = None;
        self.join();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn work_that_panics_is_named_and_the_next_is_done() {
        let mut worker = RuntimeThread::start().unwrap();
        let panics: [fn(); 2] = [|| panic!("in plain"), || panic!("with {}", 1)];
        for (panics, said) in panics.into_iter().zip(["in plain", "with 1"]) {
            let work = async move {
                panics();
                Ok(())
            };
            let told = worker.run(work).await.unwrap_err().to_string();
            assert_eq!(told, format!("a fault in the driver: {said}"));
        }
        assert_eq!(worker.run(async { Ok(7) }).await.unwrap(), 7);
        worker.stop(async {}, Vec::new());
        assert!(matches!(worker.run(async { Ok(7) }).await, Err(StoreError::Closed)));
    }
}
