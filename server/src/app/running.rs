//! A server that runs: what may be asked of it, and how it is stopped.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use tokio::{sync::oneshot, time::timeout};

use super::{App, FLUSH, keep};
use crate::{
    config,
    engine::Command,
    live::Live,
    model::{HostName, Record},
    reconcile::{OperatorOrder, Reloaded},
    store::writer::WriterStats,
};

/// How long the export may take to send and to keep what waits, at most.
const EXPORT_ENDS: Duration = Duration::from_secs(5);

impl App {
    /// The live view of the fleet.
    #[must_use]
    pub fn live(&self) -> &Arc<Live> {
        &self.live
    }

    /// Where HTTP is served.
    #[must_use]
    pub fn http_addr(&self) -> Option<SocketAddr> {
        Some(self.http.address())
    }

    /// Where the fleet's health is asked for over gRPC.
    #[must_use]
    pub fn grpc_addr(&self) -> Option<SocketAddr> {
        self.http.grpc()
    }

    /// What the writer has done, and what waits.
    #[must_use]
    pub fn writer(&self) -> WriterStats {
        self.writer.stats()
    }

    /// Who may ask over HTTP from now on.
    pub fn let_in(&self, http: &config::Http) {
        self.access.change(http.token.as_ref(), &http.hosts);
    }

    /// Looks at the inventory file at once. A change that takes out many hosts waits as ever; none when
    /// the server is stopping.
    pub async fn reload_inventory(&self) -> Option<Reloaded> {
        let (answer, told) = oneshot::channel();
        self.operator.send(OperatorOrder::Reload { now: false, answer }).await.ok()?;
        told.await.ok()
    }

    /// Ends when another server has taken over the store; with what that says of itself.
    pub(super) async fn superseded(&self) -> Arc<str> {
        match &self.locks {
            Some(locks) => locks.owner.standing.superseded().await,
            None => std::future::pending().await,
        }
    }

    /// Polls a host now, or joins the poll that is under way; none when there is no such host.
    pub async fn poll_now(&self, name: HostName) -> Option<Arc<Record>> {
        let (asked, answer) = oneshot::channel();
        self.commands.send(Command::PollNow(name, asked)).await.ok()?;
        answer.await.ok()
    }

    /// Stops in order: no more rounds and reloads, no more polls, nothing more told, the last rows into
    /// the store, and HTTP last, so that the end of it can be seen.
    pub async fn stop(mut self) {
        self.chores.stop().await;
        let _ = self.commands.send(Command::Stop).await;
        let _ = self.engine.await;
        // What it has told is then among the last rows.
        let sent = async {
            if let Some(export) = self.export {
                // A disk that hangs holds up nobody else.
                let _ = timeout(EXPORT_ENDS, export.stop()).await;
            }
        };
        tokio::join!(sent, self.http.stop_hook());
        self.looking_after.abort();
        let stats = self.writer.flush_and_stop(FLUSH).await;
        keep::last_word(&stats);
        self.http.stop().await;
        drop(self.locks);
    }
}
