//! What somebody may do, and which hosts they may see.

use std::{collections::BTreeSet, sync::Arc};

use super::{GroupName, words::words};

words! {
    /// What somebody may do; each role may do all that the ones before it may.
    Role {
        /// Reads.
        Viewer = "viewer";
        /// And polls, pauses, accepts, silences, acknowledges.
        Operator = "operator";
        /// And reloads, and sees who has a token.
        Admin = "admin";
    }
}

/// Which hosts somebody may see.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// All of them, and what is about the server as a whole.
    All,
    /// Those of these groups, and nothing of any other.
    Groups(Arc<BTreeSet<GroupName>>),
}

impl Scope {
    /// Whether a host of this group may be seen; a host without a group is in no limited scope.
    #[must_use]
    pub fn sees(&self, group: Option<&GroupName>) -> bool {
        match self {
            Self::All => true,
            Self::Groups(groups) => group.is_some_and(|group| groups.contains(group)),
        }
    }

    /// Its groups; none where all hosts may be seen.
    #[must_use]
    pub fn groups(&self) -> Option<&BTreeSet<GroupName>> {
        match self {
            Self::All => None,
            Self::Groups(groups) => Some(groups),
        }
    }

    /// Whether there are hosts that may not be seen.
    #[must_use]
    pub fn is_limited(&self) -> bool {
        self.groups().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limited_scope_has_the_hosts_of_its_groups_alone() {
        let [web, db] = ["web", "db"].map(|name| GroupName::new(name).unwrap());
        let limited = Scope::Groups(Arc::new([web.clone()].into()));
        assert!(limited.sees(Some(&web)) && Scope::All.sees(Some(&web)));
        assert!(!limited.sees(Some(&db)) && !limited.sees(None));
        assert!(Scope::All.sees(None));
        assert!(Role::Viewer < Role::Operator && Role::Operator < Role::Admin);
    }
}
