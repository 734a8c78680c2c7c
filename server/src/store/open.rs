//! Opens whichever backend the settings name.

use std::sync::Arc;

use super::{Mode, Owner, Store, StoreError, mysql, sqlite::Sqlite};
use crate::{
    clock::Clock,
    config::{self, MysqlUrl, StoreUrl},
};

/// Opens the store of these settings.
///
/// # Errors
/// [`StoreError`]: not there, not to be used, not ours, a newer schema.
pub async fn open(
    store: &config::Store,
    mode: Mode,
    clock: Arc<dyn Clock>,
) -> Result<Arc<dyn Store>, StoreError> {
    open_for(store, mode, clock, None).await
}

/// The same for a server, which then writes to a database alone.
///
/// # Errors
/// As [`open`], and [`StoreError::InUse`].
pub(super) async fn open_for(
    store: &config::Store,
    mode: Mode,
    clock: Arc<dyn Clock>,
    owner: Option<Owner>,
) -> Result<Arc<dyn Store>, StoreError> {
    Ok(match &store.url {
        StoreUrl::Sqlite(path) => Arc::new(Sqlite::open(path.clone(), mode).await?),
        StoreUrl::Mysql(url) => {
            Arc::new(mysql::Mysql::open(options(store, url, owner), mode, clock).await?)
        }
    })
}

/// Waits until this server may take a database that another one writes to; `told` hears of that one. A file
/// is never waited for.
///
/// # Errors
/// [`StoreError`]: the database cannot be asked.
pub(super) async fn wait_for_turn(
    store: &config::Store,
    owner: &Owner,
    clock: Arc<dyn Clock>,
    told: impl FnMut(&str),
) -> Result<(), StoreError> {
    match &store.url {
        StoreUrl::Sqlite(_) => Ok(()),
        StoreUrl::Mysql(url) => mysql::watch(options(store, url, None), owner, clock, told).await,
    }
}

fn options(store: &config::Store, url: &MysqlUrl, owner: Option<Owner>) -> mysql::Options {
    mysql::Options {
        url: url.clone(),
        password: store.password.clone(),
        tls: store.mode(),
        tls_ca: store.tls_ca.clone(),
        name_servers: store.name_servers.clone(),
        limits: mysql::Timeouts::default(),
        owner,
    }
}
