//! The hosts: which of them are listed, by groups or not, in which order, with which columns, and what
//! keys do there. Pure.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    field::{self, Choice, Field},
    fleet::{TopFleet, TopHost},
    groups::GroupRow,
    key::Key,
    pick::Picked,
};

/// The longest filter, characters.
pub(super) const MAX_FILTER_CHARS: usize = 100;

/// Columns that a host's name is moved to the right below the name of its group.
pub(super) const INDENT: usize = 2;

/// A line of the list.
#[derive(Debug)]
pub(super) enum ListRow {
    /// Which of the groups.
    Group(usize),
    Host(Arc<TopHost>),
}

/// What tells a row from the others.
#[derive(Debug, Clone, PartialEq, Eq)]
enum RowKey {
    Group(Arc<str>),
    Host(Arc<str>),
}

/// What a key asks for that the list cannot do itself.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wish {
    Nothing,
    Open(Arc<str>),
}

/// The list.
#[derive(Debug)]
pub(super) struct HostList {
    pub(super) filter: String,
    /// Whether keys are the filter's.
    pub(super) typing: bool,
    pub(super) sort: Field,
    pub(super) reverse: bool,
    /// Whether hosts stand below their groups.
    pub(super) grouped: bool,
    /// Names of groups whose hosts are not listed.
    folded: BTreeSet<Arc<str>>,
    pub(super) choice: Choice,
    /// How many hosts pass the filter.
    pub(super) passed: usize,
    pub(super) groups: Vec<GroupRow>,
    pub(super) rows: Vec<ListRow>,
    keys: Vec<RowKey>,
    picked: Picked<RowKey>,
    /// Columns of the longest name.
    longest: usize,
}

impl Default for HostList {
    fn default() -> Self {
        Self {
            filter: String::new(),
            typing: false,
            sort: Field::State,
            reverse: false,
            grouped: false,
            folded: BTreeSet::new(),
            choice: Choice::default(),
            passed: 0,
            groups: Vec::new(),
            rows: Vec::new(),
            keys: Vec::new(),
            picked: Picked::default(),
            longest: 0,
        }
    }
}

impl HostList {
    /// The fleet has changed, or what is wanted of it; `room` is how many rows are seen.
    pub(super) fn arrange(&mut self, fleet: &TopFleet, room: usize) {
        let words: Vec<String> = self.filter.split_whitespace().map(str::to_lowercase).collect();
        let wanted = |host: &&Arc<TopHost>| words.iter().all(|word| holds(host, word));
        let mut hosts: Vec<Arc<TopHost>> = fleet.hosts.values().filter(wanted).cloned().collect();
        let (sort, reverse) = (self.sort, self.reverse);
        hosts.sort_by(|a, b| sort.order(a, b, reverse));
        self.passed = hosts.len();
        self.longest = hosts.iter().map(|host| host.name.len()).max().unwrap_or(0);
        self.groups = if self.grouped { groups(hosts.clone()) } else { Vec::new() };
        self.groups.sort_by(|a, b| sort.order(&a.sums, &b.sums, reverse));
        if self.grouped {
            self.longest += INDENT;
            self.rows.clear();
            for (at, group) in self.groups.iter().enumerate() {
                self.rows.push(ListRow::Group(at));
                if !self.folded.contains(&group.sums.name) {
                    self.rows.extend(group.hosts.iter().cloned().map(ListRow::Host));
                }
            }
        } else {
            self.rows = hosts.into_iter().map(ListRow::Host).collect();
        }
        let key = |row: &ListRow| match row {
            ListRow::Group(at) => RowKey::Group(Arc::clone(&self.groups[*at].sums.name)),
            ListRow::Host(host) => RowKey::Host(Arc::clone(&host.name)),
        };
        self.keys = self.rows.iter().map(key).collect();
        self.settle(room);
    }

    /// So many rows are seen now.
    pub(super) fn settle(&mut self, room: usize) {
        self.picked.settle(&self.keys, room);
    }

    /// The columns of the table and their widths.
    pub(super) fn fields(&self, screen: usize) -> Vec<(Field, usize)> {
        field::fitting(screen, self.longest, &self.choice, self.grouped)
    }

    /// Where the chosen row is.
    pub(super) fn position(&self) -> usize {
        self.picked.position(&self.keys)
    }

    /// The first row that is seen.
    pub(super) fn first(&self) -> usize {
        self.picked.first()
    }

    /// The host that is chosen; none where it is a group, or there is none.
    pub(super) fn host(&self) -> Option<&Arc<TopHost>> {
        match self.rows.get(self.position())? {
            ListRow::Host(host) => Some(host),
            ListRow::Group(_) => None,
        }
    }

