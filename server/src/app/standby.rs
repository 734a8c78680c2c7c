//! A server whose database another one writes to: it answers that it is a standby, and begins once the other
//! one is gone.

use std::{io, sync::Arc, time::Duration};

use tokio::{net::TcpListener, time::sleep};

use super::{AppError, http::Listening, starting::Starting};
use crate::{
    clock::Clock,
    grpc::{self, Board},
    lease::LEASE,
    metrics::Metrics,
    store::{
        LazyStore, StoreError,
        spool::{Registry, Spool},
    },
    upkeep,
    web::{self, Listener},
};

/// How long after a failed look the database is asked again who writes to it.
const AGAIN: Duration = Duration::from_secs(1);

/// Opens the store, when it is this server's turn.
pub(super) async fn open(
    store: &LazyStore,
    spool: Option<&Spool>,
    listening: &Listening,
    clock: &Arc<dyn Clock>,
    starting: &Starting,
) -> Result<Option<Registry>, AppError> {
    let mut has_waited = false;
    loop {
        match upkeep::open(store, spool).await {
            Err(StoreError::InUse { location, holder }) => {
                let http = listening.http.local_addr().map(tracing::field::display).ok();
                tracing::info!(
                    http,
                    "a standby: {holder} writes to {location}; this server takes over when that one is \
                     stopped, or gives no sign of life for {} s",
                    LEASE.as_secs()
                );
                starting.comes_to(format!("waiting as a standby of {holder}"));
                let answering = answer(listening.share()?, clock).map_err(AppError::Thread)?;
                tokio::select! {
                    () = turn(store, &holder, starting) => {}
                    () = answering => {}
                }
                has_waited = true;
            }
            other => {
                let remembered = other?;
                if has_waited {
                    tracing::info!("the standby takes over");
                }
                return Ok(remembered);
            }
        }
    }
}

/// Ends when it is this server's turn.
async fn turn(store: &LazyStore, holder: &str, starting: &Starting) {
    let mut last = holder.to_owned();
    let mut said = None;
    loop {
        let told = |holder: &str| {
            if holder != last {
                tracing::info!("a standby of {holder} now");
                starting.comes_to(format!("waiting as a standby of {holder}"));
                last = holder.to_owned();
            }
        };
        let Err(error) = store.wait_for_turn(told).await else { return };
        let words = error.with_causes();
        if said.as_ref() != Some(&words) {
            tracing::warn!(error = words, "who writes to the database cannot be seen");
            said = Some(words);
        }
        sleep(AGAIN).await;
    }
}

/// Answers whoever asks meanwhile, until it is dropped.
fn answer(
    Listening { http, grpc, socket, tls }: Listening,
    clock: &Arc<dyn Clock>,
) -> io::Result<impl Future<Output = ()>> {
    let listener = |bound, tls| {
        let listener = TcpListener::from_std(bound)?;
        Ok::<_, io::Error>(Listener::from(listener).with_tls(tls))
    };
    let mut http = vec![listener(http, tls.http)?];
    http.extend(socket.map(Listener::open).transpose()?);
    let grpc = grpc.map(|bound| listener(bound, tls.grpc)).transpose()?;
    let metrics = Arc::new(Metrics::new());
    let board = Arc::new(Board::new(Arc::default(), Arc::clone(clock), Box::new(|| false)));
    let (never, started) = (std::future::pending::<()>, clock.now().wall);
    Ok(async move {
        let web = web::serve_standby(http, started, Arc::clone(&metrics), never());
        let health = async {
            if let Some(grpc) = grpc {
                let (limits, metrics) = (grpc::GrpcLimits::listing(1), Arc::clone(&metrics));
                grpc::serve(grpc, board, limits, metrics, None, never()).await;
            }
        };
        tokio::join!(web, health);
    })
}
