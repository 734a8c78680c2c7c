//! Who serves now, and who wants to hear of it. A status is taken from the live view when it is
//! asked for; only what somebody watches is kept, one value per service, the newest.

use std::{
    collections::{BTreeSet, HashMap},
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use roundsman_proto::health::health_check_response::ServingStatus;
use tokio::{
    sync::watch,
    time::{sleep, timeout},
};

use super::verdict::{Service, of_group, of_host, serving};
use crate::{
    clock::Clock,
    live::{HostView, Live},
    model::Scope,
    query::MAX_ROUND_SILENCE,
    units::WallMs,
};

/// Between two rounds of pushing: a storm of ten thousand changes is looked at in a few passes.
pub const WATCH_SPACING: Duration = Duration::from_millis(20);

/// How often what changes by silence alone (no rounds, no rows) is looked at for the watches.
pub const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Whether the store takes rows.
pub type StoreTakesRows = Box<dyn Fn() -> bool + Send + Sync>;

/// By who may see what, and the service.
type Watched = HashMap<(Scope, String), watch::Sender<ServingStatus>>;

/// The health of the server and its fleet.
pub struct Board {
    live: Arc<Live>,
    clock: Arc<dyn Clock>,
    store_takes_rows: StoreTakesRows,
    /// None once it is closed.
    watched: Mutex<Option<Watched>>,
}

impl fmt::Debug for Board {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Board").field("watched", &self.watched()).finish_non_exhaustive()
    }
}

impl Board {
    /// A board over the live view.
    #[must_use]
    pub fn new(live: Arc<Live>, clock: Arc<dyn Clock>, store_takes_rows: StoreTakesRows) -> Self {
        Self { live, clock, store_takes_rows, watched: Mutex::new(Some(Watched::new())) }
    }

    /// How many services are watched.
    #[must_use]
    pub fn watched(&self) -> usize {
        self.lock().as_ref().map_or(0, Watched::len)
    }

    /// A service's status now; none when it is not known within `scope`.
    pub(super) fn check(&self, scope: &Scope, name: &str) -> Option<ServingStatus> {
        match Service::parse(name)? {
            Service::Host(host) => {
                let host = self.live.host(host).filter(|host| scope.sees(host.group.as_ref()))?;
                Some(of_host(host.state))
            }
            Service::Group(group) => {
                let hosts = self.live.hosts();
                let seen = hosts.iter().filter(|host| scope.sees(host.group.as_ref()));
                of_group(seen.filter(|host| is_in(host, group)).map(|host| host.state))
            }
            own => is_seen(scope, own).then(|| self.own(own)),
        }
    }

    /// Every service within `scope` and its status; none when there are more than `most`.
    pub(super) fn list(
        &self,
        scope: &Scope,
        most: usize,
    ) -> Option<HashMap<String, ServingStatus>> {
        let own = Service::OWN.iter().filter(|(_, own)| is_seen(scope, *own));
        let mut all: HashMap<_, _> =
            own.map(|(name, own)| ((*name).to_owned(), self.own(*own))).collect();
        let mut hosts = self.live.hosts();
        hosts.retain(|host| scope.sees(host.group.as_ref()));
        let groups: BTreeSet<&str> = hosts.iter().filter_map(|host| group_of(host)).collect();
        if all.len() + hosts.len() + groups.len() > most {
            return None;
        }
        for group in groups {
            let states = hosts.iter().filter(|host| is_in(host, group)).map(|host| host.state);
            let status = of_group(states).unwrap_or(ServingStatus::Unknown);
            all.insert(format!("group/{group}"), status);
        }
        let host = |host: &Arc<HostView>| (format!("host/{}", host.name), of_host(host.state));
        all.extend(hosts.iter().map(host));
        Some(all)
    }

