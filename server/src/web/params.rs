//! Query parameters, each checked: unknown, repeated and bad ones are refused with a message that
//! says what is expected. A route declares its parameters once, by [`asked!`]: what is documented is
//! what is taken.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    extract::{FromRequestParts, Path, Query},
    http::request::Parts,
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{Site, failure::Failure};
use crate::{model::DetailTable, text::did_you_mean, units::WallMs};

/// The name in the path.
#[derive(Debug)]
pub(super) struct HostPath(pub(super) String);

impl<S: Send + Sync> FromRequestParts<S> for HostPath {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        read_path(parts, state).await.map(Self)
    }
}

/// The name in the path, and the list of `detail` after it.
#[derive(Debug)]
pub(super) struct TablePath(pub(super) String, pub(super) DetailTable);

impl<S: Send + Sync> FromRequestParts<S> for TablePath {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        let (name, word): (String, String) = read_path(parts, state).await?;
        if let Some(table) = DetailTable::parse(&word) {
            return Ok(Self(name, table));
        }
        let words = || DetailTable::ALL.iter().map(|table| table.as_str());
        let hint = match did_you_mean(&word, words()) {
            none if none.is_empty() => {
                format!("; there are {}", words().collect::<Vec<_>>().join(", "))
            }
            hint => hint,
        };
        Err(Failure::missing(format!("no list is called {word:?}{hint}")))
    }
}

async fn read_path<T: DeserializeOwned + Send, S: Send + Sync>(
    parts: &mut Parts,
    state: &S,
) -> Result<T, Failure> {
    match Path::from_request_parts(parts, state).await {
        Ok(Path(read)) => Ok(read),
        Err(error) => {
            let why = error.body_text();
            Err(Failure::bad_request(format!("the path cannot be read: {why}")))
        }
    }
}

/// One parameter.
#[derive(Debug, Clone)]
pub(super) struct Param {
    pub(super) name: &'static str,
    pub(super) place: &'static str,
    is_required: bool,
    schema: Value,
    words: String,
}

impl Param {
    /// A parameter of the query that may be left out.
    pub(super) fn query(name: &'static str, schema: Value, words: impl Into<String>) -> Self {
        Self { name, place: "query", is_required: false, schema, words: words.into() }
    }

    /// The same where it has to be given.
    pub(super) fn required(self, is_required: bool) -> Self {
        Self { is_required, ..self }
    }

    /// A header field that may be left out.
    pub(super) fn header(name: &'static str, schema: Value, words: impl Into<String>) -> Self {
        Self { name, place: "header", is_required: false, schema, words: words.into() }
    }

    /// A part of the path.
    pub(super) fn path(name: &'static str, schema: Value, words: impl Into<String>) -> Self {
        Self { name, place: "path", is_required: true, schema, words: words.into() }
    }

    /// As it stands in the document.
    pub(super) fn document(&self) -> Value {
        let mut all = json!({
            "name": self.name,
            "in": self.place,
            "required": self.is_required,
            "description": self.words,
            "schema": self.schema,
        });
        if self.place == "query" && self.schema["type"] == "array" {
            // Words with commas between them.
            all["style"] = "form".into();
            all["explode"] = false.into();
        }
        all
    }
}

/// What may stand in a parameter: its schema, and how its text is read.
pub(super) trait ParamType {
    /// What its text is read as.
    type Read;
    /// What a handler gets, also when the parameter is left out.
    type Field;
    /// Whether it is a list, with commas between its items. Given several times it is one list: clients
    /// made of the document send it so, although that says otherwise.
    const IS_LIST: bool = false;
    /// Whether it has to be given.
    const IS_REQUIRED: bool = false;

    /// Its JSON Schema.
    fn schema() -> Value;

    /// What is said of it, from what is said of the parameter.
    fn words(of_param: &str) -> String {
        of_param.to_owned()
    }

    /// Reads it; `now` is the moment of the request.
    ///
    /// # Errors
    /// What was expected.
    fn read(text: &str, now: WallMs) -> Result<Self::Read, String>;

    /// What a handler gets.
    fn field(read: Option<Self::Read>) -> Self::Field;
}

