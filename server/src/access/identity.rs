//! Somebody who asks.

use std::sync::Arc;

use super::{Entry, MemberEntry, UserEntry};
use crate::model::{Role, Scope, words::words};

words! {
    /// How somebody showed who they are.
    How {
        /// With a token of their own, in each request.
        Token = "token";
        /// With the cookie of a browser that signed in.
        Session = "session";
        /// With the same, signed in at the provider of OpenID Connect.
        Oidc = "oidc";
        /// With the word of a proxy, in each request.
        Proxy = "proxy";
        /// With the one token that everybody has (`http.token`).
        Shared = "shared";
        /// Not at all: no token is set.
        Open = "open";
    }
}

/// Somebody who asks: who, what they may do and see, and how that is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The name.
    pub name: Arc<str>,
    /// What they may do.
    pub role: Role,
    /// What they may see.
    pub scope: Scope,
    /// How that is known.
    pub how: How,
    /// The name is somebody's, and not the one of all who know the shared token.
    pub is_person: bool,
}

impl Identity {
    /// Whoever has a token of their own.
    #[must_use]
    pub fn of_entry(entry: &Entry, how: How) -> Self {
        let Entry { name, role, scope, .. } = entry;
        Self { name: Arc::clone(name), role: *role, scope: scope.clone(), how, is_person: true }
    }

    /// Whoever a proxy says it is.
    #[must_use]
    pub fn of_user(entry: &UserEntry) -> Self {
        let UserEntry { name, role, scope, .. } = entry;
        let (name, scope) = (Arc::clone(name), scope.clone());
        Self { name, role: *role, scope, how: How::Proxy, is_person: true }
    }

    /// Whoever a provider says it is, by a group of theirs.
    #[must_use]
    pub fn of_member(entry: &MemberEntry, name: &Arc<str>) -> Self {
        let MemberEntry { role, scope, .. } = entry;
        let (name, scope) = (Arc::clone(name), scope.clone());
        Self { name, role: *role, scope, how: How::Oidc, is_person: true }
    }

    /// Whoever knows the shared token.
    #[must_use]
    pub fn shared(how: How) -> Self {
        Self::nobody("token", how)
    }

    /// Whoever reaches a server that wants no token.
    #[must_use]
    pub fn open() -> Self {
        Self::nobody("local", How::Open)
    }

    fn nobody(name: &str, how: How) -> Self {
        Self { name: name.into(), role: Role::Admin, scope: Scope::All, how, is_person: false }
    }

    /// Whether a browser shows it by itself, whichever page has it ask.
    #[must_use]
    pub fn is_shown_by_browser(&self) -> bool {
        matches!(self.how, How::Session | How::Oidc | How::Proxy)
    }

    /// The name, where it is somebody's.
    #[must_use]
    pub fn person(&self) -> Option<&Arc<str>> {
        self.is_person.then_some(&self.name)
    }
}
