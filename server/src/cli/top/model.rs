//! What `top` shows, and what keys and news do to it. Pure: no terminal, no clock, no network.

mod mouse;

use std::{sync::Arc, time::Duration};

use super::{
    alarms::AlarmList,
    chooser::Chooser,
    deed::{Deed, Order, Question, QuestionOutcome, Target},
    detail::{HostDetail, Tab},
    fleet::TopFleet,
    groups::GroupRow,
    happened::ChangeList,
    help,
    key::Key,
    list::{HostList, Wish},
    times::time_of_day,
};
use crate::{cli::output::length, model::State, units::WallMs};

/// Lines above a list: what the server is, and the titles.
const ABOVE: usize = 2;

/// Lines below a list: the keys.
const BELOW: usize = 1;

/// Lines above and below the help.
const AROUND_HELP: usize = 2;

/// Lines of a terminal that has room for what the fleet comes to.
const SUMMED: usize = 12;

/// What changed its state in this time has charts of this time.
const LATELY: Duration = Duration::from_secs(900);

/// Whether the server is heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Contact {
    Live,
    /// Not since this moment of our clock, for this reason.
    Away {
        since: WallMs,
        why: String,
    },
}

/// What is looked at.
#[derive(Debug)]
pub(super) enum Screen {
    Fleet,
    Host(Box<HostDetail>),
    Alarms(Box<AlarmList>),
    Changes(Box<ChangeList>),
}

/// What lies over it and takes the keys.
#[derive(Debug)]
pub(super) enum Over {
    /// The help, from this line of it on.
    Help(usize),
    Columns(Chooser),
    Question(Box<Question>),
}

/// Everything that is shown.
#[derive(Debug)]
pub(super) struct Model {
    pub(super) address: String,
    pub(super) fleet: TopFleet,
    /// What all hosts come to.
    pub(super) total: Option<GroupRow>,
    pub(super) contact: Contact,
    pub(super) screen: Screen,
    /// The list from which a host was opened.
    before: Option<Screen>,
    pub(super) over: Option<Over>,
    pub(super) done: bool,
    pub(super) list: HostList,
    /// What came of what was asked for last, and whether that is bad; until the next key.
    pub(super) said: Option<(bool, String)>,
    /// What is to be sent to the server.
    pub(super) orders: Vec<Order>,
    /// Who silences and acknowledges.
    pub(super) who: Option<String>,
    /// The server's clock now.
    pub(super) now: WallMs,
    /// Our own.
    pub(super) ours: WallMs,
    /// Columns and lines.
    pub(super) size: (usize, usize),
}

impl Model {
    /// Before anything is known.
    pub(super) fn new(address: String, size: (usize, usize), ours: WallMs) -> Self {
        Self {
            address,
            fleet: TopFleet::default(),
            total: None,
            contact: Contact::Live,
            screen: Screen::Fleet,
            before: None,
            over: None,
            done: false,
            list: HostList::default(),
            said: None,
            orders: Vec::new(),
            who: None,
            now: ours,
            ours,
            size,
        }
    }

    /// The server was heard; `ours` is our clock.
    pub(super) fn heard(&mut self, ours: WallMs) {
        self.contact = Contact::Live;
        self.pass(Duration::ZERO, ours);
        let hosts = self.fleet.hosts.values().cloned().collect();
        self.total = Some(GroupRow::of("", hosts));
        self.list.arrange(&self.fleet, self.room());
    }

    /// The server was not heard.
    pub(super) fn lost(&mut self, why: String, ours: WallMs) {
        let since = match self.contact {
            Contact::Live => ours,
            Contact::Away { since, .. } => since,
        };
        self.contact = Contact::Away { since, why };
        self.list.settle(self.room());
    }

    /// Time passes: `heard_ago` since the fleet was told last.
    pub(super) fn pass(&mut self, heard_ago: Duration, ours: WallMs) {
        self.ours = ours;
        self.now = self.fleet.at.map_or(ours, |at| at.plus(heard_ago));
    }

    /// The terminal has another size.
    pub(super) fn resize(&mut self, size: (usize, usize)) {
        self.size = size;
        self.list.settle(self.room());
    }

