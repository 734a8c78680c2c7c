//! Threads that each own something, such as a connection, and take jobs from one bounded queue.

use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, PoisonError},
    thread::{self, JoinHandle},
};

use tokio::sync::{mpsc, oneshot};

use super::StoreError;

type Task<Own> = Box<dyn FnOnce(&mut Own) + Send>;

/// The threads. Dropping it waits for what is being done.
#[derive(Debug)]
pub(super) struct Worker<Own> {
    /// None only while dropping: an open sender would keep the threads alive.
    queue: Option<mpsc::Sender<Task<Own>>>,
    threads: Vec<JoinHandle<()>>,
}

impl<Own: Send + 'static> Worker<Own> {
    /// Starts a thread for each of `owned`. At most `queue` jobs wait; for one more there is waited for
    /// room.
    pub(super) fn start(name: &str, queue: usize, owned: Vec<Own>) -> io::Result<Self> {
        let (sender, receiver) = mpsc::channel::<Task<Own>>(queue);
        let receiver = Arc::new(Mutex::new(receiver));
        let mut threads = Vec::with_capacity(owned.len());
        for own in owned {
            let receiver = Arc::clone(&receiver);
            let builder = thread::Builder::new().name(name.to_owned());
            threads.push(builder.spawn(move || serve(own, &receiver))?);
        }
        Ok(Self { queue: Some(sender), threads })
    }

    /// Has the job done by the next free thread.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Own) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (answer, answered) = oneshot::channel();
        let job: Task<Own> = Box::new(move |own| {
            let result = job(own);
            // Nobody waits any longer: the work is done all the same.
            let _ = answer.send(result);
        });
        let queue = self.queue.as_ref().ok_or(StoreError::Closed)?;
        queue.send(job).await.map_err(|_closed| StoreError::Closed)?;
        answered.await.map_err(|_panicked| StoreError::Closed)?
    }
}

fn serve<Own>(mut own: Own, queue: &Mutex<mpsc::Receiver<Task<Own>>>) {
    loop {
        // One idle thread waits in the queue, the others for the lock.
        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).blocking_recv();
        let Some(job) = next else { return };
        // A job that panics drops its answer and rolls its transaction back; the thread goes on.
        let _ = catch_unwind(AssertUnwindSafe(|| job(&mut own)));
    }
}

impl<Own> Drop for Worker<Own> {
    fn drop(&mut self) {
        self.queue = None;
        for thread in self.threads.drain(..) {
            // The threads catch the panics of their jobs.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_job_that_panics_costs_itself_alone_and_the_end_waits_for_what_was_taken() {
        let (done, mut seen) = mpsc::channel(1);
        let worker = Worker::start("counting", 4, vec![0]).unwrap();
        let count = |own: &mut u32| {
            *own += 1;
            Ok(*own)
        };
        assert_eq!(worker.run(count).await.unwrap(), 1);
        let lost: Result<(), _> = worker.run(|_| panic!("a fault of the job's own")).await;
        assert!(matches!(lost, Err(StoreError::Closed)));
        assert_eq!(worker.run(count).await.unwrap(), 2, "the thread goes on");
        // Nobody waits for the answer.
        {
            let left =
                worker.run(move |own| done.try_send(*own).map_err(|_ended| StoreError::Closed));
            let mut left = std::pin::pin!(left);
            let _ = futures_util::poll!(left.as_mut());
        }
        drop(worker);
        assert_eq!(seen.try_recv(), Ok(2));
    }
}
