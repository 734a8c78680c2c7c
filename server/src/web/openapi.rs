//! The routes, and from the same lines the OpenAPI 3.1 document and the list for people: a route that
//! is in neither cannot be served.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Router,
    handler::Handler,
    http::{HeaderMap, StatusCode},
    middleware::from_fn_with_state,
    routing::{MethodRouter, get, post, put},
};
use schemars::{Schema, generate::SchemaSettings, transform::RecursiveTransform};
use serde_json::{Value, json};

use super::{
    Site,
    gate::{self, Needs},
    operation::Operation,
    tagged::Document,
};
use crate::{config::BasePath, model::Role};

/// Where the document is served.
pub(super) const PATH: &str = "/api/v1/openapi.json";

/// Where the list for people is served.
const LIST_PATH: &str = "/api";

/// What the list for people says of all routes.
const NOTES: &str = "
Moments (from, to): RFC 3339, milliseconds since 1970, a length before now (-1h), or now.
An error is application/problem+json; its \"detail\" says what was expected.
";

/// Routes as they are gathered.
pub(super) struct Routes {
    router: Router<Arc<Site>>,
    operations: Vec<(&'static str, &'static str, Operation)>,
}

impl Routes {
    /// None yet.
    pub(super) fn new() -> Self {
        Self { router: Router::new(), operations: Vec::new() }
    }

    /// What is read at `path`.
    pub(super) fn get<H, T>(self, path: &'static str, handler: H, operation: Operation) -> Self
    where
        H: Handler<T, Arc<Site>>,
        T: 'static,
    {
        let route = guarded(get(handler), operation.needs(Role::Viewer));
        Self { router: self.router.route(path, route), ..self }.with("get", path, operation)
    }

    /// What is done at `path`.
    pub(super) fn post<H, T>(self, path: &'static str, handler: H, operation: Operation) -> Self
    where
        H: Handler<T, Arc<Site>>,
        T: 'static,
    {
        let route = guarded(post(handler), operation.needs(Role::Operator));
        Self { router: self.router.route(path, route), ..self }.with("post", path, operation)
    }

    /// What is kept at `path`.
    pub(super) fn put<H, T>(self, path: &'static str, handler: H, operation: Operation) -> Self
    where
        H: Handler<T, Arc<Site>>,
        T: 'static,
    {
        let route = guarded(put(handler), operation.needs(Role::Operator));
        Self { router: self.router.route(path, route), ..self }.with("put", path, operation)
    }

    fn with(mut self, method: &'static str, path: &'static str, operation: Operation) -> Self {
        self.operations.push((path, method, operation));
        self
    }

    /// The router, which serves the document and the list, too; `guarded` says whether a token is wanted,
    /// `path` where all of it is for who asks.
    pub(super) fn finish(self, guarded: bool, path: &BasePath) -> Router<Arc<Site>> {
        let own = Operation::new("openapi", "This document")
            .answers::<serde_json::Map<String, Value>>(StatusCode::OK, "OpenAPI 3.1")
            .tagged();
        let index = Operation::new("index", "What is served where, for people")
            .writes("text/plain", "A list");
        let all = self.with("get", PATH, own).with("get", LIST_PATH, index);
        let lines = all.operations.iter().map(|(path, method, one)| one.line(method, path));
        let list = format!("Roundsman\n\n{}{NOTES}", lines.collect::<String>());
        let served = Document::new(document(&all.operations, guarded, path).to_string());
        let answer = async move |request: HeaderMap| served.answer(&request);
        all.router.route(PATH, get(answer)).route(LIST_PATH, get(async move || list))
    }
}

/// A route for who has what it needs; for everybody where it needs nothing.
fn guarded(route: MethodRouter<Arc<Site>>, needs: Option<Needs>) -> MethodRouter<Arc<Site>> {
    match needs {
        Some(needs) => route.route_layer(from_fn_with_state(needs, gate::require)),
        None => route,
    }
}

/// A list of words as one `enum`, which every generator of clients makes a type of; schemars has a
/// `const` for each, which some take for as many types. What they mean is beside them, in their order.
fn plain_words(schema: &mut Schema) {
    let Some(Value::Array(choices)) = schema.get("oneOf") else { return };
    let of = |key: &str| choices.iter().map(|one| one.get(key).cloned()).collect::<Option<Value>>();
    let (Some(words), Some(meanings)) = (of("const"), of("description")) else { return };
    schema.remove("oneOf");
    schema.insert("type".to_owned(), "string".into());
    schema.insert("enum".to_owned(), words);
    schema.insert("x-enum-descriptions".to_owned(), meanings);
}

/// Numbers with the format of OpenAPI's registry that holds them: a generator takes an integer without
/// one, and one of schemars' own (`uint64`), for 32 bits, which no moment fits in.
fn sized_numbers(schema: &mut Schema) {
    let is = |kind: &str| match schema.get("type") {
        Some(Value::Array(kinds)) => kinds.iter().any(|one| one == kind),
        one => one.is_some_and(|one| one == kind),
    };
    let (is_whole, is_real) = (is("integer"), is("number"));
    let of_16 = ["int8", "uint8", "int16", "uint16"];
    let format = match schema.get("format").and_then(Value::as_str) {
        Some(format) if is_whole && of_16.contains(&format) => "int32",
        _ if is_whole => "int64",
        _ if is_real => "double",
        _ => return,
    };
    schema.insert("format".to_owned(), format.into());
}

fn document(
    operations: &[(&'static str, &'static str, Operation)],
    guarded: bool,
    path: &BasePath,
) -> Value {
    let settings = SchemaSettings::draft2020_12().for_serialize().with(|settings| {
        settings.definitions_path = "/components/schemas".into();
        settings.meta_schema = None;
    });
    let settings = settings
        .with_transform(RecursiveTransform(plain_words))
        .with_transform(RecursiveTransform(sized_numbers));
    let mut told = settings.clone().into_generator();
    let mut asked = settings.for_deserialize().into_generator();
    let mut paths: BTreeMap<&str, BTreeMap<&str, Value>> = BTreeMap::new();
    for (path, method, operation) in operations {
        let usual = if *method == "get" { Role::Viewer } else { Role::Operator };
        let described = operation.document(usual, (&mut told, &mut asked));
        paths.entry(path).or_default().insert(method, described);
    }
    let mut schemas = told.take_definitions(true);
    schemas.extend(asked.take_definitions(true));
    let ways = json!([{ "token": [] }, { "password": [] }, { "session": [] }]);
    let security = if guarded { ways } else { json!([]) };
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Roundsman",
            "version": env!("CARGO_PKG_VERSION"),
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
            "description": "A fleet of Linux hosts as it is and as it was. What is unknown is null, never 0. \
                A value's name carries its unit. An error is a problem (RFC 9457) whose `detail` says what was expected.",
        },
        "servers": [{ "url": if path.as_str().is_empty() { "/" } else { path.as_str() } }],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "token": { "type": "http", "scheme": "bearer" },
                "password": { "type": "http", "scheme": "basic", "description": "Any user; the token is the password." },
                "session": { "type": "apiKey", "in": "cookie", "name": "roundsman", "description": "A browser signed in." },
            },
        },
        "security": security,
    })
}