    /// An order was carried out, or was not.
    pub(super) fn carried_out(&mut self, deed: Deed, told: Result<String, String>) {
        match (&mut self.over, told) {
            (Some(Over::Question(question)), Err(why)) if question.waits_for(deed) => {
                question.refuse(why);
            }
            (over, told) => {
                if matches!(over, Some(Over::Question(question)) if question.waits_for(deed)) {
                    *over = None;
                }
                self.said = Some(match told {
                    Ok(words) => (false, words),
                    Err(why) => (true, why),
                });
            }
        }
    }

    /// What is wrong with the server, a line each, and whether it is grave.
    pub(super) fn banners(&self) -> Vec<(bool, String)> {
        let server = &self.fleet.server;
        let mut lines = Vec::new();
        if let Contact::Away { since, why } = &self.contact {
            let length = length(self.ours.since(*since));
            let at = time_of_day(*since);
            lines.push((true, format!("server away since {at} ({length}): {why}")));
        }
        if let Some(since) = server.isolated_since_ms {
            let at = time_of_day(WallMs(since));
            let words = "most hosts are silent at once; states stay as they are";
            lines.push((true, format!("isolated since {at}: {words}")));
        }
        if let Some(error) = &server.store_error {
            lines.push((true, format!("store away, rows wait on disk: {error}")));
        }
        if let Some(error) = &server.inventory_error {
            lines.push((false, format!("inventory not in force: {error}")));
        }
        if let Some(waiting) = &server.inventory_waiting {
            lines.push((false, waiting.clone()));
        }
        if server.stopping {
            lines.push((false, "the server is stopping".to_owned()));
        }
        lines
    }

    /// Whether there is a line for what the fleet comes to.
    pub(super) fn is_summed(&self) -> bool {
        matches!(self.screen, Screen::Fleet) && self.size.1 >= SUMMED
    }

    /// Lines above the first row of what is looked at.
    fn above(&self) -> usize {
        let own = match &self.screen {
            Screen::Fleet => usize::from(self.is_summed()),
            // Its name, its tabs.
            Screen::Host(detail) => 2 + usize::from(detail.trouble.is_some()),
            Screen::Alarms(list) => usize::from(list.trouble.is_some()),
            Screen::Changes(list) => usize::from(list.trouble.is_some()),
        };
        ABOVE + self.banners().len() + own
    }

    /// How many rows of what is looked at there is room for.
    pub(super) fn room(&self) -> usize {
        let taken = self.above() + BELOW;
        let head = match &self.screen {
            Screen::Host(detail) => detail.head(self.size.0).len(),
            _ => 0,
        };
        self.size.1.saturating_sub(taken + head).max(1)
    }

    /// A key was pressed.
    pub(super) fn press(&mut self, key: Key) {
        self.said = None;
        if key == Key::Interrupt {
            self.done = true;
        } else if self.over.is_some() {
            self.press_over(key);
        } else if self.list.typing {
            self.press_in_list(key);
        } else {
            match key {
                Key::Char('?' | 'h') => self.over = Some(Over::Help(0)),
                Key::Char('q') => self.done = true,
                Key::Char('a') => self.go(Screen::Alarms(Box::default())),
                Key::Char('e') => self.go(Screen::Changes(Box::default())),
                Key::Char('p') => self.order(Deed::Poll),
                Key::Char('P') => self.order(Deed::Pause),
                Key::Char('z') => self.order(Deed::Silence),
                Key::Char('A') => self.order(Deed::Ack),
                key => self.press_in_screen(key),
            }
        }
    }

    fn go(&mut self, screen: Screen) {
        self.screen = screen;
        self.before = None;
    }

    /// Opens a host that is known.
    fn open(&mut self, name: &str, tab: Tab) {
        if let Some((name, host)) = self.fleet.hosts.get_key_value(name) {
            let changed = self.now.since(host.since) < LATELY;
            let host = Screen::Host(Box::new(HostDetail::new(Arc::clone(name), tab, changed)));
            self.before = Some(std::mem::replace(&mut self.screen, host));
        }
    }

