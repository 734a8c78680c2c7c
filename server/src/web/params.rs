//! Query parameters, each checked: unknown, repeated and bad ones are refused with a message that
//! says what is expected.

use std::{collections::BTreeMap, fmt, sync::Arc};

use axum::{
    extract::{FromRequestParts, Path, Query},
    http::request::Parts,
};

use super::{Site, failure::Failure};
use crate::text::did_you_mean;

/// The name in the path.
#[derive(Debug)]
pub(super) struct HostPath(pub(super) String);

impl<S: Send + Sync> FromRequestParts<S> for HostPath {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        match Path::from_request_parts(parts, state).await {
            Ok(Path(name)) => Ok(Self(name)),
            Err(error) => {
                let why = error.body_text();
                Err(Failure::bad_request(format!("the path cannot be read: {why}")))
            }
        }
    }
}

/// The parameters of one request that are not taken yet.
#[derive(Debug)]
pub(super) struct Params {
    given: BTreeMap<String, Vec<String>>,
    known: Vec<&'static str>,
}

impl FromRequestParts<Arc<Site>> for Params {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Site>) -> Result<Self, Self::Rejection> {
        let pairs = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri).map_err(|error| {
            Failure::bad_request(format!("the query string cannot be read: {error}"))
        })?;
        let mut given: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (name, value) in pairs.0 {
            given.entry(name).or_default().push(value);
        }
        Ok(Self { given, known: Vec::new() })
    }
}

impl Params {
    /// Takes the parameter `name` and reads it with `parse`.
    ///
    /// # Errors
    /// When it is given twice, or `parse` refuses it; the message is parse's own, with the name.
    pub(super) fn take<T, E: fmt::Display>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<Option<T>, Failure> {
        if self.given.get(name).is_some_and(|all| all.len() > 1) {
            return Err(Failure::bad_request(format!("parameter {name:?} is given twice")));
        }
        self.take_list(name, parse)
    }

    /// Takes a list, with commas between its items. Given several times it is one list: clients made
    /// of the document send it so, although that says otherwise.
    ///
    /// # Errors
    /// When it is given and `parse` refuses it; the message is parse's own, with the name.
    pub(super) fn take_list<T, E: fmt::Display>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<Option<T>, Failure> {
        self.known.push(name);
        let Some(all) = self.given.remove(name) else { return Ok(None) };
        let read = parse(&all.join(","));
        read.map(Some).map_err(|error| Failure::bad_request(format!("parameter {name:?}: {error}")))
    }

    /// Refuses whatever was not taken.
    ///
    /// # Errors
    /// Names the first unknown parameter, the nearest known one and all known ones.
    pub(super) fn finish(self) -> Result<(), Failure> {
        let Some(unknown) = self.given.keys().next() else { return Ok(()) };
        let hint = match did_you_mean(unknown, self.known.iter().copied()) {
            _ if self.known.is_empty() => "; this path takes none".to_owned(),
            none if none.is_empty() => format!("; expected one of: {}", self.known.join(", ")),
            hint => hint,
        };
        Err(Failure::bad_request(format!("unknown parameter {unknown:?}{hint}")))
    }
}
