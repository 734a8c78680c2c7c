//! Whatever happens, in whatever order: what must hold of what channels took.

use proptest::prelude::*;

use super::*;

/// One thing that happens.
#[derive(Debug, Clone)]
enum Op {
    Change(u8, u8, AlarmState, Severity),
    Pass(u64),
    Silence(u8, u64, bool),
    EndSilence(u8),
    Ack(u8, u8),
    EndAck(u8, u8),
    Rest(u8, bool),
    Parent(bool),
    Polled(u8, bool),
    Door(u8, Door),
    Reroute(u8),
    Restart,
    Crash,
}

const CHANNELS: [&str; 3] = ["mail", "chat", "phone"];
const RULES: [&str; 3] = ["disk", "load", "host-down"];
const HOSTS: u8 = 6;

/// Routes of several kinds; `repeat` is an hour in each.
fn texts(number: u8) -> Arc<Routes> {
    routes(match number % 4 {
        0 => "[[route]]\nchannels = [\"mail\", \"chat\"]\nrepeat = \"1h\"\n",
        1 => {
            "[[route]]\nmatch = { severity = [\"critical\"] }\nchannels = [\"phone\"]\nrepeat = \"1h\"\n\
             wait = \"0s\"\ncontinue = true\n[[route]]\nchannels = [\"mail\"]\nrepeat = \"1h\"\n\
             quiet = { schedule = \"0 0 22 * * *\", duration = \"8h\" }\n"
        }
        2 => {
            "[[route]]\nmatch = { rules = [\"host-*\"] }\nchannels = [\"chat\"]\nrepeat = \"1h\"\n\
             group_by = [\"host\"]\nwait = \"1s\"\nevery = \"10s\"\n\
             steps = [{ after = \"15m\", channels = [\"mail\"] }, { after = \"1h\", channels = [\"phone\"] }]\n\
             [[route]]\nchannels = [\"chat\", \"mail\"]\ngroup_by = []\nrepeat = \"1h\"\nevery = \"1h\"\n\
             quiet = { schedule = \"0 30 * * * *\", duration = \"10m\", hold_recoveries = false }\n"
        }
        _ => "[[route]]\nmatch = { rules = [\"load\"] }\nchannels = [\"phone\"]\nrepeat = \"1h\"\n",
    })
}

fn ops() -> impl Strategy<Value = Op> {
    let alarm = || (0..HOSTS, 0..3u8);
    let severity =
        prop_oneof![Just(Severity::Info), Just(Severity::Warning), Just(Severity::Critical)];
    let state = prop_oneof![
        5 => Just(AlarmState::Firing), 4 => Just(AlarmState::Ok), 1 => Just(AlarmState::Unknown),
        1 => Just(AlarmState::Clearing)
    ];
    let door = prop_oneof![
        3 => Just(Door::Open), 3 => Just(Door::Away), 1 => Just(Door::Shut),
        1 => Just(Door::Unheard)
    ];
    prop_oneof![
        12 => (alarm(), state, severity).prop_map(|((h, r), to, s)| Op::Change(h, r, to, s)),
        8 => prop_oneof![0..40u64, 40..900u64, 900..20_000u64].prop_map(Op::Pass),
        1 => (0..3u8, 1..9000u64, any::<bool>()).prop_map(|(r, s, c)| Op::Silence(r, s, c)),
        1 => (0..3u8).prop_map(Op::EndSilence),
        2 => alarm().prop_map(|(h, r)| Op::Ack(h, r)),
        1 => alarm().prop_map(|(h, r)| Op::EndAck(h, r)),
        1 => (0..HOSTS, any::<bool>()).prop_map(|(h, r)| Op::Rest(h, r)),
        1 => any::<bool>().prop_map(Op::Parent),
        1 => (0..HOSTS, any::<bool>()).prop_map(|(h, f)| Op::Polled(h, f)),
        3 => (0..3u8, door).prop_map(|(c, d)| Op::Door(c, d)),
        1 => (0..4u8).prop_map(Op::Reroute),
        1 => Just(Op::Restart),
        1 => Just(Op::Crash),
    ]
}

/// A desk, and what is true.
struct World {
    desk: Desk,
    truth: BTreeMap<(u8, u8), (AlarmState, Severity, WallMs)>,
    seen: Vec<Message>,
    /// A message may be taken twice: a crash or a lost answer stood between.
    repeats: bool,
}

fn host(number: u8) -> String {
    format!("web-{}", number + 1)
}

