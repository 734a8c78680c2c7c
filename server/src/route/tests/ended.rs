//! What is said of a message that has ended.

use super::*;
use crate::model::{Delivery, DeliveryState};

/// What ended since the start of what the file's own routes told: a channel that fails is told of, too.
fn ended(desk: &Desk) -> Vec<&Delivery> {
    let ended = desk.other.iter().filter_map(|output| match output {
        Output::Ended(delivery) => Some(&**delivery),
        _ => None,
    });
    ended.filter(|of| &*of.route != "roundsman:own").collect()
}

fn line(of: &Delivery) -> (&str, &str, DeliveryState, u32, Option<&str>) {
    (&of.channel, &of.kind, of.state, of.tries, of.answer.as_deref())
}

#[test]
fn what_became_of_each_message_is_said_once_with_its_alarms() {
    let mut desk = Desk::new("[[route]]\nname = \"all\"\nchannels = [\"mail\", \"chat\"]\n");
    desk.door("mail", Door::Away);
    desk.door("chat", Door::Shut);
    desk.fires("web-1", "disk");
    // Tries after 20, 21 and 23 seconds.
    desk.pass(24);
    desk.door("mail", Door::Open);
    desk.pass(10);
    let sent = desk.taken.iter().find(|message| &*message.route == "all").unwrap().clone();
    let all: Vec<_> = ended(&desk).into_iter().map(line).collect();
    assert_eq!(
        all,
        [
            ("chat", "firing", DeliveryState::GivenUp, 1, Some("404")),
            ("mail", "firing", DeliveryState::Sent, 4, Some("200")),
        ]
    );
    let of = ended(&desk)[1];
    assert_eq!((&of.message, &*of.route, of.made), (&sent.id, "all", sent.at));
    assert_eq!((of.first_tried, of.ended), (sent.at, desk.now.minus(Duration::from_secs(7))));
    assert_eq!(of.told, 1);
    let told = &of.alarms[0];
    let severity = Severity::Warning;
    assert_eq!((&told.key, told.firing, told.severity), (&key("web-1", "disk"), true, severity));
}

#[test]
fn a_message_that_is_no_longer_true_ends_as_withdrawn() {
    let mut desk = Desk::new("[[route]]\nchannels = [\"mail\"]\n");
    desk.door("mail", Door::Away);
    desk.fires("web-1", "disk");
    desk.pass(24);
    desk.over("web-1", "disk");
    desk.pass(60);
    let of = ended(&desk)[0];
    let (channel, kind, state, _, answer) = line(of);
    assert_eq!((channel, kind, state), ("mail", "firing", DeliveryState::Withdrawn));
    assert_eq!((answer, of.tries >= 3), (None, true), "{of:?}");
}

#[test]
fn of_more_alarms_than_a_row_names_the_rest_is_counted() {
    let mut desk = Desk::new("[[route]]\nchannels = [\"mail\"]\ngroup_by = []\n");
    let most = crate::model::MAX_TOLD;
    for host in 0..most + 5 {
        desk.fires(&format!("web-{host}"), "disk");
    }
    desk.pass(40);
    let of = ended(&desk)[0];
    assert_eq!((of.alarms.len(), of.told), (most, 1_005));
}
