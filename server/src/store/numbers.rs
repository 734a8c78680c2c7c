//! A host's number is given to no other host, also where the store was restored from before it came.

use super::{KnownHost, LazyStore, Registration, Store as _, StoreError, spool::Spool};
use crate::{error_report::error_chain, units::WallMs};

/// Has the store give no host a number that one had before. A copy from before some hosts came would
/// give their numbers, and rows on their way, to others: rows know their host by its number alone, for
/// its name may change. A spool that cannot be read holds up nothing.
///
/// # Errors
/// [`StoreError`]: of the store.
pub(crate) async fn keep_numbers(store: &LazyStore, spool: &Spool) -> Result<(), StoreError> {
    match spool.last_number().await {
        Ok(last) => store.keep_numbers(last).await,
        Err(error) => {
            let error = error_chain(&error);
            tracing::error!(error, "the spool cannot say which numbers hosts had");
            Ok(())
        }
    }
}

/// Registers hosts, under numbers of their own also where the store was restored since it was opened.
///
/// # Errors
/// [`StoreError`]: of the store.
pub(crate) async fn register(
    store: &LazyStore,
    spool: Option<&Spool>,
    hosts: Vec<Registration>,
    now: WallMs,
) -> Result<Vec<KnownHost>, StoreError> {
    if let Some(spool) = spool {
        keep_numbers(store, spool).await?;
    }
    store.register(hosts, now).await
}
