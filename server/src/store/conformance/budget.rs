//! What every backend owes of the room that it takes.

use super::*;
use crate::{
    model::{Loss, LossReason, Rollup},
    rollup::Tier,
    store::{
        SeriesAsk,
        budget::{BudgetRun, POLLS_FLOOR, keep_within},
    },
};

const DAY_S: i64 = 86_400;

/// Polls a day and host: a few megabytes a day, which every backend's measure sees.
const POLLS: i64 = 600;

/// Writes polls of so many days of a host, the first of them so many days after the first day's end.
async fn write_days(fixture: &dyn Fixture, host: &KnownHost, days: std::ops::Range<i64>) {
    for day in days {
        let at = |n: i64| next_day(day * DAY_S + n * (DAY_S / POLLS));
        let polls = (0..POLLS).map(|n| sample::good(host.id, &host.name, at(n)));
        write_polls(fixture, polls.collect()).await;
    }
}

/// Runs until nothing more is given up, each of which takes a day at most; says what went.
async fn keep(fixture: &dyn Fixture, size: u64, now: WallMs) -> BudgetRun {
    let mut polls = 0;
    loop {
        fixture.settle().await;
        let run = keep_within(fixture.store(), Some(size), now).await.unwrap();
        assert!(run.polls <= 2 * u64::try_from(POLLS).unwrap(), "a day of both hosts: {run:?}");
        polls += run.polls;
        if run.span.is_none() || run.is_stuck {
            return BudgetRun { polls, ..run };
        }
    }
}

async fn all_losses(fixture: &dyn Fixture) -> Vec<Loss> {
    fixture.store().losses(Span::ALL, 99).await.unwrap()
}

async fn hours_of(fixture: &dyn Fixture, host: HostId) -> Vec<WallMs> {
    let ask = SeriesAsk {
        host,
        columns: [].into(),
        tier: Tier::Hours,
        span: Span { from: next_day(-400 * DAY_S), to: next_day(400 * DAY_S) },
        step: std::time::Duration::from_secs(3_600),
    };
    fixture.store().series(ask).await.unwrap().iter().map(|hour| hour.start).collect()
}

pub(crate) async fn the_oldest_polls_are_given_up_for_room_and_told_of(fixture: &dyn Fixture) {
    let (a, b) = (host(fixture, "a").await, host(fixture, "b").await);
    fixture.settle().await;
    let empty = fixture.store().room().await.unwrap().used;
    write_days(fixture, &a, 0..5).await;
    write_days(fixture, &b, 0..5).await;
    let rollups = [Rollup::new(a.id, next_day(3_600)).into()].into();
    write(fixture, Batch { rollups, ..Batch::default() }).await.unwrap();
    let now = next_day(5 * DAY_S);
    // A part is sealed, as it is of any history.
    fixture.store().seal(next_day(2 * DAY_S)).await.unwrap();
    fixture.settle().await;
    let full = fixture.store().room().await.unwrap();
    assert_eq!(full.given_up_to, None);
    assert_eq!(full.polls.map(|unit| unit.from), Some(next_day(0)));

    // Without a budget nothing goes.
    let run = keep_within(fixture.store(), None, now).await.unwrap();
    assert_eq!((run.polls, run.span, run.room.used), (0, None, full.used));
    let run = keep(fixture, full.used, now).await;
    assert_eq!((run.polls, run.is_stuck), (0, false));

    let size = empty + (full.used - empty) / 2;
    let run = keep(fixture, size, now).await;
    let after = fixture.store().room().await.unwrap();
    // A little less, so that there is room until the next run.
    assert!(after.used <= size - size / 1_000 * 5 && !run.is_stuck, "{after:?} of {size}: {run:?}");
    assert!(after.used > empty + (size - empty) / 4, "no more than is needed: {after:?} of {size}");
    let kept = [all_polls(fixture, a.id).await, all_polls(fixture, b.id).await];
    let left: usize = kept.iter().map(Vec::len).sum();
    assert_eq!(run.polls, 10 * u64::try_from(POLLS).unwrap() - u64::try_from(left).unwrap());
    for polls in &kept {
        let newest = next_day(4 * DAY_S + (POLLS - 1) * (DAY_S / POLLS));
        assert_eq!(polls.last().map(|poll| poll.slot), Some(newest), "the newest stays");
    }
    assert_eq!(kept[0][0].slot, kept[1][0].slot, "the oldest of all hosts goes first");
    assert_eq!(fixture.store().status().await.unwrap().polls, u64::try_from(left).unwrap());
    assert_eq!(hours_of(fixture, a.id).await, [next_day(3_600)], "hours in short stay");

    let [loss] = all_losses(fixture).await.try_into().unwrap();
    let last = WallMs(kept[0][0].slot.0 - DAY_S / POLLS * 1_000);
    assert_eq!((loss.reason, loss.from, loss.to), (LossReason::Budget, next_day(0), last));
    assert_eq!((loss.polls, loss.hosts, loss.noted_at), (run.polls, 2, now));
    assert_eq!(after.given_up_to, Some(last));

    // Right after it nothing goes, and what goes on the next day has a row of its own.
    let run = keep(fixture, size, now).await;
    assert_eq!((run.polls, all_losses(fixture).await.len()), (0, 1));
    keep(fixture, after.used - 1, next_day(6 * DAY_S)).await;
    let noted: Vec<_> = all_losses(fixture).await.iter().map(|loss| loss.noted_at).collect();
    assert_eq!(noted, [now, next_day(6 * DAY_S)]);
}

pub(crate) async fn what_is_new_is_not_given_up(fixture: &dyn Fixture) {
    let a = host(fixture, "a").await;
    write_days(fixture, &a, 0..2).await;
    let now = next_day(2 * DAY_S);
    let run = keep(fixture, 1, now).await;
    assert!(run.is_stuck, "{run:?}");
    let kept = slots(&all_polls(fixture, a.id).await);
    let floor = now.minus(POLLS_FLOOR);
    assert!(kept[0] <= floor && kept[0] >= next_day(DAY_S), "{:?} of {floor}", kept[0]);
    assert_eq!(kept.last(), Some(&next_day(DAY_S + (POLLS - 1) * (DAY_S / POLLS))));
    // What came since is counted, sealed and pruned as ever.
    let late = sample::good(a.id, &a.name, next_day(2 * DAY_S));
    write_polls(fixture, vec![late]).await;
    let status = fixture.store().status().await.unwrap();
    assert_eq!(status.polls, u64::try_from(kept.len()).unwrap() + 1);
}

pub(crate) async fn hours_are_given_up_after_polls(fixture: &dyn Fixture) {
    let a = host(fixture, "a").await;
    write_days(fixture, &a, 0..1).await;
    let hours = [-200, -199, -100, -1].map(|day| next_day(day * DAY_S));
    let rollups = hours.map(|hour| Rollup::new(a.id, hour).into()).into();
    write(fixture, Batch { rollups, ..Batch::default() }).await.unwrap();
    keep(fixture, 1, next_day(0)).await;
    // The oldest of them, by the day or by the month; never those of the last week.
    let left = hours_of(fixture, a.id).await;
    assert!(hours.ends_with(&left) && left.len() < 4 && !left.is_empty(), "{left:?}");
    assert_eq!(all_polls(fixture, a.id).await.len(), usize::try_from(POLLS).unwrap());
    let losses = all_losses(fixture).await;
    let [loss] = &*losses else { panic!("{losses:?}") };
    assert_eq!((loss.reason, loss.polls, loss.hosts), (LossReason::BudgetHours, 0, 1));
    assert!(loss.from <= hours[0], "{loss:?}");
}
