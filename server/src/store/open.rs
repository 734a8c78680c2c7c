//! Opens whichever backend the settings name.

use std::sync::Arc;

use super::{Mode, Store, StoreError, mysql, sqlite::Sqlite};
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
    Ok(match &store.url {
        StoreUrl::Sqlite(path) => Arc::new(Sqlite::open(path.clone(), mode).await?),
        StoreUrl::Mysql(url) => {
            let options = mysql::Options {
                url: url.clone(),
                password: store.password.clone(),
                tls: store.tls,
                tls_ca: store.tls_ca.clone(),
                name_servers: store.name_servers.clone(),
                limits: mysql::Limits::default(),
            };
            Arc::new(mysql::Mysql::open(options, mode, clock).await?)
        }
    })
}
