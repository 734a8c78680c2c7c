//! One POST to the hook's receiver, and what its status means. No answer's body is read.

use std::fmt;

use http::{
    HeaderValue, Request, StatusCode,
    header::{AUTHORIZATION, CONTENT_TYPE},
};

use super::HookError;
use crate::{
    config::{self, Secret},
    outgoing::{CallError, Client, SetupError, Trust, may_pass},
    resolve::HostResolver,
};

/// Why a receiver was not told.
#[derive(Debug, thiserror::Error)]
pub enum PostError {
    /// Nobody answered in HTTP.
    #[error(transparent)]
    Silence(#[from] CallError),
    /// It answered, but not with 2xx.
    #[error("{to} answered {status}{}", if status.is_redirection() { ", and redirects are not followed" } else { "" })]
    Refused {
        /// `host:port`.
        to: String,
        /// Its status.
        status: StatusCode,
    },
    /// The request cannot be made; the token holds what no header can.
    #[error("the request cannot be made: {0}")]
    Request(http::Error),
}

impl PostError {
    /// Whether another try may end better.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Refused { status, .. } => may_pass(*status),
            Self::Request(_) => false,
            Self::Silence(_) => true,
        }
    }

    /// Whether nobody answered in HTTP: then it would be the same for any other document.
    #[must_use]
    pub fn is_silence(&self) -> bool {
        matches!(self, Self::Silence(_))
    }
}

/// Who is told.
pub(super) struct HookTarget {
    client: Client,
    token: Option<Secret>,
}

impl fmt::Debug for HookTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Target").field("client", &self.client).finish_non_exhaustive()
    }
}

impl HookTarget {
    /// The receiver of these settings; none when they name none.
    ///
    /// # Errors
    /// [`HookError`].
    pub(super) fn new(
        settings: &config::Hook,
        resolve: &config::Resolve,
    ) -> Result<Option<Self>, HookError> {
        let Some(url) = settings.url.clone() else { return Ok(None) };
        let trust = Trust {
            authorities: settings.ca_file.clone(),
            identity: settings.cert_file.clone().zip(settings.key_file.clone()),
            setting: "hook.ca_file",
        };
        let names = HostResolver::new(resolve.servers.clone());
        let client =
            Client::new(url, settings.timeout, names, &trust).map_err(|error| match error {
                SetupError::Authorities { path, why } => HookError::Authorities { path, why },
                SetupError::Identity { path, why } => HookError::Identity { path, why },
                other => HookError::Tls(other),
            })?;
        Ok(Some(Self { client, token: settings.token.clone() }))
    }

    /// Posts one document.
    pub(super) async fn post(&self, body: &str) -> Result<(), PostError> {
        let request = self.request(body).map_err(PostError::Request)?;
        let status = self.client.call(request, 0).await?.status;
        if status.is_success() {
            return Ok(());
        }
        Err(PostError::Refused { to: self.client.url().authority(), status })
    }

    fn request(&self, body: &str) -> Result<Request<String>, http::Error> {
        let mut request =
            Request::post(self.client.url().path()).header(CONTENT_TYPE, "application/json");
        if let Some(token) = &self.token {
            let mut bearer = HeaderValue::try_from(format!("Bearer {}", token.expose()))?;
            bearer.set_sensitive(true);
            request = request.header(AUTHORIZATION, bearer);
        }
        request.body(body.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_pass_is_tried_again() {
        let of = |code| {
            let status = StatusCode::from_u16(code).unwrap();
            PostError::Refused { to: "a:1".to_owned(), status }.may_pass()
        };
        for code in [408, 425, 429, 500, 503, 599] {
            assert!(of(code), "{code}");
        }
        for code in [301, 400, 401, 404, 410, 413, 422] {
            assert!(!of(code), "{code}");
        }
    }
}
