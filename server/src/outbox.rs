//! Who is told: changes of alarms, once they are rows, go to the router; what it wants sent is sent through
//! the channels, and what became of it goes back.
//!
//! [`Outbox`] is the side that others hold, [`OutboxWorker`] the one task that owns the router. What the
//! router knows is on the disk before a message is sent: after a crash what was in hand is sent again with
//! the same id, and nothing is lost. It is kept in the spool's file, so that a store that is away delays no
//! message; without a spool, what fires is told again after a restart.

mod around;
mod copy;
mod kept;
mod lane;
mod people;
mod sending;
mod words;
mod worker;

use std::{
    collections::{BTreeMap, HashSet, VecDeque},
    fmt,
    path::Path,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures_util::stream::FuturesUnordered;
use tokio::sync::{Notify, oneshot, watch};

use crate::{
    clock::Clock,
    config::PublicUrl,
    document::Problems,
    live::Live,
    model::{AlarmEvent, AlarmKey},
    notify::{self, Around, Channel, ChannelStats},
    resolve::HostResolver,
    route::{Alerting, Journal, Router},
    store::{Standing, Store, spool::Spool, writer::WriterHandle},
    units::Mono,
};
use people::{Answer, Order};
use sending::{Sender, Sent};

pub use people::{MAX_ORDERS, People, PeopleError};

/// Most changes of alarms that wait for the router; beyond, it looks at the alarms as they are instead.
pub const MAX_UNHEARD: usize = 10_000;

/// How many changes are remembered, so that one that is heard twice counts once.
pub const MAX_HEARD: usize = 10_000;

/// Most questions for journals that wait; further ones are not answered.
pub const MAX_ASKED: usize = 64;

/// How long what is being sent may take when the server stops; the next start sends it again.
pub const OUTBOX_DRAIN: Duration = Duration::from_secs(2);

/// What is in force.
struct InForce {
    alerting: Alerting,
    channels: BTreeMap<Arc<str>, Arc<Channel>>,
}

/// Of which alarms somebody wants to know the way, and who.
type Asked = (Vec<AlarmKey>, oneshot::Sender<Vec<Option<Journal>>>);

#[derive(Default)]
struct Inbox {
    events: VecDeque<AlarmEvent>,
    /// Hashes of the last changes that were heard, and their order.
    heard: (HashSet<u64>, VecDeque<u64>),
    /// Changes were not heard: the alarms are looked at as they are.
    missed: bool,
    in_force: Option<InForce>,
    asked: Vec<Asked>,
    orders: Vec<(Order, Answer)>,
    people: Arc<People>,
    /// The number of the last silence that was given an id.
    last_id: i64,
    /// Nobody answers any longer.
    is_ended: bool,
    stats: BTreeMap<Arc<str>, ChannelStats>,
    is_used: bool,
}

#[derive(Default)]
struct Shared {
    inbox: Mutex<Inbox>,
    wake: Notify,
    /// What was kept is read, and what people said is shown.
    is_read: watch::Sender<bool>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Inbox> {
        // Nothing here panics half-way.
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What hears of alarms, and of the routes in force. Cheap to clone.
#[derive(Clone)]
pub struct Outbox {
    shared: Arc<Shared>,
    names: Arc<HostResolver>,
}

impl fmt::Debug for Outbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbox").finish_non_exhaustive()
    }
}

/// A file of rules whose channels were opened.
pub struct Opened {
    file: Alerting,
    channels: BTreeMap<Arc<str>, Channel>,
}

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opened").field("file", &self.file).finish_non_exhaustive()
    }
}

impl Opened {
    /// What the file says.
    #[must_use]
    pub fn file(&self) -> &Alerting {
        &self.file
    }

    /// A channel that was opened.
    #[must_use]
    pub fn channel(&self, name: &str) -> Option<&Channel> {
        self.channels.get(name)
    }
}

/// Reads what the channels of a file name: secrets and certificates. `path` is where it stands, `name` what
/// it is called in messages.
///
/// # Errors
/// All of them that are missing or of no use, each with line and column.
pub fn open_channels(
    path: &Path,
    (name, text): (&str, &str),
    file: Alerting,
    names: Arc<HostResolver>,
) -> Result<Opened, Problems> {
    let folder = path.parent().map(Path::to_owned).unwrap_or_default();
    let around = Around { folder, names, variable: |name| std::env::var_os(name) };
    let channels = notify::open(name, text, &file.channels, &around)?;
    Ok(Opened { file, channels })
}

/// What the worker works with.
pub struct OutboxParts {
    /// The hosts and their alarms as they are.
    pub live: Arc<Live>,
    /// Where what was told is kept.
    pub spool: Option<Arc<Spool>>,
    /// Where what became of each message is kept.
    pub writer: WriterHandle,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// How many failed polls in a row make a host down.
    pub fall: u32,
    /// Where people find the page, for links to it.
    pub url: Option<PublicUrl>,
    /// Whether this server is in charge.
    pub standing: Arc<Standing>,
    /// Where another server that takes over finds what was told.
    pub store: Arc<dyn Store>,
}

type Sending = FuturesUnordered<Pin<Box<dyn Future<Output = Sent> + Send>>>;

/// Tells what its [`Outbox`] hears of. There is one.
pub struct OutboxWorker {
    shared: Arc<Shared>,
    parts: OutboxParts,
    in_force: InForce,
    router: Router,
    senders: BTreeMap<Arc<str>, Sender>,
    sending: Sending,
    counted: BTreeMap<Arc<str>, ChannelStats>,
    unkept: kept::Unkept,
    is_unkept: bool,
    copy: copy::Copy,
    copying: FuturesUnordered<copy::Copying>,
    /// Orders that are carried out and not answered yet.
    answers: Vec<(Answer, Result<(), PeopleError>)>,
    /// What people said has changed since it was shown.
    people_changed: bool,
    /// The alarms are to be compared with what the router knows, once the hosts are in force.
    compares: bool,
    looks: Mono,
}

