//! Which of several servers writes to a database, decided without comparing clocks. Pure.
//!
//! A row says who holds the database, how often it was taken (`epoch`), and counts its holder's signs of
//! life (`count`). The holder counts up with each batch that it keeps, and when there was none for
//! [`RENEW`]. Whoever waits watches the row by a monotonic clock of its own, and may take it once it has
//! seen the same beat for [`LEASE`]. It takes it by a compare-and-swap on the beat that it saw, so a sign
//! of life in between wins. What the holder writes carries its epoch in the same transaction, as a write:
//! on a Galera cluster reading the row with a lock fences nobody.
//!
//! Why the holder can trust itself: it counts from before it *sends* a renewal that is acknowledged. Whoever
//! watches counts from after it *received* the first look that showed that renewal, which is later. So
//! nobody takes the row before `LEASE` is over for the holder, and it stops trusting itself [`MARGIN`]
//! earlier. That the two clocks run equally fast, to a third, is all that is assumed of them.

use std::time::Duration;

use crate::units::Mono;

/// How long the row must show the same beat before another server takes it.
pub const LEASE: Duration = Duration::from_secs(6);

/// After how long without a batch the holder gives a sign of life.
pub const RENEW: Duration = Duration::from_secs(1);

/// How long before the end of [`LEASE`] the holder no longer relies on it.
pub const MARGIN: Duration = Duration::from_secs(2);

/// What the row shows at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Beat {
    /// How often the row was taken.
    pub epoch: u64,
    /// Signs of life since then; 0 when its holder let go.
    pub count: u64,
}

impl Beat {
    /// Whether nobody holds the row.
    #[must_use]
    pub fn is_free(self) -> bool {
        self.count == 0
    }
}

/// A server that watches the row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Watcher {
    /// What it saw first, and when the answer came.
    seen: Option<(Beat, Mono)>,
}

impl Watcher {
    /// Takes in what a look showed that was asked for at `asked` and answered at `answered`. True when the
    /// row may be taken, by a compare-and-swap on this beat.
    pub fn looked(&mut self, beat: Beat, asked: Mono, answered: Mono) -> bool {
        if beat.is_free() {
            return true;
        }
        match self.seen {
            Some((seen, since)) if seen == beat => asked.since(since) >= LEASE,
            _ => {
                self.seen = Some((beat, answered));
                false
            }
        }
    }

    /// A look failed: the holder may have been unable to give a sign of life, too.
    pub fn failed(&mut self) {
        self.seen = None;
    }
}

/// What the holder knows of its right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Holding {
    /// How often the row had been taken when this server took it.
    pub epoch: u64,
    /// When it sent the last renewal that was acknowledged.
    sent: Mono,
}

impl Holding {
    /// Of a server whose compare-and-swap, sent at this moment, has won.
    #[must_use]
    pub fn taken(epoch: u64, sent: Mono) -> Self {
        Self { epoch, sent }
    }

    /// A renewal that was sent at this moment is acknowledged.
    pub fn renewed(&mut self, sent: Mono) {
        self.sent = self.sent.max(sent);
    }

