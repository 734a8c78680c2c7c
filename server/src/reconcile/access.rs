//! The file of tokens, into force. A file that is wrong changes nothing: who may ask goes on to be who might.

use std::{path::PathBuf, time::Duration};

use super::{ReconcileError, Reconciler};
use crate::{
    access::{self, Entries, Keyring},
    error_report::error_chain,
    reload::FileWatch,
    units::WallMs,
};

/// How long before its end a token is warned of, and how often.
const SOON: Duration = Duration::from_secs(14 * 86_400);
const SAID_EVERY: Duration = Duration::from_secs(86_400);

/// The file of tokens.
pub(super) struct AccessFile {
    watch: FileWatch,
    keyring: Keyring,
    /// What is shown is that it cannot be read, not that it is wrong.
    in_trouble: bool,
    /// When it was said which tokens end soon.
    said: Option<WallMs>,
}

impl AccessFile {
    pub(super) fn new(path: PathBuf, keyring: Keyring) -> Self {
        Self { watch: FileWatch::new(path), keyring, in_trouble: false, said: None }
    }

    fn name(&self) -> String {
        self.watch.path().display().to_string()
    }

    fn put_in_force(&mut self, entries: Entries) {
        let (users, groups) = (entries.users().count(), entries.members().count());
        tracing::info!(
            tokens = entries.iter().count(),
            users,
            groups,
            "{} is in force",
            self.name()
        );
        self.keyring.change(entries);
        self.said = None;
    }

    /// Says which tokens end soon, once a day.
    fn say_what_ends(&mut self, now: WallMs) {
        if self.said.is_some_and(|said| now.since(said) < SAID_EVERY) {
            return;
        }
        self.said = Some(now);
        let entries = self.keyring.entries().unwrap_or_default();
        for entry in entries.iter() {
            let Some(expires) = entry.expires.filter(|expires| *expires <= now.plus(SOON)) else {
                continue;
            };
            let word = if entry.is_expired(now) { "has expired" } else { "expires soon" };
            tracing::warn!(token = &*entry.name, %expires, "a token {word}: roundsman token new makes another");
        }
    }
}

impl Reconciler {
    /// Puts the first tokens in force.
    ///
    /// # Errors
    /// Whatever is wrong with the file: a server does not start without knowing who may ask.
    pub(super) fn first_tokens(&mut self) -> Result<(), ReconcileError> {
        let now = self.clock.now().wall;
        let Some(file) = &mut self.access else { return Ok(()) };
        let bytes = file.watch.read_now().map_err(ReconcileError::AccessUnread)?.bytes;
        let entries = access::parse_bytes(&file.name(), &bytes).map_err(ReconcileError::Access)?;
        file.put_in_force(entries);
        file.say_what_ends(now);
        Ok(())
    }

    /// Looks at the file of tokens, and puts what it says in force when that changed.
    pub(super) fn look_at_tokens(&mut self) {
        let now = self.clock.now().wall;
        let Some(file) = &mut self.access else { return };
        let mut wrong = None;
        match file.watch.check() {
            Ok(Some(changed)) => match access::parse_bytes(&file.name(), &changed.bytes) {
                Ok(entries) => {
                    file.put_in_force(entries);
                    self.live.update_server(|server| server.access_error = None);
                }
                Err(problems) => wrong = Some(problems.to_string()),
            },
            Ok(None) if file.in_trouble && file.watch.trouble().is_none() => {
                file.in_trouble = false;
                self.live.update_server(|server| server.access_error = None);
            }
            Ok(None) => {}
            Err(error) => {
                file.in_trouble = true;
                wrong = Some(error_chain(&error));
            }
        }
        file.say_what_ends(now);
        let Some(words) = wrong else { return };
        if self.live.server().access_error.as_deref() != Some(&*words) {
            for line in words.lines() {
                tracing::error!("the tokens in force stay as they are: {line}");
            }
            self.live.update_server(|server| server.access_error = Some(words.into()));
        }
    }
}
