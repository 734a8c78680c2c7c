//! What there is to know about a route, for whoever calls it: parameters with their limits, body,
//! answers, errors. Knows nothing of handlers.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value, json};

use super::{
    failure::{PROBLEM, ProblemDetails},
    gate::Needs,
    params::{FromParams, Param},
};
use crate::model::Role;

type SchemaOf = fn(&mut SchemaGenerator) -> Value;

fn schema_of<T: JsonSchema>(generator: &mut SchemaGenerator) -> Value {
    generator.subschema_for::<T>().into()
}

#[derive(Debug, Clone)]
struct Answer {
    status: StatusCode,
    words: &'static str,
    /// The media type and what it holds.
    content: Option<(&'static str, SchemaOf)>,
}

/// What there is to know about a route.
#[derive(Debug, Clone)]
pub(super) struct Operation {
    name: &'static str,
    summary: &'static str,
    params: Vec<Param>,
    body: Option<SchemaOf>,
    answers: Vec<Answer>,
    failures: Vec<StatusCode>,
    is_open: bool,
    role: Option<Role>,
    is_whole: bool,
}

/// Answers without a body: what is held already; a head that is too large, which is refused before a route is
/// known.
const WORDLESS: [StatusCode; 2] =
    [StatusCode::NOT_MODIFIED, StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE];

impl Operation {
    /// An operation with a name of its own, and what it is for.
    pub(super) fn new(name: &'static str, summary: &'static str) -> Self {
        Self {
            name,
            summary,
            params: Vec::new(),
            body: None,
            answers: Vec::new(),
            failures: Vec::new(),
            is_open: false,
            role: None,
            is_whole: false,
        }
    }

    /// Takes a parameter.
    pub(super) fn takes(mut self, param: Param) -> Self {
        self.params.push(param);
        self
    }

    /// Takes the parameters of a query: those that its handler does.
    pub(super) fn asks<T: FromParams>(mut self) -> Self {
        self.params.extend(T::params());
        self
    }

    /// Takes a JSON body.
    pub(super) fn reads<T: JsonSchema>(mut self) -> Self {
        self.body = Some(schema_of::<T>);
        self.fails(&[StatusCode::PAYLOAD_TOO_LARGE, StatusCode::UNSUPPORTED_MEDIA_TYPE])
    }

    /// Answers JSON.
    pub(super) fn answers<T: JsonSchema>(self, status: StatusCode, words: &'static str) -> Self {
        self.gives(status, words, Some(("application/json", schema_of::<T>)))
    }

    /// Answers something that is described elsewhere and that no client of the document reads.
    pub(super) fn sends(self, words: &'static str) -> Self {
        self.gives(StatusCode::OK, words, None)
    }

    /// Answers text of the media type `kind`, or an object of JSON.
    pub(super) fn writes(self, kind: &'static str, words: &'static str) -> Self {
        let is_json = kind.ends_with("json");
        let schema =
            if is_json { schema_of::<BTreeMap<String, Value>> } else { schema_of::<String> };
        self.gives(StatusCode::OK, words, Some((kind, schema)))
    }

    /// Answers that it is done, and no more.
    pub(super) fn ends(self, words: &'static str) -> Self {
        self.gives(StatusCode::NO_CONTENT, words, None)
    }

    /// Leads a browser on.
    pub(super) fn leads(self, words: &'static str) -> Self {
        self.gives(StatusCode::SEE_OTHER, words, None)
    }

    fn gives(
        mut self,
        status: StatusCode,
        words: &'static str,
        content: Option<(&'static str, SchemaOf)>,
    ) -> Self {
        self.answers.push(Answer { status, words, content });
        self
    }

    /// May fail in these ways, with a problem.
    pub(super) fn fails(mut self, statuses: &[StatusCode]) -> Self {
        self.failures.extend(statuses);
        self
    }

    /// What the client holds already is not sent again.
    pub(super) fn tagged(self) -> Self {
        self.fails(&[StatusCode::NOT_MODIFIED])
    }

    /// Is answered to everybody.
    pub(super) fn open(mut self) -> Self {
        self.is_open = true;
        self
    }

    /// Is for this role and those that may do more. Without this a viewer may read, and an operator change.
    pub(super) fn role(mut self, role: Role) -> Self {
        self.role = Some(role);
        self
    }

    /// Is about the server as a whole.
    pub(super) fn whole(mut self) -> Self {
        self.is_whole = true;
        self
    }

    /// What it wants of who asks; nothing where it is open. `usual` is the role where none was said.
    pub(super) fn needs(&self, usual: Role) -> Option<Needs> {
        let (role, is_whole) = (self.role.unwrap_or(usual), self.is_whole);
        (!self.is_open).then_some(Needs { role, is_whole })
    }

    /// As it stands in the list for people.
    pub(super) fn line(&self, method: &str, path: &str) -> String {
        let asked = self.params.iter().filter(|param| param.place == "query");
        let asked: Vec<&str> = asked.map(|param| param.name).collect();
        let verb = if method == "get" {
            String::new()
        } else {
            format!("{}, JSON: ", method.to_uppercase())
        };
        let asked =
            if asked.is_empty() { String::new() } else { format!("  ?{}", asked.join(" &")) };
        format!("{path:<30} {verb}{}{asked}\n", self.summary)
    }

    /// As it stands in the document; `told` is of what is answered, `asked` of what is sent, where more may
    /// be left out.
    pub(super) fn document(
        &self,
        usual: Role,
        (told, asked): (&mut SchemaGenerator, &mut SchemaGenerator),
    ) -> Value {
        let mut responses = Map::new();
        for answer in &self.answers {
            let response = responses
                .entry(answer.status.as_str())
                .or_insert_with(|| json!({ "description": answer.words }));
            if let Some((kind, schema)) = answer.content {
                response["content"][kind] = json!({ "schema": schema(told) });
            }
        }
        let refusals: &[StatusCode] = if self.is_open { &[] } else { &super::gate::REFUSALS };
        for status in self.failures.iter().chain(refusals) {
            let words = status.canonical_reason().unwrap_or_default();
            let mut response = json!({ "description": words });
            if !WORDLESS.contains(status) {
                let schema = schema_of::<ProblemDetails>(told);
                response["content"] = json!({ PROBLEM: { "schema": schema } });
            }
            responses.insert(status.as_str().to_owned(), response);
        }
        let mut all = json!({
            "operationId": self.name,
            "summary": self.summary,
            "responses": responses,
        });
        if !self.params.is_empty() {
            all["parameters"] = self.params.iter().map(Param::document).collect();
        }
        if let Some(body) = self.body {
            let schema = body(asked);
            let content = json!({ "application/json": { "schema": schema } });
            all["requestBody"] = json!({ "required": true, "content": content });
        }
        match self.needs(usual) {
            None => all["security"] = json!([]),
            Some(Needs { role, is_whole }) => {
                all["x-role"] = role.as_str().into();
                all["x-whole-fleet"] = is_whole.into();
            }
        }
        all
    }
}

pub(super) const OK: StatusCode = StatusCode::OK;
pub(super) const BAD: StatusCode = StatusCode::BAD_REQUEST;
pub(super) const MISSING: StatusCode = StatusCode::NOT_FOUND;
pub(super) const AWAY: StatusCode = StatusCode::SERVICE_UNAVAILABLE;

/// An operation about one host.
pub(super) fn of_host(name: &'static str, summary: &'static str) -> Operation {
    let host = Param::path("name", json!({ "type": "string" }), "The host's name");
    Operation::new(name, summary).takes(host).fails(&[BAD, MISSING, AWAY])
}
