//! What a request brings. It must be JSON and say so, even to say nothing: a page of another site can
//! make a browser send a form, but not that, so it can neither pause anybody's hosts nor accept
//! somebody's machine.

use axum::{Json, extract::rejection::JsonRejection};
use schemars::JsonSchema;
use serde::Deserialize;

use super::failure::Failure;

/// A body as it came, read or not.
pub(super) type Body<T> = Result<Json<T>, JsonRejection>;

/// The body of what says nothing but its path.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Nothing {}

/// What was brought, or what was expected in its place.
pub(super) fn read<T>(body: Body<T>, expected: &str) -> Result<T, Failure> {
    match body {
        Ok(Json(asked)) => Ok(asked),
        Err(rejection) => {
            let why = rejection.body_text();
            let words = format!("the body cannot be read: {why}; expected {expected}");
            Err(Failure::bad_body(rejection.status(), words))
        }
    }
}

/// Brought nothing, as it should.
pub(super) fn read_nothing(body: Body<Nothing>) -> Result<(), Failure> {
    read(body, "an empty JSON object, {} (content-type application/json)").map(|Nothing {}| ())
}