/// The parameters of a route. Made by [`asked!`].
pub(super) trait FromParams: Sized {
    /// How they are documented.
    fn params() -> Vec<Param>;

    /// Takes each out of what is given.
    ///
    /// # Errors
    /// Of the first that is given and cannot be read.
    fn take(given: &mut Given, now: WallMs) -> Result<Self, Failure>;
}

/// Declares the parameters of a route: their names, what is said of them, their [`ParamType`]s.
macro_rules! asked {
    ($(#[$about:meta])* $Name:ident {
        $( $( #[doc = $words:literal] )+ $field:ident: $Kind:ty, )*
    }) => {
        $(#[$about])*
        pub(super) struct $Name {
            $( $( #[doc = $words] )+ pub(super) $field: <$Kind as ParamType>::Field, )*
        }

        impl FromParams for $Name {
            fn params() -> Vec<Param> {
                vec![$({
                    let words = <$Kind as ParamType>::words(concat!($($words),+).trim());
                    Param::query(stringify!($field), <$Kind as ParamType>::schema(), words)
                        .required(<$Kind as ParamType>::IS_REQUIRED)
                },)*]
            }

            fn take(given: &mut Given, now: WallMs) -> Result<Self, Failure> {
                // Some routes take none.
                let _ = (&given, now);
                Ok(Self { $( $field: given.take::<$Kind>(stringify!($field), now)?, )* })
            }
        }
    };
}
pub(super) use asked;

/// The parameters of a request, none unknown, and its moment.
pub(super) struct RequestParams<T>(pub(super) T, pub(super) WallMs);

impl<T: FromParams> FromRequestParts<Arc<Site>> for RequestParams<T> {
    type Rejection = Failure;

    async fn from_request_parts(
        parts: &mut Parts,
        site: &Arc<Site>,
    ) -> Result<Self, Self::Rejection> {
        let pairs = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri).map_err(|error| {
            Failure::bad_request(format!("the query string cannot be read: {error}"))
        })?;
        let mut given = Given::default();
        for (name, value) in pairs.0 {
            given.values.entry(name).or_default().push(value);
        }
        let now = site.clock.now().wall;
        let taken = T::take(&mut given, now)?;
        given.finish()?;
        Ok(Self(taken, now))
    }
}

/// The parameters of one request that are not taken yet.
#[derive(Debug, Default)]
pub(super) struct Given {
    values: BTreeMap<String, Vec<String>>,
    known: Vec<&'static str>,
    /// Has to be given, and is not.
    missing: Vec<&'static str>,
}

impl Given {
    /// Takes the parameter `name`.
    ///
    /// # Errors
    /// When it is given twice and is no list, or cannot be read: what is expected, with the name.
    pub(super) fn take<K: ParamType>(
        &mut self,
        name: &'static str,
        now: WallMs,
    ) -> Result<K::Field, Failure> {
        self.known.push(name);
        let Some(all) = self.values.remove(name) else {
            self.missing.extend(K::IS_REQUIRED.then_some(name));
            return Ok(K::field(None));
        };
        if all.len() > 1 && !K::IS_LIST {
            return Err(Failure::bad_request(format!("parameter {name:?} is given twice")));
        }
        let refused = |error| Failure::bad_request(format!("parameter {name:?}: {error}"));
        let read = K::read(&all.join(","), now).map_err(refused)?;
        Ok(K::field(Some(read)))
    }

    /// Refuses whatever was not taken, and what is missing.
    ///
    /// # Errors
    /// Names the first unknown parameter, the nearest known one and all known ones; or the first that is
    /// missing.
    fn finish(self) -> Result<(), Failure> {
        let Some(unknown) = self.values.keys().next() else {
            return match self.missing.first() {
                Some(name) => Err(Failure::bad_request(format!("parameter {name:?} is missing"))),
                None => Ok(()),
            };
        };
        let hint = match did_you_mean(unknown, self.known.iter().copied()) {
            _ if self.known.is_empty() => "; this path takes none".to_owned(),
            none if none.is_empty() => format!("; expected one of: {}", self.known.join(", ")),
            hint => hint,
        };
        Err(Failure::bad_request(format!("unknown parameter {unknown:?}{hint}")))
    }
}
