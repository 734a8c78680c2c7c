//! The rules that are judged on a host: one list for all hosts that the same rules are for.

use std::{collections::HashMap, sync::Arc};

use super::{condition::WindowSpec, names::Over, rule::Rule, screen::Screen, seen::Subject};
use crate::model::HostId;

/// Where a rule's windows are among those of its table.
pub(super) type Places = Box<[u16]>;

/// A rule, where its list keeps it.
#[derive(Debug)]
pub(super) struct ListedRule {
    pub(super) rule: Arc<Rule>,
    pub(super) places: Places,
}

/// The windows that rules ask for of each row of a table, each once.
#[derive(Debug)]
pub(super) struct TableWindows {
    pub(super) over: Over,
    pub(super) specs: Arc<[WindowSpec]>,
}

/// Rules, and what they look back over.
#[derive(Debug, Default)]
pub(super) struct RuleSet {
    pub(super) rules: Box<[ListedRule]>,
    /// Which of them may hold on a poll.
    pub(super) screens: Box<[Screen]>,
    pub(super) windows: Box<[TableWindows]>,
}

impl RuleSet {
    fn new<'a>(rules: impl Iterator<Item = &'a Arc<Rule>>) -> Self {
        let mut known: HashMap<u64, u16> = HashMap::new();
        let mut tables: Vec<(Over, Vec<WindowSpec>)> = Vec::new();
        let mut place_of = |over: Over, spec: &WindowSpec| {
            *known.entry(spec.id).or_insert_with(|| {
                let found = tables.iter().position(|(of, _)| *of == over);
                let at = found.unwrap_or_else(|| {
                    tables.push((over, Vec::new()));
                    tables.len() - 1
                });
                let Some((_, specs)) = tables.get_mut(at) else { return u16::MAX };
                specs.push(spec.clone());
                u16::try_from(specs.len() - 1).unwrap_or(u16::MAX)
            })
        };
        let listed = |rule: &Arc<Rule>| ListedRule {
            rule: Arc::clone(rule),
            places: rule.windows.iter().map(|spec| place_of(rule.over, spec)).collect(),
        };
        let rules: Box<[ListedRule]> = rules.map(listed).collect();
        let screens = Screen::all_of(rules.iter().map(|listed| &*listed.rule));
        let windows = tables.into_iter();
        let windows = windows.map(|(over, specs)| TableWindows { over, specs: specs.into() });
        Self { rules, screens, windows: windows.collect() }
    }
}

/// The rules in force, and each list of them that some host is judged by.
#[derive(Debug)]
pub struct RuleSets {
    all: Arc<[Arc<Rule>]>,
    /// By the places in `all`.
    known: HashMap<Box<[u16]>, Arc<RuleSet>>,
}

impl RuleSets {
    /// Those of a file.
    #[must_use]
    pub fn new(all: Arc<[Arc<Rule>]>) -> Self {
        Self { all, known: HashMap::new() }
    }

    /// All rules, in the order of the file.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Rule>> {
        self.all.iter()
    }

    /// Those that are judged on a host.
    pub(super) fn of(&mut self, host: HostId, subject: &Subject<'_>) -> Arc<RuleSet> {
        let numbers = (0_u16..).zip(self.all.iter());
        let applying = numbers.filter(|(_, rule)| applies(host, rule, subject));
        let places: Box<[u16]> = applying.map(|(number, _)| number).collect();
        if let Some(known) = self.known.get(&places) {
            return Arc::clone(known);
        }
        // Lists that no host has any longer: groups and labels come and go.
        self.known.retain(|_, set| Arc::strong_count(set) > 1);
        let rules = places.iter().filter_map(|place| self.all.get(usize::from(*place)));
        let set = Arc::new(RuleSet::new(rules));
        self.known.insert(places, Arc::clone(&set));
        set
    }
}

/// Whether a rule is judged on a host.
fn applies(host: HostId, rule: &Rule, subject: &Subject<'_>) -> bool {
    if host == HostId::SERVER {
        return rule.over == Over::Server;
    }
    rule.over != Over::Server && rule.hosts.matches(subject.name, subject.group, subject.labels)
}
