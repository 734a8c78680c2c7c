//! The server below a path of a proxy's that passes it on: `/mon/api` is `/api`.
//!
//! What is asked without the path is answered, too: by a proxy that takes it off, by commands, by who
//! looks after the server's health and metrics on its own address.

use axum::{
    Router,
    extract::Request,
    http::{StatusCode, Uri, header, uri::PathAndQuery},
    response::{IntoResponse as _, Response},
};
use tower::ServiceExt as _;

use crate::config::BasePath;

/// Answers below `path`, and at the root.
pub(super) fn below(path: &BasePath, router: Router) -> Router {
    if path.as_str().is_empty() {
        return router;
    }
    let path = path.clone();
    Router::new().fallback(async move |mut request: Request| -> Response {
        match inside(path.as_str(), request.uri()) {
            Place::Edge(to) => {
                return (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, to)]).into_response();
            }
            Place::Inside(uri) => *request.uri_mut() = uri,
            Place::Outside => {}
        }
        match router.clone().oneshot(request).await {
            Ok(answer) => answer,
            Err(never) => match never {},
        }
    })
}

/// Where an address lies.
#[derive(Debug, PartialEq, Eq)]
enum Place {
    /// It is the path itself: what is there is at this address, relative to it, whatever a proxy has
    /// before it.
    Edge(String),
    /// Below the path, where it is this.
    Inside(Uri),
    Outside,
}

fn inside(path: &str, uri: &Uri) -> Place {
    let asked = uri.path_and_query().map_or("", PathAndQuery::as_str);
    match asked.strip_prefix(path) {
        Some(rest) if rest.is_empty() || rest.starts_with('?') => {
            let last = path.rsplit('/').next().unwrap_or_default();
            Place::Edge(format!("{last}/{rest}"))
        }
        Some(rest) if rest.starts_with('/') => {
            let mut parts = uri.clone().into_parts();
            parts.path_and_query = rest.parse().ok();
            Uri::from_parts(parts).map_or(Place::Outside, Place::Inside)
        }
        _ => Place::Outside,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_is_taken_off_once_and_whole() {
        let place = |uri: &'static str| inside("/a/mon", &Uri::from_static(uri));
        let at = |uri: &'static str| Place::Inside(Uri::from_static(uri));
        assert_eq!(place("/a/mon/"), at("/"));
        assert_eq!(place("/a/mon/api/v1/hosts?limit=1"), at("/api/v1/hosts?limit=1"));
        assert_eq!(place("/a/mon/a/mon/"), at("/a/mon/"));
        assert_eq!(place("http://x:1/a/mon/events"), at("http://x:1/events"));
        assert_eq!(place("/a/mon"), Place::Edge("mon/".to_owned()));
        assert_eq!(place("/a/mon?state=down"), Place::Edge("mon/?state=down".to_owned()));
        for other in ["/", "/a", "/mon/", "/a/monitor", "/api/a/mon/", "/a/mon%2Fevents", "/A/mon/"]
        {
            assert_eq!(place(other), Place::Outside, "{other}");
        }
    }
}
