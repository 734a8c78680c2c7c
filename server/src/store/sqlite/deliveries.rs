//! The table `delivery`: what became of each message to a channel.

use rusqlite::{Transaction, params};

use super::fault::{fault, row_fault};
use crate::{
    model::Delivery,
    store::{StoreError, row},
};

/// Keeps what became of a message, once.
pub(super) fn keep(transaction: &Transaction<'_>, delivery: &Delivery) -> Result<(), StoreError> {
    const DOING: &str = "keep what became of a message";
    transaction
        .prepare_cached(
            "INSERT INTO delivery
               (message, channel, route, kind, made_ms, first_tried_ms, ended_ms, state, tries, answer,
                told, alarms)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
             ON CONFLICT (message, channel) DO NOTHING",
        )
        .map_err(fault(transaction, DOING))?
        .execute(params![
            &*delivery.message,
            &*delivery.channel,
            &*delivery.route,
            &*delivery.kind,
            delivery.made.0,
            delivery.first_tried.0,
            delivery.ended.0,
            delivery.state.as_str(),
            delivery.tries,
            delivery.answer.as_deref(),
            delivery.told,
            row::told(&delivery.alarms),
        ])
        .map(drop)
        .map_err(|error| row_fault(transaction, DOING, || row::delivery_name(delivery), error))
}
