use proptest::prelude::*;

use super::*;
use crate::model::HostId;

const TERMS: Terms = Terms {
    fire: Wait::Polls(3),
    clear: Wait::Polls(2),
    severity: Severity::Warning,
    missing: Missing::Hold,
    hold_for: Duration::from_secs(60),
};

const INTERVAL: Duration = Duration::from_secs(10);

/// What a poll says, in a letter: Holds, between (`-`), Clears, missing (`?`), critical (`!`).
fn seen(letter: char) -> Seen {
    let said = |when, clear, critical| Seen { when, clear, critical, value: None };
    match letter {
        'H' => said(Some(true), Some(false), Some(false)),
        '!' => said(Some(true), Some(false), Some(true)),
        '-' => said(Some(false), Some(false), Some(false)),
        'C' => said(Some(false), Some(true), Some(false)),
        _ => said(None, None, None),
    }
}

/// The states after each poll of `letters`, one every ten seconds, and what was told: a state in capitals.
/// A space is a poll that was not made.
fn told_by(terms: &Terms, letters: &str) -> String {
    let mut stand: Option<Stand> = None;
    let mut all = String::new();
    for (index, letter) in letters.chars().enumerate() {
        if letter == ' ' {
            continue;
        }
        let slot = WallMs(i64::try_from(index).unwrap() * 10_000);
        let (next, change) =
            step(stand.as_ref(), &seen(letter), terms, Moment { slot, interval: INTERVAL });
        stand = next.filter(|next| next.state != AlarmState::Ok);
        let state = stand.map_or(AlarmState::Ok, |stand| stand.state);
        let word = state.as_str()[..1].to_owned();
        all += &if change.is_some() { word.to_uppercase() } else { word };
    }
    all
}

#[test]
fn every_cell_of_the_table_is_as_it_says() {
    let told = |letters: &str| told_by(&TERMS, letters);
    // Fires on the third poll in a row, and is over on the second that clears.
    assert_eq!(told("HHHHCC-"), "ppFfcOo");
    // A poll that does not hold begins the count again; one that is missing does not count.
    assert_eq!(told("HHCHHH"), "ppoppF");
    assert_eq!(told("HH-HHH"), "ppoppF");
    assert_eq!(told("H?H?H"), "ppppF");
    // Between the thresholds it fires on, and a clearing one fires again without being told.
    assert_eq!(told("HHH--C-CHCC"), "ppFffcfcfcO");
    assert_eq!(told("HHHCHCC"), "ppFcfcO");
    // What is missing holds for a minute; after that it is unknown, told once.
    assert_eq!(told("HHH??????????"), "ppFffffffUuuu");
    assert_eq!(told("HHHC??????C??"), "ppFcccccccOoo");
    assert_eq!(told("HHHC????????"), "ppFcccccccUu");
    // From unknown: it fires, or clears, or is over.
    assert_eq!(told("HHH???????HCC"), "ppFffffffUFcO");
    assert_eq!(told("HHH???????-"), "ppFffffffUF");
    assert_eq!(told("HHH???????CC"), "ppFffffffUCO");
    let one = Terms { clear: Wait::Polls(1), fire: Wait::Polls(1), ..TERMS };
    assert_eq!(told_by(&one, "HC?CH???????CC"), "FOooFffffffUOo");
    // A pending one that is missing for so long is over, and nothing is told.
    assert_eq!(told("H????????H"), "pppppppoop");
    // What was never told is not told to be over.
    assert_eq!(told("HHC??C"), "ppoooo");
}

#[test]
fn missing_values_may_clear_or_fire() {
    let clear = Terms { missing: Missing::Clear, ..TERMS };
    assert_eq!(told_by(&clear, "H?HHH??"), "poppFcO");
    let fire = Terms { missing: Missing::Fire, ..TERMS };
    assert_eq!(told_by(&fire, "C??H????CC"), "oppFffffcO");
}