impl World {
    fn change(&mut self, host_number: u8, rule: u8, to: AlarmState, severity: Severity) {
        let (host, rule_name) = (host(host_number), RULES[usize::from(rule)]);
        let mut change = change(&host, rule_name, to, severity, self.desk.now);
        if rule_name == "host-down" {
            let grace = Duration::from_secs(60);
            change.facts.behind = Some(Behind { parents: vec![HostId(900)], grace });
        }
        // Since when it fires, or does not.
        let before = self.truth.get(&(host_number, rule));
        let same = before.filter(|(state, ..)| state.is_active() == to.is_active());
        let since = same.map_or(self.desk.now, |(.., since)| *since);
        self.truth.insert((host_number, rule), (to, severity, since));
        self.desk.change(change);
    }

    fn run(&mut self, op: &Op) {
        let desk = &mut self.desk;
        let id = |number: u8| HostId(i64::from(number) + 1);
        match *op {
            Op::Change(host, rule, to, severity) => self.change(host, rule, to, severity),
            Op::Pass(seconds) => desk.pass(seconds),
            Op::Silence(rule, seconds, clear) => {
                let rule = RULES[usize::from(rule)];
                people::silence(desk, rule, rule, seconds + 1, clear).unwrap();
            }
            Op::EndSilence(rule) => desk.feed(Input::EndSilence(RULES[usize::from(rule)].into())),
            Op::Ack(number, rule) => {
                let key = key(&host(number), RULES[usize::from(rule)]);
                let outputs = desk.router.ack(&key, "ann", "", desk.now);
                desk.handle(outputs.unwrap_or_default());
            }
            Op::EndAck(number, rule) => {
                desk.feed(Input::EndAck(key(&host(number), RULES[usize::from(rule)])));
            }
            Op::Rest(host, resting) => desk.feed(Input::Resting { host: id(host), resting }),
            Op::Parent(fails) => desk.feed(Input::Parent { host: HostId(900), fails }),
            Op::Polled(host, failed) => {
                desk.feed(Input::Polled { host: id(host), began: desk.now, failed });
            }
            Op::Door(channel, door) => {
                self.repeats |= door == Door::Unheard;
                desk.door(CHANNELS[usize::from(channel)], door);
            }
            Op::Reroute(number) => desk.feed(Input::Routes(texts(number))),
            Op::Restart => rows::restart(desk),
            Op::Crash => (self.repeats, desk.crash) = (true, true),
        }
        self.seen.append(&mut self.desk.taken);
    }

    /// Nothing keeps anything back any longer, and time passes.
    fn calm(&mut self) {
        let mut ops: Vec<Op> = (0..3).map(|c| Op::Door(c, Door::Open)).collect();
        ops.extend((0..3).map(Op::EndSilence));
        ops.extend((0..HOSTS).map(|host| Op::Rest(host, false)));
        ops.extend((0..HOSTS).flat_map(|host| (0..3).map(move |rule| Op::EndAck(host, rule))));
        ops.extend([Op::Parent(false), Op::Pass(1)]);
        ops.extend((0..HOSTS).map(|host| Op::Polled(host, true)));
        ops.push(Op::Pass(2 * 24 * 3600));
        for op in &ops {
            self.run(op);
        }
    }
}

/// What each channel believes of each alarm, by the messages that it took, in their order.
fn beliefs(seen: &[Message], repeats: bool) -> BTreeMap<(Arc<str>, AlarmKey), Said> {
    let mut ids = BTreeSet::new();
    let mut beliefs: BTreeMap<(Arc<str>, AlarmKey), Said> = BTreeMap::new();
    // Of the firing that was told to be over last.
    let mut ended: BTreeMap<(Arc<str>, AlarmKey), WallMs> = BTreeMap::new();
    let mut made: BTreeMap<(Arc<str>, AlarmKey), WallMs> = BTreeMap::new();
    for message in seen {
        if !ids.insert(message.id.clone()) {
            assert!(repeats, "{} was taken twice", message.id);
            continue;
        }
        assert!(message.items.len() <= MAX_ITEMS);
        for Tell { key, said, late } in &message.tells {
            let of = (message.channel.clone(), key.clone());
            let before = beliefs.get(&of).is_some_and(|said| said.firing);
            if said.firing {
                assert!(!late);
            } else {
                // An end without its begin; one that is told late has both in it, and may follow a begin of
                // which it is not certain that it was the last thing heard.
                let item = message.items.iter().find(|item| item.key == *key);
                let since = item.map_or(WallMs::default(), |item| item.since);
                // Its answer was lost, or never known: the same end once more.
                let again = repeats && ended.insert(of.clone(), since) == Some(since);
                assert!(before || *late || again, "{message:?}");
            }
            let last = made.insert(of.clone(), message.at);
            assert!(last.is_none_or(|last| last <= message.at), "out of order: {message:?}");
            beliefs.insert(of, *said);
        }
    }
    beliefs
}

