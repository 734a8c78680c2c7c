//! A host's number is given to no other host, also where the store was restored from before it came.

use super::{
    HostQuery, HostSummary, KnownHost, LazyStore, Registration, Store as _, StoreError,
    spool::Spool,
};
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

/// Sets rows aside that wait for a host whose number is another one's in the store: it was restored from
/// before the host came, and a server with another data folder gave the number away. One that has
/// another name and the same machine was renamed.
///
/// # Errors
/// [`StoreError`]: of the store or of the spool.
pub(crate) async fn keep_apart(store: &LazyStore, spool: &Spool) -> Result<(), StoreError> {
    if spool.status().rows() == 0 {
        return Ok(());
    }
    let Some(remembered) = spool.recall().await? else { return Ok(()) };
    let hosts = store.hosts(HostQuery::all()).await?;
    let of = |known: &KnownHost| hosts.iter().find(|host| host.id == known.id);
    let mut all = remembered.hosts.iter().filter_map(|host| Some((&host.known, of(&host.known)?)));
    match all.find(|(known, host)| is_another(known, host)) {
        Some((known, host)) => {
            let (known, host) = (&known.name, &host.name);
            let why = format!(
                "the number of {known} is that of {host} in the store, which was restored from \
                 before {known} came"
            );
            spool.set_aside(why).await
        }
        None => Ok(()),
    }
}

fn is_another(known: &KnownHost, host: &HostSummary) -> bool {
    let machines = known.facts.machine_id.as_ref().zip(host.facts.machine_id.as_ref());
    known.name != host.name && machines.is_some_and(|(known, other)| known != other)
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