    /// Until when no other server can have taken the row.
    #[must_use]
    pub fn sure_until(self) -> Mono {
        self.sent.plus(LEASE.saturating_sub(MARGIN))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{HashSet, VecDeque};

    use super::*;

    fn at(seconds: u64) -> Mono {
        Mono(Duration::from_secs(seconds))
    }

    #[test]
    fn a_row_is_taken_once_it_has_stood_still_and_not_after_a_failed_look() {
        let beat = |count| Beat { epoch: 3, count };
        let mut watcher = Watcher::default();
        assert!(watcher.looked(beat(0), at(0), at(0)), "it is free");
        assert!(!watcher.looked(beat(7), at(1), at(2)));
        assert!(
            !watcher.looked(beat(7), at(7), at(8)),
            "six seconds after the answer, not the question"
        );
        assert!(watcher.looked(beat(7), at(8), at(9)));
        assert!(!watcher.looked(beat(8), at(9), at(9)), "a sign of life");
        watcher.failed();
        assert!(!watcher.looked(beat(8), at(60), at(60)), "the holder may have been cut off, too");
        assert!(watcher.looked(beat(8), at(66), at(66)));
    }

    #[test]
    fn the_holder_relies_on_what_it_sent_before_the_answer() {
        let mut holding = Holding::taken(4, at(10));
        assert_eq!(holding.sure_until(), at(14));
        holding.renewed(at(12));
        holding.renewed(at(11));
        assert_eq!(holding.sure_until(), at(16));
    }

    // Every order of events, up to a bound, of three servers and one row.

    const SERVERS: usize = 3;
    /// Seconds between two moments.
    const STEP: u64 = 2;
    /// Moments that are looked at.
    const END: u64 = 8;
    /// Times that the row may be taken.
    const EPOCHS: u64 = 3;

    fn moment(number: u64) -> Mono {
        at(number * STEP)
    }

    /// What is on its way to the database, with the moment at which it was sent.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
    enum Sent {
        Renew {
            epoch: u64,
            sent: u64,
        },
        Take {
            seen: Beat,
            sent: u64,
        },
        /// An event of a host, fenced.
        Write {
            epoch: u64,
        },
        Look {
            asked: u64,
        },
    }

    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
    enum Role {
        Waits(Watcher),
        Holds(Holding),
    }

    #[derive(Debug, Clone, PartialEq, Eq, Hash)]
    struct World {
        now: u64,
        beat: Beat,
        roles: [Role; SERVERS],
        /// One message of each server at a time: a statement on a connection.
        sent: [Option<Sent>; SERVERS],
        /// The greatest epoch of which anything was written.
        written: u64,
    }

    /// What makes the search find something.
    #[derive(Clone, Copy, PartialEq)]
    enum Without {
        Nothing,
        /// Writes do not ask for the epoch.
        Fence,
        /// The row is taken as it is, not as it was seen.
        Swap,
        /// Whoever watches counts from the question, not from its answer.
        Answer,
    }

    impl World {
        fn new() -> Self {
            Self {
                now: 0,
                beat: Beat::default(),
                roles: [Role::Waits(Watcher::default()); SERVERS],
                sent: [None; SERVERS],
                written: 0,
            }
        }

        /// The database carries out what a server sent; the answer comes at once, or never.
        fn carry_out(
            &mut self,
            who: usize,
            is_answered: bool,
            without: Without,
        ) -> Result<(), &'static str> {
            let Some(sent) = self.sent[who].take() else { return Ok(()) };
            let (now, role) = (moment(self.now), &mut self.roles[who]);
            match (sent, role) {
                (Sent::Renew { epoch, sent }, role) => {
                    let is_ours = self.beat.epoch == epoch;
                    if is_ours {
                        self.beat.count += 1;
                    }
                    match role {
                        Role::Holds(holding) if is_ours && is_answered => {
                            holding.renewed(moment(sent));
                        }
                        role if is_answered && !is_ours => *role = Role::Waits(Watcher::default()),
                        _ => {}
                    }
                }
                (Sent::Take { seen, sent }, role) => {
                    if self.beat == seen || without == Without::Swap {
                        self.beat = Beat { epoch: self.beat.epoch + 1, count: 1 };
                        if is_answered {
                            *role = Role::Holds(Holding::taken(self.beat.epoch, moment(sent)));
                        }
                    }
                }
                (Sent::Write { epoch }, _) => {
                    if self.beat.epoch == epoch || without == Without::Fence {
                        if epoch < self.written.max(self.beat.epoch) {
                            return Err("written after another server took over");
                        }
                        self.written = epoch;
                        self.beat.count += 1;
                    }
                }
                (Sent::Look { asked }, Role::Waits(watcher)) => {
                    let answered = if without == Without::Answer { moment(asked) } else { now };
                    if !is_answered {
                        watcher.failed();
                    } else if watcher.looked(self.beat, moment(asked), answered) {
                        self.sent[who] = Some(Sent::Take { seen: self.beat, sent: self.now });
                    }
                }
                (Sent::Look { .. }, Role::Holds(_)) => {}
            }
            Ok(())
        }

        /// Two servers that are both sure would both tell.
        fn check(&self) -> Result<(), &'static str> {
            let is_sure = |role: &&Role| match role {
                Role::Holds(holding) => moment(self.now) < holding.sure_until(),
                Role::Waits(_) => false,
            };
            match self.roles.iter().filter(is_sure).count() {
                0 | 1 => Ok(()),
                _ => Err("two servers tell"),
            }
        }

        fn next(&self, without: Without) -> Result<Vec<Self>, &'static str> {
            let mut next = Vec::new();
            if self.now < END {
                // Time passes whatever is on its way: a server, its network or the database may stand still.
                next.push(Self { now: self.now + 1, ..self.clone() });
            }
            for who in 0..SERVERS {
                let mut with = |sent| {
                    let mut world = self.clone();
                    world.sent[who] = Some(sent);
                    next.push(world);
                };
                match (self.sent[who], self.roles[who]) {
                    (None, Role::Waits(_)) => with(Sent::Look { asked: self.now }),
                    (None, Role::Holds(Holding { epoch, .. })) => {
                        with(Sent::Renew { epoch, sent: self.now });
                        with(Sent::Write { epoch });
                    }
                    (Some(_), _) => {}
                }
                if self.sent[who].is_some() {
                    let mut lost = self.clone();
                    let sent = lost.sent[who].take();
                    if let (Some(Sent::Look { .. }), Role::Waits(watcher)) =
                        (sent, &mut lost.roles[who])
                    {
                        watcher.failed();
                    }
                    next.push(lost);
                    for is_answered in [true, false] {
                        let mut world = self.clone();
                        world.carry_out(who, is_answered, without)?;
                        world.check()?;
                        if world.beat.epoch <= EPOCHS {
                            next.push(world);
                        }
                    }
                }
            }
            Ok(next)
        }
    }

    /// Looks at so many worlds, the near ones first; what is wrong in one of them.
    fn search(without: Without, most: usize) -> (usize, Option<&'static str>) {
        let mut known = HashSet::from([World::new()]);
        let mut queue = VecDeque::from([World::new()]);
        while let Some(world) = queue.pop_front() {
            let next = match world.next(without) {
                Ok(next) => next,
                Err(wrong) => return (known.len(), Some(wrong)),
            };
            for world in next {
                if known.len() < most && known.insert(world.clone()) {
                    queue.push_back(world);
                }
            }
        }
        (known.len(), None)
    }

    #[test]
    fn no_order_of_events_gives_two_holders_and_each_rule_is_needed() {
        const MOST: usize = 1_000_000;
        let without = |rule| search(rule, MOST).1;
        assert_eq!(without(Without::Fence), Some("written after another server took over"));
        assert_eq!(without(Without::Swap), Some("two servers tell"));
        assert_eq!(without(Without::Answer), Some("two servers tell"));
        assert_eq!(search(Without::Nothing, MOST), (MOST, None));
    }
}
