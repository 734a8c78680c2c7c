//! What every backend owes, as tests: [`suite!`] makes one test of each promise for a backend.
//!
//! Knows the trait and the views' names; SQL stands behind [`Fixture`].

mod alerts;
mod annotations;
mod batches;
mod budget;
mod events;
mod former;
mod hosts;
mod hours;
mod polls;
mod retention;
mod rollups;
pub(crate) mod sealing;
mod statements;
mod summaries;
mod tables;
mod views;

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use serde_json::Value;

use super::{
    AlarmsOf, Batch, BatchResult, HostQuery, HostSummary, KnownHost, MAX_PAGE, ReadOrder,
    Retention, Span, Store, StoreError, sample,
};
use crate::{
    model::{Column, HostId, Record, State},
    units::WallMs,
};

/// One row of a view, by column.
pub(crate) type ViewRow = BTreeMap<String, Value>;

/// A backend with an empty store.
#[async_trait]
pub(crate) trait Fixture: Send + Sync {
    /// The store.
    fn store(&self) -> &dyn Store;
    /// The same store, opened for reading as another process would.
    async fn reader(&self) -> Box<dyn Store>;
    /// Every row of a view, in order of time, then as the view gives them.
    async fn view(&self, view: &str) -> Vec<ViewRow>;
    /// What the backend estimates of its room it estimates anew: by itself it does so within seconds.
    async fn settle(&self) {}
}

/// One test per promise; `$fixture` is an expression that makes a fresh fixture.
macro_rules! suite {
    ($fixture:expr; $($promise:ident)*) => {$(
        #[tokio::test]
        async fn $promise() {
            $crate::store::conformance::$promise(&$fixture).await;
        }
    )*};
    ($fixture:expr) => {
        $crate::store::conformance::suite! { $fixture;
            a_record_comes_back_exactly
            every_outcome_leaves_one_row
            unknown_stays_unknown
            a_batch_sent_again_changes_nothing
            another_attempt_at_a_slot_does_not_mix
            a_bad_row_spoils_its_batch_and_nothing_else
            polls_come_in_order_and_by_page
            any_text_is_kept
            a_large_answer_is_kept
            a_host_keeps_its_number
            a_number_that_was_given_once_is_given_to_no_other_host
            a_rename_keeps_history
            renames_in_a_chain_and_again
            a_retired_host_comes_back_unpinned
            facts_are_kept_in_order_of_time
            hosts_are_listed_with_their_newest_poll
            transitions_are_kept_once_and_move_the_state
            a_transition_is_known_by_the_poll_that_caused_it
            of_a_notice_the_row_that_is_further_is_kept
            what_was_last_told_of_a_host_or_an_alarm_is_known
            an_alarm_is_kept_as_the_last_poll_left_it_and_forgotten_when_it_is_ok
            alarms_are_kept_with_the_poll_that_they_are_of_or_not_at_all
            changes_of_alarms_are_kept_once_and_as_long_as_transitions
            what_became_of_a_message_is_kept_once_and_as_long_as_transitions
            annotations_are_kept_once_and_as_long_as_transitions
            a_pause_is_kept_until_it_is_ended
            a_row_about_no_change_moves_no_state
            losses_are_kept_once_and_found_by_span
            an_entry_of_the_audit_is_kept_once_and_as_long_as_transitions
            an_inventory_is_a_version_once
            what_is_old_is_pruned
            pruning_lets_batches_through
            a_wrong_clock_costs_a_day_at_most
            views_say_what_polls_say
            a_failed_poll_is_in_no_view_of_values
            another_process_reads_whole_batches
            status_counts_what_is_kept
            hours_of_several_hosts_are_taken_together
            an_hour_is_kept_as_it_is_and_gives_way_to_a_fuller_one
            days_are_the_sums_of_their_hours
            values_over_time_are_those_of_the_polls
            values_over_time_come_from_hours_too
            hours_that_were_not_seen_whole_are_made_of_the_polls
            samples_are_polls_without_the_rest
            one_list_of_what_repeats_comes_as_it_was_kept
            sealed_polls_answer_as_before
            sealed_polls_are_in_the_views_as_before
            hosts_are_listed_with_their_sealed_newest_poll
            late_polls_are_kept_once_and_sealed_with_the_others
            old_hours_are_pruned
            a_statement_that_reads_is_answered_and_no_other
            the_oldest_polls_are_given_up_for_room_and_told_of
            what_is_new_is_not_given_up
            hours_are_given_up_after_polls
            a_summary_says_what_the_polls_of_its_day_say
            days_without_a_summary_are_read_from_polls
            late_polls_are_in_the_summary_after_the_next_run
            summaries_are_kept_as_long_as_their_own_retention_says
        }
    };
}
pub(crate) use suite;

pub(crate) use alerts::*;
pub(crate) use annotations::*;
pub(crate) use batches::*;
pub(crate) use budget::*;
pub(crate) use events::*;
pub(crate) use former::*;
pub(crate) use hosts::*;
pub(crate) use hours::*;
pub(crate) use polls::*;
pub(crate) use retention::*;
pub(crate) use rollups::*;
pub(crate) use sealing::{
    hosts_are_listed_with_their_sealed_newest_poll,
    late_polls_are_kept_once_and_sealed_with_the_others, sealed_polls_are_in_the_views_as_before,
};
pub(crate) use statements::*;
pub(crate) use summaries::*;
pub(crate) use tables::*;
pub(crate) use views::*;

pub(crate) async fn host(fixture: &dyn Fixture, name: &str) -> KnownHost {
    let registered = fixture.store().register(vec![sample::registration(name)], sample::START);
    registered.await.unwrap().remove(0)
}

async fn write(fixture: &dyn Fixture, batch: Batch) -> Result<BatchResult, StoreError> {
    fixture.store().write(Arc::new(batch)).await
}

pub(crate) async fn write_polls(fixture: &dyn Fixture, polls: Vec<Record>) -> BatchResult {
    write(fixture, Batch::of_polls(polls)).await.unwrap()
}

pub(crate) async fn all_polls(fixture: &dyn Fixture, host: HostId) -> Vec<Record> {
    fixture.store().polls(host, Span::ALL, ReadOrder::OldestFirst, MAX_PAGE).await.unwrap()
}

async fn all_hosts(fixture: &dyn Fixture) -> Vec<HostSummary> {
    fixture.store().hosts(HostQuery::all()).await.unwrap()
}

fn slot(seconds: i64) -> WallMs {
    WallMs(sample::START.0 + seconds * 1_000)
}

/// A moment so many seconds after the end of the first day: backends that keep whole days and those
/// that do not agree on what is before it.
fn next_day(seconds: i64) -> WallMs {
    const DAY_MS: i64 = 86_400_000;
    WallMs((sample::START.0 / DAY_MS + 1) * DAY_MS + seconds * 1_000)
}

fn slots(polls: &[Record]) -> Vec<WallMs> {
    polls.iter().map(|record| record.slot).collect()
}
