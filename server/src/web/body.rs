//! What a request brings. It must be JSON and say so, even to say nothing: a page of another site can
//! make a browser send a form, but not that, so it can neither pause anybody's hosts nor accept
//! somebody's machine.

use std::{fmt, marker::PhantomData, sync::Arc};

use axum::{
    Json,
    extract::{FromRequest, FromRequestParts as _, Request, rejection::JsonRejection},
};
use schemars::JsonSchema;
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor, value::MapAccessDeserializer},
};

use super::{Site, asked::NothingAsked, failure::Failure, params::RequestParams};

/// A body as it came, read or not.
pub(super) type Body<T> = Result<Json<Object<T>>, JsonRejection>;

/// What stands in a JSON object: serde takes a list of a structure's values for the structure, too.
pub(super) struct Object<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Members(PhantomData)).map(Self)
    }
}

struct Members<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Members<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<T, A::Error> {
        T::deserialize(MapAccessDeserializer::new(members))
    }
}

/// What was brought, or what was expected in its place.
pub(super) fn read<T>(body: Body<T>, expected: &str) -> Result<T, Failure> {
    match body {
        Ok(Json(Object(asked))) => Ok(asked),
        Err(rejection) => {
            let why = rejection.body_text();
            let words = format!("the body cannot be read: {why}; expected {expected}");
            Err(Failure::bad_body(rejection.status(), words))
        }
    }
}

/// What a request brings that says nothing but its path: no parameters, and an empty object.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Nothing {}

impl FromRequest<Arc<Site>> for Nothing {
    type Rejection = Failure;

    async fn from_request(request: Request, site: &Arc<Site>) -> Result<Self, Failure> {
        let (mut parts, body) = request.into_parts();
        RequestParams::<NothingAsked>::from_request_parts(&mut parts, site).await?;
        let body = Json::from_request(Request::from_parts(parts, body), site).await;
        read(body, "an empty JSON object, {} (content-type application/json)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Asked {
        count: Option<u32>,
    }

    #[test]
    fn a_body_is_an_object_and_no_list_of_its_values() {
        let read = |text: &str| serde_json::from_str::<Object<Asked>>(text).map(|Object(of)| of);
        assert_eq!(read("{\"count\": 7}").unwrap().count, Some(7));
        assert_eq!(read("{}").unwrap().count, None);
        for (text, words) in [
            ("[7]", "invalid type: sequence, expected a JSON object"),
            ("[null]", "invalid type: sequence, expected a JSON object"),
            ("7", "invalid type: integer `7`, expected a JSON object"),
            ("{\"more\": 1}", "unknown field `more`"),
        ] {
            let refused = read(text).unwrap_err().to_string();
            assert!(refused.contains(words), "{text}: {refused}");
        }
    }
}
