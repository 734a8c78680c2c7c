//! What does not change while the program runs is sent once: an entity tag (RFC 9110, 8.8.3) says
//! whether what the client holds is still right.
//!
//! Tags are weak: the same content may be sent packed or not.

use axum::{
    body::Bytes,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

use crate::model::ContentHash;

/// The tag of a content.
pub(super) fn tag_of(content: &[u8]) -> Option<HeaderValue> {
    let hash = ContentHash::of(content).to_string();
    HeaderValue::from_str(&format!("W/\"{}\"", hash.get(..16).unwrap_or(&hash))).ok()
}

/// Whether the client holds what has this tag.
pub(super) fn is_held(request: &HeaderMap, tag: &HeaderValue) -> bool {
    let bare = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    let (Some(Ok(held)), Ok(tag)) =
        (request.get(header::IF_NONE_MATCH).map(HeaderValue::to_str), tag.to_str())
    else {
        return false;
    };
    held.split(',').any(|held| held.trim() == "*" || bare(held) == bare(tag))
}

/// A JSON document with its tag.
#[derive(Debug, Clone)]
pub(super) struct Document {
    text: Bytes,
    tag: Option<HeaderValue>,
}

impl Document {
    /// A document that is JSON already.
    pub(super) fn new(text: String) -> Self {
        let tag = tag_of(text.as_bytes());
        Self { text: text.into(), tag }
    }

    /// The document, or that the client holds it.
    pub(super) fn answer(&self, request: &HeaderMap) -> Response {
        let mut headers = HeaderMap::new();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        if let Some(tag) = &self.tag {
            headers.insert(header::ETAG, tag.clone());
            if is_held(request, tag) {
                return (StatusCode::NOT_MODIFIED, headers).into_response();
            }
        }
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        (headers, self.text.clone()).into_response()
    }
}