#[test]
fn some_of_the_last_polls_are_enough() {
    let of = Terms { fire: Wait::Of { needed: 3, last: 5 }, ..TERMS };
    assert_eq!(told_by(&of, "HCHCH"), "ppppF");
    assert_eq!(told_by(&of, "HCCHCH"), "pppppp");
    assert_eq!(told_by(&of, "HCCCCC"), "pppppo");
    assert_eq!(told_by(&of, "H?C?H?C?H"), "ppppppppF");
    let all = Terms { fire: Wait::Of { needed: 32, last: 32 }, ..TERMS };
    assert!(told_by(&all, &"H".repeat(32)).ends_with("pF"));
}

#[test]
fn a_time_is_counted_from_poll_to_poll_and_time_off_is_not() {
    let terms = Terms { fire: Wait::Time(Duration::from_secs(30)), ..TERMS };
    assert_eq!(told_by(&terms, "HHHHH"), "pppFf");
    assert_eq!(told_by(&terms, "HHCHHHH"), "ppopppF");
    // Three intervals are a slow poll, four are time off.
    assert_eq!(told_by(&terms, "H  H"), "pF");
    assert_eq!(told_by(&terms, "H      HHHH"), "ppppF");
    // What is missing while nothing was asked has not been missing for longer.
    assert_eq!(told_by(&TERMS, "HHH?                ??????"), "ppFfffffff");
    assert_eq!(told_by(&TERMS, "HHH?                ????????"), "ppFfffffffUu");
}

#[test]
fn a_severity_rises_at_once_and_falls_when_it_is_stable() {
    let run = |letters: &str| {
        let mut stand = None;
        let mut told = Vec::new();
        for (index, letter) in letters.chars().enumerate() {
            let slot = WallMs(i64::try_from(index).unwrap() * 10_000);
            let moment = Moment { slot, interval: INTERVAL };
            let (next, change) = step(stand.as_ref(), &seen(letter), &TERMS, moment);
            stand = next;
            told.extend(change.map(|change| (index, change.to, change.severity)));
        }
        told
    };
    use AlarmState::{Firing, Ok};
    use Severity::{Critical, Warning};
    assert_eq!(
        run("HHH!H!HHCC"),
        [(2, Firing, Warning), (3, Firing, Critical), (7, Firing, Warning), (9, Ok, Warning)]
    );
    assert_eq!(run("!!!"), [(2, Firing, Critical)]);
    assert_eq!(run("!!H"), [(2, Firing, Warning)], "it is told as it is then");
    assert_eq!(run("HHH!?????"), [(2, Firing, Warning), (3, Firing, Critical)]);
}

#[test]
fn a_poll_that_comes_late_changes_nothing() {
    let stand = Stand {
        state: AlarmState::Firing,
        severity: Severity::Warning,
        since: WallMs(10),
        fired: Some(WallMs(10)),
        slot: WallMs(20),
        polls: 0,
        known: WallMs(20),
        value: Some(1.0),
    };
    for slot in [WallMs(20), WallMs(19), WallMs(i64::MIN)] {
        let moment = Moment { slot, interval: INTERVAL };
        assert_eq!(step(Some(&stand), &seen('C'), &TERMS, moment), (Some(stand), None));
    }
}

fn terms() -> impl Strategy<Value = Terms> {
    let fire = prop_oneof![
        (1_u32..6).prop_map(Wait::Polls),
        (0_u64..60).prop_map(|s| Wait::Time(Duration::from_secs(s))),
        (1_u32..4, 0_u32..4).prop_map(|(needed, more)| Wait::Of { needed, last: needed + more }),
    ];
    let clear = prop_oneof![
        (1_u32..6).prop_map(Wait::Polls),
        (0_u64..60).prop_map(|s| Wait::Time(Duration::from_secs(s))),
    ];
    let missing = prop_oneof![Just(Missing::Hold), Just(Missing::Clear), Just(Missing::Fire)];
    (fire, clear, missing, 0_u64..100).prop_map(|(fire, clear, missing, hold)| Terms {
        fire,
        clear,
        missing,
        hold_for: Duration::from_secs(hold),
        ..TERMS
    })
}

