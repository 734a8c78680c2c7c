//! Routes, tried on a desk: a router, a clock that is moved by hand, and channels that can be away.

mod behaviours;
mod ended;
mod limits;
mod people;
mod properties;
mod read;
mod rows;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use super::*;
use crate::{
    model::{AlarmCause, AlarmEvent, AlarmKey, AlarmState, Severity},
    units::WallMs,
};

/// Monday, 2026-03-02, 12:00 in UTC.
const NOON: WallMs = WallMs(1_772_452_800_000);

/// How a channel answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Door {
    Open,
    Away,
    Shut,
    /// It does not answer at all, so the message stays in hand.
    Mute,
    /// It takes messages, and its answers are lost.
    Unheard,
}

/// A router and what it sent.
struct Desk {
    router: Router,
    now: WallMs,
    doors: BTreeMap<&'static str, Door>,
    /// All messages that were handed over, each time that they were.
    sent: Vec<Message>,
    /// Messages that a channel took.
    taken: Vec<Message>,
    withdrawn: BTreeSet<Arc<str>>,
    other: Vec<Output>,
    /// The server dies when the next message was sent, before it learns what became of it.
    crash: bool,
    /// Of what a channel was told in vain.
    vain: BTreeSet<(Arc<str>, AlarmKey)>,
}

fn names() -> Vec<Arc<str>> {
    ["mail", "chat", "phone"].map(Arc::from).to_vec()
}

fn routes(text: &str) -> Arc<Routes> {
    Arc::new(parse("alerts.toml", text, &names()).unwrap_or_else(|e| panic!("{e}")))
}

fn number(host: &str) -> HostId {
    let digits: String = host.chars().filter(char::is_ascii_digit).collect();
    HostId(digits.parse().unwrap_or(500))
}

/// web-1 is in group web.
fn facts(host: &str) -> Facts {
    let group = host.split('-').next().unwrap();
    Facts {
        host: HostName::new(host).unwrap(),
        group: Some(GroupName::new(group).unwrap()),
        labels: Arc::new(Labels::from([("env".to_owned(), "prod".to_owned())])),
        behind: None,
    }
}

fn key(host: &str, rule: &str) -> AlarmKey {
    AlarmKey { rule: rule.into(), host: number(host), row: "".into() }
}

fn change(host: &str, rule: &str, to: AlarmState, severity: Severity, at: WallMs) -> Change {
    let from = if to == AlarmState::Firing { AlarmState::Pending } else { AlarmState::Firing };
    let event = AlarmEvent {
        key: key(host, rule),
        slot: at,
        at,
        from,
        to,
        cause: AlarmCause::Values,
        severity,
        value: Some(if to.is_active() { 97.0 } else { 12.0 }),
        summary: format!("{host}: {rule}").into(),
    };
    Change { event, facts: facts(host) }
}

impl Desk {
    fn new(text: &str) -> Self {
        Self::of(Router::new(routes(text), NOON))
    }

    fn of(router: Router) -> Self {
        let (sent, taken, other) = (Vec::new(), Vec::new(), Vec::new());
        let doors = BTreeMap::new();
        let withdrawn = BTreeSet::new();
        Self {
            router,
            now: NOON,
            doors,
            sent,
            taken,
            withdrawn,
            other,
            crash: false,
            vain: BTreeSet::new(),
        }
    }

    fn feed(&mut self, input: Input) {
        let outputs = self.router.take(input, self.now);
        self.handle(outputs);
    }

    fn handle(&mut self, outputs: Vec<Output>) {
        for output in outputs {
            match output {
                Output::Send(message) => {
                    self.sent.push((*message).clone());
                    let outcome = match self.doors.get(&*message.channel).unwrap_or(&Door::Open) {
                        Door::Open => Outcome::Taken("200".into()),
                        Door::Away | Door::Unheard => {
                            Outcome::Failed { why: "503".into(), retry_after: None }
                        }
                        Door::Shut => Outcome::Refused("404".into()),
                        Door::Mute => continue,
                    };
                    let message_id = Arc::clone(&message.id);
                    let crash = std::mem::take(&mut self.crash);
                    let door = self.doors.get(&*message.channel);
                    if matches!(outcome, Outcome::Taken(_)) || door == Some(&Door::Unheard) {
                        self.taken.push(*message);
                    } else {
                        let to = message.channel;
                        self.vain.extend(message.tells.into_iter().map(|t| (to.clone(), t.key)));
                    }
                    if crash {
                        return rows::restart(self);
                    }
                    self.feed(Input::Sent { message: message_id, outcome });
                }
                Output::Withdrawn(id) => drop(self.withdrawn.insert(id)),
                other => self.other.push(other),
            }
        }
    }

    /// Lets time pass, and wakes the router whenever it asks for it.
    fn pass(&mut self, seconds: u64) {
        let until = self.now.plus(Duration::from_secs(seconds));
        let mut rounds = 0;
        while let Some(next) = self.router.next().filter(|next| *next <= until) {
            self.now = self.now.max(next);
            self.feed(Input::Tick);
            rounds += 1;
            assert!(rounds < 1_000_000, "the router asks for ever to be woken");
        }
        self.now = until;
        self.feed(Input::Tick);
    }

    fn change(&mut self, change: Change) {
        self.feed(Input::Changed(Box::new(change)));
    }

    fn fires_as(&mut self, host: &str, rule: &str, severity: Severity) {
        self.change(change(host, rule, AlarmState::Firing, severity, self.now));
    }

    fn fires(&mut self, host: &str, rule: &str) {
        self.fires_as(host, rule, Severity::Warning);
    }

    fn over(&mut self, host: &str, rule: &str) {
        self.change(change(host, rule, AlarmState::Ok, Severity::Warning, self.now));
    }

    fn door(&mut self, channel: &'static str, door: Door) {
        self.doors.insert(channel, door);
    }

    /// The messages that channels took since the last time, one line each.
    fn told(&mut self) -> Vec<String> {
        self.taken.drain(..).map(|message| line(&message)).collect()
    }

    /// The steps of an alarm's way, without moments and ids of messages.
    fn way(&self, host: &str, rule: &str) -> Vec<String> {
        let journal = self.router.journal(&key(host, rule)).expect("an alarm that is known");
        journal.iter().map(|entry| entry.step.to_string()).collect()
    }

    fn says(&self, host: &str, rule: &str, words: &str) -> bool {
        self.way(host, rule).iter().any(|step| step.contains(words))
    }
}

/// `20 mail firing: +web-1/disk(warning) =web-2/disk(critical) -web-3/disk(warning)`: seconds since the
/// start, channel, kind, and the alarms: `+` begins, `=` goes on, `-` is over.
fn line(message: &Message) -> String {
    let at = message.at.since(NOON).as_secs();
    let Message { channel, kind, low, items, more, .. } = message;
    let mut line = format!("{at} {channel} {kind}{}:", if *low { " low" } else { "" });
    for item in items {
        let mark = match (item.said.firing, item.new) {
            (true, true) => '+',
            (true, false) => '=',
            (false, _) => '-',
        };
        let Item { host, key, said, late, .. } = item;
        let late = if *late { " late" } else { "" };
        let flapping = if said.flapping { " flapping" } else { "" };
        let unknown = if said.unknown { " unknown" } else { "" };
        line += &format!(" {mark}{host}/{}({}{unknown}{flapping}{late})", key.rule, said.severity);
    }
    if *more > 0 {
        line += &format!(" and {more} more");
    }
    line
}