impl fmt::Debug for OutboxWorker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutboxWorker")
            .field("channels", &self.senders.len())
            .finish_non_exhaustive()
    }
}

impl Outbox {
    /// One that nothing is in force of; `names` looks up the names of receivers. Its
    /// [`worker`](OutboxWorker::new) sends.
    #[must_use]
    pub fn new(names: Arc<HostResolver>) -> Self {
        Self { shared: Arc::default(), names }
    }

    /// As [`open_channels`], to be sent through by the worker.
    ///
    /// # Errors
    /// As [`open_channels`].
    pub fn open(
        &self,
        path: &Path,
        text: (&str, &str),
        file: Alerting,
    ) -> Result<Opened, Problems> {
        open_channels(path, text, file, Arc::clone(&self.names))
    }

    /// Sends by these rules, channels and routes from now on.
    pub fn put_in_force(&self, Opened { file, channels }: Opened) {
        let channels = channels.into_iter().map(|(name, channel)| (name, Arc::new(channel)));
        let in_force = InForce { alerting: file, channels: channels.collect() };
        self.shared.lock().in_force = Some(in_force);
        self.shared.wake.notify_one();
    }

    /// Hears of changes that are rows now. Never waits; one that it knows is passed over.
    pub fn hear(&self, events: &[AlarmEvent]) {
        if events.is_empty() {
            return;
        }
        {
            let mut inbox = self.shared.lock();
            for event in events {
                inbox.hear(event);
            }
        }
        self.shared.wake.notify_one();
    }

    /// How each channel does that takes messages.
    #[must_use]
    pub fn stats(&self) -> BTreeMap<Arc<str>, ChannelStats> {
        self.shared.lock().stats.clone()
    }

    /// Whether alarms are followed: there are channels, or somebody said something of alarms.
    #[must_use]
    pub fn is_used(&self) -> bool {
        self.shared.lock().is_used
    }

    /// The way of each of these alarms, none of one that is not known; nothing at all where nobody is told
    /// by routes, or when too many ask.
    pub async fn journals(&self, keys: Vec<AlarmKey>) -> Vec<Option<Journal>> {
        let (answer, told) = oneshot::channel();
        {
            let mut inbox = self.shared.lock();
            if !inbox.is_used || inbox.is_ended || inbox.asked.len() >= MAX_ASKED {
                return Vec::new();
            }
            inbox.asked.push((keys, answer));
        }
        self.shared.wake.notify_one();
        told.await.unwrap_or_default()
    }
}

impl Inbox {
    fn hear(&mut self, event: &AlarmEvent) {
        let AlarmEvent { key, slot, to, severity, .. } = event;
        let identity =
            [&*key.rule, &*key.row, to.as_str(), severity.as_str(), &slot.0.to_string()].join("\0");
        let hash =
            xxhash_rust::xxh3::xxh3_64_with_seed(identity.as_bytes(), key.host.0.cast_unsigned());
        let (known, order) = &mut self.heard;
        if !known.insert(hash) {
            return;
        }
        order.push_back(hash);
        if order.len() > MAX_HEARD
            && let Some(oldest) = order.pop_front()
        {
            known.remove(&oldest);
        }
        if self.events.len() >= MAX_UNHEARD {
            self.events.clear();
            self.missed = true;
        }
        if !self.missed {
            self.events.push_back(event.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::{AlarmCause, AlarmState, HostId, Severity},
        units::WallMs,
    };

    fn event(slot: i64) -> AlarmEvent {
        AlarmEvent {
            key: AlarmKey { rule: "busy".into(), host: HostId(1), row: "".into() },
            slot: WallMs(slot),
            at: WallMs(slot),
            from: AlarmState::Ok,
            to: AlarmState::Firing,
            cause: AlarmCause::Values,
            severity: Severity::Warning,
            value: None,
            summary: "".into(),
        }
    }

    #[test]
    fn a_change_that_is_heard_twice_counts_once() {
        let mut inbox = Inbox::default();
        [1, 2, 1, 2].into_iter().for_each(|slot| inbox.hear(&event(slot)));
        let slots: Vec<_> = inbox.events.iter().map(|event| event.slot.0).collect();
        assert_eq!(slots, [1, 2]);
    }

    #[tokio::test]
    async fn of_too_many_questions_the_last_have_no_answer() {
        let outbox = Outbox::new(HostResolver::new(Vec::new()));
        outbox.shared.lock().is_used = true;
        {
            let mut inbox = outbox.shared.lock();
            while inbox.asked.len() < MAX_ASKED {
                let (answer, _) = oneshot::channel();
                inbox.asked.push((vec![event(1).key], answer));
            }
        }
        // Nobody answers here: one that waited would never end.
        assert_eq!(outbox.journals(vec![event(1).key]).await, []);
        assert_eq!(outbox.shared.lock().asked.len(), MAX_ASKED);
    }

    #[test]
    fn of_too_many_changes_none_is_kept_and_the_alarms_are_looked_at() {
        let mut inbox = Inbox::default();
        let most = i64::try_from(MAX_UNHEARD).unwrap();
        (0..most).for_each(|slot| inbox.hear(&event(slot)));
        assert_eq!((inbox.events.len(), inbox.missed), (MAX_UNHEARD, false));
        (most..most + 5).for_each(|slot| inbox.hear(&event(slot)));
        assert_eq!((inbox.events.len(), inbox.missed), (0, true));
        assert_eq!(inbox.heard.0.len(), MAX_HEARD);
    }
}