/// Polls with the seconds since the one before; back in time too.
fn polls() -> impl Strategy<Value = Vec<(char, i64)>> {
    let letter =
        prop_oneof![4 => Just('H'), 1 => Just('!'), 2 => Just('-'), 4 => Just('C'), 3 => Just('?')];
    let gap = prop_oneof![12 => Just(10_i64), 1 => Just(31), 1 => Just(3_600), 1 => -100_i64..1];
    prop::collection::vec((letter, gap), 1..60)
}

proptest! {
    #[test]
    fn a_restart_at_any_poll_changes_nothing(terms in terms(), polls in polls(), cut in 0_usize..60) {
        let run = |restart: Option<usize>| {
            let (mut stand, mut slot, mut all): (Option<Stand>, i64, Vec<_>) = (None, 0, Vec::new());
            for (index, (letter, gap)) in polls.iter().enumerate() {
                slot += gap * 1_000;
                if restart == Some(index) {
                    let key = AlarmKey { rule: "r".into(), host: HostId(1), row: "".into() };
                    let kept = stand.map(|stand| serde_json::to_string(&stand.alarm(key, 7)).unwrap());
                    let read = kept.map(|kept| serde_json::from_str::<Alarm>(&kept).unwrap());
                    stand = read.map(|alarm| Stand::of(&alarm));
                }
                let moment = Moment { slot: WallMs(slot), interval: INTERVAL };
                let (next, change) = step(stand.as_ref(), &seen(*letter), &terms, moment);
                stand = next;
                all.push((stand, change));
            }
            all
        };
        prop_assert_eq!(run(None), run(Some(cut)));
    }

    #[test]
    fn what_is_told_is_true(terms in terms(), polls in polls()) {
        let mut stand: Option<Stand> = None;
        let mut slot = 0;
        // Polls in a row, and milliseconds of them, that held before it fired; what was told last.
        let (mut held, mut held_ms, mut active) = (0_u32, 0_i64, false);
        for (letter, gap) in polls {
            slot += gap * 1_000;
            let moment = Moment { slot: WallMs(slot), interval: INTERVAL };
            let before = stand.filter(|stand| stand.state != AlarmState::Ok);
            let (next, change) = step(before.as_ref(), &seen(letter), &terms, moment);
            stand = next;
            let passed = before.map_or(0, |before| slot - before.slot.0);
            if before.is_some() && passed <= 0 {
                prop_assert_eq!(stand, before);
                prop_assert!(change.is_none());
                continue;
            }
            let holds = matches!(letter, 'H' | '!') || (letter == '?' && terms.missing == Missing::Fire);
            match (holds, letter, terms.missing) {
                (true, ..) => {
                    held_ms += if held > 0 && passed <= 30_000 { passed } else { 0 };
                    held += 1;
                }
                // Neither counts; a pending one may be given up.
                (_, '?', Missing::Hold) if before.is_some_and(|b| b.state == AlarmState::Pending) && stand.is_some_and(|s| s.state == AlarmState::Pending) => {}
                _ if matches!(terms.fire, Wait::Of { .. }) => {}
                _ => (held, held_ms) = (0, 0),
            }
            if let Some(change) = change {
                prop_assert_eq!(active, change.from.is_active(), "what begins and ends alternates");
                active = change.to.is_active();
                match (change.from, change.to) {
                    (AlarmState::Ok | AlarmState::Pending, to) => {
                        prop_assert_eq!(to, AlarmState::Firing);
                        let enough = match terms.fire {
                            Wait::Polls(polls) => held >= polls,
                            Wait::Time(length) => u128::try_from(held_ms).unwrap() >= length.as_millis(),
                            Wait::Of { needed, .. } => held >= needed,
                        };
                        prop_assert!(enough, "{held} polls, {held_ms} ms");
                    }
                    (_, AlarmState::Ok) => {
                        let clears = letter == 'C' || (letter == '?' && terms.missing == Missing::Clear);
                        prop_assert!(clears, "it is over by `clear` alone");
                        (held, held_ms) = (0, 0);
                    }
                    (_, AlarmState::Unknown) => prop_assert_eq!(letter, '?'),
                    _ => {}
                }
            }
            let is_active = stand.is_some_and(|stand| stand.state.is_active());
            prop_assert_eq!(active, is_active, "what is active was told, and the other way round");
        }
    }
}
