//! Opens whichever backend the settings name.

use std::sync::Arc;

use super::{Mode, Owner, Store, StoreError, mysql, sqlite::Sqlite};
use crate::{
    clock::Clock,
    config::{self, StoreUrl},
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
            let options = mysql::Options {
                url: url.clone(),
                password: store.password.clone(),
                tls: store.mode(),
                tls_ca: store.tls_ca.clone(),
                name_servers: store.name_servers.clone(),
                limits: mysql::Timeouts::default(),
                owner,
            };
            Arc::new(mysql::Mysql::open(options, mode, clock).await?)
        }
    })
}