    /// Whether the hosts of this group are listed.
    pub(super) fn is_folded(&self, group: &GroupRow) -> bool {
        self.folded.contains(&group.sums.name)
    }

    /// A row was clicked; whether it was chosen before.
    pub(super) fn click(&mut self, row: usize, room: usize) -> bool {
        self.picked.click(row, &self.keys, room)
    }

    /// The wheel.
    pub(super) fn turn(&mut self, down: bool, room: usize) {
        self.picked.turn(down, &self.keys, room);
    }

    /// Orders by this column, or the other way round when it is ordered by it.
    pub(super) fn sort_by(&mut self, field: Field, fleet: &TopFleet, room: usize) {
        self.reverse = self.sort == field && !self.reverse;
        self.sort = field;
        self.arrange(fleet, room);
    }

    /// A key was pressed; `screen` is how many columns there are.
    pub(super) fn press(
        &mut self,
        key: Key,
        fleet: &TopFleet,
        (screen, room): (usize, usize),
    ) -> Wish {
        if self.typing {
            self.type_filter(key, room);
            self.arrange(fleet, room);
            return Wish::Nothing;
        }
        if self.picked.press(key, &self.keys, room) {
            return Wish::Nothing;
        }
        match key {
            Key::Char('/') => self.typing = true,
            Key::Char('s' | '>') => self.sort_by_next(1, screen),
            Key::Char('S' | '<') => self.sort_by_next(-1, screen),
            Key::Char('r') => self.reverse = !self.reverse,
            Key::Char('t') => self.grouped = !self.grouped,
            Key::Char('f') => self.fold(None, room),
            Key::Left => self.fold(Some(true), room),
            Key::Right => self.fold(Some(false), room),
            Key::Char('F') => self.fold_all(),
            Key::Esc => self.filter.clear(),
            Key::Enter => match self.rows.get(self.position()) {
                Some(ListRow::Host(host)) => return Wish::Open(Arc::clone(&host.name)),
                Some(ListRow::Group(_)) => self.fold(None, room),
                None => {}
            },
            _ => return Wish::Nothing,
        }
        self.arrange(fleet, room);
        Wish::Nothing
    }

    fn type_filter(&mut self, key: Key, room: usize) {
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
            // A letter is the filter's, whatever it does in the list.
            Key::Char(_) => {}
            key => {
                self.picked.press(key, &self.keys, room);
            }
        }
    }

    /// Orders by a column to the right or left; only by what can be seen.
    fn sort_by_next(&mut self, step: isize, screen: usize) {
        let fields = self.fields(screen);
        let at = fields.iter().position(|(field, _)| *field == self.sort).unwrap_or(0);
        let next = match at.checked_add_signed(step) {
            Some(next) => next % fields.len(),
            None => fields.len() - 1,
        };
        self.sort = fields[next].0;
        self.reverse = false;
    }

    /// Folds the group of the chosen row, or unfolds it; without `fold` the other than it is.
    fn fold(&mut self, fold: Option<bool>, room: usize) {
        let name: Arc<str> = match self.rows.get(self.position()) {
            Some(ListRow::Group(at)) => Arc::clone(&self.groups[*at].sums.name),
            Some(ListRow::Host(host)) if self.grouped => host.group.as_str().into(),
            _ => return,
        };
        let fold = fold.unwrap_or(!self.folded.contains(&name));
        if fold {
            // Its hosts go: what is chosen is their group then.
            let group = RowKey::Group(Arc::clone(&name));
            let at = self.keys.iter().position(|key| *key == group);
            self.picked.choose(at.unwrap_or(0), &self.keys, room);
            self.folded.insert(name);
        } else {
            self.folded.remove(&name);
        }
    }

    /// Folds all groups, or, when all are, unfolds them.
    fn fold_all(&mut self) {
        if self.groups.iter().all(|group| self.is_folded(group)) {
            self.folded.clear();
        } else {
            self.folded.extend(self.groups.iter().map(|group| Arc::clone(&group.sums.name)));
        }
    }
}

/// The groups of these hosts; in each they stand in the order that they have.
fn groups(hosts: Vec<Arc<TopHost>>) -> Vec<GroupRow> {
    let mut all: BTreeMap<String, Vec<Arc<TopHost>>> = BTreeMap::new();
    for host in hosts {
        all.entry(host.group.clone()).or_default().push(host);
    }
    all.into_iter().map(|(name, hosts)| GroupRow::of(&name, hosts)).collect()
}

/// Whether a host has this text somewhere, small letters.
fn holds(host: &TopHost, word: &str) -> bool {
    let texts = [&*host.name, &host.group, &host.labels, host.state.as_str(), &host.outcome];
    texts.iter().any(|text| text.to_lowercase().contains(word))
}
