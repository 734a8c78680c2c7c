//! What is bounded, exceeded.

use super::*;

/// Many alarms of many hosts, ten rules each.
fn flood(desk: &mut Desk, from: usize, to: usize) {
    // Host 0 is the server itself.
    for number in from + 10..to + 10 {
        let (host, rule) = (format!("db-{}", number / 10), format!("rule-{}", number % 10));
        desk.fires(&host, &rule);
    }
}

#[test]
fn more_alarms_than_are_followed_are_one_alarm_and_the_others_are_told() {
    let mut desk = Desk::new("[[route]]\nchannels = [\"mail\"]\n");
    flood(&mut desk, 0, MAX_ACTIVE + 10);
    assert_eq!(desk.router.overflown(), 10);
    assert_eq!(desk.router.followed(), MAX_ACTIVE + 1);
    desk.pass(60);
    let told: usize =
        desk.taken.iter().filter(|m| &*m.channel == "mail").map(|m| m.tells.len()).sum();
    assert_eq!(told, MAX_ACTIVE + 1);
    let full = "there are 100000 alarms, which is the most: of further ones nobody is told";
    assert!(desk.sent.iter().any(|message| &*message.items[0].summary == full));
}

#[test]
fn what_waits_for_a_channel_is_bounded_and_told_in_the_end() {
    let text = "[[route]]\nchannels = [\"mail\", \"chat\"]\ngroup_by = [\"rule\"]\nwait = \"0s\"\n";
    let mut desk = Desk::new(text);
    for channel in ["mail", "chat"] {
        desk.door(channel, Door::Away);
    }
    flood(&mut desk, 0, MAX_WAITING / 2 + 100);
    desk.pass(900);
    assert!(desk.router.waiting() <= MAX_WAITING, "{}", desk.router.waiting());
    assert!(desk.router.waiting() > MAX_WAITING - 200, "{}", desk.router.waiting());
    for channel in ["mail", "chat"] {
        desk.door(channel, Door::Open);
    }
    desk.pass(3600);
    let told = |channel: &str| {
        let messages = desk.taken.iter().filter(|message| &*message.channel == channel);
        let keys = messages.flat_map(|message| message.tells.iter().map(|tell| &tell.key));
        keys.filter(|key| key.host != HostId::SERVER).collect::<BTreeSet<_>>().len()
    };
    assert_eq!((told("mail"), told("chat")), (MAX_WAITING / 2 + 100, MAX_WAITING / 2 + 100));
    assert_eq!(desk.router.waiting(), 0);
}
