//! The sessions of browsers: known by the SHA-256 of their id, of the token that somebody signed in with, or of
//! the entry that lets in who signed in at a provider. What they may do is not kept: it is looked up at each
//! request, so a session ends with its token or entry.

use std::{collections::HashMap, sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};

use super::Digest;
use crate::units::WallMs;

/// A session that was not used for so long is over.
pub const IDLE: Duration = Duration::from_secs(43_200);

/// A session is over after so long, used or not.
pub const LIFE: Duration = Duration::from_secs(604_800);

/// The most sessions; the one that was used longest ago gives way.
pub const MAX_SESSIONS: usize = 1_000;

/// The most sessions of one token, or of one person of a provider; as above.
pub const MAX_SESSIONS_EACH: usize = 20;

/// A use is written down when the last one that was is older than this.
const NOTED_EVERY: Duration = Duration::from_secs(600);

/// Whose a session is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionOwner {
    /// What the token is known by; with a member, the entry of their group ([`super::MemberEntry::digest`]).
    #[serde(rename = "owner")]
    pub entry: Digest,
    /// Who that is, where a provider says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub member: Option<Member>,
}

impl From<Digest> for SessionOwner {
    fn from(entry: Digest) -> Self {
        Self { entry, member: None }
    }
}

/// Somebody who signed in at a provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// As the provider calls them.
    pub name: Arc<str>,
    /// The provider.
    pub provider: Digest,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Session {
    owner: SessionOwner,
    began: WallMs,
    used: WallMs,
    /// The use that is written down.
    noted: WallMs,
}

impl Session {
    fn is_over(&self, now: WallMs) -> bool {
        // A clock that was set back makes no session younger than it is.
        now.since(self.used) >= IDLE || now.since(self.began) >= LIFE || now < self.began
    }
}

/// All sessions that are not over.
#[derive(Debug, Default)]
pub struct Sessions {
    by_id: HashMap<Digest, Session>,
    is_changed: bool,
}

/// A session as it is written down.
#[derive(Debug, Serialize, Deserialize)]
struct Row {
    id: Digest,
    #[serde(flatten)]
    owner: SessionOwner,
    began: WallMs,
    used: WallMs,
}

impl Sessions {
    /// Those of a text that [`written`](Self::written) made; what is over or cannot be read is left out.
    #[must_use]
    pub fn read(text: &str, now: WallMs) -> Self {
        let rows: Vec<serde_json::Value> = serde_json::from_str(text).unwrap_or_default();
        let mut all = Self::default();
        // A row that cannot be read signs nobody else out.
        let rows = rows.into_iter().filter_map(|row| serde_json::from_value(row).ok());
        for Row { id, owner, began, used } in rows {
            let session = Session { owner, began, used, noted: used };
            if !session.is_over(now) && all.by_id.len() < MAX_SESSIONS {
                all.by_id.insert(id, session);
            }
        }
        all
    }

    /// Whether there is something that was not written down.
    #[must_use]
    pub fn is_new(&self) -> bool {
        self.is_changed
    }

    /// All of them as text, when there is something that was not written down.
    pub fn written(&mut self) -> Option<String> {
        if !std::mem::take(&mut self.is_changed) {
            return None;
        }
        let row = |(id, session): (&Digest, &mut Session)| {
            session.noted = session.used;
            let Session { began, used, .. } = *session;
            Row { id: *id, owner: session.owner.clone(), began, used }
        };
        let rows: Vec<Row> = self.by_id.iter_mut().map(row).collect();
        serde_json::to_string(&rows).ok()
    }

    /// Begins somebody's session, and makes room for it.
    pub fn begin(&mut self, id: Digest, owner: SessionOwner, now: WallMs) {
        self.by_id.retain(|_, session| !session.is_over(now));
        while self.by_id.values().filter(|session| session.owner == owner).count()
            >= MAX_SESSIONS_EACH
        {
            self.give_way(|session| session.owner == owner);
        }
        while self.by_id.len() >= MAX_SESSIONS {
            self.give_way(|_| true);
        }
        self.by_id.insert(id, Session { owner, began: now, used: now, noted: now });
        self.is_changed = true;
    }

    fn give_way(&mut self, of: impl Fn(&Session) -> bool) {
        let some = self.by_id.iter().filter(|(_, session)| of(session));
        let oldest = some.min_by_key(|(_, session)| session.used).map(|(id, _)| *id);
        oldest.map(|oldest| self.by_id.remove(&oldest));
    }