    /// A service's status, now and from now on. None when the server is stopping.
    pub(super) fn watch(
        &self,
        scope: &Scope,
        name: &str,
    ) -> Option<watch::Receiver<ServingStatus>> {
        let now = self.check(scope, name).unwrap_or(ServingStatus::ServiceUnknown);
        let mut watched = self.lock();
        let watched = watched.as_mut()?;
        let sender = watched
            .entry((scope.clone(), name.to_owned()))
            .or_insert_with(|| watch::Sender::new(now));
        tell(sender, now);
        Some(sender.subscribe())
    }

    /// Pushes every change to whoever watches, for ever.
    pub(super) async fn push(self: Arc<Self>) {
        let mut changes = self.live.changes();
        loop {
            // Elapsed is the second look; the live view is never gone before the board.
            let _ = timeout(LOOK_AGAIN, changes.changed()).await;
            changes.mark_unchanged();
            self.push_once();
            sleep(WATCH_SPACING).await;
        }
    }

    /// Ends every watch with the newest status, and begins no more.
    pub(super) fn close(&self) {
        self.push_once();
        self.lock().take();
    }

    fn push_once(&self) {
        let mut watched = self.lock();
        let Some(watched) = watched.as_mut() else { return };
        watched.retain(|_, sender| sender.receiver_count() > 0);
        // A group is a pass over all hosts: one for all groups that are watched.
        let groups = watched.keys().any(|(_, name)| name.starts_with("group/"));
        let groups = if groups { self.groups() } else { HashMap::new() };
        for ((scope, name), sender) in watched.iter() {
            let now = match Service::parse(name) {
                Some(Service::Group(group)) if !sees_group(scope, group) => None,
                Some(Service::Group(group)) => {
                    groups.get(group).and_then(|states| of_group(states.iter().copied()))
                }
                _ => self.check(scope, name),
            };
            tell(sender, now.unwrap_or(ServingStatus::ServiceUnknown));
        }
    }

    /// The states of the hosts of each group.
    fn groups(&self) -> HashMap<String, Vec<crate::model::State>> {
        let mut groups: HashMap<String, Vec<_>> = HashMap::new();
        for host in self.live.hosts() {
            if let Some(group) = group_of(&host) {
                match groups.get_mut(group) {
                    Some(states) => states.push(host.state),
                    None => drop(groups.insert(group.to_owned(), vec![host.state])),
                }
            }
        }
        groups
    }

    /// The status of something of the server's own.
    fn own(&self, service: Service<'_>) -> ServingStatus {
        let server = self.live.server();
        let now = self.clock.now().wall;
        // Before the first round its begin counts from the start.
        let heard = |at: WallMs| now.since(at.max(server.started)) <= MAX_ROUND_SILENCE;
        serving(match service {
            Service::Server => server.ready && !server.stopping && heard(server.last_round),
            Service::Store => (self.store_takes_rows)(),
            Service::Inventory => server.inventory.is_some() && server.inventory_error.is_none(),
            Service::Scheduler => !server.stopping && heard(server.last_cron_round),
            Service::Host(_) | Service::Group(_) => false,
        })
    }

    fn lock(&self) -> MutexGuard<'_, Option<Watched>> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Changes what is watched, when it is another.
fn tell(sender: &watch::Sender<ServingStatus>, now: ServingStatus) {
    sender.send_if_modified(|status| std::mem::replace(status, now) != now);
}

fn group_of(host: &HostView) -> Option<&str> {
    host.group.as_ref().map(crate::model::GroupName::as_str)
}

/// Whether something of the server's own is for who may see some groups alone: whether it works at all is.
fn is_seen(scope: &Scope, own: Service<'_>) -> bool {
    !scope.is_limited() || own == Service::Server
}

fn sees_group(scope: &Scope, group: &str) -> bool {
    scope.groups().is_none_or(|groups| groups.iter().any(|seen| seen.as_str() == group))
}

fn is_in(host: &HostView, group: &str) -> bool {
    group_of(host) == Some(group)
}