/// Whether the way of an alarm names why it is not told.
fn is_explained(desk: &Desk, key: &AlarmKey) -> bool {
    desk.router.journal(key).is_some_and(|journal| {
        journal.iter().any(|entry| {
            matches!(
                entry.step,
                Step::Held { .. }
                    | Step::Waits { .. }
                    | Step::Storm { .. }
                    | Step::NoRoute
                    | Step::Sent { .. }
                    | Step::Failed { .. }
                    | Step::GivenUp { .. }
                    | Step::Withdrawn { .. }
            )
        })
    })
}

fn check(start: u8, history: &[Op]) {
    let desk = Desk::of(Router::new(texts(start), NOON));
    let mut world = World { desk, truth: BTreeMap::new(), seen: Vec::new(), repeats: false };
    for op in history {
        world.run(op);
    }
    let beliefs_then = beliefs(&world.seen, world.repeats);
    for ((number, rule), (state, ..)) in &world.truth {
        let key = key(&host(*number), RULES[usize::from(*rule)]);
        let told = beliefs_then.iter().any(|((_, other), said)| *other == key && said.firing);
        if state.is_active() {
            assert!(told || is_explained(&world.desk, &key), "{key:?}");
        }
    }
    let calm = world.desk.now;
    world.calm();
    let beliefs_now = beliefs(&world.seen, world.repeats);
    let routes = world.desk.router.routes();
    let mut firing = 0;
    for ((number, rule), (state, severity, since)) in &world.truth {
        let key = key(&host(*number), RULES[usize::from(*rule)]);
        let facts = facts(&host(*number));
        let targets: BTreeSet<&str> = routes
            .of(&key, *severity, &facts)
            .flat_map(|route| route.targets(usize::MAX).map(|channel| &**channel))
            .collect();
        firing += usize::from(state.is_active());
        for channel in CHANNELS {
            let said = beliefs_now.get(&(channel.into(), key.clone()));
            let believes = said.is_some_and(|said| said.firing);
            if state.is_active() && targets.contains(channel) {
                let now =
                    said.copied().unwrap_or_else(|| panic!("{channel} knows nothing of {key:?}"));
                assert_eq!((now.firing, now.severity), (true, *severity), "{channel} {key:?}");
                assert_eq!(now.unknown, *state == AlarmState::Unknown);
                repeated(&world, channel, &key);
            } else if !state.is_active() {
                // What the channel refused for a day is given up; within that it is told once an hour.
                let vain = world.desk.vain.contains(&(channel.into(), key.clone()));
                let believes =
                    believes && !(vain && calm.since(*since) >= GIVE_UP_AFTER - END_AGAIN);
                assert!(!believes, "{channel} still believes in {key:?}");
            }
        }
    }
    let own = [CHANNEL_RULE, OVERFLOW_RULE];
    let followed = world.desk.router.followed();
    assert!(followed >= firing && followed <= firing + own.len() + 3, "{followed} {firing}");
    assert_eq!(world.desk.router.waiting(), 0);
}

/// In the last day, in which nothing happened, it was listed once an hour, but in quiet hours.
fn repeated(world: &World, channel: &str, key: &AlarmKey) {
    let from = world.desk.now.minus(Duration::from_secs(24 * 3600));
    let lists = |message: &&Message| {
        *message.channel == *channel
            && message.at >= from
            && message.items.iter().any(|item| item.key == *key)
    };
    let at: Vec<WallMs> = world.seen.iter().filter(lists).map(|message| message.at).collect();
    assert!(at.len() >= 12, "{channel} {key:?}: {at:?}");
    for two in at.windows(2) {
        let gap = two[1].since(two[0]).as_secs();
        let quiet = (8 * 3600..=9 * 3600).contains(&gap) || (3600..=3600 + 600).contains(&gap);
        assert!(quiet, "{channel} {key:?}: {gap} s");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 4000, ..ProptestConfig::default() })]

    /// No end without its begin; what fires is told in the end or something named keeps it back; no
    /// message twice but after a crash; in order for each alarm; `repeat` is what it says.
    #[test]
    fn whatever_happens_each_channel_learns_what_is_true(
        start in 0..4u8,
        history in prop::collection::vec(ops(), 0..80),
    ) {
        check(start, &history);
    }
}

/// The end of one alarm is told in the group in which it was before; another alarm that fires is in the
/// group in which both are now, and has to be repeated there.
#[test]
fn an_end_in_a_group_that_is_gone_stops_no_repeat_of_what_still_fires() {
    let (firing, info) = (AlarmState::Firing, Severity::Info);
    let history = [
        Op::Change(0, 2, firing, info),
        Op::Reroute(2),
        Op::Door(1, Door::Unheard),
        Op::Pass(81),
        Op::Change(3, 2, firing, info),
        Op::Door(0, Door::Unheard),
        Op::Pass(1216),
        Op::Change(3, 2, AlarmState::Ok, info),
        Op::Reroute(0),
    ];
    check(0, &history);
}
