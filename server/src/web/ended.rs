//! An answer that lasts ends when what its request showed holds no longer: the token is revoked or has expired, its
//! user has signed out, the entry says something else now.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    body::{Body, Bytes},
    response::Response,
};
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use tokio::time::sleep;

use super::{Site, credential::Credential};
use crate::access::Identity;

/// How often it is looked whether it still holds.
pub(super) const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Ends when `credential` shows somebody else than `who`, or nobody.
pub(super) async fn ended(site: &Site, credential: &Credential, who: &Identity) {
    while site.access.holds(credential, who, site.clock.now().wall) {
        sleep(LOOK_AGAIN).await;
    }
}

/// An answer; one whose length is not known yet ends with what its request showed.
pub(super) fn while_it_holds(
    answer: Response,
    site: Arc<Site>,
    who: Arc<Identity>,
    credential: Credential,
) -> Response {
    if answer.body().size_hint().exact().is_some() {
        return answer;
    }
    let end = async move { ended(&site, &credential, &who).await };
    answer.map(|body| Body::new(Lasting { body, end: Some(Box::pin(end)) }))
}

/// The body of an answer that lasts.
struct Lasting<F> {
    body: Body,
    /// None once it has ended.
    end: Option<Pin<Box<F>>>,
}

impl<F: Future<Output = ()>> HttpBody for Lasting<F> {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if self.end.as_mut().is_none_or(|end| end.as_mut().poll(cx).is_ready()) {
            self.end = None;
            return Poll::Ready(None);
        }
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
