//! Errors as JSON: `{"error": "what, and what is expected"}` with the right status.

use axum::{
    Json,
    http::{Method, StatusCode, Uri},
    response::{IntoResponse, Response},
};
use serde_json::json;

use crate::{causes::chain, operator::Refusal, query::QueryError};

/// Why a request was not answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    status: StatusCode,
    message: String,
}

impl Failure {
    /// The request is not understood; the message names the parameter and what is expected.
    pub(super) fn bad_request(message: String) -> Self {
        Self { status: StatusCode::BAD_REQUEST, message }
    }

    /// Somebody else's page may be asking.
    pub(super) fn forbidden(message: String) -> Self {
        Self { status: StatusCode::FORBIDDEN, message }
    }

    /// Too many orders, or the server is stopping.
    pub(super) fn busy() -> Self {
        let message = "the server is busy or stopping: try again".to_owned();
        Self { status: StatusCode::SERVICE_UNAVAILABLE, message }
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        let status = match &refusal {
            Refusal::UnknownHost(_) => StatusCode::NOT_FOUND,
            Refusal::Store(_) => StatusCode::SERVICE_UNAVAILABLE,
        };
        Self { status, message: refusal.to_string() }
    }
}

impl Failure {
    /// The request is understood, but what it is about is not as it must be.
    pub(super) fn conflict(message: String) -> Self {
        Self { status: StatusCode::CONFLICT, message }
    }

    /// Not now.
    pub(super) fn unavailable(message: String) -> Self {
        Self { status: StatusCode::SERVICE_UNAVAILABLE, message }
    }
}

impl From<QueryError> for Failure {
    fn from(error: QueryError) -> Self {
        let status = match &error {
            QueryError::UnknownHost { .. } => StatusCode::NOT_FOUND,
            QueryError::Series(_) => StatusCode::BAD_REQUEST,
            QueryError::Store(_) => StatusCode::SERVICE_UNAVAILABLE,
        };
        if status.is_server_error() {
            tracing::warn!(error = chain(&error), "a request could not be answered");
        }
        Self { status, message: chain(&error) }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        (self.status, Json(json!({ "error": self.message }))).into_response()
    }
}

/// Nothing is served at this path.
pub(super) async fn not_found(uri: Uri) -> Failure {
    Failure {
        status: StatusCode::NOT_FOUND,
        message: format!("nothing is served at {}; /api lists what is", uri.path()),
    }
}

/// This path is not for this method.
pub(super) async fn method_not_allowed(method: Method, uri: Uri) -> Failure {
    Failure {
        status: StatusCode::METHOD_NOT_ALLOWED,
        message: match method {
            Method::GET | Method::HEAD => format!("{} is done with POST, not {method}", uri.path()),
            _ => format!("{} is read with GET, not {method}", uri.path()),
        },
    }
}
