//! Errors as `application/problem+json` (RFC 9457), for every route, missing ones included: what went
//! wrong in words, and what is expected instead.

use axum::{
    Json,
    http::{HeaderValue, Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{error_report::error_chain, query::QueryError, reconcile::Refusal};

/// The media type of an error.
pub(super) const PROBLEM: &str = "application/problem+json";

/// Why a request was not answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    status: StatusCode,
    message: String,
}

/// An error on the wire.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Problem")]
pub(super) struct ProblemDetails {
    /// Always `about:blank`: the status says what kind of problem it is.
    r#type: &'static str,
    /// The status in words.
    title: &'static str,
    /// The status.
    status: u16,
    /// What is wrong with this very request, and what was expected; names the parameter.
    detail: String,
}

impl Failure {
    fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into() }
    }

    /// The request is not understood; the message names the parameter and what is expected.
    pub(super) fn bad_request(message: String) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    /// The body is not what it has to be; `status` is what the reader of it says.
    pub(super) fn bad_body(status: StatusCode, message: String) -> Self {
        match status {
            StatusCode::PAYLOAD_TOO_LARGE | StatusCode::UNSUPPORTED_MEDIA_TYPE => {
                Self::new(status, message)
            }
            _ => Self::bad_request(message),
        }
    }

    /// Whoever asks may not, and why.
    pub(super) fn refused(status: StatusCode, message: String) -> Self {
        Self::new(status, message)
    }

    /// The status that is answered.
    #[cfg(test)]
    pub(super) fn status(&self) -> u16 {
        self.status.as_u16()
    }

    /// Who asks has to say the password.
    pub(super) fn unauthorized(message: &str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, message)
    }

    /// Whether it has this status.
    pub(super) fn is(&self, status: StatusCode) -> bool {
        self.status == status
    }

    /// What is said of it.
    pub(super) fn into_words(self) -> String {
        self.message
    }

    /// There is none of that name.
    pub(super) fn missing(message: String) -> Self {
        Self::new(StatusCode::NOT_FOUND, message)
    }

    /// The request is understood, but what it is about is not as it must be.
    pub(super) fn conflict(message: String) -> Self {
        Self::new(StatusCode::CONFLICT, message)
    }

    /// Too many orders, or the server is stopping.
    pub(super) fn busy() -> Self {
        Self::unavailable("the server is busy or stopping: try again".to_owned())
    }

    /// Not now.
    pub(super) fn unavailable(message: String) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, message)
    }

    /// A fault of the server's own.
    pub(super) fn internal(message: String) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, message)
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        let status = match &refusal {
            Refusal::UnknownHost(_) => StatusCode::NOT_FOUND,
            Refusal::Store(_) => StatusCode::SERVICE_UNAVAILABLE,
        };
        Self::new(status, refusal.to_string())
    }
}

impl From<QueryError> for Failure {
    fn from(error: QueryError) -> Self {
        let status = match &error {
            QueryError::UnknownHost { .. } | QueryError::UnknownGroup { .. } => {
                StatusCode::NOT_FOUND
            }
            QueryError::Series(_) => StatusCode::BAD_REQUEST,
            QueryError::Store(_) | QueryError::Busy => StatusCode::SERVICE_UNAVAILABLE,
        };
        if status.is_server_error() {
            tracing::warn!(error = error_chain(&error), "a request could not be answered");
        }
        Self::new(status, error_chain(&error))
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let problem = ProblemDetails {
            r#type: "about:blank",
            title: self.status.canonical_reason().unwrap_or_default(),
            status: self.status.as_u16(),
            detail: self.message,
        };
        let mut answer = (self.status, Json(problem)).into_response();
        answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM));
        answer
    }
}

/// Nothing is served at this path.
pub(super) async fn not_found(uri: Uri) -> Failure {
    Failure::missing(format!("nothing is served at {}; /api lists what is", uri.path()))
}

/// This path is not for this method.
pub(super) async fn method_not_allowed(method: Method, uri: Uri) -> Failure {
    let message = match method {
        Method::GET | Method::HEAD => format!("{} is done with POST, not {method}", uri.path()),
        _ => format!("{} is read with GET, not {method}", uri.path()),
    };
    Failure::new(StatusCode::METHOD_NOT_ALLOWED, message)
}
