//! Which hosts, and which changes of state, are wanted.

use super::{HostShape, MAX_HOSTS};
use crate::{
    model::{State, Transition},
    text::percent_encode,
    units::WallMs,
};

/// Which hosts are wanted. The default is all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostFilter {
    /// Only those in this state; retired hosts are listed only when asked for.
    pub state: Option<State>,
    /// Only those of this group.
    pub group: Option<String>,
    /// Only those with this text in their name, group, an address or a label.
    pub text: Option<String>,
    /// Only those whose name is greater: the last name of the page before.
    pub after: Option<String>,
    /// At most so many.
    pub limit: usize,
}

impl Default for HostFilter {
    fn default() -> Self {
        Self { state: None, group: None, text: None, after: None, limit: MAX_HOSTS }
    }
}

impl HostFilter {
    /// Whether a host is wanted, whatever the page.
    pub(super) fn wants(&self, host: &HostShape) -> bool {
        let state = match self.state {
            Some(state) => host.state == state,
            None => host.state != State::Retired,
        };
        let group = self.group.as_deref().is_none_or(|group| host.group.as_deref() == Some(group));
        let text = self.text.as_deref().is_none_or(|text| {
            host.name.contains(text)
                || host.group.as_deref().is_some_and(|group| group.contains(text))
                || host.addresses.iter().any(|address| address.contains(text))
                || host.labels.iter().any(|(key, value)| key.contains(text) || value.contains(text))
        });
        state && group && text
    }

    /// The parameters of the page after the one that ended with `last`.
    pub(super) fn next(&self, last: &str) -> String {
        Self { after: Some(last.to_owned()), ..self.clone() }.parameters()
    }

    /// What asks for these over HTTP.
    #[must_use]
    pub fn parameters(&self) -> String {
        let after = self.after.as_deref().map(|after| format!("after={}", percent_encode(after)));
        let mut parameters: Vec<_> = after.into_iter().collect();
        parameters.push(format!("limit={}", self.limit));
        parameters.extend(self.state.map(|state| format!("state={state}")));
        parameters
            .extend(self.group.as_deref().map(|group| format!("group={}", percent_encode(group))));
        parameters
            .extend(self.text.as_deref().map(|text| format!("text={}", percent_encode(text))));
        parameters.join("&")
    }
}

/// Which changes of state are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventFilter {
    /// From this moment on.
    pub from: WallMs,
    /// Before this moment.
    pub to: WallMs,
    /// Only those into this state.
    pub to_state: Option<State>,
    /// Only those with this text in the host's name or the reason.
    pub text: Option<String>,
    /// At most so many.
    pub limit: usize,
}

impl EventFilter {
    pub(super) fn wants(&self, event: &Transition) -> bool {
        let state = self.to_state.is_none_or(|state| event.to == state);
        let text = self
            .text
            .as_deref()
            .is_none_or(|text| event.name.as_str().contains(text) || event.reason.contains(text));
        state && text
    }
}
