//! The cron side: what happens at a wall-clock time, once a second or once an hour.
//!
//! `tokio-cron-scheduler` carries a handful of jobs, never one per host: it looks at its jobs every
//! 500 ms, so it says *which slots open*, and the due-heap of `schedule` keeps the exact moments.
//! Every job only leaves a token in a channel of one: a run that finds the last token still there
//! is the same run, so nothing can pile up or overlap.
//!
//! Two faults of the scheduler are met here. Its interval jobs never run again after a stall longer
//! than their interval, so every job is a cron job, in UTC. And a wall clock stepped back keeps a
//! job silent until the time comes round again: [`Ticker::restart`] makes the jobs anew, and the
//! engine asks for it when no round has come for a while.

use tokio::sync::mpsc;
use tokio_cron_scheduler::{Job, JobScheduler, JobSchedulerError};

/// Opens the slots of the next seconds; every second.
const ROUND_CRON: &str = "* * * * * *";
/// Drops what is older than its retention; every ten minutes, so that each drop is small.
const PRUNE_CRON: &str = "30 */10 * * * *";

/// Seals the hours that are old enough; four times an hour, so that what failed is soon tried again.
const SEAL_CRON: &str = "0 7,22,37,52 * * * *";

/// Where the jobs leave their tokens. Make each channel with room for one.
#[derive(Debug, Clone)]
pub struct TickSenders {
    /// A round of slots is to be opened.
    pub round: mpsc::Sender<()>,
    /// Old rows are to be dropped.
    pub prune: mpsc::Sender<()>,
    /// Old rows are to be sealed.
    pub seal: mpsc::Sender<()>,
}

/// The cron scheduler could not be started or stopped.
#[derive(Debug, thiserror::Error)]
#[error("the cron scheduler: {0}")]
pub struct TickerError(#[from] JobSchedulerError);

/// The running jobs.
pub struct Ticker {
    ticks: TickSenders,
    scheduler: JobScheduler,
}

impl std::fmt::Debug for Ticker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ticker").finish_non_exhaustive()
    }
}

impl Ticker {
    /// Starts the jobs.
    ///
    /// # Errors
    /// When the scheduler refuses a job, which its constant expressions do not cause.
    pub async fn start(ticks: TickSenders) -> Result<Self, TickerError> {
        let scheduler = jobs(&ticks).await?;
        Ok(Self { ticks, scheduler })
    }

    /// Drops the jobs and makes them anew, by the wall clock as it is now.
    ///
    /// # Errors
    /// As [`Ticker::start`]; then the old jobs are gone and the engine's guard goes on opening rounds.
    pub async fn restart(&mut self) -> Result<(), TickerError> {
        self.scheduler.shutdown().await?;
        self.scheduler = jobs(&self.ticks).await?;
        Ok(())
    }

    /// Stops the jobs.
    ///
    /// # Errors
    /// When the scheduler was already gone.
    pub async fn stop(mut self) -> Result<(), TickerError> {
        Ok(self.scheduler.shutdown().await?)
    }
}

async fn jobs(ticks: &TickSenders) -> Result<JobScheduler, TickerError> {
    let scheduler = JobScheduler::new().await?;
    for (cron, token) in
        [(ROUND_CRON, &ticks.round), (PRUNE_CRON, &ticks.prune), (SEAL_CRON, &ticks.seal)]
    {
        let token = token.clone();
        let job = Job::new(cron, move |_, _| {
            // Full: the last token was not taken yet, and one is enough.
            let _ = token.try_send(());
        })?;
        scheduler.add(job).await?;
    }
    scheduler.start().await?;
    Ok(scheduler)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ticks() -> (TickSenders, mpsc::Receiver<()>, mpsc::Receiver<()>) {
        let (round, rounds) = mpsc::channel(1);
        let (prune, prunes) = mpsc::channel(1);
        // Nobody takes its tokens here: that is no error.
        let (seal, _) = mpsc::channel(1);
        (TickSenders { round, prune, seal }, rounds, prunes)
    }

    #[tokio::test]
    async fn rounds_come_and_come_again_after_a_restart() {
        let (ticks, mut rounds, _prunes) = ticks();
        let mut running = Ticker::start(ticks).await.unwrap();
        rounds.recv().await.unwrap();
        running.restart().await.unwrap();
        while rounds.try_recv().is_ok() {}
        rounds.recv().await.unwrap();
        rounds.recv().await.unwrap();
        running.stop().await.unwrap();
    }

    /// The fault that interval jobs have: a stall longer than the interval silences them for good.
    #[tokio::test]
    async fn a_stalled_runtime_does_not_silence_the_rounds() {
        let (ticks, mut rounds, _prunes) = ticks();
        let running = Ticker::start(ticks).await.unwrap();
        rounds.recv().await.unwrap();
        let busy_until = std::process::Command::new("sleep").arg("3").status().unwrap();
        assert!(busy_until.success());
        while rounds.try_recv().is_ok() {}
        rounds.recv().await.unwrap();
        rounds.recv().await.unwrap();
        running.stop().await.unwrap();
    }
}
