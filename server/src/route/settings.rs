//! What `[[route]]` says: who is told of which alarms, how soon, how often, and when not.

use std::{fmt, sync::Arc, time::Duration};

use super::{Facts, matcher::Matcher};
use crate::{
    model::{AlarmKey, Severity},
    schedule::Window,
};

/// The most routes.
pub const MAX_ROUTES: usize = 100;
/// The most channels of one route or of one step.
pub const MAX_CHANNELS: usize = 20;
/// The most steps of one route.
pub const MAX_STEPS: usize = 10;
/// `wait` when it is not given.
pub const DEFAULT_WAIT: Duration = Duration::from_secs(20);
/// `every` when it is not given.
pub const DEFAULT_EVERY: Duration = Duration::from_secs(300);
/// `repeat` when it is not given.
pub const DEFAULT_REPEAT: Duration = Duration::from_secs(4 * 3600);

/// What a route groups its alarms by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupBy {
    /// The group of the host; empty for a host without.
    Group,
    /// The name of the rule.
    Rule,
    /// The name of the host.
    Host,
    /// A label of the host; empty for a host without.
    Label(String),
}

impl GroupBy {
    /// The value for one alarm.
    pub(super) fn value(&self, rule: &Arc<str>, facts: &Facts) -> Arc<str> {
        match self {
            Self::Group => facts.group.as_ref().map_or("", |group| group.as_str()).into(),
            Self::Rule => Arc::clone(rule),
            Self::Host => facts.host.as_str().into(),
            Self::Label(name) => facts.labels.get(name).map_or("", String::as_str).into(),
        }
    }
}

/// As it stands in the file.
impl fmt::Display for GroupBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Group => f.write_str("group"),
            Self::Rule => f.write_str("rule"),
            Self::Host => f.write_str("host"),
            Self::Label(name) => write!(f, "label.{name}"),
        }
    }
}

/// The clock of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pace {
    /// How long the first message of a group waits for others that belong to it.
    pub wait: Duration,
    /// How long a message about changes keeps from the one before it.
    pub every: Duration,
    /// How long after its last message a channel hears again of what still fires; none: never.
    pub repeat: Option<Duration>,
}

impl Default for Pace {
    fn default() -> Self {
        Self { wait: DEFAULT_WAIT, every: DEFAULT_EVERY, repeat: Some(DEFAULT_REPEAT) }
    }
}

/// Further channels for an alarm that nobody has acknowledged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Further {
    /// How long after the alarm was first told.
    pub after: Duration,
    /// To whom then.
    pub channels: Vec<Arc<str>>,
}

/// When a route tells nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quiet {
    /// While it is open.
    pub window: Window,
    /// Whether the ends of what was told wait for its end too.
    pub hold_recoveries: bool,
}

/// One `[[route]]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// Its name.
    pub name: Arc<str>,
    /// The alarms that it is about.
    pub matcher: Matcher,
    /// Who is told.
    pub channels: Vec<Arc<str>>,
    /// Which alarms are told together.
    pub group_by: Vec<GroupBy>,
    /// When.
    pub pace: Pace,
    /// Who else is told when nobody acknowledges an alarm, soonest first.
    pub steps: Vec<Further>,
    /// When nobody is told.
    pub quiet: Option<Quiet>,
    /// Whether routes after this one see its alarms too.
    pub goes_on: bool,
}

impl Route {
    /// A route for everything.
    pub(super) fn of_all(name: &str, channels: Vec<Arc<str>>) -> Self {
        Self {
            name: name.into(),
            matcher: Matcher::default(),
            channels,
            group_by: vec![GroupBy::Group, GroupBy::Rule],
            pace: Pace::default(),
            steps: Vec::new(),
            quiet: None,
            goes_on: false,
        }
    }

    /// The values of `group_by` for an alarm.
    pub(super) fn values(&self, key: &AlarmKey, facts: &Facts) -> Vec<Arc<str>> {
        self.group_by.iter().map(|by| by.value(&key.rule, facts)).collect()
    }

    /// The channels of an alarm that has reached so many steps.
    pub(super) fn targets(&self, reached: usize) -> impl Iterator<Item = &Arc<str>> {
        let further = self.steps.iter().take(reached).flat_map(|step| &step.channels);
        self.channels.iter().chain(further)
    }
}

/// The name of the route for what is wrong with telling itself. No file can give it.
pub(super) const OWN_ROUTE: &str = "roundsman:own";

/// All routes, in the order of the file, and all channels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Routes {
    list: Vec<Route>,
    own: Route,
    channels: Vec<Arc<str>>,
}

impl Routes {
    /// Routes over channels with these names. Without a route every channel is told of everything.
    pub(super) fn new(mut list: Vec<Route>, channels: Vec<Arc<str>>) -> Self {
        if list.is_empty() {
            list.push(Route::of_all("default", channels.clone()));
        }
        let pace = Pace { wait: Duration::ZERO, ..Pace::default() };
        let own = Route { pace, ..Route::of_all(OWN_ROUTE, channels.clone()) };
        Self { list, own, channels }
    }

    /// The names of all channels.
    #[must_use]
    pub fn channels(&self) -> &[Arc<str>] {
        &self.channels
    }

    /// In the order of the file.
    pub fn iter(&self) -> impl Iterator<Item = &Route> {
        self.list.iter()
    }

    /// The route of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Route> {
        self.list.iter().chain([&self.own]).find(|route| *route.name == *name)
    }

    /// The routes that take an alarm, in the order of the file.
    pub fn of<'a>(
        &'a self,
        key: &'a AlarmKey,
        severity: Severity,
        facts: &'a Facts,
    ) -> impl Iterator<Item = &'a Route> {
        let own = super::own::is_own(key).then_some(&self.own);
        let listed = if own.is_some() { &[][..] } else { &self.list[..] };
        let mut taken = false;
        let listed = listed.iter().filter(move |route| {
            let takes = !taken && route.matcher.matches(&key.rule, &key.row, severity, facts);
            taken |= takes && !route.goes_on;
            takes
        });
        own.into_iter().chain(listed)
    }

    /// What is not wrong with these routes, but hardly meant: a route that is about none of these hosts
    /// or rules, or that comes after one that takes everything.
    #[must_use]
    pub fn warnings(&self, hosts: &[Facts], rules: &[&str]) -> Vec<String> {
        let mut said = Vec::new();
        let mut all_taken_by: Option<&Route> = None;
        for route in &self.list {
            let Route { name, matcher, .. } = route;
            if let Some(before) = all_taken_by {
                let before = &before.name;
                said.push(format!(
                    "route {name} is never reached: route {before} before it takes every alarm; set \
                     `continue = true` in {before}, or put {name} before it"
                ));
                continue;
            }
            if !hosts.is_empty() && !hosts.iter().any(|host| matcher.meets(host)) {
                said.push(format!("route {name} is about no host of the inventory"));
            }
            let fits = |rule: &&str| matcher.rules.iter().any(|glob| glob.matches(rule));
            if !matcher.rules.is_empty() && !rules.is_empty() && !rules.iter().any(fits) {
                said.push(format!("route {name} is about no rule"));
            }
            if matcher.is_empty() && !route.goes_on {
                all_taken_by = Some(route);
            }
        }
        said
    }
}
