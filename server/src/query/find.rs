//! Which host is meant by a name.

use super::{Query, QueryError};
use crate::{
    model::{HostId, HostName},
    store::{HostQuery, HostSummary},
    text::did_you_mean,
};

impl Query {
    /// The number of a host, live or kept.
    ///
    /// # Errors
    /// [`QueryError`].
    pub(super) async fn find(&self, name: &str) -> Result<(HostId, HostName), QueryError> {
        match self.live.as_ref().and_then(|live| live.host(name)) {
            Some(view) => Ok((view.id, view.name.clone())),
            None => self.kept_host(name).await.map(|kept| (kept.id, kept.name)),
        }
    }

    /// A host that is kept.
    ///
    /// # Errors
    /// [`QueryError::UnknownHost`] with the name that is nearest.
    pub(super) async fn kept_host(&self, name: &str) -> Result<HostSummary, QueryError> {
        if let Ok(valid) = HostName::new(name)
            && let Some(found) = self.store.hosts(HostQuery::named(valid)).await?.pop()
        {
            return Ok(found);
        }
        let known: Vec<HostName> = match &self.live {
            Some(live) => live.hosts().iter().map(|view| view.name.clone()).collect(),
            None => {
                let kept = self.store.hosts(HostQuery::all()).await?;
                kept.into_iter().map(|host| host.name).collect()
            }
        };
        let hint = did_you_mean(name, known.iter().map(HostName::as_str));
        Err(QueryError::UnknownHost { name: name.to_owned(), hint })
    }
}