    /// Whose a session is, if it is not over; it is used by that.
    pub fn owner(&mut self, id: &Digest, now: WallMs) -> Option<SessionOwner> {
        let session = self.by_id.get_mut(id)?;
        if session.is_over(now) {
            self.end(id);
            return None;
        }
        session.used = session.used.max(now);
        self.is_changed |= now.since(session.noted) >= NOTED_EVERY;
        Some(session.owner.clone())
    }

    /// Whose a session is, if it is not over; nothing is used by that.
    #[must_use]
    pub fn peek(&self, id: &Digest, now: WallMs) -> Option<&SessionOwner> {
        self.by_id.get(id).filter(|session| !session.is_over(now)).map(|session| &session.owner)
    }

    /// Ends a session.
    pub fn end(&mut self, id: &Digest) {
        self.is_changed |= self.by_id.remove(id).is_some();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(number: usize) -> Digest {
        Digest::of(&number.to_be_bytes())
    }

    fn token(number: usize) -> SessionOwner {
        digest(number).into()
    }

    const NOW: WallMs = WallMs(1_000_000_000);

    #[test]
    fn a_session_ends_when_it_is_not_used_when_it_is_old_and_when_it_is_ended() {
        let mut all = Sessions::default();
        all.begin(digest(1), token(7), NOW);
        let almost = NOW.plus(IDLE - Duration::from_millis(1));
        assert_eq!(all.owner(&digest(1), almost), Some(token(7)));
        assert_eq!(all.owner(&digest(2), almost), None);
        assert_eq!(
            (all.peek(&digest(1), almost), all.peek(&digest(1), almost.plus(IDLE))),
            (Some(&token(7)), None)
        );
        assert_eq!(all.owner(&digest(1), almost.plus(IDLE)), None, "idle");
        assert_eq!(all.owner(&digest(1), almost), None, "over is over");

        all.begin(digest(1), token(7), NOW);
        let mut now = NOW;
        while now.plus(IDLE / 2).since(NOW) < LIFE {
            now = now.plus(IDLE / 2);
            assert!(all.owner(&digest(1), now).is_some());
        }
        assert_eq!(all.owner(&digest(1), NOW.plus(LIFE)), None, "used all the time, and old");

        all.begin(digest(1), token(7), NOW);
        all.end(&digest(1));
        assert_eq!(all.owner(&digest(1), NOW), None);
        all.begin(digest(1), token(7), NOW);
        assert_eq!(all.owner(&digest(1), NOW.minus(IDLE)), None, "before it began");
    }

    #[test]
    fn it_is_written_down_when_there_is_something_new_and_read_again() {
        let mut all = Sessions::default();
        assert_eq!(all.written(), None);
        all.begin(digest(1), token(7), NOW);
        let text = all.written().unwrap();
        assert_eq!(all.written(), None);
        all.owner(&digest(1), NOW.plus(NOTED_EVERY / 2));
        assert_eq!(all.written(), None, "not each use");
        all.owner(&digest(1), NOW.plus(NOTED_EVERY));
        assert!(all.written().is_some());
        assert_eq!(Sessions::read(&text, NOW).owner(&digest(1), NOW), Some(token(7)));
        assert_eq!(Sessions::read(&text, NOW.plus(IDLE)).by_id.len(), 0);
        let torn = text.replacen('[', "[{\"id\":\"x\"},7,", 1);
        assert_eq!(Sessions::read(&torn, NOW).owner(&digest(1), NOW), Some(token(7)));
        let member = Member { name: "ann".into(), provider: digest(3) };
        let owner = SessionOwner { entry: digest(7), member: Some(member) };
        all.begin(digest(2), owner.clone(), NOW);
        let mut read = Sessions::read(&all.written().unwrap(), NOW);
        assert_eq!(read.owner(&digest(2), NOW), Some(owner));
        assert_eq!(Sessions::read("[{\"id\":\"x\"}]", NOW).by_id.len(), 0);
        assert_eq!(Sessions::read("garbage", NOW).by_id.len(), 0);
    }

    #[test]
    fn there_are_no_more_sessions_than_the_limits_and_what_was_used_longest_ago_gives_way() {
        let mut all = Sessions::default();
        for number in 0..MAX_SESSIONS_EACH + 3 {
            let now = NOW.plus(Duration::from_millis(u64::try_from(number).unwrap()));
            all.begin(digest(number), token(7), now);
        }
        assert_eq!(all.by_id.len(), MAX_SESSIONS_EACH);
        assert_eq!(all.owner(&digest(2), NOW), None);
        assert!(all.by_id.contains_key(&digest(3)));
        for number in 0..MAX_SESSIONS {
            all.begin(digest(1_000 + number), token(9_000 + number), NOW.plus(IDLE / 2));
        }
        assert_eq!(all.by_id.len(), MAX_SESSIONS);
        assert!(!all.by_id.contains_key(&digest(3)));
    }
}