    fn press_over(&mut self, key: Key) {
        let (width, height) = self.size;
        let room = self.room();
        let stays = match &mut self.over {
            None => false,
            Some(Over::Help(first)) => {
                self.done |= key == Key::Char('q');
                match help::moved(*first, key, height.saturating_sub(AROUND_HELP), width) {
                    Some(to) => {
                        *first = to;
                        true
                    }
                    None => false,
                }
            }
            Some(Over::Columns(chooser)) => {
                chooser.press(key, &mut self.list, &self.fleet, (width, room))
            }
            Some(Over::Question(question)) => match question.press(key) {
                QuestionOutcome::Waits => true,
                QuestionOutcome::Closed => false,
                QuestionOutcome::Send(order) => {
                    self.orders.push(order);
                    true
                }
            },
        };
        if !stays {
            self.over = None;
        }
    }

    fn press_in_screen(&mut self, key: Key) {
        let room = self.room();
        match (&mut self.screen, key) {
            (Screen::Fleet, Key::Char('c')) => self.over = Some(Over::Columns(Chooser::default())),
            (Screen::Fleet | Screen::Alarms(_) | Screen::Changes(_), Key::Char('w')) => {
                self.open_chosen(Tab::Why);
            }
            (Screen::Fleet, key) => self.press_in_list(key),
            (_, Key::Esc | Key::Backspace) => {
                self.screen = self.before.take().unwrap_or(Screen::Fleet);
                // The list went on while it was not seen.
                self.list.settle(self.room());
            }
            (Screen::Alarms(_) | Screen::Changes(_), Key::Enter) => self.open_chosen(Tab::Overview),
            (Screen::Host(detail), key) => detail.press(key, room),
            (Screen::Alarms(list), key) => list.press(key, room),
            (Screen::Changes(list), key) => list.press(key, room),
        }
    }

    fn press_in_list(&mut self, key: Key) {
        let sizes = (self.size.0, self.room());
        if let Wish::Open(name) = self.list.press(key, &self.fleet, sizes) {
            self.open(&name, Tab::Overview);
        }
    }

    fn open_chosen(&mut self, tab: Tab) {
        if let Some(target) = self.target() {
            self.open(&target.host, tab);
        }
    }

    /// What is chosen; an alarm only where alarms are listed.
    fn target(&self) -> Option<Target> {
        let of = |host: &str| Target { host: host.into(), alarm: None };
        match &self.screen {
            Screen::Fleet => self.list.host().map(|host| of(&host.name)),
            Screen::Host(detail) => Some(of(&detail.name)),
            Screen::Changes(list) => list.chosen().map(|change| of(&change.host)),
            Screen::Alarms(list) => list.chosen().map(|alarm| Target {
                alarm: Some((alarm.rule.clone(), alarm.row.clone())),
                ..of(&alarm.host)
            }),
        }
    }

    /// Does something to what is chosen, or asks first.
    fn order(&mut self, deed: Deed) {
        let Some(target) = self.target() else {
            self.said = Some((true, "no host is chosen: choose one first".to_owned()));
            return;
        };
        let host = self.fleet.hosts.get(&*target.host);
        let alarms = host.map_or(0, |host| host.alarms);
        let target = match deed {
            Deed::Silence | Deed::Ack => target,
            Deed::Poll | Deed::Pause | Deed::Resume => Target { alarm: None, ..target },
        };
        match (deed, host) {
            (Deed::Poll | Deed::Pause, None) => {
                self.said = Some((true, format!("{} is no host of the inventory", target.host)));
            }
            (Deed::Poll, Some(_)) => {
                self.said = Some((false, format!("polling {} …", target.host)));
                self.orders.push(Order::poll(target.host));
            }
            (Deed::Ack, Some(_)) if target.alarm.is_none() && alarms == 0 => {
                self.said = Some((true, format!("no alarm of {} fires", target.host)));
            }
            (deed, host) => {
                let is_paused = host.is_some_and(|host| host.state == State::Paused);
                let deed = if deed == Deed::Pause && is_paused { Deed::Resume } else { deed };
                let question = Question::new(deed, target, alarms, self.who.clone());
                self.over = Some(Over::Question(Box::new(question)));
            }
        }
    }
}
