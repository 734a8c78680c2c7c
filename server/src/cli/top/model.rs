//! What `top` shows, and what keys and news do to it. Pure: no terminal, no clock, no network.

use std::{sync::Arc, time::Duration};

use super::{
    alarms::AlarmList,
    detail::HostDetail,
    field::{self, Field},
    fleet::{TopFleet, TopHost},
    help,
    key::Key,
};
use crate::units::WallMs;

/// The longest filter, characters.
pub(super) const MAX_FILTER_CHARS: usize = 100;

/// Lines above the list: what the server is, and the titles.
const ABOVE: usize = 2;

/// Lines below the list: the keys.
const BELOW: usize = 1;

/// Lines above and below the help.
const AROUND_HELP: usize = 2;

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
}

/// Everything that is shown.
#[derive(Debug)]
pub(super) struct Model {
    pub(super) address: String,
    pub(super) fleet: TopFleet,
    pub(super) contact: Contact,
    pub(super) screen: Screen,
    /// The help is shown, from this line of it on.
    pub(super) help: Option<usize>,
    pub(super) done: bool,
    pub(super) filter: String,
    /// Whether keys are the filter's.
    pub(super) typing: bool,
    pub(super) sort: Field,
    pub(super) reverse: bool,
    /// Hosts that pass the filter, in order.
    pub(super) shown: Vec<Arc<TopHost>>,
    /// The one that is chosen; none: the first, whoever that is.
    chosen: Option<Arc<str>>,
    /// Where in `shown` the list on the screen begins.
    pub(super) first: usize,
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
            contact: Contact::Live,
            screen: Screen::Fleet,
            help: None,
            done: false,
            filter: String::new(),
            typing: false,
            sort: Field::State,
            reverse: false,
            shown: Vec::new(),
            chosen: None,
            first: 0,
            now: ours,
            ours,
            size,
        }
    }

    /// The fleet has changed, or what is wanted of it.
    pub(super) fn arrange(&mut self) {
        let words: Vec<String> = self.filter.split_whitespace().map(str::to_lowercase).collect();
        let wanted = |host: &&Arc<TopHost>| words.iter().all(|word| holds(host, word));
        self.shown = self.fleet.hosts.values().filter(wanted).cloned().collect();
        let (sort, reverse) = (self.sort, self.reverse);
        self.shown.sort_by(|a, b| sort.order(a, b, reverse));
        // Who is gone, or filtered away, cannot stay chosen.
        if self.chosen.as_ref().is_some_and(|name| !self.shown.iter().any(|h| h.name == *name)) {
            self.chosen = None;
        }
        self.keep_in_sight();
    }

    /// The server was heard; `ours` is our clock.
    pub(super) fn heard(&mut self, ours: WallMs) {
        self.contact = Contact::Live;
        self.pass(Duration::ZERO, ours);
        self.arrange();
    }

    /// The server was not heard.
    pub(super) fn lost(&mut self, why: String, ours: WallMs) {
        let since = match self.contact {
            Contact::Live => ours,
            Contact::Away { since, .. } => since,
        };
        self.contact = Contact::Away { since, why };
        self.keep_in_sight();
    }

    /// Time passes: `heard_ago` since the fleet was told last.
    pub(super) fn pass(&mut self, heard_ago: Duration, ours: WallMs) {
        self.ours = ours;
        self.now = self.fleet.at.map_or(ours, |at| at.plus(heard_ago));
    }

    /// The terminal has another size.
    pub(super) fn resize(&mut self, size: (usize, usize)) {
        self.size = size;
        self.keep_in_sight();
    }

    /// The columns of the table and their widths.
    pub(super) fn fields(&self) -> Vec<(Field, usize)> {
        let longest = self.shown.iter().map(|host| host.name.len()).max().unwrap_or(0);
        field::fitting(self.size.0, longest)
    }

    /// Where in `shown` the chosen host is.
    pub(super) fn position(&self) -> usize {
        let chosen = self.chosen.as_ref();
        chosen.and_then(|name| self.shown.iter().position(|host| host.name == *name)).unwrap_or(0)
    }

    /// What is wrong with the server, a line each, and whether it is grave.
    pub(super) fn banners(&self) -> Vec<(bool, String)> {
        let server = &self.fleet.server;
        let mut lines = Vec::new();
        if let Contact::Away { since, why } = &self.contact {
            let length = super::super::output::length(self.ours.since(*since));
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

    /// How many hosts the list has room for.
    pub(super) fn room(&self) -> usize {
        let taken = ABOVE + BELOW + self.banners().len();
        self.size.1.saturating_sub(taken).max(1)
    }

    fn keep_in_sight(&mut self) {
        let (at, room) = (self.position(), self.room());
        let last = self.shown.len().saturating_sub(room);
        self.first = self.first.clamp((at + 1).saturating_sub(room), at).min(last);
    }

    fn choose(&mut self, at: usize) {
        let at = at.min(self.shown.len().saturating_sub(1));
        // The first is whoever comes first from now on.
        let host = self.shown.get(at).filter(|_| at > 0);
        self.chosen = host.map(|host| Arc::clone(&host.name));
        self.keep_in_sight();
    }

    /// A key was pressed.
    pub(super) fn press(&mut self, key: Key) {
        if key == Key::Interrupt {
            self.done = true;
        } else if self.typing {
            self.type_filter(key);
        } else if let Some(first) = self.help {
            if key == Key::Char('q') {
                self.done = true;
            }
            let (width, height) = self.size;
            self.help = help::moved(first, key, height.saturating_sub(AROUND_HELP), width);
        } else {
            let room = self.room();
            match (&mut self.screen, key) {
                (_, Key::Char('?' | 'h')) => self.help = Some(0),
                (_, Key::Char('q')) => self.done = true,
                (Screen::Host(_) | Screen::Alarms(_), Key::Esc | Key::Backspace) => {
                    self.screen = Screen::Fleet;
                }
                (Screen::Fleet | Screen::Host(_), Key::Char('a')) => {
                    self.screen = Screen::Alarms(Box::default());
                }
                (Screen::Host(detail), key) => detail.press(key),
                (Screen::Alarms(list), Key::Enter) => {
                    let known = |name: &str| self.fleet.hosts.get_key_value(name);
                    if let Some((name, _)) = list.host().and_then(known) {
                        self.screen = Screen::Host(Box::new(HostDetail::new(Arc::clone(name))));
                    }
                }
                (Screen::Alarms(list), key) => list.press(key, room),
                (Screen::Fleet, key) => self.press_in_list(key),
            }
        }
    }

    fn type_filter(&mut self, key: Key) {
        match key {
            Key::Char(c) if self.filter.chars().count() < MAX_FILTER_CHARS && !c.is_control() => {
                self.filter.push(c);
            }
            Key::Backspace => {
                self.filter.pop();
            }
            Key::Enter => self.typing = false,
            Key::Esc => {
                self.typing = false;
                self.filter.clear();
            }
            Key::Up | Key::Down | Key::PageUp | Key::PageDown | Key::Home | Key::End => {
                self.press_in_list(key);
            }
            Key::Char(_) | Key::Interrupt => {}
        }
        self.arrange();
    }

    fn press_in_list(&mut self, key: Key) {
        let (at, room) = (self.position(), self.room());
        match key {
            Key::Up | Key::Char('k') => self.choose(at.saturating_sub(1)),
            Key::Down | Key::Char('j') => self.choose(at + 1),
            Key::PageUp => self.choose(at.saturating_sub(room)),
            Key::PageDown | Key::Char(' ') => self.choose(at + room),
            Key::Home | Key::Char('g') => self.choose(0),
            Key::End | Key::Char('G') => self.choose(usize::MAX),
            Key::Char('/') => self.typing = true,
            Key::Char('s' | '>') => self.sort_by_next(1),
            Key::Char('S' | '<') => self.sort_by_next(-1),
            Key::Char('r') => {
                self.reverse = !self.reverse;
                self.arrange();
            }
            Key::Esc if !self.filter.is_empty() => {
                self.filter.clear();
                self.arrange();
            }
            Key::Enter => {
                if let Some(host) = self.shown.get(at) {
                    self.screen = Screen::Host(Box::new(HostDetail::new(Arc::clone(&host.name))));
                }
            }
            Key::Esc | Key::Backspace | Key::Interrupt | Key::Char(_) => {}
        }
    }

    /// Orders by a column to the right or left; only by what can be seen.
    fn sort_by_next(&mut self, step: isize) {
        let fields = self.fields();
        let at = fields.iter().position(|(field, _)| *field == self.sort).unwrap_or(0);
        let next = match at.checked_add_signed(step) {
            Some(next) => next % fields.len(),
            None => fields.len() - 1,
        };
        self.sort = fields[next].0;
        self.reverse = false;
        self.arrange();
    }
}

/// Whether a host has this text somewhere, small letters.
fn holds(host: &TopHost, word: &str) -> bool {
    let texts = [&*host.name, &host.group, &host.labels, host.state.as_str(), &host.outcome];
    texts.iter().any(|text| text.to_lowercase().contains(word))
}

/// `14:02:11`, in the zone that [`zone`] names.
pub(super) fn time_of_day(moment: WallMs) -> String {
    moment.spoken().to_string().split(' ').nth(1).unwrap_or_default().to_owned()
}

/// `UTC`, `+02:00`: how far the clock of times of day is from UTC at this moment.
pub(super) fn zone(moment: WallMs) -> String {
    moment.spoken().to_string().split(' ').nth(2).unwrap_or_default().to_owned()
}
