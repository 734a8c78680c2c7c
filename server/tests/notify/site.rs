//! Channels as a file names them, and what is told through them.

use std::{collections::BTreeMap, ffi::OsString, fs, sync::Arc};

use roundsman::{
    channel::{self, Item, Message, MessageKind, Receipt, SendError},
    clock::{Clock as _, SystemClock},
    language::Language,
    model::{AlarmKey, AlarmState, HostId, Labels, Severity, Unit},
    notify::{self, Around, Channel, Progress},
    resolve::HostResolver,
    units::WallMs,
};
use tempfile::TempDir;

use crate::support::NameServer;

/// A name that nobody but the test's own name server knows.
pub(crate) const NAME: &str = "receiver.test";

/// What must be in no error and no receipt.
pub(crate) const SECRET: &str = "hunter2-hunter2";

/// A shell that keeps a server: when this process ends, however it ends, the shell's input is closed, and
/// it kills the server.
pub(crate) const KEEPER: &str = r#""$@" </dev/null & pid=$!; read -r _; kill -KILL "$pid""#;

/// When these tests happen: now, for some receivers have a clock.
pub(crate) fn now() -> WallMs {
    SystemClock::new().now().wall
}

/// A message of so many alarms.
pub(crate) fn message(items: i64) -> Message {
    let item = |id: i64| Item {
        key: AlarmKey { rule: "disk_full".into(), host: HostId(id), row: "/var".into() },
        host: format!("web-{id}").into(),
        group: Some("web".into()),
        labels: Labels::from([("rack".to_owned(), "a1".to_owned())]),
        state: AlarmState::Firing,
        severity: Severity::Critical,
        value: Some(97.3),
        unit: Unit::Percent,
        threshold: "above 95 %".to_owned(),
        since: now(),
        ended: None,
        summary: "/var läuft voll <b>&\u{1f4bf}".to_owned(),
        runbook: None,
    };
    Message {
        language: Language::English,
        id: "ops/12/1774747800000".into(),
        kind: MessageKind::Firing,
        severity: Severity::Critical,
        title: "filesystems of web are full".to_owned(),
        at: now(),
        items: (1..=items).map(item).collect(),
        more: 0,
        link: Some("https://monitor.test/alerts?a=1&b=2".to_owned()),
    }
}

/// The same when it is over.
pub(crate) fn resolved(items: i64) -> Message {
    let mut message = message(items);
    message.kind = MessageKind::Resolved;
    for item in &mut message.items {
        (item.state, item.value, item.ended) = (AlarmState::Ok, Some(41.0), Some(now()));
    }
    message
}

/// The environment of these tests.
fn variable(name: &str) -> Option<OsString> {
    (name == "ROUNDSMAN_TEST_SECRET").then(|| SECRET.into())
}

/// A folder in which secrets and certificates stand, and a name server that knows [`NAME`].
pub(crate) struct Desk {
    pub(crate) folder: TempDir,
    names: Arc<HostResolver>,
    _server: NameServer,
}

impl Desk {
    pub(crate) async fn new() -> Self {
        let server = NameServer::start().await;
        server.addresses(NAME, &["127.0.0.1"]);
        let names = HostResolver::new(vec![server.socket()]);
        let desk = Self { folder: tempfile::tempdir().unwrap(), names, _server: server };
        desk.file("secret", SECRET);
        desk
    }

    pub(crate) fn file(&self, name: &str, text: &str) {
        fs::write(self.folder.path().join(name), text).unwrap();
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    /// The channels of a file, or what is wrong with them.
    pub(crate) fn try_open(&self, text: &str) -> Result<BTreeMap<Arc<str>, Channel>, String> {
        let channels = channel::parse("alerts.toml", text).map_err(|p| p.to_string())?;
        let around = Around {
            folder: self.folder.path().to_owned(),
            names: Arc::clone(&self.names),
            variable,
        };
        notify::open("alerts.toml", text, &channels, &around).map_err(|p| p.to_string())
    }

    /// The channel of this kind with these lines.
    pub(crate) fn channel(&self, kind: &str, lines: &str) -> Channel {
        let text = format!("[[channel]]\nname = \"ops\"\nkind = \"{kind}\"\n{lines}\n");
        let channels = self.try_open(&text).unwrap_or_else(|problems| panic!("{problems}"));
        channels.into_values().next().unwrap()
    }
}

/// One try of a message of its own.
pub(crate) async fn once(channel: &Channel, message: &Message) -> Result<Receipt, SendError> {
    channel.send(message, &mut Progress::default(), now()).await
}

/// What is said of a message that is to be tried again.
pub(crate) fn later(ended: Result<Receipt, SendError>) -> String {
    match ended {
        Err(SendError::Transient { words, .. }) => words,
        other => panic!("{other:?}"),
    }
}

/// What is said of a message that is not.
pub(crate) fn refused(ended: Result<Receipt, SendError>) -> String {
    match ended {
        Err(SendError::Refused { words, .. }) => words,
        other => panic!("{other:?}"),
    }
}
